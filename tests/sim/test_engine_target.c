/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Targets that are looked at before CALL, and far branches of real-address mode, do anything. */
#include "tests/support/suite.h"

#include "engine_guest.h"

enum { BELOW = 0xfff0, FILL = 0x5a, BELOW_BYTES = 16 };

static struct guest *start(void (*mode)(struct vmx_state *s), const uint8_t *code, const uint8_t *end)
{
    struct guest *g = guest_new();
    mode(&g->state);
    g->state.rip = 0x8000;
    guest_code(g, 0x8000, code, (size_t)(end - code));
    g->state.gpr[VMX_RSP] = BELOW + BELOW_BYTES;
    memset(g->ram + BELOW, FILL, BELOW_BYTES);
    return g;
}
#define START(mode, name) start(mode, name, name##_end)

static void real(struct vmx_state *s)
{
    guest_mode_real(s);
    s->seg[VMX_SS].limit = 0xffffffff;
    s->seg[VMX_SS].access_rights = 0x4093;
}

static void virtual_8086(struct vmx_state *s)
{
    guest_mode_protected(s, false);
    s->rflags = 0x23002;
    for (unsigned i = VMX_ES; i <= VMX_GS; i++)
        s->seg[i] = guest_segment(0, 0, 0xffff, 0xf3);
}

static void small(struct vmx_state *s)
{
    guest_mode_protected(s, true);
    s->seg[VMX_CS].limit = 0x9000;
}

static void long_mode(struct vmx_state *s)
{
    guest_mode_long(s, 0);
    s->gpr[VMX_RAX] = UINT64_C(1) << 50;
}

/* Behind `before` instructions it faults, with all as it was. */
static void expect_untouched(struct guest *g, uint64_t rip, unsigned before)
{
    struct vmx_state first = g->state;
    CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_EXCEPTION);
    CU_ASSERT_EQUAL(g->result.event.vector, VMX_GP);
    CU_ASSERT_EQUAL(g->result.event.error_code, 0);
    CU_ASSERT_EQUAL(g->state.rip, rip);
    CU_ASSERT_EQUAL(g->state.gpr[VMX_RSP], first.gpr[VMX_RSP]);
    CU_ASSERT_EQUAL(memcmp(&g->state.seg[VMX_CS], &first.seg[VMX_CS], sizeof first.seg[VMX_CS]), 0);
    CU_ASSERT_EQUAL(sim_engine_retired(g->engine), before);
    for (unsigned i = 0; i < BELOW_BYTES; i++)
        CU_ASSERT_EQUAL(g->ram[BELOW + i], FILL);
    guest_free(g);
}

static void a_near_call_beyond_pushes_nothing(void)
{
    BLOB(relative, ".code16\n calll .+0x10000\n .code64");
    BLOB(by_register, ".code16\n mov $0x10000, %eax\n calll *%eax\n .code64");
    BLOB(odd, ".code32\n call .+0x1001\n .code64");
    BLOB(odd_16, ".code32\n .byte 0x66, 0xe8\n .word 0x1000\n .code64");
    BLOB(long_call, "call *%rax");
    BLOB(long_memory, "mov %rax, 0x9000\n call *0x9000");
    expect_untouched(START(real, relative), 0x8000, 0);
    expect_untouched(START(virtual_8086, relative), 0x8000, 0);
    expect_untouched(START(real, by_register), 0x8006, 1);
    expect_untouched(START(small, odd), 0x8000, 0);
    expect_untouched(START(small, odd_16), 0x8000, 0);
    expect_untouched(START(long_mode, long_call), 0x8000, 0);
    expect_untouched(START(long_mode, long_memory), 0x8008, 1);
}

static void a_far_branch_of_real_mode_beyond_loads_nothing(void)
{
    BLOB(jump, ".code16\n ljmpl $0x1234, $0x10000\n .code64");
    BLOB(jump_memory, ".code16\n movl $0x10000, 0x9000\n movw $0x1234, 0x9004\n ljmpl *0x9000\n .code64");
    BLOB(far_call, ".code16\n lcalll $0x1234, $0x10000\n .code64");
    BLOB(far_return, ".code16\n mov $0x9000, %esp\n movl $0x10000, 0x9000\n movw $0x1234, 0x9004\n lretl $4\n .code64");
    expect_untouched(START(real, jump), 0x8000, 0);
    expect_untouched(START(virtual_8086, jump), 0x8000, 0);
    expect_untouched(START(real, jump_memory), 0x800f, 2);
    expect_untouched(START(real, far_call), 0x8000, 0);
    expect_untouched(START(virtual_8086, far_call), 0x8000, 0);
    struct guest *g = START(real, far_return);
    CU_ASSERT_EQUAL(guest_run(g, 1), SIM_STOP_DEADLINE);
    expect_untouched(g, 0x8015, 3);
    g = START(virtual_8086, far_return);
    CU_ASSERT_EQUAL(guest_run(g, 1), SIM_STOP_DEADLINE);
    expect_untouched(g, 0x8015, 3);
}

static void the_last_byte_of_the_segment_is_a_target(void)
{
    BLOB(at_the_end, ".code32\n call .+0x1000\n .code64");
    BLOB(far_end, ".code16\n ljmpl $0x10, $0xffff\n .code64");
    struct guest *g = START(small, at_the_end);
    CU_ASSERT_EQUAL(guest_run(g, 1), SIM_STOP_DEADLINE);
    CU_ASSERT_EQUAL(g->state.rip, 0x9000);
    CU_ASSERT_EQUAL(g->ram[BELOW + BELOW_BYTES - 4], 5);
    guest_free(g);
    g = START(real, far_end);
    CU_ASSERT_EQUAL(guest_run(g, 1), SIM_STOP_DEADLINE);
    CU_ASSERT_EQUAL(g->state.rip, 0xffff);
    CU_ASSERT_EQUAL(g->state.seg[VMX_CS].base, 0x100);
    guest_free(g);
}

SUITE("sim/engine_target", {"a_near_call_beyond_pushes_nothing", a_near_call_beyond_pushes_nothing},
      {"a_far_branch_of_real_mode_beyond_loads_nothing", a_far_branch_of_real_mode_beyond_loads_nothing},
      {"the_last_byte_of_the_segment_is_a_target", the_last_byte_of_the_segment_is_a_target})
