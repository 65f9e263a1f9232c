/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SYSCALL, SYSRET, SYSENTER, SYSEXIT as an Intel processor runs them; Unicorn's only call its user.
   SDM 2, "SYSCALL", "SYSRET", "SYSENTER", "SYSEXIT". */
#include "engine_internal.h"

enum { EFER_SCE = 1 << 0, EFER_LMA = 1 << 10, CR0_PE = 1 << 0, CR4_LA57 = 1 << 12 };
enum { RFLAGS_ARITHMETIC = 0x8d5, RFLAGS_FIXED = 2, RFLAGS_DF = 1 << 10, RFLAGS_IF = 1 << 9, RFLAGS_RF = 1 << 16, RFLAGS_VM = 1 << 17 };
/* Flat segments: accessed, present, granular */
enum { FLAT_CODE_32 = 0xc09b00, FLAT_CODE_64 = 0xa09b00, FLAT_DATA = 0xc09300, FLAGS_DPL_3 = 3 << 13 };

static void load_flat(struct unicorn_segment *segment, uint64_t selector, uint32_t flags)
{
    *segment = (struct unicorn_segment){.selector = (uint32_t)(selector & 0xffff), .limit = UINT32_MAX, .flags = flags};
}

static void load_code_and_stack(struct unicorn_env *env, uint64_t cs, uint64_t ss, uint32_t code, uint32_t dpl)
{
    load_flat(&env->segs[VMX_CS], cs, code | dpl);
    load_flat(&env->segs[VMX_SS], ss, FLAT_DATA | dpl);
    engine_running->code_base = 0;
    engine_update_mode(env);
}

bool engine_is_canonical(const struct unicorn_env *env, uint64_t address)
{
    const unsigned unused = env->cr[4] & CR4_LA57 ? 7 : 16;
    return (uint64_t)((int64_t)(address << unused) >> unused) == address;
}

static bool in_64bit_mode(const struct unicorn_env *env)
{
    return (env->hflags & UNICORN_HF_CS64) != 0;
}

static uint64_t get_rflags(struct unicorn_env *env)
{
    const uint64_t rest = env->eflags & ~(uint64_t)(RFLAGS_ARITHMETIC | RFLAGS_DF);
    return rest | cpu_cc_compute_all_x86_64(env, (int)env->cc_op) | (env->df < 0 ? RFLAGS_DF : 0);
}

/* Inside a run arithmetic flags and DF are kept apart. */
static void set_rflags(struct unicorn_env *env, uint64_t rflags)
{
    env->cc_src = rflags & RFLAGS_ARITHMETIC;
    env->cc_op = UNICORN_CC_OP_EFLAGS;
    env->df = rflags & RFLAGS_DF ? -1 : 1;
    env->eflags = (rflags & ~(uint64_t)(RFLAGS_ARITHMETIC | RFLAGS_DF)) | RFLAGS_FIXED;
}

void __wrap_helper_syscall_x86_64(struct unicorn_env *env, int length);
void __wrap_helper_syscall_x86_64(struct unicorn_env *env, int length)
{
    if (!in_64bit_mode(env) || (env->efer & EFER_SCE) == 0)
        engine_raise(engine_running, VMX_UD, 0, RETURN_ADDRESS);
    const uint64_t rflags = get_rflags(env);
    const uint64_t selector = env->star >> 32 & 0xfffc;
    env->regs[VMX_RCX] = env->eip + (uint64_t)(int64_t)length;
    env->regs[VMX_R11] = rflags & ~(uint64_t)RFLAGS_RF;
    env->eip = env->lstar;
    set_rflags(env, rflags & ~(env->fmask | RFLAGS_RF | RFLAGS_VM));
    load_code_and_stack(env, selector, selector + 8, FLAT_CODE_64, 0);
}

void __wrap_helper_sysret_x86_64(struct unicorn_env *env, int operand_size);
void __wrap_helper_sysret_x86_64(struct unicorn_env *env, int operand_size)
{
    const bool to_64bit = operand_size == 2;
    if (!in_64bit_mode(env) || (env->efer & EFER_SCE) == 0)
        engine_raise(engine_running, VMX_UD, 0, RETURN_ADDRESS);
    if ((env->hflags & UNICORN_HF_CPL) != 0 || (to_64bit && !engine_is_canonical(env, env->regs[VMX_RCX])))
        engine_raise(engine_running, VMX_GP, 0, RETURN_ADDRESS);
    const uint64_t selector = env->star >> 48;
    env->eip = to_64bit ? env->regs[VMX_RCX] : (uint32_t)env->regs[VMX_RCX];
    set_rflags(env, env->regs[VMX_R11] & 0x3c7fd7);
    load_code_and_stack(env, (selector + (to_64bit ? 16 : 0)) | 3, (selector + 8) | 3, to_64bit ? FLAT_CODE_64 : FLAT_CODE_32, FLAGS_DPL_3);
}

void __wrap_helper_sysenter_x86_64(struct unicorn_env *env, int length);
void __wrap_helper_sysenter_x86_64(struct unicorn_env *env, int length)
{
    const bool long_mode = (env->efer & EFER_LMA) != 0;
    (void)length;
    if ((env->cr[0] & CR0_PE) == 0 || (env->sysenter_cs & 0xfffc) == 0)
        engine_raise(engine_running, VMX_GP, 0, RETURN_ADDRESS);
    env->eflags &= ~(uint64_t)(RFLAGS_VM | RFLAGS_IF | RFLAGS_RF);
    env->regs[VMX_RSP] = long_mode ? env->sysenter_esp : (uint32_t)env->sysenter_esp;
    env->eip = long_mode ? env->sysenter_eip : (uint32_t)env->sysenter_eip;
    const uint64_t selector = env->sysenter_cs & 0xfffc;
    load_code_and_stack(env, selector, selector + 8, long_mode ? FLAT_CODE_64 : FLAT_CODE_32, 0);
}

void __wrap_helper_sysexit_x86_64(struct unicorn_env *env, int operand_size);
void __wrap_helper_sysexit_x86_64(struct unicorn_env *env, int operand_size)
{
    const bool to_64bit = operand_size == 2;
    const uint64_t rip = env->regs[VMX_RDX], rsp = env->regs[VMX_RCX];
    if ((env->sysenter_cs & 0xfffc) == 0 || (env->hflags & UNICORN_HF_CPL) != 0 || (env->cr[0] & CR0_PE) == 0)
        engine_raise(engine_running, VMX_GP, 0, RETURN_ADDRESS);
    if (to_64bit && (!engine_is_canonical(env, rip) || !engine_is_canonical(env, rsp)))
        engine_raise(engine_running, VMX_GP, 0, RETURN_ADDRESS);
    const uint64_t selector = (env->sysenter_cs & 0xfffc) + (to_64bit ? 32u : 16u);
    env->regs[VMX_RSP] = to_64bit ? rsp : (uint32_t)rsp;
    env->eip = to_64bit ? rip : (uint32_t)rip;
    load_code_and_stack(env, selector | 3, (selector + 8) | 3, to_64bit ? FLAT_CODE_64 : FLAT_CODE_32, FLAGS_DPL_3);
}
