/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Far transfers and loads of LDTR and TR: task switches stop, and what Unicorn's helpers do otherwise than an Intel processor is put right. */
#include "engine_far.h"

enum {
    EFER_LMA = 1 << 10,
    RFLAGS_VM = 1 << 17,
    DESCRIPTOR_ACCESSED = 1 << 8,
    DESCRIPTOR_S = 1 << 12,
    DESCRIPTOR_TYPE_SHIFT = 8,
    DESCRIPTOR_DPL_SHIFT = 13,
    WIDE = 2 /* shift of operands of 64 bits */
};

static const struct unicorn_segment *table_of(const struct unicorn_env *env, uint32_t selector)
{
    return selector & 4 ? &env->segs[VMX_LDTR] : &env->gdt;
}

/* Descriptors are read and written with the rights of the supervisor. */
static int supervisor(const struct unicorn_env *env)
{
    return env->hflags & UNICORN_HF_SMAP ? UNICORN_MMU_SMAP : UNICORN_MMU_NO_SMAP;
}

/* The descriptor of a far transfer names a task that may be switched to. Unreadable ones are left to the original. */
static bool is_task(struct unicorn_env *env, int selector, uintptr_t return_address)
{
    enum { TSS_16 = 1, TASK_GATE = 5, TSS_32 = 9 };
    const struct unicorn_segment *table = table_of(env, (uint32_t)selector);
    const uint32_t offset = (uint32_t)selector & 0xfff8;
    if ((selector & 0xfffc) == 0 || offset + 7 > table->limit || (env->efer & EFER_LMA) != 0)
        return false;
    const uint32_t high = cpu_ldl_mmuidx_ra_x86_64(env, table->base + offset + 4, supervisor(env), return_address);
    const uint32_t type = high >> DESCRIPTOR_TYPE_SHIFT & 0xf, dpl = high >> DESCRIPTOR_DPL_SHIFT & 3;
    if ((high & DESCRIPTOR_S) != 0 || (type != TSS_16 && type != TASK_GATE && type != TSS_32))
        return false;
    return dpl >= (env->hflags & UNICORN_HF_CPL) && dpl >= ((uint32_t)selector & 3);
}

static bool is_64bit(const struct unicorn_env *env)
{
    return (env->hflags & UNICORN_HF_CS64) != 0;
}

static bool is_ia32e(const struct unicorn_env *env)
{
    return (env->efer & EFER_LMA) != 0;
}

/* Ring 3 reaches its stack with its own rights; the originals take the supervisor's for `items` of the operand size above or below RSP. */
static void user_stack_begins(struct unicorn_env *env, int shift, unsigned items, bool pushes)
{
    struct sim_engine *engine = engine_running;
    struct engine_user_stack *stack = &engine->user_stack;
    const unsigned size = 2u << shift;
    if ((env->hflags & UNICORN_HF_CPL) != UNICORN_HF_CPL)
        return;
    stack->mask = is_64bit(env) ? UINT64_MAX : env->hflags & UNICORN_HF_SS32 ? UINT32_MAX : 0xffff;
    stack->base = is_64bit(env) ? 0 : env->segs[VMX_SS].base;
    stack->offset = (pushes ? env->regs[VMX_RSP] - items * size : env->regs[VMX_RSP]) & stack->mask;
    stack->bytes = items * size;
    for (unsigned i = 0; i < stack->bytes; i += i == 0 ? size - 1 : size) { /* the first byte, and the last one of each item */
        const uint64_t at = stack->base + ((stack->offset + i) & stack->mask), linear = is_64bit(env) ? at : (uint32_t)at;
        tlb_flush_page_by_mmuidx_x86_64(engine->cpu, linear & ~(uint64_t)(UNICORN_PAGE_SIZE - 1), 1u << UNICORN_MMU_SMAP | 1u << UNICORN_MMU_NO_SMAP);
    }
}

static void user_stack_ends(void)
{
    engine_running->user_stack.bytes = 0;
}

/* The originals find RIP by their return address, which is here now: it is restored before. */
static void before_far_transfer(struct unicorn_env *env, int selector, uintptr_t return_address)
{
    engine_restore(engine_running, return_address);
    if (is_task(env, selector, return_address))
        engine_stop_before(engine_running, return_address);
}

/* The originals load CS, and SS of an outer ring, without marking the descriptor as accessed. A guest that keeps its descriptors where it may not write
   finds the transfer done when this faults. */
static void mark_accessed(struct unicorn_env *env, unsigned name, uintptr_t return_address)
{
    enum { RIGHTS_BYTE = 5, ACCESSED = 1 };
    struct unicorn_segment *segment = &env->segs[name];
    if ((segment->selector & 0xfffc) == 0 || (segment->flags & (DESCRIPTOR_ACCESSED | DESCRIPTOR_S)) != DESCRIPTOR_S)
        return;
    const uint64_t at = table_of(env, segment->selector)->base + (segment->selector & 0xfff8) + RIGHTS_BYTE;
    const uint32_t rights = cpu_ldub_mmuidx_ra_x86_64(env, at, supervisor(env), return_address);
    cpu_stb_mmuidx_ra_x86_64(env, at, rights | ACCESSED, supervisor(env), return_address);
    segment->flags |= DESCRIPTOR_ACCESSED;
}

/* What a far transfer changes outside of memory. */
struct before {
    struct unicorn_segment segs[8];
    uint64_t eip, eflags, rsp, cc_src;
    uint32_t cc_op, hflags, hflags2;
    int32_t df;
};

static struct before remember(const struct unicorn_env *env)
{
    struct before b = {.eip = env->eip,
                       .eflags = env->eflags,
                       .rsp = env->regs[VMX_RSP],
                       .cc_src = env->cc_src,
                       .cc_op = env->cc_op,
                       .hflags = env->hflags,
                       .hflags2 = env->hflags2,
                       .df = env->df};
    __builtin_memcpy(b.segs, env->segs, sizeof b.segs);
    return b;
}

static bool is_same_ring(const struct unicorn_env *env, const struct before *b)
{
    return ((env->hflags ^ b->hflags) & UNICORN_HF_CPL) == 0;
}

/* The processor looks at the target before it commits anything: the transfer has not happened and faults.
   CALL and JMP do not get here: see engine_far.c. */
static void check_target(struct unicorn_env *env, const struct before *b, uintptr_t return_address)
{
    if (engine_target_is_allowed(env, env->eip))
        return;
    __builtin_memcpy(env->segs, b->segs, sizeof b->segs);
    env->eip = b->eip;
    env->eflags = b->eflags;
    env->regs[VMX_RSP] = b->rsp;
    env->cc_src = b->cc_src;
    env->cc_op = b->cc_op;
    env->hflags = b->hflags;
    env->hflags2 = b->hflags2;
    env->df = b->df;
    engine_raise(engine_running, VMX_GP, 0, return_address);
}

/* Segments have changed: what they allow decides how code is translated. */
static void after_load_of_cs(void)
{
    engine_running->code_base = 0;
    engine_update_mode(engine_running->env);
    engine_settle_code_base(engine_running);
}

void __wrap_helper_ljmp_protected_x86_64(struct unicorn_env *env, int cs, uint64_t eip, uint64_t next);
void __real_helper_ljmp_protected_x86_64(struct unicorn_env *env, int cs, uint64_t eip, uint64_t next);
void __wrap_helper_ljmp_protected_x86_64(struct unicorn_env *env, int cs, uint64_t eip, uint64_t next)
{
    before_far_transfer(env, cs, RETURN_ADDRESS);
    engine_check_far_branch(engine_running, (uint32_t)cs, eip, 0, false);
    const struct before before = remember(env);
    __real_helper_ljmp_protected_x86_64(env, cs, eip, next);
    check_target(env, &before, RETURN_ADDRESS);
    mark_accessed(env, VMX_CS, RETURN_ADDRESS);
    after_load_of_cs();
}

void __wrap_helper_lcall_protected_x86_64(struct unicorn_env *env, int cs, uint64_t eip, int shift, uint64_t next);
void __real_helper_lcall_protected_x86_64(struct unicorn_env *env, int cs, uint64_t eip, int shift, uint64_t next);
void __wrap_helper_lcall_protected_x86_64(struct unicorn_env *env, int cs, uint64_t eip, int shift, uint64_t next)
{
    enum { GATE_16 = 0 };
    before_far_transfer(env, cs, RETURN_ADDRESS);
    const struct engine_far_branch branch = engine_check_far_branch(engine_running, (uint32_t)cs, eip, shift, true);
    const struct before before = remember(env);
    if (branch.direct && is_64bit(env) && shift < WIDE) {
        engine_narrow_push(env, shift, next, RETURN_ADDRESS);
        __real_helper_ljmp_protected_x86_64(env, cs, eip, next);
    } else {
        user_stack_begins(env, branch.shift, branch.inner ? branch.parameters : 2, !branch.inner);
        __real_helper_lcall_protected_x86_64(env, cs, eip, shift, next);
        user_stack_ends();
    }
    if (branch.gate && branch.shift == GATE_16)
        env->eip &= 0xffff;
    check_target(env, &before, RETURN_ADDRESS);
    mark_accessed(env, VMX_CS, RETURN_ADDRESS);
    mark_accessed(env, VMX_SS, RETURN_ADDRESS);
    after_load_of_cs();
}

/* In virtual-8086 mode the stack is that of ring 3. */
void __wrap_helper_lcall_real_x86_64(struct unicorn_env *env, int cs, uint64_t eip, int shift, int next);
void __real_helper_lcall_real_x86_64(struct unicorn_env *env, int cs, uint64_t eip, int shift, int next);
void __wrap_helper_lcall_real_x86_64(struct unicorn_env *env, int cs, uint64_t eip, int shift, int next)
{
    engine_restore(engine_running, RETURN_ADDRESS);
    engine_check_pushes(engine_running, shift);
    if (!engine_target_is_allowed(env, eip))
        engine_raise(engine_running, VMX_GP, 0, 0);
    user_stack_begins(env, shift, 2, true);
    __real_helper_lcall_real_x86_64(env, cs, eip, shift, next);
    user_stack_ends();
}

/* Returns to an outer ring: hardware keeps the bases of FS and GS when it makes them null, and a null SS is unusable. */
static void after_return(struct unicorn_env *env, const struct before *b, uintptr_t return_address)
{
    const struct unicorn_segment *before = b->segs;
    check_target(env, b, return_address);
    enum { NULL_SS_FLAGS = 0xc09300, FLAGS_DPL = 3 << DESCRIPTOR_DPL_SHIFT };
    for (unsigned i = VMX_FS; i <= VMX_GS; i++)
        if (env->segs[i].flags == 0 && before[i].flags != 0)
            env->segs[i].base = before[i].base;
    struct unicorn_segment *ss = &env->segs[VMX_SS];
    if ((ss->selector & 0xfffc) == 0 && (ss->flags & ~(uint32_t)FLAGS_DPL) == NULL_SS_FLAGS && ss->flags != before[VMX_SS].flags)
        ss->flags &= FLAGS_DPL;
    after_load_of_cs();
    if ((env->eflags & RFLAGS_VM) != 0)
        return;
    mark_accessed(env, VMX_CS, return_address);
    mark_accessed(env, VMX_SS, return_address);
}

/* An IRET that begins with NMIs blocked ends the blocking even when it faults or exits. The originals end it when they complete, so that
   blocking which is to stay is put back then: returned here. */
static uint32_t iret_begins(struct unicorn_env *env)
{
    struct sim_engine *engine = engine_running;
    const struct sim_engine_callbacks *callbacks = &engine->callbacks;
    const uint32_t blocking = env->hflags2 & UNICORN_HF2_NMI;
    if (blocking == 0)
        return 0;
    if (callbacks->iret_unblocks_nmis != NULL && !callbacks->iret_unblocks_nmis(callbacks->context))
        return blocking;
    env->hflags2 -= blocking;
    engine->iret_unblocked = true;
    return 0;
}

static void iret_ends(struct unicorn_env *env, uint32_t kept)
{
    env->hflags2 |= kept;
    engine_running->iret_unblocked = false;
}

void __wrap_helper_iret_real_x86_64(struct unicorn_env *env, int shift);
void __real_helper_iret_real_x86_64(struct unicorn_env *env, int shift);
void __wrap_helper_iret_real_x86_64(struct unicorn_env *env, int shift)
{
    const uint32_t kept = iret_begins(env);
    engine_restore(engine_running, RETURN_ADDRESS);
    engine_check_pops(engine_running, shift, 3);
    const struct before before = remember(env);
    user_stack_begins(env, shift, 3, false);
    __real_helper_iret_real_x86_64(env, shift);
    user_stack_ends();
    check_target(env, &before, RETURN_ADDRESS);
    iret_ends(env, kept);
}

/* VIF and VIP come from the stack when IRET begins at CPL 0; the original leaves them. */
static void load_virtual_interrupt_flags(struct unicorn_env *env, const struct before *b, int shift, uintptr_t return_address)
{
    enum { VIF_VIP = 3 << 19, FLAGS_B = 1 << 22 };
    if (shift == 0 || (b->hflags & UNICORN_HF_CPL) != 0 || (env->eflags & RFLAGS_VM) != 0)
        return;
    const bool is_64 = (b->hflags & UNICORN_HF_CS64) != 0;
    const struct unicorn_segment *ss = &b->segs[VMX_SS];
    const uint64_t mask = is_64 ? UINT64_MAX : ss->flags & FLAGS_B ? UINT32_MAX : 0xffff;
    const uint64_t at = (is_64 ? 0 : ss->base) + ((b->rsp + (UINT64_C(4) << shift)) & mask);
    const uint32_t image = cpu_ldl_mmuidx_ra_x86_64(env, is_64 ? at : (uint32_t)at, supervisor(env), return_address);
    env->eflags = (env->eflags & ~(uint64_t)VIF_VIP) | (image & VIF_VIP);
}

void __wrap_helper_iret_protected_x86_64(struct unicorn_env *env, int shift, int next);
void __real_helper_iret_protected_x86_64(struct unicorn_env *env, int shift, int next);
void __wrap_helper_iret_protected_x86_64(struct unicorn_env *env, int shift, int next)
{
    enum { RFLAGS_NT = 1 << 14 };
    const uint32_t kept = iret_begins(env);
    if ((env->eflags & RFLAGS_NT) != 0 && (env->efer & EFER_LMA) == 0)
        engine_stop_before(engine_running, RETURN_ADDRESS);
    engine_restore(engine_running, RETURN_ADDRESS);
    engine_check_far_return(engine_running, shift, 3, 0);
    const struct before before = remember(env);
    if (is_ia32e(env) && shift < WIDE) {
        engine_narrow_begins(engine_running, shift, true, 0);
        __real_helper_iret_protected_x86_64(env, WIDE, next);
        engine_narrow_ends(engine_running, (before.hflags & UNICORN_HF_CS64) == 0 && is_same_ring(env, &before));
    } else {
        user_stack_begins(env, shift, is_64bit(env) ? 5 : 3, false);
        __real_helper_iret_protected_x86_64(env, shift, next);
        user_stack_ends();
    }
    load_virtual_interrupt_flags(env, &before, shift, RETURN_ADDRESS);
    after_return(env, &before, RETURN_ADDRESS);
    iret_ends(env, kept);
}

void __wrap_helper_lret_protected_x86_64(struct unicorn_env *env, int shift, int released);
void __real_helper_lret_protected_x86_64(struct unicorn_env *env, int shift, int released);
void __wrap_helper_lret_protected_x86_64(struct unicorn_env *env, int shift, int released)
{
    engine_restore(engine_running, RETURN_ADDRESS);
    engine_check_far_return(engine_running, shift, 2, (unsigned)released);
    const struct before before = remember(env);
    if (is_ia32e(env) && shift < WIDE) {
        engine_narrow_begins(engine_running, shift, false, (unsigned)released);
        __real_helper_lret_protected_x86_64(env, WIDE, released);
        engine_narrow_ends(engine_running, is_same_ring(env, &before));
    } else {
        user_stack_begins(env, shift, 2, false);
        __real_helper_lret_protected_x86_64(env, shift, released);
        user_stack_ends();
    }
    after_return(env, &before, RETURN_ADDRESS);
}

/* The base of a system descriptor of 16 bytes, which the originals take as it is. What they find wrong with the rest is theirs. */
static void check_base(struct unicorn_env *env, int selector, uintptr_t return_address)
{
    enum { DESCRIPTOR_P = 1 << 15, LAST_BYTE = 15 };
    const uint32_t offset = (uint32_t)selector & 0xfff8;
    if ((env->efer & EFER_LMA) == 0 || (selector & 0xfffc) == 0 || (selector & 4) != 0 || offset + LAST_BYTE > env->gdt.limit)
        return;
    const uint64_t at = env->gdt.base + offset;
    const uint32_t rights = cpu_ldl_mmuidx_ra_x86_64(env, at + 4, supervisor(env), return_address);
    const uint64_t high = cpu_ldl_mmuidx_ra_x86_64(env, at + 8, supervisor(env), return_address);
    if ((rights & DESCRIPTOR_P) != 0 && !engine_is_canonical(env, high << 32 | (rights & 0xff000000)))
        engine_raise(engine_running, VMX_GP, (uint32_t)selector & 0xfffc, return_address);
}

/* The original accepts a null selector. */
void __wrap_helper_ltr_x86_64(struct unicorn_env *env, int selector);
void __real_helper_ltr_x86_64(struct unicorn_env *env, int selector);
void __wrap_helper_ltr_x86_64(struct unicorn_env *env, int selector)
{
    if ((selector & 0xfffc) == 0)
        engine_raise(engine_running, VMX_GP, 0, RETURN_ADDRESS);
    check_base(env, selector, RETURN_ADDRESS);
    __real_helper_ltr_x86_64(env, selector);
}

void __wrap_helper_lldt_x86_64(struct unicorn_env *env, int selector);
void __real_helper_lldt_x86_64(struct unicorn_env *env, int selector);
void __wrap_helper_lldt_x86_64(struct unicorn_env *env, int selector)
{
    check_base(env, selector, RETURN_ADDRESS);
    __real_helper_lldt_x86_64(env, selector);
    if ((selector & 0xfffc) == 0)
        env->segs[VMX_LDTR].flags = 0;
}

/* MOV, POP, LDS and their kin in protected mode. What the segments allow decides how code is translated. */
void __wrap_helper_load_seg_x86_64(struct unicorn_env *env, int segment, int selector);
void __real_helper_load_seg_x86_64(struct unicorn_env *env, int segment, int selector);
void __wrap_helper_load_seg_x86_64(struct unicorn_env *env, int segment, int selector)
{
    engine_restore(engine_running, RETURN_ADDRESS);
    /* A null selector fits SS in 64-bit mode alone, below CPL 3, and with the CPL as its RPL: the original takes any RPL. */
    if (segment == VMX_SS && (selector & 0xfffc) == 0 && ((uint32_t)selector & 3) != (env->hflags & UNICORN_HF_CPL))
        engine_raise(engine_running, VMX_GP, 0, RETURN_ADDRESS);
    __real_helper_load_seg_x86_64(env, segment, selector);
    engine_update_mode(env);
}
