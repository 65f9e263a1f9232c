/* SPDX-License-Identifier: MIT */
/* Runs the VM-entry checks: the first violated rule, all of them, one alone, or only those whose input may have changed. */
#include "checks.h"

#include <stddef.h>

#include "checks_internal.h"

/* In row order: basic checks, controls, return from SMM, host state, guest state. */
static const struct check_table *const tables[] = {
    &vmx_basic_rules,         &vmx_execution_rules,     &vmx_exit_control_rules, &vmx_entry_control_rules, &vmx_smm_rules,        &vmx_host_rules,
    &vmx_guest_control_rules, &vmx_guest_segment_rules, &vmx_guest_rip_rules,    &vmx_guest_event_rules,   &vmx_guest_link_rules,
};
enum { TABLES = sizeof(tables) / sizeof(tables[0]) };

/* Without a current VMCS only the rules up to that one can be judged; the others count as held. */
static bool rule_holds(const struct check_env *e, const struct check_rule *r)
{
    if (e->vmcs == NULL && r->check > VMX_CHECK_BASIC_CURRENT_VMCS)
        return true;
    return r->holds != NULL ? r->holds(e) : r->holds_for(e, r);
}

enum vmx_check vmx_check_first(const struct vmx_cpu *cpu, bool resume)
{
    struct check_env e;
    vmx_check_gather(&e, cpu, resume);
    for (unsigned t = 0; t < TABLES; t++)
        for (unsigned i = 0; i < tables[t]->count; i++)
            if (!rule_holds(&e, &tables[t]->rule[i]))
                return tables[t]->rule[i].check;
    return VMX_CHECK_NONE;
}

unsigned vmx_check_all(const struct vmx_cpu *cpu, bool resume, enum vmx_check *violated, unsigned capacity)
{
    unsigned count = 0;
    struct check_env e;
    vmx_check_gather(&e, cpu, resume);
    for (unsigned t = 0; t < TABLES; t++)
        for (unsigned i = 0; i < tables[t]->count; i++)
            if (!rule_holds(&e, &tables[t]->rule[i])) {
                if (count < capacity)
                    violated[count] = tables[t]->rule[i].check;
                count++;
            }
    return count;
}

/* The rule of a row; NULL for the rows of the MSR-load and machine-check stages. `table` is where the search begins and is left. */
static const struct check_rule *rule_of(enum vmx_check check, unsigned *table)
{
    for (; *table < TABLES; (*table)++) {
        const struct check_table *t = tables[*table];
        if (check < t->rule[0].check + t->count)
            return &t->rule[check - t->rule[0].check];
    }
    return NULL;
}

bool vmx_check_holds(const struct vmx_cpu *cpu, bool resume, enum vmx_check check)
{
    if (check == VMX_CHECK_NONE || check >= VMX_CHECK_COUNT)
        return true;
    if (check == VMX_CHECK_MCE_ENTRY)
        return !cpu->mce_at_entry;
    unsigned table = 0;
    const struct check_rule *rule = rule_of(check, &table);
    if (rule == NULL)
        return true;
    struct check_env e;
    vmx_check_gather(&e, cpu, resume);
    return rule_holds(&e, rule);
}

enum vmx_check vmx_check_first_fast(struct vmx_cpu *cpu, bool resume)
{
    uint64_t rows[CHECK_WORDS];
    vmx_check_readers(rows, cpu->vmcs != NULL ? cpu->vmcs->unchecked : 0);

    struct check_env e;
    vmx_check_gather(&e, cpu, resume);
    unsigned table = 0;
    for (unsigned w = 0; w < CHECK_WORDS; w++)
        for (uint64_t set = rows[w]; set != 0; set &= set - 1) {
            const enum vmx_check check = (enum vmx_check)(w * 64 + (unsigned)__builtin_ctzll(set));
            const struct check_rule *rule = rule_of(check, &table);
            if (rule != NULL && !rule_holds(&e, rule))
                return check;
        }
    if (cpu->vmcs != NULL)
        cpu->vmcs->unchecked = 0;
    return VMX_CHECK_NONE;
}
