/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Takes away from a case what its disagreement does not need. */
#ifndef DIFFERENTIAL_MINIMISE_H
#define DIFFERENTIAL_MINIMISE_H

#include "both.h"

/* Shrinks *c while both sides still disagree; *result becomes that of the smaller case. False: Bochs cannot run, *error says why. */
bool minimise(struct dif_case *c, struct result *result, struct sim_error *error);

#endif
