/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Physical CPUs: what arrives at each by its own clock, and which virtual CPU is current there. */
#include "vcpu_internal.h"

#include <string.h>

void sim_pcpu_clear(struct sim_pcpu *pcpu)
{
    memset(pcpu->interrupts, 0, sizeof pcpu->interrupts);
    pcpu->nmi = false;
    pcpu->arrival_count = 0;
    pcpu->next_arrival = UINT64_MAX;
}

void sim_pcpus_reset(struct bk_machine *machine, unsigned count)
{
    uint64_t clock = 0;
    for (unsigned i = 0; i < machine->pcpu_count; i++)
        clock = machine->pcpu[i].clock > clock ? machine->pcpu[i].clock : clock;
    for (unsigned i = 0; i < SIM_PCPUS_MAX; i++) {
        struct sim_pcpu *pcpu = &machine->pcpu[i];
        pcpu->index = i;
        pcpu->clock = clock;
        pcpu->current = NULL;
        sim_pcpu_clear(pcpu);
        if (pcpu->tlb.live != 0)
            sim_tlb_clear(&pcpu->tlb);
    }
    machine->pcpu_count = count;
    for (unsigned i = 0; i < SIM_VCPUS_MAX; i++) {
        struct bk_vcpu *vcpu = &machine->vcpu[i];
        vcpu->pcpu = &machine->pcpu[i % count];
        vcpu->turn_left = vcpu->not_before = 0;
        vcpu->away = vcpu->stirred = false;
    }
}

bool bk_set_physical_cpus(struct bk_machine *machine, unsigned count)
{
    if (count == 0 || count > SIM_PCPUS_MAX)
        return false;
    sim_pcpus_reset(machine, count);
    return true;
}

unsigned bk_physical_cpus(const struct bk_machine *machine)
{
    return machine->pcpu_count;
}

unsigned bk_physical_cpu(const struct bk_vcpu *vcpu)
{
    return vcpu->pcpu->index;
}

bool bk_is_current(const struct bk_vcpu *vcpu)
{
    return vcpu->pcpu->current == vcpu || (vcpu->pcpu->current == NULL && !vcpu->away);
}

uint64_t bk_tsc_at(const struct bk_machine *machine, unsigned physical_cpu)
{
    return machine->pcpu[physical_cpu % SIM_PCPUS_MAX].clock;
}

/* ---- arrivals ---- */
static void stir(struct bk_machine *machine, const struct sim_pcpu *pcpu)
{
    for (unsigned i = 0; i < machine->vcpu_count; i++)
        machine->vcpu[i].stirred |= machine->vcpu[i].pcpu == pcpu;
}

static void arrive(struct bk_machine *machine, struct sim_pcpu *pcpu, const struct sim_arrival *arrival)
{
    struct bk_vcpu *vcpu = &machine->vcpu[arrival->vcpu];
    struct vmx_pending *pending = &vcpu->cpu.pending;
    switch (arrival->kind) {
    case BK_INTERRUPT:
        pcpu->interrupts[arrival->vector / 64] |= UINT64_C(1) << arrival->vector % 64;
        break;
    case BK_NMI:
        pcpu->nmi = true;
        break;
    case BK_INIT:
        pending->init = vcpu->stirred = true;
        break;
    case BK_SIPI:
        pending->sipi = vcpu->stirred = true;
        pending->sipi_vector = arrival->vector;
        break;
    case BK_MACHINE_CHECK_AT_ENTRY:
        vcpu->cpu.mce_at_entry = true;
        break;
    }
    stir(machine, pcpu);
}

void sim_pcpu_arrive(struct bk_machine *machine, struct sim_pcpu *pcpu)
{
    unsigned kept = 0;
    if (machine->source_count != 0 && sim_sources_arrive(machine, pcpu->index, pcpu->clock, pcpu->interrupts))
        stir(machine, pcpu);
    if (pcpu->clock < pcpu->next_arrival)
        return;
    pcpu->next_arrival = UINT64_MAX;
    for (unsigned i = 0; i < pcpu->arrival_count; i++) {
        const struct sim_arrival arrival = pcpu->arrivals[i];
        if (arrival.at <= pcpu->clock) {
            arrive(machine, pcpu, &arrival);
            continue;
        }
        pcpu->arrivals[kept++] = arrival;
        if (arrival.at < pcpu->next_arrival)
            pcpu->next_arrival = arrival.at;
    }
    pcpu->arrival_count = kept;
}

uint64_t sim_pcpu_distance(const struct bk_machine *machine, const struct sim_pcpu *pcpu, uint64_t now)
{
    const uint64_t source = machine->source_count != 0 ? sim_sources_distance(machine, pcpu->index, now) : UINT64_MAX;
    if (pcpu->next_arrival == UINT64_MAX)
        return source;
    const uint64_t arrival = pcpu->next_arrival > now ? pcpu->next_arrival - now : 0;
    return arrival < source ? arrival : source;
}

bool sim_pcpu_expect(struct bk_machine *machine, struct sim_pcpu *pcpu, const struct sim_arrival *arrival)
{
    if (arrival->at <= pcpu->clock) {
        arrive(machine, pcpu, arrival);
        return true;
    }
    if (pcpu->arrival_count == SIM_ARRIVALS_MAX)
        return false;
    pcpu->arrivals[pcpu->arrival_count++] = *arrival;
    if (arrival->at < pcpu->next_arrival)
        pcpu->next_arrival = arrival->at;
    return true;
}

bool bk_interrupt_at(struct bk_machine *machine, unsigned physical_cpu, uint8_t vector, uint64_t tsc)
{
    if (physical_cpu >= machine->pcpu_count)
        return false;
    return sim_pcpu_expect(machine, &machine->pcpu[physical_cpu], &(struct sim_arrival){.kind = BK_INTERRUPT, .vector = vector, .at = tsc});
}

bool bk_signal_at(struct bk_vcpu *vcpu, enum bk_stimulus stimulus, uint8_t vector, uint64_t tsc)
{
    const struct sim_arrival arrival = {.kind = stimulus, .vector = vector, .vcpu = (uint8_t)vcpu->index, .at = tsc};
    return sim_pcpu_expect(vcpu->machine, vcpu->pcpu, &arrival);
}

/* ---- the local APIC ---- */
int sim_pcpu_interrupt(const struct sim_pcpu *pcpu)
{
    for (int word = 3; word >= 0; word--)
        if (pcpu->interrupts[word] != 0)
            return word * 64 + 63 - __builtin_clzll(pcpu->interrupts[word]);
    return -1;
}

void sim_pcpu_acknowledge(struct sim_pcpu *pcpu, uint8_t vector)
{
    pcpu->interrupts[vector / 64] &= ~(UINT64_C(1) << vector % 64);
}

int bk_take_interrupt_at(struct bk_machine *machine, unsigned physical_cpu)
{
    struct sim_pcpu *pcpu = &machine->pcpu[physical_cpu % SIM_PCPUS_MAX];
    sim_pcpu_arrive(machine, pcpu);
    const int vector = sim_pcpu_interrupt(pcpu);
    if (vector < 0)
        return -1;
    if (!machine->free_of_charge)
        pcpu->clock += SIM_COST_INTERRUPT;
    sim_pcpu_acknowledge(pcpu, (uint8_t)vector);
    return vector;
}

/* ---- whose VMCS is loaded ---- */
/* An entry or an exit that nobody records: translations of a VMCS without "enable VPID" do not outlive it. */
static void pass_transition(struct bk_vcpu *where, const struct bk_vcpu *whose)
{
    const struct vmx_flush flush = vmx_flush_transition(&whose->cpu);
    if (flush.conditions != 0)
        vmx_invalidate(&where->cpu, flush);
}

/* A guest that its host has preempted is left, and entered again later; neither it nor the trace sees that, but it takes its time. */
void sim_pcpu_take(struct bk_vcpu *vcpu)
{
    struct sim_pcpu *pcpu = vcpu->pcpu;
    struct bk_vcpu *before = pcpu->current;
    if (before == vcpu)
        return;
    pcpu->current = vcpu;
    if (before == NULL && !vcpu->away)
        return;
    uint64_t ticks = SIM_COST_VMPTRLD;
    if (before != NULL) {
        before->away = true;
        ticks += before->entered ? SIM_COST_VM_EXIT : 0;
        if (before->entered)
            pass_transition(vcpu, before);
    }
    if (vcpu->entered) {
        ticks += SIM_COST_VM_ENTRY;
        pass_transition(vcpu, vcpu);
    } else {
        vcpu->cost_handler += ticks;
    }
    vcpu->away = false;
    pcpu->clock += ticks;
    sim_vcpu_forget(vcpu);
}

bool bk_move(struct bk_vcpu *vcpu, unsigned physical_cpu)
{
    struct bk_machine *machine = vcpu->machine;
    struct sim_pcpu *from = vcpu->pcpu;
    if (physical_cpu >= machine->pcpu_count || vcpu->entered)
        return false;
    if (physical_cpu == from->index)
        return true;
    if (vcpu->slept_at != UINT64_MAX)
        sim_sleep(vcpu);
    sim_charge(vcpu, SIM_COST_VMCLEAR);
    if (from->current == vcpu)
        from->current = NULL;
    if (vcpu->cpu.vmcs != NULL)
        vcpu->cpu.vmcs->launched = 0;
    vcpu->away = !machine->free_of_charge; /* while all is set up, VMCSs are loaded where they begin */
    vcpu->turn_left = 0;
    vcpu->not_before = sim_now(vcpu);
    vcpu->pcpu = &machine->pcpu[physical_cpu];
    if (vcpu->slept_at != UINT64_MAX)
        vcpu->slept_at = vcpu->not_before;
    return true;
}
