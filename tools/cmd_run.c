/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vmxbench run: replays scenarios and judges them. */
#define _DEFAULT_SOURCE
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../handlers/bench/trace.h"
#include "bochs/bochs_run.h"
#include "commands.h"
#include "files.h"
#include "replay.h"
#include "run_request.h"
#include "traces.h"
#include "verdicts.h"
#include "whatif.h"

struct run {
    struct run_request request;
    struct path_list files;
    /* results */
    int status;
    struct verdict_counts counts;
    size_t number;
    struct sim_trace trace;
    FILE *verdicts, *junit;
    char *junit_text;
    size_t junit_size;
};

static void keep_trace(struct run *run, const struct sim_trace *trace)
{
    /* A header stands once, before the first trace. */
    const size_t skip = run->trace.size != 0 && trace->size >= TRACE_HEADER_BYTES ? TRACE_HEADER_BYTES : 0;
    const size_t size = trace->size - skip;
    if (run->trace.size + size > run->trace.capacity) {
        const size_t capacity = (run->trace.size + size) * 2;
        uint8_t *grown = realloc(run->trace.bytes, capacity);
        if (grown == NULL)
            abort();
        run->trace.bytes = grown;
        run->trace.capacity = capacity;
    }
    if (size != 0)
        memcpy(run->trace.bytes + run->trace.size, trace->bytes + skip, size);
    run->trace.size += size;
}

static void count(struct run *run, const struct replay_verdict *verdict)
{
    if (verdict->passed)
        run->counts.passed++;
    else if (verdict->skipped)
        run->counts.skipped++;
    else if (verdict->broken)
        run->counts.broken++;
    else
        run->counts.failed++;
}

static void done(void *context, const char *path, const struct replay *replay)
{
    (void)path;
    struct run *run = context;
    if (replay->status > run->status)
        run->status = replay->status;
    for (size_t i = 0; i < replay->count; i++) {
        const struct replay_verdict *verdict = &replay->verdicts[i];
        count(run, verdict);
        run->number++;
        if (run->request.tap)
            verdicts_tap(run->verdicts, run->number, verdict);
        else if ((!verdict->passed && !verdict->skipped) || !run->request.quiet)
            verdicts_line(run->verdicts, verdict);
        if (!verdict->passed && !verdict->skipped && !run->request.tap && verdict->text != NULL) {
            fflush(run->verdicts);
            fprintf(verdict->broken ? stderr : run->verdicts, "%s%s", verdict->text, verdict->text[strlen(verdict->text) - 1] == '\n' ? "" : "\n");
        }
        if (run->junit != NULL)
            verdicts_junit_case(run->junit, verdict);
    }
    fflush(run->verdicts);
    if (run->request.trace_path != NULL || run->request.format_given || run->request.changes.count != 0)
        keep_trace(run, &replay->trace);
}

/* Files and folders of the command line; one that cannot be had is a verdict of its own. */
static void find_files(struct run *run, char **names)
{
    for (; *names != NULL; names++) {
        struct sim_error error = {0};
        struct replay lost = {0};
        const char *why;
        if (paths_add(&run->files, *names, &why))
            continue;
        snprintf(error.file, sizeof error.file, "%s", **names != '\0' ? *names : "''");
        snprintf(error.message, sizeof error.message, "%s", why);
        replay_add_error(&lost, *names, *names, &error);
        done(run, *names, &lost);
        replay_free(&lost);
    }
}

/* The same scenarios without the changes, for comparison. */
static void done_before(void *context, const char *path, const struct replay *replay)
{
    (void)path;
    keep_trace(context, &replay->trace);
}

/* Without the changes only the profile is left. False after a complaint on standard error. */
static bool replay(struct run *run, bool changed, void (*one)(void *context, const char *path, const struct replay *replay), void *context)
{
    const struct sim_override *overrides = run->request.changes.change + (changed ? 0 : run->request.changes.count);
    const size_t count = (changed ? run->request.changes.count : 0) + (run->request.profile != NULL);
    struct sim_error error = {0};
    if (run->request.on == RUN_ON_SIM && run->request.pack_path == NULL) {
        replay_all(&run->files, overrides, count, run->request.repeat, run->request.jobs, one, context);
        return true;
    }
    if (replay_on_image(&run->request, &run->files, overrides, count, one, context, &error))
        return true;
    fprintf(stderr, "vmxbench run --on %s: %s\n", run_machine_name(run->request.on), error.message);
    run->status = 2;
    return false;
}

static void compare(struct run *run)
{
    struct run before = {0};
    if (!replay(run, false, done_before, &before))
        return;
    whatif_table(run->verdicts, before.trace.bytes, before.trace.size, run->trace.bytes, run->trace.size);
    sim_trace_free(&before.trace);
}

static void write_profile(struct run *run)
{
    size_t size;
    const char *text = hw_measured_profile(&size);
    if (size != 0 && file_write(run->request.profile_path, text, size))
        return;
    fprintf(stderr, "%s: the profile cannot be written: %s\n", run->request.profile_path, size == 0 ? "no image has told one" : strerror(errno));
    run->status = 2;
}

static int write_results(struct run *run)
{
    if (run->request.profile_path != NULL)
        write_profile(run);
    if (run->request.trace_path != NULL && !trace_save(run->request.trace_path, run->trace.bytes, run->trace.size)) {
        fprintf(stderr, "%s: cannot write the trace: %s\n", run->request.trace_path, strerror(errno));
        run->status = 2;
    }
    if (run->request.format_given && !trace_format_write(stdout, run->request.format, run->trace.bytes, run->trace.size)) {
        fprintf(stderr, "vmxbench run: standard output cannot be written\n");
        run->status = 2;
    }
    if (run->junit != NULL) {
        char *document = NULL;
        size_t size = 0;
        fclose(run->junit);
        FILE *to = open_memstream(&document, &size);
        if (to == NULL)
            abort();
        verdicts_junit(to, run->junit_text, &run->counts);
        fclose(to);
        if (!file_write(run->request.junit_path, document, size)) {
            fprintf(stderr, "%s: cannot write the report: %s\n", run->request.junit_path, strerror(errno));
            run->status = 2;
        }
        free(document);
        free(run->junit_text);
    }
    return run->status;
}

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Loading of the scripts included. */
static void tell_replays(const struct run *run, double seconds)
{
    const double replays = (double)(run->counts.passed + run->counts.failed) * run->request.repeat;
    if (run->request.repeat > 1)
        fprintf(stderr, "%.0f replays in %.2f s: %.0f a second\n", replays, seconds, seconds > 0 ? replays / seconds : 0);
}

int cmd_run(int argc, char **argv)
{
    struct run run = {0};
    const double start = seconds_now();
    const int usage_status = run_request_parse(&run.request, argc, argv);
    if (usage_status >= 0)
        return usage_status;
    if ((run.request.on != RUN_ON_SIM || run.request.pack_path != NULL) && run.request.profile == NULL)
        run.request.profile = BOCHS_PROFILE;
    struct sim_override *profile = &run.request.changes.change[run.request.changes.count];
    *profile = (struct sim_override){.word = SIM_OVERRIDE_PROFILE};
    snprintf(profile->control, sizeof profile->control, "%s", run.request.profile != NULL ? run.request.profile : "");
    run.verdicts = run.request.verdicts_aside ? stderr : stdout;
    if (run.request.junit_path != NULL)
        run.junit = open_memstream(&run.junit_text, &run.junit_size);
    if (run.request.tap)
        verdicts_tap_begin(run.verdicts);
    find_files(&run, argv + optind);
    const bool ran = replay(&run, true, done, &run);
    if (run.request.tap)
        verdicts_tap_end(run.verdicts, run.number);
    if (run.request.changes.count != 0 && run.status != 2)
        compare(&run);
    if (!run.request.tap && ran)
        verdicts_summary(run.verdicts, &run.counts);
    tell_replays(&run, seconds_now() - start);
    const int status = write_results(&run);
    sim_trace_free(&run.trace);
    paths_free(&run.files);
    return status;
}
