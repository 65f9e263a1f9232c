/* SPDX-License-Identifier: MIT */
/* Decisions for system instructions: caches, descriptor tables, extended state, enclaves. SDM 3C, "Instructions That Cause VM Exits". */
#include "decide_ops.h"
#include "features.h"

struct vmx_outcome vmx_decide_cpuid(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    return vmx_non_root(cpu) ? vmx_outcome_instruction_exit(VMX_EXIT_CPUID, i, 0) : vmx_outcome_run();
}

struct vmx_outcome vmx_decide_hlt(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    if (vmx_user(cpu))
        return vmx_outcome_gp();
    return vmx_primary(cpu, VMX_PRI_HLT_EXITING) ? vmx_outcome_instruction_exit(VMX_EXIT_HLT, i, 0) : vmx_outcome_run();
}

struct vmx_outcome vmx_decide_invd(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    if (vmx_user(cpu))
        return vmx_outcome_gp();
    return vmx_non_root(cpu) ? vmx_outcome_instruction_exit(VMX_EXIT_INVD, i, 0) : vmx_outcome_run();
}

/* A processor without WBNOINVD ignores its prefix: then it is WBINVD. */
struct vmx_outcome vmx_decide_wbinvd(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    if (vmx_user(cpu))
        return vmx_outcome_gp();
    if (!vmx_secondary(cpu, VMX_SEC_WBINVD_EXITING))
        return vmx_outcome_run();
    const bool no_invalidation = i->op == VMX_OP_WBNOINVD && vmx_has(cpu->caps, VMX_FEATURE_WBNOINVD);
    return vmx_outcome_instruction_exit(VMX_EXIT_WBINVD, i, no_invalidation);
}

struct vmx_outcome vmx_decide_invlpg(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    if (i->rm != VMX_OPERAND_MEMORY)
        return vmx_outcome_ud();
    if (vmx_user(cpu))
        return vmx_outcome_gp();
    if (!vmx_primary(cpu, VMX_PRI_INVLPG_EXITING))
        return vmx_outcome_run();
    return vmx_outcome_instruction_exit(VMX_EXIT_INVLPG, i, vmx_operand_linear(&cpu->state, i));
}

struct vmx_outcome vmx_decide_invpcid(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    if (!vmx_enabled(cpu, VMX_SEC_ENABLE_INVPCID) || !vmx_has(cpu->caps, VMX_FEATURE_INVPCID) || i->rm != VMX_OPERAND_MEMORY)
        return vmx_outcome_ud();
    if (vmx_user(cpu))
        return vmx_outcome_gp();
    return vmx_primary(cpu, VMX_PRI_INVLPG_EXITING) ? vmx_operand_exit(cpu, i, VMX_EXIT_INVPCID) : vmx_outcome_run();
}

struct vmx_outcome vmx_decide_rsm(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    /* Not modelled: return from SMM outside VMX non-root operation. */
    if (!cpu->smm || !vmx_non_root(cpu))
        return vmx_outcome_ud();
    return vmx_outcome_instruction_exit(VMX_EXIT_RSM, i, 0);
}

struct vmx_outcome vmx_decide_getsec(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    if ((cpu->state.cr4 & VMX_CR4_SMXE) == 0)
        return vmx_outcome_ud();
    return vmx_non_root(cpu) ? vmx_outcome_instruction_exit(VMX_EXIT_GETSEC, i, 0) : vmx_outcome_run();
}

static bool stores_table(enum vmx_op op)
{
    return op == VMX_OP_SGDT || op == VMX_OP_SIDT || op == VMX_OP_SLDT || op == VMX_OP_STR;
}

static bool table_privilege_faults(const struct vmx_cpu *cpu, enum vmx_op op)
{
    return vmx_user(cpu) && (!stores_table(op) || (cpu->state.cr4 & VMX_CR4_UMIP) != 0);
}

struct vmx_outcome vmx_decide_gdtr_idtr(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    if (i->rm != VMX_OPERAND_MEMORY)
        return vmx_outcome_ud();
    if (table_privilege_faults(cpu, i->op))
        return vmx_outcome_gp();
    return vmx_secondary(cpu, VMX_SEC_DESC_TABLE_EXITING) ? vmx_operand_exit(cpu, i, VMX_EXIT_GDTR_IDTR) : vmx_outcome_run();
}

struct vmx_outcome vmx_decide_ldtr_tr(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    if (vmx_real_or_virtual_8086(&cpu->state))
        return vmx_outcome_ud();
    if (table_privilege_faults(cpu, i->op))
        return vmx_outcome_gp();
    return vmx_secondary(cpu, VMX_SEC_DESC_TABLE_EXITING) ? vmx_operand_exit(cpu, i, VMX_EXIT_LDTR_TR) : vmx_outcome_run();
}

struct vmx_outcome vmx_decide_xsetbv(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    if ((cpu->state.cr4 & VMX_CR4_OSXSAVE) == 0)
        return vmx_outcome_ud();
    if (vmx_user(cpu))
        return vmx_outcome_gp();
    return vmx_non_root(cpu) ? vmx_outcome_instruction_exit(VMX_EXIT_XSETBV, i, 0) : vmx_outcome_run();
}

/* XGETBV, XSAVE, XSAVEOPT, XSAVEC, XRSTOR: they never exit. */
struct vmx_outcome vmx_decide_xsave(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    const bool missing = (i->op == VMX_OP_XSAVEOPT && !vmx_has(cpu->caps, VMX_FEATURE_XSAVEOPT)) ||
                         (i->op == VMX_OP_XSAVEC && !vmx_has(cpu->caps, VMX_FEATURE_XSAVEC)) || !vmx_has(cpu->caps, VMX_FEATURE_XSAVE);
    return missing || (cpu->state.cr4 & VMX_CR4_OSXSAVE) == 0 ? vmx_outcome_ud() : vmx_outcome_run();
}

struct vmx_outcome vmx_decide_xsaves(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    const struct vmx_state *s = &cpu->state;
    const bool enabled = vmx_enabled(cpu, VMX_SEC_ENABLE_XSAVES) && vmx_has(cpu->caps, VMX_FEATURE_XSAVES);
    if (!enabled || (s->cr4 & VMX_CR4_OSXSAVE) == 0 || i->rm != VMX_OPERAND_MEMORY)
        return vmx_outcome_ud();
    if (vmx_user(cpu))
        return vmx_outcome_gp();
    if (!vmx_non_root(cpu))
        return vmx_outcome_run();
    const uint64_t asked = s->gpr[VMX_RDX] << 32 | (uint32_t)s->gpr[VMX_RAX];
    if ((asked & s->xss & vmcs_get(cpu->vmcs, VMCS_XSS_EXIT_BITMAP)) == 0)
        return vmx_outcome_run();
    return vmx_operand_exit(cpu, i, i->op == VMX_OP_XSAVES ? VMX_EXIT_XSAVES : VMX_EXIT_XRSTORS);
}

struct vmx_outcome vmx_decide_loadiwkey(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    if ((cpu->state.cr4 & VMX_CR4_KL) == 0 || i->rm != VMX_OPERAND_REGISTER)
        return vmx_outcome_ud();
    if (vmx_user(cpu))
        return vmx_outcome_gp();
    if (!vmx_non_root(cpu) || (vmx_tertiary_controls(cpu) & VMX_TER_LOADIWKEY_EXITING) == 0)
        return vmx_outcome_run();
    return vmx_operand_exit(cpu, i, VMX_EXIT_LOADIWKEY);
}

/* ENCLS, ENCLV and PCONFIG exit by a bitmap whose bit 63 stands for every leaf from 63 on. */
static bool leaf_exits(const struct vmx_cpu *cpu, uint32_t control, enum vmcs_field bitmap)
{
    const uint32_t leaf = (uint32_t)cpu->state.gpr[VMX_RAX];
    return vmx_secondary(cpu, control) && (vmcs_get(cpu->vmcs, bitmap) >> (leaf < 63 ? leaf : 63) & 1) != 0;
}

static bool enclave_instruction_undefined(const struct vmx_cpu *cpu)
{
    return !cpu->caps->sgx || vmx_real_or_virtual_8086(&cpu->state) || cpu->smm || vmx_user(cpu);
}

struct vmx_outcome vmx_decide_encls(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    if (enclave_instruction_undefined(cpu))
        return vmx_outcome_ud();
    if (!leaf_exits(cpu, VMX_SEC_ENCLS_EXITING, VMCS_ENCLS_EXITING_BITMAP))
        return vmx_outcome_run();
    return vmx_outcome_instruction_exit(VMX_EXIT_ENCLS, i, 0);
}

struct vmx_outcome vmx_decide_enclv(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    if (enclave_instruction_undefined(cpu) || !vmx_has(cpu->caps, VMX_FEATURE_ENCLV))
        return vmx_outcome_ud();
    if (!leaf_exits(cpu, VMX_SEC_ENCLV_EXITING, VMCS_ENCLV_EXITING_BITMAP))
        return vmx_outcome_run();
    return vmx_outcome_instruction_exit(VMX_EXIT_ENCLV, i, 0);
}

struct vmx_outcome vmx_decide_pconfig(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    if (!vmx_has(cpu->caps, VMX_FEATURE_PCONFIG) || vmx_user(cpu) || !vmx_enabled(cpu, VMX_SEC_ENABLE_PCONFIG))
        return vmx_outcome_ud();
    if (!leaf_exits(cpu, VMX_SEC_ENABLE_PCONFIG, VMCS_PCONFIG_EXITING_BITMAP))
        return vmx_outcome_run();
    return vmx_outcome_instruction_exit(VMX_EXIT_PCONFIG, i, 0);
}
