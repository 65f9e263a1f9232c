/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Arithmetic of SSE to SSE4.1, and MXCSR. Unicorn computes without most flags, without flush-to-zero, and never raises #XM. Here the host's processor
   runs the instruction itself under the guest's rounding, DAZ and FTZ with all exceptions masked: IEEE 754 and the manual leave neither value nor
   flags open, so that every host gives the same. RCPPS and RSQRTPS, which are approximations, and ROUNDPS, which not every host has, stay Unicorn's.
   SDM 1, "SSE and SSE2 SIMD Floating-Point Exceptions", "Handling SIMD Floating-Point Exceptions".
   Not modelled: PE beside an unmasked OE or UE is that of the masked result. */
#include <string.h>

#include "engine_internal.h"

enum { IE = 1 << 0, DE = 1 << 1, ZE = 1 << 2, UE = 1 << 4, PE = 1 << 5, FLAGS = 0x3f, BEFORE = IE | DE | ZE };
enum { MXCSR_MASKS_SHIFT = 7, MXCSR_MASKS = FLAGS << MXCSR_MASKS_SHIFT, MXCSR_FTZ = 1 << 15, MXCSR_RESERVED_SHIFT = 16, CR4_OSXMMEXCPT = 1 << 10 };

typedef float vector __attribute__((vector_size(16)));
typedef int32_t words __attribute__((vector_size(16)));
typedef int64_t quads __attribute__((vector_size(16)));

struct result {
    vector value;
    int64_t integer; /* what goes to a general register, or to RFLAGS */
    uint32_t flags;
};

/* Runs one instruction on the host: a destination, a source in a vector and one in a general register. */
typedef struct result host_operation(vector d, vector s, int64_t integer, uint32_t mxcsr);

static vector get(const void *from)
{
    vector v;
    memcpy(&v, from, sizeof v);
    return v;
}

/* The low half; zeros above it raise nothing when they are converted. */
static vector get_low(const void *from)
{
    vector v = {0};
    memcpy(&v, from, sizeof v / 2);
    return v;
}

/* ---- the host's instructions ---- */
#define GUEST_MXCSR(instruction) "stmxcsr %[host]\n\tldmxcsr %[guest]\n\t" instruction "\n\tstmxcsr %[after]\n\tldmxcsr %[host]"
/* NOLINTBEGIN(bugprone-macro-parentheses): operands of assembly */
#define HOST_OPERATION(name, instruction, written, read)                                                                                             \
    static struct result name##_on_host(vector d, vector s, int64_t integer, uint32_t mxcsr)                                                         \
    {                                                                                                                                                \
        uint32_t host, after;                                                                                                                        \
        __asm__ volatile(GUEST_MXCSR(instruction) : written, [host] "=m"(host), [after] "=m"(after) : read, [guest] "m"(mxcsr));                     \
        (void)s;                                                                                                                                     \
        return (struct result){.value = d, .integer = integer, .flags = after & FLAGS};                                                              \
    }
/* NOLINTEND(bugprone-macro-parentheses) */
#define VECTORS(name, instruction) HOST_OPERATION(name, instruction " %[s], %[d]", [d] "+x"(d), [s] "x"(s))
#define FROM_REGISTER(name, instruction, type) HOST_OPERATION(name, instruction " %[s], %[d]", [d] "+x"(d), [s] "r"((type)integer))
#define TO_REGISTER(name, instruction, modifier) HOST_OPERATION(name, instruction " %[s], %" modifier "[d]", [d] "=r"(integer), [s] "x"(s))

static _Noreturn void raise_unmasked(struct unicorn_env *env, uintptr_t return_address)
{
    engine_raise(engine_running, env->cr[4] & CR4_OSXMMEXCPT ? VMX_XM : VMX_UD, 0, return_address);
}

/* Unmasked exceptions that are found before computing keep those from being found that computing finds. Where underflow is unmasked a tiny
   result is enough for it, exact or not: flush-to-zero tells. */
static void settle_unmasked(struct unicorn_env *env, struct result *r, host_operation *operation, vector d, vector s, int64_t integer,
                            uintptr_t return_address)
{
    const uint32_t unmasked = ~env->mxcsr >> MXCSR_MASKS_SHIFT & FLAGS;
    if ((unmasked & UE) != 0) {
        const uint32_t mxcsr = (env->mxcsr & ~(uint32_t)FLAGS) | MXCSR_MASKS;
        *r = operation(d, s, integer, mxcsr & ~(uint32_t)MXCSR_FTZ);
        r->flags |= operation(d, s, integer, mxcsr | MXCSR_FTZ).flags & UE;
    }
    if ((r->flags & unmasked & BEFORE) != 0)
        r->flags &= BEFORE;
    if ((r->flags & unmasked) == 0)
        return;
    env->mxcsr |= r->flags;
    raise_unmasked(env, return_address);
}

/* Runs it; does not return where an unmasked exception is found. */
static inline __attribute__((always_inline)) struct result run(struct unicorn_env *env, host_operation *operation, vector d, vector s,
                                                               int64_t integer, uintptr_t return_address)
{
    const uint32_t mxcsr = env->mxcsr;
    struct result r = operation(d, s, integer, (mxcsr & ~(uint32_t)FLAGS) | MXCSR_MASKS);
    if (RARELY((mxcsr & MXCSR_MASKS) != MXCSR_MASKS))
        settle_unmasked(env, &r, operation, d, s, integer, return_address);
    env->mxcsr |= r.flags;
    return r;
}

/* ---- the helpers ---- */
#define HELPER(name, ...)                                                                                                                            \
    void __wrap_helper_##name##_x86_64(struct unicorn_env *env, __VA_ARGS__);                                                                        \
    void __wrap_helper_##name##_x86_64(struct unicorn_env *env, __VA_ARGS__)

#define ARITHMETIC_AS(name, instruction)                                                                                                             \
    VECTORS(name, instruction)                                                                                                                       \
    HELPER(name, void *d, const void *s)                                                                                                             \
    {                                                                                                                                                \
        const struct result r = run(env, name##_on_host, get(d), get(s), 0, RETURN_ADDRESS);                                                         \
        memcpy(d, &r.value, sizeof r.value);                                                                                                         \
    }
#define ARITHMETIC(name) ARITHMETIC_AS(name, #name)
#define FOUR_FORMS(name) ARITHMETIC(name##ps) ARITHMETIC(name##ss) ARITHMETIC(name##pd) ARITHMETIC(name##sd)

FOUR_FORMS(add)
FOUR_FORMS(sub)
FOUR_FORMS(mul)
FOUR_FORMS(div)
FOUR_FORMS(min)
FOUR_FORMS(max)
FOUR_FORMS(sqrt)
FOUR_FORMS(cmpeq)
FOUR_FORMS(cmplt)
FOUR_FORMS(cmple)
FOUR_FORMS(cmpunord)
FOUR_FORMS(cmpneq)
FOUR_FORMS(cmpnlt)
FOUR_FORMS(cmpnle)
FOUR_FORMS(cmpord)
ARITHMETIC(cvtps2pd)
ARITHMETIC(cvtpd2ps)
ARITHMETIC(cvtss2sd)
ARITHMETIC(cvtsd2ss)
ARITHMETIC(cvtdq2ps)
ARITHMETIC(cvtdq2pd)
ARITHMETIC(cvtps2dq)
ARITHMETIC(cvtpd2dq)
ARITHMETIC(cvttps2dq)
ARITHMETIC(cvttpd2dq)

#define CONVERSION_FROM_REGISTER(name, instruction, type)                                                                                            \
    FROM_REGISTER(name, instruction, type)                                                                                                           \
    HELPER(name, void *d, type integer)                                                                                                              \
    {                                                                                                                                                \
        const struct result r = run(env, name##_on_host, get(d), get(d), (int64_t)integer, RETURN_ADDRESS);                                          \
        memcpy(d, &r.value, sizeof r.value);                                                                                                         \
    }
CONVERSION_FROM_REGISTER(cvtsi2ss, "cvtsi2ssl", uint32_t)
CONVERSION_FROM_REGISTER(cvtsi2sd, "cvtsi2sdl", uint32_t)
CONVERSION_FROM_REGISTER(cvtsq2ss, "cvtsi2ssq", uint64_t)
CONVERSION_FROM_REGISTER(cvtsq2sd, "cvtsi2sdq", uint64_t)

#define CONVERSION_TO_REGISTER(name, instruction, modifier, type)                                                                                    \
    TO_REGISTER(name, instruction, modifier)                                                                                                         \
    type __wrap_helper_##name##_x86_64(struct unicorn_env *env, const void *s);                                                                      \
    type __wrap_helper_##name##_x86_64(struct unicorn_env *env, const void *s)                                                                       \
    {                                                                                                                                                \
        return (type)run(env, name##_on_host, get(s), get(s), 0, RETURN_ADDRESS).integer;                                                            \
    }
CONVERSION_TO_REGISTER(cvtss2si, "cvtss2si", "k", int32_t)
CONVERSION_TO_REGISTER(cvtsd2si, "cvtsd2si", "k", int32_t)
CONVERSION_TO_REGISTER(cvttss2si, "cvttss2si", "k", int32_t)
CONVERSION_TO_REGISTER(cvttsd2si, "cvttsd2si", "k", int32_t)
CONVERSION_TO_REGISTER(cvtss2sq, "cvtss2si", "q", int64_t)
CONVERSION_TO_REGISTER(cvtsd2sq, "cvtsd2si", "q", int64_t)
CONVERSION_TO_REGISTER(cvttss2sq, "cvttss2si", "q", int64_t)
CONVERSION_TO_REGISTER(cvttsd2sq, "cvttsd2si", "q", int64_t)

/* MMX registers: what goes there is the low half. */
#define CONVERSION_OF_HALF(name, operation, read, bytes)                                                                                             \
    HELPER(name, void *d, const void *s)                                                                                                             \
    {                                                                                                                                                \
        const struct result r = run(env, operation##_on_host, read(s), read(s), 0, RETURN_ADDRESS);                                                  \
        memcpy(d, &r.value, bytes);                                                                                                                  \
    }
CONVERSION_OF_HALF(cvtpi2ps, cvtdq2ps, get_low, 8)
CONVERSION_OF_HALF(cvtpi2pd, cvtdq2pd, get_low, 16)
CONVERSION_OF_HALF(cvtps2pi, cvtps2dq, get_low, 8)
CONVERSION_OF_HALF(cvttps2pi, cvttps2dq, get_low, 8)
CONVERSION_OF_HALF(cvtpd2pi, cvtpd2dq, get, 8)
CONVERSION_OF_HALF(cvttpd2pi, cvttpd2dq, get, 8)

#define COMPARISON(name)                                                                                                                             \
    static struct result name##_on_host(vector d, vector s, int64_t integer, uint32_t mxcsr)                                                         \
    {                                                                                                                                                \
        enum { CF = 1 << 0, PF = 1 << 2, ZF = 1 << 6 };                                                                                              \
        uint32_t host, after;                                                                                                                        \
        bool carry, parity, zero;                                                                                                                    \
        __asm__ volatile(GUEST_MXCSR(#name " %[s], %[d]")                                                                                            \
                         : "=@ccc"(carry), "=@ccp"(parity), "=@ccz"(zero), [host] "=m"(host), [after] "=m"(after)                                    \
                         : [s] "x"(s), [d] "x"(d), [guest] "m"(mxcsr));                                                                              \
        (void)integer;                                                                                                                               \
        return (struct result){.value = d, .integer = (carry ? CF : 0) | (parity ? PF : 0) | (zero ? ZF : 0), .flags = after & FLAGS};               \
    }                                                                                                                                                \
    HELPER(name, const void *d, const void *s)                                                                                                       \
    {                                                                                                                                                \
        env->cc_src = (uint64_t)run(env, name##_on_host, get(d), get(s), 0, RETURN_ADDRESS).integer;                                                 \
    }
COMPARISON(comiss)
COMPARISON(ucomiss)
COMPARISON(comisd)
COMPARISON(ucomisd)

/* Elements that lie side by side are brought above each other. */
static vector even_floats(vector low, vector high)
{
    return __builtin_shufflevector(low, high, 0, 2, 4, 6);
}

static vector odd_floats(vector low, vector high)
{
    return __builtin_shufflevector(low, high, 1, 3, 5, 7);
}

static vector even_doubles(vector low, vector high)
{
    return (vector)__builtin_shufflevector((quads)low, (quads)high, 0, 2);
}

static vector odd_doubles(vector low, vector high)
{
    return (vector)__builtin_shufflevector((quads)low, (quads)high, 1, 3);
}

#define HORIZONTAL(name, operation, elements)                                                                                                        \
    HELPER(name, void *d, const void *s)                                                                                                             \
    {                                                                                                                                                \
        const vector a = even_##elements(get(d), get(s)), b = odd_##elements(get(d), get(s));                                                        \
        const struct result r = run(env, operation##_on_host, a, b, 0, RETURN_ADDRESS);                                                              \
        memcpy(d, &r.value, sizeof r.value);                                                                                                         \
    }
HORIZONTAL(haddps, addps, floats)
HORIZONTAL(haddpd, addpd, doubles)
HORIZONTAL(hsubps, subps, floats)
HORIZONTAL(hsubpd, subpd, doubles)

/* Even elements are subtracted, odd ones added: each with zeros in place of the others, which raise nothing. */
#define ADD_AND_SUBTRACT(name, form, even)                                                                                                           \
    static struct result name##_on_host(vector d, vector s, int64_t integer, uint32_t mxcsr)                                                         \
    {                                                                                                                                                \
        const quads a = (quads)d, b = (quads)s, mask = (quads)(even);                                                                                \
        const struct result difference = sub##form##_on_host((vector)(a & mask), (vector)(b & mask), integer, mxcsr);                                \
        struct result r = add##form##_on_host((vector)(a & ~mask), (vector)(b & ~mask), integer, mxcsr);                                             \
        r.value = (vector)(((quads)difference.value & mask) | ((quads)r.value & ~mask));                                                             \
        r.flags |= difference.flags;                                                                                                                 \
        return r;                                                                                                                                    \
    }                                                                                                                                                \
    HELPER(name, void *d, const void *s)                                                                                                             \
    {                                                                                                                                                \
        const struct result r = run(env, name##_on_host, get(d), get(s), 0, RETURN_ADDRESS);                                                         \
        memcpy(d, &r.value, sizeof r.value);                                                                                                         \
    }
ADD_AND_SUBTRACT(addsubps, ps, ((words){-1, 0, -1, 0}))
ADD_AND_SUBTRACT(addsubpd, pd, ((quads){-1, 0}))

/* SDM 2, "DPPS": products of the selected elements, sums of neighbours, their sum. */
static words selected_floats(uint32_t bits)
{
    return (words){-(int32_t)(bits & 1), -(int32_t)(bits >> 1 & 1), -(int32_t)(bits >> 2 & 1), -(int32_t)(bits >> 3 & 1)};
}

HELPER(dpps_xmm, void *d, const void *s, uint32_t control)
{
    const words in = selected_floats(control >> 4), out = selected_floats(control);
    const vector a = (vector)((words)get(d) & in), b = (vector)((words)get(s) & in), none = {0};
    const vector products = run(env, mulps_on_host, a, b, 0, RETURN_ADDRESS).value;
    const vector sums = run(env, addps_on_host, even_floats(products, none), odd_floats(products, none), 0, RETURN_ADDRESS).value;
    const vector sum = run(env, addps_on_host, even_floats(sums, none), odd_floats(sums, none), 0, RETURN_ADDRESS).value;
    const words value = __builtin_shufflevector((words)sum, (words)sum, 0, 0, 0, 0) & out;
    memcpy(d, &value, sizeof value);
}

HELPER(dppd_xmm, void *d, const void *s, uint32_t control)
{
    const quads in = {-(int64_t)(control >> 4 & 1), -(int64_t)(control >> 5 & 1)}, out = {-(int64_t)(control & 1), -(int64_t)(control >> 1 & 1)};
    const vector a = (vector)((quads)get(d) & in), b = (vector)((quads)get(s) & in), none = {0};
    const vector products = run(env, mulpd_on_host, a, b, 0, RETURN_ADDRESS).value;
    const vector sum = run(env, addpd_on_host, even_doubles(products, none), odd_doubles(products, none), 0, RETURN_ADDRESS).value;
    const quads value = __builtin_shufflevector((quads)sum, (quads)sum, 0, 0) & out;
    memcpy(d, &value, sizeof value);
}

/* ROUNDPS and its kin know two exceptions; the control may suppress one of them. */
static void settle_rounding(struct unicorn_env *env, void *d, vector before, uint32_t control, uintptr_t return_address)
{
    enum { SUPPRESS_PE = 1 << 3 };
    const uint32_t flags = env->sse_status.flags & (control & SUPPRESS_PE ? IE : IE | PE);
    if ((flags & (~env->mxcsr >> MXCSR_MASKS_SHIFT)) == 0) {
        env->mxcsr |= flags;
        return;
    }
    memcpy(d, &before, sizeof before);
    env->mxcsr |= flags & (~env->mxcsr >> MXCSR_MASKS_SHIFT) & IE ? IE : flags;
    raise_unmasked(env, return_address);
}

#define ROUNDING(name)                                                                                                                               \
    void __real_helper_##name##_x86_64(struct unicorn_env *env, void *d, void *s, uint32_t control);                                                 \
    HELPER(name, void *d, void *s, uint32_t control)                                                                                                 \
    {                                                                                                                                                \
        const vector before = get(d);                                                                                                                \
        env->sse_status.flags = 0;                                                                                                                   \
        __real_helper_##name##_x86_64(env, d, s, control);                                                                                           \
        settle_rounding(env, d, before, control, RETURN_ADDRESS);                                                                                    \
    }
ROUNDING(roundps_xmm)
ROUNDING(roundpd_xmm)
ROUNDING(roundss_xmm)
ROUNDING(roundsd_xmm)

/* ---- MXCSR ---- */
void engine_settle_mxcsr(struct unicorn_env *env)
{
    env->fp_status.flush_to_zero = 0; /* which MXCSR.FTZ must not touch: it is that of x87 */
}

void __real_helper_ldmxcsr_x86_64(struct unicorn_env *env, uint32_t value);
HELPER(ldmxcsr, uint32_t value)
{
    if (value >> MXCSR_RESERVED_SHIFT != 0)
        engine_raise(engine_running, VMX_GP, 0, RETURN_ADDRESS);
    __real_helper_ldmxcsr_x86_64(env, value);
    engine_settle_mxcsr(env);
}
