/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The serial port and the consoles of one port. */
#include "tests/support/board.h"

static void bytes_leave_at_once(void)
{
    board_start();
    CU_ASSERT_EQUAL(in(0x3fd, 1), 0x60);
    out(0x3f8, 1, 'x');
    CU_ASSERT_EQUAL(printed_count, 1);
    CU_ASSERT_EQUAL(printed[0], 'x');
    CU_ASSERT_EQUAL(last_port, 0x3f8);
}

static void the_divisor_hides_data_and_interrupt_enable(void)
{
    board_start();
    out(0x3fb, 1, 0x83);
    out(0x3f8, 1, 1);
    out(0x3f9, 1, 0);
    CU_ASSERT_EQUAL(printed_count, 0);
    CU_ASSERT_EQUAL(in(0x3f8, 1), 1);
    out(0x3fb, 1, 3);
    CU_ASSERT_EQUAL(in(0x3f8, 1), 0);
}

static void an_empty_transmitter_interrupts_once(void)
{
    board_start();
    board_start_pics();
    out(0x3fc, 1, 0x0b);
    out(0x3f9, 1, 2);
    CU_ASSERT_EQUAL(board_acknowledge(), 0x24);
    CU_ASSERT_EQUAL(in(0x3fa, 1), 2);
    CU_ASSERT_EQUAL(in(0x3fa, 1), 1);
    out(0x20, 1, 0x20);
    out(0x3f8, 1, 'y');
    CU_ASSERT_TRUE(board_interrupt());
}

static void loop_back_returns_the_byte(void)
{
    board_start();
    out(0x3fc, 1, 0x1a);
    out(0x3f8, 1, 0x55);
    CU_ASSERT_EQUAL(printed_count, 0);
    CU_ASSERT_EQUAL(in(0x3fd, 1), 0x61);
    CU_ASSERT_EQUAL(in(0x3fe, 1), 0x90);
    CU_ASSERT_EQUAL(in(0x3f8, 1), 0x55);
    CU_ASSERT_EQUAL(in(0x3fd, 1), 0x60);
}

static void the_fifo_and_the_scratch_register_are_there(void)
{
    board_start();
    out(0x3fa, 1, 1);
    CU_ASSERT_EQUAL(in(0x3fa, 1), 0xc1);
    out(0x3ff, 1, 0xa5);
    CU_ASSERT_EQUAL(in(0x3ff, 1), 0xa5);
}

static void consoles_of_one_port_say_that_they_listen(void)
{
    board_start();
    CU_ASSERT_EQUAL(in(0x402, 1), 0xe9);
    CU_ASSERT_EQUAL(in(0xe9, 1), 0xe9);
    out(0x402, 1, 'a');
    out(0xe9, 1, 'b');
    out(0x80, 1, 0x42);
    CU_ASSERT_EQUAL(printed_count, 3);
    CU_ASSERT_EQUAL(in(0x80, 1), 0x42);
}

SUITE("handlers/devices/uart", {"bytes_leave_at_once", bytes_leave_at_once},
      {"the_divisor_hides_data_and_interrupt_enable", the_divisor_hides_data_and_interrupt_enable},
      {"an_empty_transmitter_interrupts_once", an_empty_transmitter_interrupts_once}, {"loop_back_returns_the_byte", loop_back_returns_the_byte},
      {"the_fifo_and_the_scratch_register_are_there", the_fifo_and_the_scratch_register_are_there},
      {"consoles_of_one_port_say_that_they_listen", consoles_of_one_port_say_that_they_listen})
