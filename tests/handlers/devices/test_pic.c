/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pair of 8259A: priorities, edges and levels, cascade, ends of interrupt, special modes. */
#include "tests/support/board.h"

static void line(unsigned number, bool level)
{
    bus_set_line(&board.bus, number, level);
}

static void pulse(unsigned number)
{
    line(number, false);
    line(number, true);
}

static void start(void)
{
    board_start();
    board_start_pics();
}

static void firmware_leaves_every_input_masked(void)
{
    board_start();
    CU_ASSERT_EQUAL(in(0x21, 1) & in(0xa1, 1), 0xff);
    line(3, true);
    CU_ASSERT_FALSE(board_interrupt());
    out(0x21, 1, 0xf7);
    CU_ASSERT_EQUAL(board_acknowledge(), 0x0b);
}

static void a_rising_edge_is_one_interrupt(void)
{
    start();
    CU_ASSERT_FALSE(board_interrupt());
    pulse(4);
    CU_ASSERT_TRUE(board_interrupt());
    CU_ASSERT_EQUAL(board_acknowledge(), 0x24);
    CU_ASSERT_FALSE(board_interrupt());
    line(4, true); /* still high: no edge */
    out(0x20, 1, 0x20);
    CU_ASSERT_FALSE(board_interrupt());
}

static void the_slave_answers_through_input_2(void)
{
    start();
    pulse(12);
    CU_ASSERT_EQUAL(board_acknowledge(), 0x2c);
    out(0x20, 1, 0x0b);
    out(0xa0, 1, 0x0b);
    CU_ASSERT_EQUAL(in(0x20, 1), 0x04);
    CU_ASSERT_EQUAL(in(0xa0, 1), 0x10);
    out(0xa0, 1, 0x20);
    out(0x20, 1, 0x20);
    CU_ASSERT_EQUAL(in(0x20, 1) | in(0xa0, 1), 0);
}

static void lower_priorities_wait_for_the_end_of_interrupt(void)
{
    start();
    pulse(3);
    CU_ASSERT_EQUAL(board_acknowledge(), 0x23);
    pulse(5);
    CU_ASSERT_FALSE(board_interrupt());
    pulse(1);
    CU_ASSERT_EQUAL(board_acknowledge(), 0x21);
    out(0x20, 1, 0x20); /* ends 1 */
    CU_ASSERT_FALSE(board_interrupt());
    out(0x20, 1, 0x63); /* specific: ends 3 */
    CU_ASSERT_EQUAL(board_acknowledge(), 0x25);
}

static void a_masked_input_is_remembered(void)
{
    start();
    out(0x21, 1, 0x10);
    pulse(4);
    CU_ASSERT_FALSE(board_interrupt());
    CU_ASSERT_EQUAL(in(0x21, 1), 0x10);
    out(0x20, 1, 0x0a);
    CU_ASSERT_EQUAL(in(0x20, 1), 0x10);
    out(0x21, 1, 0);
    CU_ASSERT_TRUE(board_interrupt());
}

static void a_request_that_went_away_is_spurious(void)
{
    start();
    pulse(4);
    line(4, false);
    CU_ASSERT_FALSE(board_interrupt());
    CU_ASSERT_EQUAL(pic_acknowledge(&board.pic), 0x27);
    out(0x20, 1, 0x0b);
    CU_ASSERT_EQUAL(in(0x20, 1), 0); /* not in service */
}

static void a_level_triggered_input_asks_until_it_falls(void)
{
    start();
    out(0x4d1, 1, 0xff);
    CU_ASSERT_EQUAL(in(0x4d1, 1), 0xde);
    line(11, true);
    CU_ASSERT_EQUAL(board_acknowledge(), 0x2b);
    out(0xa0, 1, 0x20);
    out(0x20, 1, 0x20);
    CU_ASSERT_TRUE(board_interrupt());
    line(11, false);
    CU_ASSERT_FALSE(board_interrupt());
}

static void rotation_moves_the_lowest_priority(void)
{
    start();
    out(0x20, 1, 0xc3); /* 3 is lowest, 4 highest */
    pulse(1);
    pulse(4);
    CU_ASSERT_EQUAL(board_acknowledge(), 0x24);
    out(0x20, 1, 0xa0); /* rotate on the end of interrupt: 4 is lowest now */
    pulse(4);
    CU_ASSERT_EQUAL(board_acknowledge(), 0x21);
}

static void automatic_end_of_interrupt_leaves_nothing_in_service(void)
{
    board_start();
    board_start_pics();
    out(0x20, 1, 0x11);
    out(0x21, 1, 0x20);
    out(0x21, 1, 0x04);
    out(0x21, 1, 0x03);
    pulse(6);
    CU_ASSERT_EQUAL(board_acknowledge(), 0x26);
    out(0x20, 1, 0x0b);
    CU_ASSERT_EQUAL(in(0x20, 1), 0);
}

static void special_mask_mode_lets_lower_priorities_in(void)
{
    start();
    pulse(1);
    (void)board_acknowledge();
    pulse(5);
    CU_ASSERT_FALSE(board_interrupt());
    out(0x21, 1, 0x02);
    out(0x20, 1, 0x68);
    CU_ASSERT_EQUAL(board_acknowledge(), 0x25);
}

static void a_poll_acknowledges(void)
{
    start();
    pulse(5);
    out(0x20, 1, 0x0c);
    CU_ASSERT_EQUAL(in(0x20, 1), 0x85);
    out(0x20, 1, 0x0c);
    CU_ASSERT_EQUAL(in(0x20, 1), 0);
    CU_ASSERT_FALSE(board_interrupt());
}

static void what_would_interrupt_is_known_beforehand(void)
{
    start();
    CU_ASSERT_TRUE(pic_would_interrupt(&board.pic, 0));
    out(0x21, 1, 0x01);
    CU_ASSERT_FALSE(pic_would_interrupt(&board.pic, 0));
    CU_ASSERT_TRUE(pic_would_interrupt(&board.pic, 8));
    out(0x21, 1, 0x04);
    CU_ASSERT_FALSE(pic_would_interrupt(&board.pic, 8));
}

SUITE("handlers/devices/pic", {"firmware_leaves_every_input_masked", firmware_leaves_every_input_masked},
      {"a_rising_edge_is_one_interrupt", a_rising_edge_is_one_interrupt}, {"the_slave_answers_through_input_2", the_slave_answers_through_input_2},
      {"lower_priorities_wait_for_the_end_of_interrupt", lower_priorities_wait_for_the_end_of_interrupt},
      {"a_masked_input_is_remembered", a_masked_input_is_remembered}, {"a_request_that_went_away_is_spurious", a_request_that_went_away_is_spurious},
      {"a_level_triggered_input_asks_until_it_falls", a_level_triggered_input_asks_until_it_falls},
      {"rotation_moves_the_lowest_priority", rotation_moves_the_lowest_priority},
      {"automatic_end_of_interrupt_leaves_nothing_in_service", automatic_end_of_interrupt_leaves_nothing_in_service},
      {"special_mask_mode_lets_lower_priorities_in", special_mask_mode_lets_lower_priorities_in}, {"a_poll_acknowledges", a_poll_acknowledges},
      {"what_would_interrupt_is_known_beforehand", what_would_interrupt_is_known_beforehand})
