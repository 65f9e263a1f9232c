/* SPDX-License-Identifier: MIT */
/* Execution of the VMX instructions that non-root operation runs without an exit too: VMFUNC, VMREAD, VMWRITE; and how all of them conclude.
   SDM 3C, "VM Functions", "VMREAD", "VMWRITE". */
#include "execute_ops.h"

/* EPTP switching, the only VM function. Nothing is invalidated: translations of both EPTPs are told apart by their tags. */
struct vmx_outcome vmx_execute_vmfunc(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    uint64_t eptp;
    if (!vmx_eptp_list_entry(cpu, &eptp))
        return vmx_outcome_ud();
    vmcs_set(cpu->vmcs, VMCS_EPT_POINTER, eptp);
    if ((cpu->caps->secondary.may_be_1 & VMX_SEC_EPT_VIOLATION_VE) != 0)
        vmcs_set(cpu->vmcs, VMCS_EPTP_INDEX, cpu->state.gpr[VMX_RCX] & 0xffff);
    return vmx_retire(cpu, i, 0);
}

struct vmx_outcome vmx_conclude_into(struct vmx_cpu *cpu, const struct vmx_instruction *i, struct vmx_result result, const struct vmx_outcome *trap)
{
    cpu->state.rflags = vmx_result_rflags(&result, cpu->state.rflags);
    return vmx_retire_into(cpu, i, VMX_GROUP_GPR | VMX_GROUP_IP, trap);
}

struct vmx_outcome vmx_conclude(struct vmx_cpu *cpu, const struct vmx_instruction *i, struct vmx_result result)
{
    const struct vmx_outcome done = vmx_outcome_done(0);
    return vmx_conclude_into(cpu, i, result, &done);
}

struct vmx_outcome vmx_execute_vmread(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    const bool mode64 = vmx_in_64bit_mode(&cpu->state);
    const unsigned size = mode64 ? 8 : 4;
    struct vmx_outcome after = vmx_outcome_done(0);
    uint64_t value;
    if (vmx_left_to_caller(cpu))
        return vmx_outcome_run();
    const struct vmx_result result = vmx_vmread(cpu, vmx_register(&cpu->state, i->reg, size), mode64, &value);
    if (result.kind != VMX_RESULT_SUCCEED)
        return vmx_conclude(cpu, i, result);
    if (i->rm == VMX_OPERAND_REGISTER)
        vmx_set_register(&cpu->state, i->rm_register, size, value);
    else if (!vmx_write_operand(cpu, i, &value, size, &after))
        return after;
    return vmx_conclude_into(cpu, i, result, &after);
}

struct vmx_outcome vmx_execute_vmwrite(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    const bool mode64 = vmx_in_64bit_mode(&cpu->state);
    const unsigned size = mode64 ? 8 : 4;
    struct vmx_outcome failure;
    uint64_t value = 0;
    if (vmx_left_to_caller(cpu))
        return vmx_outcome_run();
    if (!vmx_vmcs_accessible(cpu))
        return vmx_conclude(cpu, i, (struct vmx_result){.kind = VMX_RESULT_FAIL_INVALID});
    if (i->rm == VMX_OPERAND_REGISTER)
        value = vmx_register(&cpu->state, i->rm_register, size);
    else if (!vmx_read_operand(cpu, i, &value, size, &failure))
        return failure;
    return vmx_conclude(cpu, i, vmx_vmwrite(cpu, vmx_register(&cpu->state, i->reg, size), mode64, value));
}
