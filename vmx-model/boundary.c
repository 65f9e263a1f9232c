/* SPDX-License-Identifier: MIT */
/* The event that acts at an instruction boundary. SDM 3A, "Priority Among Concurrent Events"; SDM 3C, "Other Causes of VM Exits". */
#include "boundary_ops.h"
#include "controls.h"
#include "outcome.h"
#include "registers.h"
#include "virtual_apic.h"
#include "virtual_apic_ops.h"

/* ---- the VMX-preemption timer: counts down when bit X of the TSC changes ---- */

static unsigned timer_rate(const struct vmx_cpu *cpu)
{
    return (unsigned)cpu->caps->misc & 31;
}

uint64_t vmx_timer_value(const struct vmx_cpu *cpu)
{
    const uint64_t elapsed = (cpu->tsc >> timer_rate(cpu)) - (cpu->timer_start_tsc >> timer_rate(cpu));
    return elapsed < cpu->timer_start_value ? cpu->timer_start_value - elapsed : 0;
}

uint64_t vmx_timer_remaining(const struct vmx_cpu *cpu)
{
    if (!cpu->timer_active)
        return UINT64_MAX;
    if (vmx_timer_value(cpu) == 0)
        return 0;
    return (((cpu->timer_start_tsc >> timer_rate(cpu)) + cpu->timer_start_value) << timer_rate(cpu)) - cpu->tsc;
}

bool vmx_entry_finds_tpr_below_threshold(const struct vmx_cpu *cpu)
{
    const uint32_t secondary = vmx_secondary_controls(cpu);
    if ((vmx_primary_controls(cpu) & VMX_PRI_USE_TPR_SHADOW) == 0 || (secondary & VMX_SEC_VIRTUALIZE_APIC_ACCESSES) == 0 ||
        (secondary & VMX_SEC_VIRTUAL_INTR_DELIVERY) != 0)
        return false;
    return vmx_vapic_tpr(cpu) >> 4 < (vmcs_get(cpu->vmcs, VMCS_TPR_THRESHOLD) & 0xf);
}

/* ---- blocking ---- */

static bool primary(const struct vmx_cpu *cpu, uint32_t control)
{
    return vmx_non_root(cpu) && (vmx_primary_controls(cpu) & control) != 0;
}
static bool pin(const struct vmx_cpu *cpu, uint32_t control)
{
    return vmx_non_root(cpu) && (vmx_pin_controls(cpu) & control) != 0;
}
static bool blocked(const struct vmx_cpu *cpu, uint32_t by)
{
    return (cpu->state.interruptibility & by) != 0;
}

/* Blocking by STI holds NMIs on some processors only. */
static uint32_t nmi_shadow(const struct vmx_cpu *cpu)
{
    return VMX_BLOCKING_BY_MOV_SS | (cpu->caps->nmi_sti_blocks ? (uint32_t)VMX_BLOCKING_BY_STI : 0);
}

/* With virtual NMIs, bit 3 of the interruptibility state is virtual-NMI blocking and physical NMIs are not blocked in non-root operation. */
static bool nmi_acts(const struct vmx_cpu *cpu)
{
    if (!cpu->pending.nmi || blocked(cpu, nmi_shadow(cpu)))
        return false;
    return pin(cpu, VMX_PIN_VIRTUAL_NMIS) || (!blocked(cpu, VMX_BLOCKING_BY_NMI) && !cpu->nmi_blocked);
}

bool vmx_iret_unblocks_nmis(const struct vmx_cpu *cpu)
{
    return cpu->operation != VMX_OPERATION_NON_ROOT || !pin(cpu, VMX_PIN_NMI_EXITING) || pin(cpu, VMX_PIN_VIRTUAL_NMIS);
}

static bool nmi_window_open(const struct vmx_cpu *cpu)
{
    return primary(cpu, VMX_PRI_NMI_WINDOW_EXITING) && !blocked(cpu, VMX_BLOCKING_BY_NMI | nmi_shadow(cpu));
}

static bool interruptible(const struct vmx_cpu *cpu)
{
    return (cpu->state.rflags & VMX_RFLAGS_IF) != 0 && !blocked(cpu, VMX_BLOCKING_BY_STI | VMX_BLOCKING_BY_MOV_SS);
}

/* Implementation-specific: with "external-interrupt exiting" the exit waits for the end of blocking by STI and MOV SS too. */
static bool external_interrupt_acts(const struct vmx_cpu *cpu)
{
    if (!cpu->pending.interrupt)
        return false;
    return pin(cpu, VMX_PIN_EXT_INTR_EXITING) ? !blocked(cpu, VMX_BLOCKING_BY_STI | VMX_BLOCKING_BY_MOV_SS) : interruptible(cpu);
}

/* ---- outcomes ---- */

/* An event goes to the guest; with "monitor trap flag" the exit is pending behind its delivery. */
static struct vmx_outcome deliver(struct vmx_cpu *cpu, uint8_t type, uint8_t vector)
{
    cpu->pending.mtf = primary(cpu, VMX_PRI_MONITOR_TRAP_FLAG);
    return (struct vmx_outcome){.kind = VMX_OUTCOME_FAULT, .event = {.vector = vector, .type = type}};
}

static struct vmx_outcome exit_with_event(enum vmx_reason reason, uint8_t type, uint8_t vector)
{
    struct vmx_outcome outcome = vmx_outcome_exit(reason, 0);
    outcome.exit.valid |= VMX_VALID_INTERRUPTION;
    outcome.exit.interruption_info = 1u << 31 | (uint32_t)type << 8 | vector;
    return outcome;
}

static struct vmx_outcome machine_check(struct vmx_cpu *cpu)
{
    cpu->pending.machine_check = false;
    if ((cpu->state.cr4 & VMX_CR4_MCE) == 0)
        return (struct vmx_outcome){.kind = VMX_OUTCOME_SHUTDOWN};
    return deliver(cpu, VMX_EVENT_HARDWARE_EXCEPTION, VMX_MC);
}

/* B3-B0, BLD, BS and RTM stand in the #DB qualification where they stand in the field. */
static struct vmx_outcome debug_exception(struct vmx_cpu *cpu)
{
    struct vmx_outcome outcome = deliver(cpu, VMX_EVENT_HARDWARE_EXCEPTION, VMX_DB);
    outcome.event.payload = cpu->state.pending_debug & (VMX_PENDING_B | VMX_PENDING_BLD | VMX_PENDING_BS | VMX_PENDING_BT | VMX_PENDING_RTM);
    outcome.changed = VMX_GROUP_EVENT;
    cpu->state.pending_debug = 0;
    return outcome;
}

static struct vmx_outcome nmi(struct vmx_cpu *cpu)
{
    cpu->pending.nmi = false;
    if (pin(cpu, VMX_PIN_NMI_EXITING))
        return exit_with_event(VMX_EXIT_EXCEPTION_NMI, VMX_EVENT_NMI, VMX_NMI);
    return deliver(cpu, VMX_EVENT_NMI, VMX_NMI);
}

static bool virtual_interrupt_acts(const struct vmx_cpu *cpu)
{
    return vmx_non_root(cpu) && cpu->pending.virtual_interrupt && !primary(cpu, VMX_PRI_INTR_WINDOW_EXITING) && interruptible(cpu);
}

static struct vmx_outcome virtual_interrupt(struct vmx_cpu *cpu)
{
    struct vmx_outcome outcome = deliver(cpu, VMX_EVENT_EXTERNAL_INTERRUPT, vmx_take_virtual_interrupt(cpu));
    outcome.event.is_virtual = true;
    return outcome;
}

static bool is_posted_interrupt_notification(const struct vmx_cpu *cpu)
{
    return pin(cpu, VMX_PIN_PROCESS_POSTED_INTR) && cpu->pending.interrupt_vector == vmcs_get(cpu->vmcs, VMCS_POSTED_INTR_NV);
}

/* Without "acknowledge interrupt on exit" the interrupt stays where it is, for the host to take. */
static struct vmx_outcome external_interrupt(struct vmx_cpu *cpu)
{
    const bool exits = pin(cpu, VMX_PIN_EXT_INTR_EXITING);
    if (exits && (vmcs_get(cpu->vmcs, VMCS_VM_EXIT_CONTROLS) & VMX_EXITCTL_ACK_INTR_ON_EXIT) == 0)
        return vmx_outcome_exit(VMX_EXIT_EXTERNAL_INTERRUPT, 0);
    cpu->pending.interrupt = false;
    if (is_posted_interrupt_notification(cpu)) {
        vmx_process_posted_interrupts(cpu);
        struct vmx_outcome posted = virtual_interrupt_acts(cpu) ? virtual_interrupt(cpu) : vmx_outcome_done(0);
        posted.dismissed = true;
        return posted;
    }
    if (exits)
        return exit_with_event(VMX_EXIT_EXTERNAL_INTERRUPT, VMX_EVENT_EXTERNAL_INTERRUPT, cpu->pending.interrupt_vector);
    return deliver(cpu, VMX_EVENT_EXTERNAL_INTERRUPT, cpu->pending.interrupt_vector);
}

/* Wait-for-SIPI hears nothing but SIPI (and machine checks); every other state drops it. Outside VMX operation the processor starts. */
static struct vmx_outcome start_up(struct vmx_cpu *cpu)
{
    struct vmx_state *const s = &cpu->state;
    cpu->pending.sipi = false;
    if (vmx_non_root(cpu))
        return vmx_outcome_exit(VMX_EXIT_SIPI_SIGNAL, cpu->pending.sipi_vector);
    s->seg[VMX_CS].selector = (uint16_t)(cpu->pending.sipi_vector << 8);
    s->seg[VMX_CS].base = (uint64_t)cpu->pending.sipi_vector << 12;
    s->rip = 0;
    s->activity = VMX_ACTIVE;
    return vmx_outcome_done(VMX_GROUP_IP | VMX_GROUP_SEGMENTS | VMX_GROUP_EVENT);
}

/* Events above the debug traps, in active, HLT and shutdown state. INIT is blocked in root operation; outside VMX it resets the processor, which
   is the caller's. Not modelled: system-management mode; an SMI shuts the processor down, loudly. */
static bool urgent(struct vmx_cpu *cpu, struct vmx_outcome *outcome)
{
    struct vmx_pending *const p = &cpu->pending;
    const bool shutdown = cpu->state.activity == VMX_SHUTDOWN;
    if (p->tpr_below_threshold && !shutdown) {
        p->tpr_below_threshold = false;
        *outcome = vmx_outcome_exit(VMX_EXIT_TPR_BELOW_THRESHOLD, 0);
    } else if (p->smi) {
        p->smi = false;
        *outcome = (struct vmx_outcome){.kind = VMX_OUTCOME_SHUTDOWN};
    } else if (p->init && vmx_non_root(cpu)) {
        p->init = false;
        *outcome = vmx_outcome_exit(VMX_EXIT_INIT_SIGNAL, 0);
    } else if (p->mtf && vmx_non_root(cpu) && !shutdown) {
        p->mtf = false;
        *outcome = vmx_outcome_exit(VMX_EXIT_MONITOR_TRAP_FLAG, 0);
    } else {
        return false;
    }
    return true;
}

static bool debug_pending(const struct vmx_cpu *cpu)
{
    const uint64_t valid = VMX_PENDING_ENABLED | VMX_PENDING_BS | VMX_PENDING_BT | VMX_PENDING_BLD | VMX_PENDING_RTM;
    return (cpu->state.pending_debug & valid) != 0 && cpu->state.activity != VMX_SHUTDOWN && !blocked(cpu, VMX_BLOCKING_BY_MOV_SS);
}

static bool timer_expired(const struct vmx_cpu *cpu)
{
    return pin(cpu, VMX_PIN_VMX_PREEMPTION_TIMER) && (cpu->pending.preemption_timer || vmx_timer_remaining(cpu) == 0);
}

struct vmx_outcome vmx_boundary(struct vmx_cpu *cpu)
{
    struct vmx_outcome outcome;
    const bool shutdown = cpu->state.activity == VMX_SHUTDOWN, waiting = cpu->state.activity == VMX_WAIT_FOR_SIPI;
    if (cpu->pending.machine_check)
        return machine_check(cpu);
    if (waiting)
        return cpu->pending.sipi ? start_up(cpu) : vmx_outcome_run();
    cpu->pending.sipi = false;
    if (urgent(cpu, &outcome))
        return outcome;
    if (debug_pending(cpu))
        return debug_exception(cpu);
    if (timer_expired(cpu)) {
        cpu->pending.preemption_timer = false;
        return vmx_outcome_exit(VMX_EXIT_PREEMPTION_TIMER, 0);
    }
    if (nmi_window_open(cpu))
        return vmx_outcome_exit(VMX_EXIT_NMI_WINDOW, 0);
    if (nmi_acts(cpu))
        return nmi(cpu);
    if (!shutdown && primary(cpu, VMX_PRI_INTR_WINDOW_EXITING) && interruptible(cpu))
        return vmx_outcome_exit(VMX_EXIT_INTERRUPT_WINDOW, 0);
    if (!shutdown && virtual_interrupt_acts(cpu))
        return virtual_interrupt(cpu);
    return !shutdown && external_interrupt_acts(cpu) ? external_interrupt(cpu) : vmx_outcome_run();
}
