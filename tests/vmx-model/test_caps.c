/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The capabilities of every profile hold together; those of the Bochs profiles are what Bochs 2.7 answers. */
#include <stdio.h>
#include <string.h>

#include "tests/support/suite.h"
#include "vmx-model/caps.h"
#include "vmx-model/controls.h"
#include "vmx-model/cpu.h"
#include "vmx-model/cpuid_bits.h"
#include "vmx-model/transition.h"

static uint64_t msr(const struct vmx_caps *caps, uint32_t index)
{
    uint64_t value = UINT64_C(0xbadbadbad);
    CU_ASSERT_TRUE(vmx_capability_msr(caps, index, &value));
    return value;
}

static void profiles_are_found_by_name(void)
{
    static const char *const names[] = {"nehalem", "haswell", "skylake-sp", "icelake-sp", "sapphire-rapids", "bochs-skylake-x", "bochs-tigerlake"};
    CU_ASSERT_EQUAL(vmx_profile_count, sizeof names / sizeof names[0]);
    for (unsigned i = 0; i < vmx_profile_count; i++) {
        CU_ASSERT(vmx_profile(names[i]) == &vmx_profiles[i]);
        CU_ASSERT(strlen(vmx_profiles[i].description) < 48); /* it is the brand string */
    }
    CU_ASSERT_PTR_NOT_NULL(vmx_profile("Skylake-SP"));
    CU_ASSERT_PTR_EQUAL(vmx_profile("skylake"), vmx_profile("skylake-sp"));
    CU_ASSERT_PTR_NULL(vmx_profile("sky"));
    CU_ASSERT_PTR_NULL(vmx_profile("bochs")); /* there are two */
    CU_ASSERT_STRING_EQUAL(vmx_default_profile()->name, "skylake-sp");
}

static void bochs_profiles_equal_bochs(void)
{
    static const struct {
        uint32_t index;
        uint64_t skylake_x, tigerlake;
    } dump[] = {
        {0x480, 0x00d810000000002b, 0x01d8100000000004}, {0x481, 0x0000007f00000016, 0x0000007f00000016},
        {0x482, 0xf7f9fffe0401e172, 0xfff9fffe0401e172}, {0x483, 0x007fffff00036dff, 0x107fffff00036dff},
        {0x484, 0x0000ffff000011ff, 0x0010ffff000011ff}, {0x485, 0x00000000600401e0, 0x00000000600401e0},
        {0x486, 0x0000000080000021, 0x0000000080000021}, {0x487, 0x00000000ffffffff, 0x00000000ffffffff},
        {0x488, 0x0000000000002000, 0x0000000000002000}, {0x489, 0x00000000003727ff, 0x0000000000f72fff},
        {0x48a, 0x0000000000000034, 0x0000000000000034}, {0x48b, 0x02177fff00000000, 0x02977fff00000000},
        {0x48c, 0x00000f0106334141, 0x00000f0106b34141}, {0x48d, 0x0000007f00000016, 0x0000007f00000016},
        {0x48e, 0xf7f9fffe04006172, 0xfff9fffe04006172}, {0x48f, 0x007fffff00036dfb, 0x107fffff00036dfb},
        {0x490, 0x0000ffff000011fb, 0x0010ffff000011fb}, {0x491, 0x0000000000000001, 0x0000000000000001},
    };
    for (unsigned i = 0; i < sizeof dump / sizeof dump[0]; i++) {
        CU_ASSERT_EQUAL(msr(vmx_profile("bochs-skylake-x"), dump[i].index), dump[i].skylake_x);
        CU_ASSERT_EQUAL(msr(vmx_profile("bochs-tigerlake"), dump[i].index), dump[i].tigerlake);
    }
}

static void default_msrs_claim_the_default1_class(void)
{
    static const struct {
        uint32_t default_msr, true_msr;
        uint64_t default1, reserved1;
        enum vmx_control_word word;
    } pairs[] = {
        {0x481, 0x48d, 0x00000016, 0x00000016, VMX_WORD_PIN},
        {0x482, 0x48e, 0x0401e172, 0x04006172, VMX_WORD_PRIMARY},
        {0x483, 0x48f, 0x00036dff, 0x00036dfb, VMX_WORD_EXIT},
        {0x484, 0x490, 0x000011ff, 0x000011fb, VMX_WORD_ENTRY},
    };
    for (unsigned p = 0; p < vmx_profile_count; p++)
        for (unsigned i = 0; i < 4; i++) {
            const uint64_t defaults = msr(&vmx_profiles[p], pairs[i].default_msr), trues = msr(&vmx_profiles[p], pairs[i].true_msr);
            uint64_t must, may;
            CU_ASSERT_EQUAL((uint32_t)defaults, pairs[i].default1);
            CU_ASSERT_EQUAL((uint32_t)trues, pairs[i].reserved1);
            CU_ASSERT_EQUAL(defaults >> 32, trues >> 32);
            CU_ASSERT_EQUAL((uint32_t)defaults & ~(defaults >> 32), 0); /* what must be 1 may be 1 */
            vmx_control_allowed(&vmx_profiles[p], pairs[i].word, &must, &may);
            CU_ASSERT(must == (uint32_t)trues && may == trues >> 32);
        }
}

static void every_allowed_bit_is_a_known_control(void)
{
    for (unsigned p = 0; p < vmx_profile_count; p++)
        for (unsigned w = 0; w < VMX_WORD_COUNT; w++)
            for (unsigned bit = 0; bit < 64; bit++)
                if (vmx_control_may_be_1(&vmx_profiles[p], (enum vmx_control_word)w, bit))
                    CU_ASSERT_PTR_NOT_NULL(vmx_control_of_bit((enum vmx_control_word)w, bit));
}

/* A control of which a dependency can never hold would be useless. */
static void offered_controls_have_their_dependencies(void)
{
    for (unsigned p = 0; p < vmx_profile_count; p++)
        for (unsigned i = 0; i < vmx_control_count; i++) {
            struct vmx_control_reference reference;
            const char *text = vmx_controls[i].depends;
            if (!vmx_control_may_be_1(&vmx_profiles[p], vmx_controls[i].word, vmx_controls[i].low))
                continue;
            while ((text = vmx_next_control_reference(text, &reference)) != NULL)
                if (strncmp(text, "=1", 2) == 0)
                    CU_ASSERT(vmx_control_may_be_1(&vmx_profiles[p], reference.word, reference.low));
        }
}

static void highest_field_index_is_that_of_the_fields(void)
{
    for (unsigned p = 0; p < vmx_profile_count; p++) {
        uint64_t highest = 0;
        for (unsigned f = 0; f < VMCS_FIELD_COUNT; f++) {
            const uint64_t index = vmcs_fields[f].encoding & 0x3fe;
            if (vmcs_field_exists(&vmx_profiles[p], (enum vmcs_field)f) && index > highest)
                highest = index;
        }
        if (strncmp(vmx_profiles[p].name, "bochs", 5) != 0) /* Bochs reports one constant for all its models */
            CU_ASSERT_EQUAL(msr(&vmx_profiles[p], 0x48a), highest);
    }
}

static void capability_msrs_exist_with_their_controls(void)
{
    const struct vmx_caps *nehalem = vmx_profile("nehalem");
    struct vmx_caps caps = *vmx_default_profile();
    uint64_t value = 7;
    CU_ASSERT_FALSE(vmx_capability_msr(&caps, 0x47f, &value));
    CU_ASSERT_FALSE(vmx_capability_msr(&caps, 0x494, &value));
    CU_ASSERT_FALSE(vmx_capability_msr(&caps, 0x492, &value));
    CU_ASSERT_FALSE(vmx_capability_msr(&caps, 0x493, &value));
    CU_ASSERT_FALSE(vmx_capability_msr(nehalem, 0x491, &value));
    caps.basic &= ~VMX_BASIC_TRUE_CTLS;
    for (uint32_t index = 0x48d; index <= 0x490; index++)
        CU_ASSERT_FALSE(vmx_capability_msr(&caps, index, &value));
    caps.secondary.may_be_1 &= ~(VMX_SEC_ENABLE_EPT | VMX_SEC_ENABLE_VPID);
    CU_ASSERT_FALSE(vmx_capability_msr(&caps, 0x48c, &value));
    caps.primary.may_be_1 &= ~VMX_PRI_ACTIVATE_SECONDARY;
    CU_ASSERT_FALSE(vmx_capability_msr(&caps, 0x48b, &value));
    CU_ASSERT_EQUAL(value, 7);
    caps.primary.may_be_1 |= VMX_PRI_ACTIVATE_TERTIARY;
    caps.exit.may_be_1 |= VMX_EXITCTL_ACTIVATE_SECONDARY;
    caps.tertiary = 0x10;
    caps.exit2 = 4;
    CU_ASSERT_EQUAL(msr(&caps, 0x492), 0x10);
    CU_ASSERT_EQUAL(msr(&caps, 0x493), 4);
}

static void the_default_profile_offers_what_the_simulator_models(void)
{
    const struct vmx_caps *caps = vmx_default_profile();
    CU_ASSERT_EQUAL(caps->physical_bits, 46);
    CU_ASSERT_EQUAL(caps->misc & 0x1f, 5);
    CU_ASSERT_EQUAL(caps->misc >> 16 & 0x1ff, 4);
    CU_ASSERT_EQUAL(caps->misc & 0x1c0, 0x1c0);
    CU_ASSERT_EQUAL(msr(caps, 0x48b) >> 32, 0x02577fff);
    CU_ASSERT_NOT_EQUAL(caps->primary.may_be_1 & VMX_PRI_MONITOR_TRAP_FLAG, 0);
    CU_ASSERT_NOT_EQUAL(caps->pin.may_be_1 & VMX_PIN_VMX_PREEMPTION_TIMER, 0);
    CU_ASSERT_EQUAL(caps->ept_vpid, 0x00000f0106734141);
}

/* Entry to SMM and leaving dual-monitor treatment are left: processors allow these bits everywhere, and the checks refuse them outside of SMM. */
static void no_profile_offers_a_control_that_is_not_modelled(void)
{
    for (unsigned p = 0; p < vmx_profile_count; p++) {
        const struct vmx_caps *caps = &vmx_profiles[p];
        struct vmcs vmcs = {0};
        const struct vmx_cpu cpu = {.caps = caps, .vmcs = &vmcs};
        if (strncmp(caps->name, "bochs", 5) == 0)
            continue;
        for (unsigned w = 0; w < VMX_WORD_CONTROLS; w++) {
            uint64_t must, may;
            vmx_control_allowed(caps, (enum vmx_control_word)w, &must, &may);
            if (w == VMX_WORD_ENTRY)
                may &= ~(uint64_t)(VMX_ENTRYCTL_TO_SMM | VMX_ENTRYCTL_DEACT_DUAL_MONITOR);
            vmcs_set(&vmcs, vmx_control_field((enum vmx_control_word)w), may);
        }
        CU_ASSERT_PTR_NULL(vmx_unmodelled_controls(&cpu));
    }
}

/* Control registers offer exactly what CPUID announces, where both are modelled. */
static void cr4_agrees_with_cpuid(void)
{
    static const struct {
        unsigned cr4_bit;
        uint32_t leaf, reg, mask;
    } rules[] = {
        {9, 1, 3, UINT32_C(1) << 24},  {11, 7, 2, UINT32_C(1) << 2},  {12, 7, 2, UINT32_C(1) << 16}, {13, 1, 2, UINT32_C(1) << 5},
        {16, 7, 1, UINT32_C(1) << 0},  {17, 1, 2, UINT32_C(1) << 17}, {18, 1, 2, UINT32_C(1) << 26}, {20, 7, 1, UINT32_C(1) << 7},
        {21, 7, 1, UINT32_C(1) << 20}, {22, 7, 2, UINT32_C(1) << 3},  {24, 7, 2, UINT32_C(1) << 31},
    };
    for (unsigned p = 0; p < vmx_profile_count; p++)
        for (unsigned i = 0; i < sizeof rules / sizeof rules[0]; i++) {
            uint32_t zero[4], out[4] = {0};
            vmx_cpuid(&vmx_profiles[p], 0, 0, zero);
            if (rules[i].leaf == 7 && zero[0] >= 0xb) /* Nehalem's leaf 7 is empty */
                vmx_cpuid(&vmx_profiles[p], 7, 0, out);
            else
                vmx_cpuid(&vmx_profiles[p], rules[i].leaf, 0, out);
            CU_ASSERT_EQUAL((vmx_profiles[p].cr4_fixed1 >> rules[i].cr4_bit & 1) != 0, (out[rules[i].reg] & rules[i].mask) != 0);
        }
}

static void vmx_controls_agree_with_cpuid(void)
{
    for (unsigned p = 0; p < vmx_profile_count; p++) {
        const struct vmx_caps *caps = &vmx_profiles[p];
        uint32_t leaf1[4], leaf7[4], xsave[4], extended[4];
        vmx_cpuid(caps, 1, 0, leaf1);
        vmx_cpuid(caps, 7, 0, leaf7);
        vmx_cpuid(caps, 0xd, 1, xsave);
        vmx_cpuid(caps, 0x80000001, 0, extended);
        CU_ASSERT_EQUAL((caps->secondary.may_be_1 & VMX_SEC_ENABLE_RDTSCP) != 0, (extended[3] & VMX_CPUID_RDTSCP) != 0);
        CU_ASSERT_EQUAL((caps->secondary.may_be_1 & VMX_SEC_RDRAND_EXITING) != 0, (leaf1[2] & VMX_CPUID_RDRAND) != 0);
        CU_ASSERT_EQUAL((caps->secondary.may_be_1 & VMX_SEC_ENABLE_INVPCID) != 0, (leaf7[1] & VMX_CPUID_INVPCID) != 0);
        CU_ASSERT_EQUAL((caps->secondary.may_be_1 & VMX_SEC_RDSEED_EXITING) != 0, (leaf7[1] & VMX_CPUID_RDSEED) != 0);
        if (strncmp(caps->name, "bochs", 5) != 0)
            CU_ASSERT_EQUAL((caps->entry.may_be_1 & VMX_ENTRYCTL_LOAD_PKRS) != 0, (leaf7[2] & VMX_CPUID_PKS) != 0);
        CU_ASSERT_EQUAL((caps->secondary.may_be_1 & VMX_SEC_ENABLE_USR_WAIT_PAUSE) != 0, (leaf7[2] & VMX_CPUID_WAITPKG) != 0);
        if (caps != vmx_profile("nehalem"))
            CU_ASSERT_EQUAL((caps->secondary.may_be_1 & VMX_SEC_ENABLE_XSAVES) != 0, (xsave[0] & VMX_CPUID_XSAVES) != 0);
    }
}

static void address_widths_agree_with_cpuid(void)
{
    for (unsigned p = 0; p < vmx_profile_count; p++) {
        uint32_t out[4];
        vmx_cpuid(&vmx_profiles[p], 0x80000008, 0, out);
        CU_ASSERT_EQUAL(out[0], vmx_profiles[p].linear_bits << 8 | vmx_profiles[p].physical_bits);
    }
}

/* The engine has no AVX, TSX, MPX, SGX or CET: profiles for it must not announce them. */
static void simulator_profiles_announce_only_what_the_engine_executes(void)
{
    const uint32_t avx2 = 1u << 5, hle = 1u << 4, rtm = 1u << 11, mpx = 1u << 14, sgx = 1u << 2, avx512f = 1u << 16, sha = 1u << 29;
    for (unsigned p = 0; p < vmx_profile_count; p++) {
        uint32_t leaf1[4], leaf7[4] = {0}, zero[4];
        if (strncmp(vmx_profiles[p].name, "bochs", 5) == 0)
            continue;
        vmx_cpuid(&vmx_profiles[p], 0, 0, zero);
        vmx_cpuid(&vmx_profiles[p], 1, 0, leaf1);
        vmx_cpuid(&vmx_profiles[p], 7, 0, leaf7);
        CU_ASSERT_EQUAL(leaf1[2] & (VMX_CPUID_AVX | VMX_CPUID_HYPERVISOR | 1u << 12), 0);
        CU_ASSERT_EQUAL(leaf7[1] & (avx2 | hle | rtm | mpx | sgx | avx512f | sha), 0);
        CU_ASSERT_EQUAL(leaf7[3], 0);
    }
}

static void leaves_beyond_the_highest_give_the_highest_basic_leaf(void)
{
    const struct vmx_caps *caps = vmx_default_profile();
    uint32_t highest[4], out[4];
    vmx_cpuid(caps, 0x16, 0, highest);
    static const uint32_t leaves[] = {0x17, 0x40000000, 0x7fffffff, 0x80000009, UINT32_MAX};
    for (unsigned i = 0; i < sizeof leaves / sizeof leaves[0]; i++) {
        vmx_cpuid(caps, leaves[i], 0, out);
        CU_ASSERT_EQUAL(memcmp(out, highest, sizeof out), 0);
    }
    CU_ASSERT_EQUAL(highest[0], 1000);
}

static void subleaves_matter_only_where_the_leaf_has_them(void)
{
    const struct vmx_caps *caps = vmx_default_profile();
    uint32_t first[4], out[4];
    vmx_cpuid(caps, 1, 0, first);
    vmx_cpuid(caps, 1, 5, out);
    CU_ASSERT_EQUAL(memcmp(out, first, sizeof out), 0);
    vmx_cpuid(caps, 7, 1, out);
    CU_ASSERT(out[0] == 0 && out[1] == 0 && out[2] == 0 && out[3] == 0);
    vmx_cpuid(caps, 0xb, 5, out);
    CU_ASSERT(out[0] == 0 && out[1] == 0 && out[2] == 5 && out[3] == 0);
}

static void the_vendor_is_genuine_intel_and_the_brand_is_the_profile(void)
{
    for (unsigned p = 0; p < vmx_profile_count; p++) {
        uint32_t out[4], brand[13] = {0};
        vmx_cpuid(&vmx_profiles[p], 0, 0, out);
        CU_ASSERT(memcmp(&out[1], "Genu", 4) == 0 && memcmp(&out[3], "ineI", 4) == 0 && memcmp(&out[2], "ntel", 4) == 0);
        for (uint32_t i = 0; i < 3; i++)
            vmx_cpuid(&vmx_profiles[p], 0x80000002 + i, 0, &brand[4 * i]);
        if (strncmp(vmx_profiles[p].name, "bochs", 5) != 0)
            CU_ASSERT_STRING_EQUAL((const char *)brand, vmx_profiles[p].description);
    }
}

SUITE("vmx-model/caps", {"profiles_are_found_by_name", profiles_are_found_by_name}, {"bochs_profiles_equal_bochs", bochs_profiles_equal_bochs},
      {"default_msrs_claim_the_default1_class", default_msrs_claim_the_default1_class},
      {"every_allowed_bit_is_a_known_control", every_allowed_bit_is_a_known_control},
      {"offered_controls_have_their_dependencies", offered_controls_have_their_dependencies},
      {"highest_field_index_is_that_of_the_fields", highest_field_index_is_that_of_the_fields},
      {"capability_msrs_exist_with_their_controls", capability_msrs_exist_with_their_controls},
      {"the_default_profile_offers_what_the_simulator_models", the_default_profile_offers_what_the_simulator_models},
      {"no_profile_offers_a_control_that_is_not_modelled", no_profile_offers_a_control_that_is_not_modelled},
      {"cr4_agrees_with_cpuid", cr4_agrees_with_cpuid}, {"vmx_controls_agree_with_cpuid", vmx_controls_agree_with_cpuid},
      {"address_widths_agree_with_cpuid", address_widths_agree_with_cpuid},
      {"simulator_profiles_announce_only_what_the_engine_executes", simulator_profiles_announce_only_what_the_engine_executes},
      {"leaves_beyond_the_highest_give_the_highest_basic_leaf", leaves_beyond_the_highest_give_the_highest_basic_leaf},
      {"subleaves_matter_only_where_the_leaf_has_them", subleaves_matter_only_where_the_leaf_has_them},
      {"the_vendor_is_genuine_intel_and_the_brand_is_the_profile", the_vendor_is_genuine_intel_and_the_brand_is_the_profile})
