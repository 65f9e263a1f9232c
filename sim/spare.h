/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A machine that has done its work waits here for the next scenario that wants one like it: going back to a blank machine is much cheaper than making one,
   and nothing tells the two apart. One waits in each thread. */
#ifndef SIM_SPARE_H
#define SIM_SPARE_H

#include "machine.h"

/* As sim_machine_new(). */
struct bk_machine *sim_spare_take(const struct sim_machine_options *options, const char **message);
/* As sim_machine_free(), of a machine that was taken here, in whatever state. */
void sim_spare_give(struct bk_machine *machine);
/* Frees the one that waits, if there is one. */
void sim_spare_free(void);

#endif
