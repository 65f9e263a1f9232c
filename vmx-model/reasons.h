/* SPDX-License-Identifier: MIT */
/* Exit reasons as data: number, names, trigger, information fields, usual resolution. SDM 3D, "VMX Basic Exit Reasons". */
#ifndef VMX_REASONS_H
#define VMX_REASONS_H

#include <stdbool.h>
#include <stdint.h>

/* enum vmx_reason: VMX_EXIT_CPUID = 10 ..., one row each of exit_reasons.def. */
enum vmx_reason {
#define VMX_REASON(number, symbol, ...) VMX_EXIT_##symbol = (number),
#include "exit_reasons.def"
#undef VMX_REASON
    VMX_REASON_LIMIT = 86
};

/* Exit-reason flags. */
#define VMX_REASON_FAILED_VMENTRY (UINT32_C(1) << 31)
static inline uint32_t vmx_basic_reason(uint32_t reason)
{
    return reason & 0xffffu;
}

struct vmx_reason_row {
    uint16_t number;
    const char *name;          /* as Linux prints it: "MSR_WRITE" */
    const char *sdm_name;      /* "WRMSR" */
    const char *seed_name;     /* name in the users' list of 53, or NULL */
    const char *class_name;    /* instruction, exception, asynchronous, memory-access, VM-entry failure, reserved */
    const char *fault_or_trap; /* fault-like, trap-like, boundary, ... */
    const char *decided_by, *priority, *qualification;
    const char *instruction_length, *instruction_info, *guest_linear, *guest_physical, *interruption_info, *idt_vectoring; /* when valid */
    const char *resolution, *avoidance;
};
/* Rows 0 to 85 by number; reserved numbers have name "RESERVED_35". */
extern const struct vmx_reason_row vmx_reasons[VMX_REASON_LIMIT];
/* The exit-reason flag bits (31, 29, 28, 27, 26, 25) in the same form, number = bit. */
extern const struct vmx_reason_row vmx_reason_flags[];
extern const unsigned vmx_reason_flag_count;

/* Name of a basic reason; "UNKNOWN" beyond the table. */
const char *vmx_reason_name(uint32_t basic_reason);
/* Row by Linux name, SDM name, seed spelling or number text, case-insensitive, with or without "EXIT_REASON_"; flags too; NULL for none. */
const struct vmx_reason_row *vmx_reason_of_name(const char *name);

#endif
