/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Replaying one script file. */
#define _DEFAULT_SOURCE
#include "replay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *error_text(const struct sim_error *error)
{
    char text[sizeof error->file + sizeof error->message + 32];
    if (error->line != 0)
        snprintf(text, sizeof text, "%s:%u: %s", error->file, error->line, error->message);
    else
        snprintf(text, sizeof text, "%s: %s", error->file, error->message);
    return strdup(text);
}

void replay_add(struct replay *out, const struct replay_verdict *verdict)
{
    struct replay_verdict *grown = realloc(out->verdicts, (out->count + 1) * sizeof *grown);
    if (grown == NULL)
        abort();
    out->verdicts = grown;
    out->verdicts[out->count++] = *verdict;
}

void replay_add_error(struct replay *out, const char *path, const char *name, const struct sim_error *error)
{
    out->status = 2;
    replay_add(out, &(struct replay_verdict){.name = strdup(name), .file = strdup(path), .text = error_text(error), .broken = true});
}

static void run_one(const struct sim_scenario *scenario, struct replay *out)
{
    struct sim_error error = {0};
    if (!sim_run_scenario(scenario, &out->trace, &error)) {
        replay_add_error(out, scenario->file, scenario->name, &error);
        return;
    }
    struct sim_verdict verdict = {0};
    sim_judge(scenario, out->trace.bytes, out->trace.size, &verdict);
    if (!verdict.passed && out->status == 0)
        out->status = 1;
    replay_add(
        out,
        &(struct replay_verdict){
            .name = strdup(scenario->name), .file = strdup(scenario->file), .text = verdict.text, .passed = verdict.passed, .exits = verdict.exits});
}

void replay_file(const char *path, const struct sim_override *overrides, size_t override_count, struct replay *out)
{
    *out = (struct replay){0};
    struct sim_scenario *scenarios = NULL;
    size_t count = 0;
    struct sim_error error = {0};
    if (!sim_scenario_load(path, overrides, override_count, &scenarios, &count, &error)) {
        replay_add_error(out, path, path, &error);
        return;
    }
    for (size_t i = 0; i < count; i++)
        run_one(&scenarios[i], out);
    sim_scenario_free(scenarios, count);
}

void replay_free(struct replay *replay)
{
    for (size_t i = 0; i < replay->count; i++) {
        free(replay->verdicts[i].name);
        free(replay->verdicts[i].file);
        free(replay->verdicts[i].text);
    }
    free(replay->verdicts);
    sim_trace_free(&replay->trace);
    *replay = (struct replay){0};
}
