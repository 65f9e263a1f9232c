/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Instructions that the engine executes itself: BEXTR, BLSI, BZHI, PDEP and PEXT, which Unicorn computes wrongly for some operands; MOVBE, CRC32 and POPCNT in
   16-bit code, where it takes one operand size for the other; ENTER, whose last stack pointer it does not look at; CMPXCHG of 32-bit
   registers, where it clears bits 63:32 of what is not written; LAHF and SAHF with REX, where it takes SPL for AH.
   SDM 2, "BEXTR", "BLSI", "BZHI", "PDEP", "PEXT", "MOVBE", "CRC32", "POPCNT", "ENTER", "CMPXCHG", "LAHF", "SAHF". */
#include "engine_own.h"

#include "../vmx-model/decode.h"
#include "engine_access.h"
#include "engine_tlb.h"

enum { LONGEST = 15, HIGH_BYTE = 8, REX_W = 8 };
enum { CF = 1 << 0, ZF = 1 << 6, SF = 1 << 7, OF = 1 << 11, ARITHMETIC = 0x8d5, RFLAGS_TF = 1 << 8, RFLAGS_RF = 1 << 16 };
enum { LAHF_PROMISED = 1 << 0, BMI1 = 1 << 3, BMI2 = 1 << 8, SSE42 = 1 << 20, MOVBE_PROMISED = 1 << 22, POPCNT_PROMISED = 1 << 23 };
enum { VEX = 0xc4, VEX_MAP = 31, VEX_MAP_0F38 = 2, VEX_PP = 3, PP_NONE = 0, PP_F3 = 2, PP_F2 = 3 };

enum own { NOT_OWN, OWN_BEXTR, OWN_BLSI, OWN_BZHI, OWN_PDEP, OWN_PEXT, OWN_MOVBE, OWN_CRC32, OWN_POPCNT, OWN_ENTER, OWN_CMPXCHG, OWN_LAHF, OWN_SAHF };

/* One instruction under way. */
struct doing {
    struct sim_engine *engine;
    struct unicorn_env *env;
    uint8_t code[LONGEST];
    unsigned size;
    struct vmx_instruction instruction;
    unsigned width; /* of the operands, in bits */
    uint64_t flags; /* of arithmetic */
};

/* ---- which ---- */
static bool promises(const struct sim_engine *engine, unsigned word, uint32_t bit)
{
    return (engine->env->features[word] & bit) != 0;
}

/* `c` begins with the VEX prefix, of an instruction that exists. */
static enum own own_of_vex(const struct sim_engine *engine, const uint8_t *c)
{
    const unsigned pp = c[2] & VEX_PP;
    const bool bmi1 = promises(engine, UNICORN_FEATURE_7_EBX, BMI1), bmi2 = promises(engine, UNICORN_FEATURE_7_EBX, BMI2);
    if (c[0] != VEX || (c[1] & VEX_MAP) != VEX_MAP_0F38)
        return NOT_OWN;
    if (c[3] == 0xf3)
        return bmi1 && (c[4] >> 3 & 7) == 3 ? OWN_BLSI : NOT_OWN;
    if (c[3] == 0xf7)
        return bmi1 && pp == PP_NONE ? OWN_BEXTR : NOT_OWN;
    if (c[3] != 0xf5 || !bmi2)
        return NOT_OWN;
    return pp == PP_NONE ? OWN_BZHI : pp == PP_F3 ? OWN_PEXT : pp == PP_F2 ? OWN_PDEP : NOT_OWN;
}

static bool in_16bit_code(const struct unicorn_env *env)
{
    return (env->hflags & (UNICORN_HF_CS32 | UNICORN_HF_CS64)) == 0;
}

static enum own own_of(struct sim_engine *engine, uint64_t pc, const struct engine_opcode *o)
{
    struct unicorn_env *env = engine->env;
    if (o->lock)
        return NOT_OWN;
    if (o->map == ENGINE_MAP_1 && o->byte == 0xc8)
        return OWN_ENTER;
    if (o->map == ENGINE_MAP_1 && (o->byte == 0x9e || o->byte == 0x9f) && o->rex != 0)
        return !promises(engine, UNICORN_FEATURE_80000001_ECX, LAHF_PROMISED) ? NOT_OWN : o->byte == 0x9e ? OWN_SAHF : OWN_LAHF;
    if (o->map == ENGINE_MAP_1 && o->byte == VEX && (o->code64 || o->modrm >= 0xc0)) {
        uint8_t c[5];
        while (engine_code_byte(env, pc) != VEX) /* behind prefixes of segment and address size */
            pc++;
        for (unsigned i = 0; i < sizeof c; i++)
            c[i] = engine_code_byte(env, pc + i);
        return own_of_vex(engine, c);
    }
    if (o->map == ENGINE_MAP_0F && o->byte == 0xb1 && o->modrm >= 0xc0)
        return o->code64 && !o->operand_prefix && (o->rex & REX_W) == 0 ? OWN_CMPXCHG : NOT_OWN;
    if (!in_16bit_code(env))
        return NOT_OWN;
    if (o->map == ENGINE_MAP_0F && o->byte == 0xb8)
        return o->rep && !o->repne && promises(engine, UNICORN_FEATURE_1_ECX, POPCNT_PROMISED) ? OWN_POPCNT : NOT_OWN;
    if (o->map != ENGINE_MAP_0F38 || (o->byte != 0xf0 && o->byte != 0xf1) || o->rep)
        return NOT_OWN;
    if (o->repne)
        return promises(engine, UNICORN_FEATURE_1_ECX, SSE42) ? OWN_CRC32 : NOT_OWN;
    return o->modrm < 0xc0 && promises(engine, UNICORN_FEATURE_1_ECX, MOVBE_PROMISED) ? OWN_MOVBE : NOT_OWN;
}

bool engine_is_own(struct sim_engine *engine, const struct engine_at *at)
{
    return own_of(engine, at->pc, &at->opcode) != NOT_OWN;
}

/* ---- operands ---- */
static uint64_t cut(uint64_t value, unsigned bits)
{
    return bits == 64 ? value : value & ((UINT64_C(1) << bits) - 1);
}

/* The whole of a register of 32 bits is written, the rest of one of 16 bits stays. */
static void set_register(struct unicorn_env *env, unsigned number, unsigned bits, uint64_t value)
{
    uint64_t *reg = &env->regs[number];
    *reg = bits < 32 ? (*reg & ~((UINT64_C(1) << bits) - 1)) | cut(value, bits) : cut(value, bits);
}

static uint64_t linear_of(const struct doing *d, unsigned segment, uint64_t offset)
{
    const struct unicorn_env *env = d->env;
    if ((env->hflags & UNICORN_HF_CS64) == 0)
        return (uint32_t)(env->segs[segment].base + offset);
    return segment >= VMX_FS ? env->segs[segment].base + offset : offset;
}

static uint64_t load(const struct doing *d, unsigned segment, uint64_t offset, unsigned bits)
{
    const uint64_t linear = linear_of(d, segment, offset);
    engine_check_operand(d->engine, segment, linear, bits / 8, false);
    switch (bits) {
    case 8:
        return (uint8_t)cpu_ldub_data_ra_x86_64(d->env, linear, 0);
    case 16:
        return (uint16_t)cpu_lduw_data_ra_x86_64(d->env, linear, 0);
    case 32:
        return (uint32_t)cpu_ldl_data_ra_x86_64(d->env, linear, 0);
    default:
        return cpu_ldq_data_ra_x86_64(d->env, linear, 0);
    }
}

static void store(const struct doing *d, unsigned segment, uint64_t offset, unsigned bits, uint64_t value)
{
    const uint64_t linear = linear_of(d, segment, offset);
    engine_check_operand(d->engine, segment, linear, bits / 8, true);
    if (bits == 16)
        cpu_stw_data_ra_x86_64(d->env, linear, (uint32_t)value, 0);
    else if (bits == 32)
        cpu_stl_data_ra_x86_64(d->env, linear, (uint32_t)value, 0);
    else
        cpu_stq_data_ra_x86_64(d->env, linear, value, 0);
}

static uint64_t offset_of(const struct doing *d)
{
    const struct vmx_instruction *i = &d->instruction;
    uint64_t offset = (uint64_t)i->displacement;
    if (i->rip_relative)
        offset += d->env->eip + d->size;
    if (i->has_base)
        offset += d->env->regs[i->base];
    if (i->has_index)
        offset += d->env->regs[i->index] << i->scale_log2;
    return cut(offset, 8u * i->address_size);
}

/* Of ModRM.rm. */
static uint64_t source(const struct doing *d, unsigned bits)
{
    const struct vmx_instruction *i = &d->instruction;
    if (i->rm == VMX_OPERAND_MEMORY)
        return load(d, i->segment, offset_of(d), bits);
    const bool high = bits == 8 && i->rm_register >= 4; /* AH, CH, DH, BH: there is no REX in 16-bit code */
    return cut(high ? d->env->regs[i->rm_register - 4] >> HIGH_BYTE : d->env->regs[i->rm_register], bits);
}

/* The register that VEX.vvvv names. */
static uint64_t *vex_register(const struct doing *d)
{
    const uint8_t *c = d->code;
    while (*c != VEX)
        c++;
    const unsigned number = ~(unsigned)c[2] >> 3 & 15;
    return &d->env->regs[(d->env->hflags & UNICORN_HF_CS64) != 0 ? number : number & 7];
}

static uint64_t sign_and_zero(const struct doing *d, uint64_t value)
{
    return (cut(value, d->width) == 0 ? (uint64_t)ZF : 0) | ((value >> (d->width - 1) & 1) != 0 ? (uint64_t)SF : 0);
}

/* ---- bits ---- */
/* Bits 7:0 of the control are where the field starts, bits 15:8 its length. */
static void bextr(struct doing *d)
{
    const uint64_t value = source(d, d->width), control = *vex_register(d);
    const unsigned start = control & 0xff, length = control >> 8 & 0xff;
    const uint64_t shifted = start < d->width ? value >> start : 0;
    const uint64_t field = length < 64 ? shifted & ((UINT64_C(1) << length) - 1) : shifted;
    set_register(d->env, d->instruction.reg, d->width, field);
    d->flags = (d->flags & ~(uint64_t)(CF | OF | ZF)) | (field == 0 ? (uint64_t)ZF : 0);
}

static void blsi(struct doing *d)
{
    const uint64_t value = source(d, d->width), lowest = value & (0 - value);
    set_register(d->env, (unsigned)(vex_register(d) - d->env->regs), d->width, lowest);
    d->flags = (d->flags & ~(uint64_t)(CF | OF | ZF | SF)) | sign_and_zero(d, lowest) | (value != 0 ? (uint64_t)CF : 0);
}

static void bzhi(struct doing *d)
{
    const uint64_t value = source(d, d->width);
    const unsigned kept = *vex_register(d) & 0xff;
    const uint64_t low = kept < d->width ? value & ((UINT64_C(1) << kept) - 1) : value;
    set_register(d->env, d->instruction.reg, d->width, low);
    d->flags = (d->flags & ~(uint64_t)(CF | OF | ZF | SF)) | sign_and_zero(d, low) | (kept >= d->width ? (uint64_t)CF : 0);
}

/* Takes the bits of the first source from the lowest on to where the mask has ones, or from there to the lowest. */
static void deposit(struct doing *d, bool extract)
{
    const uint64_t mask = source(d, d->width), from = *vex_register(d);
    uint64_t result = 0;
    unsigned at = 0;
    for (uint64_t left = mask; left != 0; left &= left - 1, at++) {
        const uint64_t place = left & (0 - left), low = UINT64_C(1) << at;
        if ((from & (extract ? place : low)) != 0)
            result |= extract ? low : place;
    }
    set_register(d->env, d->instruction.reg, d->width, result);
}

static void popcnt(struct doing *d)
{
    const uint64_t value = source(d, d->width);
    unsigned ones = 0;
    for (uint64_t left = value; left != 0; left &= left - 1)
        ones++;
    set_register(d->env, d->instruction.reg, d->width, ones);
    d->flags = value == 0 ? ZF : 0;
}

/* The source has 8 bits with an even opcode, the destination always 32. */
static void crc32(struct doing *d, uint8_t opcode)
{
    enum { POLYNOMIAL_REFLECTED = 0x82f63b78 };
    const unsigned bits = opcode == 0xf0 ? 8 : d->width;
    uint32_t crc = (uint32_t)d->env->regs[d->instruction.reg] ^ (uint32_t)source(d, bits);
    for (unsigned i = 0; i < bits; i++)
        crc = crc >> 1 ^ ((crc & 1) != 0 ? (uint32_t)POLYNOMIAL_REFLECTED : 0);
    set_register(d->env, d->instruction.reg, 32, crc);
}

static void movbe(struct doing *d, uint8_t opcode)
{
    enum { TO_MEMORY = 0xf1 };
    const struct vmx_instruction *i = &d->instruction;
    const uint64_t value = opcode == TO_MEMORY ? d->env->regs[i->reg] : source(d, d->width);
    const uint64_t swapped = d->width == 16 ? (uint64_t)__builtin_bswap16((uint16_t)value) : __builtin_bswap32((uint32_t)value);
    if (opcode == TO_MEMORY)
        store(d, i->segment, offset_of(d), d->width, swapped);
    else
        set_register(d->env, i->reg, d->width, swapped);
}

/* Of 32-bit registers in 64-bit mode: what is not the result of the comparison is not written at all, and keeps its bits 63:32. */
static void cmpxchg(struct doing *d)
{
    enum { PF = 1 << 2, AF = 1 << 4, SIGN = 31 };
    struct unicorn_env *env = d->env;
    const uint32_t a = (uint32_t)env->regs[VMX_RAX], b = (uint32_t)env->regs[d->instruction.rm_register], difference = a - b;
    const bool overflow = ((a ^ b) & (a ^ difference)) >> SIGN != 0, odd = __builtin_parity(difference & 0xff) != 0;
    d->flags = sign_and_zero(d, difference) | (a < b ? (uint64_t)CF : 0) | (odd ? 0 : (uint64_t)PF) | ((a ^ b ^ difference) & AF) |
               (overflow ? (uint64_t)OF : 0);
    if (difference == 0)
        set_register(env, d->instruction.rm_register, 32, env->regs[d->instruction.reg]);
    else
        set_register(env, VMX_RAX, 32, b);
}

/* AH, which REX does not make SPL here. */
static void flags_of_ah(struct doing *d, bool load)
{
    enum { LOADED = 0xd5, FIXED = 2, AH = 0xff << HIGH_BYTE };
    uint64_t *rax = &d->env->regs[VMX_RAX];
    if (load)
        d->flags = (d->flags & ~(uint64_t)LOADED) | (*rax >> HIGH_BYTE & LOADED);
    else
        *rax = (*rax & ~(uint64_t)AH) | ((d->flags & LOADED) | FIXED) << HIGH_BYTE;
}

/* ---- ENTER ---- */
/* The stack while it is being built: registers change when all of it is. */
static void push(const struct doing *d, uint64_t *rsp, unsigned stack_bits, uint64_t value)
{
    *rsp = cut(*rsp - d->width / 8, stack_bits);
    store(d, VMX_SS, *rsp, d->width, value);
}

/* The operand size decides on what is pushed and what goes to BP, EBP or RBP, the size of the stack on what of RSP changes. The final stack pointer must be one
   that could be written to. */
static void enter(struct doing *d)
{
    struct unicorn_env *env = d->env;
    const unsigned stack_bits = env->hflags & UNICORN_HF_CS64 ? 64 : env->hflags & UNICORN_HF_SS32 ? 32 : 16;
    const unsigned allocated = d->code[d->size - 3] | (unsigned)d->code[d->size - 2] << 8, level = d->code[d->size - 1] & 31;
    uint64_t rsp = cut(env->regs[VMX_RSP], stack_bits), rbp = env->regs[VMX_RBP];
    push(d, &rsp, stack_bits, rbp);
    const uint64_t frame = stack_bits == 16 ? (env->regs[VMX_RSP] & ~UINT64_C(0xffff)) | rsp : rsp;
    for (unsigned i = 1; i < level; i++) {
        rbp = cut(rbp - d->width / 8, stack_bits);
        push(d, &rsp, stack_bits, load(d, VMX_SS, rbp, d->width));
    }
    if (level > 0)
        push(d, &rsp, stack_bits, frame);
    rsp = cut(rsp - allocated, stack_bits);
    const uint64_t last = linear_of(d, VMX_SS, rsp);
    engine_check_operand(d->engine, VMX_SS, last, d->width / 8, true);
    engine_ask_to_write(env, last, d->width / 8, 0);
    set_register(env, VMX_RBP, d->width, frame);
    set_register(env, VMX_RSP, stack_bits, rsp);
}

/* ---- all of them ---- */
static unsigned width_of(const struct doing *d, enum own own, const struct engine_opcode *o)
{
    const struct unicorn_env *env = d->env;
    if (own == OWN_ENTER && o->code64)
        return o->operand_prefix && (o->rex & REX_W) == 0 ? 16 : 64;
    return own == OWN_ENTER || in_16bit_code(env) ? 8u * d->instruction.operand_size : d->instruction.operand_size == 8 ? 64 : 32;
}

static void execute(struct doing *d, enum own own, uint8_t opcode)
{
    switch (own) {
    case OWN_BEXTR:
        bextr(d);
        break;
    case OWN_BLSI:
        blsi(d);
        break;
    case OWN_BZHI:
        bzhi(d);
        break;
    case OWN_PDEP:
    case OWN_PEXT:
        deposit(d, own == OWN_PEXT);
        break;
    case OWN_MOVBE:
        movbe(d, opcode);
        break;
    case OWN_CRC32:
        crc32(d, opcode);
        break;
    case OWN_POPCNT:
        popcnt(d);
        break;
    case OWN_ENTER:
        enter(d);
        break;
    case OWN_CMPXCHG:
        cmpxchg(d);
        break;
    case OWN_LAHF:
    case OWN_SAHF:
        flags_of_ah(d, own == OWN_SAHF);
        break;
    case NOT_OWN:
        break;
    }
}

_Noreturn void engine_execute_own(struct sim_engine *engine, const struct unicorn_block *block)
{
    struct unicorn_env *env = engine->env;
    struct doing d = {.engine = engine, .env = env, .size = block->size};
    for (unsigned i = 0; i < d.size && i < LONGEST; i++)
        d.code[i] = engine_code_byte(env, block->pc + i);
    const struct engine_opcode opcode = engine_opcode_at(env, block->pc);
    const enum own own = own_of(engine, block->pc, &opcode);
    (void)vmx_decode(d.code, d.size, opcode.code64 ? 64 : in_16bit_code(env) ? 16 : 32, &d.instruction);
    d.width = width_of(&d, own, &opcode);
    engine_settle_flags(env);
    d.flags = env->cc_src;
    execute(&d, own, opcode.byte);
    env->cc_src = d.flags & ARITHMETIC;
    env->eip += d.size;
    env->hflags &= ~(uint32_t)UNICORN_HF_INHIBIT_IRQ;
    engine->count.left--;
    if (env->eflags & RFLAGS_TF)
        engine_single_step();
    env->eflags &= ~(uint64_t)RFLAGS_RF;
    engine_retry(engine, 0);
}
