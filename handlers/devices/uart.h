/* SPDX-License-Identifier: MIT */
/* A 16550A serial port whose transmitter is the bus's output and whose receiver never gets a byte. */
#ifndef DEVICES_UART_H
#define DEVICES_UART_H

#include "bus.h"

enum { UART_COM1 = 0x3f8, UART_LINE = 4 };
enum uart_register { UART_DATA, UART_IER, UART_IIR_FCR, UART_LCR, UART_MCR, UART_LSR, UART_MSR, UART_SCRATCH };
enum {
    UART_LCR_8N1 = 3,
    UART_LCR_DLAB = 1 << 7,
    UART_FCR_ENABLE = 1 << 0,
    UART_FCR_CLEAR = 3 << 1,
    UART_MCR_DTR_RTS = 3,
    UART_LSR_DATA = 1 << 0,
    UART_LSR_HOLDING_EMPTY = 1 << 5, /* takes a byte */
    UART_LSR_ALL_EMPTY = 1 << 6      /* has sent all */
};

struct uart {
    uint8_t ier, lcr, mcr, scratch, fcr;
    uint8_t divisor_low, divisor_high;
    uint8_t loopback; /* byte received in loop-back mode */
    bool loopback_full, transmit_interrupt;
};

void uart_init(struct uart *uart);
uint32_t uart_read(void *device, struct bus *bus, uint16_t port, unsigned size);
void uart_write(void *device, struct bus *bus, uint16_t port, unsigned size, uint32_t value);

#endif
