/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a processor looks at before a far transfer does anything, and Unicorn's helpers do not, or too late: the limit of the stack segment, and whether code
   may run at the target. SDM 2, "CALL", "RET", "IRET/IRETD/IRETQ". */
#include "engine_far.h"

#include "engine_access.h"

static uint32_t stack_mask(const struct unicorn_env *env)
{
    enum { FLAGS_B = 1 << 22 };
    return env->segs[VMX_SS].flags & FLAGS_B ? UINT32_MAX : 0xffff;
}

void engine_check_frame(struct sim_engine *engine, int shift, unsigned first, unsigned items, bool pushes)
{
    const struct unicorn_env *env = engine->env;
    const unsigned size = 2u << shift;
    if ((env->hflags & UNICORN_HF_CS64) != 0)
        return;
    for (unsigned i = first; i < first + items; i++) {
        const uint64_t rsp = pushes ? env->regs[VMX_RSP] - (i + 1) * size : env->regs[VMX_RSP] + i * size;
        engine_check_operand(engine, VMX_SS, (uint32_t)(env->segs[VMX_SS].base + (rsp & stack_mask(env))), size, pushes);
    }
}
