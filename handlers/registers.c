/* SPDX-License-Identifier: MIT */
/* Guest registers, modes and controls as handlers ask for them. */
#include "../vmx-model/registers.h"
#include "handlers.h"

enum { INVVPID_ADDRESS = 0, INVVPID_SINGLE = 1, INVVPID_SINGLE_RETAINING_GLOBALS = 3 };

uint64_t hv_gpr(struct hv_vcpu *vcpu, unsigned gpr)
{
    return gpr == VMX_RSP ? hv_read(vcpu, VMCS_GUEST_RSP) : bk_register(vcpu->bk, (enum vmx_gpr)(gpr & 15u));
}

void hv_set_gpr(struct hv_vcpu *vcpu, unsigned gpr, uint64_t value)
{
    if (gpr == VMX_RSP)
        hv_write(vcpu, VMCS_GUEST_RSP, value);
    else
        bk_set_register(vcpu->bk, (enum vmx_gpr)(gpr & 15u), value);
}

void hv_set_gpr_part(struct hv_vcpu *vcpu, unsigned gpr, unsigned size, bool high8, uint64_t value)
{
    if (size == 8) {
        hv_set_gpr(vcpu, gpr, value);
    } else if (size == 4) {
        hv_set_gpr(vcpu, gpr, (uint32_t)value);
    } else {
        const unsigned shift = high8 ? 8 : 0;
        const uint64_t mask = (size == 2 ? UINT64_C(0xffff) : UINT64_C(0xff)) << shift;
        hv_set_gpr(vcpu, gpr, (hv_gpr(vcpu, gpr) & ~mask) | ((value << shift) & mask));
    }
}

uint64_t hv_edx_eax(struct hv_vcpu *vcpu)
{
    return (bk_register(vcpu->bk, VMX_RDX) << 32) | (uint32_t)bk_register(vcpu->bk, VMX_RAX);
}

void hv_set_edx_eax(struct hv_vcpu *vcpu, uint64_t value)
{
    bk_set_register(vcpu->bk, VMX_RAX, (uint32_t)value);
    bk_set_register(vcpu->bk, VMX_RDX, value >> 32);
}

bool hv_pin_control(struct hv_vcpu *vcpu, uint32_t mask)
{
    return (hv_read(vcpu, VMCS_PIN_BASED_VM_EXEC_CONTROL) & mask) != 0;
}

bool hv_primary_control(struct hv_vcpu *vcpu, uint32_t mask)
{
    return (hv_read(vcpu, VMCS_CPU_BASED_VM_EXEC_CONTROL) & mask) != 0;
}

bool hv_secondary_control(struct hv_vcpu *vcpu, uint32_t mask)
{
    return hv_primary_control(vcpu, VMX_PRI_ACTIVATE_SECONDARY) && (hv_read(vcpu, VMCS_SECONDARY_VM_EXEC_CONTROL) & mask) != 0;
}

void hv_change_control(struct hv_vcpu *vcpu, enum vmcs_field field, uint64_t mask, bool on)
{
    const uint64_t old = hv_read(vcpu, field);
    const uint64_t value = on ? old | mask : old & ~mask;
    if (value != old)
        hv_write(vcpu, field, value);
}

/* Without "load IA32_EFER" the entry takes LMA from "IA-32e mode guest". */
uint64_t hv_efer(struct hv_vcpu *vcpu)
{
    const uint64_t entry = hv_read(vcpu, VMCS_VM_ENTRY_CONTROLS);
    if ((entry & VMX_ENTRYCTL_LOAD_EFER) != 0)
        return hv_read(vcpu, VMCS_GUEST_IA32_EFER);
    uint64_t efer = 0;
    (void)bk_guest_msr(vcpu->bk, VMX_MSR_EFER, &efer);
    return (entry & VMX_ENTRYCTL_IA32E_MODE_GUEST) != 0 ? efer | VMX_EFER_LMA : efer & ~(uint64_t)VMX_EFER_LMA;
}

void hv_set_efer(struct hv_vcpu *vcpu, uint64_t value)
{
    hv_change_control(vcpu, VMCS_VM_ENTRY_CONTROLS, VMX_ENTRYCTL_IA32E_MODE_GUEST, (value & VMX_EFER_LMA) != 0);
    if ((hv_read(vcpu, VMCS_VM_ENTRY_CONTROLS) & VMX_ENTRYCTL_LOAD_EFER) != 0)
        hv_write(vcpu, VMCS_GUEST_IA32_EFER, value);
    else
        (void)bk_set_guest_msr(vcpu->bk, VMX_MSR_EFER, value);
}

bool hv_in_64bit_mode(struct hv_vcpu *vcpu)
{
    return (hv_read(vcpu, VMCS_VM_ENTRY_CONTROLS) & VMX_ENTRYCTL_IA32E_MODE_GUEST) != 0 && (hv_read(vcpu, VMCS_GUEST_CS_AR_BYTES) & VMX_AR_L) != 0;
}

unsigned hv_cpl(struct hv_vcpu *vcpu)
{
    if ((hv_read(vcpu, VMCS_GUEST_CR0) & VMX_CR0_PE) == 0)
        return 0;
    if ((hv_read(vcpu, VMCS_GUEST_RFLAGS) & VMX_RFLAGS_VM) != 0)
        return 3;
    return (unsigned)(hv_read(vcpu, VMCS_GUEST_SS_AR_BYTES) >> 5) & 3u;
}

uint64_t hv_visible_cr0(struct hv_vcpu *vcpu)
{
    const uint64_t mask = hv_read(vcpu, VMCS_CR0_GUEST_HOST_MASK);
    return (hv_read(vcpu, VMCS_GUEST_CR0) & ~mask) | (hv_read(vcpu, VMCS_CR0_READ_SHADOW) & mask);
}

uint64_t hv_visible_cr4(struct hv_vcpu *vcpu)
{
    const uint64_t mask = hv_read(vcpu, VMCS_CR4_GUEST_HOST_MASK);
    return (hv_read(vcpu, VMCS_GUEST_CR4) & ~mask) | (hv_read(vcpu, VMCS_CR4_READ_SHADOW) & mask);
}

unsigned hv_physical_bits(struct hv_vcpu *vcpu)
{
    uint32_t r[4];
    bk_cpuid(vcpu->vm->machine, 0x80000000u, 0, r);
    if (r[0] < 0x80000008u)
        return 36;
    bk_cpuid(vcpu->vm->machine, 0x80000008u, 0, r);
    return r[0] & 0xffu;
}

bool hv_is_canonical(struct hv_vcpu *vcpu, uint64_t address)
{
    const unsigned bits = (hv_read(vcpu, VMCS_GUEST_CR4) & (1u << 12)) != 0 ? 57 : 48;
    const int64_t top = (int64_t)address >> (bits - 1);
    return top == 0 || top == -1;
}

static bool vpid_of(struct hv_vcpu *vcpu, uint16_t *vpid)
{
    if (!hv_secondary_control(vcpu, VMX_SEC_ENABLE_VPID))
        return false;
    *vpid = (uint16_t)hv_read(vcpu, VMCS_VIRTUAL_PROCESSOR_ID);
    return true;
}

void hv_flush_linear(struct hv_vcpu *vcpu, bool keep_globals)
{
    uint16_t vpid;
    if (!vpid_of(vcpu, &vpid))
        return;
    const bool can_keep = (bk_capability(vcpu->vm->machine, VMX_MSR_VMX_EPT_VPID) & VMX_VPIDCAP_INVVPID_SINGLE_NONGLOBAL) != 0;
    bk_invvpid(vcpu->bk, keep_globals && can_keep ? INVVPID_SINGLE_RETAINING_GLOBALS : INVVPID_SINGLE, vpid, 0);
}

void hv_flush_address(struct hv_vcpu *vcpu, gva_t linear)
{
    uint16_t vpid;
    if (!vpid_of(vcpu, &vpid))
        return;
    const bool by_address = (bk_capability(vcpu->vm->machine, VMX_MSR_VMX_EPT_VPID) & VMX_VPIDCAP_INVVPID_ADDR) != 0;
    bk_invvpid(vcpu->bk, by_address ? INVVPID_ADDRESS : INVVPID_SINGLE, vpid, linear);
}
