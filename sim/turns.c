/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Several vCPUs on one machine: turns in instructions, and time that passes while all sleep. There is one clock: what any of them spends is time for all. */
#include "machine_internal.h"

#include "../vmx-model/decide.h"

void bk_set_turn(struct bk_vcpu *vcpu, uint64_t instructions)
{
    vcpu->turn_end = instructions == 0 ? UINT64_MAX : sim_vcpu_progress(vcpu) + instructions;
}

void sim_sleep(struct bk_vcpu *vcpu)
{
    const uint64_t now = sim_now(vcpu);
    if (vcpu->slept_at != UINT64_MAX)
        sim_stimuli_pass(vcpu, now - vcpu->slept_at);
    vcpu->slept_at = now;
}

void sim_wake(struct bk_vcpu *vcpu)
{
    sim_sleep(vcpu);
    vcpu->slept_at = UINT64_MAX;
}

void bk_leave(struct bk_vcpu *vcpu)
{
    if (vcpu->entered)
        (void)sim_vcpu_leave(vcpu, BK_PREEMPTED);
}

/* The VMX-preemption timer does not end the wait-for-SIPI state. */
static uint64_t sleep_length(struct bk_vcpu *vcpu)
{
    sim_sleep(vcpu);
    const uint64_t stimulus = sim_stimuli_distance(vcpu);
    vcpu->cpu.tsc = sim_now(vcpu);
    const bool timed = vcpu->entered && vcpu->cpu.state.activity != VMX_WAIT_FOR_SIPI;
    const uint64_t timer = timed ? vmx_timer_remaining(&vcpu->cpu) : UINT64_MAX;
    return timer < stimulus ? timer : stimulus;
}

bool bk_wait(struct bk_machine *machine, uint32_t vcpus, uint64_t tsc_deadline)
{
    const uint64_t now = sim_now(&machine->vcpu[0]);
    uint64_t ticks = UINT64_MAX;
    if (sim_used(machine) >= machine->limit)
        return false;
    for (unsigned i = 0; i < machine->vcpu_count; i++) {
        const uint64_t length = (vcpus >> i & 1) != 0 ? sleep_length(&machine->vcpu[i]) : UINT64_MAX;
        ticks = length < ticks ? length : ticks;
    }
    if (tsc_deadline != UINT64_MAX && (tsc_deadline <= now || tsc_deadline - now < ticks))
        ticks = tsc_deadline <= now ? 0 : tsc_deadline - now;
    if (ticks == UINT64_MAX)
        return false;
    machine->steps++;
    machine->clock += ticks;
    return true;
}
