/* SPDX-License-Identifier: MIT */
/* GDTR_IDTR and LDTR_TR: loads and stores of the system-table registers, done from the instruction information.
   SDM 2A, "LGDT/LIDT", "LLDT"; SDM 2B, "LTR", "SGDT", "SIDT", "SLDT", "STR". */
#include "../vmx-model/registers.h"
#include "handlers.h"

enum { IDENTITY_SGDT, IDENTITY_SIDT, IDENTITY_LGDT, IDENTITY_LIDT };
enum { IDENTITY_SLDT, IDENTITY_STR, IDENTITY_LLDT, IDENTITY_LTR };
enum { TYPE_LDT = 2, TYPE_TSS_16 = 1, TYPE_TSS = 9, TYPE_BUSY = 2, SELECTOR_TI = 1u << 2 };

static bool operand_linear(struct hv_vcpu *vcpu, const struct hv_exit *exit, uint32_t size, enum hv_access access, gva_t *linear,
                           struct hv_fault *fault)
{
    unsigned segment;
    const uint64_t offset = hv_operand_offset(vcpu, exit, &segment);
    return hv_segment_linear(vcpu, segment, offset, size, access, linear, fault);
}

static bool general_protection(uint32_t error_code, struct hv_fault *fault)
{
    *fault = (struct hv_fault){VMX_GP, true, error_code, 0};
    return false;
}

/* ---- GDTR and IDTR: a word of limit, then the base ---- */
static bool store_table(struct hv_vcpu *vcpu, const struct hv_exit *exit, bool idt, struct hv_fault *fault)
{
    const bool wide = hv_in_64bit_mode(vcpu), operand_16 = !wide && (exit->instruction_info & 1u << 11) == 0;
    const uint64_t base = hv_read(vcpu, idt ? VMCS_GUEST_IDTR_BASE : VMCS_GUEST_GDTR_BASE) & (operand_16 ? 0xffffffu : UINT64_MAX);
    const uint64_t limit = hv_read(vcpu, idt ? VMCS_GUEST_IDTR_LIMIT : VMCS_GUEST_GDTR_LIMIT);
    const uint32_t size = wide ? 10 : 6;
    uint8_t bytes[10] = {(uint8_t)limit, (uint8_t)(limit >> 8)};
    for (unsigned i = 0; i < 8; i++)
        bytes[2 + i] = (uint8_t)(base >> 8 * i);
    gva_t linear;
    return operand_linear(vcpu, exit, size, HV_ACCESS_WRITE, &linear, fault) && hv_linear_write(vcpu, linear, bytes, size, hv_cpl(vcpu) == 3, fault);
}

static bool load_table(struct hv_vcpu *vcpu, const struct hv_exit *exit, bool idt, struct hv_fault *fault)
{
    const bool wide = hv_in_64bit_mode(vcpu), operand_16 = !wide && (exit->instruction_info & 1u << 11) == 0;
    const uint32_t size = wide ? 10 : 6;
    uint8_t bytes[10] = {0};
    gva_t linear;
    if (!operand_linear(vcpu, exit, size, HV_ACCESS_READ, &linear, fault) || !hv_linear_read(vcpu, linear, bytes, size, HV_ACCESS_READ, false, fault))
        return false;
    uint64_t base = 0;
    for (unsigned i = 0; i < 8; i++)
        base |= (uint64_t)bytes[2 + i] << 8 * i;
    if (operand_16)
        base &= 0xffffffu;
    if (wide && !hv_is_canonical(vcpu, base))
        return general_protection(0, fault);
    hv_write(vcpu, idt ? VMCS_GUEST_IDTR_BASE : VMCS_GUEST_GDTR_BASE, base);
    hv_write(vcpu, idt ? VMCS_GUEST_IDTR_LIMIT : VMCS_GUEST_GDTR_LIMIT, (uint64_t)bytes[1] << 8 | bytes[0]);
    return true;
}

enum hv_action hv_handle_gdtr_idtr(struct hv_vcpu *vcpu, const struct hv_exit *exit)
{
    const unsigned identity = exit->instruction_info >> 28 & 3u;
    const bool idt = identity == IDENTITY_SIDT || identity == IDENTITY_LIDT;
    struct hv_fault fault;
    const bool done = identity >= IDENTITY_LGDT ? load_table(vcpu, exit, idt, &fault) : store_table(vcpu, exit, idt, &fault);
    if (done)
        hv_advance(vcpu, exit);
    else
        hv_inject_fault(vcpu, &fault);
    return HV_RESUME;
}

/* ---- LDTR and TR ---- */
enum { INFO_REGISTER = 1u << 10 };

/* A register destination takes the operand size of the instruction, memory a word. */
static bool store_selector(struct hv_vcpu *vcpu, const struct hv_exit *exit, bool tr, struct hv_fault *fault)
{
    const uint64_t selector = hv_read(vcpu, tr ? VMCS_GUEST_TR_SELECTOR : VMCS_GUEST_LDTR_SELECTOR);
    if ((exit->instruction_info & INFO_REGISTER) != 0) {
        struct vmx_instruction instruction;
        const unsigned size = hv_decode(vcpu, exit->rip, &instruction) ? instruction.operand_size : 4;
        hv_set_gpr_part(vcpu, exit->instruction_info >> 3 & 15u, size, false, selector);
        return true;
    }
    gva_t linear;
    return operand_linear(vcpu, exit, 2, HV_ACCESS_WRITE, &linear, fault) && hv_linear_write(vcpu, linear, &selector, 2, hv_cpl(vcpu) == 3, fault);
}

static bool read_selector(struct hv_vcpu *vcpu, const struct hv_exit *exit, uint16_t *selector, struct hv_fault *fault)
{
    if ((exit->instruction_info & INFO_REGISTER) != 0) {
        *selector = (uint16_t)hv_gpr(vcpu, exit->instruction_info >> 3 & 15u);
        return true;
    }
    gva_t linear;
    return operand_linear(vcpu, exit, 2, HV_ACCESS_READ, &linear, fault) && hv_linear_read(vcpu, linear, selector, 2, HV_ACCESS_READ, false, fault);
}

struct descriptor {
    uint64_t low, high;
    gva_t linear;
};

static bool read_descriptor(struct hv_vcpu *vcpu, uint16_t selector, struct descriptor *d, struct hv_fault *fault)
{
    const bool long_mode = (hv_efer(vcpu) & VMX_EFER_LMA) != 0;
    const uint32_t size = long_mode ? 16 : 8, offset = selector & 0xfff8u, error = selector & 0xfffcu;
    d->high = 0;
    if ((selector & SELECTOR_TI) != 0 || offset + size - 1 > hv_read(vcpu, VMCS_GUEST_GDTR_LIMIT))
        return general_protection(error, fault);
    d->linear = hv_read(vcpu, VMCS_GUEST_GDTR_BASE) + offset;
    return hv_linear_read(vcpu, d->linear, &d->low, 8, HV_ACCESS_READ, false, fault) &&
           (!long_mode || hv_linear_read(vcpu, d->linear + 8, &d->high, 8, HV_ACCESS_READ, false, fault));
}

static uint64_t base_of(const struct descriptor *d)
{
    return (d->low >> 16 & 0xffffffu) | (d->low >> 56) << 24 | d->high << 32;
}

static uint32_t limit_of(const struct descriptor *d)
{
    const uint32_t limit = (uint32_t)(d->low & 0xffffu) | (uint32_t)(d->low >> 48 & 0xfu) << 16;
    return (d->low >> 55 & 1u) != 0 ? limit << 12 | 0xfffu : limit;
}

static uint32_t rights_of(const struct descriptor *d)
{
    return (uint32_t)(d->low >> 40) & 0xf0ffu;
}

static bool check_type(struct hv_vcpu *vcpu, const struct descriptor *d, bool tr, uint32_t error, struct hv_fault *fault)
{
    const unsigned type = rights_of(d) & 0x1fu;
    const bool long_mode = (hv_efer(vcpu) & VMX_EFER_LMA) != 0;
    const bool good = tr ? type == TYPE_TSS || (type == TYPE_TSS_16 && !long_mode) : type == TYPE_LDT;
    if (!good || (long_mode && (d->high >> 40 & 0x1fu) != 0))
        return general_protection(error, fault);
    if ((rights_of(d) & 1u << 7) == 0) {
        *fault = (struct hv_fault){VMX_NP, true, error, 0};
        return false;
    }
    return !long_mode || hv_is_canonical(vcpu, base_of(d)) || general_protection(error, fault);
}

static bool load_ldtr(struct hv_vcpu *vcpu, uint16_t selector, struct hv_fault *fault)
{
    struct descriptor d;
    if ((selector & 0xfffcu) == 0) {
        hv_write(vcpu, VMCS_GUEST_LDTR_SELECTOR, selector);
        hv_write(vcpu, VMCS_GUEST_LDTR_AR_BYTES, VMX_AR_UNUSABLE);
        return true;
    }
    if (!read_descriptor(vcpu, selector, &d, fault) || !check_type(vcpu, &d, false, selector & 0xfffcu, fault))
        return false;
    hv_write(vcpu, VMCS_GUEST_LDTR_SELECTOR, selector);
    hv_write(vcpu, VMCS_GUEST_LDTR_BASE, base_of(&d));
    hv_write(vcpu, VMCS_GUEST_LDTR_LIMIT, limit_of(&d));
    hv_write(vcpu, VMCS_GUEST_LDTR_AR_BYTES, rights_of(&d));
    return true;
}

/* The descriptor is marked busy in memory, too. */
static bool load_tr(struct hv_vcpu *vcpu, uint16_t selector, struct hv_fault *fault)
{
    struct descriptor d;
    if ((selector & 0xfffcu) == 0)
        return general_protection(0, fault);
    if (!read_descriptor(vcpu, selector, &d, fault) || !check_type(vcpu, &d, true, selector & 0xfffcu, fault))
        return false;
    d.low |= (uint64_t)TYPE_BUSY << 40;
    if (!hv_linear_write(vcpu, d.linear, &d.low, 8, false, fault))
        return false;
    hv_write(vcpu, VMCS_GUEST_TR_SELECTOR, selector);
    hv_write(vcpu, VMCS_GUEST_TR_BASE, base_of(&d));
    hv_write(vcpu, VMCS_GUEST_TR_LIMIT, limit_of(&d));
    hv_write(vcpu, VMCS_GUEST_TR_AR_BYTES, rights_of(&d));
    return true;
}

enum hv_action hv_handle_ldtr_tr(struct hv_vcpu *vcpu, const struct hv_exit *exit)
{
    const unsigned identity = exit->instruction_info >> 28 & 3u;
    struct hv_fault fault;
    uint16_t selector;
    bool done;
    if (identity == IDENTITY_SLDT || identity == IDENTITY_STR)
        done = store_selector(vcpu, exit, identity == IDENTITY_STR, &fault);
    else
        done = read_selector(vcpu, exit, &selector, &fault) &&
               (identity == IDENTITY_LTR ? load_tr(vcpu, selector, &fault) : load_ldtr(vcpu, selector, &fault));
    if (done)
        hv_advance(vcpu, exit);
    else
        hv_inject_fault(vcpu, &fault);
    return HV_RESUME;
}
