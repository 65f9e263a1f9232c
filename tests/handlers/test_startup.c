/* SPDX-License-Identifier: GPL-2.0-or-later */
/* INIT, SIPI, task switches, triple faults. */
#include <string.h>

#include "tests/support/guest.h"

static void init_resets_and_waits_for_sipi(void)
{
    guest_start(GUEST_LONG, NULL);
    fake_cpuid(&machine, 1, 0, 0x50654, 0, 0, 0);
    bk->gpr[VMX_RBX] = 5;
    CU_ASSERT_EQUAL(guest_exit(VMX_EXIT_INIT_SIGNAL, 0, 0), HV_RESUME);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_ACTIVITY_STATE], VMX_WAIT_FOR_SIPI);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_CS_BASE], 0xffff0000);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_RIP], 0xfff0);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_IA32_EFER], 0);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_CR0], 0x30);
    CU_ASSERT_EQUAL(bk->field[VMCS_CR0_READ_SHADOW], 0x10);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_CR4], 0x2000);
    CU_ASSERT_EQUAL(bk->gpr[VMX_RDX], 0x50654);
    CU_ASSERT_EQUAL(bk->gpr[VMX_RBX], 0);
    CU_ASSERT_EQUAL(guest_exit(VMX_EXIT_SIPI_SIGNAL, 0x9a, 0), HV_RESUME);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_CS_SELECTOR], 0x9a00);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_CS_BASE], 0x9a000);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_RIP], 0);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_ACTIVITY_STATE], VMX_ACTIVE);
}

static void init_without_unrestricted_guest_stops(void)
{
    guest_start(GUEST_LONG, NULL);
    bk->field[VMCS_SECONDARY_VM_EXEC_CONTROL] = VMX_SEC_ENABLE_EPT;
    CU_ASSERT_EQUAL(guest_exit(VMX_EXIT_INIT_SIGNAL, 0, 0), HV_STOP);
}

static void a_task_switch_stops_with_its_source(void)
{
    guest_start(GUEST_PROTECTED, NULL);
    CU_ASSERT_EQUAL(guest_exit(VMX_EXIT_TASK_SWITCH, 0x80000028, 7), HV_STOP);
    CU_ASSERT_PTR_NOT_NULL(strstr(vcpu->stop_reason, "TSS 28 by JMP"));
}

static void a_triple_fault_stops(void)
{
    guest_start(GUEST_PROTECTED, NULL);
    CU_ASSERT_EQUAL(guest_exit(VMX_EXIT_TRIPLE_FAULT, 0, 0), HV_STOP);
    CU_ASSERT_STRING_EQUAL(vcpu->stop_reason, "triple fault, RIP 1000");
}

SUITE("handlers/startup", {"init_resets_and_waits_for_sipi", init_resets_and_waits_for_sipi},
      {"init_without_unrestricted_guest_stops", init_without_unrestricted_guest_stops},
      {"a_task_switch_stops_with_its_source", a_task_switch_stops_with_its_source}, {"a_triple_fault_stops", a_triple_fault_stops})
