/* SPDX-License-Identifier: MIT */
/* Events that exit: exceptions and NMIs, external interrupts, windows; combining and re-injecting what their delivery met.
   SDM 3C, "Information for VM Exits That Occur During Event Delivery". */
#include "handlers.h"

enum { INFO_ERROR_CODE = 1u << 11, INFO_VALID = 1u << 31 };

/* ---- combining events: SDM 3A, "Interrupt 8: Double Fault Exception" ---- */
enum event_class { BENIGN, CONTRIBUTORY, PAGE_FAULT, DOUBLE_FAULT };

static enum event_class class_of(uint32_t info)
{
    if ((info >> 8 & 7u) != VMX_EVENT_HARDWARE_EXCEPTION)
        return BENIGN;
    switch (info & 0xffu) {
    case VMX_DE:
    case VMX_TS:
    case VMX_NP:
    case VMX_SS_FAULT:
    case VMX_GP:
    case VMX_CP:
        return CONTRIBUTORY;
    case VMX_PF:
    case VMX_VE:
        return PAGE_FAULT;
    case VMX_DF:
        return DOUBLE_FAULT;
    default:
        return BENIGN;
    }
}

static bool makes_double_fault(enum event_class first, enum event_class second)
{
    return (first == CONTRIBUTORY && second == CONTRIBUTORY) || (first == PAGE_FAULT && (second == CONTRIBUTORY || second == PAGE_FAULT));
}

/* An interrupt or NMI whose delivery gives way to an exception waits again, an NMI until IRET ends the blocking that its delivery began; a software event
   comes back with its instruction. */
static void requeue(struct hv_vcpu *vcpu, uint32_t info)
{
    const uint32_t type = info >> 8 & 7u;
    if (type == VMX_EVENT_EXTERNAL_INTERRUPT)
        hv_queue_interrupt(vcpu, (uint8_t)info);
    else if (type == VMX_EVENT_NMI) {
        hv_queue_nmi(vcpu);
        hv_change_control(vcpu, VMCS_GUEST_INTERRUPTIBILITY_INFO, VMX_BLOCKING_BY_NMI, true);
    }
}

void hv_inject_event(struct hv_vcpu *vcpu, uint32_t info, uint32_t error_code, uint32_t length)
{
    if (vcpu->inject_valid) {
        const enum event_class first = class_of(vcpu->inject_info), second = class_of(info);
        if (first == DOUBLE_FAULT && (second == CONTRIBUTORY || second == PAGE_FAULT)) {
            vcpu->triple_fault = true;
            return;
        }
        if (makes_double_fault(first, second)) {
            info = INFO_VALID | INFO_ERROR_CODE | (uint32_t)VMX_EVENT_HARDWARE_EXCEPTION << 8 | VMX_DF;
            error_code = 0;
            length = 0;
        } else {
            requeue(vcpu, vcpu->inject_info);
        }
    }
    vcpu->inject_valid = true;
    vcpu->inject_info = info;
    vcpu->inject_error_code = error_code;
    vcpu->inject_length = length;
}

static uint32_t info_of(const struct hv_event_info *event)
{
    return INFO_VALID | (event->has_error_code ? INFO_ERROR_CODE : 0u) | (uint32_t)event->type << 8 | event->vector;
}

/* The delivery of an NMI has set NMI blocking already, and injecting an NMI under it is refused. */
void hv_reinject(struct hv_vcpu *vcpu, const struct hv_exit *exit)
{
    const struct hv_event_info *event = &exit->vectoring;
    if (event->type == VMX_EVENT_NMI)
        hv_change_control(vcpu, VMCS_GUEST_INTERRUPTIBILITY_INFO, VMX_BLOCKING_BY_NMI, false);
    hv_inject_event(vcpu, info_of(event), event->error_code, event->type >= VMX_EVENT_SOFTWARE_INTERRUPT ? exit->length : 0);
}

/* The bit is undefined with NMI exiting and no virtual NMIs, and when an event is vectoring. */
void hv_restore_nmi_blocking(struct hv_vcpu *vcpu, const struct hv_exit *exit)
{
    const uint64_t pin = hv_read(vcpu, VMCS_PIN_BASED_VM_EXEC_CONTROL);
    if (exit->vectoring.valid || ((pin & VMX_PIN_NMI_EXITING) != 0 && (pin & VMX_PIN_VIRTUAL_NMIS) == 0))
        return;
    hv_change_control(vcpu, VMCS_GUEST_INTERRUPTIBILITY_INFO, VMX_BLOCKING_BY_NMI, true);
}

/* ---- EXCEPTION_NMI ---- */
/* What delivery would have done to debug registers, had the exception not exited. SDM 3B, "Debug Exceptions". */
static void deliver_debug_state(struct hv_vcpu *vcpu, const struct hv_exit *exit)
{
    enum {
        CAUSES = 0xf,
        STICKY = 1u << 13 | 1u << 14,
        INVERTED = 1u << 11 | 1u << 16,
        DR7_GD = 1u << 13,
        DEBUGCTL_LBR = 1u << 0,
        DEBUGCTL_BTF = 1u << 1
    };
    if (exit->event.type == VMX_EVENT_HARDWARE_EXCEPTION) { /* INT1 leaves DR6 alone */
        uint64_t dr6 = bk_debug_register(vcpu->bk, 6);
        dr6 = (dr6 & ~(uint64_t)CAUSES) | (exit->qualification & (CAUSES | STICKY)) | INVERTED;
        bk_set_debug_register(vcpu->bk, 6, dr6 & ~(exit->qualification & INVERTED));
    }
    hv_change_control(vcpu, VMCS_GUEST_DR7, DR7_GD, false);
    hv_change_control(vcpu, VMCS_GUEST_IA32_DEBUGCTL, DEBUGCTL_LBR | DEBUGCTL_BTF, false);
}

static void reflect(struct hv_vcpu *vcpu, const struct hv_exit *exit)
{
    const struct hv_event_info *event = &exit->event;
    if (event->vector == VMX_PF)
        bk_set_cr2(vcpu->bk, exit->qualification);
    else if (event->vector == VMX_DB)
        deliver_debug_state(vcpu, exit);
    if (exit->vectoring.valid)
        hv_reinject(vcpu, exit); /* the event that met the exception: combined below */
    hv_inject_event(vcpu, info_of(event), event->error_code, event->type >= VMX_EVENT_SOFTWARE_INTERRUPT ? exit->length : 0);
}

enum hv_action hv_handle_exception_nmi(struct hv_vcpu *vcpu, const struct hv_exit *exit)
{
    const struct hv_event_info *event = &exit->event;
    if (event->type == VMX_EVENT_NMI) {
        bk_take_nmi(vcpu->bk);
        hv_queue_nmi(vcpu);
        return HV_RESUME;
    }
    if (event->nmi_unblocking && event->vector != VMX_DF)
        hv_restore_nmi_blocking(vcpu, exit);
    if (event->vector == VMX_MC)
        return hv_stop(vcpu, "machine check in the guest, RIP %lx", exit->rip);
    if (vcpu->vm->policy.exceptions == HV_EXCEPTION_STOP)
        return hv_stop(vcpu, "exception %u, error code %x, RIP %lx", event->vector, event->error_code, exit->rip);
    reflect(vcpu, exit);
    return HV_RESUME;
}

enum hv_action hv_handle_triple_fault(struct hv_vcpu *vcpu, const struct hv_exit *exit)
{
    return hv_stop(vcpu, "triple fault, RIP %lx", exit->rip);
}

/* ---- interrupts ---- */
/* The interrupt goes on to the guest under its own vector, as if the device that sent it were assigned to this VM. */
enum hv_action hv_handle_external_interrupt(struct hv_vcpu *vcpu, const struct hv_exit *exit)
{
    const int vector = exit->event.valid ? exit->event.vector : bk_take_interrupt(vcpu->bk);
    hv_host_interrupt(vcpu, vector);
    return HV_RESUME;
}

enum hv_action hv_handle_interrupt_window(struct hv_vcpu *vcpu, const struct hv_exit *exit)
{
    (void)exit;
    hv_change_control(vcpu, VMCS_CPU_BASED_VM_EXEC_CONTROL, VMX_PRI_INTR_WINDOW_EXITING, false);
    return HV_RESUME;
}

enum hv_action hv_handle_nmi_window(struct hv_vcpu *vcpu, const struct hv_exit *exit)
{
    (void)exit;
    hv_change_control(vcpu, VMCS_CPU_BASED_VM_EXEC_CONTROL, VMX_PRI_NMI_WINDOW_EXITING, false);
    return HV_RESUME;
}
