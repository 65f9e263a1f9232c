/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a picture of a trace shows: exits by reason, which exit follows which, and the first exits one by one. */
#ifndef TOOLS_GRAPH_H
#define TOOLS_GRAPH_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "stats.h"
#include "stats_cpus.h"
#include "traces.h"

enum {
    GRAPH_START = STATS_ROWS, /* before the first exit of a virtual CPU */
    GRAPH_STOP,               /* after the last one */
    GRAPH_NODES,
    GRAPH_TEXT = 160
};

enum graph_step_kind { GRAPH_EXIT, GRAPH_NOTE };

/* A row of the sequence. */
struct graph_step {
    enum graph_step_kind kind;
    uint8_t vcpu;
    uint64_t physical_cpu;
    uint32_t reason;
    bool entered, entry_failed; /* an entry followed; the exit is a failed VM entry */
    uint64_t ticks, guest_instructions, handled_ticks, rip;
    char details[GRAPH_TEXT]; /* of the exit, or the words of a note */
    char entry[64];           /* what the entry injects */
};

struct graph {
    char title[256];
    struct stats stats;
    uint64_t edge[GRAPH_NODES][GRAPH_NODES]; /* how often the second followed the first on one virtual CPU */
    uint64_t edges, scenarios, guest_instructions;
    struct graph_step *step;
    unsigned steps, step_limit, exits_shown;
    bool more_exits;             /* than the sequence shows */
    bool vcpu_seen[TRACE_VCPUS]; /* in the sequence */
    struct stats_cpus cpus;
};

/* Reads a trace; the sequence keeps its first `sequence` exits. False: damaged at reader->at; what came before is in the graph. */
bool graph_collect(struct graph *graph, const struct trace_file *trace, int vcpu, unsigned sequence, struct trace_reader *reader);
void graph_free(struct graph *graph);

/* Writes it in the language of Graphviz; of the transitions the `edge_limit` most frequent. */
void graph_write_dot(FILE *to, const struct graph *graph, unsigned edge_limit);

#endif
