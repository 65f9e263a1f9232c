/* SPDX-License-Identifier: MIT */
/* Packs a trace into frames, and reads them. */
#include "frame.h"

#include "packed.h"

static const uint8_t magic[4] = {'V', 'M', 'X', 'F'};

static const unsigned length_at = 4, number_at = 6;

static void put_u16(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)value;
    at[1] = (uint8_t)(value >> 8);
}

static uint16_t get_u16(const uint8_t *at)
{
    return (uint16_t)(at[0] | at[1] << 8);
}

/* Of the number and the payload behind it. */
static uint32_t checksum(const uint8_t *frame, uint32_t payload_size)
{
    return bench_crc32(0, frame + number_at, FRAME_HEAD_BYTES - number_at + payload_size);
}

static void put_u32(uint8_t *at, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> 8 * i);
}

static uint32_t get_u32(const uint8_t *at)
{
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

uint32_t frame_add(struct frame *frame, const void *bytes, uint32_t size)
{
    const uint32_t room = FRAME_PAYLOAD_MAX - frame->size, taken = size < room ? size : room;
    uint8_t *to = frame->bytes + FRAME_HEAD_BYTES + frame->size;
    for (uint32_t i = 0; i < taken; i++)
        to[i] = ((const uint8_t *)bytes)[i];
    frame->size += taken;
    return taken;
}

uint32_t frame_end(struct frame *frame)
{
    const uint32_t size = frame->size;
    uint8_t *payload = frame->bytes + FRAME_HEAD_BYTES;
    if (size == 0)
        return 0;
    for (unsigned i = 0; i < sizeof magic; i++)
        frame->bytes[i] = magic[i];
    put_u16(frame->bytes + length_at, (uint16_t)size);
    put_u16(frame->bytes + number_at, frame->number++);
    put_u32(payload + size, checksum(frame->bytes, size));
    frame->size = 0;
    return FRAME_HEAD_BYTES + size + FRAME_TAIL_BYTES;
}

enum frame_kind frame_read(const uint8_t *at, uint64_t size, uint32_t *bytes, uint16_t *number)
{
    for (unsigned i = 0; i < sizeof magic; i++)
        if (i >= size || at[i] != magic[i])
            return FRAME_NONE;
    if (size < FRAME_HEAD_BYTES + FRAME_TAIL_BYTES)
        return FRAME_CUT;
    const uint32_t length = get_u16(at + length_at);
    if (length > FRAME_PAYLOAD_MAX || length > size - FRAME_HEAD_BYTES - FRAME_TAIL_BYTES)
        return FRAME_CUT;
    *bytes = FRAME_HEAD_BYTES + length + FRAME_TAIL_BYTES;
    *number = get_u16(at + number_at);
    return checksum(at, length) == get_u32(at + FRAME_HEAD_BYTES + length) ? FRAME_WHOLE : FRAME_DAMAGED;
}
