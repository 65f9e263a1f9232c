/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exits of a trace by reason: how many, and how long they took. */
#ifndef TOOLS_STATS_H
#define TOOLS_STATS_H

#include <stdbool.h>
#include <stdint.h>

#include "../vmx-model/reasons.h"
#include "traces.h"

enum { STATS_ROWS = VMX_REASON_LIMIT + 1, STATS_ALL_VCPUS = -1 }; /* the last row: reasons beyond the table */

struct stats_row {
    uint32_t reason;
    uint64_t samples, ticks, min_ticks, max_ticks;
    double squares; /* sum of squared differences from the mean so far */
};

struct stats {
    struct stats_row row[STATS_ROWS];
    uint64_t samples, ticks;
};

enum stats_key { STATS_BY_SAMPLES, STATS_BY_TIME };

/* False: the trace is damaged at reader->at; what came before is counted. */
bool stats_collect(struct stats *stats, const struct trace_file *trace, int vcpu, struct trace_reader *reader);
/* Rows with samples, most first; equal ones by number. Returns how many. */
unsigned stats_sorted(const struct stats *stats, enum stats_key key, const struct stats_row *rows[STATS_ROWS]);
/* Standard error of the mean, in percent of it; 0 for fewer than two samples. */
double stats_deviation_percent(const struct stats_row *row);

#endif
