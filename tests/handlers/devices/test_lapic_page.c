/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The local APIC in a virtual-APIC page: what is shown, lent and taken back. */
#include <string.h>

#include "tests/support/lapic.h"

static uint32_t page[LAPIC_PAGE_WORDS];

static void show(unsigned cpu, bool lend)
{
    board.bus.cpu = cpu;
    lapic_show(&board.lapics, &board.bus, lend, page);
}

static void start(void)
{
    memset(page, 0, sizeof page);
    start_apics();
}

static void the_page_reads_as_the_registers_do(void)
{
    static const unsigned regs[] = {ID,  VERSION, LDR,      DFR,       SVR,   ISR,       TMR,     IRR + 0x20,
                                    ESR, ICR,     ICR_HIGH, LVT_TIMER, LINT0, LVT_ERROR, INITIAL, DIVIDE};
    start();
    set_apic(2, LDR, 0x04000000);
    set_apic(2, ICR_HIGH, 0x03000000);
    set_apic(2, LVT_TIMER, 0x20040);
    set_apic(2, DIVIDE, 0xb);
    set_apic(2, INITIAL, 77);
    request(2, 0x55);
    show(2, false);
    for (size_t i = 0; i < sizeof regs / sizeof regs[0]; i++)
        CU_ASSERT_EQUAL(page[regs[i] / 4], apic(2, regs[i]));
    CU_ASSERT_EQUAL(page[(IRR + 0x20) / 4], 1u << 0x15);
    CU_ASSERT_EQUAL(offered(2), 0x55); /* shown, not lent */
}

static void task_and_processor_priority_are_the_page_s_own(void)
{
    start();
    set_apic(0, TPR, 0x40);
    page[TPR / 4] = 0x30;
    page[PPR / 4] = 0x35;
    show(0, true);
    CU_ASSERT_EQUAL(page[TPR / 4], 0x30);
    CU_ASSERT_EQUAL(page[PPR / 4], 0x35);
    lapic_take_back(&board.lapics, 0, page);
    CU_ASSERT_EQUAL(apic(0, TPR), 0x30);
}

static void what_was_lent_comes_back_with_what_came_meanwhile(void)
{
    start();
    request(1, 0x51);
    request(1, 0x61);
    show(1, true);
    CU_ASSERT_EQUAL(offered(1), 0);
    page[(IRR + 0x30) / 4] &= ~2u; /* 61H goes into service */
    page[(ISR + 0x30) / 4] |= 2u;
    request(1, 0x22);
    CU_ASSERT_EQUAL(offered(1), 0x22); /* whatever is in service, the page wants it */
    lapic_take_back(&board.lapics, 1, page);
    CU_ASSERT_TRUE(bit_of(1, IRR, 0x51) && bit_of(1, IRR, 0x22) && bit_of(1, ISR, 0x61));
    CU_ASSERT_FALSE(bit_of(1, IRR, 0x61));
    CU_ASSERT_EQUAL(offered(1), 0);
    set_apic(1, EOI, 0);
    CU_ASSERT_EQUAL(take(1), 0x51);
}

static void what_was_only_shown_is_not_taken_from_the_page(void)
{
    start();
    request(0, 0x51);
    show(0, false);
    page[(IRR + 0x20) / 4] = 0;
    page[(ISR + 0x20) / 4] = 2;
    page[ICR_HIGH / 4] = 0x02345678;
    lapic_take_back(&board.lapics, 0, page);
    CU_ASSERT_TRUE(bit_of(0, IRR, 0x51));
    CU_ASSERT_FALSE(bit_of(0, ISR, 0x41));
    CU_ASSERT_EQUAL(apic(0, ICR_HIGH), 0x02000000);
}

/* The upper half of the interrupt command register stands behind the lower one then. */
static void the_command_register_of_x2apic_mode_is_64_bits_wide(void)
{
    start();
    CU_ASSERT_TRUE(write_msr(3, 0x1b, msr(3, 0x1b) | 0x400));
    CU_ASSERT_TRUE(write_msr(3, 0x830, UINT64_C(0x1234500040051)));
    show(3, true);
    CU_ASSERT_EQUAL(page[ICR / 4], 0x40051);
    CU_ASSERT_EQUAL(page[ICR / 4 + 1], 0x12345);
    CU_ASSERT_EQUAL(page[ID / 4], 3);
    page[ICR_HIGH / 4] = UINT32_MAX;
    lapic_take_back(&board.lapics, 3, page);
    CU_ASSERT_EQUAL(msr(3, 0x830), UINT64_C(0x1234500040051));
}

static void a_register_written_in_the_page_acts_as_a_write_does(void)
{
    start();
    board.bus.cpu = 0;
    lapic_page_written(&board.lapics, &board.bus, ICR_HIGH, 0x01000000);
    lapic_page_written(&board.lapics, &board.bus, ICR, 0x77);
    CU_ASSERT_EQUAL(offered(1), 0x77);
    board.bus.cpu = 0;
    lapic_page_written(&board.lapics, &board.bus, VERSION, 0); /* read-only */
    CU_ASSERT_NOT_EQUAL(apic(0, VERSION), 0);
    CU_ASSERT_TRUE(write_msr(0, 0x1b, msr(0, 0x1b) | 0x400));
    lapic_page_written(&board.lapics, &board.bus, 0x3f0, 0x66);
    CU_ASSERT_EQUAL(offered(0), 0x66);
}

static void only_the_end_of_a_level_triggered_vector_is_told(void)
{
    start();
    request(0, 0x51);
    board.bus.cpu = 0;
    CU_ASSERT_FALSE(lapic_service_ended(&board.lapics, &board.bus, 0, 0x51));
    const struct bus_message level = {.destination = 0, .mode = BUS_FIXED, .vector = 0x61, .level = true};
    CU_ASSERT_TRUE(lapics_message(&board.lapics, &board.bus, &level));
    CU_ASSERT_TRUE(lapic_service_ended(&board.lapics, &board.bus, 0, 0x61));
    CU_ASSERT_FALSE(lapic_service_ended(&board.lapics, &board.bus, 0, 0x51));
}

static void init_forgets_the_page(void)
{
    start();
    request(0, 0x51);
    show(0, true);
    lapic_init_signal(&board.lapics, 0);
    CU_ASSERT_EQUAL(board.lapics.cpu[0].page, LAPIC_PAGE_UNUSED);
    CU_ASSERT_EQUAL(offered(0), 0);
}

SUITE("handlers/devices/lapic_page", {"the_page_reads_as_the_registers_do", the_page_reads_as_the_registers_do},
      {"task_and_processor_priority_are_the_page_s_own", task_and_processor_priority_are_the_page_s_own},
      {"what_was_lent_comes_back_with_what_came_meanwhile", what_was_lent_comes_back_with_what_came_meanwhile},
      {"what_was_only_shown_is_not_taken_from_the_page", what_was_only_shown_is_not_taken_from_the_page},
      {"the_command_register_of_x2apic_mode_is_64_bits_wide", the_command_register_of_x2apic_mode_is_64_bits_wide},
      {"a_register_written_in_the_page_acts_as_a_write_does", a_register_written_in_the_page_acts_as_a_write_does},
      {"only_the_end_of_a_level_triggered_vector_is_told", only_the_end_of_a_level_triggered_vector_is_told},
      {"init_forgets_the_page", init_forgets_the_page})
