/* SPDX-License-Identifier: MIT */
/* The definition block, in ACPI Machine Language: soft-off, and the PCI host bridge with the bus numbers, ports and memory that are its.
   ACPI Specification 5.0, "ACPI Machine Language (AML) Specification" and "Resource Data Types for ACPI". */
#include <stdbool.h>

#include "acpi_internal.h"

enum {
    NAME = 0x08,
    DWORD_PREFIX = 0x0c,
    BYTE_PREFIX = 0x0a,
    SCOPE = 0x10,
    BUFFER = 0x11,
    PACKAGE = 0x12,
    EXTENDED = 0x5b,
    DEVICE = 0x82,
    ZERO = 0x00
};
enum { WORD_ADDRESS = 0x88, DWORD_ADDRESS = 0x87, IO_PORT = 0x47, END_TAG = 0x79 };
enum resource { MEMORY, PORTS, BUSES };

static void name(struct acpi_writer *w, const char *text)
{
    acpi_put(w, NAME, 1);
    acpi_put_text(w, text, 4);
}

/* Lengths of packages always take two bytes here: the low four bits, then the next eight. They count themselves. */
static uint32_t open_package(struct acpi_writer *w)
{
    const uint32_t at = w->at;
    acpi_skip(w, 2);
    return at;
}

static void close_package(struct acpi_writer *w, uint32_t at)
{
    enum { ONE_MORE_BYTE = 1u << 6 };
    const uint32_t length = w->at - at;
    w->bytes[at] = (uint8_t)(ONE_MORE_BYTE | (length & 15u));
    w->bytes[at + 1] = (uint8_t)(length >> 4);
}

/* A range of addresses that the bridge hands on, first to last. */
static void range(struct acpi_writer *w, enum resource resource, unsigned type_flags, uint32_t first, uint32_t last)
{
    enum { FIXED_ENDS = 0x0c };
    const bool wide = resource == MEMORY;
    const unsigned size = wide ? 4 : 2;
    acpi_put(w, wide ? DWORD_ADDRESS : WORD_ADDRESS, 1);
    acpi_put(w, 3 + 5 * size, 2);
    acpi_put(w, resource, 1);
    acpi_put(w, FIXED_ENDS, 1);
    acpi_put(w, type_flags, 1);
    acpi_put(w, 0, size); /* granularity */
    acpi_put(w, first, size);
    acpi_put(w, last, size);
    acpi_put(w, 0, size); /* translation */
    acpi_put(w, last - first + 1, size);
}

static void bridge_resources(struct acpi_writer *w)
{
    enum { ENTIRE_RANGE = 3, CACHEABLE = 3, WRITABLE = 1, CONFIG_PORTS = 0xcf8, DECODE_16 = 1 };
    range(w, BUSES, 0, 0, 0xff);
    acpi_put(w, IO_PORT, 1); /* the bridge's own: CF8H to CFFH */
    acpi_put(w, DECODE_16, 1);
    acpi_put(w, CONFIG_PORTS, 2);
    acpi_put(w, CONFIG_PORTS, 2);
    acpi_put(w, 1, 1);
    acpi_put(w, 8, 1);
    range(w, PORTS, ENTIRE_RANGE, 0, CONFIG_PORTS - 1);
    range(w, PORTS, ENTIRE_RANGE, CONFIG_PORTS + 8, 0xffff);
    range(w, MEMORY, CACHEABLE, 0xa0000, 0xbffff);
    range(w, MEMORY, WRITABLE, 0xe0000000u, 0xfebfffffu);
    acpi_put(w, END_TAG, 1);
    acpi_put(w, 0, 1); /* no checksum */
}

/* Name (_CRS, Buffer (size) { ... }) */
static void current_resources(struct acpi_writer *w)
{
    name(w, "_CRS");
    acpi_put(w, BUFFER, 1);
    const uint32_t package = open_package(w);
    acpi_put(w, BYTE_PREFIX, 1);
    const uint32_t size_at = w->at;
    acpi_skip(w, 1);
    bridge_resources(w);
    w->bytes[size_at] = (uint8_t)(w->at - size_at - 1);
    close_package(w, package);
}

/* Scope (_SB) { Device (PCI0) { Name (_HID, EisaId ("PNP0A03")) ... } } */
static void host_bridge(struct acpi_writer *w)
{
    enum { PNP0A03 = 0x030ad041 };
    acpi_put(w, SCOPE, 1);
    const uint32_t scope = open_package(w);
    acpi_put_text(w, "_SB_", 4);
    acpi_put(w, EXTENDED, 1);
    acpi_put(w, DEVICE, 1);
    const uint32_t device = open_package(w);
    acpi_put_text(w, "PCI0", 4);
    name(w, "_HID");
    acpi_put(w, DWORD_PREFIX, 1);
    acpi_put(w, PNP0A03, 4);
    current_resources(w);
    close_package(w, device);
    close_package(w, scope);
}

/* Name (_S5, Package (4) { 0, 0, 0, 0 }): sleep type 0 is soft-off. */
static void soft_off(struct acpi_writer *w)
{
    enum { ELEMENTS = 4 };
    name(w, "_S5_");
    acpi_put(w, PACKAGE, 1);
    const uint32_t package = open_package(w);
    acpi_put(w, ELEMENTS, 1);
    for (unsigned i = 0; i < ELEMENTS; i++)
        acpi_put(w, ZERO, 1);
    close_package(w, package);
}

void acpi_definition_block(struct acpi_writer *w)
{
    soft_off(w);
    host_bridge(w);
}
