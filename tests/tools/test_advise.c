/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `vmxbench whatif` and `vmxbench advise` say of a guest whose exits are known. */
#define _DEFAULT_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/suite.h"
#include "tools/moves.h"
#include "vmx-model/controls.h"

#define GUEST SOURCE_FOLDER "/scenarios/workloads/tunable.lua"
static char output[1 << 16];

static int vmxbench(const char *arguments)
{
    char command[1024];
    snprintf(command, sizeof command, "'%s' %s", VMXBENCH, arguments);
    FILE *from = popen(command, "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(from);
    output[fread(output, 1, sizeof output - 1, from)] = '\0';
    const int status = pclose(from);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void every_row_names_a_control_and_stands_by_reason(void)
{
    for (unsigned i = 0; i < advice_row_count(); i++) {
        const struct advice_row *row = &advice_rows[i];
        const enum vmx_control_word word = vmx_control_word_of_name(row->change.word);
        CU_ASSERT_FATAL(word < VMX_WORD_CONTROLS);
        const struct vmx_control_row *control = vmx_control_of_name(word, row->change.control);
        CU_ASSERT_PTR_NOT_NULL_FATAL(control);
        CU_ASSERT_STRING_EQUAL(control->name, row->change.control);
        CU_ASSERT(i == 0 || advice_rows[i - 1].reason <= row->reason);
    }
}

static void whatif_shows_the_change_and_what_is_not_expected_any_more(void)
{
    CU_ASSERT_EQUAL(vmxbench("whatif --set use_msr_bitmaps=1 " GUEST), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(output, "MSR_READ                         1000            0        -1000"));
    CU_ASSERT_PTR_NOT_NULL(strstr(output, "RDTSC                            1000         1000           +0"));
    CU_ASSERT_PTR_NOT_NULL(strstr(output, "1 of 1 scenarios met theirs before the change; 1 of these no longer"));
    CU_ASSERT_EQUAL(vmxbench("whatif " GUEST " 2>&1"), 2);
    CU_ASSERT_EQUAL(vmxbench("whatif --set no_such=1 " GUEST " 2>&1"), 2);
    CU_ASSERT_EQUAL(vmxbench("whatif --set primary.cr3_load_exiting=1 no-such.lua 2>&1"), 2);
}

static void advise_ranks_by_time_saved(void)
{
    CU_ASSERT_EQUAL(vmxbench("advise " GUEST), 0);
    const char *first = strstr(output, "1. primary.use_msr_bitmaps=1 saves 1000 of 3001 exits");
    const char *second = strstr(output, "2. primary.rdtsc_exiting=0 saves 1000 of 3001 exits");
    CU_ASSERT_PTR_NOT_NULL_FATAL(first);
    CU_ASSERT_PTR_NOT_NULL_FATAL(second);
    CU_ASSERT(first < second);
    CU_ASSERT_PTR_NOT_NULL(strstr(output, "controls = { primary = { use_msr_bitmaps = true } }"));
    CU_ASSERT_EQUAL(vmxbench("advise " SOURCE_FOLDER "/scenarios/exits/cpuid.lua"), 0);
    CU_ASSERT_STRING_EQUAL(output, "No control bit and no binding of an interrupt saves time here.\n");
}

/* The written script runs, and is without the exits. */
static void advise_applies_what_it_says(void)
{
    char file[64], arguments[256];
    snprintf(file, sizeof file, "/tmp/vmxbench-advise-%ld.lua", (long)getpid());
    snprintf(arguments, sizeof arguments, "advise --apply %s " GUEST, file);
    CU_ASSERT_EQUAL(vmxbench(arguments), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(output, "Total                            3001            1        -3000"));
    snprintf(arguments, sizeof arguments, "stat --csv %s", file);
    CU_ASSERT_EQUAL(vmxbench(arguments), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(output, "VMCALL,1,"));
    CU_ASSERT_PTR_NULL(strstr(output, "MSR_READ"));
    (void)remove(file);
}

static void a_trace_gets_upper_bounds(void)
{
    char file[64], arguments[256];
    snprintf(file, sizeof file, "/tmp/vmxbench-advise-%ld.trace", (long)getpid());
    snprintf(arguments, sizeof arguments, "run -q --trace %s " GUEST, file);
    CU_ASSERT_EQUAL(vmxbench(arguments), 0);
    snprintf(arguments, sizeof arguments, "advise %s", file);
    CU_ASSERT_EQUAL(vmxbench(arguments), 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(output, "1. primary.use_msr_bitmaps=1 saves at most 1000 of 3001 exits"));
    snprintf(arguments, sizeof arguments, "advise --apply /tmp/x.lua %s 2>&1", file);
    CU_ASSERT_EQUAL(vmxbench(arguments), 2);
    (void)remove(file);
}

SUITE("tools/advise", {"every_row_names_a_control_and_stands_by_reason", every_row_names_a_control_and_stands_by_reason},
      {"whatif_shows_the_change_and_what_is_not_expected_any_more", whatif_shows_the_change_and_what_is_not_expected_any_more},
      {"advise_ranks_by_time_saved", advise_ranks_by_time_saved}, {"advise_applies_what_it_says", advise_applies_what_it_says},
      {"a_trace_gets_upper_bounds", a_trace_gets_upper_bounds})
