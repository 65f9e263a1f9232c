/* SPDX-License-Identifier: MIT */
/* The processors of the real machine as handlers and bench name them. Each vCPU stays on its own; the host hops to where something is to be done. */
#include "machine.h"
#include "x86.h"

enum { SKEW = 100000 /* by which time-stamp counters of processors may differ */ };

bool bk_set_physical_cpus(struct bk_machine *machine, unsigned count)
{
    if (count == 0 || count > HW_CPUS)
        return false;
    machine->taking_part = count < machine->cpus ? count : machine->cpus;
    machine->turn_of = HW_VCPUS - 1;
    for (unsigned i = 0; i < HW_VCPUS; i++)
        machine->vcpu[i].tried = false;
    return true;
}

unsigned bk_physical_cpus(const struct bk_machine *machine)
{
    return machine->taking_part;
}

unsigned bk_physical_cpu(const struct bk_vcpu *vcpu)
{
    return vcpu->cpu;
}

bool bk_is_current(const struct bk_vcpu *vcpu)
{
    return vcpu->machine->cpu[vcpu->cpu].current == vcpu;
}

bool bk_move(struct bk_vcpu *vcpu, unsigned physical_cpu)
{
    return physical_cpu == vcpu->cpu;
}

uint64_t bk_tsc_at(const struct bk_machine *machine, unsigned physical_cpu)
{
    (void)machine;
    (void)physical_cpu;
    return rdtsc();
}

bool bk_interrupt_at(struct bk_machine *machine, unsigned physical_cpu, uint8_t vector, uint64_t tsc)
{
    if (physical_cpu >= machine->taking_part || (tsc > SKEW && tsc - SKEW > rdtsc()))
        return false;
    hw_go_to(machine, physical_cpu);
    return hw_apic_send_interrupt(vector);
}

int bk_take_interrupt_at(struct bk_machine *machine, unsigned physical_cpu)
{
    hw_go_to(machine, physical_cpu);
    return hw_take_interrupt();
}

bool bk_signal_at(struct bk_vcpu *vcpu, enum bk_stimulus stimulus, uint8_t vector, uint64_t tsc)
{
    return (tsc <= SKEW || tsc - SKEW <= rdtsc()) && bk_stimulate(vcpu, stimulus, vector, 0);
}

/* ---- turns ---- */
unsigned bk_next(struct bk_machine *machine, uint32_t ready, uint64_t quantum)
{
    const unsigned last = machine->turn_of;
    if ((ready >> last & 1) != 0 && machine->vcpu[last].turn != 0 && machine->vcpu[last].turn != UINT64_MAX)
        return last;
    for (unsigned i = 1; i <= HW_VCPUS; i++) {
        const unsigned next = (last + i) % HW_VCPUS;
        if ((ready >> next & 1) == 0)
            continue;
        machine->vcpu[next].turn = hw_ticks_for(quantum);
        machine->turn_of = next;
        break;
    }
    return machine->turn_of;
}

void bk_yield(struct bk_vcpu *vcpu)
{
    if (vcpu->turn != UINT64_MAX)
        vcpu->turn = 0;
}

bool bk_stirs(struct bk_vcpu *vcpu)
{
    if (vcpu->sipi != 0 || !vcpu->tried)
        return true;
    hw_go_to(vcpu->machine, vcpu->cpu);
    return bk_vmread(vcpu, VMCS_GUEST_ACTIVITY_STATE) != VMX_WAIT_FOR_SIPI && hw_apic_pending();
}

bool bk_wait(struct bk_machine *machine, uint32_t ready, uint32_t sleepers, const uint64_t *deadlines)
{
    while (ready == 0) {
        bool awaited = false;
        for (unsigned i = 0; i < HW_VCPUS; i++) {
            if ((sleepers >> i & 1) == 0)
                continue;
            hw_go_to(machine, machine->vcpu[i].cpu);
            if (machine->vcpu[i].sipi != 0 || hw_apic_pending() || rdtsc() >= deadlines[i])
                return true;
            awaited |= deadlines[i] != UINT64_MAX;
        }
        if (!awaited)
            return false;
    }
    return true;
}
