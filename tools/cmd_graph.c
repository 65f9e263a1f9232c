/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vmxbench graph: a trace as a picture. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "dot.h"
#include "files.h"
#include "graph.h"
#include "options.h"
#include "usage.h"

static const char usage[] = "usage: vmxbench graph [--sequence N] [--edges N] [--vcpu N] -o FILE.svg|FILE.png|FILE.dot TRACE|SCENARIO\n"
                            "Draws which exit follows which, with counts and shares of time, and the first exits one by one in guest and host lanes. "
                            "Graphviz's program `dot`\n"
                            "draws .svg and .png; a .dot file is written without it, and `-o -` writes that to standard output.\n"
                            "\n"
                            "  -o FILE        the picture\n"
                            "  --sequence N   exits in the sequence (default 20; 0: no sequence)\n"
                            "  --edges N      the N most frequent transitions (default 40)\n"
                            "  --vcpu N       only this virtual CPU\n";

enum { SEQUENCE_MAX = 1000, EDGES_MAX = 10000 };

struct request {
    const char *output, *format; /* format: of `dot -T`; NULL for the graph itself */
    unsigned sequence, edges;
    int vcpu;
};

static bool number(const char *text, unsigned limit, unsigned *value)
{
    char *end;
    const unsigned long parsed = strtoul(text, &end, 10);
    *value = (unsigned)parsed;
    return *text >= '0' && *text <= '9' && *end == '\0' && parsed <= limit;
}

static bool output_format(struct request *request)
{
    const char *const dot = strrchr(request->output, '.');
    if (strcmp(request->output, "-") == 0 || (dot != NULL && (strcmp(dot, ".dot") == 0 || strcmp(dot, ".gv") == 0)))
        return true;
    request->format = dot != NULL && strcmp(dot, ".svg") == 0 ? "svg" : dot != NULL && strcmp(dot, ".png") == 0 ? "png" : NULL;
    return request->format != NULL;
}

/* -1: go on; otherwise the exit status. */
static int parse(struct request *request, int argc, char **argv)
{
    static const struct option options[] = {{"edges", required_argument, NULL, 'e'},  {"help", no_argument, NULL, OPTION_HELP},
                                            {"output", required_argument, NULL, 'o'}, {"sequence", required_argument, NULL, 's'},
                                            {"vcpu", required_argument, NULL, 'v'},   {NULL, 0, NULL, 0}};
    unsigned vcpu;
    int option;
    *request = (struct request){.sequence = 20, .edges = 40, .vcpu = STATS_ALL_VCPUS};
    optind = 1;
    while ((option = option_next("graph", argc, argv, "ho:", options)) != OPTION_END) {
        switch (option) {
        case 'e':
            if (!number(optarg, EDGES_MAX, &request->edges))
                return option_complain("graph", "--edges", optarg, "a number from 0 to 10000 is wanted");
            break;
        case 'o':
            request->output = optarg;
            break;
        case 's':
            if (!number(optarg, SEQUENCE_MAX, &request->sequence))
                return option_complain("graph", "--sequence", optarg, "a number from 0 to 1000 is wanted");
            break;
        case 'v':
            if (!number(optarg, TRACE_VCPUS - 1, &vcpu))
                return option_complain("graph", "--vcpu", optarg, "a number from 0 to 7 is wanted");
            request->vcpu = (int)vcpu;
            break;
        case OPTION_HELP:
            usage_print(usage);
            return 0;
        default:
            return 2;
        }
    }
    if (request->output == NULL || argc - optind != 1) {
        fprintf(stderr, "vmxbench graph: %s; `vmxbench graph --help` tells more\n",
                request->output == NULL ? "say where the picture goes with -o FILE.svg" : "name one trace or scenario");
        return 2;
    }
    if (!output_format(request))
        return option_complain("graph", "-o", request->output, "the name ends in .svg, .png or .dot");
    return -1;
}

static int write_picture(const struct request *request, const char *dot, size_t dot_size)
{
    char why[160];
    uint8_t *picture = NULL;
    size_t size = dot_size;
    if (request->format != NULL && !dot_render(dot, dot_size, request->format, &picture, &size, why, sizeof why)) {
        fprintf(stderr, "vmxbench graph: %s\n", why);
        return 2;
    }
    const bool written = file_write(request->output, picture != NULL ? (const void *)picture : dot, size);
    if (!written)
        fprintf(stderr, "vmxbench graph: %s: %s\n", request->output, strerror(errno));
    free(picture);
    return written ? 0 : 2;
}

int cmd_graph(int argc, char **argv)
{
    struct request request;
    struct trace_file trace;
    struct trace_reader reader;
    struct graph graph;
    int status = parse(&request, argc, argv);
    if (status >= 0)
        return status;
    if (!trace_load("graph", argv[optind], &trace))
        return 2;
    if (graph_collect(&graph, &trace, request.vcpu, request.sequence, &reader)) {
        if (graph.stats.samples == 0)
            trace_complain_empty(argv[optind], request.vcpu);
        char *dot = NULL;
        size_t size = 0;
        FILE *const to = open_memstream(&dot, &size);
        if (to == NULL)
            abort();
        graph_write_dot(to, &graph, request.edges);
        fclose(to);
        status = write_picture(&request, dot, size);
        free(dot);
    } else {
        trace_complain(argv[optind], &reader);
        status = 2;
    }
    graph_free(&graph);
    trace_unload(&trace);
    return status;
}
