/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two traces of the same scenarios, from two machines or two versions: where they first differ, field by field. */
#ifndef SIM_COMPARE_H
#define SIM_COMPARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sim_comparison { SIM_SAME, SIM_DIFFERENT, SIM_UNREADABLE };

/* Bits of one item that one of the machines is known to get wrong in VM exits of a basic reason. */
struct sim_known_difference {
    uint32_t reason;  /* basic exit reason */
    unsigned item;    /* enum trace_item; TRACE_RFLAGS covers the final state after such an exit too */
    uint64_t mask;    /* bits that may differ */
    const char *what; /* which machine does what, and what the SDM says */
};

struct sim_compare_options {
    const char *name[2]; /* what a complaint calls the traces; NULL: "trace A", "trace B" */
    /* Compare time, costs and counts of instructions too. Without it a trace that ended at the limit of instructions ends the comparison, for only the
       simulator counts them. */
    bool time;
    /* Where B has no scenario of that CRC-32 compare with the one of the same name, or with the only one when both traces hold one. */
    bool by_name;
    bool both_ways; /* a scenario of B that A lacks is a difference too; without it B may hold more */
    const struct sim_known_difference *known;
    size_t known_count;
    uint64_t *known_seen; /* of known_count elements: how often each was met is added; NULL: not wanted */
};

struct sim_compared {
    size_t scenarios, different; /* of A, and of B alone where both ways count; those that differ or that the other trace lacks */
    uint64_t exits;              /* that agree, before the first divergence of each scenario */
    uint64_t known;              /* items that differ as is known; they do not count as a difference */
    char *text; /* for people: the first divergence of each scenario that has one, or what is unreadable; "" when none. The caller frees it */
};

/* Compares every scenario of trace A with that of the same CRC-32 in trace B. The machine's name is never compared. `options` may be NULL. */
enum sim_comparison sim_compare(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size, const struct sim_compare_options *options,
                                struct sim_compared *out);

#endif
