/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The checks on an entry of the VM-entry MSR-load list: every row of the stage passes and fails. */
#include <stdio.h>

#include "tests/support/suite.h"
#include "tests/support/valid_vmcs.h"
#include "vmx-model/checks.h"
#include "vmx-model/registers.h"

static struct valid_machine machine;

/* The state that the entry of a 64-bit guest has loaded. */
static struct vmx_cpu *guest_loaded(void)
{
    const struct vmx_caps caps = valid_full_caps();
    valid_machine(&machine, &caps, VALID_LONG);
    machine.cpu.operation = VMX_OPERATION_NON_ROOT;
    machine.cpu.state.apic_base = 0xfee00900;
    return &machine.cpu;
}

struct msr_case {
    uint32_t index, reserved;
    uint64_t value;
    enum vmx_check violated;
};
#define PAT_VALID UINT64_C(0x0007040600070406)
#define NOT_CANONICAL (UINT64_C(1) << 47)

static const struct msr_case cases[] = {
    {VMX_MSR_KERNEL_GS_BASE, 0, 0, VMX_CHECK_NONE},
    {VMX_MSR_FS_BASE, 0, 0, VMX_CHECK_MSRLOAD_FS_BASE},
    {VMX_MSR_GS_BASE, 0, 0, VMX_CHECK_MSRLOAD_GS_BASE},
    {VMX_MSR_X2APIC_FIRST, 0, 0, VMX_CHECK_MSRLOAD_X2APIC},
    {VMX_MSR_X2APIC_TPR, 0, 0, VMX_CHECK_MSRLOAD_X2APIC},
    {VMX_MSR_X2APIC_LAST, 0, 0, VMX_CHECK_MSRLOAD_X2APIC},
    {VMX_MSR_SMM_MONITOR_CTL, 0, 0, VMX_CHECK_MSRLOAD_SMM},
    {VMX_MSR_BIOS_UPDT_TRIG, 0, 0, VMX_CHECK_MSRLOAD_MODEL},
    {VMX_MSR_BIOS_SIGN_ID, 0, 0, VMX_CHECK_MSRLOAD_MODEL},
    {VMX_MSR_STAR, 1, 0, VMX_CHECK_MSRLOAD_RESERVED},
    {VMX_MSR_STAR, UINT32_C(1) << 31, 0, VMX_CHECK_MSRLOAD_RESERVED},
    {VMX_MSR_STAR, 0, UINT64_MAX, VMX_CHECK_NONE},
    {VMX_MSR_LSTAR, 0, UINT64_C(0xffff800000000000), VMX_CHECK_NONE},
    {VMX_MSR_LSTAR, 0, NOT_CANONICAL, VMX_CHECK_MSRLOAD_WRMSR_GP},
    {VMX_MSR_CSTAR, 0, NOT_CANONICAL, VMX_CHECK_MSRLOAD_WRMSR_GP},
    {VMX_MSR_KERNEL_GS_BASE, 0, NOT_CANONICAL, VMX_CHECK_MSRLOAD_WRMSR_GP},
    {VMX_MSR_SYSENTER_ESP, 0, NOT_CANONICAL, VMX_CHECK_MSRLOAD_WRMSR_GP},
    {VMX_MSR_SYSENTER_EIP, 0, NOT_CANONICAL, VMX_CHECK_MSRLOAD_WRMSR_GP},
    {VMX_MSR_SYSENTER_EIP, 0, NOT_CANONICAL - 1, VMX_CHECK_NONE},
    {VMX_MSR_PAT, 0, PAT_VALID, VMX_CHECK_NONE},
    {VMX_MSR_PAT, 0, PAT_VALID | 2, VMX_CHECK_NONE}, /* 6 | 2 is 6 */
    {VMX_MSR_PAT, 0, 2, VMX_CHECK_MSRLOAD_WRMSR_GP},
    {VMX_MSR_PAT, 0, UINT64_C(3) << 56, VMX_CHECK_MSRLOAD_WRMSR_GP},
    {VMX_MSR_EFER, 0, 0xd01, VMX_CHECK_NONE},
    {VMX_MSR_EFER, 0, 0x901, VMX_CHECK_NONE},             /* LMA is ignored */
    {VMX_MSR_EFER, 0, 0x401, VMX_CHECK_MSRLOAD_WRMSR_GP}, /* LME changes while CR0.PG is 1 */
    {VMX_MSR_EFER, 0, 0xd03, VMX_CHECK_MSRLOAD_WRMSR_GP},
    {VMX_MSR_DEBUGCTL, 0, 3, VMX_CHECK_NONE},
    {VMX_MSR_DEBUGCTL, 0, 1u << 3, VMX_CHECK_MSRLOAD_WRMSR_GP},
    {VMX_MSR_APIC_BASE, 0, 0xfee00900, VMX_CHECK_NONE},
    {VMX_MSR_APIC_BASE, 0, 0xfee00901, VMX_CHECK_MSRLOAD_WRMSR_GP},
    {VMX_MSR_APIC_BASE, 0, UINT64_C(1) << 46 | 0x900, VMX_CHECK_MSRLOAD_WRMSR_GP},
    {VMX_MSR_FEATURE_CONTROL, 0, 5, VMX_CHECK_MSRLOAD_WRMSR_GP}, /* locked */
    {VMX_MSR_CAPABILITY_FIRST, 0, 0, VMX_CHECK_MSRLOAD_WRMSR_GP},
    {0x12345678, 0, 0, VMX_CHECK_MSRLOAD_WRMSR_GP},
    {UINT32_MAX, 0, 0, VMX_CHECK_MSRLOAD_WRMSR_GP},
    /* The rows in their order: the MSR before the reserved bits before the value. */
    {VMX_MSR_FS_BASE, 1, NOT_CANONICAL, VMX_CHECK_MSRLOAD_FS_BASE},
    {VMX_MSR_LSTAR, 1, NOT_CANONICAL, VMX_CHECK_MSRLOAD_RESERVED},
};
enum { CASES = sizeof cases / sizeof cases[0] };

static void entries_are_judged_by_the_rows(void)
{
    const struct vmx_cpu *const cpu = guest_loaded();
    for (unsigned i = 0; i < CASES; i++) {
        const enum vmx_check violated = vmx_check_msr_load(cpu, cases[i].index, cases[i].reserved, cases[i].value);
        if (violated != cases[i].violated)
            printf("\n  case %u, MSR %xH: %s", i, cases[i].index, vmx_check_rows[violated].id);
        CU_ASSERT_EQUAL(violated, cases[i].violated);
    }
}

static void every_row_of_the_stage_has_a_case(void)
{
    unsigned rows = 0;
    for (unsigned row = 1; row < VMX_CHECK_COUNT; row++) {
        if (vmx_check_rows[row].stage != VMX_STAGE_MSR_LOAD)
            continue;
        bool covered = false;
        for (unsigned i = 0; i < CASES; i++)
            covered |= cases[i].violated == row;
        CU_ASSERT(covered);
        rows++;
    }
    CU_ASSERT_EQUAL(rows, 7);
}

static void smm_may_load_its_monitor_msr_where_there_is_one(void)
{
    struct vmx_cpu *const cpu = guest_loaded();
    CU_ASSERT_EQUAL(vmx_check_msr_load(cpu, VMX_MSR_SMM_MONITOR_CTL, 0, 0), VMX_CHECK_MSRLOAD_SMM);
    cpu->smm = true;
    CU_ASSERT_EQUAL(vmx_check_msr_load(cpu, VMX_MSR_SMM_MONITOR_CTL, 0, 0), VMX_CHECK_MSRLOAD_WRMSR_GP);
}

static void lme_may_change_while_paging_is_off(void)
{
    struct vmx_cpu *const cpu = guest_loaded();
    cpu->state.cr0 &= ~VMX_CR0_PG;
    CU_ASSERT_EQUAL(vmx_check_msr_load(cpu, VMX_MSR_EFER, 0, 0), VMX_CHECK_NONE);
}

SUITE("vmx-model/checks_msr_load", {"entries_are_judged_by_the_rows", entries_are_judged_by_the_rows},
      {"every_row_of_the_stage_has_a_case", every_row_of_the_stage_has_a_case},
      {"smm_may_load_its_monitor_msr_where_there_is_one", smm_may_load_its_monitor_msr_where_there_is_one},
      {"lme_may_change_while_paging_is_off", lme_may_change_while_paging_is_off})
