/* SPDX-License-Identifier: MIT */
/* HLT: the virtual CPU waits for an event; time passes on the host. SDM 2A, "HLT". */
#include "../vmx-model/registers.h"
#include "device_access.h"
#include "handlers.h"

uint64_t hv_wait_deadline(struct hv_vcpu *vcpu)
{
    const bool can_wake = (hv_read(vcpu, VMCS_GUEST_RFLAGS) & VMX_RFLAGS_IF) != 0;
    return can_wake ? hv_next_device_event(vcpu) : UINT64_MAX;
}

/* Other events than interrupts (NMI, INIT, ...) exit from the HLT activity state as the processor finds them. */
static void enter_halted(struct hv_vcpu *vcpu)
{
    if ((bk_capability(vcpu->vm->machine, VMX_MSR_VMX_MISC) & VMX_MISC_ACTIVITY_HLT) != 0)
        hv_write(vcpu, VMCS_GUEST_ACTIVITY_STATE, VMX_HLT);
}

enum hv_action hv_handle_hlt(struct hv_vcpu *vcpu, const struct hv_exit *exit)
{
    hv_advance(vcpu, exit);
    vcpu->halted = true;
    enter_halted(vcpu);
    return hv_wait(vcpu);
}

static enum hv_action look(struct hv_vcpu *vcpu)
{
    for (;;) {
        hv_run_devices(vcpu);
        if (hv_wakes(vcpu))
            return HV_RESUME;
        const uint64_t deadline = hv_wait_deadline(vcpu);
        if (!bk_idle(vcpu->bk, deadline))
            return HV_HALTED;
        const int vector = bk_take_interrupt(vcpu->bk);
        if (vector >= 0)
            hv_host_interrupt(vcpu, vector);
        else if (bk_tsc(vcpu->bk) < deadline)
            return HV_RESUME;
    }
}

enum hv_action hv_wait(struct hv_vcpu *vcpu)
{
    const enum hv_action action = look(vcpu);
    vcpu->outside = true;
    return action;
}
