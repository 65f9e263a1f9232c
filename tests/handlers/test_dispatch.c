/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Dispatch and decoding: every reason of the users' list has a handler, an unknown one stops the guest. */
#include <string.h>

#include "tests/support/guest.h"
#include "tests/support/random.h"
#include "vmx-model/registers.h"

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
    static const uint32_t unknown[] = {5, 6, 17, 35, 38, 42, 71, 82, 86, 1000, 0xffff};
    for (unsigned i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
        guest_start(GUEST_LONG, NULL);
        CU_ASSERT_EQUAL(guest_exit(unknown[i], 0, 0), HV_STOP);
        CU_ASSERT_PTR_NOT_NULL(strstr(vcpu->stop_reason, "has no handler"));
    }
}

static void not_as_listed(uint32_t reason)
{
    printf("%s: %s\n", vmx_reasons[reason].name, vcpu->stop_reason);
    CU_FAIL("a reason stops the guest that is not listed, or does not though it is");
}

/* Exits with numbers out of a sequence, at a guest that keeps what earlier ones did to it. */
static bool stops_at_random_exits(uint32_t reason, enum guest_mode mode)
{
    enum { EXITS = 300 };
    struct random random = {reason};
    guest_start(mode, NULL);
    for (unsigned i = 0; i < EXITS; i++) {
        bk->field[VMCS_VMX_INSTRUCTION_INFO] = random_next(&random);
        bk->field[VMCS_GUEST_LINEAR_ADDRESS] = random_next(&random) >> random_below(&random, 64);
        bk->field[VMCS_GUEST_PHYSICAL_ADDRESS] = random_next(&random) >> random_below(&random, 64);
        bk->field[VMCS_VM_EXIT_INTR_INFO] = random_next(&random);
        for (unsigned gpr = 0; gpr < VMX_GPR_COUNT; gpr++)
            bk->gpr[gpr] = random_next(&random) >> random_below(&random, 64);
        vcpu->inject_valid = false;
        if (guest_exit(reason, random_next(&random) >> random_below(&random, 64), 1 + random_below(&random, 15)) == HV_STOP)
            return true;
    }
    return false;
}

static void only_listed_reasons_stop_the_guest(void)
{
    for (uint32_t reason = 0; reason < VMX_REASON_LIMIT; reason++) {
        if (hv_may_stop(reason))
            continue;
        CU_ASSERT_PTR_NOT_NULL(hv_handler_name(reason));
        for (enum guest_mode mode = GUEST_REAL; mode <= GUEST_LONG; mode++)
            if (stops_at_random_exits(reason, mode))
                not_as_listed(reason);
    }
    CU_ASSERT_PTR_NULL(hv_handler_name(VMX_REASON_LIMIT));
    CU_ASSERT_TRUE(hv_may_stop(VMX_REASON_LIMIT) && hv_may_stop(VMX_REASON_FAILED_VMENTRY));
    CU_ASSERT_STRING_EQUAL(hv_handler_name(VMX_REASON_FAILED_VMENTRY | VMX_EXIT_INVALID_STATE), "hv_handle_entry_failure");
}

static void every_listed_reason_has_an_exit_that_stops(void)
{
    static const struct {
        uint32_t reason;
        uint64_t qualification;
        uint32_t event;
        bool restricted; /* without "unrestricted guest" */
    } rows[] = {
        {VMX_EXIT_EXCEPTION_NMI, 0, 0x80000312, false}, /* a machine check */
        {VMX_EXIT_TRIPLE_FAULT, 0, 0, false},
        {VMX_EXIT_INIT_SIGNAL, 0, 0, true},
        {VMX_EXIT_TASK_SWITCH, 0x80000020, 0, false},
        {VMX_EXIT_CR_ACCESS, 0x0000, 0, true},           /* MOV to CR0 of 0 */
        {VMX_EXIT_IO_INSTRUCTION, 0x00600010, 0, false}, /* string I/O with an unknown address size */
        {VMX_EXIT_INVALID_STATE, 0, 0, false},
        {VMX_EXIT_MSR_LOAD_FAIL, 1, 0, false},
        {VMX_EXIT_MCE_DURING_VMENTRY, 0, 0, false},
        {VMX_EXIT_APIC_ACCESS, 2u << 12, 0, false},            /* an instruction fetch */
        {VMX_EXIT_EPT_VIOLATION, 1u << 2 | 3u << 7, 0, false}, /* a fetch where no memory is */
        {VMX_EXIT_EPT_MISCONFIG, 0, 0, false},
        {VMX_EXIT_SPP_RELATED_EVENT, 0, 0, false},                /* a misconfiguration */
        {VMX_EXIT_ENQCMD_PASID_TRANSLATION_FAILURE, 0, 0, false}, /* the directory is nowhere */
        {VMX_EXIT_ENQCMDS_PASID_TRANSLATION_FAILURE, 0, 0, false},
        {VMX_EXIT_NOTIFY, 1, 0, false},
    };
    unsigned listed = 0;
    for (uint32_t reason = 0; reason < VMX_REASON_LIMIT; reason++)
        listed += hv_handler_name(reason) != NULL && hv_may_stop(reason);
    CU_ASSERT_EQUAL(listed, sizeof(rows) / sizeof(rows[0]));
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        guest_start(GUEST_PROTECTED, NULL);
        if (rows[i].restricted)
            bk->field[VMCS_SECONDARY_VM_EXEC_CONTROL] &= ~(uint64_t)VMX_SEC_UNRESTRICTED_GUEST;
        bk->field[VMCS_VM_EXIT_INTR_INFO] = rows[i].event;
        bk->field[VMCS_GUEST_PHYSICAL_ADDRESS] = rows[i].reason == VMX_EXIT_EPT_MISCONFIG ? 0x1000 : UINT64_C(0xf000000000); /* RAM, or nothing */
        bk->field[VMCS_VMX_INSTRUCTION_INFO] = 7u << 7;
        bk->field[VMCS_LOW_PASID_DIR_ADDR] = UINT64_C(0xf000000000);
        fake_msr(bk, VMX_MSR_PASID, UINT32_C(0x80000000));
        vm.policy.pasids = 1;
        CU_ASSERT_TRUE(hv_may_stop(rows[i].reason));
        if (guest_exit(rows[i].reason, rows[i].qualification, 2) != HV_STOP)
            not_as_listed(rows[i].reason);
        CU_ASSERT_TRUE(vcpu->stop_reason[0] != '\0');
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
      {"an_unknown_reason_stops_loudly", an_unknown_reason_stops_loudly}, {"only_listed_reasons_stop_the_guest", only_listed_reasons_stop_the_guest},
      {"every_listed_reason_has_an_exit_that_stops", every_listed_reason_has_an_exit_that_stops},
      {"a_failed_entry_is_reported_and_stops", a_failed_entry_is_reported_and_stops},
      {"qualification_is_decoded_for_io", qualification_is_decoded_for_io}, {"advance_wraps_outside_64bit_mode", advance_wraps_outside_64bit_mode},
      {"advance_ends_blocking_and_keeps_single_stepping", advance_ends_blocking_and_keeps_single_stepping})
