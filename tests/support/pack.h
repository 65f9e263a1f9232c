/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packs a scenario by hand, for tests that stand below the loader. */
#ifndef TESTS_PACK_H
#define TESTS_PACK_H

#include <stdint.h>
#include <string.h>

#include "handlers/bench/packed.h"

struct pack {
    uint8_t bytes[16384];
    uint32_t size;
};

static inline void pack_bytes(struct pack *p, const void *bytes, uint32_t size)
{
    if (size != 0)
        memcpy(p->bytes + p->size, bytes, size);
    p->size += size;
}

static inline void pack_record(struct pack *p, uint16_t kind, const void *payload, uint32_t size)
{
    const uint32_t head[2] = {kind, size};
    pack_bytes(p, head, sizeof head);
    pack_bytes(p, payload, size);
    while (p->size % 4 != 0)
        p->bytes[p->size++] = 0;
}

static inline void pack_begin(struct pack *p, const char *name, const char *profile, uint32_t mode, uint64_t guest_bytes)
{
    memset(p, 0, sizeof *p);
    p->size = PACKED_HEADER_BYTES;
    pack_record(p, PACKED_NAME, name, (uint32_t)strlen(name));
    pack_record(p, PACKED_PROFILE, profile, (uint32_t)strlen(profile));
    pack_record(p, PACKED_MODE, &mode, sizeof mode);
    pack_record(p, PACKED_GUEST_RAM, &guest_bytes, sizeof guest_bytes);
}

static inline void pack_code(struct pack *p, uint64_t address, const void *code, uint32_t size)
{
    uint8_t payload[1024];
    memcpy(payload, &address, sizeof address);
    memcpy(payload + sizeof address, code, size);
    pack_record(p, PACKED_MEMORY, payload, size + (uint32_t)sizeof address);
}

static inline void pack_expect(struct pack *p, uint32_t reason)
{
    const struct packed_step step = {.kind = STEP_EXPECT, .a = reason};
    pack_record(p, PACKED_STEP, &step, sizeof step);
}

static inline void pack_end(struct pack *p)
{
    const uint32_t end[2] = {PACKED_END, 0};
    pack_bytes(p, end, sizeof end);
    const uint16_t version[2] = {PACKED_VERSION, 0};
    memcpy(p->bytes, "VMXS", 4);
    memcpy(p->bytes + 4, version, sizeof version);
    memcpy(p->bytes + 8, &p->size, sizeof p->size);
    const uint32_t crc = bench_crc32(0, p->bytes + PACKED_HEADER_BYTES, p->size - PACKED_HEADER_BYTES);
    memcpy(p->bytes + 12, &crc, sizeof crc);
}

#endif
