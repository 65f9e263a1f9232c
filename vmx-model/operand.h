/* SPDX-License-Identifier: MIT */
/* Operands of the instructions that the model executes itself. SDM 3A, "Protected-Mode Exceptions and Interrupts" of each instruction. */
#ifndef VMX_OPERAND_H
#define VMX_OPERAND_H

#include "outcome.h"

/* Linear address of size bytes at an offset of a segment, with the checks of type, limit and canonical form. False: *failure is #GP(0) or #SS(0). */
bool vmx_segment_linear(const struct vmx_cpu *cpu, unsigned segment, uint64_t offset, uint32_t size, bool write, gva_t *linear,
                        struct vmx_outcome *failure);

/* Moves the memory operand (size 1 to 64 bytes) in or out; false: *failure (*after) is the fault or the exit of the access. A write that succeeds
   leaves in *after what APIC-write emulation led to: a trap-like exit, or DONE. */
bool vmx_read_operand(struct vmx_cpu *cpu, const struct vmx_instruction *i, void *buffer, uint32_t size, struct vmx_outcome *failure);
bool vmx_write_operand(struct vmx_cpu *cpu, const struct vmx_instruction *i, const void *buffer, uint32_t size, struct vmx_outcome *after);

/* A general register of 2, 4 or 8 bytes; writing 4 bytes clears the upper half, writing 2 keeps the rest. */
uint64_t vmx_register(const struct vmx_state *s, unsigned number, unsigned size);
void vmx_set_register(struct vmx_state *s, unsigned number, unsigned size, uint64_t value);

#endif
