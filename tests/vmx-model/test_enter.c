/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VM entry: what is loaded, what is armed, how it fails. */
#include "tests/support/suite.h"
#include "tests/support/valid_vmcs.h"

#include <string.h>

#include "vmx-model/controls.h"
#include "vmx-model/reasons.h"
#include "vmx-model/registers.h"
#include "vmx-model/transition.h"

static struct valid_machine m;
static struct vmx_caps caps;

static void prepare(enum valid_guest guest)
{
    caps = valid_full_caps();
    valid_machine(&m, &caps, guest);
    m.cpu.native_root = true;
}

static void set(enum vmcs_field field, uint64_t value)
{
    vmcs_set(&m.vmcs, field, value);
}
static void add(enum vmcs_field field, uint64_t bits)
{
    vmcs_set(&m.vmcs, field, vmcs_get(&m.vmcs, field) | bits);
}
static void add_secondary(uint32_t bits)
{
    add(VMCS_CPU_BASED_VM_EXEC_CONTROL, VMX_PRI_ACTIVATE_SECONDARY);
    add(VMCS_SECONDARY_VM_EXEC_CONTROL, bits);
}

static struct vmx_entry_result launch(void)
{
    return vmx_enter(&m.cpu, VMX_ENTRY_LAUNCH);
}

/* An exit of no consequence, with what the guest may have changed. */
static void leave(uint32_t changed)
{
    const struct vmx_exit_info info = {.reason = VMX_EXIT_CPUID, .instruction_length = 2};
    CU_ASSERT_EQUAL(vmx_exit(&m.cpu, &info, changed), 0);
}

static void the_first_entry_loads_everything(void)
{
    prepare(VALID_LONG);
    set(VMCS_GUEST_SYSENTER_ESP, 0x1234);
    set(VMCS_GUEST_FS_BASE, 0x5678);
    set(VMCS_GUEST_IDTR_BASE, 0x9abc);
    const struct vmx_entry_result r = launch();
    const struct vmx_state *const s = &m.cpu.state;
    CU_ASSERT_EQUAL(r.kind, VMX_ENTERED);
    CU_ASSERT_EQUAL(r.check, VMX_CHECK_NONE);
    CU_ASSERT_EQUAL(r.changed, VMX_GROUP_ALL);
    CU_ASSERT_FALSE(r.inject);
    CU_ASSERT_EQUAL(m.cpu.operation, VMX_OPERATION_NON_ROOT);
    CU_ASSERT_EQUAL(m.vmcs.launched, 1);
    CU_ASSERT_EQUAL(s->rip, 0x1000);
    CU_ASSERT_EQUAL(s->gpr[VMX_RSP], 0x2000);
    CU_ASSERT_EQUAL(s->cr3, VALID_GUEST_CR3);
    CU_ASSERT_EQUAL(s->efer, VMX_EFER_LME | VMX_EFER_LMA);
    CU_ASSERT_EQUAL(s->sysenter_esp, 0x1234);
    CU_ASSERT_EQUAL(s->seg[VMX_FS].base, 0x5678);
    CU_ASSERT_EQUAL(s->idtr.base, 0x9abc);
    CU_ASSERT_EQUAL(s->activity, VMX_ACTIVE);
}

static void later_entries_load_what_changed(void)
{
    static const struct {
        enum vmcs_field field;
        uint64_t value;
        uint32_t group;
    } rows[] = {{VMCS_GUEST_RIP, 0x1002, VMX_GROUP_IP},
                {VMCS_GUEST_CR3, 0x2000, VMX_GROUP_CONTROL},
                {VMCS_GUEST_DS_SELECTOR, 0x20, VMX_GROUP_SEGMENTS},
                {VMCS_GUEST_GDTR_BASE, 0x70, VMX_GROUP_TABLES},
                {VMCS_GUEST_DR7, 0x401, VMX_GROUP_DEBUG},
                {VMCS_GUEST_SYSENTER_EIP, 0x55, VMX_GROUP_MSR},
                {VMCS_GUEST_INTERRUPTIBILITY_INFO, VMX_BLOCKING_BY_NMI, VMX_GROUP_EVENT}};
    prepare(VALID_LONG);
    add(VMCS_VM_ENTRY_CONTROLS, VMX_ENTRYCTL_LOAD_DEBUG_CONTROLS);
    CU_ASSERT_EQUAL(launch().kind, VMX_ENTERED);
    leave(VMX_GROUP_GPR | VMX_GROUP_IP);
    CU_ASSERT_EQUAL(vmx_enter(&m.cpu, VMX_ENTRY_RESUME).changed, 0);
    for (unsigned k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        leave(VMX_GROUP_ALL);
        set(rows[k].field, rows[k].value);
        CU_ASSERT_EQUAL(vmx_enter(&m.cpu, VMX_ENTRY_RESUME).changed, rows[k].group);
    }
    leave(0);
    vmx_forget_guest(&m.cpu);
    CU_ASSERT_EQUAL(vmx_enter(&m.cpu, VMX_ENTRY_RESUME).changed, VMX_GROUP_ALL);
}

static void what_the_guest_did_is_saved_and_not_loaded_again(void)
{
    prepare(VALID_LONG);
    add(VMCS_VM_EXIT_CONTROLS, VMX_EXITCTL_SAVE_EFER | VMX_EXITCTL_SAVE_DEBUG_CONTROLS | VMX_EXITCTL_SAVE_PAT);
    add(VMCS_VM_ENTRY_CONTROLS, VMX_ENTRYCTL_LOAD_EFER | VMX_ENTRYCTL_LOAD_DEBUG_CONTROLS | VMX_ENTRYCTL_LOAD_PAT);
    CU_ASSERT_EQUAL(launch().kind, VMX_ENTERED);
    m.cpu.state.cr3 = 0x7000;
    m.cpu.state.efer |= VMX_EFER_SCE;
    m.cpu.state.dr[7] = 0x402;
    m.cpu.state.pat = 0;
    m.cpu.state.seg[VMX_GS].base = 0x77;
    m.cpu.state.idtr.limit = 0xfff;
    leave(VMX_GROUP_ALL);
    CU_ASSERT_EQUAL(vmcs_get(&m.vmcs, VMCS_GUEST_CR3), 0x7000);
    CU_ASSERT_EQUAL(vmcs_get(&m.vmcs, VMCS_GUEST_IA32_EFER) & VMX_EFER_SCE, VMX_EFER_SCE);
    CU_ASSERT_EQUAL(vmcs_get(&m.vmcs, VMCS_GUEST_DR7), 0x402);
    CU_ASSERT_EQUAL(vmcs_get(&m.vmcs, VMCS_GUEST_IA32_PAT), 0);
    CU_ASSERT_EQUAL(vmcs_get(&m.vmcs, VMCS_GUEST_GS_BASE), 0x77);
    CU_ASSERT_EQUAL(vmcs_get(&m.vmcs, VMCS_GUEST_IDTR_LIMIT), 0xfff);
    CU_ASSERT_EQUAL(vmx_enter(&m.cpu, VMX_ENTRY_RESUME).changed, 0);
    CU_ASSERT_EQUAL(m.cpu.state.cr3, 0x7000);
}

/* Entry loads the field, exit does not save it: each entry starts from the field. */
static void state_that_is_loaded_but_not_saved_starts_anew(void)
{
    prepare(VALID_LONG);
    m.vmcs.field[VMCS_VM_EXIT_CONTROLS] &= ~(uint64_t)VMX_EXITCTL_SAVE_DEBUG_CONTROLS;
    add(VMCS_VM_ENTRY_CONTROLS, VMX_ENTRYCTL_LOAD_EFER | VMX_ENTRYCTL_LOAD_DEBUG_CONTROLS | VMX_ENTRYCTL_LOAD_PAT);
    const uint64_t pat = vmcs_get(&m.vmcs, VMCS_GUEST_IA32_PAT);
    CU_ASSERT_EQUAL(launch().kind, VMX_ENTERED);
    m.cpu.state.dr[7] = 0x402;
    m.cpu.state.efer |= VMX_EFER_SCE;
    m.cpu.state.pat = 0;
    leave(VMX_GROUP_ALL);
    const struct vmx_entry_result r = vmx_enter(&m.cpu, VMX_ENTRY_RESUME);
    CU_ASSERT_EQUAL(r.changed, VMX_GROUP_DEBUG | VMX_GROUP_CONTROL | VMX_GROUP_MSR);
    CU_ASSERT_EQUAL(m.cpu.state.dr[7], 0x400);
    CU_ASSERT_EQUAL(m.cpu.state.efer & VMX_EFER_SCE, 0);
    CU_ASSERT_EQUAL(m.cpu.state.pat, pat);
    leave(VMX_GROUP_ALL);
    CU_ASSERT_EQUAL(vmx_enter(&m.cpu, VMX_ENTRY_RESUME).changed, 0);
}

static void a_cr0_bit_that_entry_keeps_comes_from_the_processor(void)
{
    static const uint64_t kept[] = {VMX_CR0_CD | VMX_CR0_NW, VMX_CR0_CD};
    for (unsigned k = 0; k < 2; k++) {
        prepare(VALID_LONG);
        m.cpu.state.cr0 |= kept[k];
        CU_ASSERT_EQUAL(launch().kind, VMX_ENTERED);
        CU_ASSERT_EQUAL(m.cpu.state.cr0 & (VMX_CR0_CD | VMX_CR0_NW), kept[k]);
    }
}

static void efer_follows_the_controls(void)
{
    static const struct {
        enum valid_guest guest;
        uint32_t entry;
        uint64_t before, field, after;
    } rows[] = {
        {VALID_LONG, 0, VMX_EFER_NXE, VMX_EFER_SCE, VMX_EFER_NXE | VMX_EFER_LME | VMX_EFER_LMA},
        {VALID_PAE, 0, VMX_EFER_NXE | VMX_EFER_LME | VMX_EFER_LMA, VMX_EFER_SCE, VMX_EFER_NXE},
        {VALID_REAL, 0, VMX_EFER_LME | VMX_EFER_LMA, 0, VMX_EFER_LME},
        {VALID_LONG, 1, VMX_EFER_NXE, VMX_EFER_SCE | VMX_EFER_LME | VMX_EFER_LMA, VMX_EFER_SCE | VMX_EFER_LME | VMX_EFER_LMA},
        {VALID_REAL, 1, VMX_EFER_LME | VMX_EFER_LMA, 0, 0},
    };
    for (unsigned k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        prepare(rows[k].guest);
        add(VMCS_VM_ENTRY_CONTROLS, rows[k].entry != 0 ? VMX_ENTRYCTL_LOAD_EFER : 0);
        set(VMCS_GUEST_IA32_EFER, rows[k].field);
        m.cpu.state.efer = rows[k].before;
        CU_ASSERT_EQUAL(launch().kind, VMX_ENTERED);
        CU_ASSERT_EQUAL(m.cpu.state.efer, rows[k].after);
    }
}

static void debug_controls_are_loaded_by_their_control_with_fixed_bits(void)
{
    prepare(VALID_LONG);
    set(VMCS_GUEST_DR7, 0xd355);
    m.vmcs.field[VMCS_VM_ENTRY_CONTROLS] |= VMX_ENTRYCTL_LOAD_DEBUG_CONTROLS;
    CU_ASSERT_EQUAL(launch().kind, VMX_ENTERED);
    CU_ASSERT_EQUAL(m.cpu.state.dr[7], 0x755);
    prepare(VALID_LONG);
    m.vmcs.field[VMCS_VM_ENTRY_CONTROLS] &= ~(uint64_t)VMX_ENTRYCTL_LOAD_DEBUG_CONTROLS;
    set(VMCS_GUEST_DR7, 0x755);
    m.cpu.state.dr[7] = 0x400;
    CU_ASSERT_EQUAL(launch().kind, VMX_ENTERED);
    CU_ASSERT_EQUAL(m.cpu.state.dr[7], 0x400);
}

static void refused_entries_change_nothing(void)
{
    static const struct {
        enum vmcs_field field;
        uint64_t value;
        enum vmx_entry_kind kind;
        uint32_t number; /* error, or qualification */
    } rows[] = {{VMCS_PIN_BASED_VM_EXEC_CONTROL, 0, VMX_FAIL_VALID, 7},
                {VMCS_HOST_TR_SELECTOR, 0, VMX_FAIL_VALID, 8},
                {VMCS_GUEST_RFLAGS, 0, VMX_ENTRY_FAILED, 0},
                {VMCS_VMCS_LINK_POINTER, 0x123, VMX_ENTRY_FAILED, 4}};
    for (unsigned k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        prepare(VALID_LONG);
        set(rows[k].field, rows[k].value);
        set(VMCS_IDT_VECTORING_INFO_FIELD, 0x77);
        set(VMCS_VM_ENTRY_INTR_INFO_FIELD, 0x80000020);
        set(VMCS_GUEST_RFLAGS, rows[k].field == VMCS_GUEST_RFLAGS ? 0 : VMX_RFLAGS_FIXED_1 | VMX_RFLAGS_IF);
        const uint64_t rip = m.cpu.state.rip;
        const struct vmx_entry_result r = launch();
        CU_ASSERT_EQUAL(r.kind, rows[k].kind);
        CU_ASSERT_NOT_EQUAL(r.check, VMX_CHECK_NONE);
        CU_ASSERT_EQUAL(m.cpu.operation, VMX_OPERATION_ROOT);
        CU_ASSERT_EQUAL(m.vmcs.launched, 0);
        CU_ASSERT_EQUAL(m.cpu.state.rip, rip);
        CU_ASSERT_EQUAL(vmcs_get(&m.vmcs, VMCS_VM_ENTRY_INTR_INFO_FIELD), 0x80000020);
        CU_ASSERT_EQUAL(vmcs_get(&m.vmcs, VMCS_IDT_VECTORING_INFO_FIELD), 0x77);
        if (rows[k].kind == VMX_FAIL_VALID) {
            CU_ASSERT_EQUAL(r.error, rows[k].number);
            CU_ASSERT_EQUAL(vmcs_get(&m.vmcs, VMCS_VM_INSTRUCTION_ERROR), rows[k].number);
            CU_ASSERT_EQUAL(vmcs_get(&m.vmcs, VMCS_VM_EXIT_REASON), 0);
        } else {
            CU_ASSERT_EQUAL(r.exit.reason, UINT32_C(0x80000021));
            CU_ASSERT_EQUAL(vmcs_get(&m.vmcs, VMCS_VM_EXIT_REASON), 0x80000021);
            CU_ASSERT_EQUAL(vmcs_get(&m.vmcs, VMCS_EXIT_QUALIFICATION), rows[k].number);
        }
    }
}

static void launch_state_must_suit_the_instruction(void)
{
    prepare(VALID_LONG);
    struct vmx_entry_result r = vmx_enter(&m.cpu, VMX_ENTRY_RESUME);
    CU_ASSERT(r.kind == VMX_FAIL_VALID && r.error == 5);
    r = launch();
    CU_ASSERT_EQUAL(r.kind, VMX_ENTERED);
    leave(0);
    r = launch();
    CU_ASSERT(r.kind == VMX_FAIL_VALID && r.error == 4);
    m.cpu.current_vmcs = VMX_NO_VMCS;
    m.cpu.vmcs = NULL;
    r = launch();
    CU_ASSERT_EQUAL(r.kind, VMX_FAIL_INVALID);
}

static void put_entry(uint64_t list, unsigned n, uint64_t index, uint64_t value)
{
    memcpy(m.memory + list + 16 * n, &index, 8);
    memcpy(m.memory + list + 16 * n + 8, &value, 8);
}

static void the_msr_list_is_loaded_over_guest_state(void)
{
    prepare(VALID_LONG);
    put_entry(VALID_FREE, 0, VMX_MSR_SYSENTER_CS, 0x33);
    put_entry(VALID_FREE, 1, VMX_MSR_KERNEL_GS_BASE, 0x4444);
    set(VMCS_VM_ENTRY_MSR_LOAD_ADDR, VALID_FREE);
    set(VMCS_VM_ENTRY_MSR_LOAD_COUNT, 2);
    set(VMCS_GUEST_SYSENTER_CS, 0x11);
    CU_ASSERT_EQUAL(launch().kind, VMX_ENTERED);
    CU_ASSERT_EQUAL(m.cpu.state.sysenter_cs, 0x33);
    CU_ASSERT_EQUAL(m.cpu.state.kernel_gs_base, 0x4444);
    leave(0);
    CU_ASSERT_EQUAL(vmcs_get(&m.vmcs, VMCS_GUEST_SYSENTER_CS), 0x33);
    put_entry(VALID_FREE, 0, VMX_MSR_SYSENTER_CS, 0x55); /* by an entry that has nothing else to load too */
    CU_ASSERT_EQUAL(vmx_enter(&m.cpu, VMX_ENTRY_RESUME).kind, VMX_ENTERED);
    leave(0);
    CU_ASSERT_EQUAL(vmcs_get(&m.vmcs, VMCS_GUEST_SYSENTER_CS), 0x55);
}

static void what_a_processor_watches_begins_anew(void)
{
    prepare(VALID_LONG);
    m.cpu.ple_seen = m.cpu.monitor_armed = true; /* by somebody else's PAUSE and MONITOR */
    CU_ASSERT_EQUAL(launch().kind, VMX_ENTERED);
    CU_ASSERT_FALSE(m.cpu.ple_seen);
    CU_ASSERT_FALSE(m.cpu.monitor_armed);
}

static void a_bad_list_entry_fails_the_entry_by_its_number(void)
{
    static const struct {
        uint64_t index, value;
    } bad[] = {{VMX_MSR_FS_BASE, 0}, {0x800, 0}, {UINT64_C(1) << 32 | VMX_MSR_STAR, 0}, {VMX_MSR_LSTAR, UINT64_C(1) << 63}, {VMX_MSR_EFER, 0}};
    for (unsigned k = 0; k < sizeof bad / sizeof bad[0]; k++) {
        prepare(VALID_LONG);
        put_entry(VALID_FREE, 0, VMX_MSR_STAR, 1);
        put_entry(VALID_FREE, 1, bad[k].index, bad[k].value);
        put_entry(VALID_FREE, 2, VMX_MSR_STAR, 2);
        set(VMCS_VM_ENTRY_MSR_LOAD_ADDR, VALID_FREE);
        set(VMCS_VM_ENTRY_MSR_LOAD_COUNT, 3);
        const struct vmx_entry_result r = launch();
        CU_ASSERT_EQUAL(r.kind, VMX_ENTRY_FAILED);
        CU_ASSERT_EQUAL(r.exit.reason, UINT32_C(0x80000022));
        CU_ASSERT_EQUAL(vmcs_get(&m.vmcs, VMCS_EXIT_QUALIFICATION), 2);
        CU_ASSERT_EQUAL(m.cpu.operation, VMX_OPERATION_ROOT);
        CU_ASSERT_EQUAL(m.vmcs.launched, 0);
        set(VMCS_VM_ENTRY_MSR_LOAD_COUNT, 1);
        CU_ASSERT_EQUAL(launch().changed, VMX_GROUP_ALL);
    }
}

static void a_machine_check_fails_the_entry(void)
{
    prepare(VALID_LONG);
    m.cpu.mce_at_entry = true;
    const struct vmx_entry_result r = launch();
    CU_ASSERT_EQUAL(r.kind, VMX_ENTRY_FAILED);
    CU_ASSERT_EQUAL(vmcs_get(&m.vmcs, VMCS_VM_EXIT_REASON), 0x80000029);
    CU_ASSERT_EQUAL(r.check, VMX_CHECK_MCE_ENTRY);
    CU_ASSERT_EQUAL(launch().kind, VMX_ENTERED);
}

static void injection_comes_from_the_interruption_information(void)
{
    static const struct {
        uint32_t info, error, length;
        struct vmx_event event;
    } rows[] = {
        {0x80000020, 7, 3, {.vector = 0x20, .type = VMX_EVENT_EXTERNAL_INTERRUPT}},
        {0x80000202, 7, 3, {.vector = 2, .type = VMX_EVENT_NMI}},
        {0x80000b0e, 7, 3, {.vector = 14, .type = VMX_EVENT_HARDWARE_EXCEPTION, .has_error_code = true, .error_code = 7}},
        {0x80000306, 7, 3, {.vector = 6, .type = VMX_EVENT_HARDWARE_EXCEPTION}},
        {0x80000480, 7, 3, {.vector = 0x80, .type = VMX_EVENT_SOFTWARE_INTERRUPT, .instruction_length = 3}},
        {0x80000501, 7, 3, {.vector = 1, .type = VMX_EVENT_PRIVILEGED_SOFTWARE_EXCEPTION, .instruction_length = 3}},
        {0x80000603, 7, 3, {.vector = 3, .type = VMX_EVENT_SOFTWARE_EXCEPTION, .instruction_length = 3}},
    };
    for (unsigned k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        prepare(VALID_LONG);
        add(VMCS_CPU_BASED_VM_EXEC_CONTROL, VMX_PRI_MONITOR_TRAP_FLAG);
        set(VMCS_GUEST_RFLAGS, VMX_RFLAGS_FIXED_1 | VMX_RFLAGS_IF);
        set(VMCS_VM_ENTRY_INTR_INFO_FIELD, rows[k].info);
        set(VMCS_VM_ENTRY_EXCEPTION_ERROR_CODE, rows[k].error);
        set(VMCS_VM_ENTRY_INSTRUCTION_LEN, rows[k].length);
        const struct vmx_entry_result r = launch();
        CU_ASSERT_EQUAL(r.kind, VMX_ENTERED);
        CU_ASSERT_TRUE(r.inject);
        CU_ASSERT_EQUAL(r.event.vector, rows[k].event.vector);
        CU_ASSERT_EQUAL(r.event.type, rows[k].event.type);
        CU_ASSERT_EQUAL(r.event.has_error_code, rows[k].event.has_error_code);
        CU_ASSERT_EQUAL(r.event.error_code, rows[k].event.error_code);
        CU_ASSERT_EQUAL(r.event.instruction_length, rows[k].event.instruction_length);
        CU_ASSERT_TRUE(m.cpu.pending.mtf);
        leave(0);
        CU_ASSERT_EQUAL(vmcs_get(&m.vmcs, VMCS_VM_ENTRY_INTR_INFO_FIELD), rows[k].info & 0x7fffffff);
    }
}

static void type_7_makes_an_mtf_exit_pending(void)
{
    prepare(VALID_LONG);
    set(VMCS_VM_ENTRY_INTR_INFO_FIELD, 0x80000700);
    const struct vmx_entry_result r = launch();
    CU_ASSERT_EQUAL(r.kind, VMX_ENTERED);
    CU_ASSERT_FALSE(r.inject);
    CU_ASSERT_TRUE(m.cpu.pending.mtf);
    prepare(VALID_LONG);
    add(VMCS_CPU_BASED_VM_EXEC_CONTROL, VMX_PRI_MONITOR_TRAP_FLAG);
    CU_ASSERT_EQUAL(launch().kind, VMX_ENTERED);
    CU_ASSERT_FALSE(m.cpu.pending.mtf);
}

static void a_vectoring_entry_ends_inactivity_and_shadows(void)
{
    prepare(VALID_LONG);
    set(VMCS_GUEST_ACTIVITY_STATE, VMX_HLT);
    set(VMCS_GUEST_RFLAGS, VMX_RFLAGS_FIXED_1 | VMX_RFLAGS_IF);
    set(VMCS_VM_ENTRY_INTR_INFO_FIELD, 0x80000030);
    const struct vmx_entry_result r = launch();
    CU_ASSERT_EQUAL(r.kind, VMX_ENTERED);
    CU_ASSERT_EQUAL(m.cpu.state.activity, VMX_ACTIVE);
    CU_ASSERT((r.changed & VMX_GROUP_EVENT) != 0);
    prepare(VALID_LONG);
    set(VMCS_GUEST_INTERRUPTIBILITY_INFO, VMX_BLOCKING_BY_MOV_SS);
    set(VMCS_VM_ENTRY_INTR_INFO_FIELD, 0x80000306);
    CU_ASSERT_EQUAL(launch().kind, VMX_ENTERED);
    CU_ASSERT_EQUAL(m.cpu.state.interruptibility, 0);
}

static void pending_debug_exceptions_survive_by_the_kind_of_entry(void)
{
    static const struct {
        uint32_t injected, interruptibility, activity;
        bool survives;
    } rows[] = {{0, 0, VMX_ACTIVE, true},
                {0, VMX_BLOCKING_BY_MOV_SS, VMX_ACTIVE, true},
                {0, 0, VMX_HLT, true},
                {0, 0, VMX_SHUTDOWN, false},
                {0, 0, VMX_WAIT_FOR_SIPI, false},
                {0x80000306, 0, VMX_ACTIVE, false},
                {0x80000202, 0, VMX_ACTIVE, false},
                {0x80000480, 0, VMX_ACTIVE, false},
                {0x80000603, VMX_BLOCKING_BY_MOV_SS, VMX_ACTIVE, true},
                {0x80000501, VMX_BLOCKING_BY_MOV_SS, VMX_ACTIVE, false}};
    for (unsigned k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        prepare(VALID_LONG);
        set(VMCS_GUEST_PENDING_DBG_EXCEPTIONS, 0x1001);
        set(VMCS_GUEST_INTERRUPTIBILITY_INFO, rows[k].interruptibility);
        set(VMCS_GUEST_ACTIVITY_STATE, rows[k].activity);
        set(VMCS_VM_ENTRY_INTR_INFO_FIELD, rows[k].injected);
        set(VMCS_VM_ENTRY_INSTRUCTION_LEN, 1);
        const struct vmx_entry_result r = launch();
        CU_ASSERT_EQUAL(r.kind, VMX_ENTERED);
        CU_ASSERT_EQUAL(m.cpu.state.pending_debug, rows[k].survives ? 0x1001 : 0);
    }
}

static void pae_guests_get_their_pdptes(void)
{
    const uint64_t pdpte = 0x9001;
    prepare(VALID_PAE);
    memcpy(m.memory + VALID_GUEST_CR3, &pdpte, 8);
    CU_ASSERT_EQUAL(launch().kind, VMX_ENTERED);
    CU_ASSERT_EQUAL(m.cpu.state.pdpte[0], 0x9001);
    leave(0);
    memset(m.memory + VALID_GUEST_CR3, 0, 8);
    CU_ASSERT((vmx_enter(&m.cpu, VMX_ENTRY_RESUME).changed & VMX_GROUP_CONTROL) != 0);
    CU_ASSERT_EQUAL(m.cpu.state.pdpte[0], 0);

    prepare(VALID_PAE);
    add_secondary(VMX_SEC_ENABLE_EPT);
    set(VMCS_GUEST_PDPTR1, 0xa001);
    CU_ASSERT_EQUAL(launch().kind, VMX_ENTERED);
    CU_ASSERT_EQUAL(m.cpu.state.pdpte[1], 0xa001);
}

static void tpr_below_threshold_is_found_at_entry(void)
{
    prepare(VALID_LONG);
    add(VMCS_CPU_BASED_VM_EXEC_CONTROL, VMX_PRI_USE_TPR_SHADOW);
    add_secondary(VMX_SEC_VIRTUALIZE_APIC_ACCESSES);
    set(VMCS_APIC_ACCESS_ADDR, 0xf000);
    set(VMCS_TPR_THRESHOLD, 5);
    m.memory[VALID_VIRTUAL_APIC + 0x80] = 0x50;
    CU_ASSERT_EQUAL(launch().kind, VMX_ENTERED);
    CU_ASSERT_FALSE(m.cpu.pending.tpr_below_threshold);
    leave(0);
    m.memory[VALID_VIRTUAL_APIC + 0x80] = 0x4f;
    CU_ASSERT_EQUAL(vmx_enter(&m.cpu, VMX_ENTRY_RESUME).kind, VMX_ENTERED);
    CU_ASSERT_TRUE(m.cpu.pending.tpr_below_threshold);
}

/* With code as root software, `state` is the host's before, and again after a failed entry. */
static void a_failed_entry_loads_host_state(void)
{
    prepare(VALID_LONG);
    m.cpu.native_root = false;
    m.cpu.state.interruptibility = VMX_BLOCKING_BY_NMI;
    set(VMCS_GUEST_RFLAGS, 0);
    CU_ASSERT_EQUAL(launch().kind, VMX_ENTRY_FAILED);
    CU_ASSERT_EQUAL(m.cpu.state.rip, vmcs_get(&m.vmcs, VMCS_HOST_RIP));
    CU_ASSERT_EQUAL(m.cpu.state.rflags, 2);
    CU_ASSERT_EQUAL(m.cpu.state.interruptibility, VMX_BLOCKING_BY_NMI);
}

static void faults_of_the_instruction_itself_are_events(void)
{
    prepare(VALID_LONG);
    m.cpu.native_root = false;
    m.cpu.state.seg[VMX_SS].access_rights |= VMX_AR_DPL;
    struct vmx_entry_result r = launch();
    CU_ASSERT_EQUAL(r.kind, VMX_ENTRY_FAULT);
    CU_ASSERT_EQUAL(r.event.vector, VMX_GP);
    CU_ASSERT_TRUE(r.event.has_error_code);
    m.cpu.operation = VMX_OPERATION_OFF;
    r = launch();
    CU_ASSERT_EQUAL(r.kind, VMX_ENTRY_FAULT);
    CU_ASSERT_EQUAL(r.event.vector, VMX_UD);
}

static void unmodelled_controls_are_named(void)
{
    prepare(VALID_LONG);
    CU_ASSERT_PTR_NULL(vmx_unmodelled_controls(&m.cpu));
    add_secondary(VMX_SEC_BUS_LOCK_DETECTION);
    CU_ASSERT_PTR_NOT_NULL(vmx_unmodelled_controls(&m.cpu));
    prepare(VALID_LONG);
    add(VMCS_VM_ENTRY_CONTROLS, VMX_ENTRYCTL_LOAD_FRED);
    CU_ASSERT_PTR_NOT_NULL(vmx_unmodelled_controls(&m.cpu));
}

static void a_control_that_the_processor_lacks_fails_the_entry_and_needs_no_model(void)
{
    prepare(VALID_LONG);
    add_secondary(VMX_SEC_BUS_LOCK_DETECTION);
    add(VMCS_VM_ENTRY_CONTROLS, VMX_ENTRYCTL_LOAD_FRED);
    m.caps.secondary.may_be_1 &= ~VMX_SEC_BUS_LOCK_DETECTION;
    m.caps.entry.may_be_1 &= ~VMX_ENTRYCTL_LOAD_FRED;
    CU_ASSERT_PTR_NULL(vmx_unmodelled_controls(&m.cpu));
    const struct vmx_entry_result r = vmx_enter(&m.cpu, VMX_ENTRY_LAUNCH);
    CU_ASSERT_EQUAL(r.kind, VMX_FAIL_VALID);
    CU_ASSERT_EQUAL(r.check, VMX_CHECK_CTL_SECONDARY_ALLOWED1);
}

SUITE("vmx-model/enter", {"the_first_entry_loads_everything", the_first_entry_loads_everything},
      {"later_entries_load_what_changed", later_entries_load_what_changed},
      {"what_the_guest_did_is_saved_and_not_loaded_again", what_the_guest_did_is_saved_and_not_loaded_again},
      {"state_that_is_loaded_but_not_saved_starts_anew", state_that_is_loaded_but_not_saved_starts_anew},
      {"a_cr0_bit_that_entry_keeps_comes_from_the_processor", a_cr0_bit_that_entry_keeps_comes_from_the_processor},
      {"efer_follows_the_controls", efer_follows_the_controls},
      {"debug_controls_are_loaded_by_their_control_with_fixed_bits", debug_controls_are_loaded_by_their_control_with_fixed_bits},
      {"refused_entries_change_nothing", refused_entries_change_nothing},
      {"launch_state_must_suit_the_instruction", launch_state_must_suit_the_instruction},
      {"the_msr_list_is_loaded_over_guest_state", the_msr_list_is_loaded_over_guest_state},
      {"a_bad_list_entry_fails_the_entry_by_its_number", a_bad_list_entry_fails_the_entry_by_its_number},
      {"a_machine_check_fails_the_entry", a_machine_check_fails_the_entry},
      {"injection_comes_from_the_interruption_information", injection_comes_from_the_interruption_information},
      {"type_7_makes_an_mtf_exit_pending", type_7_makes_an_mtf_exit_pending},
      {"a_vectoring_entry_ends_inactivity_and_shadows", a_vectoring_entry_ends_inactivity_and_shadows},
      {"what_a_processor_watches_begins_anew", what_a_processor_watches_begins_anew},
      {"pending_debug_exceptions_survive_by_the_kind_of_entry", pending_debug_exceptions_survive_by_the_kind_of_entry},
      {"pae_guests_get_their_pdptes", pae_guests_get_their_pdptes}, {"tpr_below_threshold_is_found_at_entry", tpr_below_threshold_is_found_at_entry},
      {"a_failed_entry_loads_host_state", a_failed_entry_loads_host_state},
      {"faults_of_the_instruction_itself_are_events", faults_of_the_instruction_itself_are_events},
      {"unmodelled_controls_are_named", unmodelled_controls_are_named},
      {"a_control_that_the_processor_lacks_fails_the_entry_and_needs_no_model",
       a_control_that_the_processor_lacks_fails_the_entry_and_needs_no_model})
