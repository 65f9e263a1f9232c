/* SPDX-License-Identifier: MIT */
/* The high-precision event timer. The counter is computed from the bus's ticks when somebody looks. Not modelled: interrupts as messages (FSB). */
#include "hpet.h"

enum reg { CAPABILITIES = 0x000, CONFIG = 0x010, STATUS = 0x020, COUNTER = 0x0f0, TIMERS = 0x100, TIMER_STRIDE = 0x20 };
enum { ENABLE = 1u << 0, LEGACY = 1u << 1 };
enum { LEVEL = 1u << 1, INTERRUPT = 1u << 2, PERIODIC = 1u << 3, CAN_PERIODIC = 1u << 4, CAN_64 = 1u << 5, SET_VALUE = 1u << 6, MODE_32 = 1u << 8 };
enum { ROUTE_SHIFT = 9, ROUTE_MASK = 31u << ROUTE_SHIFT, WRITABLE = LEVEL | INTERRUPT | PERIODIC | MODE_32 | ROUTE_MASK };
enum { ROUTES = 0x00f00000 /* inputs 20 to 23 */, FIRST_ROUTE = 20 };

void hpet_init(struct hpet *hpet)
{
    *hpet = (struct hpet){0};
    for (unsigned i = 0; i < HPET_TIMERS; i++) {
        hpet->timer[i].config = (uint64_t)ROUTES << 32 | (unsigned)CAN_64 | (i == 0 ? (unsigned)CAN_PERIODIC : 0u);
        hpet->timer[i].comparator = UINT64_MAX;
    }
}

bool hpet_replaces_legacy(const struct hpet *hpet)
{
    return (hpet->config & (ENABLE | LEGACY)) == (ENABLE | LEGACY);
}

static uint64_t counter_now(const struct hpet *hpet, const struct bus *bus)
{
    if ((hpet->config & ENABLE) == 0)
        return hpet->counter;
    return hpet->counter + bus_rescale(bus->now - hpet->start, bus->hz, HPET_HZ);
}

/* ---- matches ---- */
static uint64_t width_mask(const struct hpet_timer *t)
{
    return (t->config & MODE_32) != 0 ? UINT32_MAX : UINT64_MAX;
}

/* Counts from `from` to the next match; 0 stands for all the way round. */
static uint64_t distance(const struct hpet_timer *t, uint64_t from)
{
    return (t->comparator - from) & width_mask(t);
}

bool hpet_route(const struct hpet *hpet, unsigned timer, bool *isa, unsigned *number)
{
    static const uint8_t legacy_line[] = {0, 8};
    const struct hpet_timer *t = &hpet->timer[timer];
    *isa = hpet_replaces_legacy(hpet) && timer < sizeof(legacy_line);
    *number = *isa ? legacy_line[timer] : (unsigned)(t->config & ROUTE_MASK) >> ROUTE_SHIFT;
    return (t->config & INTERRUPT) != 0 && (hpet->config & ENABLE) != 0 && (*isa || *number >= FIRST_ROUTE);
}

static void interrupt(struct hpet *hpet, struct bus *bus, unsigned timer)
{
    bool isa;
    unsigned number;
    const bool level = (hpet->timer[timer].config & LEVEL) != 0;
    if (level)
        hpet->status |= UINT64_C(1) << timer;
    if (!hpet_route(hpet, timer, &isa, &number))
        return;
    if (!level)
        bus_set_wire(bus, isa, number, false);
    bus_set_wire(bus, isa, number, true);
}

/* A periodic comparator moves on by whole periods to the first match that is still to come. */
static void match(struct hpet *hpet, struct bus *bus, unsigned timer, uint64_t now)
{
    struct hpet_timer *t = &hpet->timer[timer];
    const uint64_t left = distance(t, hpet->checked), passed = now - hpet->checked;
    if (left == 0 || left > passed)
        return;
    if ((t->config & PERIODIC) != 0 && t->period != 0)
        t->comparator = (t->comparator + ((passed - left) / t->period + 1) * t->period) & width_mask(t);
    interrupt(hpet, bus, timer);
}

void hpet_advance(struct hpet *hpet, struct bus *bus)
{
    if ((hpet->config & ENABLE) == 0)
        return;
    const uint64_t now = counter_now(hpet, bus);
    if (now == hpet->checked)
        return;
    for (unsigned i = 0; i < HPET_TIMERS; i++)
        match(hpet, bus, i, now);
    hpet->checked = now;
}

uint64_t hpet_deadline(const struct hpet *hpet, const struct bus *bus, unsigned timer)
{
    const uint64_t left = distance(&hpet->timer[timer], hpet->checked), counts = hpet->checked - hpet->counter + left;
    const uint64_t ever = UINT64_MAX / bus->hz; /* later than this nobody waits for */
    if ((hpet->config & ENABLE) == 0 || left == 0 || left > ever || counts > ever)
        return UINT64_MAX;
    return hpet->start + bus_rescale_up(counts, HPET_HZ, bus->hz);
}

/* ---- registers ---- */
static uint64_t *timer_register(struct hpet *hpet, uint64_t offset)
{
    const uint64_t timer = (offset - TIMERS) / TIMER_STRIDE;
    if (offset < TIMERS || timer >= HPET_TIMERS)
        return NULL;
    const unsigned within = (unsigned)(offset - TIMERS) % TIMER_STRIDE;
    return within == 0 ? &hpet->timer[timer].config : within == 8 ? &hpet->timer[timer].comparator : NULL;
}

static uint64_t read_register(struct hpet *hpet, const struct bus *bus, uint64_t offset)
{
    switch (offset) {
    case CAPABILITIES:
        return (uint64_t)HPET_PERIOD_FS << 32 | HPET_CAPABILITIES;
    case CONFIG:
        return hpet->config;
    case STATUS:
        return hpet->status;
    case COUNTER:
        return counter_now(hpet, bus);
    default: {
        const uint64_t *reg = timer_register(hpet, offset);
        return reg != NULL ? *reg : 0;
    }
    }
}

/* Registers have 64 bits; halves of them may be accessed. */
uint64_t hpet_read(void *device, struct bus *bus, uint64_t offset, unsigned size)
{
    struct hpet *hpet = device;
    (void)size;
    hpet_advance(hpet, bus);
    return read_register(hpet, bus, offset & ~UINT64_C(7)) >> 8 * (offset & 7u);
}

static void drive(const struct hpet *hpet, struct bus *bus, unsigned timer, bool asserted)
{
    bool isa;
    unsigned number;
    if (hpet_route(hpet, timer, &isa, &number))
        bus_set_wire(bus, isa, number, asserted);
}

/* A level stands while its status bit does and the timer may interrupt. */
static void drive_level(const struct hpet *hpet, struct bus *bus, unsigned timer)
{
    if ((hpet->timer[timer].config & LEVEL) != 0 && (hpet->status >> timer & 1u) != 0)
        drive(hpet, bus, timer, true);
}

static void write_config(struct hpet *hpet, struct bus *bus, uint64_t value)
{
    const uint64_t now = counter_now(hpet, bus);
    for (unsigned i = 0; i < HPET_TIMERS; i++)
        drive(hpet, bus, i, false);
    hpet->config = value & (ENABLE | LEGACY);
    hpet->counter = hpet->checked = now;
    hpet->start = bus->now;
    for (unsigned i = 0; i < HPET_TIMERS; i++)
        drive_level(hpet, bus, i);
}

static void write_status(struct hpet *hpet, struct bus *bus, uint64_t value)
{
    for (unsigned i = 0; i < HPET_TIMERS; i++)
        if (((hpet->status & value) >> i & 1u) != 0) {
            hpet->status &= ~(UINT64_C(1) << i);
            drive(hpet, bus, i, false);
        }
}

static void write_timer_config(struct hpet *hpet, struct bus *bus, unsigned timer, uint64_t value)
{
    struct hpet_timer *t = &hpet->timer[timer];
    drive(hpet, bus, timer, false);
    t->config = (t->config & ~(uint64_t)WRITABLE) | (value & WRITABLE);
    if ((t->config & CAN_PERIODIC) == 0)
        t->config &= ~(uint64_t)PERIODIC;
    t->value_next = (value & SET_VALUE) != 0;
    t->comparator &= width_mask(t);
    drive_level(hpet, bus, timer);
}

/* A periodic timer takes it as its period, but for the first write after SET_VALUE: that one is its next match. */
static void write_comparator(struct hpet_timer *t, uint64_t value)
{
    value &= width_mask(t);
    if ((t->config & PERIODIC) == 0 || t->value_next)
        t->comparator = value;
    if ((t->config & PERIODIC) != 0 && !t->value_next)
        t->period = value;
    t->value_next = false;
}

static void write_register(struct hpet *hpet, struct bus *bus, uint64_t offset, uint64_t value)
{
    const unsigned timer = (unsigned)((offset - TIMERS) / TIMER_STRIDE);
    if (offset == CONFIG) {
        write_config(hpet, bus, value);
    } else if (offset == STATUS) {
        write_status(hpet, bus, value);
    } else if (offset == COUNTER && (hpet->config & ENABLE) == 0) {
        hpet->counter = hpet->checked = value;
    } else if (offset >= TIMERS && timer < HPET_TIMERS) {
        if (offset % TIMER_STRIDE == 0)
            write_timer_config(hpet, bus, timer, value);
        else if (offset % TIMER_STRIDE == 8)
            write_comparator(&hpet->timer[timer], value);
    }
}

void hpet_write(void *device, struct bus *bus, uint64_t offset, unsigned size, uint64_t value)
{
    struct hpet *hpet = device;
    const uint64_t reg = offset & ~UINT64_C(7);
    hpet_advance(hpet, bus);
    if (size < 8) { /* the other half stays; of the status register it is not written */
        const unsigned shift = 8 * ((unsigned)offset & 7u);
        const uint64_t mask = (size >= 4 ? UINT32_MAX : (UINT64_C(1) << 8 * size) - 1) << shift;
        const uint64_t old = reg == STATUS ? 0 : read_register(hpet, bus, reg);
        value = (old & ~mask) | (value << shift & mask);
    }
    write_register(hpet, bus, reg, value);
}
