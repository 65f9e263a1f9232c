/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The virtual-APIC page of a guest that has the device set, before and after its VM entries. */
#include "handlers/apic.h"
#include "handlers/device_access.h"
#include "tests/support/guest.h"

enum { APIC = 0xfee00000u, SVR = 0xf0, ICR = 0x300, SELF = 1u << 18, LEVEL_51 = 0x8051 };

static hpa_t page;

static void start(uint32_t secondary)
{
    struct hv_policy policy;
    hv_default_policy(&policy);
    policy.devices = true;
    guest_start(GUEST_PROTECTED, &policy);
    page = bk_page(&machine);
    bk->field[VMCS_VIRTUAL_APIC_PAGE_ADDR] = page;
    bk->field[VMCS_CPU_BASED_VM_EXEC_CONTROL] |= VMX_PRI_USE_TPR_SHADOW;
    bk->field[VMCS_SECONDARY_VM_EXEC_CONTROL] |= secondary;
    bk->field[VMCS_GUEST_RFLAGS] = 0x202;
    hv_mmio_write(vcpu, APIC + SVR, 4, 0x1ff);
}

static uint32_t in_page(unsigned offset)
{
    uint32_t value = 0;
    CU_ASSERT_TRUE(bk_read(&machine, page + offset, &value, sizeof value));
    return value;
}

static void set_in_page(unsigned offset, uint32_t value)
{
    CU_ASSERT_TRUE(bk_write(&machine, page + offset, &value, sizeof value));
}

static void requests_go_to_virr_and_rvi(void)
{
    start(VMX_SEC_VIRTUAL_INTR_DELIVERY);
    hv_mmio_write(vcpu, APIC + ICR, 4, SELF | 0x51);
    hv_mmio_write(vcpu, APIC + ICR, 4, SELF | 0x91);
    CU_ASSERT_EQUAL(guest_enter(), 0);
    CU_ASSERT_EQUAL(in_page(0x220), 1u << 0x11);
    CU_ASSERT_EQUAL(in_page(0x240), 1u << 0x11);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_INTR_STATUS], 0x91);
    CU_ASSERT_EQUAL(bk->field[VMCS_EOI_EXIT_BITMAP1], 0);
    CU_ASSERT_FALSE(hv_primary_control(vcpu, VMX_PRI_INTR_WINDOW_EXITING));
}

static void a_queued_interrupt_joins_them(void)
{
    start(VMX_SEC_VIRTUAL_INTR_DELIVERY);
    hv_mmio_write(vcpu, APIC + ICR, 4, SELF | 0x51);
    hv_queue_interrupt(vcpu, 0x62);
    CU_ASSERT_EQUAL(guest_enter(), 0);
    CU_ASSERT_EQUAL(in_page(0x220), 1u << 0x11);
    CU_ASSERT_EQUAL(in_page(0x230), 1u << 2);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_INTR_STATUS], 0x62);
}

static void status_is_that_of_the_page(void)
{
    start(VMX_SEC_VIRTUAL_INTR_DELIVERY);
    hv_mmio_write(vcpu, APIC + ICR, 4, SELF | 0x51);
    hv_mmio_write(vcpu, APIC + ICR, 4, SELF | 0x41);
    (void)guest_enter();
    set_in_page(0x220, 2); /* 51H goes into service */
    set_in_page(0x120, 1u << 0x11);
    bk->field[VMCS_GUEST_INTR_STATUS] = 0x5141;
    CU_ASSERT_EQUAL(hv_mmio_read(vcpu, APIC + 0x120, 4), 1u << 0x11);
    CU_ASSERT_EQUAL(hv_mmio_read(vcpu, APIC + 0x220, 4), 2);
    hv_mmio_write(vcpu, APIC + 0xb0, 4, 0); /* an end of interrupt that exits */
    (void)guest_enter();
    CU_ASSERT_EQUAL(in_page(0x120), 0);
    CU_ASSERT_EQUAL(in_page(0x220), 2);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_INTR_STATUS], 0x41);
}

static void level_triggered_vectors_stand_in_the_eoi_exit_bitmap(void)
{
    static const uint8_t vectors[] = {0x1f, 0x51, 0x93, 0xff};
    for (size_t i = 0; i < sizeof vectors; i++) {
        const uint8_t vector = vectors[i];
        const struct bus_message level = {.mode = BUS_FIXED, .vector = vector, .level = true}, edge = {.mode = BUS_FIXED, .vector = vector};
        const enum vmcs_field field = (enum vmcs_field)(VMCS_EOI_EXIT_BITMAP0 + vector / 64);
        const uint64_t owners = UINT64_C(1) << 33, bit = UINT64_C(1) << vector % 64;
        start(VMX_SEC_VIRTUAL_INTR_DELIVERY);
        bk->field[field] = owners;
        CU_ASSERT_TRUE(lapics_message(&vm.devices->lapics, &vm.devices->bus, &level));
        (void)guest_enter();
        CU_ASSERT_EQUAL(bk->field[field], owners | bit);
        CU_ASSERT_TRUE(lapics_message(&vm.devices->lapics, &vm.devices->bus, &edge));
        (void)guest_enter();
        CU_ASSERT_EQUAL(bk->field[field], owners);
    }
}

static void the_io_apic_hears_of_the_end(void)
{
    start(VMX_SEC_VIRTUAL_INTR_DELIVERY);
    hv_mmio_write(vcpu, IOAPIC_BASE, 4, 0x18);
    hv_mmio_write(vcpu, IOAPIC_BASE + 0x10, 4, LEVEL_51);
    hv_port_write(vcpu, 0x3fc, 1, 8);
    hv_port_write(vcpu, 0x3f9, 1, 2);
    (void)guest_enter();
    CU_ASSERT_EQUAL(in_page(0x220), 1u << 0x11);
    set_in_page(0x220, 0); /* it was delivered, and has ended */
    CU_ASSERT_EQUAL(guest_exit(VMX_EXIT_EOI_INDUCED, 0x51, 0), HV_RESUME);
    (void)guest_enter();
    CU_ASSERT_EQUAL(in_page(0x220), 1u << 0x11); /* the level is still there */
    set_in_page(0x220, 0);
    (void)hv_port_read(vcpu, 0x3fa, 1);
    CU_ASSERT_EQUAL(guest_exit(VMX_EXIT_EOI_INDUCED, 0x51, 0), HV_RESUME);
    (void)guest_enter();
    CU_ASSERT_EQUAL(in_page(0x220), 0);
    CU_ASSERT_EQUAL(hv_mmio_read(vcpu, IOAPIC_BASE + 0x10, 4), LEVEL_51); /* remote IRR is clear */
}

static void an_apic_write_reaches_the_local_apic(void)
{
    start(VMX_SEC_APIC_REGISTER_VIRT);
    (void)guest_enter();
    CU_ASSERT_EQUAL(in_page(SVR), 0x1ff);
    set_in_page(0x320, 0xfff80040);
    CU_ASSERT_EQUAL(guest_exit(VMX_EXIT_APIC_WRITE, 0x322, 0), HV_RESUME);
    CU_ASSERT_EQUAL(hv_mmio_read(vcpu, APIC + 0x320, 4), 0x40); /* reserved bits stay 0 */
    (void)guest_enter();
    CU_ASSERT_EQUAL(in_page(0x320), 0x40);
}

static void injected_interrupts_are_shown_in_service(void)
{
    start(VMX_SEC_APIC_REGISTER_VIRT);
    hv_mmio_write(vcpu, APIC + ICR, 4, SELF | 0x51);
    CU_ASSERT_EQUAL(guest_enter(), 0x80000051);
    CU_ASSERT_EQUAL(in_page(0x120), 1u << 0x11);
    CU_ASSERT_EQUAL(in_page(0x220), 0);
    CU_ASSERT_EQUAL(guest_exit(VMX_EXIT_APIC_WRITE, 0xb0, 0), HV_RESUME);
    (void)guest_enter();
    CU_ASSERT_EQUAL(in_page(0x120), 0);
}

static void a_page_without_these_controls_is_left_alone(void)
{
    start(0);
    hv_mmio_write(vcpu, APIC + ICR, 4, SELF | 0x51);
    CU_ASSERT_EQUAL(guest_enter(), 0x80000051);
    CU_ASSERT_EQUAL(in_page(0x120), 0);
    CU_ASSERT_EQUAL(in_page(SVR), 0);
}

SUITE("handlers/device_apic", {"requests_go_to_virr_and_rvi", requests_go_to_virr_and_rvi},
      {"a_queued_interrupt_joins_them", a_queued_interrupt_joins_them}, {"status_is_that_of_the_page", status_is_that_of_the_page},
      {"level_triggered_vectors_stand_in_the_eoi_exit_bitmap", level_triggered_vectors_stand_in_the_eoi_exit_bitmap},
      {"the_io_apic_hears_of_the_end", the_io_apic_hears_of_the_end}, {"an_apic_write_reaches_the_local_apic", an_apic_write_reaches_the_local_apic},
      {"injected_interrupts_are_shown_in_service", injected_interrupts_are_shown_in_service},
      {"a_page_without_these_controls_is_left_alone", a_page_without_these_controls_is_left_alone})
