/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The entry checks: the table of rows, every rule shown to pass and to fail, and what each rule may read. */
#include "vmx-model/checks.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/random.h"
#include "tests/support/suite.h"
#include "tests/vmx-model/check_cases.h"
#include "vmx-model/checks_internal.h"

static struct valid_machine machine;
static struct vmx_caps full;

static const struct check_cases *const all_cases[] = {&control_cases, &host_cases, &guest_control_cases, &guest_segment_cases, &guest_state_cases};
enum { ALL_CASES = sizeof(all_cases) / sizeof(all_cases[0]) };

/* Calls a function for every case; the number is its place in its table, for messages. */
static void for_each_case(void (*visit)(const struct check_case *c, unsigned number))
{
    full = valid_full_caps();
    for (unsigned t = 0; t < ALL_CASES; t++)
        for (unsigned i = 0; i < all_cases[t]->count; i++)
            visit(&all_cases[t]->item[i], i);
}

static void prepare(const struct check_case *c, bool fails)
{
    valid_machine(&machine, &full, c->guest);
    take_steps(&machine, c->holds);
    if (fails)
        take_steps(&machine, c->fails);
}

static void expect(bool truth, const struct check_case *c, unsigned number, const char *what)
{
    if (!truth)
        printf("\n  case %u of %s: %s; first violated: %s", number, vmx_check_rows[c->check].id, what,
               vmx_check_rows[vmx_check_first(&machine.cpu, c->resume)].id);
    CU_ASSERT(truth);
}

static void passes_and_fails(const struct check_case *c, unsigned number)
{
    enum vmx_check violated[VMX_CHECK_COUNT];
    prepare(c, false);
    expect(vmx_check_first(&machine.cpu, c->resume) == VMX_CHECK_NONE, c, number, "should hold before");
    expect(vmx_check_all(&machine.cpu, c->resume, violated, VMX_CHECK_COUNT) == 0, c, number, "no rule should be violated before");
    expect(vmx_check_holds(&machine.cpu, c->resume, c->check), c, number, "the rule should hold before");

    take_steps(&machine, c->fails);
    const enum vmx_check first = vmx_check_first(&machine.cpu, c->resume);
    const unsigned count = vmx_check_all(&machine.cpu, c->resume, violated, VMX_CHECK_COUNT);
    bool listed = false;
    for (unsigned i = 0; i < count; i++)
        listed |= violated[i] == c->check;
    expect(!vmx_check_holds(&machine.cpu, c->resume, c->check), c, number, "the rule should be violated");
    expect(listed, c, number, "the rule should be among the violated ones");
    expect(count != 0 && first == violated[0], c, number, "the first of all should be the first");
    expect((first == c->check) != c->not_first, c, number, "should be the first violated rule, unless the case says that it cannot be");
}

static void every_rule_passes_and_fails(void)
{
    for_each_case(passes_and_fails);
}

static bool covered[VMX_CHECK_COUNT];

static void note_covered(const struct check_case *c, unsigned number)
{
    (void)number;
    covered[c->check] = true;
}

/* Rows of the MSR-load stage have their cases, and their count, in test_checks_msr_load.c. */
static void every_row_has_a_case_or_says_why_not(void)
{
    unsigned cases = 0, machine_check = 0, msr_load = 0, not_modelled = 0;
    for_each_case(note_covered);
    for (unsigned row = 1; row < VMX_CHECK_COUNT; row++) {
        const struct vmx_check_row *r = &vmx_check_rows[row];
        if (r->not_modelled != NULL) {
            printf("\n  not modelled: %s: %s", r->id, r->not_modelled);
            CU_ASSERT_FALSE(covered[row]);
            not_modelled++;
        } else if (r->stage == VMX_STAGE_MSR_LOAD)
            msr_load++;
        else if (r->stage == VMX_STAGE_MACHINE_CHECK)
            machine_check++;
        else {
            if (!covered[row])
                printf("\n  no case: %s", r->id);
            CU_ASSERT(covered[row]);
            cases++;
        }
    }
    printf("\n  %u rows with cases, ", cases);
    CU_ASSERT_EQUAL(cases + machine_check + msr_load + not_modelled, VMX_CHECK_COUNT - 1);
    CU_ASSERT_EQUAL(VMX_CHECK_COUNT - 1, 383);
    CU_ASSERT_EQUAL(not_modelled, 3);
    CU_ASSERT_EQUAL(msr_load, 7);
    CU_ASSERT_EQUAL(machine_check, 1);
}

static void machine_check_row_reads_the_pending_machine_check(void)
{
    full = valid_full_caps();
    valid_machine(&machine, &full, VALID_LONG);
    CU_ASSERT(vmx_check_holds(&machine.cpu, false, VMX_CHECK_MCE_ENTRY));
    machine.cpu.mce_at_entry = true;
    CU_ASSERT_FALSE(vmx_check_holds(&machine.cpu, false, VMX_CHECK_MCE_ENTRY));
    CU_ASSERT_EQUAL(vmx_check_first(&machine.cpu, false), VMX_CHECK_NONE);
}

static void expect_outcome(enum vmx_check first, enum vmx_check last, enum vmx_check_stage stage, enum vmx_check_outcome outcome, uint32_t number)
{
    for (unsigned row = first; row <= last; row++) {
        CU_ASSERT_EQUAL(vmx_check_rows[row].stage, stage);
        CU_ASSERT_EQUAL(vmx_check_rows[row].outcome, outcome);
        CU_ASSERT_EQUAL(vmx_check_rows[row].number, number);
    }
}

/* SDM 3C, "VM Entries" with "VM-Instruction Error Numbers" and, for failed entries, "Exit Qualification". */
static void outcomes_are_those_of_the_manual(void)
{
    expect_outcome(VMX_CHECK_BASIC_UD_MODE, VMX_CHECK_BASIC_UD_MODE, VMX_STAGE_BASIC, VMX_CHECK_UD, 0);
    expect_outcome(VMX_CHECK_BASIC_NONROOT, VMX_CHECK_BASIC_NONROOT, VMX_STAGE_BASIC, VMX_CHECK_EXIT, 0);
    expect_outcome(VMX_CHECK_BASIC_GP_CPL, VMX_CHECK_BASIC_GP_CPL, VMX_STAGE_BASIC, VMX_CHECK_GP, 0);
    expect_outcome(VMX_CHECK_BASIC_CURRENT_VMCS, VMX_CHECK_BASIC_NOT_SHADOW, VMX_STAGE_BASIC, VMX_CHECK_FAIL_INVALID, 0);
    expect_outcome(VMX_CHECK_BASIC_MOV_SS, VMX_CHECK_BASIC_MOV_SS, VMX_STAGE_BASIC, VMX_CHECK_FAIL_VALID, 26);
    expect_outcome(VMX_CHECK_BASIC_LAUNCH_CLEAR, VMX_CHECK_BASIC_LAUNCH_CLEAR, VMX_STAGE_BASIC, VMX_CHECK_FAIL_VALID, 4);
    expect_outcome(VMX_CHECK_BASIC_RESUME_LAUNCHED, VMX_CHECK_BASIC_RESUME_LAUNCHED, VMX_STAGE_BASIC, VMX_CHECK_FAIL_VALID, 5);
    expect_outcome(VMX_CHECK_BASIC_RESUME_AFTER_VMXOFF, VMX_CHECK_BASIC_RESUME_AFTER_VMXOFF, VMX_STAGE_BASIC, VMX_CHECK_FAIL_VALID, 6);
    expect_outcome(VMX_CHECK_CTL_PIN_ALLOWED0, VMX_CHECK_CTL_ENTRY_SMM_BOTH, VMX_STAGE_CONTROLS, VMX_CHECK_FAIL_VALID, 7);
    expect_outcome(VMX_CHECK_SMM_EXEC_VMCS_ALIGN, VMX_CHECK_SMM_EXEC_VMCS_REVISION, VMX_STAGE_SMM, VMX_CHECK_FAIL_VALID, 16);
    expect_outcome(VMX_CHECK_SMM_EXEC_VMCS_LAUNCHED, VMX_CHECK_SMM_EXEC_VMCS_LAUNCHED, VMX_STAGE_SMM, VMX_CHECK_FAIL_VALID, 17);
    expect_outcome(VMX_CHECK_SMM_DEACT_VMXON, VMX_CHECK_SMM_DEACT_VMXON, VMX_STAGE_SMM, VMX_CHECK_FAIL_VALID, 18);
    expect_outcome(VMX_CHECK_SMM_EXEC_VMCS_CONTROLS, VMX_CHECK_SMM_EXEC_VMCS_CONTROLS, VMX_STAGE_SMM, VMX_CHECK_FAIL_VALID, 25);
    expect_outcome(VMX_CHECK_HOST_CR0_FIXED0, VMX_CHECK_HOST_ASIZE_NO64, VMX_STAGE_HOST, VMX_CHECK_FAIL_VALID, 8);
    expect_outcome(VMX_CHECK_GUEST_CR0_FIXED0, VMX_CHECK_GUEST_INTR_SMI_ENTRY, VMX_STAGE_GUEST, VMX_CHECK_ENTRY_FAILURE_33, 0);
    expect_outcome(VMX_CHECK_GUEST_INTR_NMI_STI, VMX_CHECK_GUEST_INTR_NMI_STI, VMX_STAGE_GUEST, VMX_CHECK_ENTRY_FAILURE_33, 3);
    expect_outcome(VMX_CHECK_GUEST_INTR_NMI_VIRTUAL, VMX_CHECK_GUEST_PDBG_RTM_MOVSS, VMX_STAGE_GUEST, VMX_CHECK_ENTRY_FAILURE_33, 0);
    expect_outcome(VMX_CHECK_GUEST_LINK_ALIGN, VMX_CHECK_GUEST_LINK_NOT_EXECUTIVE, VMX_STAGE_GUEST, VMX_CHECK_ENTRY_FAILURE_33, 4);
    expect_outcome(VMX_CHECK_GUEST_PDPTE0_RESERVED, VMX_CHECK_GUEST_PDPTE3_RESERVED, VMX_STAGE_GUEST, VMX_CHECK_ENTRY_FAILURE_33, 2);
    expect_outcome(VMX_CHECK_MSRLOAD_FS_BASE, VMX_CHECK_MSRLOAD_WRMSR_GP, VMX_STAGE_MSR_LOAD, VMX_CHECK_ENTRY_FAILURE_34, 0);
    expect_outcome(VMX_CHECK_MCE_ENTRY, VMX_CHECK_MCE_ENTRY, VMX_STAGE_MACHINE_CHECK, VMX_CHECK_ENTRY_FAILURE_41, 0);
}

static void rows_name_rule_and_section(void)
{
    for (unsigned row = 1; row < VMX_CHECK_COUNT; row++) {
        CU_ASSERT_NOT_EQUAL(strlen(vmx_check_rows[row].id), 0);
        CU_ASSERT_NOT_EQUAL(strlen(vmx_check_rows[row].section), 0);
        CU_ASSERT_NOT_EQUAL(strlen(vmx_check_rows[row].rule), 0);
        for (unsigned other = 1; other < row; other++)
            CU_ASSERT_NOT_EQUAL(strcmp(vmx_check_rows[row].id, vmx_check_rows[other].id), 0);
    }
}

static void rule_tables_follow_the_rows(void)
{
    unsigned next = 1;
    for (unsigned t = 0; t < CHECK_TABLES; t++)
        for (unsigned i = 0; i < vmx_check_tables[t]->count; i++, next++) {
            const struct check_rule *rule = &vmx_check_tables[t]->rule[i];
            CU_ASSERT_EQUAL(rule->check, next);
            CU_ASSERT((rule->holds != NULL) != (rule->holds_for != NULL));
            CU_ASSERT((rule->holds == check_not_modelled) == (vmx_check_rows[rule->check].not_modelled != NULL));
        }
    CU_ASSERT_EQUAL(next, VMX_CHECK_MSRLOAD_FS_BASE);
}

/* The fields of a row, from its text; returns the groups that they are in. */
static uint32_t fields_of(enum vmx_check row, bool reads[VMCS_FIELD_COUNT])
{
    uint32_t groups = 0;
    memset(reads, 0, VMCS_FIELD_COUNT * sizeof reads[0]);
    for (const char *text = vmx_check_rows[row].fields; *text != '\0';) {
        char name[64] = "";
        const size_t length = strcspn(text, " ");
        if (length >= sizeof name)
            return UINT32_MAX;
        memcpy(name, text, length);
        const enum vmcs_field field = vmcs_field_of_name(name);
        if (field == VMCS_NO_FIELD)
            return UINT32_MAX;
        reads[field] = true;
        groups |= vmcs_fields[field].group;
        text += length;
        text += strspn(text, " ");
    }
    return groups;
}

static bool in_set(const uint64_t rows[CHECK_WORDS], unsigned row)
{
    return (rows[row / 64] >> (row % 64) & 1) != 0;
}

static void readers_follow_the_fields_of_the_rows(void)
{
    bool reads[VMCS_FIELD_COUNT];
    uint64_t of_vm[CHECK_WORDS], of_machine[CHECK_WORDS], rows[CHECK_WORDS];
    vmx_check_readers(of_vm, CHECK_GROUP_VM);
    vmx_check_readers(of_machine, CHECK_GROUP_PROCESSOR | CHECK_GROUP_MEMORY);
    for (unsigned bit = 0; bit < 12; bit++) {
        vmx_check_readers(rows, 1u << bit);
        for (unsigned row = 1; row < VMX_CHECK_MSRLOAD_FS_BASE; row++) {
            const uint32_t groups = fields_of((enum vmx_check)row, reads);
            const bool vm = in_set(of_vm, row);
            CU_ASSERT_NOT_EQUAL(groups, UINT32_MAX);
            CU_ASSERT(!vm || reads[VMCS_GUEST_RFLAGS]);
            CU_ASSERT_EQUAL(in_set(rows, row), (groups & 1u << bit) != 0 && !(vm && 1u << bit == VMCS_GROUP_GUEST_IP));
            CU_ASSERT(groups != 0 || in_set(of_machine, row));
        }
    }
}

/* Does the verdict stay with each of these values in a field? */
static bool verdict_stays(const struct check_case *c, enum vmcs_field field, uint64_t kept_bits)
{
    static const uint64_t values[] = {0, UINT64_MAX, UINT64_C(0x5555555555555555), UINT64_C(0x80000b0e80000b0e)};
    const uint64_t before = machine.vmcs.field[field];
    const bool verdict = vmx_check_holds(&machine.cpu, c->resume, c->check);
    bool same = true;
    for (unsigned v = 0; v < sizeof values / sizeof values[0]; v++) {
        vmcs_set(&machine.vmcs, field, (values[v] & ~kept_bits) | (before & kept_bits));
        same &= vmx_check_holds(&machine.cpu, c->resume, c->check) == verdict;
    }
    machine.vmcs.field[field] = before;
    return same;
}

static void disturb_memory_and_pointers(void)
{
    memset(machine.memory, 0x5a, sizeof machine.memory);
    machine.cpu.vmxon_region = machine.cpu.current_vmcs = VALID_FREE;
}

static void disturb_processor(void)
{
    memset(&machine.cpu.state, 0xa5, sizeof machine.cpu.state);
    machine.cpu.smm = !machine.cpu.smm;
    machine.cpu.operation = VMX_OPERATION_NON_ROOT;
    machine.vmcs.launched ^= 1;
    machine.vmcs.revision = ~machine.vmcs.revision;
}

/* Changes all that the row does not claim to read, one thing at a time, and sees that the verdict stays. */
static void reads_nothing_else(const struct check_case *c, unsigned number)
{
    bool reads[VMCS_FIELD_COUNT];
    uint64_t of_vm[CHECK_WORDS], of_processor[CHECK_WORDS], of_memory[CHECK_WORDS];
    (void)fields_of(c->check, reads);
    vmx_check_readers(of_vm, CHECK_GROUP_VM);
    vmx_check_readers(of_processor, CHECK_GROUP_PROCESSOR | CHECK_GROUP_MEMORY);
    vmx_check_readers(of_memory, CHECK_GROUP_MEMORY);
    for (unsigned fails = 0; fails < 2; fails++) {
        prepare(c, fails != 0);
        const bool verdict = fails == 0;
        bool same = true;
        for (unsigned field = 0; field < VMCS_FIELD_COUNT; field++)
            if (!reads[field])
                same &= verdict_stays(c, (enum vmcs_field)field, 0);
        if (in_set(of_vm, c->check))
            same &= verdict_stays(c, VMCS_GUEST_RFLAGS, VMX_RFLAGS_VM);
        expect(same, c, number, "the rule reads a field that its row does not name");
        if (c->check == VMX_CHECK_BASIC_CURRENT_VMCS)
            continue;
        if (!in_set(of_memory, c->check)) {
            disturb_memory_and_pointers();
            same = vmx_check_holds(&machine.cpu, c->resume, c->check) == verdict;
        }
        if (!in_set(of_processor, c->check)) {
            disturb_processor();
            same &= vmx_check_holds(&machine.cpu, !c->resume, c->check) == verdict;
        }
        expect(same, c, number, "the rule reads the processor or memory, and its row does not say so");
    }
}

static void rules_read_what_their_rows_name_and_no_more(void)
{
    for_each_case(reads_nothing_else);
}

static void without_current_vmcs_only_the_rules_before_it_are_judged(void)
{
    enum vmx_check violated[4] = {VMX_CHECK_NONE};
    full = valid_full_caps();
    valid_machine(&machine, &full, VALID_LONG);
    machine.cpu.vmcs = NULL;
    machine.cpu.current_vmcs = VMX_NO_VMCS;
    CU_ASSERT_EQUAL(vmx_check_first(&machine.cpu, false), VMX_CHECK_BASIC_CURRENT_VMCS);
    CU_ASSERT_EQUAL(vmx_check_first_fast(&machine.cpu, false), VMX_CHECK_BASIC_CURRENT_VMCS);
    CU_ASSERT_EQUAL(vmx_check_all(&machine.cpu, false, violated, 4), 1);
    CU_ASSERT_EQUAL(violated[0], VMX_CHECK_BASIC_CURRENT_VMCS);
    CU_ASSERT(vmx_check_holds(&machine.cpu, false, VMX_CHECK_HOST_CR0_FIXED0));
    CU_ASSERT(vmx_check_holds(&machine.cpu, false, VMX_CHECK_NONE));
}

static void native_root_software_is_64bit_code_at_cpl_0(void)
{
    full = valid_full_caps();
    valid_machine(&machine, &full, VALID_REAL);
    memset(&machine.cpu.state, 0, sizeof machine.cpu.state);
    machine.cpu.state.interruptibility = VMX_BLOCKING_BY_MOV_SS;
    CU_ASSERT_EQUAL(vmx_check_first(&machine.cpu, false), VMX_CHECK_BASIC_UD_MODE);
    machine.cpu.native_root = true;
    CU_ASSERT_EQUAL(vmx_check_first(&machine.cpu, false), VMX_CHECK_NONE);
    machine.cpu.operation = VMX_OPERATION_OFF;
    CU_ASSERT_EQUAL(vmx_check_first(&machine.cpu, false), VMX_CHECK_BASIC_UD_MODE);
    machine.cpu.operation = VMX_OPERATION_NON_ROOT;
    CU_ASSERT_FALSE(vmx_check_holds(&machine.cpu, false, VMX_CHECK_BASIC_UD_MODE));
}

static void all_counts_beyond_the_capacity(void)
{
    enum vmx_check violated[2] = {VMX_CHECK_NONE, VMX_CHECK_NONE};
    full = valid_full_caps();
    valid_machine(&machine, &full, VALID_LONG);
    vmcs_set(&machine.vmcs, VMCS_HOST_CR0, 0);
    vmcs_set(&machine.vmcs, VMCS_HOST_CR4, 0);
    vmcs_set(&machine.vmcs, VMCS_GUEST_RFLAGS, 0);
    CU_ASSERT_EQUAL(vmx_check_all(&machine.cpu, false, violated, 1), 4);
    CU_ASSERT_EQUAL(violated[0], VMX_CHECK_HOST_CR0_FIXED0);
    CU_ASSERT_EQUAL(violated[1], VMX_CHECK_NONE);
}

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
                printf("\n  %s, guest %u: %s", caps->name, guest, vmx_check_rows[first].id);
            CU_ASSERT_EQUAL(first, VMX_CHECK_NONE);
        }
}

/* Whatever stands in the VMCS and the processor: an answer, and the same one from each of the functions. */
static void random_states_get_consistent_answers(void)
{
    enum { STATES = 100000 };
    struct random random = {1};
    full = valid_full_caps();
    valid_machine(&machine, &full, VALID_LONG);
    for (unsigned n = 0; n < STATES; n++) {
        for (unsigned field = 0; field < VMCS_FIELD_COUNT; field++)
            machine.vmcs.field[field] = random_next(&random);
        machine.cpu.state.efer = random_next(&random);
        machine.cpu.smm = (random_next(&random) & 1) != 0;
        enum vmx_check violated[VMX_CHECK_COUNT];
        const unsigned count = vmx_check_all(&machine.cpu, false, violated, VMX_CHECK_COUNT);
        const enum vmx_check first = vmx_check_first(&machine.cpu, false);
        machine.vmcs.unchecked = VMCS_GROUP_ALL;
        if (count == 0 || count >= VMX_CHECK_COUNT || first != violated[0] || vmx_check_first_fast(&machine.cpu, false) != first ||
            vmx_check_holds(&machine.cpu, false, first) || machine.vmcs.unchecked != VMCS_GROUP_ALL) {
            CU_FAIL("the functions disagree");
            return;
        }
    }
}

SUITE("vmx-model/checks", {"every_profile_accepts_the_valid_states", every_profile_accepts_the_valid_states},
      {"every_rule_passes_and_fails", every_rule_passes_and_fails}, {"every_row_has_a_case_or_says_why_not", every_row_has_a_case_or_says_why_not},
      {"machine_check_row_reads_the_pending_machine_check", machine_check_row_reads_the_pending_machine_check},
      {"outcomes_are_those_of_the_manual", outcomes_are_those_of_the_manual}, {"rows_name_rule_and_section", rows_name_rule_and_section},
      {"rule_tables_follow_the_rows", rule_tables_follow_the_rows}, {"readers_follow_the_fields_of_the_rows", readers_follow_the_fields_of_the_rows},
      {"rules_read_what_their_rows_name_and_no_more", rules_read_what_their_rows_name_and_no_more},
      {"without_current_vmcs_only_the_rules_before_it_are_judged", without_current_vmcs_only_the_rules_before_it_are_judged},
      {"native_root_software_is_64bit_code_at_cpl_0", native_root_software_is_64bit_code_at_cpl_0},
      {"all_counts_beyond_the_capacity", all_counts_beyond_the_capacity},
      {"random_states_get_consistent_answers", random_states_get_consistent_answers})
