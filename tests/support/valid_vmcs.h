/* SPDX-License-Identifier: GPL-2.0-or-later */
/* States that VM entry accepts, for tests to start from. */
#ifndef TESTS_VALID_VMCS_H
#define TESTS_VALID_VMCS_H

#include "vmx-model/cpu.h"

enum valid_guest {
    VALID_LONG, /* 64-bit mode */
    VALID_PAE,  /* 32-bit protected mode with PAE paging */
    VALID_REAL, /* real mode: unrestricted guest */
    VALID_V86,  /* virtual-8086 mode, 32-bit paging */
    VALID_GUEST_COUNT
};

/* Host-physical places in the memory of a machine. */
enum {
    VALID_MEMORY_BYTES = 0x10000,
    VALID_GUEST_CR3 = 0x3000, /* four PDPTEs that are not present */
    VALID_EPT = 0x4000,       /* an empty table */
    VALID_VMCS = 0x5000,
    VALID_VMXON = 0x6000,
    VALID_VIRTUAL_APIC = 0x7000,
    VALID_LINK = 0x8000, /* a shadow VMCS: revision identifier with bit 31 */
    VALID_FREE = 0x9000
};

/* A logical processor in root operation, in 64-bit code at CPL 0, with a clear current VMCS. It holds pointers to itself: do not copy. */
struct valid_machine {
    struct vmx_cpu cpu;
    struct vmx_caps caps;
    struct vmcs vmcs;
    uint8_t memory[VALID_MEMORY_BYTES];
};

/* Writes every field that VM entry looks at; as few controls as the processor allows: those that it forces, 64-bit host, and unrestricted guest
   with EPT for real mode (which the processor must offer). */
void valid_vmcs(struct vmcs *v, const struct vmx_caps *caps, enum valid_guest guest);

/* A machine with such a VMCS; the capabilities are copied, so that a test may change them. */
void valid_machine(struct valid_machine *m, const struct vmx_caps *caps, enum valid_guest guest);

/* A processor that offers every control and every feature that an entry check knows. */
struct vmx_caps valid_full_caps(void);

#endif
