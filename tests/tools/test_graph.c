/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The picture: transitions counted on each virtual CPU, the sequence cut where it is asked to end, text made safe for Graphviz. */
#include "tools/graph.h"

#include <stdlib.h>
#include <string.h>

#include "example_trace.h"
#include "tests/support/suite.h"
#include "tools/dot.h"

static struct example example;
static struct graph graph;

static bool collect(int vcpu, unsigned sequence)
{
    const struct trace_file file = {example.bytes, example.size};
    struct trace_reader reader;
    graph_free(&graph);
    return graph_collect(&graph, &file, vcpu, sequence, &reader);
}

static char *dot_text(unsigned edges, size_t *size)
{
    char *text = NULL;
    FILE *to = open_memstream(&text, size);
    graph_write_dot(to, &graph, edges);
    fclose(to);
    return text;
}

static void transitions_run_from_start_to_stop(void)
{
    example_usual(&example);
    CU_ASSERT_TRUE_FATAL(collect(STATS_ALL_VCPUS, 20));
    CU_ASSERT_EQUAL(graph.edge[GRAPH_START][VMX_EXIT_CPUID], 1);
    CU_ASSERT_EQUAL(graph.edge[VMX_EXIT_CPUID][VMX_EXIT_CPUID], 1);
    CU_ASSERT_EQUAL(graph.edge[VMX_EXIT_CPUID][VMX_EXIT_IO_INSTRUCTION], 1);
    CU_ASSERT_EQUAL(graph.edge[VMX_EXIT_VMCALL][GRAPH_STOP], 1);
    CU_ASSERT_EQUAL(graph.edges, 7);
}

static void each_vcpu_has_its_own_transitions(void)
{
    example_begin(&example);
    example_scenario(&example, "two");
    for (unsigned i = 0; i < 4; i++)
        example_exit(&example, &(struct example_exit){.reason = i % 2 == 0 ? VMX_EXIT_CPUID : VMX_EXIT_HLT, .handler = 1, .vcpu = i % 2});
    example_end(&example, 4);
    CU_ASSERT_TRUE(collect(STATS_ALL_VCPUS, 20));
    CU_ASSERT_EQUAL(graph.edge[VMX_EXIT_CPUID][VMX_EXIT_CPUID], 1);
    CU_ASSERT_EQUAL(graph.edge[VMX_EXIT_CPUID][VMX_EXIT_HLT], 0);
    CU_ASSERT(graph.vcpu_seen[0] && graph.vcpu_seen[1] && !graph.vcpu_seen[2]);
    CU_ASSERT_TRUE(collect(1, 20));
    CU_ASSERT(graph.stats.samples == 2 && !graph.vcpu_seen[0] && graph.vcpu_seen[1]);
}

static void the_sequence_ends_where_it_is_asked_to(void)
{
    example_usual(&example);
    CU_ASSERT_TRUE(collect(STATS_ALL_VCPUS, 2));
    CU_ASSERT_EQUAL(graph.exits_shown, 2);
    CU_ASSERT_TRUE(graph.more_exits);
    CU_ASSERT_TRUE(collect(STATS_ALL_VCPUS, 6));
    CU_ASSERT_EQUAL(graph.exits_shown, 6);
    CU_ASSERT_FALSE(graph.more_exits);
    CU_ASSERT_TRUE(collect(STATS_ALL_VCPUS, 0));
    CU_ASSERT_EQUAL(graph.steps, 0);
}

static void stimuli_and_injections_stand_in_the_sequence(void)
{
    example_usual(&example);
    CU_ASSERT_TRUE(collect(STATS_ALL_VCPUS, 20));
    CU_ASSERT_EQUAL_FATAL(graph.steps, 7);
    CU_ASSERT_EQUAL(graph.step[4].kind, GRAPH_NOTE);
    CU_ASSERT_STRING_EQUAL(graph.step[4].details, "virtual interrupt queued 0x20");
    CU_ASSERT_STRING_EQUAL(graph.step[5].entry, "interrupt 0x20");
    CU_ASSERT_FALSE(graph.step[6].entered);
}

static void rare_transitions_are_left_out_and_said_so(void)
{
    size_t size;
    example_usual(&example);
    CU_ASSERT_TRUE(collect(STATS_ALL_VCPUS, 20));
    char *text = dot_text(1, &size);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "rarer transitions"));
    free(text);
    text = dot_text(100, &size);
    CU_ASSERT_PTR_NULL(strstr(text, "rarer transitions"));
    free(text);
}

static void names_are_made_safe(void)
{
    size_t size;
    example_usual(&example);
    CU_ASSERT_TRUE(collect(STATS_ALL_VCPUS, 20));
    char *text = dot_text(40, &size);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "usual &lt;exits&gt;"));
    CU_ASSERT_PTR_NULL(strstr(text, "usual <exits>"));
    free(text);
    example_begin(&example);
    example_scenario(&example, "\xff \x01 \xc3\xa9 \xe5");
    example_end(&example, 0);
    CU_ASSERT_TRUE(collect(STATS_ALL_VCPUS, 20));
    text = dot_text(40, &size);
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "<b>&#65533; &#65533; \xc3\xa9 &#65533; (profile"));
    free(text);
}

static void an_empty_trace_makes_an_empty_picture(void)
{
    size_t size;
    example_begin(&example);
    CU_ASSERT_TRUE(collect(STATS_ALL_VCPUS, 20));
    char *text = dot_text(40, &size);
    CU_ASSERT_PTR_NULL(strstr(text, "->"));
    free(text);
}

static void graphviz_draws_it(void)
{
    size_t size, picture_size;
    char why[160];
    uint8_t *picture;
    example_usual(&example);
    CU_ASSERT_TRUE(collect(STATS_ALL_VCPUS, 20));
    char *text = dot_text(40, &size);
    CU_ASSERT_TRUE_FATAL(dot_render(text, size, "svg", &picture, &picture_size, why, sizeof why));
    CU_ASSERT(picture_size > 1000 && memcmp(picture, "<?xml", 5) == 0);
    free(picture);
    free(text);
    CU_ASSERT_FALSE(dot_render("digraph {", 9, "svg", &picture, &picture_size, why, sizeof why));
    CU_ASSERT_PTR_NULL(picture);
}

static void note(enum trace_kind kind, uint8_t vcpu, uint64_t a, uint64_t b, uint64_t c)
{
    trace_numbers(&example.writer, kind, vcpu, (const uint64_t[]){a, b, c, 0}, kind == TRACE_INTERRUPT ? 4 : 3, NULL, 0);
}

/* What stands between exits: refused entries by their kind, interrupts that the host takes, the scenarios after the first. */
static void notes_tell_what_stands_between_exits(void)
{
    static const char *const told[] = {"VM entry refused: VMfailInvalid", "VM entry refused: VMfailValid, error 7",
                                       "VM entry refused: fault, vector 13", "physical CPU 2 takes the interrupt 0x51 of vCPU 1", "scenario two"};
    example_begin(&example);
    example_scenario(&example, "one");
    example_exit(&example, &(struct example_exit){.reason = VMX_EXIT_CPUID, .guest_instructions = 5, .handler = 1});
    note(TRACE_ENTRY_FAIL, 0, 0, 0, 0);
    note(TRACE_ENTRY_FAIL, 0, 1, 7, 0);
    note(TRACE_ENTRY_FAIL, 0, 3, 13, 0);
    note(TRACE_INTERRUPT, 0, 0x51, 2, 1);
    example_end(&example, 1);
    example_scenario(&example, "two");
    note(TRACE_INJECT, 0, 0x80000320, 0, 0); /* of no exit of this one */
    example_exit(&example, &(struct example_exit){
                               .reason = VMX_EXIT_INVALID_STATE | VMX_REASON_FAILED_VMENTRY, .guest_instructions = 3, .handler = UINT64_MAX});
    example_end(&example, 1);
    CU_ASSERT_TRUE_FATAL(collect(STATS_ALL_VCPUS, 20));
    CU_ASSERT_STRING_EQUAL(graph.title, "one (profile skylake-sp, machine sim)");
    CU_ASSERT_EQUAL_FATAL(graph.steps, 7);
    for (unsigned i = 0; i < 5; i++) {
        CU_ASSERT_EQUAL(graph.step[i + 1].kind, GRAPH_NOTE);
        CU_ASSERT_STRING_EQUAL(graph.step[i + 1].details, told[i]);
    }
    const struct graph_step *const first = &graph.step[0], *const last = &graph.step[6];
    CU_ASSERT(first->kind == GRAPH_EXIT && first->entered && !first->entry_failed && first->ticks == 5 && first->guest_instructions == 5);
    CU_ASSERT_STRING_EQUAL(first->entry, "");
    CU_ASSERT(last->kind == GRAPH_EXIT && !last->entered && last->entry_failed && last->ticks == 3 && last->reason == VMX_EXIT_INVALID_STATE);
    CU_ASSERT_EQUAL(graph.edge[GRAPH_START][VMX_EXIT_CPUID], 1);
    CU_ASSERT_EQUAL(graph.edge[GRAPH_START][VMX_EXIT_INVALID_STATE], 1); /* each scenario starts anew */
    CU_ASSERT_EQUAL(graph.scenarios, 2);
}

static void nothing_is_noted_behind_the_end_of_the_sequence(void)
{
    example_begin(&example);
    example_scenario(&example, "one");
    example_exit(&example, &(struct example_exit){.reason = VMX_EXIT_CPUID, .handler = 1});
    note(TRACE_STIMULUS, 0, STEP_NMI, 0, 0);
    example_exit(&example, &(struct example_exit){.reason = VMX_EXIT_HLT, .handler = 1});
    note(TRACE_INJECT, 0, 0x80000320, 0, 0); /* of the exit that is not shown */
    example_end(&example, 2);
    example_scenario(&example, "two");
    example_end(&example, 0);
    CU_ASSERT_TRUE_FATAL(collect(STATS_ALL_VCPUS, 1));
    CU_ASSERT_EQUAL_FATAL(graph.steps, 1);
    CU_ASSERT_STRING_EQUAL(graph.step[0].entry, "");
    CU_ASSERT_TRUE(graph.more_exits);
    CU_ASSERT_EQUAL(graph.edge[VMX_EXIT_CPUID][VMX_EXIT_HLT], 1); /* transitions count on */
}

SUITE("tools/graph", {"transitions_run_from_start_to_stop", transitions_run_from_start_to_stop},
      {"each_vcpu_has_its_own_transitions", each_vcpu_has_its_own_transitions},
      {"the_sequence_ends_where_it_is_asked_to", the_sequence_ends_where_it_is_asked_to},
      {"stimuli_and_injections_stand_in_the_sequence", stimuli_and_injections_stand_in_the_sequence},
      {"rare_transitions_are_left_out_and_said_so", rare_transitions_are_left_out_and_said_so}, {"names_are_made_safe", names_are_made_safe},
      {"an_empty_trace_makes_an_empty_picture", an_empty_trace_makes_an_empty_picture}, {"graphviz_draws_it", graphviz_draws_it},
      {"notes_tell_what_stands_between_exits", notes_tell_what_stands_between_exits},
      {"nothing_is_noted_behind_the_end_of_the_sequence", nothing_is_noted_behind_the_end_of_the_sequence})
