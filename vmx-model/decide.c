/* SPDX-License-Identifier: MIT */
/* Which decision belongs to which instruction. SDM 3C, "Instructions That Cause VM Exits". */
#include "decide_ops.h"

static vmx_decision *const decisions[VMX_OP_COUNT] = {
    [VMX_OP_CPUID] = vmx_decide_cpuid,
    [VMX_OP_HLT] = vmx_decide_hlt,
    [VMX_OP_INVD] = vmx_decide_invd,
    [VMX_OP_WBINVD] = vmx_decide_wbinvd,
    [VMX_OP_WBNOINVD] = vmx_decide_wbinvd,
    [VMX_OP_INVLPG] = vmx_decide_invlpg,
    [VMX_OP_INVPCID] = vmx_decide_invpcid,
    [VMX_OP_RDPMC] = vmx_decide_rdpmc,
    [VMX_OP_RDTSC] = vmx_decide_rdtsc,
    [VMX_OP_RDTSCP] = vmx_decide_rdtscp,
    [VMX_OP_RDPID] = vmx_decide_rdpid,
    [VMX_OP_RSM] = vmx_decide_rsm,
    [VMX_OP_GETSEC] = vmx_decide_getsec,
    [VMX_OP_VMCALL] = vmx_decide_vmcall,
    [VMX_OP_VMCLEAR] = vmx_decide_vmx,
    [VMX_OP_VMLAUNCH] = vmx_decide_vmx,
    [VMX_OP_VMPTRLD] = vmx_decide_vmx,
    [VMX_OP_VMPTRST] = vmx_decide_vmx,
    [VMX_OP_VMREAD] = vmx_decide_vmread,
    [VMX_OP_VMRESUME] = vmx_decide_vmx,
    [VMX_OP_VMWRITE] = vmx_decide_vmwrite,
    [VMX_OP_VMXOFF] = vmx_decide_vmx,
    [VMX_OP_VMXON] = vmx_decide_vmxon,
    [VMX_OP_VMFUNC] = vmx_decide_vmfunc,
    [VMX_OP_INVEPT] = vmx_decide_invept,
    [VMX_OP_INVVPID] = vmx_decide_invvpid,
    [VMX_OP_MOV_TO_CR] = vmx_decide_mov_to_cr,
    [VMX_OP_MOV_FROM_CR] = vmx_decide_mov_from_cr,
    [VMX_OP_CLTS] = vmx_decide_clts,
    [VMX_OP_LMSW] = vmx_decide_lmsw,
    [VMX_OP_SMSW] = vmx_decide_smsw,
    [VMX_OP_MOV_TO_DR] = vmx_decide_mov_dr,
    [VMX_OP_MOV_FROM_DR] = vmx_decide_mov_dr,
    [VMX_OP_IN] = vmx_decide_io,
    [VMX_OP_OUT] = vmx_decide_io,
    [VMX_OP_INS] = vmx_decide_string_io,
    [VMX_OP_OUTS] = vmx_decide_string_io,
    [VMX_OP_RDMSR] = vmx_decide_rdmsr,
    [VMX_OP_WRMSR] = vmx_decide_wrmsr,
    [VMX_OP_MWAIT] = vmx_decide_mwait,
    [VMX_OP_MONITOR] = vmx_decide_monitor,
    [VMX_OP_PAUSE] = vmx_decide_pause,
    [VMX_OP_LGDT] = vmx_decide_gdtr_idtr,
    [VMX_OP_LIDT] = vmx_decide_gdtr_idtr,
    [VMX_OP_SGDT] = vmx_decide_gdtr_idtr,
    [VMX_OP_SIDT] = vmx_decide_gdtr_idtr,
    [VMX_OP_LLDT] = vmx_decide_ldtr_tr,
    [VMX_OP_LTR] = vmx_decide_ldtr_tr,
    [VMX_OP_SLDT] = vmx_decide_ldtr_tr,
    [VMX_OP_STR] = vmx_decide_ldtr_tr,
    [VMX_OP_RDRAND] = vmx_decide_rdrand,
    [VMX_OP_RDSEED] = vmx_decide_rdrand,
    [VMX_OP_XSETBV] = vmx_decide_xsetbv,
    [VMX_OP_XGETBV] = vmx_decide_xsave,
    [VMX_OP_XSAVE] = vmx_decide_xsave,
    [VMX_OP_XSAVEOPT] = vmx_decide_xsave,
    [VMX_OP_XSAVEC] = vmx_decide_xsave,
    [VMX_OP_XRSTOR] = vmx_decide_xsave,
    [VMX_OP_XSAVES] = vmx_decide_xsaves,
    [VMX_OP_XRSTORS] = vmx_decide_xsaves,
    [VMX_OP_IRET] = vmx_decide_iret,
    [VMX_OP_UMWAIT] = vmx_decide_umwait,
    [VMX_OP_TPAUSE] = vmx_decide_umwait,
    [VMX_OP_ENCLS] = vmx_decide_encls,
    [VMX_OP_ENCLV] = vmx_decide_enclv,
    [VMX_OP_PCONFIG] = vmx_decide_pconfig,
    [VMX_OP_LOADIWKEY] = vmx_decide_loadiwkey,
    [VMX_OP_CALL_FAR] = vmx_decide_far_transfer,
    [VMX_OP_JMP_FAR] = vmx_decide_far_transfer,
};

struct vmx_outcome vmx_decide(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    vmx_decision *const decide = i->op < VMX_OP_COUNT ? decisions[i->op] : NULL;
    cpu->breakpoints_hit = 0;
    if (decide == NULL)
        return vmx_outcome_run();
    return i->lock ? vmx_outcome_ud() : decide(cpu, i);
}

uint64_t vmx_displacement(const struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    if (i->rm != VMX_OPERAND_MEMORY)
        return 0;
    return (uint64_t)i->displacement + (i->rip_relative ? cpu->state.rip + i->length : 0);
}

struct vmx_outcome vmx_operand_exit(const struct vmx_cpu *cpu, const struct vmx_instruction *i, enum vmx_reason reason)
{
    struct vmx_outcome outcome = vmx_outcome_instruction_exit(reason, i, vmx_displacement(cpu, i));
    outcome.exit.valid |= VMX_VALID_INSTRUCTION_INFO;
    outcome.exit.instruction_info = vmx_instruction_information(i, vmx_code_bits(&cpu->state));
    return outcome;
}
