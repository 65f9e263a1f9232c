/* SPDX-License-Identifier: MIT */
/* One instruction under the decoder: what its two halves, opcodes and operands, share. Internal. */
#ifndef VMX_DECODER_H
#define VMX_DECODER_H

#include "decode.h"
#include "decode_table.h"

enum { VMX_DECODER_MAX_LENGTH = 15 };

struct vmx_decoder {
    const uint8_t *next, *end;
    unsigned code_bits;
    bool operand_prefix, address_prefix, rex, vector; /* vector: VEX or EVEX */
    bool rex_w, rex_r, rex_x, rex_b;
    uint8_t mandatory; /* 0 none, 1 66H, 2 F3H, 3 F2H: the prefix that selects among opcodes */
    uint8_t segment_override;
    uint8_t opcode, modrm;
    const struct decode_row *row;
};

enum { VMX_DECODER_NO_OVERRIDE = 0xff };

static inline bool vmx_decoder_has(const struct vmx_decoder *d, unsigned count)
{
    return (unsigned)(d->end - d->next) >= count;
}

/* The rest of the instruction is not there: within the 15 bytes that one may have, or beyond them. */
static inline enum vmx_decode_status vmx_decoder_out_of_bytes(unsigned size)
{
    return size >= VMX_DECODER_MAX_LENGTH ? VMX_DECODE_TOO_LONG : VMX_DECODE_TRUNCATED;
}

static inline bool vmx_decoder_moves_cr(const struct vmx_decoder *d)
{
    return d->row->op == VMX_OP_MOV_TO_CR || d->row->op == VMX_OP_MOV_FROM_CR;
}

static inline bool vmx_decoder_moves_dr(const struct vmx_decoder *d)
{
    return d->row->op == VMX_OP_MOV_TO_DR || d->row->op == VMX_OP_MOV_FROM_DR;
}

/* MOV to and from CR and DR ignore ModRM.mod. */
static inline bool vmx_decoder_register_form(const struct vmx_decoder *d)
{
    return d->modrm >= 0xc0 || vmx_decoder_moves_cr(d) || vmx_decoder_moves_dr(d);
}

/* Sizes, then ModRM with displacement, immediate and the operands that the opcode implies; d->row is the instruction's own. */
enum vmx_decode_status vmx_decode_operands(struct vmx_decoder *d, struct vmx_instruction *out, unsigned size);

#endif
