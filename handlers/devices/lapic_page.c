/* SPDX-License-Identifier: MIT */
/* The local APIC of a CPU in a virtual-APIC page: its registers are shown there, and a processor that delivers virtual interrupts takes over what is
   requested and in service, until they are taken back. SDM 3C, "APIC Virtualization and Virtual Interrupts". */
#include "lapic_internal.h"

enum { REGISTERS = 0x40, WORDS = LAPIC_PAGE_WORDS / REGISTERS }; /* of a register in the page */

/* The task priority stands in the page alone, VM entry computes the processor priority, and nothing is read from the EOI register. */
static bool is_shown(unsigned reg)
{
    return reg != LAPIC_TPR && reg != LAPIC_PPR && reg != LAPIC_EOI && lapic_is_readable(reg);
}

void lapic_show(struct lapics *lapics, const struct bus *bus, bool lend, uint32_t page[LAPIC_PAGE_WORDS])
{
    struct lapic *l = &lapics->cpu[bus->cpu];
    for (unsigned reg = 0; reg < REGISTERS; reg++)
        if (is_shown(reg))
            page[reg * WORDS] = lapic_register(lapics, bus, reg);
    page[LAPIC_ICR_LOW * WORDS + 1] = lapic_x2apic_mode(l) ? l->icr_high : 0;
    for (unsigned i = 0; i < LAPIC_VECTOR_WORDS && lend; i++)
        l->irr[i] = 0;
    l->page = lend ? LAPIC_PAGE_LENT : LAPIC_PAGE_SHOWN;
}

void lapic_take_back(struct lapics *lapics, unsigned cpu, const uint32_t page[LAPIC_PAGE_WORDS])
{
    struct lapic *l = &lapics->cpu[cpu];
    l->tpr = page[LAPIC_TPR * WORDS] & 0xffu;
    if (!lapic_x2apic_mode(l)) {
        l->icr_low = page[LAPIC_ICR_LOW * WORDS] & LAPIC_ICR_BITS;
        l->icr_high = page[LAPIC_ICR_HIGH * WORDS] & LAPIC_ICR_DESTINATION;
    }
    for (unsigned i = 0; i < LAPIC_VECTOR_WORDS && l->page == LAPIC_PAGE_LENT; i++) {
        l->irr[i] |= page[(LAPIC_IRR + i) * WORDS];
        l->isr[i] = page[(LAPIC_ISR + i) * WORDS];
    }
    l->page = LAPIC_PAGE_UNUSED;
}

void lapic_page_written(struct lapics *lapics, struct bus *bus, unsigned offset, uint32_t value)
{
    const unsigned reg = offset / 16u;
    if (lapic_x2apic_mode(&lapics->cpu[bus->cpu]))
        (void)lapic_write_msr(lapics, bus, LAPIC_MSR_X2APIC_FIRST + reg, value);
    else
        lapic_write(lapics, bus, reg * 16u, sizeof value, value);
}
