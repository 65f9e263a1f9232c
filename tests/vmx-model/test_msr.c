/* SPDX-License-Identifier: GPL-2.0-or-later */
/* RDMSR and WRMSR: which MSRs there are, which values they take. */
#include "tests/support/suite.h"
#include "vmx-model/msr.h"

/* A processor with every feature that an MSR comes with, and XSS bits 11 and 12. */
static const struct vmx_cpuid_entry everything[] = {{0, 0, 0xd, 0, 0, 0},
                                                    {1, 0, 0, 0, UINT32_MAX, UINT32_MAX},
                                                    {7, 0, 0, UINT32_MAX, UINT32_MAX, UINT32_MAX},
                                                    {0xd, 1, UINT32_MAX, 0, 0x1800, 0},
                                                    {0x80000000, 0, 0x80000001, 0, 0, 0},
                                                    {0x80000001, 0, 0, 0, UINT32_MAX, UINT32_MAX}};
static const struct vmx_cpuid_entry nothing[] = {{0, 0, 1, 0, 0, 0}, {1, 0, 0, 0, 0, 0}, {0x80000000, 0, 0x80000000, 0, 0, 0}};

static struct vmx_caps caps;
static struct vmx_cpu cpu;

static void start(const struct vmx_cpuid_entry *cpuid, unsigned count)
{
    caps = *vmx_default_profile();
    caps.cpuid = cpuid;
    caps.cpuid_count = count;
    caps.spec_ctrl_valid = 3;
    caps.perf_global_valid = 0xf;
    caps.debugctl_valid = 3;
    cpu = (struct vmx_cpu){.caps = &caps, .operation = VMX_OPERATION_ROOT};
    cpu.state.apic_base = 0xfee00900;
    cpu.state.misc_enable = 0x850089;
}

#define NOT_CANONICAL UINT64_C(0x0000800000000000)
#define CANONICAL UINT64_C(0xffff800000001000)

/* For each MSR a value that it takes and one that it refuses (the same twice: it refuses none). */
static const struct {
    uint32_t index;
    uint64_t good, bad;
} rows[] = {
    {VMX_MSR_APIC_BASE, 0xfee00d00, 0xfee00500}, /* x2APIC without "enable" */
    {VMX_MSR_APIC_BASE, 0xfee00800, 0xfee00801},
    {VMX_MSR_SPEC_CTRL, 3, 4},
    {VMX_MSR_SYSENTER_CS, 0x10, 0x10},
    {VMX_MSR_SYSENTER_ESP, CANONICAL, NOT_CANONICAL},
    {VMX_MSR_SYSENTER_EIP, CANONICAL, NOT_CANONICAL},
    {VMX_MSR_MISC_ENABLE, 0x850088, 0x850081},
    {VMX_MSR_DEBUGCTL, 3, 4},
    {VMX_MSR_PAT, 0x0706050401000606, 0x0706050402000606},
    {VMX_MSR_PAT, 0, 0x0800000000000000},
    {VMX_MSR_PERF_GLOBAL_CTRL, 0xf, 0x10},
    {VMX_MSR_RTIT_CTL, 2, 1},
    {VMX_MSR_S_CET, 0x400, 0x40},
    {VMX_MSR_S_CET, 0x800, 0xc00},
    {VMX_MSR_S_CET, CANONICAL, NOT_CANONICAL},
    {VMX_MSR_INTERRUPT_SSP_TABLE, CANONICAL, NOT_CANONICAL},
    {VMX_MSR_PKRS, UINT32_MAX, UINT64_C(1) << 32},
    {VMX_MSR_BNDCFGS, 0x1003, 0x1004},
    {VMX_MSR_BNDCFGS, CANONICAL, NOT_CANONICAL},
    {VMX_MSR_XSS, 0x1800, 0x100},
    {VMX_MSR_LBR_CTL, 2, 1},
    {VMX_MSR_EFER, VMX_EFER_LME | VMX_EFER_SCE | VMX_EFER_NXE, 1u << 1},
    {VMX_MSR_STAR, UINT64_MAX, UINT64_MAX},
    {VMX_MSR_LSTAR, CANONICAL, NOT_CANONICAL},
    {VMX_MSR_CSTAR, CANONICAL, NOT_CANONICAL},
    {VMX_MSR_FMASK, UINT32_MAX, UINT64_C(1) << 32},
    {VMX_MSR_FS_BASE, CANONICAL, NOT_CANONICAL},
    {VMX_MSR_GS_BASE, CANONICAL, NOT_CANONICAL},
    {VMX_MSR_KERNEL_GS_BASE, CANONICAL, NOT_CANONICAL},
    {VMX_MSR_TSC_AUX, UINT32_MAX, UINT64_C(1) << 32},
    {VMX_MSR_TSC_ADJUST, UINT64_MAX, UINT64_MAX},
    {VMX_MSR_FEATURE_CONTROL, 5, 8},
    {VMX_MSR_BIOS_SIGN_ID, 0, 1},
    {VMX_MSR_MTRR_DEF_TYPE, 0x806, 0x802},
    {VMX_MSR_MCG_STATUS, 0, 1},
};
enum { ROWS = sizeof rows / sizeof rows[0] };

static void what_is_written_is_read_and_reserved_values_fault(void)
{
    for (unsigned i = 0; i < ROWS; i++) {
        uint64_t value = 0;
        start(everything, sizeof everything / sizeof everything[0]);
        if (rows[i].bad != rows[i].good)
            CU_ASSERT_TRUE(vmx_msr_write_faults(&cpu, rows[i].index, rows[i].bad));
        CU_ASSERT_FALSE(vmx_msr_write_faults(&cpu, rows[i].index, rows[i].good));
        (void)vmx_msr_store(&cpu, rows[i].index, rows[i].good);
        CU_ASSERT_TRUE(vmx_msr_read(&cpu, rows[i].index, &value));
        CU_ASSERT_EQUAL(value, rows[i].good);
    }
}

static void msrs_come_with_their_features(void)
{
    static const uint32_t gated[] = {VMX_MSR_SPEC_CTRL, VMX_MSR_PERF_GLOBAL_CTRL, VMX_MSR_RTIT_CTL, VMX_MSR_S_CET,   VMX_MSR_INTERRUPT_SSP_TABLE,
                                     VMX_MSR_PKRS,      VMX_MSR_BNDCFGS,          VMX_MSR_XSS,      VMX_MSR_LBR_CTL, VMX_MSR_TSC_AUX,
                                     VMX_MSR_PRED_CMD};
    uint64_t value;
    for (unsigned i = 0; i < sizeof gated / sizeof gated[0]; i++) {
        start(everything, sizeof everything / sizeof everything[0]);
        CU_ASSERT_FALSE(vmx_msr_write_faults(&cpu, gated[i], 0));
        start(nothing, sizeof nothing / sizeof nothing[0]);
        caps.spec_ctrl_valid = caps.perf_global_valid = 0;
        CU_ASSERT_TRUE(vmx_msr_write_faults(&cpu, gated[i], 0));
        CU_ASSERT_FALSE(vmx_msr_read(&cpu, gated[i], &value));
    }
    CU_ASSERT_TRUE(vmx_msr_write_faults(&cpu, VMX_MSR_APIC_BASE, 0xfee00d00)); /* x2APIC */
    CU_ASSERT_FALSE(vmx_msr_read(&cpu, 0x12345678, &value));
    CU_ASSERT_TRUE(vmx_msr_write_faults(&cpu, 0x12345678, 0));
}

static void constants_cannot_be_changed(void)
{
    static const struct {
        uint32_t index;
        uint64_t value;
        bool writable;
    } constants[] = {{VMX_MSR_MTRRCAP, 0, false}, {VMX_MSR_MCG_CAP, 0, false}};
    uint64_t value;
    start(everything, sizeof everything / sizeof everything[0]);
    for (unsigned i = 0; i < sizeof constants / sizeof constants[0]; i++) {
        CU_ASSERT_TRUE(vmx_msr_read(&cpu, constants[i].index, &value));
        CU_ASSERT_EQUAL(value, constants[i].value);
        CU_ASSERT_EQUAL(vmx_msr_write_faults(&cpu, constants[i].index, constants[i].value), !constants[i].writable);
    }
    CU_ASSERT_FALSE(vmx_msr_write_faults(&cpu, VMX_MSR_BIOS_UPDT_TRIG, 0x1000));
    CU_ASSERT_EQUAL(vmx_msr_store(&cpu, VMX_MSR_BIOS_UPDT_TRIG, 0x1000), 0);
    CU_ASSERT_TRUE(vmx_msr_read(&cpu, VMX_MSR_CAPABILITY_FIRST, &value));
    CU_ASSERT_EQUAL(value, caps.basic);
    CU_ASSERT_TRUE(vmx_msr_write_faults(&cpu, VMX_MSR_CAPABILITY_FIRST, value));
}

static void the_x2apic_is_entered_and_left_in_steps(void)
{
    enum { OFF = 0, XAPIC = 0x800, X2APIC = 0xc00 };
    static const struct {
        uint32_t from, to;
        bool faults;
    } steps[] = {{OFF, OFF, false}, {OFF, XAPIC, false}, {OFF, X2APIC, true}, {XAPIC, X2APIC, false}, {X2APIC, XAPIC, true}, {X2APIC, OFF, false}};
    start(everything, sizeof everything / sizeof everything[0]);
    for (unsigned i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        cpu.state.apic_base = 0xfee00000 | steps[i].from;
        CU_ASSERT_EQUAL(vmx_msr_write_faults(&cpu, VMX_MSR_APIC_BASE, 0xfee00000 | steps[i].to), steps[i].faults);
    }
}

static void lme_cannot_change_with_paging_and_lma_is_kept(void)
{
    start(everything, sizeof everything / sizeof everything[0]);
    cpu.state.cr0 = VMX_CR0_PG;
    cpu.state.efer = VMX_EFER_LME | VMX_EFER_LMA;
    CU_ASSERT_TRUE(vmx_msr_write_faults(&cpu, VMX_MSR_EFER, 0));
    CU_ASSERT_FALSE(vmx_msr_write_faults(&cpu, VMX_MSR_EFER, VMX_EFER_LME | VMX_EFER_NXE));
    CU_ASSERT_EQUAL(vmx_msr_store(&cpu, VMX_MSR_EFER, VMX_EFER_LME | VMX_EFER_NXE), VMX_GROUP_CONTROL);
    CU_ASSERT_EQUAL(cpu.state.efer, VMX_EFER_LME | VMX_EFER_LMA | VMX_EFER_NXE);
}

static void feature_control_is_locked_by_bit_0(void)
{
    start(everything, sizeof everything / sizeof everything[0]);
    (void)vmx_msr_store(&cpu, VMX_MSR_FEATURE_CONTROL, 5);
    CU_ASSERT_EQUAL(cpu.feature_control, 5);
    CU_ASSERT_TRUE(vmx_msr_write_faults(&cpu, VMX_MSR_FEATURE_CONTROL, 5));
}

static void the_tsc_is_moved_by_its_adjustment(void)
{
    uint64_t value;
    start(everything, sizeof everything / sizeof everything[0]);
    cpu.tsc = 1000;
    CU_ASSERT_FALSE(vmx_msr_write_faults(&cpu, VMX_MSR_TSC, 5));
    CU_ASSERT_EQUAL(vmx_msr_store(&cpu, VMX_MSR_TSC, 1500), 0);
    CU_ASSERT_TRUE(vmx_msr_read(&cpu, VMX_MSR_TSC_ADJUST, &value));
    CU_ASSERT_EQUAL(value, 500);
    cpu.tsc += 10;
    CU_ASSERT_TRUE(vmx_msr_read(&cpu, VMX_MSR_TSC, &value));
    CU_ASSERT_EQUAL(value, 1510);
}

SUITE("vmx-model/msr", {"what_is_written_is_read_and_reserved_values_fault", what_is_written_is_read_and_reserved_values_fault},
      {"msrs_come_with_their_features", msrs_come_with_their_features}, {"constants_cannot_be_changed", constants_cannot_be_changed},
      {"the_x2apic_is_entered_and_left_in_steps", the_x2apic_is_entered_and_left_in_steps},
      {"lme_cannot_change_with_paging_and_lma_is_kept", lme_cannot_change_with_paging_and_lma_is_kept},
      {"feature_control_is_locked_by_bit_0", feature_control_is_locked_by_bit_0},
      {"the_tsc_is_moved_by_its_adjustment", the_tsc_is_moved_by_its_adjustment})
