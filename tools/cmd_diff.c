/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vmxbench diff: the first divergence of two traces, explained field by field. */
#include <stdio.h>
#include <stdlib.h>

#include "../sim/compare.h"
#include "bochs/bochs_run.h"
#include "commands.h"
#include "options.h"
#include "traces.h"
#include "usage.h"

static const char usage[] =
    "usage: vmxbench diff [options] A B\n"
    "Compares two traces, or scenario scripts, which are run on the simulator. Scenarios belong together by content, else by name. Shows the first\n"
    "divergence of each scenario, field by field, and those that only one of the two has. Exit status: 0 equal, 1 different, 2 bad usage or input.\n"
    "\n"
    "  --known            leave out what Bochs is known to do otherwise than the SDM\n"
    "  --time             compare time, costs and counts of instructions too\n"
    "  --profile NAME     the CPU profile of scenarios that name none; traces of `run --on bochs` have " BOCHS_PROFILE "\n";

struct request {
    struct sim_compare_options options;
    const char *profile;
};

/* -1: go on; otherwise the exit status. */
static int parse(struct request *request, int argc, char **argv)
{
    static const struct option options[] = {{"help", no_argument, NULL, OPTION_HELP},
                                            {"known", no_argument, NULL, 'k'},
                                            {"profile", required_argument, NULL, 'p'},
                                            {"time", no_argument, NULL, 't'},
                                            {NULL, 0, NULL, 0}};
    int option;
    *request = (struct request){.options = {.by_name = true, .both_ways = true}};
    optind = 1;
    while ((option = option_next("diff", argc, argv, "h", options)) != OPTION_END) {
        switch (option) {
        case 'k':
            request->options.known = bochs_known_differences;
            request->options.known_count = bochs_known_difference_count;
            break;
        case 'p':
            if ((request->profile = option_profile("diff", optarg)) == NULL)
                return 2;
            break;
        case 't':
            request->options.time = true;
            break;
        case OPTION_HELP:
            usage_print(usage);
            return 0;
        default:
            return 2;
        }
    }
    if (argc - optind == 2)
        return -1;
    fprintf(stderr, "vmxbench diff: name two traces or scenarios; `vmxbench diff --help` tells more\n");
    return 2;
}

static int compare(const struct request *request, const struct trace_file *a, const struct trace_file *b)
{
    struct sim_compared compared;
    const enum sim_comparison result = sim_compare(a->bytes, a->size, b->bytes, b->size, &request->options, &compared);
    if (result == SIM_UNREADABLE) {
        fputs(compared.text, stderr);
    } else {
        fputs(compared.text, stdout);
        if (compared.different == 0)
            printf("%zu scenario%s, no difference", compared.scenarios, compared.scenarios == 1 ? "" : "s");
        else
            printf("%zu of %zu scenario%s differ%s", compared.different, compared.scenarios, compared.scenarios == 1 ? "" : "s",
                   compared.scenarios == 1 ? "s" : "");
        if (compared.known != 0)
            printf("; %llu known differences left out", (unsigned long long)compared.known);
        putchar('\n');
    }
    free(compared.text);
    return result == SIM_UNREADABLE ? 2 : result == SIM_DIFFERENT ? 1 : 0;
}

int cmd_diff(int argc, char **argv)
{
    struct request request;
    struct trace_file a, b;
    int status = parse(&request, argc, argv);
    if (status >= 0)
        return status;
    if (!trace_load_as("diff", argv[optind], request.profile, &a))
        return 2;
    if (trace_load_as("diff", argv[optind + 1], request.profile, &b)) {
        request.options.name[0] = argv[optind];
        request.options.name[1] = argv[optind + 1];
        status = compare(&request, &a, &b);
        trace_unload(&b);
    } else {
        status = 2;
    }
    trace_unload(&a);
    return status;
}
