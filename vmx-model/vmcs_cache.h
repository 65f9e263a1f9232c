/* SPDX-License-Identifier: MIT */
/* The current VMCS between its region in memory and the processor; internal to the model. */
#ifndef VMX_VMCS_CACHE_H
#define VMX_VMCS_CACHE_H

#include "cpu.h"

/* Makes the VMCS of a region current: its data is read into cpu->vmcs_cache. What memory says is cut to the widths of the fields and counts as
   unchecked. */
void vmx_vmcs_load(struct vmx_cpu *cpu, hpa_t region);

/* Writes the data of the current VMCS back, if there is one; then there is none. */
void vmx_vmcs_release(struct vmx_cpu *cpu);

/* Launch state "clear" in a region that is not current. */
void vmx_vmcs_clear_region(struct vmx_cpu *cpu, hpa_t region);

/* A VMX abort: the indicator of the current VMCS, in memory too where VMPTRLD made that VMCS current. */
void vmx_record_abort(struct vmx_cpu *cpu, uint32_t indicator);

/* Revision identifier of a region with the shadow-VMCS indicator in bit 31; all ones where there is no memory. */
uint32_t vmx_region_revision(const struct vmx_cpu *cpu, hpa_t region);

#endif
