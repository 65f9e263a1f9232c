/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vmxbench checks: the VM-entry checks as a manual. */
#include <stdio.h>
#include <string.h>

#include "../vmx-model/checks.h"
#include "../vmx-model/errors.h"
#include "../vmx-model/names.h"
#include "../vmx-model/reasons.h"
#include "commands.h"
#include "manual.h"
#include "wrap.h"

static const char usage[] = "usage: vmxbench checks [--json] [NAME]\n"
                            "The checks of VM entry in the order in which they are made: without NAME all of them, with NAME one in full: the rule, "
                            "its section of the manual,\n"
                            "the fields it reads, and what a violation gives.\n"
                            "NAME is the identifier of a check (GUEST.CR0.FIXED0); case does not matter.\n"
                            "\n"
                            "  --json   as JSON\n";

static const char *const stage_names[VMX_STAGE_COUNT] = {
    [VMX_STAGE_BASIC] = "basic VM-entry checks", [VMX_STAGE_CONTROLS] = "VMX controls",  [VMX_STAGE_SMM] = "entries to and from SMM",
    [VMX_STAGE_HOST] = "host-state area",        [VMX_STAGE_GUEST] = "guest-state area", [VMX_STAGE_MSR_LOAD] = "MSR loading",
    [VMX_STAGE_MACHINE_CHECK] = "machine check",
};

static unsigned failed_entry_reason(enum vmx_check_outcome outcome)
{
    return outcome == VMX_CHECK_ENTRY_FAILURE_33 ? 33 : outcome == VMX_CHECK_ENTRY_FAILURE_34 ? 34 : 41;
}

static void add_outcome(struct page *page, const struct vmx_check_row *row)
{
    const struct vmx_instruction_error_row *error = vmx_instruction_error(row->number);
    const unsigned reason = failed_entry_reason(row->outcome);
    switch (row->outcome) {
    case VMX_CHECK_UD:
        page_add(page, "outcome", "A violation gives", "#UD");
        break;
    case VMX_CHECK_GP:
        page_add(page, "outcome", "A violation gives", "#GP(0)");
        break;
    case VMX_CHECK_EXIT:
        page_add(page, "outcome", "A violation gives", "a VM exit");
        break;
    case VMX_CHECK_FAIL_INVALID:
        page_add(page, "outcome", "A violation gives", "VMfailInvalid");
        break;
    case VMX_CHECK_FAIL_VALID:
        page_add(page, "outcome", "A violation gives", "VMfailValid(%u): %s", row->number, error != NULL ? error->meaning : "unknown error");
        break;
    case VMX_CHECK_ENTRY_FAILURE_33:
    case VMX_CHECK_ENTRY_FAILURE_34:
    case VMX_CHECK_ENTRY_FAILURE_41:
        page_add(page, "outcome", "A violation gives", "a failed VM entry, exit reason %u with bit 31 (%s), exit qualification %u", reason,
                 vmx_reason_name(reason), row->number);
        break;
    }
}

static const struct vmx_check_row *row_of(unsigned index)
{
    return &vmx_check_rows[index + 1]; /* 0 is VMX_CHECK_NONE */
}

static void list(void)
{
    enum vmx_check_stage stage = VMX_STAGE_COUNT;
    for (unsigned i = 0; i < VMX_CHECK_COUNT - 1; i++) {
        const struct vmx_check_row *row = row_of(i);
        if (row->stage != stage)
            printf("%s%s\n", i == 0 ? "" : "\n", stage_names[row->stage]);
        stage = row->stage;
        printf("  %-36s  ", row->id);
        if (strlen(row->id) > 36)
            printf("\n%*s", 40, "");
        wrap_text(stdout, 40, row->rule);
    }
}

static void describe(unsigned index, struct page *page)
{
    const struct vmx_check_row *row = row_of(index);
    snprintf(page->title, sizeof page->title, "%s: VM-entry check %u of %u", row->id, index + 1, VMX_CHECK_COUNT - 1);
    page_add(page, "name", "Identifier", "%s", row->id);
    page_add(page, "stage", "Stage", "%s", stage_names[row->stage]);
    page_add(page, "section", "Section of the manual", "%s", row->section);
    page_add(page, "rule", "Must hold", "%s", row->rule);
    add_outcome(page, row);
    page_add(page, "fields", "Reads the fields", "%s", row->fields);
    page_add(page, "not_modelled", "Not modelled", "%s", row->not_modelled != NULL ? row->not_modelled : "");
    page_add_controls(page, &row->rule, 1);
}

static unsigned find(const char *name, unsigned matches[MANUAL_MATCHES])
{
    const char *const rest = vmx_name_after_prefix(name, "VMX_CHECK_");
    for (unsigned i = 0; i < VMX_CHECK_COUNT - 1; i++)
        if (vmx_name_equal(row_of(i)->id, rest)) {
            matches[0] = i;
            return 1;
        }
    return 0;
}

static const char *name(unsigned index, unsigned alias)
{
    return alias == 0 ? row_of(index)->id : NULL;
}

int cmd_checks(int argc, char **argv)
{
    const struct manual manual = {"checks", usage, "VM-entry check", VMX_CHECK_COUNT - 1, list, describe, find, name};
    return manual_run(&manual, argc, argv);
}
