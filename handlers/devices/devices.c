/* SPDX-License-Identifier: MIT */
/* The device set: which device answers which port and address. */
#include "devices.h"

#define AT(member) offsetof(struct hv_device_set, member)

static const struct bus_ports ports[] = {
    {DEBUG_POST, DEBUG_POST, 1, AT(debug), debug_read, debug_write},
    {DEBUG_E9, DEBUG_E9, 1, AT(debug), debug_read, debug_write},
    {DEBUG_FIRMWARE, DEBUG_FIRMWARE, 1, AT(debug), debug_read, debug_write},
};

static const struct bus_ports *ports_at(uint16_t port)
{
    for (unsigned i = 0; i < sizeof(ports) / sizeof(ports[0]); i++)
        if (port >= ports[i].first && port <= ports[i].last)
            return &ports[i];
    return NULL;
}

void devices_init(struct hv_device_set *set, const struct devices_config *config)
{
    *set = (struct hv_device_set){.config = *config};
    set->bus.hz = config->ticks_per_second;
    set->bus.context = config->context;
    set->bus.output = config->output;
    set->bus.report = config->report;
    set->bus.ipi = config->ipi;
}

uint32_t devices_port_read(struct hv_device_set *set, uint16_t port, unsigned size)
{
    const struct bus_ports *row = ports_at(port);
    if (row != NULL && size <= row->width)
        return row->read((uint8_t *)set + row->device, &set->bus, port, size);
    if (size == 1)
        return 0xff;
    const unsigned half = size / 2;
    const uint32_t low = devices_port_read(set, port, half);
    return low | devices_port_read(set, (uint16_t)(port + half), half) << 8 * half;
}

void devices_port_write(struct hv_device_set *set, uint16_t port, unsigned size, uint32_t value)
{
    const struct bus_ports *row = ports_at(port);
    if (row != NULL && size <= row->width) {
        row->write((uint8_t *)set + row->device, &set->bus, port, size, value);
        return;
    }
    if (size == 1)
        return;
    const unsigned half = size / 2;
    devices_port_write(set, port, half, value & ((1u << 8 * half) - 1));
    devices_port_write(set, (uint16_t)(port + half), half, value >> 8 * half);
}

uint64_t devices_memory_read(struct hv_device_set *set, uint64_t address, unsigned size)
{
    (void)set;
    (void)address;
    return size >= 8 ? UINT64_MAX : (UINT64_C(1) << 8 * size) - 1;
}

void devices_memory_write(struct hv_device_set *set, uint64_t address, unsigned size, uint64_t value)
{
    (void)set;
    (void)address;
    (void)size;
    (void)value;
}

void devices_advance(struct hv_device_set *set)
{
    (void)set;
}

bool devices_interrupt(const struct hv_device_set *set)
{
    (void)set;
    return false;
}

int devices_acknowledge(struct hv_device_set *set)
{
    (void)set;
    return -1;
}

uint64_t devices_deadline(const struct hv_device_set *set)
{
    (void)set;
    return UINT64_MAX;
}
