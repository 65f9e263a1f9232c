/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VMCALL, VMLAUNCH and VMRESUME, judged in the middle of a run: whoever drives the engine moves state as between two runs, and the library's main loop
   goes on from there. Leaving it and coming back costs more than the rest of a VM exit. */
#include "engine_tlb.h"

enum { RFLAGS_DF = 1 << 10, RFLAGS_ARITHMETIC = 0x8d5 };

/* Within a run the library keeps the arithmetic flags and DF elsewhere. */
static void collect_flags(struct unicorn_env *env)
{
    const uint64_t apart = RFLAGS_ARITHMETIC | RFLAGS_DF;
    const uint64_t arithmetic = env->cc_op == UNICORN_CC_OP_EFLAGS ? env->cc_src : cpu_cc_compute_all_x86_64(env, (int)env->cc_op);
    env->eflags = (env->eflags & ~apart) | arithmetic | ((uint32_t)env->df & RFLAGS_DF);
}

static void spread_flags(struct unicorn_env *env)
{
    const uint64_t apart = RFLAGS_ARITHMETIC | RFLAGS_DF;
    env->cc_src = env->eflags & RFLAGS_ARITHMETIC;
    env->cc_op = UNICORN_CC_OP_EFLAGS;
    env->df = (env->eflags & RFLAGS_DF) != 0 ? -1 : 1;
    env->eflags &= ~apart;
}

/* The next run begins within this one. */
static void run_on(struct sim_engine *engine, uint64_t deadline)
{
    engine_time_start(engine, deadline);
    if (!engine_tlb_begin(engine))
        engine_stop(engine, engine->result->stop);
}

void engine_judge(struct unicorn_env *env, int vector)
{
    enum { DR7_ENABLES = 0xff };
    struct sim_engine *engine = engine_running;
    uint64_t deadline = SIM_ENGINE_REFUSES;
    engine_unwind_last(engine);
    if (vector == VMX_UD && engine->callbacks.judge != NULL && engine->bias == 0 && !engine->allowing && (env->dr[7] & DR7_ENABLES) == 0) {
        collect_flags(env);
        engine_running = NULL;
        deadline = engine->callbacks.judge(engine->callbacks.context);
        engine_running = engine;
        spread_flags(env);
    }
    if (deadline == SIM_ENGINE_REFUSES)
        engine_raise(engine, (uint8_t)vector, 0, 0);
    if (deadline == 0)
        engine_stop(engine, SIM_STOP_JUDGED);
    run_on(engine, deadline);
}
