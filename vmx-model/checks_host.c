/* SPDX-License-Identifier: MIT */
/* Checks on the host-state area. SDM 3C, "Checks on Host Control Registers, MSRs, and SSP", "Checks on Host Segment and Descriptor-Table
   Registers", "Checks Related to Address-Space Size". */
#include "checks_internal.h"

static bool exit_control(const struct check_env *e, uint64_t control)
{
    return check_enabled(e, VMX_WORD_EXIT, control);
}

static bool host_is_64bit(const struct check_env *e)
{
    return exit_control(e, VMX_EXITCTL_HOST_ADDR_SPACE_SIZE);
}

/* IA32_EFER.LMA of the processor that executes the entry; native root software is 64-bit code. */
static bool lma_at_entry(const struct check_env *e)
{
    return e->native || (e->cpu->state.efer & VMX_EFER_LMA) != 0;
}

static bool cr0_fixed_to_1(const struct check_env *e)
{
    return (~check_field(e, VMCS_HOST_CR0) & e->caps->cr0_fixed0 & ~CHECK_CR0_FREE) == 0;
}

static bool cr0_fixed_to_0(const struct check_env *e)
{
    return (check_field(e, VMCS_HOST_CR0) & ~e->caps->cr0_fixed1 & ~CHECK_CR0_FREE) == 0;
}

static bool cr4_fixed_to_1(const struct check_env *e)
{
    return (~check_field(e, VMCS_HOST_CR4) & e->caps->cr4_fixed0) == 0;
}

static bool cr4_fixed_to_0(const struct check_env *e)
{
    return (check_field(e, VMCS_HOST_CR4) & ~e->caps->cr4_fixed1) == 0;
}

static bool cet_needs_wp(const struct check_env *e)
{
    return (check_field(e, VMCS_HOST_CR4) & VMX_CR4_CET) == 0 || (check_field(e, VMCS_HOST_CR0) & VMX_CR0_WP) != 0;
}

static bool cr3_width(const struct check_env *e)
{
    return check_cr3(e, check_field(e, VMCS_HOST_CR3));
}

static bool perf_global_ctrl(const struct check_env *e)
{
    return !exit_control(e, VMX_EXITCTL_LOAD_PERF_GLOBAL_CTRL) ||
           (check_field(e, VMCS_HOST_IA32_PERF_GLOBAL_CTRL) & ~e->caps->perf_global_valid) == 0;
}

static bool efer_reserved(const struct check_env *e)
{
    return !exit_control(e, VMX_EXITCTL_LOAD_EFER) || (check_field(e, VMCS_HOST_IA32_EFER) & ~e->caps->efer_valid) == 0;
}

static bool efer_lma(const struct check_env *e)
{
    return !exit_control(e, VMX_EXITCTL_LOAD_EFER) || ((check_field(e, VMCS_HOST_IA32_EFER) & VMX_EFER_LMA) != 0) == host_is_64bit(e);
}

static bool efer_lme(const struct check_env *e)
{
    return !exit_control(e, VMX_EXITCTL_LOAD_EFER) || ((check_field(e, VMCS_HOST_IA32_EFER) & VMX_EFER_LME) != 0) == host_is_64bit(e);
}

/* An address that "load CET state" loads: canonical, and of 32 bits for a 32-bit host. */
static bool cet_address(const struct check_env *e, const struct check_rule *r)
{
    const uint64_t value = check_field(e, r->field);
    return !check_applies(e, r) || (check_canonical_address(e, value) && (host_is_64bit(e) || value >> 32 == 0));
}

static bool spec_ctrl(const struct check_env *e)
{
    return !check_enabled(e, VMX_WORD_EXIT2, VMX_EXITCTL2_LOAD_SPEC_CTRL) ||
           (check_field(e, VMCS_HOST_IA32_SPEC_CTRL) & ~e->caps->spec_ctrl_valid) == 0;
}

static bool ss_not_null(const struct check_env *e)
{
    return host_is_64bit(e) || check_field(e, VMCS_HOST_SS_SELECTOR) != 0;
}

static bool lma0_guest(const struct check_env *e)
{
    return lma_at_entry(e) || !e->ia32e;
}

static bool lma0_host(const struct check_env *e)
{
    return lma_at_entry(e) || !host_is_64bit(e);
}

static bool lma1_host(const struct check_env *e)
{
    return !lma_at_entry(e) || host_is_64bit(e);
}

static bool guest_needs_64bit_host(const struct check_env *e)
{
    return host_is_64bit(e) || !e->ia32e;
}

static bool pcide_32bit(const struct check_env *e)
{
    return host_is_64bit(e) || (check_field(e, VMCS_HOST_CR4) & VMX_CR4_PCIDE) == 0;
}

static bool rip_32bit(const struct check_env *e)
{
    return host_is_64bit(e) || check_field(e, VMCS_HOST_RIP) >> 32 == 0;
}

static bool pae_64bit(const struct check_env *e)
{
    return !host_is_64bit(e) || (check_field(e, VMCS_HOST_CR4) & VMX_CR4_PAE) != 0;
}

static bool rip_64bit(const struct check_env *e)
{
    return !host_is_64bit(e) || check_canonical_address(e, check_field(e, VMCS_HOST_RIP));
}

static bool fred_32bit(const struct check_env *e)
{
    return host_is_64bit(e) || (check_field(e, VMCS_HOST_CR4) & VMX_CR4_FRED) == 0;
}

static bool no_64bit_without_intel64(const struct check_env *e)
{
    const bool intel64 = (e->caps->efer_valid & VMX_EFER_LME) != 0;
    return intel64 || (!e->ia32e && !host_is_64bit(e));
}

#define CET(row, rule, field_)                                                                                                                       \
    {                                                                                                                                                \
        .check = VMX_CHECK_HOST_##row, .holds_for = (rule), .word = VMX_WORD_EXIT, .control = VMX_EXITCTL_LOAD_CET, .field = VMCS_HOST_##field_      \
    }
#define FRED(name, rule, low_bits)                                                                                                                   \
    {                                                                                                                                                \
        .check = VMX_CHECK_HOST_FRED_##name, .holds_for = (rule), .word = VMX_WORD_EXIT2, .control = VMX_EXITCTL2_LOAD_FRED,                         \
        .field = VMCS_HOST_IA32_FRED_##name, .bits = (low_bits)                                                                                      \
    }
#define SELECTOR(name)                                                                                                                               \
    {.check = VMX_CHECK_HOST_##name##_SEL_RPL, .holds_for = check_bits_clear, .field = VMCS_HOST_##name##_SELECTOR, .bits = 3},                      \
    {                                                                                                                                                \
        .check = VMX_CHECK_HOST_##name##_SEL_TI, .holds_for = check_bits_clear, .field = VMCS_HOST_##name##_SELECTOR, .bits = 4                      \
    }
#define CANONICAL(row, field_)                                                                                                                       \
    {                                                                                                                                                \
        .check = VMX_CHECK_HOST_##row, .holds_for = check_canonical, .field = VMCS_HOST_##field_                                                     \
    }

static const struct check_rule host_rules[] = {
    {.check = VMX_CHECK_HOST_CR0_FIXED0, .holds = cr0_fixed_to_1},
    {.check = VMX_CHECK_HOST_CR0_FIXED1, .holds = cr0_fixed_to_0},
    {.check = VMX_CHECK_HOST_CR4_FIXED0, .holds = cr4_fixed_to_1},
    {.check = VMX_CHECK_HOST_CR4_FIXED1, .holds = cr4_fixed_to_0},
    {.check = VMX_CHECK_HOST_CR4_CET_WP, .holds = cet_needs_wp},
    {.check = VMX_CHECK_HOST_CR3_WIDTH, .holds = cr3_width},
    CANONICAL(SYSENTER_ESP, IA32_SYSENTER_ESP),
    CANONICAL(SYSENTER_EIP, IA32_SYSENTER_EIP),
    {.check = VMX_CHECK_HOST_PERF_GLOBAL_CTRL, .holds = perf_global_ctrl},
    {.check = VMX_CHECK_HOST_PAT,
     .holds_for = check_memory_types,
     .word = VMX_WORD_EXIT,
     .control = VMX_EXITCTL_LOAD_PAT,
     .field = VMCS_HOST_IA32_PAT},
    {.check = VMX_CHECK_HOST_EFER_RESERVED, .holds = efer_reserved},
    {.check = VMX_CHECK_HOST_EFER_LMA, .holds = efer_lma},
    {.check = VMX_CHECK_HOST_EFER_LME, .holds = efer_lme},
    CET(S_CET_CANONICAL, cet_address, S_CET),
    CET(S_CET_RESERVED, check_s_cet_reserved, S_CET),
    {.check = VMX_CHECK_HOST_SSP_ALIGN,
     .holds_for = check_bits_clear,
     .word = VMX_WORD_EXIT,
     .control = VMX_EXITCTL_LOAD_CET,
     .field = VMCS_HOST_SSP,
     .bits = 3},
    CET(SSP_CANONICAL, cet_address, SSP),
    CET(ISST_CANONICAL, check_canonical, INTR_SSP_TABLE),
    {.check = VMX_CHECK_HOST_PKRS,
     .holds_for = check_bits_clear,
     .word = VMX_WORD_EXIT,
     .control = VMX_EXITCTL_LOAD_PKRS,
     .field = VMCS_HOST_IA32_PKRS,
     .bits = CHECK_HIGH_HALF},
    {.check = VMX_CHECK_HOST_SPEC_CTRL, .holds = spec_ctrl},
    FRED(CONFIG, check_fred_config, 0),
    FRED(RSP1, check_canonical, 0x3f),
    FRED(RSP2, check_canonical, 0x3f),
    FRED(RSP3, check_canonical, 0x3f),
    FRED(SSP1, check_canonical, 7),
    FRED(SSP2, check_canonical, 7),
    FRED(SSP3, check_canonical, 7),
    SELECTOR(ES),
    SELECTOR(CS),
    SELECTOR(SS),
    SELECTOR(DS),
    SELECTOR(FS),
    SELECTOR(GS),
    SELECTOR(TR),
    {.check = VMX_CHECK_HOST_CS_NOT_NULL, .holds_for = check_not_zero, .field = VMCS_HOST_CS_SELECTOR},
    {.check = VMX_CHECK_HOST_TR_NOT_NULL, .holds_for = check_not_zero, .field = VMCS_HOST_TR_SELECTOR},
    {.check = VMX_CHECK_HOST_SS_NOT_NULL32, .holds = ss_not_null},
    CANONICAL(FS_BASE_CANONICAL, FS_BASE),
    CANONICAL(GS_BASE_CANONICAL, GS_BASE),
    CANONICAL(GDTR_BASE_CANONICAL, GDTR_BASE),
    CANONICAL(IDTR_BASE_CANONICAL, IDTR_BASE),
    CANONICAL(TR_BASE_CANONICAL, TR_BASE),
    {.check = VMX_CHECK_HOST_ASIZE_LMA0_GUEST, .holds = lma0_guest},
    {.check = VMX_CHECK_HOST_ASIZE_LMA0_HOST, .holds = lma0_host},
    {.check = VMX_CHECK_HOST_ASIZE_LMA1_HOST, .holds = lma1_host},
    {.check = VMX_CHECK_HOST_ASIZE_32_GUEST, .holds = guest_needs_64bit_host},
    {.check = VMX_CHECK_HOST_ASIZE_32_PCIDE, .holds = pcide_32bit},
    {.check = VMX_CHECK_HOST_ASIZE_32_RIP, .holds = rip_32bit},
    {.check = VMX_CHECK_HOST_ASIZE_64_PAE, .holds = pae_64bit},
    {.check = VMX_CHECK_HOST_ASIZE_64_RIP, .holds = rip_64bit},
    {.check = VMX_CHECK_HOST_ASIZE_32_FRED, .holds = fred_32bit},
    {.check = VMX_CHECK_HOST_ASIZE_NO64, .holds = no_64bit_without_intel64},
};
const struct check_table vmx_host_rules = CHECK_TABLE(host_rules);
