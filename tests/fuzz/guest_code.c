/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random instructions: arithmetic, memory, strings, jumps, x87 and SSE, what is sensitive, what faults, what changes the code. */
#include "guest_code.h"
#include "device_code.h"
#include "emit.h"
#include "shared_code.h"

enum { DATA = 0xb000, DATA_BYTES = 0x4000, CODE = 0x8000, CODE_BYTES = 0x1000 };

static uint32_t data_address(struct guest_code *c)
{
    if (c->places != NULL && chance(c, 4))
        return c->places[below(c, c->place_count)];
    const uint32_t any = DATA + below(c, DATA_BYTES);
    switch (below(c, 16)) {
    case 0:
        return (any & ~0xfffu) + 0xffc + below(c, 4); /* at the end of a page */
    case 1:
        return 0xffff - below(c, 8); /* at the end of 64 KiB */
    case 2:
        return (uint32_t)random_next(c->random);
    case 3:
        return CODE + below(c, CODE_BYTES);
    default:
        return chance(c, 2) ? any & ~15u : any;
    }
}

/* What an instruction with a ModR/M byte has for size: operand size without prefix. */
static unsigned word_bytes(const struct guest_code *c)
{
    return c->bits == 16 ? 2 : 4;
}

static void modrm_memory(struct guest_code *c, unsigned reg)
{
    const unsigned field = reg << 3;
    if (c->bits == 16) {
        if (chance(c, 2)) {
            byte(c, field | 6);
            number(c, data_address(c), 2);
        } else {
            byte(c, field | 0x40 | below(c, 8));
            byte(c, below(c, 256));
        }
    } else if (chance(c, 2)) {
        byte(c, field | 4);
        byte(c, 0x25);
        number(c, data_address(c), 4);
    } else {
        const unsigned rm = below(c, 8);
        byte(c, field | 0x40 | rm);
        if (rm == 4)
            byte(c, below(c, 256));
        byte(c, below(c, 256));
    }
}

static void modrm(struct guest_code *c, unsigned reg)
{
    if (chance(c, 3))
        byte(c, 0xc0 | reg << 3 | below(c, 8));
    else
        modrm_memory(c, reg);
}

/* Registers but the stack pointer, mostly. */
static unsigned gpr(struct guest_code *c)
{
    const unsigned reg = below(c, 8);
    return reg == 4 && !chance(c, 32) ? 3 : reg;
}

static void prefixes(struct guest_code *c)
{
    static const uint8_t any[] = {0x66, 0x67, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0xf0, 0xf2, 0xf3};
    while (chance(c, 6))
        byte(c, any[below(c, sizeof any)]);
    if (c->bits == 64 && chance(c, 2))
        byte(c, 0x40 | below(c, 16));
}

static void load_immediate(struct guest_code *c, unsigned reg, uint64_t value)
{
    byte(c, 0xb8 | reg);
    number(c, value, word_bytes(c));
}

static void arithmetic(struct guest_code *c)
{
    prefixes(c);
    const unsigned form = below(c, 4);
    byte(c, below(c, 8) << 3 | form);
    modrm(c, gpr(c));
}

static void immediate(struct guest_code *c)
{
    static const uint8_t opcodes[] = {0x80, 0x83, 0xc0, 0xc1, 0x6b};
    prefixes(c);
    byte(c, opcodes[below(c, sizeof opcodes)]);
    modrm(c, below(c, 8));
    byte(c, below(c, 256));
}

static void unary(struct guest_code *c)
{
    static const uint8_t opcodes[] = {0xf6, 0xf7, 0xfe, 0xff, 0xd0, 0xd1, 0xd2, 0xd3};
    prefixes(c);
    const unsigned opcode = opcodes[below(c, sizeof opcodes)];
    unsigned reg = below(c, 8);
    if (opcode == 0xff && !chance(c, 8))
        reg &= 1;
    if (opcode == 0xf6 || opcode == 0xf7)
        reg |= 2; /* no immediate */
    byte(c, opcode);
    modrm(c, reg);
}

static void move(struct guest_code *c)
{
    static const uint8_t opcodes[] = {0x88, 0x89, 0x8a, 0x8b, 0x8d, 0x84, 0x85, 0x86, 0x87, 0x63};
    prefixes(c);
    byte(c, opcodes[below(c, sizeof opcodes)]);
    modrm(c, gpr(c));
}

static void pointer(struct guest_code *c)
{
    const unsigned reg = gpr(c);
    load_immediate(c, reg == 4 ? 3 : reg, data_address(c));
}

static void stack(struct guest_code *c)
{
    static const uint8_t opcodes[] = {0x50, 0x51, 0x53, 0x58, 0x59, 0x5b, 0x9c, 0x9d, 0x60, 0x61,
                                      0xc9, 0x06, 0x1e, 0x1f, 0x07, 0x16, 0x17, 0x8f, 0xff};
    if (chance(c, 4))
        prefixes(c);
    const unsigned opcode = opcodes[below(c, sizeof opcodes)];
    byte(c, opcode);
    if (opcode == 0x8f)
        modrm(c, 0);
    else if (opcode == 0xff)
        modrm(c, 6);
    if (chance(c, 16)) {
        byte(c, 0xc8); /* ENTER */
        number(c, below(c, 64), 2);
        byte(c, below(c, 4));
    }
}

static void strings(struct guest_code *c)
{
    static const uint8_t opcodes[] = {0xa4, 0xa5, 0xa6, 0xa7, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf, 0x6c, 0x6d, 0x6e, 0x6f};
    load_immediate(c, 1, chance(c, 16) ? (uint32_t)random_next(c->random) : below(c, 40));
    if (chance(c, 2))
        load_immediate(c, 6, data_address(c));
    if (chance(c, 2))
        load_immediate(c, 7, data_address(c));
    if (!chance(c, 4))
        byte(c, 0xf2 + below(c, 2));
    byte(c, opcodes[below(c, sizeof opcodes)]);
}

static void two_byte(struct guest_code *c)
{
    static const uint8_t opcodes[] = {0x40, 0x45, 0x4f, 0x90, 0x9c, 0xa3, 0xab, 0xb3, 0xbb, 0xa5, 0xad, 0xaf, 0xb0, 0xb1, 0xb6,
                                      0xb7, 0xbe, 0xbf, 0xbc, 0xbd, 0xc0, 0xc1, 0xc7, 0xc8, 0x02, 0x03, 0xb2, 0xb4, 0x00};
    prefixes(c);
    byte(c, 0x0f);
    const unsigned opcode = opcodes[below(c, sizeof opcodes)];
    byte(c, opcode);
    if (opcode != 0xc8)
        modrm(c, opcode == 0xc7 ? 1 : gpr(c));
}

static void vector_unit(struct guest_code *c)
{
    static const uint8_t opcodes[] = {0x10, 0x11, 0x28, 0x29, 0x6f, 0x7f, 0x58, 0x59, 0x5c, 0xfe,
                                      0xef, 0xd4, 0x12, 0x16, 0x13, 0xe7, 0x2b, 0xc2, 0xc6};
    static const uint8_t mandatory[] = {0, 0x66, 0xf2, 0xf3};
    const unsigned prefix = mandatory[below(c, 4)];
    if (prefix != 0)
        byte(c, prefix);
    byte(c, 0x0f);
    const unsigned opcode = opcodes[below(c, sizeof opcodes)];
    byte(c, opcode);
    modrm(c, below(c, 8));
    if (opcode >= 0xc2)
        byte(c, below(c, 8));
}

static void float_unit(struct guest_code *c)
{
    if (chance(c, 8)) {
        byte(c, 0x0f);
        byte(c, 0xae);
        modrm_memory(c, below(c, 4)); /* FXSAVE, FXRSTOR, LDMXCSR, STMXCSR */
        return;
    }
    byte(c, 0xd8 + below(c, 8));
    modrm(c, below(c, 8));
}

static void flags(struct guest_code *c)
{
    static const uint8_t opcodes[] = {0xf5, 0xf8, 0xf9, 0xfa, 0xfb, 0xfb, 0xfc, 0xfd, 0x98, 0x99, 0x9e, 0x9f, 0x90, 0x27, 0x2f, 0x37, 0x3f, 0xd7};
    byte(c, opcodes[below(c, sizeof opcodes)]);
}

static void jump(struct guest_code *c)
{
    switch (below(c, 5)) {
    case 0:
        byte(c, 0x70 | below(c, 16));
        byte(c, below(c, 6)); /* may end in the middle of an instruction */
        break;
    case 1:
        byte(c, 0xe0 | below(c, 4));
        byte(c, below(c, 4));
        break;
    case 2:
        byte(c, 0xe8); /* CALL to what follows */
        number(c, 0, word_bytes(c));
        break;
    case 3:
        load_immediate(c, 1, 1 + below(c, 20));
        bytes(c, "\x40\x90\xe2\xfc", 4); /* a loop */
        break;
    default:
        byte(c, 0xeb);
        byte(c, below(c, 3));
    }
}

/* Changes the code: of this block just ahead, or of any. */
static void modify(struct guest_code *c)
{
    byte(c, 0xc6);
    const uint32_t ahead = c->offset + below(c, 48), any = CODE + below(c, CODE_BYTES);
    const uint32_t target = chance(c, 2) ? ahead : any;
    if (c->bits == 16) {
        byte(c, 6);
        number(c, target, 2);
    } else {
        byte(c, 4);
        byte(c, 0x25);
        number(c, target, 4);
    }
    byte(c, chance(c, 2) ? 0x90 : 0x40 + below(c, 0x20));
}

static void sensitive(struct guest_code *c)
{
    static const struct {
        uint8_t size;
        char text[7];
    } plain[] = {{2, "\x0f\xa2"},        {2, "\x0f\x31"},     {3, "\x0f\x01\xf9"}, {2, "\x0f\x33"},     {1, "\xf4"},
                 {2, "\xe4\x80"},        {2, "\xe6\x80"},     {1, "\xec"},         {1, "\xef"},         {2, "\x0f\x06"},
                 {2, "\x0f\x09"},        {3, "\x0f\x01\xc1"}, {3, "\x0f\x01\xd0"}, {3, "\x0f\x01\xc8"}, {3, "\x0f\x01\xf8"},
                 {2, "\xf3\x90"},        {3, "\x0f\xc7\xf0"}, {3, "\x0f\xc7\xf8"}, {2, "\x0f\x05"},     {2, "\x0f\x34"},
                 {2, "\x0f\x0b"},        {1, "\xf1"},         {1, "\xcc"},         {1, "\xce"},         {2, "\xcd\x21"},
                 {2, "\xcd\x80"},        {3, "\x0f\x01\xca"}, {3, "\x0f\x01\xcb"}, {2, "\x0f\xaa"},     {2, "\x0f\x30"},
                 {2, "\x0f\x32"},        {3, "\x0f\x78\xc0"}, {3, "\x0f\x20\xc0"}, {3, "\x0f\x20\xd8"}, {3, "\x0f\x20\xe0"},
                 {3, "\x0f\x21\xc0"},    {3, "\x0f\x21\xf0"}, {3, "\x0f\x01\xe0"}, {3, "\x0f\x00\xc8"}, {3, "\x0f\x00\xc0"},
                 {4, "\xf3\x0f\xc7\xf8"}};
    const unsigned which = below(c, sizeof plain / sizeof plain[0]);
    if (chance(c, 4))
        prefixes(c);
    bytes(c, plain[which].text, plain[which].size);
}

static void system_memory(struct guest_code *c)
{
    prefixes(c);
    byte(c, 0x0f);
    byte(c, chance(c, 4) ? 0 : 1);
    const unsigned reg = below(c, 8);
    if (c->at[-1] == 1 && (reg == 2 || reg == 3)) { /* LGDT and LIDT would end the run soon */
        modrm_memory(c, reg - 2);
        return;
    }
    if (c->at[-1] == 0)
        modrm(c, reg);
    else
        modrm_memory(c, reg == 5 ? 4 : reg);
}

static uint16_t selector(struct guest_code *c)
{
    return c->selectors[below(c, c->selector_count)];
}

static void segments(struct guest_code *c)
{
    const unsigned reg = below(c, 6);
    load_immediate(c, 0, chance(c, 16) ? random_next(c->random) & 0xffff : selector(c));
    byte(c, 0x8e);
    byte(c, 0xc0 | (reg == 1 || (reg == 2 && !chance(c, 4)) ? 3 : reg) << 3);
    if (chance(c, 4)) {
        byte(c, c->bits == 64 ? 0xcb : 0x9a + 0x50 * below(c, 2)); /* a far transfer */
        if (c->at[-1] != 0xcb) {
            number(c, CODE + below(c, 64) * 64u, word_bytes(c));
            number(c, selector(c), 2);
        }
    }
}

static void debug_registers(struct guest_code *c)
{
    const unsigned reg = below(c, 8);
    load_immediate(c, 0, reg == 7 ? random_next(c->random) & 0xffff03ff & (chance(c, 2) ? ~0x2000u : ~0u) : CODE + below(c, 0x7000));
    bytes(c, "\x0f\x23", 2);
    byte(c, 0xc0 | reg << 3);
}

static void single_step(struct guest_code *c)
{
    byte(c, 0x9c); /* PUSHF; BTS or OR of TF; POPF */
    if (c->bits == 16)
        bytes(c, "\x58\x80\xcc\x01\x50", 5);
    else
        bytes(c, "\x58\x80\xcc\x01\x50", 5);
    byte(c, 0x9d);
}

static void anything(struct guest_code *c)
{
    for (unsigned i = 1 + below(c, 8); i > 0; i--)
        byte(c, below(c, 256));
}

void guest_code_append(struct guest_code *c)
{
    static void (*const kinds[])(struct guest_code *) = {
        arithmetic,  arithmetic,    arithmetic, immediate,       immediate,   unary,   move,     move,      move,
        pointer,     pointer,       pointer,    stack,           stack,       strings, two_byte, two_byte,  vector_unit,
        vector_unit, float_unit,    flags,      flags,           jump,        jump,    modify,   sensitive, sensitive,
        sensitive,   system_memory, segments,   debug_registers, single_step, anything};
    if (c->places != NULL && chance(c, 4))
        device_code_append(c);
    else if (c->cpus != 0 && chance(c, 3))
        shared_code_append(c);
    else
        kinds[below(c, sizeof kinds / sizeof kinds[0])](c);
}

void guest_code_leave(struct guest_code *c, const uint8_t *block)
{
    const int here = (int)(c->at - block);
    const int target = (int)below(c, 4) * 64 - 64;
    if (chance(c, 3))
        return;
    byte(c, chance(c, 4) ? 0x70 | below(c, 16) : 0xeb);
    const int distance = target - here - 2;
    byte(c, (unsigned)(distance < -128 || distance > 127 ? 64 - here - 2 : distance));
}
