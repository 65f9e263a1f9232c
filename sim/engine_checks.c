/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a processor checks of a value that an instruction loads, and Unicorn's helpers do not: bases of FS and GS.
   SDM 2, "WRFSBASE/WRGSBASE". */
#include "engine_opcode.h"

enum { CR4_FSGSBASE = 1 << 16 };

/* RDFSBASE and its kin ask for CR4.FSGSBASE before they act. A base may have as many bits as the processor has, whatever CR4.LA57 says. */
void __wrap_helper_cr4_testbit_x86_64(struct unicorn_env *env, uint32_t mask);
void __wrap_helper_cr4_testbit_x86_64(struct unicorn_env *env, uint32_t mask)
{
    enum { WRITES = 2, REX_B = 1, REX_W = 8 };
    struct sim_engine *engine = engine_running;
    const uintptr_t here = RETURN_ADDRESS;
    if ((env->cr[4] & mask) == 0)
        engine_raise(engine, VMX_UD, 0, here);
    if (mask != CR4_FSGSBASE)
        return;
    engine_restore(engine, here);
    const struct engine_opcode opcode = engine_opcode_at(env, env->segs[VMX_CS].base + env->eip);
    const uint64_t base = env->regs[(opcode.modrm & 7) | (opcode.rex & REX_B ? 8u : 0u)];
    const unsigned unused = 64 - engine->callbacks.linear_bits;
    const bool canonical = (uint64_t)((int64_t)(base << unused) >> unused) == base;
    if ((opcode.modrm >> 3 & WRITES) != 0 && (opcode.rex & REX_W) != 0 && !canonical)
        engine_raise(engine, VMX_GP, 0, here);
}
