/* SPDX-License-Identifier: MIT */
/* Page tables of the presets: identity, from 2-MByte pages (4-MByte pages with 32-bit paging). SDM 3A, "Paging". */
#include "internal.h"

enum {
    PTE_P = 1 << 0,
    PTE_W = 1 << 1,
    PTE_U = 1 << 2,
    PTE_A = 1 << 5,
    PTE_D = 1 << 6,
    PTE_PS = 1 << 7,
    TABLE_FLAGS = PTE_P | PTE_W | PTE_U | PTE_A,
    PAGE_FLAGS = TABLE_FLAGS | PTE_D,
    ENTRIES = 512,
    PML4 = BENCH_PAGE_TABLES,
    PDPT = BENCH_PAGE_TABLES + 0x1000,
    FIRST_PD = BENCH_PAGE_TABLES + 0x2000,
    DEVICE_PD = BENCH_PAGE_TABLES + 0x3000, /* 3 to 4 GiB, where devices stand */
    MORE_TABLES_MAX = 16
};
#define ADDRESS_BITS UINT64_C(0x000ffffffffff000)
#define GIGABYTE (UINT64_C(1) << 30)
#define TWO_MEGABYTES (UINT64_C(1) << 21)
#define FOUR_MEGABYTES (UINT64_C(1) << 22)

/* What is added to a guest-physical address in a paging-structure entry: without EPT these hold host-physical addresses. */
static uint64_t bias(const struct bench_setup *setup)
{
    return bench_ept_on(&setup->plan) ? 0 : bk_guest_base(setup->machine);
}

/* Without EPT only guest RAM is the guest's. */
static bool may_map(const struct bench_setup *setup, uint64_t address)
{
    return bench_ept_on(&setup->plan) || address < setup->plan.guest_bytes;
}

static bool fill_directory(struct bench_setup *setup, gpa_t table, uint64_t first)
{
    uint64_t entry[ENTRIES];
    for (uint64_t i = 0; i < ENTRIES; i++) {
        const uint64_t address = first + i * TWO_MEGABYTES;
        entry[i] = may_map(setup, address) ? (address + bias(setup)) | PAGE_FLAGS | PTE_PS : 0;
    }
    return bench_put_bytes(setup, table, entry, sizeof entry);
}

static gpa_t another_table(struct bench_setup *setup)
{
    if (setup->more_tables >= MORE_TABLES_MAX) {
        bench_say(setup->result, "the pages of the scenario need too many page tables");
        return 0;
    }
    return BENCH_MORE_PAGE_TABLES + (gpa_t)BENCH_PAGE * setup->more_tables++;
}

static bool write_long_mode_tables(struct bench_setup *setup)
{
    if (!bench_put(setup, PML4, (PDPT + bias(setup)) | TABLE_FLAGS, 8))
        return false;
    for (uint64_t gigabyte = 0; gigabyte < 4; gigabyte++) {
        if (gigabyte != 0 && gigabyte != 3 && gigabyte * GIGABYTE >= setup->plan.guest_bytes)
            continue;
        const gpa_t table = gigabyte == 0 ? FIRST_PD : gigabyte == 3 ? DEVICE_PD : another_table(setup);
        if (table == 0 || !bench_put(setup, PDPT + gigabyte * 8, (table + bias(setup)) | TABLE_FLAGS, 8) ||
            !fill_directory(setup, table, gigabyte * GIGABYTE))
            return false;
    }
    return true;
}

static bool write_32bit_directory(struct bench_setup *setup)
{
    uint32_t entry[2 * ENTRIES];
    for (uint64_t i = 0; i < 2 * ENTRIES; i++) {
        const uint64_t address = i * FOUR_MEGABYTES;
        entry[i] = may_map(setup, address) ? (uint32_t)(address + bias(setup)) | PAGE_FLAGS | PTE_PS : 0;
    }
    return bench_put_bytes(setup, BENCH_PAGE_TABLES, entry, sizeof entry);
}

/* The table that the entry at `entry` refers to: made when there is none, and in place of a 2-MByte page with the same translation. */
static gpa_t table_below(struct bench_setup *setup, gpa_t entry)
{
    uint64_t value;
    if (!hv_guest_read(setup->vm, entry, &value, sizeof value))
        return 0;
    if ((value & PTE_P) != 0 && (value & PTE_PS) == 0)
        return (value & ADDRESS_BITS) - bias(setup);
    const gpa_t table = another_table(setup);
    if (table == 0)
        return 0;
    for (uint64_t i = 0; (value & PTE_P) != 0 && i < ENTRIES; i++)
        if (!bench_put(setup, table + i * 8, (value & ~(uint64_t)PTE_PS) + i * BENCH_PAGE, 8))
            return 0;
    return bench_put(setup, entry, (table + bias(setup)) | TABLE_FLAGS, 8) ? table : 0;
}

static bool map_page(struct bench_setup *setup, uint64_t linear, gpa_t guest, uint64_t flags)
{
    gpa_t table = PML4;
    for (unsigned shift = 39; shift > 12; shift -= 9) {
        table = table_below(setup, table + (linear >> shift & (ENTRIES - 1)) * 8);
        if (table == 0)
            return false;
    }
    return bench_put(setup, table + (linear >> 12 & (ENTRIES - 1)) * 8, (guest + bias(setup)) | flags, 8);
}

static bool write_pages(struct bench_setup *setup)
{
    struct packed_reader reader = bench_records_of(&setup->plan, PACKED_PAGE);
    struct packed_record record;
    while (bench_next_of(&reader, PACKED_PAGE, &record)) {
        const uint64_t linear = packed_u64(&record, 0), guest = packed_u64(&record, 8), bytes = packed_u64(&record, 16);
        if (setup->plan.mode != PACKED_MODE_LONG || (linear | guest | bytes) % BENCH_PAGE != 0)
            return bench_fail(setup->result, "pages: of 4 KBytes, and in mode long only");
        for (uint64_t at = 0; at < bytes; at += BENCH_PAGE)
            if (!map_page(setup, linear + at, guest + at, packed_u64(&record, 24)))
                return false;
    }
    return true;
}

bool bench_write_page_tables(struct bench_setup *setup)
{
    if (setup->plan.mode == PACKED_MODE_LONG && !write_long_mode_tables(setup))
        return false;
    if (setup->plan.mode == PACKED_MODE_PROTECTED && !bench_unrestricted(&setup->plan) && !write_32bit_directory(setup))
        return false;
    return write_pages(setup);
}
