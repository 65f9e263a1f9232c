/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exit status and the shutdown word. */
#include "tests/support/board.h"

static void say(const char *word)
{
    for (; *word != '\0'; word++)
        out(0x8900, 1, (uint8_t)*word);
}

static void a_status_is_twice_the_value_and_one(void)
{
    board_start();
    CU_ASSERT_FALSE(board.bus.has_status);
    out(0xf4, 1, 0x10);
    CU_ASSERT_TRUE(board.bus.has_status);
    CU_ASSERT_EQUAL(board.bus.status, 0x21);
    out(0xf4, 4, 300);
    CU_ASSERT_EQUAL(board.bus.status, 601);
    CU_ASSERT_EQUAL(board.bus.power, BUS_RUNNING);
    CU_ASSERT_EQUAL(in(0xf4, 1), 0xff);
}

static void the_whole_word_turns_power_off(void)
{
    board_start();
    say("Shutdow");
    say("Shut");
    say("down");
    CU_ASSERT_EQUAL(board.bus.power, BUS_OFF);
}

static void a_broken_word_does_not(void)
{
    board_start();
    say("Shutdoxwn Shut down shutdown");
    CU_ASSERT_EQUAL(board.bus.power, BUS_RUNNING);
    say("ShutdoShutdown");
    CU_ASSERT_EQUAL(board.bus.power, BUS_OFF);
}

SUITE("handlers/devices/exit_ports", {"a_status_is_twice_the_value_and_one", a_status_is_twice_the_value_and_one},
      {"the_whole_word_turns_power_off", the_whole_word_turns_power_off}, {"a_broken_word_does_not", a_broken_word_does_not})
