/* SPDX-License-Identifier: GPL-2.0-or-later */
/* RESET and INIT leave a processor as the table of the manual says. */
#include "tests/support/suite.h"
#include "vmx-model/registers.h"
#include "vmx-model/reset.h"

static struct vmx_cpu worn_out(void)
{
    struct vmx_cpu cpu = {.caps = vmx_default_profile(), .apic_id = 3, .processors = 4, .feature_control = 5, .nmi_blocked = true};
    cpu.state.cr0 = VMX_CR0_PG | VMX_CR0_PE | VMX_CR0_CD | VMX_CR0_ET;
    cpu.state.cr4 = VMX_CR4_PAE;
    cpu.state.efer = VMX_EFER_LME | VMX_EFER_LMA;
    cpu.state.lstar = 0x1234;
    cpu.state.xcr0 = 3;
    cpu.state.activity = VMX_HLT;
    cpu.state.gpr[VMX_R9] = 9;
    cpu.state.dr[1] = 1;
    cpu.pending.init = cpu.pending.nmi = true;
    return cpu;
}

static void both_start_at_the_reset_vector(void)
{
    struct vmx_cpu cpu = worn_out();
    uint32_t leaf[4];
    vmx_cpuid(cpu.caps, 1, 0, leaf);
    for (unsigned round = 0; round < 2; round++) {
        if (round == 0)
            vmx_init(&cpu, true);
        else
            vmx_reset(&cpu, true);
        CU_ASSERT_EQUAL(cpu.state.rip, 0xfff0);
        CU_ASSERT_EQUAL(cpu.state.seg[VMX_CS].selector, 0xf000);
        CU_ASSERT_EQUAL(cpu.state.seg[VMX_CS].base, 0xffff0000);
        CU_ASSERT_EQUAL(cpu.state.seg[VMX_LDTR].access_rights, 0x82);
        CU_ASSERT_EQUAL(cpu.state.seg[VMX_TR].access_rights, 0x8b);
        CU_ASSERT_EQUAL(cpu.state.gdtr.limit, 0xffff);
        CU_ASSERT_EQUAL(cpu.state.rflags, 2);
        CU_ASSERT_EQUAL(cpu.state.efer, 0);
        CU_ASSERT_EQUAL(cpu.state.cr4, 0);
        CU_ASSERT_EQUAL(cpu.state.dr[1], 0);
        CU_ASSERT_EQUAL(cpu.state.dr[6], 0xffff0ff0);
        CU_ASSERT_EQUAL(cpu.state.dr[7], 0x400);
        CU_ASSERT_EQUAL(cpu.state.gpr[VMX_R9], 0);
        CU_ASSERT_EQUAL(cpu.state.gpr[VMX_RDX], leaf[0]);
        CU_ASSERT_FALSE(cpu.nmi_blocked || cpu.pending.init || cpu.pending.nmi);
        CU_ASSERT_EQUAL(cpu.apic_id, 3);
    }
}

static void init_leaves_msrs_and_cache_control(void)
{
    struct vmx_cpu cpu = worn_out();
    vmx_init(&cpu, true);
    CU_ASSERT_EQUAL(cpu.state.cr0, VMX_CR0_CD | VMX_CR0_ET);
    CU_ASSERT_EQUAL(cpu.state.lstar, 0x1234);
    CU_ASSERT_EQUAL(cpu.state.xcr0, 3);
    CU_ASSERT_EQUAL(cpu.feature_control, 5);
}

static void reset_leaves_nothing(void)
{
    struct vmx_cpu cpu = worn_out();
    vmx_reset(&cpu, true);
    CU_ASSERT_EQUAL(cpu.state.cr0, 0x60000010);
    CU_ASSERT_EQUAL(cpu.state.lstar, 0);
    CU_ASSERT_EQUAL(cpu.state.xcr0, 1);
    CU_ASSERT_EQUAL(cpu.state.apic_base, 0xfee00900);
    CU_ASSERT_EQUAL(cpu.feature_control, 0);
    CU_ASSERT_EQUAL(cpu.operation, VMX_OPERATION_OFF);
    CU_ASSERT_EQUAL(cpu.current_vmcs, VMX_NO_VMCS);
}

static void application_processors_wait_for_a_sipi(void)
{
    struct vmx_cpu cpu = worn_out();
    vmx_reset(&cpu, false);
    CU_ASSERT_EQUAL(cpu.state.activity, VMX_WAIT_FOR_SIPI);
    CU_ASSERT_EQUAL(cpu.state.apic_base, 0xfee00800);
    vmx_init(&cpu, true);
    CU_ASSERT_EQUAL(cpu.state.activity, VMX_ACTIVE);
}

SUITE("vmx-model/reset", {"both_start_at_the_reset_vector", both_start_at_the_reset_vector},
      {"init_leaves_msrs_and_cache_control", init_leaves_msrs_and_cache_control}, {"reset_leaves_nothing", reset_leaves_nothing},
      {"application_processors_wait_for_a_sipi", application_processors_wait_for_a_sipi})
