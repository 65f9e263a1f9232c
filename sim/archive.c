/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rarer parts of archives. */
#include "archive.h"

#include <stdlib.h>

bool archive_grow(struct archive *a, size_t size)
{
    const size_t capacity = (a->size + size) * 2;
    uint8_t *grown = realloc(a->bytes, capacity);
    if (grown == NULL) {
        archive_fail(a, "out of memory");
        return false;
    }
    a->bytes = grown;
    a->capacity = capacity;
    return true;
}

void archive_mark(struct archive *a, const char mark[4])
{
    char found[4];
    memcpy(found, mark, sizeof found);
    archive_bytes(a, found, sizeof found);
    if (memcmp(found, mark, sizeof found) != 0)
        archive_fail(a, "a part is missing or out of place");
}

void archive_same(struct archive *a, uint64_t value, const char *wrong)
{
    uint64_t found = value;
    archive_u64(a, &found);
    if (found != value)
        archive_fail(a, wrong);
}
