/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the virtual CPUs of a script run, and where the interrupts of its sources arrive. */
#ifndef TOOLS_PLACEMENT_H
#define TOOLS_PLACEMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../sim/scenario.h"

enum { PLACEMENT_SOURCES = 64 };

struct placement_source {
    unsigned vector, vcpu, physical_cpu;
    unsigned owner_cpu; /* where the virtual CPU runs that it belongs to */
};

/* Of all scenarios of a script; where several have a source with the same vector, as the first one says. */
struct placement {
    unsigned vcpus;  /* the most that a scenario has */
    unsigned pin[8]; /* where each of them runs */
    struct placement_source source[PLACEMENT_SOURCES];
    unsigned sources;
    unsigned physical_cpus; /* the most that a scenario has */
};

/* False: the script cannot be loaded with these changes. */
bool placement_read(struct placement *placement, const char *path, const struct sim_override *changes, size_t count);

#endif
