/* SPDX-License-Identifier: MIT */
/* Ports by which software under test ends a machine: a status at F4H, a word at 8900H. */
#ifndef DEVICES_EXIT_PORTS_H
#define DEVICES_EXIT_PORTS_H

#include "bus.h"

enum { EXIT_STATUS_PORT = 0xf4, EXIT_WORD_PORT = 0x8900 };

struct exit_ports {
    unsigned matched; /* letters of the word so far */
};

uint32_t exit_ports_read(void *device, struct bus *bus, uint16_t port, unsigned size);
void exit_ports_write(void *device, struct bus *bus, uint16_t port, unsigned size, uint32_t value);

#endif
