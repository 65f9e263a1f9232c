/* SPDX-License-Identifier: MIT */
/* The VMX instructions on values: what each does once its operands are known. vmx_execute() decodes operands and calls these.
   SDM 3C, "VMX Instruction Reference". */
#ifndef VMX_VMX_INSTRUCTIONS_H
#define VMX_VMX_INSTRUCTIONS_H

#include "cpu.h"

/* How a VMX instruction ends. SDM 3C, "Conventions". */
enum vmx_result_kind {
    VMX_RESULT_SUCCEED,      /* VMsucceed: the arithmetic flags are 0 */
    VMX_RESULT_FAIL_INVALID, /* VMfailInvalid: CF is 1 */
    VMX_RESULT_FAIL_VALID    /* VMfailValid: ZF is 1; the VM-instruction error field of the current VMCS holds `error` */
};

struct vmx_result {
    enum vmx_result_kind kind;
    uint32_t error; /* enum vmx_instruction_error */
};

/* VMfail: VMfailValid(error) with a current VMCS, else VMfailInvalid. */
struct vmx_result vmx_fail(struct vmx_cpu *cpu, uint32_t error);

/* RFLAGS after a VMX instruction that ended so. */
uint64_t vmx_result_rflags(const struct vmx_result *result, uint64_t rflags);

/* Outside VMX operation: false when VMXON gives #GP(0) whatever its operand: A20M mode, CR0 and CR4 against their fixed bits, IA32_FEATURE_CONTROL.
   Not modelled: SMX operation, so bit 2 of that MSR decides. */
bool vmx_vmxon_allowed(const struct vmx_cpu *cpu);

/* The following need cpu->vmcs_cache, and leave the faults, which depend on mode and privilege, to vmx_decide(). Addresses are operands' values. */

/* In root operation VMfail(15); else enters VMX operation without a current VMCS when the VMXON region is good. */
struct vmx_result vmx_vmxon(struct vmx_cpu *cpu, hpa_t region);
/* Leaves VMX operation. The data of a current VMCS goes to its region (silicon may lose it).
   Not modelled: the dual-monitor treatment, under which VMXOFF fails. */
struct vmx_result vmx_vmxoff(struct vmx_cpu *cpu);
struct vmx_result vmx_vmclear(struct vmx_cpu *cpu, hpa_t region);
/* The VMCS that was current is written back to its region first. One that is current already stays as it is in the cache. */
struct vmx_result vmx_vmptrld(struct vmx_cpu *cpu, hpa_t region);

/* The current VMCS, or in non-root operation the shadow VMCS at the link pointer. mode64: in 64-bit mode, where operands are 64 bits.
   An error goes to the current VMCS even when the shadow VMCS was accessed. */
struct vmx_result vmx_vmread(struct vmx_cpu *cpu, uint64_t encoding, bool mode64, uint64_t *value);
struct vmx_result vmx_vmwrite(struct vmx_cpu *cpu, uint64_t encoding, bool mode64, uint64_t value);
/* False: they end with VMfailInvalid whatever their operands. */
bool vmx_vmcs_accessible(const struct vmx_cpu *cpu);

/* Types that the processor offers, then the instruction with the 128 bits of its descriptor. On success cached translations are to be forgotten:
   the caller's business. */
bool vmx_invept_offered(const struct vmx_caps *caps, uint64_t type);
bool vmx_invvpid_offered(const struct vmx_caps *caps, uint64_t type);
struct vmx_result vmx_invept(struct vmx_cpu *cpu, uint64_t type, const uint64_t descriptor[2]);
struct vmx_result vmx_invvpid(struct vmx_cpu *cpu, uint64_t type, const uint64_t descriptor[2]);
enum { VMX_INVVPID_ADDRESS = 0, VMX_INVVPID_SINGLE = 1, VMX_INVVPID_ALL = 2, VMX_INVVPID_SINGLE_KEEP_GLOBAL = 3 };
enum { VMX_INVEPT_SINGLE = 1, VMX_INVEPT_ALL = 2 };

/* VMCALL in root operation. Not modelled: the dual-monitor treatment, which it would activate: VMfail(1). */
struct vmx_result vmx_vmcall(struct vmx_cpu *cpu);

/* ---- the checks of each instruction as a table ---- */

enum vmx_step_outcome {
    VMX_STEP_UD,
    VMX_STEP_GP,            /* #GP(0) */
    VMX_STEP_OPERAND_FAULT, /* #GP(0), #SS(0), #PF; in non-root operation also exits of the access */
    VMX_STEP_EXIT,          /* number: basic exit reason */
    VMX_STEP_FAIL,          /* VMfail(number) */
    VMX_STEP_FAIL_INVALID,
    VMX_STEP_FAIL_VALID,    /* VMfailValid(number) */
    VMX_STEP_ENTRY_FAILURE, /* number: basic exit reason */
    VMX_STEP_SUCCEED,
    VMX_STEP_ENTER, /* the guest runs */
    VMX_STEP_RETIRE /* done, flags as they were */
};

struct vmx_instruction_check_row {
    const char *instruction; /* "VMXON" */
    unsigned step;           /* from 1, in the order of the manual */
    const char *condition;
    enum vmx_step_outcome outcome;
    unsigned number;
    const char *not_modelled; /* NULL, or why the condition cannot come true */
};

extern const struct vmx_instruction_check_row vmx_instruction_checks[];
extern const unsigned vmx_instruction_check_count;

#endif
