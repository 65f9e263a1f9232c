/* SPDX-License-Identifier: MIT */
/* VM entries that failed after the guest state was looked at: a fault of the hypervisor's own, reported and final.
   SDM 3C, "VM-Entry Failures During or After Loading Guest State". */
#include "handlers.h"

static const char *invalid_state(uint64_t qualification)
{
    switch (qualification) {
    case 2:
        return "a PDPTE";
    case 3:
        return "NMI injection under blocking by STI";
    case 4:
        return "the VMCS link pointer";
    default:
        return "guest state";
    }
}

enum hv_action hv_handle_entry_failure(struct hv_vcpu *vcpu, const struct hv_exit *exit)
{
    if (exit->reason == VMX_EXIT_INVALID_STATE)
        return hv_stop(vcpu, "VM entry failed: invalid guest state: %s, RIP %lx", invalid_state(exit->qualification), exit->rip);
    if (exit->reason == VMX_EXIT_MSR_LOAD_FAIL)
        return hv_stop(vcpu, "VM entry failed: entry %lu of the VM-entry MSR-load list", exit->qualification);
    if (exit->reason == VMX_EXIT_MCE_DURING_VMENTRY)
        return hv_stop(vcpu, "VM entry failed: machine check during VM entry");
    return hv_stop(vcpu, "VM entry failed with exit reason %u", exit->reason);
}
