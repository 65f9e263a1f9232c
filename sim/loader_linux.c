/* SPDX-License-Identifier: GPL-2.0-or-later */
/* guest = linux { kernel = file "...", initrd = file "...", append = "..." }: a bzImage in memory as a boot loader leaves it, entered at its 32-bit entry.
   "The Linux/x86 Boot Protocol". */
#include <stdlib.h>
#include <string.h>

#include "../handlers/devices/acpi.h"
#include "../handlers/devices/memory_map.h"
#include "loader.h"

/* Where things stand in low memory; the kernel knows them by the zero page. */
enum { ZERO_PAGE = 0x90000, COMMAND_LINE = 0x91000, GDT = 0x92000, PAGE = 4096, LEAST_RAM = 0x200000 };
enum { CODE_SELECTOR = 0x10, DATA_SELECTOR = 0x18, CODE_RIGHTS = 0xc09b, DATA_RIGHTS = 0xc093 };

/* Offsets in the setup header and in the zero page. */
enum {
    EXT_MEMORY_K = 0x002,
    VIDEO_MODE = 0x006,
    VIDEO_COLUMNS = 0x007,
    VIDEO_LINES = 0x00e,
    VIDEO_IS_VGA = 0x00f,
    VIDEO_POINTS = 0x010,
    ACPI_RSDP = 0x070,
    ALT_MEMORY_K = 0x1e0,
    MAP_ENTRIES = 0x1e8,
    SETUP_SECTORS = 0x1f1,
    BOOT_FLAG = 0x1fe,
    JUMP_LENGTH = 0x201,
    MAGIC = 0x202,
    VERSION = 0x206,
    LOADER_TYPE = 0x210,
    LOAD_FLAGS = 0x211,
    CODE32_START = 0x214,
    INITRD = 0x218,
    INITRD_SIZE = 0x21c,
    COMMAND_LINE_AT = 0x228,
    INITRD_MAX = 0x22c,
    COMMAND_LINE_SIZE = 0x238,
    INIT_SIZE = 0x260,
    MAP = 0x2d0,
    MAP_ENTRY_BYTES = 20
};

struct kernel {
    uint8_t *bytes;
    size_t size, setup_size;
    uint32_t start;      /* address of the protected-mode code */
    uint64_t end;        /* of the memory that it needs at once */
    uint32_t initrd_max; /* last byte that an initrd may have */
    uint32_t command_line_max;
    uint8_t page[PAGE]; /* the zero page */
};

static uint32_t get(const uint8_t *bytes, unsigned at, unsigned size)
{
    uint32_t value = 0;
    for (unsigned i = 0; i < size; i++)
        value |= (uint32_t)bytes[at + i] << 8 * i;
    return value;
}

static void put(uint8_t *bytes, unsigned at, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        bytes[at + i] = (uint8_t)(value >> 8 * i);
}

/* ---- the kernel's own header ---- */
static bool is_kernel(const struct kernel *k)
{
    return k->size > 0x290 && get(k->bytes, BOOT_FLAG, 2) == 0xaa55 && memcmp(k->bytes + MAGIC, "HdrS", 4) == 0;
}

static bool read_header(struct loader *loader, struct kernel *k)
{
    enum { SECTOR = 512, LOADED_HIGH = 1, OLDEST = 0x0203, HAS_COMMAND_LINE_SIZE = 0x0206, HAS_INIT_SIZE = 0x020a, DEFAULT_SECTORS = 4 };
    const unsigned line = loader->table->line;
    if (!is_kernel(k))
        return load_fail(loader, line, "kernel", "linux: the kernel is no bzImage: \"HdrS\" is not at 0x202");
    const uint32_t version = get(k->bytes, VERSION, 2), sectors = k->bytes[SETUP_SECTORS];
    if (version < OLDEST || (k->bytes[LOAD_FLAGS] & LOADED_HIGH) == 0)
        return load_fail(loader, line, "kernel", "linux: boot protocol %u.%02u of the kernel is too old, 2.03 and a kernel at 1 MByte are wanted",
                         version >> 8, version & 0xffu);
    k->setup_size = ((sectors != 0 ? sectors : DEFAULT_SECTORS) + 1) * (size_t)SECTOR;
    if (k->setup_size >= k->size)
        return load_fail(loader, line, "kernel", "linux: the kernel ends within its setup code");
    const uint32_t header_end = JUMP_LENGTH + 1u + k->bytes[JUMP_LENGTH];
    memcpy(k->page + SETUP_SECTORS, k->bytes + SETUP_SECTORS, header_end - SETUP_SECTORS);
    const uint64_t image = k->size - k->setup_size, needed = version >= HAS_INIT_SIZE ? get(k->bytes, INIT_SIZE, 4) : 0;
    k->start = get(k->bytes, CODE32_START, 4);
    k->end = k->start + (needed > image ? needed : image);
    k->initrd_max = get(k->bytes, INITRD_MAX, 4);
    k->command_line_max = version >= HAS_COMMAND_LINE_SIZE ? get(k->bytes, COMMAND_LINE_SIZE, 4) : 255;
    if (k->end > loader->out->guest_bytes)
        return load_fail(loader, line, "kernel", "linux: the kernel needs memory up to 0x%llx, guest RAM ends at 0x%llx (guest_ram = ...)",
                         (unsigned long long)k->end, (unsigned long long)loader->out->guest_bytes);
    return true;
}

/* ---- what it finds ---- */
static void describe_machine(const struct loader *loader, uint8_t *page)
{
    enum { TEXT_MODE_3 = 3, COLUMNS = 80, LINES = 25, POINTS = 16, UNKNOWN_LOADER = 0xff, KBYTE = 1024, EXT_MEMORY_MAX_K = 0xfc00 };
    struct memory_range map[MEMORY_RANGES];
    const unsigned ranges = memory_map(map, loader->out->guest_bytes, 0);
    const uint64_t above_k = (loader->out->guest_bytes - MEMORY_MIB) / KBYTE;
    put(page, EXT_MEMORY_K, above_k < EXT_MEMORY_MAX_K ? above_k : EXT_MEMORY_MAX_K, 2);
    put(page, ALT_MEMORY_K, above_k, 4);
    put(page, VIDEO_MODE, TEXT_MODE_3, 1);
    put(page, VIDEO_COLUMNS, COLUMNS, 1);
    put(page, VIDEO_LINES, LINES, 1);
    put(page, VIDEO_IS_VGA, 1, 1);
    put(page, VIDEO_POINTS, POINTS, 2);
    put(page, ACPI_RSDP, MEMORY_TABLES, 8);
    put(page, LOADER_TYPE, UNKNOWN_LOADER, 1);
    put(page, MAP_ENTRIES, ranges, 1);
    for (unsigned i = 0; i < ranges; i++) {
        put(page, MAP + i * MAP_ENTRY_BYTES, map[i].first, 8);
        put(page, MAP + i * MAP_ENTRY_BYTES + 8, map[i].bytes, 8);
        put(page, MAP + i * MAP_ENTRY_BYTES + 16, map[i].type, 4);
    }
}

static bool add_command_line(struct loader *loader, struct kernel *k, const struct script_value *append)
{
    const unsigned line = loader->table->line;
    const char *text = append != NULL && append->type == SCRIPT_STRING ? append->string : "";
    if (append != NULL && append->type != SCRIPT_STRING)
        return load_fail(loader, line, "append", "linux: append wants a text, the kernel's command line");
    const size_t size = strlen(text);
    if (size > k->command_line_max || size >= PAGE)
        return load_fail(loader, line, "append", "linux: the command line has %zu characters, this kernel takes %u", size, k->command_line_max);
    put(k->page, COMMAND_LINE_AT, COMMAND_LINE, 4);
    load_pack_memory(loader, COMMAND_LINE, text, size + 1);
    return true;
}

/* As high as the kernel lets it stand. */
static bool add_initrd(struct loader *loader, struct kernel *k, const struct script_value *initrd)
{
    const unsigned line = loader->table->line;
    uint8_t *bytes;
    size_t size;
    if (initrd == NULL)
        return true;
    if (!load_bytes(loader, line, initrd, "linux: initrd", &bytes, &size))
        return false;
    const uint64_t ram = loader->out->guest_bytes, top = k->initrd_max < ram ? k->initrd_max + UINT64_C(1) : ram;
    const bool fits = size <= top && (top - size) / PAGE * PAGE >= k->end;
    if (fits) {
        const uint64_t at = (top - size) / PAGE * PAGE;
        put(k->page, INITRD, at, 4);
        put(k->page, INITRD_SIZE, size, 4);
        load_pack_memory(loader, at, bytes, size);
    }
    free(bytes);
    return fits || load_fail(loader, line, "initrd", "linux: an initrd of 0x%zx bytes does not fit between the kernel's end, 0x%llx, and 0x%llx",
                             size, (unsigned long long)k->end, (unsigned long long)top);
}

static void add_acpi_tables(struct loader *loader)
{
    uint8_t tables[ACPI_BYTES_MAX];
    const struct acpi_config config = {.address = MEMORY_TABLES, .cpus = loader->out->vcpus, .hpet = true};
    const uint32_t size = acpi_tables(tables, &config);
    load_pack_memory(loader, MEMORY_TABLES, tables, size);
}

/* ---- how it is entered ---- */
static void pack_segment(struct loader *loader, enum vmx_segment_name segment, uint16_t selector, uint32_t rights)
{
    load_pack_field(loader, (enum vmcs_field)(VMCS_GUEST_ES_SELECTOR + segment), selector);
    load_pack_field(loader, (enum vmcs_field)(VMCS_GUEST_ES_BASE + segment), 0);
    load_pack_field(loader, (enum vmcs_field)(VMCS_GUEST_ES_LIMIT + segment), UINT32_MAX);
    load_pack_field(loader, (enum vmcs_field)(VMCS_GUEST_ES_AR_BYTES + segment), rights);
}

static void enter_at(struct loader *loader, uint32_t start)
{
    static const uint64_t gdt[] = {0, 0, UINT64_C(0x00cf9b000000ffff), UINT64_C(0x00cf93000000ffff)};
    uint8_t bytes[sizeof gdt];
    for (unsigned i = 0; i < sizeof gdt / sizeof gdt[0]; i++)
        put(bytes, i * 8, gdt[i], 8);
    load_pack_memory(loader, GDT, bytes, sizeof bytes);
    load_pack_field(loader, VMCS_GUEST_GDTR_BASE, GDT);
    load_pack_field(loader, VMCS_GUEST_GDTR_LIMIT, sizeof gdt - 1);
    for (unsigned segment = 0; segment <= VMX_GS; segment++)
        pack_segment(loader, (enum vmx_segment_name)segment, segment == VMX_CS ? CODE_SELECTOR : DATA_SELECTOR,
                     segment == VMX_CS ? CODE_RIGHTS : DATA_RIGHTS);
    load_pack_field(loader, VMCS_GUEST_RIP, start);
    load_pack_register(loader, VMX_RSI, ZERO_PAGE);
    loader->out->code_address = start;
}

static bool load_kernel(struct loader *loader, const struct script_table *table, struct kernel *k)
{
    const unsigned line = loader->table->line;
    const struct script_value *kernel = script_get(table, "kernel");
    if (kernel == NULL)
        return load_fail(loader, line, "linux", "linux wants a kernel: linux { kernel = file \"vmlinuz\" }");
    if (!load_bytes(loader, line, kernel, "linux: kernel", &k->bytes, &k->size) || !read_header(loader, k) ||
        !add_command_line(loader, k, script_get(table, "append")) || !add_initrd(loader, k, script_get(table, "initrd")))
        return false;
    load_pack_memory(loader, k->start, k->bytes + k->setup_size, k->size - k->setup_size);
    describe_machine(loader, k->page);
    load_pack_memory(loader, ZERO_PAGE, k->page, PAGE);
    add_acpi_tables(loader);
    enter_at(loader, k->start);
    return true;
}

bool load_linux(struct loader *loader, const struct script_value *value)
{
    static const char *const keys[] = {"kernel", "initrd", "append", NULL};
    const unsigned line = loader->table->line;
    if (!load_only_keys(loader, value->table->line, value->table, "linux", keys))
        return false;
    if (loader->mode != PACKED_MODE_PROTECTED)
        return load_fail(loader, line, "mode", "linux { } enters its kernel in protected mode: mode = \"protected\"");
    if (loader->out->guest_bytes < LEAST_RAM)
        return load_fail(loader, line, "guest_ram", "linux { } wants guest_ram = \"2M\" or more");
    struct kernel *k = pack_allocate(NULL, sizeof *k);
    *k = (struct kernel){0};
    const bool good = load_kernel(loader, value->table, k);
    free(k->bytes);
    free(k);
    return good;
}
