/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Priorities, service and end of interrupts, errors, pins of the local APIC. */
#include "tests/support/lapic.h"

static void the_highest_vector_goes_first(void)
{
    start_apics();
    request(0, 0x31);
    request(0, 0x93);
    request(0, 0x92);
    CU_ASSERT_EQUAL(take(0), 0x93);
    CU_ASSERT_FALSE(bit_of(0, IRR, 0x93));
    CU_ASSERT_TRUE(bit_of(0, ISR, 0x93));
    CU_ASSERT_EQUAL(offered(0), 0); /* 92H is of the same class */
    set_apic(0, EOI, 0);
    CU_ASSERT_EQUAL(take(0), 0x92);
    set_apic(0, EOI, 0);
    CU_ASSERT_EQUAL(take(0), 0x31);
}

static void a_higher_class_interrupts_service(void)
{
    start_apics();
    request(0, 0x31);
    CU_ASSERT_EQUAL(take(0), 0x31);
    request(0, 0x41);
    CU_ASSERT_EQUAL(take(0), 0x41);
    CU_ASSERT_EQUAL(apic(0, PPR), 0x40);
    set_apic(0, EOI, 0); /* ends 41H, the highest in service */
    CU_ASSERT_FALSE(bit_of(0, ISR, 0x41));
    CU_ASSERT_TRUE(bit_of(0, ISR, 0x31));
    CU_ASSERT_EQUAL(apic(0, PPR), 0x30);
    set_apic(0, EOI, 0);
    set_apic(0, EOI, 0); /* with nothing in service: no effect */
    CU_ASSERT_EQUAL(apic(0, PPR), 0);
}

static void task_priority_holds_its_class_and_lower_ones_back(void)
{
    start_apics();
    set_apic(0, TPR, 0x45);
    CU_ASSERT_EQUAL(apic(0, PPR), 0x45);
    request(0, 0x4f);
    CU_ASSERT_EQUAL(offered(0), 0);
    request(0, 0x50);
    CU_ASSERT_EQUAL(take(0), 0x50);
    CU_ASSERT_EQUAL(apic(0, PPR), 0x50);
    set_apic(0, EOI, 0);
    CU_ASSERT_EQUAL(lapic_tpr(&board.lapics, 0), 0x45);
    lapic_set_tpr(&board.lapics, 0, 0x30);
    CU_ASSERT_EQUAL(offered(0), 0x4f);
}

static void acknowledging_nothing_gives_the_spurious_vector(void)
{
    start_apics();
    set_apic(0, SVR, ENABLE | 0x7e);
    request(0, 0x30);
    set_apic(0, TPR, 0xf0);
    CU_ASSERT_EQUAL(take(0), 0x7e);
    CU_ASSERT_TRUE(bit_of(0, IRR, 0x30));
    CU_ASSERT_FALSE(bit_of(0, ISR, 0x7e));
}

static void a_disabled_apic_keeps_requests_and_accepts_none(void)
{
    start_apics();
    request(0, 0x55);
    set_apic(0, SVR, 0xff);
    CU_ASSERT_EQUAL(offered(0), 0x55);
    request(0, 0x66);
    CU_ASSERT_FALSE(bit_of(0, IRR, 0x66));
    CU_ASSERT_EQUAL(apic(0, LINT0), MASKED);
    set_apic(0, LINT0, 0x700); /* the mask cannot be taken away */
    CU_ASSERT_EQUAL(apic(0, LINT0), MASKED | 0x700);
}

static void illegal_vectors_are_errors(void)
{
    start_apics();
    set_apic(0, LVT_ERROR, 0xfe);
    set_apic(0, ICR, 1u << 18 | 0x0f);
    CU_ASSERT_EQUAL(apic(0, ESR), 0); /* not before it is written */
    CU_ASSERT_EQUAL(take(0), 0xfe);
    set_apic(0, EOI, 0);
    set_apic(0, ESR, 0);
    CU_ASSERT_EQUAL(apic(0, ESR), 1u << 5);
    set_apic(0, ESR, 0);
    CU_ASSERT_EQUAL(apic(0, ESR), 0);
    (void)apic(0, 0x40); /* reserved */
    CU_ASSERT_EQUAL(take(0), 0xfe);
    set_apic(0, 0x3f0, 0); /* no second interrupt before the register is written */
    CU_ASSERT_EQUAL(offered(0), 0);
    set_apic(0, ESR, 0);
    CU_ASSERT_EQUAL(apic(0, ESR), 1u << 7);
}

static void an_illegal_error_vector_does_not_recur(void)
{
    start_apics();
    set_apic(0, LVT_ERROR, 0x03);
    set_apic(0, ICR, 1u << 18);
    set_apic(0, ESR, 0);
    CU_ASSERT_EQUAL(apic(0, ESR), 1u << 5 | 1u << 6);
    CU_ASSERT_EQUAL(offered(0), 0);
}

static void pins_deliver_what_their_entries_say(void)
{
    start_apics();
    lapic_set_pin(&board.lapics, &board.bus, 1, LAPIC_LINT1, true); /* masked */
    lapic_set_pin(&board.lapics, &board.bus, 1, LAPIC_LINT1, false);
    CU_ASSERT_EQUAL(signals, 0);
    set_apic(1, LINT1, 0x400);
    lapic_set_pin(&board.lapics, &board.bus, 1, LAPIC_LINT1, true);
    lapic_set_pin(&board.lapics, &board.bus, 1, LAPIC_LINT1, true);
    CU_ASSERT_EQUAL(signals, 1);
    CU_ASSERT_EQUAL(signalled[0].cpu, 1);
    CU_ASSERT_EQUAL(signalled[0].signal, BUS_SIGNAL_NMI);
    set_apic(1, LINT1, 0x77);
    lapic_set_pin(&board.lapics, &board.bus, 1, LAPIC_LINT1, false);
    lapic_set_pin(&board.lapics, &board.bus, 1, LAPIC_LINT1, true);
    CU_ASSERT_EQUAL(take(1), 0x77);
    CU_ASSERT_FALSE(bit_of(1, TMR, 0x77));
}

static void a_level_at_lint0_comes_again_after_its_end(void)
{
    start_apics();
    set_apic(1, LINT0, 1u << 15 | 0x61);
    lapic_set_pin(&board.lapics, &board.bus, 1, LAPIC_LINT0, true);
    CU_ASSERT_EQUAL(apic(1, LINT0), 1u << 15 | 1u << 14 | 0x61);
    CU_ASSERT_TRUE(bit_of(1, TMR, 0x61));
    CU_ASSERT_EQUAL(take(1), 0x61);
    set_apic(1, EOI, 0);
    CU_ASSERT_EQUAL(take(1), 0x61);
    lapic_set_pin(&board.lapics, &board.bus, 1, LAPIC_LINT0, false);
    set_apic(1, EOI, 0);
    CU_ASSERT_EQUAL(offered(1), 0);
    CU_ASSERT_EQUAL(apic(1, LINT0), 1u << 15 | 0x61);
}

static void init_resets_all_but_identity_base_and_mode(void)
{
    start_apics();
    CU_ASSERT_TRUE(write_msr(2, LAPIC_MSR_BASE, LAPIC_BASE | 0xc00));
    CU_ASSERT_TRUE(write_msr(2, 0x808, 0x20));
    CU_ASSERT_TRUE(write_msr(2, 0x838, 100));
    lapic_init_signal(&board.lapics, 2);
    CU_ASSERT_EQUAL(msr(2, LAPIC_MSR_BASE), LAPIC_BASE | 0xc00);
    CU_ASSERT_EQUAL(msr(2, 0x802), 2);
    CU_ASSERT_EQUAL(msr(2, 0x808), 0);
    CU_ASSERT_EQUAL(msr(2, 0x80f), 0xff);
    CU_ASSERT_EQUAL(msr(2, 0x832), MASKED);
    CU_ASSERT_EQUAL(msr(2, 0x839), 0);
}

SUITE("handlers/devices/lapic", {"the_highest_vector_goes_first", the_highest_vector_goes_first},
      {"a_higher_class_interrupts_service", a_higher_class_interrupts_service},
      {"task_priority_holds_its_class_and_lower_ones_back", task_priority_holds_its_class_and_lower_ones_back},
      {"acknowledging_nothing_gives_the_spurious_vector", acknowledging_nothing_gives_the_spurious_vector},
      {"a_disabled_apic_keeps_requests_and_accepts_none", a_disabled_apic_keeps_requests_and_accepts_none},
      {"illegal_vectors_are_errors", illegal_vectors_are_errors}, {"an_illegal_error_vector_does_not_recur", an_illegal_error_vector_does_not_recur},
      {"pins_deliver_what_their_entries_say", pins_deliver_what_their_entries_say},
      {"a_level_at_lint0_comes_again_after_its_end", a_level_at_lint0_comes_again_after_its_end},
      {"init_resets_all_but_identity_base_and_mode", init_resets_all_but_identity_base_and_mode})
