/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where Unicorn 2.0.1 for amd64 (QEMU 5.0.1 inside) keeps what the engine needs: the only file that knows offsets. The build checks
   the version, sim_engine_new() checks the offsets against the running library. */
#ifndef SIM_UNICORN_LAYOUT_H
#define SIM_UNICORN_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

enum {
    /* struct uc_struct */
    UNICORN_UC_STOP_INTERRUPT = 200,
    UNICORN_UC_CPU = 384,
    UNICORN_UC_TCG_CONTEXT = 704,
    UNICORN_UC_INVALID_ERROR = 1328,
    UNICORN_UC_NESTED_LEVEL = 14736,
    UNICORN_UC_LAST_BLOCK = 14744,
    /* CPUState */
    UNICORN_CPU_EXIT_REQUEST = 21,
    UNICORN_CPU_CFLAGS_NEXT = 24,
    UNICORN_CPU_ENV_POINTER = 296,
    UNICORN_CPU_JUMP_CACHE = 312,
    UNICORN_CPU_HALTED = 33176,
    UNICORN_CPU_EXCEPTION_INDEX = 33184,
    UNICORN_CPU_UC = 33192,
    UNICORN_CPU_CLASS = 33200,
    UNICORN_CPU_ENV = 34640,
    /* CPUClass */
    UNICORN_CLASS_UNALIGNED = 24,
    UNICORN_CLASS_TLB_FILL = 72,
    /* backwards from the environment: the TLBs of the three MMU modes, a bit for each that is not empty */
    UNICORN_ENV_TLB_FAST = -64,
    UNICORN_ENV_TLB_DESCRIPTION = -1392,
    UNICORN_ENV_TLB_FILLED = -1424,
    /* TCGContext */
    UNICORN_TCG_CODE_POINTER = 192,
    UNICORN_TCG_CODE_HIGHWATER = 208,
    UNICORN_TCG_OPS = 29576,
    /* uc_context: its data are the first bytes of the environment */
    UNICORN_CONTEXT_DATA = 16,
    UNICORN_CONTEXT_SIZE = 5528
};

enum { UNICORN_PAGE_BITS = 12, UNICORN_PAGE_SIZE = 1 << UNICORN_PAGE_BITS };

/* hflags, beside those bits of RFLAGS that QEMU mixes in for its block lookup */
enum {
    UNICORN_HF_INHIBIT_IRQ = 1 << 3,
    UNICORN_HF_CS32 = 1 << 4,
    UNICORN_HF_SS32 = 1 << 5,
    UNICORN_HF_ADDSEG = 1 << 6,
    UNICORN_HF_PE = 1 << 7,
    UNICORN_HF_MP = 1 << 9,
    UNICORN_HF_EM = 1 << 10,
    UNICORN_HF_TS = 1 << 11,
    UNICORN_HF_LMA = 1 << 14,
    UNICORN_HF_CS64 = 1 << 15,
    UNICORN_HF_GUEST = 1 << 21,
    UNICORN_HF_OSFXSR = 1 << 22,
    UNICORN_HF_SMAP = 1 << 23,
    UNICORN_HF_CPL = 3
};
enum { UNICORN_HF2_NMI = 1 << 2 };

enum { UNICORN_CC_OP_EFLAGS = 1 };
enum { UNICORN_EXCEPTION_INTERRUPT = 0x10000, UNICORN_EXCEPTION_HALT = 0x10001 };
enum { UNICORN_MMU_SMAP = 0, UNICORN_MMU_USER = 1, UNICORN_MMU_NO_SMAP = 2, UNICORN_MMU_MODES = 3 };
enum { UNICORN_LOAD = 0, UNICORN_STORE = 1, UNICORN_FETCH = 2 };
enum { UNICORN_PROT_READ = 1, UNICORN_PROT_WRITE = 2, UNICORN_PROT_EXEC = 4 };
enum { UNICORN_TLB_NOTDIRTY = 0x400, UNICORN_TLB_INVALID = 0x800 };
enum { UNICORN_CF_COUNT = 0x7fff, UNICORN_CF_NEXT_NONE = -1 };
enum { UNICORN_VICTIMS = 8, UNICORN_TLB_ENTRIES_MIN = 256, UNICORN_JUMP_CACHE_BYTES = 0x8000 };
/* Return addresses point behind the call; a block's table is searched for the call itself. */
enum { UNICORN_RETURN_ADJUST = 2 };

/* Operations, types and conditions of TCG; a bit of a label */
enum {
    UNICORN_OP_SET_LABEL = 1,
    UNICORN_OP_CALL = 2,
    UNICORN_OP_EXIT_BLOCK = 130,
    UNICORN_OP_GOTO_BLOCK = 131,
    UNICORN_OP_LD_I32 = 13,
    UNICORN_OP_MOVI_I64 = 64,
    UNICORN_OP_LD_I64 = 73,
    UNICORN_OP_ST_I64 = 77
};
enum { UNICORN_TCG_I64 = 1, UNICORN_TCG_GE = 3, UNICORN_LABEL_PRESENT = 1 };

struct unicorn_segment {
    uint32_t selector, pad;
    uint64_t base;
    uint32_t limit;
    uint32_t flags; /* bits 23:8 are those of the descriptor's second doubleword */
};

/* floatx80 */
struct unicorn_x87 {
    uint64_t significand;
    uint16_t exponent; /* and sign */
    uint8_t unused[6];
};

/* float_status */
struct unicorn_float_status {
    int8_t tininess, rounding;
    uint8_t flags; /* bits 0, 2 to 5 are those of MXCSR */
    int8_t precision;
    uint8_t flush_to_zero, flush_inputs_to_zero, unused[2];
};

/* CPUX86State */
struct unicorn_env {
    uint64_t regs[16];
    uint64_t eip, eflags;
    uint64_t cc_dst, cc_src, cc_src2;
    uint32_t cc_op;
    int32_t df;
    uint32_t hflags, hflags2;
    struct unicorn_segment segs[8]; /* ES CS SS DS FS GS, LDTR, TR */
    struct unicorn_segment gdt, idt;
    uint64_t cr[5];
    uint8_t unused1[96];
    uint64_t efer;
    uint8_t unused9[4];
    uint32_t top;                     /* of the x87 stack */
    uint16_t x87_status, x87_control; /* the status without its top of stack */
    uint8_t empty[8];                 /* x87 registers, by their physical number */
    uint8_t unused12[4];
    struct unicorn_x87 x87[8];
    uint16_t x87_opcode, x87_code_segment, x87_data_segment;
    uint8_t unused10[2];
    uint64_t x87_instruction, x87_data;
    struct unicorn_float_status fp_status;
    struct unicorn_x87 operand; /* of an x87 instruction, beside ST(0) */
    struct unicorn_float_status mmx_status, sse_status;
    uint32_t mxcsr;
    uint8_t unused13[4];
    uint64_t sse[32][8]; /* the first two of each are XMM's */
    uint8_t unused2[1928];
    uint32_t sysenter_cs, pad1;
    uint64_t sysenter_esp, sysenter_eip;
    uint64_t star, vm_hsave, lstar, cstar, fmask, kernel_gs_base;
    uint64_t tsc, tsc_adjust, tsc_deadline, tsc_aux;
    uint64_t xcr0;
    uint8_t unused3[368];
    uint64_t pat;
    uint8_t unused4[16];
    uint32_t pkru;
    uint8_t unused5[76];
    int32_t error_code, exception_is_int;
    uint64_t exception_next_eip;
    uint64_t dr[8];
    void *breakpoints[4];
    int32_t old_exception;
    uint8_t unused6[56];
    uint8_t v_tpr, pad2[3];
    uint8_t unused7[56];
    uint32_t vendor[3];
    uint32_t version;
    uint64_t features[34];
    uint8_t unused8[1064];
    uint64_t xss;
    uint8_t unused11[24];
    void *uc;
};

#define UNICORN_AT(type, field, offset) _Static_assert(offsetof(struct type, field) == (offset), #type "." #field)
UNICORN_AT(unicorn_env, eip, 128);
UNICORN_AT(unicorn_env, hflags, 176);
UNICORN_AT(unicorn_env, segs, 184);
UNICORN_AT(unicorn_env, gdt, 376);
UNICORN_AT(unicorn_env, cr, 424);
UNICORN_AT(unicorn_env, efer, 560);
UNICORN_AT(unicorn_env, top, 572);
UNICORN_AT(unicorn_env, x87, 592);
UNICORN_AT(unicorn_env, fp_status, 744);
UNICORN_AT(unicorn_env, mxcsr, 784);
UNICORN_AT(unicorn_env, sse, 792);
UNICORN_AT(unicorn_env, sysenter_cs, 4768);
UNICORN_AT(unicorn_env, star, 4792);
UNICORN_AT(unicorn_env, kernel_gs_base, 4832);
UNICORN_AT(unicorn_env, xcr0, 4872);
UNICORN_AT(unicorn_env, pat, 5248);
UNICORN_AT(unicorn_env, pkru, 5272);
UNICORN_AT(unicorn_env, error_code, 5352);
UNICORN_AT(unicorn_env, dr, 5368);
UNICORN_AT(unicorn_env, old_exception, 5464);
UNICORN_AT(unicorn_env, v_tpr, 5524);
UNICORN_AT(unicorn_env, features, 5600);
UNICORN_AT(unicorn_env, xss, 6936);
UNICORN_AT(unicorn_env, uc, 6968);
_Static_assert(sizeof(struct unicorn_env) == 6976, "CPUX86State");

/* Indices of unicorn_env.features */
enum {
    UNICORN_FEATURE_1_EDX = 0,
    UNICORN_FEATURE_1_ECX = 1,
    UNICORN_FEATURE_7_EBX = 2,
    UNICORN_FEATURE_7_ECX = 3,
    UNICORN_FEATURE_80000001_EDX = 6,
    UNICORN_FEATURE_80000001_ECX = 7,
    UNICORN_FEATURE_XSAVE = 19,
    UNICORN_FEATURE_XSAVE_COMPONENTS = 21
};

/* TranslationBlock. Behind the code of a block (tc_size bytes at tc_ptr) lies its table: for each instruction three numbers in signed
   LEB128, each the difference to the previous row: guest address, condition-code state, end of the host code. */
struct unicorn_block {
    uint64_t pc, cs_base;
    uint32_t flags;
    uint16_t size, icount;
    uint32_t cflags, pad;
    uint8_t *tc_ptr;
    uint64_t tc_size;
};
UNICORN_AT(unicorn_block, icount, 22);
UNICORN_AT(unicorn_block, tc_size, 40);

/* TCGOp */
struct unicorn_op {
    uint32_t opcode; /* in bits 7:0 */
    uint32_t pad;
    struct unicorn_op *next;
    void *previous;
    uint64_t args[10];
};
UNICORN_AT(unicorn_op, args, 24);

struct unicorn_tlb_entry {
    uint64_t read, write, code; /* page address with flags below; all ones: none */
    uint64_t addend;            /* host minus guest address */
};
struct unicorn_tlb {
    uint64_t mask; /* of the byte offset of an entry */
    struct unicorn_tlb_entry *table;
};
struct unicorn_tlb_io {
    uint64_t address; /* in the library's space of RAM, less the page's */
    uint64_t attributes;
};
struct unicorn_tlb_description {
    uint8_t unused[32];
    uint64_t used, victim; /* entries in use; the next victim's place, which counts on */
    struct unicorn_tlb_entry victims[UNICORN_VICTIMS];
    struct unicorn_tlb_io victims_io[UNICORN_VICTIMS];
    struct unicorn_tlb_io *io;
};
_Static_assert(sizeof(struct unicorn_tlb_description) == 440, "CPUTLBDesc");

#define UNICORN_FIELD(base, offset, type) (*(type *)(void *)((char *)(base) + (offset)))

#endif
