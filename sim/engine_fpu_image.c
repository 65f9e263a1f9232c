/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Images of x87 and SSE in memory: FXSAVE, FXRSTOR, FSTENV, FLDENV, FSAVE, FRSTOR. Unicorn leaves pointers and opcode out of some, and masks and
   reserved bits as they are, and tells where a store faults by a return address that is no block's. SDM 1, "Saving the x87 FPU's State With
   FSTENV/FNSTENV and FSAVE/FNSAVE"; SDM 2, "FXSAVE", "FXRSTOR".
   Not modelled: the selectors that FXSAVE stores without REX.W; they are 0, as of processors that deprecate them. */
#include "engine_access.h"
#include "engine_fpu.h"

#include <string.h>

enum { CR4_OSFXSR = 1 << 9, RFLAGS_VM = 1 << 17, OPCODE = 0x7ff, MXCSR_RESERVED_SHIFT = 16 };
enum { AT_OPCODE = 6, AT_INSTRUCTION = 8, AT_DATA = 16, AT_MXCSR = 24, AREA_BYTES = 512 }; /* of FXSAVE */

void __real_helper_fldcw_x86_64(struct unicorn_env *env, uint32_t value);
void __real_helper_fninit_x86_64(struct unicorn_env *env);

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
    if (address % 16 == 0)
        engine_ask_to_write(env, address, AREA_BYTES, from);
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
    env->x87_opcode = (uint16_t)cpu_lduw_data_ra_x86_64(env, address + AT_OPCODE, from) & OPCODE;
    env->x87_instruction = wide ? instruction : (uint32_t)instruction;
    env->x87_data = wide ? data : (uint32_t)data;
    engine_fpu_summarize(env);
    engine_settle_mxcsr(env);
}

/* ---- the environment of 14 and 28 bytes, and the eight registers behind it ---- */
enum { ENVIRONMENT_WORDS = 7, REGISTERS = 8, REGISTER_BYTES = 10, IMAGE_BYTES_MAX = 4 * ENVIRONMENT_WORDS + REGISTERS * REGISTER_BYTES };
enum { CONTROL, STATUS, TAGS, INSTRUCTION, CODE_SEGMENT, DATA_POINTER, DATA_SEGMENT };
enum { TOP_SHIFT = 11, TOP = 7 << TOP_SHIFT, EXPONENT = 0x7fff, HALF = 16, LINEAR_SHIFT = 12 };

/* Words of either form: what is reserved is ones in a word of control, status and tags, and zeros behind a selector. */
struct environment {
    uint32_t word[ENVIRONMENT_WORDS];
};

static unsigned environment_bytes(bool wide)
{
    return (wide ? 4u : 2u) * ENVIRONMENT_WORDS;
}

/* Real-address and virtual-8086 mode have linear addresses in place of selectors and offsets. */
static bool has_linear_pointers(const struct unicorn_env *env)
{
    return (env->hflags & UNICORN_HF_PE) == 0 || (env->eflags & RFLAGS_VM) != 0;
}

static unsigned tag_of(const struct unicorn_env *env, unsigned physical)
{
    enum { VALID, ZERO, SPECIAL, EMPTY };
    const struct unicorn_x87 *value = &env->x87[physical];
    const unsigned exponent = value->exponent & EXPONENT;
    if (env->empty[physical] != 0)
        return EMPTY;
    if (exponent == 0 && value->significand == 0)
        return ZERO;
    return exponent == 0 || exponent == EXPONENT || value->significand >> 63 == 0 ? SPECIAL : VALID;
}

static uint32_t linear_high(uint64_t pointer, bool wide)
{
    return (uint32_t)(wide ? pointer >> HALF : pointer >> HALF & 0xf) << LINEAR_SHIFT;
}

static struct environment get_environment(const struct unicorn_env *env, bool wide)
{
    const uint32_t reserved = UINT32_C(0xffff) << HALF;
    struct environment e = {.word = {[CONTROL] = reserved | env->x87_control,
                                     [STATUS] = reserved | (env->x87_status & ~(uint32_t)TOP) | (env->top << TOP_SHIFT & TOP),
                                     [TAGS] = reserved,
                                     [INSTRUCTION] = (uint32_t)env->x87_instruction,
                                     [CODE_SEGMENT] = env->x87_code_segment | (uint32_t)env->x87_opcode << HALF,
                                     [DATA_POINTER] = (uint32_t)env->x87_data,
                                     [DATA_SEGMENT] = reserved | env->x87_data_segment}};
    for (unsigned i = 0; i < REGISTERS; i++)
        e.word[TAGS] |= tag_of(env, i) << (2 * i);
    if (!has_linear_pointers(env))
        return e;
    const uint32_t instruction = e.word[INSTRUCTION] + env->x87_code_segment * 16u, data = e.word[DATA_POINTER] + env->x87_data_segment * 16u;
    e.word[INSTRUCTION] = instruction | reserved;
    e.word[CODE_SEGMENT] = linear_high(instruction, wide) | env->x87_opcode;
    e.word[DATA_POINTER] = data | reserved;
    e.word[DATA_SEGMENT] = linear_high(data, wide);
    return e;
}

/* The image is made first and goes to memory as a whole: a store that hits translated code runs the instruction once more. */
static void store_image(struct unicorn_env *env, uint64_t address, bool wide, bool registers, uintptr_t from)
{
    uint8_t image[IMAGE_BYTES_MAX];
    const struct environment e = get_environment(env, wide);
    const unsigned unit = wide ? 4 : 2;
    unsigned size = 0;
    for (; size < environment_bytes(wide); size += unit)
        memcpy(image + size, &e.word[size / unit], unit);
    for (unsigned i = 0; registers && i < REGISTERS; i++, size += REGISTER_BYTES) {
        const struct unicorn_x87 *value = fpu_register(env, i);
        memcpy(image + size, &value->significand, sizeof value->significand);
        memcpy(image + size + sizeof value->significand, &value->exponent, sizeof value->exponent);
    }
    engine_ask_to_write(env, address, size, from);
    for (unsigned i = 0; i < size; i += 2) {
        uint16_t word;
        memcpy(&word, image + i, sizeof word);
        cpu_stw_data_ra_x86_64(env, engine_place(env, address, i), word, from);
    }
}

/* Nothing is loaded where not all can be. */
static void load_image(struct unicorn_env *env, uint64_t address, uint8_t *image, unsigned size, uintptr_t from)
{
    for (unsigned i = 0; i < size; i += 2) {
        const uint16_t word = (uint16_t)cpu_lduw_data_ra_x86_64(env, engine_place(env, address, i), from);
        memcpy(image + i, &word, sizeof word);
    }
}

static void set_pointers(struct unicorn_env *env, const struct environment *e, bool wide)
{
    const bool linear = has_linear_pointers(env);
    env->x87_instruction = e->word[INSTRUCTION];
    env->x87_data = e->word[DATA_POINTER];
    env->x87_code_segment = (uint16_t)e->word[CODE_SEGMENT];
    env->x87_data_segment = (uint16_t)e->word[DATA_SEGMENT];
    if (wide && !linear)
        env->x87_opcode = e->word[CODE_SEGMENT] >> HALF & OPCODE;
    if (!linear)
        return;
    env->x87_opcode = e->word[CODE_SEGMENT] & OPCODE;
    env->x87_instruction = (e->word[INSTRUCTION] & 0xffff) | e->word[CODE_SEGMENT] >> LINEAR_SHIFT << HALF;
    env->x87_data = (e->word[DATA_POINTER] & 0xffff) | e->word[DATA_SEGMENT] >> LINEAR_SHIFT << HALF;
    env->x87_code_segment = env->x87_data_segment = 0;
}

static void set_environment(struct unicorn_env *env, const uint8_t *image, bool wide)
{
    const unsigned unit = wide ? 4 : 2;
    struct environment e = {.word = {0}};
    for (unsigned i = 0; i < ENVIRONMENT_WORDS; i++)
        memcpy(&e.word[i], image + (size_t)i * unit, unit);
    __real_helper_fldcw_x86_64(env, e.word[CONTROL] & 0xffff);
    env->x87_status = (uint16_t)(e.word[STATUS] & ~(uint32_t)TOP);
    env->top = e.word[STATUS] >> TOP_SHIFT & 7;
    for (unsigned i = 0; i < REGISTERS; i++)
        env->empty[i] = (e.word[TAGS] >> (2 * i) & 3) == 3;
    set_pointers(env, &e, wide);
    engine_fpu_summarize(env);
}

void __wrap_helper_fstenv_x86_64(struct unicorn_env *env, uint64_t address, int wide);
void __wrap_helper_fstenv_x86_64(struct unicorn_env *env, uint64_t address, int wide)
{
    store_image(env, address, wide != 0, false, RETURN_ADDRESS);
    env->x87_control |= FPU_EXCEPTIONS; /* all are masked */
    engine_fpu_summarize(env);
}

void __wrap_helper_fldenv_x86_64(struct unicorn_env *env, uint64_t address, int wide);
void __wrap_helper_fldenv_x86_64(struct unicorn_env *env, uint64_t address, int wide)
{
    uint8_t image[IMAGE_BYTES_MAX];
    load_image(env, address, image, environment_bytes(wide != 0), RETURN_ADDRESS);
    set_environment(env, image, wide != 0);
}

void __wrap_helper_frstor_x86_64(struct unicorn_env *env, uint64_t address, int wide);
void __wrap_helper_frstor_x86_64(struct unicorn_env *env, uint64_t address, int wide)
{
    uint8_t image[IMAGE_BYTES_MAX];
    const unsigned registers = environment_bytes(wide != 0);
    load_image(env, address, image, registers + REGISTERS * REGISTER_BYTES, RETURN_ADDRESS);
    set_environment(env, image, wide != 0);
    for (unsigned i = 0; i < REGISTERS; i++) {
        struct unicorn_x87 *value = fpu_register(env, i);
        memcpy(&value->significand, image + registers + (size_t)i * REGISTER_BYTES, sizeof value->significand);
        memcpy(&value->exponent, image + registers + (size_t)i * REGISTER_BYTES + sizeof value->significand, sizeof value->exponent);
    }
}

static void initialize(struct unicorn_env *env)
{
    __real_helper_fninit_x86_64(env);
    env->x87_opcode = 0;
}

void __wrap_helper_fninit_x86_64(struct unicorn_env *env);
void __wrap_helper_fninit_x86_64(struct unicorn_env *env)
{
    initialize(env);
}

void __wrap_helper_fsave_x86_64(struct unicorn_env *env, uint64_t address, int wide);
void __wrap_helper_fsave_x86_64(struct unicorn_env *env, uint64_t address, int wide)
{
    store_image(env, address, wide != 0, true, RETURN_ADDRESS);
    initialize(env);
}
