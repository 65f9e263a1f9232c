/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Replaying one script file. */
#define _DEFAULT_SOURCE
#include "replay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../sim/snapshot.h"
#include "../sim/snapshot_bare.h"
#include "../sim/trace_memory.h"

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

/* Every replay gives the bytes of the first. */
static bool repeat_session(struct sim_session *session, const struct sim_snapshot *start, unsigned repeat, const struct sim_trace *first,
                           struct sim_error *error)
{
    for (unsigned i = 2; i <= repeat; i++) {
        if (!sim_snapshot_restore(start, session, error))
            return false;
        (void)sim_session_run(session, UINT64_MAX, UINT64_MAX);
        const struct sim_trace *trace = sim_session_trace(session);
        if (trace->size == first->size && memcmp(trace->bytes, first->bytes, first->size) == 0)
            continue;
        *error = (struct sim_error){0};
        snprintf(error->message, sizeof error->message, "replay %u of %u gives another trace than the first one", i, repeat);
        return false;
    }
    return true;
}

/* From where the session stands to its end, so many times; the trace of the first is added. */
static bool run_session(struct sim_session *session, unsigned repeat, struct sim_trace *trace, struct sim_error *error)
{
    static const char no_memory[] = "out of memory";
    struct sim_trace first = {0};
    struct sim_snapshot *start = repeat > 1 ? sim_snapshot_take(session) : NULL;
    (void)sim_session_run(session, UINT64_MAX, UINT64_MAX);
    bool good = !sim_session_lost(session) && sim_trace_join(&first, sim_session_trace(session)) && sim_trace_join(trace, &first) &&
                (repeat == 1 || start != NULL);
    if (!good)
        memcpy(error->message, no_memory, sizeof no_memory);
    good = good && repeat_session(session, start, repeat, &first, error);
    sim_snapshot_free(start);
    sim_trace_free(&first);
    return good;
}

static bool run_repeatedly(const struct sim_scenario *scenario, unsigned repeat, struct sim_trace *trace, struct sim_error *error)
{
    struct sim_session *session = sim_session_new(scenario, error);
    const bool good = session != NULL && run_session(session, repeat, trace, error);
    sim_session_free(session);
    return good;
}

static void judge(const struct sim_scenario *scenario, struct replay *out)
{
    struct sim_verdict verdict = {0};
    sim_judge(scenario, out->trace.bytes, out->trace.size, &verdict);
    if (!verdict.passed && out->status == 0)
        out->status = 1;
    replay_add(
        out,
        &(struct replay_verdict){
            .name = strdup(scenario->name), .file = strdup(scenario->file), .text = verdict.text, .passed = verdict.passed, .exits = verdict.exits});
}

static void run_one(const struct sim_scenario *scenario, unsigned repeat, struct replay *out)
{
    struct sim_error error = {0};
    if (repeat > 1 ? run_repeatedly(scenario, repeat, &out->trace, &error) : sim_run_scenario(scenario, &out->trace, &error)) {
        judge(scenario, out);
        return;
    }
    if (error.file[0] == '\0')
        snprintf(error.file, sizeof error.file, "%s", scenario->file);
    replay_add_error(out, scenario->file, scenario->name, &error);
}

/* The run goes on from where a snapshot was taken. */
static void run_snapshot(const char *path, bool changed, unsigned repeat, struct replay *out)
{
    struct sim_error error = {0};
    struct sim_scenario *scenario = NULL;
    struct sim_session *session = changed ? NULL : sim_snapshot_read(path, &scenario, &error);
    if (changed)
        snprintf(error.message, sizeof error.message, "a snapshot runs as it was taken: --set and --profile are for scenario scripts");
    if (session != NULL && run_session(session, repeat, &out->trace, &error)) {
        judge(scenario, out);
    } else {
        snprintf(error.file, sizeof error.file, "%s", path);
        replay_add_error(out, path, path, &error);
    }
    sim_session_free(session);
    if (scenario != NULL)
        sim_scenario_free(scenario, 1);
}

static void refuse_bare_snapshot(const char *path, struct replay *out)
{
    struct sim_error error = {.message = "a snapshot of a bare machine, which `vmxbench boot` wrote: vmxbench boot FILE goes on from it"};
    snprintf(error.file, sizeof error.file, "%s", path);
    replay_add_error(out, path, path, &error);
}

static void replay_script(const char *path, const struct sim_override *overrides, size_t override_count, unsigned repeat, bool results,
                          struct replay *out)
{
    struct sim_scenario *scenarios = NULL;
    size_t count = 0;
    struct sim_error error = {0};
    if (!sim_scenario_load(path, overrides, override_count, &scenarios, &count, &error)) {
        replay_add_error(out, path, path, &error);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        run_one(&scenarios[i], repeat, out);
        if (results)
            sim_judge_result(&scenarios[i], out->trace.bytes, out->trace.size, &out->verdicts[out->count - 1].result);
    }
    sim_scenario_free(scenarios, count);
}

void replay_file(const char *path, const struct sim_override *overrides, size_t override_count, unsigned repeat, struct replay *out)
{
    *out = (struct replay){0};
    if (sim_snapshot_is_file(path))
        run_snapshot(path, override_count != 0, repeat, out);
    else if (sim_bare_snapshot_is_file(path))
        refuse_bare_snapshot(path, out);
    else
        replay_script(path, overrides, override_count, repeat, false, out);
}

void replay_results(const char *path, const struct sim_override *overrides, size_t override_count, struct replay *out)
{
    *out = (struct replay){0};
    replay_script(path, overrides, override_count, 1, true, out);
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
