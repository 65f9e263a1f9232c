/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A scenario on its way: a machine that is set up as it says, the run, the trace so far. It runs in parts, and snapshots are taken of it. */
#ifndef SIM_SESSION_H
#define SIM_SESSION_H

#include "run.h"

struct sim_session;

/* Sets a machine up, before the first VM entry. `scenario` outlives the session. NULL: *error says why. */
struct sim_session *sim_session_new(const struct sim_scenario *scenario, struct sim_error *error);
void sim_session_free(struct sim_session *session);

/* Runs on until the run is over (true), or until it has had `exits` more VM exits, or until the guests have used `progress` more instructions, VM exits and
   event deliveries together. UINT64_MAX: no such bound. */
bool sim_session_run(struct sim_session *session, uint64_t exits, uint64_t progress);
/* VM exits so far. */
uint64_t sim_session_exits(const struct sim_session *session);
/* The trace so far, complete when the run is over. It stands until the next call for this session. */
const struct sim_trace *sim_session_trace(const struct sim_session *session);
/* Forgets what is recorded so far, so that a run without end needs no memory for it; there is no verdict on such a trace. */
void sim_session_drop_trace(struct sim_session *session);
/* The memory for the trace was exhausted: it is not complete. */
bool sim_session_lost(const struct sim_session *session);

#endif
