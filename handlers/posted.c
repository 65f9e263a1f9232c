/* SPDX-License-Identifier: MIT */
/* Interrupts that reach a guest through its posted-interrupt descriptor: who sends one sets its bit and notifies the physical CPU of the guest, which takes the
   request without a VM exit. SDM 3C, "Posted-Interrupt Processing". */
#include "handlers.h"

/* A bit for each vector, then the bit "outstanding notification". */
enum { DESCRIPTOR_WORDS = 5, OUTSTANDING_WORD = 4, OUTSTANDING = 1 };

static bool read_descriptor(struct hv_vcpu *vcpu, uint64_t word[DESCRIPTOR_WORDS])
{
    return bk_read(vcpu->vm->machine, hv_read(vcpu, VMCS_POSTED_INTR_DESC_ADDR), word, DESCRIPTOR_WORDS * sizeof *word);
}

static bool write_descriptor(struct hv_vcpu *vcpu, const uint64_t word[DESCRIPTOR_WORDS])
{
    return bk_write(vcpu->vm->machine, hv_read(vcpu, VMCS_POSTED_INTR_DESC_ADDR), word, DESCRIPTOR_WORDS * sizeof *word);
}

static bool notify(struct hv_vcpu *vcpu, uint64_t tsc)
{
    return bk_interrupt_at(vcpu->vm->machine, bk_physical_cpu(vcpu->bk), (uint8_t)hv_read(vcpu, VMCS_POSTED_INTR_NV), tsc);
}

/* False: it is outside of its guest, or its guest has no posted interrupts. */
static bool post(struct hv_vcpu *to, uint8_t vector, uint64_t tsc)
{
    uint64_t word[DESCRIPTOR_WORDS];
    if (!to->entered || to->outside || !hv_pin_control(to, VMX_PIN_PROCESS_POSTED_INTR) || !read_descriptor(to, word))
        return false;
    const bool notified = (word[OUTSTANDING_WORD] & OUTSTANDING) != 0;
    word[vector / 64] |= UINT64_C(1) << vector % 64;
    word[OUTSTANDING_WORD] |= OUTSTANDING;
    if (!write_descriptor(to, word))
        return false;
    to->posted = true;
    return notified || !bk_is_current(to->bk) || notify(to, tsc);
}

void hv_request(struct hv_vcpu *to, uint8_t vector, uint64_t tsc)
{
    if (post(to, vector, tsc))
        return;
    hv_queue_interrupt(to, vector);
    hv_kick_at(to, tsc);
}

/* What was posted is queued. */
static bool take_all(struct hv_vcpu *vcpu)
{
    uint64_t word[DESCRIPTOR_WORDS];
    if (!read_descriptor(vcpu, word) || (word[OUTSTANDING_WORD] & OUTSTANDING) == 0)
        return false;
    for (unsigned i = 0; i < OUTSTANDING_WORD; i++)
        for (; word[i] != 0; word[i] &= word[i] - 1)
            hv_queue_interrupt(vcpu, (uint8_t)(64 * i + (unsigned)__builtin_ctzll(word[i])));
    word[OUTSTANDING_WORD] &= ~(uint64_t)OUTSTANDING;
    return write_descriptor(vcpu, word);
}

static bool is_notification(struct hv_vcpu *vcpu, uint8_t vector)
{
    return hv_pin_control(vcpu, VMX_PIN_PROCESS_POSTED_INTR) && hv_read(vcpu, VMCS_POSTED_INTR_NV) == vector;
}

/* A notification that finds its virtual CPU outside of the guest is an interrupt as any other. One may also find nothing left to do, or another virtual CPU
   where its own has been. */
bool hv_takes_notification(struct hv_vcpu *here, uint8_t vector)
{
    struct hv_vm *vm = here->vm;
    if (is_notification(here, vector) && take_all(here))
        return true;
    for (unsigned i = 0; i < vm->vcpus; i++)
        if (vm->vcpu[i].posted && is_notification(&vm->vcpu[i], vector))
            return true;
    return false;
}

void hv_take_posted(struct hv_vcpu *vcpu)
{
    if (vcpu->posted)
        (void)take_all(vcpu);
}

void hv_notify_again(struct hv_vcpu *vcpu)
{
    uint64_t word[DESCRIPTOR_WORDS];
    if (vcpu->posted && read_descriptor(vcpu, word) && (word[OUTSTANDING_WORD] & OUTSTANDING) != 0)
        (void)notify(vcpu, 0);
}
