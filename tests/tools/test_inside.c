/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every portable shipped scenario by native handlers, and by the hardware image that runs as a hypervisor inside the simulated machine: the same verdict
   and the same trace, without exception. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../sim/compare.h"
#include "../../sim/judge.h"
#include "../../sim/run.h"
#include "../../tools/bochs/bochs_run.h"
#include "../../tools/paths.h"
#include "../support/suite.h"

enum { SCENARIOS_MAX = 4096, FILES_MAX = 512, AGREEING_AT_LEAST = 150 };

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
            if (loaded[loaded_count].scenarios[k].portable && portable_count < SCENARIOS_MAX)
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
    CU_ASSERT_FATAL(sim_run_scenario(scenario, &native, &error));
    const bool same = sim_compare(native.bytes, native.size, inside.bytes, inside.size, &options, &compared) == SIM_SAME;
    sim_trace_free(&native);
    *text = compared.text;
    if (!same)
        return false;
    free(compared.text);
    sim_judge(scenario, inside.bytes, inside.size, &verdict);
    *text = verdict.text;
    return verdict.passed;
}

static void every_portable_scenario_agrees(void)
{
    struct sim_error error = {0};
    size_t agreeing = 0;
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
        free(text);
    }
    printf("\n%zu of %zu portable scenarios agree\n", agreeing, portable_count);
    CU_ASSERT(agreeing >= AGREEING_AT_LEAST);
    for (size_t i = 0; i < loaded_count; i++)
        sim_scenario_free(loaded[i].scenarios, loaded[i].count);
    sim_trace_free(&inside);
}

SUITE("tools/inside", {"every_portable_scenario_agrees", every_portable_scenario_agrees})
