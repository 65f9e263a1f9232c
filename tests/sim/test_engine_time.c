/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exact time: a run stopped at any deadlines passes through the states of a run of single steps. */
#include "tests/support/suite.h"

#include "engine_guest.h"

/* Arithmetic, calls, every REP string instruction with counts 0, 1 and more, code that changes itself ahead and behind, a shadow of
   STI, a jump to a block's middle. */
BLOB(mix, "   mov $5, %r8d\n"
          "0: xor %ebx, %ebx\n"
          "   mov $7, %ecx\n"
          "1: add %rcx, %rbx\n"
          "   imul $3, %rbx\n"
          "   dec %ecx\n"
          "   jnz 1b\n"
          "   call 7f\n"
          "   mov $0x100000, %esi\n"
          "   mov $0x101ffb, %edi\n"
          "   mov $19, %ecx\n"
          "   rep movsb\n"
          "   rep movsb\n"
          "   mov $1, %ecx\n"
          "   rep stosq\n"
          "   mov $0x100000, %edi\n"
          "   mov $30, %ecx\n"
          "   mov $0x21, %al\n"
          "   repne scasb\n"
          "   mov $0x100000, %esi\n"
          "   mov $0x101ffb, %edi\n"
          "   mov $50, %ecx\n"
          "   repe cmpsb\n"
          "   mov $4, %ecx\n"
          "   rep lodsl\n"
          "   xor %ecx, %ecx\n"
          "   repe cmpsw\n"
          "   addb $1, 2f+1(%rip)\n"
          "   nop\n"
          "2: mov $3, %dl\n"
          "   movzbl %dl, %edx\n"
          "   add %rdx, %rbx\n"
          "   sti\n"
          "   nop\n"
          "   mov %ss, %eax\n"
          "   mov %eax, %ss\n"
          "   nop\n"
          "   cli\n"
          "   mov $6, %ecx\n"
          "   lea 3f(%rip), %rdi\n"
          "   mov $0x90, %al\n"
          "   rep stosb\n"
          "3: nop\n   nop\n   nop\n   nop\n   nop\n   nop\n"
          "   loop 3b\n"
          "   pushf\n"
          "   pop %rax\n"
          "   dec %r8d\n"
          "   jnz 0b\n"
          "   jmp 0b\n"
          "7: push %rbx\n"
          "   mov %rsp, %rbp\n"
          "   cmpxchg %rbx, (%rbp)\n"
          "   pop %rax\n"
          "   ret");
BLOB(rep_huge, "mov $0xffffffff, %ecx\n mov $0x100000, %edi\n std\n cld\n"
               "0: mov $0x1000, %ecx\n mov $0x100000, %edi\n rep stosb\n jmp 0b");
BLOB(spin, "0: jmp 0b");

static struct guest *start(const uint8_t *code, const uint8_t *end)
{
    struct guest *g = guest_new();
    guest_code(g, GUEST_CODE, code, (size_t)(end - code));
    for (unsigned i = 0; i < 256; i++)
        g->ram[GUEST_DATA + i] = (uint8_t)(i + 8);
    sim_engine_set(g->engine, VMX_GROUP_ALL, &g->state);
    return g;
}

static uint64_t mixed(uint64_t hash, uint64_t value)
{
    return (hash ^ value) * 0x9e3779b97f4a7c15 + (hash >> 29);
}

/* All that the guest may have changed. */
static uint64_t fingerprint(struct guest *g)
{
    struct vmx_state s;
    memset(&s, 0, sizeof s);
    sim_engine_get(g->engine, VMX_GROUP_ALL, &s);
    uint64_t hash = 1;
    for (unsigned i = 0; i < VMX_GPR_COUNT; i++)
        hash = mixed(hash, s.gpr[i]);
    hash = mixed(mixed(mixed(hash, s.rip), s.rflags), s.interruptibility);
    for (unsigned i = 0; i < VMX_SEGMENT_COUNT; i++)
        hash = mixed(mixed(hash, s.seg[i].base), s.seg[i].access_rights);
    for (unsigned i = 0; i < 0x3000; i += 8)
        hash = mixed(hash, *(uint64_t *)(void *)(g->ram + GUEST_DATA + i));
    for (unsigned i = 0; i < 0x200; i += 8)
        hash = mixed(hash, *(uint64_t *)(void *)(g->ram + GUEST_CODE + i));
    return mixed(hash, sim_engine_retired(g->engine));
}

enum { STEPS = 6000 };

static void reference(const uint8_t *code, const uint8_t *end, uint64_t states[STEPS + 1])
{
    struct guest *g = start(code, end);
    for (unsigned i = 0; i <= STEPS; i++) {
        states[i] = fingerprint(g);
        sim_engine_run(g->engine, 1, &g->result);
        CU_ASSERT_EQUAL_FATAL(g->result.stop, SIM_STOP_DEADLINE);
        CU_ASSERT_EQUAL_FATAL(sim_engine_ticks(g->engine), i + 1);
    }
    guest_free(g);
}

static void compare_at_deadlines(const uint8_t *code, const uint8_t *end)
{
    static const unsigned deadlines[] = {2, 3, 5, 7, 11, 13, 29, 97, 101, 499, 1009, STEPS};
    static uint64_t states[STEPS + 1];
    reference(code, end, states);
    for (unsigned i = 0; i < sizeof deadlines / sizeof *deadlines; i++) {
        struct guest *g = start(code, end);
        for (unsigned at = deadlines[i]; at <= STEPS; at += deadlines[i]) {
            sim_engine_run(g->engine, deadlines[i], &g->result);
            CU_ASSERT_EQUAL_FATAL(g->result.stop, SIM_STOP_DEADLINE);
            CU_ASSERT_EQUAL_FATAL(sim_engine_ticks(g->engine), at);
            if (fingerprint(g) != states[at]) {
                fprintf(stderr, "deadline %u: differs at tick %u\n", deadlines[i], at);
                CU_FAIL_FATAL("state");
            }
        }
        guest_free(g);
    }
}

static void any_deadline_stops_where_single_steps_do(void)
{
    compare_at_deadlines(mix, mix_end);
    compare_at_deadlines(rep_huge, rep_huge_end);
    compare_at_deadlines(spin, spin_end);
}

/* The same with pages taken away at random: faults in mid-block, in mid-REP, at fetches. */
static void faults_do_not_disturb_the_count(void)
{
    static uint64_t states[STEPS + 1];
    static const uint16_t pages[] = {GUEST_CODE >> 12, GUEST_DATA >> 12, (GUEST_DATA >> 12) + 1, (GUEST_DATA >> 12) + 2, (GUEST_STACK >> 12) - 1};
    uint32_t random = 1;
    unsigned faults = 0;
    reference(mix, mix_end, states);
    struct guest *g = start(mix, mix_end);
    while (sim_engine_ticks(g->engine) < STEPS) {
        random = random * 1664525 + 1013904223;
        g->rights[pages[(random >> 8) % 5]] = (uint8_t)(random >> 16 & 7);
        if (random >> 28 == 0)
            sim_engine_flush(g->engine);
        else
            sim_engine_flush_page(g->engine, 0, (uint64_t)pages[(random >> 8) % 5] << 12, 4096);
        const uint64_t deadline = 1 + (random >> 20) % 11, left = STEPS - sim_engine_ticks(g->engine);
        sim_engine_run(g->engine, deadline < left ? deadline : left, &g->result);
        if (g->result.stop == SIM_STOP_TRANSLATION) {
            g->rights[g->result.linear >> 12] = RIGHT_ALL;
            faults++;
        }
        if (fingerprint(g) != states[sim_engine_ticks(g->engine)]) {
            fprintf(stderr, "differs at tick %lu, stop %d\n", (unsigned long)sim_engine_ticks(g->engine), (int)g->result.stop);
            CU_FAIL_FATAL("state");
        }
    }
    CU_ASSERT_TRUE(faults > 100);
    guest_free(g);
}

static void rep_is_one_instruction_and_many_ticks(void)
{
    BLOB(reps, "mov $100, %ecx\n rep lodsb\n mov $0, %ecx\n rep lodsb\n mov $1, %ecx\n rep lodsb\n hlt");
    struct guest *g = start(reps, reps_end);
    g->state.gpr[VMX_RSI] = GUEST_DATA;
    CU_ASSERT_EQUAL(guest_run(g, UINT64_MAX), SIM_STOP_INSTRUCTION);
    CU_ASSERT_EQUAL(sim_engine_retired(g->engine), 6);
    CU_ASSERT_EQUAL(sim_engine_ticks(g->engine), 6 + 99);
    CU_ASSERT_EQUAL(g->state.gpr[VMX_RSI], GUEST_DATA + 101);
    guest_free(g);
}

static void deadline_interrupts_a_rep_between_iterations(void)
{
    BLOB(rep, "mov $1000000, %ecx\n rep lodsb\n hlt");
    struct guest *g = start(rep, rep_end);
    g->state.gpr[VMX_RSI] = GUEST_DATA;
    CU_ASSERT_EQUAL(guest_run(g, 501), SIM_STOP_DEADLINE);
    CU_ASSERT_EQUAL(sim_engine_retired(g->engine), 1);
    CU_ASSERT_EQUAL(g->state.gpr[VMX_RCX], 999500);
    CU_ASSERT_EQUAL(g->state.rip, GUEST_CODE + 5);
    CU_ASSERT_EQUAL(guest_run(g, UINT64_MAX), SIM_STOP_INSTRUCTION);
    CU_ASSERT_EQUAL(sim_engine_retired(g->engine), 2);
    CU_ASSERT_EQUAL(sim_engine_ticks(g->engine), 1000001);
    guest_free(g);
}

static void counting_one_adds_to_both_clocks(void)
{
    struct guest *g = start(spin, spin_end);
    CU_ASSERT_EQUAL(guest_run(g, 10), SIM_STOP_DEADLINE);
    sim_engine_count_one(g->engine);
    CU_ASSERT_EQUAL(sim_engine_ticks(g->engine), 11);
    CU_ASSERT_EQUAL(sim_engine_retired(g->engine), 11);
    CU_ASSERT_EQUAL(guest_run(g, 0), SIM_STOP_DEADLINE);
    CU_ASSERT_EQUAL(sim_engine_ticks(g->engine), 11);
    guest_free(g);
}

SUITE("sim/engine_time", {"any_deadline_stops_where_single_steps_do", any_deadline_stops_where_single_steps_do},
      {"faults_do_not_disturb_the_count", faults_do_not_disturb_the_count},
      {"rep_is_one_instruction_and_many_ticks", rep_is_one_instruction_and_many_ticks},
      {"deadline_interrupts_a_rep_between_iterations", deadline_interrupts_a_rep_between_iterations},
      {"counting_one_adds_to_both_clocks", counting_one_adds_to_both_clocks})
