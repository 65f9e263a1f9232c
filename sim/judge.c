/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The verdict: walks through the trace of a scenario and its expectations side by side, up to the first that is not met. */
#define _GNU_SOURCE
#include "judge.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../vmx-model/checks.h"
#include "../vmx-model/reasons.h"
#include "judge_text.h"

/* The expectations of one vCPU, one by one. */
static bool next_expectation(struct judge *judge)
{
    struct packed_record record;
    judge->due->have_step = false;
    while (!judge->due->have_step && packed_next(&judge->due->steps, &record))
        judge->due->have_step = packed_step_of(&record, &judge->due->step, &judge->due->matches) &&
                                (judge->due->step.kind == STEP_EXPECT || judge->due->step.kind == STEP_EXPECT_ENTRY_FAILURE) &&
                                &judge->place[judge->due->step.vcpu % TRACE_VCPUS] == judge->due;
    return judge->due->have_step;
}

struct packed_match judge_match(const struct judge *judge, unsigned i)
{
    const struct packed_record record = {.size = judge->due->step.extra, .payload = judge->due->matches};
    const uint32_t at = i * (uint32_t)sizeof(struct packed_match);
    return (struct packed_match){.item = packed_u32(&record, at),
                                 .line = packed_u32(&record, at + 4),
                                 .value = packed_u64(&record, at + 8),
                                 .mask = packed_u64(&record, at + 16)};
}

unsigned judge_match_count(const struct judge *judge)
{
    return judge->due->step.extra / (unsigned)sizeof(struct packed_match);
}

bool judge_match_holds(const struct packed_match *match, const struct trace_record *exit)
{
    return (match_item(exit, match->item) & match->mask) == match->value;
}

static bool matches_hold(const struct judge *judge, const struct trace_record *exit)
{
    for (unsigned i = 0; i < judge_match_count(judge); i++) {
        const struct packed_match match = judge_match(judge, i);
        if (!judge_match_holds(&match, exit))
            return false;
    }
    return true;
}

/* The rule that the scenario names is the one that the machine reports; a machine that reports none is believed. */
static bool rule_is_expected(const struct judge *judge, const struct trace_record *record)
{
    const uint64_t check = judge->due->step.c;
    if (check == VMX_CHECK_NONE || check >= VMX_CHECK_COUNT || record->text == NULL)
        return true;
    const char *id = vmx_check_rows[check].id;
    return strlen(id) == record->text_length && memcmp(id, record->text, record->text_length) == 0;
}

static bool exit_is_expected(const struct judge *judge, const struct trace_record *exit)
{
    const uint32_t reason = (uint32_t)exit->item[TRACE_REASON];
    const bool failed = (reason & VMX_REASON_FAILED_VMENTRY) != 0;
    const struct packed_step *step = &judge->due->step;
    if (step->kind == STEP_EXPECT)
        return !failed && vmx_basic_reason(reason) == step->a && matches_hold(judge, exit);
    if (step->a == ENTRY_FAIL_ANY)
        return failed;
    return failed && step->a == ENTRY_FAIL_EXIT && vmx_basic_reason(reason) == step->b && matches_hold(judge, exit) && rule_is_expected(judge, exit);
}

static bool failure_is_expected(const struct judge *judge, const struct trace_record *failure)
{
    const struct packed_step *step = &judge->due->step;
    if (step->kind != STEP_EXPECT_ENTRY_FAILURE)
        return false;
    if (step->a == ENTRY_FAIL_ANY)
        return true;
    return failure->number[0] == step->a && (step->a != ENTRY_FAIL_VALID || failure->number[1] == step->b) && rule_is_expected(judge, failure);
}

static void remember(struct judge *judge, const struct trace_record *record)
{
    judge->last[judge->events % JUDGE_LAST] = *record;
    judge->events++;
}

/* An exit or a failed entry. True: go on. */
static bool judge_event(struct judge *judge, const struct trace_record *record)
{
    remember(judge, record);
    judge->due = &judge->place[record->vcpu % TRACE_VCPUS];
    if (!judge->due->have_step) {
        if (judge->rest_any)
            return true;
        judge_unexpected(judge, record);
        return false;
    }
    if (record->kind == TRACE_EXIT ? !exit_is_expected(judge, record) : !failure_is_expected(judge, record)) {
        judge_mismatch(judge, record);
        return false;
    }
    (void)next_expectation(judge);
    return true;
}

static void keep_output(struct judge *judge, const struct trace_record *record)
{
    if (judge->output_size == judge->output_capacity) {
        judge->output_capacity = judge->output_capacity * 2 + 256;
        judge->output = pack_allocate(judge->output, judge->output_capacity);
        judge->output_ports = pack_allocate(judge->output_ports, judge->output_capacity * sizeof *judge->output_ports);
    }
    judge->output_ports[judge->output_size] = (uint16_t)record->number[0];
    judge->output[judge->output_size++] = (uint8_t)record->number[1];
}

/* Firmware writes a text to several consoles, byte by byte in turn: what counts is what one port shows. */
static bool port_shows(const struct judge *judge, uint16_t port, const struct sim_final *final)
{
    uint8_t *bytes = pack_allocate(NULL, judge->output_size);
    size_t size = 0;
    for (size_t i = 0; i < judge->output_size; i++)
        if (judge->output_ports[i] == port)
            bytes[size++] = judge->output[i];
    const bool shown = size >= final->size && memmem(bytes, size, final->bytes, final->size) != NULL;
    free(bytes);
    return shown;
}

static bool some_port_shows(const struct judge *judge, const struct sim_final *final)
{
    static const uint16_t consoles[] = {0xe9, 0x402, 0x3f8, 0x80};
    bool shown = final->size == 0;
    for (size_t i = 0; !shown && i < sizeof consoles / sizeof consoles[0]; i++)
        shown = port_shows(judge, consoles[i], final);
    return shown;
}

static bool final_register_holds(const struct sim_final *final, const struct trace_record *record, uint64_t *got)
{
    /* FINAL: RIP, RSP, RFLAGS, CR0, CR3, CR4, EFER in number[]. */
    static const uint8_t place[] = {0, 2, 3, 4, 5, 6};
    *got = final->index < 16 ? record->gpr[final->index] : record->number[place[final->index - 16]];
    return *got == final->value;
}

/* What of a dumped range one record shows is compared at once; bytes that no record shows stay wrong. */
static void compare_memory(struct judge *judge, const struct trace_record *record)
{
    for (size_t i = 0; i < judge->scenario->final_count; i++) {
        const struct sim_final *final = &judge->scenario->finals[i];
        if (final->kind != SIM_FINAL_MEMORY)
            continue;
        for (uint32_t k = 0; k < record->text_length; k++) {
            const uint64_t at = record->number[0] + k - final->value;
            if (at < final->size)
                judge->seen[i][at] = record->text[k];
            if (at < final->size)
                judge->shown[i] += at == judge->shown[i];
        }
    }
}

static void keep_screen(struct judge *judge, const struct trace_record *record)
{
    for (uint32_t k = 0; k < record->text_length; k++) {
        const uint64_t at = record->number[0] + k - SIM_SCREEN_ADDRESS;
        if (at < SIM_SCREEN_BYTES)
            judge->screen[at] = (uint8_t)record->text[k];
    }
}

static bool screen_shows(const struct judge *judge, const struct sim_final *final)
{
    char text[SIM_SCREEN_TEXT_BYTES];
    const size_t size = sim_screen_text(judge->screen, text);
    return final->size == 0 || (final->size <= size && memmem(text, size, final->bytes, final->size) != NULL);
}

/* *got: a number that was found in place of the expected one. */
static bool final_holds(const struct judge *judge, size_t i, const struct trace_record *end, uint64_t *got)
{
    const struct sim_final *final = &judge->scenario->finals[i];
    *got = 0;
    switch (final->kind) {
    case SIM_FINAL_REGISTER:
        return final_register_holds(final, &judge->final, got);
    case SIM_FINAL_MEMORY:
        return judge->shown[i] == final->size && (final->size == 0 || memcmp(judge->seen[i], final->bytes, final->size) == 0);
    case SIM_FINAL_EXITS:
        *got = end->number[0];
        break;
    case SIM_FINAL_INSTRUCTIONS:
        *got = end->number[1];
        break;
    case SIM_FINAL_STOP:
        *got = end->number[3];
        break;
    case SIM_FINAL_SCREEN:
        return screen_shows(judge, final);
    case SIM_FINAL_OUTPUT:
        return some_port_shows(judge, final);
    }
    return *got == final->value;
}

static bool judge_final(struct judge *judge, size_t i, const struct trace_record *end)
{
    uint64_t got;
    if (final_holds(judge, i, end, &got))
        return true;
    judge_final_differs(judge, i, got);
    return false;
}

/* An end that only a scenario that names it (final = { stop = ... }) can mean. */
static bool ended_badly(const struct sim_scenario *scenario, uint64_t stop)
{
    if (stop == TRACE_STOP_HOST_ERROR)
        return true;
    if (stop != TRACE_STOP_LIMIT && stop != TRACE_STOP_HANDLER && stop != TRACE_STOP_ENTRY_FAIL)
        return false;
    for (size_t i = 0; i < scenario->final_count; i++)
        if (scenario->finals[i].kind == SIM_FINAL_STOP)
            return false;
    return true;
}

static bool judge_end(struct judge *judge, const struct trace_record *end)
{
    judge->verdict->exits = end->number[0];
    judge->due = &judge->place[0];
    for (unsigned i = TRACE_VCPUS; i-- > 0;)
        if (judge->place[i].have_step)
            judge->due = &judge->place[i];
    if (judge->due->have_step || ended_badly(judge->scenario, end->number[3])) {
        judge_ended_early(judge, end);
        return false;
    }
    for (size_t i = 0; i < judge->scenario->final_count; i++)
        if (!judge_final(judge, i, end))
            return false;
    return true;
}

/* What a record adds to the final state. */
static void keep_state(struct judge *judge, const struct trace_record *record)
{
    if (record->kind == TRACE_OUTPUT)
        keep_output(judge, record);
    if (record->kind == TRACE_FINAL && record->vcpu == 0)
        judge->final = *record;
    if (record->kind != TRACE_MEMORY)
        return;
    compare_memory(judge, record);
    keep_screen(judge, record);
}

/* One record of the scenario. True: go on. */
static bool judge_record(struct judge *judge, const struct trace_record *record)
{
    switch (record->kind) {
    case TRACE_EXIT:
    case TRACE_ENTRY_FAIL:
        return judge_event(judge, record);
    case TRACE_END:
        judge->verdict->passed = judge_end(judge, record);
        return false;
    default:
        keep_state(judge, record);
        return true;
    }
}

/* Moves the reader behind the head of this scenario's trace. */
static bool find_trace(struct judge *judge, struct trace_reader *reader, uint32_t crc)
{
    struct trace_record record;
    int status;
    while ((status = trace_next(reader, &record)) == 1)
        if (record.kind == TRACE_SCENARIO && record.number[0] == crc)
            return true;
    judge_say(judge, judge->scenario->line, status < 0 ? "the trace is cut off or damaged" : "the trace does not hold this scenario");
    return false;
}

static void walk(struct judge *judge, struct trace_reader *reader)
{
    struct trace_record record;
    while (trace_next(reader, &record) == 1)
        if (!judge_record(judge, &record))
            return;
    judge_say(judge, judge->scenario->line, "the trace is cut off or damaged");
}

static void begin(struct judge *judge, uint32_t *crc)
{
    const struct sim_scenario *scenario = judge->scenario;
    const struct packed_record header = {.size = PACKED_HEADER_BYTES, .payload = scenario->packed};
    struct packed_record record;
    struct packed_reader reader;
    (void)packed_open(&reader, scenario->packed, scenario->packed_size);
    for (unsigned i = 0; i < TRACE_VCPUS; i++) {
        judge->due = &judge->place[i];
        judge->due->steps = reader;
        (void)next_expectation(judge);
    }
    judge->due = &judge->place[0];
    *crc = packed_u32(&header, 12);
    while (packed_next(&reader, &record))
        judge->rest_any = judge->rest_any || record.kind == PACKED_REST_ANY;
    judge->seen = pack_allocate(NULL, scenario->final_count * sizeof *judge->seen);
    judge->shown = pack_allocate(NULL, scenario->final_count * sizeof *judge->shown);
    for (size_t i = 0; i < scenario->final_count; i++) {
        judge->seen[i] = pack_allocate(NULL, scenario->finals[i].size);
        memset(judge->seen[i], 0, scenario->finals[i].size);
        judge->shown[i] = 0;
    }
}

static void end_judge(struct judge *judge)
{
    for (size_t i = 0; i < judge->scenario->final_count; i++)
        free(judge->seen[i]);
    free(judge->seen);
    free(judge->shown);
    free(judge->output);
    free(judge->output_ports);
}

void sim_judge(const struct sim_scenario *scenario, const uint8_t *trace, size_t size, struct sim_verdict *verdict)
{
    struct judge judge = {.scenario = scenario, .verdict = verdict};
    struct trace_reader reader;
    uint32_t crc;
    *verdict = (struct sim_verdict){0};
    begin(&judge, &crc);
    const char *wrong = trace_open(&reader, trace, size);
    if (wrong != NULL)
        judge_say(&judge, scenario->line, wrong);
    else if (find_trace(&judge, &reader, crc))
        walk(&judge, &reader);
    end_judge(&judge);
}

/* How often and by which exits the guest was served is left out: that is no part of what it came to. */
static void judge_result(const struct judge *judge, const struct trace_record *end, struct sim_result *result)
{
    result->complete = result->holds = true;
    for (size_t i = 0; i < judge->scenario->final_count; i++) {
        uint64_t got;
        if (judge->scenario->finals[i].kind == SIM_FINAL_EXITS || judge->scenario->finals[i].kind == SIM_FINAL_INSTRUCTIONS)
            continue;
        result->conditions++;
        result->holds = result->holds && final_holds(judge, i, end, &got);
    }
}

void sim_judge_result(const struct sim_scenario *scenario, const uint8_t *trace, size_t size, struct sim_result *result)
{
    struct sim_verdict ignored = {0};
    struct judge judge = {.scenario = scenario, .verdict = &ignored};
    struct trace_reader reader;
    struct trace_record record;
    uint32_t crc;
    *result = (struct sim_result){0};
    begin(&judge, &crc);
    bool going = trace_open(&reader, trace, size) == NULL && find_trace(&judge, &reader, crc);
    while (going && trace_next(&reader, &record) == 1) {
        keep_state(&judge, &record);
        going = record.kind != TRACE_END;
        if (!going)
            judge_result(&judge, &record, result);
    }
    free(ignored.text);
    end_judge(&judge);
}
