/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packed scenarios: the reader against good, cut, damaged and foreign input. */
#include "handlers/bench/packed.h"

#include <string.h>

#include "tests/support/suite.h"

struct image {
    uint8_t bytes[512];
    uint32_t size;
};

static void put(struct image *image, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        image->bytes[image->size++] = (uint8_t)(value >> (8 * i));
}

static void put_record(struct image *image, uint32_t kind, const void *payload, uint32_t size)
{
    put(image, kind, 4);
    put(image, size, 4);
    memcpy(image->bytes + image->size, payload, size);
    image->size += size;
    while (image->size % 4 != 0)
        put(image, 0, 1);
}

static void seal(struct image *image, uint32_t total)
{
    const uint32_t crc = bench_crc32(0, image->bytes + PACKED_HEADER_BYTES, total - PACKED_HEADER_BYTES);
    const uint32_t end = image->size;
    image->size = 0;
    memcpy(image->bytes, "VMXS", 4);
    image->size = 4;
    put(image, PACKED_VERSION, 4);
    put(image, total, 4);
    put(image, crc, 4);
    image->size = end;
}

static struct image example(void)
{
    struct image image = {.size = PACKED_HEADER_BYTES};
    const struct packed_step step = {.kind = STEP_WRITE_MEMORY, .line = 7, .vcpu = 1, .a = 2, .b = 0x123456789a, .c = 4, .extra = 3};
    uint8_t payload[sizeof step + 3];
    memcpy(payload, &step, sizeof step);
    memcpy(payload + sizeof step, "abc", 3);
    put_record(&image, PACKED_NAME, "name", 4);
    put_record(&image, PACKED_STEP, payload, sizeof payload);
    put_record(&image, PACKED_END, "", 0);
    seal(&image, image.size);
    return image;
}

static void reader_gives_the_records_in_order(void)
{
    const struct image image = example();
    struct packed_reader reader;
    struct packed_record record;
    struct packed_step step;
    const uint8_t *extra;
    CU_ASSERT_PTR_NULL_FATAL(packed_open(&reader, image.bytes, image.size));
    CU_ASSERT_TRUE_FATAL(packed_next(&reader, &record));
    CU_ASSERT_EQUAL(record.kind, PACKED_NAME);
    CU_ASSERT_EQUAL_FATAL(record.size, 4);
    CU_ASSERT_EQUAL(memcmp(record.payload, "name", 4), 0);
    CU_ASSERT_TRUE_FATAL(packed_next(&reader, &record));
    CU_ASSERT_TRUE_FATAL(packed_step_of(&record, &step, &extra));
    CU_ASSERT_EQUAL(step.kind, STEP_WRITE_MEMORY);
    CU_ASSERT_EQUAL(step.line, 7);
    CU_ASSERT_EQUAL(step.vcpu, 1);
    CU_ASSERT_EQUAL(step.b, 0x123456789a);
    CU_ASSERT_EQUAL_FATAL(step.extra, 3);
    CU_ASSERT_EQUAL(memcmp(extra, "abc", 3), 0);
    CU_ASSERT_FALSE(packed_next(&reader, &record));
    CU_ASSERT_NOT_EQUAL(reader.at, UINT32_MAX);
}

static void crc32_is_the_zlib_polynomial(void)
{
    CU_ASSERT_EQUAL(bench_crc32(0, "123456789", 9), 0xcbf43926);
    CU_ASSERT_EQUAL(bench_crc32(bench_crc32(0, "12345", 5), "6789", 4), 0xcbf43926);
    CU_ASSERT_EQUAL(bench_crc32(0, "", 0), 0);
}

static void every_truncation_is_refused(void)
{
    const struct image image = example();
    struct packed_reader reader;
    for (uint32_t size = 0; size < image.size; size++)
        CU_ASSERT_PTR_NOT_NULL(packed_open(&reader, image.bytes, size));
}

static void every_flipped_bit_is_refused(void)
{
    const struct image good = example();
    struct packed_reader reader;
    for (uint32_t bit = 0; bit < good.size * 8; bit++) {
        struct image image = good;
        if (bit / 8 == 6 || bit / 8 == 7) /* reserved */
            continue;
        image.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        CU_ASSERT_PTR_NOT_NULL(packed_open(&reader, image.bytes, image.size));
    }
}

static void foreign_input_is_refused(void)
{
    struct packed_reader reader;
    uint8_t noise[64];
    memset(noise, 0xff, sizeof noise);
    CU_ASSERT_STRING_EQUAL(packed_open(&reader, noise, sizeof noise), "not a packed scenario");
    memcpy(noise, "VMXS\2\0", 6);
    CU_ASSERT_STRING_EQUAL(packed_open(&reader, noise, sizeof noise), "packed scenario of another version");
}

/* A record that claims more than the image holds: the CRC is right, so only the reader's own bounds stand in the way. */
static void record_that_does_not_fit_ends_the_reading(void)
{
    const uint32_t sizes[] = {5, 8, 0x7fffffff, UINT32_MAX - 3, UINT32_MAX};
    for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct image image = {.size = PACKED_HEADER_BYTES};
        struct packed_reader reader;
        struct packed_record record;
        put(&image, PACKED_NAME, 4);
        put(&image, sizes[i], 4);
        put(&image, 0, 4);
        seal(&image, image.size);
        CU_ASSERT_PTR_NULL_FATAL(packed_open(&reader, image.bytes, image.size));
        CU_ASSERT_FALSE(packed_next(&reader, &record));
        CU_ASSERT_EQUAL(reader.at, UINT32_MAX);
        CU_ASSERT_FALSE(packed_next(&reader, &record));
    }
}

static void image_without_end_record_is_seen(void)
{
    struct image image = {.size = PACKED_HEADER_BYTES};
    struct packed_reader reader;
    struct packed_record record;
    put_record(&image, PACKED_NAME, "name", 4);
    seal(&image, image.size);
    CU_ASSERT_PTR_NULL_FATAL(packed_open(&reader, image.bytes, image.size));
    CU_ASSERT_TRUE(packed_next(&reader, &record));
    CU_ASSERT_FALSE(packed_next(&reader, &record));
    CU_ASSERT_EQUAL(reader.at, UINT32_MAX);
}

static void loads_beyond_the_payload_give_zero(void)
{
    const uint8_t bytes[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    const struct packed_record record = {.kind = PACKED_FIELD, .size = 8, .payload = bytes};
    CU_ASSERT_EQUAL(packed_u32(&record, 4), 0x08070605);
    CU_ASSERT_EQUAL(packed_u32(&record, 5), 0);
    CU_ASSERT_EQUAL(packed_u64(&record, 0), UINT64_C(0x0807060504030201));
    CU_ASSERT_EQUAL(packed_u64(&record, 1), 0);
    CU_ASSERT_EQUAL(packed_u32(&record, UINT32_MAX), 0);
}

static void step_that_claims_too_many_bytes_is_refused(void)
{
    struct packed_step step = {.kind = STEP_EXPECT, .extra = 1};
    const struct packed_record record = {.kind = PACKED_STEP, .size = sizeof step, .payload = (const uint8_t *)&step};
    const struct packed_record shorter = {.kind = PACKED_STEP, .size = sizeof step - 1, .payload = (const uint8_t *)&step};
    struct packed_step out;
    const uint8_t *extra;
    CU_ASSERT_FALSE(packed_step_of(&record, &out, &extra));
    CU_ASSERT_FALSE(packed_step_of(&shorter, &out, &extra));
}

SUITE("handlers/packed", {"reader_gives_the_records_in_order", reader_gives_the_records_in_order},
      {"crc32_is_the_zlib_polynomial", crc32_is_the_zlib_polynomial}, {"every_truncation_is_refused", every_truncation_is_refused},
      {"every_flipped_bit_is_refused", every_flipped_bit_is_refused}, {"foreign_input_is_refused", foreign_input_is_refused},
      {"record_that_does_not_fit_ends_the_reading", record_that_does_not_fit_ends_the_reading},
      {"image_without_end_record_is_seen", image_without_end_record_is_seen},
      {"loads_beyond_the_payload_give_zero", loads_beyond_the_payload_give_zero},
      {"step_that_claims_too_many_bytes_is_refused", step_that_claims_too_many_bytes_is_refused})
