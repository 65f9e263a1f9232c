/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whether a long run keeps memory: what is allocated and what is resident after it, against after its first steps. */
#ifndef TESTS_GROWTH_H
#define TESTS_GROWTH_H

#include <stdbool.h>

/* What the heap may grow by beyond the mark, and what may be resident more, since neither allocators nor AddressSanitizer give back all at once. */
enum { GROWTH_WARM_UP = 100, GROWTH_HEAP_KIB = 1024, GROWTH_RESIDENT_KIB = 65536 };

struct growth {
    long heap_kib, resident_kib; /* at the mark */
    bool marked;
};

void growth_mark(struct growth *growth);
/* True when memory has grown by more than that since the mark; says by how much. Without a mark nothing has. */
bool growth_found(const struct growth *growth);

#endif
