/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The trace of the exits of a booted hypervisor's guests. */
#include "board_trace.h"

#include <string.h>

#include "../handlers/bench/internal.h"
#include "../vmx-model/checks.h"
#include "../vmx-model/controls.h"

static void log_rule(struct sim_board_trace *trace, const struct bk_vcpu *vcpu)
{
    if (vcpu->cpu.violated == VMX_CHECK_NONE)
        return;
    const char *rule = vmx_check_rows[vcpu->cpu.violated].id;
    trace_numbers(&trace->writer, TRACE_RULE, (uint8_t)vcpu->index, NULL, 0, rule, (uint32_t)strlen(rule));
    if (trace->explain != NULL)
        trace->explain(trace->context, vcpu);
}

/* What the host did between its last exit and this entry. */
static void log_costs(struct sim_board_trace *trace, const struct bk_vcpu *vcpu, uint64_t entry)
{
    if (!trace->cpu[vcpu->index].exited)
        return;
    trace->cpu[vcpu->index].exited = false;
    const uint64_t number[] = {sim_now(vcpu) - vcpu->exit_at, entry};
    trace_numbers(&trace->writer, TRACE_COST, (uint8_t)vcpu->index, number, 2, NULL, 0);
}

static void injects(void *context, struct bk_vcpu *vcpu)
{
    struct sim_board_trace *trace = context;
    const struct vmcs *v = vcpu->cpu.vmcs;
    const uint64_t info = v != NULL ? vmcs_get(v, VMCS_VM_ENTRY_INTR_INFO_FIELD) : 0;
    log_costs(trace, vcpu, SIM_COST_VM_ENTRY);
    if ((info >> 31 & 1) == 0)
        return;
    const uint64_t number[] = {info, vmcs_get(v, VMCS_VM_ENTRY_EXCEPTION_ERROR_CODE), vmcs_get(v, VMCS_VM_ENTRY_INSTRUCTION_LEN)};
    trace_numbers(&trace->writer, TRACE_INJECT, (uint8_t)vcpu->index, number, 3, NULL, 0);
}

static void entered(void *context, struct bk_vcpu *vcpu)
{
    struct sim_board_trace *trace = context;
    trace->cpu[vcpu->index].retired = sim_engine_retired(vcpu->engine);
}

static void exited(void *context, struct bk_vcpu *vcpu)
{
    struct sim_board_trace *trace = context;
    uint64_t item[TRACE_ITEM_COUNT], gpr[16];
    const uint64_t retired = sim_engine_retired(vcpu->engine);
    const bool failed = (vmcs_get(vcpu->cpu.vmcs, VMCS_VM_EXIT_REASON) & VMX_REASON_FAILED_VMENTRY) != 0;
    if (failed)
        log_rule(trace, vcpu);
    bench_exit_items(vcpu, trace->extended_ept_information, item);
    bench_registers(vcpu, gpr);
    item[TRACE_TICKS] = vcpu->exit_at;
    item[TRACE_GUEST_INSTRUCTIONS] = failed ? 0 : retired - trace->cpu[vcpu->index].retired;
    item[TRACE_COST_EXIT] = SIM_COST_VM_EXIT;
    trace->cpu[vcpu->index].exited = true;
    trace_exit(&trace->writer, (uint8_t)vcpu->index, item, gpr);
}

static void entry_failed(void *context, struct bk_vcpu *vcpu)
{
    enum { INVALID, VALID, FAULT };
    struct sim_board_trace *trace = context;
    const enum vmx_check_outcome outcome = vmx_check_rows[vcpu->cpu.violated].outcome;
    uint64_t kind = INVALID, error = 0;
    if (outcome == VMX_CHECK_UD || outcome == VMX_CHECK_GP)
        kind = FAULT;
    else if (outcome == VMX_CHECK_FAIL_VALID) {
        kind = VALID;
        error = vmcs_get(vcpu->cpu.vmcs, VMCS_VM_INSTRUCTION_ERROR);
    }
    log_rule(trace, vcpu);
    trace_numbers(&trace->writer, TRACE_ENTRY_FAIL, (uint8_t)vcpu->index, (const uint64_t[]){kind, error, sim_now(vcpu)}, 3, NULL, 0);
}

void sim_board_trace_resume(struct sim_board_trace *trace, struct bk_machine *machine)
{
    struct sim_board *board = machine->board;
    trace->machine = machine;
    trace->extended_ept_information = (machine->caps.ept_vpid & VMX_EPTCAP_ADV_EPT_INFO) != 0;
    board->context = trace;
    board->injects = injects;
    board->entered = entered;
    board->exited = exited;
    board->entry_failed = entry_failed;
}

void sim_board_trace_start(struct sim_board_trace *trace, struct bk_machine *machine, const char *name)
{
    sim_board_trace_resume(trace, machine);
    trace_scenario(&trace->writer, 0, name, machine->caps.name, "bare");
}

void sim_board_trace_end(struct sim_board_trace *trace, enum sim_board_end end, const char *text)
{
    struct bk_machine *machine = trace->machine;
    uint64_t stop = TRACE_STOP_HOST_ERROR;
    switch (end) {
    case SIM_BOARD_RUNS:
    case SIM_BOARD_PAUSED:
    case SIM_BOARD_FAILED:
        break;
    case SIM_BOARD_OFF:
    case SIM_BOARD_STATUS:
    case SIM_BOARD_RESET:
    case SIM_BOARD_TRIPLE_FAULT:
        stop = TRACE_STOP_POWER_OFF;
        break;
    case SIM_BOARD_DEAD:
        stop = TRACE_STOP_HALTED;
        break;
    case SIM_BOARD_LIMIT:
        stop = TRACE_STOP_LIMIT;
        break;
    }
    for (unsigned i = 0; i < machine->vcpu_count; i++)
        log_costs(trace, &machine->vcpu[i], 0);
    const uint64_t number[] = {trace->writer.exits, sim_retired(machine), sim_now(&machine->vcpu[0]), stop};
    trace_numbers(&trace->writer, TRACE_END, 0, number, 4, text, (uint32_t)strlen(text));
}
