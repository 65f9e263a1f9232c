/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loads a multiboot image into a bare machine. Multiboot Specification 0.6.96, "Machine state" and "Boot information format". */
#include "multiboot.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "../handlers/devices/acpi.h"
#include "../handlers/devices/memory_map.h"
#include "multiboot_image.h"

/* Loader's data in low memory, below the extended BIOS data area; interrupt vectors of real mode and the BIOS data area. */
enum {
    FIRMWARE_DATA_END = 0x600,
    DATA_FIRST = 0x90000,
    DATA_END = 0x9f000,
    LOW_MEMORY_END = MEMORY_LOW_END,
    FIRST_MEGABYTE = MEMORY_MIB,
    PAGE = 4096
};
/* Where the loader's data goes on. */
struct place {
    struct bk_machine *machine;
    uint32_t at;
};

/* Address of a copy in the loader's data, 0 when that is full. */
static uint32_t put(struct place *place, const void *bytes, uint64_t size)
{
    const uint32_t address = (place->at + 3) & ~3u;
    if (size > DATA_END - address)
        return 0;
    place->at = address + (uint32_t)size;
    return bk_write(place->machine, address, bytes, size) ? address : 0;
}

static uint32_t put_text(struct place *place, const char *text)
{
    return put(place, text, strlen(text) + 1);
}

static bool say(char error[MULTIBOOT_ERROR_BYTES], const char *text)
{
    snprintf(error, MULTIBOOT_ERROR_BYTES, "%s", text);
    return false;
}

static bool load_image(struct bk_machine *machine, const struct multiboot_request *request, const struct multiboot_image *image,
                       char error[MULTIBOOT_ERROR_BYTES])
{
    for (unsigned i = 0; i < image->segments; i++) {
        const struct multiboot_segment *s = &image->segment[i];
        if (s->address < FIRMWARE_DATA_END || (s->address < FIRST_MEGABYTE && s->address + s->memory_bytes > DATA_FIRST))
            return say(error, "a segment lies below 600H or at 90000H to FFFFFH, where firmware and the loader have their data");
        if (!bk_write(machine, s->address, request->kernel.bytes + s->from, s->file_bytes) ||
            s->address + s->memory_bytes > machine->board->ram_bytes) {
            snprintf(error, MULTIBOOT_ERROR_BYTES, "too little memory: a segment of the image ends at %" PRIX64 "H, RAM at %" PRIX64 "H",
                     s->address + s->memory_bytes, machine->board->ram_bytes);
            return false;
        }
    }
    return true;
}

/* Modules stand on page boundaries behind the image. */
static bool load_modules(struct place *place, const struct multiboot_request *request, uint64_t image_end, struct multiboot_information *info,
                         char error[MULTIBOOT_ERROR_BYTES])
{
    struct multiboot_module list[MULTIBOOT_MODULES_MAX];
    uint64_t at = image_end > FIRST_MEGABYTE ? image_end : FIRST_MEGABYTE;
    for (unsigned i = 0; i < request->module_count; i++) {
        const struct multiboot_file *m = &request->modules[i];
        at = (at + PAGE - 1) & ~(uint64_t)(PAGE - 1);
        if (!bk_write(place->machine, at, m->bytes, m->size)) {
            snprintf(error, MULTIBOOT_ERROR_BYTES, "too little memory: module %u ends at %" PRIX64 "H, RAM at %" PRIX64 "H", i + 1, at + m->size,
                     place->machine->board->ram_bytes);
            return false;
        }
        list[i] = (struct multiboot_module){.start = (uint32_t)at, .end = (uint32_t)(at + m->size), .text = put_text(place, m->text)};
        at += m->size;
        if (list[i].text == 0)
            return say(error, "the module's text is too long");
    }
    info->module_count = request->module_count;
    info->modules = put(place, list, request->module_count * sizeof list[0]);
    return info->modules != 0 || say(error, "the modules' list is too long");
}

/* Interrupt vectors of real mode: every service of a BIOS answers that it does not exist (carry flag), every other interrupt returns. */
static bool put_vectors(struct bk_machine *machine)
{
    enum { SEGMENT = 0xf000, STUBS = 0xff40, SERVICES_FIRST = 0x10, SERVICES_LAST = 0x1f, VECTORS = 256 };
    /* iret; then push bp; mov bp, sp; or byte [bp + 6], 1; pop bp; iret */
    static const uint8_t stubs[] = {0xcf, 0x55, 0x89, 0xe5, 0x80, 0x4e, 0x06, 0x01, 0x5d, 0xcf};
    uint16_t table[VECTORS][2];
    for (unsigned i = 0; i < VECTORS; i++) {
        table[i][0] = STUBS + (i >= SERVICES_FIRST && i <= SERVICES_LAST);
        table[i][1] = SEGMENT;
    }
    return bk_write(machine, 0, table, sizeof table) && bk_write(machine, (SEGMENT << 4) + STUBS, stubs, sizeof stubs);
}

/* What firmware leaves in the BIOS data area and kernels look for: COM1, the segment of the extended area, KiB of memory below it. */
static bool put_bios_data(struct bk_machine *machine)
{
    enum { COM1_AT = 0x400, EXTENDED_AREA_AT = 0x40e, LOW_KBYTES_AT = 0x413 };
    const uint16_t com1 = UART_COM1, segment = LOW_MEMORY_END >> 4, kbytes = LOW_MEMORY_END >> 10;
    const uint8_t extended_kbytes = 1;
    return bk_write(machine, COM1_AT, &com1, sizeof com1) && bk_write(machine, EXTENDED_AREA_AT, &segment, sizeof segment) &&
           bk_write(machine, LOW_KBYTES_AT, &kbytes, sizeof kbytes) && bk_write(machine, LOW_MEMORY_END, &extended_kbytes, sizeof extended_kbytes);
}

static uint32_t put_memory_map(struct place *place, struct multiboot_information *info)
{
    struct memory_range range[MEMORY_RANGES];
    struct multiboot_map_entry map[MEMORY_RANGES];
    const struct sim_board *board = place->machine->board;
    const unsigned count = memory_map(range, board->ram_bytes, board->rom_bytes);
    for (unsigned i = 0; i < count; i++)
        map[i] = (struct multiboot_map_entry){sizeof map[i] - sizeof map[i].size, range[i].first, range[i].bytes, range[i].type};
    info->map_bytes = (uint32_t)(count * sizeof map[0]);
    return put(place, map, info->map_bytes);
}

static bool put_acpi_tables(struct bk_machine *machine)
{
    uint8_t tables[ACPI_BYTES_MAX];
    const struct acpi_config config = {.address = MEMORY_TABLES, .cpus = machine->vcpu_count, .hpet = true};
    return bk_write(machine, MEMORY_TABLES, tables, acpi_tables(tables, &config));
}

bool sim_multiboot_load(struct bk_machine *machine, const struct multiboot_request *request, char error[MULTIBOOT_ERROR_BYTES])
{
    struct multiboot_image image;
    struct place place = {machine, DATA_FIRST + sizeof(struct multiboot_information)};
    struct multiboot_information info = {.flags = MULTIBOOT_MEMORY | MULTIBOOT_COMMAND_LINE | MULTIBOOT_MODULES | MULTIBOOT_MEMORY_MAP |
                                                  MULTIBOOT_LOADER_NAME,
                                         .lower_kbytes = LOW_MEMORY_END >> 10,
                                         .upper_kbytes = (uint32_t)((machine->board->ram_bytes - FIRST_MEGABYTE) >> 10)};
    const char *why = multiboot_read_image(request->kernel.bytes, request->kernel.size, &image);
    if (why != NULL)
        return say(error, why);
    if (request->module_count > MULTIBOOT_MODULES_MAX)
        return say(error, "more than 64 modules");
    if (!load_image(machine, request, &image, error) || !load_modules(&place, request, image.end, &info, error))
        return false;
    info.command_line = put_text(&place, request->kernel.text);
    info.loader_name = put_text(&place, "vmxbench");
    info.map = put_memory_map(&place, &info);
    if (info.command_line == 0 || info.map == 0 || info.loader_name == 0)
        return say(error, "the command line is too long: it and the modules' texts have 60 KBytes together");
    if (!bk_write(machine, DATA_FIRST, &info, sizeof info) || !put_bios_data(machine) || !put_vectors(machine) || !put_acpi_tables(machine))
        return say(error, "too little memory for the loader's data");
    sim_bare_start_at(machine, image.entry, MULTIBOOT_LOADER_MAGIC, DATA_FIRST);
    return true;
}
