/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Several vCPUs on one machine: whose turn it is, and how time passes at physical CPUs whose vCPUs sleep. Each physical CPU has its own clock, and the one
   that is behind all others goes on. */
#include "machine_internal.h"

#include "../vmx-model/decide.h"

/* ---- turns ---- */
/* When the vCPU can run: at once, or when its physical CPU gets to where it left another one. */
static uint64_t runs_from(const struct bk_vcpu *vcpu)
{
    return vcpu->not_before > vcpu->pcpu->clock ? vcpu->not_before : vcpu->pcpu->clock;
}

/* Among the vCPUs of one physical CPU: the current one while its turn lasts and until its guest goes on after a VM exit, then the next one by number. */
static unsigned distance_in_rota(const struct bk_vcpu *vcpu)
{
    const struct bk_vcpu *current = vcpu->pcpu->current;
    if (current == NULL)
        return vcpu->index;
    if (current == vcpu)
        return vcpu->turn_left != 0 || !vcpu->entered ? 0 : SIM_VCPUS_MAX;
    return (vcpu->index + SIM_VCPUS_MAX - current->index) % SIM_VCPUS_MAX;
}

static bool goes_before(const struct bk_vcpu *a, const struct bk_vcpu *b)
{
    const uint64_t from_a = runs_from(a), from_b = runs_from(b);
    if (from_a != from_b)
        return from_a < from_b;
    if (a->pcpu != b->pcpu)
        return a->pcpu->index < b->pcpu->index;
    return distance_in_rota(a) < distance_in_rota(b);
}

unsigned bk_next(struct bk_machine *machine, uint32_t ready, uint64_t quantum)
{
    struct bk_vcpu *next = NULL;
    for (unsigned i = 0; i < machine->vcpu_count; i++)
        if ((ready >> i & 1) != 0 && (next == NULL || goes_before(&machine->vcpu[i], next)))
            next = &machine->vcpu[i];
    if (next == NULL)
        return 0;
    next->pcpu->clock = runs_from(next);
    next->not_before = 0;
    if (next->pcpu->current != next || (next->turn_left == 0 && next->entered))
        next->turn_left = quantum;
    sim_pcpu_take(next);
    next->turn_end = sim_vcpu_progress(next) + next->turn_left;
    return next->index;
}

void sim_turn_pauses(struct bk_vcpu *vcpu, enum bk_entered entered)
{
    const uint64_t progress = sim_vcpu_progress(vcpu);
    if (vcpu->turn_end == UINT64_MAX)
        return;
    vcpu->turn_left = entered != BK_PREEMPTED && entered != BK_ASLEEP && vcpu->turn_end > progress ? vcpu->turn_end - progress : 0;
}

static bool shares_its_pcpu(const struct bk_vcpu *vcpu)
{
    const struct bk_machine *machine = vcpu->machine;
    for (unsigned i = 0; i < machine->vcpu_count; i++)
        if (&machine->vcpu[i] != vcpu && machine->vcpu[i].pcpu == vcpu->pcpu)
            return true;
    return false;
}

void bk_yield(struct bk_vcpu *vcpu)
{
    if (vcpu->turn_end != UINT64_MAX && shares_its_pcpu(vcpu))
        vcpu->turn_end = sim_vcpu_progress(vcpu);
}

void bk_leave(struct bk_vcpu *vcpu)
{
    if (vcpu->entered)
        (void)sim_vcpu_leave(vcpu, BK_PREEMPTED);
}

/* ---- sleep ---- */
void sim_sleep(struct bk_vcpu *vcpu)
{
    const uint64_t now = sim_now(vcpu);
    if (vcpu->slept_at != UINT64_MAX && now < vcpu->slept_at)
        return; /* it fell asleep on a physical CPU that was ahead of this one */
    if (vcpu->slept_at != UINT64_MAX)
        sim_stimuli_pass(vcpu, now - vcpu->slept_at);
    vcpu->slept_at = now;
}

void sim_wake(struct bk_vcpu *vcpu)
{
    sim_sleep(vcpu);
    vcpu->slept_at = UINT64_MAX;
}

static uint64_t timer_remaining(struct bk_vcpu *vcpu)
{
    vcpu->cpu.tsc = sim_now(vcpu);
    return vcpu->entered ? sim_vcpu_timer_wakes_after(vcpu) : UINT64_MAX;
}

bool bk_stirs(struct bk_vcpu *vcpu)
{
    const struct vmx_pending *pending = &vcpu->cpu.pending;
    sim_sleep(vcpu);
    if (vcpu->cpu.state.activity == VMX_WAIT_FOR_SIPI)
        return pending->sipi;
    if (timer_remaining(vcpu) == 0)
        return true;
    return vcpu->stirred && (pending->init || vcpu->pcpu->nmi || sim_pcpu_interrupt(vcpu->pcpu) >= 0);
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* The first event that is due at an idle physical CPU. */
static uint64_t next_event(struct bk_machine *machine, const struct sim_pcpu *pcpu, uint32_t sleepers, const uint64_t *deadlines)
{
    const uint64_t left = sim_pcpu_distance(machine, pcpu, pcpu->clock);
    uint64_t due = left < UINT64_MAX - pcpu->clock ? pcpu->clock + left : UINT64_MAX;
    for (unsigned i = 0; i < machine->vcpu_count; i++) {
        struct bk_vcpu *vcpu = &machine->vcpu[i];
        if ((sleepers >> i & 1) == 0 || vcpu->pcpu != pcpu)
            continue;
        sim_sleep(vcpu);
        const uint64_t ticks = least(timer_remaining(vcpu), sim_stimuli_distance(vcpu));
        due = least(due, least(deadlines[i], ticks < UINT64_MAX - pcpu->clock ? pcpu->clock + ticks : UINT64_MAX));
    }
    return due;
}

/* Those with a vCPU that can go on, by number. */
static uint32_t busy_pcpus(const struct bk_machine *machine, uint32_t ready, uint64_t *first)
{
    uint32_t busy = 0;
    *first = UINT64_MAX;
    for (unsigned i = 0; i < machine->vcpu_count; i++)
        if ((ready >> i & 1) != 0) {
            busy |= 1u << machine->vcpu[i].pcpu->index;
            *first = least(*first, runs_from(&machine->vcpu[i]));
        }
    return busy;
}

bool bk_wait(struct bk_machine *machine, uint32_t ready, uint32_t sleepers, const uint64_t *deadlines)
{
    uint64_t until, event[SIM_PCPUS_MAX], first = UINT64_MAX;
    const uint32_t busy = busy_pcpus(machine, ready, &until);
    for (unsigned i = 0; i < machine->pcpu_count; i++) {
        event[i] = (busy >> i & 1) != 0 ? UINT64_MAX : next_event(machine, &machine->pcpu[i], sleepers, deadlines);
        first = least(first, event[i]);
    }
    if (busy == 0) {
        if (first == UINT64_MAX || sim_used(machine) >= machine->limit)
            return false;
        machine->steps++;
        until = first;
    }
    for (unsigned i = 0; i < machine->pcpu_count; i++) {
        struct sim_pcpu *pcpu = &machine->pcpu[i];
        const uint64_t to = least(event[i], until);
        if ((busy >> i & 1) != 0)
            continue;
        pcpu->clock = to > pcpu->clock ? to : pcpu->clock;
        sim_pcpu_arrive(machine, pcpu);
    }
    return true;
}
