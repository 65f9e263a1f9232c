/* SPDX-License-Identifier: MIT */
/* The VM-entry checks, one rule a row of entry_checks.def, in the order of the manual. SDM 3C, "VM Entries". */
#ifndef VMX_CHECKS_H
#define VMX_CHECKS_H

#include "cpu.h"

/* enum vmx_check: one constant a row, VMX_CHECK_CTL_PIN_ALLOWED0 for the id CTL.PIN.ALLOWED0; VMX_CHECK_NONE is 0, VMX_CHECK_COUNT the end. */
enum vmx_check {
    VMX_CHECK_NONE,
#define VMX_CHECK(symbol, ...) VMX_CHECK_##symbol,
#include "entry_checks.def"
#undef VMX_CHECK
    VMX_CHECK_COUNT
};

enum vmx_check_outcome {
    VMX_CHECK_UD,
    VMX_CHECK_GP,
    VMX_CHECK_EXIT,
    VMX_CHECK_FAIL_INVALID,
    VMX_CHECK_FAIL_VALID,
    VMX_CHECK_ENTRY_FAILURE_33,
    VMX_CHECK_ENTRY_FAILURE_34,
    VMX_CHECK_ENTRY_FAILURE_41
};

/* Stages run in this order; the first violated rule of the first violated stage decides. */
enum vmx_check_stage {
    VMX_STAGE_BASIC,
    VMX_STAGE_CONTROLS,
    VMX_STAGE_SMM,
    VMX_STAGE_HOST,
    VMX_STAGE_GUEST,
    VMX_STAGE_MSR_LOAD,
    VMX_STAGE_MACHINE_CHECK,
    VMX_STAGE_COUNT
};

struct vmx_check_row {
    const char *id;      /* "GUEST.CR0.FIXED0" */
    const char *section; /* title of the SDM section */
    const char *rule;    /* what must hold */
    const char *fields;  /* names of the VMCS fields it reads, separated by blanks */
    enum vmx_check_stage stage;
    enum vmx_check_outcome outcome;
    uint32_t number;          /* VM-instruction error, or exit qualification */
    const char *not_modelled; /* NULL, or why the rule cannot matter for the modelled processors */
};

extern const struct vmx_check_row vmx_check_rows[VMX_CHECK_COUNT];

/* The first violated rule, as silicon reports it; VMX_CHECK_NONE when all hold. `resume`: VMRESUME, else VMLAUNCH.
   MSR-load and machine-check stages are not part of it (they run while state is loaded). Physical memory that is not there reads as ones. Without a
   current VMCS no rule after BASIC.CURRENT_VMCS is judged. */
enum vmx_check vmx_check_first(const struct vmx_cpu *cpu, bool resume);

/* The same with the short cut: judges again only the rules that read a group of fields written since every rule last held (vmcs->unchecked, which
   success clears), the processor or RFLAGS.VM if they differ from then (vmcs->checked_for), or memory: VTPR, PDPTEs, the linked VMCS.
   The capabilities must be the same each time. */
enum vmx_check vmx_check_first_fast(struct vmx_cpu *cpu, bool resume);

/* Every violated rule, in order, at most `capacity`; returns how many there are. */
unsigned vmx_check_all(const struct vmx_cpu *cpu, bool resume, enum vmx_check *violated, unsigned capacity);

/* One rule alone. True: it holds. Rules of the MSR-load stage are about an entry of the list: see vmx_check_msr_load(); here they hold. */
bool vmx_check_holds(const struct vmx_cpu *cpu, bool resume, enum vmx_check check);

/* One entry of the VM-entry MSR-load list (SDM 3C, "Loading MSRs"): bits 31:0, 63:32 and 127:64 of it. Guest state is already loaded.
   VMX_CHECK_NONE when the entry may be loaded. */
enum vmx_check vmx_check_msr_load(const struct vmx_cpu *cpu, uint32_t index, uint32_t reserved, uint64_t value);

#endif
