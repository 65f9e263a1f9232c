/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The x87 stack: loads, moves, stores, pending exceptions. SDM 1, "x87 FPU Exception Handling", "Stack Overflow or Underflow Exception (#IS)".
   Not modelled: pending exceptions where CR0.NE is 0, which a chipset would see as FERR#. */
#include "engine_fpu.h"

#include <string.h>

enum { CR0_MP = 1 << 1, CR0_TS = 1 << 3, CR0_NE = 1 << 5, RFLAGS_TF = 1 << 8, RFLAGS_RF = 1 << 16 };

/* ---- status ---- */
void engine_fpu_summarize(struct unicorn_env *env)
{
    const bool pending = (env->x87_status & ~env->x87_control & FPU_EXCEPTIONS) != 0;
    env->x87_status = (uint16_t)((env->x87_status & ~(FPU_ES | FPU_B)) | (pending ? FPU_ES | FPU_B : 0));
}

unsigned fpu_set_status(struct unicorn_env *env, unsigned flags, unsigned mask, unsigned codes)
{
    env->x87_status = (uint16_t)((env->x87_status & ~mask) | (codes & mask) | flags);
    engine_fpu_summarize(env);
    return flags & ~(unsigned)env->x87_control & FPU_EXCEPTIONS;
}

bool fpu_stack_underflow(struct unicorn_env *env)
{
    engine_running->fpu.abandoned = fpu_set_status(env, FPU_IE | FPU_SF, FPU_C1, 0) != 0;
    return !engine_running->fpu.abandoned;
}

bool fpu_stack_overflow(struct unicorn_env *env)
{
    engine_running->fpu.abandoned = fpu_set_status(env, FPU_IE | FPU_SF, FPU_C1, FPU_C1) != 0;
    return !engine_running->fpu.abandoned;
}

/* ---- before each instruction of x87 and MMX ---- */
/* FCMOVcc wants both registers whether it moves or not. */
static bool is_conditional_move(uint64_t word)
{
    const unsigned opcode = word & ENGINE_FPU_OPCODE;
    return (word & ENGINE_FPU_NOTES_OPCODE) != 0 && (opcode >> 8 == 2 || opcode >> 8 == 3) && (opcode & 0xff) >= 0xc0 && (opcode & 0xff) < 0xe0;
}

static void check_conditional_move(struct sim_engine *engine, unsigned number)
{
    struct unicorn_env *env = engine->env;
    if (!fpu_is_empty(env, 0) && !fpu_is_empty(env, number)) {
        (void)fpu_set_status(env, 0, FPU_C1, 0);
        return;
    }
    if (fpu_stack_underflow(env)) {
        *fpu_register(env, 0) = FPU_INDEFINITE;
        env->empty[env->top] = 0;
    }
    engine->fpu.abandoned = true;
}

void engine_fpu_begin(struct sim_engine *engine, uint64_t word)
{
    struct unicorn_env *env = engine->env;
    if ((word & ENGINE_FPU_IS_WAIT) != 0 && (env->cr[0] & (CR0_MP | CR0_TS)) == (CR0_MP | CR0_TS))
        engine_raise(engine, VMX_NM, 0, RETURN_ADDRESS);
    if ((word & ENGINE_FPU_IS_WAIT) == 0 && (env->hflags & (UNICORN_HF_TS | UNICORN_HF_EM)) != 0)
        return; /* #NM or #UD */
    if ((word & ENGINE_FPU_WAITS) != 0 && (env->x87_status & FPU_ES) != 0 && (env->cr[0] & CR0_NE) != 0)
        engine_raise(engine, VMX_MF, 0, RETURN_ADDRESS);
    engine->fpu.abandoned = engine->fpu.pushed = false;
    if ((word & ENGINE_FPU_NOTES_OPCODE) != 0)
        env->x87_opcode = word & ENGINE_FPU_OPCODE;
    if (RARELY(is_conditional_move(word)))
        check_conditional_move(engine, word & 7);
}

/* The rest of the instruction is skipped, which must be alone in its block for that: then what follows is its end. */
_Noreturn void fpu_abandon_store(struct unicorn_env *env, unsigned flags, uintptr_t return_address)
{
    struct sim_engine *engine = engine_running;
    const struct unicorn_block *block = engine->block;
    if (block->icount > 1) {
        engine_unwind(engine, return_address);
        engine_retry(engine, 1);
    }
    engine_restore(engine, return_address);
    (void)fpu_set_status(env, flags, FPU_C1, 0);
    env->x87_instruction = env->eip;
    env->eip = block->pc + block->size - block->cs_base;
    env->hflags &= ~(uint32_t)UNICORN_HF_INHIBIT_IRQ;
    if (env->eflags & RFLAGS_TF)
        engine_single_step();
    env->eflags &= ~(uint64_t)RFLAGS_RF;
    engine_retry(engine, 0);
}

/* ---- the stack ---- */
#define HELPER(name, ...)                                                                                                                            \
    void __wrap_helper_##name##_x86_64(struct unicorn_env *env, ##__VA_ARGS__);                                                                      \
    void __wrap_helper_##name##_x86_64(struct unicorn_env *env, ##__VA_ARGS__)

void fpu_push(struct unicorn_env *env, const struct unicorn_x87 *value)
{
    env->top = fpu_physical(env, 7);
    env->empty[env->top] = 0;
    *fpu_register(env, 0) = *value;
}

void fpu_pop(struct unicorn_env *env)
{
    env->empty[env->top] = 1;
    env->top = fpu_physical(env, 1);
}

bool fpu_has_room(struct unicorn_env *env)
{
    if (fpu_is_empty(env, 7))
        return true;
    if (fpu_stack_overflow(env))
        fpu_push(env, &FPU_INDEFINITE);
    return false;
}

/* FLD ST(i) and constants: the value comes with the next helper. */
HELPER(fpush)
{
    engine_running->fpu.pushed = fpu_has_room(env);
    engine_running->fpu.abandoned |= !engine_running->fpu.pushed;
    if (engine_running->fpu.pushed)
        fpu_push(env, fpu_register(env, 7));
}

HELPER(fpop)
{
    if (!engine_running->fpu.abandoned)
        fpu_pop(env);
}

/* FLD ST(i), whose register may be the one that was free; FCMOVcc */
HELPER(fmov_ST0_STN, int number)
{
    struct sim_engine *engine = engine_running;
    if (engine->fpu.abandoned)
        return;
    const bool lacks = fpu_is_empty(env, (unsigned)number) || (engine->fpu.pushed && (number & 7) == 0);
    if (!lacks) {
        *fpu_register(env, 0) = *fpu_register(env, (unsigned)number);
        (void)fpu_set_status(env, 0, FPU_C1, 0);
        return;
    }
    if (fpu_stack_underflow(env)) {
        *fpu_register(env, 0) = FPU_INDEFINITE;
        env->empty[env->top] = 0;
    } else if (engine->fpu.pushed) {
        fpu_pop(env);
    }
}

/* FST ST(i), FSTP ST(i) */
HELPER(fmov_STN_ST0, int number)
{
    if (fpu_is_empty(env, 0)) {
        if (!fpu_stack_underflow(env))
            return;
        *fpu_register(env, (unsigned)number) = FPU_INDEFINITE;
    } else {
        *fpu_register(env, (unsigned)number) = *fpu_register(env, 0);
        (void)fpu_set_status(env, 0, FPU_C1, 0);
    }
    env->empty[fpu_physical(env, (unsigned)number)] = 0;
}

HELPER(fxchg_ST0_STN, int number)
{
    const unsigned other = (unsigned)number;
    if (!fpu_is_empty(env, 0) && !fpu_is_empty(env, other)) {
        (void)fpu_set_status(env, 0, FPU_C1, 0);
    } else {
        if (!fpu_stack_underflow(env))
            return;
        if (fpu_is_empty(env, 0))
            *fpu_register(env, 0) = FPU_INDEFINITE;
        if (fpu_is_empty(env, other))
            *fpu_register(env, other) = FPU_INDEFINITE;
        env->empty[env->top] = env->empty[fpu_physical(env, other)] = 0;
    }
    const struct unicorn_x87 value = *fpu_register(env, 0);
    *fpu_register(env, 0) = *fpu_register(env, other);
    *fpu_register(env, other) = value;
}

/* ---- loads ---- */
/* Masked: what is unmasked leaves the stack as it is, which is decided here. */
#define LOAD(name, type, instruction)                                                                                                                \
    HELPER(name, type memory)                                                                                                                        \
    {                                                                                                                                                \
        const uint16_t control = fpu_control(env) | FPU_MASKED;                                                                                      \
        uint16_t host, status;                                                                                                                       \
        struct unicorn_x87 value;                                                                                                                    \
        if (!fpu_has_room(env))                                                                                                                      \
            return;                                                                                                                                  \
        __asm__ volatile(FPU_ENTER instruction " %[memory]" FPU_STATUS "fstpt %[value]\n\t" FPU_LEAVE                                                \
                         : [host] "=m"(host), [status] "=m"(status), [value] "=m"(value)                                                             \
                         : [control] "m"(control), [memory] "m"(memory)                                                                              \
                         : FPU_CLOBBERS);                                                                                                            \
        if ((fpu_set_status(env, status & FPU_EXCEPTIONS, FPU_C1, 0) & FPU_BEFORE) == 0)                                                             \
            fpu_push(env, &value);                                                                                                                   \
    }
LOAD(flds_ST0, uint32_t, "flds")
LOAD(fldl_ST0, uint64_t, "fldl")
LOAD(fildl_ST0, int32_t, "fildl")
LOAD(fildll_ST0, int64_t, "fildll")

/* Constants, which the direction of rounding reaches. */
#define CONSTANT(name)                                                                                                                               \
    HELPER(name##_ST0)                                                                                                                               \
    {                                                                                                                                                \
        const uint16_t control = fpu_control(env);                                                                                                   \
        uint16_t host;                                                                                                                               \
        if (engine_running->fpu.abandoned)                                                                                                           \
            return;                                                                                                                                  \
        __asm__ volatile(FPU_ENTER #name "\n\tfstpt %[value]\n\t" FPU_LEAVE                                                                          \
                         : [host] "=m"(host), [value] "=m"(*fpu_register(env, 0))                                                                    \
                         : [control] "m"(control)                                                                                                    \
                         : FPU_CLOBBERS);                                                                                                            \
        (void)fpu_set_status(env, 0, FPU_C1, 0);                                                                                                     \
    }
CONSTANT(fld1)
CONSTANT(fldl2t)
CONSTANT(fldl2e)
CONSTANT(fldpi)
CONSTANT(fldlg2)
CONSTANT(fldln2)
CONSTANT(fldz)

/* 80 bits in memory: they are read first, wherever they go. */
static void read_bytes(struct unicorn_env *env, uint64_t address, uint8_t bytes[10], uintptr_t return_address)
{
    const uint64_t low = cpu_ldq_data_ra_x86_64(env, address, return_address);
    const uint16_t high = (uint16_t)cpu_lduw_data_ra_x86_64(env, address + sizeof low, return_address);
    memcpy(bytes, &low, sizeof low);
    memcpy(bytes + sizeof low, &high, sizeof high);
}

#define LOAD_80(name, instruction)                                                                                                                   \
    HELPER(name, uint64_t address)                                                                                                                   \
    {                                                                                                                                                \
        uint8_t bytes[10];                                                                                                                           \
        struct unicorn_x87 value;                                                                                                                    \
        read_bytes(env, address, bytes, RETURN_ADDRESS);                                                                                             \
        if (!fpu_has_room(env))                                                                                                                      \
            return;                                                                                                                                  \
        __asm__ volatile("fnclex\n\t" instruction " %[bytes]\n\tfstpt %[value]" : [value] "=m"(value) : [bytes] "m"(bytes) : FPU_CLOBBERS);          \
        (void)fpu_set_status(env, 0, FPU_C1, 0);                                                                                                     \
        fpu_push(env, &value);                                                                                                                       \
    }
LOAD_80(fldt_ST0, "fldt")
LOAD_80(fbld_ST0, "fbld")

/* ---- stores ---- */
/* Truncation is rounding toward zero. An empty register stores `indefinite`. */
#define STORE(name, returned, type, instruction, rounding, indefinite)                                                                               \
    returned __wrap_helper_##name##_x86_64(struct unicorn_env *env);                                                                                 \
    returned __wrap_helper_##name##_x86_64(struct unicorn_env *env)                                                                                  \
    {                                                                                                                                                \
        const uint16_t control = fpu_control(env) | FPU_PE | (rounding);                                                                             \
        uint16_t host, status;                                                                                                                       \
        type value = 0;                                                                                                                              \
        if (fpu_is_empty(env, 0)) {                                                                                                                  \
            if ((env->x87_control & FPU_IE) == 0)                                                                                                    \
                fpu_abandon_store(env, FPU_IE | FPU_SF, RETURN_ADDRESS);                                                                             \
            (void)fpu_stack_underflow(env);                                                                                                          \
            return (returned)(indefinite);                                                                                                           \
        }                                                                                                                                            \
        __asm__ volatile(FPU_ENTER "fldt %[source]\n\t" instruction " %[value]\n\tfnstsw %[status]\n\tfninit\n\t" FPU_LEAVE                          \
                         : [host] "=m"(host), [status] "=m"(status), [value] "+m"(value)                                                             \
                         : [control] "m"(control), [source] "m"(*fpu_register(env, 0))                                                               \
                         : FPU_CLOBBERS);                                                                                                            \
        const unsigned flags = status & FPU_EXCEPTIONS;                                                                                              \
        if ((flags & ~(unsigned)control & FPU_EXCEPTIONS) != 0)                                                                                      \
            fpu_abandon_store(env, flags, RETURN_ADDRESS);                                                                                           \
        (void)fpu_set_status(env, flags, FPU_C1, status);                                                                                            \
        return (returned)value;                                                                                                                      \
    }
enum { TRUNCATE = 3 << 10 };
STORE(fsts_ST0, uint32_t, uint32_t, "fstps", 0, 0xffc00000)
STORE(fstl_ST0, uint64_t, uint64_t, "fstpl", 0, UINT64_C(0xfff8) << 48)
STORE(fist_ST0, int32_t, int16_t, "fistps", 0, INT16_MIN)
STORE(fistl_ST0, int32_t, int32_t, "fistpl", 0, INT32_MIN)
STORE(fistll_ST0, int64_t, int64_t, "fistpll", 0, INT64_MIN)
STORE(fistt_ST0, int32_t, int16_t, "fistps", TRUNCATE, INT16_MIN)
STORE(fisttl_ST0, int32_t, int32_t, "fistpl", TRUNCATE, INT32_MIN)
STORE(fisttll_ST0, int64_t, int64_t, "fistpll", TRUNCATE, INT64_MIN)

static void write_bytes(struct unicorn_env *env, uint64_t address, const uint8_t bytes[10], uintptr_t return_address)
{
    uint64_t low;
    uint16_t high;
    memcpy(&low, bytes, sizeof low);
    memcpy(&high, bytes + sizeof low, sizeof high);
    cpu_stq_data_ra_x86_64(env, address, low, return_address);
    cpu_stw_data_ra_x86_64(env, address + sizeof low, high, return_address);
}

#define STORE_80(name, instruction)                                                                                                                  \
    HELPER(name, uint64_t address)                                                                                                                   \
    {                                                                                                                                                \
        const uint16_t control = fpu_control(env) | FPU_PE;                                                                                          \
        const bool lacks = fpu_is_empty(env, 0);                                                                                                     \
        const struct unicorn_x87 value = lacks ? FPU_INDEFINITE : *fpu_register(env, 0);                                                             \
        uint16_t host, status;                                                                                                                       \
        uint8_t bytes[10] = {0};                                                                                                                     \
        if (lacks && (env->x87_control & FPU_IE) == 0)                                                                                               \
            fpu_abandon_store(env, FPU_IE | FPU_SF, RETURN_ADDRESS);                                                                                 \
        __asm__ volatile(FPU_ENTER "fldt %[source]\n\t" instruction " %[bytes]\n\tfnstsw %[status]\n\tfninit\n\t" FPU_LEAVE                          \
                         : [host] "=m"(host), [status] "=m"(status), [bytes] "+m"(bytes)                                                             \
                         : [control] "m"(control), [source] "m"(value)                                                                               \
                         : FPU_CLOBBERS);                                                                                                            \
        const unsigned flags = (status & FPU_EXCEPTIONS) | (lacks ? FPU_IE | FPU_SF : 0u);                                                           \
        if ((flags & ~(unsigned)control & FPU_EXCEPTIONS) != 0)                                                                                      \
            fpu_abandon_store(env, flags, RETURN_ADDRESS);                                                                                           \
        write_bytes(env, address, bytes, RETURN_ADDRESS);                                                                                            \
        (void)fpu_set_status(env, flags, FPU_C1, lacks ? 0 : status);                                                                                \
    }
STORE_80(fstt_ST0, "fstpt")
STORE_80(fbst_ST0, "fbstp")

/* ---- control ---- */
void __real_helper_fldcw_x86_64(struct unicorn_env *env, uint32_t value);
HELPER(fldcw, uint32_t value)
{
    __real_helper_fldcw_x86_64(env, value);
    engine_fpu_summarize(env);
}
