/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vmxbench whatif: the same scenarios before and after a change of control bits or of where interrupts arrive and virtual CPUs run. */
#include <stdio.h>
#include <string.h>

#include "advice_json.h"
#include "commands.h"
#include "options.h"
#include "override.h"
#include "replay.h"
#include "run_request.h"
#include "usage.h"
#include "whatif.h"

static const char usage[] =
    "usage: vmxbench whatif --set CONTROL=0|1 ... --affinity VECTOR=CPU ... --pin VCPU=PCPU ... SCENARIO\n"
    "Runs the scenarios of a script before and after a change and shows exits and time by reason and by physical CPU, over the same work of the\n"
    "guest. Expectations do not have to hold after the change; how many do not is told.\n"
    "\n"
    "  --set CONTROL=0|1             a control bit, for example primary.use_msr_bitmaps=1; may be given several times\n"
    "  --affinity VECTOR=CPU[,...]   the interrupts of the source with this vector arrive at this physical CPU, for example 0x40=1\n"
    "  --pin VCPU=PCPU[,...]         the virtual CPU is bound to this physical CPU, for example 1=0\n"
    "  --all                         all exits, not only those in the work that both runs did\n"
    "  --json                        for programs; times in ns\n";

struct request {
    struct override_list changes;
    bool all, json;
};

/* -1: go on; otherwise the exit status. */
static int parse(struct request *request, int argc, char **argv)
{
    enum { AFFINITY = 256, JSON, PIN };
    static const struct option options[] = {{"affinity", required_argument, NULL, AFFINITY},
                                            {"all", no_argument, NULL, 'a'},
                                            {"help", no_argument, NULL, OPTION_HELP},
                                            {"json", no_argument, NULL, JSON},
                                            {"pin", required_argument, NULL, PIN},
                                            {"set", required_argument, NULL, 's'},
                                            {NULL, 0, NULL, 0}};
    int option;
    char why[256];
    optind = 1;
    while ((option = option_next("whatif", argc, argv, "h", options)) != OPTION_END) {
        switch (option) {
        case 'a':
            request->all = true;
            break;
        case 's':
            if (!override_add(&request->changes, optarg, why, sizeof why))
                return option_complain("whatif", "--set", optarg, why);
            break;
        case AFFINITY:
            if (!override_add_affinity(&request->changes, optarg, why, sizeof why))
                return option_complain("whatif", "--affinity", optarg, why);
            break;
        case JSON:
            request->json = true;
            break;
        case PIN:
            if (!override_add_pin(&request->changes, optarg, why, sizeof why))
                return option_complain("whatif", "--pin", optarg, why);
            break;
        case OPTION_HELP:
            usage_print(usage);
            return 0;
        default:
            return 2;
        }
    }
    if (argc - optind != 1 || request->changes.count == 0) {
        fprintf(stderr, "vmxbench whatif: name %s; `vmxbench whatif --help` tells more\n",
                request->changes.count == 0 ? "a change, --set CONTROL=0|1, --affinity VECTOR=CPU or --pin VCPU=PCPU" : "one scenario script");
        return 2;
    }
    return -1;
}

/* A script or machine that cannot be used has one verdict, which says why. */
static bool usable(const struct replay *replay)
{
    if (replay->status != 2)
        return true;
    const char *text = replay->count != 0 ? replay->verdicts[0].text : NULL;
    fprintf(stderr, "%s%s", text != NULL ? text : "vmxbench whatif: no result", text != NULL && text[strlen(text) - 1] == '\n' ? "" : "\n");
    return false;
}

/* Scenarios that met their expectations before the change; those of them that do not any more, and the first of these. */
struct expectations {
    size_t passed, lost, first;
};

static struct expectations compare_expectations(const struct replay *before, const struct replay *after)
{
    struct expectations e = {0};
    for (size_t i = before->count; i-- > 0 && i < after->count;) {
        e.passed += before->verdicts[i].passed;
        if (!before->verdicts[i].passed || after->verdicts[i].passed)
            continue;
        e.lost++;
        e.first = i;
    }
    return e;
}

static void print_text(const struct request *request, const struct whatif *whatif, const struct expectations *e, const struct replay *before)
{
    whatif_print(stdout, whatif);
    printf("\nExpectations: %zu of %zu scenarios met theirs before the change", e->passed, before->count);
    if (e->lost == 0)
        puts(", and as many do after it.");
    else
        printf("; %zu of these no longer, '%s' first: it expects exits as they were.\n", e->lost, before->verdicts[e->first].name);
    printf("Work: %llu guest instructions before, %llu after%s.\n", (unsigned long long)whatif->work_before, (unsigned long long)whatif->work_after,
           request->all ? "" : "; the table is of what both runs did");
    printf("The runs took %.2fus before and %.2fus after.\n", (double)whatif->before.end_ticks / 1000, (double)whatif->after.end_ticks / 1000);
}

static void print_json(const struct request *request, const struct whatif *whatif, const struct expectations *e, const struct replay *before)
{
    cJSON *const root = cJSON_CreateObject(), *const changes = cJSON_CreateArray();
    for (size_t i = 0; i < request->changes.count; i++) {
        cJSON *const object = cJSON_CreateObject();
        json_change(object, &request->changes.change[i]);
        cJSON_AddItemToArray(changes, object);
    }
    cJSON_AddItemToObject(root, "changes", changes);
    cJSON_AddBoolToObject(root, "same_work", !request->all);
    cJSON_AddNumberToObject(root, "instructions_before", (double)whatif->work_before);
    cJSON_AddNumberToObject(root, "instructions_after", (double)whatif->work_after);
    cJSON_AddItemToObject(root, "before", json_tally(&whatif->before));
    cJSON_AddItemToObject(root, "after", json_tally(&whatif->after));
    cJSON_AddNumberToObject(root, "scenarios", (double)before->count);
    cJSON_AddNumberToObject(root, "scenarios_passed", (double)e->passed);
    cJSON_AddNumberToObject(root, "scenarios_lost", (double)e->lost);
    json_print(root);
}

static void show(const struct request *request, const struct replay *before, const struct replay *after)
{
    struct whatif whatif;
    const struct expectations e = compare_expectations(before, after);
    whatif_compare(&whatif, before->trace.bytes, before->trace.size, after->trace.bytes, after->trace.size, !request->all);
    if (request->json)
        print_json(request, &whatif, &e, before);
    else
        print_text(request, &whatif, &e, before);
}

int cmd_whatif(int argc, char **argv)
{
    struct request request = {0};
    struct replay before = {0}, after = {0};
    const int status = parse(&request, argc, argv);
    if (status >= 0)
        return status;
    replay_file(argv[optind], NULL, 0, 1, &before);
    bool good = usable(&before);
    if (good) {
        replay_file(argv[optind], request.changes.change, request.changes.count, 1, &after);
        good = usable(&after);
    }
    if (good)
        show(&request, &before, &after);
    replay_free(&before);
    replay_free(&after);
    return good ? 0 : 2;
}
