/* SPDX-License-Identifier: MIT */
/* The CMOS memory and real-time clock. The clock starts at a fixed date and runs with the bus's ticks, so that runs repeat. */
#include "cmos.h"

enum {
    REG_SECONDS = 0x00,
    REG_MINUTES = 0x02,
    REG_HOURS = 0x04,
    REG_WEEKDAY = 0x06,
    REG_DAY = 0x07,
    REG_MONTH = 0x08,
    REG_YEAR = 0x09,
    REG_A = 0x0a,
    REG_B = 0x0b,
    REG_C = 0x0c,
    REG_D = 0x0d,
    REG_CENTURY = 0x32
};
enum {
    A_RATE = 0xf,
    A_UPDATING = 1u << 7,
    B_24_HOURS = 1u << 1,
    B_BINARY = 1u << 2,
    B_UPDATE_IRQ = 1u << 4,
    B_PERIODIC_IRQ = 1u << 6,
    B_SET = 1u << 7
};
enum { C_UPDATE = 1u << 4, C_PERIODIC = 1u << 6, C_REQUEST = 1u << 7, D_VALID = 1u << 7, CRYSTAL_HZ = 32768 };
#define START_SECONDS UINT64_C(946684800) /* 2000-01-01 00:00:00 */

static void put(struct cmos *cmos, unsigned first, unsigned bytes, uint64_t value)
{
    for (unsigned i = 0; i < bytes; i++)
        cmos->ram[first + i] = (uint8_t)(value >> 8 * i);
}

static uint64_t at_most(uint64_t value, uint64_t limit)
{
    return value < limit ? value : limit;
}

void cmos_init(struct cmos *cmos, uint64_t ram_bytes, unsigned cpus)
{
    enum { BASE_KB = 640, EQUIPMENT_FPU = 1u << 1, EQUIPMENT_MOUSE = 1u << 2 };
    const uint64_t kb = ram_bytes >> 10, mb16 = 16 * 1024, mb64 = 64 * 1024;
    const uint64_t extended = kb > 1024 ? at_most(kb - 1024, mb64 - 1) : 0;
    *cmos = (struct cmos){.seconds_base = START_SECONDS};
    put(cmos, 0x15, 2, BASE_KB);
    put(cmos, 0x17, 2, at_most(extended, 0xffff));
    put(cmos, 0x30, 2, at_most(extended, 0xffff));
    put(cmos, 0x34, 2, kb > mb16 ? at_most((kb - mb16) / 64, 0xffff) : 0); /* above 16 MBytes, in 64 KBytes */
    cmos->ram[0x14] = EQUIPMENT_FPU | EQUIPMENT_MOUSE;
    cmos->ram[0x5f] = (uint8_t)(cpus == 0 ? 0 : cpus - 1);
    cmos->ram[0x3d] = 0x21; /* boot order: floppy after disk */
    cmos->ram[REG_A] = 0x26;
    cmos->ram[REG_B] = B_24_HOURS;
    cmos->ram[REG_D] = D_VALID;
}

/* ---- the calendar ---- */
struct date {
    unsigned year, month, day, weekday, hour, minute, second;
};

static bool leap(unsigned year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static unsigned days_in_month(unsigned year, unsigned month)
{
    static const uint8_t days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month] + (month == 1 && leap(year) ? 1u : 0u);
}

static struct date date_of(uint64_t seconds)
{
    enum { THURSDAY = 4 };
    uint64_t days = seconds / 86400;
    const unsigned rest = (unsigned)(seconds % 86400);
    struct date d = {.year = 1970, .hour = rest / 3600, .minute = rest / 60 % 60, .second = rest % 60};
    d.weekday = (unsigned)((days + THURSDAY) % 7) + 1;
    for (; days >= (leap(d.year) ? 366u : 365u); d.year++)
        days -= leap(d.year) ? 366 : 365;
    for (; days >= days_in_month(d.year, d.month); d.month++)
        days -= days_in_month(d.year, d.month);
    d.month++;
    d.day = (unsigned)days + 1;
    return d;
}

static uint64_t seconds_of(const struct date *d)
{
    uint64_t days = d->day - 1;
    for (unsigned year = 1970; year < d->year; year++)
        days += leap(year) ? 366 : 365;
    for (unsigned month = 0; month + 1 < d->month && month < 12; month++)
        days += days_in_month(d->year, month);
    return days * 86400 + d->hour * 3600u + d->minute * 60u + d->second;
}

static uint8_t encode(const struct cmos *cmos, unsigned value)
{
    return (uint8_t)((cmos->ram[REG_B] & B_BINARY) != 0 ? value : value / 10 % 10 << 4 | value % 10);
}

static unsigned decode(const struct cmos *cmos, uint8_t value)
{
    return (cmos->ram[REG_B] & B_BINARY) != 0 ? value : (value >> 4) * 10u + (value & 15u);
}

static uint8_t encode_hour(const struct cmos *cmos, unsigned hour)
{
    if ((cmos->ram[REG_B] & B_24_HOURS) != 0)
        return encode(cmos, hour);
    return (uint8_t)(encode(cmos, hour % 12 == 0 ? 12 : hour % 12) | (hour >= 12 ? 0x80u : 0u));
}

static unsigned decode_hour(const struct cmos *cmos, uint8_t value)
{
    if ((cmos->ram[REG_B] & B_24_HOURS) != 0)
        return decode(cmos, value);
    return decode(cmos, value & 0x7fu) % 12 + ((value & 0x80u) != 0 ? 12u : 0u);
}

/* The clock registers as they stand now; while B.SET is 1 they stand still. */
static void refresh(struct cmos *cmos, const struct bus *bus)
{
    if ((cmos->ram[REG_B] & B_SET) != 0)
        return;
    const struct date d = date_of(cmos->seconds_base + bus->now / bus->hz);
    cmos->ram[REG_SECONDS] = encode(cmos, d.second);
    cmos->ram[REG_MINUTES] = encode(cmos, d.minute);
    cmos->ram[REG_HOURS] = encode_hour(cmos, d.hour);
    cmos->ram[REG_WEEKDAY] = encode(cmos, d.weekday);
    cmos->ram[REG_DAY] = encode(cmos, d.day);
    cmos->ram[REG_MONTH] = encode(cmos, d.month);
    cmos->ram[REG_YEAR] = encode(cmos, d.year % 100);
    cmos->ram[REG_CENTURY] = encode(cmos, d.year / 100);
}

static void set_clock(struct cmos *cmos, const struct bus *bus)
{
    const struct date d = {.year = decode(cmos, cmos->ram[REG_CENTURY]) * 100 + decode(cmos, cmos->ram[REG_YEAR]),
                           .month = decode(cmos, cmos->ram[REG_MONTH]),
                           .day = decode(cmos, cmos->ram[REG_DAY]),
                           .hour = decode_hour(cmos, cmos->ram[REG_HOURS]),
                           .minute = decode(cmos, cmos->ram[REG_MINUTES]),
                           .second = decode(cmos, cmos->ram[REG_SECONDS])};
    if (d.year >= 1970 && d.day >= 1)
        cmos->seconds_base = seconds_of(&d) - bus->now / bus->hz;
}

static bool is_clock(unsigned index)
{
    return index <= REG_YEAR || index == REG_CENTURY;
}

/* ---- interrupts ---- */
/* Crystal cycles a period: rates 1 and 2 are those of 8 and 9. */
static uint64_t period_cycles(const struct cmos *cmos)
{
    const unsigned rate = cmos->ram[REG_A] & A_RATE;
    return rate == 0 ? 0 : UINT64_C(1) << ((rate < 3 ? rate + 7 : rate) - 1);
}

static uint64_t periods_now(const struct cmos *cmos, const struct bus *bus)
{
    const uint64_t cycles = period_cycles(cmos);
    return cycles == 0 ? 0 : bus_rescale(bus->now - cmos->period_start, bus->hz, CRYSTAL_HZ) / cycles;
}

void cmos_advance(struct cmos *cmos, struct bus *bus)
{
    uint8_t *c = &cmos->ram[REG_C];
    const uint64_t periods = periods_now(cmos, bus), updates = bus->now / bus->hz;
    if (periods != cmos->periods)
        *c |= C_PERIODIC;
    if (updates != cmos->updates)
        *c |= C_UPDATE;
    cmos->periods = periods;
    cmos->updates = updates;
    if ((*c & C_REQUEST) == 0 && (*c & cmos->ram[REG_B] & (B_PERIODIC_IRQ | B_UPDATE_IRQ)) != 0) {
        *c |= C_REQUEST;
        bus_set_line(bus, CMOS_LINE, true);
    }
}

uint64_t cmos_deadline(const struct cmos *cmos, const struct bus *bus)
{
    uint64_t deadline = UINT64_MAX;
    if ((cmos->ram[REG_C] & C_REQUEST) != 0)
        return deadline;
    const uint64_t cycles = period_cycles(cmos);
    if ((cmos->ram[REG_B] & B_PERIODIC_IRQ) != 0 && cycles != 0)
        deadline = cmos->period_start + bus_rescale_up((cmos->periods + 1) * cycles, CRYSTAL_HZ, bus->hz);
    if ((cmos->ram[REG_B] & B_UPDATE_IRQ) != 0 && (cmos->updates + 1) * bus->hz < deadline)
        deadline = (cmos->updates + 1) * bus->hz;
    return deadline;
}

/* ---- ports ---- */
uint32_t cmos_read(void *device, struct bus *bus, uint16_t port, unsigned size)
{
    struct cmos *cmos = device;
    (void)size;
    if ((port & 1u) == 0)
        return 0xff;
    cmos_advance(cmos, bus);
    if (is_clock(cmos->index))
        refresh(cmos, bus);
    const uint8_t value = cmos->ram[cmos->index];
    if (cmos->index == REG_C) {
        cmos->ram[REG_C] = 0;
        bus_set_line(bus, CMOS_LINE, false);
    }
    return value;
}

void cmos_write(void *device, struct bus *bus, uint16_t port, unsigned size, uint32_t value)
{
    struct cmos *cmos = device;
    (void)size;
    if ((port & 1u) == 0) {
        cmos->index = value & 0x7fu; /* bit 7 masks NMIs: no NMI source stands behind it */
        return;
    }
    cmos_advance(cmos, bus);
    refresh(cmos, bus);
    if (cmos->index == REG_C || cmos->index == REG_D)
        return;
    cmos->ram[cmos->index] = (uint8_t)(cmos->index == REG_A ? value & ~(uint32_t)A_UPDATING : value);
    if (cmos->index == REG_A) {
        cmos->period_start = bus->now;
        cmos->periods = 0;
    } else if (is_clock(cmos->index)) {
        set_clock(cmos, bus);
    }
}
