/* SPDX-License-Identifier: MIT */
/* The virtual-APIC page and what the processor does with it. SDM 3C, "APIC Virtualization and Virtual Interrupts".
   Every address that is not there reads as ones and swallows writes. */
#ifndef VMX_VIRTUAL_APIC_H
#define VMX_VIRTUAL_APIC_H

#include "cpu.h"
#include "walk.h"

/* The virtual task-priority register, VTPR[7:4] in bits 3:0, as MOV from CR8 reads it. */
uint64_t vmx_virtual_cr8(const struct vmx_cpu *cpu);
/* MOV to CR8 with "use TPR shadow": writes VTPR and virtualizes it. The outcome is a trap-like exit, or DONE. */
struct vmx_outcome vmx_write_virtual_cr8(struct vmx_cpu *cpu, uint64_t value);

/* APIC-write emulation: what follows a write to the virtual-APIC page at this offset (SDM 3C, "APIC-Write Emulation"). The outcome is a trap-like
   exit, or DONE; the instruction has completed. */
struct vmx_outcome vmx_apic_write_emulation(struct vmx_cpu *cpu, unsigned offset);

/* One operation's accesses to the APIC-access page: of an instruction, or of one iteration of a string instruction with REP. All zeros at its begin. */
struct vmx_apic_operation {
    bool written; /* a write was virtualized, at this offset and of this size in bytes */
    uint16_t offset;
    uint8_t size;
};
/* Whether the operation's next access is virtualized; if not, it exits. After a write, only the same write may follow. A virtualized access acts on the
   virtual-APIC page. SDM 3C, "Virtualizing Memory-Mapped APIC Accesses". */
bool vmx_apic_operation_access(const struct vmx_cpu *cpu, struct vmx_apic_operation *operation, unsigned offset, unsigned size, bool write);
/* APIC-write emulation behind the completed operation, as vmx_apic_write_emulation(). */
struct vmx_outcome vmx_apic_operation_end(struct vmx_cpu *cpu, const struct vmx_apic_operation *operation);

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
