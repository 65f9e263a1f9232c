/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random instructions that are about other processors: locked operations on words that all change, stores into code that they may run, messages. */
#include "shared_code.h"
#include "emit.h"

enum { DATA = 0xb000, CODE = 0x8000, CODE_BYTES = 0x1000, RSP = 4, RBX = 3 };

/* Any register but the stack pointer. */
static unsigned reg(struct guest_code *c)
{
    const unsigned any = below(c, 8);
    return any == RSP ? RBX : any;
}

static void absolute(struct guest_code *c, unsigned field, uint32_t address)
{
    if (c->bits == 16) {
        byte(c, field << 3 | 6);
        number(c, address, 2);
        return;
    }
    byte(c, field << 3 | 4);
    byte(c, 0x25);
    number(c, address, 4);
}

/* A few words that everybody changes, some of them across the end of a line or a page. */
static uint32_t shared_word(struct guest_code *c)
{
    static const uint16_t words[] = {DATA, DATA + 8, DATA + 0x3e, DATA + 0xffe, DATA + 0x2000, DATA + 0x2004};
    return words[below(c, sizeof words / sizeof words[0])];
}

static void locked(struct guest_code *c)
{
    static const uint8_t two[] = {0xc1, 0xb1, 0xab, 0xb3, 0xbb, 0xc0, 0xb0}; /* XADD, CMPXCHG, BTS, BTR, BTC, XADD and CMPXCHG of bytes */
    static const uint8_t one[] = {0x01, 0x09, 0x11, 0x21, 0x29, 0x31, 0x87, 0x86, 0xff, 0xf7};
    byte(c, 0xf0);
    if (chance(c, 2)) {
        byte(c, 0x0f);
        byte(c, two[below(c, sizeof two)]);
        absolute(c, reg(c), shared_word(c));
        return;
    }
    const unsigned op = one[below(c, sizeof one)];
    byte(c, op);
    absolute(c, op == 0xff ? below(c, 2) : op == 0xf7 ? 2 + below(c, 2) : reg(c), shared_word(c));
}

static void look(struct guest_code *c)
{
    byte(c, chance(c, 2) ? 0x8b : 0x03);
    absolute(c, reg(c), shared_word(c));
}

/* One byte of code that another processor may be in: an instruction of one byte, or what comes of the one that it stands in. */
static void patch(struct guest_code *c)
{
    static const uint8_t single[] = {0x90, 0x98, 0x99, 0xf8, 0xf9, 0xf5, 0xfc, 0x9e, 0x9f, 0xcc};
    byte(c, 0xc6);
    absolute(c, 0, CODE + below(c, CODE_BYTES));
    byte(c, single[below(c, sizeof single)]);
}

static void load_32(struct guest_code *c, unsigned to, uint32_t value)
{
    if (c->bits == 16)
        byte(c, 0x66);
    byte(c, 0xb8 | to);
    number(c, value, 4);
}

/* WRMSR of a register of the x2APIC: EDX, EAX. */
static void write_apic(struct guest_code *c, uint32_t msr, uint32_t high, uint32_t low)
{
    load_32(c, 1, msr);
    load_32(c, 2, high);
    load_32(c, 0, low);
    bytes(c, "\x0f\x30", 2);
}

static void message(struct guest_code *c)
{
    enum { ICR = 0x830, ASSERT = 1 << 14, NMI = 4 << 8, INIT = 5 << 8, SIPI = 6 << 8, LOGICAL = 1 << 11 };
    static const uint32_t to[] = {0, 0, 0, 1 << 18, 2 << 18, 3 << 18}; /* destination, self, all, all others */
    const uint32_t vector = 0x20 + below(c, 0xe0), shorthand = to[below(c, sizeof to / sizeof to[0])];
    uint32_t low = vector;
    switch (below(c, 16)) {
    case 0:
        low = INIT;
        break;
    case 1:
        low = SIPI | CODE >> 12;
        break;
    case 2:
        low = NMI;
        break;
    case 3:
        low = vector | LOGICAL;
        break;
    default:
        break;
    }
    write_apic(c, ICR, below(c, c->cpus + 1), low | ASSERT | shorthand);
}

static void end_of_interrupt(struct guest_code *c)
{
    write_apic(c, 0x80b, 0, 0);
}

void shared_code_append(struct guest_code *c)
{
    static void (*const kinds[])(struct guest_code *) = {locked, locked, locked, look, look, patch, patch, message, end_of_interrupt};
    kinds[below(c, sizeof kinds / sizeof kinds[0])](c);
}

void shared_code_start_apic(struct guest_code *c)
{
    enum { APIC_BASE = 0x1b, SPURIOUS = 0x80f };
    load_32(c, 1, APIC_BASE);
    bytes(c, "\x0f\x32", 2);
    if (c->bits == 16)
        byte(c, 0x66);
    byte(c, 0x0d); /* OR EAX: x2APIC mode */
    number(c, 0xc00, 4);
    bytes(c, "\x0f\x30", 2);
    write_apic(c, SPURIOUS, 0, 0x1ff);
}

void shared_code_jump(struct guest_code *c, uint32_t target)
{
    const unsigned size = (c->bits == 16 ? 2 : 4);
    byte(c, 0xe9);
    number(c, target - (c->offset + size + 1), size);
}
