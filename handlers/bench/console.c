/* SPDX-License-Identifier: MIT */
/* Text lines and trace frames over a line, and the text screen. */
#include "console.h"

#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include "../text.h"

enum { TEXT_BYTES = 512 };

/* ---- the line ---- */
void console_flush(struct console *console)
{
    const uint32_t size = frame_end(&console->frame);
    for (uint32_t i = 0; i < size; i++)
        console->send(console->context, console->frame.bytes[i]);
}

bool console_trace(void *context, const void *bytes, uint32_t size)
{
    struct console *console = context;
    for (uint32_t done = 0; done < size;) {
        const uint32_t taken = frame_add(&console->frame, (const uint8_t *)bytes + done, size - done);
        if (taken == 0)
            console_flush(console);
        done += taken;
    }
    return true;
}

/* ---- the screen ---- */
static void clear_row(const struct console *console, unsigned row)
{
    for (unsigned column = 0; column < CONSOLE_COLUMNS; column++)
        console->screen[row * CONSOLE_COLUMNS + column] = CONSOLE_ATTRIBUTE | ' ';
}

void console_clear_screen(const struct console *console)
{
    for (unsigned row = 0; row < CONSOLE_ROWS; row++)
        clear_row(console, row);
}

static void next_row(struct console *console)
{
    console->column = 0;
    if (console->row + 1 < CONSOLE_ROWS) {
        console->row++;
        return;
    }
    memmove(console->screen, console->screen + CONSOLE_COLUMNS, (CONSOLE_ROWS - 1) * CONSOLE_COLUMNS * sizeof(uint16_t));
    clear_row(console, CONSOLE_ROWS - 1);
}

static void show(struct console *console, char character)
{
    if (character == '\n' || console->column == CONSOLE_COLUMNS)
        next_row(console);
    if (character != '\n')
        console->screen[console->row * CONSOLE_COLUMNS + console->column++] = (uint16_t)(CONSOLE_ATTRIBUTE | (uint8_t)character);
}

/* ---- text ---- */
static void put_format(struct console *console, bool on_screen, const char *format, va_list arguments)
{
    char text[TEXT_BYTES];
    hv_format(text, sizeof text, format, arguments);
    console_flush(console);
    for (const char *c = text; *c != '\0'; c++) {
        console->send(console->context, (uint8_t)*c);
        if (on_screen && console->screen != NULL)
            show(console, *c);
    }
}

void console_print(struct console *console, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    put_format(console, false, format, arguments);
    va_end(arguments);
}

void console_say(struct console *console, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    put_format(console, true, format, arguments);
    va_end(arguments);
}
