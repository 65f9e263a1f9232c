/* SPDX-License-Identifier: MIT */
/* One virtual CPU makes another one look at what waits for it: an interrupt of the host's own at the other's physical CPU ends its guest's stay.
   INIT and SIPI go there as they are. SDM 3C, "External Interrupts", "INIT Signals", "Start-Up IPIs". */
#include "device_access.h"
#include "handlers.h"

enum { KICK_VECTOR = 0xf2 };

/* Without external-interrupt exiting the guest would get the interrupt itself: what waits is seen at the next exit then. */
void hv_kick(struct hv_vcpu *vcpu)
{
    if (vcpu->kicked || !vcpu->entered || vcpu->waiting || !hv_pin_control(vcpu, VMX_PIN_EXT_INTR_EXITING))
        return;
    vcpu->kicked = bk_stimulate(vcpu->bk, BK_INTERRUPT, KICK_VECTOR, 0);
}

void hv_host_interrupt(struct hv_vcpu *vcpu, int vector)
{
    if (vector == KICK_VECTOR && vcpu->kicked) {
        vcpu->kicked = false;
        hv_note_interrupt(vcpu, (uint8_t)vector, vcpu, false);
    } else if (vector >= 0) {
        hv_device_interrupts(vcpu, (uint8_t)vector);
    }
}

/* What its local APIC offers a virtual CPU is told once. */
static void tell(struct hv_vcpu *vcpu)
{
    const int vector = hv_device_offer(vcpu);
    if (vector == vcpu->offered)
        return;
    vcpu->offered = vector;
    if (vector >= 0)
        hv_kick(vcpu);
}

void hv_tell_others(struct hv_vcpu *vcpu)
{
    struct hv_vm *vm = vcpu->vm;
    for (unsigned i = 0; i < vm->vcpus && vm->devices != NULL; i++)
        if (i != vcpu->index)
            tell(&vm->vcpu[i]);
}

void hv_signal(struct hv_vcpu *from, struct hv_vcpu *to, enum bus_signal signal, uint8_t vector)
{
    bool known = true;
    switch (signal) {
    case BUS_SIGNAL_NMI:
        hv_queue_nmi(to);
        if (to != from)
            hv_kick(to);
        break;
    case BUS_SIGNAL_INIT:
        known = bk_stimulate(to->bk, BK_INIT, 0, 0);
        break;
    case BUS_SIGNAL_SIPI:
        known = bk_stimulate(to->bk, BK_SIPI, vector, 0);
        break;
    case BUS_SIGNAL_SMI:
        known = false;
        break;
    }
    if (!known)
        hv_report(from, "%s to virtual CPU %u: not modelled", signal == BUS_SIGNAL_SMI ? "SMI" : "INIT or SIPI", to->index);
}
