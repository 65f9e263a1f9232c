/* SPDX-License-Identifier: MIT */
/* What every memory access begins with, and the VM exits that it may end with.
   SDM 3C, "Information for VM Exits That Occur During Event Delivery", "Basic VM-Exit Information". */
#include "access.h"

#include "controls.h"
#include "reasons.h"
#include "registers.h"

struct vmx_access vmx_access_begin(struct vmx_cpu *cpu, gva_t linear, enum vmx_access_kind kind, bool user, bool implicit)
{
    struct vmx_access a = {.cpu = cpu, .linear = linear, .kind = kind, .user = user, .implicit = implicit};
    a.page_rights = VMX_PAGE_USER | VMX_PAGE_WRITABLE;
    if ((cpu->state.efer & VMX_EFER_LMA) == 0)
        a.linear &= UINT32_MAX;
    if (cpu->operation != VMX_OPERATION_NON_ROOT)
        return a;
    const uint32_t secondary = vmx_secondary_controls(cpu);
    a.apic_accesses = (secondary & VMX_SEC_VIRTUALIZE_APIC_ACCESSES) != 0;
    a.ept = (secondary & VMX_SEC_ENABLE_EPT) != 0;
    if (a.ept) {
        a.eptp = vmcs_get(cpu->vmcs, VMCS_EPT_POINTER);
        a.ept_flags = (a.eptp & VMX_BIT(6)) != 0;
        a.mode_based_execute = (secondary & VMX_SEC_MODE_BASED_EPT_EXEC) != 0;
        a.log = a.ept_flags && (secondary & VMX_SEC_ENABLE_PML) != 0;
    }
    return a;
}

static bool vectoring(const struct vmx_cpu *cpu)
{
    return (cpu->vectoring_info >> 31) != 0;
}

uint64_t vmx_nmi_unblocking(const struct vmx_cpu *cpu)
{
    const uint32_t pin = vmx_pin_controls(cpu);
    const bool undefined = vectoring(cpu) || ((pin & VMX_PIN_NMI_EXITING) != 0 && (pin & VMX_PIN_VIRTUAL_NMIS) == 0);
    return cpu->nmi_unblocked_by_iret && !undefined ? VMX_BIT(12) : 0;
}

static bool has_instruction_length(uint32_t vectoring_info)
{
    const uint32_t type = vectoring_info >> 8 & 7u;
    return type >= VMX_EVENT_SOFTWARE_INTERRUPT && type <= VMX_EVENT_SOFTWARE_EXCEPTION;
}

void vmx_access_exit(const struct vmx_access *a, uint32_t reason, uint64_t qualification, struct vmx_translation *out)
{
    static const struct vmx_exit_info blank;
    const struct vmx_cpu *cpu = a->cpu;
    struct vmx_exit_info *exit = &out->exit;
    out->kind = VMX_TRANSLATION_EXIT;
    *exit = blank;
    exit->reason = reason;
    exit->qualification = qualification;
    exit->valid = VMX_VALID_QUALIFICATION;
    if ((cpu->state.interruptibility & VMX_BLOCKING_BY_MOV_SS) != 0)
        exit->pending_debug = cpu->state.pending_debug;
    if (!vectoring(cpu))
        return;
    exit->valid |= VMX_VALID_IDT_VECTORING;
    exit->idt_vectoring_info = cpu->vectoring_info;
    exit->idt_vectoring_error_code = cpu->vectoring_error_code;
    if (has_instruction_length(cpu->vectoring_info)) {
        exit->valid |= VMX_VALID_INSTRUCTION_LENGTH;
        exit->instruction_length = cpu->vectoring_length;
    }
}

uint64_t vmx_read_entry_by_call(const struct vmx_cpu *cpu, hpa_t address, unsigned size_bytes)
{
    uint8_t bytes[8];
    if (!cpu->memory.read(cpu->memory.context, vmx_bus_address(cpu, address), bytes, size_bytes))
        return UINT64_MAX;
    return vmx_entry_of(bytes, size_bytes);
}

void vmx_write_entry(const struct vmx_cpu *cpu, hpa_t address, uint64_t entry, unsigned size_bytes)
{
    uint8_t bytes[8];
    for (unsigned i = 0; i < size_bytes; i++)
        bytes[i] = (uint8_t)(entry >> (8 * i));
    (void)cpu->memory.write(cpu->memory.context, vmx_bus_address(cpu, address), bytes, size_bytes);
}
