/* SPDX-License-Identifier: MIT */
/* ACPI power management: event and control registers, the PM timer, and port 92H. */
#ifndef DEVICES_POWER_H
#define DEVICES_POWER_H

#include "bus.h"

enum { POWER_TIMER_HZ = 3579545, POWER_PORTS = 64, POWER_BASE = 0x600 /* where firmware puts them */ };
enum { POWER_PM1_EVENT = 0, POWER_PM1_CONTROL = 4, POWER_PM_TIMER = 8 };

struct power {
    uint16_t status, enable, control;
    uint8_t apm_command, apm_status; /* ports B2H, B3H */
    uint8_t port92;
};

/* As after reset, or as firmware leaves it: in ACPI mode. */
void power_init(struct power *power, bool acpi_mode);
/* `offset` from the base that PCI configuration space gives. */
uint32_t power_read(struct power *power, struct bus *bus, unsigned offset, unsigned size);
void power_write(struct power *power, struct bus *bus, unsigned offset, unsigned size, uint32_t value);
/* Bit 1 of port 92H: address line 20 works whatever the keyboard controller says. */
bool power_opens_a20(const struct power *power);
uint32_t power_misc_read(void *device, struct bus *bus, uint16_t port, unsigned size);
void power_misc_write(void *device, struct bus *bus, uint16_t port, unsigned size, uint32_t value);

#endif
