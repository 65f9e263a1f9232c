/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random instructions that reach devices: ports, strings over page ends, registers in memory by unusual instructions, code among the devices. */
#include "device_code.h"
#include "emit.h"

enum { RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI };
enum { OPERAND_16 = 0x66, ADDRESS_16 = 0x67, LOCK = 0xf0 };

/* MOV r32, imm32 */
static void load(struct guest_code *c, unsigned reg, uint32_t value)
{
    if (c->bits == 16)
        byte(c, OPERAND_16);
    byte(c, 0xb8 + reg);
    memcpy(c->at, &value, sizeof value);
    c->at += sizeof value;
}

static uint32_t place(struct guest_code *c)
{
    return c->places[below(c, c->place_count)] + (below(c, 4) == 0 ? below(c, 0x400) : 0);
}

/* Values that registers of devices take: anything, one bit, or small. */
static uint32_t value(struct guest_code *c)
{
    const uint32_t any = (uint32_t)random_next(c->random);
    switch (below(c, 4)) {
    case 0:
        return any;
    case 1:
        return UINT32_C(1) << (any & 31);
    case 2:
        return 0x80000000 | (any & 0x1fff); /* an address of PCI configuration space; an interrupt command */
    default:
        return any & 0xff;
    }
}

/* Ports of devices; those that end the run are rare. */
static uint16_t port(struct guest_code *c)
{
    static const uint16_t firsts[] = {0x20,  0xa0,  0x40,  0x60, 0x70,  0x80,  0xe9,  0x3c0, 0x3d4, 0x3f8, 0x402,
                                      0x4d0, 0x510, 0x514, 0xb2, 0xcf8, 0xcfc, 0x600, 0x61,  0x92,  0xb000};
    static const uint16_t ends[] = {0x64, 0x92, 0xf4, 0xcf9, 0x604, 0x8900, 0x0, 0xffff};
    return below(c, 64) == 0 ? ends[below(c, sizeof ends / sizeof ends[0])]
                             : (uint16_t)(firsts[below(c, sizeof firsts / sizeof firsts[0])] + below(c, 5));
}

static void port_access(struct guest_code *c)
{
    static const uint8_t opcodes[] = {0xec, 0xed, 0xee, 0xef};
    load(c, RDX, port(c));
    load(c, RAX, value(c));
    if (below(c, 3) == 0)
        byte(c, OPERAND_16);
    byte(c, opcodes[below(c, sizeof opcodes)]);
}

/* INS and OUTS with REP, often over the end of a page. */
static void port_string(struct guest_code *c)
{
    static const uint8_t opcodes[] = {0x6c, 0x6d, 0x6e, 0x6f};
    const uint8_t opcode = opcodes[below(c, sizeof opcodes)];
    load(c, RCX, below(c, 8) == 0 ? value(c) : below(c, 20));
    load(c, RDX, port(c));
    if (below(c, 2) == 0)
        load(c, opcode < 0x6e ? RDI : RSI, below(c, 4) == 0 ? place(c) : 0xbff0 + below(c, 16));
    byte(c, 0xf3 - (below(c, 8) == 0));
    byte(c, opcode);
}

/* Opcodes with a memory operand, the register field of their ModR/M byte: -1 is any. */
static const struct {
    char bytes[4];
    uint8_t size;
    int8_t reg;
} forms[] = {{"\x89", 1, -1},         {"\x8b", 1, -1},     {"\x88", 1, -1},     {"\x8a", 1, -1},
             {"\x87", 1, -1},         {"\x86", 1, -1},     {"\x01", 1, -1},     {"\x29", 1, -1},
             {"\x31", 1, -1},         {"\x39", 1, -1},     {"\xf7", 1, 2},      {"\xf7", 1, 6},
             {"\xff", 1, 0},          {"\xff", 1, 2},      {"\xff", 1, 3},      {"\xff", 1, 4},
             {"\xff", 1, 5},          {"\xff", 1, 6},      {"\x8f", 1, 0},      {"\x0f\xb1", 2, -1},
             {"\x0f\xb0", 2, -1},     {"\x0f\xc7", 2, 1},  {"\x0f\xc1", 2, -1}, {"\x0f\xab", 2, -1},
             {"\x0f\xa3", 2, -1},     {"\x0f\xae", 2, 0},  {"\x0f\xae", 2, 1},  {"\x0f\xae", 2, 2},
             {"\x0f\xae", 2, 3},      {"\x0f\xae", 2, 4},  {"\x0f\xae", 2, 5},  {"\x0f\xae", 2, 7},
             {"\x0f\x10", 2, -1},     {"\x0f\x11", 2, -1}, {"\x0f\x6f", 2, -1}, {"\x0f\x7f", 2, -1},
             {"\x66\x0f\x7f", 3, -1}, {"\x0f\xb6", 2, -1}, {"\x0f\xb7", 2, -1}, {"\x0f\xbe", 2, -1},
             {"\x0f\x01", 2, 0},      {"\x0f\x01", 2, 1},  {"\x0f\x01", 2, 2},  {"\x0f\x01", 2, 3},
             {"\x0f\x01", 2, 6},      {"\x0f\x01", 2, 7},  {"\x0f\x00", 2, 0},  {"\x0f\x00", 2, 3},
             {"\xd9", 1, 0},          {"\xdd", 1, 3},      {"\xdd", 1, 6},      {"\xdd", 1, 4},
             {"\xdb", 1, 7},          {"\xdf", 1, 6},      {"\x8e", 1, 3},      {"\x8c", 1, -1},
             {"\x0f\x78", 2, -1},     {"\x0f\xc7", 2, 6},  {"\x0f\x0d", 2, 1},  {"\x62", 1, -1},
             {"\xc4", 1, -1},         {"\x0f\xb2", 2, -1}, {"\x0f\xc3", 2, -1}, {"\x0f\xe7", 2, -1},
             {"\x0f\x38\xf0", 3, -1}, {"\x0f\xc7", 2, 3},  {"\x0f\xc7", 2, 4},  {"\x66\x0f\x38\x82", 4, -1}};

/* [EDI] in every mode. */
static void memory_access(struct guest_code *c)
{
    const unsigned which = below(c, sizeof forms / sizeof forms[0]);
    const unsigned reg = forms[which].reg < 0 ? below(c, 8) : (unsigned)forms[which].reg;
    load(c, RDI, place(c));
    if (below(c, 2) == 0)
        load(c, RAX, value(c));
    if (c->bits == 16)
        byte(c, ADDRESS_16);
    if (below(c, 6) == 0)
        byte(c, below(c, 2) == 0 ? LOCK : OPERAND_16);
    if (c->bits == 64 && below(c, 3) == 0)
        byte(c, 0x48);
    memcpy(c->at, forms[which].bytes, forms[which].size);
    c->at += forms[which].size;
    byte(c, reg << 3 | RDI);
}

static void memory_string(struct guest_code *c)
{
    static const uint8_t opcodes[] = {0xa4, 0xa5, 0xa6, 0xa7, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf};
    load(c, RCX, below(c, 16) == 0 ? value(c) : below(c, 12));
    load(c, RDI, place(c));
    if (below(c, 2) == 0)
        load(c, RSI, below(c, 2) == 0 ? place(c) : 0xb000 + below(c, 0x4000));
    if (c->bits == 16)
        byte(c, ADDRESS_16);
    if (below(c, 2) == 0)
        byte(c, 0xf2 + below(c, 2));
    byte(c, opcodes[below(c, sizeof opcodes)]);
}

/* Where no code is: the handlers lead back from the fault, if one comes. */
static void go_there(struct guest_code *c)
{
    load(c, RAX, place(c));
    if (below(c, 4) != 0)
        return;
    if (c->bits == 16)
        byte(c, OPERAND_16);
    byte(c, 0xff);
    byte(c, below(c, 2) == 0 ? 0xe0 : 0xd0); /* JMP, CALL */
}

/* A pointer that others use. */
static void point(struct guest_code *c)
{
    static const uint8_t regs[] = {RBX, RBP, RSI, RDI, RSP};
    load(c, regs[below(c, below(c, 8) == 0 ? 5 : 4)], place(c));
}

/* A key of the firmware configuration, then bytes of its file. */
static void firmware_file(struct guest_code *c)
{
    load(c, RDX, 0x510);
    load(c, RAX, below(c, 2) == 0 ? below(c, 0x40) : value(c));
    if (c->bits != 16)
        byte(c, OPERAND_16);
    byte(c, 0xef);
    byte(c, 0x42); /* INC EDX; a REX prefix in 64-bit code */
    byte(c, 0xec);
}

void device_code_append(struct guest_code *c)
{
    static void (*const kinds[])(struct guest_code *) = {port_access,   port_access,   port_string, memory_access, memory_access, memory_access,
                                                         memory_access, memory_string, go_there,    point,         firmware_file};
    kinds[below(c, sizeof kinds / sizeof kinds[0])](c);
}
