/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bytes and chances of random code. */
#ifndef TESTS_EMIT_H
#define TESTS_EMIT_H

#include <string.h>

#include "guest_code.h"

static inline unsigned below(struct guest_code *c, unsigned limit)
{
    return random_below(c->random, limit);
}

/* One time of `of`. */
static inline bool chance(struct guest_code *c, unsigned of)
{
    return below(c, of) == 0;
}

static inline void byte(struct guest_code *c, unsigned value)
{
    *c->at++ = (uint8_t)value;
}

/* The low `bytes` bytes, the lowest first. */
static inline void number(struct guest_code *c, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        byte(c, (unsigned)(value >> (8 * i)));
}

static inline void bytes(struct guest_code *c, const char *text, unsigned size)
{
    memcpy(c->at, text, size);
    c->at += size;
}

#endif
