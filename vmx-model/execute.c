/* SPDX-License-Identifier: MIT */
/* Which execution belongs to which instruction, and how an instruction completes. SDM 3C, "Changes to Instruction Behavior in VMX Non-Root Operation". */
#include "execute_ops.h"

#include "breakpoints.h"

/* Not modelled: SMX, SMM, SGX, memory encryption, Key Locker; their instructions give #UD where they do not exit. */
static struct vmx_outcome not_modelled(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    (void)cpu, (void)i;
    return vmx_outcome_ud();
}

static vmx_execution *const executions[VMX_OP_COUNT] = {
    [VMX_OP_CPUID] = vmx_execute_cpuid,
    [VMX_OP_CALL_FAR] = vmx_execute_far_transfer,
    [VMX_OP_JMP_FAR] = vmx_execute_far_transfer,
    [VMX_OP_IRET] = vmx_execute_iret,
    [VMX_OP_HLT] = vmx_execute_hlt,
    [VMX_OP_INVD] = vmx_execute_nothing,
    [VMX_OP_WBINVD] = vmx_execute_nothing,
    [VMX_OP_WBNOINVD] = vmx_execute_nothing,
    [VMX_OP_INVLPG] = vmx_execute_invlpg,
    [VMX_OP_INVPCID] = vmx_execute_invpcid,
    [VMX_OP_RDPMC] = vmx_execute_rdpmc,
    [VMX_OP_RDTSC] = vmx_execute_rdtsc,
    [VMX_OP_RDTSCP] = vmx_execute_rdtsc,
    [VMX_OP_RDPID] = vmx_execute_rdpid,
    [VMX_OP_RSM] = not_modelled,
    [VMX_OP_GETSEC] = not_modelled,
    [VMX_OP_VMCALL] = vmx_execute_vmcall,
    [VMX_OP_VMCLEAR] = vmx_execute_vmclear,
    [VMX_OP_VMLAUNCH] = vmx_execute_vmlaunch,
    [VMX_OP_VMPTRLD] = vmx_execute_vmptrld,
    [VMX_OP_VMPTRST] = vmx_execute_vmptrst,
    [VMX_OP_VMREAD] = vmx_execute_vmread,
    [VMX_OP_VMRESUME] = vmx_execute_vmresume,
    [VMX_OP_VMWRITE] = vmx_execute_vmwrite,
    [VMX_OP_VMXOFF] = vmx_execute_vmxoff,
    [VMX_OP_VMXON] = vmx_execute_vmxon,
    [VMX_OP_VMFUNC] = vmx_execute_vmfunc,
    [VMX_OP_INVEPT] = vmx_execute_invept,
    [VMX_OP_INVVPID] = vmx_execute_invvpid,
    [VMX_OP_MOV_TO_CR] = vmx_execute_mov_to_cr,
    [VMX_OP_MOV_FROM_CR] = vmx_execute_mov_from_cr,
    [VMX_OP_CLTS] = vmx_execute_clts,
    [VMX_OP_LMSW] = vmx_execute_lmsw,
    [VMX_OP_SMSW] = vmx_execute_smsw,
    [VMX_OP_MOV_TO_DR] = vmx_execute_mov_to_dr,
    [VMX_OP_MOV_FROM_DR] = vmx_execute_mov_from_dr,
    [VMX_OP_RDMSR] = vmx_execute_rdmsr,
    [VMX_OP_WRMSR] = vmx_execute_wrmsr,
    [VMX_OP_LGDT] = vmx_execute_load_table,
    [VMX_OP_LIDT] = vmx_execute_load_table,
    [VMX_OP_MWAIT] = vmx_execute_mwait,
    [VMX_OP_MONITOR] = vmx_execute_monitor,
    [VMX_OP_PAUSE] = vmx_execute_pause,
    [VMX_OP_RDRAND] = vmx_execute_rdrand,
    [VMX_OP_RDSEED] = vmx_execute_rdrand,
    [VMX_OP_XSETBV] = vmx_execute_xsetbv,
    [VMX_OP_UMWAIT] = vmx_execute_umwait,
    [VMX_OP_TPAUSE] = vmx_execute_umwait,
    [VMX_OP_ENCLS] = not_modelled,
    [VMX_OP_ENCLV] = not_modelled,
    [VMX_OP_PCONFIG] = not_modelled,
    [VMX_OP_LOADIWKEY] = not_modelled,
};

struct vmx_outcome vmx_execute(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    vmx_execution *const execute = i->op < VMX_OP_COUNT ? executions[i->op] : NULL;
    return execute != NULL ? execute(cpu, i) : vmx_outcome_run();
}

static uint32_t complete(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    struct vmx_state *const s = &cpu->state;
    const uint32_t shadow = VMX_BLOCKING_BY_STI | VMX_BLOCKING_BY_MOV_SS;
    const bool single_step = (s->rflags & VMX_RFLAGS_TF) != 0 && (s->debugctl & VMX_DEBUGCTL_BTF) == 0;
    uint32_t changed = VMX_GROUP_IP;
    s->rip += i->length;
    if (!vmx_in_64bit_mode(s))
        s->rip = (uint32_t)s->rip;
    s->rflags &= ~VMX_RFLAGS_RF;
    if ((s->interruptibility & shadow) != 0 || single_step)
        changed |= VMX_GROUP_EVENT;
    s->interruptibility &= ~shadow;
    if (single_step)
        s->pending_debug |= VMX_PENDING_BS;
    if (vmx_pend_breakpoints(cpu))
        changed |= VMX_GROUP_EVENT;
    if (vmx_primary(cpu, VMX_PRI_MONITOR_TRAP_FLAG))
        cpu->pending.mtf = true;
    return changed;
}

struct vmx_outcome vmx_retire(struct vmx_cpu *cpu, const struct vmx_instruction *i, uint32_t changed)
{
    return vmx_outcome_done(changed | complete(cpu, i));
}

struct vmx_outcome vmx_retire_into(struct vmx_cpu *cpu, const struct vmx_instruction *i, uint32_t changed, const struct vmx_outcome *trap)
{
    struct vmx_outcome outcome = *trap;
    outcome.changed = changed | complete(cpu, i);
    if (trap->kind != VMX_OUTCOME_EXIT)
        return outcome;
    cpu->stale |= outcome.changed;
    cpu->unsaved |= outcome.changed;
    return outcome;
}
