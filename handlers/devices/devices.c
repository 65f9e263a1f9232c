/* SPDX-License-Identifier: MIT */
/* The device set: which device answers which port and address, and how time and interrupts run between them. */
#include "devices.h"

#define AT(member) offsetof(struct hv_device_set, member)

static const struct bus_ports ports[] = {
    {0x020, 0x021, 1, AT(pic), pic_read, pic_write},
    {0x040, 0x043, 1, AT(pit), pit_read, pit_write},
    {0x060, 0x060, 1, AT(ps2), ps2_read, ps2_write},
    {0x061, 0x061, 1, AT(pit), pit_port61_read, pit_port61_write},
    {0x064, 0x064, 1, AT(ps2), ps2_read, ps2_write},
    {0x070, 0x071, 1, AT(cmos), cmos_read, cmos_write},
    {DEBUG_POST, DEBUG_POST, 1, AT(debug), debug_read, debug_write},
    {0x092, 0x092, 1, AT(power), power_misc_read, power_misc_write},
    {0x0a0, 0x0a1, 1, AT(pic), pic_read, pic_write},
    {0x0b2, 0x0b3, 1, AT(power), power_misc_read, power_misc_write},
    {DEBUG_E9, DEBUG_E9, 1, AT(debug), debug_read, debug_write},
    {UART_COM1, UART_COM1 + 7, 1, AT(uart), uart_read, uart_write},
    {DEBUG_FIRMWARE, DEBUG_FIRMWARE, 1, AT(debug), debug_read, debug_write},
    {0x4d0, 0x4d1, 1, AT(pic), pic_elcr_read, pic_elcr_write},
    {0x510, 0x510, 2, AT(fw_cfg), fw_cfg_read, fw_cfg_write},
    {0x511, 0x511, 1, AT(fw_cfg), fw_cfg_read, fw_cfg_write},
    {0xcf8, 0xcff, 4, AT(pci), pci_read, pci_write},
};

static const struct bus_memory memory[] = {
    {IOAPIC_BASE, IOAPIC_BASE + 0xfff, AT(ioapic), ioapic_read, ioapic_write},
    {LAPIC_BASE, LAPIC_BASE + 0xfff, AT(lapics), lapic_read, lapic_write},
};

void devices_init(struct hv_device_set *set, const struct devices_config *config)
{
    *set = (struct hv_device_set){.bus = {.hz = config->ticks_per_second,
                                          .context = config->context,
                                          .output = config->output,
                                          .report = config->report,
                                          .ipi = config->ipi,
                                          .lines = &set->pic,
                                          .set_line = pic_set_line}};
    set->fw_cfg = (struct fw_cfg){.present = config->fw_cfg, .ram_bytes = config->ram_bytes, .cpus = config->cpus};
    pic_init(&set->pic);
    pit_init(&set->pit);
    cmos_init(&set->cmos, config->ram_bytes, config->cpus);
    uart_init(&set->uart);
    ps2_init(&set->ps2);
    pci_init(&set->pci);
    lapics_init(&set->lapics);
    ioapic_init(&set->ioapic);
}

/* ---- ports ---- */
static const struct bus_ports *ports_at(uint16_t port)
{
    for (unsigned i = 0; i < sizeof(ports) / sizeof(ports[0]); i++)
        if (port >= ports[i].first && port <= ports[i].last)
            return &ports[i];
    return NULL;
}

/* The power-management ports stand where PCI configuration space puts them. */
static bool power_offset(const struct hv_device_set *set, uint16_t port, unsigned *offset)
{
    const uint16_t base = pci_power_base(&set->pci);
    *offset = (unsigned)port - base;
    return base != 0 && port >= base && *offset < POWER_PORTS;
}

static uint32_t cut(uint32_t value, unsigned size)
{
    return size >= 4 ? value : value & ((1u << 8 * size) - 1);
}

uint32_t devices_port_read(struct hv_device_set *set, uint16_t port, unsigned size)
{
    const struct bus_ports *row = ports_at(port);
    unsigned offset;
    if (row != NULL && size <= row->width)
        return cut(row->read((uint8_t *)set + row->device, &set->bus, port, size), size);
    if (row == NULL && power_offset(set, port, &offset))
        return cut(power_read(&set->power, &set->bus, offset, size), size);
    if (size == 1)
        return 0xff;
    const unsigned half = size / 2;
    const uint32_t low = devices_port_read(set, port, half);
    return low | devices_port_read(set, (uint16_t)(port + half), half) << 8 * half;
}

void devices_port_write(struct hv_device_set *set, uint16_t port, unsigned size, uint32_t value)
{
    const struct bus_ports *row = ports_at(port);
    unsigned offset;
    if (row != NULL && size <= row->width) {
        row->write((uint8_t *)set + row->device, &set->bus, port, size, cut(value, size));
    } else if (row == NULL && power_offset(set, port, &offset)) {
        power_write(&set->power, &set->bus, offset, size, cut(value, size));
    } else if (size > 1) {
        const unsigned half = size / 2;
        devices_port_write(set, port, half, value);
        devices_port_write(set, (uint16_t)(port + half), half, value >> 8 * half);
    }
}

/* ---- registers in memory ---- */
static const struct bus_memory *memory_at(uint64_t address)
{
    for (unsigned i = 0; i < sizeof(memory) / sizeof(memory[0]); i++)
        if (address >= memory[i].first && address <= memory[i].last)
            return &memory[i];
    return NULL;
}

uint64_t devices_memory_read(struct hv_device_set *set, uint64_t address, unsigned size)
{
    const struct bus_memory *row = memory_at(address);
    const uint64_t ones = size >= 8 ? UINT64_MAX : (UINT64_C(1) << 8 * size) - 1;
    return row == NULL ? ones : row->read((uint8_t *)set + row->device, &set->bus, address - row->first, size) & ones;
}

void devices_memory_write(struct hv_device_set *set, uint64_t address, unsigned size, uint64_t value)
{
    const struct bus_memory *row = memory_at(address);
    if (row != NULL)
        row->write((uint8_t *)set + row->device, &set->bus, address - row->first, size, value);
}

/* ---- time and interrupts ---- */
void devices_advance(struct hv_device_set *set)
{
    pit_advance(&set->pit, &set->bus);
    cmos_advance(&set->cmos, &set->bus);
}

bool devices_interrupt(const struct hv_device_set *set)
{
    return pic_output(&set->pic);
}

int devices_acknowledge(struct hv_device_set *set)
{
    return pic_acknowledge(&set->pic);
}

/* A timer behind a masked input wakes nobody. */
uint64_t devices_deadline(const struct hv_device_set *set)
{
    uint64_t deadline = UINT64_MAX;
    if (pic_would_interrupt(&set->pic, PIT_LINE))
        deadline = pit_deadline(&set->pit, &set->bus);
    if (pic_would_interrupt(&set->pic, CMOS_LINE)) {
        const uint64_t other = cmos_deadline(&set->cmos, &set->bus);
        deadline = other < deadline ? other : deadline;
    }
    return deadline;
}
