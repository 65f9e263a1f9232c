/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The run loop of one virtual CPU: the engine runs, the model judges, the VMCS takes the exit. */
#include "vcpu_internal.h"

#include "../vmx-model/controls.h"
#include "../vmx-model/decide.h"
#include "../vmx-model/registers.h"
#include "board.h"

/* Groups that the model looks at after every stop. */
enum { ALWAYS = VMX_GROUP_GPR | VMX_GROUP_IP | VMX_GROUP_EVENT };

void sim_vcpu_translate(void *context, gva_t linear, enum vmx_access_kind access, bool user, struct vmx_translation *out)
{
    const uint64_t alignment_check = UINT64_C(1) << 18;
    struct bk_vcpu *vcpu = context;
    struct vmx_state *s = &vcpu->cpu.state;
    /* Of what the running guest changes by itself, RFLAGS.AC and PKRU bear on translation. */
    s->rflags = sim_engine_smap_exempt(vcpu->engine) ? s->rflags | alignment_check : s->rflags & ~alignment_check;
    s->pkru = sim_engine_pkru(vcpu->engine);
    vcpu->cpu.nmi_unblocked_by_iret = sim_engine_iret_unblocked(vcpu->engine);
    vmx_translate(&vcpu->cpu, linear, access, user, out);
    if (out->apic_page) {
        sim_apic_access(vcpu, linear, access, out);
        return;
    }
    if (vcpu->machine->board != NULL && out->kind == VMX_TRANSLATED)
        sim_board_translated(vcpu, access, out);
    if (access == VMX_ACCESS_FETCH && out->kind == VMX_TRANSLATED && !out->no_memory && out->host < vcpu->machine->ram_size)
        sim_vcpu_fetched(vcpu, linear, user, vcpu->machine->ram + (out->host - out->host % SIM_PAGE));
}

bool sim_vcpu_iret_unblocks_nmis(void *context)
{
    const struct bk_vcpu *vcpu = context;
    return vmx_iret_unblocks_nmis(&vcpu->cpu);
}

void sim_vcpu_entered(struct bk_vcpu *vcpu, uint32_t changed)
{
    sim_vcpu_push(vcpu, changed | vcpu->stale);
    vcpu->stale = 0;
    vcpu->touched = 0;
    vcpu->apic_alone = false;
}

/* Fetches what the guest may have changed. */
static void pull(struct bk_vcpu *vcpu)
{
    const uint32_t changed = sim_engine_changed(vcpu->engine) | ALWAYS;
    sim_engine_get(vcpu->engine, changed, &vcpu->cpu.state);
    vcpu->touched |= changed;
    vcpu->cpu.nmi_unblocked_by_iret = sim_engine_iret_unblocked(vcpu->engine);
    vcpu->cpu.tsc = sim_now(vcpu);
}

enum bk_entered sim_vcpu_leave(struct bk_vcpu *vcpu, enum bk_entered why)
{
    vmx_save_guest_state(&vcpu->cpu, vcpu->touched);
    vcpu->touched = 0;
    vcpu->entered = false;
    return why;
}

/* The guest gives way to others where it is: nothing of it is saved. */
static enum bk_entered suspend(struct bk_vcpu *vcpu, enum bk_entered why)
{
    vcpu->entered = true;
    return why;
}

/* The instruction did not fail: it comes once more from its start, with what an IRET has ended. */
static void begin_again(struct bk_vcpu *vcpu)
{
    if (!vcpu->cpu.nmi_unblocked_by_iret)
        return;
    vcpu->cpu.nmi_unblocked_by_iret = false;
    vcpu->cpu.state.interruptibility |= VMX_BLOCKING_BY_NMI;
    sim_vcpu_push(vcpu, VMX_GROUP_EVENT);
}

static bool judge_translation(struct bk_vcpu *vcpu, const struct vmx_translation *translation, enum bk_entered *entered)
{
    if (translation->apic_page || vcpu->device_wanted)
        begin_again(vcpu);
    if (translation->apic_page) {
        sim_apic_begin(vcpu);
        return false;
    }
    if (vcpu->device_wanted) {
        vcpu->device_wanted = false;
        vcpu->device_alone = true;
        return false;
    }
    if (translation->kind == VMX_TRANSLATION_EXIT)
        return sim_vcpu_exit(vcpu, &translation->exit, entered);
    return sim_vcpu_raise(vcpu, &translation->event, false, entered);
}

/* Does anything wait that an instruction boundary may release? Then boundaries are judged one by one. */
static bool boundary_matters(const struct bk_vcpu *vcpu)
{
    const struct vmx_cpu *cpu = &vcpu->cpu;
    const struct vmx_pending *p = &cpu->pending;
    const uint32_t windows = vmx_non_root(cpu) ? VMX_PRI_INTR_WINDOW_EXITING | VMX_PRI_NMI_WINDOW_EXITING : 0;
    return p->nmi || p->init || p->sipi || p->smi || p->machine_check || p->interrupt || p->mtf || p->preemption_timer || p->tpr_below_threshold ||
           p->virtual_interrupt || cpu->state.pending_debug != 0 || cpu->state.activity != VMX_ACTIVE || (vmx_primary_controls(cpu) & windows) != 0 ||
           vmx_timer_remaining(cpu) == 0;
}

/* *acted: an event was taken, and the boundary is to be judged again. True: the run is over. */
static bool judge_boundary(struct bk_vcpu *vcpu, bool *acted, enum bk_entered *entered)
{
    struct vmx_cpu *cpu = &vcpu->cpu;
    const bool offered = cpu->pending.interrupt;
    const struct vmx_outcome outcome = vmx_boundary(cpu);
    const bool acknowledged = cpu->vmcs != NULL && (vmcs_get(cpu->vmcs, VMCS_VM_EXIT_CONTROLS) & VMX_EXITCTL_ACK_INTR_ON_EXIT) != 0;
    const bool left_to_host = outcome.kind == VMX_OUTCOME_EXIT && !acknowledged;
    if (vcpu->machine->board != NULL)
        sim_board_settle(vcpu, offered, left_to_host, outcome.dismissed);
    else
        sim_stimuli_settle(vcpu, offered, left_to_host);
    *acted = outcome.kind != VMX_OUTCOME_RUN;
    if (outcome.kind == VMX_OUTCOME_SHUTDOWN) {
        *entered = sim_vcpu_host_error(vcpu, "an SMI, or a machine check with CR4.MCE = 0: the processor shuts down");
        return true;
    }
    return sim_vcpu_apply(vcpu, &outcome, entered);
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* The VMX-preemption timer does not end the wait-for-SIPI state. SDM 3C, "VMX-Preemption Timer". */
uint64_t sim_vcpu_timer_wakes_after(const struct bk_vcpu *vcpu)
{
    return vcpu->cpu.state.activity != VMX_WAIT_FOR_SIPI ? vmx_timer_remaining(&vcpu->cpu) : UINT64_MAX;
}

/* An inactive processor: time jumps to what may wake it. True: the run is over. */
static bool sleep_on(struct bk_vcpu *vcpu, enum bk_entered *entered)
{
    struct vmx_cpu *cpu = &vcpu->cpu;
    const uint64_t timer = sim_vcpu_timer_wakes_after(vcpu);
    if (vcpu->machine->board != NULL) {
        const bool goes_on = sim_board_sleep(vcpu, timer);
        cpu->tsc = sim_now(vcpu);
        if (!goes_on)
            *entered = suspend(vcpu, BK_ASLEEP);
        return !goes_on;
    }
    if (vcpu->turn_end != UINT64_MAX) {
        sim_sleep(vcpu);
        vcpu->stirred = false;
        *entered = suspend(vcpu, BK_ASLEEP);
        return true;
    }
    if (timer == UINT64_MAX && sim_stimuli_distance(vcpu) == UINT64_MAX) {
        *entered = sim_vcpu_leave(vcpu, BK_ASLEEP);
        return true;
    }
    sim_stimuli_wait(vcpu, timer);
    cpu->tsc = sim_now(vcpu);
    return false;
}

/* The traps of RFLAGS.TF and of breakpoints on data wait their turn among the events of the boundary. */
static bool is_debug_trap(const struct vmx_event *event)
{
    return event->type == VMX_EVENT_HARDWARE_EXCEPTION && event->vector == VMX_DB && (event->payload & (VMX_PENDING_BS | VMX_PENDING_ENABLED)) != 0;
}

static bool judge_exception(struct bk_vcpu *vcpu, const struct vmx_event *event, enum bk_entered *entered)
{
    /* INVEPT, INVVPID and INVPCID look like SSE instructions to an engine that does not know them: CR0.TS makes it say #NM. */
    if (event->vector == VMX_UD || event->vector == VMX_NM)
        return sim_vcpu_judge_instruction(vcpu, event, entered);
    if (event->vector == VMX_GP)
        return sim_vcpu_judge_protection(vcpu, event, entered);
    if (!is_debug_trap(event))
        return sim_vcpu_raise(vcpu, event, false, entered);
    vcpu->cpu.state.pending_debug |= event->payload;
    sim_vcpu_push(vcpu, VMX_GROUP_EVENT);
    return false;
}

/* True: the run is over. */
static bool judge_stop(struct bk_vcpu *vcpu, const struct sim_engine_result *result, enum bk_entered *entered)
{
    switch (result->stop) {
    case SIM_STOP_INSTRUCTION:
        return sim_vcpu_judge_instruction(vcpu, NULL, entered);
    case SIM_STOP_EXCEPTION:
        return judge_exception(vcpu, &result->event, entered);
    case SIM_STOP_SOFT_INTERRUPT:
        return sim_vcpu_raise(vcpu, &result->event, false, entered);
    case SIM_STOP_TRANSLATION:
        return judge_translation(vcpu, &result->translation, entered);
    case SIM_STOP_DEADLINE:
        return false;
    case SIM_STOP_JUDGED:
        *entered = vcpu->judged;
        return vcpu->judged_over;
    case SIM_STOP_HOST_ERROR:
        *entered = sim_vcpu_host_error(vcpu, result->message);
        return true;
    }
    return false;
}

static bool monitor_trap_flag(const struct bk_vcpu *vcpu)
{
    return vmx_non_root(&vcpu->cpu) && (vmx_primary_controls(&vcpu->cpu) & VMX_PRI_MONITOR_TRAP_FLAG) != 0;
}

/* Ticks that may pass before somebody must look again: limit, stimulus, timer, monitor trap flag, the APIC-access page. */
static uint64_t run_length(const struct bk_vcpu *vcpu, uint64_t left)
{
    if (monitor_trap_flag(vcpu) || vcpu->apic_alone || vcpu->device_alone)
        return 1;
    const uint64_t event = vcpu->machine->board != NULL ? sim_board_distance(vcpu) : sim_stimuli_distance(vcpu);
    const uint64_t length = least(left, least(event, vmx_timer_remaining(&vcpu->cpu)));
    return length == 0 ? 1 : least(length, vcpu->machine->longest_run);
}

uint64_t sim_vcpu_progress(const struct bk_vcpu *vcpu)
{
    return sim_engine_ticks(vcpu->engine) + vcpu->machine->steps;
}

/* What sim_vcpu_run() would do between two runs of the engine, where that is little. Ticks that may pass before somebody must look again; 0: somebody must
   look now. */
static uint64_t next_run(struct bk_vcpu *vcpu)
{
    const struct bk_machine *machine = vcpu->machine;
    const uint64_t used = sim_used(machine), end = least(machine->limit, machine->pause);
    vcpu->cpu.tsc = sim_now(vcpu);
    if (used >= end || sim_board_distance(vcpu) == 0)
        return 0;
    sim_board_arrive(vcpu);
    if (boundary_matters(vcpu) || monitor_trap_flag(vcpu))
        return 0;
    return run_length(vcpu, least(end - used, vcpu->turn_end - sim_vcpu_progress(vcpu)));
}

uint64_t sim_vcpu_judge(void *context)
{
    static const struct vmx_event undefined = {.vector = VMX_UD, .type = VMX_EVENT_HARDWARE_EXCEPTION};
    struct bk_vcpu *vcpu = context;
    if (vcpu->machine->board == NULL || monitor_trap_flag(vcpu) || vcpu->apic_alone || vcpu->device_alone)
        return SIM_ENGINE_REFUSES;
    pull(vcpu);
    vcpu->cpu.repeats = false;
    vcpu->allowed_at = UINT64_MAX;
    vcpu->judged_over = sim_vcpu_judge_instruction(vcpu, &undefined, &vcpu->judged);
    return vcpu->judged_over ? 0 : next_run(vcpu);
}

/* The engine runs up to its next stop, and what it stopped for is judged. True: the run is over. */
static bool run_on(struct bk_vcpu *vcpu, enum bk_entered *entered)
{
    struct sim_engine_result result;
    const uint64_t before = sim_vcpu_progress(vcpu);
    const bool trapped = monitor_trap_flag(vcpu); /* not the VM entry that is executed now */
    const uint64_t end = least(vcpu->machine->limit, vcpu->machine->pause) - sim_used(vcpu->machine);
    sim_engine_run(vcpu->engine, run_length(vcpu, least(end, vcpu->turn_end - before)), &result);
    pull(vcpu);
    vcpu->cpu.repeats = result.repeats;
    if (result.stop != SIM_STOP_INSTRUCTION)
        vcpu->allowed_at = UINT64_MAX;
    if (sim_vcpu_progress(vcpu) != before)
        vcpu->device_alone = false;
    if (judge_stop(vcpu, &result, entered))
        return true;
    if (sim_vcpu_progress(vcpu) == before)
        return false;
    vcpu->cpu.pending.mtf |= trapped && monitor_trap_flag(vcpu);
    return vcpu->apic_alone && sim_apic_end(vcpu, entered);
}

/* Guest state is loaded; `event` is the injected event or NULL. */
enum bk_entered sim_vcpu_run(struct bk_vcpu *vcpu, const struct vmx_event *event)
{
    struct vmx_cpu *cpu = &vcpu->cpu;
    enum bk_entered entered = BK_HOST_ERROR;
    const bool board = vcpu->machine->board != NULL;
    vcpu->entered = false;
    sim_vcpu_retag(vcpu);
    /* An entry whose injection exits again and again makes no other step. */
    if (sim_used(vcpu->machine) >= vcpu->machine->limit)
        return board ? BK_LIMIT : sim_vcpu_leave(vcpu, BK_LIMIT);
    if (event != NULL && sim_vcpu_raise(vcpu, event, true, &entered))
        return entered;
    for (;;) {
        bool acted = false;
        cpu->tsc = sim_now(vcpu);
        if (sim_used(vcpu->machine) >= vcpu->machine->pause)
            return suspend(vcpu, BK_PAUSED);
        if (board)
            sim_board_arrive(vcpu);
        else
            sim_stimuli_arrive(vcpu);
        if (boundary_matters(vcpu) && judge_boundary(vcpu, &acted, &entered))
            return entered;
        if (sim_used(vcpu->machine) >= vcpu->machine->limit)
            return board ? BK_LIMIT : sim_vcpu_leave(vcpu, BK_LIMIT);
        if (board ? sim_board_window_is_over(vcpu) : sim_vcpu_progress(vcpu) >= vcpu->turn_end)
            return suspend(vcpu, BK_PREEMPTED);
        if (acted)
            continue;
        if (cpu->state.activity != VMX_ACTIVE) {
            if (sleep_on(vcpu, &entered))
                return entered;
            continue;
        }
        /* What still waits is blocked, and only the guest can end that. */
        if (boundary_matters(vcpu))
            sim_engine_watch_once(vcpu->engine);
        if (run_on(vcpu, &entered))
            return entered;
    }
}
