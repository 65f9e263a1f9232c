/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Events of the physical CPU: stimuli of the bench, the local APIC's waiting interrupts, the host's share in them. */
#include "machine_internal.h"

bool bk_stimulate(struct bk_vcpu *vcpu, enum bk_stimulus stimulus, uint8_t vector, uint64_t after)
{
    const struct sim_stimulus s = {.kind = stimulus, .vector = vector, .due = sim_engine_retired(vcpu->engine) + after};
    if (after == 0)
        return bk_signal_at(vcpu, stimulus, vector, 0);
    if (vcpu->slept_at != UINT64_MAX)
        sim_sleep(vcpu); /* the time of its sleep so far is none of this stimulus' */
    if (stimulus == BK_MACHINE_CHECK_AT_ENTRY || vcpu->stimulus_count == SIM_STIMULI_MAX)
        return false;
    vcpu->stimuli[vcpu->stimulus_count++] = s;
    return true;
}

void sim_stimuli_arrive(struct bk_vcpu *vcpu)
{
    const uint64_t now = sim_engine_retired(vcpu->engine);
    unsigned kept = 0;
    for (unsigned i = 0; i < vcpu->stimulus_count; i++) {
        if (vcpu->stimuli[i].due <= now)
            (void)bk_signal_at(vcpu, vcpu->stimuli[i].kind, vcpu->stimuli[i].vector, 0);
        else
            vcpu->stimuli[kept++] = vcpu->stimuli[i];
    }
    vcpu->stimulus_count = kept;
    sim_settle(vcpu);
    sim_pcpu_arrive(vcpu->machine, vcpu->pcpu);
    const int vector = sim_pcpu_interrupt(vcpu->pcpu);
    vcpu->cpu.pending.nmi = vcpu->pcpu->nmi;
    vcpu->cpu.pending.interrupt = vector >= 0;
    vcpu->cpu.pending.interrupt_vector = vector >= 0 ? (uint8_t)vector : 0;
}

uint64_t sim_stimuli_distance(const struct bk_vcpu *vcpu)
{
    const uint64_t now = sim_engine_retired(vcpu->engine);
    uint64_t distance = sim_pcpu_distance(vcpu->machine, vcpu->pcpu, sim_now(vcpu));
    for (unsigned i = 0; i < vcpu->stimulus_count; i++) {
        const uint64_t due = vcpu->stimuli[i].due;
        if (due <= now)
            return 0;
        if (due - now < distance)
            distance = due - now;
    }
    return distance;
}

void sim_stimuli_settle(struct bk_vcpu *vcpu, bool offered, bool still_waits)
{
    vcpu->pcpu->nmi = vcpu->cpu.pending.nmi;
    if (offered && !vcpu->cpu.pending.interrupt && !still_waits)
        sim_pcpu_acknowledge(vcpu->pcpu, vcpu->cpu.pending.interrupt_vector);
}

int bk_take_interrupt(struct bk_vcpu *vcpu)
{
    const int vector = sim_pcpu_interrupt(vcpu->pcpu);
    if (vector < 0)
        return -1;
    sim_charge(vcpu, SIM_COST_INTERRUPT);
    sim_pcpu_acknowledge(vcpu->pcpu, (uint8_t)vector);
    return vector;
}

void bk_take_nmi(struct bk_vcpu *vcpu)
{
    sim_charge(vcpu, SIM_COST_NMI);
    vcpu->cpu.nmi_blocked = false;
}

void sim_stimuli_pass(struct bk_vcpu *vcpu, uint64_t ticks)
{
    for (unsigned i = 0; i < vcpu->stimulus_count; i++)
        vcpu->stimuli[i].due = vcpu->stimuli[i].due > ticks ? vcpu->stimuli[i].due - ticks : 0;
    sim_stimuli_arrive(vcpu);
}

/* A stimulus that is due within the time comes at once. */
void sim_stimuli_wait(struct bk_vcpu *vcpu, uint64_t ticks)
{
    const uint64_t distance = sim_stimuli_distance(vcpu);
    sim_spend(vcpu, distance < ticks ? distance : ticks);
    if (distance <= ticks)
        sim_stimuli_pass(vcpu, distance);
}

/* Somebody else's guest is there to take what arrives at the physical CPU. */
static bool others_run(const struct bk_vcpu *vcpu)
{
    const struct bk_machine *machine = vcpu->machine;
    for (unsigned i = 0; i < machine->vcpu_count; i++) {
        const struct bk_vcpu *other = &machine->vcpu[i];
        if (other != vcpu && other->pcpu == vcpu->pcpu && other->cpu.vmcs != NULL && other->slept_at == UINT64_MAX)
            return true;
    }
    return false;
}

bool bk_idle(struct bk_vcpu *vcpu, uint64_t tsc_deadline)
{
    const bool turns = vcpu->turn_end != UINT64_MAX;
    if (turns)
        sim_sleep(vcpu);
    if (sim_used(vcpu->machine) >= vcpu->machine->limit)
        return false;
    sim_stimuli_arrive(vcpu);
    if (vcpu->cpu.pending.init || ((sim_pcpu_interrupt(vcpu->pcpu) >= 0 || vcpu->pcpu->nmi) && !(turns && others_run(vcpu))))
        return true;
    const uint64_t now = sim_now(vcpu);
    if (turns && sim_stimuli_distance(vcpu) != 0)
        return tsc_deadline <= now;
    if (sim_stimuli_distance(vcpu) == UINT64_MAX && tsc_deadline == UINT64_MAX)
        return false;
    vcpu->machine->steps++; /* what never wakes the guest does not let it sleep without an end */
    sim_stimuli_wait(vcpu, tsc_deadline > now ? tsc_deadline - now : 0);
    return true;
}
