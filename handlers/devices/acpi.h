/* SPDX-License-Identifier: MIT */
/* ACPI tables of the board: what an operating system learns of processors, interrupt controllers, timers and power. */
#ifndef DEVICES_ACPI_H
#define DEVICES_ACPI_H

#include <stdbool.h>
#include <stdint.h>

enum { ACPI_BYTES_MAX = 4096, ACPI_SCI_LINE = 9 };

struct acpi_config {
    uint64_t address; /* guest-physical, of the first byte; a multiple of 64, below 4 GiB */
    unsigned cpus;    /* 1 to LAPIC_CPUS */
    bool hpet;
};

/* Writes RSDP (at the first byte, so that a search by 16 bytes finds it), RSDT, XSDT, FADT, FACS, DSDT, MADT and HPET into `buffer`, whose
   other bytes become 0. The bytes in use, at most ACPI_BYTES_MAX. ACPI Specification 5.0, "ACPI Software Programming Model". */
uint32_t acpi_tables(uint8_t buffer[ACPI_BYTES_MAX], const struct acpi_config *config);

#endif
