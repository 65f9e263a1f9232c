/* SPDX-License-Identifier: MIT */
/* A VMCS in the words of KVM's dump_vmcs, which people who debug VM entries know. */
#include "console.h"
#include "machine.h"

struct item {
    const char *format;
    enum vmcs_field field;
};

static const struct item guest_state[] = {
    {"CR0: actual=0x%016lx", VMCS_GUEST_CR0},
    {", shadow=0x%016lx", VMCS_CR0_READ_SHADOW},
    {", gh_mask=%016lx\n", VMCS_CR0_GUEST_HOST_MASK},
    {"CR4: actual=0x%016lx", VMCS_GUEST_CR4},
    {", shadow=0x%016lx", VMCS_CR4_READ_SHADOW},
    {", gh_mask=%016lx\n", VMCS_CR4_GUEST_HOST_MASK},
    {"CR3 = 0x%016lx\n", VMCS_GUEST_CR3},
    {"PDPTR0 = 0x%016lx", VMCS_GUEST_PDPTR0},
    {"  PDPTR1 = 0x%016lx\n", VMCS_GUEST_PDPTR1},
    {"PDPTR2 = 0x%016lx", VMCS_GUEST_PDPTR2},
    {"  PDPTR3 = 0x%016lx\n", VMCS_GUEST_PDPTR3},
    {"RSP = 0x%016lx", VMCS_GUEST_RSP},
    {"  RIP = 0x%016lx\n", VMCS_GUEST_RIP},
    {"RFLAGS=0x%08lx", VMCS_GUEST_RFLAGS},
    {"         DR7 = 0x%016lx\n", VMCS_GUEST_DR7},
    {"Sysenter RSP=%016lx", VMCS_GUEST_SYSENTER_ESP},
    {" CS:RIP=%04lx", VMCS_GUEST_SYSENTER_CS},
    {":%016lx\n", VMCS_GUEST_SYSENTER_EIP},
    {"CS:   sel=0x%04lx", VMCS_GUEST_CS_SELECTOR},
    {", attr=0x%05lx", VMCS_GUEST_CS_AR_BYTES},
    {", limit=0x%08lx", VMCS_GUEST_CS_LIMIT},
    {", base=0x%016lx\n", VMCS_GUEST_CS_BASE},
    {"DS:   sel=0x%04lx", VMCS_GUEST_DS_SELECTOR},
    {", attr=0x%05lx", VMCS_GUEST_DS_AR_BYTES},
    {", limit=0x%08lx", VMCS_GUEST_DS_LIMIT},
    {", base=0x%016lx\n", VMCS_GUEST_DS_BASE},
    {"SS:   sel=0x%04lx", VMCS_GUEST_SS_SELECTOR},
    {", attr=0x%05lx", VMCS_GUEST_SS_AR_BYTES},
    {", limit=0x%08lx", VMCS_GUEST_SS_LIMIT},
    {", base=0x%016lx\n", VMCS_GUEST_SS_BASE},
    {"ES:   sel=0x%04lx", VMCS_GUEST_ES_SELECTOR},
    {", attr=0x%05lx", VMCS_GUEST_ES_AR_BYTES},
    {", limit=0x%08lx", VMCS_GUEST_ES_LIMIT},
    {", base=0x%016lx\n", VMCS_GUEST_ES_BASE},
    {"FS:   sel=0x%04lx", VMCS_GUEST_FS_SELECTOR},
    {", attr=0x%05lx", VMCS_GUEST_FS_AR_BYTES},
    {", limit=0x%08lx", VMCS_GUEST_FS_LIMIT},
    {", base=0x%016lx\n", VMCS_GUEST_FS_BASE},
    {"GS:   sel=0x%04lx", VMCS_GUEST_GS_SELECTOR},
    {", attr=0x%05lx", VMCS_GUEST_GS_AR_BYTES},
    {", limit=0x%08lx", VMCS_GUEST_GS_LIMIT},
    {", base=0x%016lx\n", VMCS_GUEST_GS_BASE},
    {"GDTR:                           limit=0x%08lx", VMCS_GUEST_GDTR_LIMIT},
    {", base=0x%016lx\n", VMCS_GUEST_GDTR_BASE},
    {"LDTR: sel=0x%04lx", VMCS_GUEST_LDTR_SELECTOR},
    {", attr=0x%05lx", VMCS_GUEST_LDTR_AR_BYTES},
    {", limit=0x%08lx", VMCS_GUEST_LDTR_LIMIT},
    {", base=0x%016lx\n", VMCS_GUEST_LDTR_BASE},
    {"IDTR:                           limit=0x%08lx", VMCS_GUEST_IDTR_LIMIT},
    {", base=0x%016lx\n", VMCS_GUEST_IDTR_BASE},
    {"TR:   sel=0x%04lx", VMCS_GUEST_TR_SELECTOR},
    {", attr=0x%05lx", VMCS_GUEST_TR_AR_BYTES},
    {", limit=0x%08lx", VMCS_GUEST_TR_LIMIT},
    {", base=0x%016lx\n", VMCS_GUEST_TR_BASE},
    {"EFER= 0x%016lx", VMCS_GUEST_IA32_EFER},
    {" PAT = 0x%016lx\n", VMCS_GUEST_IA32_PAT},
    {"DebugCtl = 0x%016lx", VMCS_GUEST_IA32_DEBUGCTL},
    {"  DebugExceptions = 0x%016lx\n", VMCS_GUEST_PENDING_DBG_EXCEPTIONS},
    {"PerfGlobCtl = 0x%016lx\n", VMCS_GUEST_IA32_PERF_GLOBAL_CTRL},
    {"Interruptibility = %08lx", VMCS_GUEST_INTERRUPTIBILITY_INFO},
    {"  ActivityState = %08lx\n", VMCS_GUEST_ACTIVITY_STATE},
    {"InterruptStatus = %04lx\n", VMCS_GUEST_INTR_STATUS},
};
static const struct item host_state[] = {
    {"RIP = 0x%016lx", VMCS_HOST_RIP},
    {"  RSP = 0x%016lx\n", VMCS_HOST_RSP},
    {"CS=%04lx", VMCS_HOST_CS_SELECTOR},
    {" SS=%04lx", VMCS_HOST_SS_SELECTOR},
    {" DS=%04lx", VMCS_HOST_DS_SELECTOR},
    {" ES=%04lx", VMCS_HOST_ES_SELECTOR},
    {" FS=%04lx", VMCS_HOST_FS_SELECTOR},
    {" GS=%04lx", VMCS_HOST_GS_SELECTOR},
    {" TR=%04lx\n", VMCS_HOST_TR_SELECTOR},
    {"FSBase=%016lx", VMCS_HOST_FS_BASE},
    {" GSBase=%016lx", VMCS_HOST_GS_BASE},
    {" TRBase=%016lx\n", VMCS_HOST_TR_BASE},
    {"GDTBase=%016lx", VMCS_HOST_GDTR_BASE},
    {" IDTBase=%016lx\n", VMCS_HOST_IDTR_BASE},
    {"CR0=%016lx", VMCS_HOST_CR0},
    {" CR3=%016lx", VMCS_HOST_CR3},
    {" CR4=%016lx\n", VMCS_HOST_CR4},
    {"Sysenter RSP=%016lx", VMCS_HOST_IA32_SYSENTER_ESP},
    {" CS:RIP=%04lx", VMCS_HOST_IA32_SYSENTER_CS},
    {":%016lx\n", VMCS_HOST_IA32_SYSENTER_EIP},
    {"EFER= 0x%016lx", VMCS_HOST_IA32_EFER},
    {" PAT = 0x%016lx\n", VMCS_HOST_IA32_PAT},
    {"PerfGlobCtl = 0x%016lx\n", VMCS_HOST_IA32_PERF_GLOBAL_CTRL},
};
static const struct item control_state[] = {
    {"CPUBased=0x%08lx", VMCS_CPU_BASED_VM_EXEC_CONTROL},
    {" SecondaryExec=0x%08lx", VMCS_SECONDARY_VM_EXEC_CONTROL},
    {" TertiaryExec=0x%016lx\n", VMCS_TERTIARY_VM_EXEC_CONTROL},
    {"PinBased=0x%08lx", VMCS_PIN_BASED_VM_EXEC_CONTROL},
    {" EntryControls=%08lx", VMCS_VM_ENTRY_CONTROLS},
    {" ExitControls=%08lx\n", VMCS_VM_EXIT_CONTROLS},
    {"ExceptionBitmap=%08lx", VMCS_EXCEPTION_BITMAP},
    {" PFECmask=%08lx", VMCS_PAGE_FAULT_ERROR_CODE_MASK},
    {" PFECmatch=%08lx\n", VMCS_PAGE_FAULT_ERROR_CODE_MATCH},
    {"VMEntry: intr_info=%08lx", VMCS_VM_ENTRY_INTR_INFO_FIELD},
    {" errcode=%08lx", VMCS_VM_ENTRY_EXCEPTION_ERROR_CODE},
    {" ilen=%08lx\n", VMCS_VM_ENTRY_INSTRUCTION_LEN},
    {"VMExit: intr_info=%08lx", VMCS_VM_EXIT_INTR_INFO},
    {" errcode=%08lx", VMCS_VM_EXIT_INTR_ERROR_CODE},
    {" ilen=%08lx\n", VMCS_VM_EXIT_INSTRUCTION_LEN},
    {"        reason=%08lx", VMCS_VM_EXIT_REASON},
    {" qualification=%016lx\n", VMCS_EXIT_QUALIFICATION},
    {"IDTVectoring: info=%08lx", VMCS_IDT_VECTORING_INFO_FIELD},
    {" errcode=%08lx\n", VMCS_IDT_VECTORING_ERROR_CODE},
    {"TSC Offset = 0x%016lx\n", VMCS_TSC_OFFSET},
    {"TSC Multiplier = 0x%016lx\n", VMCS_TSC_MULTIPLIER},
    {"TPR Threshold = 0x%02lx\n", VMCS_TPR_THRESHOLD},
    {"APIC-access addr = 0x%016lx", VMCS_APIC_ACCESS_ADDR},
    {" virt-APIC addr = 0x%016lx\n", VMCS_VIRTUAL_APIC_PAGE_ADDR},
    {"PostedIntrVec = 0x%02lx\n", VMCS_POSTED_INTR_NV},
    {"EPT pointer = 0x%016lx\n", VMCS_EPT_POINTER},
    {"PLE Gap=%08lx", VMCS_PLE_GAP},
    {" Window=%08lx\n", VMCS_PLE_WINDOW},
    {"Virtual processor ID = 0x%04lx\n", VMCS_VIRTUAL_PROCESSOR_ID},
};

static void print_items(struct bk_vcpu *vcpu, const struct item *items, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        console_print(items[i].format, bk_vmread(vcpu, items[i].field));
}

static void print_list(struct bk_vcpu *vcpu, const char *title, enum vmcs_field count_field, enum vmcs_field address_field)
{
    enum { SHOWN_MAX = 16 };
    const uint64_t count = bk_vmread(vcpu, count_field), address = bk_vmread(vcpu, address_field);
    struct {
        uint32_t msr, reserved;
        uint64_t value;
    } entry;
    if (count != 0)
        console_print("%s\n", title);
    for (unsigned i = 0; i < count && i < SHOWN_MAX && bk_read(vcpu->machine, address + i * sizeof entry, &entry, sizeof entry); i++)
        console_print("%02u: msr=0x%08x value=0x%016lx\n", i, entry.msr, entry.value);
}

void hw_dump(struct bk_machine *machine)
{
    for (unsigned i = 0; i < HW_VCPUS; i++) {
        struct bk_vcpu *vcpu = &machine->vcpu[i];
        if (vcpu->vmcs == 0)
            continue;
        console_print("VMCS 0x%016lx, last attempted VM-entry on CPU %u\n*** Guest State ***\n", vcpu->vmcs, bk_physical_cpu(vcpu));
        print_items(vcpu, guest_state, sizeof guest_state / sizeof *guest_state);
        print_list(vcpu, "MSR guest autoload:", VMCS_VM_ENTRY_MSR_LOAD_COUNT, VMCS_VM_ENTRY_MSR_LOAD_ADDR);
        console_print("*** Host State ***\n");
        print_items(vcpu, host_state, sizeof host_state / sizeof *host_state);
        print_list(vcpu, "MSR host autoload:", VMCS_VM_EXIT_MSR_LOAD_COUNT, VMCS_VM_EXIT_MSR_LOAD_ADDR);
        console_print("*** Control State ***\n");
        print_items(vcpu, control_state, sizeof control_state / sizeof *control_state);
    }
}
