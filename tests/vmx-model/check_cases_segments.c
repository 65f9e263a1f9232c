/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Cases of the checks on guest segment registers and descriptor-table registers. */
#include "tests/vmx-model/check_cases.h"

#define RIGHTS(name, value) SET(GUEST_##name##_AR_BYTES, value)
#define OR_RIGHTS(name, bits) OR(GUEST_##name##_AR_BYTES, bits)
#define NO_RIGHTS(name, bits) CLEAR(GUEST_##name##_AR_BYTES, bits)
#define UNUSABLE(name) OR_RIGHTS(name, VMX_AR_UNUSABLE)
#define USABLE(name) NO_RIGHTS(name, VMX_AR_UNUSABLE)
#define BASE(name, value) SET(GUEST_##name##_BASE, value)
#define LIMIT(name, value) SET(GUEST_##name##_LIMIT, value)
#define SELECTOR(name, value) SET(GUEST_##name##_SELECTOR, value)

/* Rules of a register in virtual-8086 mode. */
#define V86_RULES(name)                                                                                                                              \
    CASE(GUEST_##name##_V86_BASE, V86, STEPS(SELECTOR(name, 0xffff), BASE(name, 0xffff0)), STEPS(BASE(name, 0xfffff))),                              \
        CASE(GUEST_##name##_V86_LIMIT, V86, NOTHING, STEPS(LIMIT(name, 0xfffff))),                                                                   \
        CASE(GUEST_##name##_V86_AR, V86, NOTHING, STEPS(RIGHTS(name, 0x93)))
/* Access rights of any code or data register of a flat guest. */
#define RIGHTS_RULES(name)                                                                                                                           \
    CASE(GUEST_##name##_AR_S, LONG, NOTHING, STEPS(NO_RIGHTS(name, VMX_AR_S))),                                                                      \
        CASE(GUEST_##name##_AR_P, LONG, NOTHING, STEPS(NO_RIGHTS(name, VMX_AR_P))),                                                                  \
        CASE(GUEST_##name##_AR_RSVD_11_8, LONG, NOTHING, STEPS(OR_RIGHTS(name, 1u << 8))),                                                           \
        CASE(GUEST_##name##_AR_RSVD_11_8, PAE, NOTHING, STEPS(OR_RIGHTS(name, 1u << 11))),                                                           \
        CASE(GUEST_##name##_AR_G_LOW, LONG, STEPS(LIMIT(name, 0x00ffffff)), STEPS(LIMIT(name, 0x00fffffe))),                                         \
        CASE(GUEST_##name##_AR_G_HIGH, LONG, STEPS(LIMIT(name, 0xfffff), NO_RIGHTS(name, VMX_AR_G)), STEPS(LIMIT(name, 0x1fffff))),                  \
        CASE(GUEST_##name##_AR_RSVD_31_17, LONG, NOTHING, STEPS(OR_RIGHTS(name, 1u << 17))),                                                         \
        CASE(GUEST_##name##_AR_RSVD_31_17, PAE, NOTHING, STEPS(OR_RIGHTS(name, UINT32_C(1) << 31)))
/* An unusable register is free of them; SS must keep its DPL. */
#define UNUSABLE_RULES(name)                                                                                                                         \
    CASE(GUEST_##name##_AR_S, LONG, STEPS(RIGHTS(name, VMX_AR_UNUSABLE | 3)), STEPS(RIGHTS(name, 0xc083))),                                          \
        CASE(GUEST_##name##_AR_P, LONG, STEPS(RIGHTS(name, 0x1c013)), STEPS(USABLE(name))),                                                          \
        CASE(GUEST_##name##_AR_RSVD_11_8, LONG, STEPS(RIGHTS(name, 0x1cf93)), STEPS(USABLE(name))),                                                  \
        CASE(GUEST_##name##_AR_G_LOW, LONG, STEPS(LIMIT(name, 0), UNUSABLE(name)), STEPS(USABLE(name))),                                             \
        CASE(GUEST_##name##_AR_RSVD_31_17, LONG, STEPS(RIGHTS(name, 0xfffdc093)), STEPS(USABLE(name)))
#define DATA_RULES(name)                                                                                                                             \
    CASE(GUEST_##name##_AR_TYPE_ACCESSED, LONG, STEPS(RIGHTS(name, 0xc091)), STEPS(RIGHTS(name, 0xc092))),                                           \
        CASE(GUEST_##name##_AR_TYPE_ACCESSED, LONG, STEPS(RIGHTS(name, 0x1c092)), STEPS(USABLE(name))),                                              \
        CASE(GUEST_##name##_AR_TYPE_READABLE, LONG, STEPS(RIGHTS(name, 0xc09b)), STEPS(RIGHTS(name, 0xc099))),                                       \
        CASE(GUEST_##name##_AR_DPL, LONG, STEPS(SELECTOR(name, 0x13), RIGHTS(name, 0xc0f3)), STEPS(RIGHTS(name, 0xc0d3))),                           \
        CASE(GUEST_##name##_AR_DPL, LONG, STEPS(SELECTOR(name, 0x13), RIGHTS(name, 0xc09f)), STEPS(RIGHTS(name, 0xc09b))),                           \
        CASE(GUEST_##name##_AR_DPL, PAE, STEPS(EPT, SECONDARY(VMX_SEC_UNRESTRICTED_GUEST), SELECTOR(name, 0x11)),                                    \
             STEPS(CLEAR(SECONDARY_VM_EXEC_CONTROL, VMX_SEC_UNRESTRICTED_GUEST)))
#define BASE_HIGH(name) CASE(GUEST_##name##_BASE_HIGH, LONG, STEPS(BASE(name, UINT32_MAX)), STEPS(BASE(name, UINT64_C(1) << 32)))
#define BASE_HIGH_USABLE(name)                                                                                                                       \
    BASE_HIGH(name), CASE(GUEST_##name##_BASE_HIGH, LONG, STEPS(BASE(name, UINT64_C(1) << 63), UNUSABLE(name)), STEPS(USABLE(name)))
#define CANONICAL(name) CASE(GUEST_##name##_BASE_CANONICAL, LONG, STEPS(BASE(name, CANONICAL_HIGH)), STEPS(BASE(name, NOT_CANONICAL)))
#define CANONICAL_UNUSABLE(name) CANONICAL(name), CASE(GUEST_##name##_BASE_CANONICAL, LONG, STEPS(UNUSABLE(name)), STEPS(BASE(name, NOT_CANONICAL)))
/* LDTR and TR. */
#define SYSTEM_RULES(name, ...)                                                                                                                      \
    CASE(GUEST_##name##_SEL_TI, LONG, STEPS(__VA_ARGS__), STEPS(SELECTOR(name, 0x1c))),                                                              \
        CASE(GUEST_##name##_AR_S, LONG, STEPS(__VA_ARGS__), STEPS(OR_RIGHTS(name, VMX_AR_S))),                                                       \
        CASE(GUEST_##name##_AR_P, LONG, STEPS(__VA_ARGS__), STEPS(NO_RIGHTS(name, VMX_AR_P))),                                                       \
        CASE(GUEST_##name##_AR_RSVD_11_8, LONG, STEPS(__VA_ARGS__), STEPS(OR_RIGHTS(name, 1u << 9))),                                                \
        CASE(GUEST_##name##_AR_G_LOW, LONG, STEPS(__VA_ARGS__), STEPS(OR_RIGHTS(name, VMX_AR_G))),                                                   \
        CASE(GUEST_##name##_AR_G_HIGH, LONG, STEPS(__VA_ARGS__, LIMIT(name, 0xfffff)), STEPS(LIMIT(name, 0x100fff))),                                \
        CASE(GUEST_##name##_AR_RSVD_31_17, LONG, STEPS(__VA_ARGS__), STEPS(OR_RIGHTS(name, 1u << 20)))
#define LDTR_IN_USE RIGHTS(LDTR, 0x82), LIMIT(LDTR, 0x67)
#define TABLE(name) CANONICAL(name), CASE(GUEST_##name##_LIMIT_HIGH, LONG, STEPS(LIMIT(name, 0)), STEPS(LIMIT(name, 0x10000)))
#define FRED_GUEST OR(GUEST_CR4, VMX_CR4_FRED)
/* 64-bit code at a CPL, by the access rights of CS and SS. */
#define CPL(cpl) SELECTOR(CS, 0x08 | (cpl)), SELECTOR(SS, 0x10 | (cpl)), RIGHTS(CS, 0xa09b | (cpl) << 5), RIGHTS(SS, 0xc093 | (cpl) << 5)
#define UNRESTRICTED EPT, SECONDARY(VMX_SEC_UNRESTRICTED_GUEST)
#define RESTRICTED CLEAR(SECONDARY_VM_EXEC_CONTROL, VMX_SEC_UNRESTRICTED_GUEST)

static const struct check_case cases[] = {
    SYSTEM_RULES(TR, LIMIT(TR, 0x67)),
    SYSTEM_RULES(LDTR, LDTR_IN_USE),
    CASE(GUEST_LDTR_SEL_TI, LONG, STEPS(LDTR_IN_USE, SELECTOR(LDTR, 0x24), UNUSABLE(LDTR)), STEPS(USABLE(LDTR))),
    CASE(GUEST_SS_SEL_RPL, LONG, STEPS(CPL(3)), STEPS(SELECTOR(CS, 0x08))),
    CASE(GUEST_SS_SEL_RPL, PAE, STEPS(UNRESTRICTED, SELECTOR(CS, 0x0b)), STEPS(RESTRICTED)),
    V86_RULES(CS),
    V86_RULES(SS),
    V86_RULES(DS),
    V86_RULES(ES),
    V86_RULES(FS),
    V86_RULES(GS),
    CANONICAL(TR),
    CANONICAL_UNUSABLE(FS),
    CANONICAL_UNUSABLE(GS),
    CASE(GUEST_LDTR_BASE_CANONICAL, LONG, STEPS(LDTR_IN_USE, BASE(LDTR, NOT_CANONICAL), UNUSABLE(LDTR)), STEPS(USABLE(LDTR))),
    BASE_HIGH(CS),
    BASE_HIGH_USABLE(SS),
    BASE_HIGH_USABLE(DS),
    BASE_HIGH_USABLE(ES),
    CASE(GUEST_CS_AR_TYPE, LONG, STEPS(RIGHTS(CS, 0xa099)), STEPS(RIGHTS(CS, 0xa09a))),
    CASE(GUEST_CS_AR_TYPE, LONG, STEPS(RIGHTS(CS, 0xa09d)), STEPS(RIGHTS(CS, 0xa091))),
    CASE(GUEST_CS_AR_TYPE, PAE, STEPS(UNRESTRICTED, RIGHTS(CS, 0xc093)), STEPS(RESTRICTED)),
    CASE(GUEST_SS_AR_TYPE, LONG, STEPS(RIGHTS(SS, 0xc097)), STEPS(RIGHTS(SS, 0xc091))),
    CASE(GUEST_SS_AR_TYPE, LONG, STEPS(RIGHTS(SS, 0x1c09b)), STEPS(USABLE(SS))),
    DATA_RULES(DS),
    DATA_RULES(ES),
    DATA_RULES(FS),
    DATA_RULES(GS),
    RIGHTS_RULES(CS),
    RIGHTS_RULES(SS),
    RIGHTS_RULES(DS),
    RIGHTS_RULES(ES),
    RIGHTS_RULES(FS),
    RIGHTS_RULES(GS),
    UNUSABLE_RULES(SS),
    UNUSABLE_RULES(DS),
    UNUSABLE_RULES(ES),
    UNUSABLE_RULES(FS),
    UNUSABLE_RULES(GS),
    CASE(GUEST_CS_AR_DPL_DATA, REAL, STEPS(RIGHTS(CS, 0x93)), STEPS(RIGHTS(CS, 0xb3))),
    CASE(GUEST_CS_AR_DPL_NONCONF, LONG, STEPS(CPL(3)), STEPS(RIGHTS(CS, 0xa0bb))),
    CASE(GUEST_CS_AR_DPL_NONCONF, LONG, NOTHING, STEPS(RIGHTS(CS, 0xa0f9))),
    CASE(GUEST_CS_AR_DPL_CONF, LONG, STEPS(CPL(1), RIGHTS(CS, 0xa09f)), STEPS(RIGHTS(CS, 0xa0df))),
    CASE(GUEST_SS_AR_DPL_RPL, LONG, STEPS(CPL(3)), STEPS(SELECTOR(CS, 0x0a), SELECTOR(SS, 0x12))),
    CASE(GUEST_SS_AR_DPL_RPL, PAE, STEPS(UNRESTRICTED, SELECTOR(CS, 0x0a), SELECTOR(SS, 0x12)), STEPS(RESTRICTED)),
    CASE(GUEST_SS_AR_DPL_ZERO, REAL, NOTHING, STEPS(RIGHTS(CS, 0xdb), RIGHTS(SS, 0xd3))),
    CASE(GUEST_SS_AR_DPL_ZERO, PAE, STEPS(UNRESTRICTED, RIGHTS(CS, 0xc093)), STEPS(RIGHTS(SS, 0xc0b3))),
    CASE(GUEST_CS_AR_DB, LONG, STEPS(RIGHTS(CS, 0xc09b)), STEPS(RIGHTS(CS, 0xe09b))),
    CASE(GUEST_TR_AR_TYPE_LEGACY, PAE, STEPS(RIGHTS(TR, 0x83)), STEPS(RIGHTS(TR, 0x89))),
    CASE(GUEST_TR_AR_TYPE_LEGACY, PAE, STEPS(RIGHTS(TR, 0x8b)), STEPS(RIGHTS(TR, 0x87))),
    CASE(GUEST_TR_AR_TYPE_IA32E, LONG, NOTHING, STEPS(RIGHTS(TR, 0x83))),
    CASE(GUEST_TR_AR_UNUSABLE, LONG, NOTHING, STEPS(UNUSABLE(TR))),
    CASE(GUEST_LDTR_AR_TYPE, LONG, STEPS(LDTR_IN_USE), STEPS(RIGHTS(LDTR, 0x83))),
    CASE(GUEST_FRED_SS_DPL, LONG, STEPS(FRED_GUEST, CPL(3)), STEPS(CPL(1))),
    CASE(GUEST_FRED_CPL0_L, LONG, STEPS(FRED_GUEST), STEPS(NO_RIGHTS(CS, VMX_AR_L))),
    CASE(GUEST_FRED_IOPL, LONG, STEPS(FRED_GUEST, CPL(3)), STEPS(OR(GUEST_RFLAGS, 1u << 12))),
    CASE(GUEST_FRED_IOPL, LONG, STEPS(FRED_GUEST, OR(GUEST_RFLAGS, 3u << 12)), STEPS(CPL(3))),
    TABLE(GDTR),
    TABLE(IDTR),
};
const struct check_cases guest_segment_cases = CASES(cases);
