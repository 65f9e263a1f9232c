/* SPDX-License-Identifier: MIT */
/* Interrupts of devices that are assigned to a virtual CPU. They arrive at the physical CPU that the interrupt's affinity names; where another virtual CPU runs
   there, it pays the VM exit, and the owner is made to look: by a kick, or without a VM exit by a posted interrupt.
   SDM 3C, "External Interrupts". */
#include "handlers.h"

void hv_route_interrupt(struct hv_vm *vm, uint8_t vector, unsigned vcpu)
{
    if (vcpu < vm->vcpus)
        vm->route[vector] = (uint8_t)(vcpu + 1);
}

void hv_note_interrupt(const struct hv_vcpu *here, uint8_t vector, const struct hv_vcpu *target, bool merged)
{
    const struct hv_vm *vm = here->vm;
    if (vm->interrupt != NULL)
        vm->interrupt(vm->context, here->index, bk_physical_cpu(here->bk), vector, target->index, merged);
}

/* It has requested this interrupt already: both are one. */
static bool waits(const struct hv_vcpu *vcpu, uint8_t vector)
{
    return (vcpu->pending_vectors[vector / 64] >> vector % 64 & 1) != 0;
}

void hv_device_interrupts(struct hv_vcpu *here, uint8_t vector)
{
    struct hv_vm *vm = here->vm;
    if (vm->route[vector] == 0) {
        if (!hv_takes_notification(here, vector))
            hv_queue_interrupt(here, vector);
        return;
    }
    struct hv_vcpu *to = &vm->vcpu[vm->route[vector] - 1];
    hv_note_interrupt(here, vector, to, waits(to, vector));
    if (to == here)
        hv_queue_interrupt(to, vector);
    else
        hv_request(to, vector, bk_tsc(here->bk));
}

/* Without a route it is for the first virtual CPU. */
void hv_device_interrupts_at(struct hv_vm *vm, unsigned physical_cpu, uint8_t vector)
{
    struct hv_vcpu *to = &vm->vcpu[vm->route[vector] != 0 ? vm->route[vector] - 1u : 0];
    if (vm->route[vector] != 0 && vm->interrupt != NULL)
        vm->interrupt(vm->context, to->index, physical_cpu, vector, to->index, waits(to, vector));
    hv_request(to, vector, bk_tsc_at(vm->machine, physical_cpu));
}
