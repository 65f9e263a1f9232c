/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Traces in memory. */
#include "trace_memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../handlers/bench/trace.h"

static bool grow(struct sim_trace *trace, uint32_t size)
{
    enum { FIRST = 4096 };
    const size_t capacity = (trace->size + size) * 2 + FIRST;
    uint8_t *grown = realloc(trace->bytes, capacity);
    if (grown == NULL)
        return false;
    trace->bytes = grown;
    trace->capacity = capacity;
    return true;
}

bool sim_trace_append(void *context, const void *bytes, uint32_t size)
{
    struct sim_trace *trace = context;
    if (size > trace->capacity - trace->size && !grow(trace, size))
        return false;
    memcpy(trace->bytes + trace->size, bytes, size);
    trace->size += size;
    return true;
}

bool sim_trace_join(struct sim_trace *to, const struct sim_trace *from)
{
    const size_t skip = to->size != 0 && from->size >= TRACE_HEADER_BYTES ? TRACE_HEADER_BYTES : 0;
    return sim_trace_append(to, from->bytes + skip, (uint32_t)(from->size - skip));
}

void sim_trace_free(struct sim_trace *trace)
{
    free(trace->bytes);
    *trace = (struct sim_trace){0};
}

bool sim_run_error(const struct sim_scenario *scenario, struct sim_error *error, const char *message)
{
    snprintf(error->file, sizeof error->file, "%s", scenario->file);
    error->line = scenario->line;
    snprintf(error->message, sizeof error->message, "%s", message);
    return false;
}
