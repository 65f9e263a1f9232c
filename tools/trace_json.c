/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A trace as JSON: an array of scenarios, each with its records. Registers, addresses and bit fields are hexadecimal strings, since 64 bits do not
   fit JSON's usual numbers; counts and times are numbers. */
#include <inttypes.h>

#include "../vmx-model/reasons.h"
#include "exit_text.h"
#include "trace_writers.h"
#include "traces.h"

static void begin(struct trace_progress *progress)
{
    fputs("[", progress->to);
}

static void key_string(FILE *to, const char *key, const void *text, size_t length)
{
    fprintf(to, "\"%s\":", key);
    json_string(to, text, length);
}

static void begin_scenario(struct trace_progress *progress, const struct trace_record *r)
{
    FILE *const to = progress->to;
    fputs(progress->scenarios > 1 ? ",\n{" : "\n{", to);
    key_string(to, "scenario", r->text, r->text_length);
    fputc(',', to);
    key_string(to, "profile", r->text2, r->text2_length);
    fputc(',', to);
    key_string(to, "machine", r->text3, r->text3_length);
    fprintf(to, ",\"crc32\":\"0x%08" PRIx64 "\",\"records\":[", r->number[0]);
    progress->open = true;
    progress->comma = false;
}

static void hex(FILE *to, const char *key, uint64_t value)
{
    fprintf(to, ",\"%s\":\"0x%" PRIx64 "\"", key, value);
}

static void registers(FILE *to, const uint64_t gpr[16])
{
    static const char *const names[] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"};
    fputs(",\"registers\":{", to);
    for (unsigned i = 0; i < 16; i++)
        fprintf(to, "%s\"%s\":\"0x%" PRIx64 "\"", i == 0 ? "" : ",", names[i], gpr[i]);
    fputc('}', to);
}

static void exit_record(FILE *to, const struct trace_record *r)
{
    char reason[24], details[160];
    exit_text(r, details, sizeof details);
    fprintf(to, ",\"name\":\"%s\",\"number\":%u,\"entry_failed\":%s", trace_reason_name(r->item[TRACE_REASON], reason),
            vmx_basic_reason((uint32_t)r->item[TRACE_REASON]), (r->item[TRACE_REASON] & VMX_REASON_FAILED_VMENTRY) != 0 ? "true" : "false");
    if (details[0] != '\0')
        fprintf(to, ",\"details\":\"%s\"", details);
    for (unsigned i = 0; i < TRACE_ITEM_COUNT; i++) {
        if (i >= TRACE_PHYSICAL_CPU)
            fprintf(to, ",\"%s\":%" PRIu64, trace_item_names[i], r->item[i]);
        else if (r->item[i] != 0)
            hex(to, trace_item_names[i], r->item[i]);
    }
    registers(to, r->gpr);
}

static void payload(FILE *to, const struct trace_record *r)
{
    static const char *const finals[] = {"rip", "rsp", "rflags", "cr0", "cr3", "cr4", "efer"};
    switch (r->kind) {
    case TRACE_EXIT:
        exit_record(to, r);
        break;
    case TRACE_ENTRY_FAIL:
        fprintf(to, ",\"failure\":\"%s\",\"number\":%" PRIu64 ",\"ticks\":%" PRIu64,
                r->number[0] == 0   ? "VMfailInvalid"
                : r->number[0] == 1 ? "VMfailValid"
                                    : "fault",
                r->number[1], r->number[2]);
        break;
    case TRACE_INJECT:
        hex(to, "interruption_info", r->number[0]);
        hex(to, "error_code", r->number[1]);
        fprintf(to, ",\"length\":%" PRIu64, r->number[2]);
        break;
    case TRACE_STIMULUS:
        fprintf(to, ",\"stimulus\":\"%s\"", trace_stimulus_text(r->number[0]));
        hex(to, "a", r->number[1]);
        hex(to, "b", r->number[2]);
        break;
    case TRACE_INTERRUPT:
        hex(to, "vector", r->number[0]);
        fprintf(to, ",\"physical_cpu\":%" PRIu64 ",\"target\":%" PRIu64 ",\"merged\":%s", r->number[1], r->number[2],
                r->number[3] != 0 ? "true" : "false");
        break;
    case TRACE_SOURCE:
        hex(to, "vector", r->number[0]);
        fprintf(to, ",\"interrupts\":%" PRIu64 ",\"merged\":%" PRIu64, r->number[1], r->number[2]);
        break;
    case TRACE_OUTPUT:
        hex(to, "port", r->number[0]);
        fprintf(to, ",\"byte\":%" PRIu64, r->number[1]);
        break;
    case TRACE_REPORT:
        fputc(',', to);
        key_string(to, "text", r->text, r->text_length);
        break;
    case TRACE_FINAL:
        for (unsigned i = 0; i < 7; i++)
            hex(to, finals[i], r->number[i]);
        registers(to, r->gpr);
        break;
    case TRACE_MEMORY:
        hex(to, "address", r->number[0]);
        fputs(",\"bytes\":\"", to);
        for (uint32_t i = 0; i < r->text_length; i++)
            fprintf(to, "%02x", r->text[i]);
        fputc('"', to);
        break;
    case TRACE_SCENARIO:
    case TRACE_END:
    case TRACE_COST:
    case TRACE_RULE:
        break;
    }
}

static void end_scenario(struct trace_progress *progress, const struct trace_record *r)
{
    FILE *const to = progress->to;
    fprintf(to, "\n],\"exits\":%" PRIu64 ",\"guest_instructions\":%" PRIu64 ",\"ticks\":%" PRIu64 ",\"stop\":\"%s\",", r->number[0], r->number[1],
            r->number[2], trace_stop_text(r->number[3]));
    key_string(to, "text", r->text, r->text_length);
    fputc('}', to);
    progress->open = false;
}

static void record(struct trace_progress *progress, const struct trace_record *r)
{
    static const char *const kinds[] = {[TRACE_EXIT] = "exit",           [TRACE_ENTRY_FAIL] = "entry_failure",
                                        [TRACE_INJECT] = "injection",    [TRACE_STIMULUS] = "stimulus",
                                        [TRACE_OUTPUT] = "output",       [TRACE_REPORT] = "report",
                                        [TRACE_FINAL] = "final",         [TRACE_MEMORY] = "memory",
                                        [TRACE_INTERRUPT] = "interrupt", [TRACE_SOURCE] = "source"};
    if (r->kind == TRACE_SCENARIO) {
        begin_scenario(progress, r);
    } else if (r->kind == TRACE_END) {
        end_scenario(progress, r);
    } else if (r->kind != TRACE_COST) {
        fprintf(progress->to, "%s\n{\"kind\":\"%s\",\"vcpu\":%u", progress->comma ? "," : "", kinds[r->kind], r->vcpu);
        payload(progress->to, r);
        fputc('}', progress->to);
        progress->comma = true;
    }
}

static void end(struct trace_progress *progress)
{
    fputs(progress->open ? "\n]}\n]\n" : "\n]\n", progress->to);
}

const struct trace_form trace_form_json = {begin, record, end};
