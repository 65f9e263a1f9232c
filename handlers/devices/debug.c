/* SPDX-License-Identifier: MIT */
/* Consoles of one port. The firmware console and port E9H read E9H, which tells a guest that somebody listens. */
#include "debug.h"

uint32_t debug_read(void *device, struct bus *bus, uint16_t port, unsigned size)
{
    const struct debug_ports *debug = device;
    (void)bus;
    (void)size;
    return port == DEBUG_POST ? debug->post : DEBUG_E9;
}

void debug_write(void *device, struct bus *bus, uint16_t port, unsigned size, uint32_t value)
{
    struct debug_ports *debug = device;
    (void)size;
    if (port == DEBUG_POST)
        debug->post = (uint8_t)value;
    bus_output(bus, port, (uint8_t)value);
}
