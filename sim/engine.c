/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The engine's life: opening Unicorn, checking that it is the one whose inside is known, running. */
#include <stdlib.h>
#include <string.h>

#include "engine_access.h"
#include "engine_tlb.h"
#include "unicorn_api.h"

_Thread_local struct sim_engine *engine_running;

#define PHYSICAL_BYTES (UINT64_C(1) << 52) /* of the widest profile */

/* Everything from the end of RAM on. */
static uint64_t mmio_read(uc_engine *uc, uint64_t offset, unsigned size, void *context)
{
    const struct sim_engine *engine = context;
    (void)uc;
    if (engine->callbacks.mmio_read == NULL)
        return UINT64_MAX;
    return engine->callbacks.mmio_read(engine->callbacks.context, engine->size + offset, size);
}

static void mmio_write(uc_engine *uc, uint64_t offset, unsigned size, uint64_t value, void *context)
{
    const struct sim_engine *engine = context;
    (void)uc;
    if (engine->callbacks.mmio_write != NULL)
        engine->callbacks.mmio_write(engine->callbacks.context, engine->size + offset, size, value);
}

static bool float_matches(struct sim_engine *engine)
{
    const struct unicorn_env *env = engine->env;
    const uint32_t mxcsr = 0x7f80; /* rounding toward zero */
    const uint16_t control = 0x27f, status = 0x2841, tags = 0xfff3;
    const struct unicorn_x87 value = {.significand = UINT64_C(0xfedcba9876543210), .exponent = 0x4321};
    return uc_reg_write(engine->uc, UC_X86_REG_MXCSR, &mxcsr) == UC_ERR_OK && uc_reg_write(engine->uc, UC_X86_REG_FPCW, &control) == UC_ERR_OK &&
           uc_reg_write(engine->uc, UC_X86_REG_FPSW, &status) == UC_ERR_OK && uc_reg_write(engine->uc, UC_X86_REG_FPTAG, &tags) == UC_ERR_OK &&
           uc_reg_write(engine->uc, UC_X86_REG_FP7, &value) == UC_ERR_OK && env->mxcsr == mxcsr && env->sse_status.rounding == 3 &&
           env->x87_control == control && env->top == 5 && (env->x87_status & 0x3800) == 0 && (env->x87_status & 0x41) == 0x41 &&
           env->empty[0] == 1 && env->empty[1] == 0 && memcmp(&env->x87[7].significand, &value.significand, 8) == 0 &&
           env->x87[7].exponent == value.exponent;
}

/* Registers written through the interface are found at their offsets. */
static bool registers_match(struct sim_engine *engine)
{
    static const struct {
        int number;
        size_t offset;
    } registers[] = {
        {UC_X86_REG_RAX, offsetof(struct unicorn_env, regs[VMX_RAX])},
        {UC_X86_REG_RSP, offsetof(struct unicorn_env, regs[VMX_RSP])},
        {UC_X86_REG_RDI, offsetof(struct unicorn_env, regs[VMX_RDI])},
        {UC_X86_REG_R15, offsetof(struct unicorn_env, regs[VMX_R15])},
        {UC_X86_REG_RIP, offsetof(struct unicorn_env, eip)},
        {UC_X86_REG_FS_BASE, offsetof(struct unicorn_env, segs[VMX_FS].base)},
        {UC_X86_REG_GS_BASE, offsetof(struct unicorn_env, segs[VMX_GS].base)},
        {UC_X86_REG_DR3, offsetof(struct unicorn_env, dr[3])},
    };
    for (unsigned i = 0; i < sizeof registers / sizeof *registers; i++) {
        const uint64_t value = 0x123450 + i;
        if (uc_reg_write(engine->uc, registers[i].number, &value) != UC_ERR_OK || UNICORN_FIELD(engine->env, registers[i].offset, uint64_t) != value)
            return false;
    }
    const uc_x86_mmr gdtr = {.base = 0x98765, .limit = 0x4321};
    return uc_reg_write(engine->uc, UC_X86_REG_GDTR, &gdtr) == UC_ERR_OK && engine->env->gdt.base == gdtr.base &&
           engine->env->gdt.limit == gdtr.limit;
}

/* A saved context holds the environment's bytes. */
static bool context_matches(struct sim_engine *engine)
{
    uc_context *context = NULL;
    if (uc_context_alloc(engine->uc, &context) != UC_ERR_OK)
        return false;
    const bool equal = uc_context_size(engine->uc) >= UNICORN_CONTEXT_DATA + UNICORN_CONTEXT_SIZE &&
                       uc_context_save(engine->uc, context) == UC_ERR_OK &&
                       memcmp((const char *)context + UNICORN_CONTEXT_DATA, engine->env, UNICORN_CONTEXT_SIZE) == 0;
    return uc_context_free(context) == UC_ERR_OK && equal;
}

static const char *check_layout(struct sim_engine *engine)
{
    if (!engine_translation_present())
        return "Unicorn's internals are not replaced: the program is not linked with the options of the target sim_engine";
    engine->cpu = UNICORN_FIELD(engine->uc, UNICORN_UC_CPU, void *);
    engine->tcg = UNICORN_FIELD(engine->uc, UNICORN_UC_TCG_CONTEXT, void *);
    static const char mismatch[] = "Unicorn's inside is not that of version 2.0.1 for amd64 as Debian 12 builds it";
    if (engine->cpu == NULL || engine->tcg == NULL || UNICORN_FIELD(engine->cpu, UNICORN_CPU_UC, void *) != engine->uc)
        return mismatch;
    engine->env = UNICORN_FIELD(engine->cpu, UNICORN_CPU_ENV_POINTER, struct unicorn_env *);
    if ((char *)engine->env != (char *)engine->cpu + UNICORN_CPU_ENV || engine->env->uc != engine->uc)
        return mismatch;
    if (memcmp(engine->env->vendor, "AuthenticAMD", 12) != 0 && memcmp(engine->env->vendor, "GenuineIntel", 12) != 0)
        return mismatch;
    return engine_tlb_matches(engine) && registers_match(engine) && float_matches(engine) && context_matches(engine) && engine_access_init(engine)
               ? NULL
               : mismatch;
}

static const char *open_unicorn(struct sim_engine *engine)
{
    unsigned major, minor;
    uc_hook hook;
    if (uc_version(&major, &minor) >> 8 != (UC_API_MAJOR << 16 | UC_API_MINOR << 8 | UC_API_PATCH))
        return "Unicorn is not version 2.0.1";
    if (uc_open(UC_ARCH_X86, UC_MODE_64, (uc_engine **)&engine->uc) != UC_ERR_OK)
        return "Unicorn cannot be opened";
    if (uc_mem_map_ptr(engine->uc, 0, engine->size, UC_PROT_ALL, engine->ram) != UC_ERR_OK)
        return "Unicorn refuses the RAM";
    if (uc_mmio_map(engine->uc, engine->size, PHYSICAL_BYTES - engine->size, mmio_read, engine, mmio_write, engine) != UC_ERR_OK)
        return "Unicorn refuses what is beyond RAM";
    if (uc_ctl_exits_enable(engine->uc) != UC_ERR_OK ||
        uc_hook_add(engine->uc, &hook, UC_HOOK_BLOCK, (void *)(uintptr_t)engine_block, engine, 1, 0) != UC_ERR_OK)
        return "Unicorn refuses the block hook";
    return check_layout(engine);
}

/* What Unicorn leaves at 0, or a look at its layout changed. SDM 3A, "IA-32 and Intel 64 Processor States Following Power-up, Reset, or INIT". */
static bool reset_floating_point(struct sim_engine *engine)
{
    const uint16_t control_word = 0x40;
    const uint32_t mxcsr = 0x1f80;
    struct unicorn_env *env = engine->env;
    memset(env->x87, 0, sizeof env->x87);
    memset(env->empty, 0, sizeof env->empty);
    env->top = env->x87_status = 0;
    return uc_reg_write(engine->uc, UC_X86_REG_FPCW, &control_word) == UC_ERR_OK && uc_reg_write(engine->uc, UC_X86_REG_MXCSR, &mxcsr) == UC_ERR_OK;
}

static const char *init(struct sim_engine *engine)
{
    if (engine->size == 0 || engine->size % UNICORN_PAGE_SIZE != 0 || (uintptr_t)engine->ram % UNICORN_PAGE_SIZE != 0)
        return "RAM is not a number of whole pages";
    if (!engine_memory_init(engine))
        return "out of memory";
    const char *message = open_unicorn(engine);
    if (message != NULL)
        return message;
    if (!reset_floating_point(engine))
        return "Unicorn refuses the control words of x87 and SSE";
    UNICORN_FIELD(engine->uc, UNICORN_UC_STOP_INTERRUPT, void *) = NULL; /* it would turn #UD into an error of the run */
    engine->env->old_exception = -1;
    engine_set_features(engine);
    engine_update_mode(engine->env);
    engine_snapshot(engine, VMX_GROUP_ALL);
    return engine_tlb_init(engine) ? NULL : "out of memory";
}

struct sim_engine *sim_engine_new(void *ram, uint64_t size, const struct sim_engine_callbacks *callbacks, const char **message)
{
    struct sim_engine *engine = calloc(1, sizeof *engine);
    if (engine == NULL) {
        *message = "out of memory";
        return NULL;
    }
    engine->ram = ram;
    engine->size = size;
    engine->callbacks = *callbacks;
    if (engine->callbacks.linear_bits == 0)
        engine->callbacks.linear_bits = 48;
    *message = init(engine);
    if (*message == NULL)
        return engine;
    sim_engine_free(engine);
    return NULL;
}

void sim_engine_free(struct sim_engine *engine)
{
    if (engine == NULL)
        return;
    if (engine->cpu != NULL)
        tb_flush_x86_64(engine->cpu); /* closing forgets the bitmaps of pages whose code was written */
    if (engine->uc != NULL)
        (void)uc_close(engine->uc);
    if (engine->peer != NULL)
        engine_memory_free(engine);
    engine_tlb_free(engine);
    free(engine);
}

void sim_engine_allow_once(struct sim_engine *engine)
{
    engine->allow = true;
}

void sim_engine_watch_once(struct sim_engine *engine)
{
    engine->watch = true;
}

/* The run is Unicorn's main loop itself: uc_emu_start() would do the same with more around it. */
static void run(struct sim_engine *engine)
{
    int answer;
    UNICORN_FIELD(engine->uc, UNICORN_UC_NESTED_LEVEL, int32_t) = 1;
    do {
        UNICORN_FIELD(engine->cpu, UNICORN_CPU_HALTED, uint32_t) = 0;
        UNICORN_FIELD(engine->cpu, UNICORN_CPU_EXIT_REQUEST, uint8_t) = 0;
        UNICORN_FIELD(engine->cpu, UNICORN_CPU_EXCEPTION_INDEX, int32_t) = -1;
        answer = cpu_exec_x86_64(engine->uc, engine->cpu);
    } while (!engine->stopped && answer == UNICORN_EXCEPTION_INTERRUPT);
    UNICORN_FIELD(engine->uc, UNICORN_UC_NESTED_LEVEL, int32_t) = 0;
}

void sim_engine_run(struct sim_engine *engine, uint64_t deadline, struct sim_engine_result *result)
{
    result->message = NULL;
    result->repeats = false;
    result->stop = SIM_STOP_DEADLINE;
    if (deadline == 0)
        return;
    engine->result = result;
    engine->stopped = false;
    engine_time_start(engine, deadline);
    engine_running = engine;
    if (engine_tlb_begin(engine))
        run(engine);
    engine_running = NULL;
    engine_time_end(engine);
    if (!engine->stopped) {
        result->stop = SIM_STOP_HOST_ERROR;
        result->message = "Unicorn ended the run for a reason of its own";
    }
}
