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

static void a_byte_that_came_back_interrupts_until_it_is_read(void)
{
    board_start();
    board_start_pics();
    out(0x3fc, 1, 0x18);
    out(0x3f8, 1, 0x55);
    CU_ASSERT_EQUAL(in(0x3fa, 1), 1); /* nothing is enabled */
    out(0x3f9, 1, 0x0c);
    CU_ASSERT_EQUAL(in(0x3fa, 1), 1); /* line and modem status have nothing to say */
    CU_ASSERT_FALSE(board_interrupt());
    out(0x3f9, 1, 0x03);
    CU_ASSERT_EQUAL(board_acknowledge(), 0x24);
    CU_ASSERT_EQUAL(in(0x3fa, 1), 4); /* received data goes first */
    CU_ASSERT_EQUAL(in(0x3fa, 1), 4);
    CU_ASSERT_EQUAL(in(0x3f8, 1), 0x55);
    CU_ASSERT_EQUAL(in(0x3fa, 1), 2); /* reading that other identification did not clear this one */
    CU_ASSERT_EQUAL(in(0x3fa, 1), 1);
    CU_ASSERT_EQUAL(in(0x3f8, 1), 0);
}

static void an_interrupt_leaves_through_out2_alone(void)
{
    board_start();
    board_start_pics();
    out(0x3fc, 1, 0x03);
    out(0x3f9, 1, 2);
    CU_ASSERT_EQUAL(in(0x3fa, 1), 2);
    out(0x3f8, 1, 'z');
    CU_ASSERT_FALSE(board_interrupt());
    out(0x3fc, 1, 0x08);
    CU_ASSERT_TRUE(board_interrupt());
    out(0x3fc, 1, 0);
    CU_ASSERT_FALSE(board_interrupt());
}

static void the_transmitter_interrupts_when_it_is_enabled_anew(void)
{
    board_start();
    out(0x3f9, 1, 2);
    CU_ASSERT_EQUAL(in(0x3fa, 1), 2);
    out(0x3f9, 1, 2); /* enabled already */
    CU_ASSERT_EQUAL(in(0x3fa, 1), 1);
    out(0x3f9, 1, 0);
    out(0x3f9, 1, 1); /* another one */
    out(0x3f9, 1, 3);
    out(0x3f9, 1, 2); /* and the request stays until it is seen */
    CU_ASSERT_EQUAL(in(0x3fa, 1), 2);
    out(0x3f9, 1, 0);
    out(0x3f8, 1, 'z');
    CU_ASSERT_EQUAL(in(0x3fa, 1), 1);
    out(0x3f9, 1, 2);
    CU_ASSERT_EQUAL(in(0x3fa, 1), 2);
}

static void registers_read_as_they_were_written(void)
{
    static const struct {
        uint16_t port;
        uint8_t kept;
    } rows[] = {{0x3f9, 0x0f}, {0x3fb, 0xff}, {0x3fc, 0x1f}, {0x3ff, 0xff}};
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        board_start();
        CU_ASSERT_EQUAL(in(rows[i].port, 1), 0);
        out(rows[i].port, 1, 0xff);
        CU_ASSERT_EQUAL(in(rows[i].port, 1), rows[i].kept);
    }
    board_start();
    CU_ASSERT_EQUAL(in(0x3fe, 1), 0xb0); /* somebody is there */
    out(0x3fe, 1, 0);
    CU_ASSERT_EQUAL(in(0x3fe, 1), 0xb0);
    out(0x3fb, 1, 0x80);
    CU_ASSERT_EQUAL(in(0x3f8, 1) | in(0x3f9, 1) << 8, 12); /* 9600 baud */
    out(0x3f9, 1, 0x34);
    CU_ASSERT_EQUAL(in(0x3f9, 1), 0x34);
    out(0x3fb, 1, 0);
    CU_ASSERT_EQUAL(in(0x3f9, 1), 0);
}

/* PC16550D, "Modem Control Register": DTR, RTS, OUT1 and OUT2 come back as DSR, CTS, RI and DCD. */
static void loop_back_returns_the_modem_lines(void)
{
    static const uint8_t returned[] = {0x20, 0x10, 0x40, 0x80};
    board_start();
    for (unsigned line = 0; line < 4; line++) {
        out(0x3fc, 1, 0x10 | 1u << line);
        CU_ASSERT_EQUAL(in(0x3fe, 1), returned[line]);
    }
}

/* The divisor is no data: a byte that waits stays. */
static void reading_the_divisor_takes_no_byte(void)
{
    board_start();
    out(0x3fc, 1, 0x10);
    out(0x3f8, 1, 0x55);
    out(0x3fb, 1, 0x80);
    CU_ASSERT_EQUAL(in(0x3f8, 1), 12);
    CU_ASSERT_EQUAL(in(0x3fd, 1), 0x61);
    out(0x3fb, 1, 0);
    CU_ASSERT_EQUAL(in(0x3f8, 1), 0x55);
}

SUITE("handlers/devices/uart", {"bytes_leave_at_once", bytes_leave_at_once},
      {"the_divisor_hides_data_and_interrupt_enable", the_divisor_hides_data_and_interrupt_enable},
      {"an_empty_transmitter_interrupts_once", an_empty_transmitter_interrupts_once}, {"loop_back_returns_the_byte", loop_back_returns_the_byte},
      {"the_fifo_and_the_scratch_register_are_there", the_fifo_and_the_scratch_register_are_there},
      {"consoles_of_one_port_say_that_they_listen", consoles_of_one_port_say_that_they_listen},
      {"a_byte_that_came_back_interrupts_until_it_is_read", a_byte_that_came_back_interrupts_until_it_is_read},
      {"an_interrupt_leaves_through_out2_alone", an_interrupt_leaves_through_out2_alone},
      {"the_transmitter_interrupts_when_it_is_enabled_anew", the_transmitter_interrupts_when_it_is_enabled_anew},
      {"registers_read_as_they_were_written", registers_read_as_they_were_written},
      {"loop_back_returns_the_modem_lines", loop_back_returns_the_modem_lines},
      {"reading_the_divisor_takes_no_byte", reading_the_divisor_takes_no_byte})
