/* SPDX-License-Identifier: MIT */
/* Loading host state. SDM 3C, "Loading Host State". */
#include "controls.h"
#include "registers.h"
#include "transition_ops.h"
#include "walk.h"

enum {
    DATA_SEGMENT = 0xc093, /* read/write data, accessed, present, 32-bit, page granularity */
    CODE_SEGMENT = 0x809b, /* execute/read, accessed, present, page granularity */
    TSS_SEGMENT = 0x8b,    /* busy 32-bit or 64-bit TSS, present */
    TSS_LIMIT = 0x67
};

/* PE and PG are fixed in VMX operation only without unrestricted guests, so a guest may leave with them clear: they are loaded. */
static uint64_t host_cr0(const struct vmx_caps *caps, const struct vmcs *v, uint64_t before)
{
    const uint64_t fixed = (caps->cr0_fixed0 | ~caps->cr0_fixed1) & ~(VMX_CR0_PE | VMX_CR0_PG);
    const uint64_t kept = VMX_CR0_KEPT | fixed | ~UINT64_C(0xffffffff);
    return (vmcs_get(v, VMCS_HOST_CR0) & ~kept) | (before & kept);
}

static uint64_t host_cr4(const struct vmx_caps *caps, const struct vmcs *v, uint64_t before, bool host64)
{
    const uint64_t fixed = caps->cr4_fixed0 | ~caps->cr4_fixed1;
    const uint64_t cr4 = (vmcs_get(v, VMCS_HOST_CR4) & ~fixed) | (before & fixed);
    return host64 ? cr4 | VMX_CR4_PAE : cr4 & ~VMX_CR4_PCIDE;
}

static uint64_t host_efer(const struct vmcs *v, uint64_t before, uint32_t exit, bool host64)
{
    const uint64_t long_mode = VMX_EFER_LMA | VMX_EFER_LME;
    if ((exit & VMX_EXITCTL_LOAD_EFER) != 0)
        return vmcs_get(v, VMCS_HOST_IA32_EFER);
    return host64 ? before | long_mode : before & ~long_mode;
}

static void load_msrs(const struct vmcs *v, struct vmx_state *s, uint32_t exit)
{
    s->sysenter_cs = (uint32_t)vmcs_get(v, VMCS_HOST_IA32_SYSENTER_CS);
    s->sysenter_esp = vmcs_get(v, VMCS_HOST_IA32_SYSENTER_ESP);
    s->sysenter_eip = vmcs_get(v, VMCS_HOST_IA32_SYSENTER_EIP);
    if ((exit & VMX_EXITCTL_LOAD_PAT) != 0)
        s->pat = vmcs_get(v, VMCS_HOST_IA32_PAT);
    if ((exit & VMX_EXITCTL_LOAD_PERF_GLOBAL_CTRL) != 0)
        s->perf_global_ctrl = vmcs_get(v, VMCS_HOST_IA32_PERF_GLOBAL_CTRL);
    if ((exit & VMX_EXITCTL_LOAD_PKRS) != 0)
        s->pkrs = vmcs_get(v, VMCS_HOST_IA32_PKRS);
    if ((exit & VMX_EXITCTL_LOAD_CET) != 0) {
        s->s_cet = vmcs_get(v, VMCS_HOST_S_CET);
        s->ssp = vmcs_get(v, VMCS_HOST_SSP);
        s->interrupt_ssp_table = vmcs_get(v, VMCS_HOST_INTR_SSP_TABLE);
    }
    if ((exit & VMX_EXITCTL_CLEAR_BNDCFGS) != 0)
        s->bndcfgs = 0;
    if ((exit & VMX_EXITCTL_CLEAR_RTIT_CTL) != 0)
        s->rtit_ctl = 0;
    if ((exit & VMX_EXITCTL_CLEAR_LBR_CTL) != 0)
        s->lbr_ctl = 0;
    const uint64_t exit2 = (exit & VMX_EXITCTL_ACTIVATE_SECONDARY) != 0 ? vmcs_get(v, VMCS_SECONDARY_VM_EXIT_CONTROLS) : 0;
    if ((exit2 & VMX_EXITCTL2_LOAD_SPEC_CTRL) != 0)
        s->spec_ctrl = vmcs_get(v, VMCS_HOST_IA32_SPEC_CTRL);
}

static void load_data_segment(struct vmx_segment *segment, uint16_t selector, uint64_t base)
{
    *segment = (struct vmx_segment){.selector = selector, .base = base, .limit = UINT32_MAX, .access_rights = DATA_SEGMENT};
    if (selector == 0)
        segment->access_rights |= VMX_AR_UNUSABLE;
}

static uint16_t selector_of(const struct vmcs *v, enum vmcs_field field)
{
    return (uint16_t)vmcs_get(v, field);
}

static void load_segments(const struct vmcs *v, struct vmx_state *s, bool host64)
{
    s->seg[VMX_CS] = (struct vmx_segment){
        .selector = selector_of(v, VMCS_HOST_CS_SELECTOR), .limit = UINT32_MAX, .access_rights = CODE_SEGMENT | (host64 ? VMX_AR_L : VMX_AR_DB)};
    load_data_segment(&s->seg[VMX_SS], selector_of(v, VMCS_HOST_SS_SELECTOR), 0);
    load_data_segment(&s->seg[VMX_DS], selector_of(v, VMCS_HOST_DS_SELECTOR), 0);
    load_data_segment(&s->seg[VMX_ES], selector_of(v, VMCS_HOST_ES_SELECTOR), 0);
    load_data_segment(&s->seg[VMX_FS], selector_of(v, VMCS_HOST_FS_SELECTOR), vmcs_get(v, VMCS_HOST_FS_BASE));
    load_data_segment(&s->seg[VMX_GS], selector_of(v, VMCS_HOST_GS_SELECTOR), vmcs_get(v, VMCS_HOST_GS_BASE));
    s->seg[VMX_TR] = (struct vmx_segment){
        .selector = selector_of(v, VMCS_HOST_TR_SELECTOR), .base = vmcs_get(v, VMCS_HOST_TR_BASE), .limit = TSS_LIMIT, .access_rights = TSS_SEGMENT};
    s->seg[VMX_LDTR] = (struct vmx_segment){.access_rights = VMX_AR_UNUSABLE};
    s->gdtr = (struct vmx_descriptor_table){vmcs_get(v, VMCS_HOST_GDTR_BASE), UINT16_MAX};
    s->idtr = (struct vmx_descriptor_table){vmcs_get(v, VMCS_HOST_IDTR_BASE), UINT16_MAX};
}

void vmx_load_host_state(const struct vmx_cpu *cpu, struct vmx_state *s)
{
    const struct vmcs *const v = cpu->vmcs;
    const uint32_t exit = (uint32_t)vmcs_get(v, VMCS_VM_EXIT_CONTROLS);
    const bool host64 = (exit & VMX_EXITCTL_HOST_ADDR_SPACE_SIZE) != 0;
    s->cr0 = host_cr0(cpu->caps, v, s->cr0);
    s->cr3 = vmcs_get(v, VMCS_HOST_CR3) & (VMX_BIT(cpu->caps->physical_bits) - 1);
    s->cr4 = host_cr4(cpu->caps, v, s->cr4, host64);
    s->efer = host_efer(v, s->efer, exit, host64);
    s->dr[7] = VMX_DR7_FIXED_1;
    s->debugctl = 0;
    load_msrs(v, s, exit);
    load_segments(v, s, host64);
    s->rip = vmcs_get(v, VMCS_HOST_RIP);
    s->gpr[VMX_RSP] = vmcs_get(v, VMCS_HOST_RSP);
    s->rflags = VMX_RFLAGS_FIXED_1;
    s->activity = VMX_ACTIVE;
    s->interruptibility = cpu->nmi_blocked ? VMX_BLOCKING_BY_NMI : 0;
    s->pending_debug = 0;
}

/* Native root software leaves the guest in `state`. What the exit loads and no entry loads back is yet one register for both: it changes. */
static void load_shared_debug_registers(struct vmx_cpu *cpu)
{
    struct vmx_state *const s = &cpu->state;
    if (s->dr[7] == VMX_DR7_FIXED_1 && s->debugctl == 0)
        return;
    s->dr[7] = VMX_DR7_FIXED_1;
    s->debugctl = 0;
    cpu->stale |= VMX_GROUP_DEBUG;
}

static void load_shared_msrs(struct vmx_cpu *cpu)
{
    struct vmx_state *const s = &cpu->state;
    const struct vmcs *const v = cpu->vmcs;
    const uint32_t exit = (uint32_t)vmcs_get(v, VMCS_VM_EXIT_CONTROLS), entry = (uint32_t)vmcs_get(v, VMCS_VM_ENTRY_CONTROLS);
    if ((exit & VMX_EXITCTL_LOAD_EFER) != 0 && (entry & VMX_ENTRYCTL_LOAD_EFER) == 0) {
        const uint64_t long_mode = VMX_EFER_LMA | VMX_EFER_LME;
        s->efer = (vmcs_get(v, VMCS_HOST_IA32_EFER) & ~long_mode) | (s->efer & long_mode);
        cpu->stale |= VMX_GROUP_CONTROL;
    }
    const struct vmx_state guest = *s;
    load_msrs(v, s, exit);
    s->sysenter_cs = guest.sysenter_cs;
    s->sysenter_esp = guest.sysenter_esp;
    s->sysenter_eip = guest.sysenter_eip;
    if ((entry & VMX_ENTRYCTL_LOAD_PAT) != 0)
        s->pat = guest.pat;
    if ((entry & VMX_ENTRYCTL_LOAD_PERF_GLOBAL_CTRL) != 0)
        s->perf_global_ctrl = guest.perf_global_ctrl;
    if ((entry & VMX_ENTRYCTL_LOAD_BNDCFGS) != 0)
        s->bndcfgs = guest.bndcfgs;
    if ((entry & VMX_ENTRYCTL_LOAD_RTIT_CTL) != 0)
        s->rtit_ctl = guest.rtit_ctl;
    if ((entry & VMX_ENTRYCTL_LOAD_LBR_CTL) != 0)
        s->lbr_ctl = guest.lbr_ctl;
    if ((entry & VMX_ENTRYCTL_LOAD_PKRS) != 0)
        s->pkrs = guest.pkrs;
    if ((entry & VMX_ENTRYCTL_LOAD_SPEC_CTRL) != 0)
        s->spec_ctrl = guest.spec_ctrl;
    if ((entry & VMX_ENTRYCTL_LOAD_CET) != 0) {
        s->s_cet = guest.s_cet;
        s->ssp = guest.ssp;
        s->interrupt_ssp_table = guest.interrupt_ssp_table;
    }
    cpu->stale |= VMX_GROUP_MSR;
}

/* Exit controls that load or clear what their entry counterparts, at other bits, may load back. */
static bool shares_msrs(const struct vmcs *v)
{
    const uint32_t exit = (uint32_t)vmcs_get(v, VMCS_VM_EXIT_CONTROLS), entry = (uint32_t)vmcs_get(v, VMCS_VM_ENTRY_CONTROLS);
    const uint32_t rare = VMX_EXITCTL_LOAD_PERF_GLOBAL_CTRL | VMX_EXITCTL_CLEAR_BNDCFGS | VMX_EXITCTL_CLEAR_RTIT_CTL | VMX_EXITCTL_CLEAR_LBR_CTL |
                          VMX_EXITCTL_LOAD_CET | VMX_EXITCTL_LOAD_PKRS | VMX_EXITCTL_ACTIVATE_SECONDARY;
    return (exit & rare) != 0 || ((exit & VMX_EXITCTL_LOAD_PAT) != 0 && (entry & VMX_ENTRYCTL_LOAD_PAT) == 0) ||
           ((exit & VMX_EXITCTL_LOAD_EFER) != 0 && (entry & VMX_ENTRYCTL_LOAD_EFER) == 0);
}

enum { ABORT_HOST_PDPTE = 2, ABORT_LOAD_MSR = 4, ABORT_IA32E_MODE = 6 };

uint32_t vmx_return_to_host(struct vmx_cpu *cpu)
{
    const uint32_t exit = (uint32_t)vmcs_get(cpu->vmcs, VMCS_VM_EXIT_CONTROLS);
    const bool host64 = (exit & VMX_EXITCTL_HOST_ADDR_SPACE_SIZE) != 0;
    const bool was_ia32e = (cpu->state.efer & VMX_EFER_LMA) != 0;
    struct vmx_translation translation;
    uint64_t pdpte[4];
    cpu->operation = VMX_OPERATION_ROOT;
    cpu->monitor_armed = false;
    if (!cpu->native_root) {
        vmx_load_host_state(cpu, &cpu->state);
        cpu->loaded = NULL;
    } else {
        if ((vmcs_get(cpu->vmcs, VMCS_VM_ENTRY_CONTROLS) & VMX_ENTRYCTL_LOAD_DEBUG_CONTROLS) == 0)
            load_shared_debug_registers(cpu);
        if (shares_msrs(cpu->vmcs))
            load_shared_msrs(cpu);
    }
    if (!host64 && was_ia32e)
        return ABORT_IA32E_MODE;
    if (!host64 && (vmcs_get(cpu->vmcs, VMCS_HOST_CR4) & VMX_CR4_PAE) != 0) {
        if (!vmx_load_pdptes(cpu, vmcs_get(cpu->vmcs, VMCS_HOST_CR3), pdpte, &translation))
            return ABORT_HOST_PDPTE;
        if (!cpu->native_root)
            for (unsigned n = 0; n < 4; n++)
                cpu->state.pdpte[n] = pdpte[n];
    }
    return vmx_load_exit_msrs(cpu) ? 0 : ABORT_LOAD_MSR;
}
