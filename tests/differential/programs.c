/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random guest programs: pieces of a few instructions in every mode, under random controls. What a processor leaves to itself (time, random numbers,
   flags that are undefined) is cleared within the piece. */
#include "generate.h"

#include <stdlib.h>
#include <string.h>

#include "vmx-model/controls.h"
#include "vmx-model/registers.h"
#include "vmx-model/state.h"

enum { PIECES_MAX = 12, EXITS = 24, RFLAGS_AC = 1 << 18, RFLAGS_ID = 1 << 21 };

struct program {
    struct dif_case *c;
    struct random *r;
    enum base base;
    unsigned group;
    uint64_t at; /* address of the next piece */
    uint8_t bytes[PART_BYTES];
    unsigned size;
};

/* ---- bytes ---- */
static void u8(struct program *p, unsigned value)
{
    if (p->size == PART_BYTES)
        abort();
    p->bytes[p->size++] = (uint8_t)value;
}

static void number(struct program *p, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        u8(p, (unsigned)(value >> 8 * i) & 0xff);
}

static void text(struct program *p, const char *bytes, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        u8(p, (uint8_t)bytes[i]);
}
#define TEXT(p, bytes) text((p), (bytes), sizeof(bytes) - 1)

static unsigned code_bits(const struct program *p)
{
    return p->c->code_bits;
}

/* The operand size that 16-bit code lacks: MOV, POP and others of 32 bits in it. */
static void prefix_32(struct program *p)
{
    if (code_bits(p) == 16)
        u8(p, 0x66);
}

static void mov_register(struct program *p, unsigned gpr, uint64_t value)
{
    prefix_32(p);
    if (code_bits(p) == 64 && value > UINT32_MAX) {
        u8(p, 0x48);
        u8(p, 0xb8 + gpr);
        number(p, value, 8);
        return;
    }
    u8(p, 0xb8 + gpr);
    number(p, value & UINT32_MAX, 4);
}

/* An opcode of two bytes with a ModRM byte for [data + offset]. */
static void memory_operand(struct program *p, const char *opcode, unsigned count, unsigned reg, unsigned offset)
{
    text(p, opcode, count);
    if (code_bits(p) == 64) {
        u8(p, reg << 3 | 4);
        u8(p, 0x25);
    } else {
        u8(p, reg << 3 | (code_bits(p) == 16 ? 6 : 5));
    }
    number(p, DIF_DATA + offset, code_bits(p) == 16 ? 2 : 4);
}

/* The program goes on behind this piece whatever event it meets: the handlers return to the address in DIF_NEXT. */
static void finish_piece(struct program *p)
{
    uint8_t head[16];
    unsigned size = 0;
    const unsigned bits = code_bits(p);
    const unsigned length = bits == 64 ? 12 : bits == 32 ? 10 : 6;
    const uint64_t next = p->at + length + p->size;
    if (bits == 64)
        head[size++] = 0x48;
    head[size++] = 0xc7;
    head[size++] = bits == 64 ? 0x04 : bits == 32 ? 0x05 : 0x06;
    if (bits == 64)
        head[size++] = 0x25;
    for (unsigned i = 0; i < (bits == 16 ? 2u : 4u); i++)
        head[size++] = (uint8_t)(DIF_NEXT >> 8 * i);
    for (unsigned i = 0; i < (bits == 16 ? 2u : 4u); i++)
        head[size++] = (uint8_t)(next >> 8 * i);
    if (size + p->size > PART_BYTES)
        abort();
    memmove(p->bytes + size, p->bytes, p->size);
    memcpy(p->bytes, head, size);
    p->size += size;
    (void)case_code(p->c, p->group, p->bytes, p->size);
    p->at += p->size;
    p->size = 0;
}

/* ---- pieces ---- */
static void plain(struct program *p)
{
    static const char *const forms[] = {"\x90", "\xf8", "\xf9", "\xfc", "\x40\x90", "\x0f\x1f\x00", "\x98", "\x99", "\x9b", "\xf3\x90"};
    const char *form = forms[random_below(p->r, sizeof forms / sizeof *forms)];
    text(p, form, form[0] == 0x0f ? 3 : (unsigned)strlen(form));
}

static void arithmetic(struct program *p)
{
    static const uint8_t opcodes[] = {0x01, 0x29, 0x31, 0x89, 0x87};
    mov_register(p, VMX_RAX, interesting(p->r));
    mov_register(p, VMX_RBX, interesting(p->r));
    prefix_32(p);
    u8(p, opcodes[random_below(p->r, sizeof opcodes)]);
    u8(p, 0xc0 | VMX_RBX << 3 | VMX_RAX);
}

static void cpuid(struct program *p)
{
    static const uint32_t leaves[] = {0, 1, 2, 7, 0xd, 0x80000000, 0x80000001, 0x80000008, 0x40000000};
    mov_register(p, VMX_RAX, leaves[random_below(p->r, sizeof leaves / sizeof *leaves)]);
    mov_register(p, VMX_RCX, random_below(p->r, 2));
    TEXT(p, "\x0f\xa2");
}

static void clear_time(struct program *p)
{
    mov_register(p, VMX_RAX, 0);
    mov_register(p, VMX_RDX, 0);
}

static void time_stamp(struct program *p)
{
    if (chance(p->r, 2))
        TEXT(p, "\x0f\x31"); /* RDTSC */
    else
        TEXT(p, "\x0f\x01\xf9"); /* RDTSCP */
    clear_time(p);
}

static void system_instruction(struct program *p)
{
    static const struct {
        uint8_t size;
        char bytes[4];
    } forms[] = {{1, "\xf4"},          /* HLT */
                 {2, "\x0f\x08"},      /* INVD */
                 {2, "\x0f\x09"},      /* WBINVD */
                 {2, "\x0f\x06"},      /* CLTS */
                 {2, "\x0f\xaa"},      /* RSM */
                 {2, "\x0f\x0b"},      /* UD2 */
                 {3, "\x0f\x01\xc1"},  /* VMCALL */
                 {3, "\x0f\x01\xc2"},  /* VMLAUNCH */
                 {3, "\x0f\x01\xc3"},  /* VMRESUME */
                 {3, "\x0f\x01\xc4"},  /* VMXOFF */
                 {3, "\x0f\x01\xd4"},  /* VMFUNC */
                 {3, "\x0f\x01\xd0"},  /* XGETBV */
                 {2, "\xf3\x90"},      /* PAUSE */
                 {3, "\x0f\x01\xc9"},  /* MWAIT */
                 {2, "\xf3\x90"},      /* PAUSE */
                 {1, "\xfa"},          /* CLI */
                 {1, "\xfb"},          /* STI */
                 {2, "\x0f\x05"},      /* SYSCALL */
                 {2, "\x0f\x34"},      /* SYSENTER */
                 {1, "\xf1"},          /* INT1 */
                 {1, "\xcc"},          /* INT3 */
                 {1, "\xce"},          /* INTO */
                 {2, "\xcd\x80"},      /* INT 80H */
                 {2, "\xcd\x20"},      /* INT 20H */
                 {2, "\xcd\x0d"},      /* INT 13 */
                 {3, "\x0f\x01\xf8"}}; /* SWAPGS */
    const unsigned n = random_below(p->r, sizeof forms / sizeof *forms);
    mov_register(p, VMX_RAX, random_below(p->r, 3));
    mov_register(p, VMX_RCX, random_below(p->r, 2));
    mov_register(p, VMX_RDX, 0);
    text(p, forms[n].bytes, forms[n].size);
}

static void counter(struct program *p)
{
    mov_register(p, VMX_RCX, 0);
    TEXT(p, "\x0f\x33"); /* RDPMC of a counter that every processor has */
    clear_time(p);
}

static void port(struct program *p)
{
    static const uint16_t ports[] = {0x0a00, 0x0a01, 0x0a03, 0x0a10, 0x0afc, 0x7ffe, 0x7fff, 0x8000, 0xfffe};
    static const uint8_t fixed[] = {0xe4, 0xe5, 0xe6, 0xe7}, by_dx[] = {0xec, 0xed, 0xee, 0xef};
    mov_register(p, VMX_RDX, ports[random_below(p->r, sizeof ports / sizeof *ports)]);
    mov_register(p, VMX_RAX, random_next(p->r) & UINT32_MAX);
    if (chance(p->r, 4))
        u8(p, 0x66);
    if (chance(p->r, 4)) {
        u8(p, fixed[random_below(p->r, 4)]);
        u8(p, 0xd0 + random_below(p->r, 16));
    } else {
        u8(p, by_dx[random_below(p->r, 4)]);
    }
}

static void string_port(struct program *p)
{
    static const uint8_t opcodes[] = {0x6c, 0x6d, 0x6e, 0x6f};
    mov_register(p, VMX_RDX, 0x0a00 + random_below(p->r, 32));
    mov_register(p, VMX_RSI, DIF_DATA + random_below(p->r, 0x100));
    mov_register(p, VMX_RDI, DIF_DATA + random_below(p->r, 0x100));
    mov_register(p, VMX_RCX, 1 + random_below(p->r, 4));
    if (chance(p->r, 4))
        u8(p, 0x66);
    if (chance(p->r, 2))
        u8(p, 0xf3);
    u8(p, opcodes[random_below(p->r, 4)]);
}

static void string_move(struct program *p)
{
    static const uint8_t opcodes[] = {0xa4, 0xa5, 0xaa, 0xab, 0xac, 0xad};
    mov_register(p, VMX_RSI, chance(p->r, 4) ? DIF_HOLE + 0xff8 : DIF_DATA);
    mov_register(p, VMX_RDI, chance(p->r, 4) ? DIF_HOLE - 4 : DIF_DATA + 0x80);
    mov_register(p, VMX_RCX, random_below(p->r, 16));
    mov_register(p, VMX_RAX, random_next(p->r) & UINT32_MAX);
    if (chance(p->r, 2))
        u8(p, 0xf3);
    u8(p, opcodes[random_below(p->r, sizeof opcodes)]);
}

/* MSRs that the guest may write on a real machine without harm to the image. */
static void msr(struct program *p)
{
    static const uint32_t msrs[] = {0x174,      0x175,      0x176,      0x277,      0xc0000080, 0xc0000081, 0xc0000082, 0xc0000083,
                                    0xc0000084, 0xc0000100, 0xc0000101, 0xc0000102, 0x1b,       0x3a,       0x480,      0x48b,
                                    0x12345678, 0x808,      0x1fff,     0x2000,     0xc0001fff, 0xc0002000};
    mov_register(p, VMX_RCX, msrs[random_below(p->r, sizeof msrs / sizeof *msrs)]);
    if (chance(p->r, 2)) {
        TEXT(p, "\x0f\x32");
        return;
    }
    mov_register(p, VMX_RAX, interesting(p->r) & UINT32_MAX);
    mov_register(p, VMX_RDX, chance(p->r, 2) ? 0 : interesting(p->r) & UINT32_MAX);
    TEXT(p, "\x0f\x30");
}

static void control_register(struct program *p)
{
    static const uint8_t numbers[] = {0, 0, 3, 4, 4, 2, 8};
    static const uint64_t flips[] = {1 << 1, 1 << 2, 1 << 3, 1 << 5, 1 << 16, 1 << 18, 1 << 29, 1 << 30, 1 << 9, 1 << 10, 1 << 7, 1 << 13};
    const unsigned n = numbers[random_below(p->r, sizeof numbers)];
    if (n == 8 && code_bits(p) != 64)
        return;
    if (n == 8)
        u8(p, 0x44);
    TEXT(p, "\x0f\x20"); /* MOV RAX, CRn */
    u8(p, 0xc0 | (n & 7) << 3);
    if (chance(p->r, 3))
        return;
    if (n != 3) {
        prefix_32(p);
        u8(p, 0x35); /* XOR EAX, a bit */
        number(p, n == 8 ? random_below(p->r, 32) : flips[random_below(p->r, sizeof flips / sizeof *flips)], 4);
    }
    if (n == 2)
        TEXT(p, "\x89\xc0");
    if (n == 8)
        u8(p, 0x44);
    TEXT(p, "\x0f\x22");
    u8(p, 0xc0 | (n & 7) << 3);
}

static void machine_status(struct program *p)
{
    mov_register(p, VMX_RAX, 0x31 ^ 1u << random_below(p->r, 4));
    if (chance(p->r, 2)) {
        TEXT(p, "\x0f\x01\xe0"); /* SMSW AX */
        return;
    }
    if (chance(p->r, 2)) {
        TEXT(p, "\x0f\x01\xf0"); /* LMSW AX */
        return;
    }
    memory_operand(p, "\x89", 1, VMX_RAX, 0x40);
    memory_operand(p, "\x0f\x01", 2, 6, 0x40); /* LMSW of memory */
}

static void debug_register(struct program *p)
{
    const unsigned n = random_below(p->r, 8);
    if (chance(p->r, 2)) {
        TEXT(p, "\x0f\x21"); /* MOV RAX, DRn */
        u8(p, 0xc0 | n << 3);
        return;
    }
    mov_register(p, VMX_RAX, n == 7 ? 0x400 : n == 6 ? 0xffff0ff0 : random_next(p->r) & 0xffff);
    TEXT(p, "\x0f\x23");
    u8(p, 0xc0 | n << 3);
}

static void descriptor_table(struct program *p)
{
    switch (random_below(p->r, 8)) {
    case 0:
        memory_operand(p, "\x0f\x01", 2, 0, 0x60); /* SGDT */
        return;
    case 1:
        memory_operand(p, "\x0f\x01", 2, 1, 0x70); /* SIDT */
        return;
    case 2:
        memory_operand(p, "\x0f\x01", 2, 0, 0x60);
        memory_operand(p, "\x0f\x01", 2, 2, 0x60); /* SGDT, LGDT */
        return;
    case 3:
        memory_operand(p, "\x0f\x01", 2, 1, 0x70);
        memory_operand(p, "\x0f\x01", 2, 3, 0x70); /* SIDT, LIDT */
        return;
    case 4:
        TEXT(p, "\x0f\x00\xc0"); /* SLDT EAX */
        return;
    case 5:
        TEXT(p, "\x0f\x00\xc8"); /* STR EAX */
        return;
    case 6:
        mov_register(p, VMX_RAX, 0);
        TEXT(p, "\x0f\x00\xd0"); /* LLDT AX */
        return;
    default:
        mov_register(p, VMX_RAX, random_below(p->r, 8) << 3);
        TEXT(p, "\x0f\x00\xd8"); /* LTR AX */
        return;
    }
}

/* Data stay where the program finds them: the simulator does not judge data segments. */
static void segment_register(struct program *p)
{
    static const uint8_t segments[] = {0, 2, 3, 4, 5};
    const unsigned segment = segments[random_below(p->r, sizeof segments)];
    mov_register(p, VMX_RAX, chance(p->r, 2) ? 0x10 : random_below(p->r, 0x48));
    if (code_bits(p) == 16 || segment == 0 || segment == 3)
        TEXT(p, "\x8c\xd8"); /* MOV EAX, DS */
    u8(p, 0x8e);
    u8(p, 0xc0 | segment << 3);
}

static void stack(struct program *p)
{
    switch (random_below(p->r, 4)) {
    case 0:
        TEXT(p, "\x50\x58");
        return;
    case 1:
        TEXT(p, "\x9c\x58"); /* PUSHF, POP */
        return;
    case 2:
        TEXT(p, "\x9c\x9d");
        return;
    default:
        TEXT(p, "\x8c\xd0\x8e\xd0"); /* MOV EAX, SS and back */
        return;
    }
}

static void invalidation(struct program *p)
{
    if (chance(p->r, 2)) {
        memory_operand(p, "\x0f\x01", 2, 7, random_below(p->r, 0x100)); /* INVLPG */
        return;
    }
    mov_register(p, VMX_RAX, random_below(p->r, 5));
    memory_operand(p, "\x66\x0f\x38\x82", 4, VMX_RAX, 0x1f0); /* INVPCID */
}

static void vmx_instruction(struct program *p)
{
    mov_register(p, VMX_RAX, random_below(p->r, 4));
    switch (random_below(p->r, 7)) {
    case 0:
        memory_operand(p, "\x66\x0f\xc7", 3, 6, 0x80); /* VMCLEAR */
        return;
    case 1:
        memory_operand(p, "\x0f\xc7", 2, 6, 0x80); /* VMPTRLD */
        return;
    case 2:
        memory_operand(p, "\x0f\xc7", 2, 7, 0x80); /* VMPTRST */
        return;
    case 3:
        memory_operand(p, "\xf3\x0f\xc7", 3, 6, 0x80); /* VMXON */
        return;
    case 4:
        TEXT(p, "\x0f\x78\xc3"); /* VMREAD EBX, EAX */
        return;
    case 5:
        memory_operand(p, "\x0f\x79", 2, VMX_RAX, 0x80); /* VMWRITE */
        return;
    default:
        memory_operand(p, chance(p->r, 2) ? "\x66\x0f\x38\x80" : "\x66\x0f\x38\x81", 4, VMX_RAX, 0x80); /* INVEPT, INVVPID */
        return;
    }
}

static void random_numbers(struct program *p)
{
    TEXT(p, "\x0f\xc7");
    u8(p, (chance(p->r, 2) ? 0xf0 : 0xf8) | VMX_RBX); /* RDRAND, RDSEED */
    mov_register(p, VMX_RBX, 0);
    TEXT(p, "\x31\xdb"); /* XOR: defined flags */
}

static void hole(struct program *p)
{
    if (code_bits(p) == 16)
        return; /* beyond its segments */
    mov_register(p, VMX_RBX, DIF_HOLE + random_below(p->r, 0x1000));
    mov_register(p, VMX_RAX, 0x11223344);
    switch (random_below(p->r, 3)) {
    case 0:
        TEXT(p, "\x8a\x03"); /* MOV AL, [RBX] */
        return;
    case 1:
        TEXT(p, "\x88\x03"); /* MOV [RBX], AL */
        return;
    default:
        TEXT(p, "\x00\x03"); /* ADD [RBX], AL */
        return;
    }
}

static void far_linear(struct program *p)
{
    mov_register(p, VMX_RBX, interesting(p->r));
    if (code_bits(p) == 16)
        return;
    TEXT(p, "\x8a\x03");
}

static void divide(struct program *p)
{
    mov_register(p, VMX_RAX, 100);
    mov_register(p, VMX_RDX, 0);
    mov_register(p, VMX_RCX, 0);
    TEXT(p, "\xf7\xf1"); /* DIV ECX: #DE */
}

static void trap_flag(struct program *p)
{
    if (!chance(p->r, 4))
        return;          /* what comes behind is compared no further: Bochs shows a pending single step at each exit */
    TEXT(p, "\x9c\x58"); /* PUSHF, POP RAX */
    u8(p, 0x0d);         /* OR EAX, TF */
    number(p, 0x100, code_bits(p) == 16 ? 2 : 4);
    TEXT(p, "\x50\x9d\x90\x90");
}

static void interrupt_flag(struct program *p)
{
    u8(p, 0xfb);
    if (chance(p->r, 2))
        u8(p, 0x90);
    if (chance(p->r, 2))
        u8(p, 0xfa);
}

static void xsetbv(struct program *p)
{
    mov_register(p, VMX_RAX, random_below(p->r, 8));
    mov_register(p, VMX_RDX, 0);
    mov_register(p, VMX_RCX, chance(p->r, 4) ? 1 : 0);
    TEXT(p, "\x0f\x01\xd1");
}

static void any_bytes(struct program *p)
{
    static const uint8_t second[] = {0xff, 0xb9, 0x0b, 0x04, 0x24, 0x36, 0x37, 0x7a};
    u8(p, 0x0f);
    u8(p, second[random_below(p->r, sizeof second)]);
    u8(p, 0xc0);
}

static void (*const pieces[])(struct program *) = {plain,
                                                   arithmetic,
                                                   cpuid,
                                                   time_stamp,
                                                   system_instruction,
                                                   system_instruction,
                                                   system_instruction,
                                                   counter,
                                                   port,
                                                   port,
                                                   string_port,
                                                   string_move,
                                                   msr,
                                                   msr,
                                                   control_register,
                                                   control_register,
                                                   machine_status,
                                                   debug_register,
                                                   descriptor_table,
                                                   segment_register,
                                                   stack,
                                                   invalidation,
                                                   vmx_instruction,
                                                   random_numbers,
                                                   hole,
                                                   far_linear,
                                                   divide,
                                                   trap_flag,
                                                   interrupt_flag,
                                                   xsetbv,
                                                   any_bytes};

/* ---- controls ---- */
static void add_exits(struct program *p)
{
    struct dif_case *c = p->c;
    if (chance(p->r, 2)) {
        (void)case_control(c, GROUP_BASE, VMX_WORD_PRIMARY, VMX_PRI_USE_IO_BITMAPS, 0);
        /* What no port of these programs is stays with the machine: IN must not read it. */
        (void)case_add(c, &(struct part){.kind = PART_IO_EXITS, .a = 0, .b = 0x0a0f});
        (void)case_add(c, &(struct part){.kind = PART_IO_EXITS, .a = 0x0a20, .b = 0xffff});
    } else {
        (void)case_control(c, GROUP_BASE, VMX_WORD_PRIMARY, VMX_PRI_UNCOND_IO_EXITING, 0);
    }
    if (chance(p->r, 2)) {
        static const uint32_t passed[] = {0x174, 0x175, 0x176, 0xc0000081, 0xc0000082, 0xc0000102};
        const uint32_t pass = passed[random_below(p->r, sizeof passed / sizeof *passed)], low = pass < 0x2000 ? 0 : 0xc0000000;
        (void)case_control(c, GROUP_BASE, VMX_WORD_PRIMARY, VMX_PRI_USE_MSR_BITMAPS, 0);
        (void)case_add(c, &(struct part){.kind = PART_MSR_EXITS, .a = low, .b = pass - 1, .c = 3});
        (void)case_add(c, &(struct part){.kind = PART_MSR_EXITS, .a = pass + 1, .b = low + 0x1fff, .c = 3});
        (void)case_add(c, &(struct part){.kind = PART_MSR_EXITS, .a = low != 0 ? 0 : 0xc0000000, .b = low != 0 ? 0x1fff : 0xc0001fff, .c = 3});
    }
    add_random_controls(c, p->r, GROUP_BASE, random_below(p->r, 8));
    if (chance(p->r, 2))
        (void)case_field(c, GROUP_BASE, VMCS_EXCEPTION_BITMAP, chance(p->r, 2) ? UINT32_MAX : random_next(p->r) & UINT32_MAX);
    if (chance(p->r, 3)) {
        (void)case_field(c, GROUP_BASE, VMCS_PAGE_FAULT_ERROR_CODE_MASK, random_below(p->r, 32));
        (void)case_field(c, GROUP_BASE, VMCS_PAGE_FAULT_ERROR_CODE_MATCH, random_below(p->r, 32));
    }
}

static void add_masks(struct program *p)
{
    const uint64_t *now = base_fields(p->c->caps, p->base);
    if (chance(p->r, 2)) {
        const uint64_t mask = random_next(p->r) & 0xe005003f;
        (void)case_field(p->c, GROUP_BASE, VMCS_CR0_GUEST_HOST_MASK, now[VMCS_CR0_GUEST_HOST_MASK] | mask);
    }
    if (chance(p->r, 2)) {
        const uint64_t mask = random_next(p->r) & 0x7ff;
        (void)case_field(p->c, GROUP_BASE, VMCS_CR4_GUEST_HOST_MASK, now[VMCS_CR4_GUEST_HOST_MASK] | mask);
    }
    if (chance(p->r, 4)) {
        (void)case_field(p->c, GROUP_BASE, VMCS_CR3_TARGET_COUNT, 1);
        (void)case_field(p->c, GROUP_BASE, VMCS_CR3_TARGET_VALUE0, now[VMCS_GUEST_CR3]);
    }
}

static void add_events(struct program *p)
{
    if (chance(p->r, 8))
        (void)case_add(
            p->c, &(struct part){.kind = PART_STEP, .group = (uint8_t)p->c->groups++, .a = STEP_QUEUE_INTERRUPT, .b = 0x20 + random_below(p->r, 16)});
    if (chance(p->r, 8))
        (void)case_add(p->c, &(struct part){.kind = PART_STEP, .group = (uint8_t)p->c->groups++, .a = STEP_QUEUE_NMI});
    if (chance(p->r, 4))
        (void)case_add(
            p->c,
            &(struct part){.kind = PART_EPT, .group = (uint8_t)p->c->groups++, .a = random_below(p->r, 2) * 5u & 7u, .c = DIF_HOLE, .d = 0x1000});
}

void generate_program(struct dif_case *c, struct random *r)
{
    static const uint8_t end[] = {0x0f, 0x01, 0xc1, 0xeb, 0xfb};
    struct program p = {.c = c, .r = r, .base = (enum base)random_below(r, BASE_COUNT), .at = DIF_CODE};
    base_build(c, p.base);
    c->groups = 1;
    c->exits = EXITS;
    c->mutations = 0;
    add_exits(&p);
    add_masks(&p);
    add_events(&p);
    for (unsigned count = 1 + random_below(r, PIECES_MAX); count != 0; count--) {
        p.group = c->groups++;
        pieces[random_below(r, sizeof pieces / sizeof *pieces)](&p);
        finish_piece(&p);
    }
    (void)case_code(c, GROUP_BASE, end, sizeof end); /* VMCALL for ever: the run ends after so many exits */
}
