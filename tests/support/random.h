/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A reproducible sequence of numbers for randomised tests (SplitMix64). */
#ifndef TESTS_RANDOM_H
#define TESTS_RANDOM_H

#include <stdint.h>

struct random {
    uint64_t state;
};

static inline uint64_t random_next(struct random *r)
{
    uint64_t z = r->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* Below `limit`, which is small. */
static inline unsigned random_below(struct random *r, unsigned limit)
{
    return (unsigned)(random_next(r) >> 32) % limit;
}

/* What tells results apart: about 0, a single bit, a count or index of small parts, 32 bits, or anything. */
static inline uint64_t random_edge(struct random *r)
{
    const uint64_t any = random_next(r);
    switch (random_below(r, 6)) {
    case 0:
        return random_below(r, 2) != 0 ? 0 - (any & 3) : any & 3;
    case 1:
        return UINT64_C(1) << (any & 63);
    case 2:
        return any & 0x1f1f;
    case 3:
        return any & UINT32_MAX;
    default:
        return any;
    }
}

#endif
