/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CMOS memory and clock: RAM sizes, the fixed date, interrupts. */
#include "tests/support/board.h"

static uint32_t get(uint8_t index)
{
    out(0x70, 1, index);
    return in(0x71, 1);
}

static void put(uint8_t index, uint8_t value)
{
    out(0x70, 1, index);
    out(0x71, 1, value);
}

static void ram_sizes_stand_where_firmware_looks(void)
{
    board_start();
    CU_ASSERT_EQUAL(get(0x15) | get(0x16) << 8, 640);
    CU_ASSERT_EQUAL(get(0x30) | get(0x31) << 8, 63 * 1024);
    CU_ASSERT_EQUAL(get(0x34) | get(0x35) << 8, 48 * 16);
}

static void small_ram_has_only_extended_memory(void)
{
    const struct devices_config config = {.ram_bytes = 2 << 20, .ticks_per_second = BOARD_HZ, .cpus = 1};
    devices_init(&board, &config);
    CU_ASSERT_EQUAL(get(0x30) | get(0x31) << 8, 1024);
    CU_ASSERT_EQUAL(get(0x34) | get(0x35) << 8, 0);
}

static void the_clock_starts_at_a_fixed_date_and_runs(void)
{
    board_start();
    CU_ASSERT_EQUAL(get(9), 0x00);
    CU_ASSERT_EQUAL(get(0x32), 0x20);
    CU_ASSERT_EQUAL(get(8), 0x01);
    CU_ASSERT_EQUAL(get(7), 0x01);
    CU_ASSERT_EQUAL(get(6), 7);                                                 /* a Saturday */
    board.bus.now = (uint64_t)BOARD_HZ * (86400 * 59 + 3600 * 13 + 60 * 5 + 9); /* 2000 is a leap year */
    CU_ASSERT_EQUAL(get(8), 0x02);
    CU_ASSERT_EQUAL(get(7), 0x29);
    CU_ASSERT_EQUAL(get(4), 0x13);
    CU_ASSERT_EQUAL(get(2), 0x05);
    CU_ASSERT_EQUAL(get(0), 0x09);
}

static void hours_may_be_twelve_and_values_binary(void)
{
    board_start();
    board.bus.now = (uint64_t)BOARD_HZ * 3600 * 15;
    put(0x0b, 0x00);
    CU_ASSERT_EQUAL(get(4), 0x83);
    put(0x0b, 0x06);
    CU_ASSERT_EQUAL(get(4), 15);
}

static void the_clock_can_be_set(void)
{
    board_start();
    put(0x0b, 0x82); /* stand still */
    put(9, 0x24);
    put(8, 0x12);
    put(7, 0x31);
    put(4, 0x23);
    put(2, 0x59);
    put(0, 0x59);
    put(0x0b, 0x02);
    board_wait(BOARD_HZ);
    CU_ASSERT_EQUAL(get(9), 0x25);
    CU_ASSERT_EQUAL(get(8), 0x01);
    CU_ASSERT_EQUAL(get(7), 0x01);
    CU_ASSERT_EQUAL(get(0), 0x00);
}

static void periodic_interrupts_follow_the_rate(void)
{
    board_start();
    board_start_pics();
    put(0x0a, 0x26); /* 1024 Hz */
    put(0x0b, 0x42);
    CU_ASSERT_EQUAL(devices_deadline(&board), 976563); /* 32 cycles of 32768 Hz, rounded up */
    board_wait(976562);
    CU_ASSERT_FALSE(board_interrupt());
    board_wait(1);
    CU_ASSERT_EQUAL(board_acknowledge(), 0x28);
    CU_ASSERT_EQUAL(get(0x0c), 0xc0);
    CU_ASSERT_EQUAL(get(0x0c), 0);
    board_wait(976563);
    out(0xa0, 1, 0x20);
    out(0x20, 1, 0x20);
    CU_ASSERT_TRUE(board_interrupt());
}

static void update_interrupts_come_every_second(void)
{
    board_start();
    board_start_pics();
    put(0x0b, 0x12);
    CU_ASSERT_EQUAL(devices_deadline(&board), BOARD_HZ);
    board_wait(BOARD_HZ);
    CU_ASSERT_TRUE(board_interrupt());
    CU_ASSERT_EQUAL(get(0x0c) & 0x90, 0x90);
}

static void other_bytes_are_memory(void)
{
    board_start();
    put(0x40, 0x5a);
    CU_ASSERT_EQUAL(get(0x40), 0x5a);
    put(0x0d, 0);
    CU_ASSERT_EQUAL(get(0x0d), 0x80);
}

SUITE("handlers/devices/cmos", {"ram_sizes_stand_where_firmware_looks", ram_sizes_stand_where_firmware_looks},
      {"small_ram_has_only_extended_memory", small_ram_has_only_extended_memory},
      {"the_clock_starts_at_a_fixed_date_and_runs", the_clock_starts_at_a_fixed_date_and_runs},
      {"hours_may_be_twelve_and_values_binary", hours_may_be_twelve_and_values_binary}, {"the_clock_can_be_set", the_clock_can_be_set},
      {"periodic_interrupts_follow_the_rate", periodic_interrupts_follow_the_rate},
      {"update_interrupts_come_every_second", update_interrupts_come_every_second}, {"other_bytes_are_memory", other_bytes_are_memory})
