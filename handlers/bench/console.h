/* SPDX-License-Identifier: MIT */
/* What leaves a machine of its own over a line: text for people, and between its lines the trace in frames (frame.h). Some of the text stands on a text
   screen, too, for whoever sits before the machine. */
#ifndef BENCH_CONSOLE_H
#define BENCH_CONSOLE_H

#include "frame.h"

/* Cells of a PC's text screen: the character in the low byte, the attribute in the high one. */
enum { CONSOLE_COLUMNS = 80, CONSOLE_ROWS = 25, CONSOLE_ATTRIBUTE = 0x0700 /* light grey on black */ };

/* Zeroed but for its first members, a new one. */
struct console {
    void (*send)(void *context, uint8_t byte); /* over the line */
    void *context;
    uint16_t *screen;     /* CONSOLE_ROWS times CONSOLE_COLUMNS cells; NULL: there is none */
    unsigned row, column; /* where the next character stands */
    struct frame frame;
};

void console_clear_screen(const struct console *console);
/* Text for the log, formatted as hv_format() does (handlers/text.h), at most 511 characters. */
__attribute__((format(printf, 2, 3))) void console_print(struct console *console, const char *format, ...);
/* The same, and on the screen: what is not the plain course of things. */
__attribute__((format(printf, 2, 3))) void console_say(struct console *console, const char *format, ...);
/* A trace_writer's sink, whose context is the console: collects bytes and sends a frame when enough stand together. Text sends them first, so that a frame is
   never cut. */
bool console_trace(void *console, const void *bytes, uint32_t size);
/* Sends what is collected. */
void console_flush(struct console *console);

#endif
