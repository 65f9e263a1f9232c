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
    fputs("   exit  vcpu  cpu       ticks     us  reason               rip\n", progress->to);
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
    fprintf(progress->to, "%7" PRIu64 "  %4u  %3" PRIu64 "  %10" PRIu64 " %6.2f  %-19s  %#" PRIx64, progress->exits, r->vcpu,
            r->item[TRACE_PHYSICAL_CPU], r->item[TRACE_TICKS], (double)trace_handled_ticks(r) / 1000.0,
            trace_reason_name(r->item[TRACE_REASON], reason), r->item[TRACE_RIP]);
    if ((r->item[TRACE_REASON] & VMX_REASON_FAILED_VMENTRY) != 0)
        fputs("  VM entry failed", progress->to);
    if (details[0] != '\0')
        fprintf(progress->to, "  %s", details);
    other_items(progress->to, r);
    fputc('\n', progress->to);
}

static void note(struct trace_progress *progress, const struct trace_record *r, const char *what)
{
    fprintf(progress->to, "         %4u                          %s", r->vcpu, what);
}

static void console_byte(FILE *to, uint8_t byte)
{
    if (byte == '\n')
        fputs("\\n", to);
    else if (byte == '\r')
        fputs("\\r", to);
    else if (byte == '"' || byte == '\\')
        fprintf(to, "\\%c", byte);
    else if (byte >= 0x20 && byte < 0x7f)
        fputc(byte, to);
    else
        fprintf(to, "\\x%02x", byte);
}

static void show_console(struct trace_progress *progress, unsigned i)
{
    if (progress->console[i].size == 0)
        return;
    fprintf(progress->to, "         %4u                          output at port %#" PRIx64 ": \"", progress->console[i].vcpu,
            progress->console[i].port);
    for (unsigned k = 0; k < progress->console[i].size; k++)
        console_byte(progress->to, progress->console[i].bytes[k]);
    fputs("\"\n", progress->to);
    progress->console[i].size = 0;
}

static void show_consoles(struct trace_progress *progress)
{
    for (unsigned i = 0; i < CONSOLE_PORTS; i++)
        show_console(progress, i);
}

/* Bytes for a port come one an exit: they are shown as lines. */
static void keep_output(struct trace_progress *progress, const struct trace_record *r)
{
    unsigned i = 0;
    while (i < CONSOLE_PORTS && (progress->console[i].size == 0 || progress->console[i].port != r->number[0]))
        i++;
    for (unsigned k = 0; i == CONSOLE_PORTS && k < CONSOLE_PORTS; k++)
        if (progress->console[k].size == 0)
            i = k;
    if (i == CONSOLE_PORTS) {
        show_consoles(progress);
        i = 0;
    }
    progress->console[i].port = r->number[0];
    progress->console[i].vcpu = r->vcpu;
    progress->console[i].bytes[progress->console[i].size++] = (uint8_t)r->number[1];
    if (r->number[1] == '\n' || progress->console[i].size == CONSOLE_LINE)
        show_console(progress, i);
}

/* Accesses to ports do not end a line: firmware polls its console, or writes to several in turn. */
static bool ends_lines(const struct trace_record *r)
{
    return r->kind != TRACE_COST && r->kind != TRACE_OUTPUT &&
           (r->kind != TRACE_EXIT || vmx_basic_reason((uint32_t)r->item[TRACE_REASON]) != VMX_EXIT_IO_INSTRUCTION);
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
    if (ends_lines(r))
        show_consoles(progress);
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
    case TRACE_INTERRUPT:
        note(progress, r, "");
        fprintf(to, "physical CPU %" PRIu64 " takes the interrupt %#" PRIx64 " of vCPU %" PRIu64 "%s\n", r->number[1], r->number[0], r->number[2],
                r->number[3] != 0 ? ", which waits already" : "");
        break;
    case TRACE_SOURCE:
        fprintf(to, "source %#" PRIx64 ": %" PRIu64 " interrupts, %" PRIu64 " of them requested already\n", r->number[0], r->number[1], r->number[2]);
        break;
    case TRACE_OUTPUT:
        keep_output(progress, r);
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
    show_consoles(progress);
}

const struct trace_form trace_form_text = {begin, record, end};
