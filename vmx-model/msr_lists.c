/* SPDX-License-Identifier: MIT */
/* The MSR-load and MSR-store lists of transitions. SDM 3C, "Loading MSRs", "Saving MSRs". */
#include "msr.h"
#include "transition_ops.h"

/* An entry of a list: 16 bytes. */
struct list_entry {
    uint32_t index, reserved;
    uint64_t value;
};
_Static_assert(sizeof(struct list_entry) == 16, "as in memory");

/* No memory there: reads give ones, which no rule lets pass. */
static struct list_entry fetch(const struct vmx_cpu *cpu, hpa_t address)
{
    struct list_entry entry;
    if (!cpu->memory.read(cpu->memory.context, address, &entry, sizeof entry))
        entry = (struct list_entry){UINT32_MAX, UINT32_MAX, UINT64_MAX};
    return entry;
}

uint32_t vmx_load_entry_msrs(struct vmx_cpu *cpu, uint32_t *changed, enum vmx_check *check)
{
    const hpa_t list = vmcs_get(cpu->vmcs, VMCS_VM_ENTRY_MSR_LOAD_ADDR);
    const uint32_t count = (uint32_t)vmcs_get(cpu->vmcs, VMCS_VM_ENTRY_MSR_LOAD_COUNT);
    for (uint32_t n = 0; n < count; n++) {
        const struct list_entry entry = fetch(cpu, list + 16 * (uint64_t)n);
        *check = vmx_check_msr_load(cpu, entry.index, entry.reserved, entry.value);
        if (*check != VMX_CHECK_NONE)
            return n + 1;
        *changed |= vmx_msr_store(cpu, entry.index, entry.value);
    }
    return MSR_LIST_LOADED;
}

/* The local APIC's MSRs and those that only SMM may read are never stored. The time-stamp counter is stored as root operation reads it. */
static bool stored_value(const struct vmx_cpu *cpu, const struct list_entry *entry, uint64_t *value)
{
    const bool x2apic = entry->index >= VMX_MSR_X2APIC_FIRST && entry->index <= VMX_MSR_X2APIC_LAST;
    if (x2apic || entry->index == VMX_MSR_SMBASE || entry->reserved != 0)
        return false;
    if (entry->index == VMX_MSR_TSC) {
        *value = cpu->tsc + cpu->tsc_adjust;
        return true;
    }
    return vmx_msr_read(cpu, entry->index, value);
}

bool vmx_store_exit_msrs(struct vmx_cpu *cpu)
{
    const hpa_t list = vmcs_get(cpu->vmcs, VMCS_VM_EXIT_MSR_STORE_ADDR);
    const uint32_t count = (uint32_t)vmcs_get(cpu->vmcs, VMCS_VM_EXIT_MSR_STORE_COUNT);
    for (uint32_t n = 0; n < count; n++) {
        const hpa_t address = list + 16 * (uint64_t)n;
        struct list_entry entry = fetch(cpu, address);
        if (!stored_value(cpu, &entry, &entry.value))
            return false;
        (void)cpu->memory.write(cpu->memory.context, address + 8, &entry.value, sizeof entry.value);
    }
    return true;
}

/* Where root software is native, `state` holds the guest: host values are judged against host state, and stored where the processor has but one
   register for both; a group that is touched is loaded anew by the next entry. */
static bool load_exit_msrs(struct vmx_cpu *cpu, uint32_t count)
{
    const hpa_t list = vmcs_get(cpu->vmcs, VMCS_VM_EXIT_MSR_LOAD_ADDR);
    struct vmx_cpu host = *cpu;
    if (cpu->native_root)
        vmx_load_host_state(cpu, &host.state);
    for (uint32_t n = 0; n < count; n++) {
        const struct list_entry entry = fetch(cpu, list + 16 * (uint64_t)n);
        if (vmx_check_msr_load(&host, entry.index, entry.reserved, entry.value) != VMX_CHECK_NONE)
            return false;
        (void)vmx_msr_store(&host, entry.index, entry.value);
        const uint32_t groups = vmx_msr_store(cpu, entry.index, entry.value);
        cpu->stale |= groups;
        cpu->vmcs->unloaded |= groups << GROUP_SHIFT;
    }
    return true;
}

bool vmx_load_exit_msrs(struct vmx_cpu *cpu)
{
    const uint32_t count = (uint32_t)vmcs_get(cpu->vmcs, VMCS_VM_EXIT_MSR_LOAD_COUNT);
    return count == 0 || load_exit_msrs(cpu, count);
}
