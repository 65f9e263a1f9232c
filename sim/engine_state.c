/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Moving groups of state in and out. */
#include <string.h>

#include "engine_break.h"

enum { RFLAGS_FIXED = 2, RFLAGS_VM = 1 << 17, UNUSABLE = 1 << 16, PRESENT = 1 << 7, DPL = 3 << 5, RIGHTS = 0xf0ff, RIGHTS_SHIFT = 8, TYPE_BUSY = 2 };
enum { BLOCKING_SHADOW = VMX_BLOCKING_BY_STI | VMX_BLOCKING_BY_MOV_SS };

/* Unicorn has no "unusable": it is a segment that is not present. */
static void get_segment(const struct unicorn_segment *from, struct vmx_segment *to)
{
    const uint32_t rights = from->flags >> RIGHTS_SHIFT & RIGHTS;
    to->base = from->base;
    to->limit = from->limit;
    to->access_rights = rights & PRESENT ? rights : rights | UNUSABLE;
    to->selector = (uint16_t)from->selector;
}

static void set_segment(struct unicorn_segment *to, const struct vmx_segment *from)
{
    const uint32_t rights = from->access_rights & UNUSABLE ? from->access_rights & DPL : from->access_rights & RIGHTS;
    to->selector = from->selector;
    to->base = from->base;
    to->limit = from->limit;
    to->flags = rights << RIGHTS_SHIFT;
}

/* In 64-bit mode the base of CS does not count; Unicorn would add it. */
void engine_settle_code_base(struct sim_engine *engine)
{
    struct unicorn_segment *cs = &engine->env->segs[VMX_CS];
    if ((engine->env->hflags & UNICORN_HF_CS64) != 0 && cs->base != 0) {
        engine->code_base = cs->base;
        cs->base = 0;
    }
}

static uint64_t code_base(const struct sim_engine *engine)
{
    const struct unicorn_segment *cs = &engine->env->segs[VMX_CS];
    return (engine->env->hflags & UNICORN_HF_CS64) != 0 ? engine->code_base : cs->base;
}

/* The task register holds a busy TSS; Unicorn has it as an available one, and ends the program over another type when it looks for a stack. */
static void get_task_register(const struct unicorn_env *env, struct vmx_segment *to)
{
    get_segment(&env->segs[VMX_TR], to);
    to->access_rights |= TYPE_BUSY;
}

static void set_task_register(struct unicorn_env *env, const struct vmx_segment *from)
{
    set_segment(&env->segs[VMX_TR], from);
    env->segs[VMX_TR].flags &= ~(uint32_t)TYPE_BUSY << RIGHTS_SHIFT;
}

static void get_msrs(const struct sim_engine *engine, struct vmx_state *s)
{
    const struct unicorn_env *env = engine->env;
    const struct vmx_state *h = &engine->held;
    s->cr2 = env->cr[2];
    s->cr8 = env->v_tpr;
    s->xcr0 = env->xcr0;
    s->sysenter_cs = env->sysenter_cs;
    s->sysenter_esp = env->sysenter_esp;
    s->sysenter_eip = env->sysenter_eip;
    s->star = env->star;
    s->lstar = env->lstar;
    s->cstar = env->cstar;
    s->fmask = env->fmask;
    s->kernel_gs_base = env->kernel_gs_base;
    s->tsc_aux = env->tsc_aux;
    s->pkru = env->pkru;
    s->pat = h->pat;
    s->perf_global_ctrl = h->perf_global_ctrl;
    s->bndcfgs = h->bndcfgs;
    s->rtit_ctl = h->rtit_ctl;
    s->lbr_ctl = h->lbr_ctl;
    s->pkrs = h->pkrs;
    s->spec_ctrl = h->spec_ctrl;
    s->xss = h->xss;
    s->s_cet = h->s_cet;
    s->ssp = h->ssp;
    s->interrupt_ssp_table = h->interrupt_ssp_table;
    s->apic_base = h->apic_base;
    s->misc_enable = h->misc_enable;
}

/* What translations were made from changes: those of the set in use go. One that was just selected is judged when the next run begins. */
static void forget_translations(struct sim_engine *engine)
{
    if (!engine->selected)
        sim_engine_flush_set(engine, engine->set_in_use);
}

static void set_msrs(struct sim_engine *engine, const struct vmx_state *s)
{
    struct unicorn_env *env = engine->env;
    if (env->pkru != s->pkru || engine->held.pkrs != s->pkrs)
        forget_translations(engine);
    env->cr[2] = s->cr2;
    env->v_tpr = (uint8_t)(s->cr8 & 0xf);
    env->xcr0 = s->xcr0;
    env->sysenter_cs = (uint32_t)s->sysenter_cs;
    env->sysenter_esp = s->sysenter_esp;
    env->sysenter_eip = s->sysenter_eip;
    env->star = s->star;
    env->lstar = s->lstar;
    env->cstar = s->cstar;
    env->fmask = s->fmask;
    env->kernel_gs_base = s->kernel_gs_base;
    env->tsc_aux = s->tsc_aux;
    env->pkru = s->pkru;
    engine->held.pat = s->pat;
    engine->held.perf_global_ctrl = s->perf_global_ctrl;
    engine->held.bndcfgs = s->bndcfgs;
    engine->held.rtit_ctl = s->rtit_ctl;
    engine->held.lbr_ctl = s->lbr_ctl;
    engine->held.pkrs = s->pkrs;
    engine->held.spec_ctrl = s->spec_ctrl;
    engine->held.xss = s->xss;
    engine->held.s_cet = s->s_cet;
    engine->held.ssp = s->ssp;
    engine->held.interrupt_ssp_table = s->interrupt_ssp_table;
    engine->held.apic_base = s->apic_base;
    engine->held.misc_enable = s->misc_enable;
}

static void get_control(const struct sim_engine *engine, struct vmx_state *s)
{
    s->cr0 = engine->env->cr[0];
    s->cr3 = engine->env->cr[3];
    s->cr4 = engine->env->cr[4];
    s->efer = engine->env->efer;
    memcpy(s->pdpte, engine->held.pdpte, sizeof s->pdpte);
}

static void set_control(struct sim_engine *engine, const struct vmx_state *s)
{
    struct unicorn_env *env = engine->env;
    if (env->cr[0] != s->cr0 || env->cr[3] != s->cr3 || env->cr[4] != s->cr4 || env->efer != s->efer ||
        memcmp(engine->held.pdpte, s->pdpte, sizeof s->pdpte) != 0)
        forget_translations(engine);
    env->cr[0] = s->cr0;
    env->cr[3] = s->cr3;
    env->cr[4] = s->cr4;
    env->efer = s->efer;
    memcpy(engine->held.pdpte, s->pdpte, sizeof s->pdpte);
}

static void get_event(const struct sim_engine *engine, struct vmx_state *s)
{
    const struct unicorn_env *env = engine->env;
    s->interruptibility = (env->hflags & UNICORN_HF_INHIBIT_IRQ ? engine->shadow : 0) | (env->hflags2 & UNICORN_HF2_NMI ? VMX_BLOCKING_BY_NMI : 0u) |
                          (engine->held.interruptibility & VMX_BLOCKING_BY_SMI);
    s->activity = engine->held.activity;
    s->pending_debug = engine->held.pending_debug;
}

static void set_event(struct sim_engine *engine, const struct vmx_state *s)
{
    struct unicorn_env *env = engine->env;
    engine->shadow = s->interruptibility & BLOCKING_SHADOW;
    env->hflags = engine->shadow != 0 ? env->hflags | UNICORN_HF_INHIBIT_IRQ : env->hflags & ~(uint32_t)UNICORN_HF_INHIBIT_IRQ;
    env->hflags2 = s->interruptibility & VMX_BLOCKING_BY_NMI ? env->hflags2 | UNICORN_HF2_NMI : env->hflags2 & ~(uint32_t)UNICORN_HF2_NMI;
    engine->held.interruptibility = s->interruptibility;
    engine->held.activity = s->activity;
    engine->held.pending_debug = s->pending_debug;
}

static void get_gprs(const struct unicorn_env *env, struct vmx_state *s)
{
    const uint64_t rsp = s->gpr[VMX_RSP];
    memcpy(s->gpr, env->regs, sizeof s->gpr);
    s->gpr[VMX_RSP] = rsp;
}

static void set_gprs(struct unicorn_env *env, const struct vmx_state *s)
{
    const uint64_t rsp = env->regs[VMX_RSP];
    memcpy(env->regs, s->gpr, sizeof s->gpr);
    env->regs[VMX_RSP] = rsp;
}

void sim_engine_get(struct sim_engine *engine, uint32_t groups, struct vmx_state *s)
{
    const struct unicorn_env *env = engine->env;
    if (groups & VMX_GROUP_GPR)
        get_gprs(env, s);
    if (groups & VMX_GROUP_IP) {
        s->rip = env->eip;
        s->gpr[VMX_RSP] = env->regs[VMX_RSP];
        s->rflags = env->eflags;
    }
    if (groups & VMX_GROUP_CONTROL)
        get_control(engine, s);
    if (groups & VMX_GROUP_SEGMENTS) {
        for (unsigned i = 0; i < VMX_SEGMENT_COUNT; i++)
            get_segment(&env->segs[i], &s->seg[i]);
        get_task_register(env, &s->seg[VMX_TR]);
        s->seg[VMX_CS].base = code_base(engine);
        engine->shown_stand = false;
    }
    if (groups & VMX_GROUP_TABLES) {
        s->gdtr.base = env->gdt.base;
        s->gdtr.limit = env->gdt.limit;
        s->idtr.base = env->idt.base;
        s->idtr.limit = env->idt.limit;
    }
    if (groups & VMX_GROUP_DEBUG) {
        memcpy(s->dr, env->dr, sizeof s->dr);
        s->debugctl = engine->held.debugctl;
    }
    if (groups & VMX_GROUP_MSR)
        get_msrs(engine, s);
    if (groups & VMX_GROUP_EVENT)
        get_event(engine, s);
    engine_snapshot(engine, groups);
}

static void set_segments(struct sim_engine *engine, const struct vmx_state *s)
{
    struct unicorn_env *env = engine->env;
    for (unsigned i = 0; i < VMX_SEGMENT_COUNT; i++) {
        set_segment(&env->segs[i], &s->seg[i]);
        engine->shown[i] = s->seg[i];
    }
    set_task_register(env, &s->seg[VMX_TR]);
    engine->code_base = 0;
    engine->shown_stand = true;
}

/* What engine_update_mode() reads of the group CONTROL. */
static bool other_mode(const struct unicorn_env *env, const struct vmx_state *s)
{
    return ((env->cr[0] ^ s->cr0) | (env->cr[4] ^ s->cr4) | (env->efer ^ s->efer)) != 0;
}

void sim_engine_set(struct sim_engine *engine, uint32_t groups, const struct vmx_state *s)
{
    struct unicorn_env *env = engine->env;
    bool mode = (groups & VMX_GROUP_CONTROL) != 0 && other_mode(env, s);
    if (!mode && (groups & VMX_GROUP_SEGMENTS) != 0 && engine_segments_stand(engine, s->seg))
        groups &= ~(uint32_t)VMX_GROUP_SEGMENTS;
    if (groups & VMX_GROUP_GPR)
        set_gprs(env, s);
    if (groups & VMX_GROUP_IP) {
        mode |= ((env->eflags ^ s->rflags) & RFLAGS_VM) != 0;
        env->eip = s->rip;
        env->regs[VMX_RSP] = s->gpr[VMX_RSP];
        env->eflags = s->rflags | RFLAGS_FIXED;
    }
    if (groups & VMX_GROUP_CONTROL)
        set_control(engine, s);
    if (groups & VMX_GROUP_SEGMENTS) {
        set_segments(engine, s);
        mode = true;
    }
    if (groups & VMX_GROUP_TABLES) {
        env->gdt.base = s->gdtr.base;
        env->gdt.limit = s->gdtr.limit;
        env->idt.base = s->idtr.base;
        env->idt.limit = s->idtr.limit;
    }
    if (groups & VMX_GROUP_DEBUG) {
        const bool changed = memcmp(env->dr, s->dr, sizeof env->dr) != 0;
        memcpy(env->dr, s->dr, sizeof env->dr);
        engine->held.debugctl = s->debugctl;
        if (changed)
            engine_update_breakpoints(engine);
    }
    if (groups & VMX_GROUP_MSR)
        set_msrs(engine, s);
    if (groups & VMX_GROUP_EVENT)
        set_event(engine, s);
    if (mode) {
        engine_update_mode(env);
        engine_settle_code_base(engine);
    }
    engine_snapshot(engine, groups);
}

uint64_t *sim_engine_gpr(struct sim_engine *engine)
{
    return engine->env->regs;
}
