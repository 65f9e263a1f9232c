/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exits of ENQCMD and ENQCMDS whose PASID has no translation: filled in and tried again, or refused. */
#include <string.h>

#include "tests/support/guest.h"
#include "vmx-model/registers.h"

enum { RIP = 0x1000, COMMAND = 0x2000, LENGTH = 5 };
#define VALID UINT32_C(0x80000000)

/* enqcmds rax, [rbx] in 32-bit code */
static const uint8_t enqcmds[] = {0xf3, 0x0f, 0x38, 0xf8, 0x03};

static void start(uint32_t pasids, uint32_t first_pasid)
{
    struct hv_policy policy;
    hv_default_policy(&policy);
    policy.pasids = pasids;
    policy.first_pasid = first_pasid;
    guest_start(GUEST_PROTECTED, &policy);
    guest_put(RIP, enqcmds, sizeof enqcmds);
    bk->gpr[VMX_RBX] = COMMAND;
}

static enum hv_action enqcmd_exit(uint32_t pasid)
{
    if (!bk_set_guest_msr(bk, VMX_MSR_PASID, pasid | VALID))
        fake_msr(bk, VMX_MSR_PASID, pasid | VALID);
    return guest_exit(VMX_EXIT_ENQCMD_PASID_TRANSLATION_FAILURE, 0, LENGTH);
}

static enum hv_action enqcmds_exit(uint32_t pasid)
{
    guest_put(COMMAND, &pasid, sizeof pasid);
    return guest_exit(VMX_EXIT_ENQCMDS_PASID_TRANSLATION_FAILURE, 0, LENGTH);
}

/* As the processor walks: 0 where an entry is missing or has reserved bits. SDM 3C, "PASID Translation". */
static uint32_t walk(uint32_t pasid)
{
    uint64_t directory = bk->field[(pasid >> 19 & 1) != 0 ? VMCS_HIGH_PASID_DIR_ADDR : VMCS_LOW_PASID_DIR_ADDR], of_directory;
    uint32_t of_table;
    if (directory == 0)
        return 0;
    CU_ASSERT_EQUAL(directory & 0xfff, 0);
    memcpy(&of_directory, machine.memory + directory + 8 * (pasid >> 10 & 0x1ff), sizeof of_directory);
    if ((of_directory & 1) == 0)
        return 0;
    CU_ASSERT_EQUAL(of_directory & 0xffe, 0);
    memcpy(&of_table, machine.memory + (of_directory & ~UINT64_C(0xfff)) + 4 * (pasid & 0x3ff), sizeof of_table);
    CU_ASSERT_EQUAL(of_table & 0x7ff00000, 0);
    return of_table;
}

static void expect_retry(enum hv_action action)
{
    CU_ASSERT_EQUAL(action, HV_RESUME);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_RIP], RIP);
    CU_ASSERT_EQUAL(guest_enter(), 0);
}

static void expect_gp(enum hv_action action)
{
    CU_ASSERT_EQUAL(action, HV_RESUME);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_RIP], RIP);
    CU_ASSERT_EQUAL(guest_enter(), INJECT_GP);
    CU_ASSERT_EQUAL(bk->field[VMCS_VM_ENTRY_EXCEPTION_ERROR_CODE], 0);
}

static void a_missing_translation_is_filled_in_and_tried_again(void)
{
    static const uint32_t pasids[] = {0, 1, 0x3ff, 0x400, 0x7ffff, 0x80000, 0x80001, 0xffeff};
    start(0xfff00, 0x100);
    for (unsigned i = 0; i < sizeof pasids / sizeof *pasids; i++) {
        CU_ASSERT_EQUAL(walk(pasids[i]), 0);
        expect_retry(i % 2 == 0 ? enqcmd_exit(pasids[i]) : enqcmds_exit(pasids[i]));
        CU_ASSERT_EQUAL(walk(pasids[i]), VALID | (pasids[i] + 0x100));
    }
    for (unsigned i = 0; i < sizeof pasids / sizeof *pasids; i++)
        CU_ASSERT_EQUAL(walk(pasids[i]), VALID | (pasids[i] + 0x100));
    CU_ASSERT_EQUAL(walk(2), 0);
}

/* Four tables of 4 KBytes under two directories: no more pages than that. */
static void tables_are_shared_by_neighbours(void)
{
    start(0x100000, 0);
    const hpa_t before = machine.next_page;
    for (uint32_t pasid = 0; pasid < 0x400; pasid++)
        expect_retry(enqcmd_exit(pasid));
    CU_ASSERT_EQUAL(machine.next_page - before, 2 * 4096);
    expect_retry(enqcmd_exit(0x400));
    CU_ASSERT_EQUAL(machine.next_page - before, 3 * 4096);
    expect_retry(enqcmd_exit(0x80000));
    CU_ASSERT_EQUAL(machine.next_page - before, 5 * 4096);
}

static void a_pasid_that_the_guest_does_not_have_is_gp(void)
{
    start(2, 7);
    expect_gp(enqcmd_exit(2));
    expect_gp(enqcmds_exit(0xfffff));
    CU_ASSERT_EQUAL(bk->field[VMCS_LOW_PASID_DIR_ADDR], 0);
    expect_retry(enqcmds_exit(1));
    CU_ASSERT_EQUAL(walk(1), VALID | 8);
    start(0x100000, 0xfffff); /* of which the host has the first alone */
    expect_gp(enqcmd_exit(1));
    expect_retry(enqcmd_exit(0));
    guest_start(GUEST_PROTECTED, NULL);
    expect_gp(enqcmd_exit(0));
}

static void without_a_valid_pasid_register_enqcmd_is_gp(void)
{
    start(0x100000, 0);
    expect_gp(guest_exit(VMX_EXIT_ENQCMD_PASID_TRANSLATION_FAILURE, 0, LENGTH));
    fake_msr(bk, VMX_MSR_PASID, 5);
    expect_gp(guest_exit(VMX_EXIT_ENQCMD_PASID_TRANSLATION_FAILURE, 0, LENGTH));
}

/* The upper bits of the command are the guest's own business here. */
static void enqcmds_takes_bits_19_to_0_of_its_command(void)
{
    start(0x100000, 0);
    expect_retry(enqcmds_exit(0xfff00003));
    CU_ASSERT_EQUAL(walk(3), VALID | 3);
}

static void a_command_that_cannot_be_read_any_more_is_a_fault(void)
{
    start(0x100000, 0);
    bk->field[VMCS_GUEST_DS_LIMIT] = COMMAND;
    expect_gp(guest_exit(VMX_EXIT_ENQCMDS_PASID_TRANSLATION_FAILURE, 0, LENGTH));
    start(0x100000, 0);
    const uint8_t nonsense[] = {0x0f, 0x0b};
    guest_put(RIP, nonsense, sizeof nonsense);
    expect_gp(guest_exit(VMX_EXIT_ENQCMDS_PASID_TRANSLATION_FAILURE, 0, LENGTH));
}

static void what_cannot_be_mended_stops_the_guest(void)
{
    start(0x100000, 0);
    expect_retry(enqcmd_exit(9));
    CU_ASSERT_EQUAL(enqcmd_exit(9), HV_STOP);
    CU_ASSERT_STRING_EQUAL(vcpu->stop_reason, "PASID 9 has a translation, and the processor does not take it");
    start(0x100000, 0);
    machine.next_page = FAKE_GUEST_BASE;
    CU_ASSERT_EQUAL(enqcmd_exit(9), HV_STOP);
    CU_ASSERT_STRING_EQUAL(vcpu->stop_reason, "no memory for the translation of PASID 9");
}

SUITE("handlers/pasid", {"a_missing_translation_is_filled_in_and_tried_again", a_missing_translation_is_filled_in_and_tried_again},
      {"tables_are_shared_by_neighbours", tables_are_shared_by_neighbours},
      {"a_pasid_that_the_guest_does_not_have_is_gp", a_pasid_that_the_guest_does_not_have_is_gp},
      {"without_a_valid_pasid_register_enqcmd_is_gp", without_a_valid_pasid_register_enqcmd_is_gp},
      {"enqcmds_takes_bits_19_to_0_of_its_command", enqcmds_takes_bits_19_to_0_of_its_command},
      {"a_command_that_cannot_be_read_any_more_is_a_fault", a_command_that_cannot_be_read_any_more_is_a_fault},
      {"what_cannot_be_mended_stops_the_guest", what_cannot_be_mended_stops_the_guest})
