/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two runs side by side: all exits, and those of the work that both did. */
#define _DEFAULT_SOURCE
#include "tools/whatif.h"

#include <stdlib.h>

#include "example_trace.h"
#include "tests/support/suite.h"

static struct example before, after;

/* `exits` of a reason, 9 guest instructions before each: 10 of work. */
static void scenario(struct example *example, uint64_t reason, unsigned exits)
{
    example_scenario(example, "one");
    for (unsigned i = 0; i < exits; i++)
        example_exit(example, &(struct example_exit){.reason = reason, .guest_instructions = 9, .handler = 100});
    trace_numbers(&example->writer, TRACE_END, 0, (const uint64_t[]){exits, 9u * exits, example->ticks, TRACE_STOP_STEPS}, 4, NULL, 0);
}

static void same_work_leaves_out_what_only_one_run_did(void)
{
    struct whatif w;
    example_begin(&before);
    scenario(&before, VMX_EXIT_CPUID, 4);
    example_begin(&after);
    scenario(&after, VMX_EXIT_CPUID, 6);
    whatif_compare(&w, before.bytes, before.size, after.bytes, after.size, true);
    CU_ASSERT_EQUAL(w.before.exits[VMX_EXIT_CPUID], 4);
    CU_ASSERT_EQUAL(w.after.exits[VMX_EXIT_CPUID], 4);
    CU_ASSERT_EQUAL(w.before.all_ticks, w.after.all_ticks);
    CU_ASSERT_EQUAL(w.work_before, 40);
    CU_ASSERT_EQUAL(w.work_after, 60);
    whatif_compare(&w, after.bytes, after.size, before.bytes, before.size, true);
    CU_ASSERT_EQUAL(w.before.all_exits, 4);
    whatif_compare(&w, before.bytes, before.size, after.bytes, after.size, false);
    CU_ASSERT_EQUAL(w.after.all_exits, 6);
}

static void each_scenario_has_a_bound_of_its_own(void)
{
    struct whatif w;
    example_begin(&before);
    scenario(&before, VMX_EXIT_CPUID, 2);
    scenario(&before, VMX_EXIT_HLT, 5);
    example_begin(&after);
    scenario(&after, VMX_EXIT_CPUID, 4);
    scenario(&after, VMX_EXIT_HLT, 1);
    whatif_compare(&w, before.bytes, before.size, after.bytes, after.size, true);
    CU_ASSERT_EQUAL(w.after.exits[VMX_EXIT_CPUID], 2);
    CU_ASSERT_EQUAL(w.before.exits[VMX_EXIT_HLT], 1);
    CU_ASSERT_EQUAL(w.before.all_exits, 3);
}

/* An interrupt takes no instruction of the guest's: exits that are saved do not shorten what is compared. */
static void an_interrupt_is_no_work(void)
{
    struct whatif w;
    for (unsigned interrupted = 0; interrupted < 2; interrupted++) {
        struct example *example = interrupted != 0 ? &before : &after;
        example_begin(example);
        example_scenario(example, "one");
        for (unsigned i = 0; i < 4; i++)
            example_exit(example, &(struct example_exit){.reason = VMX_EXIT_CPUID, .guest_instructions = 9, .handler = 100});
        for (unsigned i = 0; i < 20 * interrupted; i++)
            example_exit(example, &(struct example_exit){.reason = VMX_EXIT_EXTERNAL_INTERRUPT, .no_length = true});
        trace_numbers(&example->writer, TRACE_END, 0, (const uint64_t[]){4, 36, example->ticks, TRACE_STOP_STEPS}, 4, NULL, 0);
    }
    whatif_compare(&w, before.bytes, before.size, after.bytes, after.size, true);
    CU_ASSERT_EQUAL(w.work_before, 40);
    CU_ASSERT_EQUAL(w.work_after, 40);
    CU_ASSERT_EQUAL(w.before.exits[VMX_EXIT_EXTERNAL_INTERRUPT], 20);
    CU_ASSERT_EQUAL(w.before.all_exits - w.after.all_exits, 20);
    CU_ASSERT_EQUAL(w.before.cpu_exits[0], 24);
    CU_ASSERT(w.before.end_ticks > w.after.end_ticks);
}

/* The table: a row for each reason that either run has, the sum, and where exits happen when that is in more than one place. */
static void the_table_has_what_either_run_has(void)
{
    static const char *const rows[] = {
        "VM-EXIT                        Before        After       Change      Time before       Time after           Change\n",
        "CPUID                               2            1           -1           2.40us           1.20us          -1.20us\n",
        "HLT                                 0            1           +1           0.00us           1.20us          +1.20us\n",
        "VMCALL                              1            0           -1           1.20us           0.00us          -1.20us\n",
        "(VM entry failed)                   0            1           +1           0.00us           0.00us          +0.00us\n",
    };
    char *text = NULL;
    size_t size;
    example_begin(&before);
    example_scenario(&before, "one");
    example_exit(&before, &(struct example_exit){.reason = VMX_EXIT_CPUID, .handler = 100});
    example_exit(&before, &(struct example_exit){.reason = VMX_EXIT_CPUID, .handler = 100, .physical_cpu = 2});
    example_exit(&before, &(struct example_exit){.reason = VMX_EXIT_VMCALL, .handler = 100});
    example_end(&before, 3);
    example_begin(&after);
    example_scenario(&after, "one");
    example_exit(&after, &(struct example_exit){.reason = VMX_EXIT_CPUID, .handler = 100});
    example_exit(&after, &(struct example_exit){.reason = VMX_EXIT_HLT, .handler = 100});
    trace_numbers(&after.writer, TRACE_ENTRY_FAIL, 0, (const uint64_t[]){1, 7, 0}, 3, NULL, 0);
    example_end(&after, 2);
    FILE *to = open_memstream(&text, &size);
    whatif_table(to, before.bytes, before.size, after.bytes, after.size);
    fclose(to);
    char *at = text;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CU_ASSERT_EQUAL_FATAL(strncmp(at, rows[i], strlen(rows[i])), 0);
        at += strlen(rows[i]);
    }
    CU_ASSERT_EQUAL(strncmp(at, "Total  ", 7), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(at, "\non physical CPU 0                   2            2           +0 "));
    CU_ASSERT_PTR_NULL(strstr(at, "on physical CPU 1"));
    CU_ASSERT_PTR_NOT_NULL(
        strstr(at, "\non physical CPU 2                   1            0           -1           1.20us           0.00us          -1.20us\n"));
    free(text);
    text = NULL;
    to = open_memstream(&text, &size);
    whatif_table(to, after.bytes, after.size, after.bytes, after.size);
    fclose(to);
    CU_ASSERT_PTR_NULL(strstr(text, "on physical CPU"));
    CU_ASSERT_PTR_NULL(strstr(text, "VMCALL"));
    free(text);
}

SUITE("tools/whatif", {"an_interrupt_is_no_work", an_interrupt_is_no_work},
      {"same_work_leaves_out_what_only_one_run_did", same_work_leaves_out_what_only_one_run_did},
      {"each_scenario_has_a_bound_of_its_own", each_scenario_has_a_bound_of_its_own},
      {"the_table_has_what_either_run_has", the_table_has_what_either_run_has})
