/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The I/O APIC: registers, edges and levels, destinations, end of interrupt. */
#include "tests/support/lapic.h"

enum { LEVEL = 1u << 15, REMOTE_IRR = 1u << 14, LOGICAL = 1u << 11, LOWEST = 1u << 8, NMI = 4u << 8 };

static uint32_t io_read(unsigned reg)
{
    devices_memory_write(&board, IOAPIC_BASE, 4, reg);
    return (uint32_t)devices_memory_read(&board, IOAPIC_BASE + 0x10, 4);
}

static void io_write(unsigned reg, uint32_t value)
{
    devices_memory_write(&board, IOAPIC_BASE, 4, reg);
    devices_memory_write(&board, IOAPIC_BASE + 0x10, 4, value);
}

static void redirect(unsigned input, uint32_t destination, uint32_t low)
{
    io_write(0x11 + 2 * input, destination << 24);
    io_write(0x10 + 2 * input, low);
}

static void input(unsigned number, bool asserted)
{
    ioapic_set_input(&board.ioapic, &board.bus, number, asserted);
}

static void its_registers_read_back(void)
{
    start_apics();
    CU_ASSERT_EQUAL(io_read(1), 0x170020);
    CU_ASSERT_EQUAL(io_read(0x12), MASKED);
    io_write(0, UINT32_MAX);
    CU_ASSERT_EQUAL(io_read(0), 0x0f000000);
    redirect(23, 0xff, ~(uint32_t)MASKED);
    CU_ASSERT_EQUAL(io_read(0x3e), 0x0000afff);
    CU_ASSERT_EQUAL(io_read(0x3f), 0xff000000);
    CU_ASSERT_EQUAL(io_read(0x40), 0);
}

static void an_edge_is_sent_once(void)
{
    start_apics();
    redirect(5, 2, 0x45);
    input(5, true);
    input(5, true);
    CU_ASSERT_EQUAL(take(2), 0x45);
    CU_ASSERT_FALSE(bit_of(2, TMR, 0x45));
    set_apic(2, EOI, 0);
    CU_ASSERT_EQUAL(offered(2), 0);
    input(5, false);
    input(5, true);
    CU_ASSERT_EQUAL(take(2), 0x45);
}

static void an_edge_at_a_masked_input_is_lost(void)
{
    start_apics();
    redirect(5, 0, MASKED | 0x45);
    input(5, true);
    redirect(5, 0, 0x45);
    CU_ASSERT_EQUAL(offered(0), 0);
}

static void a_level_waits_for_its_end(void)
{
    start_apics();
    redirect(9, 1, LEVEL | 0x49);
    input(9, true);
    CU_ASSERT_EQUAL(io_read(0x22), LEVEL | REMOTE_IRR | 0x49);
    CU_ASSERT_TRUE(bit_of(1, TMR, 0x49));
    CU_ASSERT_EQUAL(take(1), 0x49);
    input(9, false);
    input(9, true);
    CU_ASSERT_FALSE(bit_of(1, IRR, 0x49));
    set_apic(1, EOI, 0);
    CU_ASSERT_EQUAL(take(1), 0x49); /* still asserted */
    input(9, false);
    set_apic(1, EOI, 0);
    CU_ASSERT_EQUAL(io_read(0x22), LEVEL | 0x49);
    CU_ASSERT_EQUAL(offered(1), 0);
}

static void the_eoi_register_ends_a_level(void)
{
    start_apics();
    redirect(9, 1, LEVEL | 0x49);
    input(9, true);
    input(9, false);
    devices_memory_write(&board, IOAPIC_BASE + 0x40, 4, 0x49);
    CU_ASSERT_EQUAL(io_read(0x22), LEVEL | 0x49);
}

static void becoming_edge_triggered_forgets_the_level(void)
{
    start_apics();
    redirect(9, 1, LEVEL | 0x49);
    input(9, true);
    io_write(0x22, MASKED | 0x49);
    io_write(0x22, MASKED | LEVEL | 0x49);
    CU_ASSERT_EQUAL(io_read(0x22), MASKED | LEVEL | 0x49);
}

static void unmasking_sends_an_asserted_level(void)
{
    start_apics();
    redirect(9, 1, MASKED | LEVEL | 0x49);
    input(9, true);
    CU_ASSERT_EQUAL(offered(1), 0);
    io_write(0x22, LEVEL | 0x49);
    CU_ASSERT_EQUAL(offered(1), 0x49);
}

static void a_level_that_nobody_accepts_stays_unsent(void)
{
    start_apics();
    redirect(9, 7, LEVEL | 0x49);
    input(9, true);
    CU_ASSERT_EQUAL(io_read(0x22), LEVEL | 0x49);
    redirect(9, 1, LEVEL | 0x49);
    CU_ASSERT_EQUAL(offered(1), 0x49);
}

static void destinations_are_those_of_local_apics(void)
{
    start_apics();
    for (unsigned cpu = 0; cpu < CPUS; cpu++)
        set_apic(cpu, LDR, 1u << (24 + cpu));
    redirect(1, 0x0c, LOGICAL | 0x50);
    input(1, true);
    CU_ASSERT_EQUAL(offered(1), 0);
    CU_ASSERT_EQUAL(offered(2), 0x50);
    CU_ASSERT_EQUAL(offered(3), 0x50);
    set_apic(0, TPR, 0x10);
    redirect(3, 0x03, LOGICAL | LOWEST | 0x51);
    input(3, true);
    CU_ASSERT_EQUAL(offered(0), 0);
    CU_ASSERT_EQUAL(offered(1), 0x51);
    redirect(4, 3, NMI);
    input(4, true);
    CU_ASSERT_EQUAL(signals, 1);
    CU_ASSERT_EQUAL(signalled[0].cpu, 3);
}

static void extint_through_it_is_reported(void)
{
    start_apics();
    redirect(0, 0, 7u << 8);
    input(0, true);
    input(0, false);
    input(0, true);
    CU_ASSERT_EQUAL(reports, 1);
}

static void a_vector_ends_the_levels_that_carry_it(void)
{
    start_apics();
    redirect(0, 1, LEVEL | 0x49);
    redirect(9, 1, LEVEL | 0x49);
    redirect(23, 1, LEVEL | 0x4a);
    redirect(10, 1, MASKED | 0x49);
    for (unsigned i = 0; i < 24; i += i == 0 ? 9 : i == 9 ? 14 : 1)
        input(i, true);
    for (unsigned i = 0; i < 24; i += i == 0 ? 9 : i == 9 ? 14 : 1)
        input(i, false);
    devices_memory_write(&board, IOAPIC_BASE + 0x40, 4, 0x49);
    CU_ASSERT_EQUAL(io_read(0x10), LEVEL | 0x49);
    CU_ASSERT_EQUAL(io_read(0x22), LEVEL | 0x49);
    CU_ASSERT_EQUAL(io_read(0x3e), LEVEL | REMOTE_IRR | 0x4a);
    CU_ASSERT_EQUAL(take(1), 0x4a);
    set_apic(1, EOI, 0);
    CU_ASSERT_EQUAL(io_read(0x3e), LEVEL | 0x4a);
}

/* A level that is in service is not sent again by an end of another vector, nor by a write to its entry. */
static void a_level_in_service_is_not_sent_again(void)
{
    start_apics();
    redirect(9, 1, LEVEL | 0x49);
    input(9, true);
    CU_ASSERT_EQUAL(take(1), 0x49);
    devices_memory_write(&board, IOAPIC_BASE + 0x40, 4, 0x4a);
    redirect(9, 1, LEVEL | 0x49);
    input(9, true);
    CU_ASSERT_EQUAL(io_read(0x22), LEVEL | REMOTE_IRR | 0x49);
    CU_ASSERT_FALSE(bit_of(1, IRR, 0x49));
    CU_ASSERT_FALSE(ioapic_would_interrupt(&board.ioapic, &board.lapics, 9, 0xf));
    set_apic(1, EOI, 0);
    CU_ASSERT_TRUE(bit_of(1, IRR, 0x49));
}

static void a_falling_edge_sends_nothing(void)
{
    start_apics();
    input(5, true);
    redirect(5, 2, 0x45);
    input(5, true); /* high before it was unmasked: no edge */
    input(5, false);
    CU_ASSERT_EQUAL(offered(2), 0);
    input(5, true);
    CU_ASSERT_EQUAL(offered(2), 0x45);
    CU_ASSERT_FALSE(ioapic_would_interrupt(&board.ioapic, &board.lapics, 5, 0xf)); /* it is requested already */
    redirect(6, 2, MASKED | 0x46);
    CU_ASSERT_FALSE(ioapic_would_interrupt(&board.ioapic, &board.lapics, 6, 0xf));
    redirect(6, 2, 0x46);
    CU_ASSERT_TRUE(ioapic_would_interrupt(&board.ioapic, &board.lapics, 6, 0xf));
    CU_ASSERT_FALSE(ioapic_would_interrupt(&board.ioapic, &board.lapics, 6, 0xb));
}

/* 82093AA, "Memory Mapped Registers for Accessing IOAPIC Registers": a selector, a window, and nothing else that reads or stores. */
static void only_the_window_reaches_the_registers(void)
{
    start_apics();
    CU_ASSERT_EQUAL(io_read(2), io_read(0));
    io_write(0, 0x05000000);
    CU_ASSERT_EQUAL(io_read(2), 0x05000000);
    io_write(2, 0x06000000);
    io_write(1, UINT32_MAX);
    io_write(3, UINT32_MAX);
    CU_ASSERT_EQUAL(io_read(0), 0x05000000);
    CU_ASSERT_EQUAL(io_read(3), 0);
    for (unsigned reg = 0x40; reg < 0x100; reg++) {
        io_write(reg, UINT32_MAX);
        CU_ASSERT_EQUAL(io_read(reg), 0);
    }
    CU_ASSERT_EQUAL(devices_memory_read(&board, IOAPIC_BASE, 4), 0xff);
    devices_memory_write(&board, IOAPIC_BASE, 4, 0x112);
    CU_ASSERT_EQUAL(devices_memory_read(&board, IOAPIC_BASE, 4), 0x12);
    devices_memory_write(&board, IOAPIC_BASE + 0x20, 4, 0x55);
    CU_ASSERT_EQUAL(devices_memory_read(&board, IOAPIC_BASE + 0x20, 4), 0);
    CU_ASSERT_EQUAL(io_read(0x12), MASKED);
    devices_memory_write(&board, IOAPIC_BASE, 4, 0);
    devices_memory_write(&board, IOAPIC_BASE + 0x20, 4, 0x01000000);
    CU_ASSERT_EQUAL(io_read(0), 0x05000000);
    for (unsigned i = 0; i < 24; i++)
        CU_ASSERT_EQUAL(io_read(0x10 + 2 * i), MASKED);
}

SUITE("handlers/devices/ioapic", {"its_registers_read_back", its_registers_read_back}, {"an_edge_is_sent_once", an_edge_is_sent_once},
      {"an_edge_at_a_masked_input_is_lost", an_edge_at_a_masked_input_is_lost}, {"a_level_waits_for_its_end", a_level_waits_for_its_end},
      {"the_eoi_register_ends_a_level", the_eoi_register_ends_a_level},
      {"becoming_edge_triggered_forgets_the_level", becoming_edge_triggered_forgets_the_level},
      {"unmasking_sends_an_asserted_level", unmasking_sends_an_asserted_level},
      {"a_level_that_nobody_accepts_stays_unsent", a_level_that_nobody_accepts_stays_unsent},
      {"destinations_are_those_of_local_apics", destinations_are_those_of_local_apics},
      {"extint_through_it_is_reported", extint_through_it_is_reported},
      {"a_vector_ends_the_levels_that_carry_it", a_vector_ends_the_levels_that_carry_it},
      {"a_level_in_service_is_not_sent_again", a_level_in_service_is_not_sent_again}, {"a_falling_edge_sends_nothing", a_falling_edge_sends_nothing},
      {"only_the_window_reaches_the_registers", only_the_window_reaches_the_registers})
