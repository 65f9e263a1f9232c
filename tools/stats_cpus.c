/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exits and interrupts of a trace by physical CPU. */
#include "stats_cpus.h"

#include "../vmx-model/reasons.h"
#include "stats.h"

static struct stats_cpu *cpu_of(struct stats_cpus *stats, uint64_t number)
{
    if (number >= STATS_CPUS)
        return NULL;
    if (number >= stats->cpus)
        stats->cpus = (unsigned)number + 1;
    return &stats->cpu[number];
}

static void add_exit(struct stats_cpus *stats, const struct trace_record *exit)
{
    struct stats_cpu *cpu = cpu_of(stats, exit->item[TRACE_PHYSICAL_CPU]);
    const uint64_t ticks = trace_handled_ticks(exit);
    stats->exits++;
    stats->ticks += ticks;
    if (cpu == NULL)
        return;
    cpu->exits++;
    cpu->ticks += ticks;
    stats->vcpu_exits[exit->vcpu][exit->item[TRACE_PHYSICAL_CPU]]++;
    if (vmx_basic_reason((uint32_t)exit->item[TRACE_REASON]) != VMX_EXIT_EXTERNAL_INTERRUPT)
        return;
    cpu->external++;
    stats->external++;
    stats->external_ticks += ticks;
}

unsigned stats_cpus_home(const struct stats_cpus *stats, unsigned vcpu)
{
    unsigned home = STATS_CPUS;
    for (unsigned i = 0; i < STATS_CPUS && vcpu < TRACE_VCPUS; i++)
        if (stats->vcpu_exits[vcpu][i] > (home < STATS_CPUS ? stats->vcpu_exits[vcpu][home] : 0))
            home = i;
    return home;
}

static bool comes_before(const struct stats_vector *v, unsigned vector, unsigned vcpu)
{
    return v->vector != vector ? v->vector < vector : v->vcpu < vcpu;
}

/* Its row, made where it belongs; NULL when there is no room. */
static struct stats_vector *vector_of(struct stats_cpus *stats, unsigned vector, unsigned vcpu)
{
    unsigned place = 0;
    while (place < stats->vectors && comes_before(&stats->vector[place], vector, vcpu))
        place++;
    struct stats_vector *row = &stats->vector[place];
    if (place < stats->vectors && row->vector == vector && row->vcpu == vcpu)
        return row;
    if (stats->vectors == STATS_VECTORS)
        return NULL;
    for (unsigned i = stats->vectors++; i > place; i--)
        stats->vector[i] = stats->vector[i - 1];
    *row = (struct stats_vector){.vector = vector, .vcpu = vcpu};
    return row;
}

static void add_interrupt(struct stats_cpus *stats, const struct trace_record *r)
{
    struct stats_cpu *cpu = cpu_of(stats, r->number[1]);
    struct stats_vector *row = r->number[0] < STATS_VECTORS ? vector_of(stats, (unsigned)r->number[0], (unsigned)r->number[2]) : NULL;
    stats->interrupts++;
    if (cpu == NULL)
        return;
    cpu->interrupts++;
    cpu->foreign += r->number[2] != r->vcpu;
    if (row != NULL) {
        row->taken[r->number[1]]++;
        row->merged += r->number[3];
    }
}

static void add_source(struct stats_cpus *stats, const struct trace_record *r)
{
    unsigned i = 0;
    while (i < stats->sources && stats->source[i].vector != r->number[0])
        i++;
    if (i == STATS_VECTORS)
        return;
    if (i == stats->sources)
        stats->source[stats->sources++] = (struct stats_source){.vector = (unsigned)r->number[0]};
    stats->source[i].interrupts += r->number[1];
    stats->source[i].merged += r->number[2];
}

bool stats_cpus_collect(struct stats_cpus *stats, const struct trace_file *trace, int vcpu, struct trace_reader *reader)
{
    struct trace_record record;
    int next;
    *stats = (struct stats_cpus){.cpus = 0};
    if (trace_open(reader, trace->bytes, trace->size) != NULL)
        return false;
    while ((next = trace_next(reader, &record)) == 1) {
        if (record.kind == TRACE_EXIT && (vcpu == STATS_ALL_VCPUS || record.vcpu == vcpu))
            add_exit(stats, &record);
        if (record.kind == TRACE_INTERRUPT && (vcpu == STATS_ALL_VCPUS || record.number[2] == (uint64_t)vcpu))
            add_interrupt(stats, &record);
        if (record.kind == TRACE_SOURCE)
            add_source(stats, &record);
    }
    return next == 0;
}
