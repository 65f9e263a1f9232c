/* SPDX-License-Identifier: MIT */
/* ACPI tables of the board, built field by field: all numbers are little-endian, a table's bytes add up to 0.
   ACPI Specification 5.0, "ACPI Software Programming Model"; IA-PC HPET Specification, "HPET Description Table". */
#include "acpi.h"

#include "acpi_internal.h"
#include "hpet.h"
#include "ioapic.h"
#include "power.h"

enum { SIGNATURE_BYTES = 4, HEADER_BYTES = 36, LENGTH_AT = 4, CHECKSUM_AT = 9, ALIGNMENT = 64 };

/* ---- bytes ---- */
static void align(struct acpi_writer *w)
{
    w->at = (w->at + ALIGNMENT - 1) & ~(uint32_t)(ALIGNMENT - 1);
}

static uint8_t negative_sum(const uint8_t *bytes, uint32_t size)
{
    uint8_t sum = 0;
    for (uint32_t i = 0; i < size; i++)
        sum = (uint8_t)(sum + bytes[i]);
    return (uint8_t)(0u - sum);
}

/* ---- tables ---- */
static void open_table(struct acpi_writer *w, const char *signature, uint8_t revision)
{
    align(w);
    w->table = w->at;
    acpi_put_text(w, signature, SIGNATURE_BYTES);
    acpi_put(w, 0, 4); /* length */
    acpi_put(w, revision, 1);
    acpi_put(w, 0, 1); /* checksum */
    acpi_put_text(w, "VMXB  VMXBENCH", 14);
    acpi_put(w, 1, 4);
    acpi_put_text(w, "VMXB", 4);
    acpi_put(w, 1, 4);
}

/* Its address. */
static uint32_t close_table(struct acpi_writer *w)
{
    uint8_t *table = w->bytes + w->table;
    const uint32_t length = w->at - w->table;
    for (unsigned i = 0; i < 4; i++)
        table[LENGTH_AT + i] = (uint8_t)(length >> 8 * i);
    table[CHECKSUM_AT] = negative_sum(table, length);
    return w->address + w->table;
}

static uint32_t dsdt(struct acpi_writer *w)
{
    open_table(w, "DSDT", 2);
    acpi_definition_block(w);
    return close_table(w);
}

static uint32_t facs(struct acpi_writer *w)
{
    enum { BYTES = 64, VERSION = 2 };
    align(w);
    const uint32_t first = w->at;
    acpi_put_text(w, "FACS", SIGNATURE_BYTES);
    acpi_put(w, BYTES, 4);
    w->at = first + 32;
    acpi_put(w, VERSION, 1);
    w->at = first + BYTES;
    return w->address + first;
}

static void port_block(struct acpi_writer *w, unsigned port, unsigned bytes)
{
    enum { SYSTEM_IO = 1 };
    acpi_put(w, SYSTEM_IO, 1);
    acpi_put(w, bytes * 8, 1);
    acpi_put(w, 0, 1);
    acpi_put(w, 0, 1); /* access size: undefined */
    acpi_put(w, port, 8);
}

enum { PM1_EVENT_BYTES = 4, PM1_CONTROL_BYTES = 2, PM_TIMER_BYTES = 4, RESET_PORT = 0xcf9, RESET_VALUE = 6, CENTURY_REGISTER = 0x32 };

static void fadt_ports(struct acpi_writer *w)
{
    acpi_put(w, POWER_BASE + POWER_PM1_EVENT, 4);
    acpi_put(w, 0, 4);
    acpi_put(w, POWER_BASE + POWER_PM1_CONTROL, 4);
    acpi_put(w, 0, 4);
    acpi_put(w, 0, 4); /* PM2 control */
    acpi_put(w, POWER_BASE + POWER_PM_TIMER, 4);
    acpi_put(w, 0, 8); /* general-purpose events */
    acpi_put(w, PM1_EVENT_BYTES, 1);
    acpi_put(w, PM1_CONTROL_BYTES, 1);
    acpi_put(w, 0, 1);
    acpi_put(w, PM_TIMER_BYTES, 1);
    acpi_put(w, 0, 4);
}

static void fadt_extended_ports(struct acpi_writer *w)
{
    port_block(w, POWER_BASE + POWER_PM1_EVENT, PM1_EVENT_BYTES);
    acpi_skip(w, 12);
    port_block(w, POWER_BASE + POWER_PM1_CONTROL, PM1_CONTROL_BYTES);
    acpi_skip(w, 24); /* PM1b control, PM2 control */
    port_block(w, POWER_BASE + POWER_PM_TIMER, PM_TIMER_BYTES);
    acpi_skip(w, 24);
}

/* ACPI mode is always on: there is no SMI command port. No sleep or power button in fixed hardware. */
static uint32_t fadt(struct acpi_writer *w, uint32_t facs_address, uint32_t dsdt_address)
{
    enum { REVISION = 4, LATENCY_NONE = 0xffff, LEGACY_DEVICES = 1u << 0, HAS_8042 = 1u << 1 };
    enum { WBINVD = 1u << 0, PROC_C1 = 1u << 2, PWR_BUTTON = 1u << 4, SLP_BUTTON = 1u << 5, RESET_REG_SUP = 1u << 10 };
    open_table(w, "FACP", REVISION);
    acpi_put(w, facs_address, 4);
    acpi_put(w, dsdt_address, 4);
    acpi_put(w, 0, 2); /* reserved, preferred profile */
    acpi_put(w, ACPI_SCI_LINE, 2);
    acpi_put(w, 0, 8); /* SMI command, ACPI enable and disable, S4BIOS, P-state control */
    fadt_ports(w);
    acpi_put(w, LATENCY_NONE, 2);
    acpi_put(w, LATENCY_NONE, 2);
    acpi_put(w, 0, 6); /* flush size and stride, duty cycle */
    acpi_put(w, 0, 2); /* RTC alarm registers */
    acpi_put(w, CENTURY_REGISTER, 1);
    acpi_put(w, LEGACY_DEVICES | HAS_8042, 2);
    acpi_put(w, 0, 1);
    acpi_put(w, WBINVD | PROC_C1 | PWR_BUTTON | SLP_BUTTON | RESET_REG_SUP, 4);
    port_block(w, RESET_PORT, 1);
    acpi_put(w, RESET_VALUE, 1);
    acpi_put(w, 0, 3);
    acpi_put(w, facs_address, 8);
    acpi_put(w, dsdt_address, 8);
    fadt_extended_ports(w);
    return close_table(w);
}

static uint32_t madt(struct acpi_writer *w, unsigned cpus)
{
    enum { LOCAL_APIC, IO_APIC, OVERRIDE, LOCAL_NMI = 4, PCAT_COMPAT = 1, ENABLED = 1, ALL_CPUS = 0xff, LINT1 = 1, ACTIVE_HIGH_LEVEL = 0x0d };
    open_table(w, "APIC", 3);
    acpi_put(w, LAPIC_BASE, 4);
    acpi_put(w, PCAT_COMPAT, 4);
    for (unsigned cpu = 0; cpu < cpus; cpu++) {
        acpi_put(w, LOCAL_APIC | 8 << 8, 2);
        acpi_put(w, cpu, 1);
        acpi_put(w, cpu, 1);
        acpi_put(w, ENABLED, 4);
    }
    acpi_put(w, IO_APIC | 12 << 8, 2);
    acpi_put(w, 0, 2); /* identity, reserved */
    acpi_put(w, IOAPIC_BASE, 4);
    acpi_put(w, 0, 4); /* first global interrupt */
    acpi_put(w, OVERRIDE | 10 << 8, 2);
    acpi_put(w, 0, 2); /* ISA, interrupt 0 */
    acpi_put(w, IOAPIC_TIMER_INPUT, 4);
    acpi_put(w, 0, 2);
    acpi_put(w, OVERRIDE | 10 << 8, 2);
    acpi_put(w, ACPI_SCI_LINE << 8, 2);
    acpi_put(w, ACPI_SCI_LINE, 4);
    acpi_put(w, ACTIVE_HIGH_LEVEL, 2);
    acpi_put(w, LOCAL_NMI | 6 << 8, 2);
    acpi_put(w, ALL_CPUS, 1);
    acpi_put(w, 0, 2);
    acpi_put(w, LINT1, 1);
    return close_table(w);
}

static uint32_t hpet(struct acpi_writer *w)
{
    enum { MINIMUM_TICKS = 100 };
    open_table(w, "HPET", 1);
    acpi_put(w, HPET_CAPABILITIES, 4);
    acpi_put(w, 0, 1); /* registers stand in memory */
    acpi_put(w, 64, 1);
    acpi_put(w, 0, 2);
    acpi_put(w, HPET_BASE, 8);
    acpi_put(w, 0, 1);
    acpi_put(w, MINIMUM_TICKS, 2);
    acpi_put(w, 0, 1);
    return close_table(w);
}

static uint32_t root_table(struct acpi_writer *w, const char *signature, const uint32_t *tables, unsigned count, unsigned entry_bytes)
{
    open_table(w, signature, 1);
    for (unsigned i = 0; i < count; i++)
        acpi_put(w, tables[i], entry_bytes);
    return close_table(w);
}

static void rsdp(struct acpi_writer *w, uint32_t rsdt, uint32_t xsdt)
{
    enum { BYTES = 36, BYTES_OF_ACPI_1 = 20, REVISION = 2, CHECKSUM = 8, EXTENDED_CHECKSUM = 32 };
    w->at = 0;
    acpi_put_text(w, "RSD PTR ", 8);
    acpi_put(w, 0, 1);
    acpi_put_text(w, "VMXB  ", 6);
    acpi_put(w, REVISION, 1);
    acpi_put(w, rsdt, 4);
    acpi_put(w, BYTES, 4);
    acpi_put(w, xsdt, 8);
    w->bytes[CHECKSUM] = negative_sum(w->bytes, BYTES_OF_ACPI_1);
    w->bytes[EXTENDED_CHECKSUM] = negative_sum(w->bytes, BYTES);
}

uint32_t acpi_tables(uint8_t buffer[ACPI_BYTES_MAX], const struct acpi_config *config)
{
    struct acpi_writer w = {.bytes = buffer, .address = (uint32_t)config->address, .at = HEADER_BYTES};
    uint32_t table[3];
    unsigned count = 0;
    for (unsigned i = 0; i < ACPI_BYTES_MAX; i++)
        buffer[i] = 0;
    const uint32_t facs_address = facs(&w);
    const uint32_t dsdt_address = dsdt(&w);
    table[count++] = fadt(&w, facs_address, dsdt_address);
    table[count++] = madt(&w, config->cpus < LAPIC_CPUS ? config->cpus : LAPIC_CPUS);
    if (config->hpet)
        table[count++] = hpet(&w);
    const uint32_t rsdt = root_table(&w, "RSDT", table, count, 4), xsdt = root_table(&w, "XSDT", table, count, 8);
    const uint32_t size = w.at;
    rsdp(&w, rsdt, xsdt);
    return size;
}
