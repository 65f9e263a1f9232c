/* SPDX-License-Identifier: MIT */
/* The device set of a PC: what firmware and small kernels look for, behind one bus. */
#ifndef DEVICES_DEVICES_H
#define DEVICES_DEVICES_H

#include "bus.h"
#include "cmos.h"
#include "debug.h"
#include "exit_ports.h"
#include "fw_cfg.h"
#include "hpet.h"
#include "ioapic.h"
#include "lapic.h"
#include "pci.h"
#include "pic.h"
#include "pit.h"
#include "power.h"
#include "ps2.h"
#include "uart.h"
#include "vga.h"

struct devices_config {
    uint64_t ram_bytes; /* of RAM at address 0 */
    uint64_t ticks_per_second;
    unsigned cpus;
    bool fw_cfg; /* offer the firmware configuration ports */
    /* What the processors' CPUID says of them: physical-address width (0: 36), x2APIC, TSC-deadline timer. */
    unsigned address_bits;
    bool x2apic, tsc_deadline;
    bool cold; /* as after reset; else as firmware leaves it: 8259 interrupts reach CPU 0, ACPI mode is on, its ports stand at POWER_BASE */
    void *context;
    void (*output)(void *context, unsigned port, uint8_t byte);
    void (*report)(void *context, const char *text);
    void (*signal)(void *context, unsigned cpu, enum bus_signal signal, uint8_t vector);
};

/* May not be moved once it is initialised: the bus points into it. */
struct hv_device_set {
    struct bus bus;
    struct pic pic;
    struct pit pit;
    struct cmos cmos;
    struct uart uart;
    struct ps2 ps2;
    struct pci pci;
    struct power power;
    struct fw_cfg fw_cfg;
    struct debug_ports debug;
    struct exit_ports exit_ports;
    struct lapics lapics;
    struct ioapic ioapic;
    struct hpet hpet;
    struct vga vga;
};

void devices_init(struct hv_device_set *set, const struct devices_config *config);
/* Either gate, of port 92H or of the keyboard controller, opens address line 20, and both do at first. False: A20M# is asserted, if the driver has
   processors that listen to it. */
bool devices_a20_is_open(const struct hv_device_set *set);
/* Ports: size 1, 2 or 4. All ones where no device answers; a write there vanishes. */
uint32_t devices_port_read(struct hv_device_set *set, uint16_t port, unsigned size);
void devices_port_write(struct hv_device_set *set, uint16_t port, unsigned size, uint32_t value);
/* A device, or the local APIC of CPU bus.cpu, stands at this address. */
bool devices_answer(const struct hv_device_set *set, uint64_t address);
/* Device registers in memory: size 1 to 8. */
uint64_t devices_memory_read(struct hv_device_set *set, uint64_t address, unsigned size);
void devices_memory_write(struct hv_device_set *set, uint64_t address, unsigned size, uint64_t value);
/* Lets timers catch up with bus.now. */
void devices_advance(struct hv_device_set *set);
/* What the interrupt controllers have for a CPU that takes interrupts now, and the vector that acknowledging would give. */
bool devices_interrupt_of(const struct hv_device_set *set, unsigned cpu, uint8_t *vector);
/* The CPU takes it: the vector, a spurious one when nothing asks any more. devices_deadline() may be another afterwards. */
uint8_t devices_acknowledge_of(struct hv_device_set *set, unsigned cpu);
/* The CPU ends the service of its highest interrupt as a write to the EOI register of its local APIC would. */
void devices_end_of_interrupt(struct hv_device_set *set, unsigned cpu);
/* Ticks at which a timer will make a difference to some CPU next, as far as is known; UINT64_MAX: none will. */
uint64_t devices_deadline(const struct hv_device_set *set);
uint64_t devices_deadline_of(const struct hv_device_set *set, unsigned cpu);
/* MSRs of a CPU's local APIC, those of lapic_has_msr(). False: #GP(0). */
bool devices_read_msr(struct hv_device_set *set, unsigned cpu, uint32_t index, uint64_t *value);
bool devices_write_msr(struct hv_device_set *set, unsigned cpu, uint32_t index, uint64_t value);
/* A CPU's time-stamp counter reads bus.now + offset, modulo 2^64, from now on; 0 at first. */
void devices_set_tsc_offset(struct hv_device_set *set, unsigned cpu, uint64_t offset);

#endif
