/* SPDX-License-Identifier: GPL-2.0-or-later */
/* APIC_ACCESS, APIC_WRITE and what they do to the virtual-APIC page. */
#include "handlers/apic.h"
#include "tests/support/guest.h"

static hpa_t page;

static void start(void)
{
    guest_start(GUEST_PROTECTED, NULL);
    page = bk_page(&machine);
    bk->field[VMCS_CPU_BASED_VM_EXEC_CONTROL] |= VMX_PRI_USE_TPR_SHADOW;
    bk->field[VMCS_VIRTUAL_APIC_PAGE_ADDR] = page;
    bk->field[VMCS_GUEST_RFLAGS] |= 0x200;
}

static void an_access_is_emulated_on_the_page(void)
{
    static const uint8_t store[] = {0xa3, 0xf0, 0x00, 0xe0, 0xfe}; /* mov [FEE000F0H], eax */
    start();
    guest_put(0x1000, store, sizeof(store));
    bk->gpr[VMX_RAX] = 0x1ff;
    CU_ASSERT_EQUAL(guest_exit(VMX_EXIT_APIC_ACCESS, 0x10f0, 0), HV_RESUME);
    CU_ASSERT_EQUAL(machine.memory[page + 0xf1], 1);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_RIP], 0x1005);
}

static void other_kinds_of_access_stop(void)
{
    start();
    CU_ASSERT_EQUAL(guest_exit(VMX_EXIT_APIC_ACCESS, 0x2000, 0), HV_STOP);
    CU_ASSERT_EQUAL(guest_exit(VMX_EXIT_APIC_ACCESS, 0xf000, 0), HV_STOP);
}

static void eoi_ends_the_highest_interrupt_in_service(void)
{
    start();
    machine.memory[page + 0x110] = 0x81;
    CU_ASSERT_EQUAL(guest_exit(VMX_EXIT_APIC_WRITE, 0xb0, 0), HV_RESUME);
    CU_ASSERT_EQUAL(machine.memory[page + 0x110], 0x01);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_RIP], 0x1000);
}

static void self_ipis_are_queued(void)
{
    start();
    machine.memory[page + 0x3f0] = 0x66;
    (void)guest_exit(VMX_EXIT_APIC_WRITE, 0x3f0, 0);
    CU_ASSERT_EQUAL(guest_enter(), 0x80000066);
    start();
    machine.memory[page + 0x300] = 0x77;
    machine.memory[page + 0x302] = 4; /* shorthand: self */
    (void)guest_exit(VMX_EXIT_APIC_WRITE, 0x300, 0);
    CU_ASSERT_EQUAL(guest_enter(), 0x80000077);
}

static void ipis_reach_their_target(void)
{
    struct hv_policy policy;
    hv_default_policy(&policy);
    fake_reset(&machine);
    CU_ASSERT_TRUE_FATAL(hv_vm_init(&vm, &machine, &policy, 2));
    hv_send_ipi(&vm.vcpu[0], &(struct hv_ipi){.destination = 1, .command = 0x55});
    CU_ASSERT_EQUAL(vm.vcpu[1].pending_vectors[1], UINT64_C(1) << 21);
    CU_ASSERT_EQUAL(vm.vcpu[0].pending_vectors[1], 0);
    hv_send_ipi(&vm.vcpu[0], &(struct hv_ipi){.command = 3u << 18 | 4u << 8}); /* NMI to all but self */
    CU_ASSERT_TRUE(vm.vcpu[1].pending_nmi);
    CU_ASSERT_FALSE(vm.vcpu[0].pending_nmi);
}

SUITE("handlers/apic", {"an_access_is_emulated_on_the_page", an_access_is_emulated_on_the_page},
      {"other_kinds_of_access_stop", other_kinds_of_access_stop},
      {"eoi_ends_the_highest_interrupt_in_service", eoi_ends_the_highest_interrupt_in_service}, {"self_ipis_are_queued", self_ipis_are_queued},
      {"ipis_reach_their_target", ipis_reach_their_target})
