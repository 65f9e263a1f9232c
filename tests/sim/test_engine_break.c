/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Breakpoints, single steps by branches. SDM 3B, "Debug Exceptions". */
#include "tests/support/suite.h"

#include "engine_guest.h"

enum { RF = 1 << 16, TF = 1 << 8, ENABLED = 1 << 12, BS = 1 << 14, BTF = 1 << 1 };
enum { EXECUTE = 0, WRITE = 1, READ_WRITE = 3, BYTES_1 = 0, BYTES_2 = 1, BYTES_8 = 2, BYTES_4 = 3 };

static uint64_t dr7(unsigned number, unsigned type, unsigned length)
{
    return 0x400 | 1u << (2 * number) | (uint64_t)(type | length << 2) << (16 + 4 * number);
}

static struct guest *start(const uint8_t *code, const uint8_t *end)
{
    struct guest *g = guest_new();
    guest_code(g, GUEST_CODE, code, (size_t)(end - code));
    return g;
}
#define START(name) start(name, name##_end)

static void expect_debug(struct guest *g, uint64_t deadline, uint64_t payload, uint64_t rip)
{
    CU_ASSERT_EQUAL(guest_run(g, deadline), SIM_STOP_EXCEPTION);
    CU_ASSERT_EQUAL(g->result.event.vector, VMX_DB);
    CU_ASSERT_EQUAL(g->result.event.payload, payload);
    CU_ASSERT_EQUAL(g->state.rip, rip);
}

BLOB(nops, "nop\n nop\n nop\n nop\n hlt");
BLOB(stores, "nop\n mov %eax, 0x100010\n mov 0x100010, %ecx\n nop\n hlt");

static void instructions_break_before_they_run(void)
{
    static const uint64_t deadlines[] = {100, 2, 1};
    for (unsigned i = 0; i < 3; i++) {
        struct guest *g = START(nops);
        g->state.dr[2] = GUEST_CODE + 2;
        g->state.dr[7] = dr7(2, EXECUTE, BYTES_1);
        if (i == 2)
            CU_ASSERT_EQUAL(guest_run(g, 1), SIM_STOP_DEADLINE);
        if (i != 0)
            CU_ASSERT_EQUAL(guest_run(g, i == 1 ? 2 : 1), SIM_STOP_DEADLINE);
        expect_debug(g, deadlines[i], 1 << 2, GUEST_CODE + 2);
        CU_ASSERT_EQUAL(sim_engine_retired(g->engine), 2);
        expect_debug(g, deadlines[i], 1 << 2, GUEST_CODE + 2);
        g->state.rflags |= RF; /* as the handler returns */
        CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_INSTRUCTION);
        CU_ASSERT_EQUAL(g->state.rflags & RF, 0);
        guest_free(g);
    }
}

static void a_shadow_of_mov_ss_hides_the_next_instruction(void)
{
    BLOB(shadowed, "mov %ss, %eax\n mov %eax, %ss\n nop\n hlt");
    struct guest *g = START(shadowed);
    g->state.dr[0] = GUEST_CODE + 4;
    g->state.dr[7] = dr7(0, EXECUTE, BYTES_1);
    CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_INSTRUCTION);
    guest_free(g);
}

static void data_breakpoints_are_traps(void)
{
    static const struct {
        uint64_t at;
        unsigned type, length;
        uint64_t rip; /* 0: no hit */
    } cases[] = {{0x100010, WRITE, BYTES_4, 8},      {0x100013, WRITE, BYTES_1, 8},     {0x100012, WRITE, BYTES_2, 8},
                 {0x100010, READ_WRITE, BYTES_8, 8}, {0x100014, WRITE, BYTES_4, 0},     {0x10000f, WRITE, BYTES_1, 0},
                 {0x100014, READ_WRITE, BYTES_8, 8}, {0x101010, READ_WRITE, BYTES_8, 0}};
    static const uint64_t deadlines[] = {100, 2, 1};
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++)
        for (unsigned d = 0; d < 3; d++) {
            struct guest *g = START(stores);
            g->state.dr[3] = cases[i].at;
            g->state.dr[7] = dr7(3, cases[i].type, cases[i].length);
            enum sim_stop stop;
            do
                stop = guest_run(g, deadlines[d]);
            while (stop == SIM_STOP_DEADLINE);
            CU_ASSERT_EQUAL(stop, cases[i].rip != 0 ? SIM_STOP_EXCEPTION : SIM_STOP_INSTRUCTION);
            if (cases[i].rip != 0) {
                CU_ASSERT_EQUAL(g->result.event.payload, 1 << 3 | ENABLED);
                CU_ASSERT_EQUAL(g->state.rip, GUEST_CODE + cases[i].rip);
                CU_ASSERT_EQUAL(sim_engine_retired(g->engine), 2);
                if (cases[i].type == READ_WRITE)
                    expect_debug(g, 100, 1 << 3 | ENABLED, GUEST_CODE + 15);
            }
            CU_ASSERT_EQUAL(cases[i].rip != 0 ? SIM_STOP_INSTRUCTION : stop, SIM_STOP_INSTRUCTION);
            guest_free(g);
        }
}

static void a_breakpoint_interrupts_rep(void)
{
    BLOB(fill, "mov $0x100000, %edi\n mov $10, %ecx\n rep stosb\n hlt");
    struct guest *g = START(fill);
    g->state.dr[0] = 0x100003;
    g->state.dr[7] = dr7(0, WRITE, BYTES_1);
    expect_debug(g, 100, 1 | ENABLED, GUEST_CODE + 10);
    CU_ASSERT_EQUAL(g->state.gpr[VMX_RCX], 6);
    CU_ASSERT_EQUAL(sim_engine_retired(g->engine), 2);
    CU_ASSERT_EQUAL(sim_engine_ticks(g->engine), 6);
    CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_INSTRUCTION);
    CU_ASSERT_EQUAL(sim_engine_retired(g->engine), 3);
    guest_free(g);
}

static void a_single_step_tells_of_both(void)
{
    struct guest *g = START(stores);
    g->state.rip++;
    g->state.rflags |= TF;
    g->state.dr[0] = 0x100010;
    g->state.dr[7] = dr7(0, WRITE, BYTES_1);
    expect_debug(g, 100, 1 | ENABLED | BS, GUEST_CODE + 8);
    guest_free(g);
}

static void disabled_and_removed_breakpoints_are_silent(void)
{
    struct guest *g = START(stores);
    g->state.dr[0] = 0x100010;
    g->state.dr[1] = GUEST_CODE + 1;
    g->state.dr[7] = dr7(0, WRITE, BYTES_1) & ~UINT64_C(3);
    CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_INSTRUCTION);
    g->state.rip = GUEST_CODE;
    g->state.dr[7] = dr7(0, WRITE, BYTES_1);
    expect_debug(g, 100, 1 | ENABLED, GUEST_CODE + 8);
    g->state.rip = GUEST_CODE;
    g->state.dr[7] = 0x400;
    CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_INSTRUCTION);
    guest_free(g);
}

static void branches_alone_are_steps_with_btf(void)
{
    BLOB(branches, "nop\n xor %eax, %eax\n jnz 1f\n jz 1f\n nop\n 1: nop\n jmp 2f\n 2: nop\n hlt");
    struct guest *g = START(branches);
    g->state.rflags |= TF;
    g->state.debugctl = BTF;
    expect_debug(g, 100, BS, GUEST_CODE + 8);
    CU_ASSERT_EQUAL(sim_engine_retired(g->engine), 4);
    expect_debug(g, 100, BS, GUEST_CODE + 11);
    CU_ASSERT_EQUAL(sim_engine_retired(g->engine), 6);
    guest_free(g);
}

SUITE("sim/engine_break", {"instructions_break_before_they_run", instructions_break_before_they_run},
      {"a_shadow_of_mov_ss_hides_the_next_instruction", a_shadow_of_mov_ss_hides_the_next_instruction},
      {"data_breakpoints_are_traps", data_breakpoints_are_traps}, {"a_breakpoint_interrupts_rep", a_breakpoint_interrupts_rep},
      {"a_single_step_tells_of_both", a_single_step_tells_of_both},
      {"disabled_and_removed_breakpoints_are_silent", disabled_and_removed_breakpoints_are_silent},
      {"branches_alone_are_steps_with_btf", branches_alone_are_steps_with_btf})
