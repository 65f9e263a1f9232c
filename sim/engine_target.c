/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Targets of CALL, and of far JMP and RET in real-address and virtual-8086 mode, looked at before the instruction does anything else: Unicorn pushes first, or
   loads CS. A call is put among the operations of a block that ends with such a branch. SDM 2, "CALL", "JMP", "RET". */
#include "engine_opcode.h"

enum { OP_MARKER = 129, OP_ST32 = 76, OP_GUEST_STORE_32 = 134, OP_GUEST_STORE_64 = 136, CALL_INPUTS_SHIFT = 8, CALL_WRITES_NO_REGISTERS = 2 };
enum { RFLAGS_VM = 1 << 17, GROUP_NEAR_CALL = 2, GROUP_FAR_JUMP = 5, ADDRESS_64K = 0xffff };

enum branch { OTHER, NEAR_CALL, FAR_JUMP, FAR_RETURN };

static void check_target(struct sim_engine *engine, uint64_t target)
{
    if (!engine_target_is_allowed(engine->env, target))
        engine_raise(engine, VMX_GP, 0, RETURN_ADDRESS);
}

/* RIP has been loaded already. */
static void check_return(struct sim_engine *engine)
{
    if (!engine_target_is_allowed(engine->env, engine->env->eip))
        engine_raise(engine, VMX_GP, 0, RETURN_ADDRESS);
}

static enum branch branch_of(const struct unicorn_block *block, struct engine_opcode o)
{
    const bool real = (block->flags & UNICORN_HF_PE) == 0 || (block->flags & RFLAGS_VM) != 0;
    const unsigned group = o.byte == 0xff ? o.modrm >> 3 & 7 : 0;
    if (o.map != ENGINE_MAP_1)
        return OTHER;
    if (o.byte == 0xe8 || group == GROUP_NEAR_CALL)
        return NEAR_CALL;
    if (real && (o.byte == 0xea || group == GROUP_FAR_JUMP))
        return FAR_JUMP;
    return real && (o.byte == 0xca || o.byte == 0xcb) ? FAR_RETURN : OTHER;
}

/* No offset of 16 bits is beyond 64 KBytes, none of 32 bits beyond 4 GBytes. */
static bool may_be_beyond(const struct unicorn_block *block, struct engine_opcode o)
{
    if (o.code64 || (block->flags & ENGINE_HF_CODE_LIMIT) != 0)
        return true;
    const bool wide = ((block->flags & UNICORN_HF_CS32) != 0) != o.operand_prefix;
    return wide && (block->flags & ENGINE_HF_CODE_64K) != 0;
}

static bool stores_at(const struct unicorn_op *op, uint8_t opcode, uint64_t offset)
{
    return (uint8_t)op->opcode == opcode && op->args[2] == offset;
}

/* What it does that must not be done before the look: the push of CALL, the load of CS. */
static struct unicorn_op *first_effect(struct unicorn_op *op, enum branch branch)
{
    const uint64_t selector = offsetof(struct unicorn_env, segs[VMX_CS]);
    for (; op != NULL; op = op->next) {
        const uint8_t opcode = (uint8_t)op->opcode;
        if (branch == NEAR_CALL ? opcode == OP_GUEST_STORE_32 || opcode == OP_GUEST_STORE_64 : stores_at(op, OP_ST32, selector))
            break;
    }
    return op;
}

static struct unicorn_op *load_of_rip(struct unicorn_op *op)
{
    while (op != NULL && !stores_at(op, UNICORN_OP_ST_I64, offsetof(struct unicorn_env, eip)))
        op = op->next;
    return op;
}

/* A target that the code tells is made just before RIP is loaded; another one is known at the effect. */
static bool is_constant(const struct unicorn_op *effect, const struct unicorn_op *load, uint64_t *value)
{
    bool constant = false;
    for (const struct unicorn_op *op = effect; op != load; op = op->next)
        if ((uint8_t)op->opcode == UNICORN_OP_MOVI_I64 && op->args[0] == load->args[0]) {
            constant = true;
            *value = op->args[1];
        }
    return constant;
}

static bool is_allowed_anywhere(const struct unicorn_block *block, uint64_t target)
{
    enum { CANONICAL_UNUSED = 16 };
    if (block->flags & UNICORN_HF_CS64)
        return (uint64_t)((int64_t)(target << CANONICAL_UNUSED) >> CANONICAL_UNUSED) == target;
    return (block->flags & ENGINE_HF_CODE_LIMIT) == 0 && target <= ADDRESS_64K;
}

static uint64_t insert_constant(const struct sim_engine *engine, struct unicorn_op *before, unsigned which, uint64_t value)
{
    struct unicorn_op *op = tcg_op_insert_before_x86_64(engine->tcg, before, UNICORN_OP_MOVI_I64);
    op->args[0] = (uint64_t)(uintptr_t)engine->constant[which];
    op->args[1] = value;
    return op->args[0];
}

static void insert_call(const struct sim_engine *engine, struct unicorn_op *before, uintptr_t function, const uint64_t *arguments, unsigned count)
{
    struct unicorn_op *call = tcg_op_insert_before_x86_64(engine->tcg, before, UNICORN_OP_CALL);
    call->opcode |= count << CALL_INPUTS_SHIFT;
    for (unsigned i = 0; i < count; i++)
        call->args[i] = arguments[i];
    call->args[count] = function;
    call->args[count + 1] = CALL_WRITES_NO_REGISTERS;
}

void engine_add_target_check(struct sim_engine *engine, const struct unicorn_block *block, uint64_t last)
{
    const struct engine_opcode opcode = engine_opcode_at(engine->env, last);
    const enum branch branch = branch_of(block, opcode);
    struct unicorn_op *op = UNICORN_FIELD(engine->tcg, UNICORN_TCG_OPS, struct unicorn_op *);
    if (branch == OTHER || !may_be_beyond(block, opcode))
        return;
    while (op != NULL && ((uint8_t)op->opcode != OP_MARKER || op->args[0] != last))
        op = op->next;
    struct unicorn_op *const effect = first_effect(op, branch), *const load = load_of_rip(effect);
    if (effect == NULL || (load == NULL && branch != FAR_RETURN)) /* it is undefined */
        return;
    uint64_t target = 0;
    const bool constant = branch != FAR_RETURN && is_constant(effect, load, &target);
    if (constant && is_allowed_anywhere(block, target))
        return;
    uint64_t arguments[2] = {insert_constant(engine, effect, 0, (uint64_t)(uintptr_t)engine)};
    if (branch == FAR_RETURN) {
        insert_call(engine, effect, (uintptr_t)check_return, arguments, 1);
        return;
    }
    arguments[1] = constant ? insert_constant(engine, effect, 1, target) : load->args[0];
    insert_call(engine, effect, (uintptr_t)check_target, arguments, 2);
}
