/* SPDX-License-Identifier: MIT */
/* Checks on guest control registers, debug registers and MSRs.
   SDM 3C, "Checks on Guest Control Registers, Debug Registers, and MSRs". */
#include "checks_internal.h"

static bool entry_control(const struct check_env *e, uint64_t control)
{
    return check_enabled(e, VMX_WORD_ENTRY, control);
}

static bool cr0_fixed_to_1(const struct check_env *e)
{
    const uint64_t free = CHECK_CR0_FREE | (e->unrestricted ? VMX_CR0_PE | VMX_CR0_PG : 0);
    return (~e->cr0 & e->caps->cr0_fixed0 & ~free) == 0;
}

static bool cr0_fixed_to_0(const struct check_env *e)
{
    return (e->cr0 & ~e->caps->cr0_fixed1 & ~CHECK_CR0_FREE) == 0;
}

static bool paging_needs_protection(const struct check_env *e)
{
    return (e->cr0 & VMX_CR0_PG) == 0 || (e->cr0 & VMX_CR0_PE) != 0;
}

static bool cr4_fixed_to_1(const struct check_env *e)
{
    return (~e->cr4 & e->caps->cr4_fixed0) == 0;
}

static bool cr4_fixed_to_0(const struct check_env *e)
{
    return (e->cr4 & ~e->caps->cr4_fixed1) == 0;
}

static bool cet_needs_wp(const struct check_env *e)
{
    return (e->cr4 & VMX_CR4_CET) == 0 || (e->cr0 & VMX_CR0_WP) != 0;
}

static bool debugctl_reserved(const struct check_env *e)
{
    return !entry_control(e, VMX_ENTRYCTL_LOAD_DEBUG_CONTROLS) || (check_field(e, VMCS_GUEST_IA32_DEBUGCTL) & ~e->caps->debugctl_valid) == 0;
}

static bool ia32e_needs_paging(const struct check_env *e)
{
    return !e->ia32e || (e->cr0 & VMX_CR0_PG) != 0;
}

static bool ia32e_needs_pae(const struct check_env *e)
{
    return !e->ia32e || (e->cr4 & VMX_CR4_PAE) != 0;
}

static bool pcide_needs_ia32e(const struct check_env *e)
{
    return e->ia32e || (e->cr4 & VMX_CR4_PCIDE) == 0;
}

static bool fred_needs_ia32e(const struct check_env *e)
{
    return e->ia32e || !e->fred;
}

static bool cr3_width(const struct check_env *e)
{
    return check_cr3(e, check_field(e, VMCS_GUEST_CR3));
}

static bool s_cet_canonical(const struct check_env *e)
{
    const uint64_t value = check_field(e, VMCS_GUEST_S_CET);
    return !entry_control(e, VMX_ENTRYCTL_LOAD_CET) || (check_canonical_address(e, value) && (e->ia32e || value >> 32 == 0));
}

static bool perf_global_ctrl(const struct check_env *e)
{
    return !entry_control(e, VMX_ENTRYCTL_LOAD_PERF_GLOBAL_CTRL) ||
           (check_field(e, VMCS_GUEST_IA32_PERF_GLOBAL_CTRL) & ~e->caps->perf_global_valid) == 0;
}

static bool efer_reserved(const struct check_env *e)
{
    return !entry_control(e, VMX_ENTRYCTL_LOAD_EFER) || (check_field(e, VMCS_GUEST_IA32_EFER) & ~e->caps->efer_valid) == 0;
}

static bool efer_lma(const struct check_env *e)
{
    return !entry_control(e, VMX_ENTRYCTL_LOAD_EFER) || ((check_field(e, VMCS_GUEST_IA32_EFER) & VMX_EFER_LMA) != 0) == e->ia32e;
}

static bool efer_lme(const struct check_env *e)
{
    const uint64_t efer = check_field(e, VMCS_GUEST_IA32_EFER);
    return !entry_control(e, VMX_ENTRYCTL_LOAD_EFER) || (e->cr0 & VMX_CR0_PG) == 0 || ((efer & VMX_EFER_LME) != 0) == ((efer & VMX_EFER_LMA) != 0);
}

static bool bndcfgs_canonical(const struct check_env *e)
{
    return !entry_control(e, VMX_ENTRYCTL_LOAD_BNDCFGS) || check_canonical_address(e, check_field(e, VMCS_GUEST_BNDCFGS) & ~UINT64_C(0xfff));
}

static bool spec_ctrl(const struct check_env *e)
{
    return !entry_control(e, VMX_ENTRYCTL_LOAD_SPEC_CTRL) || (check_field(e, VMCS_GUEST_IA32_SPEC_CTRL) & ~e->caps->spec_ctrl_valid) == 0;
}

/* Bits that no processor defines. Not modelled: bits that a processor may lack, which CPUID leaves 14H and 1CH would tell; no profile has
   these controls. */
#define RTIT_CTL_RESERVED UINT64_C(0xfe7f000070840000)
#define LBR_CTL_RESERVED (~UINT64_C(0x7f000f))

#define LOADED(row, rule, control_, field_, bits_)                                                                                                   \
    {                                                                                                                                                \
        .check = VMX_CHECK_GUEST_##row, .holds_for = (rule), .word = VMX_WORD_ENTRY, .control = VMX_ENTRYCTL_##control_,                             \
        .field = VMCS_GUEST_##field_, .bits = (bits_)                                                                                                \
    }
#define FRED(name, rule, low_bits) LOADED(FRED_##name, rule, LOAD_FRED, IA32_FRED_##name, low_bits)

static const struct check_rule guest_control_rules[] = {
    {.check = VMX_CHECK_GUEST_CR0_FIXED0, .holds = cr0_fixed_to_1},
    {.check = VMX_CHECK_GUEST_CR0_FIXED1, .holds = cr0_fixed_to_0},
    {.check = VMX_CHECK_GUEST_CR0_PG_PE, .holds = paging_needs_protection},
    {.check = VMX_CHECK_GUEST_CR4_FIXED0, .holds = cr4_fixed_to_1},
    {.check = VMX_CHECK_GUEST_CR4_FIXED1, .holds = cr4_fixed_to_0},
    {.check = VMX_CHECK_GUEST_CR4_CET_WP, .holds = cet_needs_wp},
    {.check = VMX_CHECK_GUEST_DEBUGCTL, .holds = debugctl_reserved},
    {.check = VMX_CHECK_GUEST_IA32E_PG, .holds = ia32e_needs_paging},
    {.check = VMX_CHECK_GUEST_IA32E_PAE, .holds = ia32e_needs_pae},
    {.check = VMX_CHECK_GUEST_CR4_PCIDE, .holds = pcide_needs_ia32e},
    {.check = VMX_CHECK_GUEST_CR4_FRED, .holds = fred_needs_ia32e},
    {.check = VMX_CHECK_GUEST_CR3_WIDTH, .holds = cr3_width},
    LOADED(DR7_HIGH, check_bits_clear, LOAD_DEBUG_CONTROLS, DR7, CHECK_HIGH_HALF),
    {.check = VMX_CHECK_GUEST_SYSENTER_ESP, .holds_for = check_canonical, .field = VMCS_GUEST_SYSENTER_ESP},
    {.check = VMX_CHECK_GUEST_SYSENTER_EIP, .holds_for = check_canonical, .field = VMCS_GUEST_SYSENTER_EIP},
    {.check = VMX_CHECK_GUEST_S_CET_CANONICAL, .holds = s_cet_canonical},
    LOADED(S_CET_RESERVED, check_s_cet_reserved, LOAD_CET, S_CET, 0),
    LOADED(ISST_CANONICAL, check_canonical, LOAD_CET, INTR_SSP_TABLE, 0),
    {.check = VMX_CHECK_GUEST_PERF_GLOBAL_CTRL, .holds = perf_global_ctrl},
    LOADED(PAT, check_memory_types, LOAD_PAT, IA32_PAT, 0),
    {.check = VMX_CHECK_GUEST_EFER_RESERVED, .holds = efer_reserved},
    {.check = VMX_CHECK_GUEST_EFER_LMA, .holds = efer_lma},
    {.check = VMX_CHECK_GUEST_EFER_LME, .holds = efer_lme},
    LOADED(BNDCFGS_RESERVED, check_bits_clear, LOAD_BNDCFGS, BNDCFGS, 0xffc),
    {.check = VMX_CHECK_GUEST_BNDCFGS_CANONICAL, .holds = bndcfgs_canonical},
    LOADED(RTIT_CTL, check_bits_clear, LOAD_RTIT_CTL, IA32_RTIT_CTL, RTIT_CTL_RESERVED),
    LOADED(LBR_CTL, check_bits_clear, LOAD_LBR_CTL, IA32_LBR_CTL, LBR_CTL_RESERVED),
    LOADED(PKRS, check_bits_clear, LOAD_PKRS, IA32_PKRS, CHECK_HIGH_HALF),
    LOADED(UINV, check_bits_clear, LOAD_UINV, UINV, 0xff00),
    {.check = VMX_CHECK_GUEST_SPEC_CTRL, .holds = spec_ctrl},
    FRED(CONFIG, check_fred_config, 0),
    FRED(RSP1, check_canonical, 0x3f),
    FRED(RSP2, check_canonical, 0x3f),
    FRED(RSP3, check_canonical, 0x3f),
    FRED(SSP1, check_canonical, 7),
    FRED(SSP2, check_canonical, 7),
    FRED(SSP3, check_canonical, 7),
};
const struct check_table vmx_guest_control_rules = CHECK_TABLE(guest_control_rules);
