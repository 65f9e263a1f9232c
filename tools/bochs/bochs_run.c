/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Scenarios on the hardware image: packs them into boots of a machine, boots, and puts their traces in order. */
#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../handlers/bench/trace.h"
#include "../../sim/machine.h"

enum { MEGABYTE = 1 << 20, MEMORY_MIN = 32, MEMORY_MAX = 2048, PACKED_CRC_AT = 12 };

struct batch {
    const struct sim_scenario *scenarios;
    size_t *index; /* of the scenarios in this boot */
    size_t count;
    struct bytes module;
    uint64_t guest_bytes; /* the most that one wants */
    unsigned cpus;        /* the most that one wants */
    const char *model;    /* of the processor, in the machine's words */
    const struct hw_machine *machine;
};

static bool fail(const struct batch *batch, struct sim_error *error, const char *what)
{
    *error = (struct sim_error){.line = 0};
    snprintf(error->file, sizeof error->file, "%s", batch->machine->name);
    snprintf(error->message, sizeof error->message, "%s", what);
    return false;
}

/* ---- traces ---- */
static bool sink(void *context, const void *data, uint32_t size)
{
    return bytes_add(context, data, size);
}

/* The bytes that hold whole records, and the VM exits among them. */
static uint64_t whole_records(const struct bytes *trace, uint64_t *exits)
{
    struct trace_reader reader;
    struct trace_record record;
    *exits = 0;
    if (trace_open(&reader, trace->data, trace->size) != NULL)
        return 0;
    uint64_t good = reader.at;
    while (trace_next(&reader, &record) == 1) {
        good = reader.at;
        *exits += record.kind == TRACE_EXIT;
    }
    return good;
}

static uint32_t packed_crc(const struct sim_scenario *scenario)
{
    const uint8_t *crc = scenario->packed + PACKED_CRC_AT;
    return crc[0] | (uint32_t)crc[1] << 8 | (uint32_t)crc[2] << 16 | (uint32_t)crc[3] << 24;
}

enum content { CONTENT_WHOLE, CONTENT_DAMAGED, CONTENT_OF_ANOTHER };

/* Is this all that was written of this scenario, and nothing else: from its own first record to its one end? */
static enum content content_of(const struct sim_scenario *scenario, const struct bytes *records)
{
    struct bytes trace = {NULL, 0, 0};
    struct trace_writer writer = {.sink = sink, .context = &trace};
    struct trace_reader reader;
    struct trace_record record;
    bool first = true, ended = false, own = true;
    int more = 1;
    trace_begin(&writer);
    bool whole = bytes_add(&trace, records->data, records->size) && trace_open(&reader, trace.data, trace.size) == NULL;
    for (; whole && (more = trace_next(&reader, &record)) == 1; first = false) {
        whole = first == (record.kind == TRACE_SCENARIO) && !ended;
        own &= record.kind != TRACE_SCENARIO || record.number[0] == packed_crc(scenario);
        ended = record.kind == TRACE_END;
    }
    free(trace.data);
    return !whole || more != 0 || !ended ? CONTENT_DAMAGED : own ? CONTENT_WHOLE : CONTENT_OF_ANOTHER;
}

/* A trace that broke off is cut behind its last whole record and ended. The image sends it in frames, so it may not even have begun. */
static void end_trace(const struct sim_scenario *scenario, struct bytes *trace, const char *why)
{
    struct bytes whole = {NULL, 0, 0};
    struct trace_writer writer = {.sink = sink, .context = &whole};
    uint64_t exits;
    trace_begin(&writer);
    (void)bytes_add(&whole, trace->data, trace->size);
    whole.size = (size_t)whole_records(&whole, &exits);
    if (whole.size <= TRACE_HEADER_BYTES) {
        trace_scenario(&writer, packed_crc(scenario), scenario->name != NULL ? scenario->name : "", scenario->profile, "hw");
    }
    const uint64_t number[] = {exits, 0, 0, TRACE_STOP_HOST_ERROR};
    trace_numbers(&writer, TRACE_END, 0, number, 4, why, (uint32_t)strlen(why));
    trace->size = 0;
    (void)bytes_add(trace, whole.data + TRACE_HEADER_BYTES, whole.size - TRACE_HEADER_BYTES);
    free(whole.data);
}

static bool append(struct sim_trace *to, const void *data, size_t size)
{
    struct bytes all = {to->bytes, to->size, to->capacity};
    const bool added = bytes_add(&all, data, size);
    *to = (struct sim_trace){all.data, all.size, all.capacity};
    return added;
}

static bool append_header(struct sim_trace *to)
{
    struct bytes header = {NULL, 0, 0};
    struct trace_writer writer = {.sink = sink, .context = &header};
    trace_begin(&writer);
    const bool added = !writer.failed && append(to, header.data, header.size);
    free(header.data);
    return added;
}

/* ---- one boot ---- */
static struct bytes measured;

const char *hw_measured_profile(size_t *size)
{
    *size = measured.size;
    return (const char *)measured.data;
}

static void keep_profile(const struct bytes *serial)
{
    static const char start[] = "profile ";
    measured.size = 0;
    for (size_t at = 0; at < serial->size;) {
        const uint8_t *line = serial->data + at, *end = memchr(line, '\n', serial->size - at);
        const size_t length = end != NULL ? (size_t)(end - line) + 1 : serial->size - at;
        if (length > sizeof start && memcmp(line, start, sizeof start - 1) == 0)
            (void)bytes_add(&measured, line, length);
        at += length;
    }
}

/* Takes what goes together, in order: the same processor model, as much as the ROM holds. */
static bool gather(struct batch *batch, const bool *pending, size_t count)
{
    batch->count = batch->module.size = 0;
    batch->guest_bytes = 0;
    batch->model = NULL;
    batch->cpus = 0;
    for (size_t i = 0; i < count; i++) {
        const struct sim_scenario *scenario = &batch->scenarios[i];
        const char *model = batch->machine->model(scenario->profile);
        if (!pending[i] || (batch->model != NULL && strcmp(batch->model, model) != 0) || (batch->cpus != 0 && batch->cpus != scenario->vcpus) ||
            batch->module.size + scenario->packed_size > batch->machine->module_room())
            continue;
        batch->cpus = scenario->vcpus;
        batch->model = model;
        if (!bytes_add(&batch->module, scenario->packed, scenario->packed_size))
            return false;
        if (scenario->guest_bytes > batch->guest_bytes)
            batch->guest_bytes = scenario->guest_bytes;
        batch->index[batch->count++] = i;
    }
    return true;
}

/* Guest RAM and scenarios above SIM_GUEST_BASE. */
static unsigned memory_mbytes(const struct batch *batch)
{
    const uint64_t wanted = (SIM_GUEST_BASE + batch->guest_bytes + batch->module.size) / MEGABYTE + 2;
    return wanted < MEMORY_MIN ? MEMORY_MIN : wanted > MEMORY_MAX ? MEMORY_MAX : (unsigned)wanted;
}

/* The scenario that the machine was at when it ended: it has begun and has neither run nor been refused. */
static void broke_off(const struct sim_scenario *scenario, struct bochs_report *report, bool stuck, const char *last)
{
    snprintf(report->text, sizeof report->text, "%s%s%.100s", stuck ? "the machine went silent" : "the machine ended", last[0] != '\0' ? ": " : "",
             last);
    end_trace(scenario, &report->trace, report->text);
}

static void lost(const struct sim_scenario *scenario, struct bochs_report *report, const char *why)
{
    report->ran = false;
    snprintf(report->text, sizeof report->text, "%s", why);
    report->trace.size = 0;
    end_trace(scenario, &report->trace, report->text);
}

/* What a line damages or cuts short says nothing of the scenario; a machine of ours that ends is a machine that the scenario ended. `went_on`: with a later
   scenario. */
static void settle_one(const struct batch *batch, const struct sim_scenario *scenario, struct bochs_report *report, bool went_on, bool stuck,
                       const char *last, struct bochs_outcome *outcome)
{
    const bool ended = report->ran || went_on;
    const enum content content = report->damaged || !report->ran ? CONTENT_DAMAGED : content_of(scenario, &report->trace);
    if (!report->refused && ended && content == CONTENT_DAMAGED)
        lost(scenario, report, "the line damaged a part of its trace");
    else if (!report->refused && ended && content == CONTENT_OF_ANOTHER)
        lost(scenario, report, "the image ran another scenario in its place: pack these anew");
    else if (!report->refused && !report->ran)
        broke_off(scenario, report, stuck, last);
    outcome->ran = report->ran;
    outcome->refused = report->refused;
    outcome->lost = !report->ran && !report->refused && batch->machine->boots_once;
    memcpy(outcome->text, report->text, sizeof outcome->text);
    memcpy(outcome->dump, report->dump, sizeof outcome->dump);
}

/* True when at least one scenario was settled. */
static bool settle(const struct batch *batch, struct bochs_report *reports, bool stuck, const char *last, bool *pending, struct bytes *traces,
                   struct bochs_outcome *outcomes)
{
    bool any = false, went_on = false;
    for (size_t i = batch->count; i-- > 0;) {
        struct bochs_report *report = &reports[i];
        const size_t index = batch->index[i];
        if (!report->begun && !report->refused) {
            free(report->trace.data);
            continue;
        }
        settle_one(batch, &batch->scenarios[index], report, went_on, stuck, last, &outcomes[index]);
        traces[index] = report->trace;
        pending[index] = false;
        any = went_on = true;
    }
    return any;
}

static bool boot(const struct batch *batch, bool *pending, struct bytes *traces, struct bochs_outcome *outcomes, struct sim_error *error)
{
    struct bytes serial = {NULL, 0, 0};
    struct bochs_report *reports = calloc(batch->count, sizeof *reports);
    const struct hw_boot what = {.module = &batch->module, .model = batch->model, .memory_mbytes = memory_mbytes(batch), .cpus = batch->cpus};
    bool stuck = false;
    bool done = (reports != NULL || fail(batch, error, "out of memory")) && batch->machine->boot(batch->machine, &what, &serial, &stuck, error);
    if (done) {
        char last[160];
        keep_profile(&serial);
        bochs_parse(&serial, reports, batch->count, last);
        done =
            settle(batch, reports, stuck, last, pending, traces, outcomes) || fail(batch, error, last[0] != '\0' ? last : "the image said nothing");
    }
    free(reports);
    free(serial.data);
    return done;
}

/* A scenario that no module holds is refused here. */
static bool run_all(struct batch *batch, size_t count, bool *pending, struct bytes *traces, struct bochs_outcome *outcomes, struct sim_error *error)
{
    for (size_t i = 0; i < count; i++) {
        outcomes[i] = (struct bochs_outcome){.ran = false};
        pending[i] = batch->scenarios[i].packed_size <= batch->machine->module_room();
        outcomes[i].refused = !pending[i];
        if (!pending[i])
            snprintf(outcomes[i].text, sizeof outcomes[i].text, "the packed scenario has %zu bytes; one boot takes %zu",
                     batch->scenarios[i].packed_size, batch->machine->module_room());
    }
    for (;;) {
        if (!gather(batch, pending, count))
            return fail(batch, error, "out of memory");
        if (batch->count == 0)
            return true;
        if (!boot(batch, pending, traces, outcomes, error))
            return false;
        for (size_t i = 0; batch->machine->boots_once && i < count; i++)
            if (pending[i]) {
                pending[i] = false;
                outcomes[i].refused = true;
                snprintf(outcomes[i].text, sizeof outcomes[i].text, "the image did not come to it");
            }
    }
}

bool hw_run(const struct hw_machine *machine, const struct sim_scenario *scenarios, size_t count, struct sim_trace *trace,
            struct bochs_outcome *outcomes, struct sim_error *error)
{
    bool *pending = calloc(count + 1, sizeof *pending);
    struct bytes *traces = calloc(count + 1, sizeof *traces);
    struct batch batch = {.scenarios = scenarios, .machine = machine, .index = calloc(count + 1, sizeof(size_t))};
    bool done = pending != NULL && traces != NULL && batch.index != NULL;
    if (!done)
        (void)fail(&batch, error, "out of memory");
    done = done && run_all(&batch, count, pending, traces, outcomes, error);
    if (done && trace->size == 0)
        done = append_header(trace) || fail(&batch, error, "out of memory");
    for (size_t i = 0; done && i < count; i++)
        done = append(trace, traces[i].data, traces[i].size) || fail(&batch, error, "out of memory");
    for (size_t i = 0; traces != NULL && i < count; i++)
        free(traces[i].data);
    free(traces);
    free(pending);
    free(batch.index);
    free(batch.module.data);
    return done;
}
