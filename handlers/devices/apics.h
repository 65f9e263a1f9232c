/* SPDX-License-Identifier: MIT */
/* Local APICs and I/O APIC as register files: what firmware sets up and reads back. */
#ifndef DEVICES_APICS_H
#define DEVICES_APICS_H

#include "bus.h"

#define LAPIC_BASE UINT64_C(0xfee00000)
#define IOAPIC_BASE UINT64_C(0xfec00000)
enum { LAPIC_CPUS = 8, LAPIC_REGISTERS = 64, IOAPIC_INPUTS = 24 };

struct lapics {
    uint32_t reg[LAPIC_CPUS][LAPIC_REGISTERS]; /* by offset / 10H */
    bool timer_reported;
};

struct ioapic {
    uint32_t index, id;
    uint64_t entry[IOAPIC_INPUTS];
    bool routing_reported;
};

void lapics_init(struct lapics *lapics);
uint64_t lapic_read(void *device, struct bus *bus, uint64_t offset, unsigned size);
void lapic_write(void *device, struct bus *bus, uint64_t offset, unsigned size, uint64_t value);
void ioapic_init(struct ioapic *ioapic);
uint64_t ioapic_read(void *device, struct bus *bus, uint64_t offset, unsigned size);
void ioapic_write(void *device, struct bus *bus, uint64_t offset, unsigned size, uint64_t value);

#endif
