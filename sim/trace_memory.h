/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Traces that grow in memory, and errors of a scenario's run. */
#ifndef SIM_TRACE_MEMORY_H
#define SIM_TRACE_MEMORY_H

#include "run.h"

/* A sink of struct trace_writer; context: the struct sim_trace. */
bool sim_trace_append(void *context, const void *bytes, uint32_t size);
/* Appends a trace to another, which has one header then. False: no memory. */
bool sim_trace_join(struct sim_trace *to, const struct sim_trace *from);
/* Fills *error with the place where the scenario stands; false, so that a caller can return it. */
bool sim_run_error(const struct sim_scenario *scenario, struct sim_error *error, const char *message);

#endif
