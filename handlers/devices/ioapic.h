/* SPDX-License-Identifier: MIT */
/* The I/O APIC: 24 inputs, a redirection table. */
#ifndef DEVICES_IOAPIC_H
#define DEVICES_IOAPIC_H

#include "lapic.h"

#define IOAPIC_BASE UINT64_C(0xfec00000)
enum { IOAPIC_INPUTS = 24, IOAPIC_TIMER_INPUT = 2 /* where ISA interrupt 0 stands */ };

struct ioapic {
    uint32_t index, id;
    uint32_t lines; /* asserted inputs */
    uint64_t entry[IOAPIC_INPUTS];
};

void ioapic_init(struct ioapic *ioapic);
uint64_t ioapic_read(void *ioapic, struct bus *bus, uint64_t offset, unsigned size);
void ioapic_write(void *ioapic, struct bus *bus, uint64_t offset, unsigned size, uint64_t value);
/* Inputs are told asserted or not; what level that is on the wire, the polarity bit, makes no difference here. */
void ioapic_set_input(struct ioapic *ioapic, struct bus *bus, unsigned input, bool asserted);
/* A local APIC ended the service of a level-triggered vector. */
void ioapic_end_of_interrupt(struct ioapic *ioapic, struct bus *bus, uint8_t vector);
/* Would a rising edge on this input, now, make a difference to one of these CPUs (bit n: CPU n)? */
bool ioapic_would_interrupt(const struct ioapic *ioapic, const struct lapics *lapics, unsigned input, uint32_t cpus);

#endif
