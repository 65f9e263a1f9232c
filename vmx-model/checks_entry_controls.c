/* SPDX-License-Identifier: MIT */
/* Checks on VM-entry control fields and on the event that VM entry injects. SDM 3C, "VM-Entry Control Fields". */
#include "checks_internal.h"

static bool entry_forced(const struct check_env *e)
{
    return check_forced(e->control[VMX_WORD_ENTRY], e->caps->entry);
}

static bool entry_offered(const struct check_env *e)
{
    return check_offered(e->control[VMX_WORD_ENTRY], e->caps->entry);
}

static uint32_t interruption_info(const struct check_env *e)
{
    return (uint32_t)check_field(e, VMCS_VM_ENTRY_INTR_INFO_FIELD);
}

static bool injects_with_error_code(const struct check_env *e)
{
    return e->injecting && (interruption_info(e) & CHECK_INFO_ERROR_CODE) != 0;
}

/* Software interrupt and the two software exceptions. */
static bool injects_software_event(const struct check_env *e)
{
    return e->injecting && e->event_type >= VMX_EVENT_SOFTWARE_INTERRUPT && e->event_type <= VMX_EVENT_SOFTWARE_EXCEPTION;
}

/* #DF, #TS, #NP, #SS, #GP, #PF, #AC. */
static bool vector_has_error_code(unsigned vector)
{
    enum { WITH_ERROR_CODE = 1u << VMX_DF | 1u << VMX_TS | 1u << VMX_NP | 1u << VMX_SS_FAULT | 1u << VMX_GP | 1u << VMX_PF | 1u << VMX_AC };
    return vector < 32 && (1u << vector & WITH_ERROR_CODE) != 0;
}

/* Injected events 1 and 2 of type "other" are SYSCALL and SYSENTER of a guest that uses FRED. */
static bool injects_fred_system_call(const struct check_env *e)
{
    return e->fred && check_injects(e, VMX_EVENT_OTHER) && (e->event_vector == 1 || e->event_vector == 2);
}

static bool type_not_reserved(const struct check_env *e)
{
    return !check_injects(e, 1);
}

static bool type_other_supported(const struct check_env *e)
{
    return !check_injects(e, VMX_EVENT_OTHER) || (e->caps->primary.may_be_1 & VMX_PRI_MONITOR_TRAP_FLAG) != 0;
}

static bool nmi_vector(const struct check_env *e)
{
    return !check_injects(e, VMX_EVENT_NMI) || e->event_vector == VMX_NMI;
}

static bool exception_vector(const struct check_env *e)
{
    return !check_injects(e, VMX_EVENT_HARDWARE_EXCEPTION) || e->event_vector <= 31;
}

static bool other_vector(const struct check_env *e)
{
    return !check_injects(e, VMX_EVENT_OTHER) || e->event_vector == 0 || injects_fred_system_call(e);
}

static bool error_code_type(const struct check_env *e)
{
    return !injects_with_error_code(e) || e->event_type == VMX_EVENT_HARDWARE_EXCEPTION;
}

static bool guest_may_be_real(const struct check_env *e)
{
    return e->unrestricted && (e->cr0 & VMX_CR0_PE) == 0;
}

static bool error_code_real_mode(const struct check_env *e)
{
    return !injects_with_error_code(e) || !guest_may_be_real(e);
}

static bool error_code_unexpected(const struct check_env *e)
{
    return !check_injects(e, VMX_EVENT_HARDWARE_EXCEPTION) || (e->caps->basic & VMX_BASIC_ANY_ERRCODE) != 0 ||
           vector_has_error_code(e->event_vector) || !injects_with_error_code(e);
}

static bool error_code_missing(const struct check_env *e)
{
    return !check_injects(e, VMX_EVENT_HARDWARE_EXCEPTION) || (e->caps->basic & VMX_BASIC_ANY_ERRCODE) != 0 || guest_may_be_real(e) ||
           !vector_has_error_code(e->event_vector) || injects_with_error_code(e);
}

static bool info_reserved(const struct check_env *e)
{
    const bool nested = check_injects(e, VMX_EVENT_HARDWARE_EXCEPTION) && (e->caps->basic & VMX_BASIC_NESTED_EXCEPTION) != 0;
    const uint32_t reserved = UINT32_C(0x7ffff000) & ~(nested ? (uint32_t)CHECK_INFO_NESTED : 0u);
    return !e->injecting || (interruption_info(e) & reserved) == 0;
}

static bool error_code_high(const struct check_env *e)
{
    return !injects_with_error_code(e) || check_field(e, VMCS_VM_ENTRY_EXCEPTION_ERROR_CODE) >> 16 == 0;
}

static bool instruction_length_maximum(const struct check_env *e)
{
    return !(injects_software_event(e) || injects_fred_system_call(e)) || check_field(e, VMCS_VM_ENTRY_INSTRUCTION_LEN) <= 15;
}

static bool instruction_length_zero(const struct check_env *e)
{
    return !injects_software_event(e) || (e->caps->misc & VMX_MISC_INJECT_LEN0) != 0 || check_field(e, VMCS_VM_ENTRY_INSTRUCTION_LEN) != 0;
}

static bool entry_to_smm_in_smm(const struct check_env *e)
{
    return e->cpu->smm || !check_enabled(e, VMX_WORD_ENTRY, VMX_ENTRYCTL_TO_SMM);
}

static bool deactivation_in_smm(const struct check_env *e)
{
    return e->cpu->smm || !check_enabled(e, VMX_WORD_ENTRY, VMX_ENTRYCTL_DEACT_DUAL_MONITOR);
}

static bool smm_controls_exclusive(const struct check_env *e)
{
    return !check_enabled(e, VMX_WORD_ENTRY, VMX_ENTRYCTL_TO_SMM) || !check_enabled(e, VMX_WORD_ENTRY, VMX_ENTRYCTL_DEACT_DUAL_MONITOR);
}

static const struct check_rule entry_control_rules[] = {
    {.check = VMX_CHECK_CTL_ENTRY_ALLOWED0, .holds = entry_forced},
    {.check = VMX_CHECK_CTL_ENTRY_ALLOWED1, .holds = entry_offered},
    {.check = VMX_CHECK_CTL_INJ_TYPE_RESERVED, .holds = type_not_reserved},
    {.check = VMX_CHECK_CTL_INJ_TYPE_OTHER, .holds = type_other_supported},
    {.check = VMX_CHECK_CTL_INJ_NMI_VECTOR, .holds = nmi_vector},
    {.check = VMX_CHECK_CTL_INJ_HWEXC_VECTOR, .holds = exception_vector},
    {.check = VMX_CHECK_CTL_INJ_OTHER_VECTOR, .holds = other_vector},
    {.check = VMX_CHECK_CTL_INJ_ERRCODE_TYPE, .holds = error_code_type},
    {.check = VMX_CHECK_CTL_INJ_ERRCODE_REALMODE, .holds = error_code_real_mode},
    {.check = VMX_CHECK_CTL_INJ_ERRCODE_VECTOR_FORBID, .holds = error_code_unexpected},
    {.check = VMX_CHECK_CTL_INJ_ERRCODE_VECTOR_REQUIRE, .holds = error_code_missing},
    {.check = VMX_CHECK_CTL_INJ_RESERVED, .holds = info_reserved},
    {.check = VMX_CHECK_CTL_INJ_ERRCODE_HIGH, .holds = error_code_high},
    {.check = VMX_CHECK_CTL_INJ_ILEN_MAX, .holds = instruction_length_maximum},
    {.check = VMX_CHECK_CTL_INJ_ILEN_ZERO, .holds = instruction_length_zero},
    CHECK_MSR_LIST(CTL_ENTRY_MSR_LOAD, VM_ENTRY_MSR_LOAD),
    {.check = VMX_CHECK_CTL_ENTRY_SMM_ENTRY, .holds = entry_to_smm_in_smm},
    {.check = VMX_CHECK_CTL_ENTRY_SMM_DEACT, .holds = deactivation_in_smm},
    {.check = VMX_CHECK_CTL_ENTRY_SMM_BOTH, .holds = smm_controls_exclusive},
};
const struct check_table vmx_entry_control_rules = CHECK_TABLE(entry_control_rules);
