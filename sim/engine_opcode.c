/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Prefixes, opcode and ModR/M byte of an instruction that Unicorn has just translated. */
#include "engine_opcode.h"

#include "engine_tlb.h"

static uint8_t next_byte(struct unicorn_env *env, uint64_t *pc)
{
    return engine_code_byte(env, (*pc)++);
}

bool engine_is_legacy_prefix(uint8_t byte)
{
    return byte == 0xf0 || byte == 0xf2 || byte == 0xf3 || (byte >= 0x64 && byte <= 0x67) || (byte & 0xe7) == 0x26;
}

static void take_legacy_prefix(struct engine_opcode *opcode, uint8_t byte, bool code64)
{
    opcode->lock |= byte == 0xf0;
    opcode->repne |= byte == 0xf2;
    opcode->rep |= byte == 0xf3;
    opcode->operand_prefix |= byte == 0x66;
    opcode->address_prefix |= byte == 0x67;
    const bool other_segment = (byte & 0xe7) == 0x26;
    opcode->void_prefix |= code64 && (opcode->rex != 0 || (opcode->fs_or_gs && other_segment));
    opcode->fs_or_gs |= byte == 0x64 || byte == 0x65;
    opcode->rex = 0; /* it counts just before the opcode alone */
}

/* False: it is no prefix. */
static bool take_prefix(struct engine_opcode *opcode, uint8_t byte, bool code64)
{
    if (engine_is_legacy_prefix(byte)) {
        take_legacy_prefix(opcode, byte, code64);
        return true;
    }
    if (!code64 || (byte & 0xf0) != 0x40)
        return false;
    opcode->rex = byte;
    return true;
}

static bool one_byte_has_modrm(uint8_t b)
{
    if (b < 0x40)
        return (b & 7) < 4;
    return b == 0x62 || b == 0x63 || b == 0x69 || b == 0x6b || (b >= 0x80 && b <= 0x8f) || b == 0xc0 || b == 0xc1 || (b >= 0xc4 && b <= 0xc7) ||
           (b >= 0xd0 && b <= 0xd3) || (b >= 0xd8 && b <= 0xdf) || b == 0xf6 || b == 0xf7 || b == 0xfe || b == 0xff;
}

static bool two_byte_has_modrm(uint8_t b)
{
    return !((b >= 0x05 && b <= 0x0c) || b == 0x0e || (b >= 0x30 && b <= 0x37) || b == 0x77 || (b >= 0x80 && b <= 0x8f) || (b >= 0xa0 && b <= 0xa2) ||
             (b >= 0xa8 && b <= 0xaa) || b >= 0xc8) ||
           b >= 0xd0;
}

struct engine_opcode engine_opcode_at(struct unicorn_env *env, uint64_t pc)
{
    enum { LONGEST = 15 };
    struct engine_opcode found = {.map = ENGINE_MAP_1};
    const bool code64 = found.code64 = (env->hflags & UNICORN_HF_CS64) != 0;
    const uint64_t end = pc + LONGEST;
    do
        found.byte = next_byte(env, &pc);
    while (take_prefix(&found, found.byte, code64) && pc != end);
    if (found.byte == 0x0f && pc < end) {
        found.map = ENGINE_MAP_0F;
        found.byte = next_byte(env, &pc);
        if ((found.byte == 0x38 || found.byte == 0x3a) && pc < end) {
            found.map = found.byte == 0x38 ? ENGINE_MAP_0F38 : ENGINE_MAP_0F3A;
            found.byte = next_byte(env, &pc);
        }
    }
    const bool has_modrm = found.map == ENGINE_MAP_1 ? one_byte_has_modrm(found.byte) : found.map != ENGINE_MAP_0F || two_byte_has_modrm(found.byte);
    if (has_modrm && pc < end)
        found.modrm = next_byte(env, &pc);
    if (has_modrm && found.modrm < 0xc0 && (found.modrm & 7) == 4 && pc < end)
        found.sib = next_byte(env, &pc);
    return found;
}

bool engine_is_string_io(struct engine_opcode opcode)
{
    return opcode.map == ENGINE_MAP_1 && opcode.byte >= 0x6c && opcode.byte <= 0x6f;
}

bool engine_is_rep_string(struct engine_opcode opcode)
{
    const uint8_t b = opcode.byte;
    return opcode.map == ENGINE_MAP_1 && (opcode.rep || opcode.repne) &&
           (engine_is_string_io(opcode) || (b >= 0xa4 && b <= 0xa7) || (b >= 0xaa && b <= 0xaf));
}

bool engine_loads_ss(struct engine_opcode opcode)
{
    return opcode.map == ENGINE_MAP_1 && (opcode.byte == 0x17 || (opcode.byte == 0x8e && (opcode.modrm >> 3 & 7) == VMX_SS));
}

/* Instructions that LOCK may stand before, if their destination is in memory. */
static bool is_lockable(struct engine_opcode o)
{
    const unsigned reg = o.modrm >> 3 & 7;
    if (o.map == ENGINE_MAP_1) {
        if (o.byte < 0x38)
            return (o.byte & 7) < 2;
        if (o.byte >= 0x80 && o.byte <= 0x83)
            return reg != 7;
        if (o.byte == 0xf6 || o.byte == 0xf7)
            return reg == 2 || reg == 3;
        if (o.byte == 0xfe || o.byte == 0xff)
            return reg < 2;
        return o.byte == 0x86 || o.byte == 0x87;
    }
    if (o.map != ENGINE_MAP_0F)
        return false;
    if (o.byte == 0xba)
        return reg > 4;
    if (o.byte == 0xc7)
        return reg == 1;
    return o.byte == 0xab || o.byte == 0xb3 || o.byte == 0xbb || o.byte == 0xb0 || o.byte == 0xb1 || o.byte == 0xc0 || o.byte == 0xc1;
}

/* All that LOCK may stand before, XCHG among them; shifts, rotations, ARPL. */
bool engine_modifies_memory(struct engine_opcode o)
{
    if (o.modrm >= 0xc0)
        return false;
    if (is_lockable(o))
        return true;
    if (o.map == ENGINE_MAP_1)
        return o.byte == 0xc0 || o.byte == 0xc1 || (o.byte >= 0xd0 && o.byte <= 0xd3) || (o.byte == 0x63 && !o.code64);
    return o.map == ENGINE_MAP_0F && (o.byte == 0xa4 || o.byte == 0xa5 || o.byte == 0xac || o.byte == 0xad);
}

bool engine_is_bit_test(struct engine_opcode o)
{
    return o.map == ENGINE_MAP_0F && (o.byte == 0xa3 || o.byte == 0xab || o.byte == 0xb3 || o.byte == 0xbb || o.byte == 0xba);
}

bool engine_loops_on_flags(struct engine_opcode o)
{
    return o.map == ENGINE_MAP_1 && (o.byte == 0xe0 || o.byte == 0xe1);
}

bool engine_spoils_flags(struct engine_opcode o)
{
    const unsigned reg = o.modrm >> 3 & 7;
    if (o.modrm >= 0xc0)
        return false;
    if (o.map == ENGINE_MAP_0F)
        return (o.byte & 0xf0) == 0x90;
    return o.map == ENGINE_MAP_1 && (o.byte == 0xc0 || o.byte == 0xc1 || (o.byte >= 0xd0 && o.byte <= 0xd3)) && (reg == 2 || reg == 3);
}

bool engine_is_aligned_vector(struct engine_opcode o)
{
    switch (o.map) {
    case ENGINE_MAP_1:
        return false;
    case ENGINE_MAP_0F:
        if (o.byte == 0x10 || o.byte == 0x11) /* MOVUPS, MOVUPD */
            return false;
        if (o.byte == 0x6f || o.byte == 0x7f) /* MOVDQU */
            return !o.rep;
        if (o.byte == 0xf0) /* LDDQU */
            return false;
        return (o.byte >= 0x12 && o.byte <= 0x17) || (o.byte >= 0x28 && o.byte <= 0x2f) || (o.byte >= 0x50 && o.byte <= 0x7e) || o.byte == 0xc2 ||
               (o.byte >= 0xc4 && o.byte <= 0xc6) || o.byte >= 0xd0;
    case ENGINE_MAP_0F38:
        return o.byte < 0x40 || (o.byte >= 0xc8 && o.byte <= 0xdf);
    case ENGINE_MAP_0F3A:
        return o.byte < 0x60 || o.byte > 0x63; /* not string comparisons */
    }
    return false;
}

bool engine_is_jump(struct engine_opcode o)
{
    const unsigned reg = o.modrm >> 3 & 7;
    if (o.map == ENGINE_MAP_0F)
        return o.byte == 0x05 || o.byte == 0x07 || o.byte == 0x34 || o.byte == 0x35;
    return o.map == ENGINE_MAP_1 && (o.byte == 0x9a || o.byte == 0xc2 || o.byte == 0xc3 || o.byte == 0xca || o.byte == 0xcb || o.byte == 0xcf ||
                                     (o.byte >= 0xe8 && o.byte <= 0xeb) || (o.byte == 0xff && reg >= 2 && reg <= 5));
}

bool engine_is_branch(struct engine_opcode o)
{
    if (o.map == ENGINE_MAP_0F)
        return (o.byte & 0xf0) == 0x80 || engine_is_jump(o);
    return o.map == ENGINE_MAP_1 && ((o.byte & 0xf0) == 0x70 || (o.byte >= 0xe0 && o.byte <= 0xe3) || engine_is_jump(o));
}

bool engine_has_general_registers(struct engine_opcode o)
{
    if (o.map == ENGINE_MAP_0F38)
        return o.byte == 0xf0 || o.byte == 0xf1 || o.byte == 0xf6;
    return o.map == ENGINE_MAP_1 && (o.byte == 0xc4 || o.byte == 0xc5);
}

static bool is_x87_control(struct engine_opcode o)
{
    const unsigned reg = o.modrm >> 3 & 7;
    if (o.modrm >= 0xc0)
        return (o.byte == 0xdb && reg == 4) || (o.byte == 0xdf && o.modrm == 0xe0) || (o.byte == 0xd9 && o.modrm == 0xd0);
    return (o.byte == 0xd9 && reg >= 4) || (o.byte == 0xdd && (reg == 4 || reg >= 6));
}

/* FNSTENV, FNSTCW, FNSAVE, FNSTSW, FNCLEX, FNINIT and their like */
static bool is_x87_without_wait(struct engine_opcode o)
{
    const unsigned reg = o.modrm >> 3 & 7;
    if (o.modrm >= 0xc0)
        return is_x87_control(o) && o.byte != 0xd9;
    return (o.byte == 0xd9 || o.byte == 0xdd) && reg >= 6;
}

static bool is_mmx(struct engine_opcode o)
{
    const uint8_t b = o.byte;
    if (o.map == ENGINE_MAP_0F && !o.operand_prefix && !o.rep && !o.repne)
        return (b >= 0x60 && b <= 0x6b) || b == 0x6e || b == 0x6f || (b >= 0x70 && b <= 0x77) || b == 0x7e || b == 0x7f || b == 0x2a || b == 0x2c ||
               b == 0x2d || b == 0xc4 || b == 0xc5 || (b >= 0xd1 && b != 0xd6 && b != 0xe6 && b != 0xf0 && b != 0xff);
    if (o.map == ENGINE_MAP_0F && o.operand_prefix)
        return b == 0x2c || b == 0x2d || (b == 0x2a && o.modrm >= 0xc0);
    if (o.map == ENGINE_MAP_0F)
        return b == 0xd6;
    return !o.operand_prefix && ((o.map == ENGINE_MAP_0F38 && (b <= 0x0b || (b >= 0x1c && b <= 0x1e))) || (o.map == ENGINE_MAP_0F3A && b == 0x0f));
}

uint32_t engine_fpu_word(struct engine_opcode o)
{
    if (o.map == ENGINE_MAP_1 && (o.byte & 0xf8) == 0xd8)
        return (uint32_t)ENGINE_FPU_ANY | (o.byte & 7u) << 8 | o.modrm | (is_x87_without_wait(o) ? 0u : (uint32_t)ENGINE_FPU_WAITS) |
               (is_x87_control(o) ? 0u : (uint32_t)ENGINE_FPU_NOTES_OPCODE);
    if (o.map == ENGINE_MAP_1 && o.byte == 0x9b)
        return ENGINE_FPU_ANY | ENGINE_FPU_WAITS | ENGINE_FPU_IS_WAIT;
    return is_mmx(o) ? ENGINE_FPU_ANY | ENGINE_FPU_WAITS : 0;
}

static bool moves_the_stack(struct engine_opcode o)
{
    const unsigned reg = o.modrm >> 3 & 7;
    if (o.map == ENGINE_MAP_0F)
        return o.byte == 0xa0 || o.byte == 0xa1 || o.byte == 0xa8 || o.byte == 0xa9;
    return o.map == ENGINE_MAP_1 && ((o.byte >= 0x50 && o.byte <= 0x5f) || o.byte == 0x68 || o.byte == 0x6a || o.byte == 0x8f || o.byte == 0x9c ||
                                     o.byte == 0x9d || o.byte == 0xc2 || o.byte == 0xc3 || o.byte == 0xc8 || o.byte == 0xc9 || o.byte == 0xca ||
                                     o.byte == 0xcb || o.byte == 0xcf || o.byte == 0xe8 || (o.byte == 0xff && (reg == 2 || reg == 3 || reg == 6)));
}

bool engine_reaches_stack(const struct unicorn_env *env, struct engine_opcode o, uint64_t linear)
{
    enum { NEAR = 16 };
    const unsigned mod = o.modrm >> 6, rm = o.modrm & 7, base = o.sib & 7;
    if (moves_the_stack(o) && linear + NEAR - env->regs[VMX_RSP] <= 2 * NEAR)
        return true;
    if (moves_the_stack(o) && (o.modrm == 0 || o.byte == 0xc9))
        return true;
    if (o.modrm == 0 || mod == 3 || o.fs_or_gs || (o.rex & 1) != 0)
        return false;
    return rm == 4 ? base == 4 || (base == 5 && mod != 0) : rm == 5 && mod != 0;
}

bool engine_is_field_access(struct engine_opcode o)
{
    enum { VMREAD = 0x78, VMWRITE = 0x79, REGISTER = 0xc0 };
    return o.map == ENGINE_MAP_0F && (o.byte == VMREAD || o.byte == VMWRITE) && o.modrm >= REGISTER && !o.lock && !o.rep && !o.repne &&
           !o.operand_prefix;
}

bool engine_is_transition(struct engine_opcode o)
{
    enum { GROUP_7 = 0x01, VMCALL = 0xc1, VMRESUME = 0xc3 };
    return o.map == ENGINE_MAP_0F && o.byte == GROUP_7 && o.modrm >= VMCALL && o.modrm <= VMRESUME && !o.lock && !o.rep && !o.repne &&
           !o.operand_prefix;
}
