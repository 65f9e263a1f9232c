/* SPDX-License-Identifier: MIT */
/* The decisions that vmx_decide() chooses from, by family; internal to the model. */
#ifndef VMX_DECIDE_OPS_H
#define VMX_DECIDE_OPS_H

#include "controls.h"
#include "decide.h"
#include "outcome.h"
#include "registers.h"

typedef struct vmx_outcome vmx_decision(struct vmx_cpu *cpu, const struct vmx_instruction *i);

/* decide_system.c */
vmx_decision vmx_decide_cpuid, vmx_decide_hlt, vmx_decide_invd, vmx_decide_wbinvd, vmx_decide_invlpg, vmx_decide_invpcid, vmx_decide_rsm,
    vmx_decide_getsec, vmx_decide_gdtr_idtr, vmx_decide_ldtr_tr, vmx_decide_xsetbv, vmx_decide_xsave, vmx_decide_xsaves, vmx_decide_loadiwkey,
    vmx_decide_encls, vmx_decide_enclv, vmx_decide_pconfig;
/* decide_time.c */
vmx_decision vmx_decide_rdpmc, vmx_decide_rdtsc, vmx_decide_rdtscp, vmx_decide_rdpid, vmx_decide_mwait, vmx_decide_monitor, vmx_decide_pause,
    vmx_decide_umwait, vmx_decide_rdrand;
/* decide_cr.c */
vmx_decision vmx_decide_mov_to_cr, vmx_decide_mov_from_cr, vmx_decide_clts, vmx_decide_lmsw, vmx_decide_smsw, vmx_decide_mov_dr;
/* decide_io.c */
vmx_decision vmx_decide_io, vmx_decide_string_io;
/* decide_msr.c */
vmx_decision vmx_decide_rdmsr, vmx_decide_wrmsr;
/* decide_vmx.c */
vmx_decision vmx_decide_vmx, vmx_decide_vmxon, vmx_decide_vmcall, vmx_decide_vmread, vmx_decide_vmwrite, vmx_decide_vmfunc, vmx_decide_invept,
    vmx_decide_invvpid;
/* decide_task.c */
vmx_decision vmx_decide_far_transfer, vmx_decide_iret;

/* The displacement of a memory operand as exit qualifications hold it: RIP-relative ones count from the next instruction. */
uint64_t vmx_displacement(const struct vmx_cpu *cpu, const struct vmx_instruction *i);

/* An exit with displacement and instruction information. */
struct vmx_outcome vmx_operand_exit(const struct vmx_cpu *cpu, const struct vmx_instruction *i, enum vmx_reason reason);

/* An EPTP that VM entry with "enable EPT" would accept. */
bool vmx_eptp_valid(const struct vmx_caps *caps, uint64_t eptp);

/* The EPTP that VMFUNC leaf 0 would load for ECX; false: the list cannot be read or the entry is not a valid EPTP. */
bool vmx_eptp_list_entry(const struct vmx_cpu *cpu, uint64_t *eptp);

/* True: VMREAD or VMWRITE of this encoding operand acts on the shadow VMCS instead of exiting. */
bool vmx_shadow_access(const struct vmx_cpu *cpu, enum vmcs_field bitmap, uint64_t encoding);

/* PAUSE-loop exiting: would this PAUSE exit? SDM 3C, "Instructions That Cause VM Exits Conditionally". */
bool vmx_pause_loop_exits(const struct vmx_cpu *cpu);

static inline bool vmx_user(const struct vmx_cpu *cpu)
{
    return vmx_cpl(&cpu->state) > 0;
}
static inline bool vmx_primary(const struct vmx_cpu *cpu, uint32_t control)
{
    return vmx_non_root(cpu) && (vmx_primary_controls(cpu) & control) != 0;
}
static inline bool vmx_secondary(const struct vmx_cpu *cpu, uint32_t control)
{
    return vmx_non_root(cpu) && (vmx_secondary_controls(cpu) & control) != 0;
}
/* In non-root operation an instruction needs its enabling control; elsewhere not. */
static inline bool vmx_enabled(const struct vmx_cpu *cpu, uint32_t secondary_control)
{
    return !vmx_non_root(cpu) || (vmx_secondary_controls(cpu) & secondary_control) != 0;
}
static inline bool vmx_real_or_virtual_8086(const struct vmx_state *s)
{
    return (s->cr0 & VMX_CR0_PE) == 0 || (s->rflags & VMX_RFLAGS_VM) != 0;
}

#endif
