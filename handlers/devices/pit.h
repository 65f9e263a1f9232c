/* SPDX-License-Identifier: MIT */
/* The 8254 interval timer with the gate and speaker port 61H of a PC. */
#ifndef DEVICES_PIT_H
#define DEVICES_PIT_H

#include "bus.h"

enum { PIT_HZ = 1193182, PIT_CHANNELS = 3, PIT_LINE = 0 };

struct pit_channel {
    uint64_t start;       /* ticks at which the count was loaded */
    uint32_t count;       /* initial count, 1 to 65536 */
    uint8_t mode, access; /* access: 1 low byte, 2 high byte, 3 low then high */
    bool bcd, gate, counting;
    bool write_high, read_high; /* which byte is next with access 3 */
    uint8_t write_low;
    bool latched, status_latched;
    uint16_t latch;
    uint8_t status;
};

struct pit {
    struct pit_channel channel[PIT_CHANNELS];
    uint64_t interrupts; /* output rises of channel 0 since its count was loaded, already shown to the interrupt controller */
    bool speaker;        /* port 61H bit 1 */
};

void pit_init(struct pit *pit);
uint32_t pit_read(void *device, struct bus *bus, uint16_t port, unsigned size);
void pit_write(void *device, struct bus *bus, uint16_t port, unsigned size, uint32_t value);
uint32_t pit_port61_read(void *device, struct bus *bus, uint16_t port, unsigned size);
void pit_port61_write(void *device, struct bus *bus, uint16_t port, unsigned size, uint32_t value);
/* Shows the interrupt controller what channel 0 has done up to bus->now. */
void pit_advance(struct pit *pit, struct bus *bus);
/* Ticks at which the output of channel 0 rises next; UINT64_MAX: it does not. */
uint64_t pit_deadline(const struct pit *pit, const struct bus *bus);

#endif
