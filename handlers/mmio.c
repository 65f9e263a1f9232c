/* SPDX-License-Identifier: MIT */
/* Instructions whose memory operand is a device register: moves, string moves and simple arithmetic, decoded and done here.
   SDM 2, "Instruction Set Reference". */
#include "../vmx-model/registers.h"
#include "device_access.h"
#include "handlers.h"

enum { ELEMENTS_AT_ONCE = 4096 };

enum result { DONE, AGAIN /* a REP that goes on */, FAULTED /* an exception is injected */, UNKNOWN };

static uint64_t cut(uint64_t value, unsigned size)
{
    return size >= 8 ? value : value & ((UINT64_C(1) << 8 * size) - 1);
}

static uint64_t sign_extend(uint64_t value, unsigned size)
{
    const unsigned shift = 64 - 8 * size;
    return (uint64_t)((int64_t)(value << shift) >> shift);
}

bool hv_decode(struct hv_vcpu *vcpu, uint64_t rip, struct vmx_instruction *instruction)
{
    uint8_t bytes[15];
    const unsigned size = hv_fetch(vcpu, rip, bytes);
    const unsigned bits = hv_in_64bit_mode(vcpu) ? 64 : (hv_read(vcpu, VMCS_GUEST_CS_AR_BYTES) & VMX_AR_DB) != 0 ? 32 : 16;
    return vmx_decode(bytes, size, bits, instruction) == VMX_DECODED;
}

/* ---- the memory operand ---- */
struct access {
    struct hv_vcpu *vcpu;
    const struct vmx_instruction *i;
    gva_t linear;
    bool user;
    struct hv_fault fault;
};

static uint64_t address_mask(const struct vmx_instruction *i)
{
    return i->address_size == 8 ? UINT64_MAX : (UINT64_C(1) << 8 * i->address_size) - 1;
}

uint64_t hv_memory_offset(struct hv_vcpu *vcpu, const struct vmx_instruction *i, uint64_t next_rip)
{
    uint64_t offset = (uint64_t)i->displacement;
    if (i->has_base)
        offset += hv_gpr(vcpu, i->base);
    if (i->has_index)
        offset += hv_gpr(vcpu, i->index) << i->scale_log2;
    if (i->rip_relative)
        offset += next_rip;
    return offset & address_mask(i);
}

static bool load(struct access *a, unsigned size, uint64_t *value)
{
    *value = 0;
    return hv_linear_read(a->vcpu, a->linear, value, size, HV_ACCESS_READ, a->user, &a->fault);
}

static bool store(struct access *a, unsigned size, uint64_t value)
{
    return hv_linear_write(a->vcpu, a->linear, &value, size, a->user, &a->fault);
}

static uint64_t reg_value(struct access *a, unsigned size)
{
    return cut(hv_gpr(a->vcpu, a->i->reg) >> (a->i->reg_high8 ? 8 : 0), size);
}

static uint64_t source_value(struct access *a, unsigned size)
{
    return a->i->source == VMX_OPERAND_IMMEDIATE ? cut(a->i->immediate, size) : reg_value(a, size);
}

/* ---- arithmetic ---- */
static uint64_t second_operand(struct access *a, unsigned size)
{
    const enum vmx_op op = a->i->op;
    return op == VMX_OP_INC || op == VMX_OP_DEC ? 1 : op == VMX_OP_NOT || op == VMX_OP_NEG ? 0 : source_value(a, size);
}

static enum result arithmetic(struct access *a)
{
    const unsigned size = a->i->operand_size;
    const enum vmx_op op = a->i->op;
    uint64_t memory, rflags = hv_read(a->vcpu, VMCS_GUEST_RFLAGS);
    if (!load(a, size, &memory))
        return FAULTED;
    const uint64_t other = second_operand(a, size);
    const bool to_register = a->i->reg_is_destination && a->i->source == VMX_OPERAND_REGISTER;
    const uint64_t r = to_register ? hv_calculate(op, other, memory, size, &rflags) : hv_calculate(op, memory, other, size, &rflags);
    if (!hv_only_compares(op)) {
        if (to_register)
            hv_set_gpr_part(a->vcpu, a->i->reg, size, a->i->reg_high8, r);
        else if (!store(a, size, r))
            return FAULTED;
    }
    if (op == VMX_OP_XADD)
        hv_set_gpr_part(a->vcpu, a->i->reg, size, a->i->reg_high8, memory);
    hv_write(a->vcpu, VMCS_GUEST_RFLAGS, rflags);
    return DONE;
}

/* Memory is written whether the comparison holds or not. */
static enum result compare_exchange(struct access *a)
{
    const unsigned size = a->i->operand_size;
    const uint64_t accumulator = cut(hv_gpr(a->vcpu, VMX_RAX), size);
    uint64_t memory, rflags = hv_read(a->vcpu, VMCS_GUEST_RFLAGS);
    if (!load(a, size, &memory))
        return FAULTED;
    (void)hv_calculate(VMX_OP_CMP, accumulator, memory, size, &rflags);
    if (!store(a, size, accumulator == memory ? reg_value(a, size) : memory))
        return FAULTED;
    if (accumulator != memory)
        hv_set_gpr_part(a->vcpu, VMX_RAX, size, false, memory);
    hv_write(a->vcpu, VMCS_GUEST_RFLAGS, rflags);
    return DONE;
}

/* A bit number in a register reaches beyond the operand, up and down. */
static uint64_t bit_displacement(struct access *a)
{
    const struct vmx_instruction *i = a->i;
    const bool bits = i->op == VMX_OP_BT || i->op == VMX_OP_BTS || i->op == VMX_OP_BTR || i->op == VMX_OP_BTC;
    if (!bits || i->source != VMX_OPERAND_REGISTER)
        return 0;
    const int64_t number = (int64_t)sign_extend(hv_gpr(a->vcpu, i->reg), i->operand_size), width = 8 * i->operand_size;
    const int64_t units = number >= 0 ? number / width : -((width - 1 - number) / width);
    return (uint64_t)(units * i->operand_size);
}

/* ---- moves ---- */
static enum result move(struct access *a)
{
    const struct vmx_instruction *i = a->i;
    uint64_t value;
    if (!i->reg_is_destination)
        return store(a, i->operand_size, source_value(a, i->operand_size)) ? DONE : FAULTED;
    if (!load(a, i->operand_size, &value))
        return FAULTED;
    hv_set_gpr_part(a->vcpu, i->reg, i->operand_size, i->reg_high8, value);
    return DONE;
}

static enum result move_extended(struct access *a)
{
    const struct vmx_instruction *i = a->i;
    uint64_t value;
    if (!load(a, i->rm_size, &value))
        return FAULTED;
    if (i->op == VMX_OP_MOVSX)
        value = sign_extend(value, i->rm_size);
    hv_set_gpr_part(a->vcpu, i->reg, i->operand_size, false, value);
    return DONE;
}

static enum result exchange(struct access *a)
{
    const unsigned size = a->i->operand_size;
    uint64_t memory;
    if (!load(a, size, &memory) || !store(a, size, reg_value(a, size)))
        return FAULTED;
    hv_set_gpr_part(a->vcpu, a->i->reg, size, a->i->reg_high8, memory);
    return DONE;
}

/* ---- string moves ---- */
static bool string_linear(struct access *a, unsigned segment, enum vmx_gpr pointer, enum hv_access kind)
{
    const uint64_t offset = hv_gpr(a->vcpu, pointer) & address_mask(a->i);
    return hv_segment_linear(a->vcpu, segment, offset, a->i->operand_size, kind, &a->linear, &a->fault);
}

static void step(struct access *a, enum vmx_gpr pointer, uint64_t by)
{
    hv_set_gpr_part(a->vcpu, pointer, a->i->address_size, false, hv_gpr(a->vcpu, pointer) + by);
}

static bool string_element(struct access *a, uint64_t by)
{
    const struct vmx_instruction *i = a->i;
    uint64_t value = hv_gpr(a->vcpu, VMX_RAX);
    const bool reads = i->op != VMX_OP_STOS, writes = i->op != VMX_OP_LODS;
    if (reads && (!string_linear(a, i->segment, VMX_RSI, HV_ACCESS_READ) || !load(a, i->operand_size, &value)))
        return false;
    if (writes && (!string_linear(a, VMX_ES, VMX_RDI, HV_ACCESS_WRITE) || !store(a, i->operand_size, value)))
        return false;
    if (!writes)
        hv_set_gpr_part(a->vcpu, VMX_RAX, i->operand_size, false, value);
    if (reads)
        step(a, VMX_RSI, by);
    if (writes)
        step(a, VMX_RDI, by);
    return true;
}

static enum result string_move(struct access *a)
{
    const struct vmx_instruction *i = a->i;
    const bool rep = i->rep || i->repne;
    const uint64_t by = (hv_read(a->vcpu, VMCS_GUEST_RFLAGS) & VMX_RFLAGS_DF) != 0 ? 0 - (uint64_t)i->operand_size : i->operand_size;
    for (unsigned done = 0; done < ELEMENTS_AT_ONCE; done++) {
        const uint64_t count = hv_gpr(a->vcpu, VMX_RCX) & address_mask(i);
        if (rep && count == 0)
            return DONE;
        if (!string_element(a, by))
            return FAULTED;
        if (!rep)
            return DONE;
        hv_set_gpr_part(a->vcpu, VMX_RCX, i->address_size, false, count - 1);
    }
    return AGAIN;
}

/* ---- one instruction ---- */
static enum result emulate(struct access *a, uint64_t next_rip)
{
    const struct vmx_instruction *i = a->i;
    if (i->op == VMX_OP_MOVS || i->op == VMX_OP_STOS || i->op == VMX_OP_LODS)
        return string_move(a);
    if (i->rm != VMX_OPERAND_MEMORY)
        return UNKNOWN;
    const uint64_t offset = (hv_memory_offset(a->vcpu, i, next_rip) + bit_displacement(a)) & address_mask(i);
    const enum hv_access kind = i->reg_is_destination || hv_only_compares(i->op) ? HV_ACCESS_READ : HV_ACCESS_WRITE;
    if (!hv_segment_linear(a->vcpu, i->segment, offset, i->rm_size, kind, &a->linear, &a->fault))
        return FAULTED;
    if (i->op == VMX_OP_MOV)
        return move(a);
    if (i->op == VMX_OP_MOVZX || i->op == VMX_OP_MOVSX)
        return move_extended(a);
    if (i->op == VMX_OP_XCHG)
        return exchange(a);
    if (i->op == VMX_OP_CMPXCHG)
        return compare_exchange(a);
    if (hv_can_calculate(i->op))
        return arithmetic(a);
    return UNKNOWN; /* Not modelled: PUSH, POP and others; the caller stops the guest */
}

enum hv_action hv_emulate_instruction(struct hv_vcpu *vcpu, const struct hv_exit *exit)
{
    struct vmx_instruction instruction;
    if (!hv_decode(vcpu, exit->rip, &instruction))
        return hv_stop(vcpu, "the instruction at RIP %lx, which touches %lx, cannot be decoded", exit->rip, exit->guest_physical);
    struct access a = {.vcpu = vcpu, .i = &instruction, .user = hv_cpl(vcpu) == 3};
    struct hv_exit completed = *exit;
    completed.length = instruction.length;
    switch (emulate(&a, exit->rip + instruction.length)) {
    case DONE:
        hv_change_control(vcpu, VMCS_GUEST_RFLAGS, 1u << 16, false); /* RF, which the exit saved as 1 */
        hv_advance(vcpu, &completed);
        return hv_power(vcpu);
    case AGAIN:
        return hv_power(vcpu);
    case FAULTED:
        hv_inject_fault(vcpu, &a.fault);
        return HV_RESUME;
    case UNKNOWN:
        break;
    }
    return hv_stop(vcpu, "no emulation for the instruction at RIP %lx, which touches %lx", exit->rip, exit->guest_physical);
}

enum hv_action hv_emulate_mmio(struct hv_vcpu *vcpu, const struct hv_exit *exit)
{
    const bool known = exit->reason == VMX_EXIT_EPT_VIOLATION;
    if (exit->vectoring.valid)
        return hv_stop(vcpu, "event delivery touches %lx, where no memory is, RIP %lx", exit->guest_physical, exit->rip);
    if (known && exit->ept.fetch)
        return hv_stop(vcpu, "instruction fetch at %lx, where no memory is, RIP %lx", exit->guest_physical, exit->rip);
    if (known && !exit->ept.translation)
        return hv_stop(vcpu, "a paging structure at %lx, where no memory is, RIP %lx", exit->guest_physical, exit->rip);
    return hv_emulate_instruction(vcpu, exit);
}
