/* SPDX-License-Identifier: MIT */
/* PCI configuration space: an i440FX host bridge (82441FX), a PIIX3 ISA bridge (82371SB) and the power-management function of a PIIX4 (82371AB).
   Not modelled: IDE and USB functions, and what the PAM and SMRAM registers do to memory: 640 KBytes to 1 MByte are always writable RAM. */
#include "pci.h"

enum { ADDRESS_PORT = 0xcf8, DATA_PORT = 0xcfc, RESET_PORT = 0xcf9, ENABLE = 1u << 31, RESET_NOW = 1u << 2 };
enum { PAM_FIRST = 0x59, PAM_LAST = 0x5f, PM_BASE = 0x40, PM_ENABLE = 0x80, APMC_ENABLED_BYTE = 0x5b, APMC_ENABLED = 2 };

static const struct {
    uint8_t device, function;
    uint8_t id[4];       /* vendor, device */
    uint8_t class[4];    /* revision, interface, subclass, class */
    uint8_t header_type; /* bit 7: several functions */
} functions[PCI_FUNCTIONS] = {
    [PCI_HOST_BRIDGE] = {0, 0, {0x86, 0x80, 0x37, 0x12}, {0x02, 0x00, 0x00, 0x06}, 0x00},
    [PCI_ISA_BRIDGE] = {1, 0, {0x86, 0x80, 0x00, 0x70}, {0x00, 0x00, 0x01, 0x06}, 0x80},
    [PCI_POWER] = {1, 3, {0x86, 0x80, 0x13, 0x71}, {0x03, 0x00, 0x80, 0x06}, 0x00},
};

/* Registers that software may write; all others keep their value. */
static const struct {
    uint8_t function, first, last;
} writable[] = {
    {PCI_HOST_BRIDGE, 0x50, 0x9f}, /* memory controller: PAM, SMRAM, timing */
    {PCI_ISA_BRIDGE, 0x3c, 0x3c},  {PCI_ISA_BRIDGE, 0x4c, 0x4f}, {PCI_ISA_BRIDGE, 0x60, 0x63}, {PCI_ISA_BRIDGE, 0x69, 0x72},
    {PCI_ISA_BRIDGE, 0x76, 0xae},  {PCI_POWER, 0x04, 0x05},      {PCI_POWER, 0x3c, 0x3c},      {PCI_POWER, 0x40, 0x43},
    {PCI_POWER, 0x44, 0x82},       {PCI_POWER, 0x90, 0x93},      {PCI_POWER, 0xd2, 0xd6},
};

void pci_init(struct pci *pci, uint16_t power_base)
{
    /* Firmware knows the board by these subsystem identifiers. */
    static const uint8_t subsystem[4] = {0xf4, 0x1a, 0x00, 0x11};
    *pci = (struct pci){0};
    for (unsigned f = 0; f < PCI_FUNCTIONS; f++) {
        uint8_t *space = pci->space[f];
        for (unsigned i = 0; i < 4; i++) {
            space[i] = functions[f].id[i];
            space[0x08 + i] = functions[f].class[i];
            space[0x2c + i] = subsystem[i];
        }
        space[0x0e] = functions[f].header_type;
        space[0x04] = 0x07;
        space[0x06] = 0x80;
        space[0x07] = 0x02;
    }
    pci->space[PCI_HOST_BRIDGE][PAM_FIRST] = 0x30; /* shadow RAM is there and writable */
    for (unsigned i = PAM_FIRST + 1; i <= PAM_LAST; i++)
        pci->space[PCI_HOST_BRIDGE][i] = 0x33;
    pci->space[PCI_HOST_BRIDGE][0x72] = 0x02;
    for (unsigned i = 0x60; i <= 0x63; i++)
        pci->space[PCI_ISA_BRIDGE][i] = 0x80; /* PIRQs are not routed */
    pci->space[PCI_POWER][0x3d] = 1;
    pci->space[PCI_POWER][PM_BASE] = (uint8_t)(power_base | 1u);
    pci->space[PCI_POWER][PM_BASE + 1] = (uint8_t)(power_base >> 8);
    pci->space[PCI_POWER][PM_ENABLE] = power_base != 0;
    /* There is no system-management mode: its set-up is told to be done. */
    pci->space[PCI_POWER][APMC_ENABLED_BYTE] = APMC_ENABLED;
}

static int selected(const struct pci *pci)
{
    if ((pci->address & ENABLE) == 0 || (pci->address >> 16 & 0xffu) != 0)
        return -1;
    for (int i = 0; i < PCI_FUNCTIONS; i++)
        if (functions[i].device == (pci->address >> 11 & 31u) && functions[i].function == (pci->address >> 8 & 7u))
            return i;
    return -1;
}

static bool may_write(unsigned function, unsigned reg)
{
    for (unsigned i = 0; i < sizeof(writable) / sizeof(writable[0]); i++)
        if (writable[i].function == function && reg >= writable[i].first && reg <= writable[i].last)
            return true;
    return false;
}

static void write_register(struct pci *pci, struct bus *bus, unsigned function, unsigned reg, uint8_t value)
{
    if (!may_write(function, reg))
        return;
    if (function == PCI_HOST_BRIDGE && reg >= PAM_FIRST && reg <= PAM_LAST && (value & 0x22u) != (pci->space[function][reg] & 0x22u) &&
        !pci->shadow_reported) {
        pci->shadow_reported = true;
        bus_report(bus, "PAM: write protection of shadow RAM is not modelled");
    }
    if (function == PCI_POWER && reg == PM_BASE)
        value = (value & 0xc0u) | 1u; /* 64 ports */
    pci->space[function][reg] = value;
}

/* Ports CF8H to CFFH. Only a doubleword reaches the address register; a byte at CF9H is the reset control. */
uint32_t pci_read(void *device, struct bus *bus, uint16_t port, unsigned size)
{
    const struct pci *pci = device;
    (void)bus;
    if (port < DATA_PORT)
        return port == ADDRESS_PORT && size == 4 ? pci->address : port == RESET_PORT ? 0u : UINT32_MAX;
    const int function = selected(pci);
    if (function < 0)
        return UINT32_MAX;
    const unsigned first = (pci->address & 0xfcu) + (port & 3u);
    uint32_t value = 0;
    for (unsigned i = 0; i < size && first + i < PCI_BYTES; i++)
        value |= (uint32_t)pci->space[function][first + i] << 8 * i;
    return value;
}

void pci_write(void *device, struct bus *bus, uint16_t port, unsigned size, uint32_t value)
{
    struct pci *pci = device;
    if (port < DATA_PORT) {
        if (port == ADDRESS_PORT && size == 4)
            pci->address = value;
        else if (port == RESET_PORT && size == 1 && (value & RESET_NOW) != 0)
            bus->power = BUS_RESET;
        return;
    }
    const int function = selected(pci);
    if (function < 0)
        return;
    const unsigned first = (pci->address & 0xfcu) + (port & 3u);
    for (unsigned i = 0; i < size && first + i < PCI_BYTES; i++)
        write_register(pci, bus, (unsigned)function, first + i, (uint8_t)(value >> 8 * i));
}

uint16_t pci_power_base(const struct pci *pci)
{
    const uint8_t *space = pci->space[PCI_POWER];
    return (space[PM_ENABLE] & 1u) == 0 ? 0 : (uint16_t)((space[PM_BASE] & 0xc0u) | (unsigned)space[PM_BASE + 1] << 8);
}
