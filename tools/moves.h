/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What may be changed about a scenario in order to save exits: control bits, the physical CPUs where interrupts arrive. */
#ifndef TOOLS_MOVES_H
#define TOOLS_MOVES_H

#include "../sim/scenario.h"
#include "override.h"
#include "replay.h"

struct advice_row {
    uint32_t reason;
    struct sim_override change;
    const char *price;
};
extern const struct advice_row advice_rows[];
enum { ADVICE_ROWS_MAX = 40 };
unsigned advice_row_count(void);

/* One change, for exits of one reason. */
struct move {
    struct sim_override change;
    uint32_t reason;
    char why[256];
    const char *price;
    bool careful; /* the hypervisor gives up something that it may need */
};

/* A script as it runs with changes. */
struct move_base {
    const char *path;
    struct replay replay;
    struct override_list changes;
};

struct move_list {
    struct move *move;
    size_t count;
};

/* The changes that concern exits of a run: control bits that do not stand among its changes; sources whose interrupts arrive elsewhere than their owner
   runs, moved there. With `everywhere` sources are moved to every physical CPU. Free with moves_free(). */
void moves_find(const struct move_base *base, bool everywhere, struct move_list *list);
void moves_free(struct move_list *list);
/* The changes of the base with one more, which takes the place of one that changes the same thing. False: there is no room. */
bool move_add(const struct move_base *base, const struct move *move, struct override_list *out);
/* A control bit of the table; and a source whose interrupts go from one physical CPU to another, `count` of them so far. */
struct move move_of_row(const struct advice_row *row);
struct move move_of_source(unsigned vector, unsigned vcpu, unsigned from, unsigned home, unsigned to, uint64_t count);

#endif
