/* SPDX-License-Identifier: MIT */
/* The I/O APIC (82093AA, with the EOI register of version 20H): inputs become interrupt messages by the redirection table. */
#include "ioapic.h"

enum { SELECT = 0x00, WINDOW = 0x10, EOI_REGISTER = 0x40, ID = 0, VERSION = 1, ARBITRATION = 2, TABLE = 0x10, VERSION_NUMBER = 0x20 };
enum { MODE_SHIFT = 8, LOGICAL = 1u << 11, DELIVERY_STATUS = 1u << 12, REMOTE_IRR = 1u << 14, LEVEL = 1u << 15, MASKED = 1u << 16 };
enum { READ_ONLY = DELIVERY_STATUS | REMOTE_IRR, LOW_BITS = 0x1ffff };
#define DESTINATION_BITS (UINT64_C(0xff) << 56)

void ioapic_init(struct ioapic *ioapic)
{
    *ioapic = (struct ioapic){0};
    for (unsigned i = 0; i < IOAPIC_INPUTS; i++)
        ioapic->entry[i] = MASKED;
}

/* ---- inputs ---- */
static struct bus_message message_of(uint64_t entry)
{
    return (struct bus_message){.destination = (uint32_t)(entry >> 56),
                                .mode = (enum bus_delivery)(entry >> MODE_SHIFT & 7u),
                                .vector = (uint8_t)entry,
                                .logical = (entry & LOGICAL) != 0,
                                .level = (entry & LEVEL) != 0};
}

/* A level is sent once and again only after its end-of-interrupt. What nobody accepts is tried again when something changes. */
static void send_level(struct ioapic *ioapic, struct bus *bus, unsigned input)
{
    uint64_t *entry = &ioapic->entry[input];
    if ((*entry & (MASKED | REMOTE_IRR)) != 0 || (*entry & LEVEL) == 0 || (ioapic->lines >> input & 1u) == 0)
        return;
    const struct bus_message message = message_of(*entry);
    if (bus_send_message(bus, &message))
        *entry |= REMOTE_IRR;
}

/* An edge at a masked input is lost. */
void ioapic_set_input(struct ioapic *ioapic, struct bus *bus, unsigned input, bool asserted)
{
    const uint32_t mask = UINT32_C(1) << input;
    const bool rises = asserted && (ioapic->lines & mask) == 0;
    ioapic->lines = asserted ? ioapic->lines | mask : ioapic->lines & ~mask;
    const uint64_t entry = ioapic->entry[input];
    if ((entry & LEVEL) != 0) {
        send_level(ioapic, bus, input);
    } else if (rises && (entry & MASKED) == 0) {
        const struct bus_message message = message_of(entry);
        (void)bus_send_message(bus, &message);
    }
}

void ioapic_end_of_interrupt(struct ioapic *ioapic, struct bus *bus, uint8_t vector)
{
    for (unsigned i = 0; i < IOAPIC_INPUTS; i++) {
        if ((ioapic->entry[i] & REMOTE_IRR) == 0 || (uint8_t)ioapic->entry[i] != vector)
            continue;
        ioapic->entry[i] &= ~(uint64_t)REMOTE_IRR;
        send_level(ioapic, bus, i);
    }
}

bool ioapic_would_interrupt(const struct ioapic *ioapic, const struct lapics *lapics, unsigned input, uint32_t cpus)
{
    const uint64_t entry = ioapic->entry[input];
    const struct bus_message message = message_of(entry);
    return (entry & (MASKED | REMOTE_IRR)) == 0 && lapics_message_counts(lapics, &message, cpus);
}

/* ---- registers ---- */
static bool table_entry(const struct ioapic *ioapic, unsigned *input, unsigned *shift)
{
    *input = (ioapic->index - TABLE) / 2;
    *shift = (ioapic->index & 1u) * 32;
    return ioapic->index >= TABLE && *input < IOAPIC_INPUTS;
}

uint64_t ioapic_read(void *device, struct bus *bus, uint64_t offset, unsigned size)
{
    const struct ioapic *ioapic = device;
    unsigned input, shift;
    (void)bus;
    (void)size;
    if (offset == SELECT)
        return ioapic->index;
    if (offset != WINDOW)
        return 0;
    if (ioapic->index == VERSION)
        return (IOAPIC_INPUTS - 1) << 16 | VERSION_NUMBER;
    if (ioapic->index == ID || ioapic->index == ARBITRATION)
        return ioapic->id;
    return table_entry(ioapic, &input, &shift) ? (uint32_t)(ioapic->entry[input] >> shift) : 0;
}

/* An entry that becomes edge-triggered forgets that a level was sent. */
static void write_entry(struct ioapic *ioapic, struct bus *bus, unsigned input, unsigned shift, uint32_t value)
{
    const uint64_t writable = (DESTINATION_BITS | (LOW_BITS & ~(uint64_t)READ_ONLY)) & (uint64_t)UINT32_MAX << shift;
    uint64_t *entry = &ioapic->entry[input];
    *entry = (*entry & ~writable) | ((uint64_t)value << shift & writable);
    if ((*entry & LEVEL) == 0)
        *entry &= ~(uint64_t)REMOTE_IRR;
    send_level(ioapic, bus, input);
}

void ioapic_write(void *device, struct bus *bus, uint64_t offset, unsigned size, uint64_t value)
{
    struct ioapic *ioapic = device;
    unsigned input, shift;
    (void)size;
    if (offset == SELECT)
        ioapic->index = (uint32_t)value & 0xffu;
    else if (offset == EOI_REGISTER)
        ioapic_end_of_interrupt(ioapic, bus, (uint8_t)value);
    else if (offset == WINDOW && ioapic->index == ID)
        ioapic->id = (uint32_t)value & 0x0f000000u;
    else if (offset == WINDOW && table_entry(ioapic, &input, &shift))
        write_entry(ioapic, bus, input, shift, (uint32_t)value);
}
