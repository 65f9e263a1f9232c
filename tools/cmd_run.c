/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vmxbench run: replays scenarios and judges them. */
#define _DEFAULT_SOURCE
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../handlers/bench/trace.h"
#include "../vmx-model/caps.h"
#include "bochs/bochs_run.h"
#include "commands.h"
#include "files.h"
#include "replay.h"
#include "trace_format.h"
#include "verdicts.h"
#include "whatif.h"

enum { OVERRIDES_MAX = 32 };

static const char usage[] =
    "usage: vmxbench run [options] SCENARIO|FOLDER...\n"
    "Replays scenario scripts and judges them. Exit status: 0 all as expected, 1 an expectation failed, 2 bad usage or input.\n"
    "\n"
    "  --on sim|bochs|image      the machine: the simulator (the default), Bochs' VT-x, or the hardware image on a computer with VT-x\n"
    "  --profile NAME            the CPU profile of scenarios that name none; on Bochs it is " BOCHS_PROFILE "\n"
    "  -j N                      N worker processes (default 1)\n"
    "  --set WORD.CONTROL=0|1    run with a control bit changed, and show the exits by reason before and after\n"
    "  --trace FILE              write the binary trace of all scenarios\n"
    "  --format text|json|ftrace|chrome\n"
    "                            print the trace in this form on standard output; verdicts go to standard error\n"
    "  --tap                     verdicts as TAP version 13\n"
    "  --junit FILE              verdicts as JUnit XML too\n"
    "  -q                        only failures and the summary\n";

struct run {
    struct path_list files;
    struct sim_override overrides[OVERRIDES_MAX + 1]; /* behind the changed bits the profile */
    size_t override_count;
    const char *profile;
    bool on_bochs;
    const char *trace_path, *junit_path;
    bool tap, quiet, format_given;
    enum trace_format format;
    unsigned jobs;
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

static void count(struct run *run, const struct replay_verdict *verdict, int status)
{
    if (verdict->passed)
        run->counts.passed++;
    else if (verdict->skipped)
        run->counts.skipped++;
    else if (status == 2)
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
        count(run, verdict, replay->status);
        run->number++;
        if (run->tap)
            verdicts_tap(run->verdicts, run->number, verdict);
        else if ((!verdict->passed && !verdict->skipped) || !run->quiet)
            verdicts_line(run->verdicts, verdict, replay->status);
        if (!verdict->passed && !verdict->skipped && !run->tap && verdict->text != NULL) {
            fflush(run->verdicts);
            fprintf(replay->status == 2 ? stderr : run->verdicts, "%s%s", verdict->text,
                    verdict->text[strlen(verdict->text) - 1] == '\n' ? "" : "\n");
        }
        if (run->junit != NULL)
            verdicts_junit_case(run->junit, verdict, replay->status);
    }
    fflush(run->verdicts);
    if (run->trace_path != NULL || run->format_given || run->override_count != 0)
        keep_trace(run, &replay->trace);
}

/* primary.hlt_exiting=1 */
static bool parse_override(const char *text, struct sim_override *out)
{
    const char *dot = strchr(text, '.');
    const char *equals = dot != NULL ? strchr(dot, '=') : NULL;
    if (equals == NULL || (strcmp(equals, "=0") != 0 && strcmp(equals, "=1") != 0) || (size_t)(dot - text) >= sizeof out->word ||
        (size_t)(equals - dot) > sizeof out->control || dot == text || equals == dot + 1)
        return false;
    *out = (struct sim_override){.value = equals[1] == '1'};
    memcpy(out->word, text, (size_t)(dot - text));
    memcpy(out->control, dot + 1, (size_t)(equals - dot - 1));
    return true;
}

static int bad(const char *what, const char *value, const char *right)
{
    fprintf(stderr, "vmxbench run: %s%s%s%s: %s\n", what, value[0] != '\0' ? " '" : "", value, value[0] != '\0' ? "'" : "", right);
    return 2;
}

static int choose_machine(struct run *run, const char *name)
{
    run->on_bochs = strcmp(name, "bochs") == 0;
    if (strcmp(name, "image") == 0)
        return bad("--on", name, "vmxbench starts no computer; boot handlers/hw/vmxbench-hw.elf of the build folder there (handlers/hw/README.md)");
    return run->on_bochs || strcmp(name, "sim") == 0 ? 0 : bad("--on", name, "there are sim, bochs and image");
}

static int choose_profile(struct run *run, const char *name)
{
    run->profile = name;
    return vmx_profile(name) != NULL ? 0 : bad("--profile", name, "scenarios/README.md lists the profiles");
}

static int parse(struct run *run, int argc, char **argv)
{
    enum { SET = 256, TRACE, FORMAT, TAP, JUNIT, ON, PROFILE, HELP };
    static const struct option options[] = {{"set", 1, NULL, SET},         {"trace", 1, NULL, TRACE}, {"format", 1, NULL, FORMAT},
                                            {"tap", 0, NULL, TAP},         {"junit", 1, NULL, JUNIT}, {"on", 1, NULL, ON},
                                            {"profile", 1, NULL, PROFILE}, {"help", 0, NULL, HELP},   {NULL, 0, NULL, 0}};
    int option;
    run->jobs = 1;
    optind = 1;
    while ((option = getopt_long(argc, argv, "hj:q", options, NULL)) != -1) {
        char *end;
        switch (option) {
        case 'j':
            run->jobs = (unsigned)strtoul(optarg, &end, 10);
            if (*end != '\0' || run->jobs < 1 || run->jobs > 64)
                return bad("-j", optarg, "a number of worker processes from 1 to 64 is wanted");
            break;
        case 'q':
            run->quiet = true;
            break;
        case SET:
            if (run->override_count == OVERRIDES_MAX || !parse_override(optarg, &run->overrides[run->override_count++]))
                return bad("--set", optarg, "it is WORD.CONTROL=0 or WORD.CONTROL=1, for example primary.hlt_exiting=1");
            break;
        case TRACE:
            run->trace_path = optarg;
            break;
        case FORMAT:
            run->format_given = true;
            if (!trace_format_of_name(optarg, &run->format))
                return bad("--format", optarg, "there are text, json, ftrace and chrome");
            break;
        case TAP:
            run->tap = true;
            break;
        case JUNIT:
            run->junit_path = optarg;
            break;
        case ON:
            if (choose_machine(run, optarg) != 0)
                return 2;
            break;
        case PROFILE:
            if (choose_profile(run, optarg) != 0)
                return 2;
            break;
        case 'h':
        case HELP:
            fputs(usage, stdout);
            return -1;
        default:
            fputs("vmxbench run --help tells the options\n", stderr);
            return 2;
        }
    }
    if (optind == argc)
        return bad("nothing to run", "", "name scenario files or folders");
    for (int i = optind; i < argc; i++) {
        const char *why;
        if (!paths_add(&run->files, argv[i], &why)) {
            fprintf(stderr, "%s: %s\n", argv[i], why);
            run->status = 2;
        }
    }
    return 0;
}

/* The same scenarios without the changed bits, for comparison. */
static void done_before(void *context, const char *path, const struct replay *replay)
{
    (void)path;
    keep_trace(context, &replay->trace);
}

/* Without the changed bits only the profile is left. False after a complaint on standard error. */
static bool replay(struct run *run, bool changed, void (*one)(void *context, const char *path, const struct replay *replay), void *context)
{
    const struct sim_override *overrides = run->overrides + (changed ? 0 : run->override_count);
    const size_t count = (changed ? run->override_count : 0) + (run->profile != NULL);
    struct sim_error error = {0};
    if (!run->on_bochs) {
        replay_all(&run->files, overrides, count, run->jobs, one, context);
        return true;
    }
    if (replay_bochs(&run->files, overrides, count, one, context, &error))
        return true;
    fprintf(stderr, "vmxbench run --on bochs: %s\n", error.message);
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

static int write_results(struct run *run)
{
    if (run->trace_path != NULL && !file_write(run->trace_path, run->trace.bytes, run->trace.size)) {
        fprintf(stderr, "%s: cannot write the trace: %s\n", run->trace_path, strerror(errno));
        run->status = 2;
    }
    if (run->format_given && !trace_format_write(stdout, run->format, run->trace.bytes, run->trace.size)) {
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
        if (!file_write(run->junit_path, document, size)) {
            fprintf(stderr, "%s: cannot write the report: %s\n", run->junit_path, strerror(errno));
            run->status = 2;
        }
        free(document);
        free(run->junit_text);
    }
    return run->status;
}

int cmd_run(int argc, char **argv)
{
    struct run run = {0};
    const int bad_usage = parse(&run, argc, argv);
    if (bad_usage != 0) {
        paths_free(&run.files);
        return bad_usage < 0 ? 0 : bad_usage;
    }
    if (run.on_bochs && run.profile == NULL)
        run.profile = BOCHS_PROFILE;
    struct sim_override *profile = &run.overrides[run.override_count];
    *profile = (struct sim_override){.word = SIM_OVERRIDE_PROFILE};
    snprintf(profile->control, sizeof profile->control, "%s", run.profile != NULL ? run.profile : "");
    run.verdicts = run.format_given ? stderr : stdout;
    if (run.junit_path != NULL)
        run.junit = open_memstream(&run.junit_text, &run.junit_size);
    if (run.tap)
        verdicts_tap_begin(run.verdicts);
    const bool ran = replay(&run, true, done, &run);
    if (run.tap)
        verdicts_tap_end(run.verdicts, run.number);
    if (run.override_count != 0 && run.status != 2)
        compare(&run);
    if (!run.tap && ran)
        verdicts_summary(run.verdicts, &run.counts);
    const int status = write_results(&run);
    sim_trace_free(&run.trace);
    paths_free(&run.files);
    return status;
}
