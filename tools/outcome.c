/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What two runs of a scenario came to. */
#include "outcome.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "../handlers/bench/packed.h"
#include "../handlers/bench/trace.h"
#include "../vmx-model/reasons.h"
#include "trace_writers.h"

enum { PORTS = 8, MERGED_SHARE = 100 /* one in so many more may fall together: a driver looks for all that its device has done */ };

/* The end of one scenario's run. Bytes of each port stand in an order of their own: texts for several consoles may be written in turn. */
struct outcome {
    uint64_t stop;
    unsigned failed_entries;
    uint64_t interrupts, merged; /* of sources; those that fell together with one before them */
    uint32_t state;
    unsigned ports;
    struct {
        uint64_t port;
        uint32_t output;
    } port[PORTS];
};

static void add_output(struct outcome *outcome, uint64_t port, uint8_t byte)
{
    unsigned i = 0;
    while (i < outcome->ports && outcome->port[i].port != port)
        i++;
    if (i == PORTS)
        i = PORTS - 1; /* what many ports show is compared as one */
    if (i == outcome->ports)
        outcome->port[outcome->ports++].port = port;
    outcome->port[i].output = bench_crc32(outcome->port[i].output, &byte, 1);
}

static void add_record(struct outcome *outcome, const struct trace_record *r)
{
    switch (r->kind) {
    case TRACE_EXIT:
        outcome->failed_entries += (r->item[TRACE_REASON] & VMX_REASON_FAILED_VMENTRY) != 0;
        break;
    case TRACE_ENTRY_FAIL:
        outcome->failed_entries++;
        break;
    case TRACE_OUTPUT:
        add_output(outcome, r->number[0], (uint8_t)r->number[1]);
        break;
    case TRACE_FINAL:
        outcome->state = bench_crc32(outcome->state, r->number, sizeof r->number);
        outcome->state = bench_crc32(outcome->state, r->gpr, sizeof r->gpr);
        break;
    case TRACE_MEMORY:
        outcome->state = bench_crc32(outcome->state, r->number, sizeof r->number[0]);
        outcome->state = bench_crc32(outcome->state, r->text, r->text_length);
        break;
    case TRACE_END:
        outcome->stop = r->number[3];
        break;
    case TRACE_SCENARIO:
    case TRACE_INJECT:
    case TRACE_STIMULUS:
    case TRACE_REPORT:
    case TRACE_COST:
    case TRACE_RULE:
        break;
    case TRACE_INTERRUPT:
        outcome->merged += r->number[3];
        break;
    case TRACE_SOURCE:
        outcome->interrupts += r->number[1];
        outcome->merged += r->number[2];
        break;
    }
}

/* The next scenario's; false: the trace is over. */
static bool next_outcome(struct trace_reader *reader, struct outcome *outcome)
{
    struct trace_record record;
    *outcome = (struct outcome){0};
    while (trace_next(reader, &record) == 1) {
        add_record(outcome, &record);
        if (record.kind == TRACE_END)
            return true;
    }
    return false;
}

static const uint32_t *output_of(const struct outcome *outcome, uint64_t port)
{
    for (unsigned i = 0; i < outcome->ports; i++)
        if (outcome->port[i].port == port)
            return &outcome->port[i].output;
    return NULL;
}

static bool same_output(const struct outcome *a, const struct outcome *b)
{
    for (unsigned i = 0; i < a->ports; i++) {
        const uint32_t *other = output_of(b, a->port[i].port);
        if (other == NULL || *other != a->port[i].output)
            return false;
    }
    return a->ports == b->ports;
}

static bool same(const struct outcome *a, const struct outcome *b, const struct replay_verdict *before, const struct replay_verdict *after, char *why,
                 size_t size)
{
    if (a->stop != b->stop)
        snprintf(why, size, "'%s' ends otherwise: %s, before: %s", before->name, trace_stop_text(b->stop), trace_stop_text(a->stop));
    else if (b->failed_entries > a->failed_entries)
        snprintf(why, size, "'%s': a VM entry fails", before->name);
    else if (b->merged > a->merged + a->interrupts / MERGED_SHARE)
        snprintf(why, size, "'%s': %" PRIu64 " interrupts fall together with one before them, before: %" PRIu64, before->name, b->merged, a->merged);
    else if (!same_output(a, b))
        snprintf(why, size, "'%s' writes something else to its console", before->name);
    else if (before->result.conditions != 0 && before->result.holds) {
        if (after->result.holds)
            return true;
        snprintf(why, size, "'%s' does not come to what its final { } says", before->name);
    } else if (a->state != b->state)
        snprintf(why, size, "'%s' ends in another state, and no final { } says what of it counts", before->name);
    else
        return true;
    return false;
}

bool outcome_kept(const struct replay *before, const struct replay *after, char *why, size_t size)
{
    struct trace_reader a, b;
    struct outcome was, is;
    if (trace_open(&a, before->trace.bytes, before->trace.size) != NULL || trace_open(&b, after->trace.bytes, after->trace.size) != NULL) {
        snprintf(why, size, "nothing ran");
        return false;
    }
    for (size_t i = 0; i < before->count; i++) {
        if (i >= after->count || !next_outcome(&a, &was) || !next_outcome(&b, &is)) {
            snprintf(why, size, "'%s' did not run to its end", before->verdicts[i].name);
            return false;
        }
        if (!same(&was, &is, &before->verdicts[i], &after->verdicts[i], why, size))
            return false;
    }
    return true;
}

bool outcome_same_end(const struct replay *before, const struct replay *after)
{
    struct trace_reader a, b;
    struct outcome was, is;
    if (trace_open(&a, before->trace.bytes, before->trace.size) != NULL || trace_open(&b, after->trace.bytes, after->trace.size) != NULL)
        return false;
    while (next_outcome(&a, &was))
        if (!next_outcome(&b, &is) || was.stop != is.stop)
            return false;
    return true;
}

bool outcome_at_limit(const struct replay *replay)
{
    struct trace_reader reader;
    struct outcome outcome;
    bool at_limit = false;
    if (trace_open(&reader, replay->trace.bytes, replay->trace.size) != NULL)
        return false;
    while (next_outcome(&reader, &outcome))
        at_limit |= outcome.stop == TRACE_STOP_LIMIT;
    return at_limit;
}
