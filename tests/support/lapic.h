/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Local APICs of four CPUs on a board, register by register. */
#ifndef TESTS_LAPIC_H
#define TESTS_LAPIC_H

#include "board.h"

enum { CPUS = 4, ENABLE = 0x100, MASKED = 0x10000 };
enum {
    ID = 0x20,
    VERSION = 0x30,
    TPR = 0x80,
    PPR = 0xa0,
    EOI = 0xb0,
    LDR = 0xd0,
    DFR = 0xe0,
    SVR = 0xf0,
    ISR = 0x100,
    TMR = 0x180,
    IRR = 0x200,
    ESR = 0x280
};
enum {
    ICR = 0x300,
    ICR_HIGH = 0x310,
    LVT_TIMER = 0x320,
    LINT0 = 0x350,
    LINT1 = 0x360,
    LVT_ERROR = 0x370,
    INITIAL = 0x380,
    CURRENT = 0x390,
    DIVIDE = 0x3e0
};

static inline uint32_t apic(unsigned cpu, unsigned reg)
{
    board.bus.cpu = cpu;
    return (uint32_t)devices_memory_read(&board, LAPIC_BASE + reg, 4);
}

static inline void set_apic(unsigned cpu, unsigned reg, uint32_t value)
{
    board.bus.cpu = cpu;
    devices_memory_write(&board, LAPIC_BASE + reg, 4, value);
}

/* The bit of a vector in one of the three registers of 256 bits. */
static inline bool bit_of(unsigned cpu, unsigned reg, unsigned vector)
{
    return (apic(cpu, reg + vector / 32 * 0x10) >> vector % 32 & 1u) != 0;
}

/* What a CPU is offered; 0 for nothing. */
static inline unsigned offered(unsigned cpu)
{
    uint8_t vector;
    return devices_interrupt_of(&board, cpu, &vector) ? vector : 0;
}

static inline unsigned take(unsigned cpu)
{
    return devices_acknowledge_of(&board, cpu);
}

/* Four CPUs after reset, x2APIC and TSC-deadline offered; their APICs are enabled. */
static inline void start_apics(void)
{
    board_start_with(&(const struct devices_config){.cpus = CPUS, .cold = true, .x2apic = true, .tsc_deadline = true});
    for (unsigned cpu = 0; cpu < CPUS; cpu++)
        set_apic(cpu, SVR, ENABLE | 0xff);
}

/* A vector is requested at a CPU by an interrupt to itself. */
static inline void request(unsigned cpu, unsigned vector)
{
    set_apic(cpu, ICR, 1u << 18 | vector);
}

static inline bool read_msr(unsigned cpu, uint32_t index, uint64_t *value)
{
    return devices_read_msr(&board, cpu, index, value);
}

static inline bool write_msr(unsigned cpu, uint32_t index, uint64_t value)
{
    return devices_write_msr(&board, cpu, index, value);
}

static inline uint64_t msr(unsigned cpu, uint32_t index)
{
    uint64_t value = 0;
    CU_ASSERT_TRUE(devices_read_msr(&board, cpu, index, &value));
    return value;
}

#endif
