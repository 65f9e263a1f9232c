/* SPDX-License-Identifier: MIT */
/* Registers of a VGA in colour text mode. Not modelled: graphics modes, fonts, planes of memory: memory from A0000H is plain RAM whatever they say. */
#include "vga.h"

enum port {
    ATTRIBUTE_WRITE = 0x3c0,
    ATTRIBUTE_READ = 0x3c1,
    MISC_WRITE = 0x3c2,
    SEQUENCER_INDEX = 0x3c4,
    SEQUENCER_DATA = 0x3c5,
    COLOUR_MASK = 0x3c6,
    COLOUR_READ_AT = 0x3c7,
    COLOUR_WRITE_AT = 0x3c8,
    COLOUR_DATA = 0x3c9,
    MISC_READ = 0x3cc,
    GRAPHICS_INDEX = 0x3ce,
    GRAPHICS_DATA = 0x3cf,
    CRTC_INDEX = 0x3d4,
    CRTC_DATA = 0x3d5,
    STATUS_1 = 0x3da
};
enum { COLOUR_READING = 3, ATTRIBUTE_INDEX_BITS = 0x3f };

void vga_init(struct vga *vga)
{
    static const struct vga mode_3 = {.misc = 0x67,
                                      .crtc = {0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0x00, 0x4f, 0x0d, 0x0e, 0,
                                               0,    0,    0,    0x9c, 0x8e, 0x8f, 0x28, 0x1f, 0x96, 0xb9, 0xa3, 0xff},
                                      .sequencer = {0x03, 0x00, 0x03, 0x00, 0x02},
                                      .graphics = {0, 0, 0, 0, 0, 0x10, 0x0e, 0x0f, 0xff},
                                      .attribute = {0, 1, 2, 3, 4, 5, 0x14, 7, 0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d, 0x3e, 0x3f, 0x0c, 0, 0x0f, 8, 0},
                                      .colour_mask = 0xff};
    *vga = mode_3;
}

/* Registers beyond the last one read 0 and take nothing. */
static uint8_t get(const uint8_t *regs, unsigned count, unsigned index)
{
    return index < count ? regs[index] : 0;
}

static void set(uint8_t *regs, unsigned count, unsigned index, uint32_t value)
{
    if (index < count)
        regs[index] = (uint8_t)value;
}

/* ---- the beam ---- */
/* 70 frames a second of 449 lines, 400 of which show; of each line the last fifth is blank. */
static uint32_t status_1(const struct bus *bus)
{
    enum {
        FRAMES = 70,
        LINES = 449,
        SHOWN = 400,
        RETRACE_FIRST = 412,
        RETRACE_END = 414,
        PARTS = 100,
        SHOWN_PARTS = 80,
        BLANK = 1u << 0,
        RETRACE = 1u << 3
    };
    const uint64_t parts = bus_rescale(bus->now, bus->hz, (uint64_t)FRAMES * LINES * PARTS);
    const uint64_t line = parts / PARTS % LINES, part = parts % PARTS;
    return (line >= SHOWN || part >= SHOWN_PARTS ? BLANK : 0u) | (line >= RETRACE_FIRST && line < RETRACE_END ? RETRACE : 0u);
}

/* ---- palette ---- */
static uint32_t read_colour(struct vga *vga)
{
    const uint8_t value = vga->colours[vga->read_colour % VGA_COLOURS];
    vga->read_colour = (uint16_t)((vga->read_colour + 1) % VGA_COLOURS);
    return value;
}

static void write_colour(struct vga *vga, uint32_t value)
{
    vga->colours[vga->write_colour % VGA_COLOURS] = value & 0x3fu;
    vga->write_colour = (uint16_t)((vga->write_colour + 1) % VGA_COLOURS);
}

static void write_attribute(struct vga *vga, uint32_t value)
{
    if (vga->attribute_data)
        set(vga->attribute, VGA_ATTRIBUTE, vga->attribute_index & 0x1fu, value);
    else
        vga->attribute_index = value & ATTRIBUTE_INDEX_BITS;
    vga->attribute_data = !vga->attribute_data;
}

/* ---- ports ---- */
uint32_t vga_read(void *device, struct bus *bus, uint16_t port, unsigned size)
{
    struct vga *vga = device;
    (void)size;
    switch (port) {
    case ATTRIBUTE_WRITE:
        return vga->attribute_index;
    case ATTRIBUTE_READ:
        return get(vga->attribute, VGA_ATTRIBUTE, vga->attribute_index & 0x1fu);
    case SEQUENCER_INDEX:
        return vga->sequencer_index;
    case SEQUENCER_DATA:
        return get(vga->sequencer, VGA_SEQUENCER, vga->sequencer_index);
    case COLOUR_MASK:
        return vga->colour_mask;
    case COLOUR_READ_AT:
        return vga->colour_state;
    case COLOUR_WRITE_AT:
        return vga->write_colour / 3u;
    case COLOUR_DATA:
        return read_colour(vga);
    case MISC_READ:
        return vga->misc;
    case GRAPHICS_INDEX:
        return vga->graphics_index;
    case GRAPHICS_DATA:
        return get(vga->graphics, VGA_GRAPHICS, vga->graphics_index);
    case CRTC_INDEX:
        return vga->crtc_index;
    case CRTC_DATA:
        return get(vga->crtc, VGA_CRTC, vga->crtc_index);
    case STATUS_1:
        vga->attribute_data = false;
        return status_1(bus);
    default:
        return 0;
    }
}

/* While bit 7 of register 11H is set, the timing in registers 0 to 7 is protected; bit 4 of register 7 is not. */
static void write_crtc(struct vga *vga, uint32_t value)
{
    enum { PROTECT_REGISTER = 0x11, PROTECT = 0x80, OVERFLOW = 7, LINE_COMPARE = 0x10 };
    const unsigned index = vga->crtc_index;
    if (index <= OVERFLOW && (vga->crtc[PROTECT_REGISTER] & PROTECT) != 0) {
        if (index == OVERFLOW)
            vga->crtc[OVERFLOW] = (uint8_t)((vga->crtc[OVERFLOW] & ~(unsigned)LINE_COMPARE) | (value & LINE_COMPARE));
        return;
    }
    set(vga->crtc, VGA_CRTC, index, value);
}

void vga_write(void *device, struct bus *bus, uint16_t port, unsigned size, uint32_t value)
{
    struct vga *vga = device;
    (void)bus;
    (void)size;
    switch (port) {
    case ATTRIBUTE_WRITE:
        write_attribute(vga, value);
        return;
    case MISC_WRITE:
        vga->misc = (uint8_t)value;
        return;
    case SEQUENCER_INDEX:
        vga->sequencer_index = (uint8_t)value;
        return;
    case SEQUENCER_DATA:
        set(vga->sequencer, VGA_SEQUENCER, vga->sequencer_index, value);
        return;
    case COLOUR_MASK:
        vga->colour_mask = (uint8_t)value;
        return;
    case COLOUR_READ_AT:
        vga->read_colour = (uint16_t)(value * 3);
        vga->colour_state = COLOUR_READING;
        return;
    case COLOUR_WRITE_AT:
        vga->write_colour = (uint16_t)(value * 3);
        vga->colour_state = 0;
        return;
    case COLOUR_DATA:
        write_colour(vga, value);
        return;
    case GRAPHICS_INDEX:
        vga->graphics_index = (uint8_t)value;
        return;
    case GRAPHICS_DATA:
        set(vga->graphics, VGA_GRAPHICS, vga->graphics_index, value);
        return;
    case CRTC_INDEX:
        vga->crtc_index = (uint8_t)value;
        return;
    case CRTC_DATA:
        write_crtc(vga, value);
        return;
    default:
        return;
    }
}
