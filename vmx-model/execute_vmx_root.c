/* SPDX-License-Identifier: MIT */
/* Execution of the VMX instructions that always exit in non-root operation. vmx_decide() has judged mode and privilege.
   SDM 3C, "VMX Instruction Reference". */
#include "deliver.h"
#include "execute_ops.h"
#include "transition.h"

/* The 64-bit physical address that VMXON, VMCLEAR and VMPTRLD take from memory. */
static bool read_address(struct vmx_cpu *cpu, const struct vmx_instruction *i, hpa_t *address, struct vmx_outcome *failure)
{
    return vmx_read_operand(cpu, i, address, sizeof *address, failure);
}

struct vmx_outcome vmx_execute_vmxon(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    struct vmx_outcome failure;
    hpa_t region = 0;
    if (vmx_left_to_caller(cpu))
        return vmx_outcome_run();
    if (cpu->operation == VMX_OPERATION_OFF) {
        if (!vmx_vmxon_allowed(cpu))
            return vmx_outcome_gp();
        if (!read_address(cpu, i, &region, &failure))
            return failure;
    }
    return vmx_conclude(cpu, i, vmx_vmxon(cpu, region));
}

struct vmx_outcome vmx_execute_vmxoff(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    return vmx_left_to_caller(cpu) ? vmx_outcome_run() : vmx_conclude(cpu, i, vmx_vmxoff(cpu));
}

struct vmx_outcome vmx_execute_vmclear(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    struct vmx_outcome failure;
    hpa_t region;
    if (vmx_left_to_caller(cpu))
        return vmx_outcome_run();
    return read_address(cpu, i, &region, &failure) ? vmx_conclude(cpu, i, vmx_vmclear(cpu, region)) : failure;
}

struct vmx_outcome vmx_execute_vmptrld(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    struct vmx_outcome failure;
    hpa_t region;
    if (vmx_left_to_caller(cpu))
        return vmx_outcome_run();
    return read_address(cpu, i, &region, &failure) ? vmx_conclude(cpu, i, vmx_vmptrld(cpu, region)) : failure;
}

struct vmx_outcome vmx_execute_vmptrst(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    struct vmx_outcome after;
    if (vmx_left_to_caller(cpu))
        return vmx_outcome_run();
    if (!vmx_write_operand(cpu, i, &cpu->current_vmcs, sizeof cpu->current_vmcs, &after))
        return after;
    return vmx_conclude_into(cpu, i, (struct vmx_result){.kind = VMX_RESULT_SUCCEED}, &after);
}

struct vmx_outcome vmx_execute_vmcall(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    return vmx_left_to_caller(cpu) ? vmx_outcome_run() : vmx_conclude(cpu, i, vmx_vmcall(cpu));
}

/* The types and descriptors of INVEPT and INVVPID. */
struct invalidation {
    uint64_t type, descriptor[2];
};

/* False: *outcome tells why. A type that the processor lacks fails before the descriptor is read. */
static bool read_invalidation(struct vmx_cpu *cpu, const struct vmx_instruction *i, bool (*offered)(const struct vmx_caps *, uint64_t),
                              struct invalidation *out, struct vmx_outcome *outcome)
{
    out->type = vmx_register(&cpu->state, i->reg, vmx_in_64bit_mode(&cpu->state) ? 8 : 4);
    if (!offered(cpu->caps, out->type)) {
        *outcome = vmx_conclude(cpu, i, vmx_fail(cpu, VMX_ERROR_INVALID_OPERAND_TO_INVEPT_INVVPID));
        return false;
    }
    return vmx_read_operand(cpu, i, out->descriptor, sizeof out->descriptor, outcome);
}

struct vmx_outcome vmx_execute_invept(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    struct invalidation operand;
    struct vmx_outcome outcome;
    if (vmx_left_to_caller(cpu))
        return vmx_outcome_run();
    if (!read_invalidation(cpu, i, vmx_invept_offered, &operand, &outcome))
        return outcome;
    const struct vmx_result result = vmx_invept(cpu, operand.type, operand.descriptor);
    outcome = vmx_conclude(cpu, i, result);
    if (result.kind == VMX_RESULT_SUCCEED)
        outcome.flush = vmx_flush_invept(operand.type, operand.descriptor[0]);
    return outcome;
}

struct vmx_outcome vmx_execute_invvpid(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    struct invalidation operand;
    struct vmx_outcome outcome;
    if (vmx_left_to_caller(cpu))
        return vmx_outcome_run();
    if (!read_invalidation(cpu, i, vmx_invvpid_offered, &operand, &outcome))
        return outcome;
    const struct vmx_result result = vmx_invvpid(cpu, operand.type, operand.descriptor);
    outcome = vmx_conclude(cpu, i, result);
    if (result.kind == VMX_RESULT_SUCCEED)
        outcome.flush = vmx_flush_invvpid(operand.type, (uint16_t)operand.descriptor[0], operand.descriptor[1]);
    return outcome;
}

/* Every register is another context's now. */
static struct vmx_outcome switched(struct vmx_outcome outcome)
{
    outcome.changed = VMX_GROUP_ALL;
    return outcome;
}

static struct vmx_outcome enter(struct vmx_cpu *cpu, const struct vmx_instruction *i, enum vmx_entry_instruction instruction)
{
    if (vmx_left_to_caller(cpu))
        return vmx_outcome_run();
    const struct vmx_entry_result entry = vmx_enter(cpu, instruction);
    cpu->violated = entry.check;
    struct vmx_outcome outcome;
    switch (entry.kind) {
    case VMX_ENTERED:
        outcome = entry.inject ? vmx_raise(cpu, &entry.event, true) : vmx_outcome_done(0);
        cpu->unsaved |= outcome.changed;
        return switched(outcome);
    case VMX_ENTRY_FAULT:
        return (struct vmx_outcome){.kind = VMX_OUTCOME_FAULT, .event = entry.event};
    case VMX_FAIL_INVALID:
        return vmx_conclude(cpu, i, (struct vmx_result){.kind = VMX_RESULT_FAIL_INVALID});
    case VMX_FAIL_VALID:
        return vmx_conclude(cpu, i, (struct vmx_result){.kind = VMX_RESULT_FAIL_VALID, .error = entry.error});
    case VMX_ENTRY_FAILED:
        break;
    }
    return switched((struct vmx_outcome){.kind = entry.abort != 0 ? VMX_OUTCOME_SHUTDOWN : VMX_OUTCOME_DONE, .abort = entry.abort});
}

struct vmx_outcome vmx_execute_vmlaunch(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    return enter(cpu, i, VMX_ENTRY_LAUNCH);
}

struct vmx_outcome vmx_execute_vmresume(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    return enter(cpu, i, VMX_ENTRY_RESUME);
}
