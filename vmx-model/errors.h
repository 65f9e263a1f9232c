/* SPDX-License-Identifier: MIT */
/* VM-instruction errors as data. SDM 3C, "VM Instruction Error Numbers". */
#ifndef VMX_ERRORS_H
#define VMX_ERRORS_H

#include <stdint.h>

/* enum vmx_instruction_error: VMX_ERROR_UNSUPPORTED_VMCS_COMPONENT = 12 ..., one row each of instruction_errors.def. */
enum vmx_instruction_error {
    VMX_ERROR_NONE = 0,
#define VMX_INSTRUCTION_ERROR(number, symbol, ...) VMX_ERROR_##symbol = (number),
#include "instruction_errors.def"
#undef VMX_INSTRUCTION_ERROR
    VMX_ERROR_LIMIT = 29
};

struct vmx_instruction_error_row {
    uint8_t number;
    const char *name;      /* "UNSUPPORTED_VMCS_COMPONENT" */
    const char *meaning;   /* in the words of the manual */
    const char *raised_by; /* instructions */
    const char *condition;
};
extern const struct vmx_instruction_error_row vmx_instruction_errors[];
extern const unsigned vmx_instruction_error_count;

/* The row of an error number; NULL for a number that the manual leaves out. */
const struct vmx_instruction_error_row *vmx_instruction_error(uint32_t number);
/* By name or number text; NULL for none. */
const struct vmx_instruction_error_row *vmx_instruction_error_of_name(const char *name);

#endif
