/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A device set on a bench: ports by hand, time by hand, what came out of it in arrays. */
#ifndef TESTS_BOARD_H
#define TESTS_BOARD_H

#include <string.h>

#include "handlers/devices/devices.h"
#include "suite.h"

enum { BOARD_HZ = 1000000000, BOARD_RAM = 64 << 20 };
static struct hv_device_set board;
static char printed[64], reported[128];
static unsigned printed_count, last_port, reports;

static void board_output(void *context, unsigned port, uint8_t byte)
{
    (void)context;
    last_port = port;
    if (printed_count < sizeof(printed))
        printed[printed_count++] = (char)byte;
}

static void board_report(void *context, const char *text)
{
    (void)context;
    reports++;
    strncpy(reported, text, sizeof(reported) - 1);
}

static struct {
    unsigned cpu;
    enum bus_signal signal;
    uint8_t vector;
} signalled[16];
static unsigned signals;

static void board_signal(void *context, unsigned cpu, enum bus_signal signal, uint8_t vector)
{
    (void)context;
    if (signals < sizeof(signalled) / sizeof(signalled[0])) {
        signalled[signals].cpu = cpu;
        signalled[signals].signal = signal;
        signalled[signals].vector = vector;
    }
    signals++;
}

static inline void board_start_with(const struct devices_config *other)
{
    struct devices_config config = *other;
    config.ram_bytes = BOARD_RAM;
    config.ticks_per_second = BOARD_HZ;
    config.output = board_output;
    config.report = board_report;
    config.signal = board_signal;
    printed_count = reports = signals = 0;
    devices_init(&board, &config);
}

static inline void board_start(void)
{
    board_start_with(&(const struct devices_config){.cpus = 1, .fw_cfg = true});
}

static inline uint32_t in(uint16_t port, unsigned size)
{
    return devices_port_read(&board, port, size);
}

static inline void out(uint16_t port, unsigned size, uint32_t value)
{
    devices_port_write(&board, port, size, value);
}

/* PICs as a PC has them: vectors 20H and 28H, everything unmasked. */
static inline void board_start_pics(void)
{
    static const uint8_t words[][2] = {{0x20, 0x11}, {0xa0, 0x11}, {0x21, 0x20}, {0xa1, 0x28}, {0x21, 0x04},
                                       {0xa1, 0x02}, {0x21, 0x01}, {0xa1, 0x01}, {0x21, 0x00}, {0xa1, 0x00}};
    for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        out(words[i][0], 1, words[i][1]);
}

/* What CPU 0 is offered, and takes. */
static inline bool board_interrupt(void)
{
    uint8_t vector;
    return devices_interrupt_of(&board, 0, &vector);
}

static inline int board_acknowledge(void)
{
    return devices_acknowledge_of(&board, 0);
}

/* Time goes on. */
static inline void board_wait(uint64_t ticks)
{
    board.bus.now += ticks;
    devices_advance(&board);
}

#endif
