/* SPDX-License-Identifier: MIT */
/* Reads packed scenarios. */
#include "packed.h"

#include <stddef.h>

uint32_t bench_crc32(uint32_t crc, const void *data, uint64_t size)
{
    /* The remainders of a byte's high and low four bits. */
    static const uint32_t of_high[16] = {0,          0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
                                         0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
    static const uint32_t of_low[16] = {0,          0x77073096, 0xee0e612c, 0x990951ba, 0x076dc419, 0x706af48f, 0xe963a535, 0x9e6495a3,
                                        0x0edb8832, 0x79dcb8a4, 0xe0d5e91e, 0x97d2d988, 0x09b64c2b, 0x7eb17cbd, 0xe7b82d07, 0x90bf1d91};
    const uint8_t *byte = data;
    crc = ~crc;
    for (uint64_t i = 0; i < size; i++) {
        const uint32_t index = crc ^ byte[i];
        crc = crc >> 8 ^ of_low[index & 0xf] ^ of_high[index >> 4 & 0xf];
    }
    return ~crc;
}

/* Little-endian numbers, written so that compilers make one load of each. */
static uint32_t load_u16(const uint8_t *at)
{
    return at[0] | (uint32_t)at[1] << 8;
}

static uint32_t load_u32(const uint8_t *at)
{
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

uint32_t packed_size(const void *data, uint64_t size)
{
    const uint32_t total = size < PACKED_HEADER_BYTES ? 0 : load_u32((const uint8_t *)data + 8);
    return total < PACKED_HEADER_BYTES || total > size ? 0 : total;
}

const char *packed_open(struct packed_reader *reader, const void *data, uint64_t size)
{
    const uint8_t *head = data;
    *reader = (struct packed_reader){.data = data, .size = 0, .at = PACKED_HEADER_BYTES};
    if (size < PACKED_HEADER_BYTES)
        return "too short for a packed scenario";
    if (head[0] != 'V' || head[1] != 'M' || head[2] != 'X' || head[3] != 'S')
        return "not a packed scenario";
    if (load_u16(head + 4) != PACKED_VERSION)
        return "packed scenario of another version";
    const uint32_t total = packed_size(data, size);
    if (total == 0)
        return "packed scenario is cut off";
    if (load_u32(head + 12) != bench_crc32(0, head + PACKED_HEADER_BYTES, total - PACKED_HEADER_BYTES))
        return "packed scenario is damaged (CRC-32)";
    reader->size = total;
    return NULL;
}

bool packed_next(struct packed_reader *reader, struct packed_record *record)
{
    if (reader->at == UINT32_MAX)
        return false;
    const uint32_t left = reader->at <= reader->size ? reader->size - reader->at : 0;
    if (left < PACKED_RECORD_BYTES) {
        reader->at = UINT32_MAX;
        return false;
    }
    const uint8_t *head = reader->data + reader->at;
    record->kind = load_u16(head);
    record->size = load_u32(head + 4);
    record->payload = head + PACKED_RECORD_BYTES;
    if (record->kind == PACKED_END)
        return false;
    const uint64_t padded = ((uint64_t)record->size + 3) & ~UINT64_C(3);
    if (padded > left - PACKED_RECORD_BYTES) {
        reader->at = UINT32_MAX;
        return false;
    }
    reader->at += PACKED_RECORD_BYTES + (uint32_t)padded;
    return true;
}

uint32_t packed_u32(const struct packed_record *record, uint32_t offset)
{
    if (record->size < 4 || offset > record->size - 4)
        return 0;
    return load_u32(record->payload + offset);
}

uint64_t packed_u64(const struct packed_record *record, uint32_t offset)
{
    if (record->size < 8 || offset > record->size - 8)
        return 0;
    return load_u32(record->payload + offset) | (uint64_t)load_u32(record->payload + offset + 4) << 32;
}

bool packed_step_of(const struct packed_record *record, struct packed_step *step, const uint8_t **extra)
{
    if (record->kind != PACKED_STEP || record->size < sizeof *step)
        return false;
    const uint8_t *at = record->payload;
    *step = (struct packed_step){
        .kind = load_u32(at + offsetof(struct packed_step, kind)),
        .line = load_u32(at + offsetof(struct packed_step, line)),
        .vcpu = load_u32(at + offsetof(struct packed_step, vcpu)),
        .a = load_u32(at + offsetof(struct packed_step, a)),
        .b = packed_u64(record, offsetof(struct packed_step, b)),
        .c = packed_u64(record, offsetof(struct packed_step, c)),
        .extra = load_u32(at + offsetof(struct packed_step, extra)),
    };
    *extra = record->payload + sizeof *step;
    return step->extra <= record->size - sizeof *step;
}
