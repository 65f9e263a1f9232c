/* SPDX-License-Identifier: MIT */
/* Accesses to the APIC-access page: which exit and which go to the virtual-APIC page.
   SDM 3C, "Virtualizing Memory-Mapped APIC Accesses". */
#include "apic_page.h"

#include "controls.h"
#include "reasons.h"
#include "registers.h"
#include "virtual_apic_ops.h"

/* Access types in bits 15:12 of the exit qualification. */
enum { TYPE_READ = 0, TYPE_WRITE = 1, TYPE_FETCH = 2, TYPE_DELIVERY = 3, TYPE_PHYSICAL_DELIVERY = 10, TYPE_PHYSICAL = 15 };

bool vmx_apic_page_within(const struct vmx_access *a, hpa_t host, unsigned shift)
{
    return a->apic_accesses && (host >> shift) == vmcs_get(a->cpu->vmcs, VMCS_APIC_ACCESS_ADDR) >> shift;
}

static bool delivering(const struct vmx_cpu *cpu)
{
    return (cpu->vectoring_info >> 31) != 0;
}

static void exit_with_type(const struct vmx_access *a, unsigned type, unsigned offset, struct vmx_translation *out)
{
    vmx_access_exit(a, VMX_EXIT_APIC_ACCESS, (uint64_t)type << 12 | offset, out);
}

static void linear_exit(const struct vmx_access *a, struct vmx_translation *out)
{
    static const uint8_t types[] = {
        [VMX_ACCESS_READ] = TYPE_READ, [VMX_ACCESS_WRITE] = TYPE_WRITE, [VMX_ACCESS_FETCH] = TYPE_FETCH, [VMX_ACCESS_READ_WRITE] = TYPE_WRITE};
    exit_with_type(a, delivering(a->cpu) ? TYPE_DELIVERY : types[a->kind], (unsigned)(a->linear & 0xfff), out);
}

void vmx_apic_page_access(const struct vmx_access *a, struct vmx_translation *out)
{
    const bool shadowed = (vmx_primary_controls(a->cpu) & VMX_PRI_USE_TPR_SHADOW) != 0;
    out->read = out->write = out->fetch = false;
    if (!shadowed || a->kind == VMX_ACCESS_FETCH) {
        linear_exit(a, out);
        return;
    }
    out->apic_page = true;
    out->host = vmcs_get(a->cpu->vmcs, VMCS_VIRTUAL_APIC_PAGE_ADDR) | (a->linear & 0xfff);
}

void vmx_apic_page_physical(const struct vmx_access *a, struct vmx_translation *out)
{
    exit_with_type(a, delivering(a->cpu) ? TYPE_PHYSICAL_DELIVERY : TYPE_PHYSICAL, 0, out);
}

void vmx_apic_access_exit(struct vmx_cpu *cpu, gva_t linear, enum vmx_access_kind kind, struct vmx_translation *out)
{
    const struct vmx_access a = vmx_access_begin(cpu, linear, kind, false, false);
    linear_exit(&a, out);
}

/* Registers of "APIC-register virtualization" by their 16-byte slot: bit n stands for offset n * 10H. */
static bool register_virtualized(unsigned slot, bool write)
{
    const uint64_t low_reads = VMX_BIT(0x02) | VMX_BIT(0x03) | VMX_BIT(0x08) | VMX_BIT(0x0b) | VMX_BIT(0x0d) | VMX_BIT(0x0e) | VMX_BIT(0x0f) |
                               UINT64_C(0xffffff) << 0x10 | VMX_BIT(0x28) | VMX_BIT(0x30) | VMX_BIT(0x31) | UINT64_C(0x3f) << 0x32 | VMX_BIT(0x38) |
                               VMX_BIT(0x3e);
    const uint64_t writes = VMX_BIT(0x02) | VMX_BIT(0x08) | VMX_BIT(0x0b) | VMX_BIT(0x0d) | VMX_BIT(0x0e) | VMX_BIT(0x0f) | VMX_BIT(0x28) |
                            VMX_BIT(0x30) | VMX_BIT(0x31) | UINT64_C(0x3f) << 0x32 | VMX_BIT(0x38) | VMX_BIT(0x3e);
    return slot < 64 && ((write ? writes : low_reads) >> slot & 1) != 0;
}

bool vmx_apic_access_virtualized(const struct vmx_cpu *cpu, unsigned offset, unsigned size, bool write)
{
    const uint32_t secondary = vmx_secondary_controls(cpu);
    if (size > 4 || (offset & 15u) + size > 4)
        return false;
    if ((secondary & VMX_SEC_APIC_REGISTER_VIRT) != 0)
        return register_virtualized(offset >> 4, write);
    if (offset == VMX_APIC_TPR)
        return true;
    return write && (secondary & VMX_SEC_VIRTUAL_INTR_DELIVERY) != 0 && (offset == VMX_APIC_EOI || offset == VMX_APIC_ICR_LOW);
}
