/* SPDX-License-Identifier: MIT */
/* Reads traces, from any source: nothing in the data is trusted. */
#include "trace.h"

#include <stddef.h>

const char *trace_open(struct trace_reader *reader, const void *data, uint64_t size)
{
    const uint8_t *head = data;
    *reader = (struct trace_reader){.data = data, .size = size, .at = TRACE_HEADER_BYTES};
    if (size < TRACE_HEADER_BYTES)
        return "too short for a trace";
    if (head[0] != 'V' || head[1] != 'M' || head[2] != 'X' || head[3] != 'T')
        return "not a trace";
    if (head[4] != TRACE_VERSION || head[5] != 0)
        return "trace of another version";
    return NULL;
}

static bool get_byte(const struct trace_reader *reader, uint64_t *at, uint8_t *value)
{
    if (*at >= reader->size)
        return false;
    *value = reader->data[(*at)++];
    return true;
}

/* One LEB128 number of at most 64 bits. */
static bool get_number(const struct trace_reader *reader, uint64_t *at, uint64_t *value)
{
    *value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte;
        if (!get_byte(reader, at, &byte) || (shift == 63 && byte > 1))
            return false;
        *value |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0)
            return true;
    }
    return false;
}

static bool get_text(const struct trace_reader *reader, uint64_t *at, const uint8_t **text, uint32_t *length)
{
    uint64_t bytes;
    if (!get_number(reader, at, &bytes) || bytes > reader->size - *at || bytes > UINT32_MAX)
        return false;
    *text = reader->data + *at;
    *length = (uint32_t)bytes;
    *at += bytes;
    return true;
}

static bool get_exit(const struct trace_reader *reader, uint64_t *at, struct trace_record *record)
{
    uint64_t items, registers;
    if (!get_number(reader, at, &items) || items >> TRACE_ITEM_COUNT != 0)
        return false;
    for (unsigned i = 0; i < TRACE_ITEM_COUNT; i++)
        if ((items >> i & 1) != 0 && !get_number(reader, at, &record->item[i]))
            return false;
    if (!get_number(reader, at, &registers) || registers >> 16 != 0)
        return false;
    for (unsigned i = 0; i < 16; i++)
        if ((registers >> i & 1) != 0 && !get_number(reader, at, &record->gpr[i]))
            return false;
    return true;
}

/* How many numbers the payload of a kind has before its text. */
static unsigned number_count(enum trace_kind kind)
{
    switch (kind) {
    case TRACE_END:
    case TRACE_INTERRUPT:
        return 4;
    case TRACE_SCENARIO:
    case TRACE_MEMORY:
        return 1;
    case TRACE_ENTRY_FAIL:
    case TRACE_INJECT:
    case TRACE_SOURCE:
    case TRACE_STIMULUS:
        return 3;
    case TRACE_OUTPUT:
    case TRACE_COST:
        return 2;
    case TRACE_FINAL:
        return 7;
    case TRACE_EXIT:
    case TRACE_REPORT:
    case TRACE_RULE:
        return 0;
    }
    return 0;
}

static bool get_payload(const struct trace_reader *reader, uint64_t *at, struct trace_record *record)
{
    if (record->kind == TRACE_EXIT)
        return get_exit(reader, at, record);
    for (unsigned i = 0; i < number_count(record->kind); i++)
        if (!get_number(reader, at, &record->number[i]))
            return false;
    if (record->kind == TRACE_FINAL)
        for (unsigned i = 0; i < 16; i++)
            if (!get_number(reader, at, &record->gpr[i]))
                return false;
    if (record->kind == TRACE_END || record->kind == TRACE_REPORT || record->kind == TRACE_MEMORY || record->kind == TRACE_SCENARIO ||
        record->kind == TRACE_RULE)
        if (!get_text(reader, at, &record->text, &record->text_length))
            return false;
    if (record->kind == TRACE_SCENARIO)
        return get_text(reader, at, &record->text2, &record->text2_length) && get_text(reader, at, &record->text3, &record->text3_length);
    return true;
}

/* Decodes the record at *at over the registers as they stood before it. */
static bool get_record(const struct trace_reader *reader, uint64_t *at, struct trace_record *record)
{
    uint8_t kind, vcpu;
    if (!get_byte(reader, at, &kind) || !get_byte(reader, at, &vcpu) || kind > TRACE_SOURCE || vcpu >= TRACE_VCPUS)
        return false;
    *record = (struct trace_record){.kind = (enum trace_kind)kind, .vcpu = vcpu};
    for (unsigned i = 0; i < 16; i++)
        record->gpr[i] = reader->gpr[vcpu][i];
    return get_payload(reader, at, record);
}

/* The costs of an exit stand in a later record of its vCPU, before the next exit. Damage further on is met when the reader gets there. */
static void fold_costs(const struct trace_reader *reader, struct trace_record *exit)
{
    struct trace_record later;
    uint64_t at = reader->at;
    while (get_record(reader, &at, &later) && later.kind != TRACE_END && later.kind != TRACE_SCENARIO) {
        if (later.vcpu != exit->vcpu)
            continue;
        if (later.kind == TRACE_EXIT)
            return;
        if (later.kind == TRACE_COST) {
            exit->item[TRACE_COST_HANDLER] = later.number[0];
            exit->item[TRACE_COST_ENTRY] = later.number[1];
            return;
        }
    }
}

static void begin_scenario(struct trace_reader *reader)
{
    for (unsigned vcpu = 0; vcpu < TRACE_VCPUS; vcpu++)
        for (unsigned i = 0; i < 16; i++)
            reader->gpr[vcpu][i] = 0;
}

int trace_next(struct trace_reader *reader, struct trace_record *record)
{
    struct trace_record rule = {.text = NULL};
    for (;;) {
        if (reader->at == reader->size && !reader->open)
            return 0;
        uint64_t at = reader->at;
        if (!get_record(reader, &at, record) || reader->open == (record->kind == TRACE_SCENARIO))
            return -1;
        reader->at = at;
        if (record->kind == TRACE_RULE)
            rule = *record;
        else if (record->kind != TRACE_COST)
            break;
    }
    if (rule.text != NULL && (record->kind == TRACE_EXIT || record->kind == TRACE_ENTRY_FAIL)) {
        record->text = rule.text;
        record->text_length = rule.text_length;
    }
    if (record->kind == TRACE_SCENARIO)
        begin_scenario(reader);
    reader->open = record->kind != TRACE_END;
    if (record->kind != TRACE_EXIT)
        return 1;
    for (unsigned i = 0; i < 16; i++)
        reader->gpr[record->vcpu][i] = record->gpr[i];
    fold_costs(reader, record);
    return 1;
}
