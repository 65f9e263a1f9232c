/* SPDX-License-Identifier: MIT */
/* Saving guest state, group by group. SDM 3C, "Saving Guest State". */
#include "controls.h"
#include "registers.h"
#include "transition_ops.h"

/* Writes a field as the processor does: the guest holds the value already, so nothing is to be loaded; where it differs it is to be checked. */
static inline uint32_t put(struct vmcs *v, enum vmcs_field field, uint64_t value, uint32_t group)
{
    const bool same = v->field[field] == value;
    v->field[field] = value;
    return same ? 0 : group;
}

static uint32_t save_ip(struct vmcs *v, const struct vmx_state *s)
{
    return put(v, VMCS_GUEST_RIP, s->rip, VMCS_GROUP_GUEST_IP) | put(v, VMCS_GUEST_RSP, s->gpr[VMX_RSP], VMCS_GROUP_GUEST_IP) |
           put(v, VMCS_GUEST_RFLAGS, s->rflags, VMCS_GROUP_GUEST_IP);
}

static uint32_t save_event(struct vmcs *v, const struct vmx_state *s)
{
    return put(v, VMCS_GUEST_INTERRUPTIBILITY_INFO, s->interruptibility, VMCS_GROUP_GUEST_EVENT) |
           put(v, VMCS_GUEST_ACTIVITY_STATE, s->activity, VMCS_GROUP_GUEST_EVENT) |
           put(v, VMCS_GUEST_PENDING_DBG_EXCEPTIONS, s->pending_debug, VMCS_GROUP_GUEST_EVENT);
}

static uint32_t save_control(struct vmx_cpu *cpu, uint32_t exit)
{
    const struct vmx_state *const s = &cpu->state;
    struct vmcs *const v = cpu->vmcs;
    uint32_t written = put(v, VMCS_GUEST_CR0, s->cr0, VMCS_GROUP_GUEST_CONTROL) | put(v, VMCS_GUEST_CR3, s->cr3, VMCS_GROUP_GUEST_CONTROL) |
                       put(v, VMCS_GUEST_CR4, s->cr4, VMCS_GROUP_GUEST_CONTROL);
    if ((exit & VMX_EXITCTL_SAVE_EFER) != 0)
        written |= put(v, VMCS_GUEST_IA32_EFER, s->efer, VMCS_GROUP_GUEST_CONTROL);
    if (vmx_entry_efer(s, v) != s->efer)
        v->unloaded |= VMCS_GROUP_GUEST_CONTROL;
    if ((vmx_secondary_controls(cpu) & VMX_SEC_ENABLE_EPT) != 0 && vmx_pae_paging(s))
        for (unsigned n = 0; n < 4; n++)
            written |= put(v, (enum vmcs_field)(VMCS_GUEST_PDPTR0 + n), s->pdpte[n], VMCS_GROUP_GUEST_CONTROL);
    return written;
}

static uint32_t save_segments(struct vmcs *v, const struct vmx_state *s)
{
    uint32_t written = 0;
    for (unsigned n = 0; n < VMX_SEGMENT_COUNT; n++) {
        const struct vmx_segment *const segment = &s->seg[n];
        written |= put(v, (enum vmcs_field)(VMCS_GUEST_ES_SELECTOR + n), segment->selector, VMCS_GROUP_GUEST_SEGMENTS) |
                   put(v, (enum vmcs_field)(VMCS_GUEST_ES_BASE + n), segment->base, VMCS_GROUP_GUEST_SEGMENTS) |
                   put(v, (enum vmcs_field)(VMCS_GUEST_ES_LIMIT + n), segment->limit, VMCS_GROUP_GUEST_SEGMENTS) |
                   put(v, (enum vmcs_field)(VMCS_GUEST_ES_AR_BYTES + n), segment->access_rights & VMX_AR_DEFINED, VMCS_GROUP_GUEST_SEGMENTS);
    }
    return written;
}

static uint32_t save_tables(struct vmcs *v, const struct vmx_state *s)
{
    return put(v, VMCS_GUEST_GDTR_BASE, s->gdtr.base, VMCS_GROUP_GUEST_TABLES) |
           put(v, VMCS_GUEST_GDTR_LIMIT, s->gdtr.limit, VMCS_GROUP_GUEST_TABLES) |
           put(v, VMCS_GUEST_IDTR_BASE, s->idtr.base, VMCS_GROUP_GUEST_TABLES) |
           put(v, VMCS_GUEST_IDTR_LIMIT, s->idtr.limit, VMCS_GROUP_GUEST_TABLES);
}

uint32_t vmx_saved_already(const struct vmcs *v, const struct vmx_state *s)
{
    bool segments = true;
    for (unsigned n = 0; n < VMX_SEGMENT_COUNT; n++) {
        const struct vmx_segment *const segment = &s->seg[n];
        segments = segments && vmcs_get(v, (enum vmcs_field)(VMCS_GUEST_ES_SELECTOR + n)) == segment->selector &&
                   vmcs_get(v, (enum vmcs_field)(VMCS_GUEST_ES_BASE + n)) == segment->base &&
                   vmcs_get(v, (enum vmcs_field)(VMCS_GUEST_ES_LIMIT + n)) == segment->limit &&
                   vmcs_get(v, (enum vmcs_field)(VMCS_GUEST_ES_AR_BYTES + n)) == (segment->access_rights & VMX_AR_DEFINED);
    }
    const bool tables = vmcs_get(v, VMCS_GUEST_GDTR_BASE) == s->gdtr.base && vmcs_get(v, VMCS_GUEST_GDTR_LIMIT) == s->gdtr.limit &&
                        vmcs_get(v, VMCS_GUEST_IDTR_BASE) == s->idtr.base && vmcs_get(v, VMCS_GUEST_IDTR_LIMIT) == s->idtr.limit;
    return (segments ? VMX_GROUP_SEGMENTS : 0u) | (tables ? VMX_GROUP_TABLES : 0u);
}

static uint32_t save_debug(struct vmcs *v, const struct vmx_state *s, uint32_t exit)
{
    if ((exit & VMX_EXITCTL_SAVE_DEBUG_CONTROLS) == 0) {
        if (vmcs_get(v, VMCS_GUEST_DR7) != s->dr[7] || vmcs_get(v, VMCS_GUEST_IA32_DEBUGCTL) != s->debugctl)
            v->unloaded |= VMCS_GROUP_GUEST_DEBUG;
        return 0;
    }
    return put(v, VMCS_GUEST_DR7, s->dr[7], VMCS_GROUP_GUEST_DEBUG) | put(v, VMCS_GUEST_IA32_DEBUGCTL, s->debugctl, VMCS_GROUP_GUEST_DEBUG);
}

/* These are saved by every exit of a processor that has a load or clear control for them, whatever its setting. */
static uint32_t save_optional_msrs(struct vmcs *v, const struct vmx_caps *caps, const struct vmx_state *s)
{
    const uint32_t entry = caps->entry.may_be_1, exit = caps->exit.may_be_1;
    uint32_t written = 0;
    if (((entry & VMX_ENTRYCTL_LOAD_BNDCFGS) | (exit & VMX_EXITCTL_CLEAR_BNDCFGS)) != 0)
        written |= put(v, VMCS_GUEST_BNDCFGS, s->bndcfgs, VMCS_GROUP_GUEST_MSR);
    if (((entry & VMX_ENTRYCTL_LOAD_RTIT_CTL) | (exit & VMX_EXITCTL_CLEAR_RTIT_CTL)) != 0)
        written |= put(v, VMCS_GUEST_IA32_RTIT_CTL, s->rtit_ctl, VMCS_GROUP_GUEST_MSR);
    if (((entry & VMX_ENTRYCTL_LOAD_LBR_CTL) | (exit & VMX_EXITCTL_CLEAR_LBR_CTL)) != 0)
        written |= put(v, VMCS_GUEST_IA32_LBR_CTL, s->lbr_ctl, VMCS_GROUP_GUEST_MSR);
    if ((entry & VMX_ENTRYCTL_LOAD_PKRS) != 0)
        written |= put(v, VMCS_GUEST_IA32_PKRS, s->pkrs, VMCS_GROUP_GUEST_MSR);
    if ((entry & VMX_ENTRYCTL_LOAD_CET) != 0)
        written |= put(v, VMCS_GUEST_S_CET, s->s_cet, VMCS_GROUP_GUEST_MSR) | put(v, VMCS_GUEST_SSP, s->ssp, VMCS_GROUP_GUEST_MSR) |
                   put(v, VMCS_GUEST_INTR_SSP_TABLE, s->interrupt_ssp_table, VMCS_GROUP_GUEST_MSR);
    return written;
}

/* Would entry load what exit did not save, and other values than the guest has now? */
static bool loads_other_msrs(const struct vmcs *v, const struct vmx_state *s)
{
    const uint32_t entry = (uint32_t)vmcs_get(v, VMCS_VM_ENTRY_CONTROLS);
    return ((entry & VMX_ENTRYCTL_LOAD_PAT) != 0 && s->pat != vmcs_get(v, VMCS_GUEST_IA32_PAT)) ||
           ((entry & VMX_ENTRYCTL_LOAD_PERF_GLOBAL_CTRL) != 0 && s->perf_global_ctrl != vmcs_get(v, VMCS_GUEST_IA32_PERF_GLOBAL_CTRL)) ||
           ((entry & VMX_ENTRYCTL_LOAD_SPEC_CTRL) != 0 && s->spec_ctrl != vmcs_get(v, VMCS_GUEST_IA32_SPEC_CTRL));
}

static uint32_t save_msrs(const struct vmx_cpu *cpu, uint32_t exit)
{
    const struct vmx_state *const s = &cpu->state;
    struct vmcs *const v = cpu->vmcs;
    uint32_t written = put(v, VMCS_GUEST_SYSENTER_CS, (uint32_t)s->sysenter_cs, VMCS_GROUP_GUEST_MSR) |
                       put(v, VMCS_GUEST_SYSENTER_ESP, s->sysenter_esp, VMCS_GROUP_GUEST_MSR) |
                       put(v, VMCS_GUEST_SYSENTER_EIP, s->sysenter_eip, VMCS_GROUP_GUEST_MSR);
    if ((exit & VMX_EXITCTL_SAVE_PAT) != 0)
        written |= put(v, VMCS_GUEST_IA32_PAT, s->pat, VMCS_GROUP_GUEST_MSR);
    if ((exit & VMX_EXITCTL_SAVE_PERF_GLOBAL_CTRL) != 0)
        written |= put(v, VMCS_GUEST_IA32_PERF_GLOBAL_CTRL, s->perf_global_ctrl, VMCS_GROUP_GUEST_MSR);
    if (loads_other_msrs(v, s))
        v->unloaded |= VMCS_GROUP_GUEST_MSR;
    return written | save_optional_msrs(v, cpu->caps, s);
}

void vmx_save_guest_state(struct vmx_cpu *cpu, uint32_t changed)
{
    const struct vmx_state *const s = &cpu->state;
    struct vmcs *const v = cpu->vmcs;
    const uint32_t exit = (uint32_t)vmcs_get(v, VMCS_VM_EXIT_CONTROLS);
    uint32_t written = save_ip(v, s) | save_event(v, s);
    changed |= cpu->unsaved;
    cpu->unsaved = 0;
    if ((changed & VMX_GROUP_CONTROL) != 0)
        written |= save_control(cpu, exit);
    if ((changed & VMX_GROUP_SEGMENTS) != 0)
        written |= save_segments(v, s);
    if ((changed & VMX_GROUP_TABLES) != 0)
        written |= save_tables(v, s);
    cpu->settled &= ~(written >> GROUP_SHIFT);
    if ((changed & VMX_GROUP_DEBUG) != 0)
        written |= save_debug(v, s, exit);
    if ((changed & VMX_GROUP_MSR) != 0)
        written |= save_msrs(cpu, exit);
    v->unchecked |= written;
}
