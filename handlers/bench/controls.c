/* SPDX-License-Identifier: MIT */
/* The VMX controls that scenarios start from. It needs no machine: the loader of scenarios uses it too.
   SDM 3D, "VMX Capability Reporting Facility". */
#include "../../vmx-model/registers.h"
#include "internal.h"

void bench_allowed_controls(bench_capability *capability, const void *context, unsigned word, uint64_t *must_be_1, uint64_t *may_be_1)
{
    static const uint8_t place[BENCH_WORDS] = {[VMX_WORD_PIN] = 0, [VMX_WORD_PRIMARY] = 1, [VMX_WORD_EXIT] = 2, [VMX_WORD_ENTRY] = 3};
    const uint32_t first = (capability(context, VMX_MSR_VMX_BASIC) & VMX_BASIC_TRUE_CTLS) != 0 ? VMX_MSR_VMX_TRUE_PINBASED : VMX_MSR_VMX_PINBASED;
    *must_be_1 = 0;
    if (word == VMX_WORD_TERTIARY || word == VMX_WORD_EXIT2 || word == VMX_WORD_VMFUNC) {
        *may_be_1 = capability(context, word == VMX_WORD_TERTIARY ? VMX_MSR_VMX_PROCBASED3
                                        : word == VMX_WORD_EXIT2  ? VMX_MSR_VMX_EXIT2
                                                                  : VMX_MSR_VMX_VMFUNC);
        return;
    }
    const uint64_t both = capability(context, word == VMX_WORD_SECONDARY ? (uint32_t)VMX_MSR_VMX_PROCBASED2 : first + place[word]);
    *must_be_1 = both & UINT32_MAX;
    *may_be_1 = both >> 32;
}

/* What every hypervisor wants (its own interrupts and NMIs back), what a 64-bit host needs, and what gives the guest its own EFER and debug registers. */
static void wanted(enum packed_mode mode, uint64_t word[BENCH_WORDS])
{
    word[VMX_WORD_PIN] = VMX_PIN_EXT_INTR_EXITING | VMX_PIN_NMI_EXITING;
    word[VMX_WORD_PRIMARY] = VMX_PRI_ACTIVATE_SECONDARY;
    word[VMX_WORD_SECONDARY] = VMX_SEC_ENABLE_EPT;
    word[VMX_WORD_EXIT] = VMX_EXITCTL_HOST_ADDR_SPACE_SIZE | VMX_EXITCTL_SAVE_DEBUG_CONTROLS | VMX_EXITCTL_SAVE_EFER | VMX_EXITCTL_LOAD_EFER;
    word[VMX_WORD_ENTRY] = VMX_ENTRYCTL_LOAD_DEBUG_CONTROLS | VMX_ENTRYCTL_LOAD_EFER;
    if (mode == PACKED_MODE_LONG)
        word[VMX_WORD_ENTRY] |= VMX_ENTRYCTL_IA32E_MODE_GUEST;
    else
        word[VMX_WORD_SECONDARY] |= VMX_SEC_UNRESTRICTED_GUEST;
}

void bench_least_controls(bench_capability *capability, const void *context, enum packed_mode mode, uint64_t word[])
{
    for (unsigned w = 0; w < BENCH_WORDS; w++)
        word[w] = 0;
    wanted(mode, word);
    for (unsigned w = 0; w < BENCH_WORDS; w++) {
        uint64_t must_be_1, may_be_1;
        bench_allowed_controls(capability, context, w, &must_be_1, &may_be_1);
        word[w] = must_be_1 | (word[w] & may_be_1);
    }
}
