/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The keyboard controller and its keyboard. */
#include "tests/support/board.h"

enum { FULL = 1 };

static void expect_bytes(const uint8_t *bytes, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        CU_ASSERT_EQUAL(in(0x64, 1) & FULL, FULL);
        CU_ASSERT_EQUAL(in(0x60, 1), bytes[i]);
    }
    CU_ASSERT_EQUAL(in(0x64, 1) & FULL, 0);
}

static void the_controller_tests_itself(void)
{
    board_start();
    out(0x64, 1, 0xaa);
    expect_bytes((const uint8_t[]){0x55}, 1);
    out(0x64, 1, 0xab);
    expect_bytes((const uint8_t[]){0x00}, 1);
}

static void the_command_byte_is_kept(void)
{
    board_start();
    out(0x64, 1, 0x60);
    out(0x60, 1, 0x65);
    out(0x64, 1, 0x20);
    expect_bytes((const uint8_t[]){0x65}, 1);
}

static void the_keyboard_answers(void)
{
    board_start();
    out(0x60, 1, 0xff);
    expect_bytes((const uint8_t[]){0xfa, 0xaa}, 2);
    out(0x60, 1, 0xf2);
    expect_bytes((const uint8_t[]){0xfa, 0xab, 0x41}, 3);
    out(0x60, 1, 0xed);
    out(0x60, 1, 0x07);
    expect_bytes((const uint8_t[]){0xfa, 0xfa}, 2);
    out(0x60, 1, 0xf0);
    out(0x60, 1, 0x00);
    expect_bytes((const uint8_t[]){0xfa, 0xfa, 0x02}, 3);
    out(0x60, 1, 0x01);
    expect_bytes((const uint8_t[]){0xfe}, 1);
}

static void a_disabled_interface_holds_the_keyboard_back(void)
{
    board_start();
    out(0x60, 1, 0xf4);
    out(0x64, 1, 0xad);
    CU_ASSERT_EQUAL(in(0x64, 1) & FULL, 0);
    out(0x64, 1, 0x20); /* the controller's own answer is not held back */
    CU_ASSERT_EQUAL(in(0x60, 1) & 0x10, 0x10);
    out(0x64, 1, 0xae);
    expect_bytes((const uint8_t[]){0xfa}, 1);
}

static void every_byte_interrupts(void)
{
    board_start();
    board_start_pics();
    out(0x60, 1, 0xff);
    CU_ASSERT_EQUAL(board_acknowledge(), 0x21);
    (void)in(0x60, 1);
    out(0x20, 1, 0x20);
    CU_ASSERT_EQUAL(board_acknowledge(), 0x21);
    (void)in(0x60, 1);
    out(0x20, 1, 0x20);
    CU_ASSERT_FALSE(board_interrupt());
}

static void there_is_no_mouse(void)
{
    board_start();
    out(0x64, 1, 0xd4);
    out(0x60, 1, 0xff);
    CU_ASSERT_EQUAL(in(0x64, 1) & FULL, 0);
}

/* Bit 1 of the output port; its gate and that of port 92H are one line, which either opens. */
static void either_gate_opens_address_line_20(void)
{
    enum { OPEN = 2, CLOSED_NO_RESET = 0xcd };
    board_start();
    CU_ASSERT(devices_a20_is_open(&board));
    CU_ASSERT_EQUAL(in(0x92, 1), OPEN);
    out(0x64, 1, 0xd0);
    CU_ASSERT_EQUAL(in(0x60, 1) & OPEN, OPEN);
    out(0x92, 1, 0);
    CU_ASSERT_EQUAL(in(0x92, 1), 0);
    CU_ASSERT(devices_a20_is_open(&board));
    out(0x64, 1, 0xd1);
    out(0x60, 1, CLOSED_NO_RESET);
    CU_ASSERT(!devices_a20_is_open(&board));
    CU_ASSERT_EQUAL(board.bus.power, BUS_RUNNING);
    out(0x64, 1, 0xd0);
    CU_ASSERT_EQUAL(in(0x60, 1), CLOSED_NO_RESET);
    out(0x64, 1, 0xdf);
    CU_ASSERT(devices_a20_is_open(&board));
    out(0x64, 1, 0xdd);
    CU_ASSERT(!devices_a20_is_open(&board));
    out(0x92, 1, OPEN);
    CU_ASSERT(devices_a20_is_open(&board));
}

SUITE("handlers/devices/ps2", {"either_gate_opens_address_line_20", either_gate_opens_address_line_20},
      {"the_controller_tests_itself", the_controller_tests_itself}, {"the_command_byte_is_kept", the_command_byte_is_kept},
      {"the_keyboard_answers", the_keyboard_answers}, {"a_disabled_interface_holds_the_keyboard_back", a_disabled_interface_holds_the_keyboard_back},
      {"every_byte_interrupts", every_byte_interrupts}, {"there_is_no_mouse", there_is_no_mouse})
