/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Replaced helpers of Unicorn: where guest code reaches a sensitive instruction, a software interrupt or an exception, the run ends before
   the instruction acts. Helpers of instructions that sim_engine_allow_once() may let pass fall through to the original. */
#include "engine_break.h"
#include "engine_tlb.h"

enum { RFLAGS_TF = 1 << 8, RFLAGS_IF = 1 << 9, RFLAGS_RF = 1 << 16, RFLAGS_VM = 1 << 17, DR6_BS = 1 << 14 };

_Noreturn void engine_stop_event(struct sim_engine *engine, enum sim_stop stop, const struct vmx_event *event)
{
    engine->result->event = *event;
    engine_stop(engine, stop);
}

static bool has_error_code(unsigned vector)
{
    return vector == VMX_DF || (vector >= VMX_TS && vector <= VMX_PF) || vector == VMX_AC || vector == VMX_CP;
}

_Noreturn void engine_raise(struct sim_engine *engine, uint8_t vector, uint32_t error_code, uintptr_t return_address)
{
    const struct vmx_event event = {.vector = vector,
                                    .type = VMX_EVENT_HARDWARE_EXCEPTION,
                                    .has_error_code = has_error_code(vector),
                                    .error_code = has_error_code(vector) ? error_code : 0};
    engine_unwind(engine, return_address);
    engine_stop_event(engine, SIM_STOP_EXCEPTION, &event);
}

_Noreturn void engine_raise_at_boundary(struct sim_engine *engine, uint8_t vector)
{
    engine_report_hits(engine);
    if (engine_boundary_is_due(engine))
        engine_stop_at_boundary(engine, SIM_STOP_DEADLINE);
    engine_break_on_instruction(engine);
    engine->result->event = (struct vmx_event){.vector = vector, .type = VMX_EVENT_HARDWARE_EXCEPTION, .has_error_code = has_error_code(vector)};
    engine_stop_at_boundary(engine, SIM_STOP_EXCEPTION);
}

_Noreturn void engine_stop_before(struct sim_engine *engine, uintptr_t return_address)
{
    engine_unwind(engine, return_address);
    engine_stop(engine, SIM_STOP_INSTRUCTION);
}

/* Makes the bodies differ: a compiler that merged them would put itself between a block and its return address. */
#define DISTINCT(name) __asm__ volatile("# " #name)

/* Helpers of instructions that always stop: what they need the engine does not hold. */
#define STOPS(result, name, ...)                                                                                                                     \
    result __wrap_helper_##name##_x86_64(__VA_ARGS__);                                                                                               \
    result __wrap_helper_##name##_x86_64(__VA_ARGS__)                                                                                                \
    {                                                                                                                                                \
        DISTINCT(name);                                                                                                                              \
        engine_stop_before(engine_running, RETURN_ADDRESS);                                                                                          \
    }

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
STOPS(void, cpuid, struct unicorn_env *env)
STOPS(void, rdtsc, struct unicorn_env *env)
STOPS(void, rdtscp, struct unicorn_env *env)
STOPS(void, rdpmc, struct unicorn_env *env)
STOPS(void, rdmsr, struct unicorn_env *env)
STOPS(void, wrmsr, struct unicorn_env *env)
STOPS(void, hlt, struct unicorn_env *env, int length)
STOPS(void, mwait, struct unicorn_env *env, int length)
STOPS(uint64_t, rdrand, struct unicorn_env *env)
STOPS(uint64_t, inb, struct unicorn_env *env, uint32_t port)
STOPS(uint64_t, inw, struct unicorn_env *env, uint32_t port)
STOPS(uint64_t, inl, struct unicorn_env *env, uint32_t port)
STOPS(void, outb, struct unicorn_env *env, uint32_t port, uint32_t data)
STOPS(void, outw, struct unicorn_env *env, uint32_t port, uint32_t data)
STOPS(void, outl, struct unicorn_env *env, uint32_t port, uint32_t data)
STOPS(void, xsave, struct unicorn_env *env, uint64_t address, uint64_t components)
STOPS(void, xsaveopt, struct unicorn_env *env, uint64_t address, uint64_t components)
STOPS(void, xrstor, struct unicorn_env *env, uint64_t address, uint64_t components)
STOPS(uint64_t, xgetbv, struct unicorn_env *env, uint32_t number)
STOPS(void, write_crN, struct unicorn_env *env, int number, uint64_t value)
#pragma GCC diagnostic pop

/* Helpers of instructions that may be let pass. */
#define STOPS_UNLESS_ALLOWED(name, parameters, arguments)                                                                                            \
    void __wrap_helper_##name##_x86_64 parameters;                                                                                                   \
    void __real_helper_##name##_x86_64 parameters;                                                                                                   \
    void __wrap_helper_##name##_x86_64 parameters                                                                                                    \
    {                                                                                                                                                \
        DISTINCT(name);                                                                                                                              \
        if (!engine_running->allowing)                                                                                                               \
            engine_stop_before(engine_running, RETURN_ADDRESS);                                                                                      \
        __real_helper_##name##_x86_64 arguments;                                                                                                     \
    }

STOPS_UNLESS_ALLOWED(invlpg, (struct unicorn_env * env, uint64_t address), (env, address))
STOPS_UNLESS_ALLOWED(monitor, (struct unicorn_env * env, uint64_t address), (env, address))
STOPS_UNLESS_ALLOWED(xsetbv, (struct unicorn_env * env, uint32_t ecx, uint64_t value), (env, ecx, value))

uint64_t __wrap_helper_read_crN_x86_64(struct unicorn_env *env, int number);
uint64_t __wrap_helper_read_crN_x86_64(struct unicorn_env *env, int number)
{
    if (!engine_running->allowing)
        engine_stop_before(engine_running, RETURN_ADDRESS);
    return number == 8 ? env->v_tpr : env->cr[number];
}

/* Descriptor-table accesses, SMSW, LMSW, CLTS, MOV DR, INVD, WBINVD, RSM announce themselves here; so do PUSHF, POPF, IRET, which
   never exit. The numbers are those of AMD's exit codes. */
void __wrap_helper_svm_check_intercept_param_x86_64(struct unicorn_env *env, uint32_t type, uint64_t parameter);
void __wrap_helper_svm_check_intercept_param_x86_64(struct unicorn_env *env, uint32_t type, uint64_t parameter)
{
    enum { PUSHF = 0x70, POPF = 0x71, IRET = 0x74 };
    (void)env;
    (void)parameter;
    if (type != PUSHF && type != POPF && type != IRET && !engine_running->allowing)
        engine_stop_before(engine_running, RETURN_ADDRESS);
}

void __wrap_cpu_svm_check_intercept_param_x86_64(struct unicorn_env *env, uint32_t type, uint64_t parameter, uintptr_t return_address);
void __wrap_cpu_svm_check_intercept_param_x86_64(struct unicorn_env *env, uint32_t type, uint64_t parameter, uintptr_t return_address)
{
    (void)env;
    (void)type;
    (void)parameter;
    (void)return_address;
}

/* QEMU would flush all translated code under the running block here. */
void __wrap_helper_set_dr_x86_64(struct unicorn_env *env, int number, uint64_t value);
void __wrap_helper_set_dr_x86_64(struct unicorn_env *env, int number, uint64_t value)
{
    env->dr[number == 4 || number == 5 ? number + 2 : number] = value;
    engine_update_breakpoints(engine_running);
}

void engine_settle_flags(struct unicorn_env *env)
{
    env->cc_src = cpu_cc_compute_all_x86_64(env, (int)env->cc_op);
    env->cc_op = UNICORN_CC_OP_EFLAGS;
}

/* The originals compute flags from a condition code that is not up to date. */
#define KNOWS_CONDITION_CODE(name)                                                                                                                   \
    void __wrap_helper_##name##_x86_64(struct unicorn_env *env, uint64_t address);                                                                   \
    void __real_helper_##name##_x86_64(struct unicorn_env *env, uint64_t address);                                                                   \
    void __wrap_helper_##name##_x86_64(struct unicorn_env *env, uint64_t address)                                                                    \
    {                                                                                                                                                \
        DISTINCT(name);                                                                                                                              \
        engine_restore(engine_running, RETURN_ADDRESS);                                                                                              \
        __real_helper_##name##_x86_64(env, address);                                                                                                 \
    }

KNOWS_CONDITION_CODE(cmpxchg8b)
KNOWS_CONDITION_CODE(cmpxchg8b_unlocked)
KNOWS_CONDITION_CODE(cmpxchg16b)
KNOWS_CONDITION_CODE(cmpxchg16b_unlocked)

/* PUSHF: its image never has RF or VM. */
uint64_t __wrap_helper_read_eflags_x86_64(struct unicorn_env *env);
uint64_t __real_helper_read_eflags_x86_64(struct unicorn_env *env);
uint64_t __wrap_helper_read_eflags_x86_64(struct unicorn_env *env)
{
    return __real_helper_read_eflags_x86_64(env) & ~(uint64_t)(RFLAGS_RF | RFLAGS_VM);
}

/* A second STI, or one with IF = 1, does not block. */
void __wrap_helper_sti_x86_64(struct unicorn_env *env);
void __wrap_helper_sti_x86_64(struct unicorn_env *env)
{
    engine_running->shadow = env->eflags & RFLAGS_IF ? 0 : VMX_BLOCKING_BY_STI;
    env->eflags |= RFLAGS_IF;
}

static uint8_t code_byte(struct unicorn_env *env, uint64_t eip)
{
    return engine_code_byte(env, env->segs[VMX_CS].base + eip);
}

static _Noreturn void software_interrupt(struct unicorn_env *env, int vector, int length, uintptr_t return_address)
{
    struct sim_engine *engine = engine_running;
    engine_unwind(engine, return_address);
    const bool int3 = vector == VMX_BP && code_byte(env, env->eip + (uint64_t)(int64_t)length - 1) == 0xcc;
    const bool into = vector == VMX_OF && code_byte(env, env->eip + (uint64_t)(int64_t)length - 1) == 0xce;
    const struct vmx_event event = {.vector = (uint8_t)vector,
                                    .type = int3 || into ? VMX_EVENT_SOFTWARE_EXCEPTION : VMX_EVENT_SOFTWARE_INTERRUPT,
                                    .instruction_length = (uint8_t)length};
    engine_stop_event(engine, SIM_STOP_SOFT_INTERRUPT, &event);
}

_Noreturn void __wrap_helper_raise_interrupt_x86_64(struct unicorn_env *env, int vector, int length);
_Noreturn void __wrap_helper_raise_interrupt_x86_64(struct unicorn_env *env, int vector, int length)
{
    software_interrupt(env, vector, length, RETURN_ADDRESS);
}

/* INTO comes this way; RIP is its own. */
_Noreturn void __wrap_raise_interrupt_x86_64(struct unicorn_env *env, int vector, int is_int, int error_code, int length);
_Noreturn void __wrap_raise_interrupt_x86_64(struct unicorn_env *env, int vector, int is_int, int error_code, int length)
{
    (void)is_int;
    (void)error_code;
    software_interrupt(env, vector, length, 0);
}

/* INT1 is #UD for Unicorn. Answers the length of an INT1 at RIP, 0 when there is another instruction. */
static uint8_t int1_length(struct unicorn_env *env)
{
    for (uint8_t i = 0; i < 15; i++) {
        const uint8_t byte = code_byte(env, env->eip + i);
        const bool rex = (env->hflags & UNICORN_HF_CS64) != 0 && (byte & 0xf0) == 0x40;
        if (byte == 0xf1)
            return (uint8_t)(i + 1);
        if (!rex && byte != 0x66 && byte != 0x67 && byte != 0xf2 && byte != 0xf3 && (byte & 0xe7) != 0x26 && (byte & 0xfe) != 0x64)
            break;
    }
    return 0;
}

static bool runs_plainly(const struct sim_engine *engine)
{
    enum { DR7_ENABLES = 0xff };
    return (engine->env->dr[7] & DR7_ENABLES) == 0 && !engine->allowing && engine->blocked == 0;
}

/* Whoever drives the engine executes what it does not know, without the price of a stop. 0: nobody knows it; SIM_ENGINE_STOPS: it is not executed. */
static unsigned try_undefined(struct sim_engine *engine)
{
    struct unicorn_env *env = engine->env;
    const uint32_t wanted = UNICORN_HF_CS64, unwanted = UNICORN_HF_CPL | UNICORN_HF_INHIBIT_IRQ;
    uint64_t flags = 0;
    if (engine->callbacks.undefined == NULL || (env->hflags & (wanted | unwanted)) != wanted || (env->eflags & RFLAGS_TF) != 0 ||
        !runs_plainly(engine))
        return 0;
    const unsigned length = engine->callbacks.undefined(engine->callbacks.context, env->eip, &flags);
    if (length == 0 || length == SIM_ENGINE_STOPS)
        return length;
    env->eip += length;
    env->eflags &= ~(uint64_t)RFLAGS_RF;
    env->cc_src = flags;
    env->cc_op = UNICORN_CC_OP_EFLAGS;
    return length;
}

/* Stands in the place of the exception's helper where a block ends with VMREAD or VMWRITE of registers: see engine_translate.c. The block goes on
   when it returns. What else the access depends on is in the block's flags. */
void engine_field_access(struct unicorn_env *env, uint64_t word)
{
    enum { NUMBER = 0xf, LENGTH = 0xf };
    struct sim_engine *engine = engine_running;
    const struct sim_engine_callbacks *callbacks = &engine->callbacks;
    uint64_t flags = 0;
    if (runs_plainly(engine) && callbacks->field(callbacks->context, (word & ENGINE_FIELD_WRITE) != 0, word >> ENGINE_FIELD_ENCODING_SHIFT & NUMBER,
                                                 word >> ENGINE_FIELD_VALUE_SHIFT & NUMBER, &flags)) {
        env->eip += word >> ENGINE_FIELD_LENGTH_SHIFT & LENGTH;
        env->eflags &= ~(uint64_t)RFLAGS_RF;
        env->cc_src = flags;
        env->cc_op = UNICORN_CC_OP_EFLAGS;
        return;
    }
    engine_unwind_last(engine);
    engine_raise(engine, VMX_UD, 0, 0);
}

_Noreturn void __wrap_helper_raise_exception_x86_64(struct unicorn_env *env, int vector);
_Noreturn void __wrap_helper_raise_exception_x86_64(struct unicorn_env *env, int vector)
{
    struct sim_engine *engine = engine_running;
    if (vector == VMX_UD)
        engine_unwind_last(engine); /* first: a look at the code may have to translate its address, as if at a boundary */
    else
        engine_unwind(engine, RETURN_ADDRESS);
    const unsigned known = vector == VMX_UD ? try_undefined(engine) : 0;
    if (known != 0 && known != SIM_ENGINE_STOPS) {
        engine->count.left--;
        engine_retry(engine, 0);
    }
    const uint8_t length = vector == VMX_UD && known == 0 ? int1_length(env) : 0;
    if (length == 0)
        engine_raise(engine, (uint8_t)vector, 0, 0);
    const struct vmx_event event = {.vector = VMX_DB, .type = VMX_EVENT_PRIVILEGED_SOFTWARE_EXCEPTION, .instruction_length = length};
    engine_stop_event(engine, SIM_STOP_SOFT_INTERRUPT, &event);
}

/* Every exception of a helper ends here. */
_Noreturn void __wrap_cpu_loop_exit_restore_x86_64(void *cpu, uintptr_t return_address);
_Noreturn void __real_cpu_loop_exit_restore_x86_64(void *cpu, uintptr_t return_address);
_Noreturn void __wrap_cpu_loop_exit_restore_x86_64(void *cpu, uintptr_t return_address)
{
    struct sim_engine *engine = engine_running;
    const int32_t vector = UNICORN_FIELD(cpu, UNICORN_CPU_EXCEPTION_INDEX, int32_t);
    if (engine == NULL || vector < 0 || vector > 255)
        __real_cpu_loop_exit_restore_x86_64(cpu, return_address);
    engine->env->old_exception = -1;
    engine_raise(engine, (uint8_t)vector, (uint32_t)engine->env->error_code, return_address);
}

/* The trap of RFLAGS.TF: the instruction has completed, RIP is behind it. With DEBUGCTL.BTF only branches trap. */
_Noreturn void engine_single_step(void)
{
    enum { DEBUGCTL_BTF = 1 << 1 };
    struct sim_engine *engine = engine_running;
    if ((engine->held.debugctl & DEBUGCTL_BTF) != 0 && !engine_has_branched(engine))
        engine_retry(engine, 0);
    engine->result->event = (struct vmx_event){.vector = VMX_DB, .type = VMX_EVENT_HARDWARE_EXCEPTION, .payload = DR6_BS | engine_take_hits(engine)};
    engine_stop_at_boundary(engine, SIM_STOP_EXCEPTION);
}

_Noreturn void __wrap_helper_single_step_x86_64(struct unicorn_env *env);
_Noreturn void __wrap_helper_single_step_x86_64(struct unicorn_env *env)
{
    (void)env;
    engine_single_step();
}

/* PAUSE ends its block; the original would end the run. */
void __wrap_helper_pause_x86_64(struct unicorn_env *env, int length);
void __wrap_helper_pause_x86_64(struct unicorn_env *env, int length)
{
    if (!engine_running->allowing)
        engine_stop_before(engine_running, RETURN_ADDRESS);
    env->eip += (uint64_t)(int64_t)length;
    env->hflags &= ~(uint32_t)UNICORN_HF_INHIBIT_IRQ;
    if (env->eflags & RFLAGS_TF)
        engine_single_step();
    env->eflags &= ~(uint64_t)RFLAGS_RF;
    engine_retry(engine_running, 0);
}

void __wrap_helper_rechecking_single_step_x86_64(struct unicorn_env *env);
void __wrap_helper_rechecking_single_step_x86_64(struct unicorn_env *env)
{
    if (env->eflags & RFLAGS_TF)
        engine_single_step();
}
