/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two traces of the same scenarios, from two machines or two versions: where they first differ, field by field. */
#ifndef SIM_COMPARE_H
#define SIM_COMPARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sim_comparison { SIM_SAME, SIM_DIFFERENT, SIM_UNREADABLE };

struct sim_compared {
    size_t scenarios, different; /* of A; those that differ or that B lacks */
    uint64_t exits;              /* that agree, before the first divergence of each scenario */
    char *text; /* for people: the first divergence of each scenario that has one, or what is unreadable; "" when none. The caller frees it */
};

/* Compares every scenario of trace A with that of the same CRC-32 in trace B. Time, costs and the machine's name are compared only when `time` is set;
   without it a trace that ended at the limit of instructions ends the comparison too, for only the simulator counts them. */
enum sim_comparison sim_compare(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size, bool time, struct sim_compared *out);

#endif
