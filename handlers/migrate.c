/* SPDX-License-Identifier: MIT */
/* Binding virtual CPUs to physical CPUs: one moves when it is outside of its guest, so an interrupt of the host's own takes it out first.
   SDM 3C, "Managing VMCS Regions and Pointers"; SDM 3C, "Caching Translation Information". */
#include "handlers.h"

enum { INVEPT_SINGLE = 1 };

bool hv_move(struct hv_vcpu *from, struct hv_vcpu *vcpu, unsigned physical_cpu)
{
    if (physical_cpu >= bk_physical_cpus(vcpu->vm->machine))
        return false;
    vcpu->move_to = (uint8_t)(physical_cpu + 1);
    hv_kick(from, vcpu);
    return true;
}

bool hv_move_after(struct hv_vcpu *vcpu, unsigned physical_cpu, uint64_t instructions)
{
    if (physical_cpu >= bk_physical_cpus(vcpu->vm->machine) || vcpu->moves[physical_cpu] == UINT8_MAX ||
        !bk_stimulate(vcpu->bk, BK_INTERRUPT, (uint8_t)(HV_MOVE_VECTOR + physical_cpu), instructions))
        return false;
    vcpu->moves[physical_cpu]++;
    return true;
}

bool hv_takes_move(struct hv_vcpu *taker, uint8_t vector)
{
    const unsigned physical_cpu = vector - HV_MOVE_VECTOR;
    struct hv_vm *vm = taker->vm;
    if (physical_cpu >= HV_PHYSICAL_CPUS)
        return false;
    for (unsigned i = 0; i < vm->vcpus; i++) {
        struct hv_vcpu *vcpu = &vm->vcpu[(taker->index + i) % vm->vcpus];
        if (vcpu->moves[physical_cpu] == 0)
            continue;
        vcpu->moves[physical_cpu]--;
        vcpu->move_to = (uint8_t)(physical_cpu + 1);
        if (vcpu != taker)
            hv_kick(taker, vcpu);
        return true;
    }
    return false;
}

bool hv_moves(struct hv_vcpu *vcpu)
{
    const unsigned from = bk_physical_cpu(vcpu->bk);
    if (vcpu->move_to == 0)
        return false;
    const unsigned to = vcpu->move_to - 1u;
    vcpu->move_to = 0;
    vcpu->kicked = vcpu->kick_sent = false;
    if (to == from)
        return false;
    if (!bk_move(vcpu->bk, to)) {
        hv_report(vcpu, "this machine cannot move virtual CPU %u to physical CPU %u", vcpu->index, to);
        return false;
    }
    vcpu->moved = true;
    return true;
}

/* What the physical CPU cached for it in earlier days may be out of date: nobody tells a CPU that it has left. */
void hv_arrive(struct hv_vcpu *vcpu)
{
    vcpu->moved = false;
    if (hv_secondary_control(vcpu, VMX_SEC_ENABLE_EPT))
        bk_invept(vcpu->bk, INVEPT_SINGLE, hv_read(vcpu, VMCS_EPT_POINTER));
    else
        hv_flush_linear(vcpu, false);
}
