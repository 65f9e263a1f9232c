/* SPDX-License-Identifier: MIT */
/* The table of the checks of VMX instructions. */
#include <stddef.h>

#include "vmx_instructions.h"

const struct vmx_instruction_check_row vmx_instruction_checks[] = {
#define VMX_INSTRUCTION_CHECK(instruction, step, condition, outcome, number, not_modelled)                                                           \
    {#instruction, step, condition, VMX_STEP_##outcome, number, not_modelled},
#include "vmx_instruction_checks.def"
#undef VMX_INSTRUCTION_CHECK
};
const unsigned vmx_instruction_check_count = sizeof vmx_instruction_checks / sizeof vmx_instruction_checks[0];
