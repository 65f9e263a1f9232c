/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exits of a trace by reason: how many, and how long they took. */
#include "stats.h"

static void add(struct stats *stats, const struct trace_record *exit)
{
    const uint32_t reason = vmx_basic_reason((uint32_t)exit->item[TRACE_REASON]);
    struct stats_row *const row = &stats->row[reason < VMX_REASON_LIMIT ? reason : VMX_REASON_LIMIT];
    const uint64_t ticks = trace_handled_ticks(exit);
    const double old_mean = row->samples != 0 ? (double)row->ticks / (double)row->samples : 0;
    row->reason = reason;
    if (row->samples == 0 || ticks < row->min_ticks)
        row->min_ticks = ticks;
    if (ticks > row->max_ticks)
        row->max_ticks = ticks;
    row->samples++;
    row->ticks += ticks;
    const double new_mean = (double)row->ticks / (double)row->samples;
    row->squares += ((double)ticks - old_mean) * ((double)ticks - new_mean);
    stats->samples++;
    stats->ticks += ticks;
}

bool stats_collect(struct stats *stats, const struct trace_file *trace, int vcpu, struct trace_reader *reader)
{
    struct trace_record record;
    int next;
    if (trace_open(reader, trace->bytes, trace->size) != NULL)
        return false;
    while ((next = trace_next(reader, &record)) == 1)
        if (record.kind == TRACE_EXIT && (vcpu == STATS_ALL_VCPUS || record.vcpu == vcpu))
            add(stats, &record);
    return next == 0;
}

static bool comes_before(const struct stats_row *a, const struct stats_row *b, enum stats_key key)
{
    const uint64_t x = key == STATS_BY_TIME ? a->ticks : a->samples, y = key == STATS_BY_TIME ? b->ticks : b->samples;
    return x != y ? x > y : a->reason < b->reason;
}

unsigned stats_sorted(const struct stats *stats, enum stats_key key, const struct stats_row *rows[STATS_ROWS])
{
    unsigned count = 0;
    for (unsigned i = 0; i < STATS_ROWS; i++) {
        const struct stats_row *const row = &stats->row[i];
        unsigned place = count;
        if (row->samples == 0)
            continue;
        for (; place > 0 && comes_before(row, rows[place - 1], key); place--)
            rows[place] = rows[place - 1];
        rows[place] = row;
        count++;
    }
    return count;
}

/* Newton's method: no need of the mathematics library for two decimals. */
static double square_root(double value)
{
    double root = value > 1 ? value : 1;
    for (int i = 0; i < 200 && root * root > value * (1 + 1e-12); i++)
        root = (root + value / root) / 2;
    return value > 0 ? root : 0;
}

double stats_deviation_percent(const struct stats_row *row)
{
    if (row->samples < 2 || row->ticks == 0)
        return 0;
    const double n = (double)row->samples, mean = (double)row->ticks / n;
    return 100 * square_root(row->squares / (n - 1) / n) / mean;
}
