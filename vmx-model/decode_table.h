/* SPDX-License-Identifier: MIT */
/* The opcode maps as data: what follows an opcode and how its operands are read. SDM 2, "Opcode Map". */
#ifndef VMX_DECODE_TABLE_H
#define VMX_DECODE_TABLE_H

#include <stdint.h>

/* What follows ModRM and displacement; the low four bits of a row's flags. */
enum {
    ROW_IMM_NONE,
    ROW_IMM_BYTE,
    ROW_IMM_BYTE_SIGNED,
    ROW_IMM_WORD,
    ROW_IMM_Z,       /* word or doubleword by operand size, sign-extended */
    ROW_IMM_V,       /* word, doubleword or quadword by operand size */
    ROW_IMM_ENTER,   /* word and byte */
    ROW_IMM_FAR,     /* offset by operand size, then a selector */
    ROW_IMM_MOFFSET, /* by address size */
    ROW_IMM_MASK = 15
};

enum {
    ROW_MODRM = 1u << 4,
    ROW_BYTE = 1u << 5,       /* operands are bytes */
    ROW_NO64 = 1u << 6,       /* #UD in 64-bit mode */
    ROW_ONLY64 = 1u << 7,     /* #UD outside 64-bit mode */
    ROW_DEFAULT64 = 1u << 8,  /* 64-bit mode: 8 bytes, or 2 by prefix */
    ROW_FORCE64 = 1u << 9,    /* 64-bit mode: 8 bytes whatever the prefixes */
    ROW_NATURAL = 1u << 10,   /* 8 bytes in 64-bit mode, else 4 */
    ROW_WORD = 1u << 11,      /* operand is a word */
    ROW_NO_W = 1u << 12,      /* REX.W ignored */
    ROW_LOCK = 1u << 13,      /* LOCK allowed with a memory destination */
    ROW_TO_REG = 1u << 14,    /* ModRM.reg is the destination */
    ROW_REG = 1u << 15,       /* register form only */
    ROW_MEM = 1u << 16,       /* memory form only */
    ROW_OPREG = 1u << 17,     /* the low three bits of the opcode name the rm register */
    ROW_ACC = 1u << 18,       /* the accumulator is the rm operand */
    ROW_RM8 = 1u << 19,       /* the rm operand is a byte, */
    ROW_RM16 = 1u << 20,      /* a word, */
    ROW_MEM16 = 1u << 21,     /* a word when in memory */
    ROW_TO_ES = 1u << 22,     /* string instruction that only writes ES:rDI */
    ROW_BY_REG = 1u << 23,    /* `next` has 16 rows: ModRM.reg, memory form then register form */
    ROW_BY_RM = 1u << 24,     /* `next` has 8 rows: ModRM.rm */
    ROW_BY_PREFIX = 1u << 25, /* `next` has 4 rows: no prefix, 66, F3, F2 */
    ROW_NP = 1u << 26,        /* mandatory prefixes with which the opcode exists; none named: all are ignored */
    ROW_66 = 1u << 27,
    ROW_F3 = 1u << 28,
    ROW_F2 = 1u << 29,
    ROW_PREFIXES = 15u << 26,
    ROW_INVALID = 1u << 30
};

struct decode_row {
    uint32_t flags;
    uint8_t op; /* enum vmx_op */
    const struct decode_row *next;
};

extern const struct decode_row vmx_opcodes_one_byte[256];
extern const struct decode_row vmx_opcodes_0f[256];
/* These maps are sparse: the row of an opcode, or one with ROW_INVALID. */
const struct decode_row *vmx_opcode_0f38(uint8_t opcode);
const struct decode_row *vmx_opcode_0f3a(uint8_t opcode);

#endif
