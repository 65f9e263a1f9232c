/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is looked at before a far transfer does anything. RIP is that of the instruction; operands have 2 << shift bytes. Limits of stacks are not
   those of 64-bit mode. */
#ifndef SIM_ENGINE_FAR_H
#define SIM_ENGINE_FAR_H

#include "engine_internal.h"

/* The two items that CALL pushes, or so many that are popped: #SS(0) beyond the limit of SS, #AC where they are not aligned. */
void engine_check_pushes(struct sim_engine *engine, int shift);
void engine_check_pops(struct sim_engine *engine, int shift, unsigned items);
/* JMP or CALL in protected mode: what it pushes, by way of a gate too, and where it leads. */
struct engine_far_branch {
    bool direct;         /* to a code segment that may be reached; nothing forbids it */
    bool gate, inner;    /* by a gate that may be used, to an inner ring */
    int shift;           /* items pushed have 2 << shift bytes */
    unsigned parameters; /* items that a gate to an inner ring copies */
};
struct engine_far_branch engine_check_far_branch(struct sim_engine *engine, uint32_t selector, uint64_t rip, int shift, bool call);
/* RET, of two items, or IRET, of three, in protected mode: what it pops, with the stack pointer of an outer ring behind what is released. */
void engine_check_far_return(struct sim_engine *engine, int shift, unsigned items, unsigned released);

/* Far CALL in 64-bit mode, RET and IRET in IA-32e mode, whose operands are not of 64 bits. */
/* CALL: pushes CS and the address of the next instruction. */
void engine_narrow_push(struct unicorn_env *env, int shift, uint64_t next, uintptr_t return_address);
/* RET, IRET: between these the library pops items of 8 bytes at RSP, each of which is taken from where it stands. */
void engine_narrow_begins(struct sim_engine *engine, int shift, bool iret, unsigned released);
void engine_narrow_ends(struct sim_engine *engine, bool same_stack);
uint64_t engine_narrow_item(struct sim_engine *engine, uint64_t address, uintptr_t return_address);

#endif
