/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What each physical CPU of a trace had to do: exits, their time, interrupts that it took, and for whom. */
#ifndef TOOLS_STATS_CPUS_H
#define TOOLS_STATS_CPUS_H

#include <stdbool.h>
#include <stdint.h>

#include "traces.h"

enum { STATS_CPUS = 16, STATS_VECTORS = 256 };

struct stats_cpu {
    uint64_t exits, ticks, external; /* external: EXTERNAL_INTERRUPT exits */
    uint64_t interrupts;             /* that the host took here, kicks included */
    uint64_t foreign;                /* those of a virtual CPU that was not the one that ran here */
};

/* A vector for a virtual CPU: how often each physical CPU took it. */
struct stats_vector {
    unsigned vector, vcpu;
    uint64_t taken[STATS_CPUS];
    uint64_t merged; /* waited for the virtual CPU already */
};

/* A source of interrupts at the end of its scenarios. */
struct stats_source {
    unsigned vector;
    uint64_t interrupts, merged;
};

struct stats_cpus {
    struct stats_cpu cpu[STATS_CPUS];
    unsigned cpus; /* one more than the highest that did anything */
    struct stats_vector vector[STATS_VECTORS];
    unsigned vectors; /* by vector, then by virtual CPU */
    struct stats_source source[STATS_VECTORS];
    unsigned sources;
    uint64_t exits, ticks, interrupts;
    uint64_t external, external_ticks;            /* of EXTERNAL_INTERRUPT exits */
    uint64_t vcpu_exits[TRACE_VCPUS][STATS_CPUS]; /* where each virtual CPU exited */
};
/* The physical CPU where a virtual CPU exited most often; STATS_CPUS: nowhere. */
unsigned stats_cpus_home(const struct stats_cpus *stats, unsigned vcpu);

/* `vcpu` as in stats_collect(): exits of this one, and interrupts for it. False: the trace is damaged at reader->at; what came before is counted. */
bool stats_cpus_collect(struct stats_cpus *stats, const struct trace_file *trace, int vcpu, struct trace_reader *reader);

#endif
