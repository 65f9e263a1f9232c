/* SPDX-License-Identifier: MIT */
/* The device set of a PC: what firmware and small kernels look for, behind one bus. */
#ifndef DEVICES_DEVICES_H
#define DEVICES_DEVICES_H

#include "apics.h"
#include "bus.h"
#include "cmos.h"
#include "debug.h"
#include "fw_cfg.h"
#include "pci.h"
#include "pic.h"
#include "pit.h"
#include "power.h"
#include "ps2.h"
#include "uart.h"

struct devices_config {
    uint64_t ram_bytes; /* of RAM at address 0 */
    uint64_t ticks_per_second;
    unsigned cpus;
    bool fw_cfg; /* offer the firmware configuration ports */
    void *context;
    void (*output)(void *context, unsigned port, uint8_t byte);
    void (*report)(void *context, const char *text);
    void (*ipi)(void *context, uint32_t high, uint32_t low);
};

/* May not be moved once it is initialised: the bus points into it. */
struct hv_device_set {
    struct bus bus;
    struct pic pic;
    struct pit pit;
    struct cmos cmos;
    struct uart uart;
    struct ps2 ps2;
    struct pci pci;
    struct power power;
    struct fw_cfg fw_cfg;
    struct debug_ports debug;
    struct lapics lapics;
    struct ioapic ioapic;
};

void devices_init(struct hv_device_set *set, const struct devices_config *config);
/* Ports: size 1, 2 or 4. All ones where no device answers; a write there vanishes. */
uint32_t devices_port_read(struct hv_device_set *set, uint16_t port, unsigned size);
void devices_port_write(struct hv_device_set *set, uint16_t port, unsigned size, uint32_t value);
/* Device registers in memory: size 1 to 8. */
uint64_t devices_memory_read(struct hv_device_set *set, uint64_t address, unsigned size);
void devices_memory_write(struct hv_device_set *set, uint64_t address, unsigned size, uint64_t value);
/* Lets timers catch up with bus.now. */
void devices_advance(struct hv_device_set *set);
/* The interrupt controller asserts its output; acknowledging gives the vector. */
bool devices_interrupt(const struct hv_device_set *set);
int devices_acknowledge(struct hv_device_set *set);
/* Ticks at which a timer will assert that output next, as far as is known; UINT64_MAX: none will. */
uint64_t devices_deadline(const struct hv_device_set *set);

#endif
