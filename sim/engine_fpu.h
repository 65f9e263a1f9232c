/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The x87 FPU, which Unicorn computes without most of its flags: what its files share. The host's own FPU runs the instructions, under the guest's control word
   and on its values; but for the elementary functions (engine_x87.c) IEEE 754 and the manual leave nothing open.
   SDM 1, "Programming with the x87 FPU". */
#ifndef SIM_ENGINE_FPU_H
#define SIM_ENGINE_FPU_H

#include "engine_opcode.h"

enum {
    FPU_IE = 1 << 0,
    FPU_DE = 1 << 1,
    FPU_ZE = 1 << 2,
    FPU_OE = 1 << 3,
    FPU_UE = 1 << 4,
    FPU_PE = 1 << 5,
    FPU_SF = 1 << 6,
    FPU_ES = 1 << 7,
    FPU_C0 = 1 << 8,
    FPU_C1 = 1 << 9,
    FPU_C2 = 1 << 10,
    FPU_C3 = 1 << 14,
    FPU_B = 1 << 15,
    FPU_EXCEPTIONS = 0x3f,
    FPU_BEFORE = FPU_IE | FPU_DE | FPU_ZE, /* found before computing: unmasked they leave operands and stack as they are */
    FPU_MASKED = 0x3f                      /* in a control word */
};

#define FPU_INDEFINITE ((struct unicorn_x87){.significand = UINT64_C(3) << 62, .exponent = 0xffff})

/* The host's FPU has an empty stack, as wherever C code calls. "fnclex" first, since waiting instructions raise what an unmasked flag says. */
#define FPU_ENTER "fnclex\n\tfnstcw %[host]\n\tfldcw %[control]\n\t"
#define FPU_LEAVE "fldcw %[host]"
#define FPU_STATUS "\n\tfnstsw %[status]\n\tfnclex\n\t"
#define FPU_CLOBBERS "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)", "st(6)", "st(7)"

static inline unsigned fpu_physical(const struct unicorn_env *env, unsigned number)
{
    return (env->top + number) & 7;
}

static inline struct unicorn_x87 *fpu_register(struct unicorn_env *env, unsigned number)
{
    return &env->x87[fpu_physical(env, number)];
}

static inline bool fpu_is_empty(const struct unicorn_env *env, unsigned number)
{
    return env->empty[fpu_physical(env, number)] != 0;
}

/* For the host: without reserved bits. */
static inline uint16_t fpu_control(const struct unicorn_env *env)
{
    return (env->x87_control & 0xf3f) | 0x40;
}

/* Sets flags of exceptions, and the condition codes of `mask`. Answers those that are unmasked. */
unsigned fpu_set_status(struct unicorn_env *env, unsigned flags, unsigned mask, unsigned codes);
/* Empty registers, or a full one where a push would go: true when the exception is masked. Else the instruction does nothing more. */
bool fpu_stack_underflow(struct unicorn_env *env);
bool fpu_stack_overflow(struct unicorn_env *env);
void fpu_push(struct unicorn_env *env, const struct unicorn_x87 *value);
void fpu_pop(struct unicorn_env *env);
/* A push is possible. If not, and its exception is masked, an indefinite value has been pushed. */
bool fpu_has_room(struct unicorn_env *env);
/* An unmasked exception of a store: the instruction is over with nothing written or popped. */
_Noreturn void fpu_abandon_store(struct unicorn_env *env, unsigned flags, uintptr_t return_address);

#endif
