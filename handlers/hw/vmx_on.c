/* SPDX-License-Identifier: MIT */
/* Enters VMX operation, or says why this processor cannot. SDM 3C, "Enabling and Entering VMX Operation". */
#include "machine.h"
#include "x86.h"

#include "../../vmx-model/controls.h"
#include "../../vmx-model/cpuid_bits.h"

#include <stddef.h>
#include <string.h>

enum {
    XCR0_IN_ONE_PAGE = 0x2ff /* x87, SSE, AVX, MPX, AVX-512, PKRU */
};

static _Alignas(HW_PAGE) uint8_t vmxon_regions[HW_CPUS][HW_PAGE];
static _Alignas(64) uint8_t extended[HW_VCPUS][HW_PAGE];

static const char *feature_control(void)
{
    const uint64_t control = msr_or_0(VMX_MSR_FEATURE_CONTROL);
    if ((control & VMX_FEATURE_CONTROL_LOCK) == 0)
        return wrmsr(VMX_MSR_FEATURE_CONTROL, control | VMX_FEATURE_CONTROL_LOCK | VMX_FEATURE_CONTROL_OUTSIDE_SMX)
                   ? NULL
                   : "IA32_FEATURE_CONTROL refuses VMX";
    return (control & VMX_FEATURE_CONTROL_OUTSIDE_SMX) != 0 ? NULL : "the firmware locked VT-x off in IA32_FEATURE_CONTROL";
}

const char *hw_cpu_vmx_on(struct hw_cpu *cpu)
{
    uint8_t *region = vmxon_regions[cpu->number];
    uint32_t leaf[4];
    if (!hw_apic_init())
        return "the processor has no enabled local APIC";
    cpuid(1, 0, leaf);
    if ((leaf[2] & VMX_CPUID_VMX) == 0)
        return "the processor has no VT-x (CPUID.1:ECX bit 5 is 0)";
    const char *why = feature_control();
    if (why != NULL)
        return why;
    const bool xsave = (leaf[2] & VMX_CPUID_XSAVE) != 0;
    write_cr0((read_cr0() | msr_or_0(VMX_MSR_VMX_CR0_FIXED0)) & msr_or_0(VMX_MSR_VMX_CR0_FIXED1));
    write_cr4((read_cr4() | VMX_CR4_VMXE | (xsave ? VMX_CR4_OSXSAVE : 0) | msr_or_0(VMX_MSR_VMX_CR4_FIXED0)) & msr_or_0(VMX_MSR_VMX_CR4_FIXED1));
    const uint64_t basic = msr_or_0(VMX_MSR_VMX_BASIC);
    const uint32_t revision = (uint32_t)basic & 0x7fffffffu;
    memcpy(region, &revision, sizeof revision);
    return vmxon((uintptr_t)region) ? NULL : "VMXON failed";
}

const char *hw_vmx_on(struct bk_machine *machine, uint64_t ram_end)
{
    const char *why = hw_cpu_vmx_on(&machine->cpu[0]);
    if (why != NULL)
        return why;
    const uint64_t basic = msr_or_0(VMX_MSR_VMX_BASIC);
    uint32_t leaf[4];
    machine->timer =
        (bk_capability(machine, (basic >> 55 & 1) != 0 ? VMX_MSR_VMX_TRUE_PINBASED : VMX_MSR_VMX_PINBASED) >> 32 & VMX_PIN_VMX_PREEMPTION_TIMER) != 0;
    if ((read_cr4() & VMX_CR4_OSXSAVE) != 0) {
        cpuid(0xd, 0, leaf);
        machine->xcr0_all = leaf[0] & XCR0_IN_ONE_PAGE;
    }
    hw_start_cpus(machine);
    machine->ram_end = ram_end;
    machine->host_cr0 = read_cr0();
    machine->host_cr4 = read_cr4();
    machine->host_efer = msr_or_0(VMX_MSR_EFER);
    machine->host_pat = msr_or_0(VMX_MSR_PAT);
    for (unsigned i = 0; i < HW_VCPUS; i++) {
        machine->vcpu[i].machine = machine;
        machine->vcpu[i].extended = extended[i];
    }
    bk_free_pages(machine);
    return NULL;
}
