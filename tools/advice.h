/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which changes may save exits, and what each saves when a scenario is run again with it. */
#ifndef TOOLS_ADVICE_H
#define TOOLS_ADVICE_H

#include "moves.h"
#include "whatif.h"

/* A change that was tried. */
struct advice {
    struct move move;
    struct whatif whatif;  /* over the same work */
    int64_t exits, ticks;  /* saved */
    int64_t run;           /* ticks by which the run is shorter; 0 where it ends in another way */
    unsigned lost, passed; /* scenarios that passed before: those that do no longer, all */
    bool ends_early;       /* the guest got less far than before */
    char impossible[256];  /* not empty: why it cannot be had */
};

struct advice_list {
    struct advice *advice;
    size_t count;
};

/* Tries each change that concerns `base`. Those that save time come first, by how much, then those that cannot be had; others are left out.
   Free with advice_free(). */
void advice_try(const struct move_base *base, struct advice_list *list);
void advice_free(struct advice_list *list);
/* The first line of a verdict, without the file that it begins with. */
void advice_copy_why(char why[256], const char *text);

#endif
