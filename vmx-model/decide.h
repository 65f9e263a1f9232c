/* SPDX-License-Identifier: MIT */
/* Sensitive instructions in VMX non-root operation: fault, VM exit, or execution as non-root operation changes it.
   SDM 3C, "VMX Non-Root Operation"; priorities as "Relative Priority of Faults and VM Exits". */
#ifndef VMX_DECIDE_H
#define VMX_DECIDE_H

#include "cpu.h"
#include "decode.h"

/* Decides what the instruction at cpu->state.rip does; nothing changes (but accessed flags, where deciding reads guest memory).
   VMX_OUTCOME_RUN when neither fault nor exit stands in its way. */
struct vmx_outcome vmx_decide(struct vmx_cpu *cpu, const struct vmx_instruction *instruction);

/* Executes a sensitive instruction for which vmx_decide() answered VMX_OUTCOME_RUN, as non-root operation (or plain
   operation when VMX is off) defines it: MOV CR, CLTS, LMSW, SMSW, MOV DR, RDTSC, RDTSCP, RDPMC, RDPID, RDMSR, WRMSR, HLT, PAUSE, INVLPG, INVPCID,
   INVD, WBINVD, MONITOR, MWAIT, UMWAIT, TPAUSE, XSETBV, RDRAND and RDSEED (a fixed sequence), CPUID (by the table of the caps), VMFUNC, VMREAD and
   VMWRITE of a shadow VMCS; and where cpu->vmcs_cache is, all VMX instructions outside non-root operation. Port accesses are the caller's.
   VMLAUNCH and VMRESUME: after VMX_OUTCOME_DONE cpu->operation tells whether the guest runs (an event of the entry is delivered already) or the entry
   failed and host state is loaded; VMX_OUTCOME_EXIT is an exit of that delivery, VMX_OUTCOME_SHUTDOWN a VMX abort.
   VMX_OUTCOME_RUN: the model leaves this instruction to the engine. VMX_OUTCOME_EXIT: a trap-like exit (TPR below threshold, virtualized EOI, APIC
   write), the state stands behind the instruction already and `changed` names what it wrote; or an EPT exit of an access, nothing is changed. */
struct vmx_outcome vmx_execute(struct vmx_cpu *cpu, const struct vmx_instruction *instruction);

/* An instruction that lacks IOPL and would be #GP: what it does where the virtual interrupt flag serves it, RUN where it does not. */
struct vmx_outcome vmx_execute_virtual(struct vmx_cpu *cpu, const struct vmx_instruction *instruction);

/* I/O: does an access of size bytes (1, 2, 4) at a port exit? SDM 3C, "I/O-Bitmap Addresses". */
bool vmx_io_exits(const struct vmx_cpu *cpu, uint32_t port, unsigned size);
/* MSRs: SDM 3C, "MSR-Bitmap Address". */
bool vmx_msr_exits(const struct vmx_cpu *cpu, uint32_t index, bool write);

/* The next event that acts at this instruction boundary (which a processor in an inactive state also stands at), by priority (SDM 3C, "Event Blocking", "VM Exits Before and After ...";
   SDM 3A, "Priority Among Concurrent Events"): consumes it from cpu->pending. VMX_OUTCOME_RUN: none, the next instruction runs, or the processor
   stays inactive. VMX_OUTCOME_FAULT: `event` is to be raised with vmx_raise(cpu, &event, false), then boundaries are to be judged again before
   the next instruction runs. VMX_OUTCOME_SHUTDOWN: a machine check with CR4.MCE = 0, or an SMI. */
struct vmx_outcome vmx_boundary(struct vmx_cpu *cpu);

/* Does IRET end blocking by NMI (virtual-NMI blocking with "virtual NMIs")? SDM 3C, "Changes to Instruction Behavior in VMX Non-Root Operation". */
bool vmx_iret_unblocks_nmis(const struct vmx_cpu *cpu);

/* TSC ticks from cpu->tsc until the VMX-preemption timer expires; UINT64_MAX when it does not count. */
uint64_t vmx_timer_remaining(const struct vmx_cpu *cpu);

/* The time-stamp counter as RDTSC reads it now: offset and scaling applied in non-root operation. */
uint64_t vmx_guest_tsc(const struct vmx_cpu *cpu);

/* Guest views of CR0 and CR4 through mask and read shadow. */
uint64_t vmx_visible_cr0(const struct vmx_cpu *cpu);
uint64_t vmx_visible_cr4(const struct vmx_cpu *cpu);

#endif
