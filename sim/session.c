/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs a scenario in parts. */
#include "session_internal.h"

#include <stdlib.h>

#include "trace_memory.h"

struct sim_session *sim_session_new(const struct sim_scenario *scenario, struct sim_error *error)
{
    const char *message = NULL;
    struct sim_session *session = calloc(1, sizeof *session);
    if (session == NULL) {
        (void)sim_run_error(scenario, error, "out of memory");
        return NULL;
    }
    session->scenario = scenario;
    session->machine = sim_machine_new(
        &(struct sim_machine_options){.caps = &scenario->caps, .guest_bytes = scenario->guest_bytes, .vcpus = scenario->vcpus}, &message);
    if (session->machine == NULL) {
        (void)sim_run_error(scenario, error, message);
        sim_session_free(session);
        return NULL;
    }
    session->writer = (struct trace_writer){.sink = sim_trace_append, .context = &session->trace};
    trace_begin(&session->writer);
    if (bench_begin(&session->bench, session->machine, scenario->packed, scenario->packed_size, "sim", &session->writer, &session->result))
        return session;
    (void)sim_run_error(scenario, error, session->result.text);
    sim_session_free(session);
    return NULL;
}

void sim_session_free(struct sim_session *session)
{
    if (session == NULL)
        return;
    sim_machine_free(session->machine);
    sim_trace_free(&session->trace);
    free(session);
}

bool sim_session_run(struct sim_session *session, uint64_t exits, uint64_t progress)
{
    const uint64_t had = session->result.exits;
    if (session->over || exits == 0 || progress == 0)
        return session->over;
    session->bench.pause_after_exits = exits < UINT64_MAX - had ? had + exits : UINT64_MAX;
    sim_machine_pause(session->machine, progress);
    session->over = bench_continue(&session->bench);
    return session->over;
}

uint64_t sim_session_exits(const struct sim_session *session)
{
    return session->result.exits;
}

const struct sim_trace *sim_session_trace(const struct sim_session *session)
{
    return &session->trace;
}

void sim_session_drop_trace(struct sim_session *session)
{
    session->trace.size = 0;
}

bool sim_session_lost(const struct sim_session *session)
{
    return session->writer.failed;
}
