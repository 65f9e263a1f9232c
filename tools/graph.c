/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a picture of a trace shows: exits by reason, which exit follows which, and the first exits one by one. */
#include "graph.h"

#include <stdlib.h>
#include <string.h>

#include "exit_text.h"
#include "trace_writers.h"

enum { NOT_YET = GRAPH_START };

/* Where the walk over the records stands. */
struct walk {
    struct graph *graph;
    int only_vcpu;
    unsigned last[TRACE_VCPUS];                /* node of the last exit */
    struct graph_step *last_step[TRACE_VCPUS]; /* its row, NULL when the sequence ended before it */
};

static bool wanted(const struct walk *walk, const struct trace_record *r)
{
    return walk->only_vcpu == STATS_ALL_VCPUS || r->vcpu == walk->only_vcpu;
}

/* A new row; NULL once the sequence is full. */
static struct graph_step *new_step(struct graph *graph, enum graph_step_kind kind, uint8_t vcpu)
{
    if (graph->steps == graph->step_limit)
        return NULL;
    struct graph_step *const step = &graph->step[graph->steps++];
    *step = (struct graph_step){.kind = kind, .vcpu = vcpu};
    return step;
}

static void begin_scenario(struct walk *walk, const struct trace_record *r, unsigned sequence)
{
    struct graph *const graph = walk->graph;
    graph->scenarios++;
    for (unsigned vcpu = 0; vcpu < TRACE_VCPUS; vcpu++) {
        walk->last[vcpu] = NOT_YET;
        walk->last_step[vcpu] = NULL;
    }
    if (graph->scenarios == 1) {
        snprintf(graph->title, sizeof graph->title, "%.*s (profile %.*s, machine %.*s)", (int)(r->text_length < 120 ? r->text_length : 120),
                 (const char *)r->text, (int)(r->text2_length < 32 ? r->text2_length : 32), (const char *)r->text2,
                 (int)(r->text3_length < 16 ? r->text3_length : 16), (const char *)r->text3);
    } else if (graph->exits_shown < sequence) {
        struct graph_step *const step = new_step(graph, GRAPH_NOTE, 0);
        if (step != NULL)
            snprintf(step->details, sizeof step->details, "scenario %.*s", (int)(r->text_length < 120 ? r->text_length : 120), (const char *)r->text);
    }
}

static void add_edge(struct graph *graph, unsigned from, unsigned to)
{
    graph->edge[from][to]++;
    graph->edges++;
}

static void add_exit(struct walk *walk, const struct trace_record *r, unsigned sequence)
{
    struct graph *const graph = walk->graph;
    const uint32_t reason = vmx_basic_reason((uint32_t)r->item[TRACE_REASON]);
    const unsigned node = reason < VMX_REASON_LIMIT ? reason : VMX_REASON_LIMIT;
    add_edge(graph, walk->last[r->vcpu], node);
    walk->last[r->vcpu] = node;
    walk->last_step[r->vcpu] = NULL;
    if (graph->exits_shown == sequence) {
        graph->more_exits = true;
        return;
    }
    struct graph_step *const step = new_step(graph, GRAPH_EXIT, r->vcpu);
    if (step == NULL)
        return;
    graph->exits_shown++;
    graph->vcpu_seen[r->vcpu] = true;
    walk->last_step[r->vcpu] = step;
    step->reason = reason;
    step->entered = r->item[TRACE_COST_ENTRY] != 0;
    step->entry_failed = (r->item[TRACE_REASON] & VMX_REASON_FAILED_VMENTRY) != 0;
    step->ticks = r->item[TRACE_TICKS];
    step->guest_instructions = r->item[TRACE_GUEST_INSTRUCTIONS];
    step->handled_ticks = trace_handled_ticks(r);
    step->rip = r->item[TRACE_RIP];
    step->physical_cpu = r->item[TRACE_PHYSICAL_CPU];
    exit_text(r, step->details, sizeof step->details);
}

static void add_note(struct walk *walk, const struct trace_record *r, unsigned sequence)
{
    struct graph *const graph = walk->graph;
    if (graph->exits_shown == sequence)
        return;
    struct graph_step *const step = new_step(graph, GRAPH_NOTE, r->vcpu);
    if (step == NULL)
        return;
    if (r->kind == TRACE_STIMULUS)
        snprintf(step->details, sizeof step->details, "%s 0x%llx", trace_stimulus_text(r->number[0]), (unsigned long long)r->number[1]);
    else if (r->kind == TRACE_INTERRUPT)
        snprintf(step->details, sizeof step->details, "physical CPU %llu takes the interrupt 0x%llx of vCPU %llu", (unsigned long long)r->number[1],
                 (unsigned long long)r->number[0], (unsigned long long)r->number[2]);
    else if (r->number[0] == 0)
        snprintf(step->details, sizeof step->details, "VM entry refused: VMfailInvalid");
    else
        snprintf(step->details, sizeof step->details, "VM entry refused: %s %llu", r->number[0] == 1 ? "VMfailValid, error" : "fault, vector",
                 (unsigned long long)r->number[1]);
}

static void end_scenario(struct walk *walk, const struct trace_record *r)
{
    for (unsigned vcpu = 0; vcpu < TRACE_VCPUS; vcpu++)
        if (walk->last[vcpu] != NOT_YET)
            add_edge(walk->graph, walk->last[vcpu], GRAPH_STOP);
    walk->graph->guest_instructions += r->number[1];
}

static void add_record(struct walk *walk, const struct trace_record *r, unsigned sequence)
{
    struct graph_step *const step = walk->last_step[r->vcpu];
    if (r->kind == TRACE_SCENARIO)
        begin_scenario(walk, r, sequence);
    else if (r->kind == TRACE_END)
        end_scenario(walk, r);
    else if (!wanted(walk, r))
        return;
    else if (r->kind == TRACE_EXIT)
        add_exit(walk, r, sequence);
    else if (r->kind == TRACE_STIMULUS || r->kind == TRACE_ENTRY_FAIL || r->kind == TRACE_INTERRUPT)
        add_note(walk, r, sequence);
    else if (r->kind == TRACE_INJECT && step != NULL)
        event_text(r->number[0], r->number[1], step->entry, sizeof step->entry);
}

bool graph_collect(struct graph *graph, const struct trace_file *trace, int vcpu, unsigned sequence, struct trace_reader *reader)
{
    struct walk walk = {.graph = graph, .only_vcpu = vcpu};
    struct trace_record record;
    int next;
    *graph = (struct graph){.step_limit = 3 * sequence + 2};
    graph->step = calloc(graph->step_limit, sizeof graph->step[0]);
    if (graph->step == NULL)
        abort();
    if (!stats_cpus_collect(&graph->cpus, trace, vcpu, reader) || !stats_collect(&graph->stats, trace, vcpu, reader) ||
        trace_open(reader, trace->bytes, trace->size) != NULL)
        return false;
    while ((next = trace_next(reader, &record)) == 1)
        add_record(&walk, &record, sequence);
    return next == 0;
}

void graph_free(struct graph *graph)
{
    free(graph->step);
    graph->step = NULL;
}
