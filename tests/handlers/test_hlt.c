/* SPDX-License-Identifier: GPL-2.0-or-later */
/* HLT: waiting for queued, host and device interrupts. */
#include "handlers/device_access.h"
#include "tests/support/guest.h"

enum { RFLAGS_IF = 0x200 };

static void start(bool devices, bool interrupts)
{
    struct hv_policy policy;
    hv_default_policy(&policy);
    policy.devices = devices;
    guest_start(GUEST_LONG, &policy);
    bk->field[VMCS_GUEST_RFLAGS] = interrupts ? 2 | RFLAGS_IF : 2;
}

static void a_guest_that_nothing_wakes_is_halted(void)
{
    start(false, true);
    CU_ASSERT_EQUAL(guest_exit(VMX_EXIT_HLT, 0, 1), HV_HALTED);
    CU_ASSERT_TRUE(vcpu->halted);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_RIP], 0x1001);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_ACTIVITY_STATE], VMX_HLT);
}

static void a_queued_interrupt_wakes(void)
{
    start(false, true);
    hv_queue_interrupt(vcpu, 0x40);
    CU_ASSERT_EQUAL(guest_exit(VMX_EXIT_HLT, 0, 1), HV_RESUME);
    CU_ASSERT_EQUAL(guest_enter(), 0x80000040);
    CU_ASSERT_FALSE(vcpu->halted);
}

static void with_interrupts_off_only_an_nmi_wakes(void)
{
    start(false, false);
    hv_queue_interrupt(vcpu, 0x40);
    CU_ASSERT_EQUAL(guest_exit(VMX_EXIT_HLT, 0, 1), HV_HALTED);
    start(false, false);
    hv_queue_nmi(vcpu);
    CU_ASSERT_EQUAL(guest_exit(VMX_EXIT_HLT, 0, 1), HV_RESUME);
    CU_ASSERT_EQUAL(guest_enter(), 0x80000202);
}

static void a_host_interrupt_ends_the_wait(void)
{
    start(false, true);
    bk->next_event = 5000;
    bk->next_vector = 0x51;
    CU_ASSERT_EQUAL(guest_exit(VMX_EXIT_HLT, 0, 1), HV_RESUME);
    CU_ASSERT_EQUAL(bk->tsc, 5000);
    CU_ASSERT_EQUAL(guest_enter(), 0x80000051);
}

static void another_host_event_is_met_in_the_halted_state(void)
{
    start(false, true);
    bk->next_event = 5000;
    CU_ASSERT_EQUAL(guest_exit(VMX_EXIT_HLT, 0, 1), HV_RESUME);
    CU_ASSERT_EQUAL(guest_enter(), 0);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_ACTIVITY_STATE], VMX_HLT);
}

/* VM entry refuses an exception in the HLT state. */
static void an_exception_ends_the_halted_state(void)
{
    start(false, false);
    CU_ASSERT_EQUAL(guest_exit(VMX_EXIT_HLT, 0, 1), HV_HALTED);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_ACTIVITY_STATE], VMX_HLT);
    hv_inject_ud(vcpu);
    CU_ASSERT_EQUAL(guest_enter(), INJECT_UD);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_ACTIVITY_STATE], VMX_ACTIVE);
}

static void out(uint16_t port, uint8_t value)
{
    hv_port_write(vcpu, port, 1, value);
}

static void start_timer(void)
{
    static const uint8_t init[][2] = {{0x20, 0x11}, {0x21, 0x30}, {0x21, 4}, {0x21, 1}, {0x21, 0xfe}};
    for (unsigned i = 0; i < sizeof(init) / sizeof(init[0]); i++)
        out(init[i][0], init[i][1]);
    out(0x43, 0x34);
    out(0x40, 0);
    out(0x40, 0x10);
}

static void a_timer_of_the_device_set_wakes(void)
{
    start(true, true);
    start_timer();
    CU_ASSERT_EQUAL(guest_exit(VMX_EXIT_HLT, 0, 1), HV_RESUME);
    CU_ASSERT_EQUAL(bk->idles, 1);
    CU_ASSERT_EQUAL(bk->tsc, 3432838); /* 4096 clocks at 1193182 Hz in ns, rounded up */
    CU_ASSERT_EQUAL(guest_enter(), 0x80000030);
}

static void a_masked_timer_does_not(void)
{
    start(true, true);
    start_timer();
    out(0x21, 0xff);
    CU_ASSERT_EQUAL(guest_exit(VMX_EXIT_HLT, 0, 1), HV_HALTED);
    start(true, false);
    start_timer();
    CU_ASSERT_EQUAL(guest_exit(VMX_EXIT_HLT, 0, 1), HV_HALTED);
}

SUITE("handlers/hlt", {"a_guest_that_nothing_wakes_is_halted", a_guest_that_nothing_wakes_is_halted},
      {"a_queued_interrupt_wakes", a_queued_interrupt_wakes}, {"with_interrupts_off_only_an_nmi_wakes", with_interrupts_off_only_an_nmi_wakes},
      {"a_host_interrupt_ends_the_wait", a_host_interrupt_ends_the_wait},
      {"another_host_event_is_met_in_the_halted_state", another_host_event_is_met_in_the_halted_state},
      {"an_exception_ends_the_halted_state", an_exception_ends_the_halted_state},
      {"a_timer_of_the_device_set_wakes", a_timer_of_the_device_set_wakes}, {"a_masked_timer_does_not", a_masked_timer_does_not})
