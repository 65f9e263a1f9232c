/* SPDX-License-Identifier: MIT */
/* Names controls that a scenario uses and this processor lacks. SDM 3D, "VMX Capability Reporting Facility". */
#include "console.h"
#include "machine.h"
#include "x86.h"

#include "../../vmx-model/controls.h"

/* Allowed 1-settings of a word. */
static uint64_t may_be_1(const struct bk_machine *machine, enum vmx_control_word word)
{
    const bool exact = (bk_capability(machine, MSR_VMX_BASIC) & VMX_BASIC_TRUE_CTLS) != 0;
    const uint32_t first = exact ? MSR_VMX_TRUE_PIN : MSR_VMX_PIN;
    switch (word) {
    case VMX_WORD_PIN:
        return bk_capability(machine, first) >> 32;
    case VMX_WORD_PRIMARY:
        return bk_capability(machine, first + 1) >> 32;
    case VMX_WORD_EXIT:
        return bk_capability(machine, first + 2) >> 32;
    case VMX_WORD_ENTRY:
        return bk_capability(machine, first + 3) >> 32;
    case VMX_WORD_SECONDARY:
        return bk_capability(machine, MSR_VMX_SECONDARY) >> 32;
    case VMX_WORD_TERTIARY:
        return bk_capability(machine, MSR_VMX_TERTIARY);
    case VMX_WORD_EXIT2:
        return bk_capability(machine, MSR_VMX_EXIT2);
    case VMX_WORD_VMFUNC:
        return bk_capability(machine, MSR_VMX_VMFUNC);
    case VMX_WORD_EPT_VPID_CAP:
    case VMX_WORD_MISC:
    case VMX_WORD_BASIC:
    case VMX_WORD_COUNT:
        break;
    }
    return UINT64_MAX;
}

void hw_name_unsupported(struct bk_machine *machine)
{
    struct bk_vcpu *vcpu = bk_vcpu(machine, 0);
    for (unsigned i = 0; i < vmx_control_count; i++) {
        const struct vmx_control_row *row = &vmx_controls[i];
        if (row->word >= VMX_WORD_CONTROLS || row->high != row->low)
            continue;
        const uint64_t bit = UINT64_C(1) << row->low;
        if ((bk_vmread(vcpu, vmx_control_field(row->word)) & bit & ~may_be_1(machine, row->word)) == 0)
            continue;
        console_say("note: unsupported control: %s\n", row->sdm_name);
    }
}
