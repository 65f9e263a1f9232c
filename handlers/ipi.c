/* SPDX-License-Identifier: MIT */
/* Interprocessor interrupts of guests whose local APIC is a virtual-APIC page. SDM 3A, "Issuing Interprocessor Interrupts". */
#include "apic.h"
#include "handlers.h"

enum { MODE_FIXED, MODE_LOWEST, MODE_SMI, MODE_RESERVED, MODE_NMI, MODE_INIT, MODE_STARTUP };
enum { TO_DESTINATION, TO_SELF, TO_ALL, TO_OTHERS };
enum { LOGICAL = 1u << 11, ASSERT = 1u << 14, LEVEL_TRIGGERED = 1u << 15 };

/* Not modelled: logical destinations in xAPIC mode other than the flat one bit a CPU. */
static bool is_named(const struct hv_vcpu *to, const struct hv_ipi *ipi)
{
    enum { XAPIC_ALL = 0xff, CLUSTER = 16 };
    if ((ipi->command & LOGICAL) == 0)
        return ipi->destination == (ipi->x2apic ? UINT32_MAX : (uint32_t)XAPIC_ALL) || ipi->destination == to->index;
    if (!ipi->x2apic)
        return (ipi->destination >> to->index & 1u) != 0;
    return ipi->destination >> CLUSTER == to->index / CLUSTER && (ipi->destination >> to->index % CLUSTER & 1u) != 0;
}

static bool is_target(const struct hv_vcpu *from, const struct hv_vcpu *to, const struct hv_ipi *ipi)
{
    switch (ipi->command >> 18 & 3u) {
    case TO_SELF:
        return from == to;
    case TO_ALL:
        return true;
    case TO_OTHERS:
        return from != to;
    default:
        return is_named(to, ipi);
    }
}

static void send_fixed(struct hv_vcpu *from, struct hv_vcpu *to, uint8_t vector)
{
    if (to == from)
        hv_queue_interrupt(to, vector);
    else
        hv_request(to, vector, bk_tsc(from->bk));
}

static void send_one(struct hv_vcpu *from, struct hv_vcpu *to, const struct hv_ipi *ipi)
{
    const unsigned mode = ipi->command >> 8 & 7u;
    switch (mode) {
    case MODE_FIXED:
    case MODE_LOWEST:
        send_fixed(from, to, (uint8_t)ipi->command);
        return;
    case MODE_NMI:
        hv_signal(from, to, BUS_SIGNAL_NMI, 0);
        return;
    case MODE_INIT:
        hv_signal(from, to, BUS_SIGNAL_INIT, 0);
        return;
    case MODE_STARTUP:
        hv_signal(from, to, BUS_SIGNAL_SIPI, (uint8_t)ipi->command);
        return;
    case MODE_SMI:
        hv_signal(from, to, BUS_SIGNAL_SMI, 0);
        return;
    default:
        hv_report(from, "IPI with delivery mode %u to virtual CPU %u: reserved", mode, to->index);
    }
}

/* Itself is reached by fixed interrupts alone; processors since the Pentium 4 ignore the de-assertion of INIT. */
static bool is_sent(const struct hv_ipi *ipi)
{
    const unsigned mode = ipi->command >> 8 & 7u, shorthand = ipi->command >> 18 & 3u;
    if (mode != MODE_FIXED && (shorthand == TO_SELF || shorthand == TO_ALL))
        return false;
    return mode != MODE_INIT || (ipi->command & (ASSERT | LEVEL_TRIGGERED)) != LEVEL_TRIGGERED;
}

void hv_send_ipi(struct hv_vcpu *vcpu, const struct hv_ipi *ipi)
{
    struct hv_vm *vm = vcpu->vm;
    for (unsigned i = 0; i < vm->vcpus && is_sent(ipi); i++) {
        if (!is_target(vcpu, &vm->vcpu[i], ipi))
            continue;
        send_one(vcpu, &vm->vcpu[i], ipi);
        if ((ipi->command >> 8 & 7u) == MODE_LOWEST)
            return;
    }
}
