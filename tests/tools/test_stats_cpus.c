/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exits and interrupts of a trace by physical CPU. */
#include "tools/stats_cpus.h"

#include "example_trace.h"
#include "tests/support/suite.h"
#include "tools/stats.h"

static struct example example;
static struct stats_cpus stats;

static void interrupt(uint8_t here, uint64_t vector, uint64_t cpu, uint64_t target, uint64_t merged)
{
    trace_numbers(&example.writer, TRACE_INTERRUPT, here, (const uint64_t[]){vector, cpu, target, merged}, 4, NULL, 0);
}

static bool collect(int vcpu)
{
    struct trace_reader reader;
    const struct trace_file trace = {.bytes = example.bytes, .size = example.size};
    return stats_cpus_collect(&stats, &trace, vcpu, &reader);
}

static void write_trace(void)
{
    example_begin(&example);
    example_scenario(&example, "one");
    example_exit(&example, &(struct example_exit){.reason = VMX_EXIT_EXTERNAL_INTERRUPT, .handler = 100});
    interrupt(0, 0x51, 0, 1, 0);
    example_exit(&example, &(struct example_exit){.reason = VMX_EXIT_CPUID, .handler = 50});
    interrupt(0, 0x40, 0, 0, 0);
    interrupt(1, 0x51, 1, 1, 1);
    interrupt(1, 0x51, 99, 1, 0); /* beyond every processor */
    trace_numbers(&example.writer, TRACE_SOURCE, 0, (const uint64_t[]){0x51, 7, 2}, 3, NULL, 0);
    example_end(&example, 2);
}

static void each_processor_has_its_exits_and_interrupts(void)
{
    write_trace();
    CU_ASSERT_TRUE_FATAL(collect(STATS_ALL_VCPUS));
    CU_ASSERT_EQUAL(stats.cpus, 2);
    CU_ASSERT(stats.cpu[0].exits == 2 && stats.cpu[0].external == 1 && stats.cpu[0].ticks == 2 * 1100 + 150);
    CU_ASSERT(stats.cpu[0].interrupts == 2 && stats.cpu[0].foreign == 1);
    CU_ASSERT(stats.cpu[1].exits == 0 && stats.cpu[1].interrupts == 1 && stats.cpu[1].foreign == 0);
    CU_ASSERT_EQUAL(stats.interrupts, 4);
    CU_ASSERT(stats.external == 1 && stats.external_ticks == 1200);
    CU_ASSERT_EQUAL(stats_cpus_home(&stats, 0), 0);
    CU_ASSERT_EQUAL(stats_cpus_home(&stats, 1), STATS_CPUS);
}

static void vectors_stand_in_order_with_what_each_processor_took(void)
{
    write_trace();
    CU_ASSERT_TRUE_FATAL(collect(STATS_ALL_VCPUS));
    CU_ASSERT_EQUAL_FATAL(stats.vectors, 2);
    CU_ASSERT(stats.vector[0].vector == 0x40 && stats.vector[0].vcpu == 0 && stats.vector[0].taken[0] == 1);
    CU_ASSERT(stats.vector[1].vector == 0x51 && stats.vector[1].taken[0] == 1 && stats.vector[1].taken[1] == 1 && stats.vector[1].merged == 1);
    CU_ASSERT_EQUAL_FATAL(stats.sources, 1);
    CU_ASSERT(stats.source[0].vector == 0x51 && stats.source[0].interrupts == 7 && stats.source[0].merged == 2);
}

static void one_vcpu_has_its_exits_and_what_is_for_it(void)
{
    write_trace();
    CU_ASSERT_TRUE_FATAL(collect(1));
    CU_ASSERT_EQUAL(stats.exits, 0);
    CU_ASSERT_EQUAL(stats.interrupts, 3);
    CU_ASSERT_EQUAL(stats.cpu[0].interrupts, 1);
}

static void a_damaged_trace_is_told(void)
{
    write_trace();
    example.size -= 3;
    CU_ASSERT_FALSE(collect(STATS_ALL_VCPUS));
}

static void source(uint64_t vector, uint64_t interrupts, uint64_t merged)
{
    trace_numbers(&example.writer, TRACE_SOURCE, 0, (const uint64_t[]){vector, interrupts, merged}, 3, NULL, 0);
}

static void sources_of_a_vector_add_up(void)
{
    example_begin(&example);
    example_scenario(&example, "one");
    source(0x51, 7, 2);
    source(0x40, 3, 1);
    source(0x51, 10, 5);
    source(0x40, 1, 0);
    example_end(&example, 0);
    CU_ASSERT_TRUE_FATAL(collect(STATS_ALL_VCPUS));
    CU_ASSERT_EQUAL_FATAL(stats.sources, 2);
    CU_ASSERT(stats.source[0].vector == 0x51 && stats.source[0].interrupts == 17 && stats.source[0].merged == 7);
    CU_ASSERT(stats.source[1].vector == 0x40 && stats.source[1].interrupts == 4 && stats.source[1].merged == 1);
}

/* In order of vector, then of the vCPU that it is for; what finds no row is counted all the same. */
static void rows_of_vectors_are_sorted_and_bounded(void)
{
    example_begin(&example);
    example_scenario(&example, "one");
    for (unsigned i = 0; i < STATS_VECTORS + 2; i++)
        interrupt(0, 0x40 + i % 3, 0, (i * 7) % (STATS_VECTORS + 2), 0);
    interrupt(0, 256, 0, 0, 0); /* no vector */
    example_end(&example, 0);
    CU_ASSERT_TRUE_FATAL(collect(STATS_ALL_VCPUS));
    CU_ASSERT_EQUAL_FATAL(stats.vectors, STATS_VECTORS);
    CU_ASSERT_EQUAL(stats.interrupts, STATS_VECTORS + 3);
    for (unsigned i = 1; i < stats.vectors; i++) {
        const struct stats_vector *a = &stats.vector[i - 1], *b = &stats.vector[i];
        CU_ASSERT(a->vector < b->vector || (a->vector == b->vector && a->vcpu < b->vcpu));
    }
}

SUITE("tools/stats_cpus", {"each_processor_has_its_exits_and_interrupts", each_processor_has_its_exits_and_interrupts},
      {"vectors_stand_in_order_with_what_each_processor_took", vectors_stand_in_order_with_what_each_processor_took},
      {"one_vcpu_has_its_exits_and_what_is_for_it", one_vcpu_has_its_exits_and_what_is_for_it}, {"a_damaged_trace_is_told", a_damaged_trace_is_told},
      {"sources_of_a_vector_add_up", sources_of_a_vector_add_up}, {"rows_of_vectors_are_sorted_and_bounded", rows_of_vectors_are_sorted_and_bounded})
