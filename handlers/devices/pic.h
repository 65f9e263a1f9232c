/* SPDX-License-Identifier: MIT */
/* The pair of 8259A interrupt controllers of a PC. */
#ifndef DEVICES_PIC_H
#define DEVICES_PIC_H

#include "bus.h"

struct pic_chip {
    uint8_t irr, isr, imr;
    uint8_t lines;     /* levels of the inputs */
    uint8_t level;     /* ELCR: inputs that are level-triggered */
    uint8_t base;      /* ICW2: vector of input 0 */
    uint8_t lowest;    /* input of lowest priority: 7 unless rotated */
    uint8_t init_step; /* next ICW expected: 0 none, 2, 3, 4 */
    bool icw4_expected, auto_eoi, rotate_on_auto_eoi, special_mask, special_fully_nested, read_isr, poll, single;
};

struct pic {
    struct pic_chip chip[2]; /* master, slave on input 2 */
};

/* As after power-up, or set up as firmware leaves it: vectors 08H and 70H, every input masked. */
void pic_init(struct pic *pic, bool set_up);
uint32_t pic_read(void *device, struct bus *bus, uint16_t port, unsigned size);
void pic_write(void *device, struct bus *bus, uint16_t port, unsigned size, uint32_t value);
/* ELCR, 4D0H and 4D1H. */
uint32_t pic_elcr_read(void *device, struct bus *bus, uint16_t port, unsigned size);
void pic_elcr_write(void *device, struct bus *bus, uint16_t port, unsigned size, uint32_t value);
/* Input line 0 to 15 of the pair; for struct bus. */
void pic_set_line(void *pic, unsigned line, bool level);
bool pic_output(const struct pic *pic);
/* The acknowledge cycle: the vector; the spurious one when nothing asks any more. */
int pic_acknowledge(struct pic *pic);
/* The vector that an acknowledge cycle would give now. */
uint8_t pic_vector(const struct pic *pic);
/* Would a rising edge on this input, now, assert the output? */
bool pic_would_interrupt(const struct pic *pic, unsigned line);

#endif
