/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text and frames on the line in order, and what a screen shows of them. */
#include "../../../handlers/bench/console.h"

#include <string.h>

#include "../../support/suite.h"

static uint8_t line[1 << 14];
static uint32_t sent;
static uint16_t cells[CONSOLE_ROWS * CONSOLE_COLUMNS + 1]; /* the last one is nobody's */

static void send(void *context, uint8_t byte)
{
    CU_ASSERT_PTR_EQUAL(context, line);
    CU_ASSERT_FATAL(sent < sizeof line);
    line[sent++] = byte;
}

static struct console new_console(void)
{
    const struct console console = {.send = send, .context = line, .screen = cells};
    sent = 0;
    cells[CONSOLE_ROWS * CONSOLE_COLUMNS] = 0xbeef;
    console_clear_screen(&console);
    return console;
}

/* Does this row show the text, then blanks to its end? */
static bool row_is(unsigned row, const char *text)
{
    const size_t size = strlen(text);
    bool same = cells[CONSOLE_ROWS * CONSOLE_COLUMNS] == 0xbeef;
    for (unsigned column = 0; column < CONSOLE_COLUMNS; column++)
        same &= cells[row * CONSOLE_COLUMNS + column] == (CONSOLE_ATTRIBUTE | (uint8_t)(column < size ? text[column] : ' '));
    return same;
}

static void the_log_stands_on_the_line_alone(void)
{
    struct console console = new_console();
    console_print(&console, "begin %u\n", 7u);
    CU_ASSERT_EQUAL(sent, 8);
    CU_ASSERT_EQUAL(memcmp(line, "begin 7\n", 8), 0);
    CU_ASSERT(row_is(0, ""));
    console.screen = NULL;
    console_say(&console, "no screen\n");
    CU_ASSERT_EQUAL(sent, 18);
}

static void what_is_said_stands_on_the_screen_too(void)
{
    struct console console = new_console();
    console_say(&console, "one %08x\ntwo", 0x1fu);
    console_say(&console, " more\n\nfour\n");
    CU_ASSERT_EQUAL(memcmp(line, "one 0000001f\ntwo more\n\nfour\n", sent), 0);
    CU_ASSERT(row_is(0, "one 0000001f"));
    CU_ASSERT(row_is(1, "two more"));
    CU_ASSERT(row_is(2, ""));
    CU_ASSERT(row_is(3, "four"));
}

static void a_long_line_goes_on_in_the_next_row(void)
{
    char text[CONSOLE_COLUMNS + 1] = "";
    struct console console = new_console();
    memset(text, 'x', CONSOLE_COLUMNS);
    console_say(&console, "%s", text);
    CU_ASSERT(row_is(0, text));
    console_say(&console, "y\n");
    CU_ASSERT(row_is(1, "y"));
    console_say(&console, "%s\nz\n", text); /* the end of a full row is no row of its own */
    CU_ASSERT(row_is(2, text));
    CU_ASSERT(row_is(3, "z"));
}

static void the_screen_scrolls(void)
{
    struct console console = new_console();
    for (unsigned i = 1; i <= 30; i++)
        console_say(&console, "row %u\n", i);
    CU_ASSERT(row_is(0, "row 7"));
    CU_ASSERT(row_is(CONSOLE_ROWS - 2, "row 30"));
    CU_ASSERT(row_is(CONSOLE_ROWS - 1, ""));
}

/* Text waits for what the trace has collected; a payload that is full goes out by itself. */
static void text_never_cuts_a_frame(void)
{
    static const uint8_t payload[FRAME_PAYLOAD_MAX + 10];
    struct console console = new_console();
    uint32_t bytes = 0;
    uint16_t number = 0;
    CU_ASSERT(console_trace(&console, "first", 5));
    CU_ASSERT_EQUAL(sent, 0);
    console_print(&console, "ran 0\n");
    CU_ASSERT_EQUAL(frame_read(line, sent, &bytes, &number), FRAME_WHOLE);
    CU_ASSERT_EQUAL(bytes, FRAME_HEAD_BYTES + 5 + FRAME_TAIL_BYTES);
    CU_ASSERT_EQUAL(sent, bytes + 6);
    CU_ASSERT_EQUAL(memcmp(line + bytes, "ran 0\n", 6), 0);
    sent = 0;
    CU_ASSERT(console_trace(&console, payload, sizeof payload));
    CU_ASSERT_EQUAL(sent, FRAME_MAX);
    CU_ASSERT_EQUAL(frame_read(line, sent, &bytes, &number), FRAME_WHOLE);
    console_flush(&console);
    CU_ASSERT_EQUAL(frame_read(line + bytes, sent - bytes, &bytes, &number), FRAME_WHOLE);
    CU_ASSERT_EQUAL(bytes, FRAME_HEAD_BYTES + 10 + FRAME_TAIL_BYTES);
    console_flush(&console);
    CU_ASSERT_EQUAL(sent, FRAME_MAX + bytes);
}

SUITE("handlers/bench/console", {"the_log_stands_on_the_line_alone", the_log_stands_on_the_line_alone},
      {"what_is_said_stands_on_the_screen_too", what_is_said_stands_on_the_screen_too},
      {"a_long_line_goes_on_in_the_next_row", a_long_line_goes_on_in_the_next_row}, {"the_screen_scrolls", the_screen_scrolls},
      {"text_never_cuts_a_frame", text_never_cuts_a_frame})
