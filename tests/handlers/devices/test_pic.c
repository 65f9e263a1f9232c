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

/* Initialisation words for the master, with an ICW4 of its own. */
static void initialise_master(uint8_t icw4)
{
    out(0x20, 1, 0x11);
    out(0x21, 1, 0x20);
    out(0x21, 1, 0x04);
    out(0x21, 1, icw4);
}

static void start_master(uint8_t icw4)
{
    start();
    initialise_master(icw4);
}

/* "Special Fully Nested Mode": the slave may interrupt its own service, what ranks below it on the master may not. */
static void special_fully_nested_mode_lets_the_slave_in_again(void)
{
    for (unsigned nested = 0; nested < 2; nested++) {
        start_master(nested != 0 ? 0x11 : 0x01);
        pulse(12);
        CU_ASSERT_EQUAL(board_acknowledge(), 0x2c);
        pulse(3);
        CU_ASSERT_FALSE(board_interrupt());
        pulse(14); /* ranks below 12 on the slave */
        CU_ASSERT_FALSE(board_interrupt());
        pulse(9);
        CU_ASSERT_EQUAL(board_interrupt(), nested != 0);
        pulse(0);
        CU_ASSERT_EQUAL(board_acknowledge(), 0x20);
        pulse(0); /* no other input interrupts its own service */
        CU_ASSERT_FALSE(board_interrupt());
        out(0x20, 1, 0x60);
        out(0x21, 1, 1);
        if (nested != 0)
            CU_ASSERT_EQUAL(board_acknowledge(), 0x29);
    }
}

static void special_fully_nested_mode_is_of_the_master(void)
{
    start();
    static const uint8_t words[] = {0x28, 0x02, 0x11};
    out(0xa0, 1, 0x11);
    for (unsigned i = 0; i < 3; i++)
        out(0xa1, 1, words[i]);
    pulse(10);
    CU_ASSERT_EQUAL(board_acknowledge(), 0x2a);
    out(0x20, 1, 0x20);
    pulse(10);
    CU_ASSERT_FALSE(board_interrupt());
}

static void rotation_at_automatic_ends_of_interrupt_is_switched(void)
{
    start_master(0x03);
    pulse(5);
    CU_ASSERT_EQUAL(board_acknowledge(), 0x25); /* without rotation 0 stays the highest */
    pulse(6);
    pulse(1);
    CU_ASSERT_EQUAL(board_acknowledge(), 0x21);
    out(0x20, 1, 0x80);
    CU_ASSERT_EQUAL(board_acknowledge(), 0x26); /* 6 is the lowest now */
    pulse(1);
    pulse(7);
    CU_ASSERT_EQUAL(board_acknowledge(), 0x27);
    out(0x20, 1, 0x00);
    CU_ASSERT_EQUAL(board_acknowledge(), 0x21);
    pulse(0);
    pulse(1);
    CU_ASSERT_EQUAL(board_acknowledge(), 0x20);
}

/* ICW1 says which words follow; what comes after them is the mask. */
static void the_first_word_tells_which_ones_follow(void)
{
    static const struct {
        uint8_t first, words;
    } rows[] = {{0x10, 2}, {0x11, 3}, {0x12, 1}, {0x13, 2}};
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        start();
        out(0x20, 1, rows[i].first);
        for (unsigned word = 0; word < rows[i].words; word++) {
            CU_ASSERT_EQUAL(in(0x21, 1), 0);
            out(0x21, 1, word == 0 ? 0x4f : 0x01);
        }
        out(0x21, 1, 0xef);
        CU_ASSERT_EQUAL(in(0x21, 1), 0xef);
        pulse(4);
        CU_ASSERT_EQUAL(board_acknowledge(), 0x4c); /* bits 2:0 of ICW2 are the input's */
        out(0x20, 1, 0x0b);
        CU_ASSERT_EQUAL(in(0x20, 1), 0x10); /* automatic ends are off without ICW4 */
    }
}

static void initialisation_forgets_all_but_levels_that_stand(void)
{
    start();
    out(0x4d0, 1, 0x20);
    out(0x20, 1, 0xc3);
    out(0x20, 1, 0x68);
    pulse(4);
    (void)board_acknowledge();
    line(5, true);
    pulse(6);
    out(0x21, 1, 0xff);
    initialise_master(0x01);
    out(0x20, 1, 0x0b);
    CU_ASSERT_EQUAL(in(0x20, 1), 0);
    out(0x20, 1, 0x0a);
    CU_ASSERT_EQUAL(in(0x20, 1), 0x20);
    CU_ASSERT_EQUAL(in(0x21, 1), 0);
    CU_ASSERT_EQUAL(board_acknowledge(), 0x25);
    pulse(0);
    CU_ASSERT_EQUAL(board_acknowledge(), 0x20); /* the highest again */
}

static void the_modes_end_with_initialisation(void)
{
    start_master(0x13);
    out(0x20, 1, 0x80);
    out(0x20, 1, 0x68);
    out(0x20, 1, 0x10); /* without ICW4 */
    out(0x21, 1, 0x20);
    out(0x21, 1, 0x04);
    pulse(1);
    CU_ASSERT_EQUAL(board_acknowledge(), 0x21);
    out(0x21, 1, 0x02);
    pulse(5);
    CU_ASSERT_FALSE(board_interrupt()); /* 1 is in service, and no special mask */
}

/* The ends of interrupt of OCW2, on inputs 2 (masked) and 5 in service. */
static void ends_of_interrupt_choose_what_they_end(void)
{
    static const struct {
        uint8_t word;
        bool special_mask;
        uint8_t left;
        unsigned first; /* of 0 to 7 asked for when nothing is in service */
    } rows[] = {
        {0x20, false, 0x20, 0}, {0x65, false, 0x04, 0}, {0xa0, false, 0x20, 3}, {0xe5, false, 0x04, 6}, {0x45, false, 0x24, 0},
        {0xc5, false, 0x24, 6}, {0x20, true, 0x04, 0},  {0xa0, true, 0x04, 6},  {0x00, false, 0x24, 0}, {0x80, false, 0x24, 0},
    };
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        start();
        pulse(5);
        CU_ASSERT_EQUAL(board_acknowledge(), 0x25);
        pulse(9);
        CU_ASSERT_EQUAL(board_acknowledge(), 0x29);
        out(0x21, 1, 0x04);
        out(0x20, 1, rows[i].special_mask ? 0x68 : 0x48);
        out(0x20, 1, rows[i].word);
        out(0x20, 1, 0x0b);
        CU_ASSERT_EQUAL(in(0x20, 1), rows[i].left);
        out(0x20, 1, 0x62);
        out(0x20, 1, 0x65);
        out(0x21, 1, 0);
        for (unsigned input = 0; input < 8; input++)
            if (input != 2)
                pulse(input);
        CU_ASSERT_EQUAL(board_acknowledge(), 0x20 + rows[i].first);
    }
}

static void an_end_of_interrupt_with_nothing_in_service_does_nothing(void)
{
    start();
    out(0x20, 1, 0xa0);
    pulse(7);
    pulse(0);
    CU_ASSERT_EQUAL(board_acknowledge(), 0x20);
}

/* OCW3: what is read, special mask mode and a poll are chosen apart. */
static void command_word_3_changes_what_it_names(void)
{
    start();
    pulse(1);
    (void)board_acknowledge();
    pulse(5);
    out(0x20, 1, 0x0b);
    out(0x20, 1, 0x08);
    out(0x20, 1, 0x09); /* no read command: the choice stays */
    CU_ASSERT_EQUAL(in(0x20, 1), 0x02);
    out(0x21, 1, 0x02);
    out(0x20, 1, 0x28); /* the mode without its enable */
    CU_ASSERT_FALSE(board_interrupt());
    out(0x20, 1, 0x68);
    out(0x20, 1, 0x08);
    CU_ASSERT_TRUE(board_interrupt());
    out(0x20, 1, 0x48);
    CU_ASSERT_FALSE(board_interrupt());
    CU_ASSERT_EQUAL(in(0x20, 1), 0x02);
}

/* A poll takes the interrupt as an acknowledge cycle does; its word is read once, from either port. */
static void a_poll_stands_for_one_read(void)
{
    start();
    pulse(0);
    out(0x20, 1, 0x0c);
    CU_ASSERT_EQUAL(in(0x21, 1), 0x80);
    CU_ASSERT_EQUAL(in(0x21, 1), 0);
    out(0x20, 1, 0x0b);
    CU_ASSERT_EQUAL(in(0x20, 1), 0x01);
    out(0x20, 1, 0x20);
    pulse(14);
    out(0xa0, 1, 0x0c);
    CU_ASSERT_EQUAL(in(0xa0, 1), 0x86);
    CU_ASSERT_FALSE(board_interrupt()); /* the slave asks for nothing more */
    out(0xa0, 1, 0x0c);
    CU_ASSERT_EQUAL(in(0xa0, 1), 0);
}

static void a_level_is_a_request_as_it_stands(void)
{
    start();
    line(11, true);
    CU_ASSERT_EQUAL(board_acknowledge(), 0x2b);
    out(0xa0, 1, 0x20);
    out(0x20, 1, 0x20);
    CU_ASSERT_FALSE(board_interrupt());
    out(0x4d1, 1, 0x08);
    CU_ASSERT_TRUE(board_interrupt());
    out(0x4d0, 1, 0xff);
    CU_ASSERT_EQUAL(in(0x4d0, 1), 0xf8);
    CU_ASSERT_EQUAL(in(0x4d1, 1), 0x08);
}

static void firmware_leaves_the_slave_at_vector_70h(void)
{
    board_start();
    pulse(13);
    out(0x21, 1, 0xfb);
    out(0xa1, 1, 0xdf);
    CU_ASSERT_EQUAL(board_acknowledge(), 0x75);
}

SUITE("handlers/devices/pic", {"firmware_leaves_every_input_masked", firmware_leaves_every_input_masked},
      {"a_rising_edge_is_one_interrupt", a_rising_edge_is_one_interrupt}, {"the_slave_answers_through_input_2", the_slave_answers_through_input_2},
      {"lower_priorities_wait_for_the_end_of_interrupt", lower_priorities_wait_for_the_end_of_interrupt},
      {"a_masked_input_is_remembered", a_masked_input_is_remembered}, {"a_request_that_went_away_is_spurious", a_request_that_went_away_is_spurious},
      {"a_level_triggered_input_asks_until_it_falls", a_level_triggered_input_asks_until_it_falls},
      {"rotation_moves_the_lowest_priority", rotation_moves_the_lowest_priority},
      {"automatic_end_of_interrupt_leaves_nothing_in_service", automatic_end_of_interrupt_leaves_nothing_in_service},
      {"special_mask_mode_lets_lower_priorities_in", special_mask_mode_lets_lower_priorities_in}, {"a_poll_acknowledges", a_poll_acknowledges},
      {"what_would_interrupt_is_known_beforehand", what_would_interrupt_is_known_beforehand},
      {"special_fully_nested_mode_lets_the_slave_in_again", special_fully_nested_mode_lets_the_slave_in_again},
      {"special_fully_nested_mode_is_of_the_master", special_fully_nested_mode_is_of_the_master},
      {"rotation_at_automatic_ends_of_interrupt_is_switched", rotation_at_automatic_ends_of_interrupt_is_switched},
      {"the_first_word_tells_which_ones_follow", the_first_word_tells_which_ones_follow},
      {"initialisation_forgets_all_but_levels_that_stand", initialisation_forgets_all_but_levels_that_stand},
      {"the_modes_end_with_initialisation", the_modes_end_with_initialisation},
      {"ends_of_interrupt_choose_what_they_end", ends_of_interrupt_choose_what_they_end},
      {"an_end_of_interrupt_with_nothing_in_service_does_nothing", an_end_of_interrupt_with_nothing_in_service_does_nothing},
      {"command_word_3_changes_what_it_names", command_word_3_changes_what_it_names}, {"a_poll_stands_for_one_read", a_poll_stands_for_one_read},
      {"a_level_is_a_request_as_it_stands", a_level_is_a_request_as_it_stands},
      {"firmware_leaves_the_slave_at_vector_70h", firmware_leaves_the_slave_at_vector_70h})
