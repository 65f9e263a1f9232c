/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds what may be changed about a scenario. */
#include "moves.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "placement.h"
#include "traces.h"
#include "whatif.h"

const struct advice_row advice_rows[] = {
#define ADVICE(reason_, word_, control_, value_, price_) {VMX_EXIT_##reason_, {.word = (word_), .control = (control_), .value = (value_)}, (price_)},
#include "advice.def"
#undef ADVICE
};
enum { ROWS = sizeof advice_rows / sizeof advice_rows[0] };
_Static_assert((int)ROWS <= (int)ADVICE_ROWS_MAX, "room for every row");

unsigned advice_row_count(void)
{
    return ROWS;
}

struct move move_of_row(const struct advice_row *row)
{
    struct move move = {.change = row->change, .reason = row->reason, .price = row->price};
    move.careful = strncmp(row->price, "careful", sizeof "careful" - 1) == 0;
    snprintf(move.why, sizeof move.why, "%s", vmx_reasons[row->reason].avoidance);
    return move;
}

static void add(struct move_list *list, const struct move *move)
{
    struct move *grown = realloc(list->move, (list->count + 1) * sizeof *grown);
    if (grown == NULL)
        abort();
    list->move = grown;
    list->move[list->count++] = *move;
}

void moves_free(struct move_list *list)
{
    free(list->move);
    *list = (struct move_list){0};
}

static bool put(struct override_list *list, const struct sim_override *change)
{
    for (size_t i = 0; i < list->count; i++)
        if (override_same(&list->change[i], change)) {
            list->change[i] = *change;
            return true;
        }
    if (list->count == OVERRIDES_MAX)
        return false;
    list->change[list->count++] = *change;
    return true;
}

static bool put_affinity(struct override_list *list, unsigned vector, unsigned physical_cpu)
{
    return put(list, &(struct sim_override){.word = SIM_OVERRIDE_AFFINITY, .key = vector, .number = physical_cpu});
}

bool move_add(const struct move_base *base, const struct move *move, struct override_list *out)
{
    struct placement placement;
    *out = base->changes;
    if (move->also == MOVE_ALONE)
        return put(out, &move->change);
    if (!placement_read(&placement, base->path, base->changes.change, base->changes.count))
        return false;
    if (move->also == MOVE_WITH_INTERRUPTS && !put(out, &move->change))
        return false;
    for (unsigned i = 0; i < placement.sources; i++) {
        const struct placement_source *source = &placement.source[i];
        const bool follows = move->also == MOVE_WITH_INTERRUPTS && source->vcpu == move->change.key;
        if (move->also == MOVE_EVERY_SOURCE && source->physical_cpu != source->owner_cpu && !put_affinity(out, source->vector, source->owner_cpu))
            return false;
        if (follows && !put_affinity(out, source->vector, move->change.number))
            return false;
    }
    return true;
}

void move_name(const struct move *move, char text[OVERRIDE_NAME])
{
    if (move->also == MOVE_EVERY_SOURCE) {
        snprintf(text, OVERRIDE_NAME, "affinity of all as their owners run");
        return;
    }
    override_name(&move->change, text);
    if (move->also == MOVE_WITH_INTERRUPTS)
        snprintf(text + strlen(text), OVERRIDE_NAME - strlen(text), " with its interrupts");
}

/* ---- control bits ---- */
static bool listed(const struct move_list *list, const struct sim_override *change)
{
    for (size_t i = 0; i < list->count; i++)
        if (override_same(&list->move[i].change, change))
            return true;
    return false;
}

static bool stands(const struct move_base *base, const struct sim_override *change)
{
    for (size_t i = 0; i < base->changes.count; i++)
        if (override_same(&base->changes.change[i], change))
            return true;
    return false;
}

static void find_controls(const struct move_base *base, struct move_list *list)
{
    const struct sim_trace *trace = &base->replay.trace;
    struct whatif all;
    whatif_compare(&all, trace->bytes, trace->size, trace->bytes, trace->size, false);
    for (unsigned r = 0; r < ROWS; r++) {
        const struct move move = move_of_row(&advice_rows[r]);
        if (all.before.exits[move.reason] != 0 && !stands(base, &move.change) && !listed(list, &move.change))
            add(list, &move);
    }
}

/* ---- where interrupts arrive ---- */
static uint64_t count_of(const struct sim_trace *trace, unsigned vector)
{
    struct trace_reader reader;
    struct trace_record record;
    uint64_t count = 0;
    if (trace_open(&reader, trace->bytes, trace->size) != NULL)
        return 0;
    while (trace_next(&reader, &record) == 1)
        count += record.kind == TRACE_INTERRUPT && record.number[0] == vector;
    return count;
}

struct move move_of_source(unsigned vector, unsigned vcpu, unsigned from, unsigned home, unsigned to, uint64_t count)
{
    struct move move = {.change = {.word = SIM_OVERRIDE_AFFINITY, .key = vector, .number = to},
                        .reason = VMX_EXIT_EXTERNAL_INTERRUPT,
                        .price = "nothing in the guest; on a Linux host write the CPU's number to /proc/irq/IRQ/smp_affinity_list, and keep "
                                 "irqbalance from moving it back"};
    snprintf(move.why, sizeof move.why,
             "%llu interrupts 0x%x arrive at physical CPU %u and belong to virtual CPU %u, which runs on physical CPU %u: each takes who runs there "
             "out of "
             "its guest, and the owner has to be kicked or woken from there",
             (unsigned long long)count, vector, from, vcpu, home);
    return move;
}

static void move_source(const struct move_base *base, const struct placement_source *source, unsigned to, struct move_list *list)
{
    const uint64_t count = count_of(&base->replay.trace, source->vector);
    const struct move move = move_of_source(source->vector, source->vcpu, source->physical_cpu, source->owner_cpu, to, count);
    add(list, &move);
}

static unsigned others_on(const struct placement *placement, unsigned physical_cpu, unsigned but)
{
    unsigned count = 0;
    for (unsigned i = 0; i < placement->vcpus; i++)
        count += i != but && placement->pin[i] == physical_cpu;
    return count;
}

/* To where the owner runs, or to a physical CPU that no virtual CPU has, which then looks after interrupts alone. */
static void find_affinities(const struct move_base *base, const struct placement *placement, bool everywhere, struct move_list *list)
{
    unsigned elsewhere = 0;
    for (unsigned i = 0; i < placement->sources; i++) {
        const struct placement_source *source = &placement->source[i];
        elsewhere += source->physical_cpu != source->owner_cpu;
        for (unsigned to = 0; to < placement->physical_cpus; to++)
            if (to != source->physical_cpu && (to == source->owner_cpu || (everywhere && others_on(placement, to, placement->vcpus) == 0)))
                move_source(base, source, to, list);
    }
    if (!everywhere || elsewhere < 2)
        return;
    struct move all = {.also = MOVE_EVERY_SOURCE, .reason = VMX_EXIT_EXTERNAL_INTERRUPT, .price = "as for each of them"};
    snprintf(all.change.word, sizeof all.change.word, "%s", SIM_OVERRIDE_AFFINITY);
    snprintf(all.why, sizeof all.why, "%u sources arrive at other physical CPUs than their owners run on", elsewhere);
    add(list, &all);
}

/* ---- where virtual CPUs run ---- */
static bool has_sources(const struct placement *placement, unsigned vcpu)
{
    for (unsigned i = 0; i < placement->sources; i++)
        if (placement->source[i].vcpu == vcpu)
            return true;
    return false;
}

static void move_vcpu(const struct placement *placement, unsigned vcpu, unsigned to, bool with_interrupts, struct move_list *list)
{
    struct move move = {.change = {.word = SIM_OVERRIDE_PIN, .key = vcpu, .number = to},
                        .reason = VMX_EXIT_EXTERNAL_INTERRUPT,
                        .price = "nothing in the guest; on a Linux host bind the virtual CPU's thread: taskset -p, or vcpupin of libvirt"};
    snprintf(move.why, sizeof move.why,
             "virtual CPU %u runs on physical CPU %u with %u others, on physical CPU %u it would with %u: those that share one take turns, and what "
             "arrives "
             "there takes whoever runs out of the guest",
             vcpu, placement->pin[vcpu], others_on(placement, placement->pin[vcpu], vcpu), to, others_on(placement, to, vcpu));
    add(list, &move);
    if (!with_interrupts || !has_sources(placement, vcpu))
        return;
    move.also = MOVE_WITH_INTERRUPTS;
    add(list, &move);
}

/* Advice is for those that share a physical CPU with more than they would find elsewhere. */
static void find_pins(const struct placement *placement, bool everywhere, bool with_interrupts, struct move_list *list)
{
    for (unsigned vcpu = 0; vcpu < placement->vcpus; vcpu++)
        for (unsigned to = 0; to < placement->physical_cpus; to++)
            if (to != placement->pin[vcpu] && (everywhere || others_on(placement, to, vcpu) < others_on(placement, placement->pin[vcpu], vcpu)))
                move_vcpu(placement, vcpu, to, with_interrupts, list);
}

void moves_find(const struct move_base *base, unsigned kinds, bool everywhere, struct move_list *list)
{
    struct placement placement;
    *list = (struct move_list){0};
    if ((kinds & MOVE_CONTROLS) != 0)
        find_controls(base, list);
    if (!placement_read(&placement, base->path, base->changes.change, base->changes.count))
        return;
    if ((kinds & MOVE_AFFINITY) != 0)
        find_affinities(base, &placement, everywhere, list);
    if ((kinds & MOVE_PINS) != 0)
        find_pins(&placement, everywhere, everywhere && (kinds & MOVE_AFFINITY) != 0, list);
}
