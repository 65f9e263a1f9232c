/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The host state that a VM exit loads, item by item. */
#include "tests/support/running_guest.h"
#include "tests/support/suite.h"

#include <string.h>

#include "vmx-model/controls.h"
#include "vmx-model/registers.h"
#include "vmx-model/transition.h"

static struct valid_machine m;
static struct vmx_state s;

static void load(uint32_t exit_controls, bool host64)
{
    uint64_t exit = vmcs_get(&m.vmcs, VMCS_VM_EXIT_CONTROLS) | exit_controls;
    if (!host64)
        exit &= ~(uint64_t)VMX_EXITCTL_HOST_ADDR_SPACE_SIZE;
    m.vmcs.field[VMCS_VM_EXIT_CONTROLS] = exit;
    s = m.cpu.state;
    vmx_load_host_state(&m.cpu, &s);
}

static void control_registers_keep_what_the_manual_says(void)
{
    running_guest(&m, VALID_LONG, 0, 0, 0);
    m.vmcs.field[VMCS_HOST_CR0] = VMX_CR0_PE | VMX_CR0_PG | VMX_CR0_TS;
    m.vmcs.field[VMCS_HOST_CR3] = UINT64_MAX;
    m.vmcs.field[VMCS_HOST_CR4] = VMX_CR4_PCIDE;
    m.cpu.state.cr0 = VMX_CR0_CD | VMX_CR0_NW | VMX_CR0_ET | VMX_CR0_NE;
    load(0, true);
    CU_ASSERT_EQUAL(s.cr0, VMX_CR0_PE | VMX_CR0_PG | VMX_CR0_TS | VMX_CR0_CD | VMX_CR0_NW | VMX_CR0_ET | VMX_CR0_NE);
    CU_ASSERT_EQUAL(s.cr3, (UINT64_C(1) << m.caps.physical_bits) - 1);
    CU_ASSERT_EQUAL(s.cr4, VMX_CR4_VMXE | VMX_CR4_PAE | VMX_CR4_PCIDE);
    load(0, false);
    CU_ASSERT_EQUAL(s.cr4, VMX_CR4_VMXE);
}

static void efer_is_that_of_the_host_address_space(void)
{
    running_guest(&m, VALID_LONG, 0, 0, 0);
    m.cpu.state.efer = VMX_EFER_NXE;
    load(0, true);
    CU_ASSERT_EQUAL(s.efer, VMX_EFER_NXE | VMX_EFER_LME | VMX_EFER_LMA);
    m.cpu.state.efer = VMX_EFER_NXE | VMX_EFER_LME | VMX_EFER_LMA;
    load(0, false);
    CU_ASSERT_EQUAL(s.efer, VMX_EFER_NXE);
    running_guest(&m, VALID_LONG, 0, 0, 0);
    m.vmcs.field[VMCS_HOST_IA32_EFER] = VMX_EFER_SCE | VMX_EFER_LME | VMX_EFER_LMA;
    m.cpu.state.efer |= VMX_EFER_NXE;
    load(VMX_EXITCTL_LOAD_EFER, true);
    CU_ASSERT_EQUAL(s.efer, VMX_EFER_SCE | VMX_EFER_LME | VMX_EFER_LMA);
}

static void segments_are_flat_by_rule(void)
{
    running_guest(&m, VALID_LONG, 0, 0, 0);
    m.vmcs.field[VMCS_HOST_DS_SELECTOR] = 0;
    m.vmcs.field[VMCS_HOST_GS_SELECTOR] = 0;
    m.vmcs.field[VMCS_HOST_GS_BASE] = 0xffff888000000000;
    m.vmcs.field[VMCS_HOST_TR_BASE] = 0x7000;
    m.vmcs.field[VMCS_HOST_IDTR_BASE] = 0x8000;
    load(0, true);
    CU_ASSERT_EQUAL(s.seg[VMX_CS].access_rights, 0xa09b);
    CU_ASSERT_EQUAL(s.seg[VMX_CS].selector, 0x08);
    CU_ASSERT_EQUAL(s.seg[VMX_SS].access_rights, 0xc093);
    CU_ASSERT_EQUAL(s.seg[VMX_SS].limit, UINT32_MAX);
    CU_ASSERT_EQUAL(s.seg[VMX_DS].access_rights, 0x1c093);
    CU_ASSERT_EQUAL(s.seg[VMX_GS].access_rights, 0x1c093);
    CU_ASSERT_EQUAL(s.seg[VMX_GS].base, 0xffff888000000000);
    CU_ASSERT_EQUAL(s.seg[VMX_TR].access_rights, 0x8b);
    CU_ASSERT_EQUAL(s.seg[VMX_TR].limit, 0x67);
    CU_ASSERT_EQUAL(s.seg[VMX_TR].base, 0x7000);
    CU_ASSERT_EQUAL(s.seg[VMX_LDTR].access_rights, VMX_AR_UNUSABLE);
    CU_ASSERT_EQUAL(s.idtr.base, 0x8000);
    CU_ASSERT_EQUAL(s.idtr.limit, 0xffff);
    CU_ASSERT_EQUAL(s.gdtr.limit, 0xffff);
    load(0, false);
    CU_ASSERT_EQUAL(s.seg[VMX_CS].access_rights, 0xc09b);
}

static void debug_flags_and_events_are_reset(void)
{
    running_guest(&m, VALID_LONG, 0, 0, 0);
    m.cpu.state.dr[7] = 0x4ff;
    m.cpu.state.debugctl = 3;
    m.cpu.state.rflags = 0x3f7fd7;
    m.cpu.state.activity = VMX_HLT;
    m.cpu.state.interruptibility = VMX_BLOCKING_BY_STI;
    m.cpu.state.pending_debug = 0x1001;
    load(0, true);
    CU_ASSERT_EQUAL(s.dr[7], 0x400);
    CU_ASSERT_EQUAL(s.debugctl, 0);
    CU_ASSERT_EQUAL(s.rflags, 2);
    CU_ASSERT_EQUAL(s.rip, vmcs_get(&m.vmcs, VMCS_HOST_RIP));
    CU_ASSERT_EQUAL(s.gpr[VMX_RSP], vmcs_get(&m.vmcs, VMCS_HOST_RSP));
    CU_ASSERT_EQUAL(s.activity, VMX_ACTIVE);
    CU_ASSERT_EQUAL(s.interruptibility, 0);
    CU_ASSERT_EQUAL(s.pending_debug, 0);
    m.cpu.nmi_blocked = true;
    load(0, true);
    CU_ASSERT_EQUAL(s.interruptibility, VMX_BLOCKING_BY_NMI);
}

static void optional_msrs_are_loaded_by_their_controls(void)
{
    const struct {
        uint32_t control;
        enum vmcs_field field;
        size_t offset;
        bool clears;
    } rows[] = {
        {VMX_EXITCTL_LOAD_PAT, VMCS_HOST_IA32_PAT, offsetof(struct vmx_state, pat), false},
        {VMX_EXITCTL_LOAD_PERF_GLOBAL_CTRL, VMCS_HOST_IA32_PERF_GLOBAL_CTRL, offsetof(struct vmx_state, perf_global_ctrl), false},
        {VMX_EXITCTL_LOAD_PKRS, VMCS_HOST_IA32_PKRS, offsetof(struct vmx_state, pkrs), false},
        {VMX_EXITCTL_LOAD_CET, VMCS_HOST_S_CET, offsetof(struct vmx_state, s_cet), false},
        {VMX_EXITCTL_CLEAR_BNDCFGS, VMCS_NO_FIELD, offsetof(struct vmx_state, bndcfgs), true},
        {VMX_EXITCTL_CLEAR_RTIT_CTL, VMCS_NO_FIELD, offsetof(struct vmx_state, rtit_ctl), true},
        {VMX_EXITCTL_CLEAR_LBR_CTL, VMCS_NO_FIELD, offsetof(struct vmx_state, lbr_ctl), true},
    };
    for (unsigned k = 0; k < sizeof rows / sizeof rows[0]; k++)
        for (unsigned on = 0; on < 2; on++) {
            const uint64_t guest = 0x11;
            uint64_t after;
            running_guest(&m, VALID_LONG, 0, 0, 0);
            memcpy((char *)&m.cpu.state + rows[k].offset, &guest, 8);
            if (!rows[k].clears)
                m.vmcs.field[rows[k].field] = 0x22;
            load(on != 0 ? rows[k].control : 0, true);
            memcpy(&after, (char *)&s + rows[k].offset, 8);
            CU_ASSERT_EQUAL(after, on == 0 ? 0x11 : rows[k].clears ? 0 : 0x22);
        }
}

SUITE("vmx-model/host_state", {"control_registers_keep_what_the_manual_says", control_registers_keep_what_the_manual_says},
      {"efer_is_that_of_the_host_address_space", efer_is_that_of_the_host_address_space}, {"segments_are_flat_by_rule", segments_are_flat_by_rule},
      {"debug_flags_and_events_are_reset", debug_flags_and_events_are_reset},
      {"optional_msrs_are_loaded_by_their_controls", optional_msrs_are_loaded_by_their_controls})
