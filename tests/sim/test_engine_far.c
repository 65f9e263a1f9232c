/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is looked at before far transfers: the stack that they move, with whose rights, and where they lead. */
#include "tests/support/suite.h"

#include "engine_guest.h"

enum { CODE_BASE = 0x10000, STACK_BASE = 0x20000, SELECTOR = 0x43, TOP = 0xfffe };

/* 16-bit code and stack of ring 3, of 64 KBytes each; a descriptor stands in the table for the code. */
static struct guest *start(const uint8_t *code, const uint8_t *end, uint32_t sp)
{
    static const uint64_t descriptor = 0x0000fb010000ffff;
    struct guest *g = guest_new();
    guest_mode_protected(&g->state, false);
    for (unsigned i = VMX_ES; i <= VMX_GS; i++)
        g->state.seg[i].access_rights |= 3 << 5;
    g->state.seg[VMX_CS].selector = SELECTOR;
    g->state.seg[VMX_SS].selector = 0x2b;
    g->state.seg[VMX_CS].base = CODE_BASE;
    g->state.seg[VMX_SS].base = STACK_BASE;
    g->state.rflags = 0x3002;
    g->state.rip = 0;
    g->state.gpr[VMX_RSP] = sp;
    memcpy(g->ram + GUEST_GDT + (SELECTOR & 0xf8), &descriptor, sizeof descriptor);
    guest_code(g, CODE_BASE, code, (size_t)(end - code));
    return g;
}
#define START(name, sp) start(name, name##_end, sp)

static void expect_stack_fault(struct guest *g)
{
    const uint64_t rsp = g->state.gpr[VMX_RSP];
    CU_ASSERT_EQUAL(guest_run(g, 1), SIM_STOP_EXCEPTION);
    CU_ASSERT_EQUAL(g->result.event.vector, VMX_SS_FAULT);
    CU_ASSERT_EQUAL(g->result.event.error_code, 0);
    CU_ASSERT_EQUAL(g->state.rip, 0);
    CU_ASSERT_EQUAL(g->state.gpr[VMX_RSP], rsp);
    guest_free(g);
}

BLOB(far_call, ".code16\n lcallw $0x43, $0x20\n .code64");
BLOB(far_return, ".code16\n lretw\n .code64");
BLOB(interrupt_return, ".code16\n iretw\n .code64");

/* The part that wraps is the last one that is translated. */
static void a_frame_that_wraps_is_reached_with_the_rights_of_ring_3(void)
{
    struct guest *g = START(far_call, 2);
    CU_ASSERT_EQUAL(guest_run(g, 1), SIM_STOP_DEADLINE);
    CU_ASSERT_EQUAL(g->state.rip, 0x20);
    CU_ASSERT_EQUAL(g->state.gpr[VMX_RSP], TOP);
    CU_ASSERT_TRUE(g->user);
    CU_ASSERT_EQUAL(g->ram[STACK_BASE], SELECTOR);
    CU_ASSERT_EQUAL(g->ram[STACK_BASE + TOP], 5);
    guest_free(g);
    g = START(interrupt_return, TOP);
    const uint16_t rip = 0x30, rest[2] = {SELECTOR, 0x3002};
    memcpy(g->ram + STACK_BASE + TOP, &rip, sizeof rip);
    memcpy(g->ram + STACK_BASE, rest, sizeof rest);
    CU_ASSERT_EQUAL(guest_run(g, 1), SIM_STOP_DEADLINE);
    CU_ASSERT_EQUAL(g->state.rip, 0x30);
    CU_ASSERT_EQUAL(g->state.gpr[VMX_RSP], 4);
    guest_free(g);
}

/* What ring 3 must not reach it does not reach by wrapping. */
static void a_frame_at_the_end_of_the_address_space_wraps(void)
{
    BLOB(call_32, ".code32\n lcall $0x23, $0x10000\n .code64");
    struct guest *g = guest_new();
    guest_mode_protected(&g->state, true);
    for (unsigned i = VMX_ES; i <= VMX_GS; i++)
        g->state.seg[i].access_rights |= 3 << 5;
    g->state.seg[VMX_CS].selector = 0x23;
    g->state.seg[VMX_SS].selector = 0x2b;
    g->state.gpr[VMX_RSP] = 4;
    PUT(g, GUEST_CODE, call_32);
    CU_ASSERT_EQUAL(guest_run(g, 1), SIM_STOP_DEADLINE);
    CU_ASSERT_EQUAL(g->state.gpr[VMX_RSP], 0xfffffffc);
    CU_ASSERT_TRUE(g->user);
    guest_free(g);
}

static void what_is_moved_is_within_the_limit_of_the_stack(void)
{
    const struct {
        const uint8_t *code, *end;
        uint32_t sp, limit;
    } cases[] = {{far_call, far_call_end, 0x100, 0xfe},           {far_call, far_call_end, 2, 0xfffe},
                 {far_return, far_return_end, 0x100, 0x102},      {far_return, far_return_end, 0xffff, 0xffff},
                 {far_return, far_return_end, TOP, 0xfffe},       {interrupt_return, interrupt_return_end, 0x100, 0x104},
                 {interrupt_return, interrupt_return_end, 1, 0x5}};
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct guest *g = start(cases[i].code, cases[i].end, cases[i].sp);
        g->state.seg[VMX_SS].limit = cases[i].limit;
        expect_stack_fault(g);
    }
}

static void a_misaligned_frame_of_ring_3_is_an_alignment_fault(void)
{
    struct guest *g = START(far_return, 0x101);
    g->state.cr0 |= 1 << 18;
    g->state.rflags |= 1 << 18;
    CU_ASSERT_EQUAL(guest_run(g, 1), SIM_STOP_EXCEPTION);
    CU_ASSERT_EQUAL(g->result.event.vector, VMX_AC);
    guest_free(g);
}

static void a_far_call_beyond_the_limit_pushes_nothing(void)
{
    static const uint64_t descriptor = 0x0000fb010000001f; /* it ends before the target */
    struct guest *g = START(far_call, 0x100);
    memcpy(g->ram + GUEST_GDT + (SELECTOR & 0xf8), &descriptor, sizeof descriptor);
    CU_ASSERT_EQUAL(guest_run(g, 1), SIM_STOP_EXCEPTION);
    CU_ASSERT_EQUAL(g->result.event.vector, VMX_GP);
    CU_ASSERT_EQUAL(g->result.event.error_code, 0);
    CU_ASSERT_EQUAL(g->ram[STACK_BASE + 0xfe], 0);
    CU_ASSERT_EQUAL(g->ram[STACK_BASE + 0xfc], 0);
    guest_free(g);
}

/* Items of 2 and 4 bytes in 64-bit mode; SS tells neither where they are nor whose they are. */
static void narrow_frames_of_64_bit_code_are_those_of_its_ring(void)
{
    enum { CODE_3 = 0x33, DATA_3 = 0x2b, NEXT = 0x1100, RESERVED_1 = 2, STACK = GUEST_STACK - 0x800, PAGE_OF_STACK = STACK >> 12 };
    BLOB(return_32, "lretl $8");
    BLOB(return_16, "lretw $8");
    BLOB(iret_32, "iretl");
    BLOB(iret_16, "iretw");
    const struct {
        const uint8_t *code, *end;
        unsigned size;
        uint64_t rsp;
    } rows[] = {{return_32, return_32_end, 4, STACK + 16},
                {return_16, return_16_end, 2, STACK + 12},
                {iret_32, iret_32_end, 4, 0x3000},
                {iret_16, iret_16_end, 2, 0x3000}};
    static const uint32_t items[] = {NEXT, CODE_3, RESERVED_1, 0x3000, DATA_3};
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct guest *g = guest_new();
        guest_mode_long(&g->state, 3);
        g->state.seg[VMX_CS].selector = CODE_3;
        g->state.seg[VMX_SS] = guest_segment(DATA_3, 0x5000, 0xfff, 0x00f3); /* 16 bits, elsewhere */
        g->state.gpr[VMX_RSP] = STACK;
        for (unsigned k = 0; k < sizeof items / sizeof *items; k++)
            memcpy(g->ram + STACK + k * rows[i].size, &items[k], rows[i].size);
        guest_code(g, GUEST_CODE, rows[i].code, (size_t)(rows[i].end - rows[i].code));
        CU_ASSERT_EQUAL(guest_run(g, 1), SIM_STOP_DEADLINE);
        CU_ASSERT_EQUAL(g->state.rip, NEXT);
        CU_ASSERT_EQUAL(g->state.gpr[VMX_RSP], rows[i].rsp);
        CU_ASSERT_EQUAL(g->reached[PAGE_OF_STACK], 2);
        guest_free(g);
    }
}

static void a_narrow_call_pushes_where_rsp_is(void)
{
    enum { CODE_3 = 0x33, TARGET = 0x1100, STACK = GUEST_STACK - 0x800 };
    BLOB(narrow_call, "lcalll *(%rax)");
    struct guest *g = guest_new();
    guest_mode_long(&g->state, 3);
    g->state.seg[VMX_CS].selector = CODE_3;
    g->state.seg[VMX_SS] = guest_segment(0x2b, 0x5000, 0xfff, 0x00f3);
    g->state.gpr[VMX_RSP] = STACK;
    g->state.gpr[VMX_RAX] = GUEST_DATA;
    const uint32_t pointer[2] = {TARGET, CODE_3}, pushed[2] = {GUEST_CODE + 2, CODE_3};
    memcpy(g->ram + GUEST_DATA, pointer, sizeof pointer);
    PUT(g, GUEST_CODE, narrow_call);
    CU_ASSERT_EQUAL(guest_run(g, 1), SIM_STOP_DEADLINE);
    CU_ASSERT_EQUAL(g->state.rip, TARGET);
    CU_ASSERT_EQUAL(g->state.gpr[VMX_RSP], STACK - 8);
    CU_ASSERT_EQUAL(memcmp(g->ram + STACK - 8, pushed, sizeof pushed), 0);
    CU_ASSERT_EQUAL(g->reached[STACK >> 12], 2);
    guest_free(g);
}

SUITE("sim/engine_far", {"a_frame_that_wraps_is_reached_with_the_rights_of_ring_3", a_frame_that_wraps_is_reached_with_the_rights_of_ring_3},
      {"a_frame_at_the_end_of_the_address_space_wraps", a_frame_at_the_end_of_the_address_space_wraps},
      {"what_is_moved_is_within_the_limit_of_the_stack", what_is_moved_is_within_the_limit_of_the_stack},
      {"a_misaligned_frame_of_ring_3_is_an_alignment_fault", a_misaligned_frame_of_ring_3_is_an_alignment_fault},
      {"a_far_call_beyond_the_limit_pushes_nothing", a_far_call_beyond_the_limit_pushes_nothing},
      {"narrow_frames_of_64_bit_code_are_those_of_its_ring", narrow_frames_of_64_bit_code_are_those_of_its_ring},
      {"a_narrow_call_pushes_where_rsp_is", a_narrow_call_pushes_where_rsp_is})
