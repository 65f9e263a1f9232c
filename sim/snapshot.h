/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Snapshots of sessions: machine, hypervisor and bench, between two steps of the run. A run that goes on from one gives the bytes of the run that was never
   interrupted. Written by field, with a version and a checksum; translated code is no part of it. */
#ifndef SIM_SNAPSHOT_H
#define SIM_SNAPSHOT_H

#include "session.h"

struct sim_snapshot;

/* NULL: there is no memory, or the run is over. */
struct sim_snapshot *sim_snapshot_take(struct sim_session *session);
/* The session, of the same scenario, goes on from where the snapshot was taken. Where the session's machine was last in step with this very snapshot, it
   costs no more than the pages that were written since. False: *error says why, and the session is of no use any more. */
bool sim_snapshot_restore(const struct sim_snapshot *snapshot, struct sim_session *session, struct sim_error *error);
void sim_snapshot_free(struct sim_snapshot *snapshot);

/* A snapshot in a file stands alone: the scenario is in it too. The reader gets a session that goes on from there; the scenario is the caller's to free
   with sim_scenario_free(scenario, 1), after the session. False and NULL: *error says why. */
bool sim_snapshot_write(const struct sim_snapshot *snapshot, const struct sim_scenario *scenario, const char *path, struct sim_error *error);
/* The file claims to be one. */
bool sim_snapshot_is_file(const char *path);
struct sim_session *sim_snapshot_read(const char *path, struct sim_scenario **scenario, struct sim_error *error);

#endif
