/* SPDX-License-Identifier: MIT */
/* Decisions for RDMSR and WRMSR. SDM 3C, "MSR-Bitmap Address". */
#include "decide_ops.h"

/* The bitmap: 1 KByte each for reads of the low and of the high range, then the same for writes. */
bool vmx_msr_exits(const struct vmx_cpu *cpu, uint32_t index, bool write)
{
    const uint32_t high = 0xc0000000u, last = 0x1fffu;
    uint8_t byte;
    if (!vmx_primary(cpu, VMX_PRI_USE_MSR_BITMAPS))
        return vmx_non_root(cpu);
    if (index > last && (index < high || index > high + last))
        return true;
    const uint32_t quarter = (write ? 0x800u : 0) + (index >= high ? 0x400u : 0);
    const hpa_t address = vmcs_get(cpu->vmcs, VMCS_MSR_BITMAP) + quarter + ((index & last) >> 3);
    if (!cpu->memory.read(cpu->memory.context, address, &byte, 1))
        byte = 0xff; /* no memory there: reads give ones */
    return (byte >> (index & 7) & 1) != 0;
}

static struct vmx_outcome decide(struct vmx_cpu *cpu, const struct vmx_instruction *i, bool write)
{
    if (vmx_user(cpu))
        return vmx_outcome_gp();
    if (!vmx_msr_exits(cpu, (uint32_t)cpu->state.gpr[VMX_RCX], write))
        return vmx_outcome_run();
    return vmx_outcome_instruction_exit(write ? VMX_EXIT_MSR_WRITE : VMX_EXIT_MSR_READ, i, 0);
}

struct vmx_outcome vmx_decide_rdmsr(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    return decide(cpu, i, false);
}

struct vmx_outcome vmx_decide_wrmsr(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    return decide(cpu, i, true);
}
