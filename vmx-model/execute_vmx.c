/* SPDX-License-Identifier: MIT */
/* Execution of VMX instructions that do not exit: VMFUNC, and VMREAD and VMWRITE of the shadow VMCS. SDM 3C, "VM Functions", "VMREAD", "VMWRITE".
   Not modelled here: VMX instructions in root operation; they are left to the caller. */
#include "execute_ops.h"

/* EPTP switching, the only VM function. */
struct vmx_outcome vmx_execute_vmfunc(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    uint64_t eptp;
    if (!vmx_eptp_list_entry(cpu, &eptp))
        return vmx_outcome_ud();
    vmcs_set(cpu->vmcs, VMCS_EPT_POINTER, eptp);
    if ((cpu->caps->secondary.may_be_1 & VMX_SEC_EPT_VIOLATION_VE) != 0)
        vmcs_set(cpu->vmcs, VMCS_EPTP_INDEX, cpu->state.gpr[VMX_RCX] & 0xffff);
    struct vmx_outcome outcome = vmx_retire(cpu, i, 0);
    outcome.flush = VMX_FLUSH_ALL;
    return outcome;
}

enum result { SUCCEED, FAIL_INVALID, FAIL_VALID };

static struct vmx_outcome conclude_into(struct vmx_cpu *cpu, const struct vmx_instruction *i, enum result result, const struct vmx_outcome *trap)
{
    struct vmx_state *const s = &cpu->state;
    s->rflags &= ~VMX_RFLAGS_ARITHMETIC;
    if (result == FAIL_INVALID)
        s->rflags |= VMX_RFLAGS_CF;
    if (result == FAIL_VALID)
        s->rflags |= VMX_RFLAGS_ZF;
    return vmx_retire_into(cpu, i, VMX_GROUP_GPR | VMX_GROUP_IP, trap);
}

static struct vmx_outcome conclude(struct vmx_cpu *cpu, const struct vmx_instruction *i, enum result result)
{
    const struct vmx_outcome done = vmx_outcome_done(0);
    return conclude_into(cpu, i, result, &done);
}

/* The error goes to the current VMCS, not to the shadow VMCS. */
static struct vmx_outcome fail_valid(struct vmx_cpu *cpu, const struct vmx_instruction *i, unsigned error)
{
    cpu->vmcs->field[VMCS_VM_INSTRUCTION_ERROR] = error;
    return conclude(cpu, i, FAIL_VALID);
}

static bool read_shadow(const struct vmx_cpu *cpu, struct vmcs *shadow)
{
    const hpa_t link = vmcs_get(cpu->vmcs, VMCS_VMCS_LINK_POINTER);
    return link != VMX_NO_VMCS && cpu->memory.read(cpu->memory.context, link, shadow, sizeof *shadow);
}

struct vmx_outcome vmx_execute_vmread(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    const bool mode64 = vmx_in_64bit_mode(&cpu->state);
    const unsigned size = mode64 ? 8 : 4;
    struct vmx_outcome after = vmx_outcome_done(0);
    struct vmcs shadow;
    uint64_t value;
    if (!vmx_non_root(cpu))
        return vmx_outcome_run();
    if (!read_shadow(cpu, &shadow))
        return conclude(cpu, i, FAIL_INVALID);
    const unsigned error = vmcs_read(&shadow, cpu->caps, vmx_register(&cpu->state, i->reg, size), mode64, &value);
    if (error != 0)
        return fail_valid(cpu, i, error);
    if (i->rm == VMX_OPERAND_REGISTER)
        vmx_set_register(&cpu->state, i->rm_register, size, value);
    else if (!vmx_write_operand(cpu, i, &value, size, &after))
        return after;
    return conclude_into(cpu, i, SUCCEED, &after);
}

struct vmx_outcome vmx_execute_vmwrite(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    const bool mode64 = vmx_in_64bit_mode(&cpu->state);
    const unsigned size = mode64 ? 8 : 4;
    struct vmx_outcome failure;
    struct vmcs shadow;
    uint64_t value = 0;
    if (!vmx_non_root(cpu))
        return vmx_outcome_run();
    if (!read_shadow(cpu, &shadow))
        return conclude(cpu, i, FAIL_INVALID);
    if (i->rm == VMX_OPERAND_REGISTER)
        value = vmx_register(&cpu->state, i->rm_register, size);
    else if (!vmx_read_operand(cpu, i, &value, size, &failure))
        return failure;
    const unsigned error = vmcs_write(&shadow, cpu->caps, vmx_register(&cpu->state, i->reg, size), mode64, value);
    if (error != 0)
        return fail_valid(cpu, i, error);
    (void)cpu->memory.write(cpu->memory.context, vmcs_get(cpu->vmcs, VMCS_VMCS_LINK_POINTER), &shadow, sizeof shadow);
    return conclude(cpu, i, SUCCEED);
}
