/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bytes that grow. */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

bool bytes_add(struct bytes *to, const void *data, size_t size)
{
    if (to->size + size > to->capacity) {
        const size_t capacity = (to->size + size) * 2;
        uint8_t *grown = realloc(to->data, capacity);
        if (grown == NULL)
            return false;
        to->data = grown;
        to->capacity = capacity;
    }
    if (size != 0)
        memcpy(to->data + to->size, data, size);
    to->size += size;
    return true;
}
