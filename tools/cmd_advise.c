/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vmxbench advise: which control bit saves how many exits and how much time, and why. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "advice.h"
#include "applied.h"
#include "commands.h"
#include "options.h"
#include "stats.h"
#include "traces.h"
#include "wrap.h"

static const char usage[] =
    "usage: vmxbench advise [--apply FILE] SCENARIO\n"
    "       vmxbench advise TRACE\n"
    "Tries every control bit that could save exits of a scenario, one at a time, and ranks them by the time that they save over the same work of "
    "the\n"
    "guest. A trace cannot run again: it gets the bits that concern its exits, with what these cost in all.\n"
    "\n"
    "  --apply FILE   write the scenario with the bits that save time together, but those that want care, as a script of its own\n";

static double microseconds(int64_t ticks)
{
    return (double)ticks / 1000.0;
}

static void name(char text[96], const struct sim_override *change)
{
    snprintf(text, 96, "%s.%s=%d", change->word, change->control, change->value);
}

static void print_row(const struct advice_row *row)
{
    printf("    why    ");
    wrap_text(stdout, 11, vmx_reasons[row->reason].avoidance);
    printf("    price  ");
    wrap_text(stdout, 11, row->price);
    printf("    line   controls = { %s = { %s = %s } }\n", row->change.word, row->change.control, row->change.value ? "true" : "false");
}

static void print_advice(unsigned number, const struct advice *advice)
{
    char text[96];
    const struct whatif_tally *a = &advice->whatif.before, *b = &advice->whatif.after;
    name(text, &advice->row->change);
    printf("%u. %s saves %lld of %llu exits, %.2fus of %.2fus (%.1f%%)\n", number, text, (long long)advice->exits, (unsigned long long)a->all_exits,
           microseconds(advice->ticks), microseconds((int64_t)a->all_ticks), 100.0 * (double)advice->ticks / (double)a->all_ticks);
    for (uint32_t reason = 0; reason < VMX_REASON_LIMIT; reason++)
        if (a->exits[reason] != b->exits[reason])
            printf("    %-20s %llu -> %llu\n", vmx_reason_name(reason), (unsigned long long)a->exits[reason], (unsigned long long)b->exits[reason]);
    print_row(advice->row);
    if (advice->lost != 0)
        printf("    then   %u of %u scenarios expect exits that do not come any more\n", advice->lost, advice->passed);
    if (advice->ends_early)
        printf("    but    the guest ends earlier than before: %llu of %llu instructions and exits\n", (unsigned long long)advice->whatif.work_after,
               (unsigned long long)advice->whatif.work_before);
    putchar('\n');
}

static void print_all(const struct advice *advices, unsigned count)
{
    char text[96];
    unsigned number = 0;
    for (unsigned i = 0; i < count; i++)
        if (advices[i].impossible[0] == '\0')
            print_advice(++number, &advices[i]);
    if (number == 0)
        puts("No control bit saves time here.");
    for (unsigned i = 0; i < count; i++) {
        if (advices[i].impossible[0] == '\0')
            continue;
        name(text, &advices[i].row->change);
        printf("Not possible here: %s: %s\n", text, advices[i].impossible);
    }
}

static bool usable(const struct replay *replay)
{
    if (replay->status != 2)
        return true;
    const char *text = replay->count != 0 ? replay->verdicts[0].text : NULL;
    fprintf(stderr, "%s%s", text != NULL ? text : "vmxbench advise: no result", text != NULL && text[strlen(text) - 1] == '\n' ? "" : "\n");
    return false;
}

/* The best one that wants no care and lets the guest get as far; NULL for none. */
static const struct advice *best(const struct advice *advices, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (advices[i].impossible[0] == '\0' && !advices[i].ends_early && !advice_is_careful(advices[i].row))
            return &advices[i];
    return NULL;
}

/* Adds the best change to those that stand, as long as one saves time. */
static int apply(const char *path, const char *to, struct advice_run *run)
{
    struct advice advices[ADVICE_ROWS_MAX];
    struct replay first = run->replay;
    struct whatif whatif;
    const struct advice *next;
    char text[96];
    while (run->count < ADVICE_ROWS_MAX && (next = best(advices, advice_try(path, run, advices))) != NULL) {
        run->changes[run->count++] = next->row->change;
        if (run->count > 1)
            replay_free(&run->replay);
        run->replay = (struct replay){0};
        replay_file(path, run->changes, run->count, 1, &run->replay);
    }
    if (!applied_write(path, to, run->changes, run->count)) {
        fprintf(stderr, "%s: cannot write the changed script: %s\n", to, strerror(errno));
        return 2;
    }
    printf("%s applies:\n", to);
    for (size_t i = 0; i < run->count; i++) {
        name(text, &run->changes[i]);
        printf("  %s\n", text);
    }
    putchar('\n');
    whatif_compare(&whatif, first.trace.bytes, first.trace.size, run->replay.trace.bytes, run->replay.trace.size, true);
    whatif_print(stdout, &whatif);
    if (run->count != 0)
        replay_free(&first);
    return 0;
}

static int advise_scenario(const char *path, const char *to)
{
    struct advice advices[ADVICE_ROWS_MAX];
    struct advice_run run = {0};
    int status = 2;
    replay_file(path, NULL, 0, 1, &run.replay);
    if (usable(&run.replay)) {
        print_all(advices, advice_try(path, &run, advices));
        status = to != NULL ? apply(path, to, &run) : 0;
    }
    replay_free(&run.replay);
    return status;
}

static int advise_trace(const char *path)
{
    struct trace_file trace;
    struct trace_reader reader;
    struct stats stats = {0};
    const struct stats_row *rows[STATS_ROWS];
    unsigned number = 0;
    char text[96];
    if (!trace_load("advise", path, &trace))
        return 2;
    const bool whole = stats_collect(&stats, &trace, STATS_ALL_VCPUS, &reader);
    if (!whole)
        trace_complain(path, &reader);
    const unsigned count = whole ? stats_sorted(&stats, STATS_BY_TIME, rows) : 0;
    for (unsigned i = 0; i < count; i++)
        for (unsigned r = 0; r < advice_row_count(); r++) {
            if (advice_rows[r].reason != rows[i]->reason)
                continue;
            name(text, &advice_rows[r].change);
            printf("%u. %s saves at most %llu of %llu exits, %.2fus of %.2fus: all of %s\n", ++number, text, (unsigned long long)rows[i]->samples,
                   (unsigned long long)stats.samples, microseconds((int64_t)rows[i]->ticks), microseconds((int64_t)stats.ticks),
                   vmx_reason_name(rows[i]->reason));
            print_row(&advice_rows[r]);
            putchar('\n');
        }
    if (whole && number == 0)
        puts("No control bit saves exits of these reasons.");
    trace_unload(&trace);
    return whole ? 0 : 2;
}

int cmd_advise(int argc, char **argv)
{
    static const struct option options[] = {{"apply", required_argument, NULL, 'a'}, {"help", no_argument, NULL, OPTION_HELP}, {NULL, 0, NULL, 0}};
    const char *to = NULL;
    int option;
    optind = 1;
    while ((option = option_next("advise", argc, argv, "h", options)) != OPTION_END) {
        if (option == OPTION_HELP) {
            fputs(usage, stdout);
            return 0;
        }
        if (option != 'a')
            return 2;
        to = optarg;
    }
    if (argc - optind != 1) {
        fputs("vmxbench advise: name one scenario script or trace; `vmxbench advise --help` tells more\n", stderr);
        return 2;
    }
    const char *path = argv[optind], *dot = strrchr(path, '.');
    if (dot != NULL && strcmp(dot, ".lua") == 0)
        return advise_scenario(path, to);
    if (to != NULL) {
        fputs("vmxbench advise: --apply wants a scenario script, a trace has nothing to change\n", stderr);
        return 2;
    }
    return advise_trace(path);
}
