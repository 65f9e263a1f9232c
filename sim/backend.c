/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The simulator's half of handlers/backend.h that concerns one virtual CPU: VMCS, registers, caches, time. */
#include "machine_internal.h"

#include "../vmx-model/vmx_instructions.h"

#include <stdio.h>
#include <string.h>

/* Host-state fields of a 64-bit host whose code nobody runs: root operation is native. The values are legal for every profile. */
static void write_host_state(struct bk_vcpu *vcpu)
{
    enum { CODE = 0x08, DATA = 0x10, TASK = 0x18 };
    struct vmcs *vmcs = vcpu->cpu.vmcs;
    const struct vmx_caps *caps = &vcpu->machine->caps;
    static const enum vmcs_field data_selectors[] = {VMCS_HOST_ES_SELECTOR, VMCS_HOST_SS_SELECTOR, VMCS_HOST_DS_SELECTOR, VMCS_HOST_FS_SELECTOR,
                                                     VMCS_HOST_GS_SELECTOR};
    for (unsigned i = 0; i < sizeof data_selectors / sizeof data_selectors[0]; i++)
        vmcs_set(vmcs, data_selectors[i], DATA);
    vmcs_set(vmcs, VMCS_HOST_CS_SELECTOR, CODE);
    vmcs_set(vmcs, VMCS_HOST_TR_SELECTOR, TASK);
    vmcs_set(vmcs, VMCS_HOST_CR0, (UINT64_C(0x80000033) | caps->cr0_fixed0) & caps->cr0_fixed1);
    vmcs_set(vmcs, VMCS_HOST_CR4, (UINT64_C(0x20) | caps->cr4_fixed0) & caps->cr4_fixed1);
    vmcs_set(vmcs, VMCS_HOST_IA32_EFER, 0x500);
    vmcs_set(vmcs, VMCS_HOST_IA32_PAT, UINT64_C(0x0007040600070406));
    vmcs_set(vmcs, VMCS_HOST_RIP, 0x100000);
    vmcs_set(vmcs, VMCS_HOST_RSP, 0x200000);
}

/* The processor as software in VMX root operation left it: 64-bit, CPL 0. */
static void enter_root_operation(struct bk_vcpu *vcpu)
{
    struct vmx_cpu *cpu = &vcpu->cpu;
    const struct vmx_caps *caps = cpu->caps;
    const struct vmx_memory memory = cpu->memory;
    const struct vmx_translation_cache cache = cpu->cache;
    *cpu = (struct vmx_cpu){.caps = caps,
                            .memory = memory,
                            .cache = cache,
                            .current_vmcs = VMX_NO_VMCS,
                            .vmxon_region = VMX_NO_VMCS,
                            .feature_control = 5,
                            .mtrr_def_type = 0x806};
    cpu->operation = VMX_OPERATION_ROOT;
    cpu->native_root = true;
    struct vmx_state *s = &cpu->state;
    s->cr0 = (UINT64_C(0x80000033) | caps->cr0_fixed0) & caps->cr0_fixed1;
    s->cr4 = (UINT64_C(0x20) | caps->cr4_fixed0) & caps->cr4_fixed1;
    s->efer = 0x500;
    s->rflags = 2;
    s->pat = UINT64_C(0x0007040600070406);
    s->xcr0 = 1;
    s->apic_base = UINT64_C(0xfee00900);
    s->misc_enable = 1;
    s->dr[6] = UINT64_C(0xffff0ff0);
    s->dr[7] = 0x400;
}

void bk_vmclear(struct bk_vcpu *vcpu)
{
    struct bk_machine *machine = vcpu->machine;
    if (vcpu->cpu.vmcs != NULL)
        sim_ram_log_page(&machine->log, vcpu->cpu.current_vmcs / SIM_PAGE);
    enter_root_operation(vcpu);
    const hpa_t region = bk_page(machine);
    if (region == 0)
        return;
    struct vmx_cpu *cpu = &vcpu->cpu;
    sim_ram_log_page(&machine->log, region / SIM_PAGE);
    cpu->current_vmcs = region;
    cpu->vmcs = (struct vmcs *)(void *)(machine->ram + region);
    memset(cpu->vmcs, 0, sizeof *cpu->vmcs);
    cpu->vmcs->revision = (uint32_t)machine->caps.basic & 0x7fffffffu;
    vmx_forget_guest(cpu);
    write_host_state(vcpu);
    vcpu->stale = VMX_GROUP_ALL;
    vcpu->touched = VMX_GROUP_ALL;
    vcpu->retired_at_clear = sim_engine_retired(vcpu->engine);
    vcpu->stimulus_count = 0;
    sim_pcpu_clear(vcpu->pcpu);
    vcpu->cost_exit = vcpu->cost_handler = vcpu->cost_entry = 0;
    vcpu->violated = VMX_CHECK_NONE;
    vcpu->turn_end = UINT64_MAX;
    vcpu->slept_at = UINT64_MAX;
    vcpu->entered = false;
    sim_vcpu_flush(vcpu);
}

uint64_t bk_vmread(struct bk_vcpu *vcpu, enum vmcs_field field)
{
    sim_charge(vcpu, SIM_COST_VMREAD);
    return vcpu->machine->field_exists[field] != 0 ? vmcs_get(vcpu->cpu.vmcs, field) : 0;
}

bool bk_vmwrite(struct bk_vcpu *vcpu, enum vmcs_field field, uint64_t value)
{
    sim_charge(vcpu, SIM_COST_VMWRITE);
    if (vcpu->machine->field_exists[field] == 0)
        return false;
    vmcs_set(vcpu->cpu.vmcs, field, value);
    return true;
}

uint64_t bk_register(struct bk_vcpu *vcpu, enum vmx_gpr gpr)
{
    sim_charge(vcpu, SIM_COST_REGISTER);
    return vcpu->cpu.state.gpr[gpr];
}

void bk_set_register(struct bk_vcpu *vcpu, enum vmx_gpr gpr, uint64_t value)
{
    sim_charge(vcpu, SIM_COST_REGISTER);
    vcpu->cpu.state.gpr[gpr] = value;
    vcpu->stale |= VMX_GROUP_GPR;
}

uint64_t bk_debug_register(struct bk_vcpu *vcpu, unsigned number)
{
    sim_charge(vcpu, SIM_COST_DEBUG_REGISTER);
    return vcpu->cpu.state.dr[number & 7];
}

void bk_set_debug_register(struct bk_vcpu *vcpu, unsigned number, uint64_t value)
{
    sim_charge(vcpu, SIM_COST_DEBUG_REGISTER);
    vcpu->cpu.state.dr[number & 7] = value;
    vcpu->stale |= VMX_GROUP_DEBUG;
}

uint64_t bk_cr2(struct bk_vcpu *vcpu)
{
    sim_charge(vcpu, SIM_COST_REGISTER);
    return vcpu->cpu.state.cr2;
}

void bk_set_cr2(struct bk_vcpu *vcpu, uint64_t value)
{
    sim_charge(vcpu, SIM_COST_REGISTER);
    vcpu->cpu.state.cr2 = value;
    vcpu->stale |= VMX_GROUP_MSR;
}

uint64_t bk_xcr0(struct bk_vcpu *vcpu)
{
    sim_charge(vcpu, SIM_COST_REGISTER);
    return vcpu->cpu.state.xcr0;
}

void bk_set_xcr0(struct bk_vcpu *vcpu, uint64_t value)
{
    sim_charge(vcpu, SIM_COST_GUEST_MSR);
    vcpu->cpu.state.xcr0 = value;
    vcpu->stale |= VMX_GROUP_MSR;
}

/* Where a guest-switched MSR lives; NULL for any other. */
static uint64_t *guest_msr(struct vmx_state *s, uint32_t index)
{
    switch (index) {
    case VMX_MSR_PAT:
        return &s->pat;
    case VMX_MSR_XSS:
        return &s->xss;
    case VMX_MSR_EFER:
        return &s->efer;
    case VMX_MSR_STAR:
        return &s->star;
    case VMX_MSR_LSTAR:
        return &s->lstar;
    case VMX_MSR_CSTAR:
        return &s->cstar;
    case VMX_MSR_FMASK:
        return &s->fmask;
    case VMX_MSR_KERNEL_GS_BASE:
        return &s->kernel_gs_base;
    case VMX_MSR_TSC_AUX:
        return &s->tsc_aux;
    default:
        return NULL;
    }
}

bool bk_guest_msr(struct bk_vcpu *vcpu, uint32_t index, uint64_t *value)
{
    const uint64_t *msr = guest_msr(&vcpu->cpu.state, index);
    if (msr == NULL)
        return false;
    sim_charge(vcpu, SIM_COST_GUEST_MSR);
    *value = *msr;
    return true;
}

bool bk_set_guest_msr(struct bk_vcpu *vcpu, uint32_t index, uint64_t value)
{
    uint64_t *msr = guest_msr(&vcpu->cpu.state, index);
    if (msr == NULL)
        return false;
    sim_charge(vcpu, SIM_COST_GUEST_MSR);
    *msr = value;
    vcpu->stale |= index == VMX_MSR_EFER ? VMX_GROUP_CONTROL : VMX_GROUP_MSR;
    return true;
}

void bk_invept(struct bk_vcpu *vcpu, unsigned type, uint64_t eptp)
{
    const bool offered = vmx_invept_offered(vcpu->cpu.caps, type);
    sim_charge(vcpu, SIM_COST_INVEPT);
    vmx_invalidate(&vcpu->cpu, vmx_flush_invept(offered ? type : VMX_INVEPT_ALL, eptp));
}

void bk_invvpid(struct bk_vcpu *vcpu, unsigned type, uint16_t vpid, uint64_t linear)
{
    const bool offered = vmx_invvpid_offered(vcpu->cpu.caps, type);
    sim_charge(vcpu, SIM_COST_INVVPID);
    vmx_invalidate(&vcpu->cpu, vmx_flush_invvpid(offered ? type : VMX_INVVPID_ALL, vpid, linear));
}

uint64_t bk_tsc(struct bk_vcpu *vcpu)
{
    sim_charge(vcpu, SIM_COST_TSC);
    return sim_now(vcpu);
}

uint64_t bk_retired(struct bk_vcpu *vcpu)
{
    return sim_engine_retired(vcpu->engine) - vcpu->retired_at_clear;
}

void bk_costs(struct bk_vcpu *vcpu, uint64_t *exit, uint64_t *handler, uint64_t *entry)
{
    *exit = vcpu->cost_exit;
    *handler = vcpu->cost_handler;
    *entry = vcpu->cost_entry;
}

static enum bk_entered enter(struct bk_vcpu *vcpu)
{
    struct bk_machine *machine = vcpu->machine;
    struct vmx_cpu *cpu = &vcpu->cpu;
    if (cpu->vmcs == NULL) {
        snprintf(machine->error, sizeof machine->error, "vCPU %u has no VMCS", vcpu->index);
        return BK_HOST_ERROR;
    }
    sim_wake(vcpu);
    if (vcpu->entered) {
        cpu->tsc = sim_now(vcpu);
        return sim_vcpu_run(vcpu, NULL);
    }
    const char *unmodelled = (cpu->vmcs->unchecked & VMCS_GROUP_CONTROLS) != 0 ? vmx_unmodelled_controls(cpu) : NULL;
    if (unmodelled != NULL) {
        snprintf(machine->error, sizeof machine->error, "%s", unmodelled);
        return BK_HOST_ERROR;
    }
    sim_spend(vcpu, SIM_COST_VM_ENTRY);
    vcpu->cost_entry = SIM_COST_VM_ENTRY;
    cpu->tsc = sim_now(vcpu);
    const bool resume = cpu->vmcs->launched != 0;
    if (machine->entry_watcher != NULL && vmx_check_first(cpu, resume) != VMX_CHECK_NONE)
        machine->entry_watcher(machine->entry_watcher_context, vcpu->index, cpu, resume, VMX_CHECK_NONE);
    const struct vmx_entry_result result = vmx_enter(cpu, resume ? VMX_ENTRY_RESUME : VMX_ENTRY_LAUNCH);
    vcpu->violated = result.check;
    if (machine->entry_watcher != NULL && vmx_check_rows[result.check].stage == VMX_STAGE_MSR_LOAD)
        machine->entry_watcher(machine->entry_watcher_context, vcpu->index, cpu, resume, result.check);
    switch (result.kind) {
    case VMX_ENTRY_FAULT:
        return BK_FAULT;
    case VMX_FAIL_INVALID:
        return BK_FAIL_INVALID;
    case VMX_FAIL_VALID:
        return BK_FAIL_VALID;
    case VMX_ENTRY_FAILED:
        machine->steps++;
        vcpu->cost_exit = SIM_COST_VM_EXIT;
        if (result.abort != 0) {
            snprintf(machine->error, sizeof machine->error, "VMX abort %u: the processor is shut down", result.abort);
            return BK_HOST_ERROR;
        }
        return BK_EXITED;
    case VMX_ENTERED:
        break;
    }
    sim_vcpu_entered(vcpu, result.changed);
    return sim_vcpu_run(vcpu, result.inject ? &result.event : NULL);
}

enum bk_entered bk_enter(struct bk_vcpu *vcpu)
{
    const enum bk_entered entered = enter(vcpu);
    sim_settle(vcpu);
    sim_turn_pauses(vcpu, entered);
    return entered;
}

const char *bk_violated_rule(const struct bk_vcpu *vcpu)
{
    return vcpu->violated != VMX_CHECK_NONE ? vmx_check_rows[vcpu->violated].id : NULL;
}
