/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The judge: a scenario and the trace of its run give a verdict. One for every machine. */
#ifndef SIM_JUDGE_H
#define SIM_JUDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scenario.h"

struct sim_verdict {
    bool passed;
    uint64_t exits;
    char *text; /* of a failure: several lines, the first "file:line: message"; NULL when passed. Owned by the caller */
};

/* `trace` holds one or more traces; the one of this scenario is found by its CRC-32. */
void sim_judge(const struct sim_scenario *scenario, const uint8_t *trace, size_t size, struct sim_verdict *verdict);

/* What the guest came to, whichever exits it took on the way. */
struct sim_result {
    bool complete;       /* the run stands in the trace up to its end */
    unsigned conditions; /* of `final`, but those on numbers of exits and instructions */
    bool holds;          /* all of them hold */
};
void sim_judge_result(const struct sim_scenario *scenario, const uint8_t *trace, size_t size, struct sim_result *result);

#endif
