/* SPDX-License-Identifier: MIT */
/* Stimuli: what a scenario does to the machine or to the hypervisor between two VM exits. */
#include "internal.h"

static bool arrive(struct hv_vcpu *vcpu, enum bk_stimulus stimulus, const struct packed_step *step, struct bench_result *result)
{
    return bk_stimulate(vcpu->bk, stimulus, (uint8_t)step->a, step->b) || bench_fail(result, "this machine cannot give the stimulus");
}

static bool write_field(struct hv_vcpu *vcpu, const struct packed_step *step, struct bench_result *result)
{
    const enum vmcs_field field = vmcs_field_of_encoding(step->a);
    if (field == VMCS_NO_FIELD)
        return bench_fail(result, "packed scenario: a step names no VMCS field");
    return bk_vmwrite(vcpu->bk, field, step->b) || bench_fail(result, "this processor lacks the VMCS field that a step writes");
}

static void write_register(struct hv_vcpu *vcpu, const struct packed_step *step)
{
    const enum vmx_gpr gpr = (enum vmx_gpr)(step->a % VMX_GPR_COUNT);
    if (gpr == VMX_RSP)
        (void)bk_vmwrite(vcpu->bk, VMCS_GUEST_RSP, step->b);
    else
        bk_set_register(vcpu->bk, gpr, step->b);
}

static bool change_control(struct hv_vcpu *vcpu, const struct packed_step *step, struct bench_result *result)
{
    if (step->a >= BENCH_WORDS)
        return bench_fail(result, "packed scenario: a step names no word of controls");
    const enum vmcs_field field = vmx_control_field((enum vmx_control_word)step->a);
    const uint64_t value = (bk_vmread(vcpu->bk, field) | step->b) & ~step->c;
    return bk_vmwrite(vcpu->bk, field, value) || bench_fail(result, "this processor lacks the controls that a step changes");
}

static bool change_ept(struct hv_vcpu *vcpu, const struct packed_step *step, struct bench_result *result)
{
    enum { SINGLE_CONTEXT = 1 };
    const uint32_t no_invept = UINT32_C(1) << 31;
    if (!bench_change_ept(vcpu->vm, step->b, step->c, step->a & ~no_invept, 0))
        return bench_fail(result, "EPT cannot be changed as a step says");
    if ((step->a & no_invept) != 0)
        return true;
    const uint64_t eptp = bk_vmread(vcpu->bk, VMCS_EPT_POINTER);
    for (unsigned i = 0; i < vcpu->vm->vcpus; i++)
        bk_invept(vcpu->vm->vcpu[i].bk, SINGLE_CONTEXT, eptp);
    return true;
}

static void single_step(struct hv_vcpu *vcpu, const struct packed_step *step)
{
    vcpu->mtf_steps = step->a;
    (void)bk_vmwrite(vcpu->bk, VMCS_CPU_BASED_VM_EXEC_CONTROL, bk_vmread(vcpu->bk, VMCS_CPU_BASED_VM_EXEC_CONTROL) | VMX_PRI_MONITOR_TRAP_FLAG);
}

static bool move(struct hv_vm *vm, struct hv_vcpu *from, const struct packed_step *step, struct bench_result *result)
{
    struct hv_vcpu *vcpu = &vm->vcpu[step->c % BENCH_VCPUS];
    const bool moved = step->b == 0 ? hv_move(from, vcpu, step->a) : hv_move_after(vcpu, step->a, step->b);
    return moved || bench_fail(result, "this machine cannot move the vCPU as a step says");
}

bool bench_stimulate(struct hv_vm *vm, const struct packed_step *step, const uint8_t *extra, struct bench_result *result)
{
    struct hv_vcpu *vcpu = &vm->vcpu[step->vcpu % BENCH_VCPUS];
    switch ((enum packed_step_kind)step->kind) {
    case STEP_INTERRUPT:
        return arrive(vcpu, BK_INTERRUPT, step, result);
    case STEP_NMI:
        return arrive(vcpu, BK_NMI, step, result);
    case STEP_INIT:
        return arrive(vcpu, BK_INIT, step, result);
    case STEP_SIPI:
        return arrive(vcpu, BK_SIPI, step, result);
    case STEP_MACHINE_CHECK_AT_ENTRY:
        return arrive(vcpu, BK_MACHINE_CHECK_AT_ENTRY, step, result);
    case STEP_QUEUE_INTERRUPT:
        hv_queue_interrupt(vcpu, (uint8_t)step->a);
        return true;
    case STEP_QUEUE_NMI:
        hv_queue_nmi(vcpu);
        return true;
    case STEP_WRITE_FIELD:
        return write_field(vcpu, step, result);
    case STEP_WRITE_REGISTER:
        write_register(vcpu, step);
        return true;
    case STEP_WRITE_MEMORY:
        return hv_guest_write(vm, step->b, extra, step->extra) || bench_fail(result, "a step writes where the guest has no memory");
    case STEP_CONTROL:
        return change_control(vcpu, step, result);
    case STEP_EPT:
        return change_ept(vcpu, step, result);
    case STEP_MTF:
        single_step(vcpu, step);
        return true;
    case STEP_INVEPT:
        bk_invept(vcpu->bk, step->a, step->b != 0 ? step->b : bk_vmread(vcpu->bk, VMCS_EPT_POINTER));
        return true;
    case STEP_INVVPID:
        bk_invvpid(vcpu->bk, step->a, (uint16_t)step->b, step->c);
        return true;
    case STEP_MOVE:
        return move(vm, vcpu, step, result);
    case STEP_EXPECT:
    case STEP_EXPECT_ENTRY_FAILURE:
        break;
    }
    return bench_fail(result, "packed scenario: a step of unknown kind");
}
