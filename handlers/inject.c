/* SPDX-License-Identifier: MIT */
/* Exceptions that handlers give the guest in place of an instruction. */
#include "../vmx-model/registers.h"
#include "handlers.h"

enum { INFO_ERROR_CODE = 1u << 11, INFO_VALID = 1u << 31 };

/* In real mode nothing pushes an error code, and VM entry refuses one. A fault pushes RF = 1. */
void hv_inject_exception(struct hv_vcpu *vcpu, uint8_t vector, bool has_error_code, uint32_t error_code)
{
    uint32_t info = INFO_VALID | (uint32_t)VMX_EVENT_HARDWARE_EXCEPTION << 8 | vector;
    if (has_error_code && (hv_read(vcpu, VMCS_GUEST_CR0) & VMX_CR0_PE) != 0)
        info |= INFO_ERROR_CODE;
    hv_write(vcpu, VMCS_GUEST_RFLAGS, hv_read(vcpu, VMCS_GUEST_RFLAGS) | VMX_RFLAGS_RF);
    hv_inject_event(vcpu, info, error_code, 0);
}

/* A trap: the instruction is done, so RF stays as it is. */
void hv_inject_debug_trap(struct hv_vcpu *vcpu)
{
    hv_inject_event(vcpu, INFO_VALID | (uint32_t)VMX_EVENT_HARDWARE_EXCEPTION << 8 | VMX_DB, 0, 0);
}

void hv_inject_ud(struct hv_vcpu *vcpu)
{
    hv_inject_exception(vcpu, VMX_UD, false, 0);
}

void hv_inject_gp(struct hv_vcpu *vcpu, uint32_t error_code)
{
    hv_inject_exception(vcpu, VMX_GP, true, error_code);
}

void hv_inject_fault(struct hv_vcpu *vcpu, const struct hv_fault *fault)
{
    if (fault->vector == VMX_PF)
        bk_set_cr2(vcpu->bk, fault->address);
    hv_inject_exception(vcpu, fault->vector, fault->has_error_code, fault->error_code);
}

enum hv_action hv_handle_protection(struct hv_vcpu *vcpu, const struct hv_exit *exit)
{
    (void)exit;
    hv_inject_gp(vcpu, 0);
    return HV_RESUME;
}
