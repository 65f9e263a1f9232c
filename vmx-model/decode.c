/* SPDX-License-Identifier: MIT */
/* Decodes one instruction: prefixes, opcode, ModRM, displacement, immediate. SDM 2, "Instruction Format". */
#include "decode.h"

#include "decode_table.h"

enum { MAX_LENGTH = 15 };

struct decoder {
    const uint8_t *next, *end;
    unsigned code_bits;
    bool operand_prefix, address_prefix, rex, vector; /* vector: VEX or EVEX */
    bool rex_w, rex_r, rex_x, rex_b;
    uint8_t mandatory; /* 0 none, 1 66H, 2 F3H, 3 F2H: the prefix that selects among opcodes */
    uint8_t segment_override;
    uint8_t opcode, modrm;
    const struct decode_row *row;
};

enum { NO_OVERRIDE = 0xff };

static bool more(const struct decoder *d, unsigned count)
{
    return (unsigned)(d->end - d->next) >= count;
}

/* The rest of the instruction is not there: within the 15 bytes that one may have, or beyond them. */
static enum vmx_decode_status out_of_bytes(unsigned size)
{
    return size >= MAX_LENGTH ? VMX_DECODE_TOO_LONG : VMX_DECODE_TRUNCATED;
}

static uint64_t take(struct decoder *d, unsigned count)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < count; i++)
        value |= (uint64_t)d->next[i] << (8 * i);
    d->next += count;
    return value;
}

static int64_t take_signed(struct decoder *d, unsigned count)
{
    const uint64_t value = take(d, count);
    switch (count) {
    case 1:
        return (int8_t)value;
    case 2:
        return (int16_t)value;
    case 4:
        return (int32_t)value;
    default:
        return (int64_t)value;
    }
}

static void segment_prefix(struct decoder *d, uint8_t segment)
{
    if (d->code_bits != 64 || segment >= VMX_FS) /* 64-bit mode ignores CS, DS, ES and SS overrides */
        d->segment_override = segment;
}

/* Takes legacy prefixes and REX; false when the bytes end before an opcode. A REX that no opcode follows at once is ignored. */
static bool take_prefixes(struct decoder *d, struct vmx_instruction *out)
{
    for (; d->next < d->end; d->next++) {
        const uint8_t byte = *d->next;
        switch (byte) {
        case 0x26:
        case 0x2e:
        case 0x36:
        case 0x3e:
            segment_prefix(d, (uint8_t)((byte >> 3) & 3));
            break;
        case 0x64:
        case 0x65:
            segment_prefix(d, (uint8_t)(byte & 7));
            break;
        case 0x66:
            d->operand_prefix = true;
            break;
        case 0x67:
            d->address_prefix = true;
            break;
        case 0xf0:
            out->lock = true;
            break;
        case 0xf2:
        case 0xf3:
            out->rep = byte == 0xf3;
            out->repne = byte == 0xf2;
            break;
        default:
            if (d->code_bits != 64 || (byte & 0xf0) != 0x40)
                return true;
            d->rex = true;
            d->rex_w = (byte & 8) != 0;
            d->rex_r = (byte & 4) != 0;
            d->rex_x = (byte & 2) != 0;
            d->rex_b = (byte & 1) != 0;
            continue;
        }
        d->rex = d->rex_w = d->rex_r = d->rex_x = d->rex_b = false;
    }
    return false;
}

/* Rows of the VEX and EVEX maps: what matters for length is ModRM and the immediate byte. */
static const struct decode_row vector_plain = {ROW_MODRM, VMX_OP_OTHER, 0};
static const struct decode_row vector_immediate = {ROW_MODRM | ROW_IMM_BYTE, VMX_OP_OTHER, 0};
static const struct decode_row vector_bare = {0, VMX_OP_OTHER, 0};

static const struct decode_row *vector_row(unsigned map, uint8_t opcode, bool evex)
{
    if (map == 3)
        return &vector_immediate;
    if (map != 1)
        return &vector_plain;
    if (opcode == 0x77 && !evex)
        return &vector_bare;
    const bool immediate = (opcode >= 0x70 && opcode <= 0x73) || opcode == 0xc2 || (opcode >= 0xc4 && opcode <= 0xc6);
    return immediate ? &vector_immediate : &vector_plain;
}

/* VEX and EVEX prefixes; the opcode byte that named them is taken. LOCK, 66H, F2H, F3H and REX must not come before them. */
static enum vmx_decode_status take_vector(struct decoder *d, const struct vmx_instruction *out, unsigned size)
{
    const unsigned payload = d->opcode == 0xc5 ? 1 : d->opcode == 0xc4 ? 2 : 3;
    if (d->operand_prefix || out->rep || out->repne || out->lock || d->rex)
        return VMX_DECODE_INVALID;
    if (!more(d, payload + 1))
        return out_of_bytes(size);
    const uint8_t first = d->next[0];
    d->vector = true;
    d->rex_r = (first & 0x80) == 0;
    unsigned map = 1;
    if (payload > 1) {
        d->rex_x = (first & 0x40) == 0;
        d->rex_b = (first & 0x20) == 0;
        d->rex_w = (d->next[1] & 0x80) != 0;
        map = payload == 2 ? first & 31u : first & 15u;
    }
    if (map < 1 || map > 3 || (payload == 3 && (d->next[1] & 4) == 0))
        return VMX_DECODE_INVALID;
    if (d->code_bits != 64)
        d->rex_r = d->rex_x = d->rex_b = d->rex_w = false;
    d->next += payload;
    d->opcode = *d->next++;
    d->row = vector_row(map, d->opcode, payload == 3);
    return VMX_DECODED;
}

static bool opens_vector(const struct decoder *d)
{
    if (d->opcode != 0xc4 && d->opcode != 0xc5 && d->opcode != 0x62)
        return false;
    return d->code_bits == 64 || (more(d, 1) && d->next[0] >= 0xc0);
}

static enum vmx_decode_status take_opcode(struct decoder *d, struct vmx_instruction *out, unsigned size)
{
    d->opcode = *d->next++;
    if (opens_vector(d))
        return take_vector(d, out, size);
    if (d->opcode != 0x0f) {
        /* With REX.B, 90H exchanges R8 with the accumulator. */
        d->row = &vmx_opcodes_one_byte[d->opcode == 0x90 && d->rex_b ? 0x91 : d->opcode];
        return VMX_DECODED;
    }
    if (!more(d, 1))
        return out_of_bytes(size);
    d->opcode = *d->next++;
    if (d->opcode != 0x38 && d->opcode != 0x3a) {
        d->row = &vmx_opcodes_0f[d->opcode];
        return VMX_DECODED;
    }
    if (!more(d, 1))
        return out_of_bytes(size);
    const bool map_38 = d->opcode == 0x38;
    d->opcode = *d->next++;
    d->row = map_38 ? vmx_opcode_0f38(d->opcode) : vmx_opcode_0f3a(d->opcode);
    return VMX_DECODED;
}

/* Follows groups to the row of the instruction itself. */
static void resolve_groups(struct decoder *d)
{
    const unsigned reg = (d->modrm >> 3) & 7u;
    for (;;) {
        const uint32_t flags = d->row->flags;
        if ((flags & ROW_BY_REG) != 0)
            d->row = &d->row->next[reg + (d->modrm >= 0xc0 ? 8u : 0u)];
        else if ((flags & ROW_BY_RM) != 0)
            d->row = &d->row->next[d->modrm & 7u];
        else if ((flags & ROW_BY_PREFIX) != 0)
            d->row = &d->row->next[d->mandatory];
        else
            return;
        if ((flags & ROW_NO64) != 0 && d->code_bits == 64) {
            static const struct decode_row invalid = {ROW_INVALID, VMX_OP_OTHER, 0};
            d->row = &invalid;
        }
    }
}

static bool moves_cr(const struct decoder *d)
{
    return d->row->op == VMX_OP_MOV_TO_CR || d->row->op == VMX_OP_MOV_FROM_CR;
}

static bool moves_dr(const struct decoder *d)
{
    return d->row->op == VMX_OP_MOV_TO_DR || d->row->op == VMX_OP_MOV_FROM_DR;
}

/* MOV to and from CR and DR ignore ModRM.mod. */
static bool register_form(const struct decoder *d)
{
    return d->modrm >= 0xc0 || moves_cr(d) || moves_dr(d);
}

/* #UD by form: mode, mandatory prefix, memory or register form, LOCK, registers that do not exist. */
static bool form_exists(const struct decoder *d, const struct vmx_instruction *out)
{
    const uint32_t flags = d->row->flags;
    const bool memory = (flags & ROW_MODRM) != 0 && !register_form(d);
    if ((flags & ROW_INVALID) != 0 || ((flags & ROW_NO64) != 0 && d->code_bits == 64) || ((flags & ROW_ONLY64) != 0 && d->code_bits != 64))
        return false;
    if ((flags & ROW_PREFIXES) != 0 && (flags & ((uint32_t)ROW_NP << d->mandatory)) == 0)
        return false;
    if (((flags & ROW_MEM) != 0 && !memory) || ((flags & ROW_REG) != 0 && memory))
        return false;
    if (out->lock && ((flags & ROW_LOCK) == 0 || !memory))
        return false;
    const unsigned reg = ((d->modrm >> 3) & 7u) + (d->rex_r ? 8u : 0u);
    if (moves_cr(d))
        return reg == 0 || (reg >= 2 && reg <= 4) || reg == 8;
    if (moves_dr(d))
        return reg < 8;
    return true;
}

static uint8_t operand_size(const struct decoder *d)
{
    const uint32_t flags = d->row->flags;
    if ((flags & ROW_BYTE) != 0)
        return 1;
    if ((flags & ROW_WORD) != 0)
        return 2;
    if (d->row->op == VMX_OP_TPAUSE || d->row->op == VMX_OP_UMWAIT)
        return d->rex_w ? 8 : 4;
    if ((flags & ROW_NATURAL) != 0)
        return d->code_bits == 64 ? 8 : 4;
    if (d->code_bits == 64) {
        if ((flags & ROW_FORCE64) != 0 || (d->rex_w && (flags & ROW_NO_W) == 0))
            return 8;
        return d->operand_prefix ? 2 : (flags & ROW_DEFAULT64) != 0 ? 8 : 4;
    }
    return (d->code_bits == 32) != d->operand_prefix ? 4 : 2;
}

static uint8_t address_size(const struct decoder *d)
{
    if (d->code_bits == 64)
        return d->address_prefix ? 4 : 8;
    return (d->code_bits == 32) != d->address_prefix ? 4 : 2;
}

static void set_sizes(const struct decoder *d, struct vmx_instruction *out)
{
    const uint32_t flags = d->row->flags;
    out->operand_size = operand_size(d);
    out->rm_size = out->operand_size;
    if ((flags & ROW_RM8) != 0)
        out->rm_size = 1;
    else if ((flags & (ROW_RM16 | ROW_MEM16)) != 0)
        out->rm_size = 2;
}

/* A byte register by number: without REX, 4 to 7 are AH, CH, DH and BH. */
static uint8_t byte_register(const struct decoder *d, unsigned number, bool *high8)
{
    *high8 = !d->rex && !d->vector && number >= 4;
    return (uint8_t)(*high8 ? number - 4 : number);
}

static unsigned modrm_16bit(const struct decoder *d, struct vmx_instruction *out)
{
    static const uint8_t bases[8] = {VMX_RBX, VMX_RBX, VMX_RBP, VMX_RBP, VMX_RSI, VMX_RDI, VMX_RBP, VMX_RBX};
    const unsigned mod = d->modrm >> 6, rm = d->modrm & 7u;
    if (mod == 0 && rm == 6)
        return 2;
    out->has_base = true;
    out->base = bases[rm];
    out->has_index = rm < 4;
    out->index = rm < 4 ? (rm & 1u) != 0 ? VMX_RDI : VMX_RSI : 0;
    return mod; /* 0, 1 or 2 bytes of displacement */
}

/* Bytes of displacement that follow; SIB is taken. */
static unsigned modrm_32bit(struct decoder *d, struct vmx_instruction *out)
{
    const unsigned mod = d->modrm >> 6;
    unsigned rm = d->modrm & 7u;
    if (rm == 4) {
        const uint8_t sib = *d->next++;
        const unsigned index = ((sib >> 3) & 7u) + (d->rex_x ? 8u : 0u);
        rm = sib & 7u;
        out->has_index = index != 4;
        out->index = (uint8_t)(index != 4 ? index : 0);
        out->scale_log2 = (uint8_t)(index != 4 ? sib >> 6 : 0);
        if (mod == 0 && rm == 5)
            return 4;
    } else if (mod == 0 && rm == 5) {
        out->rip_relative = d->code_bits == 64;
        return 4;
    }
    out->has_base = true;
    out->base = (uint8_t)(rm + (d->rex_b ? 8u : 0u));
    return mod == 0 ? 0 : mod == 1 ? 1 : 4;
}

static enum vmx_decode_status take_operands(struct decoder *d, struct vmx_instruction *out, unsigned size)
{
    const unsigned reg = ((d->modrm >> 3) & 7u) + (d->rex_r ? 8u : 0u);
    out->has_modrm = true;
    out->reg = out->operand_size == 1 ? byte_register(d, reg, &out->reg_high8) : (uint8_t)reg;
    if (register_form(d)) {
        const unsigned rm = (d->modrm & 7u) + (d->rex_b ? 8u : 0u);
        out->rm = VMX_OPERAND_REGISTER;
        out->rm_register = out->rm_size == 1 ? byte_register(d, rm, &out->rm_high8) : (uint8_t)rm;
        return VMX_DECODED;
    }
    out->rm = VMX_OPERAND_MEMORY;
    if (out->address_size != 2 && (d->modrm & 7u) == 4 && !more(d, 1))
        return out_of_bytes(size);
    const unsigned bytes = out->address_size == 2 ? modrm_16bit(d, out) : modrm_32bit(d, out);
    if (!more(d, bytes))
        return out_of_bytes(size);
    if (bytes != 0)
        out->displacement = take_signed(d, bytes);
    if (d->segment_override == NO_OVERRIDE && out->has_base && (out->base == VMX_RBP || out->base == VMX_RSP))
        out->segment = VMX_SS;
    return VMX_DECODED;
}

static enum vmx_decode_status take_immediate(struct decoder *d, struct vmx_instruction *out, unsigned size)
{
    const unsigned kind = d->row->flags & ROW_IMM_MASK;
    const unsigned z = out->operand_size == 2 ? 2 : 4;
    static const uint8_t fixed[] = {[ROW_IMM_BYTE] = 1, [ROW_IMM_BYTE_SIGNED] = 1, [ROW_IMM_WORD] = 2, [ROW_IMM_ENTER] = 3, [ROW_IMM_MOFFSET] = 0};
    const unsigned count = kind == ROW_IMM_Z         ? z
                           : kind == ROW_IMM_V       ? out->operand_size
                           : kind == ROW_IMM_FAR     ? z + 2
                           : kind == ROW_IMM_MOFFSET ? out->address_size
                                                     : fixed[kind];
    if (!more(d, count))
        return out_of_bytes(size);
    if (kind == ROW_IMM_MOFFSET) {
        out->rm = VMX_OPERAND_MEMORY;
        out->source = VMX_OPERAND_REGISTER;
        out->displacement = (int64_t)take(d, count);
        return VMX_DECODED;
    }
    if (kind == ROW_IMM_FAR) {
        out->immediate = take(d, z);
        out->immediate |= take(d, 2) << 32;
    } else if (kind == ROW_IMM_BYTE_SIGNED || kind == ROW_IMM_Z) {
        out->immediate = (uint64_t)take_signed(d, count);
    } else {
        out->immediate = take(d, count);
    }
    out->source = VMX_OPERAND_IMMEDIATE;
    return VMX_DECODED;
}

/* Operands that the opcode byte itself names. */
static void implied_operands(const struct decoder *d, struct vmx_instruction *out)
{
    const uint32_t flags = d->row->flags;
    if ((flags & ROW_OPREG) != 0) {
        const unsigned number = (d->opcode & 7u) + (d->rex_b ? 8u : 0u);
        out->rm = VMX_OPERAND_REGISTER;
        out->rm_register = out->operand_size == 1 ? byte_register(d, number, &out->rm_high8) : (uint8_t)number;
    } else if ((flags & ROW_ACC) != 0) {
        out->rm = VMX_OPERAND_REGISTER;
    }
    out->op = (enum vmx_op)d->row->op;
    out->reg_is_destination = (flags & ROW_TO_REG) != 0;
    out->segment = (flags & ROW_TO_ES) != 0 ? VMX_ES : d->segment_override == NO_OVERRIDE ? VMX_DS : d->segment_override;
}

/* What 64-bit mode and the opcode byte change beyond the tables. */
static void amend(const struct decoder *d, struct vmx_instruction *out)
{
    if (out->op == VMX_OP_IN || out->op == VMX_OP_OUT)
        out->immediate_port = (d->row->flags & ROW_IMM_MASK) == ROW_IMM_BYTE;
    if (d->row == &vmx_opcodes_one_byte[0x63] && d->code_bits == 64) { /* MOVSXD in place of ARPL */
        out->op = VMX_OP_MOVSX;
        out->reg_is_destination = true;
        out->rm_size = out->operand_size == 2 ? 2 : 4;
    }
    if (out->op == VMX_OP_CALL_FAR || out->op == VMX_OP_JMP_FAR)
        out->rm_size = (uint8_t)(out->operand_size + 2); /* offset and selector */
    if ((out->op == VMX_OP_PUSH || out->op == VMX_OP_POP || out->op == VMX_OP_XCHG) && out->rm != VMX_OPERAND_NONE)
        out->source = out->op == VMX_OP_XCHG ? VMX_OPERAND_REGISTER : VMX_OPERAND_NONE;
}

enum vmx_decode_status vmx_decode(const uint8_t *bytes, unsigned size, unsigned code_bits, struct vmx_instruction *out)
{
    static const struct vmx_instruction blank;
    if (size > MAX_LENGTH)
        size = MAX_LENGTH;
    struct decoder d = {.next = bytes, .end = bytes + size, .code_bits = code_bits, .segment_override = NO_OVERRIDE};
    *out = blank;
    if (!take_prefixes(&d, out))
        return out_of_bytes(size);
    d.mandatory = out->repne ? 3 : out->rep ? 2 : d.operand_prefix ? 1 : 0;
    enum vmx_decode_status status = take_opcode(&d, out, size);
    if (status != VMX_DECODED)
        return status;
    if ((d.row->flags & ROW_INVALID) != 0)
        return VMX_DECODE_INVALID;
    if ((d.row->flags & ROW_MODRM) != 0) {
        if (!more(&d, 1))
            return out_of_bytes(size);
        d.modrm = *d.next++;
    }
    resolve_groups(&d);
    if (!form_exists(&d, out))
        return VMX_DECODE_INVALID;
    set_sizes(&d, out);
    out->address_size = address_size(&d);
    implied_operands(&d, out);
    if ((d.row->flags & ROW_MODRM) != 0) {
        out->source = VMX_OPERAND_REGISTER;
        status = take_operands(&d, out, size);
        if (status != VMX_DECODED)
            return status;
    }
    if ((d.row->flags & ROW_IMM_MASK) != 0) {
        status = take_immediate(&d, out, size);
        if (status != VMX_DECODED)
            return status;
    }
    amend(&d, out);
    out->length = (uint8_t)(d.next - bytes);
    return VMX_DECODED;
}
