/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What Unicorn's translator does otherwise than a processor, or dies of, and the engine puts right. */
#include "tests/support/suite.h"

#include "engine_guest.h"

enum { RF = 1 << 16, OF = 1 << 11, SF = 1 << 7, ZF = 1 << 6, AF = 1 << 4, PF = 1 << 2, CF = 1 << 0, ARITHMETIC = OF | SF | ZF | AF | PF | CF };

static struct guest *start(const uint8_t *code, const uint8_t *end)
{
    struct guest *g = guest_new();
    guest_code(g, GUEST_CODE, code, (size_t)(end - code));
    return g;
}
#define START(name) start(name, name##_end)

static void expect_undefined(struct guest *g, uint64_t at)
{
    CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_EXCEPTION);
    CU_ASSERT_EQUAL(g->result.event.vector, VMX_UD);
    CU_ASSERT_EQUAL(g->state.rip, at);
    CU_ASSERT_EQUAL(sim_engine_retired(g->engine), at - GUEST_CODE); /* NOPs of one byte stand before */
}

static void lock_is_undefined_where_it_is_not_allowed(void)
{
    static const uint8_t bad[][6] = {
        {0xf0, 0x39, 0x03},       /* cmp %eax, (%rbx) */
        {0xf0, 0x8b, 0x03},       /* mov (%rbx), %eax */
        {0xf0, 0x01, 0xc3},       /* add %eax, %ebx */
        {0xf0, 0x83, 0x3b, 0x01}, /* cmpl $1, (%rbx) */
        {0xf0, 0x0f, 0xa3, 0x03}, /* bt */
        {0xf0, 0x90},             /* nop */
        {0xf0, 0x0f, 0x58, 0x03}, /* addps */
        {0xf0, 0x0f, 0xa2},       /* cpuid */
    };
    static const uint8_t good[][6] = {{0xf0, 0x01, 0x03},       {0xf0, 0x83, 0x03, 0x01}, {0xf0, 0x0f, 0xb1, 0x03}, {0xf0, 0x0f, 0xc7, 0x0b},
                                      {0xf0, 0x0f, 0xab, 0x03}, {0xf0, 0xff, 0x03},       {0xf0, 0xf7, 0x1b},       {0xf0, 0x87, 0x03}};
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
        for (unsigned nops = 0; nops < 3; nops++) {
            struct guest *g = guest_new();
            g->state.gpr[VMX_RBX] = GUEST_DATA;
            memset(g->ram + GUEST_CODE, 0x90, nops);
            memcpy(g->ram + GUEST_CODE + nops, bad[i], sizeof bad[i]);
            expect_undefined(g, GUEST_CODE + nops);
            guest_free(g);
        }
    for (unsigned i = 0; i < sizeof good / sizeof *good; i++) {
        struct guest *g = guest_new();
        g->state.gpr[VMX_RBX] = GUEST_DATA;
        memcpy(g->ram + GUEST_CODE, good[i], sizeof good[i]);
        CU_ASSERT_EQUAL(guest_run(g, 1), SIM_STOP_DEADLINE);
        guest_free(g);
    }
}

static void far_transfers_through_a_register_are_undefined(void)
{
    BLOB(far_register, "nop\n .byte 0xff, 0xeb, 0xff, 0xdb");
    struct guest *g = START(far_register);
    expect_undefined(g, GUEST_CODE + 1);
    g->state.rip = GUEST_CODE + 3;
    CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_EXCEPTION);
    CU_ASSERT_EQUAL(g->result.event.vector, VMX_UD);
    guest_free(g);
}

static void an_undefined_instruction_waits_for_the_deadline(void)
{
    BLOB(lock_late, "nop\n .byte 0xf0, 0x90");
    struct guest *g = START(lock_late);
    CU_ASSERT_EQUAL(guest_run(g, 1), SIM_STOP_DEADLINE);
    CU_ASSERT_EQUAL(g->state.rip, GUEST_CODE + 1);
    CU_ASSERT_EQUAL(guest_run(g, 1), SIM_STOP_EXCEPTION);
    guest_free(g);
}

static void pushf_never_pushes_rf(void)
{
    BLOB(pushes, "pushf\n pop %rax\n pushf\n pop %rbx\n hlt");
    for (unsigned first = 0; first < 2; first++) {
        struct guest *g = START(pushes);
        g->state.rflags |= RF;
        CU_ASSERT_EQUAL(guest_run(g, first != 0 ? 1 : 100), first != 0 ? SIM_STOP_DEADLINE : SIM_STOP_INSTRUCTION);
        if (first != 0)
            CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_INSTRUCTION);
        CU_ASSERT_EQUAL(g->state.gpr[VMX_RAX], 2);
        CU_ASSERT_EQUAL(g->state.gpr[VMX_RBX], 2);
        guest_free(g);
    }
}

static void cmpxchg8b_changes_zf_alone(void)
{
    BLOB(exchange, "mov $-1, %eax\n add $1, %eax\n cmpxchg8b 0x100000\n hlt");
    struct guest *g = START(exchange);
    g->ram[GUEST_DATA] = 7;
    CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_INSTRUCTION);
    CU_ASSERT_EQUAL(g->state.rflags, 2 | AF | PF | CF);
    guest_free(g);
}

/* The instruction faults; flags are those before it, whatever form Unicorn held them in. */
static void a_fault_leaves_the_flags(void)
{
    BLOB(rotate, "mov $0x7fffffff, %eax\n add $1, %eax\n rcll $3, 0x3ff000\n hlt");
    BLOB(set, "mov $0x7fffffff, %eax\n add $1, %eax\n setbe 0x3ff000\n hlt");
    static const struct {
        const uint8_t *code, *end;
    } cases[] = {{rotate, rotate_end}, {set, set_end}};
    for (unsigned i = 0; i < 2; i++) {
        struct guest *g = start(cases[i].code, cases[i].end);
        g->rights[0x3ff] = 0;
        CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_TRANSLATION);
        CU_ASSERT_EQUAL(g->state.rip, GUEST_CODE + 8);
        CU_ASSERT_EQUAL(g->state.rflags & ARITHMETIC, OF | SF | AF | PF);
        guest_free(g);
    }
}

static void bit_tests_change_cf_alone(void)
{
    BLOB(test_bit, "mov $0x7fffffff, %eax\n add $1, %eax\n bt $31, %eax\n hlt");
    static const uint64_t deadlines[] = {100, 2, 1};
    for (unsigned i = 0; i < 3; i++) {
        struct guest *g = START(test_bit);
        while (guest_run(g, deadlines[i]) == SIM_STOP_DEADLINE)
            continue;
        CU_ASSERT_EQUAL(g->state.rflags & ARITHMETIC, OF | SF | AF | PF | CF);
        guest_free(g);
    }
}

static void a_loop_that_ends_by_its_counter_keeps_the_flags(void)
{
    BLOB(loop_equal, "mov $0x7fffffff, %eax\n add $1, %eax\n loope .+2\n hlt");
    BLOB(loop_unequal, "mov $0x7fffffff, %eax\n add $1, %eax\n loopne .+2\n hlt");
    static const struct {
        const uint8_t *code, *end;
    } cases[] = {{loop_equal, loop_equal_end}, {loop_unequal, loop_unequal_end}};
    for (unsigned i = 0; i < 2; i++)
        for (uint64_t counter = 1; counter < 3; counter++)
            for (uint64_t deadline = 1; deadline < 5; deadline++) {
                struct guest *g = start(cases[i].code, cases[i].end);
                g->state.gpr[VMX_RCX] = counter;
                while (guest_run(g, deadline) == SIM_STOP_DEADLINE)
                    continue;
                CU_ASSERT_EQUAL(g->state.rflags & ARITHMETIC, OF | SF | AF | PF);
                CU_ASSERT_EQUAL(g->state.gpr[VMX_RCX], counter - 1);
                CU_ASSERT_EQUAL(sim_engine_retired(g->engine), 3);
                guest_free(g);
            }
}

static void a_page_is_looked_at_when_it_is_needed(void)
{
    struct guest *g = guest_new();
    memset(g->ram + 0x10ff0, 0x90, 0x20);
    g->state.rip = 0x10ff0;
    CU_ASSERT_EQUAL(guest_run(g, 16), SIM_STOP_DEADLINE);
    CU_ASSERT_EQUAL(g->translations, 1);
    CU_ASSERT_EQUAL(guest_run(g, 1), SIM_STOP_DEADLINE);
    CU_ASSERT_EQUAL(g->translations, 2);
    guest_free(g);
    /* an instruction that needs both */
    g = guest_new();
    memset(g->ram + 0x10ff0, 0x90, 0x20);
    g->ram[0x10fff] = 0xb8;
    g->rights[0x11] = 0;
    g->state.rip = 0x10ff0;
    CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_TRANSLATION);
    CU_ASSERT_EQUAL(g->state.rip, 0x10fff);
    CU_ASSERT_EQUAL(g->result.linear, 0x11000);
    CU_ASSERT_EQUAL(sim_engine_retired(g->engine), 15);
    guest_free(g);
}

static void rf_ends_with_the_first_iteration_and_rep_counts_once(void)
{
    BLOB(repeated, "rep lodsb\n hlt");
    struct guest *g = START(repeated);
    g->state.rflags |= RF;
    g->state.gpr[VMX_RCX] = 14;
    g->state.gpr[VMX_RSI] = GUEST_DATA;
    CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_INSTRUCTION);
    CU_ASSERT_EQUAL(sim_engine_retired(g->engine), 1);
    CU_ASSERT_EQUAL(sim_engine_ticks(g->engine), 14);
    guest_free(g);
}

/* IRET opens the window, and what follows cannot be translated. */
static void a_watched_run_ends_before_what_faults_at_its_fetch(void)
{
    BLOB(opens, "pushq $0x202\n popf\n .byte 0xf0, 0x90");
    struct guest *g = START(opens);
    sim_engine_watch_once(g->engine);
    CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_DEADLINE);
    CU_ASSERT_EQUAL(sim_engine_retired(g->engine), 2);
    guest_free(g);
}

static void the_base_of_a_64bit_code_segment_does_not_count(void)
{
    BLOB(based, "mov $1, %eax\n hlt");
    struct guest *g = START(based);
    g->state.seg[VMX_CS].base = 0x80;
    CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_INSTRUCTION);
    CU_ASSERT_EQUAL(g->state.gpr[VMX_RAX], 1);
    CU_ASSERT_EQUAL(g->state.rip, GUEST_CODE + 5);
    CU_ASSERT_EQUAL(g->state.seg[VMX_CS].base, 0x80);
    guest_free(g);
}

/* Deadlines and the like may be due where the bytes of an undefined instruction must be translated again. */
static void an_undefined_instruction_is_one_wherever_its_page_is_cached(void)
{
    BLOB(undefined, "mov 0x100000, %eax\n .byte 0x06");
    struct guest *g = START(undefined);
    CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_EXCEPTION);
    for (unsigned i = 0; i < 3; i++) {
        sim_engine_flush(g->engine);
        CU_ASSERT_EQUAL(guest_run(g, 1), SIM_STOP_EXCEPTION);
        CU_ASSERT_EQUAL(g->state.rip, GUEST_CODE + 7);
    }
    CU_ASSERT_EQUAL(sim_engine_ticks(g->engine), 1);
    guest_free(g);
}

static void a_call_gate_finds_the_stack_in_the_task_state(void)
{
    BLOB(gate, ".code32\n lcall $0x50, $0\n .code64");
    BLOB(behind, "hlt");
    static const uint64_t descriptors[] = {0x00cf9b000000ffff, 0x0001ec0000480000}; /* 0x48: ring 0 code, 0x50: a gate to 0x48:0x10000 */
    const uint32_t stack[2] = {0x70000, 0x10};
    struct guest *g = guest_new();
    guest_mode_protected(&g->state, true);
    for (unsigned i = VMX_ES; i <= VMX_GS; i++)
        g->state.seg[i].access_rights |= 3 << 5;
    g->state.seg[VMX_CS].selector = 0x23;
    g->state.seg[VMX_SS].selector = 0x2b;
    memcpy(g->ram + GUEST_GDT + 0x48, descriptors, sizeof descriptors);
    memcpy(g->ram + GUEST_DATA + 4, stack, sizeof stack);
    g->state.gdtr.limit = 0x57;
    g->state.rip = 0x20000;
    PUT(g, 0x20000, gate);
    PUT(g, 0x10000, behind);
    CU_ASSERT_EQUAL(guest_run(g, 100), SIM_STOP_INSTRUCTION);
    CU_ASSERT_EQUAL(g->state.rip, 0x10000);
    CU_ASSERT_EQUAL(g->state.seg[VMX_CS].selector, 0x48);
    CU_ASSERT_EQUAL(g->state.gpr[VMX_RSP], 0x70000 - 16);
    CU_ASSERT_EQUAL(g->state.seg[VMX_TR].access_rights, 0x8b);
    guest_free(g);
}

SUITE("sim/engine_repairs", {"a_call_gate_finds_the_stack_in_the_task_state", a_call_gate_finds_the_stack_in_the_task_state},
      {"the_base_of_a_64bit_code_segment_does_not_count", the_base_of_a_64bit_code_segment_does_not_count},
      {"an_undefined_instruction_is_one_wherever_its_page_is_cached", an_undefined_instruction_is_one_wherever_its_page_is_cached},
      {"lock_is_undefined_where_it_is_not_allowed", lock_is_undefined_where_it_is_not_allowed},
      {"far_transfers_through_a_register_are_undefined", far_transfers_through_a_register_are_undefined},
      {"an_undefined_instruction_waits_for_the_deadline", an_undefined_instruction_waits_for_the_deadline},
      {"pushf_never_pushes_rf", pushf_never_pushes_rf}, {"cmpxchg8b_changes_zf_alone", cmpxchg8b_changes_zf_alone},
      {"a_fault_leaves_the_flags", a_fault_leaves_the_flags}, {"bit_tests_change_cf_alone", bit_tests_change_cf_alone},
      {"a_loop_that_ends_by_its_counter_keeps_the_flags", a_loop_that_ends_by_its_counter_keeps_the_flags},
      {"a_page_is_looked_at_when_it_is_needed", a_page_is_looked_at_when_it_is_needed},
      {"rf_ends_with_the_first_iteration_and_rep_counts_once", rf_ends_with_the_first_iteration_and_rep_counts_once},
      {"a_watched_run_ends_before_what_faults_at_its_fetch", a_watched_run_ends_before_what_faults_at_its_fetch})
