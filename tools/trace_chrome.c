/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A trace as Chrome's trace events, which the Perfetto UI reads: a process a scenario, a thread a vCPU, slices of guest and host in turn. One tick is
   1 ns. */
#include <inttypes.h>
#include <string.h>

#include "exit_text.h"
#include "trace_writers.h"
#include "traces.h"

static void begin(struct trace_progress *progress)
{
    fputs("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[", progress->to);
}

static void begin_event(struct trace_progress *progress)
{
    fputs(progress->comma ? ",\n" : "\n", progress->to);
    progress->comma = true;
}

/* Microseconds with three decimals: exact at 1 ns a tick. */
static void time_value(FILE *to, const char *key, uint64_t ticks)
{
    fprintf(to, "\"%s\":%" PRIu64 ".%03" PRIu64, key, ticks / 1000, ticks % 1000);
}

static void begin_scenario(struct trace_progress *progress, const struct trace_record *r)
{
    begin_event(progress);
    fprintf(progress->to, "{\"name\":\"process_name\",\"ph\":\"M\",\"pid\":%u,\"args\":{\"name\":", progress->scenarios);
    json_string(progress->to, r->text, r->text_length);
    fputs("}}", progress->to);
}

static void slice(struct trace_progress *progress, const struct trace_record *r, const char *name, const char *category, uint64_t from,
                  uint64_t ticks)
{
    begin_event(progress);
    fprintf(progress->to, "{\"name\":\"%s\",\"cat\":\"%s\",\"ph\":\"X\",", name, category);
    time_value(progress->to, "ts", progress->base_ticks + from);
    fputc(',', progress->to);
    time_value(progress->to, "dur", ticks);
    fprintf(progress->to, ",\"pid\":%u,\"tid\":%u", progress->scenarios, r->vcpu);
}

static void exit_slices(struct trace_progress *progress, const struct trace_record *r)
{
    char reason[24], details[160];
    const unsigned vcpu = r->vcpu;
    const uint64_t ticks = r->item[TRACE_TICKS];
    if (!progress->vcpu[vcpu].seen) {
        begin_event(progress);
        fprintf(progress->to, "{\"name\":\"thread_name\",\"ph\":\"M\",\"pid\":%u,\"tid\":%u,\"args\":{\"name\":\"vCPU %u\"}}", progress->scenarios,
                vcpu, vcpu);
        progress->vcpu[vcpu].entered_ticks = ticks - (r->item[TRACE_GUEST_INSTRUCTIONS] < ticks ? r->item[TRACE_GUEST_INSTRUCTIONS] : ticks);
    }
    if (ticks > progress->vcpu[vcpu].entered_ticks) {
        slice(progress, r, "guest", "guest", progress->vcpu[vcpu].entered_ticks, ticks - progress->vcpu[vcpu].entered_ticks);
        fprintf(progress->to, ",\"args\":{\"instructions\":%" PRIu64 "}}", r->item[TRACE_GUEST_INSTRUCTIONS]);
    }
    progress->vcpu[vcpu].seen = true;
    progress->vcpu[vcpu].entered_ticks = ticks + trace_handled_ticks(r);
    exit_text(r, details, sizeof details);
    slice(progress, r, trace_reason_name(r->item[TRACE_REASON], reason), "exit", ticks, trace_handled_ticks(r));
    fprintf(progress->to, ",\"args\":{\"rip\":\"0x%" PRIx64 "\",\"details\":", r->item[TRACE_RIP]);
    json_string(progress->to, details, strlen(details));
    fprintf(progress->to, ",\"physical_cpu\":%" PRIu64 ",\"exit_ns\":%" PRIu64 ",\"handler_ns\":%" PRIu64 ",\"entry_ns\":%" PRIu64 "}}",
            r->item[TRACE_PHYSICAL_CPU], r->item[TRACE_COST_EXIT], r->item[TRACE_COST_HANDLER], r->item[TRACE_COST_ENTRY]);
}

/* Points on the timeline of a vCPU: stimuli and injections. */
static void instant(struct trace_progress *progress, const struct trace_record *r, const char *name)
{
    begin_event(progress);
    fputs("{\"name\":", progress->to);
    json_string(progress->to, name, strlen(name));
    fputs(",\"cat\":\"event\",\"ph\":\"i\",\"s\":\"t\",", progress->to);
    time_value(progress->to, "ts", progress->base_ticks + progress->vcpu[r->vcpu].entered_ticks);
    fprintf(progress->to, ",\"pid\":%u,\"tid\":%u}", progress->scenarios, r->vcpu);
}

static void record(struct trace_progress *progress, const struct trace_record *r)
{
    char event[64], name[96];
    if (r->kind == TRACE_SCENARIO) {
        begin_scenario(progress, r);
    } else if (r->kind == TRACE_EXIT) {
        exit_slices(progress, r);
    } else if (r->kind == TRACE_INJECT) {
        event_text(r->number[0], r->number[1], event, sizeof event);
        snprintf(name, sizeof name, "inject %s", event);
        instant(progress, r, name);
    } else if (r->kind == TRACE_INTERRUPT) {
        snprintf(name, sizeof name, "CPU %u takes interrupt 0x%x of vCPU %u", (unsigned)r->number[1], (unsigned)r->number[0], (unsigned)r->number[2]);
        instant(progress, r, name);
    } else if (r->kind == TRACE_STIMULUS) {
        instant(progress, r, trace_stimulus_text(r->number[0]));
    }
}

static void end(struct trace_progress *progress)
{
    fputs("\n]}\n", progress->to);
}

const struct trace_form trace_form_chrome = {begin, record, end};
