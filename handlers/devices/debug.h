/* SPDX-License-Identifier: MIT */
/* Consoles of one port: bytes written go to the bus's output. */
#ifndef DEVICES_DEBUG_H
#define DEVICES_DEBUG_H

#include "bus.h"

enum { DEBUG_POST = 0x80, DEBUG_E9 = 0xe9, DEBUG_FIRMWARE = 0x402 };

struct debug_ports {
    uint8_t post; /* last POST code */
};

uint32_t debug_read(void *device, struct bus *bus, uint16_t port, unsigned size);
void debug_write(void *device, struct bus *bus, uint16_t port, unsigned size, uint32_t value);

#endif
