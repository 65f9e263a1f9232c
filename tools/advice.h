/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which control bits may save exits, and what each saves when a scenario is run again with it. */
#ifndef TOOLS_ADVICE_H
#define TOOLS_ADVICE_H

#include "../sim/scenario.h"
#include "replay.h"
#include "whatif.h"

struct advice_row {
    uint32_t reason;
    struct sim_override change;
    const char *price;
};
extern const struct advice_row advice_rows[];
enum { ADVICE_ROWS_MAX = 40 };
unsigned advice_row_count(void);
/* The hypervisor gives up something that it may need. */
bool advice_is_careful(const struct advice_row *row);

/* A change that was tried. */
struct advice {
    const struct advice_row *row;
    struct whatif whatif;  /* over the same work */
    int64_t exits, ticks;  /* saved */
    unsigned lost, passed; /* scenarios that passed before: those that do no longer, all */
    bool ends_early;       /* the guest got less far than before */
    char impossible[256];  /* not empty: why it cannot be had */
};

/* A script as it runs with changes. */
struct advice_run {
    struct replay replay;
    struct sim_override changes[ADVICE_ROWS_MAX];
    size_t count;
};

/* Tries each change that concerns a reason of `base`, a run of the script. Those that save time come first, by how much, then those that cannot be had;
   others are left out. Returns how many there are. */
unsigned advice_try(const char *path, const struct advice_run *base, struct advice advices[ADVICE_ROWS_MAX]);

#endif
