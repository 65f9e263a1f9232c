/* SPDX-License-Identifier: MIT */
/* The virtual-APIC page and what the processor does with it. SDM 3C, "APIC Virtualization and Virtual Interrupts".
   Every address that is not there reads as ones and swallows writes. */
#ifndef VMX_VIRTUAL_APIC_H
#define VMX_VIRTUAL_APIC_H

#include "cpu.h"

/* The virtual task-priority register, VTPR[7:4] in bits 3:0, as MOV from CR8 reads it. */
uint64_t vmx_virtual_cr8(const struct vmx_cpu *cpu);
/* MOV to CR8 with "use TPR shadow": writes VTPR and virtualizes it. The outcome is a trap-like exit, or DONE. */
struct vmx_outcome vmx_write_virtual_cr8(struct vmx_cpu *cpu, uint64_t value);

/* APIC-write emulation: what follows a write to the virtual-APIC page at this offset (SDM 3C, "APIC-Write Emulation"). The outcome is a trap-like
   exit, or DONE; the instruction has completed. */
struct vmx_outcome vmx_apic_write_emulation(struct vmx_cpu *cpu, unsigned offset);

/* RDMSR of 800H to 8FFH where "virtualize x2APIC mode" answers it. False: an ordinary MSR. */
bool vmx_x2apic_read(const struct vmx_cpu *cpu, uint32_t index, uint64_t *value);

enum vmx_x2apic_write { VMX_X2APIC_ORDINARY /* not virtualized */, VMX_X2APIC_FAULT /* #GP(0) */, VMX_X2APIC_DONE };
/* WRMSR of 800H to 8FFH likewise; DONE: *trap is a trap-like exit, or DONE. */
enum vmx_x2apic_write vmx_x2apic_write(struct vmx_cpu *cpu, uint32_t index, uint64_t value, struct vmx_outcome *trap);

/* VM entry with "virtual-interrupt delivery": PPR virtualization and evaluation of pending virtual interrupts. */
void vmx_virtual_interrupts_at_entry(struct vmx_cpu *cpu);
/* Evaluates pending virtual interrupts: sets cpu->pending.virtual_interrupt. */
void vmx_evaluate_virtual_interrupts(struct vmx_cpu *cpu);
/* Takes the recognized virtual interrupt out of VIRR; returns its vector. */
uint8_t vmx_take_virtual_interrupt(struct vmx_cpu *cpu);
/* Posted-interrupt processing of the notification vector. */
void vmx_process_posted_interrupts(struct vmx_cpu *cpu);

#endif
