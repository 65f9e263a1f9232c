/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Dispatch and decoding: every reason of the users' list has a handler, an unknown one stops the guest. */
#include <string.h>

#include "tests/support/guest.h"

static void every_seed_reason_has_a_handler(void)
{
    unsigned seeds = 0;
    for (uint32_t reason = 0; reason < VMX_REASON_LIMIT; reason++) {
        if (vmx_reasons[reason].seed_name == NULL)
            continue;
        seeds++;
        guest_start(GUEST_LONG, NULL);
        (void)guest_exit(reason, 0, 2);
        if (strstr(vcpu->stop_reason, "has no handler") != NULL)
            CU_FAIL(vmx_reasons[reason].name);
    }
    CU_ASSERT_EQUAL(seeds, 52); /* the 53rd name is the flag FAILED_VMENTRY */
}

static void an_unknown_reason_stops_loudly(void)
{
    static const uint32_t unknown[] = {5, 6, 17, 35, 38, 42, 66, 71, 82, 86, 1000, 0xffff};
    for (unsigned i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
        guest_start(GUEST_LONG, NULL);
        CU_ASSERT_EQUAL(guest_exit(unknown[i], 0, 0), HV_STOP);
        CU_ASSERT_PTR_NOT_NULL(strstr(vcpu->stop_reason, "has no handler"));
    }
}

static void a_failed_entry_is_reported_and_stops(void)
{
    static const struct {
        uint32_t reason;
        uint64_t qualification;
        const char *text;
    } rows[] = {{33, 0, "guest state"}, {33, 4, "link pointer"}, {33, 2, "PDPTE"}, {34, 3, "entry 3 of"}, {41, 0, "machine check"}};
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        guest_start(GUEST_LONG, NULL);
        CU_ASSERT_EQUAL(guest_exit(0x80000000u | rows[i].reason, rows[i].qualification, 0), HV_STOP);
        CU_ASSERT_PTR_NOT_NULL(strstr(vcpu->stop_reason, rows[i].text));
    }
}

static void qualification_is_decoded_for_io(void)
{
    struct hv_exit exit;
    guest_start(GUEST_LONG, NULL);
    bk->field[VMCS_VM_EXIT_REASON] = VMX_EXIT_IO_INSTRUCTION;
    bk->field[VMCS_EXIT_QUALIFICATION] = 0x03f80000u | 1u << 3 | 1u << 4 | 1u << 5 | 1u;
    hv_decode_exit(vcpu, &exit);
    CU_ASSERT_EQUAL(exit.io.port, 0x3f8);
    CU_ASSERT_EQUAL(exit.io.size, 2);
    CU_ASSERT_TRUE(exit.io.in && exit.io.string && exit.io.rep && !exit.io.immediate);
}

static void advance_wraps_outside_64bit_mode(void)
{
    guest_start(GUEST_PROTECTED, NULL);
    bk->field[VMCS_GUEST_RIP] = 0xffffffff;
    CU_ASSERT_EQUAL(guest_exit(VMX_EXIT_WBINVD, 0, 2), HV_RESUME);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_RIP], 1);
    guest_start(GUEST_LONG, NULL);
    bk->field[VMCS_GUEST_RIP] = 0xffffffff;
    CU_ASSERT_EQUAL(guest_exit(VMX_EXIT_WBINVD, 0, 2), HV_RESUME);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_RIP], 0x100000001);
}

static void advance_ends_blocking_and_keeps_single_stepping(void)
{
    guest_start(GUEST_LONG, NULL);
    bk->field[VMCS_GUEST_INTERRUPTIBILITY_INFO] = VMX_BLOCKING_BY_STI | VMX_BLOCKING_BY_NMI;
    bk->field[VMCS_GUEST_RFLAGS] = 0x102;
    (void)guest_exit(VMX_EXIT_PAUSE_INSTRUCTION, 0, 2);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_INTERRUPTIBILITY_INFO], VMX_BLOCKING_BY_NMI);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_PENDING_DBG_EXCEPTIONS], 1u << 14);
}

SUITE("handlers/dispatch", {"every_seed_reason_has_a_handler", every_seed_reason_has_a_handler},
      {"an_unknown_reason_stops_loudly", an_unknown_reason_stops_loudly},
      {"a_failed_entry_is_reported_and_stops", a_failed_entry_is_reported_and_stops},
      {"qualification_is_decoded_for_io", qualification_is_decoded_for_io}, {"advance_wraps_outside_64bit_mode", advance_wraps_outside_64bit_mode},
      {"advance_ends_blocking_and_keeps_single_stepping", advance_ends_blocking_and_keeps_single_stepping})
