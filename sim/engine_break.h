/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Breakpoints of DR0 to DR3 on instructions and data. SDM 3B, "Debug Registers"; "Debug Exceptions". */
#ifndef SIM_ENGINE_BREAK_H
#define SIM_ENGINE_BREAK_H

#include "engine_internal.h"

/* DR0 to DR3 or DR7 have changed. */
void engine_update_breakpoints(struct sim_engine *engine);
/* A data access that Unicorn's TLB had to ask for: notes breakpoints that it hits, which is a trap at the next boundary, and sees to it that
   the page is asked for each time. An instruction that is not alone in its block is taken back and runs alone. */
void engine_break_on_access(struct sim_engine *engine, uint64_t linear, unsigned size, int access, struct vmx_translation *t,
                            uintptr_t return_address);
/* At a boundary: stops the run if the instruction before hit a breakpoint. */
void engine_report_hits(struct sim_engine *engine);
/* Before the instruction at RIP: stops the run if there is a breakpoint on it. */
void engine_break_on_instruction(struct sim_engine *engine);
/* The hits so far, as pending debug exceptions; there are none any more. */
uint64_t engine_take_hits(struct sim_engine *engine);

#endif
