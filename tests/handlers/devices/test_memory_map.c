/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The memory map that firmware tells. */
#include "handlers/devices/memory_map.h"

#include "handlers/devices/ioapic.h"
#include "tests/support/suite.h"

static void rows_are_sorted_and_do_not_overlap(void)
{
    static const uint64_t rams[] = {0x100000, 0x200000, 16 << 20, UINT64_C(0xc0000000)};
    for (unsigned i = 0; i < sizeof rams / sizeof rams[0]; i++) {
        struct memory_range map[MEMORY_RANGES];
        uint64_t usable = 0;
        const unsigned n = memory_map(map, rams[i], 0x20000);
        CU_ASSERT_TRUE_FATAL(n <= MEMORY_RANGES);
        for (unsigned k = 0; k < n; k++) {
            usable += map[k].type == MEMORY_RAM ? map[k].bytes : 0;
            CU_ASSERT_TRUE(k == 0 || map[k].first >= map[k - 1].first + map[k - 1].bytes);
        }
        CU_ASSERT_EQUAL(usable, rams[i] - 0x100000 + MEMORY_LOW_END);
        CU_ASSERT_EQUAL(map[n - 1].first + map[n - 1].bytes, UINT64_C(1) << 32);
    }
}

static void interrupt_controllers_are_reserved(void)
{
    struct memory_range map[MEMORY_RANGES];
    const unsigned n = memory_map(map, 16 << 20, 0);
    const struct memory_range *last = &map[n - 1];
    CU_ASSERT_EQUAL(last->type, MEMORY_RESERVED);
    CU_ASSERT_TRUE(last->first <= IOAPIC_BASE && last->first + last->bytes >= LAPIC_BASE + LAPIC_BYTES);
}

SUITE("handlers/devices/memory_map", {"rows_are_sorted_and_do_not_overlap", rows_are_sorted_and_do_not_overlap},
      {"interrupt_controllers_are_reserved", interrupt_controllers_are_reserved})
