/* SPDX-License-Identifier: MIT */
/* Interrupt messages: who they concern and what they do there; the interrupt command register that sends them.
   SDM 3A, "Issuing Interprocessor Interrupts" and "Determining IPI Destination". */
#include "lapic_internal.h"

enum { BROADCAST = 0xff, CLUSTER_MODEL = 0, NOBODY = -1 };
enum shorthand { DESTINATION, SELF, ALL, OTHERS };

/* ---- destinations ---- */
uint32_t lapic_logical_id(const struct lapic *l)
{
    return lapic_x2apic_mode(l) ? l->id >> 4 << 16 | UINT32_C(1) << (l->id & 15u) : l->ldr;
}

static bool is_broadcast(const struct bus_message *m)
{
    return m->destination == (m->wide ? UINT32_MAX : (uint32_t)BROADCAST);
}

static bool logical_match(const struct lapic *l, uint32_t destination)
{
    const uint32_t own = lapic_logical_id(l);
    if (lapic_x2apic_mode(l))
        return destination >> 16 == own >> 16 && (destination & own & 0xffffu) != 0;
    if (destination > BROADCAST)
        return false;
    if (l->dfr >> 28 != CLUSTER_MODEL)
        return (destination & own >> 24) != 0;
    return (destination >> 4 == own >> 28 || destination >> 4 == 0xf) && (destination & own >> 24 & 0xfu) != 0;
}

static bool concerns(const struct lapic *l, const struct bus_message *m)
{
    if ((l->base & BASE_ENABLED) == 0)
        return false;
    if (is_broadcast(m))
        return true;
    return m->logical ? logical_match(l, m->destination) : m->destination == l->id;
}

/* ---- delivery ---- */
static void report_once(struct lapics *lapics, struct bus *bus, enum bus_delivery mode)
{
    const uint32_t mask = UINT32_C(1) << mode;
    if ((lapics->reported & mask) != 0)
        return;
    lapics->reported |= mask;
    bus_report(bus,
               mode == BUS_EXTINT ? "I/O APIC: delivery mode ExtINT is not modelled" : "APIC: a message with a reserved delivery mode is not sent");
}

static bool deliver(struct lapics *lapics, struct bus *bus, unsigned cpu, const struct bus_message *m)
{
    struct lapic *l = &lapics->cpu[cpu];
    switch (m->mode) {
    case BUS_FIXED:
    case BUS_LOWEST_PRIORITY:
        if (!lapic_software_enabled(l))
            return false;
        lapic_request(l, m->vector, m->level);
        return true;
    case BUS_SMI:
        bus_send_signal(bus, cpu, BUS_SIGNAL_SMI, 0);
        return true;
    case BUS_NMI:
        bus_send_signal(bus, cpu, BUS_SIGNAL_NMI, 0);
        return true;
    case BUS_INIT:
        bus_send_signal(bus, cpu, BUS_SIGNAL_INIT, 0);
        return true;
    case BUS_STARTUP:
        bus_send_signal(bus, cpu, BUS_SIGNAL_SIPI, m->vector);
        return true;
    case BUS_RESERVED:
    case BUS_EXTINT:
        report_once(lapics, bus, m->mode);
        return false;
    }
    return false;
}

/* Among equals the lowest number, where processors arbitrate in turn. */
static int lowest_priority(const struct lapics *lapics, const bool target[LAPIC_CPUS])
{
    int best = NOBODY;
    for (unsigned i = 0; i < lapics->cpus; i++)
        if (target[i] && lapic_software_enabled(&lapics->cpu[i]) &&
            (best == NOBODY || lapic_processor_priority(&lapics->cpu[i]) < lapic_processor_priority(&lapics->cpu[best])))
            best = (int)i;
    return best;
}

static bool send(struct lapics *lapics, struct bus *bus, const bool target[LAPIC_CPUS], const struct bus_message *m)
{
    if (m->mode == BUS_LOWEST_PRIORITY) {
        const int best = lowest_priority(lapics, target);
        return best != NOBODY && deliver(lapics, bus, (unsigned)best, m);
    }
    bool accepted = false;
    for (unsigned i = 0; i < lapics->cpus; i++)
        accepted |= target[i] && deliver(lapics, bus, i, m);
    return accepted;
}

static void find_targets(const struct lapics *lapics, const struct bus_message *m, bool target[LAPIC_CPUS])
{
    for (unsigned i = 0; i < LAPIC_CPUS; i++)
        target[i] = i < lapics->cpus && concerns(&lapics->cpu[i], m);
}

bool lapics_message(struct lapics *lapics, struct bus *bus, const struct bus_message *message)
{
    bool target[LAPIC_CPUS];
    find_targets(lapics, message, target);
    return send(lapics, bus, target, message);
}

bool lapics_message_counts(const struct lapics *lapics, const struct bus_message *message, uint32_t cpus)
{
    bool target[LAPIC_CPUS];
    const bool has_vector = message->mode == BUS_FIXED || message->mode == BUS_LOWEST_PRIORITY;
    find_targets(lapics, message, target);
    for (unsigned i = 0; i < lapics->cpus; i++)
        if (target[i] && (cpus >> i & 1u) != 0 &&
            (!has_vector || (lapic_software_enabled(&lapics->cpu[i]) && !lapic_bit(lapics->cpu[i].irr, message->vector))))
            return true;
    return false;
}

/* ---- the interrupt command register ---- */
/* SDM 3A, "Valid Combinations for the Pentium 4 and Intel Xeon Processors' Local xAPIC Interrupt Command Register". */
static bool combination_valid(enum shorthand shorthand, enum bus_delivery mode)
{
    if (mode == BUS_RESERVED || mode == BUS_EXTINT)
        return false;
    return mode == BUS_FIXED || shorthand == DESTINATION || shorthand == OTHERS;
}

void lapic_command(struct lapics *lapics, struct bus *bus, uint32_t low, uint32_t destination)
{
    enum { LOGICAL = 1u << 11, ASSERT = 1u << 14, LEVEL = 1u << 15 };
    struct lapic *l = &lapics->cpu[bus->cpu];
    const enum shorthand shorthand = (enum shorthand)(low >> 18 & 3u);
    const struct bus_message m = {.destination = destination,
                                  .mode = (enum bus_delivery)(low >> 8 & 7u),
                                  .vector = (uint8_t)low,
                                  .logical = (low & LOGICAL) != 0,
                                  .wide = lapic_x2apic_mode(l)};
    bool target[LAPIC_CPUS];
    if (m.mode == BUS_INIT && (low & (ASSERT | LEVEL)) == LEVEL)
        return; /* INIT level de-assert: today's processors take no notice of it */
    if (!combination_valid(shorthand, m.mode)) {
        report_once(lapics, bus, BUS_RESERVED);
        return;
    }
    if ((m.mode == BUS_FIXED || m.mode == BUS_LOWEST_PRIORITY) && m.vector < FIRST_LEGAL_VECTOR) {
        lapic_note_error(l, LAPIC_SEND_ILLEGAL_VECTOR);
        return;
    }
    find_targets(lapics, &m, target);
    for (unsigned i = 0; i < LAPIC_CPUS && shorthand != DESTINATION; i++) {
        const bool present = i < lapics->cpus && (lapics->cpu[i].base & BASE_ENABLED) != 0;
        target[i] = present && (shorthand == ALL || (i == bus->cpu) == (shorthand == SELF));
    }
    (void)send(lapics, bus, target, &m);
}
