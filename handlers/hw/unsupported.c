/* SPDX-License-Identifier: MIT */
/* Names controls that a scenario uses and this processor lacks. SDM 3D, "VMX Capability Reporting Facility". */
#include "console.h"
#include "machine.h"

#include "../../vmx-model/controls.h"

void hw_name_unsupported(struct bk_machine *machine)
{
    struct bk_vcpu *vcpu = bk_vcpu(machine, 0);
    for (unsigned i = 0; i < vmx_control_count; i++) {
        const struct vmx_control_row *row = &vmx_controls[i];
        if (row->word >= VMX_WORD_CONTROLS || row->high != row->low)
            continue;
        uint32_t msr;
        unsigned bit;
        vmx_control_capability(row->word, row->low, &msr, &bit);
        if ((bk_vmread(vcpu, vmx_control_field(row->word)) >> row->low & 1) == 0 || (bk_capability(machine, msr) >> bit & 1) != 0)
            continue;
        console_say("note: unsupported control: %s\n", row->sdm_name);
    }
}
