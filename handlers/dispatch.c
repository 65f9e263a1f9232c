/* SPDX-License-Identifier: MIT */
/* The dispatch table: basic exit reason to handler. A reason without a row stops the guest. SDM 3D, "VMX Basic Exit Reasons". */
#include "handlers.h"

/* Reasons 5, 6 and 17 reach only an SMM-transfer monitor; 66, 72 and 73 need structures that this hypervisor never sets up. */
static enum hv_action (*const handlers[VMX_REASON_LIMIT])(struct hv_vcpu *, const struct hv_exit *) = {
    [VMX_EXIT_EXCEPTION_NMI] = hv_handle_exception_nmi,
    [VMX_EXIT_EXTERNAL_INTERRUPT] = hv_handle_external_interrupt,
    [VMX_EXIT_TRIPLE_FAULT] = hv_handle_triple_fault,
    [VMX_EXIT_INIT_SIGNAL] = hv_handle_init_signal,
    [VMX_EXIT_SIPI_SIGNAL] = hv_handle_sipi,
    [VMX_EXIT_INTERRUPT_WINDOW] = hv_handle_interrupt_window,
    [VMX_EXIT_NMI_WINDOW] = hv_handle_nmi_window,
    [VMX_EXIT_TASK_SWITCH] = hv_handle_task_switch,
    [VMX_EXIT_CPUID] = hv_handle_cpuid,
    [VMX_EXIT_GETSEC] = hv_handle_undefined,
    [VMX_EXIT_HLT] = hv_handle_hlt,
    [VMX_EXIT_INVD] = hv_handle_skip,
    [VMX_EXIT_INVLPG] = hv_handle_invlpg,
    [VMX_EXIT_RDPMC] = hv_handle_protection,
    [VMX_EXIT_RDTSC] = hv_handle_rdtsc,
    [VMX_EXIT_VMCALL] = hv_handle_vmcall,
    [VMX_EXIT_VMCLEAR] = hv_handle_undefined,
    [VMX_EXIT_VMLAUNCH] = hv_handle_undefined,
    [VMX_EXIT_VMPTRLD] = hv_handle_undefined,
    [VMX_EXIT_VMPTRST] = hv_handle_undefined,
    [VMX_EXIT_VMREAD] = hv_handle_undefined,
    [VMX_EXIT_VMRESUME] = hv_handle_undefined,
    [VMX_EXIT_VMWRITE] = hv_handle_undefined,
    [VMX_EXIT_VMOFF] = hv_handle_undefined,
    [VMX_EXIT_VMON] = hv_handle_undefined,
    [VMX_EXIT_CR_ACCESS] = hv_handle_cr_access,
    [VMX_EXIT_DR_ACCESS] = hv_handle_dr_access,
    [VMX_EXIT_IO_INSTRUCTION] = hv_handle_io,
    [VMX_EXIT_MSR_READ] = hv_handle_rdmsr,
    [VMX_EXIT_MSR_WRITE] = hv_handle_wrmsr,
    [VMX_EXIT_INVALID_STATE] = hv_handle_entry_failure,
    [VMX_EXIT_MSR_LOAD_FAIL] = hv_handle_entry_failure,
    [VMX_EXIT_MWAIT_INSTRUCTION] = hv_handle_skip,
    [VMX_EXIT_MONITOR_TRAP_FLAG] = hv_handle_monitor_trap_flag,
    [VMX_EXIT_MONITOR_INSTRUCTION] = hv_handle_skip,
    [VMX_EXIT_PAUSE_INSTRUCTION] = hv_handle_skip,
    [VMX_EXIT_MCE_DURING_VMENTRY] = hv_handle_entry_failure,
    [VMX_EXIT_TPR_BELOW_THRESHOLD] = hv_handle_tpr_below_threshold,
    [VMX_EXIT_APIC_ACCESS] = hv_handle_apic_access,
    [VMX_EXIT_EOI_INDUCED] = hv_handle_eoi_induced,
    [VMX_EXIT_GDTR_IDTR] = hv_handle_gdtr_idtr,
    [VMX_EXIT_LDTR_TR] = hv_handle_ldtr_tr,
    [VMX_EXIT_EPT_VIOLATION] = hv_handle_ept_violation,
    [VMX_EXIT_EPT_MISCONFIG] = hv_handle_ept_misconfig,
    [VMX_EXIT_INVEPT] = hv_handle_undefined,
    [VMX_EXIT_RDTSCP] = hv_handle_rdtscp,
    [VMX_EXIT_PREEMPTION_TIMER] = hv_handle_preemption_timer,
    [VMX_EXIT_INVVPID] = hv_handle_undefined,
    [VMX_EXIT_WBINVD] = hv_handle_skip,
    [VMX_EXIT_XSETBV] = hv_handle_xsetbv,
    [VMX_EXIT_APIC_WRITE] = hv_handle_apic_write,
    [VMX_EXIT_RDRAND] = hv_handle_random,
    [VMX_EXIT_INVPCID] = hv_handle_invpcid,
    [VMX_EXIT_VMFUNC] = hv_handle_undefined,
    [VMX_EXIT_ENCLS] = hv_handle_undefined,
    [VMX_EXIT_RDSEED] = hv_handle_random,
    [VMX_EXIT_PML_FULL] = hv_handle_pml_full,
    [VMX_EXIT_XSAVES] = hv_handle_protection,
    [VMX_EXIT_XRSTORS] = hv_handle_protection,
    [VMX_EXIT_PCONFIG] = hv_handle_undefined,
    [VMX_EXIT_UMWAIT] = hv_handle_user_wait,
    [VMX_EXIT_TPAUSE] = hv_handle_user_wait,
    [VMX_EXIT_LOADIWKEY] = hv_handle_undefined,
    [VMX_EXIT_ENCLV] = hv_handle_undefined,
    [VMX_EXIT_BUS_LOCK] = hv_handle_resume,
    [VMX_EXIT_NOTIFY] = hv_handle_notify,
    [VMX_EXIT_SEAMCALL] = hv_handle_undefined,
    [VMX_EXIT_TDCALL] = hv_handle_undefined,
    [VMX_EXIT_RDMSRLIST] = hv_handle_undefined,
    [VMX_EXIT_WRMSRLIST] = hv_handle_undefined,
    [VMX_EXIT_URDMSR] = hv_handle_protection,
    [VMX_EXIT_UWRMSR] = hv_handle_protection,
    [VMX_EXIT_MSR_READ_IMM] = hv_handle_rdmsr_immediate,
    [VMX_EXIT_MSR_WRITE_IMM] = hv_handle_wrmsr_immediate,
};

/* The handlers of these reasons deal with a vectored event themselves. */
static bool takes_vectored_event(uint32_t reason)
{
    return reason == VMX_EXIT_EXCEPTION_NMI || reason == VMX_EXIT_TASK_SWITCH || reason == VMX_EXIT_TRIPLE_FAULT;
}

enum hv_action hv_handle(struct hv_vcpu *vcpu, const struct hv_exit *exit)
{
    if (exit->entry_failed)
        return hv_handle_entry_failure(vcpu, exit);
    if (exit->reason >= VMX_REASON_LIMIT || handlers[exit->reason] == NULL)
        return hv_stop(vcpu, "exit reason %u (%s) has no handler, RIP %lx", exit->reason, vmx_reason_name(exit->reason), exit->rip);
    if (exit->vectoring.valid && !takes_vectored_event(exit->reason))
        hv_reinject(vcpu, exit);
    const enum hv_action action = handlers[exit->reason](vcpu, exit);
    if (vcpu->triple_fault)
        return hv_stop(vcpu, "triple fault: an exception in the delivery of #DF, RIP %lx", exit->rip);
    return action;
}

/* SDM 3C, "Guest Non-Register State": what the retirement of an instruction does besides RIP. */
void hv_advance(struct hv_vcpu *vcpu, const struct hv_exit *exit)
{
    enum { BLOCKING = VMX_BLOCKING_BY_STI | VMX_BLOCKING_BY_MOV_SS, RFLAGS_TF = 1u << 8, DEBUGCTL_BTF = 1u << 1, PENDING_BS = 1u << 14 };
    uint64_t rip = exit->rip + exit->length;
    if (rip >> 32 != 0 && !hv_in_64bit_mode(vcpu))
        rip = (uint32_t)rip;
    hv_write(vcpu, VMCS_GUEST_RIP, rip);
    const uint64_t interruptibility = hv_read(vcpu, VMCS_GUEST_INTERRUPTIBILITY_INFO);
    if ((interruptibility & BLOCKING) != 0)
        hv_write(vcpu, VMCS_GUEST_INTERRUPTIBILITY_INFO, interruptibility & ~(uint64_t)BLOCKING);
    if ((hv_read(vcpu, VMCS_GUEST_RFLAGS) & RFLAGS_TF) != 0 && (hv_read(vcpu, VMCS_GUEST_IA32_DEBUGCTL) & DEBUGCTL_BTF) == 0)
        hv_write(vcpu, VMCS_GUEST_PENDING_DBG_EXCEPTIONS, hv_read(vcpu, VMCS_GUEST_PENDING_DBG_EXCEPTIONS) | PENDING_BS);
}
