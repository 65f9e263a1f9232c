/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The 8254: counts, modes, latches, channel 0's interrupts, port 61H. */
#include "tests/support/board.h"

static void load(unsigned channel, uint8_t control, uint16_t count)
{
    out(0x43, 1, (uint32_t)channel << 6 | control);
    out((uint16_t)(0x40 + channel), 1, count & 0xffu);
    out((uint16_t)(0x40 + channel), 1, count >> 8);
}

static uint16_t latched(unsigned channel)
{
    out(0x43, 1, (uint32_t)channel << 6);
    const uint32_t low = in((uint16_t)(0x40 + channel), 1);
    return (uint16_t)(low | in((uint16_t)(0x40 + channel), 1) << 8);
}

/* That many clocks of the timer, rounded up to ticks. */
static uint64_t clocks(uint64_t count)
{
    return bus_rescale_up(count, PIT_HZ, BOARD_HZ);
}

static void a_rate_generator_counts_down_and_reloads(void)
{
    board_start();
    load(0, 0x34, 1000);
    board_wait(clocks(300));
    CU_ASSERT_EQUAL(latched(0), 700);
    board_wait(clocks(800));
    CU_ASSERT_EQUAL(latched(0), 900);
}

/* An odd count: the output is high for the longer half. */
static void a_square_wave_is_high_for_half_its_period(void)
{
    board_start();
    out(0x61, 1, 1);
    load(2, 0x36, 7);
    for (unsigned clock = 0; clock < 14; clock++) {
        CU_ASSERT_EQUAL(in(0x61, 1) >> 5 & 1, clock % 7 < 4);
        board_wait(clocks(clock + 1) - clocks(clock));
    }
}

static void a_latched_count_stands_still(void)
{
    board_start();
    load(0, 0x34, 0x1234);
    board_wait(clocks(0x34));
    out(0x43, 1, 0);
    board_wait(clocks(500));
    CU_ASSERT_EQUAL(in(0x40, 1), 0x00);
    CU_ASSERT_EQUAL(in(0x40, 1), 0x12);
}

static void the_read_back_command_latches_status(void)
{
    board_start();
    load(2, 0x30, 50);
    out(0x43, 1, 0xe8); /* status of channel 2 */
    CU_ASSERT_EQUAL(in(0x42, 1), 0x30);
    board_wait(clocks(60));
    out(0x43, 1, 0xe8);
    CU_ASSERT_EQUAL(in(0x42, 1), 0xb0); /* output high */
}

static void channel_0_interrupts_every_period(void)
{
    board_start();
    board_start_pics();
    load(0, 0x34, 1193);
    CU_ASSERT_FALSE(board_interrupt());
    for (unsigned i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(devices_deadline(&board), clocks(1193 * (i + 1)));
        board_wait(devices_deadline(&board) - board.bus.now - 1);
        CU_ASSERT_FALSE(board_interrupt());
        board_wait(1);
        CU_ASSERT_EQUAL(board_acknowledge(), 0x20);
        out(0x20, 1, 0x20);
    }
}

static void terminal_count_interrupts_once(void)
{
    board_start();
    board_start_pics();
    load(0, 0x30, 100);
    board_wait(clocks(100));
    CU_ASSERT_EQUAL(board_acknowledge(), 0x20);
    out(0x20, 1, 0x20);
    CU_ASSERT_EQUAL(devices_deadline(&board), UINT64_MAX);
    board_wait(clocks(100000));
    CU_ASSERT_FALSE(board_interrupt());
}

static void nobody_waits_for_a_masked_timer(void)
{
    board_start();
    board_start_pics();
    load(0, 0x34, 100);
    out(0x21, 1, 0x01);
    CU_ASSERT_EQUAL(devices_deadline(&board), UINT64_MAX);
}

static void port_61h_shows_channel_2(void)
{
    board_start();
    out(0x61, 1, 1);
    load(2, 0x30, 1000);
    CU_ASSERT_EQUAL(in(0x61, 1) & 0x23, 1);
    board_wait(clocks(1000));
    CU_ASSERT_EQUAL(in(0x61, 1) & 0x23, 0x21);
}

static void bcd_counts(void)
{
    board_start();
    load(1, 0x35, 0x1000);
    board_wait(clocks(1));
    CU_ASSERT_EQUAL(latched(1), 0x0999);
}

SUITE("handlers/devices/pit", {"a_rate_generator_counts_down_and_reloads", a_rate_generator_counts_down_and_reloads},
      {"a_square_wave_is_high_for_half_its_period", a_square_wave_is_high_for_half_its_period},
      {"a_latched_count_stands_still", a_latched_count_stands_still}, {"the_read_back_command_latches_status", the_read_back_command_latches_status},
      {"channel_0_interrupts_every_period", channel_0_interrupts_every_period}, {"terminal_count_interrupts_once", terminal_count_interrupts_once},
      {"nobody_waits_for_a_masked_timer", nobody_waits_for_a_masked_timer}, {"port_61h_shows_channel_2", port_61h_shows_channel_2},
      {"bcd_counts", bcd_counts})
