/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What counts as the same result, and what does not. */
#include "tools/outcome.h"

#include "example_trace.h"
#include "tests/support/suite.h"

static struct example before, after;
static char why[256];

/* The end of a run: console bytes at two ports, interrupts that fell together, the value of RAX, how it stopped. */
struct end {
    const char *output;
    uint64_t merged, rax, stop;
    bool failed_entry;
};

static void write_run(struct example *example, const struct end *end)
{
    uint64_t final[TRACE_NUMBERS_MAX] = {0x8000};
    example_begin(example);
    example_scenario(example, "one");
    example_exit(example, &(struct example_exit){.reason = VMX_EXIT_CPUID, .guest_instructions = 9, .handler = 100});
    for (const char *at = end->output; *at != '\0'; at++)
        trace_numbers(&example->writer, TRACE_OUTPUT, 0, (const uint64_t[]){at[0] < 'a' ? 0xe9 : 0x3f8, (uint8_t)*at}, 2, NULL, 0);
    if (end->failed_entry)
        trace_numbers(&example->writer, TRACE_ENTRY_FAIL, 0, (const uint64_t[]){1, 7, 0}, 3, NULL, 0);
    final[7] = end->rax;
    trace_numbers(&example->writer, TRACE_FINAL, 0, final, TRACE_NUMBERS_MAX, NULL, 0);
    trace_numbers(&example->writer, TRACE_SOURCE, 0, (const uint64_t[]){0x40, 200, end->merged}, 3, NULL, 0);
    trace_numbers(&example->writer, TRACE_END, 0, (const uint64_t[]){1, 9, 0, end->stop}, 4, "", 0);
}

static bool kept(const struct end *was, const struct end *is, struct sim_result result_was, struct sim_result result_is)
{
    static char name[] = "one";
    write_run(&before, was);
    write_run(&after, is);
    struct replay_verdict verdict_was = {.name = name, .result = result_was}, verdict_is = {.name = name, .result = result_is};
    const struct replay a = {.verdicts = &verdict_was, .count = 1, .trace = {.bytes = before.bytes, .size = before.size}},
                        b = {.verdicts = &verdict_is, .count = 1, .trace = {.bytes = after.bytes, .size = after.size}};
    return outcome_kept(&a, &b, why, sizeof why);
}

static const struct sim_result none = {.complete = true, .holds = true}, holds = {.complete = true, .conditions = 1, .holds = true},
                               fails = {.complete = true, .conditions = 1};
static const struct end usual = {"AbBa", 2, 5, TRACE_STOP_HALTED, false};

static void the_same_is_the_same(void)
{
    CU_ASSERT_TRUE(kept(&usual, &usual, none, none));
    CU_ASSERT_TRUE(kept(&usual, &usual, holds, holds));
}

static void without_conditions_the_final_state_decides(void)
{
    const struct end other = {"AbBa", 2, 6, TRACE_STOP_HALTED, false};
    CU_ASSERT_FALSE(kept(&usual, &other, none, none));
    CU_ASSERT_PTR_NOT_NULL(strstr(why, "'one' ends in another state"));
    CU_ASSERT_TRUE(kept(&usual, &other, holds, holds));
}

static void a_condition_that_held_has_to_hold(void)
{
    CU_ASSERT_FALSE(kept(&usual, &usual, holds, fails));
    CU_ASSERT_PTR_NOT_NULL(strstr(why, "does not come to what its final { } says"));
    CU_ASSERT_TRUE(kept(&usual, &usual, fails, fails));
}

static void another_end_is_another_result(void)
{
    const struct end other = {"AbBa", 2, 5, TRACE_STOP_LIMIT, false};
    CU_ASSERT_FALSE(kept(&usual, &other, holds, holds));
    CU_ASSERT_PTR_NOT_NULL(strstr(why, "ends otherwise: instruction limit, before: guest halted for good"));
    const struct replay a = {.trace = {.bytes = before.bytes, .size = before.size}}, b = {.trace = {.bytes = after.bytes, .size = after.size}};
    CU_ASSERT_FALSE(outcome_same_end(&a, &b));
    CU_ASSERT_TRUE(outcome_same_end(&a, &a));
}

/* Ports have an order of their own; bytes of one port do not change places. */
static void output_is_compared_port_by_port(void)
{
    const struct end turned = {"ABba", 2, 5, TRACE_STOP_HALTED, false}, changed = {"BbAa", 2, 5, TRACE_STOP_HALTED, false},
                     less = {"AB", 2, 5, TRACE_STOP_HALTED, false};
    CU_ASSERT_TRUE(kept(&usual, &turned, none, none));
    CU_ASSERT_FALSE(kept(&usual, &changed, none, none));
    CU_ASSERT_PTR_NOT_NULL(strstr(why, "writes something else to its console"));
    CU_ASSERT_FALSE(kept(&usual, &less, holds, holds));
}

static void a_failed_entry_and_a_lost_interrupt_are_refused(void)
{
    const struct end failed = {"AbBa", 2, 5, TRACE_STOP_HALTED, true}, few = {"AbBa", 4, 5, TRACE_STOP_HALTED, false},
                     lost = {"AbBa", 5, 5, TRACE_STOP_HALTED, false}, fewer = {"AbBa", 1, 5, TRACE_STOP_HALTED, false};
    CU_ASSERT_FALSE(kept(&usual, &failed, holds, holds));
    CU_ASSERT_TRUE(kept(&failed, &failed, holds, holds));
    CU_ASSERT_FALSE(kept(&usual, &lost, holds, holds));
    CU_ASSERT_PTR_NOT_NULL(strstr(why, "5 interrupts fall together with one before them, before: 2"));
    CU_ASSERT_TRUE(kept(&usual, &fewer, holds, holds));
    CU_ASSERT_TRUE(kept(&usual, &few, holds, holds));
}

static void a_run_that_ended_at_its_limit_is_known(void)
{
    const struct end at_limit = {"", 0, 0, TRACE_STOP_LIMIT, false};
    write_run(&before, &usual);
    write_run(&after, &at_limit);
    CU_ASSERT_FALSE(outcome_at_limit(&(struct replay){.trace = {.bytes = before.bytes, .size = before.size}}));
    CU_ASSERT_TRUE(outcome_at_limit(&(struct replay){.trace = {.bytes = after.bytes, .size = after.size}}));
}

/* A run that writes one byte to each of so many ports, the last of them another one. */
static void write_ports(struct example *example, unsigned ports, uint64_t last)
{
    example_begin(example);
    example_scenario(example, "one");
    for (unsigned i = 0; i < ports; i++)
        trace_numbers(&example->writer, TRACE_OUTPUT, 0, (const uint64_t[]){0x100 + i, i + 1 == ports ? last : 'x'}, 2, NULL, 0);
    example_end(example, 0);
}

static bool same(void)
{
    static char name[] = "one";
    struct replay_verdict verdict = {.name = name, .result = holds};
    const struct replay a = {.verdicts = &verdict, .count = 1, .trace = {.bytes = before.bytes, .size = before.size}},
                        b = {.verdicts = &verdict, .count = 1, .trace = {.bytes = after.bytes, .size = after.size}};
    return outcome_kept(&a, &b, why, sizeof why);
}

static void every_port_counts_however_many_there_are(void)
{
    for (unsigned ports = 1; ports < 300; ports += 13) {
        write_ports(&before, ports, 'y');
        write_ports(&after, ports, 'y');
        CU_ASSERT_TRUE(same());
        write_ports(&after, ports, 'z');
        CU_ASSERT_FALSE(same());
    }
}

/* An entry may fail by a VM exit, and an interrupt may wait where it is taken. */
static void failed_exits_and_waiting_interrupts_count(void)
{
    for (unsigned i = 0; i < 2; i++) {
        struct example *const example = i == 0 ? &before : &after;
        example_begin(example);
        example_scenario(example, "one");
        example_exit(example, &(struct example_exit){.reason = VMX_EXIT_INVALID_STATE | (i == 0 ? 0u : VMX_REASON_FAILED_VMENTRY), .handler = 1});
        example_end(example, 1);
    }
    CU_ASSERT_FALSE(same());
    for (unsigned i = 0; i < 2; i++) {
        struct example *const example = i == 0 ? &before : &after;
        example_begin(example);
        example_scenario(example, "one");
        for (unsigned n = 0; n < 20; n++)
            trace_numbers(&example->writer, TRACE_INTERRUPT, 0, (const uint64_t[]){0x40, 0, 0, i}, 4, NULL, 0);
        example_end(example, 0);
    }
    CU_ASSERT_FALSE(same());
    CU_ASSERT_PTR_NOT_NULL(strstr(why, "20 interrupts fall together with one before them, before: 0"));
}

static void a_run_that_is_not_there_did_not_end(void)
{
    static char name[] = "one";
    struct replay_verdict verdict = {.name = name, .result = holds};
    write_run(&before, &usual);
    const struct replay a = {.verdicts = &verdict, .count = 1, .trace = {.bytes = before.bytes, .size = before.size}},
                        none_of_it = {.verdicts = &verdict, .count = 0, .trace = {.bytes = before.bytes, .size = before.size}},
                        cut = {.verdicts = &verdict, .count = 1, .trace = {.bytes = before.bytes, .size = TRACE_HEADER_BYTES}};
    CU_ASSERT_FALSE(outcome_kept(&a, &none_of_it, why, sizeof why));
    CU_ASSERT_STRING_EQUAL(why, "'one' did not run to its end");
    CU_ASSERT_FALSE(outcome_kept(&a, &cut, why, sizeof why));
    CU_ASSERT_STRING_EQUAL(why, "'one' did not run to its end");
}

SUITE("tools/outcome", {"the_same_is_the_same", the_same_is_the_same},
      {"without_conditions_the_final_state_decides", without_conditions_the_final_state_decides},
      {"a_condition_that_held_has_to_hold", a_condition_that_held_has_to_hold}, {"another_end_is_another_result", another_end_is_another_result},
      {"output_is_compared_port_by_port", output_is_compared_port_by_port},
      {"a_failed_entry_and_a_lost_interrupt_are_refused", a_failed_entry_and_a_lost_interrupt_are_refused},
      {"a_run_that_ended_at_its_limit_is_known", a_run_that_ended_at_its_limit_is_known},
      {"every_port_counts_however_many_there_are", every_port_counts_however_many_there_are},
      {"failed_exits_and_waiting_interrupts_count", failed_exits_and_waiting_interrupts_count},
      {"a_run_that_is_not_there_did_not_end", a_run_that_is_not_there_did_not_end})
