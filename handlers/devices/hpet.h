/* SPDX-License-Identifier: MIT */
/* The high-precision event timer: one counter, three comparators. IA-PC HPET Specification 1.0a. */
#ifndef DEVICES_HPET_H
#define DEVICES_HPET_H

#include "bus.h"

#define HPET_BASE UINT64_C(0xfed00000)
enum { HPET_HZ = 14318180, HPET_PERIOD_FS = 69841279, HPET_TIMERS = 3, HPET_BYTES = 1024 };
/* Low half of the capability register: Intel, legacy replacement, 64 bits, three timers, revision 1. */
#define HPET_CAPABILITIES UINT32_C(0x8086a201)

struct hpet_timer {
    uint64_t config, comparator, period;
    bool value_next; /* the next write to the comparator of a periodic timer sets its next match, later ones its period */
};

struct hpet {
    uint64_t config, status;
    uint64_t counter, start; /* what the counter read at that many ticks; it stands there while it is halted */
    uint64_t checked;        /* matches up to this count are dealt with */
    struct hpet_timer timer[HPET_TIMERS];
};

void hpet_init(struct hpet *hpet);
uint64_t hpet_read(void *hpet, struct bus *bus, uint64_t offset, unsigned size);
void hpet_write(void *hpet, struct bus *bus, uint64_t offset, unsigned size, uint64_t value);
/* Legacy replacement: timer 0 stands at ISA interrupt 0 in place of the 8254, timer 1 at 8 in place of the clock. */
bool hpet_replaces_legacy(const struct hpet *hpet);
/* Matches up to bus->now move their interrupts. */
void hpet_advance(struct hpet *hpet, struct bus *bus);
/* Where the interrupt of a timer goes: an ISA line, or an input of the I/O APIC. False: its interrupt is off. */
bool hpet_route(const struct hpet *hpet, unsigned timer, bool *isa, unsigned *number);
/* Ticks of its next match; UINT64_MAX: none. */
uint64_t hpet_deadline(const struct hpet *hpet, const struct bus *bus, unsigned timer);

#endif
