/* SPDX-License-Identifier: MIT */
/* A 16550A serial port whose transmitter is the bus's output and whose receiver never gets a byte. */
#ifndef DEVICES_UART_H
#define DEVICES_UART_H

#include "bus.h"

enum { UART_COM1 = 0x3f8, UART_LINE = 4 };

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
