/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Far CALL, RET and IRET of IA-32e mode with operands of 16 or 32 bits. In 64-bit mode their items lie at RSP whatever SS says, where Unicorn reaches them
   through SS; in compatibility mode RFLAGS.VM of IRET's frame says nothing, which Unicorn takes for virtual-8086 mode. SDM 2A, "CALL", "IRET/IRETD/IRETQ";
   SDM 2B, "RET". */
#include "engine_far.h"

enum { WIDE_SIZE = 8, RET_ITEMS = 2, IRET_ITEMS = 3, FLAGS_ITEM = 2, FLAGS_B = 1 << 22 };

static int rights(const struct unicorn_env *env)
{
    if ((env->hflags & UNICORN_HF_CPL) == UNICORN_HF_CPL)
        return UNICORN_MMU_USER;
    return env->hflags & UNICORN_HF_SMAP ? UNICORN_MMU_SMAP : UNICORN_MMU_NO_SMAP;
}

/* ---- CALL ---- */
static void push(struct unicorn_env *env, uint64_t at, int shift, uint64_t item, uintptr_t return_address)
{
    if (shift == 0)
        cpu_stw_mmuidx_ra_x86_64(env, at, (uint16_t)item, rights(env), return_address);
    else
        cpu_stl_mmuidx_ra_x86_64(env, at, (uint32_t)item, rights(env), return_address);
}

void engine_narrow_push(struct unicorn_env *env, int shift, uint64_t next, uintptr_t return_address)
{
    const unsigned size = 2u << shift;
    push(env, env->regs[VMX_RSP] - size, shift, env->segs[VMX_CS].selector, return_address);
    push(env, env->regs[VMX_RSP] - 2 * size, shift, next, return_address);
    env->regs[VMX_RSP] -= 2 * size;
}

/* ---- RET and IRET ---- */
void engine_narrow_begins(struct sim_engine *engine, int shift, bool iret, unsigned released)
{
    const struct unicorn_env *env = engine->env;
    const struct unicorn_segment *ss = &env->segs[VMX_SS];
    const bool is_64bit = (env->hflags & UNICORN_HF_CS64) != 0;
    engine->narrow = (struct engine_narrow_stack){.rsp = env->regs[VMX_RSP],
                                                  .base = is_64bit ? 0 : ss->base,
                                                  .mask = is_64bit              ? UINT64_MAX
                                                          : ss->flags & FLAGS_B ? UINT32_MAX
                                                                                : 0xffff,
                                                  .released = released,
                                                  .upper_flags = iret && shift == 0 ? env->eflags & ~UINT64_C(0xffff) : 0,
                                                  .items = iret ? IRET_ITEMS : RET_ITEMS,
                                                  .size = 2u << shift};
}

void engine_narrow_ends(struct sim_engine *engine, bool same_stack)
{
    const struct engine_narrow_stack *n = &engine->narrow;
    const uint64_t kept = n->mask == 0xffff ? n->rsp & ~n->mask : 0; /* a stack pointer of 32 bits clears the rest */
    if (same_stack)
        engine->env->regs[VMX_RSP] = kept | ((n->rsp + n->items * n->size + n->released) & n->mask);
    engine->narrow.size = 0;
}

uint64_t engine_narrow_item(struct sim_engine *engine, uint64_t address, uintptr_t return_address)
{
    const struct engine_narrow_stack *n = &engine->narrow;
    struct unicorn_env *env = engine->env;
    const uint64_t offset = address - n->rsp, behind = offset < RET_ITEMS * WIDE_SIZE ? 0 : n->released;
    const uint64_t number = (offset - behind) / WIDE_SIZE, sum = n->base + ((n->rsp + number * n->size + behind) & n->mask);
    const uint64_t at = n->mask == UINT64_MAX ? sum : (uint32_t)sum;
    if (n->size == 4)
        return cpu_ldl_mmuidx_ra_x86_64(env, at, rights(env), return_address);
    return cpu_lduw_mmuidx_ra_x86_64(env, at, rights(env), return_address) | (number == FLAGS_ITEM ? n->upper_flags : 0);
}
