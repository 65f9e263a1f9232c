/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where Bochs 2.7 deviates from the SDM, as far as an exit record shows it. */
#include "bochs_run.h"

#include <string.h>

#include "../../handlers/bench/trace.h"
#include "../../vmx-model/reasons.h"

enum { RFLAGS_RF = 1 << 16 };

#define RF_NOT_SAVED                                                                                                                                 \
    "Bochs saves RFLAGS.RF as 0; SDM 3C, \"Saving RIP, RSP, RFLAGS, and SSP\": 1 when the exit is fault-like and no event is being delivered"

const struct sim_known_difference bochs_known_differences[] = {
    {VMX_EXIT_EXCEPTION_NMI, TRACE_RFLAGS, RFLAGS_RF,
     "Bochs saves RFLAGS.RF as 0; SDM 3C, \"Saving RIP, RSP, RFLAGS, and SSP\": as delivery would save it, 1 for a fault"},
    {VMX_EXIT_TRIPLE_FAULT, TRACE_RFLAGS, RFLAGS_RF,
     "Bochs saves RFLAGS.RF as 1; SDM 3C, \"Saving RIP, RSP, RFLAGS, and SSP\": as it stands in the register, which a fault does not change"},
    {VMX_EXIT_EPT_VIOLATION, TRACE_RFLAGS, RFLAGS_RF, RF_NOT_SAVED},
    {VMX_EXIT_EPT_MISCONFIG, TRACE_RFLAGS, RFLAGS_RF, RF_NOT_SAVED},
    {VMX_EXIT_APIC_ACCESS, TRACE_RFLAGS, RFLAGS_RF, RF_NOT_SAVED},
    {VMX_EXIT_PML_FULL, TRACE_RFLAGS, RFLAGS_RF, RF_NOT_SAVED},
};
const size_t bochs_known_difference_count = sizeof bochs_known_differences / sizeof *bochs_known_differences;

const struct bochs_deviation bochs_deviations[] = {
    {"hlt-without-exiting", "an external interrupt waits for the guest's IF; SDM 3C, \"Other Causes of VM Exits\": with external-interrupt exiting "
                            "it exits whatever IF says"},
    {"nmi", "a VM entry does not end blocking by NMI; SDM 3C, \"Loading Non-Register State\": blocking is what the interruptibility state says"},
    {"rdrand-and-rdseed",
     "RDSEED of a 16-bit register shows operand size 1; SDM 3C, \"Information for VM Exits Due to Instruction Execution\": 0 is 16-bit"},
};
const size_t bochs_deviation_count = sizeof bochs_deviations / sizeof *bochs_deviations;

/* bochs_deviation_count: no entry. */
static size_t find(const char *scenario)
{
    size_t at = 0;
    for (; at < bochs_deviation_count; at++) {
        const char *name = bochs_deviations[at].scenario;
        const size_t length = strlen(name);
        const bool any = length != 0 && name[length - 1] == '*';
        if (any ? strncmp(name, scenario, length - 1) == 0 : strcmp(name, scenario) == 0)
            break;
    }
    return at;
}

const char *bochs_deviation(const char *scenario)
{
    const size_t at = find(scenario);
    return at < bochs_deviation_count ? bochs_deviations[at].what : NULL;
}

bool bochs_deviation_used(const char *scenario, bool *used)
{
    const size_t at = find(scenario);
    if (at < bochs_deviation_count)
        used[at] = true;
    return at < bochs_deviation_count;
}
