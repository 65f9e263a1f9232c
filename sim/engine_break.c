/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Breakpoints of DR0 to DR3 on instructions and data. While one on instructions is enabled, blocks are single instructions that are looked
   at; pages with one on data are never held by Unicorn's TLB, so that each access comes by.
   Not modelled: an operand that crosses a page hits breakpoints up to 7 bytes beyond its ends. */
#include "engine_break.h"

enum { BREAKPOINTS = 4, TYPE_EXECUTE = 0, TYPE_WRITE = 1, TYPE_IO = 2, RFLAGS_RF = 1 << 16, PENDING_ENABLED = 1 << 12 };

static bool is_enabled(uint64_t dr7, unsigned number)
{
    return (dr7 >> (2 * number) & 3) != 0;
}

static unsigned type_of(uint64_t dr7, unsigned number)
{
    return dr7 >> (16 + 4 * number) & 3;
}

static uint64_t length_of(uint64_t dr7, unsigned number)
{
    static const uint8_t lengths[] = {1, 2, 8, 4};
    return lengths[dr7 >> (18 + 4 * number) & 3];
}

static unsigned enabled(const struct unicorn_env *env, bool data)
{
    unsigned mask = 0;
    for (unsigned i = 0; i < BREAKPOINTS; i++) {
        const unsigned type = type_of(env->dr[7], i);
        if (is_enabled(env->dr[7], i) && type != TYPE_IO && (type != TYPE_EXECUTE) == data)
            mask |= 1u << i;
    }
    return mask;
}

void engine_update_breakpoints(struct sim_engine *engine)
{
    struct unicorn_env *env = engine->env;
    const unsigned before = engine->data_breaks;
    engine->code_breaks = enabled(env, false);
    engine->data_breaks = enabled(env, true);
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

static unsigned hit_by(const struct sim_engine *engine, uint64_t linear, unsigned size, bool write)
{
    const uint64_t dr7 = engine->env->dr[7];
    unsigned hits = 0;
    for (unsigned i = 0; i < BREAKPOINTS; i++) {
        const uint64_t length = length_of(dr7, i), first = engine->env->dr[i] & ~(length - 1);
        if ((engine->data_breaks >> i & 1) != 0 && (write || type_of(dr7, i) != TYPE_WRITE) && linear < first + length && first < linear + size)
            hits |= 1u << i;
    }
    return hits;
}

void engine_break_on_access(struct sim_engine *engine, uint64_t linear, unsigned size, int access, struct vmx_translation *t,
                            uintptr_t return_address)
{
    if (engine->data_breaks == 0)
        return;
    const unsigned hits = access == UNICORN_FETCH ? 0 : hit_by(engine, linear, size, access == UNICORN_STORE);
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
