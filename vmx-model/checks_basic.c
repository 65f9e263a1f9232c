/* SPDX-License-Identifier: MIT */
/* Basic checks of VMLAUNCH and VMRESUME, and of VM entries that return from SMM.
   SDM 3C, "Basic VM-Entry Checks", "VM Entries that Return from SMM". */
#include "checks_internal.h"

static bool mode_allows_vmx(const struct check_env *e)
{
    const struct vmx_state *s = &e->cpu->state;
    if (e->cpu->operation == VMX_OPERATION_OFF)
        return false;
    if (e->native)
        return true;
    const bool compatibility = (s->efer & VMX_EFER_LMA) != 0 && (s->seg[VMX_CS].access_rights & VMX_AR_L) == 0;
    return (s->cr0 & VMX_CR0_PE) != 0 && (s->rflags & VMX_RFLAGS_VM) == 0 && !compatibility;
}

static bool in_root_operation(const struct check_env *e)
{
    return e->cpu->operation != VMX_OPERATION_NON_ROOT;
}

static bool cpl_is_0(const struct check_env *e)
{
    return e->native || vmx_cpl(&e->cpu->state) == 0;
}

static bool current_vmcs_exists(const struct check_env *e)
{
    return e->vmcs != NULL;
}

static bool current_vmcs_is_no_shadow(const struct check_env *e)
{
    return e->vmcs->revision >> 31 == 0;
}

static bool no_blocking_by_mov_ss(const struct check_env *e)
{
    return e->native || (e->cpu->state.interruptibility & VMX_BLOCKING_BY_MOV_SS) == 0;
}

static bool launch_state_clear(const struct check_env *e)
{
    return e->resume || e->vmcs->launched == 0;
}

static bool launch_state_launched(const struct check_env *e)
{
    return !e->resume || e->vmcs->launched != 0;
}

static const struct check_rule basic_rules[] = {
    {.check = VMX_CHECK_BASIC_UD_MODE, .holds = mode_allows_vmx},
    {.check = VMX_CHECK_BASIC_NONROOT, .holds = in_root_operation},
    {.check = VMX_CHECK_BASIC_GP_CPL, .holds = cpl_is_0},
    {.check = VMX_CHECK_BASIC_CURRENT_VMCS, .holds = current_vmcs_exists},
    {.check = VMX_CHECK_BASIC_NOT_SHADOW, .holds = current_vmcs_is_no_shadow},
    {.check = VMX_CHECK_BASIC_MOV_SS, .holds = no_blocking_by_mov_ss},
    {.check = VMX_CHECK_BASIC_LAUNCH_CLEAR, .holds = launch_state_clear},
    {.check = VMX_CHECK_BASIC_RESUME_LAUNCHED, .holds = launch_state_launched},
    {.check = VMX_CHECK_BASIC_RESUME_AFTER_VMXOFF, .holds = check_not_modelled},
};
const struct check_table vmx_basic_rules = CHECK_TABLE(basic_rules);

/* Software runs VMLAUNCH in SMM only under the dual-monitor treatment. */
static bool returns_from_smm(const struct check_env *e)
{
    return e->cpu->smm && !check_enabled(e, VMX_WORD_ENTRY, VMX_ENTRYCTL_TO_SMM);
}

static uint64_t executive_vmcs(const struct check_env *e)
{
    return check_field(e, VMCS_EXECUTIVE_VMCS_POINTER);
}

static bool executive_vmcs_aligned(const struct check_env *e)
{
    return !returns_from_smm(e) || (executive_vmcs(e) & 0xfff) == 0;
}

static bool executive_vmcs_width(const struct check_env *e)
{
    return !returns_from_smm(e) || executive_vmcs(e) >> e->address_bits == 0;
}

static bool executive_vmcs_revision(const struct check_env *e)
{
    return !returns_from_smm(e) || check_read32(e, executive_vmcs(e)) == check_revision(e);
}

static bool deactivation_names_vmxon_region(const struct check_env *e)
{
    return !returns_from_smm(e) || !check_enabled(e, VMX_WORD_ENTRY, VMX_ENTRYCTL_DEACT_DUAL_MONITOR) || executive_vmcs(e) == e->cpu->vmxon_region;
}

static const struct check_rule smm_rules[] = {
    {.check = VMX_CHECK_SMM_EXEC_VMCS_ALIGN, .holds = executive_vmcs_aligned},
    {.check = VMX_CHECK_SMM_EXEC_VMCS_WIDTH, .holds = executive_vmcs_width},
    {.check = VMX_CHECK_SMM_EXEC_VMCS_REVISION, .holds = executive_vmcs_revision},
    {.check = VMX_CHECK_SMM_EXEC_VMCS_LAUNCHED, .holds = check_not_modelled},
    {.check = VMX_CHECK_SMM_DEACT_VMXON, .holds = deactivation_names_vmxon_region},
    {.check = VMX_CHECK_SMM_EXEC_VMCS_CONTROLS, .holds = check_not_modelled},
};
const struct check_table vmx_smm_rules = CHECK_TABLE(smm_rules);
