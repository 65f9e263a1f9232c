/* SPDX-License-Identifier: MIT */
/* Model-specific registers as RDMSR and WRMSR at CPL 0 meet them. SDM 4, "Model-Specific Registers". */
#ifndef VMX_MSR_H
#define VMX_MSR_H

#include "cpu.h"
#include "registers.h"

/* Reads an MSR; false: RDMSR raises #GP(0). IA32_TIME_STAMP_COUNTER is read with offset and scaling in non-root operation.
   Not modelled: the MSRs of the local APIC, performance counters, variable and fixed MTRRs, machine-check banks: #GP(0). */
bool vmx_msr_read(const struct vmx_cpu *cpu, uint32_t index, uint64_t *value);

/* True: WRMSR of this value raises #GP(0). */
bool vmx_msr_write_faults(const struct vmx_cpu *cpu, uint32_t index, uint64_t value);

/* Stores a value that does not fault; returns the groups of cpu->state that it wrote. IA32_EFER.LMA keeps its value. */
uint32_t vmx_msr_store(struct vmx_cpu *cpu, uint32_t index, uint64_t value);

#endif
