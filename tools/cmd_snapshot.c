/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vmxbench snapshot: runs a scenario up to an instant and saves it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../sim/snapshot.h"
#include "commands.h"
#include "options.h"
#include "usage.h"

static const char usage[] =
    "usage: vmxbench snapshot [--exits N|--instructions N] [--name NAME] [--profile NAME] -o FILE SCENARIO\n"
    "Runs a scenario up to an instant and saves machine, handlers, devices and the trace so far. `vmxbench run FILE` goes on\n"
    "from there, with the bytes of the run that was never interrupted.\n"
    "\n"
    "  -o FILE             where to write it\n"
    "  --exits N           after N VM exits (0, the default: before the first VM entry)\n"
    "  --instructions N    once the guests have used N instructions, VM exits and event deliveries together\n"
    "  --name NAME         which scenario, where the script has several\n"
    "  --profile NAME      the CPU profile of scenarios that name none\n";

struct request {
    const char *path, *name, *profile, *script;
    uint64_t exits, instructions; /* UINT64_MAX: not by this measure */
    bool by_exits, by_instructions;
};

static bool take_number(const char *what, const char *text, uint64_t *number)
{
    char *end;
    *number = strtoull(text, &end, 10);
    if (*text >= '0' && *text <= '9' && *end == '\0' && *number != UINT64_MAX)
        return true;
    (void)option_complain("snapshot", what, text, "a number is wanted");
    return false;
}

/* -1: go on; otherwise the exit status. */
static int parse(struct request *request, int argc, char **argv)
{
    enum { EXITS = 256, INSTRUCTIONS, NAME, PROFILE };
    static const struct option options[] = {{"exits", required_argument, NULL, EXITS},
                                            {"help", no_argument, NULL, OPTION_HELP},
                                            {"instructions", required_argument, NULL, INSTRUCTIONS},
                                            {"name", required_argument, NULL, NAME},
                                            {"profile", required_argument, NULL, PROFILE},
                                            {NULL, 0, NULL, 0}};
    int option;
    optind = 1;
    while ((option = option_next("snapshot", argc, argv, "ho:", options)) != OPTION_END) {
        switch (option) {
        case OPTION_HELP:
            usage_print(usage);
            return 0;
        case 'o':
            request->path = optarg;
            break;
        case EXITS:
            request->by_exits = take_number("--exits", optarg, &request->exits);
            if (!request->by_exits)
                return 2;
            break;
        case INSTRUCTIONS:
            request->by_instructions = take_number("--instructions", optarg, &request->instructions);
            if (!request->by_instructions)
                return 2;
            break;
        case NAME:
            request->name = optarg;
            break;
        case PROFILE:
            if ((request->profile = option_profile("snapshot", optarg)) == NULL)
                return 2;
            break;
        default:
            return 2;
        }
    }
    if (optind + 1 != argc || request->path == NULL || (request->by_exits && request->by_instructions)) {
        fputs("vmxbench snapshot: one scenario script, -o FILE, and at most one of --exits and --instructions are wanted\n", stderr);
        return 2;
    }
    request->script = argv[optind];
    return -1;
}

static int complain(const struct sim_error *error)
{
    complain_of(error);
    return 2;
}

/* NULL after a complaint. */
static const struct sim_scenario *choose(const struct request *request, const struct sim_scenario *scenarios, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (request->name != NULL ? strcmp(scenarios[i].name, request->name) == 0 : count == 1)
            return &scenarios[i];
    if (request->name != NULL)
        fprintf(stderr, "%s: there is no scenario '%s'; it has", request->script, request->name);
    else
        fprintf(stderr, "%s: choose one of its scenarios with --name:", request->script);
    for (size_t i = 0; i < count; i++)
        fprintf(stderr, " %s", scenarios[i].name);
    fputs("\n", stderr);
    return NULL;
}

static int save(const struct request *request, const struct sim_scenario *scenario)
{
    struct sim_error error = {0};
    struct sim_session *session = sim_session_new(scenario, &error);
    if (session == NULL)
        return complain(&error);
    const uint64_t exits = request->by_instructions ? UINT64_MAX : request->exits;
    const uint64_t instructions = request->by_instructions ? request->instructions : UINT64_MAX;
    int status = 2;
    struct sim_snapshot *snapshot = NULL;
    if (sim_session_run(session, exits, instructions))
        fprintf(stderr, "%s: %s is over before that, after %llu VM exits\n", scenario->file, scenario->name,
                (unsigned long long)sim_session_exits(session));
    else if ((snapshot = sim_snapshot_take(session)) == NULL)
        fputs("vmxbench snapshot: out of memory\n", stderr);
    else if (!sim_snapshot_write(snapshot, scenario, request->path, &error))
        (void)complain(&error);
    else
        status = 0;
    sim_snapshot_free(snapshot);
    sim_session_free(session);
    return status;
}

int cmd_snapshot(int argc, char **argv)
{
    struct request request = {0};
    struct sim_scenario *scenarios;
    struct sim_error error = {0};
    size_t count;
    const int status = parse(&request, argc, argv);
    if (status >= 0)
        return status;
    struct sim_override profile = {.word = SIM_OVERRIDE_PROFILE};
    snprintf(profile.control, sizeof profile.control, "%s", request.profile != NULL ? request.profile : "");
    if (!sim_scenario_load(request.script, &profile, request.profile != NULL, &scenarios, &count, &error))
        return complain(&error);
    const struct sim_scenario *scenario = choose(&request, scenarios, count);
    const int saved = scenario != NULL ? save(&request, scenario) : 2;
    sim_scenario_free(scenarios, count);
    return saved;
}
