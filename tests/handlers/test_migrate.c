/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Virtual CPUs that move to other physical CPUs, and kicks on physical CPUs that they share. */
#include "tests/support/guest.h"

enum { KICK = HV_KICK_VECTOR, MOVE = HV_MOVE_VECTOR };

static struct hv_vcpu *const other = &vm.vcpu[1];
static struct bk_vcpu *const other_bk = &machine.vcpu[1];

/* Two virtual CPUs in their guests, on physical CPUs 0 and 1. */
static void start(void)
{
    struct hv_policy policy;
    hv_default_policy(&policy);
    guest_start(GUEST_LONG, &policy);
    CU_ASSERT_TRUE_FATAL(hv_vm_init(&vm, &machine, &policy, 2));
    memcpy(other_bk->field, bk->field, sizeof bk->field);
    hv_prepare_entry(vcpu);
    hv_prepare_entry(other);
}

static void one_outside_of_its_guest_moves_without_a_kick(void)
{
    start();
    hv_left_guest(other);
    CU_ASSERT_TRUE(hv_move(vcpu, other, 3));
    CU_ASSERT_EQUAL(other_bk->interrupt, -1);
    CU_ASSERT_TRUE(hv_moves(other));
    CU_ASSERT_EQUAL(other_bk->physical_cpu, 3);
    CU_ASSERT_FALSE(hv_moves(other));
}

static void one_in_its_guest_is_kicked_first(void)
{
    start();
    bk->tsc = 777;
    CU_ASSERT_TRUE(hv_move(vcpu, other, 3));
    CU_ASSERT_EQUAL(other_bk->interrupt, KICK);
    CU_ASSERT_EQUAL(other_bk->sent_at, 777);
    CU_ASSERT_EQUAL(other_bk->physical_cpu, 1);
    hv_left_guest(other);
    hv_host_interrupt(other, bk_take_interrupt(other_bk));
    CU_ASSERT_TRUE(hv_moves(other));
    CU_ASSERT_EQUAL(other->pending_vectors[3], 0); /* the guest does not see the kick */
}

static void a_move_to_where_it_is_is_none(void)
{
    start();
    hv_left_guest(other);
    CU_ASSERT_TRUE(hv_move(vcpu, other, 1));
    CU_ASSERT_FALSE(hv_moves(other));
    CU_ASSERT_FALSE(hv_move(vcpu, other, FAKE_PHYSICAL_CPUS));
    CU_ASSERT_FALSE(hv_move_after(other, FAKE_PHYSICAL_CPUS, 0));
}

/* Whatever the physical CPU cached for it earlier is out of date. */
static void its_translations_are_invalidated_there(void)
{
    start();
    CU_ASSERT_TRUE(hv_move(other, other, 2));
    hv_left_guest(other);
    CU_ASSERT_TRUE(hv_moves(other));
    CU_ASSERT_EQUAL(other_bk->invepts, 0);
    hv_prepare_entry(other);
    CU_ASSERT_EQUAL(other_bk->invepts, 1);
    hv_prepare_entry(other);
    CU_ASSERT_EQUAL(other_bk->invepts, 1);
    other_bk->field[VMCS_SECONDARY_VM_EXEC_CONTROL] = VMX_SEC_ENABLE_VPID;
    CU_ASSERT_TRUE(hv_move(other, other, 1));
    hv_left_guest(other);
    CU_ASSERT_TRUE(hv_moves(other));
    hv_prepare_entry(other);
    CU_ASSERT_EQUAL(other_bk->invepts, 1);
    CU_ASSERT_EQUAL(other_bk->flushes, 1);
}

static void a_move_after_instructions_comes_as_an_interrupt(void)
{
    start();
    CU_ASSERT_TRUE(hv_move_after(other, 2, 0));
    CU_ASSERT_EQUAL(other_bk->interrupt, MOVE + 2);
    hv_left_guest(other);
    hv_host_interrupt(other, bk_take_interrupt(other_bk));
    CU_ASSERT_TRUE(hv_moves(other));
    CU_ASSERT_EQUAL(other_bk->physical_cpu, 2);
    hv_host_interrupt(other, MOVE + 2); /* nobody has ordered this one */
    CU_ASSERT_EQUAL(other->pending_vectors[3], UINT64_C(1) << (MOVE + 2 - 192));
}

/* Whoever runs there takes the kick; the one that it is for is kicked again before it goes on. */
static void a_kick_finds_its_virtual_cpu_on_a_shared_physical_cpu(void)
{
    start();
    other_bk->physical_cpu = 0;
    other_bk->away = true;
    hv_kick(vcpu, other);
    CU_ASSERT_EQUAL(bk->interrupt, -1); /* its turn is not now */
    CU_ASSERT_TRUE(other->kicked);
    other_bk->away = false;
    hv_resume(other);
    CU_ASSERT_EQUAL(bk->interrupt, KICK); /* at physical CPU 0, where the fake finds the first one */
    hv_left_guest(vcpu);
    hv_host_interrupt(vcpu, bk_take_interrupt(bk));
    CU_ASSERT_EQUAL(vcpu->pending_vectors[3], 0);
    CU_ASSERT_TRUE(other->kicked);
    hv_resume(other);
    CU_ASSERT_EQUAL(bk->interrupt, KICK);
    hv_left_guest(other);
    hv_host_interrupt(other, bk_take_interrupt(bk));
    CU_ASSERT_FALSE(other->kicked);
}

static void what_arrives_at_an_empty_physical_cpu_is_for_its_owner(void)
{
    start();
    hv_route_interrupt(&vm, 0x41, 1);
    machine.empty_cpu_interrupt = 0x41;
    hv_host_takes(&vm, 3);
    CU_ASSERT_EQUAL(other->pending_vectors[1], 2);
    CU_ASSERT_EQUAL(other_bk->interrupt, KICK);
    machine.empty_cpu_interrupt = 0x42;
    hv_host_takes(&vm, 3);
    CU_ASSERT_EQUAL(vcpu->pending_vectors[1], 4);
}

SUITE("handlers/migrate", {"one_outside_of_its_guest_moves_without_a_kick", one_outside_of_its_guest_moves_without_a_kick},
      {"one_in_its_guest_is_kicked_first", one_in_its_guest_is_kicked_first}, {"a_move_to_where_it_is_is_none", a_move_to_where_it_is_is_none},
      {"its_translations_are_invalidated_there", its_translations_are_invalidated_there},
      {"a_move_after_instructions_comes_as_an_interrupt", a_move_after_instructions_comes_as_an_interrupt},
      {"a_kick_finds_its_virtual_cpu_on_a_shared_physical_cpu", a_kick_finds_its_virtual_cpu_on_a_shared_physical_cpu},
      {"what_arrives_at_an_empty_physical_cpu_is_for_its_owner", what_arrives_at_an_empty_physical_cpu_is_for_its_owner})
