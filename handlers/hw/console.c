/* SPDX-License-Identifier: MIT */
/* COM1: text lines and trace frames. */
#include "console.h"

#include <stdarg.h>
#include <stddef.h>

#include "../bench/frame.h"
#include "../text.h"
#include "x86.h"

enum {
    COM1 = 0x3f8,
    UART_DATA = COM1,
    UART_INTERRUPTS = COM1 + 1,
    UART_FIFO = COM1 + 2,
    UART_LINE = COM1 + 3,
    UART_MODEM = COM1 + 4,
    UART_STATUS = COM1 + 5,
    UART_LINE_8N1 = 0x03,
    UART_LINE_DIVISOR = 0x80,
    UART_FIFO_ON_CLEAR = 0x07,
    UART_MODEM_DTR_RTS = 0x03,
    UART_STATUS_HOLDING_EMPTY = 0x20,
    UART_STATUS_ALL_EMPTY = 0x40,
    BOCHS_SHUTDOWN_PORT = 0x8900,
    TEXT_BYTES = 512
};

static struct frame frame;

void console_init(void)
{
    outb(UART_INTERRUPTS, 0);
    outb(UART_LINE, UART_LINE_DIVISOR);
    outb(UART_DATA, 1);
    outb(UART_INTERRUPTS, 0);
    outb(UART_LINE, UART_LINE_8N1);
    outb(UART_FIFO, UART_FIFO_ON_CLEAR);
    outb(UART_MODEM, UART_MODEM_DTR_RTS);
    screen_init();
}

static void send_byte(uint8_t byte)
{
    while ((inb(UART_STATUS) & UART_STATUS_HOLDING_EMPTY) == 0)
        ;
    outb(UART_DATA, byte);
}

void console_flush(void)
{
    const uint32_t size = frame_end(&frame);
    for (uint32_t i = 0; i < size; i++)
        send_byte(frame.bytes[i]);
}

bool console_trace(void *context, const void *bytes, uint32_t size)
{
    (void)context;
    for (uint32_t done = 0; done < size;) {
        const uint32_t taken = frame_add(&frame, (const uint8_t *)bytes + done, size - done);
        if (taken == 0)
            console_flush();
        done += taken;
    }
    return true;
}

/* ---- text ---- */
static bool on_screen;

static void put(char c)
{
    send_byte((uint8_t)c);
    if (on_screen)
        screen_byte(c);
}

static void put_format(const char *format, va_list arguments)
{
    char text[TEXT_BYTES];
    hv_format(text, sizeof text, format, arguments);
    console_flush();
    for (const char *c = text; *c != '\0'; c++)
        put(*c);
}

void console_print(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    put_format(format, arguments);
    va_end(arguments);
}

void console_say(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    on_screen = true;
    put_format(format, arguments);
    on_screen = false;
    va_end(arguments);
}

_Noreturn void console_end(const char *reason)
{
    if (reason != NULL)
        console_say("vmxbench-hw: stopped: %s\n", reason);
    console_flush();
    while ((inb(UART_STATUS) & UART_STATUS_ALL_EMPTY) == 0)
        ;
    for (const char *c = "Shutdown"; *c != '\0'; c++)
        outb(BOCHS_SHUTDOWN_PORT, (uint8_t)*c);
    for (;;)
        halt();
}
