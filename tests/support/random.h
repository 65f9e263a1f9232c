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

#endif
