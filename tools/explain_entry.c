/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Why a VM entry failed, for people. */
#include "explain_entry.h"

#include <inttypes.h>
#include <string.h>

#include "../vmx-model/checks.h"

static void print_field(FILE *to, const struct vmcs *v, const char *name, size_t length)
{
    char text[64];
    snprintf(text, sizeof text, "%.*s", (int)length, name);
    const enum vmcs_field field = vmcs_field_of_name(text);
    if (v == NULL || field == VMCS_NO_FIELD)
        return;
    const int digits[] = {[VMCS_16] = 4, [VMCS_64] = 16, [VMCS_32] = 8, [VMCS_NATURAL] = 16};
    fprintf(to, "  %-32s %0*" PRIX64 "H\n", vmcs_fields[field].name, digits[vmcs_width(field)], vmcs_get(v, field));
}

void explain_entry(FILE *to, const struct bk_vcpu *vcpu)
{
    const struct vmx_check_row *row = &vmx_check_rows[vcpu->cpu.violated];
    if (vcpu->cpu.violated == VMX_CHECK_NONE)
        return;
    fprintf(to, "processor %u: VM entry failed: %s\n  %s\n  SDM 3C, \"%s\"\n", vcpu->index, row->id, row->rule, row->section);
    for (const char *at = row->fields; *at != '\0'; at += strspn(at, " ")) {
        const size_t length = strcspn(at, " ");
        print_field(to, vcpu->cpu.vmcs, at, length);
        at += length;
    }
}
