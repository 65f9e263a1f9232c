/* SPDX-License-Identifier: MIT */
/* The memory map of the board as firmware tells it: the rows of INT 15H, function E820H. */
#ifndef DEVICES_MEMORY_MAP_H
#define DEVICES_MEMORY_MAP_H

#include <stdint.h>

enum memory_type { MEMORY_RAM = 1, MEMORY_RESERVED = 2 };
enum { MEMORY_RANGES = 6, MEMORY_TABLES = 0xe0000 /* ACPI tables, up to 1 MByte */, MEMORY_LOW_END = 0x9fc00, MEMORY_MIB = 0x100000 };

struct memory_range {
    uint64_t first, bytes;
    enum memory_type type;
};

/* RAM of ram_bytes from address 0 on, at least 1 MByte, at most 3 GBytes; a ROM of rom_bytes, 0 for none, ends at 4 GBytes. How many rows it filled;
   they are sorted and do not overlap. Of the first MByte firmware keeps the end of low memory, and what stands above the display's memory. */
unsigned memory_map(struct memory_range map[MEMORY_RANGES], uint64_t ram_bytes, uint64_t rom_bytes);

#endif
