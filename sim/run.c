/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs one scenario on the simulator into a trace in memory. */
#include "run.h"

#include "../handlers/bench/bench.h"
#include "spare.h"
#include "trace_memory.h"

static bool discard(void *context, const void *bytes, uint32_t size)
{
    (void)context;
    (void)bytes;
    (void)size;
    return true;
}

bool sim_run_scenario(const struct sim_scenario *scenario, struct sim_trace *trace, struct sim_error *error)
{
    const char *message = NULL;
    const struct sim_machine_options options = {.caps = &scenario->caps, .guest_bytes = scenario->guest_bytes, .vcpus = scenario->vcpus};
    struct bk_machine *machine = sim_spare_take(&options, &message);
    if (machine == NULL)
        return sim_run_error(scenario, error, message);
    /* The header stands once, before the first scenario. */
    struct trace_writer writer = {.sink = trace->size == 0 ? sim_trace_append : discard, .context = trace};
    struct bench_result result;
    trace_begin(&writer);
    writer.sink = sim_trace_append;
    bool good = bench_run(machine, scenario->packed, scenario->packed_size, "sim", &writer, &result);
    if (!good)
        (void)sim_run_error(scenario, error, result.text);
    else if (writer.failed)
        good = sim_run_error(scenario, error, "no memory for the trace");
    sim_spare_give(machine);
    return good;
}
