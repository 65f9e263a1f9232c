/* SPDX-License-Identifier: MIT */
/* CR_ACCESS: MOV to and from control registers, CLTS, LMSW behind masks and shadows; EFER.LMA and the "IA-32e mode guest" control
   follow CR0.PG; PAE paging loads its PDPTEs. SDM 3A, "Control Registers"; SDM 3C, "Changes to Instruction Behavior in VMX Non-Root Operation". */
#include "../vmx-model/registers.h"
#include "apic.h"
#include "handlers.h"

static const uint64_t cr3_no_flush = UINT64_C(1) << 63;

enum change { CHANGED, REFUSED /* #GP(0) */, IMPOSSIBLE /* the processor cannot run the guest so */ };

/* ---- paging ---- */
static bool pae_paging(uint64_t cr0, uint64_t cr4, uint64_t efer)
{
    return (cr0 & VMX_CR0_PG) != 0 && (cr4 & VMX_CR4_PAE) != 0 && (efer & VMX_EFER_LMA) == 0;
}

bool hv_load_pdptes(struct hv_vcpu *vcpu, uint64_t cr3)
{
    static const enum vmcs_field fields[4] = {VMCS_GUEST_PDPTR0, VMCS_GUEST_PDPTR1, VMCS_GUEST_PDPTR2, VMCS_GUEST_PDPTR3};
    uint64_t pdpte[4];
    if (!hv_guest_read(vcpu->vm, cr3 & 0xffffffe0u, pdpte, sizeof(pdpte)))
        return false;
    const uint64_t reserved = UINT64_C(0x1e6) | ~((UINT64_C(1) << hv_physical_bits(vcpu)) - 1);
    for (unsigned i = 0; i < 4; i++)
        if ((pdpte[i] & 1u) != 0 && (pdpte[i] & reserved) != 0)
            return false;
    if (hv_secondary_control(vcpu, VMX_SEC_ENABLE_EPT))
        for (unsigned i = 0; i < 4; i++)
            hv_write(vcpu, fields[i], pdpte[i]);
    return true;
}

/* ---- CR0 ---- */
static bool cr0_value_ok(uint64_t value, uint64_t cr4)
{
    if (value >> 32 != 0)
        return false;
    if ((value & VMX_CR0_PG) != 0 && (value & VMX_CR0_PE) == 0)
        return false;
    if ((value & VMX_CR0_NW) != 0 && (value & VMX_CR0_CD) == 0)
        return false;
    return (value & VMX_CR0_PG) != 0 || (cr4 & VMX_CR4_PCIDE) == 0;
}

/* PG 0 to 1 with EFER.LME enters IA-32e mode, PG 1 to 0 leaves it. */
static bool switch_long_mode(struct hv_vcpu *vcpu, bool paging, uint64_t cr4, uint64_t *efer)
{
    const bool code_is_64bit = (hv_read(vcpu, VMCS_GUEST_CS_AR_BYTES) & VMX_AR_L) != 0;
    if (paging) {
        enum { TR_TYPE = 0xf, BUSY_TSS_16 = 3 };
        if ((*efer & VMX_EFER_LME) == 0)
            return true;
        if ((cr4 & VMX_CR4_PAE) == 0 || code_is_64bit || (hv_read(vcpu, VMCS_GUEST_TR_AR_BYTES) & TR_TYPE) == BUSY_TSS_16)
            return false;
        *efer |= VMX_EFER_LMA;
    } else {
        if ((*efer & VMX_EFER_LMA) != 0 && code_is_64bit)
            return false;
        *efer &= ~(uint64_t)VMX_EFER_LMA;
    }
    return true;
}

/* Bits that VMX operation fixes to 1 stay 1 beneath the shadow; an unrestricted guest owns PE and PG. */
static uint64_t cr0_for_processor(struct hv_vcpu *vcpu, uint64_t value)
{
    return value | (bk_capability(vcpu->vm->machine, VMX_MSR_VMX_CR0_FIXED0) & ~(VMX_CR0_PG | VMX_CR0_PE));
}

static enum change set_cr0(struct hv_vcpu *vcpu, uint64_t value)
{
    const uint64_t old = hv_visible_cr0(vcpu), cr4 = hv_visible_cr4(vcpu), old_efer = hv_efer(vcpu);
    uint64_t efer = old_efer;
    value |= VMX_CR0_ET;
    if (!cr0_value_ok(value, cr4))
        return REFUSED;
    if (((value ^ old) & VMX_CR0_PG) != 0 && !switch_long_mode(vcpu, (value & VMX_CR0_PG) != 0, cr4, &efer))
        return REFUSED;
    if ((value & (VMX_CR0_PE | VMX_CR0_PG)) != (VMX_CR0_PE | VMX_CR0_PG) && !hv_secondary_control(vcpu, VMX_SEC_UNRESTRICTED_GUEST))
        return IMPOSSIBLE;
    if (((value ^ old) & (VMX_CR0_PG | VMX_CR0_CD | VMX_CR0_NW)) != 0 && pae_paging(value, cr4, efer) &&
        !hv_load_pdptes(vcpu, hv_read(vcpu, VMCS_GUEST_CR3)))
        return REFUSED;
    if (efer != old_efer)
        hv_set_efer(vcpu, efer);
    hv_write(vcpu, VMCS_GUEST_CR0, cr0_for_processor(vcpu, value));
    hv_write(vcpu, VMCS_CR0_READ_SHADOW, value);
    if (((value ^ old) & (VMX_CR0_PG | VMX_CR0_PE | VMX_CR0_WP)) != 0)
        hv_flush_linear(vcpu, false);
    return CHANGED;
}

/* ---- CR3 ---- */
static enum change set_cr3(struct hv_vcpu *vcpu, uint64_t value)
{
    const uint64_t cr4 = hv_visible_cr4(vcpu), efer = hv_efer(vcpu);
    const bool keep = (cr4 & VMX_CR4_PCIDE) != 0 && (value & cr3_no_flush) != 0;
    if ((cr4 & VMX_CR4_PCIDE) != 0)
        value &= ~cr3_no_flush;
    if ((efer & VMX_EFER_LMA) != 0 && value >> hv_physical_bits(vcpu) != 0)
        return REFUSED;
    if (pae_paging(hv_visible_cr0(vcpu), cr4, efer) && !hv_load_pdptes(vcpu, value))
        return REFUSED;
    hv_write(vcpu, VMCS_GUEST_CR3, value);
    if (!keep)
        hv_flush_linear(vcpu, true);
    return CHANGED;
}

/* ---- CR4 ---- */
static bool cr4_value_ok(struct hv_vcpu *vcpu, uint64_t value, uint64_t old)
{
    const uint64_t offered = bk_capability(vcpu->vm->machine, VMX_MSR_VMX_CR4_FIXED1) & ~(uint64_t)(VMX_CR4_VMXE | VMX_CR4_SMXE | VMX_CR4_CET);
    const bool long_mode = (hv_efer(vcpu) & VMX_EFER_LMA) != 0;
    const uint64_t changed = value ^ old;
    if ((value & ~offered) != 0)
        return false;
    if (long_mode && ((value & VMX_CR4_PAE) == 0 || (changed & VMX_CR4_LA57) != 0))
        return false;
    return (value & changed & VMX_CR4_PCIDE) == 0 || (long_mode && (hv_read(vcpu, VMCS_GUEST_CR3) & 0xfff) == 0);
}

static enum change set_cr4(struct hv_vcpu *vcpu, uint64_t value)
{
    const uint64_t old = hv_visible_cr4(vcpu), changed = value ^ old;
    if (!cr4_value_ok(vcpu, value, old))
        return REFUSED;
    if ((changed & (VMX_CR4_PGE | VMX_CR4_PSE | VMX_CR4_PAE | VMX_CR4_SMEP)) != 0 && pae_paging(hv_visible_cr0(vcpu), value, hv_efer(vcpu)) &&
        !hv_load_pdptes(vcpu, hv_read(vcpu, VMCS_GUEST_CR3)))
        return REFUSED;
    hv_write(vcpu, VMCS_GUEST_CR4, value | bk_capability(vcpu->vm->machine, VMX_MSR_VMX_CR4_FIXED0));
    hv_write(vcpu, VMCS_CR4_READ_SHADOW, value);
    if ((changed & (VMX_CR4_PGE | VMX_CR4_PSE | VMX_CR4_PAE | VMX_CR4_PCIDE | VMX_CR4_SMEP | VMX_CR4_SMAP | VMX_CR4_LA57)) != 0)
        hv_flush_linear(vcpu, false);
    return CHANGED;
}

/* ---- CR8 ---- */
static enum change set_cr8(struct hv_vcpu *vcpu, uint64_t value)
{
    if (value > 15)
        return REFUSED;
    hv_set_tpr(vcpu, (uint8_t)(value << 4));
    return CHANGED;
}

/* ---- the handler ---- */
static enum change mov_to(struct hv_vcpu *vcpu, unsigned cr, uint64_t value)
{
    switch (cr) {
    case 0:
        return set_cr0(vcpu, value);
    case 3:
        return set_cr3(vcpu, value);
    case 4:
        return set_cr4(vcpu, value);
    default:
        return set_cr8(vcpu, value);
    }
}

static uint64_t mov_from(struct hv_vcpu *vcpu, unsigned cr)
{
    switch (cr) {
    case 0:
        return hv_visible_cr0(vcpu);
    case 3:
        return hv_read(vcpu, VMCS_GUEST_CR3);
    case 4:
        return hv_visible_cr4(vcpu);
    default:
        return hv_tpr(vcpu) >> 4;
    }
}

static enum change access_cr(struct hv_vcpu *vcpu, const struct hv_cr_access *access)
{
    switch (access->type) {
    case HV_CR_MOV_TO: {
        const uint64_t value = hv_gpr(vcpu, access->gpr);
        return mov_to(vcpu, access->cr, hv_in_64bit_mode(vcpu) ? value : (uint32_t)value);
    }
    case HV_CR_MOV_FROM: {
        const uint64_t value = mov_from(vcpu, access->cr);
        hv_set_gpr(vcpu, access->gpr, hv_in_64bit_mode(vcpu) ? value : (uint32_t)value);
        return CHANGED;
    }
    case HV_CR_CLTS:
        return set_cr0(vcpu, hv_visible_cr0(vcpu) & ~(uint64_t)VMX_CR0_TS);
    case HV_CR_LMSW: { /* LMSW sets PE but never clears it */
        const uint64_t old = hv_visible_cr0(vcpu);
        return set_cr0(vcpu, (old & ~(uint64_t)(VMX_CR0_LMSW & ~VMX_CR0_PE)) | (access->lmsw_source & VMX_CR0_LMSW));
    }
    }
    return REFUSED;
}

enum hv_action hv_handle_cr_access(struct hv_vcpu *vcpu, const struct hv_exit *exit)
{
    switch (access_cr(vcpu, &exit->cr)) {
    case CHANGED:
        hv_advance(vcpu, exit);
        break;
    case REFUSED:
        hv_inject_gp(vcpu, 0);
        break;
    case IMPOSSIBLE:
        return hv_stop(vcpu, "CR0 without PE or PG needs \"unrestricted guest\", RIP %lx", exit->rip);
    }
    return HV_RESUME;
}
