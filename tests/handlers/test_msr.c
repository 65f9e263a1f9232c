/* SPDX-License-Identifier: GPL-2.0-or-later */
/* RDMSR and WRMSR: rules of the owner, kept MSRs, constants, #GP(0). */
#include "tests/support/guest.h"

static bool rdmsr(uint32_t index, uint64_t *value)
{
    const uint64_t rip = bk->field[VMCS_GUEST_RIP];
    bk->gpr[VMX_RCX] = index;
    CU_ASSERT_EQUAL(guest_exit(VMX_EXIT_MSR_READ, 0, 2), HV_RESUME);
    *value = bk->gpr[VMX_RDX] << 32 | bk->gpr[VMX_RAX];
    if (bk->field[VMCS_GUEST_RIP] == rip + 2)
        return true;
    CU_ASSERT_EQUAL(guest_enter(), INJECT_GP);
    return false;
}

static bool wrmsr(uint32_t index, uint64_t value)
{
    const uint64_t rip = bk->field[VMCS_GUEST_RIP];
    bk->gpr[VMX_RCX] = index;
    bk->gpr[VMX_RAX] = 0xdeadbeef00000000 | (uint32_t)value;
    bk->gpr[VMX_RDX] = value >> 32;
    CU_ASSERT_EQUAL(guest_exit(VMX_EXIT_MSR_WRITE, 0, 2), HV_RESUME);
    if (bk->field[VMCS_GUEST_RIP] == rip + 2)
        return true;
    CU_ASSERT_EQUAL(guest_enter(), INJECT_GP);
    return false;
}

static void unknown_msrs_fault(void)
{
    static const uint32_t unknown[] = {0x480, 0x48, 0x3b, 0x186, 0x800, 0xc0000200u, 0x4b564d00};
    uint64_t value;
    for (unsigned i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
        guest_start(GUEST_LONG, NULL);
        CU_ASSERT_FALSE(rdmsr(unknown[i], &value));
        guest_start(GUEST_LONG, NULL);
        CU_ASSERT_FALSE(wrmsr(unknown[i], 0));
    }
}

static void constants_read_as_a_plain_processor(void)
{
    static const struct {
        uint32_t index;
        uint64_t value;
    } rows[] = {{0x17, 0}, {0x1b, 0xfee00900}, {0x3a, 1}, {0x8b, 0}, {0xfe, 0}, {0x179, 0}, {0x1a0, 0x1801}, {0x200, 0}, {0x268, 0}, {0x2ff, 0xc06}};
    uint64_t value;
    guest_start(GUEST_LONG, NULL);
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        CU_ASSERT_TRUE(rdmsr(rows[i].index, &value));
        CU_ASSERT_EQUAL(value, rows[i].value);
    }
}

static void vmcs_fields_are_msrs(void)
{
    static const struct {
        uint32_t index;
        enum vmcs_field field;
        uint64_t good, bad;
    } rows[] = {{0x174, VMCS_GUEST_SYSENTER_CS, 8, UINT64_C(1) << 32},
                {0x175, VMCS_GUEST_SYSENTER_ESP, 0x7fff00000000, UINT64_C(1) << 47},
                {0x176, VMCS_GUEST_SYSENTER_EIP, 0xffff800000000000, UINT64_C(1) << 60},
                {0x1d9, VMCS_GUEST_IA32_DEBUGCTL, 3, 4},
                {0xc0000100u, VMCS_GUEST_FS_BASE, 0x1234567890, UINT64_C(1) << 47},
                {0xc0000101u, VMCS_GUEST_GS_BASE, 0x1234567890, UINT64_C(1) << 47}};
    uint64_t value;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        guest_start(GUEST_LONG, NULL);
        CU_ASSERT_TRUE(wrmsr(rows[i].index, rows[i].good));
        CU_ASSERT_EQUAL(bk->field[rows[i].field], rows[i].good);
        CU_ASSERT_TRUE(rdmsr(rows[i].index, &value));
        CU_ASSERT_EQUAL(value, rows[i].good);
        CU_ASSERT_FALSE(wrmsr(rows[i].index, rows[i].bad));
        CU_ASSERT_EQUAL(bk->field[rows[i].field], rows[i].good);
    }
}

static void backend_msrs_are_checked(void)
{
    static const struct {
        uint32_t index;
        uint64_t good, bad;
    } rows[] = {{0xc0000082u, 0xffffffff80000000, UINT64_C(1) << 50},
                {0xc0000084u, 0x300, UINT64_C(1) << 32},
                {0xc0000103u, 7, UINT64_C(1) << 33},
                {0x277, 0x0007040600070406, 0x02}};
    uint64_t value;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        guest_start(GUEST_LONG, NULL);
        fake_msr(bk, rows[i].index, 0);
        CU_ASSERT_TRUE(wrmsr(rows[i].index, rows[i].good));
        CU_ASSERT_TRUE(rdmsr(rows[i].index, &value));
        CU_ASSERT_EQUAL(value, rows[i].good);
        CU_ASSERT_FALSE(wrmsr(rows[i].index, rows[i].bad));
    }
}

static void efer_keeps_lma_and_refuses_lme_under_paging(void)
{
    guest_start(GUEST_LONG, NULL);
    CU_ASSERT_TRUE(wrmsr(0xc0000080u, 0x901));
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_IA32_EFER], 0xd01);
    CU_ASSERT_FALSE(wrmsr(0xc0000080u, 0x801));
    CU_ASSERT_FALSE(wrmsr(0xc0000080u, 0x2901));
    guest_start(GUEST_PROTECTED, NULL);
    CU_ASSERT_TRUE(wrmsr(0xc0000080u, 0x100));
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_IA32_EFER], 0x100);
    CU_ASSERT_FALSE((bk->field[VMCS_VM_ENTRY_CONTROLS] & VMX_ENTRYCTL_IA32E_MODE_GUEST) != 0);
}

static void efer_lives_in_the_backend_without_its_control(void)
{
    uint64_t value;
    guest_start(GUEST_LONG, NULL);
    bk->field[VMCS_VM_ENTRY_CONTROLS] = VMX_ENTRYCTL_IA32E_MODE_GUEST;
    fake_msr(bk, 0xc0000080u, 0x100);
    CU_ASSERT_TRUE(rdmsr(0xc0000080u, &value));
    CU_ASSERT_EQUAL(value, 0x500);
    CU_ASSERT_TRUE(wrmsr(0xc0000080u, 0x101));
    CU_ASSERT_EQUAL(bk->msr_value[0], 0x501);
}

static void the_owners_rule_comes_first(void)
{
    struct hv_policy policy;
    uint64_t value;
    hv_default_policy(&policy);
    policy.msr_rules = 2;
    policy.msr[0] = (struct hv_msr_rule){.index = 0x1b, .value = 0x1234, .writable = false};
    policy.msr[1] = (struct hv_msr_rule){.index = 0x9999, .value = 5, .writable = true};
    guest_start(GUEST_LONG, &policy);
    CU_ASSERT_TRUE(rdmsr(0x1b, &value));
    CU_ASSERT_EQUAL(value, 0x1234);
    CU_ASSERT_TRUE(wrmsr(0x9999, 0x123456789a));
    CU_ASSERT_TRUE(rdmsr(0x9999, &value));
    CU_ASSERT_EQUAL(value, 0x123456789a);
    CU_ASSERT_FALSE(wrmsr(0x1b, 0));
}

static void writing_the_tsc_moves_the_offset(void)
{
    uint64_t value;
    guest_start(GUEST_LONG, NULL);
    bk->tsc = 1000;
    CU_ASSERT_TRUE(wrmsr(0x10, 50));
    CU_ASSERT_TRUE(hv_primary_control(vcpu, VMX_PRI_USE_TSC_OFFSETTING));
    bk->tsc = 1100;
    CU_ASSERT_TRUE(rdmsr(0x10, &value));
    CU_ASSERT_EQUAL(value, 150);
}

SUITE("handlers/msr", {"unknown_msrs_fault", unknown_msrs_fault}, {"constants_read_as_a_plain_processor", constants_read_as_a_plain_processor},
      {"vmcs_fields_are_msrs", vmcs_fields_are_msrs}, {"backend_msrs_are_checked", backend_msrs_are_checked},
      {"efer_keeps_lma_and_refuses_lme_under_paging", efer_keeps_lma_and_refuses_lme_under_paging},
      {"efer_lives_in_the_backend_without_its_control", efer_lives_in_the_backend_without_its_control},
      {"the_owners_rule_comes_first", the_owners_rule_comes_first}, {"writing_the_tsc_moves_the_offset", writing_the_tsc_moves_the_offset})
