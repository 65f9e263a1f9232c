/* SPDX-License-Identifier: MIT */
/* Takes the boot modules from a multiboot loader. */
#include "multiboot.h"

#include <string.h>

#include "bench.h"

enum { PAGE = 4096, FIRST_MEGABYTE = 0x100000 };

/* Copies of the loader's words, which guest RAM may overwrite, ordered by address. */
static void list_modules(struct bench_modules *modules, const struct multiboot_module *list, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        unsigned at = i;
        for (; at > 0 && modules->module[at - 1].address > list[i].start; at--)
            modules->module[at] = modules->module[at - 1];
        modules->module[at].address = list[i].start;
        modules->module[at].size = list[i].end - list[i].start;
    }
    modules->count = count;
}

/* The last one first, so that none overwrites another. */
static bool move_modules(struct bench_modules *modules, uintptr_t memory)
{
    for (unsigned i = modules->count; i-- > 0;) {
        const uint64_t from = modules->module[i].address, size = modules->module[i].size;
        const uint64_t to = (modules->ram_end - size) & ~(uint64_t)(PAGE - 1);
        if (size > modules->ram_end || to < BENCH_GUEST_BASE || to < from)
            return false;
        memmove((void *)(memory + to), (const void *)(memory + from), size);
        modules->module[i].address = modules->ram_end = to;
    }
    return true;
}

const char *bench_take_modules(struct bench_modules *modules, uintptr_t memory, uint32_t magic, uint32_t information)
{
    const struct multiboot_information *info = (const void *)(memory + information);
    if (magic != MULTIBOOT_LOADER_MAGIC || (info->flags & MULTIBOOT_MEMORY) == 0)
        return "not started by a multiboot loader that tells the size of memory";
    modules->ram_end = FIRST_MEGABYTE + ((uint64_t)info->upper_kbytes << 10);
    if (modules->ram_end < BENCH_GUEST_BASE + BENCH_MIN_RAM)
        return "too little memory: guest RAM begins at 16 MBytes";
    if ((info->flags & MULTIBOOT_MODULES) == 0 || info->module_count == 0)
        return "no boot module: give packed scenarios as modules";
    if (info->module_count > MULTIBOOT_MODULES_MAX)
        return "more than 64 boot modules: a module may hold many scenarios, one after the other";
    list_modules(modules, (const void *)(memory + info->modules), info->module_count);
    return move_modules(modules, memory) ? NULL : "too little memory: scenarios and guest RAM need more than 16 MBytes";
}
