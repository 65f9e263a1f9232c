/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Comparing traces: what counts as a difference, and how it is told. */
#include "../../sim/compare.h"

#include <stdlib.h>
#include <string.h>

#include "../../handlers/bench/trace.h"
#include "../../vmx-model/reasons.h"
#include "../support/suite.h"

struct trace {
    uint8_t bytes[4096];
    uint32_t size;
    struct trace_writer writer;
};

static bool sink(void *context, const void *bytes, uint32_t size)
{
    struct trace *trace = context;
    if (size > sizeof trace->bytes - trace->size)
        return false;
    memcpy(trace->bytes + trace->size, bytes, size);
    trace->size += size;
    return true;
}

static void begin(struct trace *trace)
{
    *trace = (struct trace){.writer = {.sink = sink, .context = trace}};
    trace_begin(&trace->writer);
}

static void exit_of(struct trace *trace, uint64_t reason, uint64_t rip, uint64_t qualification, uint64_t ticks, uint64_t rax)
{
    const uint64_t item[TRACE_ITEM_COUNT] = {
        [TRACE_REASON] = reason, [TRACE_RIP] = rip, [TRACE_QUALIFICATION] = qualification, [TRACE_TICKS] = ticks};
    const uint64_t gpr[16] = {rax};
    trace_exit(&trace->writer, 0, item, gpr);
}

static void end(struct trace *trace, enum trace_stop stop, uint64_t rip, uint64_t ticks)
{
    const uint64_t final[TRACE_NUMBERS_MAX] = {rip}, number[] = {2, 10, ticks, stop};
    trace_numbers(&trace->writer, TRACE_FINAL, 0, final, TRACE_NUMBERS_MAX, NULL, 0);
    trace_numbers(&trace->writer, TRACE_END, 0, number, 4, "", 0);
}

/* Two exits, the second of which the tests vary. */
static void scenario(struct trace *trace, uint32_t crc, const char *machine, uint64_t qualification, uint64_t ticks, uint64_t rax)
{
    trace_scenario(&trace->writer, crc, "name", "profile", machine);
    exit_of(trace, VMX_EXIT_CPUID, 0x8000, 0, ticks, 0);
    exit_of(trace, VMX_EXIT_IO_INSTRUCTION, 0x8002, qualification, 2 * ticks, rax);
    end(trace, TRACE_STOP_STEPS, 0x8003, 3 * ticks);
}

static enum sim_comparison compare(const struct trace *a, const struct trace *b, bool time, struct sim_compared *out)
{
    const struct sim_compare_options options = {.time = time};
    return sim_compare(a->bytes, a->size, b->bytes, b->size, &options, out);
}

static void machines_may_differ_in_time_and_name(void)
{
    struct trace a, b;
    struct sim_compared compared;
    begin(&a);
    begin(&b);
    scenario(&a, 1, "sim", 0x30000, 5, 0);
    scenario(&b, 1, "hw", 0x30000, 7, 0);
    CU_ASSERT_EQUAL(compare(&a, &b, false, &compared), SIM_SAME);
    CU_ASSERT_EQUAL(compared.scenarios, 1);
    CU_ASSERT_EQUAL(compared.exits, 2);
    CU_ASSERT_STRING_EQUAL(compared.text, "");
    free(compared.text);
    CU_ASSERT_EQUAL(compare(&a, &b, true, &compared), SIM_DIFFERENT);
    CU_ASSERT_PTR_NOT_NULL(strstr(compared.text, "ticks"));
    free(compared.text);
}

static void first_divergence_is_told_field_by_field(void)
{
    struct trace a, b;
    struct sim_compared compared;
    begin(&a);
    begin(&b);
    scenario(&a, 1, "sim", 0x30000, 5, 1);
    scenario(&b, 1, "hw", 0x30008, 5, 3);
    CU_ASSERT_EQUAL(compare(&a, &b, false, &compared), SIM_DIFFERENT);
    CU_ASSERT_EQUAL(compared.different, 1);
    CU_ASSERT_EQUAL(compared.exits, 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(compared.text, "name: after 1 VM exits that agree: a VM exit IO_INSTRUCTION at 0x8002"));
    CU_ASSERT_PTR_NOT_NULL(strstr(compared.text, "qualification        A 0x30000  B 0x30008  (differing bits 0x8)"));
    CU_ASSERT_PTR_NOT_NULL(strstr(compared.text, "rax                  A 0x1  B 0x3"));
    free(compared.text);
}

static void known_bits_are_no_difference(void)
{
    const struct sim_known_difference known = {VMX_EXIT_IO_INSTRUCTION, TRACE_QUALIFICATION, 0x8, "B has the direction wrong"};
    const struct sim_compare_options options = {.known = &known, .known_count = 1};
    struct trace a, b;
    struct sim_compared compared;
    begin(&a);
    begin(&b);
    scenario(&a, 1, "sim", 0x30000, 5, 0);
    scenario(&b, 1, "hw", 0x30008, 5, 0);
    CU_ASSERT_EQUAL(sim_compare(a.bytes, a.size, b.bytes, b.size, &options, &compared), SIM_SAME);
    CU_ASSERT_EQUAL(compared.known, 1);
    free(compared.text);
    begin(&b);
    scenario(&b, 1, "hw", 0x30018, 5, 0);
    CU_ASSERT_EQUAL(sim_compare(a.bytes, a.size, b.bytes, b.size, &options, &compared), SIM_DIFFERENT);
    free(compared.text);
}

static void records_of_other_kinds_are_named(void)
{
    struct trace a, b;
    struct sim_compared compared;
    begin(&a);
    begin(&b);
    scenario(&a, 1, "sim", 0, 5, 0);
    trace_scenario(&b.writer, 1, "name", "profile", "hw");
    end(&b, TRACE_STOP_HALTED, 0, 0);
    CU_ASSERT_EQUAL(compare(&a, &b, false, &compared), SIM_DIFFERENT);
    CU_ASSERT_PTR_NOT_NULL(strstr(compared.text, "A has a VM exit CPUID at 0x8000 of vCPU 0, B has the final state of vCPU 0"));
    free(compared.text);
}

static void scenarios_are_found_by_their_crc(void)
{
    struct trace a, b;
    struct sim_compared compared;
    begin(&a);
    begin(&b);
    scenario(&a, 1, "sim", 0x1, 5, 0);
    scenario(&a, 2, "sim", 0x2, 5, 0);
    scenario(&b, 2, "hw", 0x2, 5, 0);
    scenario(&b, 1, "hw", 0x1, 5, 0);
    CU_ASSERT_EQUAL(compare(&a, &b, false, &compared), SIM_SAME);
    CU_ASSERT_EQUAL(compared.scenarios, 2);
    free(compared.text);
    scenario(&a, 3, "sim", 0x3, 5, 0);
    CU_ASSERT_EQUAL(compare(&a, &b, false, &compared), SIM_DIFFERENT);
    CU_ASSERT_PTR_NOT_NULL(strstr(compared.text, "B has no run of it"));
    free(compared.text);
}

static void other_content_is_found_by_name_when_asked(void)
{
    struct trace a, b;
    struct sim_compared compared;
    const struct sim_compare_options options = {.by_name = true};
    begin(&a);
    begin(&b);
    scenario(&a, 1, "sim", 0x1, 5, 0);
    scenario(&b, 2, "sim", 0x1, 5, 0);
    CU_ASSERT_EQUAL(compare(&a, &b, false, &compared), SIM_DIFFERENT);
    free(compared.text);
    CU_ASSERT_EQUAL(sim_compare(a.bytes, a.size, b.bytes, b.size, &options, &compared), SIM_SAME);
    CU_ASSERT_EQUAL(compared.exits, 2);
    free(compared.text);
}

static void a_scenario_of_b_alone_counts_both_ways(void)
{
    struct trace a, b;
    struct sim_compared compared;
    const struct sim_compare_options options = {.both_ways = true};
    begin(&a);
    begin(&b);
    scenario(&a, 1, "sim", 0x1, 5, 0);
    scenario(&b, 2, "sim", 0x2, 5, 0);
    scenario(&b, 1, "sim", 0x1, 5, 0);
    CU_ASSERT_EQUAL(compare(&a, &b, false, &compared), SIM_SAME);
    free(compared.text);
    CU_ASSERT_EQUAL(sim_compare(a.bytes, a.size, b.bytes, b.size, &options, &compared), SIM_DIFFERENT);
    CU_ASSERT_STRING_EQUAL(compared.text, "name: A has no run of it\n");
    CU_ASSERT_EQUAL(compared.scenarios, 2);
    CU_ASSERT_EQUAL(compared.different, 1);
    free(compared.text);
}

static void where_the_limit_stops_is_no_difference(void)
{
    struct trace a, b;
    struct sim_compared compared;
    begin(&a);
    begin(&b);
    trace_scenario(&a.writer, 1, "name", "profile", "sim");
    end(&a, TRACE_STOP_LIMIT, 0x8000, 5);
    trace_scenario(&b.writer, 1, "name", "profile", "hw");
    exit_of(&b, VMX_EXIT_CPUID, 0x8000, 0, 1, 0);
    end(&b, TRACE_STOP_LIMIT, 0x8004, 9);
    CU_ASSERT_EQUAL(compare(&a, &b, false, &compared), SIM_SAME);
    free(compared.text);
    CU_ASSERT_EQUAL(compare(&a, &b, true, &compared), SIM_DIFFERENT);
    free(compared.text);
}

static void a_truncated_trace_is_unreadable(void)
{
    struct trace a, b;
    struct sim_compared compared;
    begin(&a);
    begin(&b);
    scenario(&a, 1, "sim", 0, 5, 0);
    scenario(&b, 1, "hw", 0, 5, 0);
    for (uint32_t size = 0; size < b.size; size++) {
        const enum sim_comparison result = sim_compare(a.bytes, a.size, b.bytes, size, NULL, &compared);
        CU_ASSERT_EQUAL(result, size == TRACE_HEADER_BYTES ? SIM_DIFFERENT : SIM_UNREADABLE);
        CU_ASSERT_NOT_EQUAL(compared.text[0], '\0');
        free(compared.text);
    }
}

SUITE("sim/compare", {"machines_may_differ_in_time_and_name", machines_may_differ_in_time_and_name},
      {"first_divergence_is_told_field_by_field", first_divergence_is_told_field_by_field},
      {"known_bits_are_no_difference", known_bits_are_no_difference}, {"records_of_other_kinds_are_named", records_of_other_kinds_are_named},
      {"scenarios_are_found_by_their_crc", scenarios_are_found_by_their_crc},
      {"other_content_is_found_by_name_when_asked", other_content_is_found_by_name_when_asked},
      {"a_scenario_of_b_alone_counts_both_ways", a_scenario_of_b_alone_counts_both_ways},
      {"where_the_limit_stops_is_no_difference", where_the_limit_stops_is_no_difference},
      {"a_truncated_trace_is_unreadable", a_truncated_trace_is_unreadable})
