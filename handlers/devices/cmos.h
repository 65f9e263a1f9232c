/* SPDX-License-Identifier: MIT */
/* The CMOS memory and real-time clock, MC146818, at ports 70H and 71H. */
#ifndef DEVICES_CMOS_H
#define DEVICES_CMOS_H

#include "bus.h"

enum { CMOS_BYTES = 128, CMOS_LINE = 8 };

struct cmos {
    uint8_t index;
    uint8_t ram[CMOS_BYTES];
    uint64_t seconds_base; /* seconds since 1970 at tick 0 */
    uint64_t periods;      /* periodic interrupts shown so far, counted from `period_start` */
    uint64_t period_start;
    uint64_t updates; /* seconds shown so far by update-ended interrupts */
};

/* RAM sizes go into the registers where firmware looks for them. */
void cmos_init(struct cmos *cmos, uint64_t ram_bytes, unsigned cpus);
uint32_t cmos_read(void *device, struct bus *bus, uint16_t port, unsigned size);
void cmos_write(void *device, struct bus *bus, uint16_t port, unsigned size, uint32_t value);
void cmos_advance(struct cmos *cmos, struct bus *bus);
/* Ticks of the next periodic or update-ended interrupt; UINT64_MAX: none is enabled. */
uint64_t cmos_deadline(const struct cmos *cmos, const struct bus *bus);

#endif
