/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every portable shipped scenario on the simulator and on Bochs' VT-x: verdict and trace are the same, but for the listed deviations of Bochs. Where several
   virtual CPUs make the order of exits depend on time, each on a processor of its own, the verdict is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../sim/compare.h"
#include "../../sim/judge.h"
#include "../../sim/run.h"
#include "../../tools/bochs/bochs_run.h"
#include "../../tools/paths.h"
#include "../support/suite.h"

enum { SCENARIOS_MAX = 4096, KNOWN_MAX = 256, AGREEING_AT_LEAST = 150 };

static const char *const folders[] = {SCENARIOS_FOLDER "/exits", SCENARIOS_FOLDER "/rules", SCENARIOS_FOLDER "/entry"};

static struct sim_scenario portable[SCENARIOS_MAX]; /* shallow copies of what `loaded` owns */
static struct bochs_outcome outcomes[SCENARIOS_MAX];
static struct {
    struct sim_scenario *scenarios;
    size_t count;
} loaded[SCENARIOS_MAX];
static size_t portable_count, loaded_count, shipped;
static struct sim_trace real;
static uint64_t seen[KNOWN_MAX];

static void load_folder(const char *folder)
{
    struct path_list paths = {0};
    const struct sim_override profile = {.word = SIM_OVERRIDE_PROFILE, .control = BOCHS_PROFILE};
    const char *why;
    if (!paths_add(&paths, folder, &why))
        printf("\n%s: %s\n", folder, why);
    for (size_t i = 0; i < paths.count; i++, loaded_count++) {
        struct sim_error error;
        CU_ASSERT_FATAL(loaded_count < SCENARIOS_MAX);
        CU_ASSERT_FATAL(sim_scenario_load(paths.path[i], &profile, 1, &loaded[loaded_count].scenarios, &loaded[loaded_count].count, &error));
        for (size_t k = 0; k < loaded[loaded_count].count; k++, shipped++)
            if ((loaded[loaded_count].scenarios[k].portable || loaded[loaded_count].scenarios[k].timed) && portable_count < SCENARIOS_MAX)
                portable[portable_count++] = loaded[loaded_count].scenarios[k];
    }
    paths_free(&paths);
}

/* As the scenario expects, and the same on both. The text says what is not. */
static bool agrees(const struct sim_scenario *scenario, const struct bochs_outcome *outcome, const struct sim_trace *simulated, char **text)
{
    const struct sim_compare_options options = {.known = bochs_known_differences, .known_count = bochs_known_difference_count, .known_seen = seen};
    struct sim_compared compared;
    struct sim_verdict verdict = {0};
    if (!outcome->ran) {
        *text = strdup(outcome->text);
        return false;
    }
    if (!scenario->timed && sim_compare(simulated->bytes, simulated->size, real.bytes, real.size, &options, &compared) != SIM_SAME) {
        *text = compared.text;
        return false;
    }
    if (!scenario->timed)
        free(compared.text);
    sim_judge(scenario, real.bytes, real.size, &verdict);
    *text = verdict.text;
    return verdict.passed;
}

static void every_portable_scenario_agrees(void)
{
    struct sim_error error = {0};
    size_t agreeing = 0, deviating = 0;
    static bool used[KNOWN_MAX];
    CU_ASSERT_FATAL(bochs_known_difference_count <= KNOWN_MAX && bochs_deviation_count <= KNOWN_MAX);
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        load_folder(folders[i]);
    if (!bochs_run(portable, portable_count, &real, outcomes, &error))
        printf("\n%s\n", error.message);
    for (size_t i = 0; i < portable_count; i++) {
        struct sim_trace simulated = {NULL, 0, 0};
        char *text = NULL;
        CU_ASSERT_FATAL(sim_run_scenario(&portable[i], &simulated, &error));
        const bool same = agrees(&portable[i], &outcomes[i], &simulated, &text);
        const struct bochs_deviation *entry = bochs_deviation(&portable[i]);
        const bool listed = entry != NULL;
        if (listed)
            used[entry - bochs_deviations] = true;
        agreeing += same;
        deviating += listed && !same;
        if (same && listed)
            printf("\n%s agrees, but stands in tools/bochs/deviations.c\n", portable[i].name);
        else if (!same && !listed)
            printf("\n%s, A simulator, B Bochs: %s\n", portable[i].name, text != NULL ? text : "");
        CU_ASSERT_NOT_EQUAL(same, listed);
        free(text);
        sim_trace_free(&simulated);
    }
    printf("\n%zu of %zu scenarios are portable: %zu agree, %zu are known to deviate\n", portable_count, shipped, agreeing, deviating);
    CU_ASSERT(agreeing >= AGREEING_AT_LEAST);
    for (size_t i = 0; i < bochs_deviation_count; i++)
        if (!used[i])
            printf("\n%s, %s: tools/bochs/deviations.c names it, but no shipped scenario is that\n", bochs_deviations[i].script,
                   bochs_deviations[i].scenario);
    for (size_t i = 0; i < bochs_deviation_count; i++)
        CU_ASSERT(used[i]);
}

/* A known difference that no scenario shows is no knowledge. */
static void every_known_difference_is_seen(void)
{
    for (size_t i = 0; i < bochs_known_difference_count; i++) {
        if (seen[i] == 0)
            printf("\nno scenario shows: reason %u: %s\n", bochs_known_differences[i].reason, bochs_known_differences[i].what);
        CU_ASSERT_NOT_EQUAL(seen[i], 0);
    }
    for (size_t i = 0; i < loaded_count; i++)
        sim_scenario_free(loaded[i].scenarios, loaded[i].count);
    sim_trace_free(&real);
}

SUITE("tools/both_paths", {"every_portable_scenario_agrees", every_portable_scenario_agrees},
      {"every_known_difference_is_seen", every_known_difference_is_seen})
