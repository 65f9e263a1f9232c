/* SPDX-License-Identifier: MIT */
/* Runs the VM-entry checks: the first violated rule, all of them, or one alone. */
#include "checks.h"

#include <stddef.h>

#include "checks_internal.h"

const struct check_table *const vmx_check_tables[CHECK_TABLES] = {
    &vmx_basic_rules,         &vmx_execution_rules,     &vmx_exit_control_rules, &vmx_entry_control_rules, &vmx_smm_rules,        &vmx_host_rules,
    &vmx_guest_control_rules, &vmx_guest_segment_rules, &vmx_guest_rip_rules,    &vmx_guest_event_rules,   &vmx_guest_link_rules,
};

/* Without a current VMCS only the rules up to that one can be judged; the others count as held. */
static bool rule_holds(const struct check_env *e, const struct check_rule *r)
{
    return (e->vmcs == NULL && r->check > VMX_CHECK_BASIC_CURRENT_VMCS) || check_rule_holds(e, r);
}

enum vmx_check vmx_check_first(const struct vmx_cpu *cpu, bool resume)
{
    struct check_env e;
    vmx_check_gather(&e, cpu, resume);
    for (unsigned t = 0; t < CHECK_TABLES; t++)
        for (unsigned i = 0; i < vmx_check_tables[t]->count; i++)
            if (!rule_holds(&e, &vmx_check_tables[t]->rule[i]))
                return (enum vmx_check)vmx_check_tables[t]->rule[i].check;
    return VMX_CHECK_NONE;
}

unsigned vmx_check_all(const struct vmx_cpu *cpu, bool resume, enum vmx_check *violated, unsigned capacity)
{
    unsigned count = 0;
    struct check_env e;
    vmx_check_gather(&e, cpu, resume);
    for (unsigned t = 0; t < CHECK_TABLES; t++)
        for (unsigned i = 0; i < vmx_check_tables[t]->count; i++)
            if (!rule_holds(&e, &vmx_check_tables[t]->rule[i])) {
                if (count < capacity)
                    violated[count] = (enum vmx_check)vmx_check_tables[t]->rule[i].check;
                count++;
            }
    return count;
}

/* The rule of a row; NULL for the rows of the MSR-load and machine-check stages. */
static const struct check_rule *rule_of(enum vmx_check check)
{
    for (unsigned t = 0; t < CHECK_TABLES; t++)
        if (check < vmx_check_tables[t]->rule[0].check + vmx_check_tables[t]->count)
            return &vmx_check_tables[t]->rule[check - vmx_check_tables[t]->rule[0].check];
    return NULL;
}

bool vmx_check_holds(const struct vmx_cpu *cpu, bool resume, enum vmx_check check)
{
    if (check == VMX_CHECK_NONE || check >= VMX_CHECK_COUNT)
        return true;
    if (check == VMX_CHECK_MCE_ENTRY)
        return !cpu->mce_at_entry;
    const struct check_rule *rule = rule_of(check);
    if (rule == NULL)
        return true;
    struct check_env e;
    vmx_check_gather(&e, cpu, resume);
    return rule_holds(&e, rule);
}
