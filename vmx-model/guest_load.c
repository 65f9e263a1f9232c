/* SPDX-License-Identifier: MIT */
/* Loading guest state, group by group. SDM 3C, "Loading Guest State". */
#include "controls.h"
#include "registers.h"
#include "transition_ops.h"
#include "walk.h"

static void load_ip(struct vmx_state *s, const struct vmcs *v)
{
    s->rip = vmcs_get(v, VMCS_GUEST_RIP);
    s->gpr[VMX_RSP] = vmcs_get(v, VMCS_GUEST_RSP);
    s->rflags = vmcs_get(v, VMCS_GUEST_RFLAGS);
}

/* Without "load IA32_EFER", LMA follows the control "IA-32e mode guest", and so does LME while paging is on; with paging off LME keeps
   the host's value, which every VM entry checks against "host address-space size". */
uint64_t vmx_entry_efer(const struct vmx_state *s, const struct vmcs *v)
{
    const uint64_t entry = vmcs_get(v, VMCS_VM_ENTRY_CONTROLS), exit = vmcs_get(v, VMCS_VM_EXIT_CONTROLS);
    if ((entry & VMX_ENTRYCTL_LOAD_EFER) != 0)
        return vmcs_get(v, VMCS_GUEST_IA32_EFER);
    const bool long_mode = (entry & VMX_ENTRYCTL_IA32E_MODE_GUEST) != 0;
    const bool long_mode_enabled = (s->cr0 & VMX_CR0_PG) != 0 ? long_mode : (exit & VMX_EXITCTL_HOST_ADDR_SPACE_SIZE) != 0;
    return (s->efer & ~(VMX_EFER_LME | VMX_EFER_LMA)) | (long_mode ? VMX_EFER_LMA : 0) | (long_mode_enabled ? VMX_EFER_LME : 0);
}

static void load_control(struct vmx_state *s, const struct vmcs *v)
{
    s->cr0 = (vmcs_get(v, VMCS_GUEST_CR0) & ~VMX_CR0_KEPT) | (s->cr0 & VMX_CR0_KEPT) | VMX_CR0_ET;
    s->cr3 = vmcs_get(v, VMCS_GUEST_CR3);
    s->cr4 = vmcs_get(v, VMCS_GUEST_CR4);
    s->efer = vmx_entry_efer(s, v);
}

/* What the manual leaves undefined of an unusable segment register keeps the value of its field. */
static void load_segment(struct vmx_segment *segment, const struct vmcs *v, unsigned n)
{
    segment->selector = (uint16_t)vmcs_get(v, (enum vmcs_field)(VMCS_GUEST_ES_SELECTOR + n));
    segment->base = vmcs_get(v, (enum vmcs_field)(VMCS_GUEST_ES_BASE + n));
    segment->limit = (uint32_t)vmcs_get(v, (enum vmcs_field)(VMCS_GUEST_ES_LIMIT + n));
    segment->access_rights = (uint32_t)vmcs_get(v, (enum vmcs_field)(VMCS_GUEST_ES_AR_BYTES + n)) & VMX_AR_DEFINED;
    if (n == VMX_ES || n == VMX_SS || n == VMX_DS)
        segment->base = (uint32_t)segment->base;
    if ((segment->access_rights & VMX_AR_UNUSABLE) == 0)
        return;
    if (n == VMX_SS) {
        segment->access_rights |= VMX_AR_DB;
        segment->base &= ~UINT64_C(0xf);
    }
}

static void load_segments(struct vmx_state *s, const struct vmcs *v, unsigned linear_bits)
{
    struct vmx_segment *const ldtr = &s->seg[VMX_LDTR];
    for (unsigned n = 0; n < VMX_SEGMENT_COUNT; n++)
        load_segment(&s->seg[n], v, n);
    if (!vmx_is_canonical(ldtr->base, linear_bits)) /* an unusable LDTR only: an undefined but canonical base */
        ldtr->base = 0;
}

static void load_tables(struct vmx_state *s, const struct vmcs *v)
{
    s->gdtr.base = vmcs_get(v, VMCS_GUEST_GDTR_BASE);
    s->gdtr.limit = (uint32_t)vmcs_get(v, VMCS_GUEST_GDTR_LIMIT);
    s->idtr.base = vmcs_get(v, VMCS_GUEST_IDTR_BASE);
    s->idtr.limit = (uint32_t)vmcs_get(v, VMCS_GUEST_IDTR_LIMIT);
}

static void load_debug(struct vmx_state *s, const struct vmcs *v)
{
    const uint64_t dr7_zero = VMX_BIT(12) | VMX_BIT(14) | VMX_BIT(15);
    if ((vmcs_get(v, VMCS_VM_ENTRY_CONTROLS) & VMX_ENTRYCTL_LOAD_DEBUG_CONTROLS) == 0)
        return;
    s->dr[7] = ((uint32_t)vmcs_get(v, VMCS_GUEST_DR7) & ~dr7_zero) | VMX_DR7_FIXED_1;
    s->debugctl = vmcs_get(v, VMCS_GUEST_IA32_DEBUGCTL);
}

static void load_msrs(struct vmx_state *s, const struct vmcs *v)
{
    const uint32_t entry = (uint32_t)vmcs_get(v, VMCS_VM_ENTRY_CONTROLS);
    s->sysenter_cs = (uint32_t)vmcs_get(v, VMCS_GUEST_SYSENTER_CS);
    s->sysenter_esp = vmcs_get(v, VMCS_GUEST_SYSENTER_ESP);
    s->sysenter_eip = vmcs_get(v, VMCS_GUEST_SYSENTER_EIP);
    if ((entry & VMX_ENTRYCTL_LOAD_PAT) != 0)
        s->pat = vmcs_get(v, VMCS_GUEST_IA32_PAT);
    if ((entry & VMX_ENTRYCTL_LOAD_PERF_GLOBAL_CTRL) != 0)
        s->perf_global_ctrl = vmcs_get(v, VMCS_GUEST_IA32_PERF_GLOBAL_CTRL);
    if ((entry & VMX_ENTRYCTL_LOAD_BNDCFGS) != 0)
        s->bndcfgs = vmcs_get(v, VMCS_GUEST_BNDCFGS);
    if ((entry & VMX_ENTRYCTL_LOAD_RTIT_CTL) != 0)
        s->rtit_ctl = vmcs_get(v, VMCS_GUEST_IA32_RTIT_CTL);
    if ((entry & VMX_ENTRYCTL_LOAD_LBR_CTL) != 0)
        s->lbr_ctl = vmcs_get(v, VMCS_GUEST_IA32_LBR_CTL);
    if ((entry & VMX_ENTRYCTL_LOAD_PKRS) != 0)
        s->pkrs = vmcs_get(v, VMCS_GUEST_IA32_PKRS);
    if ((entry & VMX_ENTRYCTL_LOAD_SPEC_CTRL) != 0)
        s->spec_ctrl = vmcs_get(v, VMCS_GUEST_IA32_SPEC_CTRL);
    if ((entry & VMX_ENTRYCTL_LOAD_CET) != 0) {
        s->s_cet = vmcs_get(v, VMCS_GUEST_S_CET);
        s->ssp = vmcs_get(v, VMCS_GUEST_SSP);
        s->interrupt_ssp_table = vmcs_get(v, VMCS_GUEST_INTR_SSP_TABLE);
    }
}

static void load_event(struct vmx_state *s, const struct vmcs *v)
{
    s->interruptibility = (uint32_t)vmcs_get(v, VMCS_GUEST_INTERRUPTIBILITY_INFO);
    s->activity = (uint32_t)vmcs_get(v, VMCS_GUEST_ACTIVITY_STATE);
    s->pending_debug = vmcs_get(v, VMCS_GUEST_PENDING_DBG_EXCEPTIONS);
}

void vmx_load_guest_groups(struct vmx_cpu *cpu, uint32_t groups)
{
    struct vmx_state *const s = &cpu->state;
    const struct vmcs *const v = cpu->vmcs;
    if ((groups & VMX_GROUP_IP) != 0)
        load_ip(s, v);
    if ((groups & VMX_GROUP_CONTROL) != 0)
        load_control(s, v);
    if ((groups & VMX_GROUP_SEGMENTS) != 0)
        load_segments(s, v, cpu->caps->linear_bits);
    if ((groups & VMX_GROUP_TABLES) != 0)
        load_tables(s, v);
    if ((groups & VMX_GROUP_DEBUG) != 0)
        load_debug(s, v);
    if ((groups & VMX_GROUP_MSR) != 0)
        load_msrs(s, v);
    if ((groups & VMX_GROUP_EVENT) != 0)
        load_event(s, v);
}

bool vmx_pae_paging(const struct vmx_state *s)
{
    return (s->cr0 & VMX_CR0_PG) != 0 && (s->cr4 & VMX_CR4_PAE) != 0 && (s->efer & VMX_EFER_LMA) == 0;
}

bool vmx_load_guest_pdptes(struct vmx_cpu *cpu, bool *changed)
{
    struct vmx_state *const s = &cpu->state;
    uint64_t pdpte[4];
    if ((vmx_secondary_controls(cpu) & VMX_SEC_ENABLE_EPT) != 0) {
        for (unsigned n = 0; n < 4; n++)
            pdpte[n] = vmcs_get(cpu->vmcs, (enum vmcs_field)(VMCS_GUEST_PDPTR0 + n));
    } else {
        struct vmx_translation translation;
        if (!vmx_load_pdptes(cpu, s->cr3, pdpte, &translation))
            return false;
    }
    for (unsigned n = 0; n < 4; n++) {
        *changed |= s->pdpte[n] != pdpte[n];
        s->pdpte[n] = pdpte[n];
    }
    return true;
}
