/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The picture of a trace in the language of Graphviz: transitions above, the sequence in lanes below. What stands
   beside bold text has a cell of its own: widths of text are Graphviz's guess. */
#include <stdlib.h>
#include <string.h>

#include "graph.h"
#include "trace_writers.h"

enum { SCENARIOS_FROM_ABOVE = 4 };

#define GUEST_COLOR "#e3f0fb"
#define HOST_COLOR "#fdf1dc"

/* Text for Graphviz's HTML-like labels. What is no printable text becomes U+FFFD: scenarios and handlers choose their words freely. */
static void escaped(FILE *to, const char *text)
{
    size_t left = strlen(text);
    while (left != 0) {
        const unsigned char *const byte = (const unsigned char *)text;
        const size_t length = utf8_length(byte, left);
        if (length == 0 || *byte < ' ' || *byte == 0x7f)
            fputs("&#65533;", to);
        else if (*byte == '&')
            fputs("&amp;", to);
        else if (*byte == '<')
            fputs("&lt;", to);
        else if (*byte == '>')
            fputs("&gt;", to);
        else if (*byte == '"')
            fputs("&quot;", to);
        else
            fwrite(text, 1, length, to);
        text += length == 0 ? 1 : length;
        left -= length == 0 ? 1 : length;
    }
}

/* 1234567 as "1,234,567". */
static const char *grouped(uint64_t number, char text[32])
{
    char digits[24];
    const int length = snprintf(digits, sizeof digits, "%llu", (unsigned long long)number);
    char *at = text;
    for (int i = 0; i < length; i++) {
        if (i != 0 && (length - i) % 3 == 0)
            *at++ = ',';
        *at++ = digits[i];
    }
    *at = '\0';
    return text;
}

/* Ticks as a time that is easy to read. */
static const char *time_text(double ticks, char text[32])
{
    if (ticks < 1000)
        snprintf(text, 32, "%.0f ns", ticks);
    else if (ticks < 1e6)
        snprintf(text, 32, "%.2f us", ticks / 1e3);
    else if (ticks < 1e9)
        snprintf(text, 32, "%.2f ms", ticks / 1e6);
    else
        snprintf(text, 32, "%.2f s", ticks / 1e9);
    return text;
}

static double share(uint64_t part, uint64_t whole)
{
    return whole != 0 ? (double)part / (double)whole : 0;
}

/* White for no share of the time, through yellow, to orange for all of it. */
static void fill_color(double time_share, char text[8])
{
    const unsigned green = (unsigned)(250 - 90 * time_share), blue = (unsigned)(240 - 170 * time_share);
    snprintf(text, 8, "#ff%02x%02x", green, blue);
}

static void write_node(FILE *to, const struct graph *graph, unsigned node)
{
    const struct stats_row *const row = &graph->stats.row[node];
    const double time_share = share(row->ticks, graph->stats.ticks);
    char name[24], color[8], count[32], mean[32];
    fill_color(time_share, color);
    fprintf(to,
            "  n%u [shape=box, style=\"rounded,filled\", fillcolor=\"%s\", label=<<table border=\"0\" cellborder=\"0\" cellspacing=\"0\" "
            "cellpadding=\"1\"><tr><td><b>%s</b></td></tr><tr><td>%s exit%s, %.1f%%</td></tr>"
            "<tr><td><font point-size=\"10\">%.1f%% of the time, mean %s</font></td></tr><tr><td></td></tr>"
            "</table>>];\n",
            node, color, trace_reason_name(row->reason, name), grouped(row->samples, count), row->samples == 1 ? "" : "s",
            100 * share(row->samples, graph->stats.samples), 100 * time_share, time_text((double)row->ticks / (double)row->samples, mean));
}

struct transition {
    unsigned from, to;
    uint64_t count;
};

static int by_count(const void *a, const void *b)
{
    const struct transition *const x = a, *const y = b;
    if (x->count != y->count)
        return x->count < y->count ? 1 : -1;
    return x->from != y->from ? (x->from > y->from ? 1 : -1) : (x->to > y->to ? 1 : -1);
}

static void write_edge(FILE *to, const struct transition *t, uint64_t most)
{
    char count[32];
    const double weight = share(t->count, most), scale = most < 10 ? (double)most / 10 : 1; /* few exits: no bold arrows */
    const char *const color = weight > 0.5 ? "#1f4e79" : weight > 0.1 ? "#4f6d8a" : "#9aa9b8";
    fprintf(to, "  n%u -> n%u [label=\" %s \", penwidth=%.1f, color=\"%s\", fontcolor=\"%s\"];\n", t->from, t->to, grouped(t->count, count),
            0.8 + 3.2 * weight * scale, color, weight > 0.1 ? "#1f2d3a" : "#6b7a89");
}

/* Returns how many transitions were left out. */
static uint64_t write_edges(FILE *to, const struct graph *graph, unsigned limit)
{
    static struct transition all[GRAPH_NODES * GRAPH_NODES];
    unsigned count = 0;
    uint64_t left_out = 0, most = 0;
    for (unsigned from = 0; from < GRAPH_NODES; from++)
        for (unsigned target = 0; target < GRAPH_NODES; target++)
            if (graph->edge[from][target] != 0)
                all[count++] = (struct transition){from, target, graph->edge[from][target]};
    qsort(all, count, sizeof all[0], by_count);
    for (unsigned i = 0; i < count; i++) {
        const bool end_point = all[i].from == GRAPH_START || all[i].to == GRAPH_STOP;
        if (i == 0)
            most = all[i].count;
        if (i < limit || end_point)
            write_edge(to, &all[i], most);
        else
            left_out += all[i].count;
    }
    return left_out;
}

/* ---- the sequence: a table with a column of time, a lane for each virtual CPU, the messages, and the host's lane ---- */

static unsigned lanes(const struct graph *graph)
{
    unsigned count = 0;
    for (unsigned vcpu = 0; vcpu < TRACE_VCPUS; vcpu++)
        count += graph->vcpu_seen[vcpu];
    return count;
}

static void cell(FILE *to, const char *attributes, const char *text)
{
    fprintf(to, "<td %s>", attributes);
    escaped(to, text);
    fputs("</td>", to);
}

/* The guests' lanes of one row: text in the lane of `vcpu`, the others empty. */
static void write_lanes(FILE *to, const struct graph *graph, unsigned vcpu, const char *text)
{
    for (unsigned lane = 0; lane < TRACE_VCPUS; lane++)
        if (graph->vcpu_seen[lane])
            cell(to, "bgcolor=\"" GUEST_COLOR "\" align=\"left\"", lane == vcpu ? text : "");
}

static void write_exit_rows(FILE *to, const struct graph *graph, const struct graph_step *step)
{
    char reason[24], when[32], time[32], count[32], guest[96], host[96];
    snprintf(guest, sizeof guest, "%s instruction%s to 0x%llx", grouped(step->guest_instructions, count), step->guest_instructions == 1 ? "" : "s",
             (unsigned long long)step->rip);
    if (graph->cpus.cpus > 1)
        snprintf(host, sizeof host, "CPU %llu: handled in %s", (unsigned long long)step->physical_cpu, time_text((double)step->handled_ticks, time));
    else
        snprintf(host, sizeof host, "handled in %s", time_text((double)step->handled_ticks, time));
    snprintf(when, sizeof when, "%.3f", (double)step->ticks / 1000.0);
    fputs("    <tr>", to);
    cell(to, "align=\"right\"", when);
    write_lanes(to, graph, step->vcpu, step->entry_failed ? "" : guest);
    fprintf(to, "<td align=\"left\"><font color=\"#1f4e79\"><b>%s</b></font></td><td align=\"left\">%s", trace_reason_name(step->reason, reason),
            step->entry_failed ? "VM entry failed, " : "");
    escaped(to, step->details);
    fputs(step->details[0] != '\0' ? " &#8594;</td>" : "&#8594;</td>", to);
    cell(to, "bgcolor=\"" HOST_COLOR "\" align=\"left\"", host);
    fputs("</tr>\n", to);
    if (!step->entered)
        return;
    fputs("    <tr><td></td>", to);
    write_lanes(to, graph, TRACE_VCPUS, "");
    fputs("<td colspan=\"2\" align=\"left\"><font color=\"#7a6a4f\">&#8592; entry", to);
    if (step->entry[0] != '\0') {
        fputs(", injects ", to);
        escaped(to, step->entry);
    }
    fputs("</font></td><td bgcolor=\"" HOST_COLOR "\"></td></tr>\n", to);
}

static void write_sequence(FILE *to, const struct graph *graph)
{
    const unsigned columns = 4 + lanes(graph);
    fprintf(to,
            "  sequence [shape=plain, label=<<table border=\"0\" cellborder=\"0\" cellspacing=\"0\" cellpadding=\"4\">\n"
            "    <tr><td colspan=\"%u\" align=\"left\"><b>The first %u exit%s</b>%s</td></tr>\n"
            "    <tr><td align=\"right\"><b>us</b></td>",
            columns, graph->exits_shown, graph->exits_shown == 1 ? "" : "s", graph->more_exits ? ", more follow" : "");
    for (unsigned vcpu = 0; vcpu < TRACE_VCPUS; vcpu++)
        if (graph->vcpu_seen[vcpu])
            fprintf(to, "<td bgcolor=\"" GUEST_COLOR "\" align=\"left\"><b>guest, vCPU %u</b></td>", vcpu);
    fputs("<td colspan=\"2\" align=\"left\"><b>exit &#8594; and &#8592; entry</b></td><td bgcolor=\"" HOST_COLOR
          "\" align=\"left\"><b>host</b></td></tr>\n",
          to);
    for (unsigned i = 0; i < graph->steps; i++) {
        const struct graph_step *const step = &graph->step[i];
        if (step->kind == GRAPH_EXIT) {
            write_exit_rows(to, graph, step);
        } else {
            fprintf(to, "    <tr><td></td><td colspan=\"%u\" align=\"left\"><i>", columns - 1);
            escaped(to, step->details);
            fputs("</i></td></tr>\n", to);
        }
    }
    fputs("  </table>>];\n", to);
}

/* Who pays, where there are several. */
static void write_cpus(FILE *to, const struct stats_cpus *cpus)
{
    char exits[32], interrupts[32], foreign[32];
    for (unsigned i = 0; cpus->cpus > 1 && i < cpus->cpus; i++) {
        const struct stats_cpu *cpu = &cpus->cpu[i];
        fprintf(to, "Physical CPU %u: %s exit%s, %.1f%% of their time", i, grouped(cpu->exits, exits), cpu->exits == 1 ? "" : "s",
                100 * share(cpu->ticks, cpus->ticks));
        if (cpu->interrupts != 0)
            fprintf(to, "; takes %s interrupt%s, %s of vCPUs that do not run there", grouped(cpu->interrupts, interrupts),
                    cpu->interrupts == 1 ? "" : "s", grouped(cpu->foreign, foreign));
        fputs(".<br align=\"left\"/>", to);
    }
}

void graph_write_dot(FILE *to, const struct graph *graph, unsigned edge_limit)
{
    char exits[32], time[32], instructions[32];
    /* Many short scenarios make a star, which is wide from above. */
    fprintf(to, "digraph exits {\n  graph [rankdir=%s", graph->scenarios > SCENARIOS_FROM_ABOVE ? "LR" : "TB");
    fputs(", fontname=\"Helvetica\", labelloc=t, labeljust=l, fontsize=13, nodesep=0.35, ranksep=0.55];\n"
          "  node [fontname=\"Helvetica\", fontsize=12];\n"
          "  edge [fontname=\"Helvetica\", fontsize=10, arrowsize=0.7];\n",
          to);
    if (graph->stats.samples != 0) {
        fprintf(to, "  n%u [shape=circle, width=0.25, fixedsize=true, style=filled, fillcolor=\"#30506b\", label=\"\", xlabel=\"start\"];\n",
                GRAPH_START);
        fprintf(to, "  n%u [shape=doublecircle, width=0.2, fixedsize=true, style=filled, fillcolor=\"#30506b\", label=\"\", xlabel=\"stop\"];\n",
                GRAPH_STOP);
    }
    for (unsigned node = 0; node < STATS_ROWS; node++)
        if (graph->stats.row[node].samples != 0)
            write_node(to, graph, node);
    const uint64_t left_out = write_edges(to, graph, edge_limit);
    if (graph->exits_shown != 0) {
        write_sequence(to, graph);
        fprintf(to, "  {rank=source; n%u} {rank=sink; sequence}\n  n%u -> sequence [style=invis];\n", GRAPH_START, GRAPH_STOP);
    }
    fputs("  label=<<b>", to);
    escaped(to, graph->title);
    if (graph->scenarios > 1)
        fprintf(to, " and %llu more", (unsigned long long)graph->scenarios - 1);
    fprintf(to, "</b><br align=\"left\"/>%s exit%s, handled in %s; %s guest instructions.<br align=\"left\"/>", grouped(graph->stats.samples, exits),
            graph->stats.samples == 1 ? "" : "s", time_text((double)graph->stats.ticks, time), grouped(graph->guest_instructions, instructions));
    fputs("An arrow counts how often one exit followed the other on a virtual CPU.<br align=\"left\"/>"
          "The fuller a box is coloured, the larger its share of the time.<br align=\"left\"/>",
          to);
    if (left_out != 0)
        fprintf(to, "%llu rarer transitions (%.1f%% of all) are left out.<br align=\"left\"/>", (unsigned long long)left_out,
                100 * share(left_out, graph->edges));
    write_cpus(to, &graph->cpus);
    fputs("<br align=\"left\"/>>;\n}\n", to);
}
