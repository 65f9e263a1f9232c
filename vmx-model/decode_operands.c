/* SPDX-License-Identifier: MIT */
/* Operands of an instruction: sizes, ModRM and SIB, displacement, immediate. SDM 2, "Addressing-Mode Encoding of ModR/M and SIB Bytes". */
#include "decoder.h"

static uint64_t take(struct vmx_decoder *d, unsigned count)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < count; i++)
        value |= (uint64_t)d->next[i] << (8 * i);
    d->next += count;
    return value;
}

static int64_t take_signed(struct vmx_decoder *d, unsigned count)
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

static uint8_t operand_size(const struct vmx_decoder *d)
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

static uint8_t address_size(const struct vmx_decoder *d)
{
    if (d->code_bits == 64)
        return d->address_prefix ? 4 : 8;
    return (d->code_bits == 32) != d->address_prefix ? 4 : 2;
}

static void set_sizes(const struct vmx_decoder *d, struct vmx_instruction *out)
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
static uint8_t byte_register(const struct vmx_decoder *d, unsigned number, bool *high8)
{
    *high8 = !d->rex && !d->vector && number >= 4;
    return (uint8_t)(*high8 ? number - 4 : number);
}

static unsigned modrm_16bit(const struct vmx_decoder *d, struct vmx_instruction *out)
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
static unsigned modrm_32bit(struct vmx_decoder *d, struct vmx_instruction *out)
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

static enum vmx_decode_status take_operands(struct vmx_decoder *d, struct vmx_instruction *out, unsigned size)
{
    const unsigned reg = ((d->modrm >> 3) & 7u) + (d->rex_r ? 8u : 0u);
    out->has_modrm = true;
    out->reg = out->operand_size == 1 ? byte_register(d, reg, &out->reg_high8) : (uint8_t)reg;
    if (vmx_decoder_register_form(d)) {
        const unsigned rm = (d->modrm & 7u) + (d->rex_b ? 8u : 0u);
        out->rm = VMX_OPERAND_REGISTER;
        out->rm_register = out->rm_size == 1 ? byte_register(d, rm, &out->rm_high8) : (uint8_t)rm;
        return VMX_DECODED;
    }
    out->rm = VMX_OPERAND_MEMORY;
    if (out->address_size != 2 && (d->modrm & 7u) == 4 && !vmx_decoder_has(d, 1))
        return vmx_decoder_out_of_bytes(size);
    const unsigned bytes = out->address_size == 2 ? modrm_16bit(d, out) : modrm_32bit(d, out);
    if (!vmx_decoder_has(d, bytes))
        return vmx_decoder_out_of_bytes(size);
    if (bytes != 0)
        out->displacement = take_signed(d, bytes);
    if (d->segment_override == VMX_DECODER_NO_OVERRIDE && out->has_base && (out->base == VMX_RBP || out->base == VMX_RSP))
        out->segment = VMX_SS;
    return VMX_DECODED;
}

static enum vmx_decode_status take_immediate(struct vmx_decoder *d, struct vmx_instruction *out, unsigned size)
{
    const unsigned kind = d->row->flags & ROW_IMM_MASK;
    const unsigned z = out->operand_size == 2 ? 2 : 4;
    static const uint8_t fixed[] = {[ROW_IMM_BYTE] = 1, [ROW_IMM_BYTE_SIGNED] = 1, [ROW_IMM_WORD] = 2, [ROW_IMM_ENTER] = 3, [ROW_IMM_MOFFSET] = 0};
    const unsigned count = kind == ROW_IMM_Z         ? z
                           : kind == ROW_IMM_V       ? out->operand_size
                           : kind == ROW_IMM_FAR     ? z + 2
                           : kind == ROW_IMM_MOFFSET ? out->address_size
                                                     : fixed[kind];
    if (!vmx_decoder_has(d, count))
        return vmx_decoder_out_of_bytes(size);
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
static void implied_operands(const struct vmx_decoder *d, struct vmx_instruction *out)
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
    out->segment = (flags & ROW_TO_ES) != 0 ? VMX_ES : d->segment_override == VMX_DECODER_NO_OVERRIDE ? VMX_DS : d->segment_override;
}

/* What 64-bit mode and the opcode byte change beyond the tables. */
static void amend(const struct vmx_decoder *d, struct vmx_instruction *out)
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

enum vmx_decode_status vmx_decode_operands(struct vmx_decoder *d, struct vmx_instruction *out, unsigned size)
{
    enum vmx_decode_status status = VMX_DECODED;
    set_sizes(d, out);
    out->address_size = address_size(d);
    implied_operands(d, out);
    if ((d->row->flags & ROW_MODRM) != 0) {
        out->source = VMX_OPERAND_REGISTER;
        status = take_operands(d, out, size);
    }
    if (status == VMX_DECODED && (d->row->flags & ROW_IMM_MASK) != 0)
        status = take_immediate(d, out, size);
    if (status == VMX_DECODED)
        amend(d, out);
    return status;
}
