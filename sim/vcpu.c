/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The run loop of one virtual CPU: the engine runs, the model judges, the VMCS takes the exit. */
#include "machine_internal.h"

#include <stdio.h>
#include <string.h>

#include "../vmx-model/controls.h"
#include "../vmx-model/decide.h"
#include "../vmx-model/deliver.h"

/* Groups that the model looks at after every stop. */
enum { ALWAYS = VMX_GROUP_GPR | VMX_GROUP_IP | VMX_GROUP_EVENT };

void sim_vcpu_flush(struct bk_vcpu *vcpu)
{
    vcpu->code_cached = false;
    sim_engine_flush(vcpu->engine);
}

void sim_vcpu_translate(void *context, gva_t linear, enum vmx_access_kind access, bool user, struct vmx_translation *out)
{
    const uint64_t alignment_check = UINT64_C(1) << 18;
    struct bk_vcpu *vcpu = context;
    struct vmx_state *s = &vcpu->cpu.state;
    /* Of what the running guest changes by itself, RFLAGS.AC and PKRU bear on translation. */
    s->rflags = sim_engine_smap_exempt(vcpu->engine) ? s->rflags | alignment_check : s->rflags & ~alignment_check;
    s->pkru = sim_engine_pkru(vcpu->engine);
    vmx_translate(&vcpu->cpu, linear, access, user, out);
}

/* Hands the engine what the model changed. */
static void push(struct bk_vcpu *vcpu, uint32_t groups)
{
    if (groups == 0)
        return;
    if ((groups & (VMX_GROUP_CONTROL | VMX_GROUP_SEGMENTS)) != 0)
        vcpu->code_cached = false;
    sim_engine_set(vcpu->engine, groups, &vcpu->cpu.state);
    vcpu->touched |= groups;
}

void sim_vcpu_entered(struct bk_vcpu *vcpu, uint32_t changed)
{
    struct vmx_cpu *cpu = &vcpu->cpu;
    const uint64_t eptp = vmcs_get(cpu->vmcs, VMCS_EPT_POINTER);
    const bool untagged = (vmx_secondary_controls(cpu) & VMX_SEC_ENABLE_VPID) == 0;
    push(vcpu, changed | vcpu->stale);
    vcpu->stale = 0;
    vcpu->touched = 0;
    if (untagged || eptp != vcpu->eptp)
        sim_vcpu_flush(vcpu);
    vcpu->eptp = eptp;
}

/* Fetches what the guest may have changed. */
static void pull(struct bk_vcpu *vcpu)
{
    const uint32_t changed = sim_engine_changed(vcpu->engine) | ALWAYS;
    sim_engine_get(vcpu->engine, changed, &vcpu->cpu.state);
    vcpu->touched |= changed;
    vcpu->cpu.tsc = sim_now(vcpu);
}

static void flush(struct bk_vcpu *vcpu, const struct vmx_outcome *outcome)
{
    switch (outcome->flush) {
    case VMX_FLUSH_NONE:
        break;
    case VMX_FLUSH_PAGE:
        vcpu->code_cached = false;
        sim_engine_flush_page(vcpu->engine, outcome->flush_address);
        break;
    case VMX_FLUSH_ALL:
        sim_vcpu_flush(vcpu);
        break;
    }
}

static enum bk_entered host_error(struct bk_vcpu *vcpu, const char *what)
{
    snprintf(vcpu->machine->error, sizeof vcpu->machine->error, "%s", what);
    return BK_HOST_ERROR;
}

/* The guest stops without a VM exit: its state goes to the VMCS, where everybody looks for it. */
static enum bk_entered leave_without_exit(struct bk_vcpu *vcpu, enum bk_entered why)
{
    vmx_save_guest_state(&vcpu->cpu, vcpu->touched);
    vcpu->touched = 0;
    return why;
}

static enum bk_entered commit_exit(struct bk_vcpu *vcpu, const struct vmx_exit_info *exit)
{
    vcpu->machine->steps++;
    const uint32_t abort = vmx_exit(&vcpu->cpu, exit, vcpu->touched);
    vcpu->touched = 0;
    vcpu->cost_exit = SIM_COST_VM_EXIT;
    vcpu->machine->clock += SIM_COST_VM_EXIT + SIM_COST_DISPATCH;
    vcpu->cost_handler = SIM_COST_DISPATCH;
    if (abort != 0) {
        snprintf(vcpu->machine->error, sizeof vcpu->machine->error, "VMX abort %u: the processor is shut down", abort);
        return BK_HOST_ERROR;
    }
    return BK_EXITED;
}

/* Raises an event and whatever its delivery leads to. True: the run is over, *entered says how. */
static bool raise(struct bk_vcpu *vcpu, const struct vmx_event *event, bool injected, enum bk_entered *entered)
{
    const struct vmx_outcome outcome = vmx_raise(&vcpu->cpu, event, injected);
    switch (outcome.kind) {
    case VMX_OUTCOME_EXIT:
        *entered = commit_exit(vcpu, &outcome.exit);
        return true;
    case VMX_OUTCOME_SHUTDOWN:
        *entered = host_error(vcpu, "triple fault outside VMX non-root operation");
        return true;
    case VMX_OUTCOME_RUN:
    case VMX_OUTCOME_DONE:
    case VMX_OUTCOME_FAULT:
        break;
    }
    vcpu->machine->steps++;
    vcpu->machine->clock += injected ? SIM_COST_EVENT_INJECTION : SIM_COST_EVENT_DELIVERY;
    push(vcpu, outcome.changed);
    flush(vcpu, &outcome);
    return false;
}

/* Applies an outcome other than RUN. True: the run is over. */
static bool apply(struct bk_vcpu *vcpu, const struct vmx_outcome *outcome, enum bk_entered *entered)
{
    switch (outcome->kind) {
    case VMX_OUTCOME_EXIT:
        *entered = commit_exit(vcpu, &outcome->exit);
        return true;
    case VMX_OUTCOME_FAULT:
        push(vcpu, outcome->changed);
        return raise(vcpu, &outcome->event, false, entered);
    case VMX_OUTCOME_DONE:
        push(vcpu, outcome->changed);
        flush(vcpu, outcome);
        return false;
    case VMX_OUTCOME_SHUTDOWN:
        *entered = host_error(vcpu, "triple fault outside VMX non-root operation");
        return true;
    case VMX_OUTCOME_RUN:
        return false;
    }
    return false;
}

/* The bytes at RIP, through the page that was fetched from last. *out says why there are none. */
static unsigned fetch(struct bk_vcpu *vcpu, uint8_t bytes[15], struct vmx_translation *out)
{
    struct vmx_cpu *cpu = &vcpu->cpu;
    const struct vmx_state *s = &cpu->state;
    gva_t linear = s->rip;
    if (!vmx_in_64bit_mode(s))
        linear = (uint32_t)(s->seg[VMX_CS].base + s->rip);
    const unsigned in_page = SIM_PAGE - (unsigned)(linear % SIM_PAGE);
    if (in_page >= 15 && vcpu->code_cached && vcpu->code_page == linear / SIM_PAGE) {
        memcpy(bytes, vcpu->code + linear % SIM_PAGE, 15);
        return 15;
    }
    unsigned have = 0;
    const bool user = vmx_cpl(s) == 3;
    while (have < 15) {
        const gva_t at = linear + have;
        vmx_translate(cpu, at, VMX_ACCESS_FETCH, user, out);
        if (out->kind != VMX_TRANSLATED)
            return have;
        const unsigned left = SIM_PAGE - (unsigned)(at % SIM_PAGE);
        const unsigned size = left < 15 - have ? left : 15 - have;
        if (!bk_read(vcpu->machine, out->host, bytes + have, size))
            memset(bytes + have, 0xff, size);
        else if (have == 0 && !out->no_memory) {
            vcpu->code_cached = true;
            vcpu->code_page = at / SIM_PAGE;
            vcpu->code = vcpu->machine->ram + (out->host - at % SIM_PAGE);
        }
        have += size;
    }
    return have;
}

/* Ports of a machine without devices: reads give all ones, writes vanish. */
static void float_port(struct bk_vcpu *vcpu, const struct vmx_instruction *instruction)
{
    struct vmx_state *s = &vcpu->cpu.state;
    if (instruction->op == VMX_OP_IN) {
        const uint64_t mask = instruction->operand_size == 4 ? UINT64_MAX : (UINT64_C(1) << (8 * instruction->operand_size)) - 1;
        s->gpr[VMX_RAX] = instruction->operand_size == 4 ? UINT32_MAX : (s->gpr[VMX_RAX] | mask);
    }
    s->rip += instruction->length;
    if (!vmx_in_64bit_mode(s))
        s->rip = (uint32_t)s->rip;
    s->interruptibility &= ~(uint32_t)(VMX_BLOCKING_BY_STI | VMX_BLOCKING_BY_MOV_SS);
    push(vcpu, VMX_GROUP_GPR | VMX_GROUP_IP | VMX_GROUP_EVENT);
    sim_engine_count_one(vcpu->engine);
}

static bool is_port_access(const struct vmx_instruction *i)
{
    return i->op == VMX_OP_IN || i->op == VMX_OP_OUT;
}

/* A sensitive instruction, or one that the engine does not know (`otherwise`: the exception it raised; NULL for none). True: the run is over. */
static bool judge_instruction(struct bk_vcpu *vcpu, const struct vmx_event *otherwise, enum bk_entered *entered)
{
    struct vmx_cpu *cpu = &vcpu->cpu;
    uint8_t bytes[15];
    struct vmx_translation missing;
    struct vmx_instruction instruction;
    const unsigned have = fetch(vcpu, bytes, &missing);
    const enum vmx_decode_status status = vmx_decode(bytes, have, vmx_code_bits(&cpu->state), &instruction);
    if (status == VMX_DECODE_TRUNCATED && have < 15) {
        if (missing.kind == VMX_TRANSLATION_EXIT) {
            *entered = commit_exit(vcpu, &missing.exit);
            return true;
        }
        return raise(vcpu, &missing.event, false, entered);
    }
    if (status != VMX_DECODED || (instruction.op == VMX_OP_OTHER && otherwise != NULL)) {
        const struct vmx_event undefined = {.vector = VMX_UD, .type = VMX_EVENT_HARDWARE_EXCEPTION};
        return raise(vcpu, otherwise != NULL ? otherwise : &undefined, false, entered);
    }
    struct vmx_outcome outcome = vmx_decide(cpu, &instruction);
    if (outcome.kind == VMX_OUTCOME_RUN)
        outcome = vmx_execute(cpu, &instruction);
    if (outcome.kind == VMX_OUTCOME_DONE)
        sim_engine_count_one(vcpu->engine);
    if (outcome.kind != VMX_OUTCOME_RUN)
        return apply(vcpu, &outcome, entered);
    if (is_port_access(&instruction)) {
        float_port(vcpu, &instruction);
        return false;
    }
    if (otherwise != NULL)
        return raise(vcpu, otherwise, false, entered);
    sim_engine_allow_once(vcpu->engine);
    return false;
}

static bool judge_translation(struct bk_vcpu *vcpu, const struct vmx_translation *translation, enum bk_entered *entered)
{
    if (translation->kind == VMX_TRANSLATION_EXIT) {
        *entered = commit_exit(vcpu, &translation->exit);
        return true;
    }
    return raise(vcpu, &translation->event, false, entered);
}

/* Does anything wait that an instruction boundary may release? Then boundaries are judged one by one. */
static bool boundary_matters(const struct bk_vcpu *vcpu)
{
    const struct vmx_cpu *cpu = &vcpu->cpu;
    const struct vmx_pending *p = &cpu->pending;
    const uint32_t windows = VMX_PRI_INTR_WINDOW_EXITING | VMX_PRI_NMI_WINDOW_EXITING;
    return p->nmi || p->init || p->sipi || p->smi || p->machine_check || p->interrupt || p->mtf || p->preemption_timer ||
           cpu->state.pending_debug != 0 || cpu->state.activity != VMX_ACTIVE || (vmx_primary_controls(cpu) & windows) != 0 ||
           vmx_timer_remaining(cpu) == 0;
}

/* True: the run is over. */
static bool judge_boundary(struct bk_vcpu *vcpu, enum bk_entered *entered)
{
    struct vmx_cpu *cpu = &vcpu->cpu;
    const bool offered = cpu->pending.interrupt;
    const struct vmx_outcome outcome = vmx_boundary(cpu);
    const bool acknowledged = (vmcs_get(cpu->vmcs, VMCS_VM_EXIT_CONTROLS) & VMX_EXITCTL_ACK_INTR_ON_EXIT) != 0;
    const bool left_to_host = outcome.kind == VMX_OUTCOME_EXIT && !acknowledged;
    sim_stimuli_settle(vcpu, offered, left_to_host);
    return apply(vcpu, &outcome, entered);
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* An inactive processor: time jumps to what may wake it. True: the run is over. */
static bool sleep_on(struct bk_vcpu *vcpu, enum bk_entered *entered)
{
    struct vmx_cpu *cpu = &vcpu->cpu;
    const uint64_t timer = vmx_timer_remaining(cpu);
    if (timer == UINT64_MAX && sim_stimuli_distance(vcpu) == UINT64_MAX) {
        *entered = leave_without_exit(vcpu, BK_ASLEEP);
        return true;
    }
    (void)bk_idle(vcpu, timer == UINT64_MAX ? UINT64_MAX : sim_now(vcpu) + timer);
    cpu->tsc = sim_now(vcpu);
    return false;
}

/* True: the run is over. */
static bool judge_stop(struct bk_vcpu *vcpu, const struct sim_engine_result *result, enum bk_entered *entered)
{
    switch (result->stop) {
    case SIM_STOP_INSTRUCTION:
        return judge_instruction(vcpu, NULL, entered);
    case SIM_STOP_EXCEPTION:
        return result->event.vector == VMX_UD ? judge_instruction(vcpu, &result->event, entered) : raise(vcpu, &result->event, false, entered);
    case SIM_STOP_SOFT_INTERRUPT:
        return raise(vcpu, &result->event, false, entered);
    case SIM_STOP_TRANSLATION:
        return judge_translation(vcpu, &result->translation, entered);
    case SIM_STOP_DEADLINE:
        return false;
    case SIM_STOP_HOST_ERROR:
        *entered = host_error(vcpu, result->message);
        return true;
    }
    return false;
}

/* Ticks that may pass before somebody must look again: limit, stimulus, timer, monitor trap flag. */
static uint64_t run_length(const struct bk_vcpu *vcpu, uint64_t left)
{
    if ((vmx_primary_controls(&vcpu->cpu) & VMX_PRI_MONITOR_TRAP_FLAG) != 0)
        return 1;
    const uint64_t length = least(left, least(sim_stimuli_distance(vcpu), vmx_timer_remaining(&vcpu->cpu)));
    return length == 0 ? 1 : length;
}

/* Guest state is loaded; `event` is the injected event or NULL. */
enum bk_entered sim_vcpu_run(struct bk_vcpu *vcpu, const struct vmx_event *event)
{
    struct bk_machine *machine = vcpu->machine;
    struct vmx_cpu *cpu = &vcpu->cpu;
    enum bk_entered entered = BK_HOST_ERROR;
    if (event != NULL) {
        if (raise(vcpu, event, true, &entered))
            return entered;
        cpu->pending.mtf |= (vmx_primary_controls(cpu) & VMX_PRI_MONITOR_TRAP_FLAG) != 0;
    }
    for (;;) {
        sim_stimuli_arrive(vcpu);
        if (boundary_matters(vcpu)) {
            if (judge_boundary(vcpu, &entered))
                return entered;
            if (cpu->state.activity != VMX_ACTIVE) {
                if (sleep_on(vcpu, &entered))
                    return entered;
                continue;
            }
            /* What still waits is blocked, and only the guest can end that. */
            if (boundary_matters(vcpu))
                sim_engine_watch_once(vcpu->engine);
        }
        const uint64_t used = sim_retired(machine) + machine->steps;
        if (used >= machine->limit)
            return leave_without_exit(vcpu, BK_LIMIT);
        struct sim_engine_result result;
        sim_engine_run(vcpu->engine, run_length(vcpu, machine->limit - used), &result);
        pull(vcpu);
        if (judge_stop(vcpu, &result, &entered))
            return entered;
        cpu->pending.mtf |= (vmx_primary_controls(cpu) & VMX_PRI_MONITOR_TRAP_FLAG) != 0;
    }
}
