/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is looked at before a far transfer does anything. RIP is that of the instruction; operands have 2 << shift bytes. Stacks are not looked at in 64-bit
   mode. */
#ifndef SIM_ENGINE_FAR_H
#define SIM_ENGINE_FAR_H

#include "engine_internal.h"

/* The two items that CALL pushes, or so many that are popped: #SS(0) beyond the limit of SS, #AC where they are not aligned. */
void engine_check_pushes(struct sim_engine *engine, int shift);
void engine_check_pops(struct sim_engine *engine, int shift, unsigned items);
/* JMP or CALL in protected mode: what it pushes, by way of a gate too, and where it leads. */
void engine_check_far_branch(struct sim_engine *engine, uint32_t selector, uint64_t rip, int shift, bool call);
/* RET, of two items, or IRET, of three, in protected mode: what it pops, with the stack pointer of an outer ring behind what is released. */
void engine_check_far_return(struct sim_engine *engine, int shift, unsigned items, unsigned released);

#endif
