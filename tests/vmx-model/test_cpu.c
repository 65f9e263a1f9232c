/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A processor answers with the controls in force, its privilege level and its CPUID as they stand. */
#include "tests/support/suite.h"
#include "vmx-model/controls.h"
#include "vmx-model/cpu.h"
#include "vmx-model/cpuid_bits.h"

static void controls_read_0_without_a_current_vmcs(void)
{
    const struct vmx_cpu cpu = {.current_vmcs = VMX_NO_VMCS};
    CU_ASSERT_EQUAL(vmx_pin_controls(&cpu), 0);
    CU_ASSERT_EQUAL(vmx_primary_controls(&cpu), 0);
    CU_ASSERT_EQUAL(vmx_secondary_controls(&cpu), 0);
    CU_ASSERT_EQUAL(vmx_tertiary_controls(&cpu), 0);
}

static void secondary_and_tertiary_words_count_only_when_activated(void)
{
    struct vmcs vmcs = {0};
    const struct vmx_cpu cpu = {.vmcs = &vmcs};
    vmcs_set(&vmcs, VMCS_PIN_BASED_VM_EXEC_CONTROL, 0x16);
    vmcs_set(&vmcs, VMCS_SECONDARY_VM_EXEC_CONTROL, VMX_SEC_ENABLE_EPT);
    vmcs_set(&vmcs, VMCS_TERTIARY_VM_EXEC_CONTROL, VMX_TER_IPI_VIRT);
    CU_ASSERT_EQUAL(vmx_pin_controls(&cpu), 0x16);
    CU_ASSERT_EQUAL(vmx_secondary_controls(&cpu), 0);
    CU_ASSERT_EQUAL(vmx_tertiary_controls(&cpu), 0);
    vmcs_set(&vmcs, VMCS_CPU_BASED_VM_EXEC_CONTROL, VMX_PRI_ACTIVATE_SECONDARY | VMX_PRI_ACTIVATE_TERTIARY);
    CU_ASSERT_EQUAL(vmx_primary_controls(&cpu), VMX_PRI_ACTIVATE_SECONDARY | VMX_PRI_ACTIVATE_TERTIARY);
    CU_ASSERT_EQUAL(vmx_secondary_controls(&cpu), VMX_SEC_ENABLE_EPT);
    CU_ASSERT_EQUAL(vmx_tertiary_controls(&cpu), VMX_TER_IPI_VIRT);
}

static void privilege_level_follows_the_mode(void)
{
    struct vmx_state s = {0};
    s.seg[VMX_SS].access_rights = 3u << 5 | 0x93;
    CU_ASSERT_EQUAL(vmx_cpl(&s), 0); /* real mode */
    s.cr0 = 1;
    CU_ASSERT_EQUAL(vmx_cpl(&s), 3);
    s.seg[VMX_SS].access_rights = 1u << 5 | 0x93;
    CU_ASSERT_EQUAL(vmx_cpl(&s), 1);
    s.rflags = 1u << 17; /* virtual-8086 mode */
    CU_ASSERT_EQUAL(vmx_cpl(&s), 3);
}

static void cpuid_bits_follow_the_state(void)
{
    struct vmx_cpu cpu = {.caps = vmx_default_profile()};
    uint32_t out[4];
    vmx_cpu_cpuid(&cpu, 1, 0, out);
    CU_ASSERT_EQUAL(out[2] & VMX_CPUID_OSXSAVE, 0);
    CU_ASSERT_EQUAL(out[3] & VMX_CPUID_APIC, 0);
    vmx_cpu_cpuid(&cpu, 7, 0, out);
    CU_ASSERT_EQUAL(out[2] & VMX_CPUID_OSPKE, 0);
    cpu.state.cr4 = 1u << 18 | 1u << 22;
    cpu.state.apic_base = 0xfee00800;
    vmx_cpu_cpuid(&cpu, 1, 0, out);
    CU_ASSERT_NOT_EQUAL(out[2] & VMX_CPUID_OSXSAVE, 0);
    CU_ASSERT_NOT_EQUAL(out[3] & VMX_CPUID_APIC, 0);
    vmx_cpu_cpuid(&cpu, 7, 0, out);
    CU_ASSERT_NOT_EQUAL(out[2] & VMX_CPUID_OSPKE, 0);
}

static void xsave_size_follows_xcr0(void)
{
    struct vmx_cpu cpu = {.caps = vmx_default_profile(), .state = {.xcr0 = 3}};
    uint32_t out[4];
    vmx_cpu_cpuid(&cpu, 0xd, 0, out);
    CU_ASSERT_EQUAL(out[1], 576);
    CU_ASSERT_EQUAL(out[2], 2696);
    cpu.state.xcr0 = 0x203;
    vmx_cpu_cpuid(&cpu, 0xd, 0, out);
    CU_ASSERT_EQUAL(out[1], 2696);
    cpu.caps = vmx_profile("nehalem"); /* no XSAVE */
    vmx_cpu_cpuid(&cpu, 0xd, 0, out);
    CU_ASSERT_EQUAL(out[1], 1); /* beyond the highest leaf: data of leaf 0BH */
}

static void compacted_size_follows_xcr0_and_xss(void)
{
    static const struct {
        uint64_t xcr0, xss;
        uint32_t size;
    } rows[] = {{3, 0, 576}, {0x203, 0, 584}, {3, 0x100, 704}, {0x203, 0x100, 712}};
    struct vmx_cpu cpu = {.caps = vmx_profile("sapphire-rapids")};
    uint32_t out[4];
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        cpu.state.xcr0 = rows[i].xcr0;
        cpu.state.xss = rows[i].xss;
        vmx_cpu_cpuid(&cpu, 0xd, 1, out);
        CU_ASSERT_EQUAL(out[1], rows[i].size);
        CU_ASSERT_EQUAL(out[2], 0x100);
    }
    /* A component that asks for it begins at a multiple of 64 bytes. */
    static const struct vmx_cpuid_entry leaves[] = {
        {0, 0, 0xd, 0, 0, 0}, {1, 0, 0, 0, VMX_CPUID_XSAVE, 0}, {0xd, 1, 0, 0, 0, 0}, {0xd, 8, 4, 0, 1, 0}, {0xd, 12, 24, 0, 3, 0}};
    const struct vmx_caps aligned = {.cpuid = leaves, .cpuid_count = sizeof leaves / sizeof leaves[0]};
    cpu = (struct vmx_cpu){.caps = &aligned, .state = {.xcr0 = 3, .xss = 0x1100}};
    vmx_cpu_cpuid(&cpu, 0xd, 1, out);
    CU_ASSERT_EQUAL(out[1], 640 + 24);
}

SUITE("vmx-model/cpu", {"controls_read_0_without_a_current_vmcs", controls_read_0_without_a_current_vmcs},
      {"secondary_and_tertiary_words_count_only_when_activated", secondary_and_tertiary_words_count_only_when_activated},
      {"privilege_level_follows_the_mode", privilege_level_follows_the_mode}, {"cpuid_bits_follow_the_state", cpuid_bits_follow_the_state},
      {"xsave_size_follows_xcr0", xsave_size_follows_xcr0}, {"compacted_size_follows_xcr0_and_xss", compacted_size_follows_xcr0_and_xss})
