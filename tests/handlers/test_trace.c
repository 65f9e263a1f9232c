/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Traces: what is written is read back; cut, damaged and foreign input is met without harm. */
#include "handlers/bench/trace.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support/suite.h"

struct buffer {
    uint8_t bytes[4096];
    uint32_t size, limit;
};

static bool into_buffer(void *context, const void *bytes, uint32_t size)
{
    struct buffer *buffer = context;
    if (size > buffer->limit - buffer->size)
        return false;
    memcpy(buffer->bytes + buffer->size, bytes, size);
    buffer->size += size;
    return true;
}

static void write_exit(struct trace_writer *writer, uint8_t vcpu, uint64_t reason, uint64_t rax)
{
    const uint64_t item[TRACE_ITEM_COUNT] = {[TRACE_REASON] = reason, [TRACE_RIP] = UINT64_MAX, [TRACE_TICKS] = 77};
    const uint64_t gpr[16] = {[0] = rax, [15] = 15};
    trace_exit(writer, vcpu, item, gpr);
}

/* Two scenarios: the first with one record of every kind. */
static void write_example(struct trace_writer *writer, struct buffer *buffer)
{
    static const uint64_t number[TRACE_NUMBERS_MAX] = {11, 0, 13, 14, 15, 16, 17, 18};
    *writer = (struct trace_writer){.sink = into_buffer, .context = buffer};
    trace_begin(writer);
    trace_scenario(writer, 0x12345678, "first", "skylake", "sim");
    write_exit(writer, 0, 10, 1);
    trace_numbers(writer, TRACE_STIMULUS, 0, number, 3, NULL, 0);
    trace_numbers(writer, TRACE_OUTPUT, 0, number, 2, NULL, 0);
    write_exit(writer, 1, 12, 5);
    trace_numbers(writer, TRACE_REPORT, 0, NULL, 0, "words", 5);
    trace_numbers(writer, TRACE_COST, 0, (const uint64_t[]){200, 300}, 2, NULL, 0);
    trace_numbers(writer, TRACE_INJECT, 0, number, 3, NULL, 0);
    write_exit(writer, 0, 48, 2);
    trace_numbers(writer, TRACE_ENTRY_FAIL, 0, number, 3, NULL, 0);
    trace_numbers(writer, TRACE_FINAL, 0, number, 23, NULL, 0);
    trace_numbers(writer, TRACE_MEMORY, 0, number, 1, "\1\2\3", 3);
    trace_numbers(writer, TRACE_END, 0, number, 4, "why", 3);
    trace_scenario(writer, 1, "", "", "");
    trace_numbers(writer, TRACE_END, 0, number, 4, "", 0);
}

static bool is_text(const uint8_t *text, uint32_t length, const char *expected)
{
    return length == strlen(expected) && memcmp(text, expected, length) == 0;
}

static void what_is_written_is_read_back(void)
{
    struct buffer buffer = {.limit = sizeof buffer.bytes};
    struct trace_writer writer;
    struct trace_reader reader;
    struct trace_record r;
    write_example(&writer, &buffer);
    CU_ASSERT_FALSE(writer.failed);
    CU_ASSERT_PTR_NULL_FATAL(trace_open(&reader, buffer.bytes, buffer.size));
    static const enum trace_kind kinds[] = {TRACE_SCENARIO, TRACE_EXIT,       TRACE_STIMULUS, TRACE_OUTPUT, TRACE_EXIT, TRACE_REPORT,   TRACE_INJECT,
                                            TRACE_EXIT,     TRACE_ENTRY_FAIL, TRACE_FINAL,    TRACE_MEMORY, TRACE_END,  TRACE_SCENARIO, TRACE_END};
    for (unsigned i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        CU_ASSERT_EQUAL_FATAL(trace_next(&reader, &r), 1);
        CU_ASSERT_EQUAL(r.kind, kinds[i]);
        if (i == 0) {
            CU_ASSERT_EQUAL(r.number[0], 0x12345678);
            CU_ASSERT_TRUE(is_text(r.text, r.text_length, "first"));
            CU_ASSERT_TRUE(is_text(r.text2, r.text2_length, "skylake"));
            CU_ASSERT_TRUE(is_text(r.text3, r.text3_length, "sim"));
        }
        if (i == 1 || i == 4 || i == 7) {
            CU_ASSERT_EQUAL(r.vcpu, i == 4);
            CU_ASSERT_EQUAL(r.item[TRACE_RIP], UINT64_MAX);
            CU_ASSERT_EQUAL(r.item[TRACE_QUALIFICATION], 0);
            CU_ASSERT_EQUAL(r.gpr[0], i == 1 ? 1 : i == 4 ? 5 : 2);
            CU_ASSERT_EQUAL(r.gpr[15], 15);
            CU_ASSERT_EQUAL(r.item[TRACE_COST_HANDLER], i == 1 ? 200 : 0);
            CU_ASSERT_EQUAL(r.item[TRACE_COST_ENTRY], i == 1 ? 300 : 0);
        }
        if (kinds[i] == TRACE_FINAL) {
            CU_ASSERT_EQUAL(r.number[6], 17);
            CU_ASSERT_EQUAL(r.gpr[0], 18);
        }
        if (kinds[i] == TRACE_MEMORY)
            CU_ASSERT_TRUE(r.number[0] == 11 && is_text(r.text, r.text_length, "\1\2\3"));
    }
    CU_ASSERT_EQUAL(trace_next(&reader, &r), 0);
}

/* Every register and item at its widest still fits the writer's record. */
static void largest_exit_record_fits(void)
{
    struct buffer buffer = {.limit = sizeof buffer.bytes};
    struct trace_writer writer = {.sink = into_buffer, .context = &buffer};
    uint64_t item[TRACE_ITEM_COUNT], gpr[16];
    memset(item, 0xff, sizeof item);
    memset(gpr, 0xff, sizeof gpr);
    trace_begin(&writer);
    trace_exit(&writer, 7, item, gpr);
    CU_ASSERT_TRUE(buffer.size - TRACE_HEADER_BYTES <= TRACE_RECORD_MAX);
}

static void every_truncation_is_met(void)
{
    struct buffer buffer = {.limit = sizeof buffer.bytes};
    struct trace_writer writer;
    struct trace_reader reader;
    struct trace_record r;
    unsigned clean = 0;
    write_example(&writer, &buffer);
    for (uint32_t size = 0; size < buffer.size; size++) {
        uint8_t *copy = malloc(size + 1); /* exact, so that a sanitizer sees a read beyond it */
        CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
        memcpy(copy, buffer.bytes, size);
        int status = -1;
        if (trace_open(&reader, copy, size) == NULL)
            while ((status = trace_next(&reader, &r)) == 1)
                ;
        clean += status == 0;
        free(copy);
    }
    CU_ASSERT_EQUAL(clean, 2); /* nothing but the header, and the first scenario alone */
}

static void garbled_bytes_are_met(void)
{
    struct buffer buffer = {.limit = sizeof buffer.bytes};
    struct trace_writer writer;
    struct trace_reader reader;
    struct trace_record r;
    write_example(&writer, &buffer);
    for (uint32_t i = 0; i < buffer.size; i++)
        for (unsigned value = 0; value < 256; value++) {
            const uint8_t was = buffer.bytes[i];
            buffer.bytes[i] = (uint8_t)value;
            if (trace_open(&reader, buffer.bytes, buffer.size) == NULL)
                while (trace_next(&reader, &r) == 1)
                    CU_ASSERT_TRUE(reader.at <= reader.size);
            buffer.bytes[i] = was;
        }
}

static void foreign_input_is_refused(void)
{
    struct trace_reader reader;
    struct trace_record r;
    uint8_t noise[64];
    memset(noise, 0xff, sizeof noise);
    CU_ASSERT_STRING_EQUAL(trace_open(&reader, noise, sizeof noise), "not a trace");
    CU_ASSERT_STRING_EQUAL(trace_open(&reader, noise, 3), "too short for a trace");
    memcpy(noise, "VMXT\2\0", 6);
    CU_ASSERT_STRING_EQUAL(trace_open(&reader, noise, sizeof noise), "trace of another version");
    memcpy(noise, "VMXT\1\0", 6);
    CU_ASSERT_PTR_NULL(trace_open(&reader, noise, sizeof noise));
    CU_ASSERT_EQUAL(trace_next(&reader, &r), -1);
    CU_ASSERT_EQUAL(reader.at, TRACE_HEADER_BYTES);
}

static void full_sink_is_remembered(void)
{
    struct trace_writer writer;
    for (uint32_t limit = 0; limit < 150; limit += 7) {
        struct buffer buffer = {.limit = limit};
        write_example(&writer, &buffer);
        CU_ASSERT_EQUAL(writer.failed, true);
        CU_ASSERT_TRUE(buffer.size <= limit);
    }
}

SUITE("handlers/trace", {"what_is_written_is_read_back", what_is_written_is_read_back}, {"largest_exit_record_fits", largest_exit_record_fits},
      {"every_truncation_is_met", every_truncation_is_met}, {"garbled_bytes_are_met", garbled_bytes_are_met},
      {"foreign_input_is_refused", foreign_input_is_refused}, {"full_sink_is_remembered", full_sink_is_remembered})
