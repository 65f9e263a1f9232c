/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The HPET: its counter, one-shot and periodic comparators, levels, legacy replacement. */
#include "tests/support/lapic.h"

enum { CAPS = 0x000, CONFIG = 0x010, STATUS = 0x020, COUNTER = 0x0f0 };
enum { LEVEL = 1u << 1, INTERRUPT = 1u << 2, PERIODIC = 1u << 3, SET_VALUE = 1u << 6, MODE_32 = 1u << 8, ROUTE_20 = 20u << 9 };

static uint64_t get(unsigned reg, unsigned size)
{
    return devices_memory_read(&board, HPET_BASE + reg, size);
}

static void set(unsigned reg, unsigned size, uint64_t value)
{
    devices_memory_write(&board, HPET_BASE + reg, size, value);
}

static unsigned timer(unsigned number)
{
    return 0x100 + 0x20 * number;
}

/* That many counts, rounded up to ticks. */
static uint64_t counts(uint64_t n)
{
    return bus_rescale_up(n, HPET_HZ, BOARD_HZ);
}

/* Input 20 of the I/O APIC is vector 60H at CPU 0. */
static void start(bool level)
{
    start_apics();
    board.bus.cpu = 0;
    devices_memory_write(&board, IOAPIC_BASE, 4, 0x10 + 2 * 20);
    devices_memory_write(&board, IOAPIC_BASE + 0x10, 4, (level ? 1u << 15 : 0) | 0x60);
}

static void capabilities_read(void)
{
    start(false);
    CU_ASSERT_EQUAL(get(CAPS, 4), HPET_CAPABILITIES);
    CU_ASSERT_EQUAL(get(CAPS + 4, 4), HPET_PERIOD_FS);
    CU_ASSERT_EQUAL(get(CAPS, 8) >> 32, HPET_PERIOD_FS);
    set(CAPS, 8, 0);
    CU_ASSERT_EQUAL(get(CAPS, 4), HPET_CAPABILITIES);
    CU_ASSERT_TRUE((UINT64_C(1000000000000000) + HPET_PERIOD_FS / 2) / HPET_PERIOD_FS == HPET_HZ);
}

static void the_counter_runs_while_it_is_enabled(void)
{
    start(false);
    board_wait(counts(100));
    CU_ASSERT_EQUAL(get(COUNTER, 8), 0);
    set(COUNTER, 8, 1000);
    set(CONFIG, 8, 1);
    board_wait(counts(100));
    CU_ASSERT_EQUAL(get(COUNTER, 8), 1100);
    set(COUNTER, 8, 0); /* not while it runs */
    CU_ASSERT_EQUAL(get(COUNTER, 4), 1100);
    set(CONFIG, 4, 0);
    board_wait(counts(100));
    CU_ASSERT_EQUAL(get(COUNTER, 8), 1100);
    set(COUNTER + 4, 4, 1);
    CU_ASSERT_EQUAL(get(COUNTER, 8), 0x10000044c);
}

static void a_comparator_interrupts_once(void)
{
    start(false);
    set(timer(1), 4, INTERRUPT | ROUTE_20);
    set(timer(1) + 8, 8, 50);
    CU_ASSERT_EQUAL(devices_deadline(&board), UINT64_MAX);
    set(CONFIG, 4, 1);
    CU_ASSERT_EQUAL(devices_deadline(&board), counts(50));
    board_wait(counts(49));
    CU_ASSERT_EQUAL(offered(0), 0);
    board_wait(counts(50) - counts(49));
    CU_ASSERT_EQUAL(take(0), 0x60);
    set_apic(0, EOI, 0);
    board_wait(counts(100000));
    CU_ASSERT_EQUAL(offered(0), 0);
    CU_ASSERT_EQUAL(devices_deadline(&board), UINT64_MAX);
}

static void periodic_goes_on(void)
{
    start(false);
    set(timer(0), 4, INTERRUPT | PERIODIC | SET_VALUE | ROUTE_20);
    set(timer(0) + 8, 8, 100); /* first match */
    set(timer(0) + 8, 8, 30);  /* period */
    set(CONFIG, 4, 1);
    CU_ASSERT_EQUAL(devices_deadline(&board), counts(100));
    board_wait(counts(100));
    CU_ASSERT_EQUAL(take(0), 0x60);
    set_apic(0, EOI, 0);
    CU_ASSERT_EQUAL(devices_deadline(&board), counts(130));
    board_wait(counts(70)); /* 130 and 160 */
    CU_ASSERT_EQUAL(take(0), 0x60);
    set_apic(0, EOI, 0);
    CU_ASSERT_EQUAL(get(timer(0) + 8, 8), 190);
    set(timer(1), 4, PERIODIC);
    CU_ASSERT_EQUAL(get(timer(1), 4) & PERIODIC, 0); /* only timer 0 can */
}

static void a_level_stands_until_its_status_is_written(void)
{
    start(true);
    set(timer(2), 4, LEVEL | INTERRUPT | ROUTE_20);
    set(timer(2) + 8, 8, 5);
    set(CONFIG, 4, 1);
    board_wait(counts(5));
    CU_ASSERT_EQUAL(get(STATUS, 4), 4);
    CU_ASSERT_EQUAL(take(0), 0x60);
    set_apic(0, EOI, 0);
    CU_ASSERT_EQUAL(take(0), 0x60);
    set(STATUS, 4, 3);
    CU_ASSERT_EQUAL(get(STATUS, 4), 4);
    set(STATUS, 4, 4);
    CU_ASSERT_EQUAL(get(STATUS, 4), 0);
    set_apic(0, EOI, 0);
    CU_ASSERT_EQUAL(offered(0), 0);
}

static void a_32_bit_comparator_matches_every_round(void)
{
    start(false);
    set(COUNTER, 8, 0xfffffff0);
    set(timer(1), 4, INTERRUPT | MODE_32 | ROUTE_20);
    set(timer(1) + 8, 8, 0x500000010);
    CU_ASSERT_EQUAL(get(timer(1) + 8, 8), 0x10);
    set(CONFIG, 4, 1);
    board_wait(counts(0x20));
    CU_ASSERT_EQUAL(take(0), 0x60);
    CU_ASSERT_EQUAL(get(COUNTER, 8), 0x100000010);
}

static void it_replaces_the_legacy_timers(void)
{
    board_start();
    board_start_pics();
    out(0x43, 1, 0x34);
    out(0x40, 1, 10);
    out(0x40, 1, 0);
    set(timer(0), 4, INTERRUPT);
    set(timer(0) + 8, 8, 1000);
    set(CONFIG, 4, 3);
    CU_ASSERT_EQUAL(devices_deadline(&board), counts(1000));
    board_wait(counts(500)); /* the 8254 is cut off */
    CU_ASSERT_FALSE(board_interrupt());
    board_wait(counts(500));
    CU_ASSERT_EQUAL(board_acknowledge(), 0x20);
}

SUITE("handlers/devices/hpet", {"capabilities_read", capabilities_read},
      {"the_counter_runs_while_it_is_enabled", the_counter_runs_while_it_is_enabled}, {"a_comparator_interrupts_once", a_comparator_interrupts_once},
      {"periodic_goes_on", periodic_goes_on}, {"a_level_stands_until_its_status_is_written", a_level_stands_until_its_status_is_written},
      {"a_32_bit_comparator_matches_every_round", a_32_bit_comparator_matches_every_round},
      {"it_replaces_the_legacy_timers", it_replaces_the_legacy_timers})
