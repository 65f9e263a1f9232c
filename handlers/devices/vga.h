/* SPDX-License-Identifier: MIT */
/* Registers of a VGA in colour text mode: what programs for text screens write and read back. The screen itself is memory at B8000H. */
#ifndef DEVICES_VGA_H
#define DEVICES_VGA_H

#include "bus.h"

enum { VGA_CRTC = 25, VGA_SEQUENCER = 5, VGA_GRAPHICS = 9, VGA_ATTRIBUTE = 21, VGA_COLOURS = 256 * 3 };

struct vga {
    uint8_t misc, crtc_index, sequencer_index, graphics_index, attribute_index;
    bool attribute_data; /* the next write to port 3C0H is data */
    uint8_t crtc[VGA_CRTC], sequencer[VGA_SEQUENCER], graphics[VGA_GRAPHICS], attribute[VGA_ATTRIBUTE];
    uint8_t colour_mask, colour_state;  /* state: 0 after a write address was given, 3 after a read address */
    uint16_t read_colour, write_colour; /* places in `colours` */
    uint8_t colours[VGA_COLOURS];
};

/* Mode 3: 80 columns, 25 lines, 16 colours; the cursor stands at the first place. */
void vga_init(struct vga *vga);
/* Ports 3C0H to 3CFH, 3D4H, 3D5H, 3DAH. */
uint32_t vga_read(void *vga, struct bus *bus, uint16_t port, unsigned size);
void vga_write(void *vga, struct bus *bus, uint16_t port, unsigned size, uint32_t value);

#endif
