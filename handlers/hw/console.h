/* SPDX-License-Identifier: MIT */
/* What leaves the machine: COM1, 115200 baud. Text lines for people, and between them the trace in frames (bench/frame.h). */
#ifndef HW_CONSOLE_H
#define HW_CONSOLE_H

#include <stdbool.h>
#include <stdint.h>

void console_init(void);
/* Text, formatted as printf() does: %s, %u, %x, %lx, with a width that zeros fill (%08x). */
__attribute__((format(printf, 1, 2))) void console_print(const char *format, ...);
/* The same, and on the screen. */
__attribute__((format(printf, 1, 2))) void console_say(const char *format, ...);
/* A trace_writer's sink: collects bytes and sends a frame when enough stand together. Text sends them first, so a frame is never cut. */
bool console_trace(void *context, const void *bytes, uint32_t size);
void console_flush(void);
/* Ends the run: says why unless `reason` is NULL, waits until all is sent, powers Bochs off or halts. */
_Noreturn void console_end(const char *reason);

/* ---- screen.c ---- */
void screen_init(void);
void screen_byte(char byte);

#endif
