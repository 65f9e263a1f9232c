/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Boot modules out of the hands of a multiboot loader. */
#include "../../../handlers/bench/multiboot.h"

#include <stdlib.h>
#include <string.h>

#include "../../../handlers/bench/bench.h"
#include "../../support/suite.h"

enum { INFORMATION = 0x90000, LIST = 0x91000, MEGABYTE = 1 << 20, RAM = 18 * MEGABYTE, PAGE = 4096 };

static uint8_t *memory;
static struct multiboot_information *info;
static struct multiboot_module *list;
static struct bench_modules modules;

/* A machine with these modules, which hold their numbers, at these addresses. */
static void load(const struct multiboot_module *wanted, unsigned count)
{
    free(memory);
    memory = calloc(1, RAM);
    CU_ASSERT_PTR_NOT_NULL_FATAL(memory);
    info = (void *)(memory + INFORMATION);
    list = (void *)(memory + LIST);
    *info = (struct multiboot_information){
        .flags = MULTIBOOT_MEMORY | MULTIBOOT_MODULES, .upper_kbytes = (RAM - MEGABYTE) >> 10, .module_count = count, .modules = LIST};
    for (unsigned i = 0; i < count; i++) {
        list[i] = wanted[i];
        memset(memory + wanted[i].start, (int)i + 1, wanted[i].end - wanted[i].start);
    }
}

static const char *take(void)
{
    return bench_take_modules(&modules, (uintptr_t)memory, MULTIBOOT_LOADER_MAGIC, INFORMATION);
}

static bool holds(unsigned module, uint64_t size, uint8_t number)
{
    bool same = modules.module[module].size == size && modules.module[module].address % PAGE == 0;
    for (uint64_t i = 0; same && i < size; i++)
        same = memory[modules.module[module].address + i] == number;
    return same;
}

static void modules_move_to_the_end_of_ram(void)
{
    load((const struct multiboot_module[]){{.start = 0x400000, .end = 0x400000 + 100}}, 1);
    CU_ASSERT_PTR_NULL(take());
    CU_ASSERT_EQUAL(modules.count, 1);
    CU_ASSERT(holds(0, 100, 1));
    CU_ASSERT_EQUAL(modules.module[0].address, RAM - PAGE);
    CU_ASSERT_EQUAL(modules.ram_end, RAM - PAGE);
}

/* Whatever the loader's order is; the list itself may lie where a module goes. */
static void they_stand_in_the_order_of_their_addresses(void)
{
    load((const struct multiboot_module[]){{.start = 0x500000, .end = 0x502001},
                                           {.start = 0x400000, .end = 0x400005},
                                           {.start = 0x600000, .end = 0x601000}},
         3);
    CU_ASSERT_PTR_NULL(take());
    CU_ASSERT_EQUAL(modules.count, 3);
    CU_ASSERT(holds(0, 5, 2));
    CU_ASSERT(holds(1, 0x2001, 1));
    CU_ASSERT(holds(2, 0x1000, 3));
    CU_ASSERT_EQUAL(modules.module[2].address, RAM - PAGE);
    CU_ASSERT_EQUAL(modules.module[1].address, RAM - 4 * PAGE);
    CU_ASSERT_EQUAL(modules.ram_end, RAM - 5 * PAGE);
}

/* Modules that touch, and places that overlap the old ones: each is whole where it comes to stand. */
static void a_move_over_itself_keeps_every_byte(void)
{
    const uint32_t first = RAM - 10 * PAGE;
    load((const struct multiboot_module[]){{.start = first, .end = first + 5 * PAGE}, {.start = first + 5 * PAGE, .end = first + 9 * PAGE + 1}}, 2);
    for (unsigned i = 0; i < 5 * PAGE; i++)
        memory[first + i] = (uint8_t)(i / 7);
    CU_ASSERT_PTR_NULL(take());
    CU_ASSERT(holds(1, 4 * PAGE + 1, 2));
    CU_ASSERT_EQUAL(modules.module[0].address, first);
    load((const struct multiboot_module[]){{.start = first + PAGE, .end = first + 9 * PAGE}}, 1);
    for (unsigned i = 0; i < 8 * PAGE; i++)
        memory[first + PAGE + i] = (uint8_t)(i / 7);
    CU_ASSERT_PTR_NULL(take());
    CU_ASSERT_EQUAL_FATAL(modules.module[0].address, first + 2 * PAGE);
    bool same = true;
    for (unsigned i = 0; i < 8 * PAGE; i++)
        same &= memory[first + 2 * PAGE + i] == (uint8_t)(i / 7);
    CU_ASSERT(same);
}

static void an_empty_module_has_a_place(void)
{
    load((const struct multiboot_module[]){{.start = 0x400000, .end = 0x400000}}, 1);
    CU_ASSERT_PTR_NULL(take());
    CU_ASSERT(holds(0, 0, 0));
}

static void what_is_wrong_is_said(void)
{
    const struct multiboot_module one = {.start = 0x400000, .end = 0x400100};
    load(&one, 1);
    CU_ASSERT_STRING_EQUAL(bench_take_modules(&modules, (uintptr_t)memory, 0, INFORMATION),
                           "not started by a multiboot loader that tells the size of memory");
    info->flags = MULTIBOOT_MODULES;
    CU_ASSERT_STRING_EQUAL(take(), "not started by a multiboot loader that tells the size of memory");
    load(&one, 1);
    info->upper_kbytes = (BENCH_GUEST_BASE + BENCH_MIN_RAM - MEGABYTE) / 1024 - 1;
    CU_ASSERT_STRING_EQUAL(take(), "too little memory: guest RAM begins at 16 MBytes");
    load(&one, 1);
    info->flags = MULTIBOOT_MEMORY;
    CU_ASSERT_STRING_EQUAL(take(), "no boot module: give packed scenarios as modules");
    load(&one, 0);
    CU_ASSERT_STRING_EQUAL(take(), "no boot module: give packed scenarios as modules");
    load(&one, 1);
    info->module_count = MULTIBOOT_MODULES_MAX + 1;
    CU_ASSERT_STRING_EQUAL(take(), "more than 64 boot modules: a module may hold many scenarios, one after the other");
}

static void modules_that_do_not_fit_are_refused(void)
{
    static const char too_little[] = "too little memory: scenarios and guest RAM need more than 16 MBytes";
    load((const struct multiboot_module[]){{.start = 0x400000, .end = 0x400000 + 2 * MEGABYTE + 1}}, 1); /* into where guest RAM begins */
    CU_ASSERT_STRING_EQUAL(take(), too_little);
    load((const struct multiboot_module[]){{.start = 0x400000, .end = 0x400000 + 2 * MEGABYTE}}, 1);
    CU_ASSERT_PTR_NULL(take());
    load(&(const struct multiboot_module){.start = 0x400000, .end = 0x400100}, 1);
    list[0].end = 0; /* a size that wraps around */
    CU_ASSERT_STRING_EQUAL(take(), too_little);
    list[0] = (struct multiboot_module){.start = RAM - 0x800, .end = RAM + 0x800}; /* beyond the end of RAM */
    CU_ASSERT_STRING_EQUAL(take(), too_little);
    free(memory);
    memory = NULL;
}

SUITE("handlers/bench/multiboot", {"modules_move_to_the_end_of_ram", modules_move_to_the_end_of_ram},
      {"they_stand_in_the_order_of_their_addresses", they_stand_in_the_order_of_their_addresses},
      {"a_move_over_itself_keeps_every_byte", a_move_over_itself_keeps_every_byte}, {"an_empty_module_has_a_place", an_empty_module_has_a_place},
      {"what_is_wrong_is_said", what_is_wrong_is_said}, {"modules_that_do_not_fit_are_refused", modules_that_do_not_fit_are_refused})
