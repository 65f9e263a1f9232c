/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a session is made of, for snapshots. */
#ifndef SIM_SESSION_INTERNAL_H
#define SIM_SESSION_INTERNAL_H

#include "../handlers/bench/run.h"
#include "machine_internal.h"
#include "session.h"

struct sim_session {
    const struct sim_scenario *scenario;
    struct bk_machine *machine;
    struct bench bench;
    struct bench_result result;
    struct trace_writer writer;
    struct sim_trace trace;
    bool over;
};

#endif
