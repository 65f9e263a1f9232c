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

bool move_add(const struct move_base *base, const struct move *move, struct override_list *out)
{
    *out = base->changes;
    for (size_t i = 0; i < out->count; i++)
        if (override_same(&out->change[i], &move->change)) {
            out->change[i] = move->change;
            return true;
        }
    if (out->count == OVERRIDES_MAX)
        return false;
    out->change[out->count++] = move->change;
    return true;
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

static void find_affinities(const struct move_base *base, const struct placement *placement, bool everywhere, struct move_list *list)
{
    for (unsigned i = 0; i < placement->sources; i++) {
        const struct placement_source *source = &placement->source[i];
        for (unsigned to = 0; to < placement->physical_cpus; to++)
            if (to != source->physical_cpu && (everywhere || to == source->owner_cpu))
                move_source(base, source, to, list);
    }
}

void moves_find(const struct move_base *base, bool everywhere, struct move_list *list)
{
    struct placement placement;
    *list = (struct move_list){0};
    find_controls(base, list);
    if (placement_read(&placement, base->path, base->changes.change, base->changes.count))
        find_affinities(base, &placement, everywhere, list);
}
