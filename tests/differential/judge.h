/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Judges one case by both traces: the same, allowed by the open order of checks, a listed deviation, or a disagreement. */
#ifndef DIFFERENTIAL_JUDGE_H
#define DIFFERENTIAL_JUDGE_H

#include "both.h"
#include "tools/bochs/bochs_run.h"

/* NULL: the case may run on Bochs. Else why not: it would take host or image along, or the simulator gave up. */
const char *judge_keeps_from_bochs(const struct dif_case *c, const struct sim_scenario *scenario, const struct outcome *sim);
/* Fills in verdict and text. */
void judge(const struct dif_case *c, const struct sim_scenario *scenario, const struct sim_trace *sim, const struct sim_trace *bochs,
           const struct bochs_outcome *outcome, struct result *result);

#endif
