/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The VM-instruction errors of the manual are all there, found by number and by name. */
#include <stdio.h>

#include "tests/support/suite.h"
#include "vmx-model/errors.h"

static void the_manual_defines_25_numbers(void)
{
    unsigned defined = 0;
    for (uint32_t number = 0; number < 64; number++)
        defined += vmx_instruction_error(number) != NULL;
    CU_ASSERT_EQUAL(defined, 25);
    CU_ASSERT_EQUAL(vmx_instruction_error_count, 25);
    static const uint32_t holes[] = {0, 14, 21, 27, 29, 256 + 7, UINT32_MAX};
    for (unsigned i = 0; i < sizeof holes / sizeof holes[0]; i++)
        CU_ASSERT_PTR_NULL(vmx_instruction_error(holes[i]));
}

static void rows_rise_and_are_found_by_number_and_name(void)
{
    for (unsigned i = 0; i < vmx_instruction_error_count; i++) {
        const struct vmx_instruction_error_row *row = &vmx_instruction_errors[i];
        char text[96];
        CU_ASSERT(i == 0 || row[-1].number < row->number);
        CU_ASSERT(row->meaning[0] != '\0' && row->raised_by[0] != '\0' && row->condition[0] != '\0');
        CU_ASSERT(vmx_instruction_error(row->number) == row);
        CU_ASSERT(vmx_instruction_error_of_name(row->name) == row);
        snprintf(text, sizeof text, "VMX_ERROR_%s", row->name);
        CU_ASSERT(vmx_instruction_error_of_name(text) == row);
        snprintf(text, sizeof text, "%u", row->number);
        CU_ASSERT(vmx_instruction_error_of_name(text) == row);
    }
    CU_ASSERT_PTR_NULL(vmx_instruction_error_of_name(""));
    CU_ASSERT_PTR_NULL(vmx_instruction_error_of_name("14"));
    CU_ASSERT_PTR_NULL(vmx_instruction_error_of_name("7x"));
    CU_ASSERT_PTR_NULL(vmx_instruction_error_of_name("99999999999999999999"));
}

static void constants_have_the_numbers_of_the_manual(void)
{
    CU_ASSERT_EQUAL(VMX_ERROR_ENTRY_INVALID_CONTROL_FIELD, 7);
    CU_ASSERT_EQUAL(VMX_ERROR_ENTRY_INVALID_HOST_STATE_FIELD, 8);
    CU_ASSERT_EQUAL(VMX_ERROR_UNSUPPORTED_VMCS_COMPONENT, 12);
    CU_ASSERT_EQUAL(VMX_ERROR_VMWRITE_READ_ONLY_VMCS_COMPONENT, 13);
    CU_ASSERT_EQUAL(VMX_ERROR_INVALID_OPERAND_TO_INVEPT_INVVPID, 28);
}

SUITE("vmx-model/errors", {"the_manual_defines_25_numbers", the_manual_defines_25_numbers},
      {"rows_rise_and_are_found_by_number_and_name", rows_rise_and_are_found_by_number_and_name},
      {"constants_have_the_numbers_of_the_manual", constants_have_the_numbers_of_the_manual})
