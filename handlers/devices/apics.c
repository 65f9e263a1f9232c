/* SPDX-License-Identifier: MIT */
/* Local APICs and I/O APIC. Interprocessor interrupts go to the bus. Not modelled: the local timer and interrupts routed through the I/O APIC;
   a guest that sets them up is told so by a report. SDM 3A, "Advanced Programmable Interrupt Controller (APIC)". */
#include "apics.h"

enum {
    REG_ID = 0x020,
    REG_VERSION = 0x030,
    REG_TPR = 0x080,
    REG_DFR = 0x0e0,
    REG_SVR = 0x0f0,
    REG_ICR_LOW = 0x300,
    REG_ICR_HIGH = 0x310,
    REG_LVT_TIMER = 0x320,
    REG_LVT_LAST = 0x370,
    REG_TIMER_INITIAL = 0x380,
    REG_TIMER_DIVIDE = 0x3e0,
    LVT_MASKED = 1u << 16
};

static uint32_t *lapic_register(struct lapics *lapics, const struct bus *bus, uint64_t offset)
{
    return &lapics->reg[bus->cpu % LAPIC_CPUS][offset / 0x10 % LAPIC_REGISTERS];
}

void lapics_init(struct lapics *lapics)
{
    enum { VERSION = 0x00050014 };
    *lapics = (struct lapics){0};
    for (unsigned cpu = 0; cpu < LAPIC_CPUS; cpu++) {
        uint32_t *reg = lapics->reg[cpu];
        reg[REG_ID / 0x10] = cpu << 24;
        reg[REG_VERSION / 0x10] = VERSION;
        reg[REG_DFR / 0x10] = UINT32_MAX;
        reg[REG_SVR / 0x10] = 0xff;
        for (unsigned lvt = REG_LVT_TIMER; lvt <= REG_LVT_LAST; lvt += 0x10)
            reg[lvt / 0x10] = LVT_MASKED;
    }
}

uint64_t lapic_read(void *device, struct bus *bus, uint64_t offset, unsigned size)
{
    (void)size;
    return *lapic_register(device, bus, offset) >> 8 * (offset & 3u);
}

static bool is_writable(uint64_t offset)
{
    return offset == REG_ID || offset == REG_TPR || (offset >= 0x0d0 && offset <= REG_SVR) || offset == REG_ICR_LOW || offset == REG_ICR_HIGH ||
           (offset >= REG_LVT_TIMER && offset <= REG_TIMER_INITIAL) || offset == REG_TIMER_DIVIDE;
}

void lapic_write(void *device, struct bus *bus, uint64_t offset, unsigned size, uint64_t value)
{
    enum { DELIVERY_PENDING = 1u << 12 };
    struct lapics *lapics = device;
    offset &= 0xff0;
    (void)size;
    if (!is_writable(offset))
        return; /* EOI: no interrupt comes from here; the rest is read-only */
    *lapic_register(lapics, bus, offset) = (uint32_t)value & ~(offset == REG_ICR_LOW ? (uint32_t)DELIVERY_PENDING : 0u);
    if (offset == REG_ICR_LOW && bus->ipi != NULL)
        bus->ipi(bus->context, *lapic_register(lapics, bus, REG_ICR_HIGH), (uint32_t)value);
    if (offset == REG_TIMER_INITIAL && value != 0 && !lapics->timer_reported) {
        lapics->timer_reported = true;
        bus_report(bus, "the timer of the local APIC is not modelled");
    }
}

/* ---- I/O APIC ---- */
enum { IO_SELECT = 0x00, IO_WINDOW = 0x10, IO_ID = 0, IO_VERSION = 1, IO_ARBITRATION = 2, IO_TABLE = 0x10, ENTRY_MASKED = 1u << 16 };

void ioapic_init(struct ioapic *ioapic)
{
    *ioapic = (struct ioapic){0};
    for (unsigned i = 0; i < IOAPIC_INPUTS; i++)
        ioapic->entry[i] = ENTRY_MASKED;
}

static bool table_entry(const struct ioapic *ioapic, unsigned *input, unsigned *shift)
{
    *input = (ioapic->index - IO_TABLE) / 2;
    *shift = (ioapic->index & 1u) * 32;
    return ioapic->index >= IO_TABLE && *input < IOAPIC_INPUTS;
}

uint64_t ioapic_read(void *device, struct bus *bus, uint64_t offset, unsigned size)
{
    const struct ioapic *ioapic = device;
    unsigned input, shift;
    (void)bus;
    (void)size;
    if (offset == IO_SELECT)
        return ioapic->index;
    if (offset != IO_WINDOW)
        return 0;
    if (ioapic->index == IO_VERSION)
        return (IOAPIC_INPUTS - 1) << 16 | 0x11;
    if (ioapic->index == IO_ID || ioapic->index == IO_ARBITRATION)
        return ioapic->id;
    return table_entry(ioapic, &input, &shift) ? (uint32_t)(ioapic->entry[input] >> shift) : 0;
}

void ioapic_write(void *device, struct bus *bus, uint64_t offset, unsigned size, uint64_t value)
{
    enum { READ_ONLY = 1u << 12 | 1u << 14 };
    struct ioapic *ioapic = device;
    unsigned input, shift;
    (void)size;
    if (offset == IO_SELECT) {
        ioapic->index = (uint32_t)value & 0xffu;
    } else if (offset == IO_WINDOW && ioapic->index == IO_ID) {
        ioapic->id = (uint32_t)value & 0x0f000000u;
    } else if (offset == IO_WINDOW && table_entry(ioapic, &input, &shift)) {
        const uint64_t mask = (uint64_t)UINT32_MAX << shift;
        ioapic->entry[input] = (ioapic->entry[input] & ~mask) | (((uint64_t)(uint32_t)value << shift) & ~(uint64_t)READ_ONLY);
        if ((ioapic->entry[input] & ENTRY_MASKED) == 0 && !ioapic->routing_reported) {
            ioapic->routing_reported = true;
            bus_report(bus, "interrupts through the I/O APIC are not modelled");
        }
    }
}
