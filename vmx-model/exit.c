/* SPDX-License-Identifier: MIT */
/* VM exit. SDM 3C, "VM Exits". */
#include "boundary_ops.h"
#include "controls.h"
#include "reasons.h"
#include "registers.h"
#include "transition_ops.h"
#include "vmcs_cache.h"

enum { ABORT_STORE_MSR = 1 };

static void record(struct vmcs *v, const struct vmx_exit_info *info)
{
    v->field[VMCS_VM_EXIT_REASON] = info->reason;
    v->field[VMCS_EXIT_QUALIFICATION] = info->qualification;
    v->field[VMCS_GUEST_LINEAR_ADDRESS] = info->guest_linear;
    v->field[VMCS_GUEST_PHYSICAL_ADDRESS] = info->guest_physical;
    v->field[VMCS_VM_EXIT_INTR_INFO] = info->interruption_info;
    v->field[VMCS_VM_EXIT_INTR_ERROR_CODE] = info->interruption_error_code;
    v->field[VMCS_IDT_VECTORING_INFO_FIELD] = info->idt_vectoring_info;
    v->field[VMCS_IDT_VECTORING_ERROR_CODE] = info->idt_vectoring_error_code;
    v->field[VMCS_VM_EXIT_INSTRUCTION_LEN] = info->instruction_length;
    v->field[VMCS_VMX_INSTRUCTION_INFO] = info->instruction_info;
}

/* VM exit consumes the injection, and with IA32_VMX_MISC[5] tells entry of the guest's mode. */
static void update_entry_fields(const struct vmx_cpu *cpu)
{
    struct vmcs *const v = cpu->vmcs;
    const uint64_t valid = UINT64_C(1) << 31, mode = VMX_ENTRYCTL_IA32E_MODE_GUEST;
    if ((v->field[VMCS_VM_ENTRY_INTR_INFO_FIELD] & valid) != 0) {
        v->field[VMCS_VM_ENTRY_INTR_INFO_FIELD] &= ~valid;
        v->unchecked |= VMCS_GROUP_INJECTION;
    }
    if ((cpu->caps->misc & VMX_MISC_SAVE_EFER_LMA) == 0)
        return;
    const uint64_t controls = (v->field[VMCS_VM_ENTRY_CONTROLS] & ~mode) | ((cpu->state.efer & VMX_EFER_LMA) != 0 ? mode : 0);
    if (controls != v->field[VMCS_VM_ENTRY_CONTROLS]) {
        v->field[VMCS_VM_ENTRY_CONTROLS] = controls;
        v->unchecked |= VMCS_GROUP_CONTROLS;
    }
}

#define REASON_BIT(reason) (UINT64_C(1) << ((reason)&63))

static bool in_set(uint32_t reason, uint64_t low, uint64_t high)
{
    return reason < 128 && ((reason < 64 ? low : high) >> (reason & 63) & 1) != 0;
}

/* Exits in the place of an instruction. */
static bool is_instruction(uint32_t reason)
{
    const uint64_t low = (REASON_BIT(29) - REASON_BIT(10)) /* CPUID to CR_ACCESS */ | REASON_BIT(VMX_EXIT_DR_ACCESS) |
                         REASON_BIT(VMX_EXIT_IO_INSTRUCTION) | REASON_BIT(VMX_EXIT_MSR_READ) | REASON_BIT(VMX_EXIT_MSR_WRITE) |
                         REASON_BIT(VMX_EXIT_MWAIT_INSTRUCTION) | REASON_BIT(VMX_EXIT_MONITOR_INSTRUCTION) | REASON_BIT(VMX_EXIT_PAUSE_INSTRUCTION) |
                         REASON_BIT(VMX_EXIT_GDTR_IDTR) | REASON_BIT(VMX_EXIT_LDTR_TR) | REASON_BIT(VMX_EXIT_INVEPT) | REASON_BIT(VMX_EXIT_RDTSCP) |
                         REASON_BIT(VMX_EXIT_INVVPID) | REASON_BIT(VMX_EXIT_WBINVD) | REASON_BIT(VMX_EXIT_XSETBV) | REASON_BIT(VMX_EXIT_RDRAND) |
                         REASON_BIT(VMX_EXIT_INVPCID) | REASON_BIT(VMX_EXIT_VMFUNC) | REASON_BIT(VMX_EXIT_ENCLS) | REASON_BIT(VMX_EXIT_RDSEED) |
                         REASON_BIT(VMX_EXIT_XSAVES);
    const uint64_t high = REASON_BIT(VMX_EXIT_XRSTORS) | REASON_BIT(VMX_EXIT_PCONFIG) | REASON_BIT(VMX_EXIT_UMWAIT) | REASON_BIT(VMX_EXIT_TPAUSE) |
                          REASON_BIT(VMX_EXIT_LOADIWKEY) | REASON_BIT(VMX_EXIT_ENCLV);
    return in_set(reason, low, high);
}

static bool is_memory_access(uint32_t reason)
{
    return in_set(reason,
                  REASON_BIT(VMX_EXIT_APIC_ACCESS) | REASON_BIT(VMX_EXIT_EPT_VIOLATION) | REASON_BIT(VMX_EXIT_EPT_MISCONFIG) |
                      REASON_BIT(VMX_EXIT_PML_FULL),
                  REASON_BIT(VMX_EXIT_SPP_RELATED_EVENT));
}

/* Interruption information: vector 7:0, type 10:8. */
static bool is_event(const struct vmx_exit_info *info, enum vmx_event_type type)
{
    return vmx_basic_reason(info->reason) == VMX_EXIT_EXCEPTION_NMI && (info->interruption_info >> 8 & 7) == (uint32_t)type;
}
static bool is_exception(const struct vmx_exit_info *info, uint8_t vector)
{
    return is_event(info, VMX_EVENT_HARDWARE_EXCEPTION) && (uint8_t)info->interruption_info == vector;
}

/* A #DB is a fault only when debug registers were accessed; #DF and #MC are aborts. Instruction breakpoints push RF as it is. */
static bool is_fault(const struct vmx_exit_info *info)
{
    if (!is_event(info, VMX_EVENT_HARDWARE_EXCEPTION))
        return false;
    if (is_exception(info, VMX_DB))
        return (info->qualification & VMX_DB_BD) != 0;
    return !is_exception(info, VMX_DF) && !is_exception(info, VMX_MC);
}

/* RFLAGS.RF as it is saved. SDM 3C, "Saving RIP, RSP, RFLAGS, and SSP". */
static uint64_t saved_rflags(const struct vmx_exit_info *info, uint64_t rflags, bool repeats)
{
    const uint32_t reason = vmx_basic_reason(info->reason);
    const bool delivering = info->idt_vectoring_info >> 31 != 0;
    if (is_instruction(reason))
        return rflags & ~VMX_RFLAGS_RF;
    if (repeats && (reason == VMX_EXIT_EXCEPTION_NMI || reason == VMX_EXIT_EXTERNAL_INTERRUPT))
        return rflags | VMX_RFLAGS_RF;
    if (is_fault(info) || (is_memory_access(reason) && !delivering))
        return rflags | VMX_RFLAGS_RF;
    return rflags;
}

/* SDM 3C, "Saving Non-Register State". */
static uint64_t saved_pending_debug(const struct vmx_exit_info *info, const struct vmx_state *s)
{
    const uint64_t low = REASON_BIT(VMX_EXIT_INIT_SIGNAL) | REASON_BIT(VMX_EXIT_IO_SMI) | REASON_BIT(VMX_EXIT_OTHER_SMI) |
                         REASON_BIT(VMX_EXIT_MONITOR_TRAP_FLAG) | REASON_BIT(VMX_EXIT_TPR_BELOW_THRESHOLD) | REASON_BIT(VMX_EXIT_EOI_INDUCED) |
                         REASON_BIT(VMX_EXIT_APIC_WRITE);
    const bool held = (s->interruptibility & VMX_BLOCKING_BY_MOV_SS) != 0 && !is_exception(info, VMX_DB);
    const bool keeps = in_set(vmx_basic_reason(info->reason), low, REASON_BIT(VMX_EXIT_BUS_LOCK)) || is_exception(info, VMX_MC) || held;
    return info->pending_debug | (keeps ? s->pending_debug : 0);
}

/* Brings cpu->state to what the exit saves, so that both agree afterwards. */
static void settle(struct vmx_cpu *cpu, const struct vmx_exit_info *info)
{
    struct vmx_state *const s = &cpu->state;
    const uint64_t rflags = saved_rflags(info, s->rflags, cpu->repeats), pending_debug = saved_pending_debug(info, s);
    uint32_t interruptibility = s->interruptibility & ~(uint32_t)VMX_BLOCKING_BY_SMI, activity = s->activity;
    if (info->idt_vectoring_info >> 31 != 0) {
        interruptibility &= ~(uint32_t)(VMX_BLOCKING_BY_STI | VMX_BLOCKING_BY_MOV_SS);
        activity = VMX_ACTIVE;
    }
    if (rflags != s->rflags)
        cpu->stale |= VMX_GROUP_IP;
    if (pending_debug != s->pending_debug || interruptibility != s->interruptibility || activity != s->activity)
        cpu->stale |= VMX_GROUP_EVENT;
    s->rflags = rflags;
    s->pending_debug = pending_debug;
    s->interruptibility = interruptibility;
    s->activity = activity;
}

static void save_timer(struct vmx_cpu *cpu)
{
    if (cpu->timer_active && (vmcs_get(cpu->vmcs, VMCS_VM_EXIT_CONTROLS) & VMX_EXITCTL_SAVE_PREEMPTION_TIMER) != 0)
        cpu->vmcs->field[VMCS_VMX_PREEMPTION_TIMER_VALUE] = vmx_timer_value(cpu);
    cpu->timer_active = false;
}

/* NMIs are blocked after an exit that an NMI caused directly; other exits leave blocking as it was. */
static bool nmi_blocked_after(const struct vmx_cpu *cpu, const struct vmx_exit_info *info)
{
    if (is_event(info, VMX_EVENT_NMI))
        return true;
    return (vmx_pin_controls(cpu) & VMX_PIN_VIRTUAL_NMIS) == 0 && (cpu->state.interruptibility & VMX_BLOCKING_BY_NMI) != 0;
}

uint32_t vmx_exit(struct vmx_cpu *cpu, const struct vmx_exit_info *info, uint32_t changed)
{
    struct vmcs *const v = cpu->vmcs;
    record(v, info);
    update_entry_fields(cpu);
    settle(cpu, info);
    vmx_save_guest_state(cpu, changed);
    save_timer(cpu);
    cpu->nmi_blocked = nmi_blocked_after(cpu, info);
    cpu->pending.mtf = false;
    cpu->pending.preemption_timer = false;
    cpu->pending.tpr_below_threshold = false;
    cpu->pending.virtual_interrupt = false;
    cpu->vectoring_info = 0;
    cpu->repeats = false;
    cpu->nmi_unblocked_by_iret = false;
    vmx_invalidate_at_transition(cpu);
    const uint32_t abort = vmx_store_exit_msrs(cpu) ? vmx_return_to_host(cpu) : ABORT_STORE_MSR;
    if (abort != 0)
        vmx_record_abort(cpu, abort);
    return abort;
}
