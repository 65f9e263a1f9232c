/* SPDX-License-Identifier: MIT */
/* How guest software reaches the virtual-APIC page: CR8, writes to the APIC-access page, MSRs 800H to 8FFH.
   SDM 3C, "Virtualizing CR8-Based TPR Accesses", "APIC-Write Emulation", "Virtualizing MSR-Based APIC Accesses". */
#include "virtual_apic.h"

#include "controls.h"
#include "outcome.h"
#include "registers.h"
#include "virtual_apic_ops.h"

static bool secondary(const struct vmx_cpu *cpu, uint32_t control)
{
    return vmx_non_root(cpu) && (vmx_secondary_controls(cpu) & control) != 0;
}

/* ---- the page ---- */

void vmx_vapic_read(const struct vmx_cpu *cpu, unsigned offset, void *buffer, uint32_t size)
{
    uint8_t *const bytes = buffer;
    if (!cpu->memory.read(cpu->memory.context, vmcs_get(cpu->vmcs, VMCS_VIRTUAL_APIC_PAGE_ADDR) + offset, buffer, size))
        for (uint32_t k = 0; k < size; k++)
            bytes[k] = 0xff;
}
void vmx_vapic_write(const struct vmx_cpu *cpu, unsigned offset, const void *buffer, uint32_t size)
{
    (void)cpu->memory.write(cpu->memory.context, vmcs_get(cpu->vmcs, VMCS_VIRTUAL_APIC_PAGE_ADDR) + offset, buffer, size);
}
uint32_t vmx_vapic_get(const struct vmx_cpu *cpu, unsigned offset)
{
    uint32_t value;
    vmx_vapic_read(cpu, offset, &value, sizeof value);
    return value;
}
void vmx_vapic_set(const struct vmx_cpu *cpu, unsigned offset, uint32_t value)
{
    vmx_vapic_write(cpu, offset, &value, sizeof value);
}
uint8_t vmx_vapic_tpr(const struct vmx_cpu *cpu)
{
    return (uint8_t)vmx_vapic_get(cpu, VMX_APIC_TPR);
}

/* ---- CR8 ---- */

uint64_t vmx_virtual_cr8(const struct vmx_cpu *cpu)
{
    return (uint64_t)vmx_vapic_tpr(cpu) >> 4;
}

struct vmx_outcome vmx_write_virtual_cr8(struct vmx_cpu *cpu, uint64_t value)
{
    vmx_vapic_set(cpu, VMX_APIC_TPR, (uint32_t)(value & 0xf) << 4);
    return vmx_virtualize_tpr(cpu);
}

/* ---- writes to the page ---- */

static struct vmx_outcome apic_write_exit(unsigned offset)
{
    return vmx_outcome_exit(VMX_EXIT_APIC_WRITE, offset);
}

/* A self-IPI: fixed delivery, edge-triggered, shorthand "self", vector 16 or higher, reserved bits 0. Not modelled: IPI virtualization. */
static bool is_self_ipi(uint32_t icr)
{
    const uint32_t reserved = 0xfff00000u | 3u << 16 | 1u << 13 | 1u << 12, shorthand = 3u << 18, self = 1u << 18, level = 1u << 15, mode = 7u << 8;
    return (icr & (reserved | level | mode)) == 0 && (icr & shorthand) == self && (icr & 0xf0) != 0;
}

/* Registers are named by the offset of their first byte, VICR_HI by any of its four. */
struct vmx_outcome vmx_apic_write_emulation(struct vmx_cpu *cpu, unsigned offset)
{
    switch ((offset & ~3u) == VMX_APIC_ICR_HIGH ? (unsigned)VMX_APIC_ICR_HIGH : offset) {
    case VMX_APIC_TPR:
        vmx_vapic_set(cpu, VMX_APIC_TPR, vmx_vapic_tpr(cpu));
        return vmx_virtualize_tpr(cpu);
    case VMX_APIC_EOI:
        if (!vmx_delivers_virtual_interrupts(cpu))
            break;
        vmx_vapic_set(cpu, VMX_APIC_EOI, 0);
        return vmx_virtualize_eoi(cpu);
    case VMX_APIC_ICR_LOW:
        if (!vmx_delivers_virtual_interrupts(cpu) || !is_self_ipi(vmx_vapic_get(cpu, VMX_APIC_ICR_LOW)))
            break;
        return vmx_virtualize_self_ipi(cpu, (uint8_t)vmx_vapic_get(cpu, VMX_APIC_ICR_LOW));
    case VMX_APIC_ICR_HIGH:
        vmx_vapic_set(cpu, VMX_APIC_ICR_HIGH, vmx_vapic_get(cpu, VMX_APIC_ICR_HIGH) & 0xff000000u);
        return vmx_outcome_done(0);
    }
    return apic_write_exit(offset);
}

bool vmx_apic_operation_access(const struct vmx_cpu *cpu, struct vmx_apic_operation *operation, unsigned offset, unsigned size, bool write)
{
    const bool repeats = write && offset == operation->offset && size == operation->size;
    if ((operation->written && !repeats) || !vmx_apic_access_virtualized(cpu, offset, size, write))
        return false;
    if (write)
        *operation = (struct vmx_apic_operation){.written = true, .offset = (uint16_t)offset, .size = (uint8_t)size};
    return true;
}

struct vmx_outcome vmx_apic_operation_end(struct vmx_cpu *cpu, const struct vmx_apic_operation *operation)
{
    return operation->written ? vmx_apic_write_emulation(cpu, operation->offset) : vmx_outcome_done(0);
}

/* ---- MSRs 800H to 8FFH ---- */

static bool in_x2apic_range(const struct vmx_cpu *cpu, uint32_t index)
{
    return index >= VMX_MSR_X2APIC_FIRST && index <= VMX_MSR_X2APIC_LAST && secondary(cpu, VMX_SEC_VIRTUALIZE_X2APIC);
}

bool vmx_x2apic_read(const struct vmx_cpu *cpu, uint32_t index, uint64_t *value)
{
    if (!in_x2apic_range(cpu, index) || (index != VMX_MSR_X2APIC_TPR && !secondary(cpu, VMX_SEC_APIC_REGISTER_VIRT)))
        return false;
    vmx_vapic_read(cpu, (index & 0xff) << 4, value, sizeof *value);
    return true;
}

enum vmx_x2apic_write vmx_x2apic_write(struct vmx_cpu *cpu, uint32_t index, uint64_t value, struct vmx_outcome *trap)
{
    const bool only_with_delivery = index == VMX_MSR_X2APIC_EOI || index == VMX_MSR_X2APIC_SELF_IPI;
    if (!in_x2apic_range(cpu, index) || (index != VMX_MSR_X2APIC_TPR && !(only_with_delivery && vmx_delivers_virtual_interrupts(cpu))))
        return VMX_X2APIC_ORDINARY;
    if (value > (index == VMX_MSR_X2APIC_EOI ? 0 : 0xff))
        return VMX_X2APIC_FAULT;
    vmx_vapic_write(cpu, (index & 0xff) << 4, &value, sizeof value);
    if (index == VMX_MSR_X2APIC_TPR)
        *trap = vmx_virtualize_tpr(cpu);
    else if (index == VMX_MSR_X2APIC_EOI)
        *trap = vmx_virtualize_eoi(cpu);
    else
        *trap = value >> 4 != 0 ? vmx_virtualize_self_ipi(cpu, (uint8_t)value) : apic_write_exit(VMX_APIC_SELF_IPI);
    return VMX_X2APIC_DONE;
}
