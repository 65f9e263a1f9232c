/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Why a VM entry failed, for people. */
#include "explain_entry.h"

#include "explain.h"

void explain_entry(FILE *to, const struct bk_vcpu *vcpu)
{
    char title[64];
    snprintf(title, sizeof title, "processor %u: VM entry failed: ", vcpu->index);
    if (vcpu->cpu.violated != VMX_CHECK_NONE)
        explain_rule(to, title, vcpu->cpu.violated, vcpu->cpu.vmcs, NULL);
}
