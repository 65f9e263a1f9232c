/* SPDX-License-Identifier: MIT */
/* The pieces that VM entry and VM exit are made of; internal to the model. */
#ifndef VMX_TRANSITION_OPS_H
#define VMX_TRANSITION_OPS_H

#include "transition.h"

/* The guest-state groups of a VMCS stand two bits above those of struct vmx_state. */
enum { GUEST_GROUPS = VMX_GROUP_ALL & ~VMX_GROUP_GPR, GROUP_SHIFT = 2 };
_Static_assert(VMX_GROUP_IP << GROUP_SHIFT == VMCS_GROUP_GUEST_IP && VMX_GROUP_CONTROL << GROUP_SHIFT == VMCS_GROUP_GUEST_CONTROL &&
                   VMX_GROUP_SEGMENTS << GROUP_SHIFT == VMCS_GROUP_GUEST_SEGMENTS && VMX_GROUP_TABLES << GROUP_SHIFT == VMCS_GROUP_GUEST_TABLES &&
                   VMX_GROUP_DEBUG << GROUP_SHIFT == VMCS_GROUP_GUEST_DEBUG && VMX_GROUP_MSR << GROUP_SHIFT == VMCS_GROUP_GUEST_MSR &&
                   VMX_GROUP_EVENT << GROUP_SHIFT == VMCS_GROUP_GUEST_EVENT,
               "groups of the VMCS and of the state correspond");

/* Loads groups of cpu->state from the guest-state area. SDM 3C, "Loading Guest State". */
void vmx_load_guest_groups(struct vmx_cpu *cpu, uint32_t groups);

/* Of the groups SEGMENTS and TABLES: those whose fields saving this state would not change. */
uint32_t vmx_saved_already(const struct vmcs *v, const struct vmx_state *s);

/* IA32_EFER as VM entry would set it on top of the present value. */
uint64_t vmx_entry_efer(const struct vmx_state *s, const struct vmcs *v);

/* PAE paging without or with EPT: the PDPTEs as VM entry loads them; false: a reserved bit is set. */
bool vmx_load_guest_pdptes(struct vmx_cpu *cpu, bool *changed);

/* True iff PAE paging is in use. */
bool vmx_pae_paging(const struct vmx_state *s);

enum { MSR_LIST_LOADED = 0 };
/* Loads the VM-entry MSR-load list; the 1-based number of the entry that fails (then *check names the rule), or MSR_LIST_LOADED. */
uint32_t vmx_load_entry_msrs(struct vmx_cpu *cpu, uint32_t *changed, enum vmx_check *check);
/* The VM-exit lists; false: VMX abort. */
bool vmx_store_exit_msrs(struct vmx_cpu *cpu);
bool vmx_load_exit_msrs(struct vmx_cpu *cpu);

/* Loads host state: the end of every VM exit and of every failed VM entry. Returns a VMX-abort indicator, 0 for none. */
uint32_t vmx_return_to_host(struct vmx_cpu *cpu);

#endif
