/* SPDX-License-Identifier: MIT */
/* The firmware configuration ports 510H and 511H: a selector and a stream of bytes. */
#ifndef DEVICES_FW_CFG_H
#define DEVICES_FW_CFG_H

#include "bus.h"

struct fw_cfg {
    bool present;
    uint16_t selector;
    uint32_t offset;
    uint64_t ram_bytes;
    unsigned cpus;
};

uint32_t fw_cfg_read(void *device, struct bus *bus, uint16_t port, unsigned size);
void fw_cfg_write(void *device, struct bus *bus, uint16_t port, unsigned size, uint32_t value);

#endif
