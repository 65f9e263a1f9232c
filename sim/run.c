/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs one scenario on the simulator into a trace in memory. */
#include "run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../handlers/bench/bench.h"
#include "machine.h"

static bool append(void *context, const void *bytes, uint32_t size)
{
    struct sim_trace *trace = context;
    if (size > trace->capacity - trace->size) {
        const size_t capacity = (trace->size + size) * 2;
        uint8_t *grown = realloc(trace->bytes, capacity);
        if (grown == NULL)
            return false;
        trace->bytes = grown;
        trace->capacity = capacity;
    }
    memcpy(trace->bytes + trace->size, bytes, size);
    trace->size += size;
    return true;
}

static bool discard(void *context, const void *bytes, uint32_t size)
{
    (void)context;
    (void)bytes;
    (void)size;
    return true;
}

static bool fail(const struct sim_scenario *scenario, struct sim_error *error, const char *message)
{
    snprintf(error->file, sizeof error->file, "%s", scenario->file);
    error->line = scenario->line;
    snprintf(error->message, sizeof error->message, "%s", message);
    return false;
}

bool sim_run_scenario(const struct sim_scenario *scenario, struct sim_trace *trace, struct sim_error *error)
{
    const char *message = NULL;
    const struct sim_machine_options options = {.caps = &scenario->caps, .guest_bytes = scenario->guest_bytes, .vcpus = scenario->vcpus};
    struct bk_machine *machine = sim_machine_new(&options, &message);
    if (machine == NULL)
        return fail(scenario, error, message);
    /* The header stands once, before the first scenario. */
    struct trace_writer writer = {.sink = trace->size == 0 ? append : discard, .context = trace};
    struct bench_result result;
    trace_begin(&writer);
    writer.sink = append;
    bool good = bench_run(machine, scenario->packed, scenario->packed_size, "sim", &writer, &result);
    if (!good)
        (void)fail(scenario, error, result.text);
    else if (writer.failed)
        good = fail(scenario, error, "no memory for the trace");
    sim_machine_free(machine);
    return good;
}

void sim_trace_free(struct sim_trace *trace)
{
    free(trace->bytes);
    *trace = (struct sim_trace){0};
}
