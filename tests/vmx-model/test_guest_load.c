/* SPDX-License-Identifier: GPL-2.0-or-later */
/* MSRs that entry and exit switch: each by its own controls, in both directions. */
#include "tests/support/suite.h"
#include "tests/support/valid_vmcs.h"

#include <string.h>

#include "vmx-model/controls.h"
#include "vmx-model/reasons.h"
#include "vmx-model/registers.h"
#include "vmx-model/transition.h"

static struct valid_machine m;

enum { BEFORE = 0x76 }; /* in the processor before the entry; not tracing */
#define WORD(member) offsetof(struct vmx_state, member)

static const struct {
    uint32_t entry;
    enum vmcs_field guest;
    uint64_t guest_value;
    size_t offset;
    uint32_t exit, exit2; /* control that loads or clears it at exit */
    enum vmcs_field host; /* VMCS_NO_FIELD: cleared */
    uint64_t host_value;
} rows[] = {
    {VMX_ENTRYCTL_LOAD_PAT, VMCS_GUEST_IA32_PAT, 0x0606060606060606, WORD(pat), VMX_EXITCTL_LOAD_PAT, 0, VMCS_HOST_IA32_PAT, 0x0606060606060600},
    {VMX_ENTRYCTL_LOAD_PERF_GLOBAL_CTRL, VMCS_GUEST_IA32_PERF_GLOBAL_CTRL, 0, WORD(perf_global_ctrl), VMX_EXITCTL_LOAD_PERF_GLOBAL_CTRL, 0,
     VMCS_HOST_IA32_PERF_GLOBAL_CTRL, 0},
    {VMX_ENTRYCTL_LOAD_BNDCFGS, VMCS_GUEST_BNDCFGS, 0x1000, WORD(bndcfgs), VMX_EXITCTL_CLEAR_BNDCFGS, 0, VMCS_NO_FIELD, 0},
    {VMX_ENTRYCTL_LOAD_RTIT_CTL, VMCS_GUEST_IA32_RTIT_CTL, 0, WORD(rtit_ctl), VMX_EXITCTL_CLEAR_RTIT_CTL, 0, VMCS_NO_FIELD, 0},
    {VMX_ENTRYCTL_LOAD_LBR_CTL, VMCS_GUEST_IA32_LBR_CTL, 0, WORD(lbr_ctl), VMX_EXITCTL_CLEAR_LBR_CTL, 0, VMCS_NO_FIELD, 0},
    {VMX_ENTRYCTL_LOAD_PKRS, VMCS_GUEST_IA32_PKRS, 5, WORD(pkrs), VMX_EXITCTL_LOAD_PKRS, 0, VMCS_HOST_IA32_PKRS, 6},
    {VMX_ENTRYCTL_LOAD_SPEC_CTRL, VMCS_GUEST_IA32_SPEC_CTRL, 1, WORD(spec_ctrl), VMX_EXITCTL_ACTIVATE_SECONDARY, VMX_EXITCTL2_LOAD_SPEC_CTRL,
     VMCS_HOST_IA32_SPEC_CTRL, 2},
    {VMX_ENTRYCTL_LOAD_CET, VMCS_GUEST_S_CET, 4, WORD(s_cet), VMX_EXITCTL_LOAD_CET, 0, VMCS_HOST_S_CET, 8},
    {VMX_ENTRYCTL_LOAD_CET, VMCS_GUEST_SSP, 0x8000, WORD(ssp), VMX_EXITCTL_LOAD_CET, 0, VMCS_HOST_SSP, 0x9000},
    {VMX_ENTRYCTL_LOAD_CET, VMCS_GUEST_INTR_SSP_TABLE, 0x8000, WORD(interrupt_ssp_table), VMX_EXITCTL_LOAD_CET, 0, VMCS_HOST_INTR_SSP_TABLE, 0x9000},
};
enum { ROWS = sizeof rows / sizeof rows[0] };

static uint64_t *word(unsigned row)
{
    return (uint64_t *)(void *)((char *)&m.cpu.state + rows[row].offset);
}

static void enter(unsigned row, bool load_at_entry, bool load_at_exit)
{
    const struct vmx_caps caps = valid_full_caps();
    valid_machine(&m, &caps, VALID_LONG);
    m.cpu.native_root = true;
    *word(row) = BEFORE;
    vmcs_set(&m.vmcs, rows[row].guest, rows[row].guest_value);
    if (rows[row].host != VMCS_NO_FIELD)
        vmcs_set(&m.vmcs, rows[row].host, rows[row].host_value);
    vmcs_set(&m.vmcs, VMCS_SECONDARY_VM_EXIT_CONTROLS, load_at_exit ? rows[row].exit2 : 0);
    vmcs_set(&m.vmcs, VMCS_VM_EXIT_CONTROLS, vmcs_get(&m.vmcs, VMCS_VM_EXIT_CONTROLS) | (load_at_exit ? rows[row].exit : 0));
    vmcs_set(&m.vmcs, VMCS_VM_ENTRY_CONTROLS, vmcs_get(&m.vmcs, VMCS_VM_ENTRY_CONTROLS) | (load_at_entry ? rows[row].entry : 0));
    const struct vmx_entry_result result = vmx_enter(&m.cpu, VMX_ENTRY_LAUNCH);
    if (result.kind != VMX_ENTERED)
        printf("row %u: %s\n", row, vmx_check_rows[result.check].id);
    CU_ASSERT_EQUAL_FATAL(result.kind, VMX_ENTERED);
}

static void leave(void)
{
    const struct vmx_exit_info exit = {.reason = VMX_EXIT_CPUID, .valid = VMX_VALID_INSTRUCTION_LENGTH, .instruction_length = 2};
    CU_ASSERT_EQUAL(vmx_exit(&m.cpu, &exit, VMX_GROUP_ALL), 0);
}

static void each_entry_control_loads_its_msr(void)
{
    for (unsigned row = 0; row < ROWS; row++) {
        enter(row, true, false);
        CU_ASSERT_EQUAL(*word(row), rows[row].guest_value);
        enter(row, false, false);
        CU_ASSERT_EQUAL(*word(row), BEFORE);
    }
}

/* Native root software shares the registers: what no entry loads back is loaded by the exit. */
static void an_exit_loads_what_no_entry_loads_back(void)
{
    for (unsigned row = 0; row < ROWS; row++) {
        enter(row, false, true);
        leave();
        CU_ASSERT_EQUAL(*word(row), rows[row].host_value);
        enter(row, true, true);
        leave();
        CU_ASSERT_EQUAL(*word(row), rows[row].guest_value);
        enter(row, false, false);
        leave();
        CU_ASSERT_EQUAL(*word(row), BEFORE);
    }
}

static void root_software_that_is_code_sees_the_hosts_msrs(void)
{
    for (unsigned row = 0; row < ROWS; row++) {
        enter(row, true, true);
        m.cpu.native_root = false;
        leave();
        CU_ASSERT_EQUAL(*word(row), rows[row].host_value);
    }
}

static void efer_is_loaded_at_exit_when_no_entry_loads_it(void)
{
    enter(0, false, false);
    vmcs_set(&m.vmcs, VMCS_VM_EXIT_CONTROLS, vmcs_get(&m.vmcs, VMCS_VM_EXIT_CONTROLS) | VMX_EXITCTL_LOAD_EFER);
    vmcs_set(&m.vmcs, VMCS_HOST_IA32_EFER, VMX_EFER_SCE | VMX_EFER_LME | VMX_EFER_LMA);
    leave();
    CU_ASSERT_EQUAL(m.cpu.state.efer & VMX_EFER_SCE, VMX_EFER_SCE);
}

SUITE("vmx-model/guest_load", {"each_entry_control_loads_its_msr", each_entry_control_loads_its_msr},
      {"an_exit_loads_what_no_entry_loads_back", an_exit_loads_what_no_entry_loads_back},
      {"root_software_that_is_code_sees_the_hosts_msrs", root_software_that_is_code_sees_the_hosts_msrs},
      {"efer_is_loaded_at_exit_when_no_entry_loads_it", efer_is_loaded_at_exit_when_no_entry_loads_it})
