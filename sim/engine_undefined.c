/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Instructions of which processor and translator think differently. The decoder of the model knows which forms exist, the table below which of them
   belong to a feature that nothing here has. What Unicorn refuses and the processor does not is translated from code with one byte changed.
   SDM 2, "Opcode Map"; "VEX Encoding". */
#include "engine_undefined.h"

#include "../vmx-model/decode.h"

enum { LONGEST = 15, REGISTER_FORM = 0xc0, EFLAGS_VM = 1 << 17 };
enum { NO_PREFIX = 1 << 0, PREFIX_66 = 1 << 1, PREFIX_F3 = 1 << 2, PREFIX_F2 = 1 << 3, ANY_PREFIX = 15 };
enum { IN_MEMORY = 1 << 0, IN_REGISTER = 1 << 1 };

static bool needs_waitpkg(const struct sim_engine *engine)
{
    return !engine->has_waitpkg;
}

/* Unicorn takes them for other instructions. `unless` NULL: always. */
static const struct absent {
    enum engine_map map;
    uint8_t byte, reg, prefixes, forms;
    bool (*unless)(const struct sim_engine *engine);
} absent[] = {
    {ENGINE_MAP_1, 0xc6, 7, ANY_PREFIX, IN_REGISTER, NULL},             /* XABORT */
    {ENGINE_MAP_1, 0xc7, 7, ANY_PREFIX, IN_REGISTER, NULL},             /* XBEGIN */
    {ENGINE_MAP_0F, 0x01, 5, PREFIX_F3, IN_MEMORY, NULL},               /* RSTORSSP */
    {ENGINE_MAP_0F, 0xae, 4, PREFIX_F3, IN_MEMORY | IN_REGISTER, NULL}, /* PTWRITE */
    {ENGINE_MAP_0F, 0xae, 5, PREFIX_F3, IN_REGISTER, NULL},             /* INCSSP */
    {ENGINE_MAP_0F, 0xae, 6, PREFIX_F3, IN_MEMORY, NULL},               /* CLRSSBSY */
    {ENGINE_MAP_0F, 0xae, 6, PREFIX_F3, IN_REGISTER, needs_waitpkg},    /* UMONITOR */
    {ENGINE_MAP_0F, 0xae, 6, PREFIX_66 | PREFIX_F2, IN_REGISTER, NULL}, /* TPAUSE and UMWAIT, which the model executes */
};

static unsigned code_bits(const struct sim_engine *engine)
{
    const uint32_t hflags = engine->env->hflags;
    return hflags & UNICORN_HF_CS64 ? 64 : hflags & UNICORN_HF_CS32 ? 32 : 16;
}

static unsigned prefix_of(const struct engine_opcode *o)
{
    return o->repne ? PREFIX_F2 : o->rep ? PREFIX_F3 : o->operand_prefix ? PREFIX_66 : NO_PREFIX;
}

static bool is_absent(const struct sim_engine *engine, const struct engine_opcode *o)
{
    const unsigned form = o->modrm >= REGISTER_FORM ? IN_REGISTER : IN_MEMORY, reg = o->modrm >> 3 & 7;
    for (unsigned i = 0; i < sizeof absent / sizeof *absent; i++) {
        const struct absent *a = &absent[i];
        if (a->map == o->map && a->byte == o->byte && a->reg == reg && (a->prefixes & prefix_of(o)) != 0 && (a->forms & form) != 0)
            return a->unless == NULL || a->unless(engine);
    }
    return false;
}

static unsigned read_code(struct sim_engine *engine, const struct engine_at *at, uint8_t bytes[LONGEST])
{
    unsigned size = 0;
    for (uint64_t pc = at->pc; pc != at->end && size < LONGEST; pc++)
        bytes[size++] = (uint8_t)cpu_ldub_code_x86_64(engine->env, pc);
    return size;
}

/* Of the instructions with VEX those of BMI1 and BMI2 alone can be executed; Unicorn takes the others for forms without VEX. */
static bool vex_exists(const uint8_t *c, unsigned size)
{
    enum { THREE_BYTES = 0xc4, MAP = 31, L = 1 << 2, PP = 3, VVVV_SHIFT = 3, VVVV = 15, PP_66 = 1, PP_F2 = 3 };
    if (size < 5 || c[0] != THREE_BYTES || (c[2] & L) != 0)
        return false;
    const unsigned map = c[1] & MAP, pp = c[2] & PP, vvvv = c[2] >> VVVV_SHIFT & VVVV, reg = c[4] >> 3 & 7;
    if (map == 3)
        return c[3] == 0xf0 && pp == PP_F2 && vvvv == VVVV; /* RORX */
    if (map != 2)
        return false;
    switch (c[3]) {
    case 0xf2: /* ANDN */
        return pp == 0;
    case 0xf3: /* BLSR, BLSMSK, BLSI */
        return pp == 0 && reg >= 1 && reg <= 3;
    case 0xf5: /* BZHI, PEXT, PDEP */
        return pp != PP_66;
    case 0xf6: /* MULX */
        return pp == PP_F2;
    case 0xf7: /* BEXTR, SHLX, SARX, SHRX */
        return true;
    default:
        return false;
    }
}

static bool opens_vex(const struct sim_engine *engine, const struct engine_opcode *o)
{
    return o->map == ENGINE_MAP_1 && (o->byte == 0xc4 || o->byte == 0xc5) && (code_bits(engine) == 64 || o->modrm >= REGISTER_FORM);
}

/* All forms of the others exist, or Unicorn knows which. */
static bool is_in_doubt(const struct engine_opcode *o)
{
    return o->map != ENGINE_MAP_1 || o->lock || o->byte >= 0xc4 || (o->byte >= 0x8c && o->byte <= 0x8f);
}

bool engine_is_undefined(struct sim_engine *engine, const struct engine_at *at)
{
    uint8_t bytes[LONGEST];
    struct vmx_instruction instruction;
    if (!is_in_doubt(&at->opcode))
        return false;
    const unsigned size = read_code(engine, at, bytes);
    if (opens_vex(engine, &at->opcode)) {
        const bool protected_mode = (engine->env->hflags & UNICORN_HF_PE) != 0 && (engine->env->eflags & EFLAGS_VM) == 0;
        /* A prefix before VEX, too, makes the first byte another. */
        unsigned skip = 0;
        while (skip < size && bytes[skip] != 0xc4 && bytes[skip] != 0xc5)
            skip++;
        if (!protected_mode || !vex_exists(bytes + skip, size - skip))
            return true;
    }
    if (is_absent(engine, &at->opcode))
        return true;
    return vmx_decode(bytes, size, code_bits(engine), &instruction) == VMX_DECODE_INVALID;
}

/* Where the opcode byte stands: behind the escape 0F and what comes before it. */
static uint64_t opcode_address(struct sim_engine *engine, const struct engine_at *at)
{
    uint64_t pc = at->pc;
    while (pc + 1 < at->end && cpu_ldub_code_x86_64(engine->env, pc) != 0x0f)
        pc++;
    return pc + 1;
}

/* Of an instruction in which one byte has to be another. */
static bool is_changed(struct sim_engine *engine, const struct engine_at *at, uint64_t *address, uint8_t *byte)
{
    enum { LONG_NOP = 0x1f, REG = 7 << 3, PREDICATE = 7, LOCK = 0xf0, REPNE = 0xf2 };
    const struct engine_opcode *o = &at->opcode;
    const unsigned reg = o->modrm >> 3 & 7;
    uint8_t bytes[LONGEST];
    struct vmx_instruction instruction;
    if (o->map == ENGINE_MAP_0F && (o->byte == 0x0d || o->byte == 0x18) && o->modrm >= REGISTER_FORM) { /* prefetches of a register are hints too */
        *address = opcode_address(engine, at);
        *byte = LONG_NOP;
        return true;
    }
    if (o->map == ENGINE_MAP_1 && (o->byte == 0xf6 || o->byte == 0xf7) && reg == 1) { /* TEST */
        *address = at->pc + 1;
        while (cpu_ldub_code_x86_64(engine->env, *address - 1) != o->byte)
            ++*address;
        *byte = (uint8_t)(o->modrm & ~REG);
        return true;
    }
    if (o->map == ENGINE_MAP_1 && (o->byte == 0xf6 || o->byte == 0xf7) && reg == 3 && o->lock) { /* LOCK NEG: Unicorn takes flags of the old value */
        *address = at->pc;
        while (cpu_ldub_code_x86_64(engine->env, *address) != LOCK)
            ++*address;
        *byte = REPNE;
        return true;
    }
    if (o->map != ENGINE_MAP_0F || o->byte != 0xc2)
        return false;
    const unsigned size = read_code(engine, at, bytes);
    if (vmx_decode(bytes, size, code_bits(engine), &instruction) != VMX_DECODED || bytes[instruction.length - 1u] <= PREDICATE)
        return false;
    *address = at->pc + instruction.length - 1; /* CMPPS, CMPPD, CMPSS, CMPSD: bits 7:3 are ignored */
    *byte = bytes[instruction.length - 1u] & PREDICATE;
    return true;
}

static void change(struct engine_rewriting *rewriting, uint64_t offset, uint8_t byte)
{
    rewriting->changed |= (uint16_t)(1u << offset);
    rewriting->bytes[offset] = byte;
}

static bool is_rex(uint8_t byte)
{
    return (byte & 0xf0) == 0x40;
}

/* What 64-bit mode ignores becomes a prefix that stands beside it: REX what follows it, CS, DS, ES or SS behind FS or GS that one. */
static void repeat_for_void(struct sim_engine *engine, const struct engine_at *at, struct engine_rewriting *rewriting)
{
    uint8_t bytes[LONGEST], base = 0;
    const unsigned size = read_code(engine, at, bytes);
    unsigned prefixes = 0;
    while (prefixes < size && (is_rex(bytes[prefixes]) || engine_is_legacy_prefix(bytes[prefixes])))
        prefixes++;
    for (unsigned i = 0; i < prefixes; i++) {
        if (bytes[i] == 0x64 || bytes[i] == 0x65)
            base = bytes[i];
        if (base != 0 && (bytes[i] & 0xe7) == 0x26)
            change(rewriting, i, bytes[i] = base);
    }
    for (unsigned i = prefixes; i-- > 1;)
        if (is_rex(bytes[i - 1]) && !is_rex(bytes[i]))
            change(rewriting, i - 1, bytes[i - 1] = bytes[i]);
}

bool engine_is_rewritten(struct sim_engine *engine, const struct engine_at *at, struct engine_rewriting *rewriting)
{
    uint64_t address;
    uint8_t byte;
    rewriting->pc = at->pc;
    rewriting->changed = 0;
    if (at->opcode.void_prefix)
        repeat_for_void(engine, at, rewriting);
    if (is_changed(engine, at, &address, &byte))
        change(rewriting, address - at->pc, byte);
    return rewriting->changed != 0;
}
