/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tells of violated VM-entry rules. */
#include "explain.h"

#include <inttypes.h>
#include <stdlib.h>

#include "../vmx-model/controls.h"
#include "../vmx-model/errors.h"
#include "wrap.h"

struct printed {
    FILE *to;
    const struct vmcs *v;
    const bool *known;
};

static int digits_of(enum vmcs_field field)
{
    static const int digits[] = {[VMCS_16] = 4, [VMCS_64] = 16, [VMCS_32] = 8, [VMCS_NATURAL] = 16};
    return digits[vmcs_width(field)];
}

static void print_field(void *context, enum vmcs_field field)
{
    const struct printed *p = context;
    if (p->known != NULL && !p->known[field])
        fprintf(p->to, "   %-32s not known\n", vmcs_fields[field].name);
    else
        fprintf(p->to, "   %-32s %0*" PRIX64 "H\n", vmcs_fields[field].name, digits_of(field), vmcs_get(p->v, field));
}

void explain_rule(FILE *to, const char *title, enum vmx_check check, const struct vmcs *v, const bool *known)
{
    const struct vmx_check_row *row = &vmx_check_rows[check];
    struct printed printed = {to, v, known};
    fprintf(to, "%s%s\n   ", title, row->id);
    wrap_text(to, 3, row->rule);
    fprintf(to, "   SDM 3C, \"%s\"\n", row->section);
    if (v != NULL)
        judge_fields(check, print_field, &printed);
}

/* ---- what would mend it ---- */
static void print_bit(FILE *to, enum vmcs_field field, unsigned bit, bool set)
{
    for (unsigned w = 0; w < VMX_WORD_CONTROLS; w++) {
        const enum vmx_control_word word = (enum vmx_control_word)w;
        const struct vmx_control_row *row = vmx_control_field(word) == field ? vmx_control_of_bit(word, bit) : NULL;
        if (row == NULL)
            continue;
        fprintf(to, "%s.%s=%u", vmx_control_word_name(word), row->name, set);
        return;
    }
    fprintf(to, "%s bit %u of %s", set ? "set" : "clear", bit, vmcs_fields[field].name);
}

static void print_fix(FILE *to, const struct vmcs *v, const struct entry_fix *fix)
{
    const uint64_t change = vmcs_get(v, fix->field) ^ fix->value;
    unsigned bit = 0;
    if ((change & (change - 1)) == 0) {
        while (change >> bit != 1)
            bit++;
        print_bit(to, fix->field, bit, (fix->value >> bit & 1) != 0);
        fprintf(to, ": %0*" PRIX64 "H\n", digits_of(fix->field), fix->value);
        return;
    }
    fprintf(to, "%s = %0*" PRIX64 "H\n", vmcs_fields[fix->field].name, digits_of(fix->field), fix->value);
}

static void print_fixes(FILE *to, const struct judged_entry *entry, const struct judgement *judgement, enum vmx_check check)
{
    struct entry_fix fixes[JUDGE_FIXES];
    const unsigned count = judge_fixes(entry, judgement, check, fixes);
    if (count == 0)
        fputs("   no change of one field alone mends it without a new violation\n", to);
    for (unsigned i = 0; i < count; i++) {
        fputs(i == 0 ? "   mended by: " : "          or: ", to);
        print_fix(to, entry->cpu->vmcs, &fixes[i]);
    }
}

static void print_result(FILE *to, enum vmx_check check)
{
    const struct vmx_check_row *row = &vmx_check_rows[check];
    const struct vmx_instruction_error_row *error = vmx_instruction_error(row->number);
    switch (row->outcome) {
    case VMX_CHECK_UD:
        fputs("#UD", to);
        break;
    case VMX_CHECK_GP:
        fputs("#GP(0)", to);
        break;
    case VMX_CHECK_EXIT:
        fputs("a VM exit", to);
        break;
    case VMX_CHECK_FAIL_INVALID:
        fputs("VMfailInvalid", to);
        break;
    case VMX_CHECK_FAIL_VALID:
        fprintf(to, "VMfailValid, VM-instruction error %u (%s)", row->number, error != NULL ? error->meaning : "unknown");
        break;
    case VMX_CHECK_ENTRY_FAILURE_33:
        fprintf(to, "exit reason 80000021H (invalid guest state), exit qualification %u", row->number);
        break;
    case VMX_CHECK_ENTRY_FAILURE_34:
        fputs("exit reason 80000022H (MSR loading); the exit qualification is the number of the entry, from 1", to);
        break;
    case VMX_CHECK_ENTRY_FAILURE_41:
        fputs("exit reason 80000029H (machine-check event)", to);
        break;
    }
}

static void print_open(FILE *to, const struct judgement *judgement)
{
    if (judgement->open_count == 0)
        return;
    char names[VMX_CHECK_COUNT * 40];
    size_t length = 0;
    for (unsigned i = 0; i < judgement->open_count && length < sizeof names - 64; i++)
        length += (size_t)snprintf(names + length, sizeof names - length, "%s%.60s", i == 0 ? "" : " ", vmx_check_rows[judgement->open[i]].id);
    fputs("not judged, since they read what is not known here:\n   ", to);
    wrap_text(to, 3, names);
}

void explain_judgement(FILE *to, const struct judged_entry *entry, const struct judgement *judgement)
{
    if (judgement->count == 0)
        fprintf(to, "no rule is violated%s\n", judgement->open_count != 0 ? " of those that can be judged" : "");
    else
        fprintf(to, "%u rule%s violated; a processor reports ", judgement->count, judgement->count == 1 ? " is" : "s are");
    if (judgement->count != 0)
        print_result(to, judgement->violated[0]);
    fputs(judgement->count != 0 ? "\n" : "", to);
    for (unsigned i = 0; i < judgement->count; i++) {
        char title[16];
        snprintf(title, sizeof title, "%u. ", i + 1);
        explain_rule(to, title, judgement->violated[i], entry->cpu->vmcs, entry->known);
        print_fixes(to, entry, judgement, judgement->violated[i]);
    }
    print_open(to, judgement);
}
