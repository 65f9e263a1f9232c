/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the model decided reaches engine and VMCS: changed state, events, VM exits. */
#include "vcpu_internal.h"

#include <stdio.h>

#include "../vmx-model/deliver.h"
#include "board.h"

void sim_vcpu_push(struct bk_vcpu *vcpu, uint32_t groups)
{
    if (groups == 0)
        return;
    sim_engine_set(vcpu->engine, groups, &vcpu->cpu.state);
    vcpu->touched |= groups;
}

/* What is done may have changed which translations there are, and which of them serve: to be told before the state that they follow from, so that
   those of VMX root operation and of non-root operation are kept apart. */
static void update_translations(struct bk_vcpu *vcpu, const struct vmx_outcome *outcome)
{
    if (outcome->flush.conditions != 0)
        vmx_invalidate(&vcpu->cpu, outcome->flush);
    sim_vcpu_retag(vcpu);
}

/* The processor is in shutdown where nothing is left to take an exit: the end of a bare machine, unless it was told why before. */
static enum bk_entered shut_down(struct bk_vcpu *vcpu)
{
    struct bk_machine *machine = vcpu->machine;
    if (machine->board == NULL && machine->error[0] != '\0')
        return BK_HOST_ERROR;
    if (machine->board == NULL)
        return sim_vcpu_host_error(vcpu, "triple fault outside VMX non-root operation");
    machine->board->triple_fault = machine->error[0] == '\0';
    return BK_HOST_ERROR;
}

/* A VMX abort shuts the processor down too. */
static enum bk_entered abort_vmx(struct bk_vcpu *vcpu, uint32_t indicator)
{
    struct bk_machine *machine = vcpu->machine;
    snprintf(machine->error, sizeof machine->error, "VMX abort %u: the processor is shut down", indicator);
    if (machine->board != NULL)
        machine->board->triple_fault = true;
    return BK_HOST_ERROR;
}

enum bk_entered sim_vcpu_host_error(struct bk_vcpu *vcpu, const char *what)
{
    snprintf(vcpu->machine->error, sizeof vcpu->machine->error, "%s", what);
    return BK_HOST_ERROR;
}

bool sim_vcpu_exit(struct bk_vcpu *vcpu, const struct vmx_exit_info *exit, enum bk_entered *entered)
{
    vcpu->machine->steps++;
    const uint32_t abort = vmx_exit(&vcpu->cpu, exit, vcpu->touched);
    vcpu->touched = 0;
    vcpu->cost_exit = SIM_COST_VM_EXIT;
    *entered = BK_EXITED;
    if (abort != 0) {
        *entered = abort_vmx(vcpu, abort);
        return true;
    }
    if (vcpu->machine->board != NULL) {
        sim_board_exited(vcpu);
        return false;
    }
    sim_spend(vcpu, SIM_COST_VM_EXIT + SIM_COST_DISPATCH);
    vcpu->cost_handler = SIM_COST_DISPATCH;
    return true;
}

bool sim_vcpu_raise(struct bk_vcpu *vcpu, const struct vmx_event *event, bool injected, enum bk_entered *entered)
{
    const struct vmx_outcome outcome = vmx_raise(&vcpu->cpu, event, injected);
    switch (outcome.kind) {
    case VMX_OUTCOME_EXIT:
        return sim_vcpu_exit(vcpu, &outcome.exit, entered);
    case VMX_OUTCOME_SHUTDOWN:
        *entered = shut_down(vcpu);
        return true;
    case VMX_OUTCOME_RUN:
    case VMX_OUTCOME_DONE:
    case VMX_OUTCOME_FAULT:
        break;
    }
    vcpu->machine->steps++;
    sim_spend(vcpu, injected ? SIM_COST_EVENT_INJECTION : SIM_COST_EVENT_DELIVERY);
    update_translations(vcpu, &outcome);
    sim_vcpu_push(vcpu, outcome.changed);
    return false;
}

bool sim_vcpu_apply(struct bk_vcpu *vcpu, const struct vmx_outcome *outcome, enum bk_entered *entered)
{
    switch (outcome->kind) {
    case VMX_OUTCOME_EXIT:
        return sim_vcpu_exit(vcpu, &outcome->exit, entered);
    case VMX_OUTCOME_FAULT:
        sim_vcpu_push(vcpu, outcome->changed);
        return sim_vcpu_raise(vcpu, &outcome->event, false, entered);
    case VMX_OUTCOME_DONE: {
        const bool was_root = vcpu->set_in_use == SIM_SET_ROOT;
        update_translations(vcpu, outcome);
        sim_vcpu_push(vcpu, outcome->changed);
        if (was_root && vcpu->set_in_use == SIM_SET_NON_ROOT)
            vcpu->touched = 0; /* a VM entry: what the model does not name itself is in step with the VMCS */
        return false;
    }
    case VMX_OUTCOME_SHUTDOWN:
        *entered = outcome->abort != 0 ? abort_vmx(vcpu, outcome->abort) : shut_down(vcpu);
        return true;
    case VMX_OUTCOME_RUN:
        return false;
    }
    return false;
}
