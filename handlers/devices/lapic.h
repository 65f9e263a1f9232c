/* SPDX-License-Identifier: MIT */
/* Local APICs: xAPIC and x2APIC registers, priorities, timer, local interrupts, interprocessor interrupts.
   SDM 3A, "Advanced Programmable Interrupt Controller (APIC)". */
#ifndef DEVICES_LAPIC_H
#define DEVICES_LAPIC_H

#include "bus.h"

#define LAPIC_BASE UINT64_C(0xfee00000)
enum { LAPIC_CPUS = 8, LAPIC_BYTES = 4096, LAPIC_VECTOR_WORDS = 8 };
enum lapic_msr {
    LAPIC_MSR_BASE = 0x1b,
    LAPIC_MSR_TSC_DEADLINE = 0x6e0,
    LAPIC_MSR_X2APIC_FIRST = 0x800,
    LAPIC_MSR_X2APIC_TPR = 0x808,
    LAPIC_MSR_X2APIC_LAST = 0x8ff
};
enum lapic_pin { LAPIC_LINT0, LAPIC_LINT1, LAPIC_PINS };
enum lapic_lvt { LAPIC_LVT_TIMER, LAPIC_LVT_THERMAL, LAPIC_LVT_PERFORMANCE, LAPIC_LVT_LINT0, LAPIC_LVT_LINT1, LAPIC_LVT_ERROR, LAPIC_LVTS };

/* The virtual-APIC page of a processor, 4 bytes a word; the registers stand in its first quarter. */
enum { LAPIC_PAGE_WORDS = 0x100 };
enum lapic_page {
    LAPIC_PAGE_UNUSED,
    LAPIC_PAGE_SHOWN, /* it holds the task priority and the interrupt command register */
    LAPIC_PAGE_LENT   /* and what was requested and in service when it was written; irr holds what came since */
};

struct lapic {
    uint64_t base; /* IA32_APIC_BASE */
    uint32_t id;
    uint32_t irr[LAPIC_VECTOR_WORDS], isr[LAPIC_VECTOR_WORDS], tmr[LAPIC_VECTOR_WORDS];
    uint32_t tpr, ldr, dfr, svr;
    uint32_t esr, errors; /* what the error status register reads; errors since it was written last */
    uint32_t icr_low, icr_high;
    uint32_t lvt[LAPIC_LVTS];
    uint32_t initial, divide;
    uint64_t expires;      /* ticks at which the timer's count reaches 0; UINT64_MAX while it stands still */
    uint64_t tsc_deadline; /* IA32_TSC_DEADLINE */
    uint64_t tsc_offset;   /* the processor's time-stamp counter less the bus's ticks, modulo 2^64 */
    bool pin[LAPIC_PINS];
    uint8_t page; /* enum lapic_page */
};

struct lapics {
    unsigned cpus, address_bits;
    bool x2apic, tsc_deadline; /* what the processor's CPUID offers */
    uint32_t reported;         /* delivery modes that were reported already */
    uint64_t next;             /* ticks before which no timer has an interrupt to request */
    struct lapic cpu[LAPIC_CPUS];
};

struct lapics_config {
    unsigned cpus, address_bits;
    bool x2apic, tsc_deadline;
    /* CPU 0 is found as firmware leaves it: enabled, interrupts of the 8259 pair through LINT0, NMI at LINT1; false: as after reset. */
    bool virtual_wire;
};

void lapics_init(struct lapics *lapics, const struct lapics_config *config);
/* What INIT does to the local APIC of a CPU: identity, base and mode stay. */
void lapic_init_signal(struct lapics *lapics, unsigned cpu);

/* ---- registers ---- */
/* The page of CPU bus->cpu in xAPIC mode; false where it has none at this address. */
bool lapic_answers(const struct lapics *lapics, unsigned cpu, uint64_t address);
uint64_t lapic_read(void *lapics, struct bus *bus, uint64_t offset, unsigned size);
void lapic_write(void *lapics, struct bus *bus, uint64_t offset, unsigned size, uint64_t value);
/* IA32_APIC_BASE, IA32_TSC_DEADLINE and 800H to 8FFH of CPU bus->cpu. False: #GP(0), nothing is changed. */
bool lapic_has_msr(uint32_t index);
bool lapic_read_msr(struct lapics *lapics, struct bus *bus, uint32_t index, uint64_t *value);
bool lapic_write_msr(struct lapics *lapics, struct bus *bus, uint32_t index, uint64_t value);
/* Task priority, bits 7:4 of which are CR8. */
uint8_t lapic_tpr(const struct lapics *lapics, unsigned cpu);
void lapic_set_tpr(struct lapics *lapics, unsigned cpu, uint8_t value);
/* Bit 11 of IA32_APIC_BASE, which CPUID.1:EDX.APIC shows. */
bool lapic_enabled(const struct lapics *lapics, unsigned cpu);

/* ---- interrupts ---- */
/* Highest vector that is requested and above the processor priority; false: none. */
bool lapic_interrupt(const struct lapics *lapics, unsigned cpu, uint8_t *vector);
/* Highest vector that the task priority alone holds back; false: none. */
bool lapic_held_back(const struct lapics *lapics, unsigned cpu, uint8_t *vector);
/* The CPU takes it: requested becomes in service. The spurious vector when there is none. */
uint8_t lapic_acknowledge(struct lapics *lapics, unsigned cpu);
/* As a write to the EOI register. */
void lapics_end_of_interrupt(struct lapics *lapics, struct bus *bus, unsigned cpu);
/* The processor has ended the service of this vector in the virtual-APIC page. False: it was edge-triggered, so that nobody waits for that. */
bool lapic_service_ended(struct lapics *lapics, struct bus *bus, unsigned cpu, uint8_t vector);
/* LINT0 is asserted and passes the 8259's interrupt on (ExtINT), or the APIC is disabled and the pin is INTR. */
bool lapic_extint(const struct lapics *lapics, unsigned cpu);
/* Could LINT0 pass on, or turn into anything, a rise of its level? */
bool lapic_listens(const struct lapics *lapics, unsigned cpu);
void lapic_set_pin(struct lapics *lapics, struct bus *bus, unsigned cpu, enum lapic_pin pin, bool level);
/* An interrupt message for whom it may concern. True: somebody accepted it. */
bool lapics_message(struct lapics *lapics, struct bus *bus, const struct bus_message *message);
/* Would it change anything at one of these CPUs (bit n: CPU n) now? An interrupt that is requested already is not requested twice. */
bool lapics_message_counts(const struct lapics *lapics, const struct bus_message *message, uint32_t cpus);

/* ---- the virtual-APIC page ---- */
/* Writes the registers of CPU bus->cpu into its page, the task priority apart. `lend`: what is requested and in service is the processor's from now on. */
void lapic_show(struct lapics *lapics, const struct bus *bus, bool lend, uint32_t page[LAPIC_PAGE_WORDS]);
/* What the processor has changed in the page since then. */
void lapic_take_back(struct lapics *lapics, unsigned cpu, const uint32_t page[LAPIC_PAGE_WORDS]);
/* CPU bus->cpu has written the register at this offset of its page, which was taken back: what a write to the local APIC does. */
void lapic_page_written(struct lapics *lapics, struct bus *bus, unsigned offset, uint32_t value);

/* ---- time ---- */
/* Timers that expired up to bus->now request their interrupts. */
void lapics_advance(struct lapics *lapics, struct bus *bus);
/* Ticks at which a timer of one of these CPUs will request an interrupt that is not requested yet; UINT64_MAX: none will. */
uint64_t lapics_deadline(const struct lapics *lapics, uint32_t cpus);
/* The time-stamp counter that IA32_TSC_DEADLINE is compared with reads bus->now + offset from now on. */
void lapic_set_tsc_offset(struct lapics *lapics, struct bus *bus, unsigned cpu, uint64_t offset);

#endif
