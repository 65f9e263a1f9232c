/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A random guest while it is made: its numbers and the records of its packed scenario. */
#include "guest_maker.h"

#include <stdlib.h>
#include <string.h>

#include "handlers/bench/packed.h"

bool maker_long_mode(const struct maker *m)
{
    return m->stream->mode >= STREAM_COMPATIBILITY;
}

unsigned maker_below(struct maker *m, unsigned limit)
{
    return random_below(&m->random, limit);
}

bool maker_chance(struct maker *m, unsigned of)
{
    return maker_below(m, of) == 0;
}

static void put(struct maker *m, const void *bytes, uint32_t size)
{
    struct stream *s = m->stream;
    if (size > STREAM_PACKED_BYTES - s->size)
        abort();
    if (size != 0)
        memcpy(s->packed + s->size, bytes, size);
    s->size += size;
}

static void head(struct maker *m, uint16_t kind, uint32_t size)
{
    const uint32_t words[2] = {kind, size};
    put(m, words, sizeof words);
}

static void pad(struct maker *m)
{
    static const uint8_t zeros[4];
    put(m, zeros, (4 - m->stream->size % 4) % 4);
}

void maker_record(struct maker *m, uint16_t kind, const void *payload, uint32_t size)
{
    head(m, kind, size);
    put(m, payload, size);
    pad(m);
}

void maker_memory(struct maker *m, uint64_t address, const void *bytes, uint32_t size)
{
    head(m, PACKED_MEMORY, size + 8);
    put(m, &address, sizeof address);
    put(m, bytes, size);
    pad(m);
}

void maker_field(struct maker *m, enum vmcs_field field, uint64_t value)
{
    const uint64_t payload[2] = {vmcs_fields[field].encoding, value};
    maker_record(m, PACKED_FIELD, payload, sizeof payload);
}

void maker_control(struct maker *m, enum vmx_control_word word, uint64_t bits)
{
    const uint64_t payload[3] = {(uint64_t)word, bits, 0};
    maker_record(m, PACKED_CONTROL, payload, sizeof payload);
}
