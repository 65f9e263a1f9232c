/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Snapshots of bare machines: processors, memory, devices and the trace of their guests' exits, between two instructions. A machine that goes on from one
   gives the bytes of the machine that was never interrupted. Written by field, with a version and a checksum. */
#ifndef SIM_SNAPSHOT_BARE_H
#define SIM_SNAPSHOT_BARE_H

#include "board_trace.h"

struct sim_error;

/* The trace so far, where one is recorded: what trace.writer has handed out. */
struct sim_bare_trace {
    bool recorded;
    struct sim_board_trace *trace;
    void *bytes;
    size_t size;
};

/* Of a machine that sim_bare_run() paused. False: *error says why. */
bool sim_bare_snapshot_write(struct bk_machine *machine, const struct sim_bare_trace *trace, const char *path, struct sim_error *error);
/* The file claims to be one. */
bool sim_bare_snapshot_is_file(const char *path);
/* A machine that goes on from there, with the caller's calls and limit. Of *trace the trace is the caller's, without a machine; what it knew is filled in, and
   bytes are new memory, the caller's to free. Freed by sim_machine_free(). NULL: *error says why. */
struct bk_machine *sim_bare_snapshot_read(const char *path, const struct sim_bare_options *calls, struct sim_bare_trace *trace,
                                          struct sim_error *error);

#endif
