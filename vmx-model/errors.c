/* SPDX-License-Identifier: MIT */
/* The table of VM-instruction errors. */
#include "errors.h"

#include <stddef.h>

#include "names.h"

const struct vmx_instruction_error_row vmx_instruction_errors[] = {
#define VMX_INSTRUCTION_ERROR(number, symbol, meaning, raised_by, condition) {number, #symbol, meaning, raised_by, condition},
#include "instruction_errors.def"
#undef VMX_INSTRUCTION_ERROR
};
const unsigned vmx_instruction_error_count = sizeof vmx_instruction_errors / sizeof vmx_instruction_errors[0];

const struct vmx_instruction_error_row *vmx_instruction_error(uint32_t number)
{
    for (unsigned i = 0; i < vmx_instruction_error_count; i++)
        if (vmx_instruction_errors[i].number == number)
            return &vmx_instruction_errors[i];
    return NULL;
}

const struct vmx_instruction_error_row *vmx_instruction_error_of_name(const char *name)
{
    const char *const rest = vmx_name_after_prefix(name, "VMX_ERROR_");
    uint32_t number = 0;
    const char *digit = rest;
    for (; *digit >= '0' && *digit <= '9' && number < VMX_ERROR_LIMIT; digit++)
        number = number * 10 + (uint32_t)(*digit - '0');
    if (digit != rest && *digit == '\0')
        return vmx_instruction_error(number);
    for (unsigned i = 0; i < vmx_instruction_error_count; i++)
        if (vmx_name_equal(vmx_instruction_errors[i].name, rest))
            return &vmx_instruction_errors[i];
    return NULL;
}
