/* SPDX-License-Identifier: MIT */
/* Time: RDTSC, RDTSCP and the VMX-preemption timer. SDM 3C, "Changes to Instruction Behavior in VMX Non-Root Operation". */
#include "handlers.h"

enum { MSR_TSC_AUX = 0xc0000103u };

/* Floor of a * b / 2^48, modulo 2^64. */
static uint64_t scaled(uint64_t a, uint64_t b)
{
    const uint64_t low = (a & UINT32_MAX) * (b & UINT32_MAX);
    const uint64_t middle1 = (a >> 32) * (b & UINT32_MAX), middle2 = (a & UINT32_MAX) * (b >> 32);
    const uint64_t middle = (low >> 32) + (middle1 & UINT32_MAX) + (middle2 & UINT32_MAX);
    const uint64_t high = (a >> 32) * (b >> 32) + (middle1 >> 32) + (middle2 >> 32) + (middle >> 32);
    return high << 16 | (middle & UINT32_MAX) >> 16;
}

uint64_t hv_guest_tsc(struct hv_vcpu *vcpu)
{
    uint64_t tsc = bk_tsc(vcpu->bk);
    if (!hv_primary_control(vcpu, VMX_PRI_USE_TSC_OFFSETTING))
        return tsc;
    if (hv_secondary_control(vcpu, VMX_SEC_TSC_SCALING))
        tsc = scaled(tsc, hv_read(vcpu, VMCS_TSC_MULTIPLIER));
    return tsc + hv_read(vcpu, VMCS_TSC_OFFSET);
}

enum hv_action hv_handle_rdtsc(struct hv_vcpu *vcpu, const struct hv_exit *exit)
{
    hv_set_edx_eax(vcpu, hv_guest_tsc(vcpu));
    hv_advance(vcpu, exit);
    return HV_RESUME;
}

enum hv_action hv_handle_rdtscp(struct hv_vcpu *vcpu, const struct hv_exit *exit)
{
    uint64_t aux = 0;
    (void)bk_guest_msr(vcpu->bk, MSR_TSC_AUX, &aux);
    bk_set_register(vcpu->bk, VMX_RCX, (uint32_t)aux);
    return hv_handle_rdtsc(vcpu, exit);
}

/* The tick of a scheduler that has one guest. Where exits save the timer it reads 0 now and starts again from its first value; a timer that
   would expire at once for ever is switched off. */
enum hv_action hv_handle_preemption_timer(struct hv_vcpu *vcpu, const struct hv_exit *exit)
{
    (void)exit;
    if (vcpu->alarm) /* a device is due: it acts before the next entry */
        return HV_RESUME;
    const bool saved = (hv_read(vcpu, VMCS_VM_EXIT_CONTROLS) & VMX_EXITCTL_SAVE_PREEMPTION_TIMER) != 0;
    if (saved)
        hv_write(vcpu, VMCS_VMX_PREEMPTION_TIMER_VALUE, vcpu->timer_reload);
    if (hv_read(vcpu, VMCS_VMX_PREEMPTION_TIMER_VALUE) == 0) {
        hv_change_control(vcpu, VMCS_VM_EXIT_CONTROLS, VMX_EXITCTL_SAVE_PREEMPTION_TIMER, false);
        hv_change_control(vcpu, VMCS_PIN_BASED_VM_EXEC_CONTROL, VMX_PIN_VMX_PREEMPTION_TIMER, false);
    }
    return HV_RESUME;
}
