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

/* SDM 3A, "Signaling Interrupt Servicing Completion" and "Task and Processor Priorities": each class by itself, at both ends of the vectors. */
static void vectors_at_the_edges_of_their_words_are_served(void)
{
    static const uint8_t vectors[] = {0x10, 0x1f, 0x20, 0x3f, 0x40, 0x5f, 0xe0, 0xff};
    for (unsigned i = 0; i < sizeof(vectors); i++) {
        start_apics();
        request(0, vectors[i]);
        CU_ASSERT_TRUE(bit_of(0, IRR, vectors[i]));
        CU_ASSERT_EQUAL(take(0), vectors[i]);
        CU_ASSERT_EQUAL(apic(0, PPR), vectors[i] & 0xf0);
        set_apic(0, EOI, 0);
        CU_ASSERT_FALSE(bit_of(0, ISR, vectors[i]));
    }
    request(0, 0x0f);
    CU_ASSERT_EQUAL(offered(0), 0);
}

/* By the task priority alone, not by what is in service: a virtual-APIC page cannot tell the processor the latter. */
static void what_task_priority_alone_holds_back(void)
{
    uint8_t vector = 0;
    start_apics();
    CU_ASSERT_FALSE(lapic_held_back(&board.lapics, 0, &vector));
    set_apic(0, TPR, 0x50);
    request(0, 0x5f);
    CU_ASSERT_TRUE(lapic_held_back(&board.lapics, 0, &vector));
    CU_ASSERT_EQUAL(vector, 0x5f);
    set_apic(0, TPR, 0x4f);
    CU_ASSERT_FALSE(lapic_held_back(&board.lapics, 0, &vector)); /* not held back at all */
    CU_ASSERT_EQUAL(take(0), 0x5f);
    set_apic(0, TPR, 0x6f);
    request(0, 0x51);
    CU_ASSERT_FALSE(lapic_held_back(&board.lapics, 0, &vector)); /* its class is in service */
    request(0, 0x61);
    CU_ASSERT_TRUE(lapic_held_back(&board.lapics, 0, &vector));
    CU_ASSERT_EQUAL(vector, 0x61);
    CU_ASSERT_TRUE(write_msr(0, LAPIC_MSR_BASE, LAPIC_BASE | 0x100));
    CU_ASSERT_FALSE(lapic_held_back(&board.lapics, 0, &vector));
}

static void a_masked_error_entry_requests_nothing(void)
{
    start_apics();
    set_apic(0, LVT_ERROR, MASKED | 0xfe);
    request(0, 0x0f);
    CU_ASSERT_EQUAL(offered(0), 0);
    set_apic(0, ESR, 0);
    CU_ASSERT_EQUAL(apic(0, ESR), 1u << 5);
}

static void pin(unsigned cpu, enum lapic_pin number, bool level)
{
    lapic_set_pin(&board.lapics, &board.bus, cpu, number, level);
}

/* With IA32_APIC_BASE[11] clear the pins are INTR and NMI of the processor. */
static void without_a_local_apic_the_pins_are_intr_and_nmi(void)
{
    start_apics();
    set_apic(1, LINT1, 0x77);
    request(1, 0x90);
    CU_ASSERT_TRUE(write_msr(1, LAPIC_MSR_BASE, LAPIC_BASE));
    CU_ASSERT_EQUAL(offered(1), 0);
    pin(1, LAPIC_LINT1, true);
    CU_ASSERT_EQUAL(signals, 1);
    CU_ASSERT_EQUAL(signalled[0].cpu, 1);
    CU_ASSERT_EQUAL(signalled[0].signal, BUS_SIGNAL_NMI);
    pin(1, LAPIC_LINT1, false);
    CU_ASSERT_EQUAL(signals, 1);
    CU_ASSERT_TRUE(lapic_listens(&board.lapics, 1));
    CU_ASSERT_FALSE(lapic_extint(&board.lapics, 1));
    pin(1, LAPIC_LINT0, true);
    CU_ASSERT_TRUE(lapic_extint(&board.lapics, 1));
    CU_ASSERT_EQUAL(signals, 1);
    pin(1, LAPIC_LINT0, false);
    CU_ASSERT_FALSE(lapic_extint(&board.lapics, 1));
}

/* "Local Vector Table": NMI, INIT and SMI are edges whatever the entry says; the delivery modes that mean nothing there deliver nothing. */
static void each_delivery_mode_of_a_pin(void)
{
    static const struct {
        unsigned mode;
        int signal;
        bool requested, extint, listens;
    } rows[] = {{0, -1, true, false, true},
                {1, -1, false, false, true},
                {2, BUS_SIGNAL_SMI, false, false, true},
                {3, -1, false, false, true},
                {4, BUS_SIGNAL_NMI, false, false, true},
                {5, BUS_SIGNAL_INIT, false, false, true},
                {6, -1, false, false, true},
                {7, -1, false, true, true}};
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (unsigned masked = 0; masked < 2; masked++) {
            start_apics();
            set_apic(2, LINT0, rows[i].mode << 8 | 0x66 | (masked != 0 ? MASKED : 0u));
            CU_ASSERT_EQUAL(lapic_listens(&board.lapics, 2), masked == 0);
            pin(2, LAPIC_LINT0, true);
            CU_ASSERT_EQUAL(lapic_extint(&board.lapics, 2), rows[i].extint && masked == 0);
            pin(2, LAPIC_LINT0, false);
            CU_ASSERT_EQUAL(bit_of(2, IRR, 0x66), rows[i].requested && masked == 0);
            CU_ASSERT_EQUAL(signals, rows[i].signal >= 0 && masked == 0);
            if (signals != 0)
                CU_ASSERT_TRUE((int)signalled[0].signal == rows[i].signal && signalled[0].vector == 0);
        }
}

/* A pin that would request what is requested already need not be waited for. */
static void a_pin_listens_until_its_vector_is_requested(void)
{
    start_apics();
    set_apic(1, LINT0, 0x61);
    CU_ASSERT_TRUE(lapic_listens(&board.lapics, 1));
    pin(1, LAPIC_LINT0, true);
    CU_ASSERT_FALSE(lapic_listens(&board.lapics, 1));
    CU_ASSERT_EQUAL(take(1), 0x61);
    CU_ASSERT_TRUE(lapic_listens(&board.lapics, 1));
    set_apic(1, LINT0, 0x400 | 0x61);
    request(1, 0x61);
    CU_ASSERT_TRUE(lapic_listens(&board.lapics, 1));
}

/* LINT1 knows edges only, and an edge leaves nothing for the end of interrupt. */
static void a_level_is_of_lint0_alone(void)
{
    start_apics();
    set_apic(1, LINT1, 1u << 15 | 0x62);
    pin(1, LAPIC_LINT1, true);
    CU_ASSERT_FALSE(bit_of(1, TMR, 0x62));
    CU_ASSERT_EQUAL(take(1), 0x62);
    set_apic(1, EOI, 0);
    CU_ASSERT_EQUAL(offered(1), 0);
    set_apic(1, LINT0, 0x61);
    pin(1, LAPIC_LINT0, true);
    CU_ASSERT_EQUAL(take(1), 0x61);
    set_apic(1, EOI, 0);
    CU_ASSERT_EQUAL(offered(1), 0);
}

/* While its remote IRR stands a level is not requested again, and only the end of its own vector takes that away. */
static void a_level_at_lint0_is_requested_once(void)
{
    start_apics();
    set_apic(1, LINT0, 1u << 15 | 0x61);
    pin(1, LAPIC_LINT0, true);
    CU_ASSERT_EQUAL(take(1), 0x61);
    pin(1, LAPIC_LINT0, false);
    pin(1, LAPIC_LINT0, true);
    CU_ASSERT_FALSE(bit_of(1, IRR, 0x61));
    CU_ASSERT_TRUE(bus_send_message(&board.bus, &(const struct bus_message){.destination = 1, .vector = 0x72, .level = true}));
    CU_ASSERT_EQUAL(take(1), 0x72);
    set_apic(1, EOI, 0);
    CU_ASSERT_EQUAL(apic(1, LINT0), 1u << 15 | 1u << 14 | 0x61);
    set_apic(1, LINT0, MASKED | 1u << 15 | 0x61);
    set_apic(1, EOI, 0);
    CU_ASSERT_EQUAL(apic(1, LINT0), MASKED | 1u << 15 | 0x61);
    CU_ASSERT_FALSE(bit_of(1, IRR, 0x61));
    set_apic(1, LINT0, 1u << 15 | 0x61); /* it stands still */
    CU_ASSERT_TRUE(bit_of(1, IRR, 0x61));
}

/* As firmware leaves the first processor: the 8259 through LINT0, NMI at LINT1. */
static void a_virtual_wire_is_of_the_first_processor(void)
{
    board_start_with(&(const struct devices_config){.cpus = 2});
    CU_ASSERT_EQUAL(apic(0, LINT0), 0x700);
    CU_ASSERT_EQUAL(apic(0, LINT1), 0x400);
    CU_ASSERT_EQUAL(apic(0, SVR), 0x1ff);
    CU_ASSERT_EQUAL(apic(1, LINT0), MASKED);
    CU_ASSERT_EQUAL(apic(1, LINT1), MASKED);
    CU_ASSERT_EQUAL(apic(1, SVR), 0xff);
    CU_ASSERT_TRUE(lapic_enabled(&board.lapics, 1));
}

/* Pins keep their wires' levels over INIT, and the timer stops. */
static void init_leaves_the_wires_as_they_are(void)
{
    start_apics();
    pin(1, LAPIC_LINT0, true);
    pin(1, LAPIC_LINT1, true);
    set_apic(1, LVT_TIMER, 0x40);
    set_apic(1, 0x380, 100);
    lapic_init_signal(&board.lapics, 1);
    CU_ASSERT_EQUAL(devices_deadline(&board), UINT64_MAX);
    set_apic(1, SVR, ENABLE | 0xff);
    set_apic(1, LINT1, 0x400);
    pin(1, LAPIC_LINT1, true);
    CU_ASSERT_EQUAL(signals, 0); /* no edge */
    set_apic(1, LINT0, 1u << 15 | 0x61);
    CU_ASSERT_TRUE(bit_of(1, IRR, 0x61));
    set_apic(1, LVT_TIMER, 0x40);
    board_wait(1000);
    CU_ASSERT_FALSE(bit_of(1, IRR, 0x40));
}

SUITE("handlers/devices/lapic", {"the_highest_vector_goes_first", the_highest_vector_goes_first},
      {"a_higher_class_interrupts_service", a_higher_class_interrupts_service},
      {"task_priority_holds_its_class_and_lower_ones_back", task_priority_holds_its_class_and_lower_ones_back},
      {"acknowledging_nothing_gives_the_spurious_vector", acknowledging_nothing_gives_the_spurious_vector},
      {"a_disabled_apic_keeps_requests_and_accepts_none", a_disabled_apic_keeps_requests_and_accepts_none},
      {"illegal_vectors_are_errors", illegal_vectors_are_errors}, {"an_illegal_error_vector_does_not_recur", an_illegal_error_vector_does_not_recur},
      {"pins_deliver_what_their_entries_say", pins_deliver_what_their_entries_say},
      {"a_level_at_lint0_comes_again_after_its_end", a_level_at_lint0_comes_again_after_its_end},
      {"init_resets_all_but_identity_base_and_mode", init_resets_all_but_identity_base_and_mode},
      {"vectors_at_the_edges_of_their_words_are_served", vectors_at_the_edges_of_their_words_are_served},
      {"what_task_priority_alone_holds_back", what_task_priority_alone_holds_back},
      {"a_masked_error_entry_requests_nothing", a_masked_error_entry_requests_nothing},
      {"without_a_local_apic_the_pins_are_intr_and_nmi", without_a_local_apic_the_pins_are_intr_and_nmi},
      {"each_delivery_mode_of_a_pin", each_delivery_mode_of_a_pin},
      {"a_pin_listens_until_its_vector_is_requested", a_pin_listens_until_its_vector_is_requested},
      {"a_level_is_of_lint0_alone", a_level_is_of_lint0_alone}, {"a_level_at_lint0_is_requested_once", a_level_at_lint0_is_requested_once},
      {"a_virtual_wire_is_of_the_first_processor", a_virtual_wire_is_of_the_first_processor},
      {"init_leaves_the_wires_as_they_are", init_leaves_the_wires_as_they_are})
