/* SPDX-License-Identifier: MIT */
/* One virtual CPU makes another one look at what waits for it: an interrupt of the host's own at the other's physical CPU ends its guest's stay.
   INIT and SIPI go there as they are. SDM 3C, "External Interrupts", "INIT Signals", "Start-Up IPIs". */
#include "device_access.h"
#include "handlers.h"

/* A virtual CPU whose physical CPU runs another one's guest is taken out of its own by and by, and kicked before it goes back in. */
static void send_kick(struct hv_vcpu *vcpu, uint64_t tsc)
{
    const unsigned physical_cpu = bk_physical_cpu(vcpu->bk);
    vcpu->kick_sent = bk_is_current(vcpu->bk) && bk_interrupt_at(vcpu->vm->machine, physical_cpu, HV_KICK_VECTOR, tsc);
    if (vcpu->kick_sent)
        vcpu->vm->kicks |= 1u << physical_cpu;
}

/* Without external-interrupt exiting the guest would get the interrupt itself: what waits is seen at the next exit then. */
void hv_kick_at(struct hv_vcpu *vcpu, uint64_t tsc)
{
    if (vcpu->kicked || !vcpu->entered || vcpu->outside || !hv_pin_control(vcpu, VMX_PIN_EXT_INTR_EXITING))
        return;
    vcpu->kicked = true;
    send_kick(vcpu, tsc);
}

void hv_kick(struct hv_vcpu *from, struct hv_vcpu *vcpu)
{
    hv_kick_at(vcpu, bk_tsc(from->bk));
}

void hv_resume(struct hv_vcpu *vcpu)
{
    if (vcpu->kicked && !vcpu->kick_sent)
        send_kick(vcpu, 0);
    hv_notify_again(vcpu);
}

void hv_left_guest(struct hv_vcpu *vcpu)
{
    vcpu->outside = true;
}

/* A kick is over for those that are outside of their guests now; others that it was for are kicked again before they go on. `taker` NULL: nobody's guest was
   there. */
static bool takes_kick(struct hv_vm *vm, unsigned physical_cpu, const struct hv_vcpu *taker, int vector)
{
    if (vector != HV_KICK_VECTOR || (vm->kicks >> physical_cpu & 1) == 0)
        return false;
    vm->kicks &= ~(1u << physical_cpu);
    for (unsigned i = 0; i < vm->vcpus; i++) {
        struct hv_vcpu *vcpu = &vm->vcpu[i];
        if (!vcpu->kick_sent || bk_physical_cpu(vcpu->bk) != physical_cpu)
            continue;
        vcpu->kick_sent = false;
        vcpu->kicked = !vcpu->outside;
        if (taker != NULL)
            hv_note_interrupt(taker, HV_KICK_VECTOR, vcpu, false);
    }
    return true;
}

void hv_host_interrupt(struct hv_vcpu *vcpu, int vector)
{
    if (vector >= 0 && !takes_kick(vcpu->vm, bk_physical_cpu(vcpu->bk), vcpu, vector) && !hv_takes_move(vcpu, (uint8_t)vector))
        hv_device_interrupts(vcpu, (uint8_t)vector);
}

void hv_host_takes(struct hv_vm *vm, unsigned physical_cpu)
{
    for (int vector; (vector = bk_take_interrupt_at(vm->machine, physical_cpu)) >= 0;)
        if (!takes_kick(vm, physical_cpu, NULL, vector) && !hv_takes_move(&vm->vcpu[0], (uint8_t)vector))
            hv_device_interrupts_at(vm, physical_cpu, (uint8_t)vector);
}

/* What its local APIC offers a virtual CPU is told once. */
static void tell(struct hv_vcpu *from, struct hv_vcpu *vcpu)
{
    const int vector = hv_device_offer(vcpu);
    if (vector == vcpu->offered)
        return;
    vcpu->offered = vector;
    if (vector >= 0)
        hv_kick(from, vcpu);
}

void hv_tell_others(struct hv_vcpu *vcpu)
{
    struct hv_vm *vm = vcpu->vm;
    for (unsigned i = 0; i < vm->vcpus && vm->devices != NULL; i++)
        if (i != vcpu->index)
            tell(vcpu, &vm->vcpu[i]);
}

void hv_signal(struct hv_vcpu *from, struct hv_vcpu *to, enum bus_signal signal, uint8_t vector)
{
    bool known = true;
    switch (signal) {
    case BUS_SIGNAL_NMI:
        hv_queue_nmi(to);
        if (to != from)
            hv_kick(from, to);
        break;
    case BUS_SIGNAL_INIT:
        if (hv_read(to, VMCS_GUEST_ACTIVITY_STATE) != VMX_WAIT_FOR_SIPI) /* there it would wait, and reset the processor that a SIPI has started */
            known = bk_signal_at(to->bk, BK_INIT, 0, bk_tsc(from->bk));
        break;
    case BUS_SIGNAL_SIPI:
        known = bk_signal_at(to->bk, BK_SIPI, vector, bk_tsc(from->bk));
        break;
    case BUS_SIGNAL_SMI:
        known = false;
        break;
    }
    if (!known)
        hv_report(from, "%s to virtual CPU %u: not modelled", signal == BUS_SIGNAL_SMI ? "SMI" : "INIT or SIPI", to->index);
}
