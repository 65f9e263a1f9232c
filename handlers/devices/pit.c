/* SPDX-License-Identifier: MIT */
/* The 8254 interval timer: modes 0 to 5, latch and read-back commands. Time is computed from the bus's ticks when somebody looks. */
#include "pit.h"

enum { ACCESS_LATCH, ACCESS_LOW, ACCESS_HIGH, ACCESS_BOTH };
enum { MODE_TERMINAL, MODE_ONE_SHOT, MODE_RATE, MODE_SQUARE, MODE_SOFT_STROBE, MODE_HARD_STROBE };
enum {
    STATUS_NULL_COUNT = 1u << 6,
    STATUS_OUTPUT = 1u << 7,
    PORT_COMMAND = 0x43,
    PORT61_GATE = 1,
    PORT61_SPEAKER = 2,
    PORT61_REFRESH = 1u << 4,
    PORT61_OUTPUT = 1u << 5
};

static bool periodic(const struct pit_channel *c)
{
    return c->mode == MODE_RATE || c->mode == MODE_SQUARE;
}

/* What a count of 0 stands for, and where a count wraps. */
static uint32_t full(const struct pit_channel *c)
{
    return c->bcd ? 10000 : 0x10000;
}

/* Clocks since the count was loaded. */
static uint64_t elapsed(const struct pit_channel *c, const struct bus *bus)
{
    return bus_rescale(bus->now - c->start, bus->hz, PIT_HZ);
}

static uint32_t current(const struct pit_channel *c, const struct bus *bus)
{
    if (!c->counting)
        return c->count;
    const uint64_t clocks = elapsed(c, bus);
    if (!periodic(c))
        return c->count + full(c) - (uint32_t)(clocks % full(c)); /* wraps and goes on */
    if (c->mode == MODE_RATE)
        return c->count - (uint32_t)(clocks % c->count);
    return (c->count - (uint32_t)(clocks * 2 % c->count)) & ~1u; /* counts by two, twice a period */
}

static bool output(const struct pit_channel *c, const struct bus *bus)
{
    const uint64_t clocks = elapsed(c, bus);
    if (!c->counting)
        return c->mode != MODE_TERMINAL;
    switch (c->mode) {
    case MODE_TERMINAL:
    case MODE_ONE_SHOT:
        return clocks >= c->count;
    case MODE_RATE:
        return clocks % c->count != c->count - 1;
    case MODE_SQUARE:
        return clocks % c->count < (c->count + 1) / 2;
    default:
        return clocks != c->count;
    }
}

static uint32_t to_bcd(uint32_t value)
{
    return value % 10 | value / 10 % 10 << 4 | value / 100 % 10 << 8 | value / 1000 % 10 << 12;
}

static uint32_t from_bcd(uint32_t value)
{
    return (value & 15u) + (value >> 4 & 15u) * 10 + (value >> 8 & 15u) * 100 + (value >> 12 & 15u) * 1000;
}

static uint16_t readable(const struct pit_channel *c, const struct bus *bus)
{
    const uint32_t value = current(c, bus) % full(c);
    return (uint16_t)(c->bcd ? to_bcd(value) : value);
}

void pit_init(struct pit *pit)
{
    *pit = (struct pit){0};
    for (unsigned i = 0; i < PIT_CHANNELS; i++)
        pit->channel[i] = (struct pit_channel){.count = 0x10000, .access = ACCESS_BOTH, .mode = MODE_SQUARE, .gate = i != 2};
}

/* ---- commands ---- */
static void latch_count(struct pit_channel *c, const struct bus *bus)
{
    if (c->latched)
        return;
    c->latched = true;
    c->latch = readable(c, bus);
}

static void latch_status(struct pit_channel *c, const struct bus *bus)
{
    if (c->status_latched)
        return;
    c->status_latched = true;
    c->status = (uint8_t)((output(c, bus) ? STATUS_OUTPUT : 0u) | (c->counting ? 0u : STATUS_NULL_COUNT) | (unsigned)c->access << 4 |
                          (unsigned)c->mode << 1 | c->bcd);
}

static void read_back(struct pit *pit, const struct bus *bus, uint32_t value)
{
    enum { NO_STATUS = 1u << 4, NO_COUNT = 1u << 5 };
    for (unsigned i = 0; i < PIT_CHANNELS; i++) {
        if ((value >> (i + 1) & 1u) == 0)
            continue;
        if ((value & NO_COUNT) == 0)
            latch_count(&pit->channel[i], bus);
        if ((value & NO_STATUS) == 0)
            latch_status(&pit->channel[i], bus);
    }
}

/* A channel without a count: nothing that it did before is an interrupt any more. */
static void stop(struct pit *pit, struct bus *bus, unsigned number)
{
    struct pit_channel *c = &pit->channel[number];
    c->counting = false;
    if (number != 0)
        return;
    pit->interrupts = 0;
    if (c->mode == MODE_TERMINAL)
        bus_set_line(bus, PIT_LINE, false);
}

static void command(struct pit *pit, struct bus *bus, uint32_t value)
{
    const unsigned number = value >> 6;
    if (number == PIT_CHANNELS) {
        read_back(pit, bus, value);
        return;
    }
    struct pit_channel *c = &pit->channel[number];
    const unsigned access = value >> 4 & 3u, mode = value >> 1 & 7u;
    if (access == ACCESS_LATCH) {
        latch_count(c, bus);
        return;
    }
    c->access = (uint8_t)access;
    c->mode = (uint8_t)(mode > MODE_HARD_STROBE ? mode - 4 : mode);
    c->bcd = (value & 1u) != 0;
    c->write_high = c->read_high = c->latched = c->status_latched = false;
    stop(pit, bus, number);
}

/* ---- counts ---- */
static void load(struct pit *pit, struct bus *bus, unsigned number, uint32_t raw)
{
    struct pit_channel *c = &pit->channel[number];
    const uint32_t value = c->bcd ? from_bcd(raw) : raw;
    stop(pit, bus, number);
    c->count = value != 0 ? value : full(c);
    c->start = bus->now;
    c->counting = c->mode != MODE_ONE_SHOT && c->mode != MODE_HARD_STROBE; /* these two wait for their gate */
}

void pit_write(void *device, struct bus *bus, uint16_t port, unsigned size, uint32_t value)
{
    struct pit *pit = device;
    (void)size;
    pit_advance(pit, bus);
    if (port == PORT_COMMAND) {
        command(pit, bus, value);
        return;
    }
    const unsigned number = port & 3u;
    struct pit_channel *c = &pit->channel[number];
    if (c->access == ACCESS_LOW) {
        load(pit, bus, number, value & 0xffu);
    } else if (c->access == ACCESS_HIGH) {
        load(pit, bus, number, (value & 0xffu) << 8);
    } else if (!c->write_high) {
        c->write_low = (uint8_t)value;
        c->write_high = true;
        if (c->mode == MODE_TERMINAL)
            stop(pit, bus, number); /* by the first byte */
    } else {
        c->write_high = false;
        load(pit, bus, number, c->write_low | (value & 0xffu) << 8);
    }
}

uint32_t pit_read(void *device, struct bus *bus, uint16_t port, unsigned size)
{
    struct pit *pit = device;
    struct pit_channel *c = &pit->channel[port & 3u];
    (void)size;
    if (port == PORT_COMMAND)
        return 0xff;
    if (c->status_latched) {
        c->status_latched = false;
        return c->status;
    }
    const uint16_t value = c->latched ? c->latch : readable(c, bus);
    const bool high = c->access == ACCESS_HIGH || (c->access == ACCESS_BOTH && c->read_high);
    if (c->access == ACCESS_BOTH)
        c->read_high = !c->read_high;
    if (high || c->access == ACCESS_LOW)
        c->latched = false;
    return high ? value >> 8 : value & 0xffu;
}

/* ---- port 61H ---- */
uint32_t pit_port61_read(void *device, struct bus *bus, uint16_t port, unsigned size)
{
    enum { REFRESH_HZ = 66287 };
    const struct pit *pit = device;
    const struct pit_channel *c = &pit->channel[2];
    (void)port;
    (void)size;
    return (c->gate ? PORT61_GATE : 0u) | (pit->speaker ? PORT61_SPEAKER : 0u) | (output(c, bus) ? PORT61_OUTPUT : 0u) |
           ((bus_rescale(bus->now, bus->hz, REFRESH_HZ) & 1u) != 0 ? PORT61_REFRESH : 0u);
}

/* A rising gate starts modes 1 and 5 and restarts 2 and 3. Not modelled: a low gate that pauses modes 0 and 4. */
void pit_port61_write(void *device, struct bus *bus, uint16_t port, unsigned size, uint32_t value)
{
    struct pit *pit = device;
    struct pit_channel *c = &pit->channel[2];
    const bool gate = (value & PORT61_GATE) != 0;
    (void)port;
    (void)size;
    if (gate && !c->gate && c->mode != MODE_TERMINAL && c->mode != MODE_SOFT_STROBE) {
        c->start = bus->now;
        c->counting = true;
    }
    c->gate = gate;
    pit->speaker = (value & PORT61_SPEAKER) != 0;
}

/* ---- interrupts ---- */
/* Clocks until the output rises that rises once: a strobe is low for the clock after the last one of its count. */
static uint64_t first_rise(const struct pit_channel *c)
{
    return c->mode == MODE_SOFT_STROBE ? c->count + UINT64_C(1) : c->count;
}

/* Rises of the output of channel 0 since its count was loaded. */
static uint64_t rises(const struct pit_channel *c, uint64_t clocks)
{
    if (!c->counting)
        return 0;
    if (periodic(c))
        return clocks / c->count;
    return clocks >= first_rise(c) ? 1 : 0;
}

void pit_advance(struct pit *pit, struct bus *bus)
{
    const struct pit_channel *c = &pit->channel[0];
    const uint64_t now = rises(c, elapsed(c, bus));
    if (now == pit->interrupts)
        return;
    pit->interrupts = now; /* several rises while nobody looked are one edge */
    bus_set_line(bus, PIT_LINE, false);
    bus_set_line(bus, PIT_LINE, true);
}

uint64_t pit_deadline(const struct pit *pit, const struct bus *bus)
{
    const struct pit_channel *c = &pit->channel[0];
    if (!c->counting || (!periodic(c) && pit->interrupts != 0))
        return UINT64_MAX;
    return c->start + bus_rescale_up(periodic(c) ? (pit->interrupts + 1) * c->count : first_rise(c), PIT_HZ, bus->hz);
}
