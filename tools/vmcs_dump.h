/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads what KVM's dump_vmcs writes into dmesg (and Xen, and the hardware image over its line): fields by name, wherever they stand, in whatever order. */
#ifndef TOOLS_VMCS_DUMP_H
#define TOOLS_VMCS_DUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../vmx-model/vmcs.h"

enum { DUMP_MSRS = 512 };

struct vmcs_dump {
    unsigned line;   /* where it begins, from 1 */
    char title[160]; /* "VMCS 00000000d1a3b1c2, last attempted VM-entry on CPU 3", or empty */
    uint64_t value[VMCS_FIELD_COUNT];
    bool known[VMCS_FIELD_COUNT]; /* fields that the dump does not show are unknown */
    unsigned known_count;
    struct {
        uint32_t msr;
        uint64_t value;
    } load[DUMP_MSRS]; /* the VM-entry MSR-load list */
    unsigned loads;
    bool has_error;
    uint64_t error; /* "KVM: entry failed, hardware error": an exit reason with bit 31, or a VM-instruction error */
};

/* All dumps of a text; lines of other kinds are passed over. NULL: no dump is there, or no memory (*count is 1). The caller frees the array. */
struct vmcs_dump *vmcs_dump_read(const char *text, size_t size, size_t *count);

#endif
