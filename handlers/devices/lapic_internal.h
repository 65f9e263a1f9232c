/* SPDX-License-Identifier: MIT */
/* What the files of the local APIC share. */
#ifndef DEVICES_LAPIC_INTERNAL_H
#define DEVICES_LAPIC_INTERNAL_H

#include "lapic.h"

enum { LVT_MASKED = 1u << 16, LVT_REMOTE_IRR = 1u << 14, LVT_LEVEL = 1u << 15, LVT_DELIVERY_STATUS = 1u << 12 };
enum { SVR_ENABLED = 1u << 8, SVR_RESET = 0xff };
enum lapic_error { LAPIC_SEND_ILLEGAL_VECTOR = 1u << 5, LAPIC_RECEIVE_ILLEGAL_VECTOR = 1u << 6, LAPIC_ILLEGAL_REGISTER = 1u << 7 };
enum { FIRST_LEGAL_VECTOR = 16 };
/* Registers by their number: 16 bytes apart in the page, one apart as MSRs. */
enum lapic_reg {
    LAPIC_ID = 0x02,
    LAPIC_VERSION = 0x03,
    LAPIC_TPR = 0x08,
    LAPIC_APR = 0x09,
    LAPIC_PPR = 0x0a,
    LAPIC_EOI = 0x0b,
    LAPIC_RRD = 0x0c,
    LAPIC_LDR = 0x0d,
    LAPIC_DFR = 0x0e,
    LAPIC_SVR = 0x0f,
    LAPIC_ISR = 0x10,
    LAPIC_TMR = 0x18,
    LAPIC_IRR = 0x20,
    LAPIC_ESR = 0x28,
    LAPIC_ICR_LOW = 0x30,
    LAPIC_ICR_HIGH = 0x31,
    LAPIC_LVT_FIRST = 0x32,
    LAPIC_LVT_LAST = 0x37,
    LAPIC_TIMER_INITIAL = 0x38,
    LAPIC_TIMER_CURRENT = 0x39,
    LAPIC_TIMER_DIVIDE = 0x3e,
    LAPIC_SELF_IPI = 0x3f
};
enum { LAPIC_ICR_BITS = 0xccfff };
#define LAPIC_ICR_DESTINATION UINT32_C(0xff000000)
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

/* ---- lapic_registers.c ---- */
/* In one mode or the other; what it reads as in the mode of CPU bus->cpu. */
bool lapic_is_readable(unsigned reg);
uint32_t lapic_register(const struct lapics *lapics, const struct bus *bus, unsigned reg);

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
