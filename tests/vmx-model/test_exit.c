/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VM exit: what is recorded, saved, stored and left behind. */
#include "tests/support/running_guest.h"
#include "tests/support/suite.h"

#include <string.h>

#include "vmx-model/controls.h"
#include "vmx-model/reasons.h"
#include "vmx-model/registers.h"
#include "vmx-model/transition.h"

static struct valid_machine m;

static uint32_t leave(uint32_t reason, uint32_t changed)
{
    const struct vmx_exit_info info = {.reason = reason};
    return vmx_exit(&m.cpu, &info, changed);
}

static struct vmx_exit_info event_exit(uint8_t type, uint8_t vector)
{
    return (struct vmx_exit_info){.reason = VMX_EXIT_EXCEPTION_NMI, .interruption_info = 1u << 31 | (uint32_t)type << 8 | vector};
}

static void every_information_field_is_written(void)
{
    const struct vmx_exit_info info = {.reason = VMX_EXIT_EPT_VIOLATION,
                                       .qualification = 1,
                                       .guest_linear = 2,
                                       .guest_physical = 3,
                                       .instruction_length = 4,
                                       .instruction_info = 5,
                                       .interruption_info = 6,
                                       .interruption_error_code = 7,
                                       .idt_vectoring_info = 8,
                                       .idt_vectoring_error_code = 9};
    static const struct {
        enum vmcs_field field;
        uint64_t value;
    } rows[] = {{VMCS_VM_EXIT_REASON, 48},         {VMCS_EXIT_QUALIFICATION, 1},      {VMCS_GUEST_LINEAR_ADDRESS, 2},
                {VMCS_GUEST_PHYSICAL_ADDRESS, 3},  {VMCS_VM_EXIT_INSTRUCTION_LEN, 4}, {VMCS_VMX_INSTRUCTION_INFO, 5},
                {VMCS_VM_EXIT_INTR_INFO, 6},       {VMCS_VM_EXIT_INTR_ERROR_CODE, 7}, {VMCS_IDT_VECTORING_INFO_FIELD, 8},
                {VMCS_IDT_VECTORING_ERROR_CODE, 9}};
    running_guest(&m, VALID_LONG, 0, 0, 0);
    CU_ASSERT_EQUAL(vmx_exit(&m.cpu, &info, 0), 0);
    for (unsigned k = 0; k < sizeof rows / sizeof rows[0]; k++)
        CU_ASSERT_EQUAL(vmcs_get(&m.vmcs, rows[k].field), rows[k].value);
    CU_ASSERT_EQUAL(m.cpu.operation, VMX_OPERATION_ROOT);
}

static void a_later_exit_leaves_nothing_of_an_earlier_one(void)
{
    const struct vmx_exit_info first = {.reason = VMX_EXIT_EPT_VIOLATION, .qualification = 1, .guest_linear = 2, .idt_vectoring_info = 1u << 31};
    running_guest(&m, VALID_LONG, 0, 0, 0);
    CU_ASSERT_EQUAL(vmx_exit(&m.cpu, &first, 0), 0);
    CU_ASSERT_EQUAL(vmx_enter(&m.cpu, VMX_ENTRY_RESUME).kind, VMX_ENTERED);
    CU_ASSERT_EQUAL(leave(VMX_EXIT_CPUID, 0), 0);
    CU_ASSERT_EQUAL(vmcs_get(&m.vmcs, VMCS_GUEST_LINEAR_ADDRESS), 0);
    CU_ASSERT_EQUAL(vmcs_get(&m.vmcs, VMCS_IDT_VECTORING_INFO_FIELD), 0);
}

static void ip_and_event_groups_are_always_saved_the_others_when_named(void)
{
    running_guest(&m, VALID_LONG, 0, 0, 0);
    CU_ASSERT_EQUAL(leave(VMX_EXIT_CPUID, 0), 0);
    CU_ASSERT_EQUAL(vmx_enter(&m.cpu, VMX_ENTRY_RESUME).kind, VMX_ENTERED);
    m.cpu.state.rip = 0x1111;
    m.cpu.state.gpr[VMX_RSP] = 0x2222;
    m.cpu.state.interruptibility = VMX_BLOCKING_BY_NMI;
    m.cpu.state.activity = VMX_HLT;
    m.cpu.state.cr3 = 0x3000 + 0x18;
    m.cpu.state.sysenter_esp = 0x4444;
    CU_ASSERT_EQUAL(leave(VMX_EXIT_EXTERNAL_INTERRUPT, 0), 0);
    CU_ASSERT_EQUAL(vmcs_get(&m.vmcs, VMCS_GUEST_RIP), 0x1111);
    CU_ASSERT_EQUAL(vmcs_get(&m.vmcs, VMCS_GUEST_RSP), 0x2222);
    CU_ASSERT_EQUAL(vmcs_get(&m.vmcs, VMCS_GUEST_INTERRUPTIBILITY_INFO), VMX_BLOCKING_BY_NMI);
    CU_ASSERT_EQUAL(vmcs_get(&m.vmcs, VMCS_GUEST_ACTIVITY_STATE), VMX_HLT);
    CU_ASSERT_EQUAL(vmcs_get(&m.vmcs, VMCS_GUEST_CR3), VALID_GUEST_CR3);
    vmx_save_guest_state(&m.cpu, VMX_GROUP_CONTROL | VMX_GROUP_MSR);
    CU_ASSERT_EQUAL(vmcs_get(&m.vmcs, VMCS_GUEST_CR3), 0x3018);
    CU_ASSERT_EQUAL(vmcs_get(&m.vmcs, VMCS_GUEST_SYSENTER_ESP), 0x4444);
    CU_ASSERT_EQUAL(m.vmcs.unloaded, 0);
    CU_ASSERT((m.vmcs.unchecked & VMCS_GROUP_GUEST_CONTROL) != 0);
    CU_ASSERT((m.vmcs.unchecked & VMCS_GROUP_GUEST_SEGMENTS) == 0);
}

static void rf_is_saved_as_the_exit_says(void)
{
    static const struct {
        struct vmx_exit_info info;
        int rf; /* 0, 1, or -1: unchanged */
    } rows[] = {
        {{.reason = VMX_EXIT_CPUID}, 0},
        {{.reason = VMX_EXIT_XRSTORS}, 0},
        {{.reason = VMX_EXIT_WBINVD}, 0},
        {{.reason = VMX_EXIT_VMON}, 0},
        {{.reason = VMX_EXIT_TPAUSE}, 0},
        {{.reason = VMX_EXIT_EXTERNAL_INTERRUPT}, -1},
        {{.reason = VMX_EXIT_TASK_SWITCH}, -1},
        {{.reason = VMX_EXIT_TRIPLE_FAULT}, -1},
        {{.reason = VMX_EXIT_MONITOR_TRAP_FLAG}, -1},
        {{.reason = VMX_EXIT_EPT_VIOLATION}, 1},
        {{.reason = VMX_EXIT_APIC_ACCESS}, 1},
        {{.reason = VMX_EXIT_EPT_VIOLATION, .idt_vectoring_info = 0x80000020}, -1},
        {{.interruption_info = 0x80000b0e}, 1},
        {{.interruption_info = 0x80000306}, 1},
        {{.interruption_info = 0x80000301}, -1},
        {{.interruption_info = 0x80000301, .qualification = VMX_DB_BD}, 1},
        {{.interruption_info = 0x80000603}, -1},
        {{.interruption_info = 0x80000b08}, -1},
        {{.interruption_info = 0x80000312}, -1},
        {{.interruption_info = 0x80000202}, -1},
    };
    for (unsigned k = 0; k < sizeof rows / sizeof rows[0]; k++)
        for (unsigned before = 0; before < 2; before++) {
            running_guest(&m, VALID_LONG, 0, 0, 0);
            m.cpu.state.rflags |= before != 0 ? VMX_RFLAGS_RF : 0;
            CU_ASSERT_EQUAL(vmx_exit(&m.cpu, &rows[k].info, 0), 0);
            const bool expected = rows[k].rf < 0 ? before != 0 : rows[k].rf != 0;
            CU_ASSERT_EQUAL((vmcs_get(&m.vmcs, VMCS_GUEST_RFLAGS) & VMX_RFLAGS_RF) != 0, expected);
        }
}

static void pending_debug_exceptions_are_saved_by_reason(void)
{
    static const struct {
        struct vmx_exit_info info;
        uint32_t interruptibility;
        bool saved;
    } rows[] = {
        {{.reason = VMX_EXIT_INIT_SIGNAL}, 0, true},
        {{.reason = VMX_EXIT_MONITOR_TRAP_FLAG}, 0, true},
        {{.reason = VMX_EXIT_TPR_BELOW_THRESHOLD}, 0, true},
        {{.reason = VMX_EXIT_EOI_INDUCED}, 0, true},
        {{.reason = VMX_EXIT_APIC_WRITE}, 0, true},
        {{.interruption_info = 0x80000312}, 0, true},
        {{.interruption_info = 0x80000301}, 0, false},
        {{.interruption_info = 0x80000301}, VMX_BLOCKING_BY_MOV_SS, false},
        {{.interruption_info = 0x80000b0e}, 0, false},
        {{.interruption_info = 0x80000b0e}, VMX_BLOCKING_BY_MOV_SS, true},
        {{.reason = VMX_EXIT_CPUID}, 0, false},
        {{.reason = VMX_EXIT_CPUID}, VMX_BLOCKING_BY_MOV_SS, true},
        {{.reason = VMX_EXIT_EXTERNAL_INTERRUPT}, 0, false},
    };
    for (unsigned k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        running_guest(&m, VALID_LONG, 0, 0, 0);
        m.cpu.state.pending_debug = 0x4002;
        m.cpu.state.interruptibility = rows[k].interruptibility;
        CU_ASSERT_EQUAL(vmx_exit(&m.cpu, &rows[k].info, 0), 0);
        CU_ASSERT_EQUAL(vmcs_get(&m.vmcs, VMCS_GUEST_PENDING_DBG_EXCEPTIONS), rows[k].saved ? 0x4002 : 0);
        CU_ASSERT_EQUAL(m.cpu.state.pending_debug, rows[k].saved ? 0x4002 : 0);
    }
}

static void an_exit_of_event_delivery_ends_shadows_and_inactivity(void)
{
    const struct vmx_exit_info info = {.reason = VMX_EXIT_EPT_VIOLATION, .idt_vectoring_info = 0x80000020};
    running_guest(&m, VALID_LONG, 0, 0, 0);
    m.cpu.state.interruptibility = VMX_BLOCKING_BY_STI | VMX_BLOCKING_BY_NMI;
    m.cpu.state.activity = VMX_HLT;
    CU_ASSERT_EQUAL(vmx_exit(&m.cpu, &info, 0), 0);
    CU_ASSERT_EQUAL(vmcs_get(&m.vmcs, VMCS_GUEST_INTERRUPTIBILITY_INFO), VMX_BLOCKING_BY_NMI);
    CU_ASSERT_EQUAL(vmcs_get(&m.vmcs, VMCS_GUEST_ACTIVITY_STATE), VMX_ACTIVE);
    /* The engine still has the old state: the next entry names what to push. */
    CU_ASSERT((vmx_enter(&m.cpu, VMX_ENTRY_RESUME).changed & VMX_GROUP_EVENT) != 0);
}

static void nmis_are_blocked_after_an_nmi_exit_only(void)
{
    struct vmx_exit_info info = event_exit(VMX_EVENT_NMI, VMX_NMI);
    running_guest(&m, VALID_LONG, VMX_PIN_NMI_EXITING, 0, 0);
    CU_ASSERT_EQUAL(vmx_exit(&m.cpu, &info, 0), 0);
    CU_ASSERT_TRUE(m.cpu.nmi_blocked);
    CU_ASSERT_EQUAL(vmcs_get(&m.vmcs, VMCS_GUEST_INTERRUPTIBILITY_INFO), 0);
    for (unsigned virtual = 0; virtual < 2; virtual ++) {
        running_guest(&m, VALID_LONG, VMX_PIN_NMI_EXITING | (virtual != 0 ? VMX_PIN_VIRTUAL_NMIS : 0), 0, 0);
        m.cpu.state.interruptibility = VMX_BLOCKING_BY_NMI;
        CU_ASSERT_EQUAL(leave(VMX_EXIT_CPUID, 0), 0);
        CU_ASSERT_EQUAL(m.cpu.nmi_blocked, virtual == 0);
        CU_ASSERT_EQUAL(vmcs_get(&m.vmcs, VMCS_GUEST_INTERRUPTIBILITY_INFO), VMX_BLOCKING_BY_NMI);
    }
}

static void the_preemption_timer_is_saved_on_demand(void)
{
    for (unsigned save = 0; save < 2; save++)
        for (unsigned late = 0; late < 2; late++) {
            running_guest(&m, VALID_LONG, VMX_PIN_VMX_PREEMPTION_TIMER, 0, 0);
            const unsigned rate = (unsigned)m.caps.misc & 31;
            m.vmcs.field[VMCS_VMX_PREEMPTION_TIMER_VALUE] = 1000;
            CU_ASSERT_EQUAL(leave(VMX_EXIT_CPUID, 0), 0);
            if (save != 0)
                vmcs_set(&m.vmcs, VMCS_VM_EXIT_CONTROLS, vmcs_get(&m.vmcs, VMCS_VM_EXIT_CONTROLS) | VMX_EXITCTL_SAVE_PREEMPTION_TIMER);
            m.vmcs.field[VMCS_VMX_PREEMPTION_TIMER_VALUE] = 1000;
            m.cpu.tsc = (UINT64_C(5) << rate) - 1;
            CU_ASSERT_EQUAL(vmx_enter(&m.cpu, VMX_ENTRY_RESUME).kind, VMX_ENTERED);
            CU_ASSERT_EQUAL(vmx_timer_remaining(&m.cpu), (UINT64_C(999) << rate) + 1);
            m.cpu.tsc += late != 0 ? (UINT64_C(2000) << rate) : 1;
            CU_ASSERT_EQUAL(leave(VMX_EXIT_CPUID, 0), 0);
            CU_ASSERT_EQUAL(vmcs_get(&m.vmcs, VMCS_VMX_PREEMPTION_TIMER_VALUE), save == 0 ? 1000 : late != 0 ? 0 : 999);
            CU_ASSERT_EQUAL(vmx_timer_remaining(&m.cpu), UINT64_MAX);
        }
}

static void the_mode_of_the_guest_goes_into_the_entry_controls(void)
{
    for (unsigned stores = 0; stores < 2; stores++) {
        running_guest(&m, VALID_LONG, 0, 0, 0);
        m.caps.misc = stores != 0 ? m.caps.misc | VMX_MISC_SAVE_EFER_LMA : m.caps.misc & ~VMX_MISC_SAVE_EFER_LMA;
        m.cpu.state.efer = 0;
        m.cpu.state.cr0 &= ~VMX_CR0_PG;
        CU_ASSERT_EQUAL(leave(VMX_EXIT_CPUID, VMX_GROUP_CONTROL), 0);
        const bool long_mode = (vmcs_get(&m.vmcs, VMCS_VM_ENTRY_CONTROLS) & VMX_ENTRYCTL_IA32E_MODE_GUEST) != 0;
        CU_ASSERT_EQUAL(long_mode, stores == 0);
        CU_ASSERT_EQUAL((m.vmcs.unchecked & VMCS_GROUP_CONTROLS) != 0, stores != 0);
    }
}

static void put_entry(uint64_t list, unsigned n, uint64_t index, uint64_t value)
{
    memcpy(m.memory + list + 16 * n, &index, 8);
    memcpy(m.memory + list + 16 * n + 8, &value, 8);
}
static uint64_t stored(uint64_t list, unsigned n)
{
    uint64_t value;
    memcpy(&value, m.memory + list + 16 * n + 8, 8);
    return value;
}

static void the_store_list_holds_what_rdmsr_of_the_host_gives(void)
{
    enum { LIST = 0xb000 };
    running_guest(&m, VALID_LONG, 0, VMX_PRI_USE_TSC_OFFSETTING, 0);
    m.vmcs.field[VMCS_TSC_OFFSET] = 1000000;
    put_entry(LIST, 0, VMX_MSR_TSC, 0);
    put_entry(LIST, 1, VMX_MSR_KERNEL_GS_BASE, 0);
    m.vmcs.field[VMCS_VM_EXIT_MSR_STORE_ADDR] = LIST;
    m.vmcs.field[VMCS_VM_EXIT_MSR_STORE_COUNT] = 2;
    m.cpu.tsc = 77;
    m.cpu.state.kernel_gs_base = 0x8888;
    CU_ASSERT_EQUAL(leave(VMX_EXIT_CPUID, 0), 0);
    CU_ASSERT_EQUAL(stored(LIST, 0), 77);
    CU_ASSERT_EQUAL(stored(LIST, 1), 0x8888);
    static const uint64_t bad[] = {0x800, 0x8ff, VMX_MSR_SMBASE, 0xdead0000, UINT64_C(1) << 32 | VMX_MSR_STAR};
    for (unsigned k = 0; k < sizeof bad / sizeof bad[0]; k++) {
        put_entry(LIST, 1, bad[k], 0);
        CU_ASSERT_EQUAL(vmx_enter(&m.cpu, VMX_ENTRY_RESUME).kind, VMX_ENTERED);
        CU_ASSERT_EQUAL(leave(VMX_EXIT_CPUID, 0), 1);
        CU_ASSERT_EQUAL(m.vmcs.abort_indicator, 1);
        m.cpu.operation = VMX_OPERATION_ROOT;
    }
}

/* One register serves host and guest: what no field loads back keeps the host's value, what a field loads back is loaded again. */
static void the_load_list_writes_shared_registers(void)
{
    enum { LIST = 0xb000 };
    running_guest(&m, VALID_LONG, 0, 0, 0);
    m.vmcs.field[VMCS_GUEST_SYSENTER_CS] = m.cpu.state.sysenter_cs = 0x10;
    put_entry(LIST, 0, VMX_MSR_KERNEL_GS_BASE, 0x5555);
    put_entry(LIST, 1, VMX_MSR_SYSENTER_CS, 0x99);
    m.vmcs.field[VMCS_VM_EXIT_MSR_LOAD_ADDR] = LIST;
    m.vmcs.field[VMCS_VM_EXIT_MSR_LOAD_COUNT] = 2;
    CU_ASSERT_EQUAL(leave(VMX_EXIT_CPUID, VMX_GROUP_MSR), 0);
    CU_ASSERT_EQUAL(vmcs_get(&m.vmcs, VMCS_GUEST_SYSENTER_CS), 0x10);
    CU_ASSERT((vmx_enter(&m.cpu, VMX_ENTRY_RESUME).changed & VMX_GROUP_MSR) != 0);
    CU_ASSERT_EQUAL(m.cpu.state.kernel_gs_base, 0x5555);
    CU_ASSERT_EQUAL(m.cpu.state.sysenter_cs, 0x10);
    put_entry(LIST, 0, VMX_MSR_GS_BASE, 0);
    CU_ASSERT_EQUAL(leave(VMX_EXIT_CPUID, 0), 4);
    CU_ASSERT_EQUAL(m.vmcs.abort_indicator, 4);
}

static void registers_that_only_the_exit_loads_stay_with_the_host(void)
{
    running_guest(&m, VALID_LONG, 0, 0, 0);
    CU_ASSERT_EQUAL(leave(VMX_EXIT_CPUID, 0), 0);
    vmcs_set(&m.vmcs, VMCS_VM_EXIT_CONTROLS, vmcs_get(&m.vmcs, VMCS_VM_EXIT_CONTROLS) | VMX_EXITCTL_LOAD_PAT);
    vmcs_set(&m.vmcs, VMCS_HOST_IA32_PAT, 0x0606060606060606);
    CU_ASSERT_EQUAL(vmx_enter(&m.cpu, VMX_ENTRY_RESUME).kind, VMX_ENTERED);
    m.cpu.state.pat = 0;
    m.cpu.state.dr[7] = 0x4ff;
    m.cpu.state.debugctl = 1;
    CU_ASSERT_EQUAL(leave(VMX_EXIT_CPUID, VMX_GROUP_ALL), 0);
    CU_ASSERT_EQUAL(m.cpu.state.pat, 0x0606060606060606);
    CU_ASSERT_EQUAL(m.cpu.state.dr[7], 0x400); /* entry does not load debug controls */
    CU_ASSERT_EQUAL(m.cpu.state.debugctl, 0);
    const struct vmx_entry_result r = vmx_enter(&m.cpu, VMX_ENTRY_RESUME);
    CU_ASSERT_EQUAL(r.changed & (VMX_GROUP_MSR | VMX_GROUP_DEBUG), VMX_GROUP_MSR | VMX_GROUP_DEBUG);
    CU_ASSERT_EQUAL(m.cpu.state.pat, 0x0606060606060606);
}

static void a_guest_in_ia32e_mode_cannot_leave_to_a_32_bit_host(void)
{
    running_guest(&m, VALID_PAE, 0, 0, 0);
    m.vmcs.field[VMCS_VM_EXIT_CONTROLS] &= ~(uint64_t)VMX_EXITCTL_HOST_ADDR_SPACE_SIZE;
    m.cpu.state.efer |= VMX_EFER_LMA;
    CU_ASSERT_EQUAL(leave(VMX_EXIT_CPUID, 0), 6);
    running_guest(&m, VALID_PAE, 0, 0, 0);
    m.vmcs.field[VMCS_VM_EXIT_CONTROLS] &= ~(uint64_t)VMX_EXITCTL_HOST_ADDR_SPACE_SIZE;
    const uint64_t bad_pdpte = 0x7;
    memcpy(m.memory + 0x1000, &bad_pdpte, 8);
    CU_ASSERT_EQUAL(leave(VMX_EXIT_CPUID, 0), 2);
    CU_ASSERT_EQUAL(m.vmcs.abort_indicator, 2);
}

static void code_in_root_operation_gets_host_state(void)
{
    running_guest(&m, VALID_LONG, 0, 0, 0);
    m.cpu.native_root = false;
    m.cpu.monitor_armed = true; /* MWAIT of the host does not wait for what the guest monitors */
    CU_ASSERT_EQUAL(leave(VMX_EXIT_CPUID, VMX_GROUP_ALL), 0);
    CU_ASSERT_FALSE(m.cpu.monitor_armed);
    CU_ASSERT_EQUAL(m.cpu.state.rip, vmcs_get(&m.vmcs, VMCS_HOST_RIP));
    CU_ASSERT_EQUAL(vmcs_get(&m.vmcs, VMCS_GUEST_RIP), 0x1000);
    const struct vmx_entry_result r = vmx_enter(&m.cpu, VMX_ENTRY_RESUME);
    CU_ASSERT_EQUAL(r.kind, VMX_ENTERED);
    CU_ASSERT_EQUAL(r.changed, VMX_GROUP_ALL);
    CU_ASSERT_EQUAL(m.cpu.state.rip, 0x1000);
}

static struct vmx_flush flushed;
static unsigned flushes;

static void note_flush(void *context, const struct vmx_flush *flush)
{
    (void)context;
    flushed = *flush;
    flushes++;
}

static void transitions_invalidate_translations_unless_vpids_are_enabled(void)
{
    for (unsigned enabled = 0; enabled < 2; enabled++) {
        running_guest(&m, VALID_LONG, 0, 0, enabled != 0 ? VMX_SEC_ENABLE_VPID : 0);
        m.cpu.cache.invalidate = note_flush;
        flushes = 0;
        CU_ASSERT_EQUAL(leave(VMX_EXIT_CPUID, 0), 0);
        CU_ASSERT_EQUAL(flushes, enabled != 0 ? 0 : 1);
        CU_ASSERT_EQUAL(vmx_enter(&m.cpu, VMX_ENTRY_RESUME).kind, VMX_ENTERED);
        CU_ASSERT_EQUAL(flushes, enabled != 0 ? 0 : 2);
        CU_ASSERT_EQUAL(leave(VMX_EXIT_CPUID, 0), 0);
        vmcs_set(&m.vmcs, VMCS_GUEST_RFLAGS, 0);
        CU_ASSERT_EQUAL(vmx_enter(&m.cpu, VMX_ENTRY_RESUME).kind, VMX_ENTRY_FAILED);
        CU_ASSERT_EQUAL(flushes, enabled != 0 ? 0 : 4);
        CU_ASSERT(enabled != 0 || (flushed.conditions == (VMX_FLUSH_ANY | VMX_FLUSH_VPID) && flushed.vpid == 0));
    }
}

SUITE("vmx-model/exit", {"every_information_field_is_written", every_information_field_is_written},
      {"a_later_exit_leaves_nothing_of_an_earlier_one", a_later_exit_leaves_nothing_of_an_earlier_one},
      {"ip_and_event_groups_are_always_saved_the_others_when_named", ip_and_event_groups_are_always_saved_the_others_when_named},
      {"rf_is_saved_as_the_exit_says", rf_is_saved_as_the_exit_says},
      {"pending_debug_exceptions_are_saved_by_reason", pending_debug_exceptions_are_saved_by_reason},
      {"an_exit_of_event_delivery_ends_shadows_and_inactivity", an_exit_of_event_delivery_ends_shadows_and_inactivity},
      {"nmis_are_blocked_after_an_nmi_exit_only", nmis_are_blocked_after_an_nmi_exit_only},
      {"the_preemption_timer_is_saved_on_demand", the_preemption_timer_is_saved_on_demand},
      {"the_mode_of_the_guest_goes_into_the_entry_controls", the_mode_of_the_guest_goes_into_the_entry_controls},
      {"the_store_list_holds_what_rdmsr_of_the_host_gives", the_store_list_holds_what_rdmsr_of_the_host_gives},
      {"the_load_list_writes_shared_registers", the_load_list_writes_shared_registers},
      {"registers_that_only_the_exit_loads_stay_with_the_host", registers_that_only_the_exit_loads_stay_with_the_host},
      {"a_guest_in_ia32e_mode_cannot_leave_to_a_32_bit_host", a_guest_in_ia32e_mode_cannot_leave_to_a_32_bit_host},
      {"transitions_invalidate_translations_unless_vpids_are_enabled", transitions_invalidate_translations_unless_vpids_are_enabled},
      {"code_in_root_operation_gets_host_state", code_in_root_operation_gets_host_state})
