/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text screen as lines of text. */
#include "sim/screen.h"

#include <string.h>

#include "tests/support/suite.h"

static uint8_t cells[SIM_SCREEN_BYTES];
static char text[SIM_SCREEN_TEXT_BYTES + 1];

static void put(unsigned line, unsigned column, const char *what)
{
    for (; *what != '\0'; what++, column++) {
        cells[(line * SIM_SCREEN_COLUMNS + column) * 2] = (uint8_t)*what;
        cells[(line * SIM_SCREEN_COLUMNS + column) * 2 + 1] = 0x1f;
    }
}

static const char *show(void)
{
    text[sim_screen_text(cells, text)] = '\0';
    return text;
}

static void an_empty_screen_is_no_text(void)
{
    memset(cells, 0, sizeof cells);
    CU_ASSERT_STRING_EQUAL(show(), "");
    for (unsigned i = 0; i < sizeof cells; i += 2)
        cells[i] = ' ';
    CU_ASSERT_STRING_EQUAL(show(), "");
}

static void blanks_at_the_ends_are_left_out(void)
{
    memset(cells, 0, sizeof cells);
    put(0, 2, "Pass");
    put(2, 0, "a  b   ");
    CU_ASSERT_STRING_EQUAL(show(), "  Pass\n\na  b\n");
}

static void the_whole_screen_fits(void)
{
    for (unsigned i = 0; i < sizeof cells; i += 2)
        cells[i] = 'x';
    CU_ASSERT_EQUAL(strlen(show()), SIM_SCREEN_TEXT_BYTES);
    CU_ASSERT_EQUAL(text[80], '\n');
}

static void other_characters_are_dots(void)
{
    memset(cells, 0, sizeof cells);
    put(0, 0, "\xb3\x01~\x7f");
    CU_ASSERT_STRING_EQUAL(show(), "..~.\n");
}

SUITE("sim/screen", {"an_empty_screen_is_no_text", an_empty_screen_is_no_text}, {"blanks_at_the_ends_are_left_out", blanks_at_the_ends_are_left_out},
      {"the_whole_screen_fits", the_whole_screen_fits}, {"other_characters_are_dots", other_characters_are_dots})
