/* SPDX-License-Identifier: MIT */
/* ACPI power management of a PIIX4 as far as firmware needs it: PM1 registers with power-off, the PM timer; APM ports; port 92H.
   Not modelled: SMI, SCI interrupts, general-purpose events, SMBus. */
#include "power.h"

enum {
    PM1_STATUS = POWER_PM1_EVENT,
    PM1_ENABLE = 2,
    PM1_CONTROL = POWER_PM1_CONTROL,
    PM_TIMER = POWER_PM_TIMER,
    CONTROL_SCI = 1,
    CONTROL_SLEEP = 1u << 13,
    CONTROL_TYPE = 7u << 10
};
enum { APM_COMMAND = 0xb2, APM_STATUS = 0xb3, PORT92 = 0x92, PORT92_RESET = 1u << 0, PORT92_A20 = 1u << 1, ACPI_ON = 0xf1, ACPI_OFF = 0xf0 };

static uint32_t timer(const struct bus *bus)
{
    return (uint32_t)bus_rescale(bus->now, bus->hz, POWER_TIMER_HZ) & 0xffffffu;
}

void power_init(struct power *power, bool acpi_mode)
{
    *power = (struct power){.control = acpi_mode ? CONTROL_SCI : 0, .port92 = PORT92_A20};
}

uint32_t power_read(struct power *power, struct bus *bus, unsigned offset, unsigned size)
{
    const unsigned shift = 8 * (offset & (offset >= PM_TIMER ? 3u : 1u));
    (void)size;
    switch (offset & ~1u) {
    case PM1_STATUS:
        return ((uint32_t)power->enable << 16 | power->status) >> shift;
    case PM1_ENABLE:
        return (uint32_t)power->enable >> shift;
    case PM1_CONTROL:
        return (uint32_t)power->control >> shift;
    case PM_TIMER:
    case PM_TIMER + 2:
        return timer(bus) >> shift;
    default:
        return 0;
    }
}

/* Sleep type 0 is soft-off (S5). */
static void write_control(struct power *power, struct bus *bus, uint16_t value)
{
    power->control = value & (uint16_t)~CONTROL_SLEEP;
    if ((value & CONTROL_SLEEP) == 0)
        return;
    if ((value & CONTROL_TYPE) == 0)
        bus->power = BUS_OFF;
    else
        bus_report(bus, "ACPI: this sleep state is not modelled");
}

void power_write(struct power *power, struct bus *bus, unsigned offset, unsigned size, uint32_t value)
{
    if (size < 2)
        return; /* these registers are written as words */
    if (offset == PM1_STATUS)
        power->status &= (uint16_t)~value;
    if (offset == PM1_STATUS && size == 4)
        power->enable = (uint16_t)(value >> 16);
    else if (offset == PM1_ENABLE)
        power->enable = (uint16_t)value;
    else if (offset == PM1_CONTROL)
        write_control(power, bus, (uint16_t)value);
}

bool power_opens_a20(const struct power *power)
{
    return (power->port92 & PORT92_A20) != 0;
}

uint32_t power_misc_read(void *device, struct bus *bus, uint16_t port, unsigned size)
{
    const struct power *power = device;
    (void)bus;
    (void)size;
    return port == APM_COMMAND ? power->apm_command : port == APM_STATUS ? power->apm_status : power->port92;
}

/* Port B2H would raise an SMI; firmware's answer to ACPI_ENABLE and ACPI_DISABLE is given at once. */
void power_misc_write(void *device, struct bus *bus, uint16_t port, unsigned size, uint32_t value)
{
    struct power *power = device;
    (void)size;
    if (port == APM_STATUS) {
        power->apm_status = (uint8_t)value;
    } else if (port == APM_COMMAND) {
        power->apm_command = (uint8_t)value;
        if (value == ACPI_ON)
            power->control |= CONTROL_SCI;
        else if (value == ACPI_OFF)
            power->control &= (uint16_t)~CONTROL_SCI;
        else
            bus_report(bus, "APM command port: SMI is not modelled");
    } else if (port == PORT92) {
        power->port92 = (uint8_t)value & PORT92_A20;
        if ((value & PORT92_RESET) != 0)
            bus->power = BUS_RESET;
    }
}
