/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Segments and alignment of data accesses. SDM 3A, "Protection"; "Interrupt 17-Alignment Check Exception (#AC)". */
#include "tests/support/suite.h"

#include "engine_guest.h"

enum { AC = 1 << 18, AM = 1 << 18, BIG = 0x4000 };

/* Runs to HLT, or to an exception: its vector, which comes with error code 0 and RIP at `at`. */
static void expect(struct guest *g, int vector, uint64_t at)
{
    const enum sim_stop stop = guest_run(g, 1000);
    if (vector < 0) {
        CU_ASSERT_EQUAL(stop, SIM_STOP_INSTRUCTION);
        return;
    }
    CU_ASSERT_EQUAL(stop, SIM_STOP_EXCEPTION);
    CU_ASSERT_EQUAL(g->result.event.vector, vector);
    CU_ASSERT_EQUAL(g->result.event.has_error_code, true);
    CU_ASSERT_EQUAL(g->result.event.error_code, 0);
    CU_ASSERT_EQUAL(g->state.rip, at);
}

static struct guest *protected_guest(const uint8_t *code, const uint8_t *end)
{
    struct guest *g = guest_new();
    guest_mode_protected(&g->state, true);
    guest_code(g, GUEST_CODE, code, (size_t)(end - code));
    return g;
}
#define PROTECTED(name) protected_guest(name, name##_end)

static void real_mode_ends_at_64_kib(void)
{
    BLOB(low, ".code16\n movw $0xfffe, %bx\n movw $1, (%bx)\n hlt\n .code64");
    BLOB(high, ".code16\n movw $0xffff, %bx\n nop\n movw $1, (%bx)\n hlt\n .code64");
    BLOB(far, ".code16\n movl $0x12345, %ebx\n movb $1, (%ebx)\n hlt\n .code64");
    BLOB(stack, ".code16\n movw $1, %sp\n push %ax\n hlt\n .code64");
    static const struct {
        const uint8_t *code, *end;
        int vector;
        uint64_t at;
        uint32_t limit;
    } cases[] = {{low, low_end, -1, 0, 0xffff},
                 {high, high_end, VMX_GP, 0x104, 0xffff},
                 {far, far_end, VMX_GP, 0x106, 0xffff},
                 {far, far_end, -1, 0, 0xffffffff}, /* big real mode */
                 {stack, stack_end, VMX_SS_FAULT, 0x103, 0xffff}};
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct guest *g = guest_new();
        guest_mode_real(&g->state);
        g->state.rip = 0x100;
        g->state.seg[VMX_DS].limit = cases[i].limit;
        guest_code(g, 0x100, cases[i].code, (size_t)(cases[i].end - cases[i].code));
        expect(g, cases[i].vector, cases[i].at);
        guest_free(g);
    }
}

static void limits_rights_and_null_selectors_are_checked(void)
{
    BLOB(reads, ".code32\n nop\n mov 0x100ffd, %eax\n hlt\n .code64");
    BLOB(writes, ".code32\n nop\n mov %eax, 0x100ffd\n hlt\n .code64");
    static const struct {
        uint64_t base;
        uint32_t limit, rights;
        int on_read, on_write;
    } cases[] = {
        {0, 0xffffffff, 0xc093, -1, -1},         {0, 0x101000, 0x4093, -1, -1},
        {0, 0x100fff, 0x4093, VMX_GP, VMX_GP},   {0x1000, 0xfffff, 0xc093, VMX_GP, VMX_GP},
        {0, 0xffffffff, 0xc091, -1, VMX_GP},                                         /* read-only */
        {0, 0xffffffff, 0xc09b, -1, VMX_GP},                                         /* code, readable */
        {0, 0xffffffff, 0xc099, VMX_GP, VMX_GP},                                     /* code, execute-only */
        {0, 0x100ffc, 0xc097, -1, -1},                                               /* grows down */
        {0, 0x100ffd, 0xc097, VMX_GP, VMX_GP},   {0, 0xfff, 0x0097, VMX_GP, VMX_GP}, /* grows down from 64 KiB */
        {0, 0, 0x10000, VMX_GP, VMX_GP},                                             /* null */
    };
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++)
        for (unsigned write = 0; write < 2; write++) {
            struct guest *g = write != 0 ? PROTECTED(writes) : PROTECTED(reads);
            g->state.seg[VMX_DS] = guest_segment(0x10, cases[i].base, cases[i].limit, cases[i].rights);
            expect(g, write != 0 ? cases[i].on_write : cases[i].on_read, GUEST_CODE + 1);
            guest_free(g);
        }
}

static void other_segments_of_flat_code_are_checked(void)
{
    BLOB(fs, ".code32\n mov %fs:0x10, %eax\n hlt\n .code64");
    BLOB(es, ".code32\n mov $0x100000, %edi\n stosl\n hlt\n .code64");
    BLOB(cs, ".code32\n mov %eax, %cs:0x100000\n hlt\n .code64");
    struct guest *g = PROTECTED(fs);
    g->state.seg[VMX_FS].limit = 0x13;
    expect(g, -1, 0);
    g->state.rip = GUEST_CODE;
    g->state.seg[VMX_FS].limit = 0x12;
    expect(g, VMX_GP, GUEST_CODE);
    guest_free(g);
    g = PROTECTED(es);
    g->state.seg[VMX_ES].limit = 0x100002;
    expect(g, VMX_GP, GUEST_CODE + 5);
    guest_free(g);
    g = PROTECTED(cs);
    expect(g, VMX_GP, GUEST_CODE);
    guest_free(g);
}

static void stacks_fault_as_stacks(void)
{
    BLOB(pushes, ".code32\n push %eax\n push %eax\n hlt\n .code64");
    BLOB(through_bp, ".code32\n mov $0x60000, %ebp\n mov (%ebp), %eax\n hlt\n .code64");
    struct guest *g = PROTECTED(pushes);
    g->state.seg[VMX_SS] = guest_segment(0x10, 0, 0x7fff7, 0x4097); /* grows down: its lowest byte is that above */
    expect(g, -1, 0);
    g->state.rip = GUEST_CODE;
    g->state.gpr[VMX_RSP] = 0x7fffc;
    expect(g, VMX_SS_FAULT, GUEST_CODE + 1);
    guest_free(g);
    g = PROTECTED(through_bp);
    g->state.seg[VMX_SS].limit = 0x60002;
    expect(g, VMX_SS_FAULT, GUEST_CODE + 5);
    guest_free(g);
}

/* The guest itself loads segments; code that was translated for flat ones runs with others, and the other way round. */
static void a_load_decides_what_is_checked(void)
{
    BLOB(loads, ".code32\n"
                "   mov $2, %ecx\n"
                "0: mov %ebx, 0x100000\n" /* flat, then not */
                "   mov $0x48, %eax\n"
                "   mov %eax, %ds\n"
                "   loop 0b\n"
                "   hlt\n .code64");
    static const uint64_t small = 0x000093000000ffff;
    struct guest *g = PROTECTED(loads);
    memcpy(g->ram + GUEST_GDT + 0x48, &small, sizeof small);
    g->state.gdtr.limit = 0x4f;
    expect(g, VMX_GP, GUEST_CODE + 5);
    CU_ASSERT_EQUAL(g->state.gpr[VMX_RCX], 1);
    g->state.seg[VMX_DS] = g->state.seg[VMX_ES];
    g->state.gpr[VMX_RCX] = 1;
    expect(g, -1, 0);
    guest_free(g);
}

static void long_mode_checks_no_segment(void)
{
    BLOB(wide, "mov 0x100000, %eax\n mov %eax, %fs:0x100000\n hlt");
    struct guest *g = guest_new();
    PUT(g, GUEST_CODE, wide);
    for (unsigned i = VMX_ES; i <= VMX_GS; i++)
        if (i != VMX_CS)
            g->state.seg[i] = guest_segment(0, 0, 0, 0x10000);
    expect(g, -1, 0);
    guest_free(g);
}

static void long_operands_are_checked_whole(void)
{
    BLOB(load_80, ".code32\n fninit\n fldt 0x100000\n hlt\n .code64");
    BLOB(save, ".code32\n fxsave 0x100000\n hlt\n .code64");
    struct guest *g = PROTECTED(load_80);
    g->state.seg[VMX_DS].limit = 0x100009;
    expect(g, -1, 0);
    g->state.rip = GUEST_CODE + 2;
    g->state.seg[VMX_DS].limit = 0x100008;
    expect(g, VMX_GP, GUEST_CODE + 2);
    guest_free(g);
    g = PROTECTED(save);
    g->state.seg[VMX_DS].limit = 0x1001fe;
    expect(g, VMX_GP, GUEST_CODE);
    guest_free(g);
}

static void vectors_are_aligned(void)
{
    BLOB(vectors, "movaps (%rbx), %xmm0\n hlt\n movaps %xmm0, (%rbx)\n hlt\n addps (%rbx), %xmm1\n hlt\n paddd (%rbx), %xmm1\n hlt\n"
                  "pshufb (%rbx), %xmm1\n hlt");
    BLOB(free_ones, "movups (%rbx), %xmm0\n movdqu %xmm0, (%rbx)\n lddqu (%rbx), %xmm0\n addss (%rbx), %xmm0\n paddd (%rbx), %mm0\n"
                    "pcmpistri $0, (%rbx), %xmm0\n movlps (%rbx), %xmm0\n hlt");
    for (unsigned misaligned = 0; misaligned < 2; misaligned++) {
        struct guest *g = guest_new();
        PUT(g, GUEST_CODE, vectors);
        g->state.gpr[VMX_RBX] = GUEST_DATA + misaligned * 8;
        static const uint8_t at[] = {0, 4, 8, 12, 17};
        for (unsigned i = 0; i < sizeof at; i++) {
            g->state.rip = GUEST_CODE + at[i];
            expect(g, misaligned != 0 ? VMX_GP : -1, GUEST_CODE + at[i]);
        }
        guest_free(g);
    }
    struct guest *g = guest_new();
    PUT(g, GUEST_CODE, free_ones);
    g->state.gpr[VMX_RBX] = GUEST_DATA + 1;
    expect(g, -1, 0);
    guest_free(g);
}

static void users_may_ask_for_alignment_checks(void)
{
    BLOB(load_4, "mov (%rbx), %eax\n hlt");
    for (unsigned bits = 0; bits < 8; bits++) {
        const bool user = (bits & 1) != 0, flag = (bits & 2) != 0, mask = (bits & 4) != 0;
        struct guest *g = guest_new();
        guest_mode_long(&g->state, user ? 3 : 0);
        PUT(g, GUEST_CODE, load_4);
        g->state.gpr[VMX_RBX] = GUEST_DATA + 2;
        g->state.rflags |= flag ? AC : 0;
        g->state.cr0 |= mask ? AM : 0;
        CU_ASSERT_EQUAL(guest_run(g, 1), bits == 7 ? SIM_STOP_EXCEPTION : SIM_STOP_DEADLINE);
        if (bits == 7) {
            CU_ASSERT_EQUAL(g->result.event.vector, VMX_AC);
            CU_ASSERT_TRUE(g->result.event.has_error_code);
            CU_ASSERT_EQUAL(g->state.rip, GUEST_CODE);
            g->state.gpr[VMX_RBX] = GUEST_DATA + 4;
            CU_ASSERT_EQUAL(guest_run(g, 1), SIM_STOP_DEADLINE);
        }
        guest_free(g);
    }
}

SUITE("sim/engine_access", {"real_mode_ends_at_64_kib", real_mode_ends_at_64_kib},
      {"limits_rights_and_null_selectors_are_checked", limits_rights_and_null_selectors_are_checked},
      {"other_segments_of_flat_code_are_checked", other_segments_of_flat_code_are_checked}, {"stacks_fault_as_stacks", stacks_fault_as_stacks},
      {"a_load_decides_what_is_checked", a_load_decides_what_is_checked}, {"long_mode_checks_no_segment", long_mode_checks_no_segment},
      {"long_operands_are_checked_whole", long_operands_are_checked_whole}, {"vectors_are_aligned", vectors_are_aligned},
      {"users_may_ask_for_alignment_checks", users_may_ask_for_alignment_checks})
