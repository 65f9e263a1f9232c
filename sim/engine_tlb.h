/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Unicorn's TLB and the engine's two sets of translations. */
#ifndef SIM_ENGINE_TLB_H
#define SIM_ENGINE_TLB_H

#include "engine_internal.h"

/* The library was just opened; false: its TLB is not where it should be. */
bool engine_tlb_matches(struct sim_engine *engine);
/* False: no memory. */
bool engine_tlb_init(struct sim_engine *engine);
/* The library may be closed before or after. */
void engine_tlb_free(struct sim_engine *engine);
/* The answer to a miss of the library's TLB, whose `mode` is UNICORN_MMU_*. once: for this access alone, whatever its rights. */
void engine_enter_translation(struct sim_engine *engine, uint64_t address, int mode, enum vmx_access_kind kind, const struct vmx_translation *t,
                              bool once);
/* A byte of code, read as by a fetch. */
uint8_t engine_code_byte(struct unicorn_env *env, uint64_t address);
/* Stores to a page of RAM, by its number, need or need no look at translated code. */
void engine_change_stores(struct sim_engine *engine, uint64_t page, bool fast);
/* A run begins; false: it is over at once, engine->result tells why. */
bool engine_tlb_begin(struct sim_engine *engine);

#endif
