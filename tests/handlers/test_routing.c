/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interrupts of devices on their way to the virtual CPU that they belong to. */
#include <string.h>

#include "tests/support/guest.h"

enum { INJECT = 0x80000000u, KICK = HV_KICK_VECTOR, NETWORK = 0x41, DISK = 0x61, NOTIFICATION = 0xe1, DESCRIPTOR = FAKE_PAGES + 0x8000 };

static struct hv_vcpu *const other = &vm.vcpu[1];
static struct bk_vcpu *const other_bk = &machine.vcpu[1];
static unsigned noted, noted_vcpu, noted_cpu, noted_vector, noted_target;
static bool noted_merged;

static void on_interrupt(void *context, unsigned vcpu_number, unsigned physical_cpu, uint8_t vector, unsigned target, bool merged)
{
    (void)context;
    noted++;
    noted_vcpu = vcpu_number;
    noted_cpu = physical_cpu;
    noted_vector = vector;
    noted_target = target;
    noted_merged = merged;
}

/* Two virtual CPUs in their guests with interrupts enabled; the network's interrupt is the second one's. */
static void start(void)
{
    struct hv_policy policy;
    hv_default_policy(&policy);
    guest_start(GUEST_LONG, &policy);
    CU_ASSERT_FATAL(hv_vm_init(&vm, &machine, &policy, 2));
    vm.interrupt = on_interrupt;
    noted = 0;
    memcpy(other_bk->field, bk->field, sizeof bk->field);
    bk->field[VMCS_GUEST_RFLAGS] = other_bk->field[VMCS_GUEST_RFLAGS] = 0x202;
    hv_route_interrupt(&vm, NETWORK, 1);
    hv_prepare_entry(vcpu);
    hv_prepare_entry(other);
}

/* The host takes the interrupt from the first one's guest. */
static void arrives(uint8_t vector)
{
    bk->interrupt = vector;
    CU_ASSERT_EQUAL(guest_exit(VMX_EXIT_EXTERNAL_INTERRUPT, 0, 0), HV_RESUME);
}

static uint32_t injected(struct hv_vcpu *into, const struct bk_vcpu *its)
{
    hv_prepare_entry(into);
    const uint32_t info = (uint32_t)its->field[VMCS_VM_ENTRY_INTR_INFO_FIELD];
    return (info & INJECT) != 0 ? info : 0;
}

static void an_interrupt_without_a_route_goes_to_whoever_runs_there(void)
{
    start();
    arrives(DISK);
    CU_ASSERT_EQUAL(noted, 0);
    CU_ASSERT_EQUAL(injected(vcpu, bk), INJECT | DISK);
    CU_ASSERT_EQUAL(injected(other, other_bk), 0);
}

static void an_interrupt_of_another_kicks_it(void)
{
    start();
    arrives(NETWORK);
    CU_ASSERT_TRUE(other->kicked);
    CU_ASSERT_EQUAL(other_bk->interrupt, KICK);
    CU_ASSERT(noted == 1 && noted_vcpu == 0 && noted_cpu == 0 && noted_vector == NETWORK && noted_target == 1);
    CU_ASSERT_EQUAL(injected(vcpu, bk), 0);
    hv_host_interrupt(other, KICK);
    CU_ASSERT(noted == 2 && noted_vcpu == 1 && noted_vector == KICK && noted_target == 1);
    CU_ASSERT_EQUAL(injected(other, other_bk), INJECT | NETWORK);
}

static void an_interrupt_of_its_own_wants_no_kick(void)
{
    start();
    hv_route_interrupt(&vm, DISK, 0);
    arrives(DISK);
    CU_ASSERT_FALSE(other->kicked);
    CU_ASSERT(noted == 1 && noted_target == 0);
    CU_ASSERT_EQUAL(injected(vcpu, bk), INJECT | DISK);
}

static void an_interrupt_that_waits_already_is_told_as_such(void)
{
    start();
    arrives(NETWORK);
    CU_ASSERT_FALSE(noted_merged);
    arrives(NETWORK);
    CU_ASSERT_TRUE(noted_merged);
    CU_ASSERT_EQUAL(noted, 2);
}

static void a_halted_owner_is_woken_without_a_kick(void)
{
    start();
    other->outside = other->halted = true;
    arrives(NETWORK);
    CU_ASSERT_FALSE(other->kicked);
    CU_ASSERT_TRUE(hv_wakes(other));
}

/* ---- posted interrupts ---- */
static uint64_t descriptor(unsigned word)
{
    uint64_t value;
    memcpy(&value, machine.memory + DESCRIPTOR + 8 * word, sizeof value);
    return value;
}

static void start_with_posting(void)
{
    start();
    other_bk->field[VMCS_PIN_BASED_VM_EXEC_CONTROL] |= VMX_PIN_PROCESS_POSTED_INTR;
    other_bk->field[VMCS_POSTED_INTR_NV] = NOTIFICATION;
    other_bk->field[VMCS_POSTED_INTR_DESC_ADDR] = DESCRIPTOR;
}

static void an_interrupt_is_posted_and_notified_once(void)
{
    start_with_posting();
    hv_route_interrupt(&vm, DISK, 1);
    arrives(NETWORK);
    CU_ASSERT_FALSE(other->kicked);
    CU_ASSERT_EQUAL(other_bk->interrupt, NOTIFICATION);
    CU_ASSERT_EQUAL(descriptor(1), UINT64_C(1) << (NETWORK - 64));
    CU_ASSERT_EQUAL(descriptor(4), 1);
    other_bk->interrupt = -1;
    arrives(DISK);
    CU_ASSERT_EQUAL(other_bk->interrupt, -1);
    CU_ASSERT_EQUAL(descriptor(1), UINT64_C(1) << (NETWORK - 64) | UINT64_C(1) << (DISK - 64));
}

static void a_notification_in_the_host_queues_what_was_posted(void)
{
    start_with_posting();
    arrives(NETWORK);
    hv_host_interrupt(other, NOTIFICATION);
    CU_ASSERT_EQUAL(descriptor(1), 0);
    CU_ASSERT_EQUAL(descriptor(4), 0);
    CU_ASSERT_EQUAL(injected(other, other_bk), INJECT | NETWORK);
    hv_host_interrupt(other, NOTIFICATION); /* one that comes late finds nothing left to do */
    CU_ASSERT_EQUAL(other->pending_vectors[NOTIFICATION / 64], 0);
    start_with_posting();
    hv_host_interrupt(other, NOTIFICATION); /* nobody has ever posted: an interrupt as any other */
    CU_ASSERT_EQUAL(other->pending_vectors[NOTIFICATION / 64], UINT64_C(1) << NOTIFICATION % 64);
}

static void a_halted_owner_is_not_posted_to(void)
{
    start_with_posting();
    other->outside = true;
    arrives(NETWORK);
    CU_ASSERT_EQUAL(descriptor(4), 0);
    CU_ASSERT_EQUAL(other->pending_vectors[NETWORK / 64], UINT64_C(1) << NETWORK % 64);
}

static void a_route_to_nobody_is_none(void)
{
    start();
    hv_route_interrupt(&vm, DISK, 2);
    CU_ASSERT_EQUAL(vm.route[DISK], 0);
}

SUITE("handlers/routing", {"an_interrupt_without_a_route_goes_to_whoever_runs_there", an_interrupt_without_a_route_goes_to_whoever_runs_there},
      {"an_interrupt_of_another_kicks_it", an_interrupt_of_another_kicks_it},
      {"an_interrupt_of_its_own_wants_no_kick", an_interrupt_of_its_own_wants_no_kick},
      {"an_interrupt_that_waits_already_is_told_as_such", an_interrupt_that_waits_already_is_told_as_such},
      {"a_halted_owner_is_woken_without_a_kick", a_halted_owner_is_woken_without_a_kick},
      {"an_interrupt_is_posted_and_notified_once", an_interrupt_is_posted_and_notified_once},
      {"a_notification_in_the_host_queues_what_was_posted", a_notification_in_the_host_queues_what_was_posted},
      {"a_halted_owner_is_not_posted_to", a_halted_owner_is_not_posted_to}, {"a_route_to_nobody_is_none", a_route_to_nobody_is_none})
