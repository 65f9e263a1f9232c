/* SPDX-License-Identifier: MIT */
/* Decisions for the VMX instructions. SDM 3C, "VMX Instruction Reference"; in root operation and outside VMX they are plain faults or nothing. */
#include "decide_ops.h"
#include "operand.h"

/* #UD that every VMX instruction but VMCALL, VMXON and VMFUNC shares. */
static bool mode_undefined(const struct vmx_cpu *cpu)
{
    const struct vmx_state *s = &cpu->state;
    const bool compatibility = (s->efer & VMX_EFER_LMA) != 0 && (s->seg[VMX_CS].access_rights & VMX_AR_L) == 0;
    return vmx_real_or_virtual_8086(s) || compatibility;
}

static bool undefined(const struct vmx_cpu *cpu)
{
    return cpu->operation == VMX_OPERATION_OFF || mode_undefined(cpu);
}

static struct vmx_outcome privileged(const struct vmx_cpu *cpu)
{
    return vmx_user(cpu) ? vmx_outcome_gp() : vmx_outcome_run();
}

static enum vmx_reason reason_of(enum vmx_op op)
{
    return op == VMX_OP_VMCLEAR    ? VMX_EXIT_VMCLEAR
           : op == VMX_OP_VMPTRLD  ? VMX_EXIT_VMPTRLD
           : op == VMX_OP_VMPTRST  ? VMX_EXIT_VMPTRST
           : op == VMX_OP_VMLAUNCH ? VMX_EXIT_VMLAUNCH
           : op == VMX_OP_VMRESUME ? VMX_EXIT_VMRESUME
                                   : VMX_EXIT_VMOFF;
}

/* VMCLEAR, VMPTRLD, VMPTRST with a memory operand; VMLAUNCH, VMRESUME, VMXOFF without operands. */
struct vmx_outcome vmx_decide_vmx(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    const bool has_operand = i->op == VMX_OP_VMCLEAR || i->op == VMX_OP_VMPTRLD || i->op == VMX_OP_VMPTRST;
    if (undefined(cpu) || (has_operand && i->rm != VMX_OPERAND_MEMORY))
        return vmx_outcome_ud();
    if (!vmx_non_root(cpu))
        return privileged(cpu);
    return has_operand ? vmx_operand_exit(cpu, i, reason_of(i->op)) : vmx_outcome_instruction_exit(reason_of(i->op), i, 0);
}

struct vmx_outcome vmx_decide_vmxon(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    if (i->rm != VMX_OPERAND_MEMORY || mode_undefined(cpu) || (cpu->state.cr4 & VMX_CR4_VMXE) == 0)
        return vmx_outcome_ud();
    return vmx_non_root(cpu) ? vmx_operand_exit(cpu, i, VMX_EXIT_VMON) : privileged(cpu);
}

struct vmx_outcome vmx_decide_vmcall(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    const struct vmx_state *s = &cpu->state;
    const bool compatibility = (s->efer & VMX_EFER_LMA) != 0 && (s->seg[VMX_CS].access_rights & VMX_AR_L) == 0;
    if (vmx_non_root(cpu))
        return vmx_outcome_instruction_exit(VMX_EXIT_VMCALL, i, 0);
    if (cpu->operation == VMX_OPERATION_OFF || (s->rflags & VMX_RFLAGS_VM) != 0 || compatibility)
        return vmx_outcome_ud();
    return privileged(cpu);
}

bool vmx_shadow_access(const struct vmx_cpu *cpu, enum vmcs_field bitmap, uint64_t encoding)
{
    uint8_t byte;
    if (!vmx_secondary(cpu, VMX_SEC_VMCS_SHADOWING) || (encoding >> 15) != 0)
        return false;
    if (!cpu->memory.read(cpu->memory.context, vmcs_get(cpu->vmcs, bitmap) + (encoding >> 3), &byte, 1))
        byte = 0xff; /* no memory there: reads give ones */
    return (byte >> (encoding & 7) & 1) == 0;
}

static struct vmx_outcome decide_field_access(struct vmx_cpu *cpu, const struct vmx_instruction *i, enum vmcs_field bitmap, enum vmx_reason reason)
{
    if (undefined(cpu))
        return vmx_outcome_ud();
    const uint64_t encoding = vmx_register(&cpu->state, i->reg, vmx_in_64bit_mode(&cpu->state) ? 8 : 4);
    if (vmx_non_root(cpu) && !vmx_shadow_access(cpu, bitmap, encoding))
        return vmx_operand_exit(cpu, i, reason);
    return privileged(cpu);
}

struct vmx_outcome vmx_decide_vmread(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    return decide_field_access(cpu, i, VMCS_VMREAD_BITMAP, VMX_EXIT_VMREAD);
}

struct vmx_outcome vmx_decide_vmwrite(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    return decide_field_access(cpu, i, VMCS_VMWRITE_BITMAP, VMX_EXIT_VMWRITE);
}

struct vmx_outcome vmx_decide_invept(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    if ((cpu->caps->ept_vpid & VMX_EPTCAP_INVEPT) == 0 || undefined(cpu) || i->rm != VMX_OPERAND_MEMORY)
        return vmx_outcome_ud();
    return vmx_non_root(cpu) ? vmx_operand_exit(cpu, i, VMX_EXIT_INVEPT) : privileged(cpu);
}

struct vmx_outcome vmx_decide_invvpid(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    if ((cpu->caps->ept_vpid & VMX_VPIDCAP_INVVPID) == 0 || undefined(cpu) || i->rm != VMX_OPERAND_MEMORY)
        return vmx_outcome_ud();
    return vmx_non_root(cpu) ? vmx_operand_exit(cpu, i, VMX_EXIT_INVVPID) : privileged(cpu);
}

/* EPTP: memory type 2:0, page-walk length minus 1 5:3, accessed and dirty flags 6, supervisor shadow stacks 7, table address from 12. */
bool vmx_eptp_valid(const struct vmx_caps *caps, uint64_t eptp)
{
    const uint64_t cap = caps->ept_vpid;
    const unsigned type = (unsigned)eptp & 7, levels = ((unsigned)eptp >> 3 & 7) + 1;
    const bool type_ok = (type == 0 && (cap & VMX_EPTCAP_MT_UC) != 0) || (type == 6 && (cap & VMX_EPTCAP_MT_WB) != 0);
    const bool levels_ok = (levels == 4 && (cap & VMX_EPTCAP_PWL4) != 0) || (levels == 5 && (cap & VMX_EPTCAP_PWL5) != 0);
    uint64_t reserved = UINT64_C(0xf00) | ~(VMX_BIT(caps->physical_bits) - 1);
    reserved |= (cap & VMX_EPTCAP_AD) != 0 ? 0 : VMX_BIT(6);
    reserved |= (cap & VMX_EPTCAP_SSS) != 0 ? 0 : VMX_BIT(7);
    return type_ok && levels_ok && (eptp & reserved) == 0;
}

bool vmx_eptp_list_entry(const struct vmx_cpu *cpu, uint64_t *eptp)
{
    const uint32_t index = (uint32_t)cpu->state.gpr[VMX_RCX];
    if (index >= 512)
        return false;
    const hpa_t address = vmcs_get(cpu->vmcs, VMCS_EPTP_LIST_ADDRESS) + 8 * index;
    return cpu->memory.read(cpu->memory.context, address, eptp, sizeof *eptp) && vmx_eptp_valid(cpu->caps, *eptp);
}

struct vmx_outcome vmx_decide_vmfunc(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    const uint32_t leaf = (uint32_t)cpu->state.gpr[VMX_RAX];
    uint64_t eptp;
    if (!vmx_secondary(cpu, VMX_SEC_ENABLE_VMFUNC) || leaf > 63)
        return vmx_outcome_ud();
    const bool enabled = (vmcs_get(cpu->vmcs, VMCS_VM_FUNCTION_CONTROL) >> leaf & 1) != 0;
    if (!enabled || leaf != 0 || !vmx_eptp_list_entry(cpu, &eptp))
        return vmx_outcome_instruction_exit(VMX_EXIT_VMFUNC, i, 0);
    return vmx_outcome_run();
}
