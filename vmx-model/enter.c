/* SPDX-License-Identifier: MIT */
/* VM entry. SDM 3C, "VM Entries". */
#include "boundary_ops.h"
#include "controls.h"
#include "reasons.h"
#include "registers.h"
#include "transition_ops.h"
#include "virtual_apic.h"
#include "vmcs_cache.h"

/* Records no more than reason and qualification, and loads host state. SDM 3C, "VM-Entry Failures During or After Loading Guest State". */
static void fail(struct vmx_cpu *cpu, struct vmx_entry_result *result, enum vmx_reason reason, uint64_t qualification)
{
    result->kind = VMX_ENTRY_FAILED;
    result->exit.reason = (uint32_t)reason | VMX_REASON_FAILED_VMENTRY;
    result->exit.valid = VMX_VALID_QUALIFICATION;
    result->exit.qualification = qualification;
    cpu->vmcs->field[VMCS_VM_EXIT_REASON] = result->exit.reason;
    cpu->vmcs->field[VMCS_EXIT_QUALIFICATION] = qualification;
    vmx_invalidate_at_transition(cpu);
    result->abort = vmx_return_to_host(cpu);
    if (result->abort != 0)
        vmx_record_abort(cpu, result->abort);
    vmx_forget_guest(cpu);
}

/* A check that failed before guest state was touched. */
static void refuse(struct vmx_cpu *cpu, struct vmx_entry_result *result)
{
    const struct vmx_check_row *const row = &vmx_check_rows[result->check];
    result->event = (struct vmx_event){.vector = VMX_UD, .type = VMX_EVENT_HARDWARE_EXCEPTION};
    switch (row->outcome) {
    case VMX_CHECK_GP:
        result->event.vector = VMX_GP;
        result->event.has_error_code = true;
        result->kind = VMX_ENTRY_FAULT;
        break;
    case VMX_CHECK_UD:
    case VMX_CHECK_EXIT: /* in non-root operation the instruction exits; who calls in spite of that gets #UD */
        result->kind = VMX_ENTRY_FAULT;
        break;
    case VMX_CHECK_FAIL_INVALID:
        result->kind = VMX_FAIL_INVALID;
        break;
    case VMX_CHECK_FAIL_VALID:
        result->kind = VMX_FAIL_VALID;
        result->error = row->number;
        cpu->vmcs->field[VMCS_VM_INSTRUCTION_ERROR] = row->number;
        break;
    case VMX_CHECK_ENTRY_FAILURE_33:
        fail(cpu, result, VMX_EXIT_INVALID_STATE, row->number);
        break;
    case VMX_CHECK_ENTRY_FAILURE_34:
    case VMX_CHECK_ENTRY_FAILURE_41:
        fail(cpu, result, row->outcome == VMX_CHECK_ENTRY_FAILURE_34 ? VMX_EXIT_MSR_LOAD_FAIL : VMX_EXIT_MCE_DURING_VMENTRY, 0);
        break;
    }
}

/* Groups that were just loaded and need not be saved unless the guest changes them. */
static uint32_t settled(struct vmx_cpu *cpu, const struct vmcs *v, uint32_t loaded)
{
    const uint32_t written = v->unloaded >> GROUP_SHIFT;
    cpu->settled = cpu->settled_of == v ? cpu->settled & ~written : 0;
    cpu->settled_of = v;
    const uint32_t unknown = loaded & (VMX_GROUP_SEGMENTS | VMX_GROUP_TABLES) & ~cpu->settled;
    if (unknown != 0)
        cpu->settled |= unknown & vmx_saved_already(v, &cpu->state);
    return cpu->settled;
}

/* Loads what differs from what `state` holds. False: the PDPTEs of a guest without EPT are bad. */
static bool load_guest(struct vmx_cpu *cpu, struct vmx_entry_result *result)
{
    struct vmcs *const v = cpu->vmcs;
    const uint32_t entry = (uint32_t)vmcs_get(v, VMCS_VM_ENTRY_CONTROLS);
    const bool other = cpu->loaded != v || cpu->loaded_entry_controls != entry;
    uint32_t groups = other ? (uint32_t)GUEST_GROUPS : (v->unloaded >> GROUP_SHIFT) & GUEST_GROUPS;
    bool pdptes_changed = false;
    vmx_load_guest_groups(cpu, groups);
    if (vmx_pae_paging(&cpu->state) && !vmx_load_guest_pdptes(cpu, &pdptes_changed))
        return false;
    if (pdptes_changed)
        groups |= VMX_GROUP_CONTROL;
    cpu->unsaved |= groups & ~settled(cpu, v, groups);
    cpu->loaded = v;
    cpu->loaded_entry_controls = entry;
    v->unloaded = 0;
    result->changed = groups | cpu->stale | (other ? (uint32_t)VMX_GROUP_GPR : 0);
    cpu->stale = 0;
    return true;
}

static void arm_timer(struct vmx_cpu *cpu)
{
    cpu->timer_active = (vmx_pin_controls(cpu) & VMX_PIN_VMX_PREEMPTION_TIMER) != 0;
    cpu->timer_start_tsc = cpu->tsc;
    cpu->timer_start_value = vmcs_get(cpu->vmcs, VMCS_VMX_PREEMPTION_TIMER_VALUE);
}

/* VM-entry interruption information: vector 7:0, type 10:8, error code 11, valid 31. */
static struct vmx_event event_of(const struct vmcs *v, uint32_t info)
{
    struct vmx_event event = {.vector = (uint8_t)info, .type = (uint8_t)(info >> 8 & 7), .has_error_code = (info >> 11 & 1) != 0};
    if (event.has_error_code)
        event.error_code = (uint32_t)vmcs_get(v, VMCS_VM_ENTRY_EXCEPTION_ERROR_CODE);
    if (event.type >= VMX_EVENT_SOFTWARE_INTERRUPT && event.type <= VMX_EVENT_SOFTWARE_EXCEPTION)
        event.instruction_length = (uint8_t)vmcs_get(v, VMCS_VM_ENTRY_INSTRUCTION_LEN);
    return event;
}

static bool keeps_pending_debug(const struct vmx_state *s, bool vectoring, uint8_t type)
{
    const bool software = type == VMX_EVENT_SOFTWARE_INTERRUPT || type == VMX_EVENT_SOFTWARE_EXCEPTION;
    if (vectoring)
        return software && (s->interruptibility & VMX_BLOCKING_BY_MOV_SS) != 0;
    return s->activity != VMX_SHUTDOWN && s->activity != VMX_WAIT_FOR_SIPI;
}

/* SDM 3C, "Event Injection", "Special Features of VM Entry": a vectoring entry ends inactivity and blocking by STI and MOV SS. */
static void arm_events(struct vmx_cpu *cpu, struct vmx_entry_result *result)
{
    struct vmx_state *const s = &cpu->state;
    const uint32_t info = (uint32_t)vmcs_get(cpu->vmcs, VMCS_VM_ENTRY_INTR_INFO_FIELD);
    const bool valid = info >> 31 != 0;
    const uint8_t type = (uint8_t)(info >> 8 & 7);
    const bool vectoring = valid && type != VMX_EVENT_OTHER;
    if (vectoring)
        result->event = event_of(cpu->vmcs, info);
    result->inject = vectoring;
    cpu->pending.mtf = valid && (!vectoring || (vmx_primary_controls(cpu) & VMX_PRI_MONITOR_TRAP_FLAG) != 0);
    if (!vectoring && s->pending_debug == 0)
        return;
    if (!keeps_pending_debug(s, vectoring, type))
        s->pending_debug = 0;
    if (vectoring) {
        s->interruptibility &= ~(uint32_t)(VMX_BLOCKING_BY_STI | VMX_BLOCKING_BY_MOV_SS);
        s->activity = VMX_ACTIVE;
    }
    result->changed |= VMX_GROUP_EVENT;
}

static void commit(struct vmx_cpu *cpu, struct vmx_entry_result *result)
{
    cpu->operation = VMX_OPERATION_NON_ROOT;
    cpu->vmcs->launched = 1;
    cpu->monitor_armed = false;
    cpu->ple_seen = false;
    cpu->nmi_blocked = false;
    cpu->vectoring_info = 0;
    cpu->nmi_unblocked_by_iret = false;
    cpu->pending.preemption_timer = false;
    cpu->pending.tpr_below_threshold = vmx_entry_finds_tpr_below_threshold(cpu);
    if ((vmx_secondary_controls(cpu) & VMX_SEC_VIRTUAL_INTR_DELIVERY) != 0)
        vmx_virtual_interrupts_at_entry(cpu);
    arm_timer(cpu);
    arm_events(cpu, result);
}

struct vmx_entry_result vmx_enter(struct vmx_cpu *cpu, enum vmx_entry_instruction instruction)
{
    struct vmx_entry_result result = {.kind = VMX_ENTERED};
    uint32_t listed = 0;
    if (!cpu->native_root)
        cpu->nmi_blocked = (cpu->state.interruptibility & VMX_BLOCKING_BY_NMI) != 0;
    result.check = vmx_check_first_fast(cpu, instruction == VMX_ENTRY_RESUME);
    if (result.check != VMX_CHECK_NONE) {
        refuse(cpu, &result);
        return result;
    }
    if (cpu->mce_at_entry) {
        cpu->mce_at_entry = false;
        result.check = VMX_CHECK_MCE_ENTRY;
        fail(cpu, &result, VMX_EXIT_MCE_DURING_VMENTRY, 0);
        return result;
    }
    if (!load_guest(cpu, &result)) {
        result.check = VMX_CHECK_GUEST_PDPTE0_RESERVED;
        fail(cpu, &result, VMX_EXIT_INVALID_STATE, 2);
        return result;
    }
    const uint32_t failing = vmx_load_entry_msrs(cpu, &listed, &result.check);
    if (failing != MSR_LIST_LOADED) {
        fail(cpu, &result, VMX_EXIT_MSR_LOAD_FAIL, failing);
        return result;
    }
    result.changed |= listed;
    cpu->unsaved |= listed;
    vmx_invalidate_at_transition(cpu);
    commit(cpu, &result);
    return result;
}

void vmx_forget_guest(struct vmx_cpu *cpu)
{
    cpu->loaded = NULL;
    cpu->settled_of = NULL;
}
