/* SPDX-License-Identifier: MIT */
/* Decodes one instruction: prefixes, opcode, groups, and which forms exist. SDM 2, "Instruction Format". */
#include "decoder.h"

static void segment_prefix(struct vmx_decoder *d, uint8_t segment)
{
    if (d->code_bits != 64 || segment >= VMX_FS) /* 64-bit mode ignores CS, DS, ES and SS overrides */
        d->segment_override = segment;
}

/* Takes legacy prefixes and REX; false when the bytes end before an opcode. A REX that no opcode follows at once is ignored. */
static bool take_prefixes(struct vmx_decoder *d, struct vmx_instruction *out)
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
static enum vmx_decode_status take_vector(struct vmx_decoder *d, const struct vmx_instruction *out, unsigned size)
{
    const unsigned payload = d->opcode == 0xc5 ? 1 : d->opcode == 0xc4 ? 2 : 3;
    if (d->operand_prefix || out->rep || out->repne || out->lock || d->rex)
        return VMX_DECODE_INVALID;
    if (!vmx_decoder_has(d, payload + 1))
        return vmx_decoder_out_of_bytes(size);
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

static bool opens_vector(const struct vmx_decoder *d)
{
    if (d->opcode != 0xc4 && d->opcode != 0xc5 && d->opcode != 0x62)
        return false;
    return d->code_bits == 64 || (vmx_decoder_has(d, 1) && d->next[0] >= 0xc0);
}

static enum vmx_decode_status take_opcode(struct vmx_decoder *d, struct vmx_instruction *out, unsigned size)
{
    d->opcode = *d->next++;
    if (opens_vector(d))
        return take_vector(d, out, size);
    if (d->opcode != 0x0f) {
        /* With REX.B, 90H exchanges R8 with the accumulator. */
        d->row = &vmx_opcodes_one_byte[d->opcode == 0x90 && d->rex_b ? 0x91 : d->opcode];
        return VMX_DECODED;
    }
    if (!vmx_decoder_has(d, 1))
        return vmx_decoder_out_of_bytes(size);
    d->opcode = *d->next++;
    if (d->opcode != 0x38 && d->opcode != 0x3a) {
        d->row = &vmx_opcodes_0f[d->opcode];
        return VMX_DECODED;
    }
    if (!vmx_decoder_has(d, 1))
        return vmx_decoder_out_of_bytes(size);
    const bool map_38 = d->opcode == 0x38;
    d->opcode = *d->next++;
    d->row = map_38 ? vmx_opcode_0f38(d->opcode) : vmx_opcode_0f3a(d->opcode);
    return VMX_DECODED;
}

/* Follows groups to the row of the instruction itself. */
static void resolve_groups(struct vmx_decoder *d)
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

/* #UD by form: mode, mandatory prefix, memory or register form, LOCK, registers that do not exist. */
static bool form_exists(const struct vmx_decoder *d, const struct vmx_instruction *out)
{
    const uint32_t flags = d->row->flags;
    const bool memory = (flags & ROW_MODRM) != 0 && !vmx_decoder_register_form(d);
    if ((flags & ROW_INVALID) != 0 || ((flags & ROW_NO64) != 0 && d->code_bits == 64) || ((flags & ROW_ONLY64) != 0 && d->code_bits != 64))
        return false;
    if ((flags & ROW_PREFIXES) != 0 && (flags & ((uint32_t)ROW_NP << d->mandatory)) == 0)
        return false;
    if (((flags & ROW_MEM) != 0 && !memory) || ((flags & ROW_REG) != 0 && memory))
        return false;
    if (out->lock && ((flags & ROW_LOCK) == 0 || !memory))
        return false;
    const unsigned reg = ((d->modrm >> 3) & 7u) + (d->rex_r ? 8u : 0u);
    if (vmx_decoder_moves_cr(d))
        return reg == 0 || (reg >= 2 && reg <= 4) || reg == 8;
    if (vmx_decoder_moves_dr(d))
        return reg < 8;
    return true;
}

enum vmx_decode_status vmx_decode(const uint8_t *bytes, unsigned size, unsigned code_bits, struct vmx_instruction *out)
{
    static const struct vmx_instruction blank;
    if (size > VMX_DECODER_MAX_LENGTH)
        size = VMX_DECODER_MAX_LENGTH;
    struct vmx_decoder d = {.next = bytes, .end = bytes + size, .code_bits = code_bits, .segment_override = VMX_DECODER_NO_OVERRIDE};
    *out = blank;
    if (!take_prefixes(&d, out))
        return vmx_decoder_out_of_bytes(size);
    d.mandatory = out->repne ? 3 : out->rep ? 2 : d.operand_prefix ? 1 : 0;
    enum vmx_decode_status status = take_opcode(&d, out, size);
    if (status != VMX_DECODED)
        return status;
    if ((d.row->flags & ROW_INVALID) != 0)
        return VMX_DECODE_INVALID;
    if ((d.row->flags & ROW_MODRM) != 0) {
        if (!vmx_decoder_has(&d, 1))
            return vmx_decoder_out_of_bytes(size);
        d.modrm = *d.next++;
    }
    resolve_groups(&d);
    if (!form_exists(&d, out))
        return VMX_DECODE_INVALID;
    status = vmx_decode_operands(&d, out, size);
    if (status != VMX_DECODED)
        return status;
    out->length = (uint8_t)(d.next - bytes);
    return VMX_DECODED;
}
