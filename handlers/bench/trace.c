/* SPDX-License-Identifier: MIT */
/* Writes traces. */
#include "trace.h"

#include <stddef.h>

#define NAME(item, name) [item] = name
const char *const trace_item_names[TRACE_ITEM_COUNT] = {
    NAME(TRACE_REASON, "reason"),
    NAME(TRACE_QUALIFICATION, "qualification"),
    NAME(TRACE_RIP, "rip"),
    NAME(TRACE_RSP, "rsp"),
    NAME(TRACE_RFLAGS, "rflags"),
    NAME(TRACE_INSTRUCTION_LENGTH, "length"),
    NAME(TRACE_INSTRUCTION_INFO, "instruction_info"),
    NAME(TRACE_GUEST_LINEAR, "guest_linear"),
    NAME(TRACE_GUEST_PHYSICAL, "guest_physical"),
    NAME(TRACE_INTERRUPTION_INFO, "interruption_info"),
    NAME(TRACE_INTERRUPTION_ERROR, "interruption_error"),
    NAME(TRACE_IDT_INFO, "idt_info"),
    NAME(TRACE_IDT_ERROR, "idt_error"),
    NAME(TRACE_INTERRUPTIBILITY, "interruptibility"),
    NAME(TRACE_ACTIVITY, "activity"),
    NAME(TRACE_PENDING_DEBUG, "pending_debug"),
    NAME(TRACE_CR0, "cr0"),
    NAME(TRACE_CR3, "cr3"),
    NAME(TRACE_CR4, "cr4"),
    NAME(TRACE_PHYSICAL_CPU, "physical_cpu"),
    NAME(TRACE_TICKS, "ticks"),
    NAME(TRACE_GUEST_INSTRUCTIONS, "guest_instructions"),
    NAME(TRACE_COST_EXIT, "cost_exit"),
    NAME(TRACE_COST_HANDLER, "cost_handler"),
    NAME(TRACE_COST_ENTRY, "cost_entry"),
};
#undef NAME

/* One record under construction. Every caller's record fits: see TRACE_RECORD_MAX. */
struct record {
    uint8_t bytes[TRACE_RECORD_MAX];
    uint32_t size;
};

/* Most numbers are small; the cursor stays in a register. */
static inline uint8_t *put(uint8_t *at, uint64_t value)
{
    while (value > 0x7f) {
        *at++ = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    *at++ = (uint8_t)value;
    return at;
}

/* The values that a mask names, in order. */
static inline uint8_t *put_named(uint8_t *at, uint64_t mask, const uint64_t *value)
{
    for (; mask != 0; mask &= mask - 1)
        at = put(at, value[__builtin_ctzll(mask)]);
    return at;
}

static void put_number(struct record *record, uint64_t value)
{
    record->size = (uint32_t)(put(record->bytes + record->size, value) - record->bytes);
}

static void begin_record(struct record *record, enum trace_kind kind, uint8_t vcpu)
{
    record->bytes[0] = (uint8_t)kind;
    record->bytes[1] = vcpu;
    record->size = 2;
}

static void send(struct trace_writer *writer, const void *bytes, uint32_t size)
{
    if (!writer->failed && size != 0 && !writer->sink(writer->context, bytes, size))
        writer->failed = true;
}

static void send_record(struct trace_writer *writer, struct record *record)
{
    send(writer, record->bytes, record->size);
    record->size = 0;
}

static uint32_t text_length(const char *text)
{
    uint32_t length = 0;
    while (text[length] != '\0')
        length++;
    return length;
}

void trace_begin(struct trace_writer *writer)
{
    static const uint8_t header[TRACE_HEADER_BYTES] = {'V', 'M', 'X', 'T', TRACE_VERSION};
    *writer = (struct trace_writer){.sink = writer->sink, .context = writer->context};
    send(writer, header, sizeof header);
}

void trace_scenario(struct trace_writer *writer, uint32_t crc, const char *name, const char *profile, const char *machine)
{
    const char *const texts[] = {name, profile, machine};
    struct record record;
    begin_record(&record, TRACE_SCENARIO, 0);
    put_number(&record, crc);
    for (unsigned i = 0; i < 3; i++) {
        const uint32_t length = text_length(texts[i]);
        put_number(&record, length);
        send_record(writer, &record);
        send(writer, texts[i], length);
    }
    writer->exits = 0;
    for (unsigned vcpu = 0; vcpu < TRACE_VCPUS; vcpu++)
        for (unsigned i = 0; i < 16; i++)
            writer->gpr[vcpu][i] = 0;
}

void trace_exit(struct trace_writer *writer, uint8_t vcpu, const uint64_t item[TRACE_ITEM_COUNT], const uint64_t gpr[16])
{
    struct record record;
    uint64_t items = 0, registers = 0;
    uint64_t *last = writer->gpr[vcpu % TRACE_VCPUS];
    /* Which items are 0 and which registers change hardly differs from exit to exit: branches are cheap here. */
#pragma GCC unroll 32
    for (unsigned i = 0; i < TRACE_ITEM_COUNT; i++)
        if (item[i] != 0)
            items |= UINT64_C(1) << i;
#pragma GCC unroll 16
    for (unsigned i = 0; i < 16; i++)
        if (gpr[i] != last[i]) {
            registers |= UINT64_C(1) << i;
            last[i] = gpr[i];
        }
    begin_record(&record, TRACE_EXIT, vcpu);
    uint8_t *at = put(record.bytes + record.size, items);
    at = put_named(at, items, item);
    at = put(at, registers);
    at = put_named(at, registers, gpr);
    record.size = (uint32_t)(at - record.bytes);
    send_record(writer, &record);
    writer->exits++;
}

void trace_numbers(struct trace_writer *writer, enum trace_kind kind, uint8_t vcpu, const uint64_t *number, unsigned count, const void *text,
                   uint32_t length)
{
    struct record record;
    begin_record(&record, kind, vcpu);
    for (unsigned i = 0; i < count && i < TRACE_NUMBERS_MAX; i++)
        put_number(&record, number[i]);
    if (kind == TRACE_END || kind == TRACE_REPORT || kind == TRACE_MEMORY || kind == TRACE_RULE)
        put_number(&record, length);
    send_record(writer, &record);
    send(writer, text, length);
}
