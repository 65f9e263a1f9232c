/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vmxbench tune: searches the changes that save the most, and leaves what the guest comes to as it is. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "advice_json.h"
#include "applied.h"
#include "commands.h"
#include "options.h"
#include "tune.h"
#include "usage.h"

enum { RUNS = 500, RUNS_MAX = 1000000 };

static const char usage[] =
    "usage: vmxbench tune [--only KIND[,...]] [--runs N] [--careful] [--apply FILE] [--json] SCENARIO\n"
    "Searches the control bits, and the physical CPUs where interrupts arrive and virtual CPUs run, that save the most: time in exits, and time of\n"
    "the whole run. In each round every change is tried by a run over those that were taken before; the one that saves the most is taken; the\n"
    "search ends when none saves time. A change is refused when the guest comes to something else by it: another end, other console output, a VM\n"
    "entry that fails, many more interrupts that fall together, a condition of final { } on registers, memory, output or screen that does not hold "
    "any\n"
    "more, or, where final { } has none, another final state.\n"
    "\n"
    "  --only KIND[,...]   only changes of these kinds: controls, affinity, pins\n"
    "  --runs N            at most so many runs of the changed script (default 500)\n"
    "  --careful           try those changes too by which the hypervisor gives up something that it may need\n"
    "  --apply FILE        write the scenario with the best changes as a script of its own\n"
    "  --json              for programs; times in ns\n";

struct request {
    struct tune_options options;
    const char *path, *to;
    bool json;
};

static const char *verdict_text(enum tune_verdict verdict)
{
    static const char *const texts[] = {
        [TUNE_SAVES] = "saves", [TUNE_NOTHING] = "saves nothing", [TUNE_OTHERWISE] = "refused", [TUNE_IMPOSSIBLE] = "not possible"};
    return texts[verdict];
}

/* ---- text ---- */
static void print_trial(const struct tune_trial *trial)
{
    char name[OVERRIDE_NAME];
    move_name(&trial->move, name);
    printf("  %s %-44s ", trial->taken ? "+" : " ", name);
    if (trial->verdict == TUNE_OTHERWISE || trial->verdict == TUNE_IMPOSSIBLE)
        printf("%s: %s\n", verdict_text(trial->verdict), trial->why);
    else
        printf("%+10lld exits %+12.2fus in exits %+12.2fus in all\n", (long long)-trial->exits, (double)-trial->ticks / 1000,
               (double)-trial->run / 1000);
}

static void print_search(const struct request *request, const struct tune *tune)
{
    unsigned round = 0;
    for (size_t i = 0; i < tune->trials; i++) {
        if (tune->trial[i].round != round)
            printf("%sRound %u\n", round != 0 ? "\n" : "", tune->trial[i].round);
        round = tune->trial[i].round;
        print_trial(&tune->trial[i]);
    }
    printf("%s%zu run%s in %u round%s%s.\n", tune->trials != 0 ? "\n" : "", tune->trials, tune->trials == 1 ? "" : "s", tune->rounds,
           tune->rounds == 1 ? "" : "s", tune->out_of_runs ? "; there may be more to save, --runs bounds the search" : "");
    if (tune->best.count == 0) {
        puts("No change saves time here and leaves the guest's result as it is.");
        return;
    }
    puts("The best set:\n");
    override_print(stdout, &tune->best, "  ");
    putchar('\n');
    whatif_print(stdout, &tune->whatif);
    printf("\nThe guest comes to the same. The runs took %.2fus before and %.2fus after.\n", (double)tune->whatif.before.end_ticks / 1000,
           (double)tune->whatif.after.end_ticks / 1000);
    if (request->to != NULL)
        printf("%s applies this set.\n", request->to);
}

/* ---- JSON ---- */
static void print_json(const struct request *request, const struct tune *tune)
{
    cJSON *const root = cJSON_CreateObject(), *const trials = cJSON_CreateArray(), *const best = cJSON_CreateArray();
    cJSON_AddStringToObject(root, "scenario", request->path);
    for (size_t i = 0; i < tune->trials; i++) {
        const struct tune_trial *trial = &tune->trial[i];
        cJSON *const object = cJSON_CreateObject();
        cJSON_AddNumberToObject(object, "round", trial->round);
        json_move(object, &trial->move);
        cJSON_AddStringToObject(object, "verdict", verdict_text(trial->verdict));
        cJSON_AddNumberToObject(object, "exits_saved", (double)trial->exits);
        cJSON_AddNumberToObject(object, "time_saved_ns", (double)trial->ticks);
        cJSON_AddNumberToObject(object, "run_saved_ns", (double)trial->run);
        cJSON_AddBoolToObject(object, "taken", trial->taken);
        if (trial->why[0] != '\0')
            cJSON_AddStringToObject(object, "because", trial->why);
        cJSON_AddItemToArray(trials, object);
    }
    for (size_t i = 0; i < tune->best.count; i++) {
        cJSON *const object = cJSON_CreateObject();
        json_change(object, &tune->best.change[i]);
        cJSON_AddItemToArray(best, object);
    }
    cJSON_AddItemToObject(root, "trials", trials);
    cJSON_AddBoolToObject(root, "out_of_runs", tune->out_of_runs);
    cJSON_AddItemToObject(root, "best", best);
    cJSON_AddItemToObject(root, "before", json_tally(&tune->whatif.before));
    cJSON_AddItemToObject(root, "after", json_tally(&tune->whatif.after));
    json_print(root);
}

/* ---- the command ---- */
static int choose_runs(struct request *request, const char *text)
{
    char *end;
    const unsigned long runs = strtoul(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || runs < 1 || runs > RUNS_MAX)
        return option_complain("tune", "--runs", text, "a number of runs from 1 to 1000000 is wanted");
    request->options.runs = (unsigned)runs;
    return -1;
}

static bool choose_kinds(struct request *request, const char *text)
{
    static const struct {
        const char *name;
        unsigned kind;
    } kinds[] = {{"controls", MOVE_CONTROLS}, {"affinity", MOVE_AFFINITY}, {"pins", MOVE_PINS}};
    request->options.kinds = 0;
    for (const char *at = text;; at++) {
        const size_t length = strcspn(at, ",");
        unsigned kind = 0;
        for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
            if (strlen(kinds[i].name) == length && strncmp(kinds[i].name, at, length) == 0)
                kind = kinds[i].kind;
        request->options.kinds |= kind;
        at += length;
        if (kind == 0)
            return option_complain("tune", "--only", text, "the kinds of changes are controls, affinity and pins") == 0;
        if (*at == '\0')
            return true;
    }
}

/* -1: go on; otherwise the exit status. */
static int parse(struct request *request, int argc, char **argv)
{
    enum { APPLY = 256, CAREFUL, JSON, ONLY, RUNS_OPTION };
    static const struct option options[] = {{"apply", required_argument, NULL, APPLY},
                                            {"careful", no_argument, NULL, CAREFUL},
                                            {"help", no_argument, NULL, OPTION_HELP},
                                            {"json", no_argument, NULL, JSON},
                                            {"only", required_argument, NULL, ONLY},
                                            {"runs", required_argument, NULL, RUNS_OPTION},
                                            {NULL, 0, NULL, 0}};
    int option;
    *request = (struct request){.options = {.runs = RUNS, .kinds = MOVE_ALL}};
    optind = 1;
    while ((option = option_next("tune", argc, argv, "h", options)) != OPTION_END) {
        switch (option) {
        case APPLY:
            request->to = optarg;
            break;
        case CAREFUL:
            request->options.careful = true;
            break;
        case JSON:
            request->json = true;
            break;
        case ONLY:
            if (!choose_kinds(request, optarg))
                return 2;
            break;
        case RUNS_OPTION:
            if (choose_runs(request, optarg) != -1)
                return 2;
            break;
        case OPTION_HELP:
            usage_print(usage);
            return 0;
        default:
            return 2;
        }
    }
    if (argc - optind != 1) {
        fputs("vmxbench tune: name one scenario script; `vmxbench tune --help` tells more\n", stderr);
        return 2;
    }
    if (!option_can_write("tune", request->to))
        return 2;
    request->path = argv[optind];
    return -1;
}

static bool usable(const struct replay *replay)
{
    if (replay->status != 2)
        return true;
    const char *text = replay->count != 0 ? replay->verdicts[0].text : NULL;
    fprintf(stderr, "%s%s", text != NULL ? text : "vmxbench tune: no result", text != NULL && text[strlen(text) - 1] == '\n' ? "" : "\n");
    return false;
}

/* The script is written before anything is told of it. */
static int tell(const struct request *request, const struct tune *tune)
{
    if (request->to != NULL && !applied_write(request->path, request->to, tune->best.change, tune->best.count)) {
        fprintf(stderr, "%s: cannot write the changed script: %s\n", request->to, strerror(errno));
        return 2;
    }
    if (request->json)
        print_json(request, tune);
    else
        print_search(request, tune);
    return 0;
}

int cmd_tune(int argc, char **argv)
{
    struct request request;
    struct replay before = {0};
    struct tune tune;
    int status = parse(&request, argc, argv);
    if (status >= 0)
        return status;
    replay_results(request.path, NULL, 0, &before);
    status = 2;
    if (usable(&before)) {
        tune_search(request.path, &before, &request.options, &tune);
        status = tell(&request, &tune);
        tune_free(&tune);
    }
    replay_free(&before);
    return status;
}
