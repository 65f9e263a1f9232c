/* SPDX-License-Identifier: MIT */
/* The executions that vmx_execute() chooses from, by family; internal to the model. */
#ifndef VMX_EXECUTE_OPS_H
#define VMX_EXECUTE_OPS_H

#include "controls.h"
#include "decide_ops.h"
#include "errors.h"
#include "operand.h"
#include "outcome.h"
#include "registers.h"
#include "vmx_instructions.h"

typedef struct vmx_outcome vmx_execution(struct vmx_cpu *cpu, const struct vmx_instruction *i);

/* decide_task.c */
vmx_execution vmx_execute_far_transfer, vmx_execute_iret;
/* execute_system.c */
vmx_execution vmx_execute_cpuid, vmx_execute_hlt, vmx_execute_nothing, vmx_execute_invlpg, vmx_execute_invpcid, vmx_execute_xsetbv,
    vmx_execute_load_table;
/* execute_time.c */
vmx_execution vmx_execute_rdtsc, vmx_execute_rdpmc, vmx_execute_rdpid, vmx_execute_monitor, vmx_execute_mwait, vmx_execute_pause, vmx_execute_umwait,
    vmx_execute_rdrand;
/* execute_cr.c */
vmx_execution vmx_execute_mov_to_cr, vmx_execute_mov_from_cr, vmx_execute_clts, vmx_execute_lmsw, vmx_execute_smsw, vmx_execute_mov_to_dr,
    vmx_execute_mov_from_dr;
/* execute_msr.c */
vmx_execution vmx_execute_rdmsr, vmx_execute_wrmsr;
/* execute_vmx.c */
vmx_execution vmx_execute_vmfunc, vmx_execute_vmread, vmx_execute_vmwrite;
/* execute_vmx_root.c */
vmx_execution vmx_execute_vmxon, vmx_execute_vmxoff, vmx_execute_vmclear, vmx_execute_vmptrld, vmx_execute_vmptrst, vmx_execute_vmlaunch,
    vmx_execute_vmresume, vmx_execute_vmcall, vmx_execute_invept, vmx_execute_invvpid;

/* Completes an instruction: RIP advances, RF and blocking by STI and MOV SS end, a single-step trap and an MTF exit become pending. `changed`: the
   groups that the instruction wrote. */
struct vmx_outcome vmx_retire(struct vmx_cpu *cpu, const struct vmx_instruction *i, uint32_t changed);

/* The same for an instruction after which APIC virtualization may exit: `trap` is that exit, or DONE. */
struct vmx_outcome vmx_retire_into(struct vmx_cpu *cpu, const struct vmx_instruction *i, uint32_t changed, const struct vmx_outcome *trap);

/* Completes a VMX instruction: the arithmetic flags tell its result. With `trap` as above. */
struct vmx_outcome vmx_conclude(struct vmx_cpu *cpu, const struct vmx_instruction *i, struct vmx_result result);
struct vmx_outcome vmx_conclude_into(struct vmx_cpu *cpu, const struct vmx_instruction *i, struct vmx_result result, const struct vmx_outcome *trap);

/* VMX instructions outside non-root operation need room for VMCS data. */
static inline bool vmx_left_to_caller(const struct vmx_cpu *cpu)
{
    return !vmx_non_root(cpu) && cpu->vmcs_cache == NULL;
}

/* RAX and RDX take the halves of a value. */
static inline void vmx_set_edx_eax(struct vmx_state *s, uint64_t value)
{
    s->gpr[VMX_RAX] = (uint32_t)value;
    s->gpr[VMX_RDX] = value >> 32;
}

#endif
