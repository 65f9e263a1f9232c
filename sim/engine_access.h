/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a processor checks of a data access before paging, and Unicorn does not: segments and alignment. */
#ifndef SIM_ENGINE_ACCESS_H
#define SIM_ENGINE_ACCESS_H

#include "engine_internal.h"

/* Are DS, ES and SS such that every access through them passes? FS, GS and CS are looked at anyway. */
bool engine_is_flat(const struct unicorn_env *env);
/* To be called when the translation of a block begins. */
void engine_reserve_for_checks(struct sim_engine *engine);
/* Adds checks to a block that has been translated and not yet turned into code. */
void engine_add_checks(struct sim_engine *engine, const struct unicorn_block *block);
/* Prepares the engine; false: the layout is not as known. */
bool engine_access_init(struct sim_engine *engine);

#endif
