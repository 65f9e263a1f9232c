/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The mode that Unicorn translates for: hflags follow from control registers, EFER and segments; instruction-set features. */
#include "../vmx-model/cpuid_bits.h"
#include "engine_access.h"

enum {
    CR0_PE = 1 << 0,
    CR0_MP = 1 << 1,
    CR0_EM = 1 << 2,
    CR0_TS = 1 << 3,
    CR0_AM = 1 << 18,
    CR4_OSFXSR = 1 << 9,
    CR4_SMAP = 1 << 21,
    EFER_LMA = 1 << 10
};
enum { RFLAGS_VM = 1 << 17 };
enum { FLAGS_L = 1 << 21, FLAGS_B = 1 << 22, FLAGS_DPL_SHIFT = 13 };

/* EM goes before TS: what it makes undefined is #UD, not #NM. WAIT alone asks for TS then, which engine_fpu_begin() sees to. */
static uint32_t control_flags(const struct unicorn_env *env)
{
    const uint64_t cr0 = env->cr[0];
    return (cr0 & CR0_PE ? UNICORN_HF_PE : 0u) | (cr0 & CR0_MP ? UNICORN_HF_MP : 0u) |
           (cr0 & CR0_EM   ? UNICORN_HF_EM
            : cr0 & CR0_TS ? UNICORN_HF_TS
                           : 0u) |
           (env->cr[4] & CR4_OSFXSR ? UNICORN_HF_OSFXSR : 0u) | (env->cr[4] & CR4_SMAP ? UNICORN_HF_SMAP : 0u) |
           (env->efer & EFER_LMA ? UNICORN_HF_LMA : 0u) | (cr0 & CR0_AM ? (uint32_t)ENGINE_HF_ALIGNMENT : 0u);
}

static uint32_t privilege_level(const struct unicorn_env *env)
{
    if ((env->cr[0] & CR0_PE) == 0)
        return 0;
    return env->eflags & RFLAGS_VM ? 3 : env->segs[VMX_SS].flags >> FLAGS_DPL_SHIFT & 3;
}

/* ADDSEG: bases, limits and rights of DS, ES and SS count. Code that is not 32-bit always gets it, since there MOV to a segment register changes bases
   in mid-block. */
static uint32_t segment_flags(const struct unicorn_env *env)
{
    if ((env->efer & EFER_LMA) != 0 && (env->segs[VMX_CS].flags & FLAGS_L) != 0)
        return UNICORN_HF_CS64 | UNICORN_HF_CS32 | UNICORN_HF_SS32;
    uint32_t flags = env->segs[VMX_CS].flags & FLAGS_B ? UNICORN_HF_CS32 : 0;
    if (env->segs[VMX_CS].limit != UINT32_MAX)
        flags |= env->segs[VMX_CS].limit == 0xffff ? (uint32_t)ENGINE_HF_CODE_64K : ENGINE_HF_CODE_LIMIT;
    if (env->segs[VMX_SS].flags & FLAGS_B)
        flags |= UNICORN_HF_SS32;
    const bool flat_possible = (env->cr[0] & CR0_PE) != 0 && (env->eflags & RFLAGS_VM) == 0 && (flags & UNICORN_HF_CS32) != 0;
    if (!flat_possible || !engine_is_flat(env))
        flags |= UNICORN_HF_ADDSEG | ENGINE_HF_SEGMENTS;
    return flags;
}

/* HF_GUEST makes the translator announce instructions that have no helper of their own. */
void engine_update_mode(struct unicorn_env *env)
{
    env->hflags = (env->hflags & (UNICORN_HF_INHIBIT_IRQ | ENGINE_HF_BREAK | ENGINE_HF_SECOND_SET)) | UNICORN_HF_GUEST | control_flags(env) |
                  segment_flags(env) | privilege_level(env);
}

/* What the translator can do, by the CPUID leaf that promises it; absent instructions are #UD. */
static const struct {
    uint8_t word, reg; /* EAX to EDX */
    uint32_t leaf, subleaf, bits;
} features[] = {
    {UNICORN_FEATURE_1_EDX, 3, 1, 0, 0x078bfbfd}, /* FPU DE PSE TSC MSR PAE MCE CX8 APIC SEP MTRR PGE MCA CMOV PAT PSE36 CLFSH MMX FXSR SSE SSE2 */
    {UNICORN_FEATURE_1_ECX, 2, 1, 0, 0x46d8220b}, /* SSE3 PCLMULQDQ MONITOR SSSE3 CX16 SSE4.1 SSE4.2 MOVBE POPCNT AES XSAVE RDRAND */
    {UNICORN_FEATURE_7_EBX, 1, 7, 0, 0x01980389}, /* FSGSBASE BMI1 SMEP BMI2 ERMS ADX SMAP CLFLUSHOPT CLWB */
    {UNICORN_FEATURE_7_ECX, 2, 7, 0, 1u << 3},    /* PKU */
    {UNICORN_FEATURE_80000001_EDX, 3, 0x80000001, 0, 0x2c100800}, /* SYSCALL NX PDPE1GB RDTSCP LM */
    {UNICORN_FEATURE_80000001_ECX, 2, 0x80000001, 0, 0x21},       /* LAHF in 64-bit mode, LZCNT */
    {UNICORN_FEATURE_XSAVE, 0, 0xd, 1, 5},                        /* XSAVEOPT XGETBV1 */
};

void engine_set_features(struct sim_engine *engine)
{
    for (unsigned i = 0; i < sizeof features / sizeof *features; i++)
        engine->env->features[features[i].word] = features[i].bits;
    engine->env->features[UNICORN_FEATURE_XSAVE_COMPONENTS] = 0x203; /* x87 SSE PKRU */
    engine->env->vendor[0] = 0x756e6547;                             /* GenuineIntel: allows SYSENTER in 64-bit mode */
    engine->env->vendor[1] = 0x49656e69;
    engine->env->vendor[2] = 0x6c65746e;
    engine->has_waitpkg = true;
}

void sim_engine_promise(struct sim_engine *engine, const struct vmx_caps *caps)
{
    uint32_t out[4];
    for (unsigned i = 0; i < sizeof features / sizeof *features; i++) {
        vmx_cpuid(caps, features[i].leaf, features[i].subleaf, out);
        engine->env->features[features[i].word] = features[i].bits & out[features[i].reg];
    }
    vmx_cpuid(caps, 7, 0, out);
    engine->has_waitpkg = (out[2] & VMX_CPUID_WAITPKG) != 0;
}
