/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes packed scenarios. */
#ifndef SIM_PACK_H
#define SIM_PACK_H

#include <stddef.h>
#include <stdint.h>

#include "../handlers/bench/packed.h"

struct pack {
    uint8_t *bytes; /* the caller's after pack_end() */
    size_t size, capacity;
};

void pack_begin(struct pack *pack);
/* One record, its payload built between the two calls. */
void pack_record(struct pack *pack, enum packed_kind kind);
void pack_u16(struct pack *pack, uint16_t value);
void pack_u32(struct pack *pack, uint32_t value);
void pack_u64(struct pack *pack, uint64_t value);
void pack_bytes(struct pack *pack, const void *bytes, size_t size);
/* Closes the last record, appends PACKED_END, fills in the header. */
void pack_end(struct pack *pack);

/* Allocation that never fails: it ends the program through abort() when memory is out. */
void *pack_allocate(void *block, size_t size);

#endif
