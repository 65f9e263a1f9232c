/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The entry checks: the table of rows, and every rule shown to pass and to fail. */
#include "vmx-model/checks.h"

#include <stdio.h>

#include "tests/support/suite.h"
#include "tests/support/valid_vmcs.h"
#include "vmx-model/controls.h"

static struct valid_machine machine;

static void every_profile_accepts_the_valid_states(void)
{
    for (unsigned p = 0; p < vmx_profile_count; p++)
        for (unsigned guest = 0; guest < VALID_GUEST_COUNT; guest++) {
            const struct vmx_caps *caps = &vmx_profiles[p];
            if (guest == VALID_REAL && (caps->secondary.may_be_1 & VMX_SEC_UNRESTRICTED_GUEST) == 0)
                continue;
            valid_machine(&machine, caps, (enum valid_guest)guest);
            const enum vmx_check first = vmx_check_first(&machine.cpu, false);
            if (first != VMX_CHECK_NONE)
                printf("\n  %s, guest %u: %s\n", caps->name, guest, vmx_check_rows[first].id);
            CU_ASSERT_EQUAL(first, VMX_CHECK_NONE);
        }
}

SUITE("vmx-model/checks", {"every_profile_accepts_the_valid_states", every_profile_accepts_the_valid_states})
