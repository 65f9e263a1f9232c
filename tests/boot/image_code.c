/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random instructions that root software executes: VMX instructions, control registers, MSRs, device registers. */
#include "image_code.h"

#include "image_places.h"
#include "tests/fuzz/emit.h"
#include "vmx-model/vmcs.h"

enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI };

static void word(struct guest_code *c, uint32_t value)
{
    number(c, value, sizeof value);
}

/* MOV r32, imm32 */
static void load(struct guest_code *c, unsigned reg, uint32_t value)
{
    byte(c, 0xb8 + reg);
    word(c, value);
}

/* ModR/M and what follows of one of the pointers. */
static void operand(struct guest_code *c, unsigned reg)
{
    byte(c, reg << 3 | 4);
    byte(c, 0x25);
    word(c, IMAGE_POINTERS + 8 * random_below(c->random, IMAGE_POINTER_COUNT));
}

/* Most values that software writes are small, or of a few bits, or addresses. */
static uint32_t value(struct guest_code *c)
{
    const uint32_t any = (uint32_t)random_next(c->random);
    switch (random_below(c->random, 6)) {
    case 0:
        return any;
    case 1:
        return UINT32_C(1) << (any & 31);
    case 2:
        return any & 0x7fff000;
    case 3:
        return ~(UINT32_C(1) << (any & 31));
    default:
        return any & 0xff;
    }
}

static void vmwrite(struct guest_code *c)
{
    const bool known = random_below(c->random, 16) != 0;
    load(c, RCX, known ? vmcs_fields[random_below(c->random, VMCS_FIELD_COUNT)].encoding : value(c));
    load(c, RAX, value(c));
    bytes(c, "\x0f\x79\xc8", 3);
}

static void vmread(struct guest_code *c)
{
    load(c, RCX, vmcs_fields[random_below(c->random, VMCS_FIELD_COUNT)].encoding);
    bytes(c, "\x0f\x78", 2);
    if (random_below(c->random, 2) == 0)
        byte(c, 0xc8);
    else
        operand(c, RCX);
}

static void enter(struct guest_code *c)
{
    bytes(c, random_below(c->random, 2) == 0 ? "\x0f\x01\xc2" : "\x0f\x01\xc3", 3);
}

static void region(struct guest_code *c)
{
    switch (random_below(c->random, 8)) {
    case 0:
        bytes(c, "\xf3\x0f\xc7", 3); /* VMXON */
        operand(c, 6);
        return;
    case 1:
        bytes(c, "\x66\x0f\xc7", 3); /* VMCLEAR */
        operand(c, 6);
        return;
    case 2:
        bytes(c, "\x0f\xc7", 2); /* VMPTRST */
        operand(c, 7);
        return;
    case 3:
        bytes(c, "\x0f\x01\xc1", 3); /* VMCALL */
        return;
    default:
        bytes(c, "\x0f\xc7", 2); /* VMPTRLD */
        operand(c, 6);
        return;
    }
}

static void invalidate(struct guest_code *c)
{
    load(c, RCX, random_below(c->random, 5));
    bytes(c, random_below(c->random, 2) == 0 ? "\x66\x0f\x38\x80" : "\x66\x0f\x38\x81", 4);
    operand(c, RCX);
}

/* CR0 to CR4 a bit away from what they are, or anything; seldom, since most images do not come far behind it. */
static void control_register(struct guest_code *c)
{
    static const uint8_t numbers[] = {0, 0, 3, 4, 4};
    const unsigned number = numbers[random_below(c->random, sizeof numbers)];
    if (random_below(c->random, 4) != 0)
        return;
    byte(c, 0x0f);
    byte(c, 0x20);
    byte(c, 0xc0 | number << 3);
    if (random_below(c->random, 4) == 0) {
        load(c, RAX, value(c));
    } else {
        bytes(c, "\x0f\xba\xf8", 3); /* BTC EAX */
        byte(c, random_below(c->random, 32));
    }
    byte(c, 0x0f);
    byte(c, 0x22);
    byte(c, 0xc0 | number << 3);
}

static void msr(struct guest_code *c)
{
    static const uint32_t firsts[] = {0x480, 0x800, 0x1b, 0x10, 0x174, 0x277, 0x1d9, 0xc0000080, 0xc0000100, 0x3a, 0x38f, 0xda0};
    load(c, RCX, firsts[random_below(c->random, sizeof firsts / sizeof firsts[0])] + random_below(c->random, 4) * random_below(c->random, 20));
    load(c, RAX, value(c));
    bytes(c, random_below(c->random, 2) == 0 ? "\x0f\x30" : "\x0f\x32", 2);
}

/* Registers of devices, and where nothing is. */
static void device(struct guest_code *c)
{
    static const uint32_t firsts[] = {0xfee00000, 0xfee00000, 0xfec00000, 0xfed00000, 0xe0000000, 0x0};
    load(c, RDI, firsts[random_below(c->random, sizeof firsts / sizeof firsts[0])] + (uint32_t)random_below(c->random, 0x400));
    load(c, RAX, value(c));
    bytes(c, random_below(c->random, 2) == 0 ? "\x89\x07" : "\x8b\x07", 2);
}

static void port(struct guest_code *c)
{
    /* not those that end the run: F4H, 64H, 92H, CF9H, 8900H and power management */
    static const uint16_t firsts[] = {0x20, 0xa0, 0x40, 0x70, 0x3f8, 0x4d0, 0x61, 0xcf8, 0x402};
    const uint16_t first = firsts[random_below(c->random, sizeof firsts / sizeof firsts[0])];
    load(c, RDX, first + random_below(c->random, first == 0xcf8 ? 1 : 4));
    load(c, RAX, value(c));
    byte(c, (random_below(c->random, 2) == 0 ? 0xec : 0xee) | (first == 0xcf8));
}

static void wait(struct guest_code *c)
{
    static const char *const waits[] = {"\xfb\x90\xfa", "\xf3\x90\x90", "\x0f\x01\xc4", "\xfb\xf4\x90"}; /* STI NOP CLI, PAUSE, VMXOFF, STI HLT */
    bytes(c, waits[random_below(c->random, random_below(c->random, 8) == 0 ? 4 : 3)], 3);
}

/* VMXOFF, VMXON, VMPTRLD: regions anywhere. */
static void once_more(struct guest_code *c)
{
    bytes(c, "\x0f\x01\xc4\xf3\x0f\xc7", 6);
    operand(c, 6);
    bytes(c, "\x0f\xc7", 2);
    operand(c, 6);
}

void image_code_append(struct guest_code *code)
{
    static void (*const kinds[])(struct guest_code *) = {vmwrite,
                                                         vmread,
                                                         enter,
                                                         enter,
                                                         enter,
                                                         region,
                                                         invalidate,
                                                         msr,
                                                         device,
                                                         port,
                                                         wait,
                                                         enter,
                                                         control_register,
                                                         image_structure_append,
                                                         image_structure_append,
                                                         image_control_append,
                                                         image_control_append,
                                                         image_number_append,
                                                         once_more};
    const unsigned kind = random_below(code->random, sizeof kinds / sizeof kinds[0] + (code->cpus > 1 ? 4 : 0));
    if (kind < sizeof kinds / sizeof kinds[0])
        kinds[kind](code);
    else
        image_message_append(code);
}

void image_pointers(struct random *random, uint64_t pointer[IMAGE_POINTER_COUNT])
{
    static const uint64_t addresses[] = {0x300000, 0x301000, 0x301000, 0x302000, 0x303000, 0x304000};
    for (unsigned i = 0; i < IMAGE_POINTER_COUNT; i++) {
        pointer[i] = addresses[random_below(random, sizeof addresses / sizeof addresses[0])];
        if (random_below(random, 3) == 0)
            pointer[i] = image_place(random);
        if (random_below(random, 8) == 0)
            pointer[i] = random_next(random) >> random_below(random, 40);
    }
}
