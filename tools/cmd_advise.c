/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vmxbench advise: which change saves how many exits and how much time, and why. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "advice.h"
#include "advice_json.h"
#include "advice_trace.h"
#include "applied.h"
#include "commands.h"
#include "options.h"
#include "usage.h"

static const char usage[] =
    "usage: vmxbench advise [--apply FILE] [--json] SCENARIO\n"
    "       vmxbench advise [--json] TRACE\n"
    "Tries every control bit that could save exits of a scenario, the physical CPU of its owner for each interrupt that arrives elsewhere, and a "
    "less\n"
    "crowded physical CPU for each virtual CPU, one at a time, and ranks them by the time that they save over the same work of the guest. A trace\n"
    "cannot run again: it gets the changes that concern its exits, with what these cost in all.\n"
    "\n"
    "  --apply FILE   write the scenario with the changes that save time together, but those that want care, as a script of its own\n"
    "  --json         for programs; times in ns\n";

struct request {
    const char *path, *to;
    bool json;
};

static double microseconds(int64_t ticks)
{
    return (double)ticks / 1000.0;
}

/* ---- text ---- */
static void print_advice(unsigned number, const struct advice *advice)
{
    char text[OVERRIDE_NAME];
    const struct whatif_tally *a = &advice->whatif.before, *b = &advice->whatif.after;
    override_name(&advice->move.change, text);
    printf("%u. %s saves %lld of %llu exits, %.2fus of %.2fus (%.1f%%)\n", number, text, (long long)advice->exits, (unsigned long long)a->all_exits,
           microseconds(advice->ticks), microseconds((int64_t)a->all_ticks), 100.0 * (double)advice->ticks / (double)a->all_ticks);
    for (uint32_t reason = 0; reason < VMX_REASON_LIMIT; reason++)
        if (a->exits[reason] != b->exits[reason])
            printf("    %-20s %llu -> %llu\n", vmx_reason_name(reason), (unsigned long long)a->exits[reason], (unsigned long long)b->exits[reason]);
    if (advice->run > 0)
        printf("    run    %.2fus shorter than %.2fus\n", microseconds(advice->run), microseconds((int64_t)a->end_ticks));
    advice_print_move(&advice->move);
    if (advice->lost != 0)
        printf("    then   %u of %u scenarios expect exits that do not come any more\n", advice->lost, advice->passed);
    if (advice->ends_early)
        printf("    but    the guest ends earlier than before: %llu of %llu instructions\n", (unsigned long long)advice->whatif.work_after,
               (unsigned long long)advice->whatif.work_before);
    putchar('\n');
}

static void print_all(const struct advice_list *list)
{
    char text[OVERRIDE_NAME];
    unsigned number = 0;
    for (size_t i = 0; i < list->count; i++)
        if (list->advice[i].impossible[0] == '\0')
            print_advice(++number, &list->advice[i]);
    if (number == 0)
        puts("No control bit and no binding of an interrupt saves time here.");
    for (size_t i = 0; i < list->count; i++) {
        if (list->advice[i].impossible[0] == '\0')
            continue;
        override_name(&list->advice[i].move.change, text);
        printf("Not possible here: %s: %s\n", text, list->advice[i].impossible);
    }
}

/* ---- JSON ---- */
static cJSON *advice_object(const struct advice *advice)
{
    cJSON *const object = cJSON_CreateObject();
    json_move(object, &advice->move);
    if (advice->impossible[0] != '\0') {
        cJSON_AddStringToObject(object, "impossible", advice->impossible);
        return object;
    }
    cJSON_AddNumberToObject(object, "exits_saved", (double)advice->exits);
    cJSON_AddNumberToObject(object, "time_saved_ns", (double)advice->ticks);
    cJSON_AddNumberToObject(object, "run_saved_ns", (double)advice->run);
    cJSON_AddItemToObject(object, "before", json_tally(&advice->whatif.before));
    cJSON_AddItemToObject(object, "after", json_tally(&advice->whatif.after));
    cJSON_AddNumberToObject(object, "scenarios_passed", advice->passed);
    cJSON_AddNumberToObject(object, "scenarios_lost", advice->lost);
    cJSON_AddBoolToObject(object, "ends_early", advice->ends_early);
    return object;
}

static cJSON *advice_root(const char *path, const struct advice_list *list)
{
    cJSON *const root = cJSON_CreateObject(), *const advice = cJSON_CreateArray(), *const impossible = cJSON_CreateArray();
    cJSON_AddStringToObject(root, "scenario", path);
    for (size_t i = 0; i < list->count; i++)
        cJSON_AddItemToArray(list->advice[i].impossible[0] == '\0' ? advice : impossible, advice_object(&list->advice[i]));
    cJSON_AddItemToObject(root, "advice", advice);
    cJSON_AddItemToObject(root, "not_possible", impossible);
    return root;
}

/* ---- a scenario ---- */
static bool usable(const struct replay *replay)
{
    if (replay->status != 2)
        return true;
    const char *text = replay->count != 0 ? replay->verdicts[0].text : NULL;
    fprintf(stderr, "%s%s", text != NULL ? text : "vmxbench advise: no result", text != NULL && text[strlen(text) - 1] == '\n' ? "" : "\n");
    return false;
}

/* The best one that wants no care and lets the guest get as far; NULL for none. */
static const struct move *best(const struct advice_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->advice[i].impossible[0] == '\0' && !list->advice[i].ends_early && !list->advice[i].move.careful)
            return &list->advice[i].move;
    return NULL;
}

/* Adds the best change to those that stand, as long as one saves time. */
static void gather(struct move_base *base)
{
    for (;;) {
        struct advice_list list;
        struct override_list changes;
        advice_try(base, &list);
        const struct move *next = best(&list);
        const bool more = next != NULL && move_add(base, next, &changes);
        advice_free(&list);
        if (!more)
            return;
        base->changes = changes;
        replay_free(&base->replay);
        replay_file(base->path, changes.change, changes.count, 1, &base->replay);
    }
}

static cJSON *changes_array(const struct override_list *changes)
{
    cJSON *const array = cJSON_CreateArray();
    for (size_t i = 0; i < changes->count; i++) {
        cJSON *const object = cJSON_CreateObject();
        json_change(object, &changes->change[i]);
        cJSON_AddItemToArray(array, object);
    }
    return array;
}

static void tell_applied(const struct request *request, const struct move_base *base, const struct whatif *whatif, cJSON *root)
{
    char text[OVERRIDE_NAME];
    if (root != NULL) {
        cJSON_AddItemToObject(root, "applied", changes_array(&base->changes));
        cJSON_AddItemToObject(root, "before", json_tally(&whatif->before));
        cJSON_AddItemToObject(root, "after", json_tally(&whatif->after));
        return;
    }
    printf("%s applies:\n", request->to);
    for (size_t i = 0; i < base->changes.count; i++) {
        override_name(&base->changes.change[i], text);
        printf("  %s\n", text);
    }
    putchar('\n');
    whatif_print(stdout, whatif);
}

static int apply(const struct request *request, const struct move_base *before, cJSON *root)
{
    struct move_base base = {.path = request->path};
    struct whatif whatif;
    replay_file(request->path, NULL, 0, 1, &base.replay);
    gather(&base);
    whatif_compare(&whatif, before->replay.trace.bytes, before->replay.trace.size, base.replay.trace.bytes, base.replay.trace.size, true);
    replay_free(&base.replay);
    if (!applied_write(request->path, request->to, base.changes.change, base.changes.count)) {
        fprintf(stderr, "%s: cannot write the changed script: %s\n", request->to, strerror(errno));
        return 2;
    }
    tell_applied(request, &base, &whatif, root);
    return 0;
}

static int advise_scenario(const struct request *request)
{
    struct move_base base = {.path = request->path};
    struct advice_list list = {0};
    int status = 2;
    replay_file(request->path, NULL, 0, 1, &base.replay);
    if (usable(&base.replay)) {
        advice_try(&base, &list);
        cJSON *const root = request->json ? advice_root(request->path, &list) : NULL;
        if (root == NULL)
            print_all(&list);
        status = request->to != NULL ? apply(request, &base, root) : 0;
        if (root != NULL && status == 0)
            json_print(root);
        else
            cJSON_Delete(root);
    }
    advice_free(&list);
    replay_free(&base.replay);
    return status;
}

int cmd_advise(int argc, char **argv)
{
    static const struct option options[] = {
        {"apply", required_argument, NULL, 'a'}, {"help", no_argument, NULL, OPTION_HELP}, {"json", no_argument, NULL, 'j'}, {NULL, 0, NULL, 0}};
    struct request request = {0};
    int option;
    optind = 1;
    while ((option = option_next("advise", argc, argv, "h", options)) != OPTION_END) {
        if (option == OPTION_HELP) {
            usage_print(usage);
            return 0;
        }
        if (option != 'a' && option != 'j')
            return 2;
        request.json |= option == 'j';
        request.to = option == 'a' ? optarg : request.to;
    }
    if (argc - optind != 1) {
        fputs("vmxbench advise: name one scenario script or trace; `vmxbench advise --help` tells more\n", stderr);
        return 2;
    }
    if (!option_can_write("advise", request.to))
        return 2;
    request.path = argv[optind];
    const char *dot = strrchr(request.path, '.');
    if (dot != NULL && strcmp(dot, ".lua") == 0)
        return advise_scenario(&request);
    if (request.to != NULL) {
        fputs("vmxbench advise: --apply wants a scenario script, a trace has nothing to change\n", stderr);
        return 2;
    }
    return advice_of_trace(request.path, request.json) ? 0 : 2;
}
