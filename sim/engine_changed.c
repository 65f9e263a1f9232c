/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finding what guest code changed, by comparison with what was last moved. */
#include <string.h>

#include "engine_internal.h"

void engine_snapshot(struct sim_engine *engine, uint32_t groups)
{
    const struct unicorn_env *env = engine->env;
    struct engine_snapshot *shot = &engine->snapshot;
    if (groups & VMX_GROUP_GPR) {
        const uint64_t rsp = shot->regs[VMX_RSP];
        memcpy(shot->regs, env->regs, sizeof shot->regs);
        shot->regs[VMX_RSP] = rsp;
    }
    if (groups & VMX_GROUP_IP) {
        shot->regs[VMX_RSP] = env->regs[VMX_RSP];
        shot->eip = env->eip;
        shot->eflags = env->eflags;
    }
    if (groups & VMX_GROUP_CONTROL) {
        shot->cr[0] = env->cr[0];
        shot->cr[3] = env->cr[3];
        shot->cr[4] = env->cr[4];
        shot->efer = env->efer;
    }
    if (groups & VMX_GROUP_SEGMENTS)
        memcpy(shot->segs, env->segs, sizeof shot->segs);
    if (groups & VMX_GROUP_TABLES) {
        shot->gdt = env->gdt;
        shot->idt = env->idt;
    }
    if (groups & VMX_GROUP_DEBUG)
        memcpy(shot->dr, env->dr, sizeof shot->dr);
    if (groups & VMX_GROUP_MSR) {
        shot->cr[2] = env->cr[2];
        shot->kernel_gs_base = env->kernel_gs_base;
        shot->pkru = env->pkru;
        shot->v_tpr = env->v_tpr;
        shot->xcr0 = env->xcr0;
    }
    if (groups & VMX_GROUP_EVENT) {
        shot->inhibit = env->hflags & UNICORN_HF_INHIBIT_IRQ;
        shot->nmi = env->hflags2 & UNICORN_HF2_NMI;
    }
}

typedef uint64_t pair __attribute__((vector_size(16), aligned(8), may_alias));

/* Not 0 when the bytes differ; a fraction of what memcmp() takes for the sizes here. */
static inline uint64_t difference(const void *a, const void *b, size_t size)
{
    const pair *x = a, *y = b;
    pair sum = {0, 0};
#pragma GCC unroll 16
    for (size_t i = 0; i < size / sizeof *x; i++)
        sum |= x[i] ^ y[i];
    return sum[0] | sum[1];
}

bool engine_segments_stand(const struct sim_engine *engine, const struct vmx_segment segments[VMX_SEGMENT_COUNT])
{
    uint64_t different = 0;
    for (unsigned i = 0; i < VMX_SEGMENT_COUNT; i++) {
        const struct vmx_segment *const a = &engine->shown[i], *const b = &segments[i];
        different |= (a->base ^ b->base) | (a->limit ^ b->limit) | (a->access_rights ^ b->access_rights) | (uint64_t)(a->selector ^ b->selector);
    }
    return engine->shown_stand && different == 0 && difference(engine->env->segs, engine->snapshot.segs, sizeof engine->snapshot.segs) == 0;
}

uint32_t sim_engine_changed(struct sim_engine *engine)
{
    const struct unicorn_env *env = engine->env;
    const struct engine_snapshot *shot = &engine->snapshot;
    uint32_t changed = 0;
    /* RSP, the fifth register, is of the group IP. */
    if ((difference(env->regs, shot->regs, 32) | (env->regs[VMX_RBP] ^ shot->regs[VMX_RBP]) | difference(env->regs + 6, shot->regs + 6, 80)) != 0)
        changed |= VMX_GROUP_GPR;
    if (((env->eip ^ shot->eip) | (env->eflags ^ shot->eflags) | (env->regs[VMX_RSP] ^ shot->regs[VMX_RSP])) != 0)
        changed |= VMX_GROUP_IP;
    if (difference(env->segs, shot->segs, sizeof shot->segs) != 0)
        changed |= VMX_GROUP_SEGMENTS;
    if ((difference(&env->gdt, &shot->gdt, 48)) != 0)
        changed |= VMX_GROUP_TABLES;
    if (((env->cr[0] ^ shot->cr[0]) | (env->cr[3] ^ shot->cr[3]) | (env->cr[4] ^ shot->cr[4]) | (env->efer ^ shot->efer)) != 0)
        changed |= VMX_GROUP_CONTROL;
    if (difference(env->dr, shot->dr, sizeof shot->dr) != 0)
        changed |= VMX_GROUP_DEBUG;
    if (((env->kernel_gs_base ^ shot->kernel_gs_base) | (env->pkru ^ shot->pkru) | (env->cr[2] ^ shot->cr[2]) | (env->xcr0 ^ shot->xcr0) |
         (uint64_t)(env->v_tpr ^ shot->v_tpr)) != 0)
        changed |= VMX_GROUP_MSR;
    if ((env->hflags & UNICORN_HF_INHIBIT_IRQ) != shot->inhibit || (env->hflags2 & UNICORN_HF2_NMI) != shot->nmi)
        changed |= VMX_GROUP_EVENT;
    return changed;
}
