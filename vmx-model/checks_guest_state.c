/* SPDX-License-Identifier: MIT */
/* Checks on guest RIP, RFLAGS and SSP, on the VMCS link pointer and on PDPTEs. SDM 3C, "Checks on Guest RIP, RFLAGS, and SSP", "Checks on Guest
   Non-Register State", "Checks on Guest Page-Directory-Pointer-Table Entries". */
#include "checks_internal.h"

static bool entry_control(const struct check_env *e, uint64_t control)
{
    return check_enabled(e, VMX_WORD_ENTRY, control);
}

static bool guest_in_64bit_mode(const struct check_env *e)
{
    return e->ia32e && (check_field(e, VMCS_GUEST_CS_AR_BYTES) & VMX_AR_L) != 0;
}

static bool rip_high(const struct check_env *e)
{
    return guest_in_64bit_mode(e) || check_field(e, VMCS_GUEST_RIP) >> 32 == 0;
}

/* Not as strict as canonical: bit N - 1 may differ from those above. */
static bool rip_width(const struct check_env *e)
{
    return !guest_in_64bit_mode(e) || check_sign_extended(check_field(e, VMCS_GUEST_RIP), e->caps->linear_bits);
}

static bool rflags_reserved(const struct check_env *e)
{
    return (e->rflags & ~VMX_RFLAGS_DEFINED) == 0;
}

static bool rflags_fixed(const struct check_env *e)
{
    return (e->rflags & VMX_RFLAGS_FIXED_1) != 0;
}

static bool vm_outside_ia32e(const struct check_env *e)
{
    return !e->ia32e || !e->v86;
}

static bool vm_in_protected_mode(const struct check_env *e)
{
    return (e->cr0 & VMX_CR0_PE) != 0 || !e->v86;
}

static bool if_for_interrupt(const struct check_env *e)
{
    return !check_injects(e, VMX_EVENT_EXTERNAL_INTERRUPT) || (e->rflags & VMX_RFLAGS_IF) != 0;
}

static bool ssp_aligned(const struct check_env *e)
{
    return !entry_control(e, VMX_ENTRYCTL_LOAD_CET) || (check_field(e, VMCS_GUEST_SSP) & 3) == 0;
}

static bool ssp_high(const struct check_env *e)
{
    return !entry_control(e, VMX_ENTRYCTL_LOAD_CET) || e->ia32e || check_field(e, VMCS_GUEST_SSP) >> 32 == 0;
}

static bool ssp_width(const struct check_env *e)
{
    return !entry_control(e, VMX_ENTRYCTL_LOAD_CET) || check_sign_extended(check_field(e, VMCS_GUEST_SSP), e->caps->linear_bits);
}

static const struct check_rule guest_rip_rules[] = {
    {.check = VMX_CHECK_GUEST_RIP_HIGH, .holds = rip_high},
    {.check = VMX_CHECK_GUEST_RIP_WIDTH, .holds = rip_width},
    {.check = VMX_CHECK_GUEST_RFLAGS_RSVD0, .holds = rflags_reserved},
    {.check = VMX_CHECK_GUEST_RFLAGS_RSVD1, .holds = rflags_fixed},
    {.check = VMX_CHECK_GUEST_RFLAGS_VM_IA32E, .holds = vm_outside_ia32e},
    {.check = VMX_CHECK_GUEST_RFLAGS_VM_REAL, .holds = vm_in_protected_mode},
    {.check = VMX_CHECK_GUEST_RFLAGS_IF_INJ, .holds = if_for_interrupt},
    {.check = VMX_CHECK_GUEST_SSP_ALIGN, .holds = ssp_aligned},
    {.check = VMX_CHECK_GUEST_SSP_HIGH, .holds = ssp_high},
    {.check = VMX_CHECK_GUEST_SSP_CANONICAL, .holds = ssp_width},
};
const struct check_table vmx_guest_rip_rules = CHECK_TABLE(guest_rip_rules);

static uint64_t link_pointer(const struct check_env *e)
{
    return check_field(e, VMCS_VMCS_LINK_POINTER);
}

static bool link_absent(const struct check_env *e)
{
    return link_pointer(e) == UINT64_MAX;
}

static bool link_aligned(const struct check_env *e)
{
    return link_absent(e) || (link_pointer(e) & 0xfff) == 0;
}

static bool link_width(const struct check_env *e)
{
    return link_absent(e) || link_pointer(e) >> e->address_bits == 0;
}

static bool link_revision(const struct check_env *e)
{
    return link_absent(e) || (check_read32(e, link_pointer(e)) & UINT32_C(0x7fffffff)) == check_revision(e);
}

static bool link_shadow_bit(const struct check_env *e)
{
    return link_absent(e) || (check_read32(e, link_pointer(e)) >> 31 != 0) == check_enabled(e, VMX_WORD_SECONDARY, VMX_SEC_VMCS_SHADOWING);
}

static bool enters_from_outside_smm(const struct check_env *e)
{
    return !e->cpu->smm || entry_control(e, VMX_ENTRYCTL_TO_SMM);
}

static bool link_not_current(const struct check_env *e)
{
    return link_absent(e) || !enters_from_outside_smm(e) || link_pointer(e) != e->cpu->current_vmcs;
}

static bool link_not_executive(const struct check_env *e)
{
    return link_absent(e) || enters_from_outside_smm(e) || link_pointer(e) != check_field(e, VMCS_EXECUTIVE_VMCS_POINTER);
}

static bool pdpte(const struct check_env *e, const struct check_rule *r)
{
    enum { PDPTE_P = 1u << 0, PDPTE_RESERVED = 0xfu << 5 | 3u << 1 };
    if ((e->cr0 & VMX_CR0_PG) == 0 || (e->cr4 & VMX_CR4_PAE) == 0 || e->ia32e)
        return true;
    const hpa_t table = check_field(e, VMCS_GUEST_CR3) & UINT64_C(0xffffffe0);
    const uint64_t entry = e->ept ? check_field(e, r->field) : check_read64(e, table + 8u * r->segment);
    return (entry & PDPTE_P) == 0 || ((entry & PDPTE_RESERVED) == 0 && entry >> e->physical_bits == 0);
}

#define PDPTE(n)                                                                                                                                     \
    {                                                                                                                                                \
        .check = VMX_CHECK_GUEST_PDPTE##n##_RESERVED, .holds_for = pdpte, .field = VMCS_GUEST_PDPTR##n, .segment = (n)                               \
    }

static const struct check_rule guest_link_rules[] = {
    {.check = VMX_CHECK_GUEST_LINK_ALIGN, .holds = link_aligned},
    {.check = VMX_CHECK_GUEST_LINK_WIDTH, .holds = link_width},
    {.check = VMX_CHECK_GUEST_LINK_REVISION, .holds = link_revision},
    {.check = VMX_CHECK_GUEST_LINK_SHADOW_BIT, .holds = link_shadow_bit},
    {.check = VMX_CHECK_GUEST_LINK_NOT_CURRENT, .holds = link_not_current},
    {.check = VMX_CHECK_GUEST_LINK_NOT_EXECUTIVE, .holds = link_not_executive},
    PDPTE(0),
    PDPTE(1),
    PDPTE(2),
    PDPTE(3),
};
const struct check_table vmx_guest_link_rules = CHECK_TABLE(guest_link_rules);
