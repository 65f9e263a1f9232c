/* SPDX-License-Identifier: MIT */
/* The short cut: judges again only the rules whose input may have changed since all of them held. */
#include <stddef.h>

#include "checks_internal.h"

/* What vmcs->checked_for keeps: all that rules read of the processor, the guest's RFLAGS.VM, and whether any rule that reads memory applied. */
enum checked_for {
    FACT_CHECKED = 1u << 0, /* the rules held once */
    FACT_GUEST_VM = 1u << 1,
    FACT_MEMORY_READ = 1u << 2,
    FACT_RESUME = 1u << 3,
    FACT_LAUNCHED = 1u << 4,
    FACT_SHADOW_VMCS = 1u << 5,
    FACT_SMM = 1u << 6,
    FACT_TRACING = 1u << 7,
    FACT_VMX_OFF = 1u << 8,
    FACT_NON_ROOT = 1u << 9,
    FACT_NATIVE = 1u << 10, /* then the facts below are 0 */
    FACT_PROTECTED = 1u << 11,
    FACT_VM = 1u << 12,
    FACT_LMA = 1u << 13,
    FACT_CS_L = 1u << 14,
    FACT_MOV_SS = 1u << 15,
    FACT_USER = 1u << 16
};

static uint32_t fact(uint64_t bits, uint32_t name)
{
    return bits != 0 ? name : 0;
}

static uint32_t facts_of_state(const struct vmx_state *s)
{
    return fact(s->cr0 & VMX_CR0_PE, FACT_PROTECTED) | fact(s->rflags & VMX_RFLAGS_VM, FACT_VM) | fact(s->efer & VMX_EFER_LMA, FACT_LMA) |
           fact(s->seg[VMX_CS].access_rights & VMX_AR_L, FACT_CS_L) | fact(s->interruptibility & VMX_BLOCKING_BY_MOV_SS, FACT_MOV_SS) |
           fact(vmx_cpl(s), FACT_USER);
}

static uint32_t facts_of(const struct vmx_cpu *cpu, bool resume)
{
    const uint32_t facts = FACT_CHECKED | fact(vmcs_get(cpu->vmcs, VMCS_GUEST_RFLAGS) & VMX_RFLAGS_VM, FACT_GUEST_VM) | fact(resume, FACT_RESUME) |
                           fact(cpu->vmcs->launched, FACT_LAUNCHED) | fact(cpu->vmcs->revision >> 31, FACT_SHADOW_VMCS) | fact(cpu->smm, FACT_SMM) |
                           fact(cpu->state.rtit_ctl & 1, FACT_TRACING) | fact(cpu->operation == VMX_OPERATION_OFF, FACT_VMX_OFF) |
                           fact(cpu->operation == VMX_OPERATION_NON_ROOT, FACT_NON_ROOT);
    const bool native = cpu->native_root && cpu->operation == VMX_OPERATION_ROOT;
    return facts | (native ? (uint32_t)FACT_NATIVE : facts_of_state(&cpu->state));
}

/* Does any rule apply that reads memory or a pointer to it? */
static bool reads_memory(const struct check_env *e)
{
    const bool vtpr = check_enabled(e, VMX_WORD_PRIMARY, VMX_PRI_USE_TPR_SHADOW) &&
                      !check_enabled(e, VMX_WORD_SECONDARY, VMX_SEC_VIRTUALIZE_APIC_ACCESSES | VMX_SEC_VIRTUAL_INTR_DELIVERY);
    const bool pdptes = (e->cr0 & VMX_CR0_PG) != 0 && (e->cr4 & VMX_CR4_PAE) != 0 && !e->ia32e && !e->ept;
    return vtpr || pdptes || e->cpu->smm || check_field(e, VMCS_VMCS_LINK_POINTER) != UINT64_MAX;
}

/* The groups of input that may have changed. */
static uint32_t changed_input(const struct vmcs *v, uint32_t facts)
{
    const uint32_t differs = facts ^ v->checked_for;
    uint32_t changed = v->unchecked & (uint32_t)(VMCS_GROUP_ALL & ~VMCS_GROUP_EXIT_INFORMATION);
    if ((v->checked_for & FACT_MEMORY_READ) != 0)
        changed |= CHECK_GROUP_MEMORY;
    if ((differs & FACT_GUEST_VM) != 0)
        changed |= CHECK_GROUP_VM;
    if ((differs & ~(uint32_t)(FACT_GUEST_VM | FACT_MEMORY_READ)) != 0)
        changed |= CHECK_GROUP_PROCESSOR | CHECK_GROUP_MEMORY;
    return (v->checked_for & FACT_CHECKED) != 0 ? changed : CHECK_GROUP_ALL;
}

/* The first violated rule of a set of rows. */
static enum vmx_check first_of(const struct check_env *e, const uint64_t rows[CHECK_WORDS])
{
    const struct check_table *const *table = vmx_check_tables;
    unsigned first = 1, end = 1 + (*table)->count; /* rows of this table */
    for (unsigned w = 0; w < CHECK_WORDS; w++)
        for (uint64_t set = rows[w]; set != 0; set &= set - 1) {
            const unsigned check = w * 64 + (unsigned)__builtin_ctzll(set);
            for (; check >= end; end += (*table)->count) {
                first = end;
                table++;
            }
            if (!check_rule_holds(e, &(*table)->rule[check - first]))
                return (enum vmx_check)check;
        }
    return VMX_CHECK_NONE;
}

/* Of the group of RIP, RSP and RFLAGS the rules read RFLAGS but for the arithmetic flags, and of RIP no more than bits 63:32 and whether it is
   canonical; RSP is free. Every exit writes the group, and most change no more than what is free. */
static bool same_for_the_rules(const struct vmcs *v)
{
    return ((vmcs_get(v, VMCS_GUEST_RFLAGS) ^ v->checked_rflags) & ~(uint64_t)VMX_RFLAGS_ARITHMETIC) == 0 &&
           (vmcs_get(v, VMCS_GUEST_RIP) ^ v->checked_rip) >> 32 == 0;
}

static struct vmcs_injection injection_of(const struct vmcs *v)
{
    return (struct vmcs_injection){.info = (uint32_t)vmcs_get(v, VMCS_VM_ENTRY_INTR_INFO_FIELD),
                                   .error_code = (uint32_t)vmcs_get(v, VMCS_VM_ENTRY_EXCEPTION_ERROR_CODE),
                                   .instruction_length = (uint32_t)vmcs_get(v, VMCS_VM_ENTRY_INSTRUCTION_LEN),
                                   .held = 1};
}

/* Nothing but the injection has changed, and it is one that all rules have held with. */
static bool injection_has_held(const struct vmcs *v)
{
    const struct vmcs_injection now = injection_of(v), *const then = &v->injection[now.info >> 31];
    return then->held != 0 && then->info == now.info && then->error_code == now.error_code && then->instruction_length == now.instruction_length;
}

static void note_injection(struct vmcs *v, bool rest_is_the_same)
{
    const struct vmcs_injection now = injection_of(v);
    if (!rest_is_the_same)
        v->injection[0].held = v->injection[1].held = 0;
    v->injection[now.info >> 31] = now;
}

enum vmx_check vmx_check_first_fast(struct vmx_cpu *cpu, bool resume)
{
    struct vmcs *const v = cpu->vmcs;
    if (v == NULL || cpu->current_vmcs == VMX_NO_VMCS)
        return vmx_check_first(cpu, resume);
    const uint32_t facts = facts_of(cpu, resume), changed = changed_input(v, facts);
    const bool rest_is_the_same = (changed & ~(uint32_t)(VMCS_GROUP_GUEST_IP | VMCS_GROUP_INJECTION)) == 0 && same_for_the_rules(v);
    if (rest_is_the_same && ((changed & VMCS_GROUP_INJECTION) == 0 || injection_has_held(v))) {
        v->unchecked = 0;
        return VMX_CHECK_NONE;
    }

    uint64_t rows[CHECK_WORDS];
    struct check_env e;
    vmx_check_readers(rows, changed);
    vmx_check_gather(&e, cpu, resume);
    const enum vmx_check violated = first_of(&e, rows);
    if (violated != VMX_CHECK_NONE)
        return violated;
    v->unchecked = 0;
    v->checked_rip = vmcs_get(v, VMCS_GUEST_RIP);
    v->checked_rflags = vmcs_get(v, VMCS_GUEST_RFLAGS);
    note_injection(v, rest_is_the_same);
    v->checked_for = facts | fact(reads_memory(&e), FACT_MEMORY_READ);
    return VMX_CHECK_NONE;
}
