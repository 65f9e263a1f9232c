/* SPDX-License-Identifier: MIT */
/* Interrupts of devices that are assigned to a virtual CPU. They arrive at the physical CPU that the interrupt's affinity names; where another virtual CPU runs
   there, it pays the VM exit, and the owner is made to look: by a kick, or without a VM exit by a posted interrupt.
   SDM 3C, "External Interrupts", "Posted-Interrupt Processing". */
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

/* ---- posted interrupts: the descriptor holds a bit for each vector, then the bit "outstanding notification" ---- */
enum { DESCRIPTOR_WORDS = 5, OUTSTANDING_WORD = 4, OUTSTANDING = 1 };

static bool read_descriptor(struct hv_vcpu *vcpu, uint64_t word[DESCRIPTOR_WORDS])
{
    return bk_read(vcpu->vm->machine, hv_read(vcpu, VMCS_POSTED_INTR_DESC_ADDR), word, DESCRIPTOR_WORDS * sizeof *word);
}

static bool write_descriptor(struct hv_vcpu *vcpu, const uint64_t word[DESCRIPTOR_WORDS])
{
    return bk_write(vcpu->vm->machine, hv_read(vcpu, VMCS_POSTED_INTR_DESC_ADDR), word, DESCRIPTOR_WORDS * sizeof *word);
}

/* The processor of a guest that runs takes the request from the descriptor when the notification arrives. */
static bool post(struct hv_vcpu *to, uint8_t vector, uint64_t tsc)
{
    uint64_t word[DESCRIPTOR_WORDS];
    if (!to->entered || to->outside || !bk_is_current(to->bk) || !hv_pin_control(to, VMX_PIN_PROCESS_POSTED_INTR) || !read_descriptor(to, word))
        return false;
    const bool notified = (word[OUTSTANDING_WORD] & OUTSTANDING) != 0;
    word[vector / 64] |= UINT64_C(1) << vector % 64;
    word[OUTSTANDING_WORD] |= OUTSTANDING;
    if (!write_descriptor(to, word))
        return false;
    return notified || bk_interrupt_at(to->vm->machine, bk_physical_cpu(to->bk), (uint8_t)hv_read(to, VMCS_POSTED_INTR_NV), tsc);
}

/* A notification that finds its virtual CPU outside of the guest is an interrupt as any other: what was posted is queued. */
static bool take_posted(struct hv_vcpu *vcpu, uint8_t vector)
{
    uint64_t word[DESCRIPTOR_WORDS];
    if (!hv_pin_control(vcpu, VMX_PIN_PROCESS_POSTED_INTR) || hv_read(vcpu, VMCS_POSTED_INTR_NV) != vector || !read_descriptor(vcpu, word) ||
        (word[OUTSTANDING_WORD] & OUTSTANDING) == 0)
        return false;
    for (unsigned i = 0; i < OUTSTANDING_WORD; i++)
        for (; word[i] != 0; word[i] &= word[i] - 1)
            hv_queue_interrupt(vcpu, (uint8_t)(64 * i + (unsigned)__builtin_ctzll(word[i])));
    word[OUTSTANDING_WORD] &= ~(uint64_t)OUTSTANDING;
    return write_descriptor(vcpu, word);
}

/* It has requested this interrupt already: both are one. */
static bool waits(const struct hv_vcpu *vcpu, uint8_t vector)
{
    return (vcpu->pending_vectors[vector / 64] >> vector % 64 & 1) != 0;
}

static void hand_over(struct hv_vcpu *to, uint8_t vector, uint64_t tsc)
{
    if (post(to, vector, tsc))
        return;
    hv_queue_interrupt(to, vector);
    hv_kick_at(to, tsc);
}

void hv_device_interrupts(struct hv_vcpu *here, uint8_t vector)
{
    struct hv_vm *vm = here->vm;
    if (vm->route[vector] == 0) {
        if (!take_posted(here, vector))
            hv_queue_interrupt(here, vector);
        return;
    }
    struct hv_vcpu *to = &vm->vcpu[vm->route[vector] - 1];
    hv_note_interrupt(here, vector, to, waits(to, vector));
    if (to == here)
        hv_queue_interrupt(to, vector);
    else
        hand_over(to, vector, bk_tsc(here->bk));
}

/* Without a route it is for the first virtual CPU. */
void hv_device_interrupts_at(struct hv_vm *vm, unsigned physical_cpu, uint8_t vector)
{
    struct hv_vcpu *to = &vm->vcpu[vm->route[vector] != 0 ? vm->route[vector] - 1u : 0];
    if (vm->route[vector] != 0 && vm->interrupt != NULL)
        vm->interrupt(vm->context, to->index, physical_cpu, vector, to->index, waits(to, vector));
    hand_over(to, vector, bk_tsc_at(vm->machine, physical_cpu));
}
