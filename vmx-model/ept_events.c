/* SPDX-License-Identifier: MIT */
/* EPT violations and their conversion to #VE, the page-modification log, sub-page write permissions.
   SDM 3C, "EPT Violations", "Page-Modification Logging", "Sub-Page Write Permissions". */
#include "ept_events.h"

#include "controls.h"
#include "reasons.h"
#include "registers.h"

/* Offsets in the virtualization-exception information area. */
enum { VE_REASON = 0, VE_BUSY = 4, VE_QUALIFICATION = 8, VE_LINEAR = 16, VE_PHYSICAL = 24, VE_EPTP_INDEX = 32 };

static bool becomes_virtualization_exception(const struct vmx_access *a, bool convertible)
{
    const struct vmx_cpu *cpu = a->cpu;
    if (!convertible || (vmx_secondary_controls(cpu) & VMX_SEC_EPT_VIOLATION_VE) == 0)
        return false;
    if ((cpu->state.cr0 & VMX_CR0_PE) == 0 || (cpu->vectoring_info >> 31) != 0)
        return false;
    return vmx_read_entry(cpu, vmcs_get(cpu->vmcs, VMCS_VE_INFORMATION_ADDRESS) + VE_BUSY, 4) == 0;
}

static void virtualization_exception(const struct vmx_access *a, gpa_t guest, uint64_t qualification, struct vmx_translation *out)
{
    const struct vmx_cpu *cpu = a->cpu;
    const hpa_t area = vmcs_get(cpu->vmcs, VMCS_VE_INFORMATION_ADDRESS);
    vmx_write_entry(cpu, area + VE_REASON, VMX_EXIT_EPT_VIOLATION, 4);
    vmx_write_entry(cpu, area + VE_BUSY, UINT32_MAX, 4);
    vmx_write_entry(cpu, area + VE_QUALIFICATION, qualification, 8);
    vmx_write_entry(cpu, area + VE_LINEAR, a->linear, 8);
    vmx_write_entry(cpu, area + VE_PHYSICAL, guest, 8);
    vmx_write_entry(cpu, area + VE_EPTP_INDEX, vmcs_get(cpu->vmcs, VMCS_EPTP_INDEX), 2);
    out->kind = VMX_TRANSLATION_VE;
    out->event = (struct vmx_event){.vector = VMX_VE, .type = VMX_EVENT_HARDWARE_EXCEPTION};
}

void vmx_ept_violation(const struct vmx_access *a, gpa_t guest, uint64_t qualification, bool convertible, struct vmx_translation *out)
{
    if (becomes_virtualization_exception(a, convertible)) {
        virtualization_exception(a, guest, qualification, out);
        return;
    }
    vmx_access_exit(a, VMX_EXIT_EPT_VIOLATION, qualification, out);
    out->exit.guest_physical = guest;
    out->exit.valid |= VMX_VALID_GUEST_PHYSICAL;
    if ((qualification & VMX_BIT(7)) != 0) {
        out->exit.guest_linear = a->linear;
        out->exit.valid |= VMX_VALID_GUEST_LINEAR;
    }
}

bool vmx_log_modification(const struct vmx_access *a, gpa_t guest, bool dirties, struct vmx_translation *out)
{
    enum { LAST_INDEX = 511 };
    struct vmcs *vmcs = a->cpu->vmcs;
    const uint64_t index = vmcs_get(vmcs, VMCS_GUEST_PML_INDEX);
    if (index > LAST_INDEX) {
        vmx_access_exit(a, VMX_EXIT_PML_FULL, vmx_nmi_unblocking(a->cpu), out);
        return false;
    }
    if (dirties) {
        vmx_write_entry(a->cpu, vmcs_get(vmcs, VMCS_PML_ADDRESS) + 8 * index, guest & ~UINT64_C(0xfff), 8);
        vmcs_set(vmcs, VMCS_GUEST_PML_INDEX, (index - 1) & 0xffff);
    }
    return true;
}

bool vmx_sub_page_applies(const struct vmx_access *a, uint64_t leaf, unsigned level, uint64_t needed, uint64_t permissions)
{
    const uint64_t read = VMX_BIT(0), write = VMX_BIT(1), sub_page = VMX_BIT(61);
    return level == 1 && (leaf & sub_page) != 0 && (needed & write) != 0 && (permissions & read) != 0 &&
           (vmx_secondary_controls(a->cpu) & VMX_SEC_SPP) != 0;
}

static bool sub_page_exit(const struct vmx_access *a, gpa_t guest, bool miss, struct vmx_translation *out)
{
    vmx_access_exit(a, VMX_EXIT_SPP_RELATED_EVENT, (miss ? VMX_BIT(11) : 0) | vmx_nmi_unblocking(a->cpu), out);
    out->exit.guest_physical = guest;
    out->exit.guest_linear = a->linear;
    out->exit.valid |= VMX_VALID_GUEST_PHYSICAL | VMX_VALID_GUEST_LINEAR;
    return false;
}

/* Four levels; the last holds two bits for each 128 bytes: even ones say writable, odd ones are reserved. */
bool vmx_sub_page_allows(const struct vmx_access *a, gpa_t guest, struct vmx_translation *out)
{
    const unsigned width = a->cpu->caps->physical_bits;
    hpa_t table = vmcs_get(a->cpu->vmcs, VMCS_SPP_TABLE_POINTER) & vmx_bits(width - 1, 12);
    for (unsigned level = 4; level > 1; level--) {
        const uint64_t entry = vmx_read_entry(a->cpu, table + (guest >> (12 + 9 * (level - 1)) & 511u) * 8, 8);
        if ((entry & 1) == 0)
            return sub_page_exit(a, guest, true, out);
        if ((entry & (vmx_bits(11, 1) | vmx_bits(63, width))) != 0)
            return sub_page_exit(a, guest, false, out);
        table = entry & vmx_bits(width - 1, 12);
    }
    const uint64_t writable = vmx_read_entry(a->cpu, table + (guest >> 12 & 511u) * 8, 8);
    if ((writable & UINT64_C(0xaaaaaaaaaaaaaaaa)) != 0)
        return sub_page_exit(a, guest, false, out);
    return (writable >> (2 * (guest >> 7 & 31u)) & 1) != 0;
}
