/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The short cut of the entry checks gives the answer of the full checks, whatever changed since they last held. */
#include <stdio.h>
#include <string.h>

#include "tests/support/random.h"
#include "tests/support/suite.h"
#include "tests/support/valid_vmcs.h"
#include "vmx-model/checks.h"
#include "vmx-model/controls.h"
#include "vmx-model/registers.h"

static struct valid_machine machine, base;

/* Values that rules tell apart. */
static const uint64_t values[] = {0,
                                  1,
                                  2,
                                  4,
                                  7,
                                  8,
                                  0x10,
                                  0x20,
                                  0x93,
                                  0x9b,
                                  0xf3,
                                  0x100,
                                  0xffff,
                                  0x10000,
                                  0x1000,
                                  0x3000,
                                  0x8000,
                                  0xa09b,
                                  0xc093,
                                  0x10093,
                                  0x20202,
                                  0x500,
                                  0xd01,
                                  0x80000b0e,
                                  0x80000202,
                                  0x80000020,
                                  0x80000306,
                                  0x80000700,
                                  0xffffffff,
                                  0x80000021,
                                  0x80010031,
                                  UINT64_C(1) << 32,
                                  UINT64_C(1) << 46,
                                  UINT64_C(1) << 47,
                                  UINT64_MAX};

static uint64_t random_value(struct random *r, enum vmcs_field field)
{
    const uint64_t now = vmcs_get(&machine.vmcs, field);
    switch (random_below(r, 4)) {
    case 0:
        return values[random_below(r, sizeof values / sizeof values[0])];
    case 1:
        return now ^ UINT64_C(1) << random_below(r, 64);
    case 2:
        return now ^ UINT64_C(1) << random_below(r, 32);
    default:
        return random_next(r);
    }
}

/* Injections come and go, between them nothing but flags and RIP may change. */
static void change_injection(struct random *r)
{
    static const uint32_t events[] = {0x80000020, 0x20, 0x80000306, 0x306, 0x80000b0e, 0x80000202, 0x80000700, 0};
    struct vmcs *const v = &machine.vmcs;
    vmcs_set(v, VMCS_VM_ENTRY_INTR_INFO_FIELD, events[random_below(r, sizeof events / sizeof events[0])]);
    if (random_below(r, 8) == 0)
        vmcs_set(v, VMCS_VM_ENTRY_INSTRUCTION_LEN, random_below(r, 17));
    if (random_below(r, 8) == 0)
        vmcs_set(v, VMCS_VM_ENTRY_EXCEPTION_ERROR_CODE, random_below(r, 2) << random_below(r, 32));
    if (random_below(r, 2) == 0)
        vmcs_set(v, VMCS_GUEST_RFLAGS, vmcs_get(v, VMCS_GUEST_RFLAGS) ^ UINT64_C(1) << random_below(r, 22));
    if (random_below(r, 4) == 0)
        vmcs_set(v, VMCS_GUEST_RIP, vmcs_get(v, VMCS_GUEST_RIP) ^ UINT64_C(1) << random_below(r, 64));
}

/* Lets a rule that reads memory or the processor apply. */
static void make_rule_apply(struct random *r)
{
    static const uint64_t links[] = {VALID_LINK, VALID_VMXON, VALID_VMCS, UINT64_MAX};
    struct vmcs *const v = &machine.vmcs;
    switch (random_below(r, 4)) {
    case 0:
        vmcs_set(v, VMCS_VMCS_LINK_POINTER, links[random_below(r, 4)]);
        break;
    case 1:
        vmcs_set(v, VMCS_CPU_BASED_VM_EXEC_CONTROL, vmcs_get(v, VMCS_CPU_BASED_VM_EXEC_CONTROL) | VMX_PRI_ACTIVATE_SECONDARY);
        vmcs_set(v, VMCS_SECONDARY_VM_EXEC_CONTROL, vmcs_get(v, VMCS_SECONDARY_VM_EXEC_CONTROL) ^ VMX_SEC_VMCS_SHADOWING);
        break;
    case 2:
        vmcs_set(v, VMCS_CPU_BASED_VM_EXEC_CONTROL, vmcs_get(v, VMCS_CPU_BASED_VM_EXEC_CONTROL) ^ VMX_PRI_USE_TPR_SHADOW);
        vmcs_set(v, VMCS_TPR_THRESHOLD, random_below(r, 8));
        break;
    default:
        vmcs_set(v, VMCS_EXECUTIVE_VMCS_POINTER, links[random_below(r, 3)]);
    }
}

/* The words of memory that rules read. */
static const uint32_t words[] = {VALID_GUEST_CR3,           VALID_GUEST_CR3 + 8, VALID_GUEST_CR3 + 24, VALID_VMCS, VALID_VMXON,
                                 VALID_VIRTUAL_APIC + 0x80, VALID_LINK};
enum { WORDS = sizeof words / sizeof words[0] };

/* What rules read beyond the VMCS. */
static void change_surroundings(struct random *r)
{
    static const uint64_t entries[] = {0, 1, 0x1001, 0x1003, 0x50, 0xffffffff};
    switch (random_below(r, 12)) {
    case 0:
        machine.cpu.state.efer ^= VMX_EFER_LMA;
        break;
    case 1:
        machine.cpu.smm = !machine.cpu.smm;
        break;
    case 2:
        machine.cpu.state.interruptibility ^= VMX_BLOCKING_BY_MOV_SS;
        break;
    case 3:
        machine.vmcs.launched ^= 1;
        break;
    case 4:
        machine.cpu.state.rtit_ctl ^= 1;
        break;
    case 5:
        machine.cpu.current_vmcs ^= VALID_VMCS ^ VALID_LINK;
        break;
    case 6:
        machine.cpu.native_root = !machine.cpu.native_root;
        break;
    default: {
        const uint64_t entry =
            random_below(r, 4) == 0 ? machine.vmcs.revision | (random_next(r) & UINT64_C(0x80000000)) : entries[random_below(r, 6)];
        memcpy(machine.memory + words[random_below(r, WORDS)], &entry, sizeof entry);
    }
    }
}

static void restore_surroundings(void)
{
    machine.cpu = base.cpu;
    machine.vmcs.launched = 0;
    for (unsigned w = 0; w < WORDS; w++)
        memcpy(machine.memory + words[w], base.memory + words[w], sizeof(uint64_t));
}

struct tally {
    unsigned of[VMX_CHECK_COUNT]; /* answers */
};

/* One history of a VMCS: writes, attempts at entry, and repairs when an attempt fails. */
static bool run_history(enum valid_guest guest, unsigned attempts, struct random *r, struct tally *tally)
{
    const struct vmx_caps full = valid_full_caps();
    valid_machine(&machine, &full, guest);
    memcpy(&base, &machine, sizeof base);
    for (unsigned n = 0; n < attempts; n++) {
        const bool injects = random_below(r, 3) == 0;
        const unsigned writes = injects ? 0 : random_below(r, 4);
        if (injects)
            change_injection(r);
        for (unsigned w = 0; w < writes; w++) {
            const enum vmcs_field field = (enum vmcs_field)random_below(r, VMCS_FIELD_COUNT);
            vmcs_set(&machine.vmcs, field, random_value(r, field));
        }
        if (!injects && random_below(r, 16) == 0)
            make_rule_apply(r);
        const bool disturbed = random_below(r, 8) == 0;
        if (disturbed)
            change_surroundings(r);

        const enum vmx_check full_answer = vmx_check_first(&machine.cpu, false);
        const uint32_t unchecked = machine.vmcs.unchecked;
        const enum vmx_check answer = vmx_check_first_fast(&machine.cpu, false);
        if (answer != full_answer || machine.vmcs.unchecked != (answer == VMX_CHECK_NONE ? 0 : unchecked)) {
            printf("\n  attempt %u: short cut %s, full checks %s", n, vmx_check_rows[answer].id, vmx_check_rows[full_answer].id);
            return false;
        }
        tally->of[answer]++;

        /* Mostly what was written is taken back, so that histories stay near valid states. */
        if (answer != VMX_CHECK_NONE && random_below(r, 3) != 0) {
            for (unsigned field = 0; field < VMCS_FIELD_COUNT; field++)
                if (machine.vmcs.field[field] != base.vmcs.field[field])
                    vmcs_set(&machine.vmcs, (enum vmcs_field)field, base.vmcs.field[field]);
            if (disturbed || random_below(r, 4) == 0)
                restore_surroundings();
        }
    }
    return true;
}

static void short_cut_equals_full_checks(void)
{
    enum { HISTORIES = 1000, ATTEMPTS = 1000 };
    struct random r = {20160901};
    static struct tally tally;
    unsigned rows = 0;
    for (unsigned h = 0; h < HISTORIES; h++)
        if (!run_history((enum valid_guest)(h % VALID_GUEST_COUNT), ATTEMPTS, &r, &tally)) {
            CU_FAIL("the short cut disagrees with the full checks");
            return;
        }
    for (unsigned row = 1; row < VMX_CHECK_COUNT; row++)
        rows += tally.of[row] != 0;
    printf("\n  %u states held, %u rows were the first violated one, ", tally.of[VMX_CHECK_NONE], rows);
    CU_ASSERT(tally.of[VMX_CHECK_NONE] > HISTORIES * ATTEMPTS / 5);
    CU_ASSERT(tally.of[VMX_CHECK_NONE] < HISTORIES * ATTEMPTS / 5 * 4);
    CU_ASSERT(rows > 250);
    CU_ASSERT(tally.of[VMX_CHECK_CTL_TPR_THRESHOLD_VTPR] != 0);
    CU_ASSERT(tally.of[VMX_CHECK_GUEST_LINK_REVISION] != 0);
    CU_ASSERT(tally.of[VMX_CHECK_GUEST_LINK_SHADOW_BIT] != 0);
    CU_ASSERT(tally.of[VMX_CHECK_GUEST_LINK_NOT_CURRENT] != 0);
    CU_ASSERT(tally.of[VMX_CHECK_GUEST_PDPTE3_RESERVED] != 0);
}

static void success_clears_and_failure_keeps_what_is_unchecked(void)
{
    const struct vmx_caps full = valid_full_caps();
    valid_machine(&machine, &full, VALID_LONG);
    CU_ASSERT_EQUAL(machine.vmcs.unchecked, VMCS_GROUP_ALL);
    CU_ASSERT_EQUAL(vmx_check_first_fast(&machine.cpu, false), VMX_CHECK_NONE);
    CU_ASSERT_EQUAL(machine.vmcs.unchecked, 0);
    vmcs_set(&machine.vmcs, VMCS_HOST_CR4, 0);
    CU_ASSERT_EQUAL(vmx_check_first_fast(&machine.cpu, false), VMX_CHECK_HOST_CR4_FIXED0);
    CU_ASSERT_EQUAL(machine.vmcs.unchecked, VMCS_GROUP_HOST);
    CU_ASSERT_EQUAL(vmx_check_first_fast(&machine.cpu, false), VMX_CHECK_HOST_CR4_FIXED0);
    vmcs_set(&machine.vmcs, VMCS_HOST_CR4, VMX_CR4_VMXE | VMX_CR4_PAE);
    CU_ASSERT_EQUAL(vmx_check_first_fast(&machine.cpu, false), VMX_CHECK_NONE);
    CU_ASSERT_EQUAL(machine.vmcs.unchecked, 0);
}

static void unchanged_vmcs_is_still_judged_against_the_processor(void)
{
    const struct vmx_caps full = valid_full_caps();
    valid_machine(&machine, &full, VALID_PAE);
    CU_ASSERT_EQUAL(vmx_check_first_fast(&machine.cpu, false), VMX_CHECK_NONE);
    CU_ASSERT_EQUAL(vmx_check_first_fast(&machine.cpu, true), VMX_CHECK_BASIC_RESUME_LAUNCHED);
    machine.memory[VALID_GUEST_CR3 + 16] = 3;
    CU_ASSERT_EQUAL(vmx_check_first_fast(&machine.cpu, false), VMX_CHECK_GUEST_PDPTE2_RESERVED);
    machine.memory[VALID_GUEST_CR3 + 16] = 1;
    CU_ASSERT_EQUAL(vmx_check_first_fast(&machine.cpu, false), VMX_CHECK_NONE);
    machine.cpu.state.efer = 0;
    CU_ASSERT_EQUAL(vmx_check_first_fast(&machine.cpu, false), VMX_CHECK_HOST_ASIZE_LMA0_HOST);
}

/* What every exit writes: each bit of it, alone and beside another. */
static void rip_rsp_and_rflags_alone_are_judged(void)
{
    static const enum vmcs_field fields[] = {VMCS_GUEST_RIP, VMCS_GUEST_RSP, VMCS_GUEST_RFLAGS};
    const struct vmx_caps full = valid_full_caps();
    unsigned refused = 0;
    for (unsigned guest = 0; guest < VALID_GUEST_COUNT; guest++) {
        valid_machine(&machine, &full, (enum valid_guest)guest);
        memcpy(&base, &machine, sizeof base);
        for (unsigned pair = 0; pair < 3 * 64 * 64; pair++) {
            const enum vmcs_field field = fields[pair / 64 / 64];
            const uint64_t before = vmcs_get(&base.vmcs, field);
            CU_ASSERT_EQUAL(vmx_check_first_fast(&machine.cpu, false), VMX_CHECK_NONE);
            vmcs_set(&machine.vmcs, field, before ^ UINT64_C(1) << pair % 64 ^ UINT64_C(1) << pair / 64 % 64);
            const enum vmx_check wanted = vmx_check_first(&machine.cpu, false);
            CU_ASSERT_EQUAL(vmx_check_first_fast(&machine.cpu, false), wanted);
            refused += wanted != VMX_CHECK_NONE;
            vmcs_set(&machine.vmcs, field, before);
        }
    }
    CU_ASSERT(refused > 1000);
}

SUITE("vmx-model/checks_fast", {"rip_rsp_and_rflags_alone_are_judged", rip_rsp_and_rflags_alone_are_judged},
      {"short_cut_equals_full_checks", short_cut_equals_full_checks},
      {"success_clears_and_failure_keeps_what_is_unchecked", success_clears_and_failure_keeps_what_is_unchecked},
      {"unchanged_vmcs_is_still_judged_against_the_processor", unchanged_vmcs_is_still_judged_against_the_processor})
