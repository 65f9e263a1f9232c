/* SPDX-License-Identifier: MIT */
/* The VMX controls of a scenario: the least set that its mode needs and the processor takes, then the scenario's own bits.
   SDM 3D, "VMX Capability Reporting Facility". */
#include "internal.h"

enum { MSR_BASIC = 0x480, MSR_PIN = 0x481, MSR_TRUE_PIN = 0x48d, MSR_SECONDARY = 0x48b, MSR_VMFUNC = 0x491, MSR_TERTIARY = 0x492, MSR_EXIT2 = 0x493 };

static uint64_t capability(const struct bk_machine *machine, enum vmx_control_word word)
{
    const uint32_t first = (bk_capability(machine, MSR_BASIC) & VMX_BASIC_TRUE_CTLS) != 0 ? MSR_TRUE_PIN : MSR_PIN;
    static const uint8_t place[VMX_WORD_COUNT] = {[VMX_WORD_PIN] = 0, [VMX_WORD_PRIMARY] = 1, [VMX_WORD_EXIT] = 2, [VMX_WORD_ENTRY] = 3};
    return bk_capability(machine, first + place[word]);
}

/* Which bits of a word the processor forces to 1 and allows to be 1. */
static void allowed(const struct bk_machine *machine, enum vmx_control_word word, uint64_t *must_be_1, uint64_t *may_be_1)
{
    *must_be_1 = 0;
    if (word == VMX_WORD_TERTIARY || word == VMX_WORD_EXIT2 || word == VMX_WORD_VMFUNC) {
        *may_be_1 = bk_capability(machine, word == VMX_WORD_TERTIARY ? MSR_TERTIARY : word == VMX_WORD_EXIT2 ? MSR_EXIT2 : MSR_VMFUNC);
        return;
    }
    const uint64_t both = word == VMX_WORD_SECONDARY ? bk_capability(machine, MSR_SECONDARY) : capability(machine, word);
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

bool bench_write_controls(struct bench_setup *setup)
{
    struct bench_plan *plan = &setup->plan;
    for (unsigned w = 0; w < BENCH_WORDS; w++)
        plan->word[w] = 0;
    wanted(plan->mode, plan->word);
    for (unsigned w = 0; w < BENCH_WORDS; w++) {
        uint64_t must_be_1, may_be_1;
        allowed(setup->machine, (enum vmx_control_word)w, &must_be_1, &may_be_1);
        plan->word[w] = ((must_be_1 | (plan->word[w] & may_be_1)) | plan->set[w]) & ~plan->clear[w];
        const enum vmcs_field field = vmx_control_field((enum vmx_control_word)w);
        if (!bk_vmwrite(setup->vcpu, field, plan->word[w]) && plan->word[w] != 0) {
            bench_say(setup->result, "this processor has no field ");
            bench_say_more(setup->result, vmcs_fields[field].name);
            return false;
        }
    }
    return true;
}
