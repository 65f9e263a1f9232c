/* SPDX-License-Identifier: MIT */
/* What a multiboot loader hands over, and the boot modules made ready for the bench. Multiboot Specification 0.6.96, "Boot information format". */
#ifndef BENCH_MULTIBOOT_H
#define BENCH_MULTIBOOT_H

#include <stdint.h>

enum { MULTIBOOT_LOADER_MAGIC = 0x2badb002, MULTIBOOT_MODULES_MAX = 64 };
enum multiboot_flag {
    MULTIBOOT_MEMORY = 1 << 0,
    MULTIBOOT_COMMAND_LINE = 1 << 2,
    MULTIBOOT_MODULES = 1 << 3,
    MULTIBOOT_MEMORY_MAP = 1 << 6,
    MULTIBOOT_LOADER_NAME = 1 << 9
};

struct multiboot_information {
    uint32_t flags, lower_kbytes, upper_kbytes, boot_device, command_line, module_count, modules, symbols[4], map_bytes, map, drives_bytes, drives,
        configuration, loader_name, apm, video[8];
};
struct multiboot_module {
    uint32_t start, end, text, reserved;
};
/* `size` does not count itself. */
struct __attribute__((packed)) multiboot_map_entry {
    uint32_t size;
    uint64_t base, bytes;
    uint32_t type;
};

/* The boot modules, in the order of their addresses. */
struct bench_modules {
    struct {
        uint64_t address, size;
    } module[MULTIBOOT_MODULES_MAX];
    unsigned count;
    uint64_t ram_end; /* where RAM for guests ends: at the first of them */
};
/* Loaders put modules where pages and guest RAM are to be: lists them and moves them to the end of RAM. `magic` and `information` are what the loader left in
   EAX and EBX; physical address 0 stands at address `memory`; guest RAM begins at BENCH_GUEST_BASE. NULL, or why there is nothing to run. */
const char *bench_take_modules(struct bench_modules *modules, uintptr_t memory, uint32_t magic, uint32_t information);

#endif
