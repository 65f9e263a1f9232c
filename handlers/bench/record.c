/* SPDX-License-Identifier: MIT */
/* From the exit-information fields to the items of an exit record. What the manual leaves undefined for an exit is recorded as 0, so that
   every machine gives the same record. SDM 3C, "VM-Exit Information Fields" and "Recording VM-Exit Information". */
#include "../../vmx-model/exit_info.h"
#include "../../vmx-model/reasons.h"
#include "internal.h"

/* Layouts of the VM-exit instruction-information field. */
enum layout {
    LAYOUT_NONE,
    LAYOUT_STRING_IO,
    LAYOUT_INVALIDATE, /* INVEPT, INVPCID, INVVPID */
    LAYOUT_TABLE,      /* LGDT, LIDT, SGDT, SIDT */
    LAYOUT_SELECTOR,   /* LLDT, LTR, SLDT, STR */
    LAYOUT_RANDOM,     /* RDRAND, RDSEED, TPAUSE, UMWAIT */
    LAYOUT_MEMORY,     /* VMCLEAR, VMPTRLD, VMPTRST, VMXON, XSAVES, XRSTORS */
    LAYOUT_FIELD,      /* VMREAD, VMWRITE */
    LAYOUT_KEY,        /* LOADIWKEY */
    LAYOUT_MSR         /* RDMSR and WRMSRNS with an immediate */
};

/* By reason: layout, or INSTRUCTION alone: a fault-like exit of an instruction, so that its length is defined. */
enum { INSTRUCTION = 0x80 };
static const uint8_t instructions[VMX_REASON_LIMIT] = {
    [VMX_EXIT_CPUID] = INSTRUCTION,
    [VMX_EXIT_GETSEC] = INSTRUCTION,
    [VMX_EXIT_HLT] = INSTRUCTION,
    [VMX_EXIT_INVD] = INSTRUCTION,
    [VMX_EXIT_INVLPG] = INSTRUCTION,
    [VMX_EXIT_RDPMC] = INSTRUCTION,
    [VMX_EXIT_RDTSC] = INSTRUCTION,
    [VMX_EXIT_RSM] = INSTRUCTION,
    [VMX_EXIT_VMCALL] = INSTRUCTION,
    [VMX_EXIT_VMCLEAR] = INSTRUCTION | LAYOUT_MEMORY,
    [VMX_EXIT_VMLAUNCH] = INSTRUCTION,
    [VMX_EXIT_VMPTRLD] = INSTRUCTION | LAYOUT_MEMORY,
    [VMX_EXIT_VMPTRST] = INSTRUCTION | LAYOUT_MEMORY,
    [VMX_EXIT_VMREAD] = INSTRUCTION | LAYOUT_FIELD,
    [VMX_EXIT_VMRESUME] = INSTRUCTION,
    [VMX_EXIT_VMWRITE] = INSTRUCTION | LAYOUT_FIELD,
    [VMX_EXIT_VMOFF] = INSTRUCTION,
    [VMX_EXIT_VMON] = INSTRUCTION | LAYOUT_MEMORY,
    [VMX_EXIT_CR_ACCESS] = INSTRUCTION,
    [VMX_EXIT_DR_ACCESS] = INSTRUCTION,
    [VMX_EXIT_IO_INSTRUCTION] = INSTRUCTION | LAYOUT_STRING_IO,
    [VMX_EXIT_MSR_READ] = INSTRUCTION,
    [VMX_EXIT_MSR_WRITE] = INSTRUCTION,
    [VMX_EXIT_MWAIT_INSTRUCTION] = INSTRUCTION,
    [VMX_EXIT_MONITOR_INSTRUCTION] = INSTRUCTION,
    [VMX_EXIT_PAUSE_INSTRUCTION] = INSTRUCTION,
    [VMX_EXIT_GDTR_IDTR] = INSTRUCTION | LAYOUT_TABLE,
    [VMX_EXIT_LDTR_TR] = INSTRUCTION | LAYOUT_SELECTOR,
    [VMX_EXIT_INVEPT] = INSTRUCTION | LAYOUT_INVALIDATE,
    [VMX_EXIT_RDTSCP] = INSTRUCTION,
    [VMX_EXIT_INVVPID] = INSTRUCTION | LAYOUT_INVALIDATE,
    [VMX_EXIT_WBINVD] = INSTRUCTION,
    [VMX_EXIT_XSETBV] = INSTRUCTION,
    [VMX_EXIT_RDRAND] = INSTRUCTION | LAYOUT_RANDOM,
    [VMX_EXIT_INVPCID] = INSTRUCTION | LAYOUT_INVALIDATE,
    [VMX_EXIT_VMFUNC] = INSTRUCTION,
    [VMX_EXIT_ENCLS] = INSTRUCTION,
    [VMX_EXIT_RDSEED] = INSTRUCTION | LAYOUT_RANDOM,
    [VMX_EXIT_XSAVES] = INSTRUCTION | LAYOUT_MEMORY,
    [VMX_EXIT_XRSTORS] = INSTRUCTION | LAYOUT_MEMORY,
    [VMX_EXIT_PCONFIG] = INSTRUCTION,
    [VMX_EXIT_UMWAIT] = INSTRUCTION | LAYOUT_RANDOM,
    [VMX_EXIT_TPAUSE] = INSTRUCTION | LAYOUT_RANDOM,
    [VMX_EXIT_LOADIWKEY] = INSTRUCTION | LAYOUT_KEY,
    [VMX_EXIT_ENCLV] = INSTRUCTION,
    [VMX_EXIT_ENQCMD_PASID_TRANSLATION_FAILURE] = INSTRUCTION,
    [VMX_EXIT_ENQCMDS_PASID_TRANSLATION_FAILURE] = INSTRUCTION,
    [VMX_EXIT_SEAMCALL] = INSTRUCTION,
    [VMX_EXIT_TDCALL] = INSTRUCTION,
    [VMX_EXIT_RDMSRLIST] = INSTRUCTION,
    [VMX_EXIT_WRMSRLIST] = INSTRUCTION,
    [VMX_EXIT_URDMSR] = INSTRUCTION,
    [VMX_EXIT_UWRMSR] = INSTRUCTION,
    [VMX_EXIT_MSR_READ_IMM] = INSTRUCTION | LAYOUT_MSR,
    [VMX_EXIT_MSR_WRITE_IMM] = INSTRUCTION | LAYOUT_MSR,
};

static bool bit(uint64_t value, unsigned n)
{
    return (value >> n & 1) != 0;
}

/* Does the exit stand in the delivery of an event whose instruction has a length: types 4, 5 and 6? */
static bool delivers_software_event(uint64_t idt_info)
{
    const unsigned type = (unsigned)(idt_info >> 8 & 7);
    return bit(idt_info, 31) && type >= VMX_EVENT_SOFTWARE_INTERRUPT && type <= VMX_EVENT_SOFTWARE_EXCEPTION;
}

static bool length_defined(uint32_t reason, uint64_t qualification, uint64_t event_info, uint64_t idt_info)
{
    enum { TASK_GATE = 3 };
    if (delivers_software_event(idt_info))
        return true;
    if (reason == VMX_EXIT_EXCEPTION_NMI)
        return delivers_software_event(event_info);
    if (reason == VMX_EXIT_TASK_SWITCH)
        return (qualification >> 30 & 3) != TASK_GATE;
    return (instructions[reason] & INSTRUCTION) != 0;
}

static uint64_t memory_operand_bits(uint64_t info)
{
    uint64_t mask = 7u << 7 | 7u << 15 | 1u << 22 | 1u << 27; /* address size, segment, index invalid, base invalid */
    if (!bit(info, 22))
        mask |= 3u << 0 | 15u << 18;
    if (!bit(info, 27))
        mask |= 15u << 23;
    return mask;
}

static uint64_t defined_information(enum layout layout, uint64_t info, bool in, bool mode64)
{
    const uint64_t register1 = 15u << 3, register2 = UINT64_C(15) << 28, register_form = 1u << 10, identity = 3u << 28;
    switch (layout) {
    case LAYOUT_NONE:
        return 0;
    case LAYOUT_STRING_IO:
        return in ? 7u << 7 : 7u << 7 | 7u << 15;
    case LAYOUT_INVALIDATE:
        return memory_operand_bits(info) | register_form | register2;
    case LAYOUT_TABLE:
        return memory_operand_bits(info) | register_form | (mode64 ? 0 : 1u << 11) | identity;
    case LAYOUT_SELECTOR:
        return (bit(info, 10) ? register1 : memory_operand_bits(info)) | register_form | identity;
    case LAYOUT_RANDOM:
        return register1 | 3u << 11;
    case LAYOUT_MEMORY:
        return memory_operand_bits(info) | register_form;
    case LAYOUT_FIELD:
        return (bit(info, 10) ? register1 : memory_operand_bits(info)) | register_form | register2;
    case LAYOUT_KEY:
        return register1 | register2;
    case LAYOUT_MSR:
        return register1;
    }
    return 0;
}

/* "NMI unblocking due to IRET" is undefined where NMIs exit without being virtual, and while an event is delivered. */
static bool nmi_unblocking_defined(struct bk_vcpu *vcpu, uint64_t idt_info)
{
    const uint64_t pin = bk_vmread(vcpu, VMCS_PIN_BASED_VM_EXEC_CONTROL);
    return !bit(idt_info, 31) && ((pin & VMX_PIN_NMI_EXITING) == 0 || (pin & VMX_PIN_VIRTUAL_NMIS) != 0);
}

static uint64_t defined_qualification(struct bk_vcpu *vcpu, uint32_t reason, uint64_t qualification, uint64_t idt_info, bool extended)
{
    enum { NMI_UNBLOCKING = 1 << 12, USER_EXECUTE = 1 << 6, GUEST_PAGE_RIGHTS = 7 << 9 };
    uint64_t undefined = 0;
    if (reason != VMX_EXIT_EPT_VIOLATION && reason != VMX_EXIT_PML_FULL && reason != VMX_EXIT_SPP_RELATED_EVENT && reason != VMX_EXIT_NOTIFY)
        return qualification;
    if (!nmi_unblocking_defined(vcpu, idt_info))
        undefined |= NMI_UNBLOCKING;
    if (reason != VMX_EXIT_EPT_VIOLATION)
        return qualification & ~undefined;
    if ((bk_vmread(vcpu, VMCS_SECONDARY_VM_EXEC_CONTROL) & VMX_SEC_MODE_BASED_EPT_EXEC) == 0)
        undefined |= USER_EXECUTE;
    if (!extended || !bit(qualification, 7) || !bit(qualification, 8))
        undefined |= GUEST_PAGE_RIGHTS;
    return qualification & ~undefined;
}

static void event_items(struct bk_vcpu *vcpu, uint64_t item[TRACE_ITEM_COUNT])
{
    enum { NMI_UNBLOCKING = 1 << 12, ERROR_VALID = 11, VALID = 31 };
    uint64_t event = bk_vmread(vcpu, VMCS_VM_EXIT_INTR_INFO), idt = bk_vmread(vcpu, VMCS_IDT_VECTORING_INFO_FIELD);
    if (!bit(idt, VALID))
        idt = 0;
    if (!bit(event, VALID))
        event = 0;
    if (!nmi_unblocking_defined(vcpu, idt) || (event & 0xff) == VMX_DF)
        event &= ~(uint64_t)NMI_UNBLOCKING;
    item[TRACE_INTERRUPTION_INFO] = event;
    item[TRACE_INTERRUPTION_ERROR] = bit(event, ERROR_VALID) ? bk_vmread(vcpu, VMCS_VM_EXIT_INTR_ERROR_CODE) : 0;
    item[TRACE_IDT_INFO] = idt & ~(uint64_t)NMI_UNBLOCKING;
    item[TRACE_IDT_ERROR] = bit(idt, ERROR_VALID) ? bk_vmread(vcpu, VMCS_IDT_VECTORING_ERROR_CODE) : 0;
}

static void address_items(struct bk_vcpu *vcpu, uint32_t reason, uint64_t item[TRACE_ITEM_COUNT])
{
    const uint64_t qualification = item[TRACE_QUALIFICATION];
    const bool string_io = reason == VMX_EXIT_IO_INSTRUCTION && bit(qualification, 4);
    const bool lmsw_memory = reason == VMX_EXIT_CR_ACCESS && (qualification >> 4 & 3) == 3 && bit(qualification, 6);
    const bool violation = reason == VMX_EXIT_EPT_VIOLATION && bit(qualification, 7);
    if (string_io || lmsw_memory || violation || reason == VMX_EXIT_SPP_RELATED_EVENT)
        item[TRACE_GUEST_LINEAR] = bk_vmread(vcpu, VMCS_GUEST_LINEAR_ADDRESS);
    if (reason == VMX_EXIT_EPT_VIOLATION || reason == VMX_EXIT_EPT_MISCONFIG || reason == VMX_EXIT_SPP_RELATED_EVENT)
        item[TRACE_GUEST_PHYSICAL] = bk_vmread(vcpu, VMCS_GUEST_PHYSICAL_ADDRESS);
}

static void instruction_items(struct bk_vcpu *vcpu, uint32_t reason, uint64_t item[TRACE_ITEM_COUNT])
{
    enum { CS_L = 1 << 13 };
    if (length_defined(reason, item[TRACE_QUALIFICATION], item[TRACE_INTERRUPTION_INFO], item[TRACE_IDT_INFO]))
        item[TRACE_INSTRUCTION_LENGTH] = bk_vmread(vcpu, VMCS_VM_EXIT_INSTRUCTION_LEN);
    const enum layout layout = (enum layout)(instructions[reason] & ~INSTRUCTION);
    if (layout == LAYOUT_NONE || (layout == LAYOUT_STRING_IO && !bit(item[TRACE_QUALIFICATION], 4)))
        return;
    const bool mode64 =
        (bk_vmread(vcpu, VMCS_VM_ENTRY_CONTROLS) & VMX_ENTRYCTL_IA32E_MODE_GUEST) != 0 && (bk_vmread(vcpu, VMCS_GUEST_CS_AR_BYTES) & CS_L) != 0;
    const uint64_t info = bk_vmread(vcpu, VMCS_VMX_INSTRUCTION_INFO);
    item[TRACE_INSTRUCTION_INFO] = info & defined_information(layout, info, bit(item[TRACE_QUALIFICATION], 3), mode64);
}

static void state_items(struct bk_vcpu *vcpu, uint64_t item[TRACE_ITEM_COUNT])
{
    static const struct {
        enum trace_item item;
        enum vmcs_field field;
    } rows[] = {
        {TRACE_RIP, VMCS_GUEST_RIP},
        {TRACE_RSP, VMCS_GUEST_RSP},
        {TRACE_RFLAGS, VMCS_GUEST_RFLAGS},
        {TRACE_INTERRUPTIBILITY, VMCS_GUEST_INTERRUPTIBILITY_INFO},
        {TRACE_ACTIVITY, VMCS_GUEST_ACTIVITY_STATE},
        {TRACE_PENDING_DEBUG, VMCS_GUEST_PENDING_DBG_EXCEPTIONS},
        {TRACE_CR0, VMCS_GUEST_CR0},
        {TRACE_CR3, VMCS_GUEST_CR3},
        {TRACE_CR4, VMCS_GUEST_CR4},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++)
        item[rows[i].item] = bk_vmread(vcpu, rows[i].field);
}

void bench_exit_items(struct bk_vcpu *vcpu, bool extended_ept_information, uint64_t item[TRACE_ITEM_COUNT])
{
    for (unsigned i = 0; i < TRACE_ITEM_COUNT; i++)
        item[i] = 0;
    const uint32_t reason = (uint32_t)bk_vmread(vcpu, VMCS_VM_EXIT_REASON);
    const uint32_t basic = vmx_basic_reason(reason);
    item[TRACE_REASON] = reason;
    item[TRACE_QUALIFICATION] = bk_vmread(vcpu, VMCS_EXIT_QUALIFICATION);
    item[TRACE_PHYSICAL_CPU] = bk_physical_cpu(vcpu);
    state_items(vcpu, item);
    if ((reason & VMX_REASON_FAILED_VMENTRY) != 0 || basic >= VMX_REASON_LIMIT)
        return; /* a failed VM entry writes no other exit information */
    event_items(vcpu, item);
    item[TRACE_QUALIFICATION] = defined_qualification(vcpu, basic, item[TRACE_QUALIFICATION], item[TRACE_IDT_INFO], extended_ept_information);
    address_items(vcpu, basic, item);
    instruction_items(vcpu, basic, item);
}

void bench_registers(struct bk_vcpu *vcpu, uint64_t gpr[16])
{
    for (unsigned i = 0; i < VMX_GPR_COUNT; i++)
        gpr[i] = i == VMX_RSP ? bk_vmread(vcpu, VMCS_GUEST_RSP) : bk_register(vcpu, (enum vmx_gpr)i);
}
