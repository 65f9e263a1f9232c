/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Instructions of which processor and translator think differently: #UD for one of them alone. */
#ifndef SIM_ENGINE_UNDEFINED_H
#define SIM_ENGINE_UNDEFINED_H

#include "engine_opcode.h"

/* An instruction that has been translated stands at [pc, end). */
struct engine_at {
    uint64_t pc, end;
    struct engine_opcode opcode;
};

/* #UD for the processor, though not for Unicorn, which runs it or fails to translate it; or an instruction of the model's, which executes it when the
   engine has raised #UD. */
bool engine_is_undefined(struct sim_engine *engine, const struct engine_at *at);
/* The processor executes it and Unicorn does not, or wrongly, but does another that comes to the same: *rewriting tells what has to be changed in its code
   for that. */
bool engine_is_rewritten(struct sim_engine *engine, const struct engine_at *at, struct engine_rewriting *rewriting);

#endif
