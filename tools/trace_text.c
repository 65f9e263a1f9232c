/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A trace as lines for people. */
#include <inttypes.h>

#include "../vmx-model/reasons.h"
#include "exit_text.h"
#include "trace_writers.h"
#include "traces.h"

static void begin(struct trace_progress *progress)
{
    (void)progress;
}

static void begin_scenario(struct trace_progress *progress, const struct trace_record *r)
{
    fprintf(progress->to, "%sscenario %.*s (profile %.*s, machine %.*s)\n", progress->scenarios > 1 ? "\n" : "", (int)r->text_length,
            (const char *)r->text, (int)r->text2_length, (const char *)r->text2, (int)r->text3_length, (const char *)r->text3);
    fputs("   exit  vcpu       ticks     us  reason               rip\n", progress->to);
}

/* The items that the description does not already tell. */
static void other_items(FILE *to, const struct trace_record *r)
{
    static const enum trace_item items[] = {TRACE_INSTRUCTION_LENGTH, TRACE_INSTRUCTION_INFO, TRACE_INTERRUPTIBILITY, TRACE_ACTIVITY,
                                            TRACE_PENDING_DEBUG};
    char event[64];
    for (unsigned i = 0; i < sizeof items / sizeof items[0]; i++)
        if (r->item[items[i]] != 0)
            fprintf(to, "  %s %#" PRIx64, trace_item_names[items[i]], r->item[items[i]]);
    event_text(r->item[TRACE_IDT_INFO], r->item[TRACE_IDT_ERROR], event, sizeof event);
    if (event[0] != '\0')
        fprintf(to, "  while delivering %s", event);
}

static void exit_line(struct trace_progress *progress, const struct trace_record *r)
{
    char reason[24], details[160];
    exit_text(r, details, sizeof details);
    fprintf(progress->to, "%7" PRIu64 "  %4u  %10" PRIu64 " %6.2f  %-19s  %#" PRIx64, progress->exits, r->vcpu, r->item[TRACE_TICKS],
            (double)trace_handled_ticks(r) / 1000.0, trace_reason_name(r->item[TRACE_REASON], reason), r->item[TRACE_RIP]);
    if ((r->item[TRACE_REASON] & VMX_REASON_FAILED_VMENTRY) != 0)
        fputs("  VM entry failed", progress->to);
    if (details[0] != '\0')
        fprintf(progress->to, "  %s", details);
    other_items(progress->to, r);
    fputc('\n', progress->to);
}

static void note(struct trace_progress *progress, const struct trace_record *r, const char *what)
{
    fprintf(progress->to, "         %4u                     %s", r->vcpu, what);
}

static void final_state(FILE *to, const struct trace_record *r)
{
    static const char *const names[] = {"rip", "rsp", "rflags", "cr0", "cr3", "cr4", "efer"};
    static const char *const gprs[] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"};
    fputs("final state", to);
    for (unsigned i = 0; i < 7; i++)
        fprintf(to, " %s=%#" PRIx64, names[i], r->number[i]);
    for (unsigned i = 0; i < 16; i++)
        if (i != 4)
            fprintf(to, " %s=%#" PRIx64, gprs[i], r->gpr[i]);
    fputc('\n', to);
}

static void record(struct trace_progress *progress, const struct trace_record *r)
{
    FILE *const to = progress->to;
    char text[96];
    switch (r->kind) {
    case TRACE_SCENARIO:
        begin_scenario(progress, r);
        break;
    case TRACE_EXIT:
        exit_line(progress, r);
        break;
    case TRACE_ENTRY_FAIL:
        note(progress, r, "VM entry refused: ");
        fprintf(to, "%s %" PRIu64 "%s%.*s\n",
                r->number[0] == 0   ? "VMfailInvalid"
                : r->number[0] == 1 ? "VMfailValid, error"
                                    : "fault, vector",
                r->number[1], r->text != NULL ? ": violates " : "", (int)r->text_length, r->text != NULL ? (const char *)r->text : "");
        break;
    case TRACE_INJECT:
        event_text(r->number[0], r->number[1], text, sizeof text);
        note(progress, r, "the next entry injects ");
        fprintf(to, "%s\n", text);
        break;
    case TRACE_STIMULUS:
        note(progress, r, "stimulus: ");
        fprintf(to, "%s %#" PRIx64 " %#" PRIx64 "\n", trace_stimulus_text(r->number[0]), r->number[1], r->number[2]);
        break;
    case TRACE_OUTPUT:
        note(progress, r, "output: ");
        fprintf(to, "port %#" PRIx64 " byte 0x%02" PRIx64 "\n", r->number[0], r->number[1]);
        break;
    case TRACE_REPORT:
        note(progress, r, "");
        fprintf(to, "%.*s\n", (int)r->text_length, (const char *)r->text);
        break;
    case TRACE_FINAL:
        note(progress, r, "");
        final_state(to, r);
        break;
    case TRACE_MEMORY:
        note(progress, r, "memory ");
        fprintf(to, "%#" PRIx64 ":", r->number[0]);
        for (uint32_t i = 0; i < r->text_length; i++)
            fprintf(to, " %02x", r->text[i]);
        fputc('\n', to);
        break;
    case TRACE_END:
        fprintf(to, "end: %s%s%.*s; %" PRIu64 " exits, %" PRIu64 " guest instructions, %" PRIu64 " ticks\n", trace_stop_text(r->number[3]),
                r->text_length != 0 ? ": " : "", (int)r->text_length, (const char *)r->text, r->number[0], r->number[1], r->number[2]);
        break;
    case TRACE_COST: /* readers fold these into the record that they belong to */
    case TRACE_RULE:
        break;
    }
}

static void end(struct trace_progress *progress)
{
    (void)progress;
}

const struct trace_form trace_form_text = {begin, record, end};
