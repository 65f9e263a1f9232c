/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Images of x87 and SSE in memory: FXSAVE, FXRSTOR, FSTENV, FLDENV, FSAVE, FRSTOR. Unicorn leaves pointers and opcode out of some, and masks and
   reserved bits as they are. SDM 1, "Saving the x87 FPU's State With FSTENV/FNSTENV and FSAVE/FNSAVE"; SDM 2, "FXSAVE", "FXRSTOR".
   Not modelled: the selectors that FXSAVE stores without REX.W; they are 0, as of processors that deprecate them. */
#include "engine_fpu.h"

enum { CR4_OSFXSR = 1 << 9, RFLAGS_VM = 1 << 17, OPCODE = 0x7ff, MXCSR_RESERVED_SHIFT = 16 };
enum { AT_OPCODE = 6, AT_INSTRUCTION = 8, AT_DATA = 16, AT_MXCSR = 24, AREA_BYTES = 512 }; /* of FXSAVE */

static uint16_t load_word(struct unicorn_env *env, uint64_t address, uintptr_t return_address)
{
    return (uint16_t)cpu_lduw_data_ra_x86_64(env, address, return_address);
}

static bool is_wide(struct unicorn_env *env, uintptr_t return_address)
{
    enum { REX_W = 8 };
    struct sim_engine *engine = engine_running;
    engine_restore(engine, return_address);
    engine->looking_back = true;
    const struct engine_opcode opcode = engine_opcode_at(env, env->segs[VMX_CS].base + env->eip);
    engine->looking_back = false;
    return (opcode.rex & REX_W) != 0;
}

void __wrap_helper_fxsave_x86_64(struct unicorn_env *env, uint64_t address);
void __real_helper_fxsave_x86_64(struct unicorn_env *env, uint64_t address);
void __wrap_helper_fxsave_x86_64(struct unicorn_env *env, uint64_t address)
{
    const uintptr_t from = RETURN_ADDRESS;
    const bool wide = is_wide(env, from);
    __real_helper_fxsave_x86_64(env, address);
    cpu_stw_data_ra_x86_64(env, address + AT_OPCODE, env->x87_opcode, from);
    cpu_stq_data_ra_x86_64(env, address + AT_INSTRUCTION, wide ? env->x87_instruction : (uint32_t)env->x87_instruction, from);
    cpu_stq_data_ra_x86_64(env, address + AT_DATA, wide ? env->x87_data : (uint32_t)env->x87_data, from);
}

void __wrap_helper_fxrstor_x86_64(struct unicorn_env *env, uint64_t address);
void __real_helper_fxrstor_x86_64(struct unicorn_env *env, uint64_t address);
void __wrap_helper_fxrstor_x86_64(struct unicorn_env *env, uint64_t address)
{
    const uintptr_t from = RETURN_ADDRESS;
    const bool wide = is_wide(env, from), aligned = address % 16 == 0;
    if (aligned)
        (void)cpu_ldub_data_ra_x86_64(env, address + AREA_BYTES - 1, from); /* nothing is loaded where not all can be */
    if (aligned && (env->cr[4] & CR4_OSFXSR) != 0 && cpu_ldl_data_ra_x86_64(env, address + AT_MXCSR, from) >> MXCSR_RESERVED_SHIFT != 0)
        engine_raise(engine_running, VMX_GP, 0, from);
    __real_helper_fxrstor_x86_64(env, address);
    const uint64_t instruction = cpu_ldq_data_ra_x86_64(env, address + AT_INSTRUCTION, from);
    const uint64_t data = cpu_ldq_data_ra_x86_64(env, address + AT_DATA, from);
    env->x87_opcode = load_word(env, address + AT_OPCODE, from) & OPCODE;
    env->x87_instruction = wide ? instruction : (uint32_t)instruction;
    env->x87_data = wide ? data : (uint32_t)data;
    engine_fpu_summarize(env);
    engine_settle_mxcsr(env);
}

/* ---- the environment of 14 and 28 bytes ---- */
struct pointers {
    uint64_t instruction, data;
    uint16_t code_segment, data_segment, opcode;
    bool linear; /* real-address and virtual-8086 mode have linear addresses in place of selectors and offsets */
};

static struct pointers get_pointers(const struct unicorn_env *env)
{
    return (struct pointers){.instruction = env->x87_instruction,
                             .data = env->x87_data,
                             .code_segment = env->x87_code_segment,
                             .data_segment = env->x87_data_segment,
                             .opcode = env->x87_opcode,
                             .linear = (env->hflags & UNICORN_HF_PE) == 0 || (env->eflags & RFLAGS_VM) != 0};
}

static void store_wide(struct unicorn_env *env, uint64_t address, const struct pointers *p, uintptr_t from)
{
    enum { SHIFT = 12, HIGH = 16 };
    const uint32_t instruction = (uint32_t)(p->instruction + (p->linear ? p->code_segment * 16u : 0));
    const uint32_t data = (uint32_t)(p->data + (p->linear ? p->data_segment * 16u : 0));
    for (unsigned i = 0; i < 3; i++) /* control, status and tag word */
        cpu_stw_data_ra_x86_64(env, address + 4u * i + 2, 0xffff, from);
    if (p->linear) {
        cpu_stl_data_ra_x86_64(env, address + 12, instruction | 0xffff0000, from);
        cpu_stl_data_ra_x86_64(env, address + 16, (instruction >> HIGH) << SHIFT | p->opcode, from);
        cpu_stl_data_ra_x86_64(env, address + 20, data | 0xffff0000, from);
        cpu_stl_data_ra_x86_64(env, address + 24, (data >> HIGH) << SHIFT, from);
        return;
    }
    cpu_stw_data_ra_x86_64(env, address + 18, p->opcode, from);
    cpu_stw_data_ra_x86_64(env, address + 26, 0xffff, from);
}

static void store_narrow(struct unicorn_env *env, uint64_t address, const struct pointers *p, uintptr_t from)
{
    enum { HIGH = 16, SHIFT = 12 };
    const uint32_t instruction = (uint32_t)p->instruction + p->code_segment * 16u, data = (uint32_t)p->data + p->data_segment * 16u;
    if (!p->linear)
        return;
    cpu_stw_data_ra_x86_64(env, address + 6, instruction & 0xffff, from);
    cpu_stw_data_ra_x86_64(env, address + 8, ((instruction >> HIGH << SHIFT) | p->opcode) & 0xffff, from);
    cpu_stw_data_ra_x86_64(env, address + 10, data & 0xffff, from);
    cpu_stw_data_ra_x86_64(env, address + 12, (data >> HIGH << SHIFT) & 0xffff, from);
}

#define STORE_ENVIRONMENT(name)                                                                                                                      \
    void __wrap_helper_##name##_x86_64(struct unicorn_env *env, uint64_t address, int wide);                                                         \
    void __real_helper_##name##_x86_64(struct unicorn_env *env, uint64_t address, int wide);                                                         \
    void __wrap_helper_##name##_x86_64(struct unicorn_env *env, uint64_t address, int wide)                                                          \
    {                                                                                                                                                \
        const struct pointers pointers = get_pointers(env);                                                                                          \
        __real_helper_##name##_x86_64(env, address, wide);                                                                                           \
        (wide != 0 ? store_wide : store_narrow)(env, address, &pointers, RETURN_ADDRESS);                                                            \
        env->x87_control |= FPU_EXCEPTIONS; /* both mask all exceptions */                                                                           \
        if (FORGETS_##name)                                                                                                                          \
            env->x87_opcode = 0;                                                                                                                     \
        engine_fpu_summarize(env);                                                                                                                   \
    }
enum { FORGETS_fstenv = false, FORGETS_fsave = true };
STORE_ENVIRONMENT(fstenv)
STORE_ENVIRONMENT(fsave)

static void load_pointers(struct unicorn_env *env, uint64_t address, bool wide, uintptr_t from)
{
    const bool linear = get_pointers(env).linear;
    const unsigned unit = wide ? 4 : 2;
    uint32_t word[4];
    for (unsigned i = 0; i < 4; i++) {
        const uint64_t at = address + (3 + i) * unit;
        word[i] = wide ? cpu_ldl_data_ra_x86_64(env, at, from) : load_word(env, at, from);
    }
    env->x87_instruction = word[0];
    env->x87_data = word[2];
    env->x87_code_segment = (uint16_t)word[1];
    env->x87_data_segment = (uint16_t)word[3];
    if (wide && !linear)
        env->x87_opcode = word[1] >> 16 & OPCODE;
    if (!linear)
        return;
    env->x87_opcode = word[1] & OPCODE;
    env->x87_instruction = (word[0] & 0xffff) | (word[1] >> 12) << 16;
    env->x87_data = (word[2] & 0xffff) | (word[3] >> 12) << 16;
    env->x87_code_segment = env->x87_data_segment = 0;
}

#define LOAD_ENVIRONMENT(name, registers)                                                                                                            \
    void __wrap_helper_##name##_x86_64(struct unicorn_env *env, uint64_t address, int wide);                                                         \
    void __real_helper_##name##_x86_64(struct unicorn_env *env, uint64_t address, int wide);                                                         \
    void __wrap_helper_##name##_x86_64(struct unicorn_env *env, uint64_t address, int wide)                                                          \
    {                                                                                                                                                \
        const unsigned bytes = (wide != 0 ? 28 : 14) + (registers);                                                                                  \
        (void)cpu_ldub_data_ra_x86_64(env, address + bytes - 1, RETURN_ADDRESS); /* nothing is loaded where not all can be */                        \
        __real_helper_##name##_x86_64(env, address, wide);                                                                                           \
        load_pointers(env, address, wide != 0, RETURN_ADDRESS);                                                                                      \
        engine_fpu_summarize(env);                                                                                                                   \
    }
LOAD_ENVIRONMENT(fldenv, 0)
LOAD_ENVIRONMENT(frstor, 80)

void __wrap_helper_fninit_x86_64(struct unicorn_env *env);
void __real_helper_fninit_x86_64(struct unicorn_env *env);
void __wrap_helper_fninit_x86_64(struct unicorn_env *env)
{
    __real_helper_fninit_x86_64(env);
    env->x87_opcode = 0;
}
