/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Replaying script files by the hardware image: all that are portable together, so that few boots are needed. */
#define _GNU_SOURCE
#include "replay.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bochs/bochs_run.h"
#include "files.h"
#include "run_request.h"

struct script_file {
    struct sim_scenario *scenarios;
    size_t count;
    struct sim_error error; /* when it could not be loaded */
    bool loaded;
};

struct together {
    const struct run_request *request;
    struct script_file *files;
    size_t file_count;
    struct sim_scenario *portable; /* shallow copies, in order */
    struct bochs_outcome *outcomes;
    size_t portable_count;
    struct sim_trace trace;
};

static void *allocate(size_t count, size_t size)
{
    void *block = calloc(count + 1, size);
    if (block == NULL)
        abort();
    return block;
}

/* The judge asks for the order of each virtual CPU's exits, not for that among them. */
static bool runs_there(const struct sim_scenario *scenario)
{
    return scenario->portable || scenario->timed;
}

static void load_files(struct together *all, const struct path_list *files, const struct sim_override *overrides, size_t override_count)
{
    size_t count = 0;
    all->file_count = files->count;
    all->files = allocate(files->count, sizeof *all->files);
    for (size_t i = 0; i < files->count; i++) {
        struct script_file *file = &all->files[i];
        file->loaded = sim_scenario_load(files->path[i], overrides, override_count, &file->scenarios, &file->count, &file->error);
        count += file->count;
    }
    all->portable = allocate(count, sizeof *all->portable);
    all->outcomes = allocate(count, sizeof *all->outcomes);
    for (size_t i = 0; i < files->count; i++)
        for (size_t k = 0; k < all->files[i].count; k++)
            if (runs_there(&all->files[i].scenarios[k]))
                all->portable[all->portable_count++] = all->files[i].scenarios[k];
}

static void skip(struct replay *out, const struct sim_scenario *scenario, const char *kind, const char *why)
{
    char text[400];
    snprintf(text, sizeof text, "%s: %s", kind, why);
    replay_add(out, &(struct replay_verdict){.name = strdup(scenario->name), .file = strdup(scenario->file), .text = strdup(text), .skipped = true});
}

static void no_verdict(struct replay *out, const struct sim_scenario *scenario, const char *what, const char *why)
{
    struct sim_error error = {.line = scenario->line};
    snprintf(error.file, sizeof error.file, "%s", scenario->file);
    snprintf(error.message, sizeof error.message, "%s: %.160s", what, why);
    replay_add_error(out, scenario->file, scenario->name, &error);
}

/* What the judge says, and the VMCS. Takes `text` over. */
static char *with_dump(char *text, const char *dump)
{
    char *both = NULL;
    if (asprintf(&both, "%s%s%s", text != NULL ? text : "", text != NULL && text[strlen(text) - 1] != '\n' ? "\n" : "", dump) < 0)
        abort();
    free(text);
    return both;
}

static void judge(const struct together *all, const struct sim_scenario *scenario, const struct bochs_outcome *outcome, struct replay *out)
{
    const bool on_bochs = all->request->on == RUN_ON_BOCHS;
    const struct bochs_deviation *deviation = on_bochs ? bochs_deviation(scenario) : NULL;
    struct sim_verdict verdict = {0};
    if (all->request->pack_path != NULL) {
        skip(out, scenario, "packed", all->request->pack_path);
        return;
    }
    if (deviation != NULL) {
        skip(out, scenario, "Bochs deviates", deviation->what);
        return;
    }
    if (!outcome->ran && outcome->refused) {
        no_verdict(out, scenario, on_bochs ? "Bochs did not run it" : "the image did not run it", outcome->text);
        return;
    }
    if (outcome->lost) {
        no_verdict(out, scenario, "how it ended is not known", outcome->text);
        return;
    }
    sim_judge(scenario, all->trace.bytes, all->trace.size, &verdict);
    if (!verdict.passed && out->status == 0)
        out->status = 1;
    if (!verdict.passed && outcome->dump[0] != '\0')
        verdict.text = with_dump(verdict.text, outcome->dump);
    replay_add(
        out,
        &(struct replay_verdict){
            .name = strdup(scenario->name), .file = strdup(scenario->file), .text = verdict.text, .passed = verdict.passed, .exits = verdict.exits});
}

/* `next` counts the portable scenarios of the files before. */
static void judge_file(const struct together *all, const struct script_file *file, const char *path, size_t *next, struct replay *out)
{
    if (!file->loaded)
        replay_add_error(out, path, path, &file->error);
    for (size_t i = 0; i < file->count; i++) {
        const struct sim_scenario *scenario = &file->scenarios[i];
        if (runs_there(scenario))
            judge(all, scenario, &all->outcomes[(*next)++], out);
        else
            skip(out, scenario, "not portable", scenario->not_portable_because);
    }
}

static void free_all(struct together *all)
{
    for (size_t i = 0; i < all->file_count; i++)
        sim_scenario_free(all->files[i].scenarios, all->files[i].count);
    free(all->files);
    free(all->portable);
    free(all->outcomes);
    sim_trace_free(&all->trace);
}

/* The module that the image takes: the packed scenarios one after the other. */
static bool pack(const struct together *all, struct sim_error *error)
{
    const char *path = all->request->pack_path;
    size_t size = 0;
    for (size_t i = 0; i < all->portable_count; i++)
        size += all->portable[i].packed_size;
    uint8_t *module = allocate(size, 1), *at = module;
    for (size_t i = 0; i < all->portable_count; at += all->portable[i++].packed_size)
        memcpy(at, all->portable[i].packed, all->portable[i].packed_size);
    const bool written = file_write(path, module, size);
    free(module);
    if (!written)
        snprintf(error->message, sizeof error->message, "%.150s: the module cannot be written: %s", path, strerror(errno));
    return written;
}

static bool run_together(const struct together *all, struct sim_trace *trace, struct sim_error *error)
{
    switch (all->request->pack_path != NULL ? RUN_ON_SIM : all->request->on) {
    case RUN_ON_SIM:
        return pack(all, error);
    case RUN_ON_BOCHS:
        return bochs_run(all->portable, all->portable_count, trace, all->outcomes, error);
    case RUN_ON_INSIDE:
        return inside_run(all->portable, all->portable_count, trace, all->outcomes, error);
    case RUN_ON_QEMU:
        return qemu_run(all->portable, all->portable_count, trace, all->outcomes, error);
    case RUN_ON_LINE:
        return line_run(&all->request->line, all->portable, all->portable_count, trace, all->outcomes, error);
    }
    return false;
}

bool replay_on_image(const struct run_request *request, const struct path_list *files, const struct sim_override *overrides, size_t override_count,
                     void (*done)(void *context, const char *path, const struct replay *replay), void *context, struct sim_error *error)
{
    struct together all = {.request = request};
    struct sim_trace trace = {0};
    size_t next = 0;
    load_files(&all, files, overrides, override_count);
    const bool ran = run_together(&all, &trace, error);
    all.trace = trace;
    for (size_t i = 0; ran && i < files->count; i++) {
        struct replay replay = {0};
        judge_file(&all, &all.files[i], files->path[i], &next, &replay);
        if (i == 0)
            replay.trace = all.trace;
        done(context, files->path[i], &replay);
        replay.trace = (struct sim_trace){0};
        replay_free(&replay);
    }
    free_all(&all);
    return ran;
}
