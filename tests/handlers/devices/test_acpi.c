/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ACPI tables, found and read as an operating system does. */
#include "handlers/devices/acpi.h"

#include <string.h>

#include "handlers/devices/hpet.h"
#include "handlers/devices/ioapic.h"
#include "handlers/devices/power.h"
#include "tests/support/suite.h"

enum { BASE = 0xe0000 };
static uint8_t tables[ACPI_BYTES_MAX];
static uint32_t size;

static void build(unsigned cpus, bool hpet)
{
    memset(tables, 0xaa, sizeof tables);
    size = acpi_tables(tables, &(const struct acpi_config){.address = BASE, .cpus = cpus, .hpet = hpet});
}

static uint64_t number(const uint8_t *at, unsigned bytes)
{
    uint64_t value = 0;
    memcpy(&value, at, bytes);
    return value;
}

static bool adds_up(const uint8_t *from, uint32_t bytes)
{
    uint8_t sum = 0;
    for (uint32_t i = 0; i < bytes; i++)
        sum = (uint8_t)(sum + from[i]);
    return sum == 0;
}

static const uint8_t *at_address(uint64_t address)
{
    CU_ASSERT_TRUE_FATAL(address >= BASE && address < BASE + size);
    return tables + (address - BASE);
}

/* Through RSDT or XSDT; NULL: not there. */
static const uint8_t *find(const char *signature, bool extended)
{
    const uint8_t *root = at_address(extended ? number(tables + 24, 8) : number(tables + 16, 4));
    const unsigned entry = extended ? 8 : 4;
    CU_ASSERT_EQUAL(memcmp(root, extended ? "XSDT" : "RSDT", 4), 0);
    CU_ASSERT_TRUE(adds_up(root, (uint32_t)number(root + 4, 4)));
    for (uint32_t i = 36; i < number(root + 4, 4); i += entry) {
        const uint8_t *table = at_address(number(root + i, entry));
        if (memcmp(table, signature, 4) == 0) {
            CU_ASSERT_TRUE(adds_up(table, (uint32_t)number(table + 4, 4)));
            return table;
        }
    }
    return NULL;
}

static void the_root_pointer_is_found_and_adds_up(void)
{
    build(1, true);
    CU_ASSERT_EQUAL(memcmp(tables, "RSD PTR ", 8), 0);
    CU_ASSERT_EQUAL(tables[15], 2);
    CU_ASSERT_TRUE(adds_up(tables, 20));
    CU_ASSERT_TRUE(adds_up(tables, 36));
    CU_ASSERT_TRUE(size <= ACPI_BYTES_MAX);
}

static void both_roots_name_every_table(void)
{
    static const char *const names[] = {"FACP", "APIC", "HPET"};
    build(8, true);
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        CU_ASSERT_PTR_NOT_NULL(find(names[i], false));
        CU_ASSERT_PTR_EQUAL(find(names[i], false), find(names[i], true));
    }
    build(1, false);
    CU_ASSERT_PTR_NULL(find("HPET", true));
}

static void the_fadt_names_ports_reset_and_definition_block(void)
{
    build(1, true);
    const uint8_t *fadt = find("FACP", true);
    CU_ASSERT_PTR_NOT_NULL_FATAL(fadt);
    CU_ASSERT_EQUAL(number(fadt + 4, 4), 244);
    CU_ASSERT_EQUAL(number(fadt + 46, 2), ACPI_SCI_LINE);
    CU_ASSERT_EQUAL(number(fadt + 56, 4), POWER_BASE);
    CU_ASSERT_EQUAL(number(fadt + 64, 4), POWER_BASE + 4);
    CU_ASSERT_EQUAL(number(fadt + 76, 4), POWER_BASE + 8);
    CU_ASSERT_EQUAL(number(fadt + 88, 4), 0x04000204); /* lengths of PM1 event, PM1 control, PM2 control, PM timer */
    CU_ASSERT_EQUAL(fadt[108], 0x32);
    CU_ASSERT_EQUAL(number(fadt + 109, 2), 3);
    CU_ASSERT_TRUE((number(fadt + 112, 4) & 1u << 10) != 0);
    CU_ASSERT_EQUAL(number(fadt + 120, 8), 0xcf9);
    CU_ASSERT_EQUAL(fadt[128], 6);
    CU_ASSERT_EQUAL(number(fadt + 152, 8), POWER_BASE);
    CU_ASSERT_EQUAL(number(fadt + 176, 8), POWER_BASE + 4);
    CU_ASSERT_EQUAL(number(fadt + 212, 8), POWER_BASE + 8);
    const uint8_t *dsdt = at_address(number(fadt + 40, 4)), *facs = at_address(number(fadt + 36, 4));
    CU_ASSERT_EQUAL(memcmp(dsdt, "DSDT", 4), 0);
    CU_ASSERT_TRUE(adds_up(dsdt, (uint32_t)number(dsdt + 4, 4)));
    CU_ASSERT_EQUAL(number(fadt + 140, 8), number(fadt + 40, 4));
    CU_ASSERT_EQUAL(memcmp(facs, "FACS", 4), 0);
    CU_ASSERT_EQUAL((facs - tables) % 64, 0);
}

static void the_madt_names_every_cpu(void)
{
    for (unsigned cpus = 1; cpus <= LAPIC_CPUS; cpus++) {
        unsigned seen = 0, io_apics = 0, overrides = 0;
        build(cpus, true);
        const uint8_t *madt = find("APIC", true);
        CU_ASSERT_PTR_NOT_NULL_FATAL(madt);
        CU_ASSERT_EQUAL(number(madt + 36, 4), LAPIC_BASE);
        for (uint32_t at = 44; at < number(madt + 4, 4); at += madt[at + 1]) {
            CU_ASSERT_TRUE_FATAL(madt[at + 1] != 0);
            if (madt[at] == 0) {
                CU_ASSERT_EQUAL(madt[at + 3], seen);
                CU_ASSERT_EQUAL(number(madt + at + 4, 4), 1);
                seen++;
            } else if (madt[at] == 1) {
                CU_ASSERT_EQUAL(number(madt + at + 4, 4), IOAPIC_BASE);
                io_apics++;
            } else if (madt[at] == 2 && madt[at + 3] == 0) {
                CU_ASSERT_EQUAL(number(madt + at + 4, 4), 2);
                overrides++;
            }
        }
        CU_ASSERT_EQUAL(seen, cpus);
        CU_ASSERT_EQUAL(io_apics, 1);
        CU_ASSERT_EQUAL(overrides, 1);
    }
}

static void the_hpet_table_says_what_the_device_says(void)
{
    build(1, true);
    const uint8_t *hpet = find("HPET", false);
    CU_ASSERT_PTR_NOT_NULL_FATAL(hpet);
    CU_ASSERT_EQUAL(number(hpet + 4, 4), 56);
    CU_ASSERT_EQUAL(number(hpet + 36, 4), HPET_CAPABILITIES);
    CU_ASSERT_EQUAL(number(hpet + 44, 8), HPET_BASE);
}

SUITE("handlers/devices/acpi", {"the_root_pointer_is_found_and_adds_up", the_root_pointer_is_found_and_adds_up},
      {"both_roots_name_every_table", both_roots_name_every_table},
      {"the_fadt_names_ports_reset_and_definition_block", the_fadt_names_ports_reset_and_definition_block},
      {"the_madt_names_every_cpu", the_madt_names_every_cpu}, {"the_hpet_table_says_what_the_device_says", the_hpet_table_says_what_the_device_says})
