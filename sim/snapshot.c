/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Takes snapshots and goes back to them. */
#include "snapshot_internal.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "trace_memory.h"

/* Stores that a translation lets through already would not be noted: translations are forgotten. The run does not see it. */
static void begin_log(struct bk_machine *machine, uint64_t number)
{
    sim_ram_log_begin(&machine->log, number);
    for (unsigned i = 0; i < machine->vcpu_count; i++)
        sim_engine_flush(machine->vcpu[i].engine);
}

uint64_t snapshot_number(void)
{
    static atomic_uint_fast64_t numbers;
    return atomic_fetch_add(&numbers, 1) + 1;
}

static bool copy_trace(struct sim_trace *to, const struct sim_trace *from)
{
    to->size = 0;
    return sim_trace_append(to, from->bytes, (uint32_t)from->size);
}

struct sim_snapshot *sim_snapshot_take(struct sim_session *session)
{
    if (session->over)
        return NULL;
    struct sim_snapshot *snapshot = calloc(1, sizeof *snapshot);
    if (snapshot == NULL)
        return NULL;
    snapshot->number = snapshot_number();
    if (!snapshot_ram_take(&snapshot->ram, session->machine) || !copy_trace(&snapshot->trace, &session->trace)) {
        sim_snapshot_free(snapshot);
        return NULL;
    }
    snapshot_machine(&snapshot->state, session->machine);
    snapshot_bench(&snapshot->state, session);
    if (snapshot->state.wrong != NULL) {
        sim_snapshot_free(snapshot);
        return NULL;
    }
    begin_log(session->machine, snapshot->number);
    return snapshot;
}

bool sim_snapshot_restore(const struct sim_snapshot *snapshot, struct sim_session *session, struct sim_error *error)
{
    struct archive state = {.reading = true, .bytes = snapshot->state.bytes, .size = snapshot->state.size};
    if (snapshot->ram.pages != session->machine->log.pages)
        return sim_run_error(session->scenario, error, "the snapshot is of a machine with another RAM");
    snapshot_ram_restore(&snapshot->ram, session->machine, snapshot->number);
    snapshot_machine(&state, session->machine);
    snapshot_bench(&state, session);
    if (state.wrong == NULL && state.at != state.size)
        archive_fail(&state, "there is more in it than belongs there");
    if (state.wrong != NULL)
        return sim_run_error(session->scenario, error, state.wrong);
    session->over = false;
    return copy_trace(&session->trace, &snapshot->trace) || sim_run_error(session->scenario, error, "out of memory");
}

void sim_snapshot_free(struct sim_snapshot *snapshot)
{
    if (snapshot == NULL)
        return;
    free(snapshot->state.bytes);
    snapshot_ram_free(&snapshot->ram);
    sim_trace_free(&snapshot->trace);
    free(snapshot);
}
