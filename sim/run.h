/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs one scenario on the simulator into a trace in memory. */
#ifndef SIM_RUN_H
#define SIM_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scenario.h"

struct sim_trace {
    uint8_t *bytes;
    size_t size, capacity;
};

/* Appends to `trace` (zeroed for a new one: a header is written first). False: the machine could not be made, *error says why. */
bool sim_run_scenario(const struct sim_scenario *scenario, struct sim_trace *trace, struct sim_error *error);
void sim_trace_free(struct sim_trace *trace);

#endif
