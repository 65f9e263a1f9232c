/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Instructions of a line or two: skipped, refused, flushed, single-stepped. */
#include "tests/support/guest.h"

static void skipped_instructions_only_advance(void)
{
    static const uint32_t reasons[] = {VMX_EXIT_INVD, VMX_EXIT_WBINVD, VMX_EXIT_PAUSE_INSTRUCTION, VMX_EXIT_MONITOR_INSTRUCTION,
                                       VMX_EXIT_MWAIT_INSTRUCTION};
    for (unsigned i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        guest_start(GUEST_LONG, NULL);
        CU_ASSERT_EQUAL(guest_exit(reasons[i], 0, 3), HV_RESUME);
        CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_RIP], 0x1003);
        CU_ASSERT_EQUAL(guest_enter(), 0);
    }
}

static void one_that_waits_lets_others_go_first(void)
{
    static const uint32_t reasons[] = {VMX_EXIT_PAUSE_INSTRUCTION, VMX_EXIT_MWAIT_INSTRUCTION, VMX_EXIT_UMWAIT, VMX_EXIT_TPAUSE};
    guest_start(GUEST_LONG, NULL);
    for (unsigned i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        CU_ASSERT_EQUAL(guest_exit(reasons[i], 0, 3), HV_RESUME);
        CU_ASSERT_EQUAL(bk->yields, i + 1);
    }
    (void)guest_exit(VMX_EXIT_MONITOR_INSTRUCTION, 0, 3);
    CU_ASSERT_EQUAL(bk->yields, 4);
}

static void refused_instructions_fault_where_they_stand(void)
{
    static const struct {
        uint32_t reason, event;
    } rows[] = {{VMX_EXIT_GETSEC, INJECT_UD},  {VMX_EXIT_VMCLEAR, INJECT_UD}, {VMX_EXIT_VMLAUNCH, INJECT_UD}, {VMX_EXIT_VMPTRLD, INJECT_UD},
                {VMX_EXIT_VMPTRST, INJECT_UD}, {VMX_EXIT_VMREAD, INJECT_UD},  {VMX_EXIT_VMRESUME, INJECT_UD}, {VMX_EXIT_VMWRITE, INJECT_UD},
                {VMX_EXIT_VMOFF, INJECT_UD},   {VMX_EXIT_VMON, INJECT_UD},    {VMX_EXIT_INVEPT, INJECT_UD},   {VMX_EXIT_INVVPID, INJECT_UD},
                {VMX_EXIT_VMFUNC, INJECT_UD},  {VMX_EXIT_ENCLS, INJECT_UD},   {VMX_EXIT_RDPMC, INJECT_GP},    {VMX_EXIT_XSAVES, INJECT_GP},
                {VMX_EXIT_XRSTORS, INJECT_GP}, {VMX_EXIT_SEAMCALL, INJECT_UD}};
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        guest_start(GUEST_LONG, NULL);
        CU_ASSERT_EQUAL(guest_exit(rows[i].reason, 0, 3), HV_RESUME);
        CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_RIP], 0x1000);
        CU_ASSERT_EQUAL(guest_enter(), rows[i].event);
    }
}

static void vmcall_marks_or_ends(void)
{
    struct hv_policy policy;
    guest_start(GUEST_LONG, NULL);
    CU_ASSERT_EQUAL(guest_exit(VMX_EXIT_VMCALL, 0, 3), HV_RESUME);
    hv_default_policy(&policy);
    policy.vmcall_stops = true;
    guest_start(GUEST_LONG, &policy);
    CU_ASSERT_EQUAL(guest_exit(VMX_EXIT_VMCALL, 0, 3), HV_POWER_OFF);
    bk->gpr[VMX_RAX] = 1;
    CU_ASSERT_EQUAL(guest_exit(VMX_EXIT_VMCALL, 0, 3), HV_RESUME);
}

static void invlpg_flushes_one_address(void)
{
    guest_start(GUEST_LONG, NULL);
    (void)guest_exit(VMX_EXIT_INVLPG, 0x7000, 3);
    CU_ASSERT_EQUAL(bk->flushes, 0); /* without VPID the exit itself has flushed */
    bk->field[VMCS_SECONDARY_VM_EXEC_CONTROL] |= VMX_SEC_ENABLE_VPID;
    (void)guest_exit(VMX_EXIT_INVLPG, 0x7000, 3);
    CU_ASSERT_EQUAL(bk->flushes, 1);
    CU_ASSERT_EQUAL(bk->flush_type, 0);
    CU_ASSERT_EQUAL(bk->flush_linear, 0x7000);
}

/* Descriptor at DS:RAX, type in RCX. */
static bool invpcid(uint64_t type, uint64_t pcid, uint64_t linear)
{
    const uint64_t descriptor[2] = {pcid, linear};
    guest_start(GUEST_PROTECTED, NULL);
    bk->field[VMCS_SECONDARY_VM_EXEC_CONTROL] |= VMX_SEC_ENABLE_VPID;
    guest_put(0x3000, descriptor, sizeof(descriptor));
    bk->gpr[VMX_RAX] = 0x3000;
    bk->gpr[VMX_RCX] = type;
    bk->field[VMCS_VMX_INSTRUCTION_INFO] = 1u << 7 | (uint32_t)VMX_DS << 15 | 1u << 22 | (uint32_t)VMX_RAX << 23 | (uint32_t)VMX_RCX << 28;
    CU_ASSERT_EQUAL(guest_exit(VMX_EXIT_INVPCID, 0, 5), HV_RESUME);
    if (bk->field[VMCS_GUEST_RIP] == 0x1005)
        return true;
    CU_ASSERT_EQUAL(guest_enter(), INJECT_GP);
    return false;
}

static void invpcid_flushes_or_faults(void)
{
    CU_ASSERT_TRUE(invpcid(2, 0, 0));
    CU_ASSERT_EQUAL(bk->flush_type, 1);
    CU_ASSERT_TRUE(invpcid(3, 0, 0));
    CU_ASSERT_EQUAL(bk->flush_type, 3);
    CU_ASSERT_TRUE(invpcid(0, 0, 0x1000));
    CU_ASSERT_FALSE(invpcid(4, 0, 0));
    CU_ASSERT_FALSE(invpcid(1, 5, 0)); /* PCID without CR4.PCIDE */
    CU_ASSERT_FALSE(invpcid(2, 0x1000, 0));
    CU_ASSERT_FALSE(invpcid(0, 0, UINT64_C(1) << 60));
}

static void single_stepping_ends_after_its_count(void)
{
    guest_start(GUEST_LONG, NULL);
    bk->field[VMCS_CPU_BASED_VM_EXEC_CONTROL] |= VMX_PRI_MONITOR_TRAP_FLAG;
    vcpu->mtf_steps = 2;
    (void)guest_exit(VMX_EXIT_MONITOR_TRAP_FLAG, 0, 0);
    CU_ASSERT_TRUE(hv_primary_control(vcpu, VMX_PRI_MONITOR_TRAP_FLAG));
    (void)guest_exit(VMX_EXIT_MONITOR_TRAP_FLAG, 0, 0);
    CU_ASSERT_FALSE(hv_primary_control(vcpu, VMX_PRI_MONITOR_TRAP_FLAG));
}

static bool xsetbv(uint32_t index, uint64_t value)
{
    guest_start(GUEST_LONG, NULL);
    fake_cpuid(&machine, 13, 0, 0xff, 0, 0, 0);
    bk->gpr[VMX_RCX] = index;
    bk->gpr[VMX_RAX] = (uint32_t)value;
    bk->gpr[VMX_RDX] = value >> 32;
    CU_ASSERT_EQUAL(guest_exit(VMX_EXIT_XSETBV, 0, 3), HV_RESUME);
    return bk->field[VMCS_GUEST_RIP] == 0x1003 && bk->xcr0 == value;
}

static void xcr0_values_are_checked(void)
{
    static const uint64_t good[] = {1, 3, 7, 0x1f, 0xe7}, bad[] = {0, 2, 5, 0xb, 0x27, 0xe3, 0x100, UINT64_C(1) << 33};
    for (unsigned i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        CU_ASSERT_TRUE(xsetbv(0, good[i]));
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        CU_ASSERT_FALSE(xsetbv(0, bad[i]));
    CU_ASSERT_FALSE(xsetbv(1, 1));
}

static void random_numbers_repeat_and_set_carry(void)
{
    uint64_t first = 0;
    for (unsigned run = 0; run < 2; run++) {
        guest_start(GUEST_LONG, NULL);
        bk->field[VMCS_GUEST_RFLAGS] = 0x8d7;
        bk->field[VMCS_VMX_INSTRUCTION_INFO] = (uint32_t)VMX_R8 << 3 | 2u << 11;
        CU_ASSERT_EQUAL(guest_exit(VMX_EXIT_RDRAND, 0, 4), HV_RESUME);
        CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_RFLAGS], 3);
        CU_ASSERT_TRUE(run == 0 || bk->gpr[VMX_R8] == first);
        first = bk->gpr[VMX_R8];
    }
    bk->gpr[VMX_R8] = UINT64_MAX;
    bk->field[VMCS_VMX_INSTRUCTION_INFO] = (uint32_t)VMX_R8 << 3;
    (void)guest_exit(VMX_EXIT_RDSEED, 0, 4);
    CU_ASSERT_EQUAL(bk->gpr[VMX_R8] >> 16, UINT64_MAX >> 16);
}

static void an_invalid_context_at_instruction_timeout_stops(void)
{
    guest_start(GUEST_LONG, NULL);
    CU_ASSERT_EQUAL(guest_exit(VMX_EXIT_NOTIFY, 0, 0), HV_RESUME);
    CU_ASSERT_EQUAL(guest_exit(VMX_EXIT_NOTIFY, 1, 0), HV_STOP);
}

SUITE("handlers/misc", {"skipped_instructions_only_advance", skipped_instructions_only_advance},
      {"one_that_waits_lets_others_go_first", one_that_waits_lets_others_go_first},
      {"refused_instructions_fault_where_they_stand", refused_instructions_fault_where_they_stand}, {"vmcall_marks_or_ends", vmcall_marks_or_ends},
      {"invlpg_flushes_one_address", invlpg_flushes_one_address}, {"invpcid_flushes_or_faults", invpcid_flushes_or_faults},
      {"single_stepping_ends_after_its_count", single_stepping_ends_after_its_count}, {"xcr0_values_are_checked", xcr0_values_are_checked},
      {"random_numbers_repeat_and_set_carry", random_numbers_repeat_and_set_carry},
      {"an_invalid_context_at_instruction_timeout_stops", an_invalid_context_at_instruction_timeout_stops})
