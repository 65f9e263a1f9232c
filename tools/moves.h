/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What may be changed about a scenario in order to save exits: control bits, the physical CPUs where interrupts arrive and where virtual CPUs run. */
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

/* What a move changes besides. */
enum move_also {
    MOVE_ALONE,
    MOVE_WITH_INTERRUPTS, /* a virtual CPU is bound, and the interrupts that belong to it go there too */
    MOVE_EVERY_SOURCE     /* all interrupts go to where their owners run; the change itself names none */
};
/* One change, for exits of one reason. */
struct move {
    struct sim_override change;
    enum move_also also;
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

enum { MOVE_CONTROLS = 1, MOVE_AFFINITY = 2, MOVE_PINS = 4, MOVE_ALL = 7 };
/* The changes of these kinds that concern exits of a run: control bits that do not stand among its changes; sources whose interrupts arrive elsewhere than their owner
   runs, moved there; virtual CPUs that share a physical CPU, moved to one that fewer share. With `everywhere` virtual CPUs are moved to every physical
   CPU, alone and with their interrupts, sources also to physical CPUs without a virtual CPU, and all at once to their owners. Free with moves_free(). */
void moves_find(const struct move_base *base, unsigned kinds, bool everywhere, struct move_list *list);
void moves_free(struct move_list *list);
/* The changes of the base with those of the move, which take the place of ones that change the same thing. False: there is no room. */
bool move_add(const struct move_base *base, const struct move *move, struct override_list *out);
/* In a few words, as override_name() has it for one change. */
void move_name(const struct move *move, char text[OVERRIDE_NAME]);
/* A control bit of the table; and a source whose interrupts go from one physical CPU to another, `count` of them so far. */
struct move move_of_row(const struct advice_row *row);
struct move move_of_source(unsigned vector, unsigned vcpu, unsigned from, unsigned home, unsigned to, uint64_t count);

#endif
