/* SPDX-License-Identifier: MIT */
/* VM entry and VM exit: the one place where a logical processor changes between root and non-root operation.
   SDM 3C, "VM Entries" and "VM Exits". */
#ifndef VMX_TRANSITION_H
#define VMX_TRANSITION_H

#include "checks.h"
#include "cpu.h"

enum vmx_entry_instruction { VMX_ENTRY_LAUNCH, VMX_ENTRY_RESUME };

enum vmx_entry_kind {
    VMX_ENTERED,      /* in non-root operation; `changed` groups of cpu->state were loaded */
    VMX_ENTRY_FAULT,  /* #UD or #GP of VMLAUNCH/VMRESUME: `event` */
    VMX_FAIL_INVALID, /* VMfailInvalid */
    VMX_FAIL_VALID,   /* VMfailValid(error); the VM-instruction error field is written */
    VMX_ENTRY_FAILED  /* VM-entry failure: exit reason with bit 31; exit information is written, host state loaded */
};

struct vmx_entry_result {
    enum vmx_entry_kind kind;
    uint32_t error;       /* VM-instruction error number */
    enum vmx_check check; /* the rule that was violated; VMX_CHECK_NONE when entered */
    uint32_t changed;     /* enum vmx_group mask of cpu->state written by the entry */
    struct vmx_event event;
    struct vmx_exit_info exit; /* VMX_ENTRY_FAILED: what was recorded. */
    uint32_t abort;            /* VMX_ENTRY_FAILED: VMX-abort indicator of the host-state load, 0 for none */
    bool inject;               /* VMX_ENTERED: `event` is to be raised with vmx_raise(cpu, &event, true) before the guest runs */
};

/* Runs all checks, loads guest state and the MSR list, arms timer, MTF and injection; tells cpu->cache what is invalidated. Only groups whose VMCS fields changed since the
   processor last held them are loaded (result.changed); `vmx_forget_guest(cpu)` makes the next entry load everything. */
struct vmx_entry_result vmx_enter(struct vmx_cpu *cpu, enum vmx_entry_instruction instruction);

/* Commits a VM exit: records exit information, saves the groups of guest state that `changed` names (those that may differ from what the
   VMCS holds; IP and EVENT always), stores and loads the MSR lists, loads host state and leaves non-root operation. Returns a VMX-abort
   indicator, 0 for none. With cpu->native_root, cpu->state keeps the guest but for registers that the exit loads and no entry loads back;
   without, it is the host's state afterwards. So does a failed entry. cpu->cache is told what is invalidated. */
uint32_t vmx_exit(struct vmx_cpu *cpu, const struct vmx_exit_info *info, uint32_t changed);

/* The host state that a VM exit loads, a pure function of the VMCS and the state before. SDM 3C, "Loading Host State". */
void vmx_load_host_state(const struct vmx_cpu *cpu, struct vmx_state *state);

/* Saves the groups of guest state that `changed` names, IP and EVENT always, without a VM exit: for who stops a guest and looks at its VMCS. */
void vmx_save_guest_state(struct vmx_cpu *cpu, uint32_t changed);

/* cpu->state does not hold a guest any more: the next entry loads everything. */
void vmx_forget_guest(struct vmx_cpu *cpu);

/* The first active control of the current VMCS whose effect is not modelled, as a text for people; NULL when there is none. */
const char *vmx_unmodelled_controls(const struct vmx_cpu *cpu);

#endif
