/* SPDX-License-Identifier: MIT */
/* Gathers what the entry checks look at more than once, and the rules that several stages share. */
#include "checks_internal.h"

#include <stddef.h>

static void gather_controls(struct check_env *e)
{
    uint64_t *control = e->control;
    control[VMX_WORD_PIN] = check_field(e, VMCS_PIN_BASED_VM_EXEC_CONTROL);
    control[VMX_WORD_PRIMARY] = check_field(e, VMCS_CPU_BASED_VM_EXEC_CONTROL);
    control[VMX_WORD_EXIT] = check_field(e, VMCS_VM_EXIT_CONTROLS);
    control[VMX_WORD_ENTRY] = check_field(e, VMCS_VM_ENTRY_CONTROLS);
    if (check_enabled(e, VMX_WORD_PRIMARY, VMX_PRI_ACTIVATE_SECONDARY))
        control[VMX_WORD_SECONDARY] = check_field(e, VMCS_SECONDARY_VM_EXEC_CONTROL);
    if (check_enabled(e, VMX_WORD_PRIMARY, VMX_PRI_ACTIVATE_TERTIARY))
        control[VMX_WORD_TERTIARY] = check_field(e, VMCS_TERTIARY_VM_EXEC_CONTROL);
    if (check_enabled(e, VMX_WORD_EXIT, VMX_EXITCTL_ACTIVATE_SECONDARY))
        control[VMX_WORD_EXIT2] = check_field(e, VMCS_SECONDARY_VM_EXIT_CONTROLS);
    if (check_enabled(e, VMX_WORD_SECONDARY, VMX_SEC_ENABLE_VMFUNC))
        control[VMX_WORD_VMFUNC] = check_field(e, VMCS_VM_FUNCTION_CONTROL);
}

void vmx_check_gather(struct check_env *e, const struct vmx_cpu *cpu, bool resume)
{
    *e = (struct check_env){.cpu = cpu, .caps = cpu->caps, .resume = resume};
    e->native = cpu->native_root && cpu->operation == VMX_OPERATION_ROOT;
    e->physical_bits = cpu->caps->physical_bits;
    e->address_bits = (cpu->caps->basic & VMX_BASIC_32BIT_PA) != 0 ? 32 : cpu->caps->physical_bits;
    if (cpu->current_vmcs == VMX_NO_VMCS || cpu->vmcs == NULL)
        return;

    e->vmcs = cpu->vmcs;
    gather_controls(e);
    e->ia32e = check_enabled(e, VMX_WORD_ENTRY, VMX_ENTRYCTL_IA32E_MODE_GUEST);
    e->unrestricted = check_enabled(e, VMX_WORD_SECONDARY, VMX_SEC_UNRESTRICTED_GUEST);
    e->ept = check_enabled(e, VMX_WORD_SECONDARY, VMX_SEC_ENABLE_EPT);
    e->cr0 = check_field(e, VMCS_GUEST_CR0);
    e->cr4 = check_field(e, VMCS_GUEST_CR4);
    e->fred = (e->cr4 & e->caps->cr4_fixed1 & VMX_CR4_FRED) != 0;
    e->rflags = check_field(e, VMCS_GUEST_RFLAGS);
    e->v86 = (e->rflags & VMX_RFLAGS_VM) != 0;
    e->ss_dpl = check_dpl((uint32_t)check_field(e, VMCS_GUEST_SS_AR_BYTES));
    e->blocking = (uint32_t)check_field(e, VMCS_GUEST_INTERRUPTIBILITY_INFO);
    e->activity = (uint32_t)check_field(e, VMCS_GUEST_ACTIVITY_STATE);
    const uint32_t info = (uint32_t)check_field(e, VMCS_VM_ENTRY_INTR_INFO_FIELD);
    e->injecting = (info & CHECK_INFO_VALID) != 0;
    if (e->injecting) {
        e->event_type = (uint8_t)check_event_type(info);
        e->event_vector = (uint8_t)(info & 0xffu);
    }
}

bool check_not_modelled(const struct check_env *e)
{
    (void)e;
    return true;
}

bool check_bits_clear(const struct check_env *e, const struct check_rule *r)
{
    return !check_applies(e, r) || (check_field(e, r->field) & r->bits) == 0;
}

bool check_not_zero(const struct check_env *e, const struct check_rule *r)
{
    return !check_applies(e, r) || check_field(e, r->field) != 0;
}

bool check_width(const struct check_env *e, const struct check_rule *r)
{
    return !check_applies(e, r) || check_field(e, r->field) >> e->address_bits == 0;
}

bool check_canonical(const struct check_env *e, const struct check_rule *r)
{
    const uint64_t value = check_field(e, r->field);
    return !check_applies(e, r) || ((value & r->bits) == 0 && check_canonical_address(e, value));
}

bool check_pat(uint64_t pat)
{
    enum { PAT_TYPES = 1u << 0 | 1u << 1 | 1u << 4 | 1u << 5 | 1u << 6 | 1u << 7 };
    for (unsigned i = 0; i < 8; i++, pat >>= 8)
        if ((pat & 0xff) > 7 || (1u << (pat & 0xff) & PAT_TYPES) == 0)
            return false;
    return true;
}

bool check_memory_types(const struct check_env *e, const struct check_rule *r)
{
    return !check_applies(e, r) || check_pat(check_field(e, r->field));
}

bool check_fred_config(const struct check_env *e, const struct check_rule *r)
{
    enum { FRED_CONFIG_RESERVED = 1u << 11 | 1u << 5 | 1u << 4 | 1u << 2 };
    const uint64_t value = check_field(e, r->field);
    return !check_applies(e, r) || ((value & FRED_CONFIG_RESERVED) == 0 && check_canonical_address(e, value & ~UINT64_C(0xfff)));
}

bool check_s_cet_reserved(const struct check_env *e, const struct check_rule *r)
{
    enum { S_CET_RESERVED = 0xfu << 6, S_CET_SUPPRESS = 1u << 10, S_CET_TRACKER = 1u << 11 };
    const uint64_t value = check_field(e, r->field);
    return !check_applies(e, r) || ((value & S_CET_RESERVED) == 0 && (value & (S_CET_SUPPRESS | S_CET_TRACKER)) != (S_CET_SUPPRESS | S_CET_TRACKER));
}

bool check_cr3(const struct check_env *e, uint64_t cr3)
{
    const uint64_t lam = (e->caps->cr4_fixed1 & VMX_CR4_LAM_SUP) != 0 ? UINT64_C(3) << 61 : 0;
    return (cr3 & ~lam) >> e->physical_bits == 0;
}

/* The MSR lists: count 0 means that the address is not used. */
bool check_msr_list_aligned(const struct check_env *e, const struct check_rule *r)
{
    return check_field(e, r->count_field) == 0 || (check_field(e, r->field) & 15) == 0;
}

bool check_msr_list_width(const struct check_env *e, const struct check_rule *r)
{
    return check_field(e, r->count_field) == 0 || check_field(e, r->field) >> e->address_bits == 0;
}

bool check_msr_list_last(const struct check_env *e, const struct check_rule *r)
{
    const uint64_t count = (uint32_t)check_field(e, r->count_field), first = check_field(e, r->field);
    const uint64_t last = first + 16 * count - 1;
    return count == 0 || (last >= first && last >> e->address_bits == 0);
}

uint32_t check_read32(const struct check_env *e, hpa_t address)
{
    uint32_t value = 0;
    return e->cpu->memory.read != NULL && e->cpu->memory.read(e->cpu->memory.context, address, &value, sizeof(value)) ? value : UINT32_MAX;
}

uint64_t check_read64(const struct check_env *e, hpa_t address)
{
    uint64_t value = 0;
    return e->cpu->memory.read != NULL && e->cpu->memory.read(e->cpu->memory.context, address, &value, sizeof(value)) ? value : UINT64_MAX;
}
