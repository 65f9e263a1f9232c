/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a processor looks at before a far transfer does anything, and Unicorn's helpers do not, or too late: the limits of stacks, and whether code may run at
   the target. Whatever else forbids the transfer is left to the helper, which finds it first. SDM 2, "CALL", "JMP", "RET", "IRET/IRETD/IRETQ". */
#include "engine_far.h"

#include "engine_access.h"

enum { EFER_LMA = 1 << 10, RFLAGS_VM = 1 << 17, RPL = 3, NULL_MASK = 0xfffc };
enum { FLAGS_W = 1 << 9, FLAGS_C = 1 << 10, FLAGS_CODE = 1 << 11, FLAGS_S = 1 << 12, FLAGS_P = 1 << 15, FLAGS_L = 1 << 21, FLAGS_B = 1 << 22 };
enum { FLAGS_G = 1 << 23, FLAGS_TYPE_SHIFT = 8, FLAGS_DPL_SHIFT = 13, TYPE = 15 };

struct descriptor {
    uint32_t low, high;
};

static unsigned dpl_of(struct descriptor d)
{
    return d.high >> FLAGS_DPL_SHIFT & 3;
}

static uint32_t limit_of(struct descriptor d)
{
    const uint32_t limit = (d.low & 0xffff) | (d.high & 0xf0000);
    return d.high & FLAGS_G ? limit << 12 | 0xfff : limit;
}

static unsigned cpl_of(const struct unicorn_env *env)
{
    return env->hflags & UNICORN_HF_CPL;
}

static int supervisor(const struct unicorn_env *env)
{
    return env->hflags & UNICORN_HF_SMAP ? UNICORN_MMU_SMAP : UNICORN_MMU_NO_SMAP;
}

static uint32_t load(struct unicorn_env *env, uint64_t linear, int mode)
{
    return cpu_ldl_mmuidx_ra_x86_64(env, linear, mode, 0);
}

/* False: the helper faults. */
static bool find(struct unicorn_env *env, uint32_t selector, struct descriptor *d)
{
    const struct unicorn_segment *table = selector & 4 ? &env->segs[VMX_LDTR] : &env->gdt;
    const uint32_t offset = selector & 0xfff8;
    if ((selector & NULL_MASK) == 0 || offset + 7 > table->limit)
        return false;
    d->low = load(env, table->base + offset, supervisor(env));
    d->high = load(env, table->base + offset + 4, supervisor(env));
    return true;
}

static bool is_code(struct descriptor d)
{
    const uint32_t wanted = FLAGS_S | FLAGS_CODE | FLAGS_P;
    return (d.high & wanted) == wanted;
}

static void check_code(struct sim_engine *engine, struct descriptor d, uint64_t rip)
{
    const struct unicorn_env *env = engine->env;
    const bool to_64bit = (env->efer & EFER_LMA) != 0 && (d.high & FLAGS_L) != 0;
    if (to_64bit ? !engine_is_canonical(env, rip) : rip > limit_of(d))
        engine_raise(engine, VMX_GP, 0, 0);
}

/* ---- stacks ---- */
static uint32_t mask_of(uint32_t flags)
{
    return flags & FLAGS_B ? UINT32_MAX : 0xffff;
}

/* Offset from the stack pointer on. */
static uint32_t stack_address(const struct unicorn_env *env, uint64_t offset)
{
    const struct unicorn_segment *ss = &env->segs[VMX_SS];
    return (uint32_t)(ss->base + ((env->regs[VMX_RSP] + offset) & mask_of(ss->flags)));
}

static void check_items(struct sim_engine *engine, unsigned size, uint64_t offset, unsigned items, bool write)
{
    for (unsigned i = 0; i < items; i++)
        engine_check_operand(engine, VMX_SS, stack_address(engine->env, offset + i * size), size, write);
}

/* So many items and bytes above the stack pointer. */
static uint64_t stack_item(struct unicorn_env *env, unsigned size, unsigned number, unsigned behind)
{
    enum { WIDE = 8 };
    const int mode = cpl_of(env) == 3 ? UNICORN_MMU_USER : supervisor(env);
    const uint64_t offset = (uint64_t)number * size + behind;
    const uint64_t address = env->hflags & UNICORN_HF_CS64 ? env->regs[VMX_RSP] + offset : stack_address(env, offset);
    if (size == WIDE)
        return cpu_ldq_mmuidx_ra_x86_64(env, address, mode, 0);
    return size == 2 ? cpu_lduw_mmuidx_ra_x86_64(env, address, mode, 0) : load(env, address, mode);
}

void engine_check_pushes(struct sim_engine *engine, int shift)
{
    const unsigned size = 2u << shift;
    if ((engine->env->hflags & UNICORN_HF_CS64) != 0)
        return;
    for (unsigned i = 1; i <= 2; i++)
        check_items(engine, size, 0 - (uint64_t)i * size, 1, true);
}

void engine_check_pops(struct sim_engine *engine, int shift, unsigned items)
{
    if ((engine->env->hflags & UNICORN_HF_CS64) == 0)
        check_items(engine, 2u << shift, 0, items, false);
}

/* ---- CALL and JMP ---- */
static bool is_reached_directly(const struct unicorn_env *env, uint32_t selector, struct descriptor d)
{
    const unsigned cpl = cpl_of(env);
    if (!is_code(d))
        return false;
    return d.high & FLAGS_C ? dpl_of(d) <= cpl : (selector & RPL) <= cpl && dpl_of(d) == cpl;
}

/* The code segment that a gate names, and the offset there. False: the helper faults. */
static bool open_gate(struct unicorn_env *env, uint32_t selector, struct descriptor gate, struct descriptor *code, uint64_t *rip)
{
    enum { GATE_16 = 4, GATE_32 = 12 };
    const unsigned type = gate.high >> FLAGS_TYPE_SHIFT & TYPE, cpl = cpl_of(env);
    const bool long_mode = (env->efer & EFER_LMA) != 0;
    if (type != GATE_32 && (type != GATE_16 || long_mode))
        return false;
    if ((gate.high & FLAGS_P) == 0 || dpl_of(gate) < cpl || dpl_of(gate) < (selector & RPL))
        return false;
    *rip = (type == GATE_32 ? gate.high & 0xffff0000 : 0) | (gate.low & 0xffff);
    if (long_mode) {
        struct descriptor second;
        if (!find(env, selector + 8, &second) || (second.high >> FLAGS_TYPE_SHIFT & (TYPE | 1 << 4)) != 0)
            return false;
        *rip |= (uint64_t)second.low << 32;
    }
    if (!find(env, gate.low >> 16, code) || !is_code(*code) || dpl_of(*code) > cpl)
        return false;
    return !long_mode || (code->high & (FLAGS_L | FLAGS_B)) == FLAGS_L;
}

/* The stack that the task holds for a ring: selector in *selector. */
static bool find_inner_stack(struct unicorn_env *env, unsigned ring, uint32_t *selector, uint32_t *esp, struct descriptor *d)
{
    const struct unicorn_segment *task = &env->segs[VMX_TR];
    const unsigned wide = task->flags >> (FLAGS_TYPE_SHIFT + 3) & 1, index = (ring * 4 + 2) << wide;
    if ((task->flags & FLAGS_P) == 0 || index + (4u << wide) - 1 > task->limit)
        return false;
    const int mode = supervisor(env);
    *esp = wide ? load(env, task->base + index, mode) : cpu_lduw_mmuidx_ra_x86_64(env, task->base + index, mode, 0);
    *selector = cpu_lduw_mmuidx_ra_x86_64(env, task->base + index + (2u << wide), mode, 0);
    const uint32_t looked_at = FLAGS_S | FLAGS_CODE | FLAGS_W | FLAGS_P, wanted = looked_at & ~(uint32_t)FLAGS_CODE;
    return (*selector & RPL) == ring && find(env, *selector, d) && dpl_of(*d) == ring && (d->high & looked_at) == wanted;
}

static bool has_room(struct descriptor stack, uint32_t esp, unsigned size, unsigned items)
{
    const struct unicorn_segment ss = {.limit = limit_of(stack), .flags = stack.high};
    for (unsigned i = 1; i <= items; i++)
        if (!engine_is_within_limit(&ss, (esp - i * size) & mask_of(stack.high), size))
            return false;
    return true;
}

static struct engine_far_branch check_gate(struct sim_engine *engine, uint32_t selector, struct descriptor gate)
{
    enum { FRAME = 4, PARAMETERS = 0x1f, GATE_WIDE = 1 << 11, SHIFT_64 = 2 };
    struct unicorn_env *env = engine->env;
    const bool long_mode = (env->efer & EFER_LMA) != 0;
    struct engine_far_branch branch = {.shift = long_mode ? SHIFT_64 : gate.high & GATE_WIDE ? 1 : 0};
    struct descriptor code, stack;
    uint64_t rip;
    uint32_t stack_selector, esp;
    if (!open_gate(env, selector, gate, &code, &rip))
        return branch;
    branch.gate = true;
    branch.inner = (code.high & FLAGS_C) == 0 && dpl_of(code) < cpl_of(env);
    if (long_mode) {
        check_code(engine, code, rip);
        return branch;
    }
    const unsigned size = 2u << branch.shift;
    branch.parameters = branch.inner ? gate.high & PARAMETERS : 0;
    if (branch.inner) {
        if (!find_inner_stack(env, dpl_of(code), &stack_selector, &esp, &stack))
            return branch;
        if (!has_room(stack, esp, size, FRAME + branch.parameters))
            engine_raise(engine, VMX_SS_FAULT, stack_selector & NULL_MASK, 0);
    } else {
        engine_check_pushes(engine, branch.shift);
    }
    check_code(engine, code, rip);
    check_items(engine, size, 0, branch.parameters, false);
    return branch;
}

struct engine_far_branch engine_check_far_branch(struct sim_engine *engine, uint32_t selector, uint64_t rip, int shift, bool call)
{
    struct unicorn_env *env = engine->env;
    struct engine_far_branch branch = {.shift = shift};
    struct descriptor d;
    if (!find(env, selector, &d))
        return branch;
    if ((d.high & FLAGS_S) == 0)
        return call ? check_gate(engine, selector, d) : branch;
    if (!is_reached_directly(env, selector, d))
        return branch;
    if (call)
        engine_check_pushes(engine, shift);
    check_code(engine, d, rip);
    branch.direct = true;
    return branch;
}

/* ---- RET and IRET ---- */
static bool may_return_to(struct unicorn_env *env, uint32_t selector, struct descriptor *d)
{
    const unsigned rpl = selector & RPL;
    if (rpl < cpl_of(env) || !find(env, selector, d) || !is_code(*d))
        return false;
    return d->high & FLAGS_C ? dpl_of(*d) <= rpl : dpl_of(*d) == rpl;
}

/* The helper takes a null selector with 32-bit code too, and a stack that is not present for code that is not. */
static void check_outer_stack(struct sim_engine *engine, uint32_t selector, unsigned ring, bool to_64bit)
{
    const uint32_t looked_at = FLAGS_S | FLAGS_CODE | FLAGS_W | FLAGS_P;
    struct descriptor d;
    if ((selector & NULL_MASK) == 0) {
        if (!to_64bit)
            engine_raise(engine, VMX_GP, 0, 0);
    } else if ((selector & RPL) == ring && find(engine->env, selector, &d) && dpl_of(d) == ring && (d.high & looked_at) == (FLAGS_S | FLAGS_W)) {
        engine_raise(engine, VMX_SS_FAULT, selector & NULL_MASK, 0);
    }
}

/* Items are read in their order, so that the first one whose page is not there is the one that faults. */
void engine_check_far_return(struct sim_engine *engine, int shift, unsigned items, unsigned released)
{
    enum { RIP_ITEM = 0, CS_ITEM = 1, FLAGS_ITEM = 2, RSP_ITEM = 0, SS_ITEM = 1, OUTER_ITEMS = 2, VIRTUAL_8086_ITEMS = 6 };
    struct unicorn_env *env = engine->env;
    const unsigned size = 2u << shift;
    const bool from_64bit = (env->hflags & UNICORN_HF_CS64) != 0, iret = items > FLAGS_ITEM;
    struct descriptor code;
    engine_check_pops(engine, shift, items);
    (void)stack_item(env, size, RIP_ITEM, 0);
    const uint32_t selector = stack_item(env, size, CS_ITEM, 0) & UINT16_MAX;
    const uint64_t flags = iret ? stack_item(env, size, FLAGS_ITEM, 0) : 0;
    if (size == 4 && cpl_of(env) == 0 && (env->efer & EFER_LMA) == 0 && (flags & RFLAGS_VM) != 0) {
        check_items(engine, size, items * size, VIRTUAL_8086_ITEMS, false);
        return;
    }
    const unsigned ring = selector & RPL;
    if ((ring == cpl_of(env) && !(iret && from_64bit)) || !may_return_to(env, selector, &code))
        return;
    if (!from_64bit)
        check_items(engine, size, items * size + released, OUTER_ITEMS, false);
    (void)stack_item(env, size, items + RSP_ITEM, released);
    const uint32_t stack = stack_item(env, size, items + SS_ITEM, released) & UINT16_MAX;
    check_outer_stack(engine, stack, ring, (env->efer & EFER_LMA) != 0 && (code.high & FLAGS_L) != 0);
}
