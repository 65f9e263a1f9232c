/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Instructions that a bare machine has a share in: registers of the local APIC, VM entry, the end of the run. */
#include <stdio.h>

#include "../vmx-model/checks.h"
#include "../vmx-model/controls.h"
#include "../vmx-model/execute_ops.h"
#include "../vmx-model/virtual_apic.h"
#include "board.h"
#include "vcpu_internal.h"

/* ---- MSRs of the local APIC ---- */
/* In VMX non-root operation APIC virtualization comes first; the model knows what it covers. */
static bool is_virtualized(const struct vmx_cpu *cpu, uint32_t index, bool write)
{
    uint64_t value;
    if (!vmx_secondary(cpu, VMX_SEC_VIRTUALIZE_X2APIC))
        return false;
    if (!write)
        return vmx_x2apic_read(cpu, index, &value);
    const bool delivery = vmx_secondary(cpu, VMX_SEC_VIRTUAL_INTR_DELIVERY);
    return index == VMX_MSR_X2APIC_TPR || (delivery && (index == VMX_MSR_X2APIC_EOI || index == VMX_MSR_X2APIC_SELF_IPI));
}

static struct vmx_outcome read_apic(struct bk_vcpu *vcpu, const struct vmx_instruction *i, uint32_t index)
{
    uint64_t value;
    if (!sim_board_apic_msr_read(vcpu, index, &value))
        return vmx_outcome_gp();
    vmx_set_edx_eax(&vcpu->cpu.state, value);
    return vmx_retire(&vcpu->cpu, i, VMX_GROUP_GPR);
}

static struct vmx_outcome write_apic(struct bk_vcpu *vcpu, const struct vmx_instruction *i, uint32_t index)
{
    const struct vmx_state *s = &vcpu->cpu.state;
    const uint64_t value = s->gpr[VMX_RDX] << 32 | (uint32_t)s->gpr[VMX_RAX];
    return sim_board_apic_msr_write(vcpu, index, value) ? vmx_retire(&vcpu->cpu, i, VMX_GROUP_MSR) : vmx_outcome_gp();
}

/* ---- VM entry ---- */
/* False: the entry asks for what is not modelled, and the run is over. */
static bool prepare_entry(struct bk_vcpu *vcpu)
{
    struct vmx_cpu *cpu = &vcpu->cpu;
    struct sim_board *board = vcpu->machine->board;
    if (cpu->operation != VMX_OPERATION_ROOT || cpu->vmcs == NULL)
        return true;
    const char *unmodelled = (cpu->vmcs->unchecked & VMCS_GROUP_CONTROLS) != 0 ? vmx_unmodelled_controls(cpu) : NULL;
    if (unmodelled != NULL) {
        snprintf(vcpu->machine->error, sizeof vcpu->machine->error, "%s", unmodelled);
        return false;
    }
    if (board->injects != NULL)
        board->injects(board->context, vcpu);
    return true;
}

static void after_entry(struct bk_vcpu *vcpu)
{
    struct vmx_cpu *cpu = &vcpu->cpu;
    struct sim_board *board = vcpu->machine->board;
    void (*tell)(void *, struct bk_vcpu *) = board->entered;
    if (cpu->operation == VMX_OPERATION_NON_ROOT) {
        sim_spend(vcpu, SIM_COST_VM_ENTRY);
        vcpu->apic_alone = false;
    } else if (vmx_check_rows[cpu->violated].outcome >= VMX_CHECK_ENTRY_FAILURE_33) {
        sim_spend(vcpu, SIM_COST_VM_EXIT);
        vcpu->exit_at = sim_now(vcpu);
        tell = board->exited;
    } else {
        tell = board->entry_failed;
    }
    if (tell != NULL)
        tell(board->context, vcpu);
}

void sim_board_exited(struct bk_vcpu *vcpu)
{
    struct sim_board *board = vcpu->machine->board;
    sim_spend(vcpu, SIM_COST_VM_EXIT);
    vcpu->exit_at = sim_now(vcpu);
    vcpu->cpu.tsc = vcpu->exit_at;
    sim_vcpu_retag(vcpu);
    sim_vcpu_push(vcpu, VMX_GROUP_ALL);
    if (board->exited != NULL)
        board->exited(board->context, vcpu);
}

/* A processor that waits for another gives way to it: what is left of its window passes in the PAUSE. One that is alone waits for a device. */
static void give_way(struct bk_vcpu *vcpu)
{
    const uint64_t now = sim_now(vcpu), end = vcpu->machine->board->window;
    if (vcpu->machine->vcpu_count == 1)
        sim_spend(vcpu, SIM_COST_PAUSE);
    else if (end > now)
        sim_spend(vcpu, end - now);
}

/* ---- around every sensitive instruction ---- */
struct vmx_outcome sim_board_instruction(struct bk_vcpu *vcpu, const struct vmx_instruction *i)
{
    struct vmx_cpu *cpu = &vcpu->cpu;
    const uint32_t index = (uint32_t)cpu->state.gpr[VMX_RCX];
    switch (i->op) {
    case VMX_OP_RDMSR:
        if (lapic_has_msr(index) && !is_virtualized(cpu, index, false))
            return read_apic(vcpu, i, index);
        break;
    case VMX_OP_WRMSR:
        if (lapic_has_msr(index) && !is_virtualized(cpu, index, true))
            return write_apic(vcpu, i, index);
        break;
    case VMX_OP_MOV_FROM_CR:
        if (i->reg == 8)
            cpu->state.cr8 = sim_board_task_priority(vcpu);
        break;
    case VMX_OP_VMLAUNCH:
    case VMX_OP_VMRESUME:
        if (!prepare_entry(vcpu))
            return (struct vmx_outcome){.kind = VMX_OUTCOME_SHUTDOWN};
        break;
    default:
        break;
    }
    return vmx_outcome_run();
}

void sim_board_executed(struct bk_vcpu *vcpu, const struct vmx_instruction *i, const struct vmx_outcome *outcome)
{
    if (outcome->kind != VMX_OUTCOME_DONE && outcome->kind != VMX_OUTCOME_EXIT)
        return;
    const uint32_t index = (uint32_t)vcpu->cpu.state.gpr[VMX_RCX];
    switch (i->op) {
    case VMX_OP_WRMSR:
        if (index == VMX_MSR_TSC || index == VMX_MSR_TSC_ADJUST)
            sim_board_tsc_written(vcpu);
        return;
    case VMX_OP_MOV_TO_CR:
        if (i->reg == 8)
            sim_board_set_task_priority(vcpu);
        return;
    case VMX_OP_VMLAUNCH:
    case VMX_OP_VMRESUME:
        after_entry(vcpu);
        return;
    case VMX_OP_PAUSE:
        give_way(vcpu);
        return;
    default:
        return;
    }
}
