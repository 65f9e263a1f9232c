/* SPDX-License-Identifier: MIT */
/* From the exit-information fields to struct hv_exit. SDM 3C, "VM-Exit Information Fields". */
#include "handlers.h"

/* What the handler of a reason needs; fields that nobody asks for are not read, since a VMREAD costs time. */
enum { QUALIFICATION = 1, LENGTH = 2, INFORMATION = 4, EVENT = 8, PHYSICAL = 16, LINEAR = 32 };
static const uint8_t needs[VMX_REASON_LIMIT] = {
    [VMX_EXIT_EXCEPTION_NMI] = QUALIFICATION | LENGTH | EVENT,
    [VMX_EXIT_EXTERNAL_INTERRUPT] = EVENT,
    [VMX_EXIT_SIPI_SIGNAL] = QUALIFICATION,
    [VMX_EXIT_TASK_SWITCH] = QUALIFICATION | LENGTH,
    [VMX_EXIT_CPUID] = LENGTH,
    [VMX_EXIT_HLT] = LENGTH,
    [VMX_EXIT_INVD] = LENGTH,
    [VMX_EXIT_INVLPG] = QUALIFICATION | LENGTH,
    [VMX_EXIT_RDTSC] = LENGTH,
    [VMX_EXIT_VMCALL] = LENGTH,
    [VMX_EXIT_CR_ACCESS] = QUALIFICATION | LENGTH,
    [VMX_EXIT_DR_ACCESS] = QUALIFICATION | LENGTH,
    [VMX_EXIT_IO_INSTRUCTION] = QUALIFICATION | LENGTH | INFORMATION,
    [VMX_EXIT_MSR_READ] = LENGTH,
    [VMX_EXIT_MSR_WRITE] = LENGTH,
    [VMX_EXIT_MWAIT_INSTRUCTION] = LENGTH,
    [VMX_EXIT_MONITOR_INSTRUCTION] = LENGTH,
    [VMX_EXIT_PAUSE_INSTRUCTION] = LENGTH,
    [VMX_EXIT_APIC_ACCESS] = QUALIFICATION,
    [VMX_EXIT_EOI_INDUCED] = QUALIFICATION,
    [VMX_EXIT_GDTR_IDTR] = QUALIFICATION | LENGTH | INFORMATION,
    [VMX_EXIT_LDTR_TR] = QUALIFICATION | LENGTH | INFORMATION,
    [VMX_EXIT_EPT_VIOLATION] = QUALIFICATION | PHYSICAL | LINEAR,
    [VMX_EXIT_EPT_MISCONFIG] = PHYSICAL,
    [VMX_EXIT_RDTSCP] = LENGTH,
    [VMX_EXIT_WBINVD] = LENGTH,
    [VMX_EXIT_XSETBV] = LENGTH,
    [VMX_EXIT_APIC_WRITE] = QUALIFICATION,
    [VMX_EXIT_RDRAND] = LENGTH | INFORMATION,
    [VMX_EXIT_INVPCID] = QUALIFICATION | LENGTH | INFORMATION,
    [VMX_EXIT_RDSEED] = LENGTH | INFORMATION,
    [VMX_EXIT_PML_FULL] = QUALIFICATION,
    [VMX_EXIT_SPP_RELATED_EVENT] = QUALIFICATION | PHYSICAL,
    [VMX_EXIT_UMWAIT] = LENGTH,
    [VMX_EXIT_TPAUSE] = LENGTH,
    [VMX_EXIT_NOTIFY] = QUALIFICATION,
    [VMX_EXIT_MSR_READ_IMM] = QUALIFICATION | LENGTH | INFORMATION,
    [VMX_EXIT_MSR_WRITE_IMM] = QUALIFICATION | LENGTH | INFORMATION,
};

static uint64_t bits(uint64_t value, unsigned high, unsigned low)
{
    return (value >> low) & ((UINT64_C(2) << (high - low)) - 1);
}

static bool bit(uint64_t value, unsigned n)
{
    return (value >> n & 1u) != 0;
}

/* SDM 3C, "Information for VM Exits Due to Vectored Events". */
static void decode_event(struct hv_vcpu *vcpu, enum vmcs_field info_field, enum vmcs_field error_field, struct hv_event_info *event)
{
    const uint64_t info = hv_read(vcpu, info_field);
    *event = (struct hv_event_info){0};
    if (!bit(info, 31))
        return;
    event->valid = true;
    event->vector = (uint8_t)bits(info, 7, 0);
    event->type = (uint8_t)bits(info, 10, 8);
    event->has_error_code = bit(info, 11);
    event->nmi_unblocking = bit(info, 12);
    if (event->has_error_code)
        event->error_code = (uint32_t)hv_read(vcpu, error_field);
}

static struct hv_cr_access decode_cr(uint64_t q)
{
    static const enum vmx_gpr first = VMX_RAX;
    struct hv_cr_access cr = {.cr = (unsigned)bits(q, 3, 0), .gpr = (enum vmx_gpr)(first + bits(q, 11, 8))};
    switch (bits(q, 5, 4)) {
    case 0:
        cr.type = HV_CR_MOV_TO;
        break;
    case 1:
        cr.type = HV_CR_MOV_FROM;
        break;
    case 2:
        cr.type = HV_CR_CLTS;
        break;
    default:
        cr.type = HV_CR_LMSW;
        break;
    }
    cr.lmsw_memory = bit(q, 6);
    cr.lmsw_source = (uint16_t)bits(q, 31, 16);
    return cr;
}

static struct hv_io decode_io(uint64_t q)
{
    return (struct hv_io){.port = (uint16_t)bits(q, 31, 16),
                          .size = (uint8_t)(bits(q, 2, 0) + 1),
                          .in = bit(q, 3),
                          .string = bit(q, 4),
                          .rep = bit(q, 5),
                          .immediate = bit(q, 6)};
}

static struct hv_ept_violation decode_ept(uint64_t q, gpa_t physical)
{
    return (struct hv_ept_violation){.read = bit(q, 0),
                                     .write = bit(q, 1),
                                     .fetch = bit(q, 2),
                                     .readable = bit(q, 3),
                                     .writable = bit(q, 4),
                                     .executable = bit(q, 5),
                                     .linear_valid = bit(q, 7),
                                     .translation = bit(q, 7) && bit(q, 8),
                                     .nmi_unblocking = bit(q, 12),
                                     .guest_physical = physical};
}

static void decode_qualification(struct hv_exit *exit)
{
    const uint64_t q = exit->qualification;
    if (exit->reason == VMX_EXIT_CR_ACCESS)
        exit->cr = decode_cr(q);
    else if (exit->reason == VMX_EXIT_DR_ACCESS)
        exit->dr = (struct hv_dr_access){.dr = (unsigned)bits(q, 2, 0), .from = bit(q, 4), .gpr = (enum vmx_gpr)bits(q, 11, 8)};
    else if (exit->reason == VMX_EXIT_IO_INSTRUCTION)
        exit->io = decode_io(q);
    else if (exit->reason == VMX_EXIT_EPT_VIOLATION)
        exit->ept = decode_ept(q, exit->guest_physical);
}

static bool has_length(const struct hv_event_info *event)
{
    return event->valid && event->type >= VMX_EVENT_SOFTWARE_INTERRUPT && event->type <= VMX_EVENT_SOFTWARE_EXCEPTION;
}

void hv_decode_exit(struct hv_vcpu *vcpu, struct hv_exit *exit)
{
    const uint32_t reason = (uint32_t)hv_read(vcpu, VMCS_VM_EXIT_REASON);
    *exit = (struct hv_exit){.reason = vmx_basic_reason(reason), .entry_failed = (reason & VMX_REASON_FAILED_VMENTRY) != 0};
    exit->rip = hv_read(vcpu, VMCS_GUEST_RIP);
    if (exit->entry_failed) {
        exit->qualification = hv_read(vcpu, VMCS_EXIT_QUALIFICATION);
        return;
    }
    const unsigned need = exit->reason < VMX_REASON_LIMIT ? needs[exit->reason] : 0;
    decode_event(vcpu, VMCS_IDT_VECTORING_INFO_FIELD, VMCS_IDT_VECTORING_ERROR_CODE, &exit->vectoring);
    if ((need & EVENT) != 0)
        decode_event(vcpu, VMCS_VM_EXIT_INTR_INFO, VMCS_VM_EXIT_INTR_ERROR_CODE, &exit->event);
    if ((need & QUALIFICATION) != 0)
        exit->qualification = hv_read(vcpu, VMCS_EXIT_QUALIFICATION);
    if ((need & LENGTH) != 0 || has_length(&exit->vectoring))
        exit->length = (uint32_t)hv_read(vcpu, VMCS_VM_EXIT_INSTRUCTION_LEN);
    if ((need & INFORMATION) != 0)
        exit->instruction_info = (uint32_t)hv_read(vcpu, VMCS_VMX_INSTRUCTION_INFO);
    if ((need & PHYSICAL) != 0)
        exit->guest_physical = hv_read(vcpu, VMCS_GUEST_PHYSICAL_ADDRESS);
    decode_qualification(exit);
    if ((need & LINEAR) != 0 && exit->ept.linear_valid)
        exit->ept.guest_linear = hv_read(vcpu, VMCS_GUEST_LINEAR_ADDRESS);
}
