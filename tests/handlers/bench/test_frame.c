/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames: what went in comes out, and every damage is noticed. */
#include "../../../handlers/bench/frame.h"

#include <string.h>

#include "../../support/suite.h"

static struct frame frame;

static void a_frame_carries_what_was_put_in(void)
{
    const uint8_t payload[] = "some bytes of a trace";
    uint32_t bytes = 0;
    uint16_t number = 0;
    CU_ASSERT_EQUAL(frame_end(&frame), 0);
    CU_ASSERT_EQUAL(frame_add(&frame, payload, 4), 4);
    CU_ASSERT_EQUAL(frame_add(&frame, payload + 4, sizeof payload - 4), sizeof payload - 4);
    const uint32_t size = frame_end(&frame);
    CU_ASSERT_EQUAL(size, FRAME_HEAD_BYTES + sizeof payload + FRAME_TAIL_BYTES);
    CU_ASSERT_EQUAL(frame_read(frame.bytes, size, &bytes, &number), FRAME_WHOLE);
    CU_ASSERT_EQUAL(bytes, size);
    CU_ASSERT_EQUAL(memcmp(frame.bytes + FRAME_HEAD_BYTES, payload, sizeof payload), 0);
    CU_ASSERT_EQUAL(frame_end(&frame), 0);
}

static void a_full_frame_takes_no_more(void)
{
    static const uint8_t payload[FRAME_PAYLOAD_MAX + 100];
    uint32_t bytes = 0;
    uint16_t number = 0;
    CU_ASSERT_EQUAL(frame_add(&frame, payload, 100), 100);
    CU_ASSERT_EQUAL(frame_add(&frame, payload, sizeof payload), FRAME_PAYLOAD_MAX - 100);
    CU_ASSERT_EQUAL(frame_add(&frame, payload, 1), 0);
    CU_ASSERT_EQUAL(frame_end(&frame), FRAME_MAX);
    CU_ASSERT_EQUAL(frame_read(frame.bytes, FRAME_MAX, &bytes, &number), FRAME_WHOLE);
    CU_ASSERT_EQUAL(bytes, FRAME_MAX);
}

/* A flipped bit in the magic: no frame. In the length: it is cut off, or its checksum stands elsewhere. Anywhere else: damaged. */
static void every_flipped_bit_is_noticed(void)
{
    uint8_t line[64] = {0};
    CU_ASSERT_EQUAL(frame_add(&frame, "0123456789", 10), 10);
    const uint32_t size = frame_end(&frame);
    memcpy(line, frame.bytes, size);
    for (uint32_t bit = 0; bit < 8 * size; bit++) {
        uint32_t bytes = 0;
        uint16_t number = 0;
        line[bit / 8] ^= (uint8_t)(1u << bit % 8);
        const enum frame_kind kind = frame_read(line, sizeof line, &bytes, &number);
        if (bit < 32)
            CU_ASSERT_EQUAL(kind, FRAME_NONE);
        if (bit >= 32 && bit < 64)
            CU_ASSERT(kind == FRAME_DAMAGED || kind == FRAME_CUT);
        if (bit >= 64) {
            CU_ASSERT_EQUAL(kind, FRAME_DAMAGED);
            CU_ASSERT_EQUAL(bytes, size);
        }
        line[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void a_frame_that_is_cut_off_is_known(void)
{
    CU_ASSERT_EQUAL(frame_add(&frame, "0123456789", 10), 10);
    const uint32_t size = frame_end(&frame);
    uint32_t bytes = 0;
    uint16_t number = 0;
    for (uint32_t cut = 0; cut < size; cut++)
        CU_ASSERT_EQUAL(frame_read(frame.bytes, cut, &bytes, &number), cut < 4 ? FRAME_NONE : FRAME_CUT);
}

SUITE("handlers/bench/frame", {"a_frame_carries_what_was_put_in", a_frame_carries_what_was_put_in},
      {"a_full_frame_takes_no_more", a_full_frame_takes_no_more}, {"every_flipped_bit_is_noticed", every_flipped_bit_is_noticed},
      {"a_frame_that_is_cut_off_is_known", a_frame_that_is_cut_off_is_known})
