/* SPDX-License-Identifier: MIT */
/* Interprocessor interrupts of guests whose local APIC is a virtual-APIC page.
   SDM 3A, "Issuing Interprocessor Interrupts", "Determining IPI Destination". */
#include "apic.h"
#include "handlers.h"

enum { MODE_FIXED, MODE_LOWEST, MODE_SMI, MODE_RESERVED, MODE_NMI, MODE_INIT, MODE_STARTUP };
enum { TO_DESTINATION, TO_SELF, TO_ALL, TO_OTHERS };
enum { LOGICAL = 1u << 11, ASSERT = 1u << 14, LEVEL_TRIGGERED = 1u << 15 };

/* Flat: a bit for each processor. Cluster: bits 7:4 name a cluster, FH all of them, bits 3:0 are processors there. */
static bool xapic_logical_match(struct hv_vcpu *to, uint32_t destination)
{
    enum { ALL_CLUSTERS = 0xf };
    uint8_t id;
    bool cluster_model;
    if (!hv_logical_id(to, &id, &cluster_model))
        return false;
    if (!cluster_model)
        return (destination & id) != 0;
    return (destination >> 4 == id >> 4 || destination >> 4 == ALL_CLUSTERS) && (destination & id & 0xfu) != 0;
}

/* Logical identities of x2APIC mode follow from the APIC identifier. */
static bool x2apic_logical_match(const struct hv_vcpu *to, uint32_t destination)
{
    enum { CLUSTER = 16 };
    return destination >> CLUSTER == to->index / CLUSTER && (destination >> to->index % CLUSTER & 1u) != 0;
}

static bool is_named(struct hv_vcpu *to, const struct hv_ipi *ipi)
{
    enum { XAPIC_ALL = 0xff };
    if (ipi->destination == (ipi->x2apic ? UINT32_MAX : (uint32_t)XAPIC_ALL))
        return true;
    if ((ipi->command & LOGICAL) == 0)
        return ipi->destination == to->index;
    return ipi->x2apic ? x2apic_logical_match(to, ipi->destination) : xapic_logical_match(to, ipi->destination);
}

static bool is_target(const struct hv_vcpu *from, struct hv_vcpu *to, const struct hv_ipi *ipi)
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

/* Of those named, the one of the lowest processor priority; among equals the lowest number, where processors arbitrate in turn. */
static struct hv_vcpu *lowest_priority(struct hv_vcpu *from, const struct hv_ipi *ipi)
{
    struct hv_vm *vm = from->vm;
    struct hv_vcpu *best = NULL;
    for (unsigned i = 0; i < vm->vcpus; i++) {
        struct hv_vcpu *to = &vm->vcpu[i];
        if (is_target(from, to, ipi) && (best == NULL || hv_processor_priority(to) < hv_processor_priority(best)))
            best = to;
    }
    return best;
}

void hv_send_ipi(struct hv_vcpu *vcpu, const struct hv_ipi *ipi)
{
    struct hv_vm *vm = vcpu->vm;
    if (!is_sent(ipi))
        return;
    if ((ipi->command >> 8 & 7u) == MODE_LOWEST) {
        struct hv_vcpu *one = lowest_priority(vcpu, ipi);
        if (one != NULL)
            send_one(vcpu, one, ipi);
        return;
    }
    for (unsigned i = 0; i < vm->vcpus; i++)
        if (is_target(vcpu, &vm->vcpu[i], ipi))
            send_one(vcpu, &vm->vcpu[i], ipi);
}
