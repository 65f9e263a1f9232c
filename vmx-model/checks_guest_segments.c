/* SPDX-License-Identifier: MIT */
/* Checks on guest segment registers and descriptor-table registers.
   SDM 3C, "Checks on Guest Segment Registers", "Checks on Guest Descriptor-Table Registers". */
#include "checks_internal.h"

/* The fields of one kind stand in the order of enum vmx_segment_name. */
_Static_assert((int)VMCS_GUEST_TR_SELECTOR - (int)VMCS_GUEST_ES_SELECTOR == VMX_TR, "selectors in order");
_Static_assert((int)VMCS_GUEST_TR_LIMIT - (int)VMCS_GUEST_ES_LIMIT == VMX_TR, "limits in order");
_Static_assert((int)VMCS_GUEST_TR_AR_BYTES - (int)VMCS_GUEST_ES_AR_BYTES == VMX_TR, "access rights in order");
_Static_assert((int)VMCS_GUEST_TR_BASE - (int)VMCS_GUEST_ES_BASE == VMX_TR, "bases in order");

static uint32_t selector(const struct check_env *e, unsigned segment)
{
    return (uint32_t)check_field(e, VMCS_GUEST_ES_SELECTOR + segment);
}

static uint32_t rpl(const struct check_env *e, unsigned segment)
{
    return selector(e, segment) & 3u;
}

static uint32_t limit(const struct check_env *e, unsigned segment)
{
    return (uint32_t)check_field(e, VMCS_GUEST_ES_LIMIT + segment);
}

static uint32_t rights(const struct check_env *e, unsigned segment)
{
    return (uint32_t)check_field(e, VMCS_GUEST_ES_AR_BYTES + segment);
}

static uint32_t type_of(const struct check_env *e, unsigned segment)
{
    return rights(e, segment) & VMX_AR_TYPE;
}

static uint64_t base(const struct check_env *e, unsigned segment)
{
    return check_field(e, VMCS_GUEST_ES_BASE + segment);
}

static bool usable(const struct check_env *e, unsigned segment)
{
    return (rights(e, segment) & VMX_AR_UNUSABLE) == 0;
}

/* Are the rules on access rights skipped? Those of CS and TR apply whether usable or not; those of the others do not apply in unusable registers;
   in virtual-8086 mode only LDTR and TR have them. */
static bool rights_free(const struct check_env *e, unsigned segment)
{
    if (segment == VMX_TR)
        return false;
    if (segment == VMX_LDTR)
        return !usable(e, segment);
    return e->v86 || (segment != VMX_CS && !usable(e, segment));
}

static bool table_selector_in_gdt(const struct check_env *e, const struct check_rule *r)
{
    return (r->segment == VMX_LDTR && !usable(e, VMX_LDTR)) || (selector(e, r->segment) & 4u) == 0;
}

static bool ss_rpl_is_cs_rpl(const struct check_env *e)
{
    return e->v86 || e->unrestricted || rpl(e, VMX_SS) == rpl(e, VMX_CS);
}

static bool v86_base(const struct check_env *e, const struct check_rule *r)
{
    return !e->v86 || base(e, r->segment) == (uint64_t)selector(e, r->segment) << 4;
}

static bool v86_limit(const struct check_env *e, const struct check_rule *r)
{
    return !e->v86 || limit(e, r->segment) == 0xffff;
}

static bool v86_rights(const struct check_env *e, const struct check_rule *r)
{
    return !e->v86 || rights(e, r->segment) == 0xf3;
}

static bool ldtr_base_canonical(const struct check_env *e)
{
    return !usable(e, VMX_LDTR) || check_canonical_address(e, base(e, VMX_LDTR));
}

static bool base_high_clear(const struct check_env *e, const struct check_rule *r)
{
    return (r->segment != VMX_CS && !usable(e, r->segment)) || base(e, r->segment) >> 32 == 0;
}

static bool cs_type(const struct check_env *e)
{
    const uint32_t type = type_of(e, VMX_CS);
    return e->v86 || (type & 9u) == 9u || (type == 3 && e->unrestricted);
}

static bool ss_type(const struct check_env *e)
{
    const uint32_t type = type_of(e, VMX_SS);
    return rights_free(e, VMX_SS) || type == 3 || type == 7;
}

static bool data_accessed(const struct check_env *e, const struct check_rule *r)
{
    return rights_free(e, r->segment) || (type_of(e, r->segment) & 1u) != 0;
}

static bool code_readable(const struct check_env *e, const struct check_rule *r)
{
    return rights_free(e, r->segment) || (type_of(e, r->segment) & 8u) == 0 || (type_of(e, r->segment) & 2u) != 0;
}

/* The S flag is 1 for code and data, 0 for LDTR and TR. */
static bool descriptor_kind(const struct check_env *e, const struct check_rule *r)
{
    const bool system = r->segment == VMX_LDTR || r->segment == VMX_TR;
    return rights_free(e, r->segment) || ((rights(e, r->segment) & VMX_AR_S) == 0) == system;
}

static bool cs_dpl_of_data(const struct check_env *e)
{
    return e->v86 || type_of(e, VMX_CS) != 3 || check_dpl(rights(e, VMX_CS)) == 0;
}

static bool cs_dpl_nonconforming(const struct check_env *e)
{
    const uint32_t type = type_of(e, VMX_CS);
    return e->v86 || (type != 9 && type != 11) || check_dpl(rights(e, VMX_CS)) == e->ss_dpl;
}

static bool cs_dpl_conforming(const struct check_env *e)
{
    const uint32_t type = type_of(e, VMX_CS);
    return e->v86 || (type != 13 && type != 15) || check_dpl(rights(e, VMX_CS)) <= e->ss_dpl;
}

static bool ss_dpl_is_rpl(const struct check_env *e)
{
    return e->v86 || e->unrestricted || e->ss_dpl == rpl(e, VMX_SS);
}

static bool ss_dpl_zero(const struct check_env *e)
{
    return e->v86 || (type_of(e, VMX_CS) != 3 && (e->cr0 & VMX_CR0_PE) != 0) || e->ss_dpl == 0;
}

static bool data_dpl(const struct check_env *e, const struct check_rule *r)
{
    return rights_free(e, r->segment) || e->unrestricted || type_of(e, r->segment) > 11 || check_dpl(rights(e, r->segment)) >= rpl(e, r->segment);
}

static bool present(const struct check_env *e, const struct check_rule *r)
{
    return rights_free(e, r->segment) || (rights(e, r->segment) & VMX_AR_P) != 0;
}

static bool rights_clear(const struct check_env *e, const struct check_rule *r)
{
    return rights_free(e, r->segment) || (rights(e, r->segment) & r->bits) == 0;
}

static bool cs_not_64bit_and_32bit(const struct check_env *e)
{
    return e->v86 || !e->ia32e || (rights(e, VMX_CS) & (VMX_AR_L | VMX_AR_DB)) != (VMX_AR_L | VMX_AR_DB);
}

static bool granularity_small(const struct check_env *e, const struct check_rule *r)
{
    return rights_free(e, r->segment) || (limit(e, r->segment) & 0xfff) == 0xfff || (rights(e, r->segment) & VMX_AR_G) == 0;
}

static bool granularity_large(const struct check_env *e, const struct check_rule *r)
{
    return rights_free(e, r->segment) || limit(e, r->segment) >> 20 == 0 || (rights(e, r->segment) & VMX_AR_G) != 0;
}

static bool tr_type_legacy(const struct check_env *e)
{
    return e->ia32e || (type_of(e, VMX_TR) & 7u) == 3;
}

static bool tr_type_ia32e(const struct check_env *e)
{
    return !e->ia32e || type_of(e, VMX_TR) == 11;
}

static bool tr_usable(const struct check_env *e)
{
    return usable(e, VMX_TR);
}

static bool ldtr_type(const struct check_env *e)
{
    return !usable(e, VMX_LDTR) || type_of(e, VMX_LDTR) == 2;
}

static bool fred_ss_dpl(const struct check_env *e)
{
    return !e->fred || e->ss_dpl == 0 || e->ss_dpl == 3;
}

static bool fred_cpl0_is_64bit(const struct check_env *e)
{
    return !e->fred || e->ss_dpl != 0 || (rights(e, VMX_CS) & VMX_AR_L) != 0;
}

static bool fred_iopl(const struct check_env *e)
{
    return !e->fred || e->ss_dpl != 3 || (e->rflags & VMX_RFLAGS_IOPL) == 0;
}

#define ROW(row) .check = VMX_CHECK_GUEST_##row
#define OF(name, row, rule)                                                                                                                          \
    {                                                                                                                                                \
        ROW(name##_##row), .holds_for = (rule), .segment = VMX_##name                                                                                \
    }
#define CLEAR(name, row, bits_)                                                                                                                      \
    {                                                                                                                                                \
        ROW(name##_AR_##row), .holds_for = rights_clear, .segment = VMX_##name, .bits = (bits_)                                                      \
    }
#define CANONICAL(name)                                                                                                                              \
    {                                                                                                                                                \
        ROW(name##_BASE_CANONICAL), .holds_for = check_canonical, .field = VMCS_GUEST_##name##_BASE                                                  \
    }
#define EACH(row, rule) OF(CS, row, rule), OF(SS, row, rule), OF(DS, row, rule), OF(ES, row, rule), OF(FS, row, rule), OF(GS, row, rule)
#define EACH_CLEAR(row, bits)                                                                                                                        \
    CLEAR(CS, row, bits), CLEAR(SS, row, bits), CLEAR(DS, row, bits), CLEAR(ES, row, bits), CLEAR(FS, row, bits), CLEAR(GS, row, bits)
#define TYPE(name) OF(name, AR_TYPE_ACCESSED, data_accessed), OF(name, AR_TYPE_READABLE, code_readable)
#define GRANULARITY(name) OF(name, AR_G_LOW, granularity_small), OF(name, AR_G_HIGH, granularity_large)

static const struct check_rule guest_segment_rules[] = {
    OF(TR, SEL_TI, table_selector_in_gdt),
    OF(LDTR, SEL_TI, table_selector_in_gdt),
    {ROW(SS_SEL_RPL), .holds = ss_rpl_is_cs_rpl},
    EACH(V86_BASE, v86_base),
    CANONICAL(TR),
    CANONICAL(FS),
    CANONICAL(GS),
    {ROW(LDTR_BASE_CANONICAL), .holds = ldtr_base_canonical},
    OF(CS, BASE_HIGH, base_high_clear),
    OF(SS, BASE_HIGH, base_high_clear),
    OF(DS, BASE_HIGH, base_high_clear),
    OF(ES, BASE_HIGH, base_high_clear),
    EACH(V86_LIMIT, v86_limit),
    EACH(V86_AR, v86_rights),
    {ROW(CS_AR_TYPE), .holds = cs_type},
    {ROW(SS_AR_TYPE), .holds = ss_type},
    TYPE(DS),
    TYPE(ES),
    TYPE(FS),
    TYPE(GS),
    EACH(AR_S, descriptor_kind),
    {ROW(CS_AR_DPL_DATA), .holds = cs_dpl_of_data},
    {ROW(CS_AR_DPL_NONCONF), .holds = cs_dpl_nonconforming},
    {ROW(CS_AR_DPL_CONF), .holds = cs_dpl_conforming},
    {ROW(SS_AR_DPL_RPL), .holds = ss_dpl_is_rpl},
    {ROW(SS_AR_DPL_ZERO), .holds = ss_dpl_zero},
    OF(DS, AR_DPL, data_dpl),
    OF(ES, AR_DPL, data_dpl),
    OF(FS, AR_DPL, data_dpl),
    OF(GS, AR_DPL, data_dpl),
    EACH(AR_P, present),
    EACH_CLEAR(RSVD_11_8, CHECK_AR_RESERVED_11_8),
    {ROW(CS_AR_DB), .holds = cs_not_64bit_and_32bit},
    GRANULARITY(CS),
    GRANULARITY(SS),
    GRANULARITY(DS),
    GRANULARITY(ES),
    GRANULARITY(FS),
    GRANULARITY(GS),
    EACH_CLEAR(RSVD_31_17, CHECK_AR_RESERVED_31_17),
    {ROW(TR_AR_TYPE_LEGACY), .holds = tr_type_legacy},
    {ROW(TR_AR_TYPE_IA32E), .holds = tr_type_ia32e},
    OF(TR, AR_S, descriptor_kind),
    OF(TR, AR_P, present),
    CLEAR(TR, RSVD_11_8, CHECK_AR_RESERVED_11_8),
    GRANULARITY(TR),
    {ROW(TR_AR_UNUSABLE), .holds = tr_usable},
    CLEAR(TR, RSVD_31_17, CHECK_AR_RESERVED_31_17),
    {ROW(LDTR_AR_TYPE), .holds = ldtr_type},
    OF(LDTR, AR_S, descriptor_kind),
    OF(LDTR, AR_P, present),
    CLEAR(LDTR, RSVD_11_8, CHECK_AR_RESERVED_11_8),
    GRANULARITY(LDTR),
    CLEAR(LDTR, RSVD_31_17, CHECK_AR_RESERVED_31_17),
    {ROW(FRED_SS_DPL), .holds = fred_ss_dpl},
    {ROW(FRED_CPL0_L), .holds = fred_cpl0_is_64bit},
    {ROW(FRED_IOPL), .holds = fred_iopl},
    CANONICAL(GDTR),
    {ROW(GDTR_LIMIT_HIGH), .holds_for = check_bits_clear, .field = VMCS_GUEST_GDTR_LIMIT, .bits = 0xffff0000},
    CANONICAL(IDTR),
    {ROW(IDTR_LIMIT_HIGH), .holds_for = check_bits_clear, .field = VMCS_GUEST_IDTR_LIMIT, .bits = 0xffff0000},
};
const struct check_table vmx_guest_segment_rules = CHECK_TABLE(guest_segment_rules);
