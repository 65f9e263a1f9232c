/* SPDX-License-Identifier: MIT */
/* The local APIC between requests and the processor: IRR, ISR, priorities, EOI, errors, the pins LINT0 and LINT1.
   SDM 3A, "Handling Interrupts" and "Local APIC State". */
#include "lapic_internal.h"

enum { PIN_LVT = LAPIC_LVT_LINT0 };

/* ---- state ---- */
void lapic_reset(struct lapic *l)
{
    const struct lapic kept = *l;
    *l = (struct lapic){.base = kept.base, .id = kept.id, .tsc_offset = kept.tsc_offset, .dfr = UINT32_MAX, .svr = SVR_RESET, .expires = UINT64_MAX};
    for (unsigned i = 0; i < LAPIC_PINS; i++)
        l->pin[i] = kept.pin[i];
    for (unsigned i = 0; i < LAPIC_LVTS; i++)
        l->lvt[i] = LVT_MASKED;
}

void lapics_init(struct lapics *lapics, const struct lapics_config *config)
{
    *lapics = (struct lapics){.cpus = config->cpus < LAPIC_CPUS ? config->cpus : LAPIC_CPUS,
                              .address_bits = config->address_bits,
                              .x2apic = config->x2apic,
                              .tsc_deadline = config->tsc_deadline,
                              .next = UINT64_MAX};
    for (unsigned cpu = 0; cpu < LAPIC_CPUS; cpu++) {
        struct lapic *l = &lapics->cpu[cpu];
        l->id = cpu;
        l->base = LAPIC_BASE | BASE_ENABLED | (cpu == 0 ? BASE_BSP : 0u);
        lapic_reset(l);
    }
    if (config->virtual_wire) {
        lapics->cpu[0].svr |= SVR_ENABLED;
        lapics->cpu[0].lvt[LAPIC_LVT_LINT0] = (uint32_t)BUS_EXTINT << 8;
        lapics->cpu[0].lvt[LAPIC_LVT_LINT1] = (uint32_t)BUS_NMI << 8;
    }
}

void lapic_init_signal(struct lapics *lapics, unsigned cpu)
{
    lapic_timer_stop(lapics, cpu);
    lapic_reset(&lapics->cpu[cpu]);
}

bool lapic_enabled(const struct lapics *lapics, unsigned cpu)
{
    return (lapics->cpu[cpu].base & BASE_ENABLED) != 0;
}

uint8_t lapic_tpr(const struct lapics *lapics, unsigned cpu)
{
    return (uint8_t)lapics->cpu[cpu].tpr;
}

void lapic_set_tpr(struct lapics *lapics, unsigned cpu, uint8_t value)
{
    lapics->cpu[cpu].tpr = value;
}

/* ---- requests and service ---- */
static void set_bit(uint32_t words[LAPIC_VECTOR_WORDS], uint8_t vector, bool on)
{
    const uint32_t mask = UINT32_C(1) << vector % 32;
    words[vector / 32] = on ? words[vector / 32] | mask : words[vector / 32] & ~mask;
}

static int highest(const uint32_t words[LAPIC_VECTOR_WORDS])
{
    for (int i = LAPIC_VECTOR_WORDS - 1; i >= 0; i--)
        if (words[i] != 0)
            return i * 32 + 31 - __builtin_clz(words[i]);
    return -1;
}

/* An error interrupt is requested for the first error since the error status register was written. */
void lapic_note_error(struct lapic *l, enum lapic_error error)
{
    const bool armed = l->errors == 0;
    l->errors |= (uint32_t)error;
    if (armed && (l->lvt[LAPIC_LVT_ERROR] & LVT_MASKED) == 0)
        lapic_request(l, (uint8_t)l->lvt[LAPIC_LVT_ERROR], false);
}

void lapic_request(struct lapic *l, uint8_t vector, bool level)
{
    if (vector < FIRST_LEGAL_VECTOR) {
        lapic_note_error(l, LAPIC_RECEIVE_ILLEGAL_VECTOR);
        return;
    }
    set_bit(l->irr, vector, true);
    set_bit(l->tmr, vector, level);
}

/* Where the classes are equal the manual allows either low part. */
uint8_t lapic_processor_priority(const struct lapic *l)
{
    const int in_service = highest(l->isr);
    const uint32_t service_class = in_service < 0 ? 0 : (uint32_t)in_service & 0xf0u;
    return (uint8_t)((l->tpr & 0xf0u) >= service_class ? l->tpr : service_class);
}

/* What comes for a processor that delivers virtual interrupts itself is for its page, whatever the priority. */
bool lapic_interrupt(const struct lapics *lapics, unsigned cpu, uint8_t *vector)
{
    const struct lapic *l = &lapics->cpu[cpu];
    const int requested = highest(l->irr);
    if (requested < 0 || (l->base & BASE_ENABLED) == 0)
        return false;
    if (l->page != LAPIC_PAGE_LENT && (unsigned)requested >> 4 <= (unsigned)lapic_processor_priority(l) >> 4)
        return false;
    *vector = (uint8_t)requested;
    return true;
}

bool lapic_held_back(const struct lapics *lapics, unsigned cpu, uint8_t *vector)
{
    const struct lapic *l = &lapics->cpu[cpu];
    const int requested = highest(l->irr), in_service = highest(l->isr);
    if (requested < 0 || l->page == LAPIC_PAGE_LENT || (l->base & BASE_ENABLED) == 0 || requested >> 4 > (int)l->tpr >> 4 ||
        (in_service >= 0 && requested >> 4 <= in_service >> 4))
        return false;
    *vector = (uint8_t)requested;
    return true;
}

uint8_t lapic_acknowledge(struct lapics *lapics, unsigned cpu)
{
    struct lapic *l = &lapics->cpu[cpu];
    uint8_t vector;
    if (!lapic_interrupt(lapics, cpu, &vector))
        return (uint8_t)l->svr;
    set_bit(l->irr, vector, false);
    set_bit(l->isr, vector, true);
    return vector;
}

/* ---- pins ---- */
static bool pin_is_level(const struct lapic *l, enum lapic_pin pin)
{
    return pin == LAPIC_LINT0 && (l->lvt[PIN_LVT + pin] & LVT_LEVEL) != 0; /* LINT1 knows edges only */
}

static enum bus_delivery pin_mode(const struct lapic *l, enum lapic_pin pin)
{
    return (enum bus_delivery)(l->lvt[PIN_LVT + pin] >> 8 & 7u);
}

static void pin_fixed(struct lapic *l, enum lapic_pin pin, bool rises)
{
    uint32_t *lvt = &l->lvt[PIN_LVT + pin];
    if (!pin_is_level(l, pin)) {
        if (rises)
            lapic_request(l, (uint8_t)*lvt, false);
    } else if (l->pin[pin] && (*lvt & LVT_REMOTE_IRR) == 0) {
        *lvt |= LVT_REMOTE_IRR;
        lapic_request(l, (uint8_t)*lvt, true);
    }
}

static void drive_pin(struct lapics *lapics, struct bus *bus, unsigned cpu, enum lapic_pin pin, bool rises)
{
    struct lapic *l = &lapics->cpu[cpu];
    if ((l->base & BASE_ENABLED) == 0) { /* LINT1 is the NMI pin then */
        if (rises && pin == LAPIC_LINT1)
            bus_send_signal(bus, cpu, BUS_SIGNAL_NMI, 0);
        return;
    }
    if ((l->lvt[PIN_LVT + pin] & LVT_MASKED) != 0)
        return;
    switch (pin_mode(l, pin)) {
    case BUS_FIXED:
        pin_fixed(l, pin, rises);
        return;
    case BUS_NMI:
    case BUS_INIT:
    case BUS_SMI:
        if (rises)
            bus_send_signal(bus, cpu,
                            pin_mode(l, pin) == BUS_NMI    ? BUS_SIGNAL_NMI
                            : pin_mode(l, pin) == BUS_INIT ? BUS_SIGNAL_INIT
                                                           : BUS_SIGNAL_SMI,
                            0);
        return;
    case BUS_EXTINT: /* the processor asks lapic_extint() */
    case BUS_LOWEST_PRIORITY:
    case BUS_RESERVED:
    case BUS_STARTUP:
        return;
    }
}

void lapic_set_pin(struct lapics *lapics, struct bus *bus, unsigned cpu, enum lapic_pin pin, bool level)
{
    struct lapic *l = &lapics->cpu[cpu];
    if (l->pin[pin] == level)
        return;
    l->pin[pin] = level;
    drive_pin(lapics, bus, cpu, pin, level);
}

void lapic_pin_changed(struct lapics *lapics, struct bus *bus, unsigned cpu, enum lapic_pin pin)
{
    drive_pin(lapics, bus, cpu, pin, false);
}

bool lapic_extint(const struct lapics *lapics, unsigned cpu)
{
    const struct lapic *l = &lapics->cpu[cpu];
    if (!l->pin[LAPIC_LINT0] || (l->base & BASE_ENABLED) == 0)
        return l->pin[LAPIC_LINT0];
    return (l->lvt[LAPIC_LVT_LINT0] & LVT_MASKED) == 0 && pin_mode(l, LAPIC_LINT0) == BUS_EXTINT;
}

bool lapic_listens(const struct lapics *lapics, unsigned cpu)
{
    const struct lapic *l = &lapics->cpu[cpu];
    if ((l->base & BASE_ENABLED) == 0)
        return true;
    if ((l->lvt[LAPIC_LVT_LINT0] & LVT_MASKED) != 0)
        return false;
    return pin_mode(l, LAPIC_LINT0) != BUS_FIXED || !lapic_bit(l->irr, (uint8_t)l->lvt[LAPIC_LVT_LINT0]);
}

/* ---- end of interrupt ---- */
static bool tell_the_end(struct lapic *l, struct bus *bus, uint8_t vector)
{
    if (!lapic_bit(l->tmr, vector))
        return false;
    if ((uint8_t)l->lvt[LAPIC_LVT_LINT0] == vector && (l->lvt[LAPIC_LVT_LINT0] & LVT_REMOTE_IRR) != 0) {
        l->lvt[LAPIC_LVT_LINT0] &= ~(uint32_t)LVT_REMOTE_IRR;
        if (pin_mode(l, LAPIC_LINT0) == BUS_FIXED && (l->lvt[LAPIC_LVT_LINT0] & LVT_MASKED) == 0)
            pin_fixed(l, LAPIC_LINT0, false);
    }
    if (bus->end_of_interrupt != NULL)
        bus->end_of_interrupt(bus->set, vector);
    return true;
}

void lapic_end_of_interrupt(struct lapic *l, struct bus *bus)
{
    const int vector = highest(l->isr);
    if (vector < 0)
        return;
    set_bit(l->isr, (uint8_t)vector, false);
    (void)tell_the_end(l, bus, (uint8_t)vector);
}

bool lapic_service_ended(struct lapics *lapics, struct bus *bus, unsigned cpu, uint8_t vector)
{
    return tell_the_end(&lapics->cpu[cpu], bus, vector);
}

void lapics_end_of_interrupt(struct lapics *lapics, struct bus *bus, unsigned cpu)
{
    lapic_end_of_interrupt(&lapics->cpu[cpu], bus);
}
