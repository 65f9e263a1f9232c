/* SPDX-License-Identifier: MIT */
/* COM1, the VGA's text screen, and the end of the run. */
#include "console.h"

#include <stddef.h>

#include "../devices/uart.h"
#include "x86.h"

enum { TEXT_MEMORY = 0xb8000, BOCHS_SHUTDOWN_PORT = 0x8900 };

static uint8_t line_status(void)
{
    return inb(UART_COM1 + UART_LSR);
}

static void send(void *context, uint8_t byte)
{
    (void)context;
    while ((line_status() & UART_LSR_HOLDING_EMPTY) == 0)
        ;
    outb(UART_COM1 + UART_DATA, byte);
}

struct console hw_console = {.send = send, .screen = (uint16_t *)TEXT_MEMORY};

void hw_console_init(void)
{
    /* Divisor 1; no interrupts; FIFOs on and empty. */
    static const uint8_t settings[][2] = {{UART_IER, 0},
                                          {UART_LCR, UART_LCR_DLAB},
                                          {UART_DATA, 1},
                                          {UART_IER, 0},
                                          {UART_LCR, UART_LCR_8N1},
                                          {UART_IIR_FCR, UART_FCR_ENABLE | UART_FCR_CLEAR},
                                          {UART_MCR, UART_MCR_DTR_RTS}};
    for (unsigned i = 0; i < sizeof settings / sizeof *settings; i++)
        outb(UART_COM1 + settings[i][0], settings[i][1]);
    console_clear_screen(&hw_console);
}

_Noreturn void hw_end(const char *reason)
{
    if (reason != NULL)
        console_say(&hw_console, "vmxbench-hw: stopped: %s\n", reason);
    console_flush(&hw_console);
    while ((line_status() & UART_LSR_ALL_EMPTY) == 0)
        ;
    for (const char *c = "Shutdown"; *c != '\0'; c++)
        outb(BOCHS_SHUTDOWN_PORT, (uint8_t)*c);
    for (;;)
        halt();
}
