/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The device set behind handlers: registers of the local APIC, interrupts, the alarm clock. */
#include <string.h>

#include "handlers/apic.h"
#include "handlers/device_access.h"
#include "tests/support/guest.h"

enum { APIC = 0xfee00000u, EOI = 0xb0, SVR = 0xf0, ICR = 0x300, LVT_TIMER = 0x320, INITIAL = 0x380, DIVIDE = 0x3e0, INJECT = 0x80000000u };

static void start(void)
{
    struct hv_policy policy;
    hv_default_policy(&policy);
    policy.devices = true;
    guest_start(GUEST_PROTECTED, &policy);
    bk->field[VMCS_GUEST_RFLAGS] = 0x202;
    hv_mmio_write(vcpu, APIC + SVR, 4, 0x1ff);
}

static void a_device_interrupt_is_injected_and_acknowledged(void)
{
    start();
    hv_mmio_write(vcpu, APIC + ICR, 4, 1u << 18 | 0x51);
    CU_ASSERT_EQUAL(guest_enter(), INJECT | 0x51);
    CU_ASSERT_EQUAL(hv_mmio_read(vcpu, APIC + 0x120, 4), 1u << 17);
    bk->field[VMCS_VM_ENTRY_INTR_INFO_FIELD] = 0;
    CU_ASSERT_EQUAL(guest_enter(), 0);
}

static void the_alarm_takes_a_running_guest_back(void)
{
    start();
    bk->tsc = 1000;
    CU_ASSERT_EQUAL(guest_enter(), 0);
    CU_ASSERT_FALSE(hv_pin_control(vcpu, VMX_PIN_VMX_PREEMPTION_TIMER));
    hv_mmio_write(vcpu, APIC + DIVIDE, 4, 0xb);
    hv_mmio_write(vcpu, APIC + LVT_TIMER, 4, 0x40);
    hv_mmio_write(vcpu, APIC + INITIAL, 4, 3200);
    CU_ASSERT_EQUAL(guest_enter(), 0);
    CU_ASSERT_TRUE(hv_pin_control(vcpu, VMX_PIN_VMX_PREEMPTION_TIMER));
    CU_ASSERT_EQUAL(bk->field[VMCS_VMX_PREEMPTION_TIMER_VALUE], 3200 / 32 + 1); /* the fake counts bit 5 of the time-stamp counter */
    bk->tsc = 4200;
    CU_ASSERT_EQUAL(guest_exit(VMX_EXIT_PREEMPTION_TIMER, 0, 0), HV_RESUME);
    CU_ASSERT_EQUAL(guest_enter(), INJECT | 0x40);
    CU_ASSERT_FALSE(hv_pin_control(vcpu, VMX_PIN_VMX_PREEMPTION_TIMER));
}

static void the_owner_s_timer_is_left_alone(void)
{
    start();
    bk->field[VMCS_PIN_BASED_VM_EXEC_CONTROL] |= VMX_PIN_VMX_PREEMPTION_TIMER;
    bk->field[VMCS_VMX_PREEMPTION_TIMER_VALUE] = 77;
    hv_mmio_write(vcpu, APIC + LVT_TIMER, 4, 0x40);
    hv_mmio_write(vcpu, APIC + INITIAL, 4, 3200);
    (void)guest_enter();
    CU_ASSERT_EQUAL(bk->field[VMCS_VMX_PREEMPTION_TIMER_VALUE], 77);
}

static void a_processor_without_the_timer_waits_for_another_exit(void)
{
    start();
    machine.capability[0x481 - 0x480] &= ~((uint64_t)VMX_PIN_VMX_PREEMPTION_TIMER << 32);
    hv_mmio_write(vcpu, APIC + LVT_TIMER, 4, 0x40);
    hv_mmio_write(vcpu, APIC + INITIAL, 4, 3200);
    (void)guest_enter();
    CU_ASSERT_FALSE(hv_pin_control(vcpu, VMX_PIN_VMX_PREEMPTION_TIMER));
    bk->tsc += 10000;
    CU_ASSERT_EQUAL(guest_enter(), INJECT | 0x40);
}

static void task_priority_in_the_page_holds_for_the_device(void)
{
    const hpa_t page = bk_page(&machine);
    start();
    bk->field[VMCS_CPU_BASED_VM_EXEC_CONTROL] |= VMX_PRI_USE_TPR_SHADOW;
    bk->field[VMCS_VIRTUAL_APIC_PAGE_ADDR] = page;
    hv_mmio_write(vcpu, APIC + 0x80, 4, 0x50);
    hv_mmio_write(vcpu, APIC + ICR, 4, 1u << 18 | 0x51);
    CU_ASSERT_EQUAL(guest_enter(), 0);
    CU_ASSERT_EQUAL(hv_tpr(vcpu), 0x50);
    CU_ASSERT_EQUAL(bk->field[VMCS_TPR_THRESHOLD], 5);
    hv_set_tpr(vcpu, 0x40);
    CU_ASSERT_EQUAL(guest_exit(VMX_EXIT_TPR_BELOW_THRESHOLD, 0, 0), HV_RESUME);
    CU_ASSERT_EQUAL(guest_enter(), INJECT | 0x51);
}

static void msrs_of_the_local_apic_are_the_device_s(void)
{
    uint64_t value = 0;
    start();
    CU_ASSERT_TRUE(hv_read_msr(vcpu, 0x1b, &value));
    CU_ASSERT_EQUAL(value, UINT64_C(0xfee00900));
    CU_ASSERT_FALSE(hv_read_msr(vcpu, 0x802, &value)); /* not in xAPIC mode */
    CU_ASSERT_TRUE(hv_write_msr(vcpu, 0x1b, UINT64_C(0xfee00100)));
    CU_ASSERT_FALSE(hv_apic_enabled(vcpu));
    CU_ASSERT_EQUAL(hv_mmio_read(vcpu, APIC + SVR, 4), 0xffffffff);
}

static char said[96];

static void on_report(void *context, unsigned number, const char *text)
{
    (void)context;
    (void)number;
    strncpy(said, text, sizeof said - 1);
}

static void a_base_over_ram_is_reported(void)
{
    start();
    vm.report = on_report;
    CU_ASSERT_TRUE(hv_write_msr(vcpu, 0x1b, 0x10000 | 0x900));
    CU_ASSERT_PTR_NOT_NULL(strstr(said, "the registers are not seen over RAM"));
}

static void an_nmi_goes_to_the_virtual_cpu(void)
{
    start();
    vm.device_set.bus.signal(vm.device_set.bus.signals, 0, BUS_SIGNAL_NMI, 0);
    CU_ASSERT_EQUAL(guest_enter(), INJECT | 0x202);
    vm.device_set.bus.signal(vm.device_set.bus.signals, 9, BUS_SIGNAL_NMI, 0); /* nobody there */
    bk->field[VMCS_VM_ENTRY_INTR_INFO_FIELD] = 0;
    CU_ASSERT_EQUAL(guest_enter(), 0);
}

SUITE("handlers/device_access", {"a_device_interrupt_is_injected_and_acknowledged", a_device_interrupt_is_injected_and_acknowledged},
      {"the_alarm_takes_a_running_guest_back", the_alarm_takes_a_running_guest_back},
      {"the_owner_s_timer_is_left_alone", the_owner_s_timer_is_left_alone},
      {"a_processor_without_the_timer_waits_for_another_exit", a_processor_without_the_timer_waits_for_another_exit},
      {"task_priority_in_the_page_holds_for_the_device", task_priority_in_the_page_holds_for_the_device},
      {"msrs_of_the_local_apic_are_the_device_s", msrs_of_the_local_apic_are_the_device_s},
      {"a_base_over_ram_is_reported", a_base_over_ram_is_reported}, {"an_nmi_goes_to_the_virtual_cpu", an_nmi_goes_to_the_virtual_cpu})
