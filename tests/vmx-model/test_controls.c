/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of controls is free of overlaps, its names are unique and found, and its references resolve. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/suite.h"
#include "vmx-model/controls.h"
#include "vmx-model/names.h"

static unsigned word_bits(enum vmx_control_word word)
{
    return word == VMX_WORD_PIN || word == VMX_WORD_PRIMARY || word == VMX_WORD_SECONDARY || word == VMX_WORD_EXIT || word == VMX_WORD_ENTRY ? 32
                                                                                                                                             : 64;
}

static void bits_fit_their_word_and_never_overlap(void)
{
    uint64_t used[VMX_WORD_COUNT] = {0};
    for (unsigned i = 0; i < vmx_control_count; i++) {
        const struct vmx_control_row *row = &vmx_controls[i];
        CU_ASSERT_FATAL(row->low <= row->high && row->high < word_bits(row->word));
        const uint64_t mask = UINT64_MAX >> (63 - row->high) & UINT64_MAX << row->low;
        CU_ASSERT_EQUAL(used[row->word] & mask, 0);
        used[row->word] |= mask;
        CU_ASSERT(i == 0 || row[-1].word < row->word || (row[-1].word == row->word && row[-1].high < row->low));
        for (unsigned bit = row->low; bit <= row->high; bit++)
            CU_ASSERT(vmx_control_of_bit(row->word, bit) == row);
    }
    CU_ASSERT_PTR_NULL(vmx_control_of_bit(VMX_WORD_PRIMARY, 0));
    CU_ASSERT_PTR_NULL(vmx_control_of_bit(VMX_WORD_SECONDARY, 29));
}

static void script_names_are_lower_snake_case(void)
{
    for (unsigned i = 0; i < vmx_control_count; i++) {
        const char *name = vmx_controls[i].name;
        CU_ASSERT(islower((unsigned char)name[0]));
        for (const char *c = name; *c != '\0'; c++)
            CU_ASSERT(islower((unsigned char)*c) || isdigit((unsigned char)*c) || *c == '_');
    }
}

/* Of the words that scripts write, the script name is the SDM's name in snake case. */
static void script_names_of_controls_are_the_sdm_names(void)
{
    for (unsigned i = 0; i < vmx_control_count; i++) {
        const struct vmx_control_row *row = &vmx_controls[i];
        const bool reserved = strncmp(row->sdm_name, "reserved", 8) == 0;
        if (row->word >= VMX_WORD_CONTROLS || reserved)
            continue;
        char plain[96];
        unsigned n = 0;
        for (const char *c = row->sdm_name; *c != '\0'; c++)
            if (*c != '#') /* #VE */
                plain[n++] = *c;
        plain[n] = '\0';
        if (!vmx_name_equal(plain, row->name))
            fprintf(stderr, "%s is not %s\n", row->name, row->sdm_name);
        CU_ASSERT(vmx_name_equal(plain, row->name));
    }
}

static void every_name_finds_its_row(void)
{
    for (unsigned i = 0; i < vmx_control_count; i++) {
        const struct vmx_control_row *row = &vmx_controls[i];
        CU_ASSERT(vmx_control_of_name(row->word, row->name) == row);
        if (strncmp(row->sdm_name, "reserved", 8) != 0)
            CU_ASSERT(vmx_control_of_name(row->word, row->sdm_name) == row);
        if (row->qemu_name != NULL) {
            CU_ASSERT(vmx_control_of_name(row->word, row->qemu_name) == row);
            CU_ASSERT_EQUAL(strncmp(row->qemu_name, "vmx-", 4), 0);
        }
    }
    CU_ASSERT_PTR_NULL(vmx_control_of_name(VMX_WORD_PRIMARY, "enable_ept"));
    CU_ASSERT_PTR_NULL(vmx_control_of_name(VMX_WORD_PRIMARY, ""));
    CU_ASSERT_PTR_NULL(vmx_control_of_name(VMX_WORD_PRIMARY, "reserved (default1, must be 1)"));
    CU_ASSERT_PTR_NULL(vmx_control_of_name(VMX_WORD_COUNT, "hlt_exiting"));
}

static void qemu_names_are_unique_in_all_words(void)
{
    for (unsigned i = 0; i < vmx_control_count; i++)
        for (unsigned j = i + 1; j < vmx_control_count; j++)
            if (vmx_controls[i].qemu_name != NULL && vmx_controls[j].qemu_name != NULL)
                CU_ASSERT_STRING_NOT_EQUAL(vmx_controls[i].qemu_name, vmx_controls[j].qemu_name);
}

static void words_have_names_and_fields(void)
{
    for (unsigned w = 0; w < VMX_WORD_COUNT; w++) {
        const enum vmx_control_word word = (enum vmx_control_word)w;
        CU_ASSERT_EQUAL(vmx_control_word_of_name(vmx_control_word_name(word)), word);
        const enum vmcs_field field = vmx_control_field(word);
        CU_ASSERT_EQUAL(field != VMCS_NO_FIELD, word < VMX_WORD_CONTROLS);
        if (field != VMCS_NO_FIELD) {
            CU_ASSERT_EQUAL(vmcs_type(field), VMCS_CONTROL);
            CU_ASSERT_EQUAL(vmcs_width(field), word_bits(word) == 32 ? VMCS_32 : VMCS_64);
        }
    }
    CU_ASSERT_EQUAL(vmx_control_word_of_name("PROCBASED"), VMX_WORD_COUNT);
    CU_ASSERT_EQUAL(vmx_control_field(VMX_WORD_COUNT), VMCS_NO_FIELD);
    CU_ASSERT_STRING_EQUAL(vmx_control_word_name(VMX_WORD_COUNT), "unknown");
}

static void every_dependency_names_a_control(void)
{
    unsigned references = 0;
    for (unsigned i = 0; i < vmx_control_count; i++) {
        const char *const texts[] = {vmx_controls[i].depends, vmx_controls[i].notes};
        for (unsigned t = 0; t < 2; t++) {
            struct vmx_control_reference reference;
            for (const char *text = texts[t]; (text = vmx_next_control_reference(text, &reference)) != NULL; references++)
                CU_ASSERT_PTR_NOT_NULL(vmx_control_of_bit(reference.word, reference.low));
        }
        /* A bracket that is no reference would be a misspelt word; [2] of an MSR is none. */
        for (const char *bracket = strchr(vmx_controls[i].depends, '['); bracket != NULL; bracket = strchr(bracket + 1, '[')) {
            const char *word = bracket;
            struct vmx_control_reference reference;
            while (word > vmx_controls[i].depends && (isalnum((unsigned char)word[-1]) || word[-1] == '_'))
                word--;
            CU_ASSERT_PTR_NOT_NULL(vmx_next_control_reference(word, &reference));
        }
    }
    CU_ASSERT(references > 60);
}

static void references_are_read_exactly(void)
{
    struct vmx_control_reference r;
    const char *rest = vmx_next_control_reference("only if EXIT2[3]=1 and MISC[24:16] > 2", &r);
    CU_ASSERT_PTR_NOT_NULL_FATAL(rest);
    CU_ASSERT(r.word == VMX_WORD_EXIT2 && r.high == 3 && r.low == 3);
    rest = vmx_next_control_reference(rest, &r);
    CU_ASSERT_PTR_NOT_NULL_FATAL(rest);
    CU_ASSERT(r.word == VMX_WORD_MISC && r.high == 24 && r.low == 16);
    CU_ASSERT_STRING_EQUAL(rest, " > 2");
    CU_ASSERT_PTR_NULL(vmx_next_control_reference(rest, &r));
    CU_ASSERT_PTR_NULL(vmx_next_control_reference("IA32_VMX_MISC[24:16]", &r));
    CU_ASSERT_PTR_NULL(vmx_next_control_reference("PIN", &r));
    CU_ASSERT_PTR_NULL(vmx_next_control_reference("PIN[3", &r));
}

static void masks_are_the_bits_of_the_rows(void)
{
    CU_ASSERT_EQUAL(VMX_PIN_EXT_INTR_EXITING, 1u << 0);
    CU_ASSERT_EQUAL(VMX_PRI_ACTIVATE_SECONDARY, 1u << 31);
    CU_ASSERT_EQUAL(VMX_SEC_ENABLE_EPT, 1u << 1);
    CU_ASSERT_EQUAL(VMX_BASIC_ANY_ERRCODE, UINT64_C(1) << 56);
    CU_ASSERT_EQUAL(VMX_MISC_CR3_TARGETS, 0);
    CU_ASSERT_EQUAL(VMX_ENTRYCTL_IA32E_MODE_GUEST, 0x200);
}

static void the_processor_decides_what_may_be_1(void)
{
    const struct vmx_caps *caps = vmx_default_profile();
    uint64_t must, may;
    vmx_control_allowed(caps, VMX_WORD_PRIMARY, &must, &may);
    CU_ASSERT_EQUAL(must, caps->primary.must_be_1);
    CU_ASSERT_EQUAL(may, caps->primary.may_be_1);
    vmx_control_allowed(caps, VMX_WORD_TERTIARY, &must, &may);
    CU_ASSERT(must == 0 && may == caps->tertiary);
    vmx_control_allowed(caps, VMX_WORD_MISC, &must, &may);
    CU_ASSERT(must == caps->misc && may == caps->misc);
    CU_ASSERT(vmx_control_may_be_1(caps, VMX_WORD_SECONDARY, 1));
    CU_ASSERT(!vmx_control_may_be_1(caps, VMX_WORD_SECONDARY, 29));
    CU_ASSERT(!vmx_control_may_be_1(caps, VMX_WORD_SECONDARY, 64));
    vmx_control_allowed(caps, VMX_WORD_COUNT, &must, &may);
    CU_ASSERT(must == 0 && may == 0);
}

static void a_feature_taken_away_is_gone_from_its_msr(void)
{
    for (unsigned i = 0; i < vmx_control_count; i++) {
        const struct vmx_control_row *row = &vmx_controls[i];
        struct vmx_caps caps = *vmx_default_profile();
        uint64_t must_be_1, may_be_1, value = 0;
        uint32_t msr;
        unsigned bit;
        if (row->high != row->low)
            continue;
        vmx_control_allowed(&caps, row->word, &must_be_1, &may_be_1);
        const bool can = (may_be_1 >> row->low & 1) != 0 && (row->word >= VMX_WORD_CONTROLS || (must_be_1 >> row->low & 1) == 0);
        vmx_control_capability(row->word, row->low, &msr, &bit);
        if (can)
            CU_ASSERT(vmx_capability_msr(&caps, msr, &value) && (value >> bit & 1) != 0);
        CU_ASSERT_EQUAL(vmx_control_take_away(&caps, row->word, row->low), can);
        if (can) {
            CU_ASSERT(!vmx_capability_msr(&caps, msr, &value) || (value >> bit & 1) == 0);
            CU_ASSERT_FALSE(vmx_control_take_away(&caps, row->word, row->low));
        }
    }
}

SUITE("vmx-model/controls", {"bits_fit_their_word_and_never_overlap", bits_fit_their_word_and_never_overlap},
      {"script_names_are_lower_snake_case", script_names_are_lower_snake_case},
      {"script_names_of_controls_are_the_sdm_names", script_names_of_controls_are_the_sdm_names},
      {"every_name_finds_its_row", every_name_finds_its_row}, {"qemu_names_are_unique_in_all_words", qemu_names_are_unique_in_all_words},
      {"words_have_names_and_fields", words_have_names_and_fields}, {"every_dependency_names_a_control", every_dependency_names_a_control},
      {"references_are_read_exactly", references_are_read_exactly}, {"masks_are_the_bits_of_the_rows", masks_are_the_bits_of_the_rows},
      {"the_processor_decides_what_may_be_1", the_processor_decides_what_may_be_1},
      {"a_feature_taken_away_is_gone_from_its_msr", a_feature_taken_away_is_gone_from_its_msr})
