/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LAR and LSL in IA-32e mode, where there are fewer types of system descriptors; Unicorn takes those of 16 bits too.
   SDM 2, "LAR", "LSL". */
#include "engine_internal.h"

enum { EFER_LMA = 1 << 10, ZF = 1 << 6, LDT = 2, AVAILABLE_TSS = 9, BUSY_TSS = 11, CALL_GATE = 12 };

static bool exists(unsigned type, bool gates)
{
    return type == LDT || type == AVAILABLE_TSS || type == BUSY_TSS || (gates && type == CALL_GATE);
}

/* The original has found a descriptor that it allows. */
static void look_again(struct unicorn_env *env, uint32_t selector, bool gates, uintptr_t return_address)
{
    enum { DESCRIPTOR_S = 1 << 12, TYPE_SHIFT = 8, TYPE = 15, IN_LDT = 4, HIGH = 4 };
    const struct unicorn_segment *table = selector & IN_LDT ? &env->segs[VMX_LDTR] : &env->gdt;
    const int mode = env->hflags & UNICORN_HF_SMAP ? UNICORN_MMU_SMAP : UNICORN_MMU_NO_SMAP;
    if ((env->efer & EFER_LMA) == 0 || (env->cc_src & ZF) == 0)
        return;
    const uint32_t high = cpu_ldl_mmuidx_ra_x86_64(env, table->base + (selector & 0xfff8) + HIGH, mode, return_address);
    if ((high & DESCRIPTOR_S) == 0 && !exists(high >> TYPE_SHIFT & TYPE, gates))
        env->cc_src &= ~(uint64_t)ZF;
}

#define LOOKS_AT_A_DESCRIPTOR(name, gates)                                                                                                           \
    uint64_t __wrap_helper_##name##_x86_64(struct unicorn_env *env, uint64_t selector);                                                              \
    uint64_t __real_helper_##name##_x86_64(struct unicorn_env *env, uint64_t selector);                                                              \
    uint64_t __wrap_helper_##name##_x86_64(struct unicorn_env *env, uint64_t selector)                                                               \
    {                                                                                                                                                \
        engine_restore(engine_running, RETURN_ADDRESS);                                                                                              \
        const uint64_t result = __real_helper_##name##_x86_64(env, selector);                                                                        \
        look_again(env, (uint32_t)selector, gates, RETURN_ADDRESS);                                                                                  \
        return result;                                                                                                                               \
    }
LOOKS_AT_A_DESCRIPTOR(lar, true)
LOOKS_AT_A_DESCRIPTOR(lsl, false)
