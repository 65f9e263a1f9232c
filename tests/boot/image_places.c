/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random instructions that put VMX structures where none belong, and that reach other processors. */
#include "image_places.h"

#include "tests/fuzz/emit.h"
#include "tests/fuzz/shared_code.h"
#include "vmx-model/vmcs.h"

enum { RAX, RCX, BITS_MAX = 3 };

/* Structures of the kernel, its code and tables, RAM's end (32 MBytes, 3 MBytes), every range of devices, ROM, what is nowhere. */
static const uint32_t places[] = {0x300000,   0x301000,   0x302000,   0x360000,   0x361000,   0x320000,   0x321000,   0x200000,
                                  0x100000,   0x8000,     0x9000,     0xa000,     0xb000,     0x1fff000,  0x2000000,  0x2ff000,
                                  0xfee00000, 0xfee00000, 0xfec00000, 0xfed00000, 0xe0000000, 0xe0008000, 0xa0000,    0xb8000,
                                  0xc0000,    0xf0000,    0xffff0000, 0xfffff000, 0xfee01000, 0xfec01000, 0xfed01000, 0xfef00000};
enum { PLACES = sizeof places / sizeof places[0] };

uint32_t image_place(struct random *random)
{
    return places[random_below(random, PLACES)];
}

/* An address of a structure, and the controls that make a processor use it. */
static const struct use {
    enum vmcs_field field;
    struct {
        uint32_t control;
        uint8_t bit;
    } bits[BITS_MAX];
} uses[] = {
    {VMCS_IO_BITMAP_A, {{0x4002, 25}}},
    {VMCS_IO_BITMAP_B, {{0x4002, 25}}},
    {VMCS_MSR_BITMAP, {{0x4002, 28}}},
    {VMCS_VIRTUAL_APIC_PAGE_ADDR, {{0x4002, 21}}},
    {VMCS_VIRTUAL_APIC_PAGE_ADDR, {{0x401e, 8}, {0x4002, 21}}},
    {VMCS_VIRTUAL_APIC_PAGE_ADDR, {{0x401e, 4}, {0x4002, 21}}},
    {VMCS_VIRTUAL_APIC_PAGE_ADDR, {{0x401e, 9}, {0x4000, 0}, {0x4002, 21}}},
    {VMCS_APIC_ACCESS_ADDR, {{0x401e, 0}}},
    {VMCS_POSTED_INTR_DESC_ADDR, {{0x4000, 7}, {0x400c, 15}, {0x401e, 9}}},
    {VMCS_EPT_POINTER, {{0x401e, 1}}},
    {VMCS_EPTP_LIST_ADDRESS, {{0x401e, 13}}},
    {VMCS_PML_ADDRESS, {{0x401e, 17}}},
    {VMCS_VMREAD_BITMAP, {{0x401e, 14}}},
    {VMCS_VMWRITE_BITMAP, {{0x401e, 14}}},
    {VMCS_VE_INFORMATION_ADDRESS, {{0x401e, 18}}},
    {VMCS_VMCS_LINK_POINTER, {{0x401e, 14}}},
    {VMCS_VM_EXIT_MSR_STORE_ADDR, {{0}}},
    {VMCS_VM_EXIT_MSR_LOAD_ADDR, {{0}}},
    {VMCS_VM_ENTRY_MSR_LOAD_ADDR, {{0}}},
    {VMCS_GUEST_CR3, {{0}}},
};

static void load(struct guest_code *c, unsigned reg, uint32_t value)
{
    byte(c, 0xb8 + reg);
    number(c, value, sizeof value);
}

static void write_field(struct guest_code *c, uint32_t encoding, uint32_t value)
{
    load(c, RCX, encoding);
    load(c, RAX, value);
    bytes(c, "\x0f\x79\xc1", 3);
}

void image_structure_append(struct guest_code *c)
{
    const struct use *use = &uses[below(c, sizeof uses / sizeof uses[0])];
    uint32_t address = image_place(c->random);
    if (use->field == VMCS_EPT_POINTER)
        address |= below(c, 8) == 0 ? below(c, 0x1000) : 0x1e;
    else if (below(c, 8) == 0)
        address += below(c, 0x1000);
    write_field(c, vmcs_fields[use->field].encoding, address);
}

/* One of the controls that a structure belongs to: VMREAD, BTS or seldom BTR, VMWRITE. */
void image_control_append(struct guest_code *c)
{
    const struct use *use = &uses[below(c, sizeof uses / sizeof uses[0])];
    const unsigned which = below(c, BITS_MAX);
    if (use->bits[which].control == 0)
        return;
    load(c, RCX, use->bits[which].control);
    bytes(c, "\x0f\x78\xc8\x0f\xba", 5);
    byte(c, below(c, 8) == 0 ? 0xf0 : 0xe8);
    byte(c, use->bits[which].bit);
    bytes(c, "\x0f\x79\xc8", 3);
}

/* Counts of the MSR lists, the index of the PML log, TPR threshold, a notification vector: small numbers, mostly. */
void image_number_append(struct guest_code *c)
{
    static const enum vmcs_field fields[] = {
        VMCS_VM_EXIT_MSR_STORE_COUNT, VMCS_VM_EXIT_MSR_LOAD_COUNT, VMCS_VM_ENTRY_MSR_LOAD_COUNT, VMCS_GUEST_PML_INDEX, VMCS_POSTED_INTR_NV,
        VMCS_GUEST_INTR_STATUS,       VMCS_TPR_THRESHOLD};
    const enum vmcs_field field = fields[below(c, sizeof fields / sizeof fields[0])];
    write_field(c, vmcs_fields[field].encoding, below(c, 8) == 0 ? (uint32_t)random_next(c->random) : below(c, 0x200) >> below(c, 9));
}

/* To the local APIC in memory: destination and command. */
void image_message_append(struct guest_code *c)
{
    enum { ASSERT = 1 << 14, NMI = 4 << 8, INIT = 5 << 8, SIPI = 6 << 8 };
    static const uint32_t commands[] = {INIT, SIPI | IMAGE_START >> 12, SIPI | IMAGE_START >> 12, SIPI | 0x9, NMI, 0x20, 0x40, 0x10};
    static const uint32_t shorthands[] = {0, 0, 0, 1 << 18, 2 << 18, 3 << 18};
    const uint32_t command =
        commands[below(c, sizeof commands / sizeof commands[0])] | shorthands[below(c, sizeof shorthands / sizeof shorthands[0])];
    if (c->bits == 16) {
        shared_code_append(c);
        return;
    }
    bytes(c, "\xc7\x04\x25\x10\x03\xe0\xfe", 7);
    number(c, below(c, 5) << 24, 4);
    bytes(c, "\xc7\x04\x25\x00\x03\xe0\xfe", 7);
    number(c, command | ASSERT, 4);
}

/* ---- the other processors ---- */
/* Behind a SIPI: a stack, then the next block of random code in real-address mode. Every vector leads here. */
void image_start(uint8_t page[IMAGE_START_BYTES], struct random *random, unsigned cpus)
{
    enum { BLOCK = 64, FIRST = 0x100, BLOCKS = (IMAGE_START_BYTES - FIRST) / BLOCK };
    static const uint16_t selectors[] = {0, IMAGE_START >> 4, 0xb00, 0xffff};
    static const uint8_t next[] = {0xbc, 0xf0, 0x6f,             /* MOV SP, 6FF0H */
                                   0x2e, 0xff, 0x06, 0xfe, 0x00, /* INC word [CS:FEH] */
                                   0x2e, 0x8b, 0x1e, 0xfe, 0x00, /* MOV BX, [CS:FEH] */
                                   0x83, 0xe3, 0x1f,             /* AND BX, 31 */
                                   0xc1, 0xe3, 0x06,             /* SHL BX, 6 */
                                   0x81, 0xc3, 0x00, 0x01,       /* ADD BX, 100H */
                                   0xff, 0xe3};                  /* JMP BX */
    memset(page, 0, IMAGE_START_BYTES);
    memcpy(page, next, sizeof next);
    for (unsigned i = 0; i < BLOCKS; i++) {
        uint8_t *block = page + FIRST + (size_t)i * BLOCK;
        struct guest_code code = {.random = random,
                                  .bits = 16,
                                  .at = block,
                                  .offset = FIRST + i * BLOCK,
                                  .selectors = selectors,
                                  .selector_count = sizeof selectors / sizeof selectors[0],
                                  .cpus = cpus};
        if (random_below(random, 8) == 0)
            shared_code_start_apic(&code);
        while (code.at <= block + BLOCK - 24 - 2) {
            if (random_below(random, 2) == 0)
                shared_code_append(&code);
            else
                guest_code_append(&code);
        }
        memcpy(code.at, "\x0f\x0b", 2); /* UD2 */
    }
}
