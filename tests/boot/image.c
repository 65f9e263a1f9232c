/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random multiboot images that mean harm, each a function of a number. */
#include "image.h"

#include <stdio.h>
#include <string.h>

#include "image_code.h"
#include "image_places.h"

const char *const image_kind_names[IMAGE_KINDS] = {"hypervisor", "damaged", "kernel", "bytes"};

/* What hostile.asm and kernel.inc have: where blocks go, paging structures, the VMCS, the descriptor tables' page. */
enum { HEADER_BYTES = 32, CPUS_AT = HEADER_BYTES, LOAD = 0x100000, BLOCKS = 0x8000, GUEST_BLOCKS = 0x9000, BLOCK_BYTES = 64, BLOCK_COUNT = 64 };
enum { TABLES = 0x200000, TABLES_BYTES = 0x4000, REGIONS = 0x300000, REGION_COUNT = 5, PAGE_BYTES = 0x1000, EPT_TABLES = 0x320000, DATA = 0xb000 };

static const unsigned hosts[] = {32, 36, 64};

static struct image_patch *patch(struct image *image, hpa_t address, uint32_t size)
{
    struct image_patch *p = &image->patch[image->patches++];
    p->address = address;
    p->size = size;
    return p;
}

static bool read_kernel(struct image *image, const char *name, unsigned host)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s-%u.bin", KERNELS, name, host);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return false;
    image->size = fread(image->bytes, 1, sizeof image->bytes, file);
    fclose(file);
    image->bytes[CPUS_AT] = (uint8_t)image->cpus;
    return image->size > HEADER_BYTES && image->size < sizeof image->bytes;
}

/* Blocks of two or three random things each; a block ends in UD2, which leads to the next one. */
static void write_blocks(struct image *image, struct random *random, unsigned bits, hpa_t address, bool root)
{
    struct image_patch *p = patch(image, address, BLOCK_COUNT * BLOCK_BYTES);
    static const uint16_t selectors[] = {0x08, 0x10, 0x1b, 0x23, 0x38, 0x40};
    memset(p->bytes, 0, p->size);
    for (unsigned i = 0; i < BLOCK_COUNT; i++) {
        uint8_t *block = p->bytes + (size_t)i * BLOCK_BYTES;
        struct guest_code code = {.random = random,
                                  .bits = bits,
                                  .at = block,
                                  .offset = (uint32_t)address + i * BLOCK_BYTES,
                                  .selectors = selectors,
                                  .selector_count = sizeof selectors / sizeof selectors[0],
                                  .cpus = image->cpus};
        while (code.at <= block + BLOCK_BYTES - IMAGE_CODE_BYTES - 2) {
            if (root && random_below(random, 4) != 0)
                image_code_append(&code);
            else
                guest_code_append(&code);
        }
        memcpy(code.at, root ? "\x0f\x0b" : "\x0f\xa2", 2); /* UD2, CPUID */
    }
}

/* Few of its bits are set. */
static uint64_t few_bits(struct random *random)
{
    const uint64_t any = random_next(random);
    return any & random_next(random);
}

static void write_options(struct image *image, struct random *random)
{
    const uint32_t pin = (uint32_t)few_bits(random), primary = (uint32_t)random_next(random) & 0x7a200088,
                   secondary = (uint32_t)few_bits(random) & 0x3ffff;
    const uint32_t options[] = {pin & 0x69, primary | (random_below(random, 4) != 0 ? 1u << 31 : 0u), secondary};
    memcpy(image->bytes + image->size - sizeof options, options, sizeof options);
}

static void write_memory(struct image *image, struct random *random)
{
    struct image_patch *p = patch(image, IMAGE_POINTERS, IMAGE_POINTER_COUNT * 8);
    uint64_t pointer[IMAGE_POINTER_COUNT];
    image_pointers(random, pointer);
    memcpy(p->bytes, pointer, p->size);
    p = patch(image, DATA, PAGE_BYTES);
    for (unsigned i = 0; i < p->size; i++)
        p->bytes[i] = (uint8_t)few_bits(random);
}

/* The others' code, vectors of real-address mode that lead to it, and a region for VMX at the very end of RAM. */
static void write_rest(struct image *image, struct random *random)
{
    const uint32_t vector = IMAGE_START >> 4 << 16, revision = (uint32_t)image->caps->basic & 0x7fffffff;
    struct image_patch *p = patch(image, image->ram_bytes - PAGE_BYTES, sizeof revision);
    memcpy(p->bytes, &revision, sizeof revision);
    if (image->cpus == 1)
        return;
    p = patch(image, 0, 0x400);
    for (unsigned i = 0; i < p->size; i += sizeof vector)
        memcpy(p->bytes + i, &vector, sizeof vector);
    p = patch(image, IMAGE_START, IMAGE_START_BYTES);
    image_start(p->bytes, random, image->cpus);
}

/* A VMCS region of random bytes; its revision is that of the processor, for most. */
static void damage_region(struct image *image, struct random *random)
{
    struct image_patch *p = patch(image, REGIONS + PAGE_BYTES * (hpa_t)random_below(random, REGION_COUNT), PAGE_BYTES);
    for (unsigned i = 0; i < p->size; i++)
        p->bytes[i] = (uint8_t)random_next(random);
    const uint32_t revision = (uint32_t)image->caps->basic & 0x7fffffff;
    if (random_below(random, 4) != 0)
        memcpy(p->bytes, &revision, sizeof revision);
}

/* Entries that lead back to the tables themselves, nowhere, or anywhere. They are written behind the loader, so the kernel's own code writes some of
   them again; what it leaves alone stays. */
static void damage_tables(struct image *image, struct random *random)
{
    const hpa_t tables = random_below(random, 2) == 0 ? TABLES : EPT_TABLES;
    struct image_patch *p = patch(image, tables + 8 * (hpa_t)random_below(random, TABLES_BYTES / 8), 8);
    uint64_t entry = tables + PAGE_BYTES * (uint64_t)random_below(random, 4) + 7;
    if (random_below(random, 2) == 0)
        entry = random_next(random) >> random_below(random, 60);
    memcpy(p->bytes, &entry, sizeof entry);
}

/* Bytes of the kernel: code, descriptors, whatever stands there. */
static void damage_kernel(struct image *image, struct random *random, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        image->bytes[HEADER_BYTES + 4 + random_below(random, (unsigned)image->size - HEADER_BYTES - 4)] = (uint8_t)random_next(random);
}

static bool make_hypervisor(struct image *image, struct random *random)
{
    const unsigned host = hosts[random_below(random, 3)], bits = host == 64 ? 64 : 32;
    if (!read_kernel(image, "hostile", host))
        return false;
    write_options(image, random);
    write_memory(image, random);
    write_blocks(image, random, bits, BLOCKS, true);
    write_blocks(image, random, bits, GUEST_BLOCKS, false);
    write_rest(image, random);
    if (image->kind != IMAGE_DAMAGED)
        return true;
    for (unsigned i = 0; i < 3; i++)
        damage_region(image, random);
    for (unsigned i = 0; i < 4; i++)
        damage_tables(image, random);
    damage_kernel(image, random, random_below(random, 4));
    return true;
}

static bool make_kernel(struct image *image, struct random *random)
{
    static const char *const names[] = {"aborts", "apic", "capabilities", "extended", "features", "instructions", "modes", "smp", "transitions"};
    if (!read_kernel(image, names[random_below(random, sizeof names / sizeof names[0])], hosts[random_below(random, 3)]))
        return false;
    damage_kernel(image, random, 1 + random_below(random, 40));
    return true;
}

static void make_bytes(struct image *image, struct random *random)
{
    const uint32_t header[] = {0x1badb002, 0x10003, 0u - (0x1badb002u + 0x10003u), LOAD, LOAD, 0, LOAD + 0x10000, LOAD + HEADER_BYTES};
    image->size = 0x4000;
    memcpy(image->bytes, header, sizeof header);
    for (size_t i = HEADER_BYTES; i < image->size; i++)
        image->bytes[i] = (uint8_t)random_next(random);
}

bool image_make(struct image *image, uint64_t number)
{
    struct random random = {.state = number};
    static const enum image_kind kinds[] = {IMAGE_HYPERVISOR, IMAGE_HYPERVISOR, IMAGE_DAMAGED, IMAGE_KERNEL, IMAGE_KERNEL, IMAGE_BYTES};
    memset(image, 0, sizeof *image);
    image->kind = kinds[random_below(&random, sizeof kinds / sizeof kinds[0])];
    image->caps = &vmx_profiles[random_below(&random, vmx_profile_count)];
    image->cpus = random_below(&random, 2) == 0 ? 1 + random_below(&random, 4) : 1;
    image->ram_bytes = (random_below(&random, 8) == 0 ? UINT64_C(3) : UINT64_C(32)) << 20;
    switch (image->kind) {
    case IMAGE_HYPERVISOR:
    case IMAGE_DAMAGED:
        return make_hypervisor(image, &random);
    case IMAGE_KERNEL:
        return make_kernel(image, &random);
    case IMAGE_BYTES:
    case IMAGE_KINDS:
        break;
    }
    make_bytes(image, &random);
    return true;
}
