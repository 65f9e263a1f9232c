/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Destinations, shorthands and delivery modes of interprocessor interrupts. */
#include "tests/support/lapic.h"

enum { LOGICAL = 1u << 11, ASSERT = 1u << 14, LEVEL = 1u << 15, SELF = 1u << 18, ALL = 2u << 18, OTHERS = 3u << 18 };
enum { LOWEST = 1u << 8, SMI = 2u << 8, NMI = 4u << 8, INIT = 5u << 8, SIPI = 6u << 8 };

static void send(unsigned cpu, uint32_t destination, uint32_t low)
{
    set_apic(cpu, ICR_HIGH, destination << 24);
    set_apic(cpu, ICR, low);
}

/* Which CPUs have the vector requested; it is taken away. */
static unsigned who_got(unsigned vector)
{
    unsigned mask = 0;
    for (unsigned cpu = 0; cpu < CPUS; cpu++)
        if (offered(cpu) == vector) {
            mask |= 1u << cpu;
            (void)take(cpu);
            board.bus.cpu = cpu;
            if (!write_msr(cpu, 0x80b, 0))
                set_apic(cpu, EOI, 0);
        }
    return mask;
}

static unsigned who_was_signalled(enum bus_signal signal)
{
    unsigned mask = 0;
    for (unsigned i = 0; i < signals; i++)
        mask |= signalled[i].signal == signal ? 1u << signalled[i].cpu : 0u;
    signals = 0;
    return mask;
}

static void physical_destinations_are_identities(void)
{
    start_apics();
    send(0, 2, 0x40);
    CU_ASSERT_EQUAL(who_got(0x40), 1u << 2);
    send(1, 0xff, 0x41);
    CU_ASSERT_EQUAL(who_got(0x41), 0xf);
    send(1, 9, 0x41);
    CU_ASSERT_EQUAL(who_got(0x41), 0);
    CU_ASSERT_EQUAL(apic(1, ICR), 0x41);
    CU_ASSERT_EQUAL(apic(1, ICR_HIGH), 0x09000000);
}

static void shorthands_need_no_destination(void)
{
    start_apics();
    send(1, 0, SELF | 0x40);
    CU_ASSERT_EQUAL(who_got(0x40), 1u << 1);
    send(1, 0, ALL | 0x40);
    CU_ASSERT_EQUAL(who_got(0x40), 0xf);
    send(1, 0, OTHERS | 0x40);
    CU_ASSERT_EQUAL(who_got(0x40), 0xd);
}

static void the_flat_model_is_a_bit_mask(void)
{
    start_apics();
    for (unsigned cpu = 0; cpu < CPUS; cpu++)
        set_apic(cpu, LDR, 1u << (24 + cpu));
    send(0, 0x0a, LOGICAL | 0x50);
    CU_ASSERT_EQUAL(who_got(0x50), 0xa);
    send(0, 0xff, LOGICAL | 0x50);
    CU_ASSERT_EQUAL(who_got(0x50), 0xf);
    send(0, 0x10, LOGICAL | 0x50);
    CU_ASSERT_EQUAL(who_got(0x50), 0);
}

static void the_cluster_model_is_a_cluster_and_a_mask(void)
{
    static const uint32_t ids[CPUS] = {0x11, 0x12, 0x21, 0x22};
    start_apics();
    for (unsigned cpu = 0; cpu < CPUS; cpu++) {
        set_apic(cpu, DFR, 0);
        CU_ASSERT_EQUAL(apic(cpu, DFR), 0x0fffffff);
        set_apic(cpu, LDR, ids[cpu] << 24);
    }
    send(0, 0x13, LOGICAL | 0x50);
    CU_ASSERT_EQUAL(who_got(0x50), 0x3);
    send(0, 0x22, LOGICAL | 0x50);
    CU_ASSERT_EQUAL(who_got(0x50), 0x8);
    send(0, 0xf1, LOGICAL | 0x50); /* CPU 1 of every cluster */
    CU_ASSERT_EQUAL(who_got(0x50), 0x5);
}

static void x2apic_destinations_have_32_bits(void)
{
    start_apics();
    for (unsigned cpu = 0; cpu < CPUS; cpu++)
        CU_ASSERT_TRUE(write_msr(cpu, LAPIC_MSR_BASE, msr(cpu, LAPIC_MSR_BASE) | 0x400));
    CU_ASSERT_EQUAL(msr(3, 0x80d), 1u << 3);
    CU_ASSERT_TRUE(write_msr(0, 0x830, UINT64_C(3) << 32 | 0x60));
    CU_ASSERT_EQUAL(who_got(0x60), 0x8);
    CU_ASSERT_TRUE(write_msr(0, 0x830, UINT64_C(0xff) << 32 | 0x60)); /* no broadcast here */
    CU_ASSERT_EQUAL(who_got(0x60), 0);
    CU_ASSERT_TRUE(write_msr(0, 0x830, UINT64_C(0xffffffff) << 32 | 0x60));
    CU_ASSERT_EQUAL(who_got(0x60), 0xf);
    CU_ASSERT_TRUE(write_msr(0, 0x830, UINT64_C(0x6) << 32 | LOGICAL | 0x60));
    CU_ASSERT_EQUAL(who_got(0x60), 0x6);
    CU_ASSERT_TRUE(write_msr(0, 0x830, UINT64_C(0x10006) << 32 | LOGICAL | 0x60)); /* another cluster */
    CU_ASSERT_EQUAL(who_got(0x60), 0);
    CU_ASSERT_TRUE(write_msr(2, 0x83f, 0x61));
    CU_ASSERT_EQUAL(who_got(0x61), 0x4);
}

static void lowest_priority_picks_one(void)
{
    start_apics();
    set_apic(0, TPR, 0x20);
    set_apic(1, TPR, 0x10);
    set_apic(2, TPR, 0x10);
    set_apic(3, SVR, 0xff); /* disabled: does not take part */
    send(0, 0xff, LOWEST | 0x70);
    CU_ASSERT_EQUAL(who_got(0x70), 1u << 1);
}

static void signals_reach_whom_they_name(void)
{
    start_apics();
    send(0, 1, NMI);
    CU_ASSERT_EQUAL(who_was_signalled(BUS_SIGNAL_NMI), 1u << 1);
    send(0, 0, OTHERS | INIT | ASSERT);
    CU_ASSERT_EQUAL(who_was_signalled(BUS_SIGNAL_INIT), 0xe);
    send(0, 2, SIPI | 0x9f);
    CU_ASSERT_EQUAL(signalled[0].vector, 0x9f);
    CU_ASSERT_EQUAL(who_was_signalled(BUS_SIGNAL_SIPI), 1u << 2);
    send(0, 2, SMI);
    CU_ASSERT_EQUAL(who_was_signalled(BUS_SIGNAL_SMI), 1u << 2);
    set_apic(3, SVR, 0xff);
    send(0, 3, NMI); /* reaches a software-disabled APIC too */
    CU_ASSERT_EQUAL(who_was_signalled(BUS_SIGNAL_NMI), 1u << 3);
}

static void init_level_deassert_is_ignored(void)
{
    start_apics();
    send(0, 1, INIT | LEVEL | ASSERT);
    CU_ASSERT_EQUAL(signals, 1);
    send(0, 0xff, ALL | INIT | LEVEL);
    CU_ASSERT_EQUAL(signals, 1);
    CU_ASSERT_EQUAL(reports, 0);
}

static void invalid_combinations_are_not_sent(void)
{
    start_apics();
    send(0, 0, SELF | NMI);
    send(0, 0, ALL | INIT | ASSERT);
    send(0, 0, ALL | LOWEST | 0x40);
    send(0, 1, 3u << 8 | 0x40);
    send(0, 1, 7u << 8 | 0x40);
    CU_ASSERT_EQUAL(signals, 0);
    CU_ASSERT_EQUAL(who_got(0x40), 0);
    CU_ASSERT_EQUAL(reports, 1); /* once is enough */
}

static void a_disabled_apic_hears_nothing(void)
{
    start_apics();
    CU_ASSERT_TRUE(write_msr(1, LAPIC_MSR_BASE, LAPIC_BASE));
    send(0, 0, OTHERS | NMI);
    CU_ASSERT_EQUAL(who_was_signalled(BUS_SIGNAL_NMI), 0xc);
    send(0, 0xff, 0x40);
    CU_ASSERT_EQUAL(who_got(0x40), 0xd);
}

/* All eight bits of a logical ID count in the flat model, as many as 8 processors have. */
static void the_flat_model_has_eight_bits(void)
{
    start_apics();
    for (unsigned cpu = 0; cpu < CPUS; cpu++)
        set_apic(cpu, LDR, 0x10000000u << cpu);
    for (unsigned destination = 0; destination < 0xff; destination++) {
        send(0, destination, LOGICAL | 0x40);
        CU_ASSERT_EQUAL(who_got(0x40), destination >> 4);
    }
    send(0, 0xff, LOGICAL | 0x40); /* all of them, whatever their IDs */
    CU_ASSERT_EQUAL(who_got(0x40), 0xf);
}

/* Which of the processors asked for a message would make a difference to. */
static void a_message_counts_where_it_changes_something(void)
{
    struct bus_message m = {.destination = 2, .vector = 0x40};
    start_apics();
    CU_ASSERT_TRUE(lapics_message_counts(&board.lapics, &m, 0xf));
    CU_ASSERT_FALSE(lapics_message_counts(&board.lapics, &m, 0xb));
    CU_ASSERT_TRUE(lapics_message_counts(&board.lapics, &m, 0x4));
    request(2, 0x40);
    CU_ASSERT_FALSE(lapics_message_counts(&board.lapics, &m, 0xf)); /* requested already */
    m.mode = BUS_LOWEST_PRIORITY;
    CU_ASSERT_FALSE(lapics_message_counts(&board.lapics, &m, 0xf));
    m.mode = BUS_NMI; /* its vector is none */
    CU_ASSERT_TRUE(lapics_message_counts(&board.lapics, &m, 0xf));
    CU_ASSERT_FALSE(lapics_message_counts(&board.lapics, &m, 0xb));
    set_apic(3, SVR, 0xff); /* disabled by software: it hears signals alone */
    m.destination = 3;
    CU_ASSERT_TRUE(lapics_message_counts(&board.lapics, &m, 0xf));
    m.mode = BUS_FIXED;
    CU_ASSERT_FALSE(lapics_message_counts(&board.lapics, &m, 0xf));
}

static void unsent_modes_are_reported_by_what_they_are(void)
{
    start_apics();
    (void)bus_send_message(&board.bus, &(const struct bus_message){.destination = 0, .mode = BUS_RESERVED});
    CU_ASSERT_STRING_EQUAL(reported, "APIC: a message with a reserved delivery mode is not sent");
    (void)bus_send_message(&board.bus, &(const struct bus_message){.destination = 0, .mode = BUS_EXTINT});
    CU_ASSERT_STRING_EQUAL(reported, "I/O APIC: delivery mode ExtINT is not modelled");
    CU_ASSERT_EQUAL(reports, 2);
}

SUITE("handlers/devices/lapic_message", {"physical_destinations_are_identities", physical_destinations_are_identities},
      {"shorthands_need_no_destination", shorthands_need_no_destination}, {"the_flat_model_is_a_bit_mask", the_flat_model_is_a_bit_mask},
      {"the_cluster_model_is_a_cluster_and_a_mask", the_cluster_model_is_a_cluster_and_a_mask},
      {"x2apic_destinations_have_32_bits", x2apic_destinations_have_32_bits}, {"lowest_priority_picks_one", lowest_priority_picks_one},
      {"signals_reach_whom_they_name", signals_reach_whom_they_name}, {"init_level_deassert_is_ignored", init_level_deassert_is_ignored},
      {"invalid_combinations_are_not_sent", invalid_combinations_are_not_sent}, {"a_disabled_apic_hears_nothing", a_disabled_apic_hears_nothing},
      {"the_flat_model_has_eight_bits", the_flat_model_has_eight_bits},
      {"a_message_counts_where_it_changes_something", a_message_counts_where_it_changes_something},
      {"unsent_modes_are_reported_by_what_they_are", unsent_modes_are_reported_by_what_they_are})
