/* SPDX-License-Identifier: MIT */
/* The bus between devices and whoever drives them, by VM exits or on a bare machine: time, interrupt lines, console bytes.
   A device is a plain struct; its functions get the bus for everything else. Nothing here allocates or keeps global state. */
#ifndef DEVICES_BUS_H
#define DEVICES_BUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum bus_power { BUS_RUNNING, BUS_RESET, BUS_OFF };

/* What reaches a processor beside interrupts with a vector; SIPI carries one, of the start address. */
enum bus_signal { BUS_SIGNAL_NMI, BUS_SIGNAL_INIT, BUS_SIGNAL_SIPI, BUS_SIGNAL_SMI };

/* An interrupt message to local APICs. Delivery modes as in the interrupt command register. */
enum bus_delivery { BUS_FIXED, BUS_LOWEST_PRIORITY, BUS_SMI, BUS_RESERVED, BUS_NMI, BUS_INIT, BUS_STARTUP, BUS_EXTINT };
struct bus_message {
    uint32_t destination;
    enum bus_delivery mode;
    uint8_t vector;
    bool logical, level;
    bool wide; /* the destination has 32 bits, not 8 */
};

struct bus {
    uint64_t now;         /* ticks; the driver sets it before every call */
    uint64_t hz;          /* ticks a second */
    unsigned cpu;         /* which CPU accesses a device; the driver sets it too */
    enum bus_power power; /* what the guest asked for */
    bool has_status;      /* the guest wrote an exit status */
    unsigned status;
    void *context; /* of the two calls below; any call may be NULL */
    void (*output)(void *context, unsigned port, uint8_t byte);
    void (*report)(void *context, const char *text);
    void *signals; /* of this call */
    void (*signal)(void *signals, unsigned cpu, enum bus_signal signal, uint8_t vector);
    void *set; /* the interrupt controllers behind these calls */
    void (*set_line)(void *set, unsigned line, bool level);
    void (*set_wire)(void *set, bool isa, unsigned number, bool level); /* an ISA line, or an input of the I/O APIC alone */
    bool (*message)(void *set, const struct bus_message *message);      /* true: accepted */
    void (*end_of_interrupt)(void *set, uint8_t vector);
};

/* A range of ports that one device answers. Accesses wider than `width` bytes arrive as several, lowest port first. */
struct bus_ports {
    uint16_t first, last, width;
    size_t device; /* offset of the device in the device set */
    uint32_t (*read)(void *device, struct bus *bus, uint16_t port, unsigned size);
    void (*write)(void *device, struct bus *bus, uint16_t port, unsigned size, uint32_t value);
};

/* A range of device registers in memory; `offset` counts from `first`. */
struct bus_memory {
    uint64_t first, last;
    size_t device;
    uint64_t (*read)(void *device, struct bus *bus, uint64_t offset, unsigned size);
    void (*write)(void *device, struct bus *bus, uint64_t offset, unsigned size, uint64_t value);
};

static inline void bus_set_line(struct bus *bus, unsigned line, bool level)
{
    if (bus->set_line != NULL)
        bus->set_line(bus->set, line, level);
}

static inline void bus_set_wire(struct bus *bus, bool isa, unsigned number, bool level)
{
    if (bus->set_wire != NULL)
        bus->set_wire(bus->set, isa, number, level);
}

static inline void bus_send_signal(struct bus *bus, unsigned cpu, enum bus_signal signal, uint8_t vector)
{
    if (bus->signal != NULL)
        bus->signal(bus->signals, cpu, signal, vector);
}

static inline bool bus_send_message(struct bus *bus, const struct bus_message *message)
{
    return bus->message != NULL && bus->message(bus->set, message);
}

static inline void bus_output(struct bus *bus, unsigned port, uint8_t byte)
{
    if (bus->output != NULL)
        bus->output(bus->context, port, byte);
}

static inline void bus_report(struct bus *bus, const char *text)
{
    if (bus->report != NULL)
        bus->report(bus->context, text);
}

/* count / from seconds, in units of 1 / to seconds, rounded down. */
static inline uint64_t bus_rescale(uint64_t count, uint64_t from, uint64_t to)
{
    return count / from * to + count % from * to / from;
}

/* The same rounded up. */
static inline uint64_t bus_rescale_up(uint64_t count, uint64_t from, uint64_t to)
{
    return count / from * to + (count % from * to + from - 1) / from;
}

#endif
