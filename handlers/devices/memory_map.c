/* SPDX-License-Identifier: MIT */
/* The memory map of the board as firmware tells it. */
#include "memory_map.h"

#include "ioapic.h"

#define FOUR_GIB (UINT64_C(1) << 32)

unsigned memory_map(struct memory_range map[MEMORY_RANGES], uint64_t ram_bytes, uint64_t rom_bytes)
{
    enum { KEPT_END = 0xa0000, DEVICES_BYTES = 0x400000 /* I/O APIC, HPET, local APICs */ };
    unsigned n = 0;
    map[n++] = (struct memory_range){0, MEMORY_LOW_END, MEMORY_RAM};
    map[n++] = (struct memory_range){MEMORY_LOW_END, KEPT_END - MEMORY_LOW_END, MEMORY_RESERVED};
    map[n++] = (struct memory_range){MEMORY_TABLES, MEMORY_MIB - MEMORY_TABLES, MEMORY_RESERVED};
    if (ram_bytes > MEMORY_MIB)
        map[n++] = (struct memory_range){MEMORY_MIB, ram_bytes - MEMORY_MIB, MEMORY_RAM};
    map[n++] = (struct memory_range){IOAPIC_BASE, DEVICES_BYTES, MEMORY_RESERVED};
    if (rom_bytes != 0)
        map[n++] = (struct memory_range){FOUR_GIB - rom_bytes, rom_bytes, MEMORY_RESERVED};
    return n;
}
