/* SPDX-License-Identifier: MIT */
/* The dispatch table: basic exit reason to handler. A reason without a row stops the guest; MAY_STOP marks the handlers that may do so too.
   SDM 3D, "VMX Basic Exit Reasons". */
#include "../vmx-model/registers.h"
#include "handlers.h"

/* Reasons 5, 6 and 17 reach only an SMM-transfer monitor. */
#define NAMED(function) function, #function
enum { MAY_STOP = 1 };
static const struct row {
    enum hv_action (*handle)(struct hv_vcpu *, const struct hv_exit *);
    const char *name;
    bool may_stop;
} rows[VMX_REASON_LIMIT] = {
    [VMX_EXIT_EXCEPTION_NMI] = {NAMED(hv_handle_exception_nmi), MAY_STOP},
    [VMX_EXIT_EXTERNAL_INTERRUPT] = {NAMED(hv_handle_external_interrupt)},
    [VMX_EXIT_TRIPLE_FAULT] = {NAMED(hv_handle_triple_fault), MAY_STOP},
    [VMX_EXIT_INIT_SIGNAL] = {NAMED(hv_handle_init_signal), MAY_STOP},
    [VMX_EXIT_SIPI_SIGNAL] = {NAMED(hv_handle_sipi)},
    [VMX_EXIT_INTERRUPT_WINDOW] = {NAMED(hv_handle_interrupt_window)},
    [VMX_EXIT_NMI_WINDOW] = {NAMED(hv_handle_nmi_window)},
    [VMX_EXIT_TASK_SWITCH] = {NAMED(hv_handle_task_switch), MAY_STOP},
    [VMX_EXIT_CPUID] = {NAMED(hv_handle_cpuid)},
    [VMX_EXIT_GETSEC] = {NAMED(hv_handle_undefined)},
    [VMX_EXIT_HLT] = {NAMED(hv_handle_hlt)},
    [VMX_EXIT_INVD] = {NAMED(hv_handle_skip)},
    [VMX_EXIT_INVLPG] = {NAMED(hv_handle_invlpg)},
    [VMX_EXIT_RDPMC] = {NAMED(hv_handle_protection)},
    [VMX_EXIT_RDTSC] = {NAMED(hv_handle_rdtsc)},
    [VMX_EXIT_VMCALL] = {NAMED(hv_handle_vmcall)},
    [VMX_EXIT_VMCLEAR] = {NAMED(hv_handle_undefined)},
    [VMX_EXIT_VMLAUNCH] = {NAMED(hv_handle_undefined)},
    [VMX_EXIT_VMPTRLD] = {NAMED(hv_handle_undefined)},
    [VMX_EXIT_VMPTRST] = {NAMED(hv_handle_undefined)},
    [VMX_EXIT_VMREAD] = {NAMED(hv_handle_undefined)},
    [VMX_EXIT_VMRESUME] = {NAMED(hv_handle_undefined)},
    [VMX_EXIT_VMWRITE] = {NAMED(hv_handle_undefined)},
    [VMX_EXIT_VMOFF] = {NAMED(hv_handle_undefined)},
    [VMX_EXIT_VMON] = {NAMED(hv_handle_undefined)},
    [VMX_EXIT_CR_ACCESS] = {NAMED(hv_handle_cr_access), MAY_STOP},
    [VMX_EXIT_DR_ACCESS] = {NAMED(hv_handle_dr_access)},
    [VMX_EXIT_IO_INSTRUCTION] = {NAMED(hv_handle_io), MAY_STOP},
    [VMX_EXIT_MSR_READ] = {NAMED(hv_handle_rdmsr)},
    [VMX_EXIT_MSR_WRITE] = {NAMED(hv_handle_wrmsr)},
    [VMX_EXIT_INVALID_STATE] = {NAMED(hv_handle_entry_failure), MAY_STOP},
    [VMX_EXIT_MSR_LOAD_FAIL] = {NAMED(hv_handle_entry_failure), MAY_STOP},
    [VMX_EXIT_MWAIT_INSTRUCTION] = {NAMED(hv_handle_pause)},
    [VMX_EXIT_MONITOR_TRAP_FLAG] = {NAMED(hv_handle_monitor_trap_flag)},
    [VMX_EXIT_MONITOR_INSTRUCTION] = {NAMED(hv_handle_skip)},
    [VMX_EXIT_PAUSE_INSTRUCTION] = {NAMED(hv_handle_pause)},
    [VMX_EXIT_MCE_DURING_VMENTRY] = {NAMED(hv_handle_entry_failure), MAY_STOP},
    [VMX_EXIT_TPR_BELOW_THRESHOLD] = {NAMED(hv_handle_tpr_below_threshold)},
    [VMX_EXIT_APIC_ACCESS] = {NAMED(hv_handle_apic_access), MAY_STOP},
    [VMX_EXIT_EOI_INDUCED] = {NAMED(hv_handle_eoi_induced)},
    [VMX_EXIT_GDTR_IDTR] = {NAMED(hv_handle_gdtr_idtr)},
    [VMX_EXIT_LDTR_TR] = {NAMED(hv_handle_ldtr_tr)},
    [VMX_EXIT_EPT_VIOLATION] = {NAMED(hv_handle_ept_violation), MAY_STOP},
    [VMX_EXIT_EPT_MISCONFIG] = {NAMED(hv_handle_ept_misconfig), MAY_STOP},
    [VMX_EXIT_INVEPT] = {NAMED(hv_handle_undefined)},
    [VMX_EXIT_RDTSCP] = {NAMED(hv_handle_rdtscp)},
    [VMX_EXIT_PREEMPTION_TIMER] = {NAMED(hv_handle_preemption_timer)},
    [VMX_EXIT_INVVPID] = {NAMED(hv_handle_undefined)},
    [VMX_EXIT_WBINVD] = {NAMED(hv_handle_skip)},
    [VMX_EXIT_XSETBV] = {NAMED(hv_handle_xsetbv)},
    [VMX_EXIT_APIC_WRITE] = {NAMED(hv_handle_apic_write)},
    [VMX_EXIT_RDRAND] = {NAMED(hv_handle_random)},
    [VMX_EXIT_INVPCID] = {NAMED(hv_handle_invpcid)},
    [VMX_EXIT_VMFUNC] = {NAMED(hv_handle_undefined)},
    [VMX_EXIT_ENCLS] = {NAMED(hv_handle_undefined)},
    [VMX_EXIT_RDSEED] = {NAMED(hv_handle_random)},
    [VMX_EXIT_PML_FULL] = {NAMED(hv_handle_pml_full)},
    [VMX_EXIT_XSAVES] = {NAMED(hv_handle_protection)},
    [VMX_EXIT_XRSTORS] = {NAMED(hv_handle_protection)},
    [VMX_EXIT_PCONFIG] = {NAMED(hv_handle_undefined)},
    [VMX_EXIT_SPP_RELATED_EVENT] = {NAMED(hv_handle_spp), MAY_STOP},
    [VMX_EXIT_UMWAIT] = {NAMED(hv_handle_user_wait)},
    [VMX_EXIT_TPAUSE] = {NAMED(hv_handle_user_wait)},
    [VMX_EXIT_LOADIWKEY] = {NAMED(hv_handle_undefined)},
    [VMX_EXIT_ENCLV] = {NAMED(hv_handle_undefined)},
    [VMX_EXIT_ENQCMD_PASID_TRANSLATION_FAILURE] = {NAMED(hv_handle_enqcmd), MAY_STOP},
    [VMX_EXIT_ENQCMDS_PASID_TRANSLATION_FAILURE] = {NAMED(hv_handle_enqcmds), MAY_STOP},
    [VMX_EXIT_BUS_LOCK] = {NAMED(hv_handle_resume)},
    [VMX_EXIT_NOTIFY] = {NAMED(hv_handle_notify), MAY_STOP},
    [VMX_EXIT_SEAMCALL] = {NAMED(hv_handle_undefined)},
    [VMX_EXIT_TDCALL] = {NAMED(hv_handle_undefined)},
    [VMX_EXIT_RDMSRLIST] = {NAMED(hv_handle_undefined)},
    [VMX_EXIT_WRMSRLIST] = {NAMED(hv_handle_undefined)},
    [VMX_EXIT_URDMSR] = {NAMED(hv_handle_protection)},
    [VMX_EXIT_UWRMSR] = {NAMED(hv_handle_protection)},
    [VMX_EXIT_MSR_READ_IMM] = {NAMED(hv_handle_rdmsr_immediate)},
    [VMX_EXIT_MSR_WRITE_IMM] = {NAMED(hv_handle_wrmsr_immediate)},
};
#undef NAMED

const char *hv_handler_name(uint32_t reason)
{
    if ((reason & VMX_REASON_FAILED_VMENTRY) != 0)
        return "hv_handle_entry_failure";
    return reason < VMX_REASON_LIMIT ? rows[reason].name : NULL;
}

bool hv_may_stop(uint32_t reason)
{
    return reason >= VMX_REASON_LIMIT || rows[reason].handle == NULL || rows[reason].may_stop;
}

/* The handlers of these reasons deal with a vectored event themselves. */
static bool takes_vectored_event(uint32_t reason)
{
    return reason == VMX_EXIT_EXCEPTION_NMI || reason == VMX_EXIT_TASK_SWITCH || reason == VMX_EXIT_TRIPLE_FAULT;
}

enum hv_action hv_handle(struct hv_vcpu *vcpu, const struct hv_exit *exit)
{
    if (exit->entry_failed)
        return hv_handle_entry_failure(vcpu, exit);
    if (exit->reason >= VMX_REASON_LIMIT || rows[exit->reason].handle == NULL)
        return hv_stop(vcpu, "exit reason %u (%s) has no handler, RIP %lx", exit->reason, vmx_reason_name(exit->reason), exit->rip);
    if (exit->vectoring.valid && !takes_vectored_event(exit->reason))
        hv_reinject(vcpu, exit);
    const enum hv_action action = rows[exit->reason].handle(vcpu, exit);
    if (vcpu->triple_fault)
        return hv_stop(vcpu, "triple fault: an exception in the delivery of #DF, RIP %lx", exit->rip);
    return action;
}

/* SDM 3C, "Guest Non-Register State": what the retirement of an instruction does besides RIP. */
void hv_advance(struct hv_vcpu *vcpu, const struct hv_exit *exit)
{
    enum { BLOCKING = VMX_BLOCKING_BY_STI | VMX_BLOCKING_BY_MOV_SS };
    uint64_t rip = exit->rip + exit->length;
    if (rip >> 32 != 0 && !hv_in_64bit_mode(vcpu))
        rip = (uint32_t)rip;
    hv_write(vcpu, VMCS_GUEST_RIP, rip);
    const uint64_t interruptibility = hv_read(vcpu, VMCS_GUEST_INTERRUPTIBILITY_INFO);
    if ((interruptibility & BLOCKING) != 0)
        hv_write(vcpu, VMCS_GUEST_INTERRUPTIBILITY_INFO, interruptibility & ~(uint64_t)BLOCKING);
    if ((hv_read(vcpu, VMCS_GUEST_RFLAGS) & VMX_RFLAGS_TF) != 0 && (hv_read(vcpu, VMCS_GUEST_IA32_DEBUGCTL) & VMX_DEBUGCTL_BTF) == 0)
        hv_write(vcpu, VMCS_GUEST_PENDING_DBG_EXCEPTIONS, hv_read(vcpu, VMCS_GUEST_PENDING_DBG_EXCEPTIONS) | VMX_PENDING_BS);
}
