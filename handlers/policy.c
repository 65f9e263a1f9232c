/* SPDX-License-Identifier: MIT */
/* The policy that holds when a VM's owner chooses nothing. */
#include "handlers.h"

void hv_default_policy(struct hv_policy *policy)
{
    enum { PDCM = 1u << 15, VMX = 1u << 5, SMX = 1u << 6 };
    *policy = (struct hv_policy){
        .exceptions = HV_EXCEPTION_REFLECT,
        .ept = HV_EPT_MAP_ON_DEMAND,
        .ept_premapped = true,
        .hide_cpuid_1_ecx = PDCM | VMX | SMX,
    };
}
