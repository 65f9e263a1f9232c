/* SPDX-License-Identifier: MIT */
/* Sensitive instructions in VMX non-root operation: fault, VM exit, or execution as non-root operation changes it.
   SDM 3C, "VMX Non-Root Operation"; priorities as "Relative Priority of Faults and VM Exits". */
#ifndef VMX_DECIDE_H
#define VMX_DECIDE_H

#include "cpu.h"
#include "decode.h"

/* Decides what the instruction at cpu->state.rip does. const: nothing changes.
   VMX_OUTCOME_RUN when neither fault nor exit stands in its way. */
struct vmx_outcome vmx_decide(struct vmx_cpu *cpu, const struct vmx_instruction *instruction);

/* Executes a sensitive instruction for which vmx_decide() answered VMX_OUTCOME_RUN, as non-root operation (or plain
   operation when VMX is off) defines it: MOV CR, CLTS, LMSW, SMSW to a register, MOV DR, RDTSC, RDTSCP, RDPMC, RDMSR, WRMSR, HLT, PAUSE, INVLPG,
   INVD, WBINVD, MONITOR, MWAIT, XSETBV, RDRAND and RDSEED (a fixed sequence), CPUID (by the table of the caps). Port accesses are the caller's.
   VMX_OUTCOME_RUN: the model leaves this instruction to the engine. */
struct vmx_outcome vmx_execute(struct vmx_cpu *cpu, const struct vmx_instruction *instruction);

/* I/O: does an access of size bytes (1, 2, 4) at a port exit? SDM 3C, "I/O-Bitmap Addresses". */
bool vmx_io_exits(const struct vmx_cpu *cpu, uint32_t port, unsigned size);
/* MSRs: SDM 3C, "MSR-Bitmap Address". */
bool vmx_msr_exits(const struct vmx_cpu *cpu, uint32_t index, bool write);

/* The next event that acts at this instruction boundary, by priority (SDM 3C, "Event Blocking", "VM Exits Before and After ...";
   SDM 3A, "Priority Among Concurrent Events"): consumes it from cpu->pending. VMX_OUTCOME_RUN: none, the next instruction runs. */
struct vmx_outcome vmx_boundary(struct vmx_cpu *cpu);

/* TSC ticks from cpu->tsc until the VMX-preemption timer expires; UINT64_MAX when it does not count. */
uint64_t vmx_timer_remaining(const struct vmx_cpu *cpu);

/* The time-stamp counter as RDTSC reads it now: offset and scaling applied in non-root operation. */
uint64_t vmx_guest_tsc(const struct vmx_cpu *cpu);

/* Guest views of CR0 and CR4 through mask and read shadow. */
uint64_t vmx_visible_cr0(const struct vmx_cpu *cpu);
uint64_t vmx_visible_cr4(const struct vmx_cpu *cpu);

#endif
