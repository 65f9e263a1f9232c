/* SPDX-License-Identifier: MIT */
/* What the builders of ACPI tables share: bytes in little-endian order. */
#ifndef DEVICES_ACPI_INTERNAL_H
#define DEVICES_ACPI_INTERNAL_H

#include <stdint.h>

struct acpi_writer {
    uint8_t *bytes;
    uint32_t at, table; /* next byte, first byte of the open table */
    uint32_t address;   /* of byte 0 */
};

static inline void acpi_put(struct acpi_writer *w, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        w->bytes[w->at++] = (uint8_t)(value >> 8 * i);
}

static inline void acpi_put_text(struct acpi_writer *w, const char *text, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        w->bytes[w->at++] = (uint8_t)text[i];
}

static inline void acpi_skip(struct acpi_writer *w, unsigned size)
{
    w->at += size;
}

/* ---- acpi_dsdt.c ---- */
/* The code of the definition block, behind its header. */
void acpi_definition_block(struct acpi_writer *w);

#endif
