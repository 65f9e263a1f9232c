/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Events of the physical CPU: stimuli of the bench, the local APIC's waiting interrupts, the host's share in them. */
#include "machine_internal.h"

#include <string.h>

static void local_apic_request(struct bk_vcpu *vcpu, uint8_t vector)
{
    vcpu->interrupts[vector / 64] |= UINT64_C(1) << (vector % 64);
}

static void local_apic_clear(struct bk_vcpu *vcpu, uint8_t vector)
{
    vcpu->interrupts[vector / 64] &= ~(UINT64_C(1) << (vector % 64));
}

static int local_apic_highest(const struct bk_vcpu *vcpu)
{
    for (int word = 3; word >= 0; word--)
        if (vcpu->interrupts[word] != 0)
            return word * 64 + 63 - __builtin_clzll(vcpu->interrupts[word]);
    return -1;
}

static void arrive(struct bk_vcpu *vcpu, const struct sim_stimulus *stimulus)
{
    struct vmx_cpu *cpu = &vcpu->cpu;
    switch (stimulus->kind) {
    case BK_INTERRUPT:
        local_apic_request(vcpu, stimulus->vector);
        break;
    case BK_NMI:
        cpu->pending.nmi = true;
        break;
    case BK_INIT:
        cpu->pending.init = true;
        break;
    case BK_SIPI:
        cpu->pending.sipi = true;
        cpu->pending.sipi_vector = stimulus->vector;
        break;
    case BK_MACHINE_CHECK_AT_ENTRY:
        cpu->mce_at_entry = true;
        break;
    }
}

bool bk_stimulate(struct bk_vcpu *vcpu, enum bk_stimulus stimulus, uint8_t vector, uint64_t after)
{
    const struct sim_stimulus s = {.kind = stimulus, .vector = vector, .due = sim_engine_retired(vcpu->engine) + after};
    if (after == 0) {
        arrive(vcpu, &s);
        return true;
    }
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
            arrive(vcpu, &vcpu->stimuli[i]);
        else
            vcpu->stimuli[kept++] = vcpu->stimuli[i];
    }
    vcpu->stimulus_count = kept;
    if (vcpu->machine->source_count != 0)
        sim_sources_arrive(vcpu->machine, bk_physical_cpu(vcpu), sim_now(vcpu), vcpu->interrupts);
    const int vector = local_apic_highest(vcpu);
    vcpu->cpu.pending.interrupt = vector >= 0;
    vcpu->cpu.pending.interrupt_vector = vector >= 0 ? (uint8_t)vector : 0;
}

uint64_t sim_stimuli_distance(const struct bk_vcpu *vcpu)
{
    const uint64_t now = sim_engine_retired(vcpu->engine);
    uint64_t distance = vcpu->machine->source_count == 0 ? UINT64_MAX : sim_sources_distance(vcpu->machine, bk_physical_cpu(vcpu), sim_now(vcpu));
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
    if (offered && !vcpu->cpu.pending.interrupt && !still_waits)
        local_apic_clear(vcpu, vcpu->cpu.pending.interrupt_vector);
}

int bk_take_interrupt(struct bk_vcpu *vcpu)
{
    const int vector = local_apic_highest(vcpu);
    if (vector < 0)
        return -1;
    sim_charge(vcpu, SIM_COST_INTERRUPT);
    local_apic_clear(vcpu, (uint8_t)vector);
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
    vcpu->machine->clock += distance < ticks ? distance : ticks;
    if (distance <= ticks)
        sim_stimuli_pass(vcpu, distance);
}

bool bk_idle(struct bk_vcpu *vcpu, uint64_t tsc_deadline)
{
    const bool turns = vcpu->turn_end != UINT64_MAX;
    if (turns)
        sim_sleep(vcpu);
    if (sim_used(vcpu->machine) >= vcpu->machine->limit)
        return false;
    sim_stimuli_arrive(vcpu);
    if (local_apic_highest(vcpu) >= 0 || vcpu->cpu.pending.nmi || vcpu->cpu.pending.init)
        return true;
    const uint64_t now = sim_now(vcpu);
    if (turns && sim_stimuli_distance(vcpu) != 0)
        return tsc_deadline <= now;
    if (sim_stimuli_distance(vcpu) == UINT64_MAX && tsc_deadline == UINT64_MAX)
        return false;
    sim_stimuli_wait(vcpu, tsc_deadline > now ? tsc_deadline - now : 0);
    return true;
}
