/* SPDX-License-Identifier: MIT */
/* The timer of the local APIC: one-shot, periodic, TSC-deadline. Its clock is the bus's tick. A count is computed when somebody looks.
   SDM 3A, "APIC Timer". */
#include "lapic_internal.h"

enum timer_mode { ONE_SHOT, PERIODIC, DEADLINE, RESERVED_MODE };

static enum timer_mode mode_of(uint32_t lvt)
{
    return (enum timer_mode)(lvt >> 17 & 3u);
}

/* Divide configuration: bits 3, 1 and 0; 111 divides by 1. */
static uint64_t divisor(const struct lapic *l)
{
    const uint32_t code = (l->divide & 3u) | (l->divide >> 1 & 4u);
    return code == 7 ? 1 : UINT64_C(2) << code;
}

static bool masked(const struct lapic *l)
{
    return (l->lvt[LAPIC_LVT_TIMER] & LVT_MASKED) != 0;
}

/* Timers that request nothing when they expire need nobody's attention. */
static void schedule(struct lapics *lapics)
{
    lapics->next = UINT64_MAX;
    for (unsigned i = 0; i < lapics->cpus; i++)
        if (!masked(&lapics->cpu[i]) && lapics->cpu[i].expires < lapics->next)
            lapics->next = lapics->cpu[i].expires;
}

/* A periodic timer that expired several times while nobody looked requests one interrupt. */
static void advance(struct lapic *l, uint64_t now)
{
    if (now < l->expires)
        return;
    const uint64_t period = l->initial * divisor(l);
    if (mode_of(l->lvt[LAPIC_LVT_TIMER]) == PERIODIC && period != 0) {
        l->expires += ((now - l->expires) / period + 1) * period;
    } else {
        l->expires = UINT64_MAX;
        l->tsc_deadline = 0;
    }
    if (!masked(l))
        lapic_request(l, (uint8_t)l->lvt[LAPIC_LVT_TIMER], false);
}

void lapic_timer_advance(struct lapics *lapics, struct bus *bus, unsigned cpu)
{
    advance(&lapics->cpu[cpu], bus->now);
    schedule(lapics);
}

void lapics_advance(struct lapics *lapics, struct bus *bus)
{
    if (bus->now < lapics->next)
        return;
    for (unsigned i = 0; i < lapics->cpus; i++)
        advance(&lapics->cpu[i], bus->now);
    schedule(lapics);
}

uint64_t lapics_deadline(const struct lapics *lapics, uint32_t cpus)
{
    uint64_t deadline = UINT64_MAX;
    if (lapics->next == UINT64_MAX)
        return deadline;
    for (unsigned i = 0; i < lapics->cpus; i++) {
        const struct lapic *l = &lapics->cpu[i];
        if ((cpus >> i & 1u) != 0 && !masked(l) && !lapic_bit(l->irr, (uint8_t)l->lvt[LAPIC_LVT_TIMER]) && l->expires < deadline)
            deadline = l->expires;
    }
    return deadline;
}

void lapic_timer_stop(struct lapics *lapics, unsigned cpu)
{
    lapics->cpu[cpu].expires = UINT64_MAX;
    lapics->cpu[cpu].tsc_deadline = 0;
    schedule(lapics);
}

/* ---- counting ---- */
static uint64_t count(const struct lapic *l, uint64_t now)
{
    if (l->expires == UINT64_MAX || now >= l->expires || mode_of(l->lvt[LAPIC_LVT_TIMER]) == DEADLINE)
        return 0;
    return (l->expires - now + divisor(l) - 1) / divisor(l);
}

uint32_t lapic_timer_count(const struct lapics *lapics, const struct bus *bus, unsigned cpu)
{
    return (uint32_t)count(&lapics->cpu[cpu], bus->now);
}

void lapic_timer_set_initial(struct lapics *lapics, struct bus *bus, unsigned cpu, uint32_t value)
{
    struct lapic *l = &lapics->cpu[cpu];
    const enum timer_mode mode = mode_of(l->lvt[LAPIC_LVT_TIMER]);
    if (mode == DEADLINE)
        return;
    l->initial = value;
    l->expires = value == 0 || mode == RESERVED_MODE ? UINT64_MAX : bus->now + value * divisor(l);
    schedule(lapics);
}

/* The count that is left goes on at the new rate. */
void lapic_timer_set_divide(struct lapics *lapics, struct bus *bus, unsigned cpu, uint32_t value)
{
    struct lapic *l = &lapics->cpu[cpu];
    const uint64_t left = count(l, bus->now);
    if (l->divide == value)
        return;
    l->divide = value;
    if (left != 0)
        l->expires = bus->now + left * divisor(l);
    schedule(lapics);
}

/* A change of the mode disarms the timer. */
void lapic_timer_set_lvt(struct lapics *lapics, unsigned cpu, uint32_t value)
{
    struct lapic *l = &lapics->cpu[cpu];
    const bool disarm = mode_of(l->lvt[LAPIC_LVT_TIMER]) != mode_of(value);
    l->lvt[LAPIC_LVT_TIMER] = value;
    if (disarm)
        lapic_timer_stop(lapics, cpu);
    schedule(lapics);
}

/* ---- TSC deadline ---- */
static uint64_t ticks_of_deadline(const struct lapic *l, uint64_t now)
{
    const uint64_t tsc = now + l->tsc_offset;
    if (l->tsc_deadline <= tsc)
        return now;
    const uint64_t left = l->tsc_deadline - tsc;
    return left < UINT64_MAX - now ? now + left : UINT64_MAX;
}

void lapic_timer_set_deadline(struct lapics *lapics, struct bus *bus, unsigned cpu, uint64_t deadline)
{
    struct lapic *l = &lapics->cpu[cpu];
    if (mode_of(l->lvt[LAPIC_LVT_TIMER]) != DEADLINE)
        return;
    l->tsc_deadline = deadline;
    l->expires = deadline == 0 ? UINT64_MAX : ticks_of_deadline(l, bus->now);
    lapic_timer_advance(lapics, bus, cpu);
}

void lapic_set_tsc_offset(struct lapics *lapics, struct bus *bus, unsigned cpu, uint64_t offset)
{
    struct lapic *l = &lapics->cpu[cpu];
    if (l->tsc_offset == offset)
        return;
    advance(l, bus->now);
    l->tsc_offset = offset;
    if (l->tsc_deadline != 0)
        l->expires = ticks_of_deadline(l, bus->now);
    lapic_timer_advance(lapics, bus, cpu);
}
