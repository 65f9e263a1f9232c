/* SPDX-License-Identifier: MIT */
/* Checks on the guest's activity state, interruptibility state and pending debug exceptions. SDM 3C, "Checks on Guest Non-Register State". */
#include "checks_internal.h"

static bool enters_smm(const struct check_env *e)
{
    return check_enabled(e, VMX_WORD_ENTRY, VMX_ENTRYCTL_TO_SMM);
}

static bool activity_range(const struct check_env *e)
{
    return e->activity <= VMX_WAIT_FOR_SIPI;
}

static bool activity_supported(const struct check_env *e)
{
    switch (e->activity) {
    case VMX_HLT:
        return (e->caps->misc & VMX_MISC_ACTIVITY_HLT) != 0;
    case VMX_SHUTDOWN:
        return (e->caps->misc & VMX_MISC_ACTIVITY_SHUTDOWN) != 0;
    case VMX_WAIT_FOR_SIPI:
        return (e->caps->misc & VMX_MISC_ACTIVITY_WAIT_SIPI) != 0;
    default:
        return true;
    }
}

static bool hlt_at_cpl_0(const struct check_env *e)
{
    return e->activity != VMX_HLT || e->ss_dpl == 0;
}

static bool active_while_blocked(const struct check_env *e)
{
    return (e->blocking & (VMX_BLOCKING_BY_STI | VMX_BLOCKING_BY_MOV_SS)) == 0 || e->activity == VMX_ACTIVE;
}

static bool injects_exception(const struct check_env *e, unsigned vector)
{
    return check_injects(e, VMX_EVENT_HARDWARE_EXCEPTION) && e->event_vector == vector;
}

static bool injection_in_hlt(const struct check_env *e)
{
    if (!e->injecting || e->activity != VMX_HLT)
        return true;
    return check_injects(e, VMX_EVENT_EXTERNAL_INTERRUPT) || check_injects(e, VMX_EVENT_NMI) || injects_exception(e, VMX_DB) ||
           injects_exception(e, VMX_MC) || (check_injects(e, VMX_EVENT_OTHER) && e->event_vector == 0);
}

static bool injection_in_shutdown(const struct check_env *e)
{
    return !e->injecting || e->activity != VMX_SHUTDOWN || check_injects(e, VMX_EVENT_NMI) || injects_exception(e, VMX_MC);
}

static bool injection_in_wait_for_sipi(const struct check_env *e)
{
    return !e->injecting || e->activity != VMX_WAIT_FOR_SIPI;
}

static bool smm_not_wait_for_sipi(const struct check_env *e)
{
    return !enters_smm(e) || e->activity != VMX_WAIT_FOR_SIPI;
}

static bool blocked(const struct check_env *e, uint32_t by)
{
    return (e->blocking & by) != 0;
}

static bool interruptibility_reserved(const struct check_env *e)
{
    return e->blocking >> 5 == 0;
}

static bool not_sti_and_mov_ss(const struct check_env *e)
{
    return !blocked(e, VMX_BLOCKING_BY_STI) || !blocked(e, VMX_BLOCKING_BY_MOV_SS);
}

static bool sti_needs_if(const struct check_env *e)
{
    return !blocked(e, VMX_BLOCKING_BY_STI) || (e->rflags & VMX_RFLAGS_IF) != 0;
}

static bool interrupt_without_sti(const struct check_env *e)
{
    return !check_injects(e, VMX_EVENT_EXTERNAL_INTERRUPT) || !blocked(e, VMX_BLOCKING_BY_STI);
}

static bool interrupt_without_mov_ss(const struct check_env *e)
{
    return !check_injects(e, VMX_EVENT_EXTERNAL_INTERRUPT) || !blocked(e, VMX_BLOCKING_BY_MOV_SS);
}

static bool nmi_without_mov_ss(const struct check_env *e)
{
    return !check_injects(e, VMX_EVENT_NMI) || !blocked(e, VMX_BLOCKING_BY_MOV_SS);
}

static bool smi_blocked_in_smm_only(const struct check_env *e)
{
    return e->cpu->smm || !blocked(e, VMX_BLOCKING_BY_SMI);
}

static bool smi_blocked_by_entry_to_smm(const struct check_env *e)
{
    return !enters_smm(e) || blocked(e, VMX_BLOCKING_BY_SMI);
}

static bool nmi_without_sti(const struct check_env *e)
{
    return !e->caps->nmi_sti_blocks || !check_injects(e, VMX_EVENT_NMI) || !blocked(e, VMX_BLOCKING_BY_STI);
}

static bool virtual_nmi_not_blocked(const struct check_env *e)
{
    return !check_enabled(e, VMX_WORD_PIN, VMX_PIN_VIRTUAL_NMIS) || !check_injects(e, VMX_EVENT_NMI) || !blocked(e, VMX_BLOCKING_BY_NMI);
}

static bool enclave_without_mov_ss(const struct check_env *e)
{
    return !blocked(e, CHECK_ENCLAVE_INTERRUPTION) || !blocked(e, VMX_BLOCKING_BY_MOV_SS);
}

static bool enclave_needs_sgx(const struct check_env *e)
{
    return !blocked(e, CHECK_ENCLAVE_INTERRUPTION) || e->caps->sgx;
}

static bool fred_user_without_sti(const struct check_env *e)
{
    return !e->fred || e->ss_dpl != 3 || !blocked(e, VMX_BLOCKING_BY_STI);
}

static uint64_t pending_debug(const struct check_env *e)
{
    return check_field(e, VMCS_GUEST_PENDING_DBG_EXCEPTIONS);
}

static bool pending_debug_reserved(const struct check_env *e)
{
    const uint64_t valid = CHECK_PENDING_DEFINED | (e->caps->bus_lock_db ? VMX_PENDING_BLD : 0);
    return (pending_debug(e) & ~valid) == 0;
}

/* Does a single step pend? Only told where the instruction before left blocking or HLT behind. */
static bool single_step_told(const struct check_env *e)
{
    return blocked(e, VMX_BLOCKING_BY_STI | VMX_BLOCKING_BY_MOV_SS) || e->activity == VMX_HLT;
}

static bool single_step_pends(const struct check_env *e)
{
    return (e->rflags & VMX_RFLAGS_TF) != 0 && (check_field(e, VMCS_GUEST_IA32_DEBUGCTL) & VMX_DEBUGCTL_BTF) == 0;
}

static bool single_step_set(const struct check_env *e)
{
    return !single_step_told(e) || !single_step_pends(e) || (pending_debug(e) & VMX_PENDING_BS) != 0;
}

static bool single_step_clear(const struct check_env *e)
{
    return !single_step_told(e) || single_step_pends(e) || (pending_debug(e) & VMX_PENDING_BS) == 0;
}

static bool rtm_bits(const struct check_env *e)
{
    return (pending_debug(e) & VMX_PENDING_RTM) == 0 || pending_debug(e) == (VMX_PENDING_RTM | VMX_PENDING_ENABLED);
}

static bool rtm_supported(const struct check_env *e)
{
    return (pending_debug(e) & VMX_PENDING_RTM) == 0 || e->caps->rtm;
}

static bool rtm_without_mov_ss(const struct check_env *e)
{
    return (pending_debug(e) & VMX_PENDING_RTM) == 0 || !blocked(e, VMX_BLOCKING_BY_MOV_SS);
}

static const struct check_rule guest_event_rules[] = {
    {.check = VMX_CHECK_GUEST_ACTIVITY_RANGE, .holds = activity_range},
    {.check = VMX_CHECK_GUEST_ACTIVITY_SUPPORTED, .holds = activity_supported},
    {.check = VMX_CHECK_GUEST_ACTIVITY_HLT_DPL, .holds = hlt_at_cpl_0},
    {.check = VMX_CHECK_GUEST_ACTIVITY_BLOCKING, .holds = active_while_blocked},
    {.check = VMX_CHECK_GUEST_ACTIVITY_INJ_HLT, .holds = injection_in_hlt},
    {.check = VMX_CHECK_GUEST_ACTIVITY_INJ_SHUTDOWN, .holds = injection_in_shutdown},
    {.check = VMX_CHECK_GUEST_ACTIVITY_INJ_SIPI, .holds = injection_in_wait_for_sipi},
    {.check = VMX_CHECK_GUEST_ACTIVITY_SMM_SIPI, .holds = smm_not_wait_for_sipi},
    {.check = VMX_CHECK_GUEST_INTR_RESERVED, .holds = interruptibility_reserved},
    {.check = VMX_CHECK_GUEST_INTR_STI_MOVSS, .holds = not_sti_and_mov_ss},
    {.check = VMX_CHECK_GUEST_INTR_STI_IF, .holds = sti_needs_if},
    {.check = VMX_CHECK_GUEST_INTR_EXTINT_STI, .holds = interrupt_without_sti},
    {.check = VMX_CHECK_GUEST_INTR_EXTINT_MOVSS, .holds = interrupt_without_mov_ss},
    {.check = VMX_CHECK_GUEST_INTR_NMI_MOVSS, .holds = nmi_without_mov_ss},
    {.check = VMX_CHECK_GUEST_INTR_SMI_OUTSIDE, .holds = smi_blocked_in_smm_only},
    {.check = VMX_CHECK_GUEST_INTR_SMI_ENTRY, .holds = smi_blocked_by_entry_to_smm},
    {.check = VMX_CHECK_GUEST_INTR_NMI_STI, .holds = nmi_without_sti},
    {.check = VMX_CHECK_GUEST_INTR_NMI_VIRTUAL, .holds = virtual_nmi_not_blocked},
    {.check = VMX_CHECK_GUEST_INTR_ENCLAVE_MOVSS, .holds = enclave_without_mov_ss},
    {.check = VMX_CHECK_GUEST_INTR_ENCLAVE_SGX, .holds = enclave_needs_sgx},
    {.check = VMX_CHECK_GUEST_INTR_FRED_STI, .holds = fred_user_without_sti},
    {.check = VMX_CHECK_GUEST_PDBG_RESERVED, .holds = pending_debug_reserved},
    {.check = VMX_CHECK_GUEST_PDBG_BS_SET, .holds = single_step_set},
    {.check = VMX_CHECK_GUEST_PDBG_BS_CLEAR, .holds = single_step_clear},
    {.check = VMX_CHECK_GUEST_PDBG_RTM_BITS, .holds = rtm_bits},
    {.check = VMX_CHECK_GUEST_PDBG_RTM_SUPPORT, .holds = rtm_supported},
    {.check = VMX_CHECK_GUEST_PDBG_RTM_MOVSS, .holds = rtm_without_mov_ss},
};
const struct check_table vmx_guest_event_rules = CHECK_TABLE(guest_event_rules);
