/* SPDX-License-Identifier: MIT */
/* Addresses of operands and the VM-exit instruction-information field. SDM 3C, "Information for VM Exits Due to Instruction Execution". */
#include "cpu.h"
#include "decode.h"

unsigned vmx_code_bits(const struct vmx_state *s)
{
    if (vmx_in_64bit_mode(s))
        return 64;
    return (s->seg[VMX_CS].access_rights & (1u << 14)) != 0 ? 32 : 16;
}

uint64_t vmx_effective_address(const struct vmx_state *s, const struct vmx_instruction *i)
{
    uint64_t address = (uint64_t)i->displacement;
    if (i->rip_relative)
        address += s->rip + i->length;
    if (i->has_base)
        address += s->gpr[i->base];
    if (i->has_index)
        address += s->gpr[i->index] << i->scale_log2;
    if (i->address_size == 2)
        return address & 0xffff;
    return i->address_size == 4 ? address & 0xffffffff : address;
}

gva_t vmx_operand_linear(const struct vmx_state *s, const struct vmx_instruction *i)
{
    const uint64_t offset = vmx_effective_address(s, i);
    if (!vmx_in_64bit_mode(s))
        return (s->seg[i->segment].base + offset) & 0xffffffff;
    return i->segment >= VMX_FS ? s->seg[i->segment].base + offset : offset;
}

/* The layouts of the field, by the letters of the tables of the SDM in their order there. */
enum layout {
    LAYOUT_NONE,
    LAYOUT_INS,        /* INS and OUTS */
    LAYOUT_INVALIDATE, /* INVEPT, INVPCID, INVVPID */
    LAYOUT_TABLE,      /* LGDT, LIDT, SGDT, SIDT */
    LAYOUT_SEGMENT,    /* LLDT, LTR, SLDT, STR */
    LAYOUT_RANDOM,     /* RDRAND, RDSEED, TPAUSE, UMWAIT */
    LAYOUT_MEMORY,     /* VMCLEAR, VMPTRLD, VMPTRST, VMXON, XRSTORS, XSAVES */
    LAYOUT_VMREAD,     /* VMREAD, VMWRITE */
    LAYOUT_LOADIWKEY
};

static const uint8_t layouts[VMX_OP_COUNT] = {
    [VMX_OP_INS] = LAYOUT_INS,
    [VMX_OP_OUTS] = LAYOUT_INS,
    [VMX_OP_INVEPT] = LAYOUT_INVALIDATE,
    [VMX_OP_INVPCID] = LAYOUT_INVALIDATE,
    [VMX_OP_INVVPID] = LAYOUT_INVALIDATE,
    [VMX_OP_LGDT] = LAYOUT_TABLE,
    [VMX_OP_LIDT] = LAYOUT_TABLE,
    [VMX_OP_SGDT] = LAYOUT_TABLE,
    [VMX_OP_SIDT] = LAYOUT_TABLE,
    [VMX_OP_LLDT] = LAYOUT_SEGMENT,
    [VMX_OP_LTR] = LAYOUT_SEGMENT,
    [VMX_OP_SLDT] = LAYOUT_SEGMENT,
    [VMX_OP_STR] = LAYOUT_SEGMENT,
    [VMX_OP_RDRAND] = LAYOUT_RANDOM,
    [VMX_OP_RDSEED] = LAYOUT_RANDOM,
    [VMX_OP_TPAUSE] = LAYOUT_RANDOM,
    [VMX_OP_UMWAIT] = LAYOUT_RANDOM,
    [VMX_OP_VMCLEAR] = LAYOUT_MEMORY,
    [VMX_OP_VMPTRLD] = LAYOUT_MEMORY,
    [VMX_OP_VMPTRST] = LAYOUT_MEMORY,
    [VMX_OP_VMXON] = LAYOUT_MEMORY,
    [VMX_OP_XRSTORS] = LAYOUT_MEMORY,
    [VMX_OP_XSAVES] = LAYOUT_MEMORY,
    [VMX_OP_VMREAD] = LAYOUT_VMREAD,
    [VMX_OP_VMWRITE] = LAYOUT_VMREAD,
    [VMX_OP_LOADIWKEY] = LAYOUT_LOADIWKEY,
};

enum {
    INFO_SCALING = 3u,
    INFO_REG1 = 15u << 3,
    INFO_ADDRESS_SIZE = 7u << 7,
    INFO_REGISTER_FORM = 1u << 10,
    INFO_TABLE_OPERAND_SIZE = 1u << 11,
    INFO_RANDOM_OPERAND_SIZE = 3u << 11,
    INFO_SEGMENT = 7u << 15,
    INFO_INDEX = 15u << 18,
    INFO_INDEX_INVALID = 1u << 22,
    INFO_BASE = 15u << 23,
    INFO_BASE_INVALID = 1u << 27,
    INFO_IDENTITY = 3u << 28
};
#define INFO_REG2 (15u << 28)

/* log2 of a size of 2, 4 or 8 bytes, less 1: 0, 1, 2. */
static uint32_t size_code(uint8_t bytes)
{
    return bytes == 8 ? 2 : bytes == 4 ? 1 : 0;
}

static uint32_t memory_info(const struct vmx_instruction *i)
{
    uint32_t info = size_code(i->address_size) << 7 | (uint32_t)i->segment << 15;
    info |= i->has_index ? (uint32_t)i->index << 18 | i->scale_log2 : (uint32_t)INFO_INDEX_INVALID;
    info |= i->has_base ? (uint32_t)i->base << 23 : (uint32_t)INFO_BASE_INVALID;
    return info;
}

static uint32_t memory_mask(const struct vmx_instruction *i)
{
    uint32_t mask = INFO_ADDRESS_SIZE | INFO_SEGMENT | INFO_INDEX_INVALID | INFO_BASE_INVALID;
    if (i->has_index)
        mask |= INFO_INDEX | INFO_SCALING;
    if (i->has_base)
        mask |= INFO_BASE;
    return mask;
}

static uint32_t operand_info(const struct vmx_instruction *i)
{
    return i->rm == VMX_OPERAND_REGISTER ? (uint32_t)i->rm_register << 3 | INFO_REGISTER_FORM : memory_info(i);
}

static uint32_t operand_mask(const struct vmx_instruction *i)
{
    return INFO_REGISTER_FORM | (i->rm == VMX_OPERAND_REGISTER ? (uint32_t)INFO_REG1 : memory_mask(i));
}

static uint32_t identity(enum vmx_op op)
{
    switch ((int)op) {
    case VMX_OP_SIDT:
    case VMX_OP_STR:
        return 1u << 28;
    case VMX_OP_LGDT:
    case VMX_OP_LLDT:
        return 2u << 28;
    case VMX_OP_LIDT:
    case VMX_OP_LTR:
        return 3u << 28;
    }
    return 0;
}

uint32_t vmx_instruction_information(const struct vmx_instruction *i, unsigned code_bits)
{
    switch ((enum layout)layouts[i->op]) {
    case LAYOUT_NONE:
        return 0;
    case LAYOUT_INS:
        return size_code(i->address_size) << 7 | (i->op == VMX_OP_OUTS ? (uint32_t)i->segment << 15 : 0);
    case LAYOUT_INVALIDATE:
        return memory_info(i) | (uint32_t)i->reg << 28;
    case LAYOUT_TABLE:
        return memory_info(i) | identity(i->op) | (code_bits != 64 && i->operand_size == 4 ? (uint32_t)INFO_TABLE_OPERAND_SIZE : 0);
    case LAYOUT_SEGMENT:
        return operand_info(i) | identity(i->op);
    case LAYOUT_RANDOM:
        return (uint32_t)i->rm_register << 3 | size_code(i->operand_size) << 11;
    case LAYOUT_MEMORY:
        return memory_info(i);
    case LAYOUT_VMREAD:
        return operand_info(i) | (uint32_t)i->reg << 28;
    case LAYOUT_LOADIWKEY:
        return (uint32_t)i->reg << 3 | (uint32_t)i->rm_register << 28;
    }
    return 0;
}

uint32_t vmx_instruction_information_mask(const struct vmx_instruction *i, unsigned code_bits)
{
    switch ((enum layout)layouts[i->op]) {
    case LAYOUT_NONE:
        return 0;
    case LAYOUT_INS:
        return INFO_ADDRESS_SIZE | (i->op == VMX_OP_OUTS ? (uint32_t)INFO_SEGMENT : 0);
    case LAYOUT_INVALIDATE:
        return memory_mask(i) | INFO_REGISTER_FORM | INFO_REG2;
    case LAYOUT_TABLE:
        return memory_mask(i) | INFO_REGISTER_FORM | INFO_IDENTITY | (code_bits != 64 ? (uint32_t)INFO_TABLE_OPERAND_SIZE : 0);
    case LAYOUT_SEGMENT:
        return operand_mask(i) | INFO_IDENTITY;
    case LAYOUT_RANDOM:
        return INFO_REG1 | INFO_RANDOM_OPERAND_SIZE;
    case LAYOUT_MEMORY:
        return memory_mask(i) | INFO_REGISTER_FORM;
    case LAYOUT_VMREAD:
        return operand_mask(i) | INFO_REG2;
    case LAYOUT_LOADIWKEY:
        return INFO_REG1 | INFO_REG2;
    }
    return 0;
}
