/* SPDX-License-Identifier: MIT */
/* A write of N to port F4H tells the exit status 2N + 1; "Shutdown", letter by letter at port 8900H, turns power off. What becomes of a status is up to
   whoever drives the bus. */
#include "exit_ports.h"

uint32_t exit_ports_read(void *device, struct bus *bus, uint16_t port, unsigned size)
{
    (void)device;
    (void)bus;
    (void)port;
    (void)size;
    return UINT32_MAX;
}

static void match(struct exit_ports *ports, struct bus *bus, char letter)
{
    static const char word[] = "Shutdown";
    if (letter != word[ports->matched])
        ports->matched = letter == word[0] ? 1 : 0;
    else if (word[++ports->matched] == '\0') {
        ports->matched = 0;
        bus->power = BUS_OFF;
    }
}

void exit_ports_write(void *device, struct bus *bus, uint16_t port, unsigned size, uint32_t value)
{
    (void)size;
    if (port == EXIT_WORD_PORT) {
        match(device, bus, (char)value);
        return;
    }
    bus->has_status = true;
    bus->status = value * 2 + 1;
}
