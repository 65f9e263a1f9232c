/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two runs of the same scenarios side by side: exits and time by reason, before and after a change. */
#ifndef TOOLS_WHATIF_H
#define TOOLS_WHATIF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "../handlers/bench/trace.h"
#include "../vmx-model/reasons.h"

struct whatif_tally {
    uint64_t exits[VMX_REASON_LIMIT + 1], ticks[VMX_REASON_LIMIT + 1]; /* the last one: failed VM entries without an exit */
    uint64_t all_exits, all_ticks;
    uint64_t cpu_exits[TRACE_VCPUS], cpu_ticks[TRACE_VCPUS]; /* by physical CPU */
    uint64_t end_ticks;                                      /* how long the runs took, one after the other; not bounded by any work */
};

struct whatif {
    struct whatif_tally before, after;
    uint64_t work_before, work_after; /* guest instructions in all; those that exit do not retire, and are counted besides */
};

/* Compares two traces of the same scenarios. With `same_work` only exits count that lie within the work which both runs of a scenario did: a run whose
   last expected exits do not come any more goes on for longer, and one that ends early has fewer of all. */
void whatif_compare(struct whatif *out, const uint8_t *before, size_t before_size, const uint8_t *after, size_t after_size, bool same_work);
void whatif_print(FILE *to, const struct whatif *whatif);
/* The table of all exits of two traces. */
void whatif_table(FILE *to, const uint8_t *before, size_t before_size, const uint8_t *after, size_t after_size);

#endif
