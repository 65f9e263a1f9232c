/* SPDX-License-Identifier: MIT */
/* A 16550A serial port. Bytes leave at once; the modem lines say that somebody is there. */
#include "uart.h"

enum { IER_RECEIVE = 1u << 0, IER_TRANSMIT = 1u << 1, MCR_LOOP = 1u << 4, MCR_OUT2 = 1u << 3 };
enum { LSR_EMPTY = UART_LSR_HOLDING_EMPTY | UART_LSR_ALL_EMPTY, IIR_NONE = 1, IIR_TRANSMIT = 2, IIR_RECEIVE = 4, IIR_FIFO = 0xc0 };
enum { MSR_PRESENT = 0xb0 }; /* DCD, DSR, CTS */

void uart_init(struct uart *uart)
{
    *uart = (struct uart){.divisor_low = 12};
}

static unsigned pending(const struct uart *uart)
{
    if (uart->loopback_full && (uart->ier & IER_RECEIVE) != 0)
        return IIR_RECEIVE;
    if (uart->transmit_interrupt && (uart->ier & IER_TRANSMIT) != 0)
        return IIR_TRANSMIT;
    return IIR_NONE;
}

static void update_line(const struct uart *uart, struct bus *bus)
{
    bus_set_line(bus, UART_LINE, pending(uart) != IIR_NONE && (uart->mcr & MCR_OUT2) != 0);
}

static void transmit(struct uart *uart, struct bus *bus, uint8_t byte)
{
    if ((uart->mcr & MCR_LOOP) != 0) {
        uart->loopback = byte;
        uart->loopback_full = true;
    } else {
        bus_output(bus, UART_COM1, byte);
    }
    uart->transmit_interrupt = true;
}

void uart_write(void *device, struct bus *bus, uint16_t port, unsigned size, uint32_t value)
{
    struct uart *uart = device;
    const bool divisor = (uart->lcr & UART_LCR_DLAB) != 0;
    const uint8_t byte = (uint8_t)value;
    (void)size;
    switch (port & 7u) {
    case UART_DATA:
        if (divisor)
            uart->divisor_low = byte;
        else
            transmit(uart, bus, byte);
        break;
    case UART_IER:
        if (divisor) {
            uart->divisor_high = byte;
        } else {
            uart->transmit_interrupt = uart->transmit_interrupt || ((byte & ~uart->ier & IER_TRANSMIT) != 0);
            uart->ier = byte & 0xfu;
        }
        break;
    case UART_IIR_FCR:
        uart->fcr = byte;
        break;
    case UART_LCR:
        uart->lcr = byte;
        break;
    case UART_MCR:
        uart->mcr = byte & 0x1fu;
        break;
    case UART_SCRATCH:
        uart->scratch = byte;
        break;
    default:
        break;
    }
    update_line(uart, bus);
}

static uint32_t modem_status(const struct uart *uart)
{
    if ((uart->mcr & MCR_LOOP) == 0)
        return MSR_PRESENT;
    const unsigned mcr = uart->mcr; /* RTS to CTS, DTR to DSR, OUT1 to RI, OUT2 to DCD */
    return (mcr >> 1 & 1u) << 4 | (mcr & 1u) << 5 | (mcr >> 2 & 1u) << 6 | (mcr >> 3 & 1u) << 7;
}

static uint32_t identify(struct uart *uart)
{
    const unsigned id = pending(uart);
    if (id == IIR_TRANSMIT)
        uart->transmit_interrupt = false;
    return id | ((uart->fcr & UART_FCR_ENABLE) != 0 ? IIR_FIFO : 0u);
}

uint32_t uart_read(void *device, struct bus *bus, uint16_t port, unsigned size)
{
    struct uart *uart = device;
    const bool divisor = (uart->lcr & UART_LCR_DLAB) != 0;
    uint32_t value = 0;
    (void)size;
    switch (port & 7u) {
    case UART_DATA:
        value = divisor ? uart->divisor_low : uart->loopback_full ? uart->loopback : 0;
        if (!divisor)
            uart->loopback_full = false;
        break;
    case UART_IER:
        value = divisor ? uart->divisor_high : uart->ier;
        break;
    case UART_IIR_FCR:
        value = identify(uart);
        break;
    case UART_LCR:
        value = uart->lcr;
        break;
    case UART_MCR:
        value = uart->mcr;
        break;
    case UART_LSR:
        value = LSR_EMPTY | (uart->loopback_full ? UART_LSR_DATA : 0u);
        break;
    case UART_MSR:
        value = modem_status(uart);
        break;
    default:
        value = uart->scratch;
        break;
    }
    update_line(uart, bus);
    return value;
}
