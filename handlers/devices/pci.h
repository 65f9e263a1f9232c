/* SPDX-License-Identifier: MIT */
/* PCI configuration space by mechanism #1, and the three functions of a small i440FX board. */
#ifndef DEVICES_PCI_H
#define DEVICES_PCI_H

#include "bus.h"

enum { PCI_BYTES = 256, PCI_FUNCTIONS = 3 };
enum pci_index { PCI_HOST_BRIDGE, PCI_ISA_BRIDGE, PCI_POWER };

struct pci {
    uint32_t address; /* port CF8H */
    uint8_t space[PCI_FUNCTIONS][PCI_BYTES];
    bool shadow_reported;
};

/* power_base: first port of the power-management registers as firmware has set it, 0 for not yet. */
void pci_init(struct pci *pci, uint16_t power_base);
uint32_t pci_read(void *device, struct bus *bus, uint16_t port, unsigned size);
void pci_write(void *device, struct bus *bus, uint16_t port, unsigned size, uint32_t value);
/* First port of the power-management registers; 0 while they are disabled. */
uint16_t pci_power_base(const struct pci *pci);

#endif
