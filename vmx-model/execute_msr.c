/* SPDX-License-Identifier: MIT */
/* Execution of RDMSR and WRMSR. SDM 2, "RDMSR", "WRMSR"; SDM 3C, "Virtualizing MSR-Based APIC Accesses". */
#include "execute_ops.h"
#include "msr.h"
#include "virtual_apic.h"

struct vmx_outcome vmx_execute_rdmsr(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    const uint32_t index = (uint32_t)cpu->state.gpr[VMX_RCX];
    uint64_t value;
    if (!vmx_x2apic_read(cpu, index, &value) && !vmx_msr_read(cpu, index, &value))
        return vmx_outcome_gp();
    vmx_set_edx_eax(&cpu->state, value);
    return vmx_retire(cpu, i, VMX_GROUP_GPR);
}

static struct vmx_outcome write(struct vmx_cpu *cpu, const struct vmx_instruction *i, uint32_t index, uint64_t value)
{
    if (vmx_msr_write_faults(cpu, index, value))
        return vmx_outcome_gp();
    return vmx_retire(cpu, i, vmx_msr_store(cpu, index, value));
}

struct vmx_outcome vmx_execute_wrmsr(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    const struct vmx_state *const s = &cpu->state;
    const uint32_t index = (uint32_t)s->gpr[VMX_RCX];
    const uint64_t value = s->gpr[VMX_RDX] << 32 | (uint32_t)s->gpr[VMX_RAX];
    struct vmx_outcome trap;
    switch (vmx_x2apic_write(cpu, index, value, &trap)) {
    case VMX_X2APIC_FAULT:
        return vmx_outcome_gp();
    case VMX_X2APIC_DONE:
        return vmx_retire_into(cpu, i, 0, &trap);
    case VMX_X2APIC_ORDINARY:
        break;
    }
    return write(cpu, i, index, value);
}
