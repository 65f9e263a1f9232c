/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packed scenarios made by hand, for tests of machines that run them without a script. */
#ifndef TESTS_PACKED_H
#define TESTS_PACKED_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../handlers/bench/packed.h"
#include "../../sim/scenario.h"

struct packed {
    uint8_t bytes[8192];
    uint32_t size;
};

static inline void packed_put(struct packed *p, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        p->bytes[p->size++] = (uint8_t)(value >> 8 * i);
}

static inline void packed_add(struct packed *p, enum packed_kind kind, const void *payload, uint32_t size)
{
    packed_put(p, kind, 4);
    packed_put(p, size, 4);
    if (size != 0)
        memcpy(p->bytes + p->size, payload, size);
    p->size += size;
    packed_put(p, 0, (0 - size) & 3);
}

/* A record whose payload is two u32 and up to two u64. */
static inline void packed_numbers(struct packed *p, enum packed_kind kind, uint32_t a, uint32_t b, const uint64_t *number, unsigned count)
{
    packed_put(p, kind, 4);
    packed_put(p, 8 + 8 * count, 4);
    packed_put(p, a, 4);
    packed_put(p, b, 4);
    for (unsigned i = 0; i < count; i++)
        packed_put(p, number[i], 8);
}

/* A 64-bit scenario of that name with its code at 8000H, up to and without its steps. */
static inline void packed_begin(struct packed *p, const char *name, const char *profile, const void *code, uint32_t size)
{
    uint8_t memory[512];
    const uint64_t at = 0x8000, ram = 0x100000;
    const uint32_t mode = PACKED_MODE_LONG;
    *p = (struct packed){.size = PACKED_HEADER_BYTES};
    packed_add(p, PACKED_NAME, name, (uint32_t)strlen(name));
    packed_add(p, PACKED_PROFILE, profile, (uint32_t)strlen(profile));
    packed_add(p, PACKED_MODE, &mode, sizeof mode);
    packed_add(p, PACKED_GUEST_RAM, &ram, sizeof ram);
    memcpy(memory, &at, sizeof at);
    memcpy(memory + sizeof at, code, size);
    packed_add(p, PACKED_MEMORY, memory, (uint32_t)sizeof at + size);
}

static inline void packed_control(struct packed *p, uint32_t word, uint64_t set)
{
    packed_numbers(p, PACKED_CONTROL, word, 0, (const uint64_t[]){set, 0}, 2);
}

static inline void packed_step(struct packed *p, enum packed_step_kind kind, uint32_t a, uint64_t b)
{
    const struct packed_step step = {.kind = kind, .line = 1, .a = a, .b = b};
    packed_add(p, PACKED_STEP, &step, sizeof step);
}

/* Ends it and makes a scenario of it, whose `packed` the caller frees. */
static inline struct sim_scenario packed_end(struct packed *p, const char *profile)
{
    packed_add(p, PACKED_END, NULL, 0);
    const uint32_t crc = bench_crc32(0, p->bytes + PACKED_HEADER_BYTES, p->size - PACKED_HEADER_BYTES), size = p->size;
    p->size = 0;
    packed_put(p, 0x53584d56, 4); /* "VMXS" */
    packed_put(p, PACKED_VERSION, 4);
    packed_put(p, size, 4);
    packed_put(p, crc, 4);
    struct sim_scenario scenario = {.packed = malloc(size), .packed_size = size, .guest_bytes = 0x100000, .vcpus = 1, .code_bits = 64};
    if (scenario.packed == NULL)
        abort();
    if (vmx_profile(profile) != NULL)
        scenario.caps = *vmx_profile(profile);
    memcpy(scenario.packed, p->bytes, size);
    memcpy(scenario.profile, profile, strlen(profile) + 1);
    const struct vmx_caps *caps = vmx_profile(profile);
    if (caps != NULL)
        scenario.caps = *caps;
    return scenario;
}

#endif
