/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stimuli of the bench: when they arrive, what of them the processor is offered, the host's share, waiting. */
#include "sim/machine_internal.h"
#include "tests/support/suite.h"

static struct bk_machine *machine;
static struct bk_vcpu *vcpu;

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
    vcpu = bk_vcpu(machine, 0);
    vcpu->turn_end = UINT64_MAX;
}

static void end(void)
{
    sim_machine_free(machine);
}

static void a_stimulus_arrives_after_its_instructions(void)
{
    begin(1, 1);
    CU_ASSERT_EQUAL(sim_stimuli_distance(vcpu), UINT64_MAX);
    CU_ASSERT_TRUE(bk_stimulate(vcpu, BK_NMI, 0, 100));
    CU_ASSERT_EQUAL(sim_stimuli_distance(vcpu), 100);
    sim_stimuli_arrive(vcpu);
    CU_ASSERT_FALSE(vcpu->pcpu->nmi || vcpu->cpu.pending.nmi);
    sim_stimuli_pass(vcpu, 60); /* asleep, time counts instead */
    CU_ASSERT_EQUAL(sim_stimuli_distance(vcpu), 40);
    sim_stimuli_pass(vcpu, 41); /* and it may be late */
    CU_ASSERT_TRUE(vcpu->pcpu->nmi && vcpu->cpu.pending.nmi);
    CU_ASSERT_EQUAL(sim_stimuli_distance(vcpu), UINT64_MAX);
    vcpu->pcpu->nmi = false;
    CU_ASSERT_TRUE(bk_stimulate(vcpu, BK_NMI, 0, 0));
    CU_ASSERT_TRUE(vcpu->pcpu->nmi);
    end();
}

/* In the order in which they were given, whatever stands between them. */
static void those_that_are_not_due_stay(void)
{
    begin(1, 1);
    CU_ASSERT_TRUE(bk_stimulate(vcpu, BK_INTERRUPT, 0x31, 30));
    CU_ASSERT_TRUE(bk_stimulate(vcpu, BK_INTERRUPT, 0x32, 10));
    CU_ASSERT_TRUE(bk_stimulate(vcpu, BK_INTERRUPT, 0x33, 20));
    CU_ASSERT_EQUAL(sim_stimuli_distance(vcpu), 10);
    sim_stimuli_pass(vcpu, 10);
    CU_ASSERT_EQUAL(vcpu->stimulus_count, 2);
    CU_ASSERT_EQUAL(vcpu->cpu.pending.interrupt_vector, 0x32);
    CU_ASSERT_EQUAL(sim_stimuli_distance(vcpu), 10);
    sim_stimuli_pass(vcpu, 10);
    CU_ASSERT_EQUAL(vcpu->cpu.pending.interrupt_vector, 0x33); /* the highest of those that wait */
    CU_ASSERT_EQUAL(sim_stimuli_distance(vcpu), 10);
    sim_stimuli_pass(vcpu, 9);
    CU_ASSERT_EQUAL(vcpu->stimulus_count, 1);
    CU_ASSERT_EQUAL(sim_stimuli_distance(vcpu), 1);
    end();
}

/* A stimulus of later instructions and an arrival of the physical CPU's clock: what is due first bounds the run. */
static void the_nearest_event_counts(void)
{
    begin(1, 1);
    vcpu->pcpu->clock = 1000;
    CU_ASSERT_TRUE(bk_interrupt_at(machine, 0, 0x40, 1050));
    CU_ASSERT_EQUAL(sim_stimuli_distance(vcpu), 50);
    CU_ASSERT_TRUE(bk_stimulate(vcpu, BK_NMI, 0, 70));
    CU_ASSERT_EQUAL(sim_stimuli_distance(vcpu), 50);
    CU_ASSERT_TRUE(bk_stimulate(vcpu, BK_NMI, 0, 20));
    CU_ASSERT_EQUAL(sim_stimuli_distance(vcpu), 20);
    vcpu->stimuli[1].due = 0;
    CU_ASSERT_EQUAL(sim_stimuli_distance(vcpu), 0);
    end();
}

static void later_stimuli_have_bounds(void)
{
    begin(1, 1);
    CU_ASSERT_FALSE(bk_stimulate(vcpu, BK_MACHINE_CHECK_AT_ENTRY, 0, 5)); /* of an entry, not of an instruction */
    CU_ASSERT_TRUE(bk_stimulate(vcpu, BK_MACHINE_CHECK_AT_ENTRY, 0, 0));
    CU_ASSERT_TRUE(vcpu->cpu.mce_at_entry);
    for (unsigned i = 0; i < SIM_STIMULI_MAX; i++)
        CU_ASSERT_TRUE(bk_stimulate(vcpu, BK_NMI, 0, 5));
    CU_ASSERT_FALSE(bk_stimulate(vcpu, BK_NMI, 0, 5));
    end();
}

static void the_processor_is_offered_the_highest_interrupt_or_none(void)
{
    begin(1, 1);
    vcpu->cpu.pending.interrupt = true;
    vcpu->cpu.pending.interrupt_vector = 0x99;
    sim_stimuli_arrive(vcpu);
    CU_ASSERT_FALSE(vcpu->cpu.pending.interrupt);
    CU_ASSERT_EQUAL(vcpu->cpu.pending.interrupt_vector, 0);
    for (unsigned vector = 0; vector < 256; vector += 51) {
        CU_ASSERT_TRUE(bk_stimulate(vcpu, BK_INTERRUPT, (uint8_t)vector, 0));
        sim_stimuli_arrive(vcpu);
        CU_ASSERT_TRUE(vcpu->cpu.pending.interrupt);
        CU_ASSERT_EQUAL(vcpu->cpu.pending.interrupt_vector, vector);
    }
    end();
}

/* The local APIC's request goes when the processor took what it was offered, and it does not wait in the processor. */
static void a_request_goes_when_it_was_taken(void)
{
    begin(1, 1);
    for (unsigned i = 0; i < 8; i++) {
        const bool offered = (i & 1) != 0, left = (i & 2) != 0, waits = (i & 4) != 0;
        CU_ASSERT_TRUE(bk_stimulate(vcpu, BK_INTERRUPT, 0x51, 0));
        sim_stimuli_arrive(vcpu);
        vcpu->cpu.pending.interrupt = left;
        vcpu->cpu.pending.nmi = left;
        sim_stimuli_settle(vcpu, offered, waits);
        CU_ASSERT_EQUAL(sim_pcpu_interrupt(vcpu->pcpu), offered && !left && !waits ? -1 : 0x51);
        CU_ASSERT_EQUAL(vcpu->pcpu->nmi, left);
    }
    end();
}

static void the_host_pays_for_what_it_takes(void)
{
    begin(1, 1);
    const uint64_t before = sim_now(vcpu);
    CU_ASSERT_EQUAL(bk_take_interrupt(vcpu), -1);
    CU_ASSERT_EQUAL(sim_now(vcpu), before);
    CU_ASSERT_TRUE(bk_stimulate(vcpu, BK_INTERRUPT, 0, 0));
    CU_ASSERT_EQUAL(bk_take_interrupt(vcpu), 0);
    CU_ASSERT_EQUAL(sim_now(vcpu), before + SIM_COST_INTERRUPT);
    CU_ASSERT_EQUAL(bk_take_interrupt(vcpu), -1);
    vcpu->cpu.nmi_blocked = true;
    bk_take_nmi(vcpu);
    CU_ASSERT_FALSE(vcpu->cpu.nmi_blocked);
    CU_ASSERT_EQUAL(sim_now(vcpu), before + SIM_COST_INTERRUPT + SIM_COST_NMI);
    end();
}

/* Without turns time passes to the first event, or to the deadline. */
static void a_halted_host_waits_for_its_event_or_its_deadline(void)
{
    static const struct {
        uint64_t after, deadline, now;
        bool nmi;
    } rows[] = {{100, UINT64_MAX, 1100, true}, {100, 1050, 1050, false}, {100, 1100, 1100, true},
                {0, 1300, 1300, false},        {100, 900, 1000, false},  {100, 1000, 1000, false}};
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        begin(1, 1);
        vcpu->pcpu->clock = 1000;
        if (rows[i].after != 0)
            CU_ASSERT_TRUE(bk_stimulate(vcpu, BK_NMI, 0, rows[i].after));
        CU_ASSERT_TRUE(bk_idle(vcpu, rows[i].deadline));
        CU_ASSERT_EQUAL(sim_now(vcpu), rows[i].now);
        CU_ASSERT_EQUAL(vcpu->pcpu->nmi, rows[i].nmi);
        CU_ASSERT_EQUAL(vcpu->slept_at, UINT64_MAX); /* it does not sleep among others */
        end();
    }
    begin(1, 1);
    CU_ASSERT_FALSE(bk_idle(vcpu, UINT64_MAX)); /* nothing will come */
    end();
}

static void a_host_that_has_something_to_do_does_not_wait(void)
{
    for (unsigned what = 0; what < 3; what++)
        for (unsigned turns = 0; turns < 2; turns++) {
            static const enum bk_stimulus kinds[] = {BK_INTERRUPT, BK_NMI, BK_INIT};
            begin(1, 1);
            vcpu->pcpu->clock = 1000;
            vcpu->turn_end = turns != 0 ? 100 : UINT64_MAX;
            CU_ASSERT_TRUE(bk_stimulate(vcpu, kinds[what], 0, 0));
            CU_ASSERT_TRUE(bk_idle(vcpu, UINT64_MAX));
            CU_ASSERT_EQUAL(sim_now(vcpu), 1000);
            end();
        }
}

/* Among others a halted host sleeps; what arrives at its physical CPU is for whose guest runs there, INIT is for itself. */
static void in_turns_a_halted_host_leaves_arrivals_to_a_guest_that_runs(void)
{
    begin(3, 2); /* 0 and 2 share a physical CPU */
    vcpu->turn_end = 100;
    CU_ASSERT_TRUE(bk_stimulate(vcpu, BK_INTERRUPT, 0x40, 0));
    CU_ASSERT_FALSE(bk_idle(vcpu, UINT64_MAX));
    CU_ASSERT_EQUAL(vcpu->slept_at, sim_now(vcpu));
    CU_ASSERT_TRUE(bk_idle(vcpu, sim_now(vcpu))); /* its own deadline */
    CU_ASSERT_FALSE(bk_idle(vcpu, sim_now(vcpu) + 1));
    machine->vcpu[2].slept_at = 0;
    CU_ASSERT_TRUE(bk_idle(vcpu, UINT64_MAX)); /* the other one sleeps too */
    machine->vcpu[2].slept_at = UINT64_MAX;
    struct vmcs *vmcs = machine->vcpu[2].cpu.vmcs;
    machine->vcpu[2].cpu.vmcs = NULL;
    CU_ASSERT_TRUE(bk_idle(vcpu, UINT64_MAX)); /* or has no guest */
    machine->vcpu[2].cpu.vmcs = vmcs;
    CU_ASSERT_FALSE(bk_idle(vcpu, UINT64_MAX));
    CU_ASSERT_TRUE(bk_stimulate(vcpu, BK_INIT, 0, 0));
    CU_ASSERT_TRUE(bk_idle(vcpu, UINT64_MAX));
    end();
}

static void at_the_limit_nobody_waits(void)
{
    begin(1, 1);
    CU_ASSERT_TRUE(bk_stimulate(vcpu, BK_NMI, 0, 10));
    bk_set_limit(machine, 1);
    machine->steps++;
    CU_ASSERT_FALSE(bk_idle(vcpu, UINT64_MAX));
    CU_ASSERT_FALSE(vcpu->pcpu->nmi);
    bk_set_limit(machine, 1);
    CU_ASSERT_TRUE(bk_idle(vcpu, UINT64_MAX));
    CU_ASSERT_TRUE(vcpu->pcpu->nmi);
    end();
}

SUITE("sim/stimuli", {"a_stimulus_arrives_after_its_instructions", a_stimulus_arrives_after_its_instructions},
      {"those_that_are_not_due_stay", those_that_are_not_due_stay}, {"the_nearest_event_counts", the_nearest_event_counts},
      {"later_stimuli_have_bounds", later_stimuli_have_bounds},
      {"the_processor_is_offered_the_highest_interrupt_or_none", the_processor_is_offered_the_highest_interrupt_or_none},
      {"a_request_goes_when_it_was_taken", a_request_goes_when_it_was_taken}, {"the_host_pays_for_what_it_takes", the_host_pays_for_what_it_takes},
      {"a_halted_host_waits_for_its_event_or_its_deadline", a_halted_host_waits_for_its_event_or_its_deadline},
      {"a_host_that_has_something_to_do_does_not_wait", a_host_that_has_something_to_do_does_not_wait},
      {"in_turns_a_halted_host_leaves_arrivals_to_a_guest_that_runs", in_turns_a_halted_host_leaves_arrivals_to_a_guest_that_runs},
      {"at_the_limit_nobody_waits", at_the_limit_nobody_waits})
