/* SPDX-License-Identifier: MIT */
/* Controls whose effect the model lacks: whoever enters with one of them is told so instead of getting a wrong answer. One that the processor does
   not offer needs no words: VM entry fails. */
#include "controls.h"
#include "transition.h"

struct lacking {
    uint64_t bit;
    const char *text;
};

static const char *first_set(uint64_t word, const struct lacking *rows, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if ((word & rows[i].bit) != 0)
            return rows[i].text;
    return NULL;
}
#define FIRST_SET(word, rows) first_set((word), (rows), sizeof(rows) / sizeof((rows)[0]))

static const char *execution_controls(const struct vmx_cpu *cpu)
{
    const struct lacking secondary[] = {
        {VMX_SEC_PASID_TRANSLATION, "Not modelled: PASID translation"},
        {VMX_SEC_PT_USE_GPA, "Not modelled: Intel PT uses guest physical addresses"},
        {VMX_SEC_BUS_LOCK_DETECTION, "Not modelled: VMM bus-lock detection"},
        {VMX_SEC_INSTRUCTION_TIMEOUT, "Not modelled: instruction timeout"},
    };
    const struct lacking tertiary[] = {{~(uint64_t)VMX_TER_LOADIWKEY_EXITING, "Not modelled: tertiary controls other than LOADIWKEY exiting"}};
    const char *const text = FIRST_SET(vmx_secondary_controls(cpu) & cpu->caps->secondary.may_be_1, secondary);
    return text != NULL ? text : FIRST_SET(vmx_tertiary_controls(cpu) & cpu->caps->tertiary, tertiary);
}

static const char *transition_controls(const struct vmcs *v, const struct vmx_caps *caps)
{
    const struct lacking entry[] = {
        {VMX_ENTRYCTL_TO_SMM, "Not modelled: entry to SMM"},
        {VMX_ENTRYCTL_DEACT_DUAL_MONITOR, "Not modelled: deactivate dual-monitor treatment"},
        {VMX_ENTRYCTL_LOAD_UINV, "Not modelled: load UINV"},
        {VMX_ENTRYCTL_LOAD_FRED, "Not modelled: load FRED"},
    };
    const struct lacking exit[] = {{VMX_EXITCTL_CLEAR_UINV, "Not modelled: clear UINV"}};
    const struct lacking exit2[] = {
        {~(uint64_t)VMX_EXITCTL2_LOAD_SPEC_CTRL, "Not modelled: secondary VM-exit controls other than load IA32_SPEC_CTRL"}};
    const uint64_t exit_word = vmcs_get(v, VMCS_VM_EXIT_CONTROLS) & caps->exit.may_be_1;
    const char *text = FIRST_SET(vmcs_get(v, VMCS_VM_ENTRY_CONTROLS) & caps->entry.may_be_1, entry);
    if (text == NULL)
        text = FIRST_SET(exit_word, exit);
    if (text == NULL && (exit_word & VMX_EXITCTL_ACTIVATE_SECONDARY) != 0)
        text = FIRST_SET(vmcs_get(v, VMCS_SECONDARY_VM_EXIT_CONTROLS) & caps->exit2, exit2);
    return text;
}

const char *vmx_unmodelled_controls(const struct vmx_cpu *cpu)
{
    const char *const text = execution_controls(cpu);
    return text != NULL ? text : transition_controls(cpu->vmcs, cpu->caps);
}
