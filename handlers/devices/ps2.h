/* SPDX-License-Identifier: MIT */
/* The 8042 keyboard controller with a keyboard that nobody types on and no mouse. */
#ifndef DEVICES_PS2_H
#define DEVICES_PS2_H

#include "bus.h"

enum { PS2_QUEUE = 16, PS2_KEYBOARD_LINE = 1, PS2_MOUSE_LINE = 12 };

struct ps2 {
    uint8_t command_byte, output_port, last_command; /* last_command: controller command that waits for its data byte */
    uint8_t keyboard_command;                        /* keyboard command that waits for its data byte */
    uint8_t scan_set;
    uint8_t queue[PS2_QUEUE];
    bool from_controller[PS2_QUEUE];
    unsigned first, count;
};

void ps2_init(struct ps2 *ps2);
/* Bit 1 of the output port, which commands D1H, DDH and DFH change. */
bool ps2_opens_a20(const struct ps2 *ps2);
uint32_t ps2_read(void *device, struct bus *bus, uint16_t port, unsigned size);
void ps2_write(void *device, struct bus *bus, uint16_t port, unsigned size, uint32_t value);

#endif
