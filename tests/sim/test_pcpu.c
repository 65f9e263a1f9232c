/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Physical CPUs: arrivals by their own clocks, whose VMCS is current, moves. */
#include "sim/machine_internal.h"
#include "tests/support/suite.h"

static struct bk_machine *machine;

static void begin(unsigned vcpus, unsigned physical_cpus)
{
    const char *message;
    const struct sim_machine_options options = {.guest_bytes = 0x100000, .vcpus = vcpus};
    machine = sim_machine_new(&options, &message);
    CU_ASSERT_PTR_NOT_NULL_FATAL(machine);
    CU_ASSERT_TRUE_FATAL(bk_set_physical_cpus(machine, physical_cpus));
    for (unsigned i = 0; i < vcpus; i++)
        bk_vmclear(bk_vcpu(machine, i));
    bk_charge(machine, true);
}

static void vcpus_begin_on_their_number_modulo_the_physical_cpus(void)
{
    begin(5, 3);
    for (unsigned i = 0; i < 5; i++)
        CU_ASSERT_EQUAL(bk_physical_cpu(bk_vcpu(machine, i)), i % 3);
    CU_ASSERT_EQUAL(bk_physical_cpus(machine), 3);
    CU_ASSERT_FALSE(bk_set_physical_cpus(machine, 0));
    CU_ASSERT_FALSE(bk_set_physical_cpus(machine, SIM_PCPUS_MAX + 1));
    sim_machine_free(machine);
}

static void an_interrupt_arrives_by_the_clock_of_its_physical_cpu(void)
{
    begin(2, 2);
    machine->pcpu[0].clock = 1000;
    CU_ASSERT_TRUE(bk_interrupt_at(machine, 0, 0x40, 900)); /* past: at once */
    CU_ASSERT_TRUE(bk_interrupt_at(machine, 1, 0x41, 900));
    CU_ASSERT_FALSE(bk_interrupt_at(machine, 2, 0x42, 0));
    CU_ASSERT_EQUAL(bk_take_interrupt_at(machine, 0), 0x40);
    CU_ASSERT_EQUAL(bk_take_interrupt_at(machine, 1), -1);
    machine->pcpu[1].clock = 899;
    CU_ASSERT_EQUAL(sim_pcpu_distance(machine, &machine->pcpu[1], 899), 1);
    CU_ASSERT_EQUAL(bk_take_interrupt_at(machine, 1), -1);
    machine->pcpu[1].clock = 900;
    CU_ASSERT_EQUAL(bk_take_interrupt_at(machine, 1), 0x41);
    CU_ASSERT_EQUAL(sim_pcpu_distance(machine, &machine->pcpu[1], 900), UINT64_MAX);
    sim_machine_free(machine);
}

static void the_highest_vector_goes_first_and_room_is_bounded(void)
{
    begin(1, 1);
    for (unsigned i = 0; i < SIM_ARRIVALS_MAX; i++)
        CU_ASSERT_TRUE(bk_interrupt_at(machine, 0, (uint8_t)(0x20 + i), 100 + i % 2));
    CU_ASSERT_FALSE(bk_interrupt_at(machine, 0, 0x90, 100));
    machine->pcpu[0].clock = 100;
    CU_ASSERT_EQUAL(bk_take_interrupt_at(machine, 0), 0x20 + SIM_ARRIVALS_MAX - 2);
    CU_ASSERT_EQUAL(machine->pcpu[0].next_arrival, 101);
    sim_machine_free(machine);
}

static void the_one_whose_physical_cpu_is_behind_goes_on(void)
{
    begin(3, 2); /* 0 and 2 share physical CPU 0 */
    CU_ASSERT_EQUAL(bk_next(machine, 7, 10), 0);
    machine->pcpu[0].clock = 50;
    CU_ASSERT_EQUAL(bk_next(machine, 7, 10), 1);
    CU_ASSERT_EQUAL(bk_next(machine, 5, 10), 0);
    machine->vcpu[0].entered = true; /* preempted: its turn is over */
    machine->vcpu[0].turn_left = 0;
    const uint64_t before = machine->pcpu[0].clock;
    CU_ASSERT_EQUAL(bk_next(machine, 5, 10), 2);
    CU_ASSERT_EQUAL(machine->pcpu[0].clock - before, SIM_COST_VM_EXIT + SIM_COST_VMPTRLD); /* what is not recorded takes its time */
    CU_ASSERT_TRUE(bk_is_current(bk_vcpu(machine, 2)));
    CU_ASSERT_FALSE(bk_is_current(bk_vcpu(machine, 0)));
    sim_machine_free(machine);
}

static void a_moved_vcpu_is_launched_where_its_time_has_come(void)
{
    begin(2, 2);
    struct bk_vcpu *vcpu = bk_vcpu(machine, 0);
    vcpu->cpu.vmcs->launched = 1;
    machine->pcpu[0].clock = 5000;
    CU_ASSERT_TRUE(bk_move(vcpu, 1));
    CU_ASSERT_EQUAL(bk_physical_cpu(vcpu), 1);
    CU_ASSERT_EQUAL(vcpu->cpu.vmcs->launched, 0);
    CU_ASSERT_EQUAL(machine->pcpu[0].clock, 5000 + SIM_COST_VMCLEAR);
    CU_ASSERT_EQUAL(bk_next(machine, 3, 10), 1); /* the other one has physical CPU 1 to itself until then */
    machine->pcpu[1].clock = 5100;
    machine->vcpu[1].entered = true;
    machine->vcpu[1].turn_left = 0;
    CU_ASSERT_EQUAL(bk_next(machine, 1, 10), 0);
    CU_ASSERT(bk_tsc(vcpu) >= 5000 + SIM_COST_VMCLEAR);
    vcpu->entered = true;
    CU_ASSERT_FALSE(bk_move(vcpu, 0)); /* in its guest */
    vcpu->entered = false;
    CU_ASSERT_FALSE(bk_move(vcpu, 2));
    sim_machine_free(machine);
}

static void an_idle_physical_cpu_goes_to_its_event_or_to_where_the_others_are(void)
{
    const uint64_t never[] = {UINT64_MAX, UINT64_MAX, UINT64_MAX};
    begin(3, 3);
    machine->pcpu[0].clock = 800;
    CU_ASSERT_TRUE(bk_interrupt_at(machine, 1, 0x40, 300));
    CU_ASSERT_TRUE(bk_wait(machine, 1, 6, never));
    CU_ASSERT_EQUAL(machine->pcpu[1].clock, 300);
    CU_ASSERT_EQUAL(machine->pcpu[2].clock, 800);
    CU_ASSERT_TRUE(bk_wait(machine, 1, 6, never));
    CU_ASSERT_EQUAL(machine->pcpu[1].clock, 800);
    const uint64_t deadlines[] = {UINT64_MAX, UINT64_MAX, 2000};
    CU_ASSERT_TRUE(bk_wait(machine, 0, 7, deadlines)); /* all sleep */
    for (unsigned i = 0; i < 3; i++)
        CU_ASSERT_EQUAL(machine->pcpu[i].clock, 2000);
    CU_ASSERT_FALSE(bk_wait(machine, 0, 7, never));
    sim_machine_free(machine);
}

SUITE("sim/pcpu", {"vcpus_begin_on_their_number_modulo_the_physical_cpus", vcpus_begin_on_their_number_modulo_the_physical_cpus},
      {"an_interrupt_arrives_by_the_clock_of_its_physical_cpu", an_interrupt_arrives_by_the_clock_of_its_physical_cpu},
      {"the_highest_vector_goes_first_and_room_is_bounded", the_highest_vector_goes_first_and_room_is_bounded},
      {"the_one_whose_physical_cpu_is_behind_goes_on", the_one_whose_physical_cpu_is_behind_goes_on},
      {"a_moved_vcpu_is_launched_where_its_time_has_come", a_moved_vcpu_is_launched_where_its_time_has_come},
      {"an_idle_physical_cpu_goes_to_its_event_or_to_where_the_others_are", an_idle_physical_cpu_goes_to_its_event_or_to_where_the_others_are})
