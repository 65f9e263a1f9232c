/* SPDX-License-Identifier: MIT */
/* Before each VM entry: the event that it injects, and the windows for those that must wait. SDM 3C, "Event Injection". */
#include "../vmx-model/registers.h"
#include "apic.h"
#include "device_access.h"
#include "handlers.h"

enum { INFO_ERROR_CODE = 1u << 11, INFO_VALID = 1u << 31, VIRTUAL_NMI = VMX_NMI };
enum { BLOCKED = VMX_BLOCKING_BY_STI | VMX_BLOCKING_BY_MOV_SS, NMI_BLOCKED = BLOCKED | VMX_BLOCKING_BY_NMI };

void hv_queue_interrupt(struct hv_vcpu *vcpu, uint8_t vector)
{
    vcpu->pending_vectors[vector / 64] |= UINT64_C(1) << vector % 64;
}

void hv_queue_nmi(struct hv_vcpu *vcpu)
{
    vcpu->pending_nmi = true;
}

/* Highest vector that waits, -1 for none. */
static int highest_pending(const struct hv_vcpu *vcpu)
{
    for (int word = 3; word >= 0; word--)
        if (vcpu->pending_vectors[word] != 0)
            return word * 64 + 63 - __builtin_clzll(vcpu->pending_vectors[word]);
    return -1;
}

static bool interrupts_enabled(struct hv_vcpu *vcpu)
{
    return (hv_read(vcpu, VMCS_GUEST_RFLAGS) & VMX_RFLAGS_IF) != 0 && (hv_read(vcpu, VMCS_GUEST_INTERRUPTIBILITY_INFO) & BLOCKED) == 0;
}

bool hv_wakes(struct hv_vcpu *vcpu)
{
    if (vcpu->inject_valid || (vcpu->pending_nmi && (hv_read(vcpu, VMCS_GUEST_INTERRUPTIBILITY_INFO) & NMI_BLOCKED) == 0))
        return true;
    const int vector = highest_pending(vcpu);
    const bool waits = (vector >= 0 && vector >> 4 > hv_tpr(vcpu) >> 4) || hv_device_interrupt(vcpu) || hv_virtual_interrupt_waits(vcpu);
    return waits && interrupts_enabled(vcpu);
}

/* ---- before each entry ---- */
static void write_injection(struct hv_vcpu *vcpu, uint32_t info, uint32_t error_code, uint32_t length)
{
    hv_write(vcpu, VMCS_VM_ENTRY_INTR_INFO_FIELD, info);
    if ((info & INFO_ERROR_CODE) != 0)
        hv_write(vcpu, VMCS_VM_ENTRY_EXCEPTION_ERROR_CODE, error_code);
    if ((info >> 8 & 7u) >= VMX_EVENT_SOFTWARE_INTERRUPT)
        hv_write(vcpu, VMCS_VM_ENTRY_INSTRUCTION_LEN, length);
    vcpu->halted = false;
}

static bool injection_waits(struct hv_vcpu *vcpu)
{
    return (hv_read(vcpu, VMCS_VM_ENTRY_INTR_INFO_FIELD) & INFO_VALID) != 0;
}

/* Exceptions are refused in the HLT state; a guest that has one to take is not halted any more. */
static void wake_for(struct hv_vcpu *vcpu, uint32_t info)
{
    const uint32_t type = info >> 8 & 7u;
    if (vcpu->halted && type != VMX_EVENT_EXTERNAL_INTERRUPT && type != VMX_EVENT_NMI)
        hv_write(vcpu, VMCS_GUEST_ACTIVITY_STATE, VMX_ACTIVE);
}

/* Not modelled: a window for NMIs without "virtual NMIs"; the NMI is tried again at the next exit then. */
static void open_nmi_window(struct hv_vcpu *vcpu)
{
    if (hv_pin_control(vcpu, VMX_PIN_VIRTUAL_NMIS))
        hv_change_control(vcpu, VMCS_CPU_BASED_VM_EXEC_CONTROL, VMX_PRI_NMI_WINDOW_EXITING, true);
}

/* The one event of this entry; true when there is one. */
static bool inject_first(struct hv_vcpu *vcpu)
{
    if (vcpu->inject_valid) {
        wake_for(vcpu, vcpu->inject_info);
        write_injection(vcpu, vcpu->inject_info, vcpu->inject_error_code, vcpu->inject_length);
        vcpu->inject_valid = false;
        return true;
    }
    if (injection_waits(vcpu))
        return true;
    if (vcpu->pending_nmi && (hv_read(vcpu, VMCS_GUEST_INTERRUPTIBILITY_INFO) & NMI_BLOCKED) == 0) {
        vcpu->pending_nmi = false;
        write_injection(vcpu, INFO_VALID | (uint32_t)VMX_EVENT_NMI << 8 | VIRTUAL_NMI, 0, 0);
        return true;
    }
    return false;
}

static void inject_interrupt(struct hv_vcpu *vcpu, int vector)
{
    write_injection(vcpu, INFO_VALID | (uint32_t)VMX_EVENT_EXTERNAL_INTERRUPT << 8 | (uint32_t)vector, 0, 0);
}

/* Queued vectors go before the device set's interrupt controller, which keeps its request. True: another interrupt still waits. */
static bool offer_interrupt(struct hv_vcpu *vcpu, bool taken)
{
    const int vector = highest_pending(vcpu);
    const bool deliverable = vector >= 0 && vector >> 4 > hv_tpr(vcpu) >> 4;
    const bool from_device = hv_device_interrupt(vcpu);
    const int held_back = deliverable || vector < 0 ? hv_device_held_back(vcpu) : vector;
    if (vector >= 0 || held_back >= 0)
        hv_raise_tpr_threshold(vcpu, held_back < 0 ? 0 : (unsigned)held_back >> 4);
    if (!deliverable && !from_device)
        return false;
    if (taken || !interrupts_enabled(vcpu))
        return true;
    if (deliverable) {
        vcpu->pending_vectors[vector / 64] &= ~(UINT64_C(1) << vector % 64);
        inject_interrupt(vcpu, vector);
    } else {
        inject_interrupt(vcpu, hv_device_acknowledge(vcpu));
    }
    const int next = highest_pending(vcpu);
    return (next >= 0 && next >> 4 > hv_tpr(vcpu) >> 4) || hv_device_interrupt(vcpu);
}

static bool something_waits(struct hv_vcpu *vcpu)
{
    return vcpu->inject_valid || vcpu->pending_nmi || highest_pending(vcpu) >= 0 || hv_device_interrupt(vcpu) || hv_device_held_back(vcpu) >= 0;
}

static void deliver(struct hv_vcpu *vcpu)
{
    const bool taken = inject_first(vcpu);
    if (vcpu->pending_nmi)
        open_nmi_window(vcpu);
    if (highest_pending(vcpu) >= 0 && hv_virtual_interrupt_delivery(vcpu)) {
        for (int vector; (vector = highest_pending(vcpu)) >= 0;) {
            vcpu->pending_vectors[vector / 64] &= ~(UINT64_C(1) << vector % 64);
            hv_post_virtual_interrupt(vcpu, (uint8_t)vector);
        }
    }
    if (offer_interrupt(vcpu, taken))
        hv_change_control(vcpu, VMCS_CPU_BASED_VM_EXEC_CONTROL, VMX_PRI_INTR_WINDOW_EXITING, true);
}

/* The HLT state would end with the delivery all the same; there are processors on which it does not. */
static void wake_for_virtual_interrupt(struct hv_vcpu *vcpu)
{
    if (!hv_virtual_interrupt_waits(vcpu) || !interrupts_enabled(vcpu))
        return;
    hv_write(vcpu, VMCS_GUEST_ACTIVITY_STATE, VMX_ACTIVE);
    vcpu->halted = false;
}

void hv_prepare_entry(struct hv_vcpu *vcpu)
{
    if (!vcpu->entered) {
        vcpu->entered = true;
        vcpu->timer_reload = (uint32_t)hv_read(vcpu, VMCS_VMX_PREEMPTION_TIMER_VALUE);
        vcpu->owns_timer = hv_pin_control(vcpu, VMX_PIN_VMX_PREEMPTION_TIMER);
    }
    if (vcpu->moved)
        hv_arrive(vcpu);
    vcpu->outside = false;
    hv_take_posted(vcpu);
    hv_run_devices(vcpu);
    const bool lent = hv_lend_device_apic(vcpu);
    if (something_waits(vcpu))
        deliver(vcpu);
    if (!lent)
        hv_show_device_apic(vcpu);
    if (vcpu->halted)
        wake_for_virtual_interrupt(vcpu);
    vcpu->offered = hv_device_offer(vcpu);
    hv_arm_alarm(vcpu);
}
