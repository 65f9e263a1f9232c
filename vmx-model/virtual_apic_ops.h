/* SPDX-License-Identifier: MIT */
/* Registers of the virtual-APIC page and the operations on them that several instructions and events share; internal to the model.
   SDM 3C, "APIC Virtualization and Virtual Interrupts". */
#ifndef VMX_VIRTUAL_APIC_OPS_H
#define VMX_VIRTUAL_APIC_OPS_H

#include "cpu.h"
#include "registers.h"

void vmx_vapic_read(const struct vmx_cpu *cpu, unsigned offset, void *buffer, uint32_t size);
void vmx_vapic_write(const struct vmx_cpu *cpu, unsigned offset, const void *buffer, uint32_t size);
uint32_t vmx_vapic_get(const struct vmx_cpu *cpu, unsigned offset);
void vmx_vapic_set(const struct vmx_cpu *cpu, unsigned offset, uint32_t value);
/* VTPR: bits 7:0 of the register. */
uint8_t vmx_vapic_tpr(const struct vmx_cpu *cpu);

/* "Virtual-interrupt delivery" acts. */
bool vmx_delivers_virtual_interrupts(const struct vmx_cpu *cpu);

/* Guest interrupt status: requesting virtual interrupt (RVI), servicing virtual interrupt (SVI). */
uint8_t vmx_rvi(const struct vmx_cpu *cpu);
uint8_t vmx_svi(const struct vmx_cpu *cpu);
void vmx_set_interrupt_status(const struct vmx_cpu *cpu, uint8_t requesting, uint8_t servicing);

/* The virtualizations. Each answers a trap-like exit, or DONE. */
struct vmx_outcome vmx_virtualize_tpr(struct vmx_cpu *cpu);
struct vmx_outcome vmx_virtualize_eoi(struct vmx_cpu *cpu);
struct vmx_outcome vmx_virtualize_self_ipi(struct vmx_cpu *cpu, uint8_t vector);

#endif
