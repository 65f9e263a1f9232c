/* SPDX-License-Identifier: MIT */
/* What the files of the local APIC share. */
#ifndef DEVICES_LAPIC_INTERNAL_H
#define DEVICES_LAPIC_INTERNAL_H

#include "lapic.h"

enum { LVT_MASKED = 1u << 16, LVT_REMOTE_IRR = 1u << 14, LVT_LEVEL = 1u << 15, LVT_DELIVERY_STATUS = 1u << 12 };
enum { SVR_ENABLED = 1u << 8, SVR_RESET = 0xff };
enum lapic_error { LAPIC_SEND_ILLEGAL_VECTOR = 1u << 5, LAPIC_RECEIVE_ILLEGAL_VECTOR = 1u << 6, LAPIC_ILLEGAL_REGISTER = 1u << 7 };
enum { FIRST_LEGAL_VECTOR = 16 };
#define BASE_BSP (UINT64_C(1) << 8)
#define BASE_X2APIC (UINT64_C(1) << 10)
#define BASE_ENABLED (UINT64_C(1) << 11)

static inline bool lapic_x2apic_mode(const struct lapic *l)
{
    return (l->base & BASE_X2APIC) != 0;
}

static inline bool lapic_software_enabled(const struct lapic *l)
{
    return (l->svr & SVR_ENABLED) != 0;
}

static inline bool lapic_bit(const uint32_t words[LAPIC_VECTOR_WORDS], uint8_t vector)
{
    return (words[vector / 32] >> vector % 32 & 1u) != 0;
}

/* ---- lapic.c ---- */
/* Reset state of everything but identity, base and pins. */
void lapic_reset(struct lapic *l);
/* A vector is requested; an illegal one is an error instead. */
void lapic_request(struct lapic *l, uint8_t vector, bool level);
void lapic_note_error(struct lapic *l, enum lapic_error error);
void lapic_end_of_interrupt(struct lapic *l, struct bus *bus);
uint8_t lapic_processor_priority(const struct lapic *l);
/* After the LVT entry of a pin has changed: a level that is still asserted is looked at again. */
void lapic_pin_changed(struct lapics *lapics, struct bus *bus, unsigned cpu, enum lapic_pin pin);

/* ---- lapic_message.c ---- */
uint32_t lapic_logical_id(const struct lapic *l);
/* The interrupt command register was written. */
void lapic_command(struct lapics *lapics, struct bus *bus, uint32_t low, uint32_t destination);

/* ---- lapic_timer.c ---- */
/* The timer of one CPU catches up with bus->now. */
void lapic_timer_advance(struct lapics *lapics, struct bus *bus, unsigned cpu);
void lapic_timer_stop(struct lapics *lapics, unsigned cpu);
void lapic_timer_set_initial(struct lapics *lapics, struct bus *bus, unsigned cpu, uint32_t count);
void lapic_timer_set_divide(struct lapics *lapics, struct bus *bus, unsigned cpu, uint32_t value);
void lapic_timer_set_lvt(struct lapics *lapics, unsigned cpu, uint32_t value);
/* IA32_TSC_DEADLINE: reads 0, and writes are ignored, in the other timer modes. */
void lapic_timer_set_deadline(struct lapics *lapics, struct bus *bus, unsigned cpu, uint64_t deadline);
uint32_t lapic_timer_count(const struct lapics *lapics, const struct bus *bus, unsigned cpu);

#endif
