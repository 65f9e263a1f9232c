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

static void at_power_on_its_timers_say_what_they_can(void)
{
    start(false);
    for (unsigned i = 0; i < HPET_TIMERS; i++) {
        CU_ASSERT_EQUAL(get(timer(i), 8), i == 0 ? 0x00f0000000000030 : 0x00f0000000000020);
        CU_ASSERT_TRUE(get(timer(i) + 8, 8) == UINT64_MAX);
    }
    CU_ASSERT_EQUAL(get(CONFIG, 8), 0);
    CU_ASSERT_EQUAL(get(timer(0) + 16, 8), 0); /* messages */
    CU_ASSERT_EQUAL(get(timer(HPET_TIMERS), 8), 0);
    CU_ASSERT_EQUAL(get(0x0f8, 8), 0);
    set(timer(1) + 16, 8, UINT64_MAX);
    set(timer(HPET_TIMERS) + 8, 8, 1);
    set(0x0a0, 8, UINT64_MAX);
    CU_ASSERT_EQUAL(get(timer(1), 8), 0x00f0000000000020);
    CU_ASSERT_TRUE(get(timer(1) + 8, 8) == UINT64_MAX);
}

/* A timer interrupts when it is enabled, the whole is, and its route is one that it can take. */
static void a_timer_interrupts_where_it_is_routed(void)
{
    static const struct {
        uint32_t config, all;
        bool comes;
    } rows[] = {{INTERRUPT | ROUTE_20, 1, true},
                {ROUTE_20, 1, false},
                {INTERRUPT | ROUTE_20, 0, false},
                {INTERRUPT | 4u << 9, 1, false},
                {INTERRUPT | ROUTE_20, 3, true}};
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        start(false);
        devices_memory_write(&board, IOAPIC_BASE, 4, 0x10 + 2 * 4);
        devices_memory_write(&board, IOAPIC_BASE + 0x10, 4, 0x44);
        set(timer(2), 4, rows[i].config);
        set(timer(2) + 8, 8, 50);
        set(CONFIG, 4, rows[i].all);
        CU_ASSERT_EQUAL(devices_deadline(&board), rows[i].comes ? counts(50) : UINT64_MAX);
        board_wait(counts(60));
        CU_ASSERT_EQUAL(offered(0), rows[i].comes ? 0x60 : 0);
        CU_ASSERT_EQUAL(get(STATUS, 8), 0); /* an edge leaves none */
    }
}

/* With legacy replacement timers 0 and 1 are ISA interrupts 0 and 8, wherever they are routed. */
static void timer_1_replaces_the_clock(void)
{
    board_start();
    board_start_pics();
    set(timer(1), 4, INTERRUPT | ROUTE_20);
    set(timer(1) + 8, 8, 100);
    set(CONFIG, 4, 3);
    CU_ASSERT_EQUAL(devices_deadline(&board), counts(100));
    board_wait(counts(100));
    CU_ASSERT_EQUAL(board_acknowledge(), 0x28);
    CU_ASSERT_EQUAL(get(CONFIG, 4), 3);
}

/* The main counter stops, is moved and goes on: comparators match by its value. */
static void a_stopped_counter_matches_nothing(void)
{
    start(false);
    set(timer(1), 4, INTERRUPT | ROUTE_20);
    set(timer(1) + 8, 8, 100);
    set(CONFIG, 4, 1);
    board_wait(counts(40));
    set(CONFIG, 4, 0);
    CU_ASSERT_EQUAL(devices_deadline(&board), UINT64_MAX);
    board_wait(counts(500));
    CU_ASSERT_EQUAL(offered(0), 0);
    set(COUNTER, 8, 30);
    const uint64_t again = board.bus.now;
    set(CONFIG, 4, 1);
    CU_ASSERT_EQUAL(devices_deadline(&board), again + counts(70));
    set(CONFIG, 4, 3);
    set(CONFIG, 4, 1); /* enabled all the time: it goes on */
    CU_ASSERT_EQUAL(get(COUNTER, 8), 30);
    board_wait(counts(70));
    CU_ASSERT_EQUAL(take(0), 0x60);
    set_apic(0, EOI, 0);
    set(timer(1) + 8, 8, get(COUNTER, 8)); /* all the way round */
    CU_ASSERT_EQUAL(devices_deadline(&board), UINT64_MAX);
    set(timer(1) + 8, 8, get(COUNTER, 8) + UINT64_MAX / BOARD_HZ + 1); /* centuries */
    CU_ASSERT_EQUAL(devices_deadline(&board), UINT64_MAX);
}

/* What came due before an access is seen by it. */
static void an_access_sees_what_was_due(void)
{
    for (unsigned write = 0; write < 2; write++) {
        start(true);
        set(timer(1), 4, LEVEL | INTERRUPT | ROUTE_20);
        set(timer(1) + 8, 8, 10);
        set(CONFIG, 4, 1);
        board.bus.now += counts(15);
        if (write == 0)
            CU_ASSERT_EQUAL(get(STATUS, 4), 2);
        if (write == 1)
            set(timer(1) + 8, 8, 1000);
        CU_ASSERT_EQUAL(take(0), 0x60);
    }
}

/* IA-PC HPET, "General Interrupt Status Register": a level stands while the timer may interrupt and its bit is set. */
static void a_level_leaves_with_its_enables_and_comes_back(void)
{
    static const struct {
        unsigned reg;
        uint32_t off, on;
    } rows[] = {
        {CONFIG, 0, 1}, {0x140, LEVEL | ROUTE_20, LEVEL | INTERRUPT | ROUTE_20}, {0x140, LEVEL | INTERRUPT | 21u << 9, LEVEL | INTERRUPT | ROUTE_20}};
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        start(true);
        set(timer(2), 4, LEVEL | INTERRUPT | ROUTE_20);
        set(timer(2) + 8, 8, 5);
        set(CONFIG, 4, 1);
        board_wait(counts(5));
        CU_ASSERT_EQUAL(take(0), 0x60);
        set(rows[i].reg, 4, rows[i].off);
        set_apic(0, EOI, 0);
        CU_ASSERT_EQUAL(offered(0), 0);
        set(rows[i].reg, 4, rows[i].on);
        CU_ASSERT_EQUAL(take(0), 0x60);
        set(rows[i].reg, 4, rows[i].off);
        set(STATUS, 4, 4);
        set_apic(0, EOI, 0);
        set(rows[i].reg, 4, rows[i].on);
        CU_ASSERT_EQUAL(offered(0), 0);
    }
}

/* "Timer n Configuration": a timer takes the value as its period when periodic, as its next match with the set bit, and 32 bits in 32-bit mode. */
static void comparators_take_what_their_mode_says(void)
{
    start(false);
    set(timer(0), 4, PERIODIC);
    set(timer(0) + 8, 8, 30); /* the period alone */
    CU_ASSERT_TRUE(get(timer(0) + 8, 8) == UINT64_MAX);
    set(timer(0), 4, PERIODIC | SET_VALUE);
    CU_ASSERT_EQUAL(get(timer(0), 4), PERIODIC | 0x30); /* the bit reads 0 */
    set(timer(0) + 8, 8, 100);
    CU_ASSERT_EQUAL(get(timer(0) + 8, 8), 100);
    set(timer(0) + 8, 8, 40);
    CU_ASSERT_EQUAL(get(timer(0) + 8, 8), 100);
    set(CONFIG, 4, 1);
    board_wait(counts(185));
    CU_ASSERT_EQUAL(get(timer(0) + 8, 8), 220);
    set(timer(0), 4, SET_VALUE); /* one-shot: every write is the next match, and no period comes of it */
    set(timer(0) + 8, 8, 500);
    CU_ASSERT_EQUAL(get(timer(0) + 8, 8), 500);
    board_wait(counts(400));
    CU_ASSERT_EQUAL(get(timer(0) + 8, 8), 500);
    set(timer(0), 4, PERIODIC);
    CU_ASSERT_EQUAL(get(timer(0) + 8, 8), 500);
    set(timer(1), 4, 0);
    set(timer(1) + 8, 8, UINT64_C(0x123456789a));
    set(timer(1), 4, MODE_32);
    CU_ASSERT_EQUAL(get(timer(1) + 8, 8), 0x3456789a);
    set(timer(1) + 8, 8, UINT64_MAX);
    CU_ASSERT_EQUAL(get(timer(1) + 8, 8), UINT32_MAX);
}

/* A period of 0 is none: the match comes once. */
static void a_periodic_timer_without_a_period_matches_once(void)
{
    start(false);
    set(timer(0), 4, INTERRUPT | PERIODIC | SET_VALUE | ROUTE_20);
    set(timer(0) + 8, 8, 10);
    set(CONFIG, 4, 1);
    board_wait(counts(10));
    CU_ASSERT_EQUAL(take(0), 0x60);
    CU_ASSERT_EQUAL(get(timer(0) + 8, 8), 10);
    CU_ASSERT_EQUAL(devices_deadline(&board), UINT64_MAX);
}

static void parts_of_registers_may_be_written(void)
{
    start(false);
    set(timer(1) + 8, 8, UINT64_C(0x1122334455667788));
    set(timer(1) + 12, 4, 0xaabbccdd);
    CU_ASSERT_TRUE(get(timer(1) + 8, 8) == UINT64_C(0xaabbccdd55667788));
    CU_ASSERT_EQUAL(get(timer(1) + 12, 4), 0xaabbccdd);
    set(timer(1) + 8, 2, 0x9999);
    CU_ASSERT_TRUE(get(timer(1) + 8, 8) == UINT64_C(0xaabbccdd55669999));
    set(timer(1) + 15, 1, 0x11);
    CU_ASSERT_TRUE(get(timer(1) + 8, 8) == UINT64_C(0x11bbccdd55669999));
    start(true);
    for (unsigned i = 1; i < 3; i++) {
        set(timer(i), 4, LEVEL);
        set(timer(i) + 8, 8, 5);
    }
    set(CONFIG, 4, 1);
    board_wait(counts(5));
    set(STATUS + 4, 4, UINT32_MAX); /* the other half takes nothing */
    CU_ASSERT_EQUAL(get(STATUS, 8), 6);
    set(STATUS, 1, 2);
    CU_ASSERT_EQUAL(get(STATUS, 8), 4);
}

SUITE("handlers/devices/hpet", {"capabilities_read", capabilities_read},
      {"the_counter_runs_while_it_is_enabled", the_counter_runs_while_it_is_enabled}, {"a_comparator_interrupts_once", a_comparator_interrupts_once},
      {"periodic_goes_on", periodic_goes_on}, {"a_level_stands_until_its_status_is_written", a_level_stands_until_its_status_is_written},
      {"a_32_bit_comparator_matches_every_round", a_32_bit_comparator_matches_every_round},
      {"it_replaces_the_legacy_timers", it_replaces_the_legacy_timers},
      {"at_power_on_its_timers_say_what_they_can", at_power_on_its_timers_say_what_they_can},
      {"a_timer_interrupts_where_it_is_routed", a_timer_interrupts_where_it_is_routed}, {"timer_1_replaces_the_clock", timer_1_replaces_the_clock},
      {"a_stopped_counter_matches_nothing", a_stopped_counter_matches_nothing}, {"an_access_sees_what_was_due", an_access_sees_what_was_due},
      {"a_level_leaves_with_its_enables_and_comes_back", a_level_leaves_with_its_enables_and_comes_back},
      {"comparators_take_what_their_mode_says", comparators_take_what_their_mode_says},
      {"a_periodic_timer_without_a_period_matches_once", a_periodic_timer_without_a_period_matches_once},
      {"parts_of_registers_may_be_written", parts_of_registers_may_be_written})
