/* SPDX-License-Identifier: GPL-2.0-or-later */
/* x87 arithmetic, comparison and examination. SDM 1, "x87 FPU Instruction Set", "x87 FPU Floating-Point Exception Conditions".
   Not modelled: unmasked overflow and underflow of the elementary functions, whose results are those of masked ones. */
#include "engine_fpu.h"

#define HELPER(name, ...)                                                                                                                            \
    void __wrap_helper_##name##_x86_64(struct unicorn_env *env, ##__VA_ARGS__);                                                                      \
    void __wrap_helper_##name##_x86_64(struct unicorn_env *env, ##__VA_ARGS__)

/* What one instruction gives on the host: one register or two, and the status word. */
struct result {
    struct unicorn_x87 value, second;
    uint16_t status;
};

/* ---- the operand beside ST(0) ---- */
static void hold_operand(enum engine_fpu_form form, uint64_t raw)
{
    engine_running->fpu.form = form;
    engine_running->fpu.raw = raw;
    engine_running->fpu.operand_empty = false;
}

HELPER(flds_FT0, uint32_t memory)
{
    (void)env;
    hold_operand(ENGINE_FPU_SINGLE, memory);
}

HELPER(fldl_FT0, uint64_t memory)
{
    (void)env;
    hold_operand(ENGINE_FPU_DOUBLE, memory);
}

HELPER(fildl_FT0, int32_t memory)
{
    (void)env;
    hold_operand(ENGINE_FPU_INTEGER, (uint32_t)memory);
}

HELPER(fldz_FT0)
{
    hold_operand(ENGINE_FPU_REGISTER, 0);
    env->operand = (struct unicorn_x87){0};
}

HELPER(fmov_FT0_STN, int number)
{
    hold_operand(ENGINE_FPU_REGISTER, 0);
    env->operand = *fpu_register(env, (unsigned)number);
    engine_running->fpu.operand_empty = fpu_is_empty(env, (unsigned)number);
}

/* ---- arithmetic ---- */
#define ON_HOST(loads, instruction, read)                                                                                                            \
    __asm__ volatile(FPU_ENTER loads "fldt %[a]\n\t" instruction FPU_STATUS "fstpt %[value]\n\tfninit\n\t" FPU_LEAVE                                 \
                     : [host] "=m"(host), [status] "=m"(r.status), [value] "=m"(r.value)                                                             \
                     : [control] "m"(control), [a] "m"(*a), read                                                                                     \
                     : FPU_CLOBBERS)

#define WITH_REGISTER(name, instruction)                                                                                                             \
    static struct result name##_registers(struct unicorn_env *env, const struct unicorn_x87 *a, const struct unicorn_x87 *b)                         \
    {                                                                                                                                                \
        const uint16_t control = fpu_control(env);                                                                                                   \
        uint16_t host;                                                                                                                               \
        struct result r;                                                                                                                             \
        ON_HOST("fldt %[b]\n\t", instruction, [b] "m"(*b));                                                                                          \
        return r;                                                                                                                                    \
    }

#define WITH_OPERAND(name)                                                                                                                           \
    static struct result name##_operand(struct unicorn_env *env, const struct unicorn_x87 *a)                                                        \
    {                                                                                                                                                \
        const uint16_t control = fpu_control(env);                                                                                                   \
        const uint64_t raw = engine_running->fpu.raw;                                                                                                \
        uint16_t host;                                                                                                                               \
        struct result r = {.status = 0};                                                                                                             \
        switch (engine_running->fpu.form) {                                                                                                          \
        case ENGINE_FPU_REGISTER:                                                                                                                    \
            return name##_registers(env, a, &env->operand);                                                                                          \
        case ENGINE_FPU_SINGLE:                                                                                                                      \
            ON_HOST("", "f" #name "s %[raw]", [raw] "m"(raw));                                                                                       \
            break;                                                                                                                                   \
        case ENGINE_FPU_DOUBLE:                                                                                                                      \
            ON_HOST("", "f" #name "l %[raw]", [raw] "m"(raw));                                                                                       \
            break;                                                                                                                                   \
        case ENGINE_FPU_INTEGER:                                                                                                                     \
            ON_HOST("", "fi" #name "l %[raw]", [raw] "m"(raw));                                                                                      \
            break;                                                                                                                                   \
        }                                                                                                                                            \
        return r;                                                                                                                                    \
    }

/* Writes the result, unless an unmasked exception was found before there was one. */
static void settle(struct unicorn_env *env, unsigned number, const struct result *r, unsigned codes)
{
    const unsigned unmasked = fpu_set_status(env, r->status & FPU_EXCEPTIONS, codes, r->status);
    engine_running->fpu.abandoned = (unmasked & FPU_BEFORE) != 0;
    if (!engine_running->fpu.abandoned)
        *fpu_register(env, number) = r->value;
}

/* An empty register among the operands: the masked answer goes to the destination. */
static void settle_empty(struct unicorn_env *env, unsigned number)
{
    if (!fpu_stack_underflow(env))
        return;
    *fpu_register(env, number) = FPU_INDEFINITE;
    env->empty[fpu_physical(env, number)] = 0;
}

#define BASIC(name, swapped)                                                                                                                         \
    HELPER(f##name##_ST0_FT0)                                                                                                                        \
    {                                                                                                                                                \
        if (fpu_is_empty(env, 0) || engine_running->fpu.operand_empty) {                                                                             \
            settle_empty(env, 0);                                                                                                                    \
            return;                                                                                                                                  \
        }                                                                                                                                            \
        const struct result r = name##_operand(env, fpu_register(env, 0));                                                                           \
        settle(env, 0, &r, FPU_C1);                                                                                                                  \
    }                                                                                                                                                \
    HELPER(f##name##_STN_ST0, int number)                                                                                                            \
    {                                                                                                                                                \
        const unsigned n = (unsigned)number;                                                                                                         \
        if (fpu_is_empty(env, 0) || fpu_is_empty(env, n)) {                                                                                          \
            settle_empty(env, n);                                                                                                                    \
            return;                                                                                                                                  \
        }                                                                                                                                            \
        const struct result r = name##_registers(env, fpu_register(env, n), fpu_register(env, 0));                                                   \
        settle(env, n, &r, FPU_C1);                                                                                                                  \
    }
#define BASIC_OPERATION(name)                                                                                                                        \
    WITH_REGISTER(name, "f" #name " %%st(1), %%st")                                                                                                  \
    WITH_OPERAND(name)                                                                                                                               \
    BASIC(name, name)
BASIC_OPERATION(add)
BASIC_OPERATION(mul)
BASIC_OPERATION(sub)
BASIC_OPERATION(subr)
BASIC_OPERATION(div)
BASIC_OPERATION(divr)

/* Of ST(0) alone, or with ST(1), to ST(0). */
#define UNARY(name, codes)                                                                                                                           \
    WITH_REGISTER(name, #name)                                                                                                                       \
    HELPER(name)                                                                                                                                     \
    {                                                                                                                                                \
        if (fpu_is_empty(env, 0)) {                                                                                                                  \
            settle_empty(env, 0);                                                                                                                    \
            return;                                                                                                                                  \
        }                                                                                                                                            \
        const struct result r = name##_registers(env, fpu_register(env, 0), fpu_register(env, 0));                                                   \
        settle(env, 0, &r, codes);                                                                                                                   \
    }
UNARY(fsqrt, FPU_C1)
UNARY(frndint, FPU_C1)

WITH_REGISTER(fscale, "fscale")
HELPER(fscale)
{
    if (fpu_is_empty(env, 0) || fpu_is_empty(env, 1)) {
        settle_empty(env, 0);
        return;
    }
    const struct result r = fscale_registers(env, fpu_register(env, 0), fpu_register(env, 1));
    settle(env, 0, &r, FPU_C1);
}

/* How far a remainder that needs more than one round gets in the first is the processor's choice: 63 bits, as far as may be. */
enum { EXPONENT = 0x7fff, LARGEST_STEP = 63, NORMAL = 63 };
static struct unicorn_x87 divisor_of_round(const struct unicorn_x87 *a, const struct unicorn_x87 *b, bool *partial)
{
    const int of_a = a->exponent & EXPONENT, of_b = b->exponent & EXPONENT;
    struct unicorn_x87 divisor = *b;
    *partial = of_a != EXPONENT && of_b != 0 && of_b != EXPONENT && a->significand >> NORMAL != 0 && b->significand >> NORMAL != 0 &&
               of_a - of_b > LARGEST_STEP;
    if (*partial)
        divisor.exponent = (uint16_t)(b->exponent + of_a - of_b - LARGEST_STEP);
    return divisor;
}

#define REMAINDER(name)                                                                                                                              \
    WITH_REGISTER(name, #name)                                                                                                                       \
    HELPER(name)                                                                                                                                     \
    {                                                                                                                                                \
        bool partial;                                                                                                                                \
        if (fpu_is_empty(env, 0) || fpu_is_empty(env, 1)) {                                                                                          \
            settle_empty(env, 0);                                                                                                                    \
            return;                                                                                                                                  \
        }                                                                                                                                            \
        const struct unicorn_x87 divisor = divisor_of_round(fpu_register(env, 0), fpu_register(env, 1), &partial);                                   \
        struct result r = (partial ? fprem_registers : name##_registers)(env, fpu_register(env, 0), &divisor);                                       \
        if (partial)                                                                                                                                 \
            r.status = (uint16_t)((r.status & ~(FPU_C0 | FPU_C1 | FPU_C3)) | FPU_C2);                                                                \
        settle(env, 0, &r, FPU_C0 | FPU_C1 | FPU_C2 | FPU_C3);                                                                                       \
    }
REMAINDER(fprem)
REMAINDER(fprem1)

/* ---- signs and classes ---- */
#define SIGN(name, expression)                                                                                                                       \
    HELPER(name##_ST0)                                                                                                                               \
    {                                                                                                                                                \
        enum { SIGN_BIT = 1 << 15 };                                                                                                                 \
        if (fpu_is_empty(env, 0)) {                                                                                                                  \
            settle_empty(env, 0);                                                                                                                    \
            return;                                                                                                                                  \
        }                                                                                                                                            \
        const uint16_t exponent = fpu_register(env, 0)->exponent;                                                                                    \
        fpu_register(env, 0)->exponent = (uint16_t)(expression);                                                                                     \
        (void)fpu_set_status(env, 0, FPU_C1, 0);                                                                                                     \
    }
SIGN(fchs, exponent ^ SIGN_BIT)
SIGN(fabs, exponent & ~SIGN_BIT)

WITH_REGISTER(fxam, "fxam")
HELPER(fxam_ST0)
{
    const unsigned codes = FPU_C0 | FPU_C1 | FPU_C2 | FPU_C3;
    const struct result r = fxam_registers(env, fpu_register(env, 0), fpu_register(env, 0));
    (void)fpu_set_status(env, 0, codes, fpu_is_empty(env, 0) ? (r.status & FPU_C1) | FPU_C0 | FPU_C3 : r.status);
}

/* ---- comparison ---- */
WITH_REGISTER(com, "fcom %%st(1)")
WITH_OPERAND(com)
WITH_REGISTER(ucom, "fucom %%st(1)")

static void settle_comparison(struct unicorn_env *env, const struct result *r)
{
    const unsigned codes = FPU_C0 | FPU_C2 | FPU_C3;
    const unsigned flags = r->status & FPU_EXCEPTIONS;
    engine_running->fpu.abandoned = (flags & ~(unsigned)env->x87_control & FPU_BEFORE) != 0;
    (void)fpu_set_status(env, flags, FPU_C1 | (engine_running->fpu.abandoned ? 0 : codes), r->status & codes);
}

static bool lacks_operand(struct unicorn_env *env)
{
    return fpu_is_empty(env, 0) || engine_running->fpu.operand_empty;
}

static void compare_empty(struct unicorn_env *env)
{
    const unsigned codes = FPU_C0 | FPU_C2 | FPU_C3;
    if (fpu_stack_underflow(env))
        (void)fpu_set_status(env, 0, codes, codes);
}

HELPER(fcom_ST0_FT0)
{
    if (lacks_operand(env)) {
        compare_empty(env);
        return;
    }
    const struct result r = com_operand(env, fpu_register(env, 0));
    settle_comparison(env, &r);
}

HELPER(fucom_ST0_FT0)
{
    if (lacks_operand(env)) {
        compare_empty(env);
        return;
    }
    const struct result r = ucom_registers(env, fpu_register(env, 0), &env->operand);
    settle_comparison(env, &r);
}

/* FCOMI and FUCOMI: the condition codes go to RFLAGS, whose other arithmetic flags they clear. */
static void compare_into_flags(struct unicorn_env *env,
                               struct result (*compare)(struct unicorn_env *, const struct unicorn_x87 *, const struct unicorn_x87 *))
{
    enum { CF = 1 << 0, PF = 1 << 2, ZF = 1 << 6 };
    const uint16_t codes = env->x87_status & (FPU_C0 | FPU_C2 | FPU_C3);
    const uint64_t before = cpu_cc_compute_all_x86_64(env, (int)env->cc_op);
    if (lacks_operand(env)) {
        compare_empty(env);
    } else {
        const struct result r = compare(env, fpu_register(env, 0), &env->operand);
        settle_comparison(env, &r);
    }
    const uint16_t found = env->x87_status;
    env->x87_status = (uint16_t)((found & ~(FPU_C0 | FPU_C2 | FPU_C3)) | codes);
    env->cc_src = engine_running->fpu.abandoned ? before : (found & FPU_C0 ? CF : 0u) | (found & FPU_C2 ? PF : 0u) | (found & FPU_C3 ? ZF : 0u);
}

HELPER(fcomi_ST0_FT0)
{
    compare_into_flags(env, com_registers);
}

HELPER(fucomi_ST0_FT0)
{
    compare_into_flags(env, ucom_registers);
}

/* ---- results of two registers ---- */
/* With all masked: what is unmasked leaves the stack as it is, which is decided here. */
#define PUSHING(name)                                                                                                                                \
    static struct result name##_on_host(struct unicorn_env *env)                                                                                     \
    {                                                                                                                                                \
        const uint16_t control = fpu_control(env) | FPU_MASKED;                                                                                      \
        const struct unicorn_x87 *a = fpu_register(env, 0);                                                                                          \
        uint16_t host;                                                                                                                               \
        struct result r;                                                                                                                             \
        __asm__ volatile(FPU_ENTER "fldt %[a]\n\t" #name FPU_STATUS "fstpt %[value]\n\tfstpt %[second]\n\tfninit\n\t" FPU_LEAVE                      \
                         : [host] "=m"(host), [status] "=m"(r.status), [value] "=m"(r.value), [second] "=m"(r.second)                                \
                         : [control] "m"(control), [a] "m"(*a)                                                                                       \
                         : FPU_CLOBBERS);                                                                                                            \
        return r;                                                                                                                                    \
    }

/* ST(0) is replaced and another pushed. False: an exception came of the stack, and has been answered. */
static bool stack_is_fit(struct unicorn_env *env)
{
    const bool lacks = fpu_is_empty(env, 0);
    if (!lacks && fpu_is_empty(env, 7))
        return true;
    if (lacks ? fpu_stack_underflow(env) : fpu_stack_overflow(env)) {
        *fpu_register(env, 0) = FPU_INDEFINITE;
        env->empty[env->top] = 0;
        fpu_push(env, &FPU_INDEFINITE);
    }
    return false;
}

/* A refusal pushes nothing on the host either. */
static void settle_two(struct unicorn_env *env, const struct result *r)
{
    enum { TOP_SHIFT = 11, TWO_DEEP = 6 };
    if ((fpu_set_status(env, r->status & FPU_EXCEPTIONS, FPU_C1 | FPU_C2, r->status) & FPU_BEFORE) != 0)
        return;
    if ((r->status >> TOP_SHIFT & 7) != TWO_DEEP) {
        *fpu_register(env, 0) = r->value;
        return;
    }
    *fpu_register(env, 0) = r->second;
    fpu_push(env, &r->value);
}

PUSHING(fxtract)
HELPER(fxtract)
{
    if (!stack_is_fit(env))
        return;
    const struct result r = fxtract_on_host(env);
    settle_two(env, &r);
}

/* ---- elementary functions ---- */
/* Zeros, infinities, NaNs and what is no number have results that the manual names; those of numbers are engine_x87.c's. */
static bool is_ordinary(const struct unicorn_x87 *x)
{
    const unsigned exponent = x->exponent & EXPONENT;
    return exponent == 0 ? x->significand != 0 : exponent != EXPONENT && x->significand >> NORMAL != 0;
}

static bool is_denormal(const struct unicorn_x87 *x)
{
    return (x->exponent & EXPONENT) == 0;
}

/* True: a denormal operand is the end of it. */
static bool is_refused(struct unicorn_env *env, bool denormal)
{
    engine_running->fpu.abandoned = denormal && (fpu_set_status(env, FPU_DE, FPU_C1, 0) & FPU_DE) != 0;
    return engine_running->fpu.abandoned;
}

static void round_off(struct unicorn_env *env)
{
    (void)fpu_set_status(env, env->x87_status & FPU_C2 ? 0 : FPU_PE, FPU_C1, 0);
}

#define ELEMENTARY(name)                                                                                                                             \
    void __real_helper_##name##_x86_64(struct unicorn_env *env);                                                                                     \
    WITH_REGISTER(name, #name)                                                                                                                       \
    HELPER(name)                                                                                                                                     \
    {                                                                                                                                                \
        const struct unicorn_x87 *x = fpu_register(env, 0);                                                                                          \
        if (fpu_is_empty(env, 0)) {                                                                                                                  \
            settle_empty(env, 0);                                                                                                                    \
            return;                                                                                                                                  \
        }                                                                                                                                            \
        if (!is_ordinary(x)) {                                                                                                                       \
            const struct result r = name##_registers(env, x, x);                                                                                     \
            settle(env, 0, &r, FPU_C1 | FPU_C2);                                                                                                     \
            return;                                                                                                                                  \
        }                                                                                                                                            \
        if (is_refused(env, is_denormal(x)))                                                                                                         \
            return;                                                                                                                                  \
        env->x87_status &= (uint16_t)~FPU_C2;                                                                                                        \
        __real_helper_##name##_x86_64(env);                                                                                                          \
        round_off(env);                                                                                                                              \
    }
ELEMENTARY(fsin)
ELEMENTARY(fcos)
ELEMENTARY(f2xm1)

#define ELEMENTARY_PUSHING(name)                                                                                                                     \
    void __real_helper_##name##_x86_64(struct unicorn_env *env);                                                                                     \
    PUSHING(name)                                                                                                                                    \
    HELPER(name)                                                                                                                                     \
    {                                                                                                                                                \
        const struct unicorn_x87 *x = fpu_register(env, 0);                                                                                          \
        if (!stack_is_fit(env))                                                                                                                      \
            return;                                                                                                                                  \
        if (!is_ordinary(x)) {                                                                                                                       \
            const struct result r = name##_on_host(env);                                                                                             \
            settle_two(env, &r);                                                                                                                     \
            return;                                                                                                                                  \
        }                                                                                                                                            \
        if (is_refused(env, is_denormal(x)))                                                                                                         \
            return;                                                                                                                                  \
        env->x87_status &= (uint16_t)~FPU_C2;                                                                                                        \
        __real_helper_##name##_x86_64(env);                                                                                                          \
        round_off(env);                                                                                                                              \
    }
ELEMENTARY_PUSHING(fptan)
ELEMENTARY_PUSHING(fsincos)

/* Of ST(1) and ST(0), to ST(1), which becomes ST(0). Logarithms of negative numbers are refused by name, too. */
#define ELEMENTARY_OF_TWO(name, negative)                                                                                                            \
    void __real_helper_##name##_x86_64(struct unicorn_env *env);                                                                                     \
    WITH_REGISTER(name, #name)                                                                                                                       \
    HELPER(name)                                                                                                                                     \
    {                                                                                                                                                \
        const struct unicorn_x87 *x = fpu_register(env, 0), *y = fpu_register(env, 1);                                                               \
        if (fpu_is_empty(env, 0) || fpu_is_empty(env, 1)) {                                                                                          \
            settle_empty(env, 1);                                                                                                                    \
        } else if (!is_ordinary(x) || !is_ordinary(y) || ((negative) && x->exponent >> 15 != 0)) {                                                   \
            const struct result r = name##_registers(env, x, y);                                                                                     \
            settle(env, 1, &r, FPU_C1);                                                                                                              \
        } else if (!is_refused(env, is_denormal(x) || is_denormal(y))) {                                                                             \
            __real_helper_##name##_x86_64(env);                                                                                                      \
            (void)fpu_set_status(env, FPU_PE, FPU_C1, 0);                                                                                            \
            return;                                                                                                                                  \
        }                                                                                                                                            \
        if (!engine_running->fpu.abandoned)                                                                                                          \
            fpu_pop(env);                                                                                                                            \
    }
ELEMENTARY_OF_TWO(fyl2x, true)
ELEMENTARY_OF_TWO(fpatan, false)
ELEMENTARY_OF_TWO(fyl2xp1, false)
