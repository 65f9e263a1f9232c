/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VMCS fields: encodings round-trip, and VMREAD and VMWRITE follow every access rule. */
#include <stdio.h>
#include <string.h>

#include "tests/support/suite.h"
#include "vmx-model/caps.h"
#include "vmx-model/controls.h"
#include "vmx-model/errors.h"
#include "vmx-model/vmcs.h"

static const uint64_t pattern = UINT64_C(0x123456789abcdef0);

static void encodings_rise_and_have_legal_bits(void)
{
    for (unsigned f = 0; f < VMCS_FIELD_COUNT; f++) {
        const uint32_t encoding = vmcs_fields[f].encoding;
        CU_ASSERT(f == 0 || vmcs_fields[f - 1].encoding < encoding);
        CU_ASSERT_EQUAL(encoding & ~UINT32_C(0x6ffe), 0); /* bit 0 access type full, bit 12 and bits 31:15 zero */
        CU_ASSERT_EQUAL(vmcs_field_of_encoding(encoding), f);
    }
}

static void only_64_bit_fields_have_a_high_half(void)
{
    for (unsigned f = 0; f < VMCS_FIELD_COUNT; f++) {
        const bool wide = vmcs_width((enum vmcs_field)f) == VMCS_64;
        CU_ASSERT_EQUAL(vmcs_field_of_encoding(vmcs_fields[f].encoding | 1), wide ? f : VMCS_NO_FIELD);
    }
}

static void unknown_encodings_name_no_field(void)
{
    static const uint64_t encodings[] = {0x000e, 0x1800, 0x7000, 0x8800, 0x10000, 0x2038 | 0x1000, UINT64_C(0x10000681e), UINT64_MAX};
    for (unsigned i = 0; i < sizeof encodings / sizeof encodings[0]; i++)
        CU_ASSERT_EQUAL(vmcs_field_of_encoding(encodings[i]), VMCS_NO_FIELD);
}

static void groups_follow_the_area(void)
{
    for (unsigned f = 0; f < VMCS_FIELD_COUNT; f++) {
        const uint32_t group = vmcs_fields[f].group;
        CU_ASSERT(group != 0 && (group & (group - 1)) == 0);
        const uint32_t control = VMCS_GROUP_CONTROLS | VMCS_GROUP_INJECTION;
        const enum vmcs_type type = vmcs_type((enum vmcs_field)f);
        CU_ASSERT_EQUAL((group & control) != 0, type == VMCS_CONTROL);
        CU_ASSERT_EQUAL(group == VMCS_GROUP_HOST, type == VMCS_HOST);
        CU_ASSERT_EQUAL(group == VMCS_GROUP_EXIT_INFORMATION, type == VMCS_EXIT_INFORMATION);
    }
}

static void names_are_unique_and_found(void)
{
    for (unsigned f = 0; f < VMCS_FIELD_COUNT; f++) {
        char prefixed[96];
        snprintf(prefixed, sizeof prefixed, "vmcs_%s", vmcs_fields[f].name);
        CU_ASSERT_EQUAL(vmcs_field_of_name(vmcs_fields[f].name), f);
        CU_ASSERT_EQUAL(vmcs_field_of_name(prefixed), f);
        CU_ASSERT_EQUAL(vmcs_field_of_name(vmcs_fields[f].sdm_name), f);
    }
    CU_ASSERT_EQUAL(vmcs_field_of_name("GUEST_RIPS"), VMCS_NO_FIELD);
    CU_ASSERT_EQUAL(vmcs_field_of_name(""), VMCS_NO_FIELD);
    CU_ASSERT_EQUAL(vmcs_field_of_name("vmcs_link_pointer"), VMCS_VMCS_LINK_POINTER);
    CU_ASSERT_EQUAL(vmcs_field_of_name("VMCS_VMCS_LINK_POINTER"), VMCS_VMCS_LINK_POINTER);
}

static void every_condition_of_existence_is_understood(void)
{
    for (unsigned f = 0; f < VMCS_FIELD_COUNT; f++) {
        const char *text = vmcs_fields[f].exists;
        struct vmx_control_reference reference;
        if (strcmp(text, "always") == 0 || strncmp(text, "never ", 6) == 0) {
            CU_ASSERT_PTR_NULL(vmx_next_control_reference(text, &reference));
            continue;
        }
        unsigned references = 0;
        while ((text = vmx_next_control_reference(text, &reference)) != NULL) {
            references++;
            CU_ASSERT_PTR_NOT_NULL(vmx_control_of_bit(reference.word, reference.low));
        }
        CU_ASSERT_EQUAL(references, strstr(vmcs_fields[f].exists, " or ") != NULL ? 2 : 1);
    }
}

static void a_field_exists_with_its_control(void)
{
    const struct vmx_caps *nehalem = vmx_profile("nehalem"), *skylake = vmx_profile("skylake-sp");
    struct vmx_caps caps = *skylake;
    CU_ASSERT(vmcs_field_exists(nehalem, VMCS_GUEST_RIP));
    CU_ASSERT(!vmcs_field_exists(nehalem, VMCS_PML_ADDRESS));
    CU_ASSERT(vmcs_field_exists(skylake, VMCS_PML_ADDRESS));
    CU_ASSERT(vmcs_field_exists(skylake, VMCS_GUEST_IA32_PAT));
    CU_ASSERT(!vmcs_field_exists(skylake, VMCS_SHARED_EPT_POINTER));
    CU_ASSERT(!vmcs_field_exists(skylake, VMCS_INJECTED_EVENT_DATA));
    caps.entry.may_be_1 &= ~VMX_ENTRYCTL_LOAD_PAT; /* the other alternative still holds */
    CU_ASSERT(vmcs_field_exists(&caps, VMCS_GUEST_IA32_PAT));
    caps.exit.may_be_1 &= ~VMX_EXITCTL_SAVE_PAT;
    CU_ASSERT(!vmcs_field_exists(&caps, VMCS_GUEST_IA32_PAT));
    caps.misc = (caps.misc & ~(UINT64_C(0x1ff) << 16)) | UINT64_C(2) << 16;
    CU_ASSERT(vmcs_field_exists(&caps, VMCS_CR3_TARGET_VALUE1));
    CU_ASSERT(!vmcs_field_exists(&caps, VMCS_CR3_TARGET_VALUE2));
}

static uint64_t cut(enum vmcs_field f, uint64_t value)
{
    return vmcs_width(f) == VMCS_16 ? (uint16_t)value : vmcs_width(f) == VMCS_32 ? (uint32_t)value : value;
}

static void set_cuts_to_the_width_and_marks_the_group(void)
{
    for (unsigned i = 0; i < VMCS_FIELD_COUNT; i++) {
        const enum vmcs_field f = (enum vmcs_field)i;
        struct vmcs v = {0};
        vmcs_set(&v, f, pattern);
        CU_ASSERT_EQUAL(vmcs_get(&v, f), cut(f, pattern));
        CU_ASSERT(v.unchecked == vmcs_fields[f].group && v.unloaded == vmcs_fields[f].group);
    }
}

/* Capabilities that make every field exist, so that the width rules are tried on all of them. */
static struct vmx_caps all_fields(void)
{
    struct vmx_caps caps = *vmx_default_profile();
    struct vmx_allowed *const words[] = {&caps.pin, &caps.primary, &caps.secondary, &caps.exit, &caps.entry};
    for (unsigned i = 0; i < 5; i++)
        words[i]->may_be_1 = UINT32_MAX;
    caps.tertiary = caps.exit2 = caps.vmfunc = UINT64_MAX;
    caps.basic |= VMX_BASIC_NESTED_EXCEPTION;
    return caps;
}

static void full_access_in_64_bit_mode_moves_the_whole_field(void)
{
    const struct vmx_caps caps = all_fields();
    for (unsigned i = 0; i < VMCS_FIELD_COUNT; i++) {
        const enum vmcs_field f = (enum vmcs_field)i;
        const bool exists = vmcs_field_exists(&caps, f);
        const unsigned expected = exists ? 0 : 12;
        struct vmcs v = {0};
        uint64_t value = 1;
        CU_ASSERT_EQUAL(exists, strncmp(vmcs_fields[f].exists, "never", 5) != 0);
        CU_ASSERT_EQUAL(vmcs_write(&v, &caps, vmcs_fields[f].encoding, true, pattern), expected);
        CU_ASSERT_EQUAL(vmcs_read(&v, &caps, vmcs_fields[f].encoding, true, &value), expected);
        CU_ASSERT_EQUAL(value, exists ? cut(f, pattern) : 1);
    }
}

static void full_access_outside_64_bit_mode_moves_32_bits_and_clears_the_rest(void)
{
    const struct vmx_caps caps = all_fields();
    for (unsigned i = 0; i < VMCS_FIELD_COUNT; i++) {
        const enum vmcs_field f = (enum vmcs_field)i;
        struct vmcs v = {0};
        uint64_t value = 1;
        if (!vmcs_field_exists(&caps, f))
            continue;
        vmcs_set(&v, f, UINT64_MAX);
        CU_ASSERT_EQUAL(vmcs_read(&v, &caps, vmcs_fields[f].encoding, false, &value), 0);
        CU_ASSERT_EQUAL(value, cut(f, UINT32_MAX));
        CU_ASSERT_EQUAL(vmcs_write(&v, &caps, vmcs_fields[f].encoding, false, pattern), 0);
        CU_ASSERT_EQUAL(vmcs_get(&v, f), cut(f, (uint32_t)pattern));
    }
}

static void high_access_moves_bits_63_32_and_keeps_the_rest(void)
{
    const struct vmx_caps caps = all_fields();
    for (unsigned i = 0; i < VMCS_FIELD_COUNT; i++) {
        const enum vmcs_field f = (enum vmcs_field)i;
        if (!vmcs_field_exists(&caps, f) || vmcs_width(f) != VMCS_64)
            continue;
        for (int mode64 = 0; mode64 <= 1; mode64++) {
            struct vmcs v = {0};
            uint64_t value = 1;
            vmcs_set(&v, f, pattern);
            CU_ASSERT_EQUAL(vmcs_read(&v, &caps, vmcs_fields[f].encoding | 1, mode64, &value), 0);
            CU_ASSERT_EQUAL(value, pattern >> 32);
            CU_ASSERT_EQUAL(vmcs_write(&v, &caps, vmcs_fields[f].encoding | 1, mode64, UINT64_C(0xdeadbeef00000001)), 0);
            CU_ASSERT_EQUAL(vmcs_get(&v, f), UINT64_C(1) << 32 | (uint32_t)pattern);
        }
    }
}

static void unsupported_components_give_error_12(void)
{
    const struct vmx_caps *caps = vmx_profile("nehalem");
    static const uint64_t encodings[] = {
        0x200e /* PML address */, 0x6821 /* high half of a natural-width field */, 0x4001, 0x000e, 0x1000681e, 0x7ffe};
    for (unsigned i = 0; i < sizeof encodings / sizeof encodings[0]; i++) {
        struct vmcs v = {0};
        uint64_t value = 1;
        CU_ASSERT_EQUAL(vmcs_read(&v, caps, encodings[i], true, &value), VMX_ERROR_UNSUPPORTED_VMCS_COMPONENT);
        CU_ASSERT_EQUAL(vmcs_write(&v, caps, encodings[i], true, 1), VMX_ERROR_UNSUPPORTED_VMCS_COMPONENT);
        CU_ASSERT(value == 1 && v.unchecked == 0 && v.unloaded == 0);
    }
}

static void operand_bits_63_32_matter_in_64_bit_mode_alone(void)
{
    const struct vmx_caps *caps = vmx_default_profile();
    struct vmcs v = {0};
    uint64_t value;
    const uint64_t operand = UINT64_C(1) << 32 | vmcs_fields[VMCS_GUEST_RIP].encoding;
    CU_ASSERT_EQUAL(vmcs_read(&v, caps, operand, true, &value), 12);
    CU_ASSERT_EQUAL(vmcs_read(&v, caps, operand, false, &value), 0);
}

static void exit_information_is_read_only_where_misc_29_is_0(void)
{
    const struct vmx_caps *nehalem = vmx_profile("nehalem"), *skylake = vmx_default_profile();
    for (unsigned f = 0; f < VMCS_FIELD_COUNT; f++) {
        struct vmcs v = {0};
        if (vmcs_type((enum vmcs_field)f) != VMCS_EXIT_INFORMATION || !vmcs_field_exists(nehalem, (enum vmcs_field)f))
            continue;
        CU_ASSERT_EQUAL(vmcs_write(&v, nehalem, vmcs_fields[f].encoding, true, 1), VMX_ERROR_VMWRITE_READ_ONLY_VMCS_COMPONENT);
        CU_ASSERT_EQUAL(v.field[f], 0);
        CU_ASSERT_EQUAL(vmcs_write(&v, skylake, vmcs_fields[f].encoding, true, 1), 0);
        CU_ASSERT_EQUAL(v.field[f], 1);
    }
}

SUITE("vmx-model/vmcs", {"encodings_rise_and_have_legal_bits", encodings_rise_and_have_legal_bits},
      {"only_64_bit_fields_have_a_high_half", only_64_bit_fields_have_a_high_half},
      {"unknown_encodings_name_no_field", unknown_encodings_name_no_field}, {"groups_follow_the_area", groups_follow_the_area},
      {"names_are_unique_and_found", names_are_unique_and_found},
      {"every_condition_of_existence_is_understood", every_condition_of_existence_is_understood},
      {"a_field_exists_with_its_control", a_field_exists_with_its_control},
      {"set_cuts_to_the_width_and_marks_the_group", set_cuts_to_the_width_and_marks_the_group},
      {"full_access_in_64_bit_mode_moves_the_whole_field", full_access_in_64_bit_mode_moves_the_whole_field},
      {"full_access_outside_64_bit_mode_moves_32_bits_and_clears_the_rest", full_access_outside_64_bit_mode_moves_32_bits_and_clears_the_rest},
      {"high_access_moves_bits_63_32_and_keeps_the_rest", high_access_moves_bits_63_32_and_keeps_the_rest},
      {"unsupported_components_give_error_12", unsupported_components_give_error_12},
      {"operand_bits_63_32_matter_in_64_bit_mode_alone", operand_bits_63_32_matter_in_64_bit_mode_alone},
      {"exit_information_is_read_only_where_misc_29_is_0", exit_information_is_read_only_where_misc_29_is_0})
