/* SPDX-License-Identifier: MIT */
/* What one logical processor answers about itself: the controls in force, its privilege level, its CPUID. */
#include "cpu.h"

#include "controls.h"
#include "cpuid_bits.h"

static uint64_t control(const struct vmx_cpu *cpu, enum vmcs_field field)
{
    return cpu->vmcs != NULL ? vmcs_get(cpu->vmcs, field) : 0;
}

uint32_t vmx_pin_controls(const struct vmx_cpu *cpu)
{
    return (uint32_t)control(cpu, VMCS_PIN_BASED_VM_EXEC_CONTROL);
}

uint32_t vmx_primary_controls(const struct vmx_cpu *cpu)
{
    return (uint32_t)control(cpu, VMCS_CPU_BASED_VM_EXEC_CONTROL);
}

uint32_t vmx_secondary_controls(const struct vmx_cpu *cpu)
{
    const bool activated = (vmx_primary_controls(cpu) & VMX_PRI_ACTIVATE_SECONDARY) != 0;
    return activated ? (uint32_t)control(cpu, VMCS_SECONDARY_VM_EXEC_CONTROL) : 0;
}

uint64_t vmx_tertiary_controls(const struct vmx_cpu *cpu)
{
    const bool activated = (vmx_primary_controls(cpu) & VMX_PRI_ACTIVATE_TERTIARY) != 0;
    return activated ? control(cpu, VMCS_TERTIARY_VM_EXEC_CONTROL) : 0;
}

unsigned vmx_cpl(const struct vmx_state *s)
{
    const uint64_t cr0_pe = 1u << 0, rflags_vm = 1u << 17;
    if ((s->cr0 & cr0_pe) == 0)
        return 0;
    return (s->rflags & rflags_vm) != 0 ? 3 : s->seg[VMX_SS].access_rights >> 5 & 3u;
}

static bool has_xsave(const struct vmx_caps *caps)
{
    uint32_t features[4];
    vmx_cpuid(caps, 1, 0, features);
    return (features[2] & VMX_CPUID_XSAVE) != 0;
}

/* Bytes that XSAVE needs for the components enabled in XCR0: the end of the last one, from leaf 0DH. */
static uint32_t xsave_size(const struct vmx_caps *caps, uint64_t xcr0)
{
    uint32_t size = 576; /* legacy region and header */
    for (uint32_t component = 2; component < 63; component++) {
        uint32_t area[4];
        if ((xcr0 >> component & 1) == 0)
            continue;
        vmx_cpuid(caps, 0xd, component, area);
        if (area[1] + area[0] > size)
            size = area[1] + area[0];
    }
    return size;
}

/* Bytes of a compacted area, in which supervisor components (IA32_XSS) stand too, one behind the other. */
static uint32_t compacted_size(const struct vmx_caps *caps, uint64_t enabled)
{
    uint32_t size = 576;
    for (uint32_t component = 2; component < 63; component++) {
        const uint32_t aligned = 1u << 1;
        uint32_t area[4];
        if ((enabled >> component & 1) == 0)
            continue;
        vmx_cpuid(caps, 0xd, component, area);
        if ((area[2] & aligned) != 0)
            size = (size + 63) & ~63u;
        size += area[0];
    }
    return size;
}

/* Bits of an APIC identifier that tell the processors of a package apart. */
static uint32_t identifier_bits(uint32_t processors)
{
    uint32_t bits = 0;
    while (processors > 1u << bits)
        bits++;
    return bits;
}

/* Leaf 0BH, "Extended Topology Enumeration": level 0 are threads, level 1 cores. */
static void topology(const struct vmx_cpu *cpu, uint32_t level, uint32_t out[4])
{
    enum { LEVEL_THREAD = 1, LEVEL_CORE = 2 };
    out[0] = level == 1 ? identifier_bits(cpu->processors) : 0;
    out[1] = level == 0 ? 1 : level == 1 ? cpu->processors : 0;
    out[2] = (level & 0xff) | (level == 0 ? LEVEL_THREAD << 8 : level == 1 ? LEVEL_CORE << 8 : 0);
    out[3] = cpu->apic_id;
}

void vmx_cpu_cpuid(const struct vmx_cpu *cpu, uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
    const uint64_t cr4_osxsave = 1u << 18, cr4_pke = 1u << 22, apic_enable = 1u << 11;
    vmx_cpuid(cpu->caps, leaf, subleaf, out);
    if (leaf == 1) {
        if (cpu->processors != 0)
            out[1] = (out[1] & 0xffff) | (cpu->processors & 0xff) << 16 | cpu->apic_id << 24;
        if ((cpu->state.cr4 & cr4_osxsave) != 0)
            out[2] |= VMX_CPUID_OSXSAVE;
        if ((cpu->state.apic_base & apic_enable) == 0)
            out[3] &= ~VMX_CPUID_APIC;
    } else if (leaf == 0xb && cpu->processors != 0) {
        topology(cpu, subleaf, out);
    } else if (leaf == 7 && subleaf == 0) {
        if ((cpu->state.cr4 & cr4_pke) != 0)
            out[2] |= VMX_CPUID_OSPKE;
    } else if (leaf == 0xd && subleaf == 0 && has_xsave(cpu->caps)) {
        out[1] = xsave_size(cpu->caps, cpu->state.xcr0);
    } else if (leaf == 0xd && subleaf == 1 && has_xsave(cpu->caps)) {
        out[1] = compacted_size(cpu->caps, cpu->state.xcr0 | cpu->state.xss);
    }
}
