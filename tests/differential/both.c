/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs cases on the simulator and on Bochs and pairs their traces. */
#define _DEFAULT_SOURCE
#include "both.h"

#include <stdlib.h>
#include <string.h>

#include "handlers/bench/trace.h"
#include "judge.h"
#include "sim/compare.h"
#include "tools/bochs/bochs_run.h"
#include "vmx-model/controls.h"
#include "vmx-model/reasons.h"
#include "vmx-model/vmcs.h"

struct pairs {
    const struct dif_case *cases;
    size_t count;
    struct sim_scenario *scenarios; /* of all cases */
    struct sim_trace *traces;       /* of the simulator */
    struct result *results;
    struct sim_scenario *sent; /* shallow copies of those that go to Bochs */
    struct bochs_outcome *outcomes;
    size_t *index; /* of those */
    size_t sent_count;
};

static void *allocate(size_t count, size_t size)
{
    void *block = calloc(count + 1, size);
    if (block == NULL)
        abort();
    return block;
}

/* ---- what a trace says ---- */
static enum vmx_check rule_named(const uint8_t *text, uint32_t length)
{
    for (unsigned check = 1; check < VMX_CHECK_COUNT; check++)
        if (strlen(vmx_check_rows[check].id) == length && memcmp(vmx_check_rows[check].id, text, length) == 0)
            return (enum vmx_check)check;
    return VMX_CHECK_NONE;
}

static void first_outcome(const struct trace_record *record, struct outcome *out)
{
    static const uint8_t kinds[] = {OUTCOME_FAIL_INVALID, OUTCOME_FAIL_VALID, OUTCOME_FAULT};
    if (record->kind == TRACE_ENTRY_FAIL) {
        out->kind = kinds[record->number[0] % 3];
        out->number = (uint32_t)record->number[1];
        out->rule = rule_named(record->text, record->text_length);
    } else {
        const uint32_t reason = (uint32_t)record->item[TRACE_REASON];
        const bool failed = (reason & VMX_REASON_FAILED_VMENTRY) != 0;
        out->kind = failed ? OUTCOME_FAILED_ENTRY : OUTCOME_EXIT;
        out->number = vmx_basic_reason(reason);
        out->qualification = record->item[TRACE_QUALIFICATION];
        out->rule = failed ? rule_named(record->text, record->text_length) : VMX_CHECK_NONE;
    }
}

/* Of a trace with one scenario. */
static void read_outcome(const struct sim_trace *trace, struct outcome *out, struct result *reasons)
{
    struct trace_reader reader;
    struct trace_record record;
    *out = (struct outcome){.kind = OUTCOME_NOTHING, .stop = TRACE_STOP_HOST_ERROR};
    if (trace->size == 0 || trace_open(&reader, trace->bytes, trace->size) != NULL)
        return;
    while (trace_next(&reader, &record) == 1) {
        const bool event = record.kind == TRACE_ENTRY_FAIL || record.kind == TRACE_EXIT;
        if (event && out->kind == OUTCOME_NOTHING)
            first_outcome(&record, out);
        if (event && reasons != NULL && reasons->reason_count < sizeof reasons->reasons / sizeof *reasons->reasons)
            reasons->reasons[reasons->reason_count++] = record.kind == TRACE_EXIT && (record.item[TRACE_REASON] & VMX_REASON_FAILED_VMENTRY) == 0
                                                            ? vmx_basic_reason((uint32_t)record.item[TRACE_REASON])
                                                            : UINT32_MAX;
        if (record.kind == TRACE_END) {
            out->stop = (unsigned)record.number[3];
            snprintf(out->text, sizeof out->text, "%.*s", (int)record.text_length, (const char *)record.text);
        }
    }
}

bool outcome_enters(const struct outcome *outcome)
{
    return outcome->kind == OUTCOME_EXIT || outcome->kind == OUTCOME_NOTHING;
}

void outcome_text(const struct outcome *outcome, char *text, size_t size)
{
    const char *rule = outcome->rule != VMX_CHECK_NONE ? vmx_check_rows[outcome->rule].id : "";
    switch (outcome->kind) {
    case OUTCOME_NOTHING:
        snprintf(text, size, "neither entry nor exit");
        return;
    case OUTCOME_FAIL_INVALID:
        snprintf(text, size, "VMfailInvalid %s", rule);
        return;
    case OUTCOME_FAIL_VALID:
        snprintf(text, size, "VMfailValid(%u) %s", outcome->number, rule);
        return;
    case OUTCOME_FAULT:
        snprintf(text, size, "a fault %s", rule);
        return;
    case OUTCOME_FAILED_ENTRY:
        snprintf(text, size, "failed entry, reason %u, qualification %llu %s", outcome->number, (unsigned long long)outcome->qualification, rule);
        return;
    case OUTCOME_EXIT:
        snprintf(text, size, "enters, then exit %s", vmx_reason_name(outcome->number));
        return;
    }
}

/* ---- the simulator ---- */
static void only_sim(struct result *result, const char *why)
{
    result->verdict = VERDICT_ONLY_SIM;
    free(result->text);
    result->text = strdup(why);
}

static void run_sim(struct pairs *p, size_t i)
{
    struct sim_error error;
    struct result *result = &p->results[i];
    *result = (struct result){.verdict = VERDICT_AGREE};
    case_pack(&p->cases[i], &p->scenarios[i]);
    if (!sim_run_scenario(&p->scenarios[i], &p->traces[i], &error)) {
        only_sim(result, error.message);
        return;
    }
    read_outcome(&p->traces[i], &result->sim, result);
    const char *why = judge_keeps_from_bochs(&p->cases[i], &p->scenarios[i], &result->sim);
    if (why != NULL)
        only_sim(result, result->sim.stop == TRACE_STOP_HOST_ERROR ? result->sim.text : why);
}

/* ---- Bochs ---- */
/* Cuts the next scenario out of a trace of many; it becomes a trace of its own. */
static void cut(const struct sim_trace *all, struct trace_reader *reader, struct sim_trace *one)
{
    struct trace_record record;
    const uint64_t from = reader->at;
    while (trace_next(reader, &record) == 1 && record.kind != TRACE_END) {
    }
    const size_t size = (size_t)(reader->at - from);
    one->size = one->capacity = TRACE_HEADER_BYTES + size;
    one->bytes = allocate(one->size, 1);
    memcpy(one->bytes, all->bytes, TRACE_HEADER_BYTES);
    memcpy(one->bytes + TRACE_HEADER_BYTES, all->bytes + from, size);
}

static bool run_bochs(struct pairs *p, struct sim_error *error)
{
    struct sim_trace all = {0};
    struct trace_reader reader;
    if (p->sent_count == 0)
        return true;
    const bool ran = bochs_run(p->sent, p->sent_count, &all, p->outcomes, error);
    if (ran && all.size != 0 && trace_open(&reader, all.bytes, all.size) == NULL)
        for (size_t k = 0; k < p->sent_count; k++) {
            const size_t i = p->index[k];
            struct sim_trace one = {0};
            if (!p->outcomes[k].refused)
                cut(&all, &reader, &one);
            read_outcome(&one, &p->results[i].bochs, NULL);
            judge(&p->cases[i], &p->scenarios[i], &p->traces[i], &one, &p->outcomes[k], &p->results[i]);
            sim_trace_free(&one);
        }
    sim_trace_free(&all);
    return ran;
}

bool both_run(const struct dif_case *cases, size_t count, struct result *results, struct sim_error *error)
{
    struct pairs p = {.cases = cases, .count = count, .results = results};
    p.scenarios = allocate(count, sizeof *p.scenarios);
    p.traces = allocate(count, sizeof *p.traces);
    p.sent = allocate(count, sizeof *p.sent);
    p.outcomes = allocate(count, sizeof *p.outcomes);
    p.index = allocate(count, sizeof *p.index);
    for (size_t i = 0; i < count; i++) {
        run_sim(&p, i);
        if (results[i].verdict == VERDICT_ONLY_SIM)
            continue;
        p.index[p.sent_count] = i;
        p.sent[p.sent_count++] = p.scenarios[i];
    }
    const bool ran = run_bochs(&p, error);
    for (size_t i = 0; i < count; i++) {
        case_free(&p.scenarios[i]);
        sim_trace_free(&p.traces[i]);
    }
    free(p.scenarios);
    free(p.traces);
    free(p.sent);
    free(p.outcomes);
    free(p.index);
    return ran;
}

void result_free(struct result *result)
{
    free(result->text);
    result->text = NULL;
}
