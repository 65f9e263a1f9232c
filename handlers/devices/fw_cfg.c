/* SPDX-License-Identifier: MIT */
/* The firmware configuration ports: signature, RAM size, number of CPUs and an empty file directory; other items read as zeros.
   Not modelled: the DMA interface (the identification item says so). */
#include "fw_cfg.h"

enum {
    SELECTOR_PORT = 0x510,
    ITEM_SIGNATURE = 0x00,
    ITEM_ID = 0x01,
    ITEM_RAM_SIZE = 0x03,
    ITEM_NO_GRAPHICS = 0x04,
    ITEM_CPUS = 0x05,
    ITEM_MAX_CPUS = 0x0f
};
enum { ID_TRADITIONAL = 1 };

static uint64_t number_item(const struct fw_cfg *fw, unsigned *bytes)
{
    *bytes = 2;
    switch (fw->selector & 0x3fffu) {
    case ITEM_ID:
        *bytes = 4;
        return ID_TRADITIONAL;
    case ITEM_RAM_SIZE:
        *bytes = 8;
        return fw->ram_bytes;
    case ITEM_NO_GRAPHICS:
        return 1;
    case ITEM_CPUS:
    case ITEM_MAX_CPUS:
        return fw->cpus;
    default:
        return 0;
    }
}

static uint8_t byte_at(const struct fw_cfg *fw, uint32_t offset)
{
    static const char signature[] = "QEMU"; /* what firmware looks for */
    if (fw->selector == ITEM_SIGNATURE)
        return offset < 4 ? (uint8_t)signature[offset] : 0;
    unsigned bytes;
    const uint64_t value = number_item(fw, &bytes);
    return (fw->selector & 0x8000u) == 0 && offset < bytes ? (uint8_t)(value >> 8 * offset) : 0;
}

uint32_t fw_cfg_read(void *device, struct bus *bus, uint16_t port, unsigned size)
{
    struct fw_cfg *fw = device;
    (void)bus;
    (void)size;
    if (!fw->present || port == SELECTOR_PORT)
        return UINT32_MAX;
    return byte_at(fw, fw->offset++);
}

void fw_cfg_write(void *device, struct bus *bus, uint16_t port, unsigned size, uint32_t value)
{
    struct fw_cfg *fw = device;
    (void)bus;
    (void)size;
    if (port != SELECTOR_PORT)
        return;
    fw->selector = (uint16_t)value;
    fw->offset = 0;
}
