/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Virtual CPUs that make each other look: interprocessor interrupts, NMIs, INIT, SIPI through the device set. */
#include <string.h>

#include "handlers/device_access.h"
#include "tests/support/guest.h"

enum { APIC = 0xfee00000u, SVR = 0xf0, ICR = 0x300, ICR_HIGH = 0x310, OTHERS = 3u << 18, INJECT = 0x80000000u, KICK = HV_KICK_VECTOR };

static struct hv_vcpu *const other = &vm.vcpu[1];
static struct bk_vcpu *const other_bk = &machine.vcpu[1];
static char said[96];

static void on_report(void *context, unsigned number, const char *text)
{
    (void)context;
    (void)number;
    strncpy(said, text, sizeof said - 1);
}

/* Two virtual CPUs, the second one in its guest with interrupts enabled. */
static void start(void)
{
    struct hv_policy policy;
    hv_default_policy(&policy);
    policy.devices = true;
    guest_start(GUEST_PROTECTED, &policy);
    CU_ASSERT_FATAL(hv_vm_init(&vm, &machine, &policy, 2));
    vm.report = on_report;
    memcpy(other_bk->field, bk->field, sizeof bk->field);
    other_bk->field[VMCS_GUEST_RFLAGS] = 0x202;
    hv_mmio_write(vcpu, APIC + SVR, 4, 0x1ff);
    hv_mmio_write(other, APIC + SVR, 4, 0x1ff);
    hv_prepare_entry(other);
}

static void send(uint32_t low)
{
    hv_mmio_write(vcpu, APIC + ICR_HIGH, 4, 1u << 24);
    hv_mmio_write(vcpu, APIC + ICR, 4, low);
}

static uint32_t injected_into_other(void)
{
    hv_prepare_entry(other);
    const uint32_t info = (uint32_t)other_bk->field[VMCS_VM_ENTRY_INTR_INFO_FIELD];
    return (info & INJECT) != 0 ? info : 0;
}

static enum hv_action other_exits(void)
{
    struct hv_exit exit;
    other_bk->field[VMCS_VM_EXIT_REASON] = VMX_EXIT_EXTERNAL_INTERRUPT;
    hv_left_guest(other);
    hv_decode_exit(other, &exit);
    return hv_handle(other, &exit);
}

static void an_interrupt_takes_the_other_out_of_its_guest(void)
{
    start();
    send(0x51);
    CU_ASSERT_TRUE(other->kicked);
    CU_ASSERT_EQUAL(other_bk->interrupt, KICK);
    CU_ASSERT_EQUAL(other_exits(), HV_RESUME);
    CU_ASSERT_FALSE(other->kicked);
    CU_ASSERT_EQUAL(injected_into_other(), INJECT | 0x51);
}

static void one_interrupt_kicks_once(void)
{
    start();
    other_bk->field[VMCS_GUEST_RFLAGS] = 2; /* it cannot be taken yet */
    send(0x51);
    CU_ASSERT_EQUAL(other_exits(), HV_RESUME);
    CU_ASSERT_EQUAL(injected_into_other(), 0);
    hv_port_write(vcpu, 0x80, 1, 1);
    CU_ASSERT_FALSE(other->kicked);
    send(0x61); /* a higher one is news */
    CU_ASSERT_TRUE(other->kicked);
}

static void one_that_is_outside_needs_no_kick(void)
{
    start();
    hv_left_guest(other);
    send(0x51);
    CU_ASSERT_FALSE(other->kicked);
}

static void a_guest_that_gets_host_interrupts_itself_is_not_kicked(void)
{
    start();
    other_bk->field[VMCS_PIN_BASED_VM_EXEC_CONTROL] &= ~(uint64_t)VMX_PIN_EXT_INTR_EXITING;
    send(0x51);
    CU_ASSERT_FALSE(other->kicked);
}

static void the_vector_of_a_kick_is_an_interrupt_when_nobody_kicked(void)
{
    start();
    hv_host_interrupt(other, KICK);
    CU_ASSERT_EQUAL(injected_into_other(), INJECT | KICK);
}

static void an_nmi_is_queued_and_kicks(void)
{
    start();
    send(4u << 8);
    CU_ASSERT_TRUE(other->kicked);
    CU_ASSERT_EQUAL(injected_into_other(), INJECT | 0x202);
}

static void init_and_sipi_go_to_the_physical_cpu(void)
{
    start();
    send(5u << 8 | 1u << 14);
    CU_ASSERT_EQUAL(other_bk->stimulus, BK_INIT);
    send(6u << 8 | 0x9a);
    CU_ASSERT_EQUAL(other_bk->stimulus, BK_SIPI);
    CU_ASSERT_EQUAL(other_bk->stimulus_vector, 0x9a);
}

static void an_smi_is_reported(void)
{
    start();
    send(2u << 8);
    CU_ASSERT_PTR_NOT_NULL(strstr(said, "SMI to virtual CPU 1: not modelled"));
}

SUITE("handlers/kick", {"an_interrupt_takes_the_other_out_of_its_guest", an_interrupt_takes_the_other_out_of_its_guest},
      {"one_interrupt_kicks_once", one_interrupt_kicks_once}, {"one_that_is_outside_needs_no_kick", one_that_is_outside_needs_no_kick},
      {"a_guest_that_gets_host_interrupts_itself_is_not_kicked", a_guest_that_gets_host_interrupts_itself_is_not_kicked},
      {"the_vector_of_a_kick_is_an_interrupt_when_nobody_kicked", the_vector_of_a_kick_is_an_interrupt_when_nobody_kicked},
      {"an_nmi_is_queued_and_kicks", an_nmi_is_queued_and_kicks}, {"init_and_sipi_go_to_the_physical_cpu", init_and_sipi_go_to_the_physical_cpu},
      {"an_smi_is_reported", an_smi_is_reported})
