/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counting exits: samples, times from exit to entry, order, deviation. */
#include "tools/stats.h"

#include "example_trace.h"
#include "tests/support/suite.h"

static struct example example;

static bool collect(struct stats *stats, int vcpu)
{
    const struct trace_file file = {example.bytes, example.size};
    struct trace_reader reader;
    *stats = (struct stats){0};
    return stats_collect(stats, &file, vcpu, &reader);
}

static bool near(double a, double b)
{
    return a - b < 1e-6 && b - a < 1e-6;
}

static void time_runs_from_exit_to_entry(void)
{
    struct stats stats;
    example_usual(&example);
    CU_ASSERT_TRUE_FATAL(collect(&stats, STATS_ALL_VCPUS));
    CU_ASSERT_EQUAL(stats.samples, 6);
    const struct stats_row *const cpuid = &stats.row[VMX_EXIT_CPUID];
    CU_ASSERT_EQUAL(cpuid->samples, 2);
    CU_ASSERT_EQUAL(cpuid->min_ticks, 600 + 400 + 500);
    CU_ASSERT_EQUAL(cpuid->max_ticks, 600 + 900 + 500);
    CU_ASSERT_EQUAL(cpuid->ticks, 3500);
    CU_ASSERT_EQUAL(stats.row[VMX_EXIT_VMCALL].ticks, 600); /* no entry follows */
    CU_ASSERT_EQUAL(stats.ticks, 3500 + 1400 + 6100 + 1450 + 600);
}

static void deviation_is_the_standard_error_of_the_mean(void)
{
    struct stats stats;
    example_usual(&example);
    CU_ASSERT_TRUE_FATAL(collect(&stats, STATS_ALL_VCPUS));
    /* 1500 and 2000: variance 125000, of the mean 62500, its root 250, of 1750 */
    CU_ASSERT(near(stats_deviation_percent(&stats.row[VMX_EXIT_CPUID]), 100 * 250.0 / 1750.0));
    CU_ASSERT(near(stats_deviation_percent(&stats.row[VMX_EXIT_VMCALL]), 0));
}

static void rows_sort_by_samples_or_time_then_number(void)
{
    struct stats stats;
    const struct stats_row *rows[STATS_ROWS];
    example_usual(&example);
    CU_ASSERT_TRUE_FATAL(collect(&stats, STATS_ALL_VCPUS));
    CU_ASSERT_EQUAL_FATAL(stats_sorted(&stats, STATS_BY_SAMPLES, rows), 5);
    static const uint32_t by_samples[] = {VMX_EXIT_CPUID, VMX_EXIT_INTERRUPT_WINDOW, VMX_EXIT_VMCALL, VMX_EXIT_IO_INSTRUCTION,
                                          VMX_EXIT_EPT_VIOLATION};
    static const uint32_t by_time[] = {VMX_EXIT_EPT_VIOLATION, VMX_EXIT_CPUID, VMX_EXIT_INTERRUPT_WINDOW, VMX_EXIT_IO_INSTRUCTION, VMX_EXIT_VMCALL};
    for (unsigned i = 0; i < 5; i++)
        CU_ASSERT_EQUAL(rows[i]->reason, by_samples[i]);
    CU_ASSERT_EQUAL(stats_sorted(&stats, STATS_BY_TIME, rows), 5);
    for (unsigned i = 0; i < 5; i++)
        CU_ASSERT_EQUAL(rows[i]->reason, by_time[i]);
}

static void one_vcpu_can_be_chosen(void)
{
    struct stats stats;
    example_begin(&example);
    example_scenario(&example, "two");
    example_exit(&example, &(struct example_exit){.reason = VMX_EXIT_HLT, .handler = 1, .vcpu = 0});
    example_exit(&example, &(struct example_exit){.reason = VMX_EXIT_CPUID, .handler = 1, .vcpu = 1});
    example_end(&example, 2);
    CU_ASSERT(collect(&stats, 1) && stats.samples == 1 && stats.row[VMX_EXIT_CPUID].samples == 1);
    CU_ASSERT(collect(&stats, 5) && stats.samples == 0);
}

static void failed_entries_count_under_their_basic_reason_and_unknown_ones_apart(void)
{
    struct stats stats;
    char text[24];
    example_begin(&example);
    example_scenario(&example, "odd");
    example_exit(&example, &(struct example_exit){.reason = VMX_REASON_FAILED_VMENTRY | 33, .handler = UINT64_MAX});
    example_exit(&example, &(struct example_exit){.reason = 99, .handler = 1});
    example_end(&example, 2);
    CU_ASSERT_TRUE(collect(&stats, STATS_ALL_VCPUS));
    CU_ASSERT_EQUAL(stats.row[33].samples, 1);
    CU_ASSERT_EQUAL(stats.row[VMX_REASON_LIMIT].reason, 99);
    CU_ASSERT_STRING_EQUAL(trace_reason_name(99, text), "UNKNOWN (99)");
    CU_ASSERT_STRING_EQUAL(trace_reason_name(VMX_REASON_FAILED_VMENTRY | 33, text), "INVALID_STATE");
}

static void a_damaged_trace_is_not_counted_as_whole(void)
{
    struct stats stats;
    example_usual(&example);
    example.size -= 3;
    CU_ASSERT_FALSE(collect(&stats, STATS_ALL_VCPUS));
    example.size = 5;
    CU_ASSERT_FALSE(collect(&stats, STATS_ALL_VCPUS));
}

SUITE("tools/stats", {"time_runs_from_exit_to_entry", time_runs_from_exit_to_entry},
      {"deviation_is_the_standard_error_of_the_mean", deviation_is_the_standard_error_of_the_mean},
      {"rows_sort_by_samples_or_time_then_number", rows_sort_by_samples_or_time_then_number}, {"one_vcpu_can_be_chosen", one_vcpu_can_be_chosen},
      {"failed_entries_count_under_their_basic_reason_and_unknown_ones_apart", failed_entries_count_under_their_basic_reason_and_unknown_ones_apart},
      {"a_damaged_trace_is_not_counted_as_whole", a_damaged_trace_is_not_counted_as_whole})
