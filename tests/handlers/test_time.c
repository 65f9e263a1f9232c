/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guest's time-stamp counter and the VMX-preemption timer. */
#include "tests/support/guest.h"

static void rdtsc_applies_offset_and_scaling(void)
{
    guest_start(GUEST_LONG, NULL);
    bk->tsc = 0x123456789abc;
    (void)guest_exit(VMX_EXIT_RDTSC, 0, 2);
    CU_ASSERT_EQUAL(bk->gpr[VMX_RAX], 0x56789abc);
    CU_ASSERT_EQUAL(bk->gpr[VMX_RDX], 0x1234);
    bk->field[VMCS_CPU_BASED_VM_EXEC_CONTROL] |= VMX_PRI_USE_TSC_OFFSETTING;
    bk->field[VMCS_TSC_OFFSET] = 0 - UINT64_C(0x123456789000);
    CU_ASSERT_EQUAL(hv_guest_tsc(vcpu), 0xabc);
    bk->field[VMCS_SECONDARY_VM_EXEC_CONTROL] |= VMX_SEC_TSC_SCALING;
    bk->field[VMCS_TSC_MULTIPLIER] = UINT64_C(3) << 47; /* 1.5 */
    bk->field[VMCS_TSC_OFFSET] = 0;
    CU_ASSERT_EQUAL(hv_guest_tsc(vcpu), UINT64_C(0x123456789abc) * 3 / 2);
    bk->tsc = UINT64_MAX;
    bk->field[VMCS_TSC_MULTIPLIER] = UINT64_MAX;
    CU_ASSERT_EQUAL(hv_guest_tsc(vcpu), (uint64_t)(((unsigned __int128)UINT64_MAX * UINT64_MAX) >> 48));
}

static void rdtscp_gives_tsc_aux(void)
{
    guest_start(GUEST_LONG, NULL);
    fake_msr(bk, 0xc0000103u, 0x42);
    bk->tsc = 77;
    (void)guest_exit(VMX_EXIT_RDTSCP, 0, 3);
    CU_ASSERT_EQUAL(bk->gpr[VMX_RAX], 77);
    CU_ASSERT_EQUAL(bk->gpr[VMX_RCX], 0x42);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_RIP], 0x1003);
}

static void a_saved_timer_is_loaded_again(void)
{
    guest_start(GUEST_LONG, NULL);
    bk->field[VMCS_PIN_BASED_VM_EXEC_CONTROL] |= VMX_PIN_VMX_PREEMPTION_TIMER;
    bk->field[VMCS_VM_EXIT_CONTROLS] |= VMX_EXITCTL_SAVE_PREEMPTION_TIMER;
    bk->field[VMCS_VMX_PREEMPTION_TIMER_VALUE] = 500;
    (void)guest_enter();
    bk->field[VMCS_VMX_PREEMPTION_TIMER_VALUE] = 0;
    CU_ASSERT_EQUAL(guest_exit(VMX_EXIT_PREEMPTION_TIMER, 0, 0), HV_RESUME);
    CU_ASSERT_EQUAL(bk->field[VMCS_VMX_PREEMPTION_TIMER_VALUE], 500);
}

static void a_timer_that_would_always_expire_is_switched_off(void)
{
    guest_start(GUEST_LONG, NULL);
    bk->field[VMCS_PIN_BASED_VM_EXEC_CONTROL] |= VMX_PIN_VMX_PREEMPTION_TIMER;
    bk->field[VMCS_VM_EXIT_CONTROLS] |= VMX_EXITCTL_SAVE_PREEMPTION_TIMER;
    (void)guest_enter();
    CU_ASSERT_EQUAL(guest_exit(VMX_EXIT_PREEMPTION_TIMER, 0, 0), HV_RESUME);
    CU_ASSERT_FALSE(hv_pin_control(vcpu, VMX_PIN_VMX_PREEMPTION_TIMER));
    CU_ASSERT_EQUAL(bk->field[VMCS_VM_EXIT_CONTROLS] & VMX_EXITCTL_SAVE_PREEMPTION_TIMER, 0);
}

SUITE("handlers/time", {"rdtsc_applies_offset_and_scaling", rdtsc_applies_offset_and_scaling}, {"rdtscp_gives_tsc_aux", rdtscp_gives_tsc_aux},
      {"a_saved_timer_is_loaded_again", a_saved_timer_is_loaded_again},
      {"a_timer_that_would_always_expire_is_switched_off", a_timer_that_would_always_expire_is_switched_off})
