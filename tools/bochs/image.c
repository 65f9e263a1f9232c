/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ROM that Bochs starts instead of a BIOS: hardware image, multiboot information, scenarios, loader. */
#include "internal.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "../../handlers/bench/multiboot.h"

extern const uint8_t bochs_kernel[], bochs_kernel_end[], bochs_rom[], bochs_rom_end[];

enum {
    COPIES_MAX = 16,
    TABLE_COPIES_AT = 12,
    TABLE_COPY_BYTES = 12,
    PAGE = 4096,
    ROM_UNIT = 64 << 10,
    INFO_ADDRESS = 0x90000,
    MODULE_LIST_AT = 128, /* behind the multiboot information */
    INFO_BYTES = 256
};

struct copy {
    uint32_t from, to, bytes;
};

struct layout {
    struct bytes payload;
    struct copy copies[COPIES_MAX]; /* `from` counts in the payload until the ROM's size is known */
    uint32_t count, entry, end;     /* end: of the kernel in memory */
};

static bool add_copy(struct layout *layout, uint32_t to, const void *data, size_t size)
{
    static const uint8_t zeros[4];
    if (layout->count == COPIES_MAX)
        return false;
    layout->copies[layout->count++] = (struct copy){(uint32_t)layout->payload.size, to, (uint32_t)(size + 3) & ~3u};
    return bytes_add(&layout->payload, data, size) && bytes_add(&layout->payload, zeros, (0 - size) & 3);
}

/* The loadable segments. RAM of a fresh machine is 0, so what lies beyond a segment's bytes needs no copy. */
static bool add_kernel(struct layout *layout)
{
    Elf32_Ehdr header;
    memcpy(&header, bochs_kernel, sizeof header);
    if (memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS32)
        return false;
    layout->entry = header.e_entry;
    for (unsigned i = 0; i < header.e_phnum; i++) {
        Elf32_Phdr segment;
        memcpy(&segment, bochs_kernel + header.e_phoff + i * sizeof segment, sizeof segment);
        if (segment.p_type != PT_LOAD)
            continue;
        if (segment.p_paddr + segment.p_memsz > layout->end)
            layout->end = segment.p_paddr + segment.p_memsz;
        if (segment.p_filesz != 0 && !add_copy(layout, segment.p_paddr, bochs_kernel + segment.p_offset, segment.p_filesz))
            return false;
    }
    return true;
}

/* A kernel without an ELF header is in one piece. */
static bool add_flat_kernel(struct layout *layout, const struct bochs_flat_kernel *kernel)
{
    layout->entry = kernel->entry;
    layout->end = kernel->address + (uint32_t)kernel->size;
    return add_copy(layout, kernel->address, kernel->bytes, kernel->size);
}

static bool add_information(struct layout *layout, uint32_t module, size_t module_size, unsigned memory_mbytes)
{
    uint8_t bytes[INFO_BYTES] = {0};
    const struct multiboot_information info = {.flags = MULTIBOOT_MEMORY | (module_size != 0 ? MULTIBOOT_MODULES : 0u),
                                               .lower_kbytes = 639,
                                               .upper_kbytes = (memory_mbytes - 1) << 10,
                                               .module_count = module_size != 0,
                                               .modules = INFO_ADDRESS + MODULE_LIST_AT};
    const struct multiboot_module list = {.start = module, .end = module + (uint32_t)module_size};
    _Static_assert(sizeof info <= MODULE_LIST_AT, "the list stands behind the information");
    memcpy(bytes, &info, sizeof info);
    memcpy(bytes + MODULE_LIST_AT, &list, sizeof list);
    return add_copy(layout, INFO_ADDRESS, bytes, sizeof bytes);
}

size_t bochs_module_room(void)
{
    return BOCHS_ROM_MAX - BOCHS_LOADER_BYTES - ROM_UNIT - INFO_BYTES - (size_t)(bochs_kernel_end - bochs_kernel);
}

static void put_u32(uint8_t *at, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> 8 * i);
}

static bool add_loader(struct bytes *rom, const struct layout *layout, uint32_t first)
{
    const size_t at = rom->size;
    if (!bytes_add(rom, bochs_rom, (size_t)(bochs_rom_end - bochs_rom)))
        return false;
    uint8_t *table = rom->data + at;
    put_u32(table, layout->entry);
    put_u32(table + 4, INFO_ADDRESS);
    put_u32(table + 8, layout->count);
    for (uint32_t i = 0; i < layout->count; i++) {
        uint8_t *row = table + TABLE_COPIES_AT + i * TABLE_COPY_BYTES;
        put_u32(row, first + layout->copies[i].from);
        put_u32(row + 4, layout->copies[i].to);
        put_u32(row + 8, layout->copies[i].bytes);
    }
    return true;
}

static bool make_rom(struct bytes *rom, struct layout *layout, const void *module, size_t module_size, unsigned memory_mbytes)
{
    static const uint8_t padding[ROM_UNIT];
    const uint32_t address = (layout->end + PAGE - 1) & ~(uint32_t)(PAGE - 1);
    const bool made = add_information(layout, address, module_size, memory_mbytes) && add_copy(layout, address, module, module_size) &&
                      bytes_add(&layout->payload, padding, (0 - layout->payload.size) & (ROM_UNIT - 1));
    *rom = layout->payload;
    /* The ROM ends at 4 GBytes. */
    return made && add_loader(rom, layout, (uint32_t)(0 - (layout->payload.size + BOCHS_LOADER_BYTES)));
}

bool bochs_make_rom(struct bytes *rom, const void *module, size_t module_size, unsigned memory_mbytes)
{
    struct layout layout = {.count = 0};
    return module_size <= bochs_module_room() && add_kernel(&layout) && make_rom(rom, &layout, module, module_size, memory_mbytes);
}

bool bochs_make_rom_of(struct bytes *rom, const struct bochs_flat_kernel *kernel, unsigned memory_mbytes)
{
    struct layout layout = {.count = 0};
    return kernel->size <= BOCHS_ROM_MAX / 2 && add_flat_kernel(&layout, kernel) && make_rom(rom, &layout, "", 0, memory_mbytes);
}
