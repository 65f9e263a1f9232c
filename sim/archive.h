/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A stream of numbers that is written and read by the same code: each structure has one function that names its fields, whichever way they go, so that
   the two ways cannot differ. Numbers are little-endian, each in its width. Trouble is remembered; what is read after it is 0. */
#ifndef SIM_ARCHIVE_H
#define SIM_ARCHIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct archive {
    bool reading;
    uint8_t *bytes;
    size_t size, capacity; /* written so far, room; reading: of the whole */
    size_t at;             /* reading */
    const char *wrong;     /* NULL: all is well; else what is not, in a few words */
};

/* Writing: the bytes are the caller's to free, also after trouble. */
static inline void archive_fail(struct archive *a, const char *wrong)
{
    if (a->wrong == NULL)
        a->wrong = wrong;
}

/* Room for so many more bytes; false: there is no memory. */
bool archive_grow(struct archive *a, size_t size);

static inline void archive_bytes(struct archive *a, void *bytes, size_t size)
{
    if (a->reading) {
        if (size > a->size - a->at || a->wrong != NULL) {
            archive_fail(a, "the data end too early");
            memset(bytes, 0, size);
            return;
        }
        memcpy(bytes, a->bytes + a->at, size);
        a->at += size;
    } else if (a->capacity - a->size >= size || archive_grow(a, size)) {
        memcpy(a->bytes + a->size, bytes, size);
        a->size += size;
    }
}

/* The build is for little-endian hosts alone: sim/CMakeLists.txt wants amd64. */
static inline void archive_u8(struct archive *a, uint8_t *value)
{
    archive_bytes(a, value, 1);
}
static inline void archive_u16(struct archive *a, uint16_t *value)
{
    archive_bytes(a, value, 2);
}
static inline void archive_u32(struct archive *a, uint32_t *value)
{
    archive_bytes(a, value, 4);
}
static inline void archive_u64(struct archive *a, uint64_t *value)
{
    archive_bytes(a, value, 8);
}
static inline void archive_i32(struct archive *a, int32_t *value)
{
    archive_bytes(a, value, 4);
}

/* A byte that is neither 0 nor 1 would be no bool. */
static inline void archive_bool(struct archive *a, bool *value)
{
    uint8_t byte = a->reading ? 0 : *value;
    archive_bytes(a, &byte, 1);
    if (byte > 1)
        archive_fail(a, "a truth value is neither 0 nor 1");
    *value = byte == 1;
}

/* Any field by its type; enumerations count as the integers that they are. */
#define ARCHIVE(a, field)                                                                                                                            \
    _Generic((field), bool                                                                                                                           \
             : archive_bool, uint8_t                                                                                                                 \
             : archive_u8, uint16_t                                                                                                                  \
             : archive_u16, uint32_t                                                                                                                 \
             : archive_u32, uint64_t                                                                                                                 \
             : archive_u64, int32_t                                                                                                                  \
             : archive_i32)((a), &(field))
/* All elements of an array. */
#define ARCHIVE_ARRAY(a, array)                                                                                                                      \
    do                                                                                                                                               \
        for (size_t archive_i = 0; archive_i < sizeof(array) / sizeof((array)[0]); archive_i++)                                                      \
            ARCHIVE(a, (array)[archive_i]);                                                                                                          \
    while (0)

/* A number below a limit, as an index or count must be. */
#define ARCHIVE_BELOW(a, field, limit)                                                                                                               \
    do {                                                                                                                                             \
        ARCHIVE(a, field);                                                                                                                           \
        if ((uint64_t)(field) >= (uint64_t)(limit)) {                                                                                                \
            archive_fail(a, #field " is out of range");                                                                                              \
            (field) = 0;                                                                                                                             \
        }                                                                                                                                            \
    } while (0)

/* A mark between parts: reading stops where the two ways are out of step. */
void archive_mark(struct archive *a, const char mark[4]);
/* A number that must be the same on both sides; `wrong` says what it means when it is not. */
void archive_same(struct archive *a, uint64_t value, const char *wrong);

#endif
