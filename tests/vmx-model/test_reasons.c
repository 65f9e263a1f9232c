/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of exit reasons is whole, and every spelling of a reason finds its row. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/suite.h"
#include "vmx-model/controls.h"
#include "vmx-model/reasons.h"

static void rows_stand_at_their_number(void)
{
    for (unsigned i = 0; i < VMX_REASON_LIMIT; i++) {
        CU_ASSERT_EQUAL(vmx_reasons[i].number, i);
        CU_ASSERT_STRING_EQUAL(vmx_reason_name(i), vmx_reasons[i].name);
    }
    CU_ASSERT_STRING_EQUAL(vmx_reason_name(VMX_REASON_LIMIT), "UNKNOWN");
    CU_ASSERT_STRING_EQUAL(vmx_reason_name(UINT32_MAX), "UNKNOWN");
}

static void flags_stand_from_the_highest_bit(void)
{
    static const unsigned bits[] = {31, 29, 28, 27, 26, 25};
    CU_ASSERT_EQUAL_FATAL(vmx_reason_flag_count, sizeof bits / sizeof bits[0]);
    for (unsigned i = 0; i < vmx_reason_flag_count; i++)
        CU_ASSERT_EQUAL(vmx_reason_flags[i].number, bits[i]);
    CU_ASSERT_EQUAL(UINT32_C(1) << vmx_reason_flags[0].number, VMX_REASON_FAILED_VMENTRY);
}

static void every_column_is_filled(const struct vmx_reason_row *row)
{
    const char *const columns[] = {row->name,           row->sdm_name,          row->class_name,         row->fault_or_trap,    row->decided_by,
                                   row->priority,       row->qualification,     row->instruction_length, row->instruction_info, row->guest_linear,
                                   row->guest_physical, row->interruption_info, row->idt_vectoring,      row->resolution,       row->avoidance};
    for (unsigned c = 0; c < sizeof columns / sizeof columns[0]; c++)
        CU_ASSERT(columns[c] != NULL && columns[c][0] != '\0');
}

static void no_row_has_an_empty_column(void)
{
    for (unsigned i = 0; i < VMX_REASON_LIMIT; i++)
        every_column_is_filled(&vmx_reasons[i]);
    for (unsigned i = 0; i < vmx_reason_flag_count; i++)
        every_column_is_filled(&vmx_reason_flags[i]);
}

static void finds(const char *name, const struct vmx_reason_row *row)
{
    if (vmx_reason_of_name(name) != row)
        fprintf(stderr, "%s does not find %s\n", name, row->name);
    CU_ASSERT(vmx_reason_of_name(name) == row);
}

static void every_spelling_finds_its_row(void)
{
    for (unsigned i = 0; i < VMX_REASON_LIMIT; i++) {
        const struct vmx_reason_row *row = &vmx_reasons[i];
        char text[96];
        finds(row->name, row);
        if (strcmp(row->sdm_name, "reserved") != 0)
            finds(row->sdm_name, row);
        if (row->seed_name != NULL)
            finds(row->seed_name, row);
        snprintf(text, sizeof text, "EXIT_REASON_%s", row->name);
        finds(text, row);
        for (char *c = text; *c != '\0'; c++)
            *c = (char)tolower((unsigned char)*c);
        finds(text, row);
        snprintf(text, sizeof text, "%u", i);
        finds(text, row);
        snprintf(text, sizeof text, "0x%x", i);
        finds(text, row);
    }
    for (unsigned i = 0; i < vmx_reason_flag_count; i++) {
        finds(vmx_reason_flags[i].name, &vmx_reason_flags[i]);
        finds(vmx_reason_flags[i].sdm_name, &vmx_reason_flags[i]);
    }
}

static void unknown_names_find_nothing(void)
{
    static const char *const names[] = {"", "reserved", "86", "0x56", "-1", "4294967296", "0x", "CPUIDS", "EXIT_REASON_", "1x"};
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
        CU_ASSERT_PTR_NULL(vmx_reason_of_name(names[i]));
}

static void the_53_names_of_the_users_list_resolve(void)
{
    static const struct {
        const char *name;
        unsigned number;
    } list[] = {
        {"EXCEPTION_NMI", 0},
        {"EXTERNAL_INTERRUPT", 1},
        {"TRIPLE_FAULT", 2},
        {"PENDING_INTERRUPT", 7},
        {"NMI_WINDOW", 8},
        {"TASK_SWITCH", 9},
        {"CPUID", 10},
        {"HLT", 12},
        {"INVD", 13},
        {"INVLPG", 14},
        {"RDPMSR", 15},
        {"RDTSC", 16},
        {"VMCALL", 18},
        {"VMCLEAR", 19},
        {"VMLAUNCH", 20},
        {"VMPTRLD", 21},
        {"VMPTRST", 22},
        {"VMREAD", 23},
        {"VMRESUME", 24},
        {"VMWRITE", 25},
        {"VMOFF", 26},
        {"VMON", 27},
        {"CR_ACCESS", 28},
        {"DR_ACCESS", 29},
        {"IO_INSTRUCTION", 30},
        {"MSR_READ", 31},
        {"MSR_WRITE", 32},
        {"INVALID_STATE", 33},
        {"MSR_LOAD_FAIL", 34},
        {"MWAIT_INSTRUCTION", 36},
        {"MONITOR_TRAP_FLAG", 37},
        {"MONITOR_INSTRUCTION", 39},
        {"PAUSE_INSTRUCTION", 40},
        {"MCE_DURING_VMENTRY", 41},
        {"TPR_BELOW_THRESHOLD", 43},
        {"APIC_ACCESS", 44},
        {"EOI_INDUCED", 45},
        {"GDTR_IDTR", 46},
        {"LDTR_TR", 47},
        {"EPT_VIOLATION", 48},
        {"EPT_MISCONFIG", 49},
        {"INVEPT", 50},
        {"RDTSMP", 51},
        {"PREEMPTION_TIMER", 52},
        {"INVVPID", 53},
        {"WBINVD", 54},
        {"XSETBV", 55},
        {"APIC_WRITE", 56},
        {"INVPCID", 58},
        {"PML_FULL", 62},
        {"XSAVES", 63},
        {"XRSTORS", 64},
    };
    const unsigned basic = sizeof list / sizeof list[0];
    CU_ASSERT_EQUAL(basic, 52);
    for (unsigned i = 0; i < basic; i++)
        finds(list[i].name, &vmx_reasons[list[i].number]);
    finds("FAILED_VMENTRY", &vmx_reason_flags[0]); /* the 53rd is a flag, not a basic reason */

    unsigned rows = vmx_reason_flags[0].seed_name != NULL;
    for (unsigned i = 0; i < VMX_REASON_LIMIT; i++)
        rows += vmx_reasons[i].seed_name != NULL;
    CU_ASSERT_EQUAL(rows, 53);
}

static void control_references_resolve(const char *text)
{
    struct vmx_control_reference reference;
    while ((text = vmx_next_control_reference(text, &reference)) != NULL) {
        CU_ASSERT_PTR_NOT_NULL(vmx_control_of_bit(reference.word, reference.low));
        CU_ASSERT_PTR_NOT_NULL(vmx_control_of_bit(reference.word, reference.high));
    }
}

static void every_control_that_a_text_names_exists(void)
{
    for (unsigned i = 0; i < VMX_REASON_LIMIT; i++) {
        control_references_resolve(vmx_reasons[i].decided_by);
        control_references_resolve(vmx_reasons[i].priority);
        control_references_resolve(vmx_reasons[i].resolution);
        control_references_resolve(vmx_reasons[i].avoidance);
    }
}

SUITE("vmx-model/reasons", {"rows_stand_at_their_number", rows_stand_at_their_number},
      {"flags_stand_from_the_highest_bit", flags_stand_from_the_highest_bit}, {"no_row_has_an_empty_column", no_row_has_an_empty_column},
      {"every_spelling_finds_its_row", every_spelling_finds_its_row}, {"unknown_names_find_nothing", unknown_names_find_nothing},
      {"the_53_names_of_the_users_list_resolve", the_53_names_of_the_users_list_resolve},
      {"every_control_that_a_text_names_exists", every_control_that_a_text_names_exists})
