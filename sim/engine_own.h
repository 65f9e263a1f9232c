/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Instructions that the engine executes itself, since Unicorn does them wrongly. */
#ifndef SIM_ENGINE_OWN_H
#define SIM_ENGINE_OWN_H

#include "engine_undefined.h"

/* The instruction, which is one for the processor, is executed here; it stands alone in its block. */
bool engine_is_own(struct sim_engine *engine, const struct engine_at *at);
/* At the start of the block of such an instruction, of which nothing has run. Goes on behind it, or ends the run by its fault. */
_Noreturn void engine_execute_own(struct sim_engine *engine, const struct unicorn_block *block);

#endif
