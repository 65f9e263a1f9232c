/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a failed scenario prints: file and line, expected and got, the instruction, registers, the last exits. */
#define _GNU_SOURCE
#include "judge_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../vmx-model/checks.h"
#include "../vmx-model/reasons.h"
#include "../vmx-model/state.h"
#include "disassemble.h"

static const char *const stop_names[] = {"all steps were done",   "the guest halted",  "the guest powered off",      "a handler stopped the guest",
                                         "the instruction limit", "a VM entry failed", "the machine could not go on"};

static FILE *begin_text(struct judge *judge, unsigned line, size_t *size)
{
    FILE *out = open_memstream(&judge->verdict->text, size);
    if (out == NULL)
        abort();
    fprintf(out, "%s:%u: ", judge->scenario->file, line != 0 ? line : judge->scenario->line);
    return out;
}

/* Guest code at an address, from the scenario's own memory records: what the guest wrote itself is not seen. */
static size_t code_at(const struct sim_scenario *scenario, uint64_t address, uint8_t bytes[15])
{
    struct packed_reader reader;
    struct packed_record record;
    if (packed_open(&reader, scenario->packed, scenario->packed_size) != NULL)
        return 0;
    while (packed_next(&reader, &record)) {
        if (record.kind != PACKED_MEMORY || record.size <= 8)
            continue;
        const uint64_t offset = address - packed_u64(&record, 0), size = record.size - 8;
        if (offset >= size)
            continue;
        const size_t count = size - offset < 15 ? (size_t)(size - offset) : 15;
        memcpy(bytes, record.payload + 8 + offset, count);
        return count;
    }
    return 0;
}

/* " (label+0x4)" */
static void print_label(FILE *out, const struct sim_scenario *scenario, uint64_t address)
{
    enum { FAR = 0x1000 };
    const struct sim_symbol *best = NULL;
    for (size_t i = 0; i < scenario->symbol_count; i++)
        if (scenario->symbols[i].address <= address && address - scenario->symbols[i].address < FAR && scenario->symbols[i].address >= FAR)
            best = &scenario->symbols[i];
    if (best != NULL && best->address == address)
        fprintf(out, " (%s)", best->name);
    else if (best != NULL)
        fprintf(out, " (%s+0x%" PRIx64 ")", best->name, address - best->address);
}

static void print_value(FILE *out, const struct sim_scenario *scenario, const struct match_row *row, uint64_t value)
{
    for (const struct match_value *name = row != NULL ? row->values : NULL; name != NULL && name->name != NULL; name++)
        if (name->value == value) {
            fprintf(out, "%s", name->name);
            return;
        }
    fprintf(out, "0x%" PRIx64, value);
    if (row != NULL && row->address)
        print_label(out, scenario, value);
}

static void print_reason(FILE *out, uint64_t reason)
{
    fprintf(out, "%s%s", vmx_reason_name(vmx_basic_reason((uint32_t)reason)), (reason & VMX_REASON_FAILED_VMENTRY) != 0 ? " (VM entry failed)" : "");
}

static void print_failure_kind(FILE *out, uint64_t kind, uint64_t number)
{
    switch (kind) {
    case ENTRY_FAIL_INVALID:
        fprintf(out, "VMfailInvalid");
        break;
    case ENTRY_FAIL_VALID:
        fprintf(out, "VMfailValid(%" PRIu64 ")", number);
        break;
    case ENTRY_FAIL_EXIT:
        print_reason(out, number | VMX_REASON_FAILED_VMENTRY);
        break;
    case ENTRY_FAIL_FAULT:
        fprintf(out, "a fault of VMLAUNCH or VMRESUME");
        break;
    default:
        fprintf(out, "a VM entry that fails");
        break;
    }
}

static void print_expected(FILE *out, const struct packed_step *step)
{
    if (step->kind == STEP_EXPECT)
        print_reason(out, step->a);
    else
        print_failure_kind(out, step->a, step->b);
    if (step->kind == STEP_EXPECT_ENTRY_FAILURE && step->c != VMX_CHECK_NONE && step->c < VMX_CHECK_COUNT)
        fprintf(out, " (violates %s)", vmx_check_rows[step->c].id);
    if (step->vcpu != 0)
        fprintf(out, " of vCPU %u", step->vcpu);
}

static void print_event(FILE *out, const struct trace_record *record)
{
    if (record->kind == TRACE_EXIT)
        print_reason(out, record->item[TRACE_REASON]);
    else
        print_failure_kind(out, record->number[0] == 2 ? ENTRY_FAIL_FAULT : record->number[0], record->number[1]);
    if (record->text != NULL)
        fprintf(out, " (violates %.*s)", (int)record->text_length, (const char *)record->text);
    if (record->vcpu != 0)
        fprintf(out, " of vCPU %u", record->vcpu);
}

static void print_instruction(FILE *out, const struct sim_scenario *scenario, uint64_t rip)
{
    uint8_t bytes[15];
    char text[96];
    const size_t size = code_at(scenario, rip, bytes);
    if (size != 0 && sim_disassemble(bytes, size, scenario->code_bits, rip, text, sizeof text))
        fprintf(out, ": %s", text);
}

static void print_place(FILE *out, const struct judge *judge, const struct trace_record *exit)
{
    const uint64_t rip = exit->item[TRACE_RIP];
    fprintf(out, "  exit %" PRIu64 ": ", judge->events);
    print_reason(out, exit->item[TRACE_REASON]);
    if (exit->vcpu != 0)
        fprintf(out, " of vCPU %u", exit->vcpu);
    fprintf(out, " at rip 0x%" PRIx64, rip);
    print_label(out, judge->scenario, rip);
    print_instruction(out, judge->scenario, rip);
    fputc('\n', out);
}

static void print_registers(FILE *out, const struct trace_record *exit)
{
    static const char *const names[] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"};
    fprintf(out, "  registers:");
    for (unsigned i = 0; i < VMX_GPR_COUNT; i++)
        fprintf(out, "%s %s=%" PRIx64, i == 8 ? "\n            " : "", names[i], exit->gpr[i]);
    fprintf(out, " rflags=%" PRIx64 "\n", exit->item[TRACE_RFLAGS]);
}

static void print_last(FILE *out, const struct judge *judge)
{
    const uint64_t first = judge->events > JUDGE_LAST ? judge->events - JUDGE_LAST : 0;
    fprintf(out, "  last exits:\n");
    for (uint64_t i = first; i < judge->events; i++) {
        const struct trace_record *record = &judge->last[i % JUDGE_LAST];
        fprintf(out, "    %" PRIu64 " ", i + 1);
        print_event(out, record);
        if (record->kind == TRACE_EXIT) {
            fprintf(out, " rip=0x%" PRIx64, record->item[TRACE_RIP]);
            print_label(out, judge->scenario, record->item[TRACE_RIP]);
            fprintf(out, " qualification=0x%" PRIx64, record->item[TRACE_QUALIFICATION]);
        }
        fputc('\n', out);
    }
}

/* Every expected value that differs, by name. */
static void print_differences(FILE *out, const struct judge *judge, const struct trace_record *exit)
{
    const uint32_t reason = vmx_basic_reason((uint32_t)exit->item[TRACE_REASON]);
    bool first = true;
    for (unsigned i = 0; i < judge_match_count(judge); i++) {
        const struct packed_match match = judge_match(judge, i);
        const struct match_row *row = match_row_of_item(match.item, reason);
        if (judge_match_holds(&match, exit))
            continue;
        fprintf(out, "%s%s: expected ", first ? "" : "; ", row != NULL ? row->name : "?");
        print_value(out, judge->scenario, row, match.value);
        if (match.mask != UINT64_MAX)
            fprintf(out, " under mask 0x%" PRIx64, match.mask);
        fprintf(out, ", got ");
        print_value(out, judge->scenario, row, match_item(exit, match.item));
        first = false;
    }
}

static bool same_event(const struct judge *judge, const struct trace_record *record)
{
    if (record->kind != TRACE_EXIT)
        return false;
    const uint32_t reason = (uint32_t)record->item[TRACE_REASON];
    const bool failed = (reason & VMX_REASON_FAILED_VMENTRY) != 0;
    if (judge->due->step.kind == STEP_EXPECT)
        return !failed && vmx_basic_reason(reason) == judge->due->step.a;
    return failed && judge->due->step.a == ENTRY_FAIL_EXIT && vmx_basic_reason(reason) == judge->due->step.b && judge->due->step.c == VMX_CHECK_NONE;
}

/* Ends a line about a record: where it was, the exits before it. */
static void end_text(FILE *out, const struct judge *judge, const struct trace_record *record)
{
    fputc('\n', out);
    if (record->kind == TRACE_EXIT) {
        print_place(out, judge, record);
        print_registers(out, record);
    }
    print_last(out, judge);
    fclose(out);
}

void judge_say(struct judge *judge, unsigned line, const char *what)
{
    size_t size;
    FILE *out = begin_text(judge, line, &size);
    fprintf(out, "%s\n", what);
    fclose(out);
}

void judge_mismatch(struct judge *judge, const struct trace_record *record)
{
    size_t size;
    FILE *out = begin_text(judge, judge->due->step.line, &size);
    if (same_event(judge, record)) {
        print_event(out, record);
        fprintf(out, ": ");
        print_differences(out, judge, record);
    } else {
        fprintf(out, "expected ");
        print_expected(out, &judge->due->step);
        fprintf(out, ", got ");
        print_event(out, record);
    }
    end_text(out, judge, record);
}

void judge_unexpected(struct judge *judge, const struct trace_record *record)
{
    size_t size;
    FILE *out = begin_text(judge, judge->scenario->line, &size);
    fprintf(out, "no exit was expected any more, got ");
    print_event(out, record);
    end_text(out, judge, record);
}

static const char *stop_name(uint64_t stop)
{
    return stop < sizeof stop_names / sizeof stop_names[0] ? stop_names[stop] : "unknown";
}

void judge_ended_early(struct judge *judge, const struct trace_record *end)
{
    size_t size;
    FILE *out = begin_text(judge, judge->due->have_step ? judge->due->step.line : judge->scenario->line, &size);
    if (judge->due->have_step) {
        fprintf(out, "expected ");
        print_expected(out, &judge->due->step);
        fprintf(out, ", but the run ended: ");
    }
    if (end->number[3] == TRACE_STOP_HANDLER || end->text_length == 0)
        fprintf(out, "%s%s", stop_name(end->number[3]), end->text_length != 0 ? ": " : "");
    fprintf(out, "%.*s", (int)end->text_length, (const char *)end->text);
    fprintf(out, "\n  after %" PRIu64 " exits and %" PRIu64 " guest instructions, at rip 0x%" PRIx64, end->number[0], end->number[1],
            judge->final.number[0]);
    print_label(out, judge->scenario, judge->final.number[0]);
    print_instruction(out, judge->scenario, judge->final.number[0]);
    fputc('\n', out);
    if (judge->events != 0)
        print_last(out, judge);
    fclose(out);
}

static void print_bytes(FILE *out, const uint8_t *bytes, size_t size)
{
    enum { MOST = 16 };
    for (size_t i = 0; i < size && i < MOST; i++)
        fprintf(out, "%s%02x", i != 0 ? " " : "", bytes[i]);
    if (size > MOST)
        fprintf(out, " ...");
}

static void print_memory(FILE *out, const struct judge *judge, size_t i)
{
    const struct sim_final *final = &judge->scenario->finals[i];
    size_t at = 0;
    while (at < judge->shown[i] && judge->seen[i][at] == final->bytes[at])
        at++;
    fprintf(out, "memory at 0x%" PRIx64 ": expected ", final->value + at);
    print_bytes(out, final->bytes + at, final->size - at);
    fprintf(out, ", got ");
    if (at < judge->shown[i])
        print_bytes(out, judge->seen[i] + at, judge->shown[i] - at);
    else
        fprintf(out, "no memory there");
}

static void print_output(FILE *out, const struct judge *judge, const struct sim_final *final)
{
    enum { MOST = 200 };
    const size_t from = judge->output_size > MOST ? judge->output_size - MOST : 0;
    fprintf(out, "output: expected \"%.*s\", got %s\"", (int) final->size, (const char *) final->bytes, from != 0 ? "... " : "");
    for (size_t i = from; i < judge->output_size; i++)
        fputc(judge->output[i] >= 0x20 && judge->output[i] < 0x7f ? judge->output[i] : '.', out);
    fputc('"', out);
}

static void print_screen(FILE *out, const struct judge *judge, const struct sim_final *final)
{
    char text[SIM_SCREEN_TEXT_BYTES];
    const size_t size = sim_screen_text(judge->screen, text);
    fprintf(out, "screen: expected \"%.*s\", the screen shows\n", (int) final->size, (const char *) final->bytes);
    for (size_t i = 0, line = 0; i < size; i = line) {
        while (text[line++] != '\n') {
        }
        fprintf(out, "    |%.*s\n", (int)(line - i - 1), text + i);
    }
    fprintf(out, "    (%s)", size == 0 ? "it is empty" : "end of the screen");
}

void judge_final_differs(struct judge *judge, size_t i, uint64_t got)
{
    static const char *const names[] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi",    "rdi", "r8",  "r9",  "r10",
                                        "r11", "r12", "r13", "r14", "r15", "rip", "rflags", "cr0", "cr3", "cr4", "efer"};
    const struct sim_final *final = &judge->scenario->finals[i];
    size_t size;
    FILE *out = begin_text(judge, final->line, &size);
    fprintf(out, "at the end: ");
    switch (final->kind) {
    case SIM_FINAL_REGISTER:
        fprintf(out, "%s: expected 0x%" PRIx64 ", got 0x%" PRIx64, names[final->index], final->value, got);
        break;
    case SIM_FINAL_MEMORY:
        print_memory(out, judge, i);
        break;
    case SIM_FINAL_EXITS:
        fprintf(out, "exits: expected %" PRIu64 ", got %" PRIu64, final->value, got);
        break;
    case SIM_FINAL_INSTRUCTIONS:
        fprintf(out, "guest instructions: expected %" PRIu64 ", got %" PRIu64, final->value, got);
        break;
    case SIM_FINAL_STOP:
        fprintf(out, "how it ended: expected \"%s\", got \"%s\"", stop_name(final->value), stop_name(got));
        break;
    case SIM_FINAL_OUTPUT:
        print_output(out, judge, final);
        break;
    case SIM_FINAL_SCREEN:
        print_screen(out, judge, final);
        break;
    }
    fputc('\n', out);
    if (judge->events != 0)
        print_last(out, judge);
    fclose(out);
}
