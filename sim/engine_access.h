/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a processor checks of a data access before paging, and Unicorn does not: segments and alignment. */
#ifndef SIM_ENGINE_ACCESS_H
#define SIM_ENGINE_ACCESS_H

#include "engine_internal.h"

/* Are DS, ES and SS such that every access through them passes? FS, GS and CS are looked at anyway. */
bool engine_is_flat(const struct unicorn_env *env);
/* All of these bytes are within the segment's limit, or above that of one that grows down. */
bool engine_is_within_limit(const struct unicorn_segment *segment, uint32_t offset, uint32_t bytes);
/* To be called when the translation of a block begins. */
void engine_reserve_for_checks(struct sim_engine *engine);
/* Adds checks to a block that has been translated and not yet turned into code. */
void engine_add_checks(struct sim_engine *engine, const struct unicorn_block *block);
/* Segment and alignment of an access that the engine makes itself, for the instruction at RIP: #GP, #SS or #AC. */
void engine_check_operand(struct sim_engine *engine, unsigned segment, uint64_t linear, unsigned bytes, bool write);
/* Outside of 64-bit mode what is behind 4 GBytes is at 0. */
uint64_t engine_place(const struct unicorn_env *env, uint64_t linear, unsigned offset);
/* All of these bytes, at most a page, may be written: or the instruction faults with nothing changed. 0 for the return address: it is that at RIP. */
void engine_ask_to_write(struct unicorn_env *env, uint64_t linear, unsigned bytes, uintptr_t return_address);
/* Prepares the engine; false: the layout is not as known. */
bool engine_access_init(struct sim_engine *engine);

#endif
