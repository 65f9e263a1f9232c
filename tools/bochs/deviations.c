/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where Bochs 2.7 deviates from the SDM, as far as an exit record shows it. */
#include "bochs_run.h"

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
};
const size_t bochs_known_difference_count = sizeof bochs_known_differences / sizeof *bochs_known_differences;
