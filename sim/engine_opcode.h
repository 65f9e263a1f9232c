/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the engine must know of an instruction that Unicorn has just translated: prefixes, opcode, ModR/M byte. */
#ifndef SIM_ENGINE_OPCODE_H
#define SIM_ENGINE_OPCODE_H

#include "engine_internal.h"

enum engine_map { ENGINE_MAP_1, ENGINE_MAP_0F, ENGINE_MAP_0F38, ENGINE_MAP_0F3A };

struct engine_opcode {
    enum engine_map map;
    uint8_t byte;
    uint8_t modrm;    /* 0 where there is none */
    uint8_t sib;      /* the byte behind it, whatever it is */
    uint8_t rex;      /* 0 where there is none */
    bool code64;      /* in 64-bit mode */
    bool fs_or_gs;    /* a prefix names one of them */
    bool void_prefix; /* in 64-bit mode: there is one that means nothing, and Unicorn minds it */
    bool lock, rep, repne, operand_prefix, address_prefix;
};

/* A prefix other than REX. */
bool engine_is_legacy_prefix(uint8_t byte);
struct engine_opcode engine_opcode_at(struct unicorn_env *env, uint64_t pc);

bool engine_is_string_io(struct engine_opcode opcode);
/* A string instruction with REP, REPE or REPNE. */
bool engine_is_rep_string(struct engine_opcode opcode);
bool engine_loads_ss(struct engine_opcode opcode);
/* The memory operand, if there is one, is read and written back, or may be. */
bool engine_modifies_memory(struct engine_opcode opcode);
/* BT, BTS, BTR, BTC: the flags that the manual leaves undefined depend on what Unicorn knows of the instructions before. They are kept, as
   processors do, where it knows nothing. */
bool engine_is_bit_test(struct engine_opcode opcode);
/* RCL, RCR and SETcc in memory: Unicorn changes its form of the arithmetic flags before the access that may fault. */
bool engine_spoils_flags(struct engine_opcode opcode);
/* LOOPE and LOOPNE: where the counter ends the loop Unicorn forgets which form of the arithmetic flags is theirs. */
bool engine_loops_on_flags(struct engine_opcode opcode);
/* A legacy SSE instruction whose operand of 16 bytes in memory, if it has one, must be aligned: #GP. */
bool engine_is_aligned_vector(struct engine_opcode opcode);
/* Transfers of control, conditional or not; those that are unconditional. */
bool engine_is_branch(struct engine_opcode opcode);
bool engine_is_jump(struct engine_opcode opcode);
/* VMREAD and VMWRITE of registers. */
bool engine_is_field_access(struct engine_opcode opcode);
/* VMCALL, VMLAUNCH and VMRESUME. */
bool engine_is_transition(struct engine_opcode opcode);
/* What engine_fpu_begin() wants of an instruction of x87 or MMX: ENGINE_FPU_*; 0 for others. */
uint32_t engine_fpu_word(struct engine_opcode opcode);
/* MOVBE, CRC32, ADCX, ADOX and what has a VEX prefix (BMI; AVX is #UD): CR0.EM and CR0.TS do not matter to them. */
bool engine_has_general_registers(struct engine_opcode opcode);
/* In 64-bit mode: the instruction reaches a linear address through the stack segment, so that its faults are those of a stack. */
bool engine_reaches_stack(const struct unicorn_env *env, struct engine_opcode opcode, uint64_t linear);

#endif
