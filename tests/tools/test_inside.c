/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every portable shipped scenario by native handlers, and by the hardware image that runs as a hypervisor inside the simulated machine: the same verdict
   and the same trace, without exception. Where several virtual CPUs make the order of exits depend on time, each on a processor of its own, the verdict. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../sim/compare.h"
#include "../../sim/judge.h"
#include "../../sim/run.h"
#include "../../tools/bochs/bochs_run.h"
#include "../../tools/paths.h"
#include "../support/suite.h"

enum { SCENARIOS_MAX = 4096, FILES_MAX = 512, AGREEING_AT_LEAST = 150, OF_SEVERAL_VCPUS = 3 };

static const char *const folders[] = {SCENARIOS_FOLDER "/exits", SCENARIOS_FOLDER "/rules", SCENARIOS_FOLDER "/entry"};

static struct sim_scenario portable[SCENARIOS_MAX]; /* shallow copies of what `loaded` owns */
static struct bochs_outcome outcomes[SCENARIOS_MAX];
static struct {
    struct sim_scenario *scenarios;
    size_t count;
} loaded[FILES_MAX];
static size_t portable_count, loaded_count;
static struct sim_trace inside;

static void load_folder(const char *folder)
{
    struct path_list paths = {0};
    const struct sim_override profile = {.word = SIM_OVERRIDE_PROFILE, .control = BOCHS_PROFILE};
    const char *why;
    CU_ASSERT_FATAL(paths_add(&paths, folder, &why));
    for (size_t i = 0; i < paths.count; i++, loaded_count++) {
        struct sim_error error;
        CU_ASSERT_FATAL(loaded_count < FILES_MAX);
        CU_ASSERT_FATAL(sim_scenario_load(paths.path[i], &profile, 1, &loaded[loaded_count].scenarios, &loaded[loaded_count].count, &error));
        for (size_t k = 0; k < loaded[loaded_count].count; k++)
            if ((loaded[loaded_count].scenarios[k].portable || loaded[loaded_count].scenarios[k].timed) && portable_count < SCENARIOS_MAX)
                portable[portable_count++] = loaded[loaded_count].scenarios[k];
    }
    paths_free(&paths);
}

static bool agrees(const struct sim_scenario *scenario, const struct bochs_outcome *outcome, char **text)
{
    const struct sim_compare_options options = {0};
    struct sim_trace native = {NULL, 0, 0};
    struct sim_compared compared;
    struct sim_verdict verdict = {0};
    struct sim_error error;
    if (!outcome->ran) {
        *text = strdup(outcome->text);
        return false;
    }
    if (!scenario->timed) {
        CU_ASSERT_FATAL(sim_run_scenario(scenario, &native, &error));
        const bool same = sim_compare(native.bytes, native.size, inside.bytes, inside.size, &options, &compared) == SIM_SAME;
        sim_trace_free(&native);
        *text = compared.text;
        if (!same)
            return false;
        free(compared.text);
    }
    sim_judge(scenario, inside.bytes, inside.size, &verdict);
    *text = verdict.text;
    return verdict.passed;
}

/* Several processors take turns by a fixed sequence: two runs differ in no byte. */
static void expect_the_same_again(void)
{
    static struct sim_scenario several[SCENARIOS_MAX];
    struct sim_trace trace[2] = {{NULL, 0, 0}, {NULL, 0, 0}};
    struct sim_error error;
    size_t count = 0;
    for (size_t i = 0; i < portable_count; i++)
        if (portable[i].timed)
            several[count++] = portable[i];
    for (unsigned i = 0; i < 2; i++)
        CU_ASSERT_FATAL(inside_run(several, count, &trace[i], outcomes, &error));
    CU_ASSERT(trace[0].size == trace[1].size && memcmp(trace[0].bytes, trace[1].bytes, trace[0].size) == 0);
    for (unsigned i = 0; i < 2; i++)
        sim_trace_free(&trace[i]);
}

static void every_portable_scenario_agrees(void)
{
    struct sim_error error = {0};
    size_t agreeing = 0, several = 0;
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        load_folder(folders[i]);
    if (!inside_run(portable, portable_count, &inside, outcomes, &error))
        printf("\n%s: %s\n", error.file, error.message);
    for (size_t i = 0; i < portable_count; i++) {
        char *text = NULL;
        const bool same = agrees(&portable[i], &outcomes[i], &text);
        if (!same)
            printf("\n%s, A native, B inside: %s\n", portable[i].name, text != NULL ? text : "");
        CU_ASSERT(same);
        agreeing += same;
        several += same && portable[i].vcpus > 1;
        free(text);
    }
    printf("\n%zu of %zu portable scenarios agree, %zu of them on several processors\n", agreeing, portable_count, several);
    CU_ASSERT(agreeing >= AGREEING_AT_LEAST);
    CU_ASSERT(several >= OF_SEVERAL_VCPUS);
    expect_the_same_again();
    for (size_t i = 0; i < loaded_count; i++)
        sim_scenario_free(loaded[i].scenarios, loaded[i].count);
    sim_trace_free(&inside);
}

SUITE("tools/inside", {"every_portable_scenario_agrees", every_portable_scenario_agrees})
