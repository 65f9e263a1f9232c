/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Near branches to where code must not be. The processor compares the target with the limit of CS, or wants it canonical, before it branches, so that #GP is
   the branch's; Unicorn has branched when it looks for code there. SDM 2, "JMP", "Jcc", "CALL", "RET", "LOOP/LOOPcc". */
#include "engine_opcode.h"

enum { REX_W = 8, IP_16_BYTES = 2, IP_32_BYTES = 4, IP_64_BYTES = 8 };

static bool in_64bit_mode(const struct unicorn_env *env)
{
    return (env->hflags & UNICORN_HF_CS64) != 0;
}

bool engine_target_is_allowed(const struct unicorn_env *env, uint64_t rip)
{
    return in_64bit_mode(env) ? engine_is_canonical(env, rip) : (uint32_t)rip <= env->segs[VMX_CS].limit;
}

static bool is_return(struct engine_opcode o)
{
    return o.map == ENGINE_MAP_1 && (o.byte == 0xc2 || o.byte == 0xc3);
}

/* LOOP, LOOPE, LOOPNE */
static bool counts(struct engine_opcode o)
{
    return o.map == ENGINE_MAP_1 && o.byte >= 0xe0 && o.byte <= 0xe2;
}

static bool is_near(struct engine_opcode o)
{
    const bool far = o.map == ENGINE_MAP_1
                         ? o.byte == 0x9a || (o.byte >= 0xca && o.byte <= 0xcf) || o.byte == 0xea || (o.byte == 0xff && (o.modrm >> 3 & 1) != 0)
                         : (o.byte & 0xf0) != 0x80;
    return engine_is_branch(o) && !far;
}

/* Adds to the part of a register that an instruction of this size uses. */
static void add(uint64_t *reg, uint64_t mask, uint64_t number)
{
    const uint64_t sum = (*reg & mask) + number;
    *reg = mask == 0xffff ? (*reg & ~mask) | (sum & mask) : sum & mask;
}

static uint64_t mask_of(bool is_64, bool is_32)
{
    return is_64 ? UINT64_MAX : is_32 ? UINT32_MAX : 0xffff;
}

/* What the branch did besides branching. CALL does not get here: see engine_target.c. */
static void take_back(struct unicorn_env *env, struct engine_opcode o, uint64_t start, uint64_t end)
{
    const bool is_64 = in_64bit_mode(env), code32 = (env->hflags & UNICORN_HF_CS32) != 0, stack32 = (env->hflags & UNICORN_HF_SS32) != 0;
    const uint64_t stack = mask_of(is_64, stack32);
    const uint64_t width = is_64 ? IP_64_BYTES : code32 != o.operand_prefix ? IP_32_BYTES : IP_16_BYTES;
    if (is_return(o)) {
        enum { RET_IMMEDIATE = 0xc2, IMMEDIATE_BYTES = 2 };
        uint64_t released = width;
        if (o.byte == RET_IMMEDIATE && end - start > IMMEDIATE_BYTES)
            released += cpu_ldub_code_x86_64(env, end - 2) | cpu_ldub_code_x86_64(env, end - 1) << 8;
        add(&env->regs[VMX_RSP], stack, 0 - released);
    }
    if (counts(o))
        add(&env->regs[VMX_RCX], mask_of(is_64 && !o.address_prefix, is_64 || code32 != o.address_prefix), 1);
}

void engine_check_target(struct sim_engine *engine)
{
    struct unicorn_env *env = engine->env;
    const struct unicorn_block *block = engine->block;
    if (engine_target_is_allowed(env, env->eip) || block == NULL)
        return;
    const uint64_t start = engine_last_instruction(engine), end = block->pc + block->size;
    engine->looking_back = true;
    const struct engine_opcode opcode = engine_opcode_at(env, start);
    const bool branched = is_near(opcode) && (engine_is_jump(opcode) || env->eip + block->cs_base != end);
    if (branched)
        take_back(env, opcode, start, end);
    engine->looking_back = false;
    if (!branched)
        return;
    env->eip = start - block->cs_base;
    engine_raise(engine, VMX_GP, 0, 0);
}
