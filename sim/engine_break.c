/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Breakpoints of DR0 to DR3 on instructions and data. While one on instructions is enabled, blocks are single instructions that are looked
   at; pages with one on data are never held by Unicorn's TLB, so that each access comes by.
   Not modelled: an operand that crosses a page hits breakpoints up to 7 bytes beyond its ends. */
#include "engine_break.h"

#include "../vmx-model/breakpoints.h"

enum { BREAKPOINTS = 4, RFLAGS_RF = 1 << 16, PENDING_ENABLED = 1 << 12 };

void engine_update_breakpoints(struct sim_engine *engine)
{
    struct unicorn_env *env = engine->env;
    const unsigned before = engine->data_breaks;
    engine->code_breaks = vmx_breakpoints_of(env->dr, 1u << VMX_BREAK_ON_FETCH);
    engine->data_breaks = vmx_breakpoints_of(env->dr, VMX_BREAKS_ON_WRITE);
    env->hflags = engine->code_breaks != 0 ? env->hflags | ENGINE_HF_BREAK : env->hflags & ~(uint32_t)ENGINE_HF_BREAK;
    if ((before | engine->data_breaks) != 0)
        sim_engine_flush(engine);
}

static bool on_page(const struct sim_engine *engine, uint64_t linear)
{
    for (unsigned i = 0; i < BREAKPOINTS; i++)
        if ((engine->data_breaks >> i & 1) != 0 && (engine->env->dr[i] ^ linear) >> UNICORN_PAGE_BITS == 0)
            return true;
    return false;
}

void engine_break_on_access(struct sim_engine *engine, uint64_t linear, unsigned size, int access, struct vmx_translation *t,
                            uintptr_t return_address)
{
    if (engine->data_breaks == 0)
        return;
    const unsigned kinds = access == UNICORN_STORE ? VMX_BREAKS_ON_WRITE : VMX_BREAKS_ON_READ;
    const unsigned hits = access == UNICORN_FETCH ? 0 : vmx_breakpoints_hit(engine->env->dr, kinds, linear, size);
    if (on_page(engine, linear)) {
        t->read = t->write = false;
        t->fetch = t->fetch && access == UNICORN_FETCH;
    }
    if (hits == 0)
        return;
    if (engine->block != NULL && engine->block->icount > 1) {
        engine_unwind(engine, return_address);
        engine_retry(engine, 1);
    }
    engine->hits |= hits;
    engine_look_at_all(engine);
}

uint64_t engine_take_hits(struct sim_engine *engine)
{
    const uint64_t pending = engine->hits != 0 ? engine->hits | PENDING_ENABLED : 0;
    engine->hits = 0;
    return pending;
}

static _Noreturn void stop(struct sim_engine *engine, uint64_t payload)
{
    engine->result->event = (struct vmx_event){.vector = VMX_DB, .type = VMX_EVENT_HARDWARE_EXCEPTION, .payload = payload};
    engine_stop_at_boundary(engine, SIM_STOP_EXCEPTION);
}

void engine_report_hits(struct sim_engine *engine)
{
    if (engine->hits != 0)
        stop(engine, engine_take_hits(engine));
}

void engine_break_on_instruction(struct sim_engine *engine)
{
    const struct unicorn_env *env = engine->env;
    const bool shadow = (env->hflags & UNICORN_HF_INHIBIT_IRQ) != 0 && engine->shadow == VMX_BLOCKING_BY_MOV_SS;
    uint64_t linear = env->segs[VMX_CS].base + env->eip, hits = 0;
    if (engine->code_breaks == 0 || shadow || (env->eflags & RFLAGS_RF) != 0)
        return;
    if ((env->hflags & UNICORN_HF_CS64) == 0)
        linear = (uint32_t)linear;
    for (unsigned i = 0; i < BREAKPOINTS; i++)
        if ((engine->code_breaks >> i & 1) != 0 && env->dr[i] == linear)
            hits |= 1u << i;
    if (hits != 0)
        stop(engine, hits);
}
