/* SPDX-License-Identifier: MIT */
/* Raising an event: direct exit, delivery, nested faults, double and triple fault.
   SDM 3A, "Interrupt and Exception Handling"; SDM 3C, "Information for VM Exits That Occur During Event Delivery". */
#include "deliver.h"

#include "breakpoints.h"
#include "controls.h"
#include "deliver_ops.h"
#include "reasons.h"

enum { INFO_ERROR_CODE = 1u << 11 };
#define INFO_VALID (UINT32_C(1) << 31)

static bool is_exception(const struct vmx_event *e, uint8_t vector)
{
    return e->type == VMX_EVENT_HARDWARE_EXCEPTION && e->vector == vector;
}

/* The event in the layout of the interruption-information fields. */
static uint32_t event_info(const struct vmx_cpu *cpu, const struct vmx_event *e)
{
    const bool error_code = e->has_error_code && (cpu->state.cr0 & VMX_CR0_PE) != 0;
    return INFO_VALID | (uint32_t)e->type << 8 | e->vector | (error_code ? (uint32_t)INFO_ERROR_CODE : 0);
}

/* Faults push RF = 1. Of the causes of #DB only an access to debug registers counts: instruction breakpoints push RF as it is. */
static bool is_fault(const struct vmx_event *e)
{
    if (is_exception(e, VMX_DB))
        return (e->payload & VMX_DB_BD) != 0;
    return e->type == VMX_EVENT_HARDWARE_EXCEPTION && e->vector != VMX_DF && e->vector != VMX_MC;
}

/* RF in the image of RFLAGS. SDM 3B, "Instruction-Breakpoint Exception Condition". */
static bool sets_resume_flag(const struct vmx_cpu *cpu, const struct vmx_event *e, bool injected)
{
    return !injected && (is_fault(e) || cpu->repeats);
}

static bool exception_selected(const struct vmx_cpu *cpu, const struct vmx_event *e)
{
    const uint32_t bitmap = (uint32_t)vmcs_get(cpu->vmcs, VMCS_EXCEPTION_BITMAP);
    const bool bit = (bitmap >> (e->vector & 31u) & 1) != 0;
    if (!is_exception(e, VMX_PF))
        return bit;
    const uint32_t mask = (uint32_t)vmcs_get(cpu->vmcs, VMCS_PAGE_FAULT_ERROR_CODE_MASK);
    const uint32_t match = (uint32_t)vmcs_get(cpu->vmcs, VMCS_PAGE_FAULT_ERROR_CODE_MATCH);
    return ((e->error_code & mask) == match) == bit;
}

static bool selected(const struct vmx_cpu *cpu, const struct vmx_event *e)
{
    const uint32_t pin = vmx_pin_controls(cpu);
    if (cpu->operation != VMX_OPERATION_NON_ROOT)
        return false;
    switch ((enum vmx_event_type)e->type) {
    case VMX_EVENT_EXTERNAL_INTERRUPT:
        return (pin & VMX_PIN_EXT_INTR_EXITING) != 0 && !e->is_virtual;
    case VMX_EVENT_NMI:
        return (pin & VMX_PIN_NMI_EXITING) != 0;
    case VMX_EVENT_HARDWARE_EXCEPTION:
    case VMX_EVENT_PRIVILEGED_SOFTWARE_EXCEPTION:
    case VMX_EVENT_SOFTWARE_EXCEPTION:
        return exception_selected(cpu, e);
    case VMX_EVENT_SOFTWARE_INTERRUPT:
    case VMX_EVENT_OTHER:
        return false;
    }
    return false;
}

static bool has_instruction_length(uint32_t type)
{
    return type >= VMX_EVENT_SOFTWARE_INTERRUPT && type <= VMX_EVENT_SOFTWARE_EXCEPTION;
}

/* IDT-vectoring information of the event whose delivery is under way, where there is one. */
static void add_vectoring(const struct vmx_cpu *cpu, struct vmx_exit_info *exit)
{
    if ((cpu->vectoring_info & INFO_VALID) == 0)
        return;
    exit->valid |= VMX_VALID_IDT_VECTORING;
    exit->idt_vectoring_info = cpu->vectoring_info;
    exit->idt_vectoring_error_code = cpu->vectoring_error_code;
    if (has_instruction_length(cpu->vectoring_info >> 8 & 7u)) {
        exit->valid |= VMX_VALID_INSTRUCTION_LENGTH;
        exit->instruction_length = cpu->vectoring_length;
    }
}

bool vmx_event_exits(const struct vmx_cpu *cpu, const struct vmx_event *event, struct vmx_exit_info *exit)
{
    static const struct vmx_exit_info blank;
    if (!selected(cpu, event))
        return false;
    const bool interrupt = event->type == VMX_EVENT_EXTERNAL_INTERRUPT;
    *exit = blank;
    exit->reason = interrupt ? VMX_EXIT_EXTERNAL_INTERRUPT : VMX_EXIT_EXCEPTION_NMI;
    exit->valid = VMX_VALID_QUALIFICATION;
    if (is_exception(event, VMX_PF) || is_exception(event, VMX_DB))
        exit->qualification = event->payload;
    if (!interrupt || (vmcs_get(cpu->vmcs, VMCS_VM_EXIT_CONTROLS) & VMX_EXITCTL_ACK_INTR_ON_EXIT) != 0) {
        exit->valid |= VMX_VALID_INTERRUPTION;
        exit->interruption_info = event_info(cpu, event);
    }
    if ((exit->interruption_info & INFO_ERROR_CODE) != 0)
        exit->interruption_error_code = event->error_code;
    if (is_fault(event))
        exit->interruption_info |= (uint32_t)vmx_nmi_unblocking(cpu);
    if (has_instruction_length(event->type)) {
        exit->valid |= VMX_VALID_INSTRUCTION_LENGTH;
        exit->instruction_length = event->instruction_length;
    }
    add_vectoring(cpu, exit);
    return true;
}

/* Classes of the double-fault table. */
enum fault_class { BENIGN, CONTRIBUTORY, PAGE_FAULT, DOUBLE_FAULT };

static enum fault_class class_of(const struct vmx_event *e)
{
    static const uint32_t contributory = 1u << VMX_DE | 1u << VMX_TS | 1u << VMX_NP | 1u << VMX_SS_FAULT | 1u << VMX_GP | 1u << VMX_CP;
    if (e->type != VMX_EVENT_HARDWARE_EXCEPTION)
        return BENIGN;
    if (e->vector == VMX_DF)
        return DOUBLE_FAULT;
    if (e->vector == VMX_PF || e->vector == VMX_VE)
        return PAGE_FAULT;
    return (contributory >> (e->vector & 31u) & 1) != 0 ? CONTRIBUTORY : BENIGN;
}

enum promotion { SERIAL, TO_DOUBLE_FAULT, TO_TRIPLE_FAULT };

static enum promotion promote(const struct vmx_event *first, const struct vmx_event *second)
{
    static const uint8_t table[4][4] = {
        [BENIGN] = {SERIAL, SERIAL, SERIAL, SERIAL},
        [CONTRIBUTORY] = {SERIAL, TO_DOUBLE_FAULT, SERIAL, SERIAL},
        [PAGE_FAULT] = {SERIAL, TO_DOUBLE_FAULT, TO_DOUBLE_FAULT, SERIAL},
        [DOUBLE_FAULT] = {SERIAL, TO_TRIPLE_FAULT, TO_TRIPLE_FAULT, TO_TRIPLE_FAULT},
    };
    return (enum promotion)table[class_of(first)][class_of(second)];
}

/* DR6 takes the causes; DR7.GD and the branch facilities of IA32_DEBUGCTL end with any #DB. SDM 3B, "Debug Exception (#DB)". */
static void enter_debug_exception(struct vmx_state *s, const struct vmx_event *e)
{
    const uint64_t lbr_and_btf = VMX_BIT(0) | VMX_DEBUGCTL_BTF;
    if (e->type == VMX_EVENT_HARDWARE_EXCEPTION) {
        s->dr[6] = (s->dr[6] & ~VMX_PENDING_B) | (e->payload & (VMX_PENDING_B | VMX_DB_BD | VMX_PENDING_BS | VMX_PENDING_BT));
        s->dr[6] |= VMX_PENDING_RTM;
        s->dr[6] &= ~(e->payload & (VMX_PENDING_RTM | VMX_PENDING_BLD)); /* of opposite polarity in DR6 */
    }
    s->dr[7] &= ~VMX_DR7_GD;
    s->debugctl &= ~lbr_and_btf;
}

/* What changes as soon as delivery of the event begins, whether it succeeds or not. An injected event leaves CR2 and debug registers. */
static uint32_t enter_event(struct vmx_cpu *cpu, const struct vmx_event *e, bool injected)
{
    struct vmx_state *s = &cpu->state;
    uint32_t changed = 0;
    cpu->vectoring_info = event_info(cpu, e);
    cpu->vectoring_error_code = (cpu->vectoring_info & INFO_ERROR_CODE) != 0 ? e->error_code : 0;
    cpu->vectoring_length = has_instruction_length(e->type) ? e->instruction_length : 0;
    if (e->type == VMX_EVENT_NMI) {
        s->interruptibility |= VMX_BLOCKING_BY_NMI;
        changed |= VMX_GROUP_EVENT;
    } else if (injected) {
        return changed;
    } else if (is_exception(e, VMX_PF)) {
        s->cr2 = e->payload;
        changed |= VMX_GROUP_MSR;
    } else if (is_exception(e, VMX_DB) || e->type == VMX_EVENT_PRIVILEGED_SOFTWARE_EXCEPTION) {
        enter_debug_exception(s, e);
        changed |= VMX_GROUP_DEBUG;
    }
    return changed;
}

static enum vmx_delivered deliver_in_mode(struct vmx_delivery *d)
{
    const struct vmx_state *s = &d->cpu->state;
    if ((s->cr0 & VMX_CR0_PE) == 0)
        return vmx_deliver_real(d);
    return (s->efer & VMX_EFER_LMA) != 0 ? vmx_deliver_long(d) : vmx_deliver_protected(d);
}

/* Software events push the address behind their instruction, and are not external to the program. */
static enum vmx_delivered deliver(struct vmx_cpu *cpu, const struct vmx_event *e, bool injected, struct vmx_delivery *d)
{
    const struct vmx_state *s = &cpu->state;
    const bool program = e->type == VMX_EVENT_SOFTWARE_INTERRUPT || e->type == VMX_EVENT_SOFTWARE_EXCEPTION;
    d->cpu = cpu;
    d->event = e;
    d->injected = injected;
    d->changed = 0;
    d->ext = program ? 0 : 1;
    d->return_rip = s->rip + (has_instruction_length(e->type) ? e->instruction_length : 0);
    if (!vmx_in_64bit_mode(s))
        d->return_rip &= UINT32_MAX;
    d->return_rflags = s->rflags | (sets_resume_flag(cpu, e, injected) ? VMX_RFLAGS_RF : 0);
    return deliver_in_mode(d);
}

/* Delivery is over: the groups that it wrote. */
static uint32_t finish(struct vmx_cpu *cpu, const struct vmx_segment *cs, const struct vmx_segment *ss, bool virtual_8086)
{
    struct vmx_state *s = &cpu->state;
    const uint32_t blocking = s->interruptibility & ~(uint32_t)(VMX_BLOCKING_BY_STI | VMX_BLOCKING_BY_MOV_SS);
    const struct vmx_segment *new_cs = &s->seg[VMX_CS], *new_ss = &s->seg[VMX_SS];
    uint32_t changed = VMX_GROUP_IP;
    if (virtual_8086 || cs->selector != new_cs->selector || cs->base != new_cs->base || cs->limit != new_cs->limit ||
        cs->access_rights != new_cs->access_rights || ss->selector != new_ss->selector || ss->base != new_ss->base || ss->limit != new_ss->limit ||
        ss->access_rights != new_ss->access_rights)
        changed |= VMX_GROUP_SEGMENTS;
    if (blocking != s->interruptibility || s->activity != VMX_ACTIVE)
        changed |= VMX_GROUP_EVENT;
    s->interruptibility = blocking;
    s->activity = VMX_ACTIVE;
    return changed;
}

static struct vmx_outcome triple_fault(const struct vmx_cpu *cpu)
{
    if (cpu->operation != VMX_OPERATION_NON_ROOT)
        return (struct vmx_outcome){.kind = VMX_OUTCOME_SHUTDOWN};
    return (struct vmx_outcome){.kind = VMX_OUTCOME_EXIT, .exit = {.reason = VMX_EXIT_TRIPLE_FAULT, .valid = VMX_VALID_QUALIFICATION}};
}

/* An exit ends the delivery: what was changed up to here is to be saved, and to reach the engine at the next entry. */
static struct vmx_outcome leave(struct vmx_cpu *cpu, struct vmx_outcome outcome, uint32_t changed)
{
    cpu->vectoring_info = 0;
    cpu->stale |= changed;
    cpu->unsaved |= changed;
    return outcome;
}

/* RFLAGS.RF is saved as the event whose delivery is under way would have pushed it. */
static uint32_t settle_resume_flag(struct vmx_cpu *cpu, const struct vmx_event *e, bool injected)
{
    if (!sets_resume_flag(cpu, e, injected) || (cpu->state.rflags & VMX_RFLAGS_RF) != 0)
        return 0;
    cpu->state.rflags |= VMX_RFLAGS_RF;
    return VMX_GROUP_IP;
}

/* Software interrupts and exceptions are instructions that complete: RF has ended where they push RFLAGS, or exit. */
static uint32_t clear_resume_flag(struct vmx_cpu *cpu, const struct vmx_event *e)
{
    if (!has_instruction_length(e->type) || (cpu->state.rflags & VMX_RFLAGS_RF) == 0)
        return 0;
    cpu->state.rflags &= ~VMX_RFLAGS_RF;
    return VMX_GROUP_IP;
}

struct vmx_outcome vmx_raise(struct vmx_cpu *cpu, const struct vmx_event *event, bool injected)
{
    static const struct vmx_event double_fault = {.vector = VMX_DF, .type = VMX_EVENT_HARDWARE_EXCEPTION, .has_error_code = true};
    struct vmx_outcome outcome = {.kind = VMX_OUTCOME_EXIT};
    struct vmx_event current = *event;
    uint32_t changed = 0;
    cpu->breakpoints_hit = 0;
    if (!injected)
        changed |= clear_resume_flag(cpu, event);
    if (!injected && vmx_event_exits(cpu, &current, &outcome.exit))
        return leave(cpu, outcome, changed);
    for (;;) {
        const struct vmx_segment cs = cpu->state.seg[VMX_CS], ss = cpu->state.seg[VMX_SS];
        const bool virtual_8086 = (cpu->state.rflags & VMX_RFLAGS_VM) != 0;
        struct vmx_delivery d;
        changed |= enter_event(cpu, &current, injected);
        const enum vmx_delivered step = deliver(cpu, &current, injected, &d);
        changed |= d.changed;
        switch (step) {
        case VMX_DELIVERED:
            cpu->vectoring_info = 0;
            cpu->repeats = false;
            changed |= vmx_pend_breakpoints(cpu) ? VMX_GROUP_EVENT : 0;
            return (struct vmx_outcome){.kind = VMX_OUTCOME_DONE, .changed = changed | finish(cpu, &cs, &ss, virtual_8086)};
        case VMX_DELIVERY_EXIT:
            outcome.exit = d.exit;
            return leave(cpu, outcome, changed | settle_resume_flag(cpu, &current, injected));
        case VMX_DELIVERY_FAULT:
            break;
        }
        if (vmx_event_exits(cpu, &d.fault, &outcome.exit))
            return leave(cpu, outcome, changed);
        const enum promotion next = promote(&current, &d.fault);
        if (next == TO_TRIPLE_FAULT)
            return leave(cpu, triple_fault(cpu), changed);
        if (is_exception(&d.fault, VMX_PF)) {
            cpu->state.cr2 = d.fault.payload;
            changed |= VMX_GROUP_MSR;
        }
        injected = false;
        current = next == SERIAL ? d.fault : double_fault;
        if (next == SERIAL)
            continue;
        cpu->vectoring_info = 0; /* a #DF that exits leaves no trace of the event that it came from */
        if (vmx_event_exits(cpu, &current, &outcome.exit))
            return leave(cpu, outcome, changed);
    }
}
