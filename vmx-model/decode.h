/* SPDX-License-Identifier: MIT */
/* The instruction decoder: length and operands of what VMX cares about, and of the moves that touch memory-mapped devices.
   SDM 2, "Instruction Format". */
#ifndef VMX_DECODE_H
#define VMX_DECODE_H

#include "state.h"

enum vmx_op {
    VMX_OP_OTHER, /* decoded in full (length, operands) but of no interest by name */
    VMX_OP_CPUID,
    VMX_OP_HLT,
    VMX_OP_INVD,
    VMX_OP_WBINVD,
    VMX_OP_WBNOINVD,
    VMX_OP_INVLPG,
    VMX_OP_INVPCID,
    VMX_OP_RDPMC,
    VMX_OP_RDTSC,
    VMX_OP_RDTSCP,
    VMX_OP_RDPID,
    VMX_OP_RSM,
    VMX_OP_GETSEC,
    VMX_OP_VMCALL,
    VMX_OP_VMCLEAR,
    VMX_OP_VMLAUNCH,
    VMX_OP_VMPTRLD,
    VMX_OP_VMPTRST,
    VMX_OP_VMREAD,
    VMX_OP_VMRESUME,
    VMX_OP_VMWRITE,
    VMX_OP_VMXOFF,
    VMX_OP_VMXON,
    VMX_OP_VMFUNC,
    VMX_OP_INVEPT,
    VMX_OP_INVVPID,
    VMX_OP_MOV_TO_CR,
    VMX_OP_MOV_FROM_CR,
    VMX_OP_CLTS,
    VMX_OP_LMSW,
    VMX_OP_SMSW,
    VMX_OP_MOV_TO_DR,
    VMX_OP_MOV_FROM_DR,
    VMX_OP_IN,
    VMX_OP_OUT,
    VMX_OP_INS,
    VMX_OP_OUTS,
    VMX_OP_RDMSR,
    VMX_OP_WRMSR,
    VMX_OP_MWAIT,
    VMX_OP_MONITOR,
    VMX_OP_PAUSE,
    VMX_OP_LGDT,
    VMX_OP_LIDT,
    VMX_OP_SGDT,
    VMX_OP_SIDT,
    VMX_OP_LLDT,
    VMX_OP_LTR,
    VMX_OP_SLDT,
    VMX_OP_STR,
    VMX_OP_RDRAND,
    VMX_OP_RDSEED,
    VMX_OP_XGETBV,
    VMX_OP_XSETBV,
    VMX_OP_XSAVE,
    VMX_OP_XSAVEOPT,
    VMX_OP_XSAVEC,
    VMX_OP_XRSTOR,
    VMX_OP_XSAVES,
    VMX_OP_XRSTORS,
    VMX_OP_INT_N,
    VMX_OP_INT3,
    VMX_OP_INTO,
    VMX_OP_INT1,
    VMX_OP_IRET,
    VMX_OP_CLI,
    VMX_OP_STI,
    VMX_OP_PUSHF,
    VMX_OP_POPF,
    VMX_OP_UMWAIT,
    VMX_OP_TPAUSE,
    VMX_OP_ENCLS,
    VMX_OP_ENCLV,
    VMX_OP_PCONFIG,
    VMX_OP_LOADIWKEY,
    VMX_OP_CALL_FAR,
    VMX_OP_JMP_FAR,
    /* data movement that a device emulation meets */
    VMX_OP_MOV,
    VMX_OP_MOVZX,
    VMX_OP_MOVSX,
    VMX_OP_MOVS,
    VMX_OP_STOS,
    VMX_OP_LODS,
    VMX_OP_AND,
    VMX_OP_OR,
    VMX_OP_XOR,
    VMX_OP_ADD,
    VMX_OP_SUB,
    VMX_OP_CMP,
    VMX_OP_TEST,
    VMX_OP_ADC,
    VMX_OP_SBB,
    VMX_OP_INC,
    VMX_OP_DEC,
    VMX_OP_NOT,
    VMX_OP_NEG,
    VMX_OP_BT,
    VMX_OP_BTS,
    VMX_OP_BTR,
    VMX_OP_BTC,
    VMX_OP_XADD,
    VMX_OP_CMPXCHG,
    VMX_OP_XCHG,
    VMX_OP_PUSH,
    VMX_OP_POP,
    VMX_OP_COUNT
};

enum vmx_operand_kind { VMX_OPERAND_NONE, VMX_OPERAND_REGISTER, VMX_OPERAND_MEMORY, VMX_OPERAND_IMMEDIATE };

struct vmx_instruction {
    enum vmx_op op;
    uint8_t length;       /* 1 to 15 bytes, prefixes included */
    uint8_t operand_size; /* of the instruction: 1, 2, 4 or 8 bytes */
    uint8_t address_size; /* 2, 4 or 8 bytes */
    uint8_t rm_size;      /* bytes of the rm operand; differs from operand_size for MOVZX, MOVSX, and system registers stored as words */
    bool rep, repne, lock;
    enum vmx_operand_kind rm; /* the operand of ModRM.rm: register or memory */
    bool has_modrm;
    uint8_t rm_register;          /* rm in register form, REX applied; high byte registers: see rm_high8 */
    uint8_t reg;                  /* ModRM.reg, REX applied: general, control or debug register number, or opcode extension */
    bool rm_high8, reg_high8;     /* AH, CH, DH, BH (numbers 0 to 3) */
    bool reg_is_destination;      /* for data movement: direction */
    enum vmx_operand_kind source; /* data movement: REGISTER (reg) or IMMEDIATE */
    uint8_t segment;              /* enum vmx_segment_name of the memory operand, overrides and defaults applied */
    bool has_base, has_index, rip_relative;
    uint8_t base, index, scale_log2;
    int64_t displacement; /* sign-extended; of a memory operand, also moffs */
    uint64_t immediate;   /* IN/OUT port, INT vector, data movement (sign-extended where the instruction does so); far pointers: selector in 47:32 */
    bool immediate_port;  /* IN/OUT with an immediate port */
};

enum vmx_decode_status {
    VMX_DECODED,
    VMX_DECODE_TRUNCATED, /* more bytes needed */
    VMX_DECODE_INVALID,   /* #UD: not an instruction */
    VMX_DECODE_TOO_LONG   /* #GP(0): over 15 bytes */
};

/* Decodes one instruction from `size` (0 to 15) bytes in the mode that CS and EFER give: code_bits is 16, 32 or 64. `out` is defined
   only when the answer is VMX_DECODED. Rules that depend on privilege, control registers or CPUID are not the decoder's.
   String instructions have no rm operand; `segment` is that of their source (of the destination, ES, for INS and STOS).
   Not modelled: which VEX and EVEX opcodes exist (their length is right, their op is VMX_OP_OTHER), disp8 scaling of EVEX. */
enum vmx_decode_status vmx_decode(const uint8_t *bytes, unsigned size, unsigned code_bits, struct vmx_instruction *out);

/* 16, 32 or 64: the default code size of the current CS. */
unsigned vmx_code_bits(const struct vmx_state *s);

/* Offset (effective address) of the memory operand, truncated to the address size; then the linear address with the segment base
   applied as the mode says. s->rip is the address of the instruction. */
uint64_t vmx_effective_address(const struct vmx_state *s, const struct vmx_instruction *i);
gva_t vmx_operand_linear(const struct vmx_state *s, const struct vmx_instruction *i);

/* VM-exit instruction-information field for the instruction (SDM 3C, "Information for VM Exits Due to Instruction Execution");
   undefined bits are 0. INS and OUTS have one only where IA32_VMX_BASIC[54] = 1: the caller's check. */
uint32_t vmx_instruction_information(const struct vmx_instruction *i, unsigned code_bits);
/* The mask of defined bits of that field for the instruction; 0 when the field is not defined for it. */
uint32_t vmx_instruction_information_mask(const struct vmx_instruction *i, unsigned code_bits);

#endif
