/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the sweep over the opcode maps leaves out, which flags the manual leaves undefined, where Bochs deviates. */
#include "opcodes.h"

#include <stdio.h>
#include <string.h>

enum { CF = 1 << 0, PF = 1 << 2, AF = 1 << 4, ZF = 1 << 6, SF = 1 << 7, OF = 1 << 11, ALL_FLAGS = CF | PF | AF | ZF | SF | OF };

static unsigned reg_of(const struct opcode_case *c)
{
    return c->modrm >> 3 & 7;
}

static bool is_register(const struct opcode_case *c)
{
    return c->modrm >= 0xc0;
}

bool opcode_has_modrm(const struct opcode_case *c)
{
    const unsigned b = c->byte;
    if (c->map == OPCODE_0F)
        return !((b >= 0x05 && b <= 0x0c) || b == 0x0e || (b >= 0x30 && b <= 0x37) || b == 0x77 || (b & 0xf0) == 0x80 || (b >= 0xa0 && b <= 0xa2) ||
                 (b >= 0xa8 && b <= 0xaa) || (b >= 0xc8 && b <= 0xcf));
    if (c->map != OPCODE_ONE_BYTE)
        return true;
    if (b < 0x40)
        return (b & 7) < 4;
    return b == 0x62 || b == 0x63 || b == 0x69 || b == 0x6b || (b >= 0x80 && b <= 0x8f) || b == 0xc0 || b == 0xc1 || (b >= 0xc4 && b <= 0xc7) ||
           (b >= 0xd0 && b <= 0xd3) || (b >= 0xd8 && b <= 0xdf) || b == 0xf6 || b == 0xf7 || b >= 0xfe;
}

/* ---- left out ---- */
static bool one_byte_is_left_out(const struct opcode_case *c)
{
    const unsigned b = c->byte, reg = reg_of(c);
    if (b == 0x0f || b == 0x26 || b == 0x2e || b == 0x36 || b == 0x3e || (b >= 0x64 && b <= 0x67) || b == 0xf0 || b == 0xf2 || b == 0xf3)
        return true; /* prefixes, the escape */
    if (c->mode == 0 && (b & 0xf0) == 0x40)
        return true;
    if ((b & 0xf0) == 0x70 || (b >= 0xe0 && b <= 0xef) || b == 0x9a || b == 0xc2 || b == 0xc3 || b == 0xca || b == 0xcb || b == 0xcf || b == 0xf4)
        return true; /* branches, ports, HLT */
    if (b >= 0x6c && b <= 0x6f)
        return true; /* INS, OUTS */
    if ((b == 0xd9 || b == 0xdd) && reg == 6 && !is_register(c))
        return true; /* FNSTENV, FNSAVE: their images have reserved words */
    return b == 0xff && reg >= 2 && reg <= 5;
}

static bool two_byte_is_left_out(const struct opcode_case *c)
{
    const unsigned b = c->byte, reg = reg_of(c);
    if ((b >= 0x20 && b <= 0x27) || (b >= 0x30 && b <= 0x35) || (b & 0xf0) == 0x80 || b == 0x38 || b == 0x3a || b == 0x05 || b == 0x07 || b == 0xa2)
        return true; /* control and debug registers, MSRs, time, counters, branches, fast calls */
    if (b == 0x52 || b == 0x53)
        return true; /* approximations: the manual bounds their error */
    if (b == 0xae && reg == 0 && !is_register(c))
        return true; /* FXSAVE: what the last x87 instruction was */
    if (b >= 0xc8 && b <= 0xcf)
        return (c->mode == 2) == (c->prefix != 0x66); /* BSWAP of 16 bits is undefined */
    if (b == 0x01)
        return c->modrm == 0xc8 || c->modrm == 0xc9 || c->modrm == 0xf9; /* MONITOR, MWAIT, RDTSCP */
    return b == 0xc7 && is_register(c) && reg >= 6;                      /* RDRAND, RDSEED, RDPID */
}

bool opcode_is_left_out(const struct opcode_case *c)
{
    switch ((enum opcode_map)c->map) {
    case OPCODE_ONE_BYTE:
        return one_byte_is_left_out(c);
    case OPCODE_0F:
        return two_byte_is_left_out(c);
    case OPCODE_0F38:
    case OPCODE_0F3A:
        return false;
    case OPCODE_VEX: /* without C4 as an instruction of its own: LES */
        return c->mode != 0 && !is_register(c);
    }
    return false;
}

/* ---- undefined flags ---- */
static uint32_t of_shift(const struct opcode_case *c, bool by_one)
{
    const unsigned reg = reg_of(c);
    if (reg < 4)
        return by_one ? 0 : OF;
    return AF | (by_one ? 0 : OF | CF); /* CF: of a byte that is shifted by as much or more */
}

static uint32_t of_one_byte(const struct opcode_case *c)
{
    const unsigned b = c->byte, reg = reg_of(c);
    if (b < 0x40 && (b & 7) < 6)
        return (b >> 3) == 1 || (b >> 3) == 4 || (b >> 3) == 6 ? AF : 0;
    switch (b) {
    case 0x27: /* DAA, DAS */
    case 0x2f:
        return OF;
    case 0x37: /* AAA, AAS */
    case 0x3f:
        return OF | SF | ZF | PF;
    case 0x69: /* IMUL */
    case 0x6b:
        return SF | ZF | AF | PF;
    case 0x80:
    case 0x81:
    case 0x82:
    case 0x83:
        return reg == 1 || reg == 4 || reg == 6 ? AF : 0;
    case 0x84: /* TEST */
    case 0x85:
    case 0xa8:
    case 0xa9:
        return AF;
    case 0xc0:
    case 0xc1:
    case 0xd2:
    case 0xd3:
        return of_shift(c, false);
    case 0xd0:
    case 0xd1:
        return of_shift(c, true);
    case 0xd4: /* AAM, AAD */
    case 0xd5:
        return OF | AF | CF;
    case 0xf6:
    case 0xf7:
        return reg < 2 ? AF : reg < 4 ? 0 : reg < 6 ? SF | ZF | AF | PF : ALL_FLAGS;
    default:
        return 0;
    }
}

static uint32_t of_two_byte(const struct opcode_case *c)
{
    switch (c->byte) {
    case 0xa3: /* BT and its kin */
    case 0xab:
    case 0xb3:
    case 0xba:
    case 0xbb:
        return OF | SF | AF | PF;
    case 0xa4: /* SHLD, SHRD */
    case 0xa5:
    case 0xac:
    case 0xad:
        return OF | AF | CF | SF | ZF | PF;
    case 0xaf:
        return SF | ZF | AF | PF;
    case 0xbc: /* BSF, BSR, TZCNT, LZCNT */
    case 0xbd:
        return c->prefix == 0xf3 ? OF | SF | PF | AF : CF | OF | SF | AF | PF;
    default:
        return 0;
    }
}

static uint32_t of_vex(const struct opcode_case *c)
{
    if (c->vex_map != 2)
        return 0;
    switch (c->byte) {
    case 0xf2: /* ANDN, BLSI and its kin */
    case 0xf3:
        return AF | PF;
    case 0xf5:
        return c->prefix == 0 ? AF | PF : 0;
    case 0xf7:
        return c->prefix == 0 ? AF | SF | PF : 0;
    default:
        return 0;
    }
}

uint32_t opcode_undefined_flags(const struct opcode_case *c)
{
    switch ((enum opcode_map)c->map) {
    case OPCODE_ONE_BYTE:
        return of_one_byte(c);
    case OPCODE_0F:
        return of_two_byte(c);
    case OPCODE_0F38:
    case OPCODE_0F3A:
        return 0;
    case OPCODE_VEX:
        return of_vex(c);
    }
    return 0;
}

/* ---- Bochs deviates ---- */
enum { MODE_64 = 1 << 0, MODE_32 = 1 << 1, MODE_16 = 1 << 2, ANY_MODE = 7 };
enum { NP = 1 << 0, P66 = 1 << 1, PF3 = 1 << 2, PF2 = 1 << 3, PF0 = 1 << 4, ANY_PREFIX = 31 };
enum { IN_MEMORY = 1 << 0, IN_REGISTER = 1 << 1, ANY_FORM = 3, ANY_REG = 255 };

static const struct deviation {
    uint8_t modes, map, first, last, regs, prefixes, forms; /* regs: a bit for each ModRM.reg */
    const char *shows;                                      /* part of what both sides say */
    const char *what;
    bool with_other_values; /* the fixed ones do not show it */
} deviations[] = {
    {MODE_16, OPCODE_VEX, 0xf2, 0xf7, ANY_REG, ANY_PREFIX, ANY_FORM, "A 0x0  B 0x12",
     "executes BMI in real-address mode; SDM 2A, \"VEX Prefix\": #UD there and in virtual-8086 mode", false},
    {MODE_16, OPCODE_VEX, 0xf0, 0xf0, ANY_REG, ANY_PREFIX, ANY_FORM, "A 0x0  B 0x12",
     "executes RORX in real-address mode; SDM 2A, \"VEX Prefix\": #UD there and in virtual-8086 mode", false},
    {MODE_64, OPCODE_ONE_BYTE, 0xc8, 0xc8, ANY_REG, P66, ANY_FORM, "",
     "pushes 8 bytes a time with 66 ENTER in 64-bit mode; SDM 2A, \"ENTER\": the prefix makes its operands words, as that of PUSH", false},
    {MODE_64, OPCODE_ONE_BYTE, 0xc9, 0xc9, ANY_REG, P66, ANY_FORM, "rsp",
     "pops 8 bytes with 66 LEAVE in 64-bit mode; SDM 2A, \"LEAVE\": the prefix makes its operand a word, as that of POP", false},
    {ANY_MODE, OPCODE_0F38, 0xf6, 0xf6, ANY_REG, PF3, ANY_FORM, "rflags",
     "sets OF of ADOX where the sum of signed numbers overflows; SDM 2A, \"ADOX\": it is the carry out of that of unsigned ones", true},
    {ANY_MODE, OPCODE_0F38, 0xf9, 0xf9, ANY_REG, P66 | PF3, ANY_FORM, "A 0x0  B 0x12",
     "takes 66 and F3 0F 38 F9 for ADCX and ADOX; SDM 2D, \"Opcode Map\": no instruction", false},
};
static unsigned met[sizeof deviations / sizeof *deviations];

static unsigned prefix_bit(const struct opcode_case *c)
{
    if (c->map == OPCODE_VEX)
        return 1u << c->prefix;
    return c->prefix == 0 ? NP : c->prefix == 0x66 ? P66 : c->prefix == 0xf3 ? PF3 : c->prefix == 0xf2 ? PF2 : PF0;
}

bool opcode_deviates(const struct opcode_case *c, const char *text)
{
    for (unsigned i = 0; i < sizeof deviations / sizeof *deviations; i++) {
        const struct deviation *d = &deviations[i];
        const unsigned form = is_register(c) ? IN_REGISTER : IN_MEMORY;
        if ((d->modes >> c->mode & 1) == 0 || d->map != c->map || c->byte < d->first || c->byte > d->last || (d->regs >> reg_of(c) & 1) == 0 ||
            (d->prefixes & prefix_bit(c)) == 0 || (d->forms & form) == 0 || strstr(text, d->shows) == NULL)
            continue;
        met[i]++;
        return true;
    }
    return false;
}

bool opcode_deviations_met(void)
{
    bool all = true;
    for (unsigned i = 0; i < sizeof deviations / sizeof *deviations; i++) {
        printf("%u: Bochs %s\n", met[i], deviations[i].what);
        all = all && (met[i] != 0 || deviations[i].with_other_values);
    }
    return all;
}
