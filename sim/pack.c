/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes packed scenarios. */
#include "pack.h"

#include <stdlib.h>
#include <string.h>

enum { AT_TOTAL = 8, AT_CRC = 12, AT_RECORD_SIZE = 4 };

void *pack_allocate(void *block, size_t size)
{
    void *grown = realloc(block, size != 0 ? size : 1);
    if (grown == NULL)
        abort();
    return grown;
}

void pack_bytes(struct pack *pack, const void *bytes, size_t size)
{
    if (size > pack->capacity - pack->size) {
        pack->capacity = (pack->size + size) * 2;
        pack->bytes = pack_allocate(pack->bytes, pack->capacity);
    }
    if (size != 0)
        memcpy(pack->bytes + pack->size, bytes, size);
    pack->size += size;
}

static void pack_number(struct pack *pack, uint64_t value, unsigned bytes)
{
    uint8_t out[8];
    for (unsigned i = 0; i < bytes; i++)
        out[i] = (uint8_t)(value >> (8 * i));
    pack_bytes(pack, out, bytes);
}

void pack_u16(struct pack *pack, uint16_t value)
{
    pack_number(pack, value, 2);
}

void pack_u32(struct pack *pack, uint32_t value)
{
    pack_number(pack, value, 4);
}

void pack_u64(struct pack *pack, uint64_t value)
{
    pack_number(pack, value, 8);
}

static void patch_u32(struct pack *pack, size_t at, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        pack->bytes[at + i] = (uint8_t)(value >> (8 * i));
}

static uint32_t read_u32(const struct pack *pack, size_t at)
{
    uint32_t value = 0;
    for (unsigned i = 0; i < 4; i++)
        value |= (uint32_t)pack->bytes[at + i] << (8 * i);
    return value;
}

void pack_begin(struct pack *pack)
{
    *pack = (struct pack){0};
    pack_bytes(pack, "VMXS", 4);
    pack_u32(pack, PACKED_VERSION);
    pack_u32(pack, 0); /* while records are written: where the open one begins */
    pack_u32(pack, 0);
}

/* Fills in the size of the record that is open, and pads it. */
static void close_record(struct pack *pack)
{
    const size_t open = read_u32(pack, AT_TOTAL);
    if (open == 0)
        return;
    patch_u32(pack, open + AT_RECORD_SIZE, (uint32_t)(pack->size - open - PACKED_RECORD_BYTES));
    while (pack->size % 4 != 0)
        pack_bytes(pack, "", 1);
}

void pack_record(struct pack *pack, enum packed_kind kind)
{
    close_record(pack);
    patch_u32(pack, AT_TOTAL, (uint32_t)pack->size);
    pack_u32(pack, kind);
    pack_u32(pack, 0);
}

void pack_end(struct pack *pack)
{
    pack_record(pack, PACKED_END);
    patch_u32(pack, AT_TOTAL, (uint32_t)pack->size);
    patch_u32(pack, AT_CRC, bench_crc32(0, pack->bytes + PACKED_HEADER_BYTES, pack->size - PACKED_HEADER_BYTES));
}
