/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A guest on the fake backend for suites of the handlers: one VM, set up in a mode, and exits made by hand. */
#ifndef TESTS_GUEST_H
#define TESTS_GUEST_H

#include "fake_backend.h"
#include "handlers/handlers.h"
#include "suite.h"

static struct bk_machine machine;
static struct hv_vm vm;
static struct hv_vcpu *const vcpu = &vm.vcpu[0];
static struct bk_vcpu *const bk = &machine.vcpu[0];

enum guest_mode { GUEST_REAL, GUEST_PROTECTED, GUEST_LONG };

static inline void guest_segments(enum guest_mode mode)
{
    static const enum vmcs_field fields[6][3] = {
        {VMCS_GUEST_ES_BASE, VMCS_GUEST_ES_LIMIT, VMCS_GUEST_ES_AR_BYTES}, {VMCS_GUEST_CS_BASE, VMCS_GUEST_CS_LIMIT, VMCS_GUEST_CS_AR_BYTES},
        {VMCS_GUEST_SS_BASE, VMCS_GUEST_SS_LIMIT, VMCS_GUEST_SS_AR_BYTES}, {VMCS_GUEST_DS_BASE, VMCS_GUEST_DS_LIMIT, VMCS_GUEST_DS_AR_BYTES},
        {VMCS_GUEST_FS_BASE, VMCS_GUEST_FS_LIMIT, VMCS_GUEST_FS_AR_BYTES}, {VMCS_GUEST_GS_BASE, VMCS_GUEST_GS_LIMIT, VMCS_GUEST_GS_AR_BYTES}};
    for (unsigned i = 0; i < 6; i++) {
        bk->field[fields[i][1]] = mode == GUEST_REAL ? 0xffff : 0xffffffff;
        bk->field[fields[i][2]] = mode == GUEST_REAL ? 0x93 : 0xc093;
    }
    bk->field[VMCS_GUEST_CS_AR_BYTES] = mode == GUEST_REAL ? 0x9b : mode == GUEST_PROTECTED ? 0xc09b : 0xa09b;
}

/* EPT with all of RAM mapped, unrestricted guest, CR0 and CR4 masks of a hypervisor that hides what VMX fixes; paging is off but in long mode,
   where the caller builds page tables if it needs them. */
static inline void guest_start(enum guest_mode mode, const struct hv_policy *policy)
{
    struct hv_policy chosen;
    hv_default_policy(&chosen);
    fake_reset(&machine);
    CU_ASSERT_FATAL(hv_vm_init(&vm, &machine, policy != NULL ? policy : &chosen, 1));
    const uint64_t cr0 = mode == GUEST_REAL ? 0x30 : mode == GUEST_PROTECTED ? 0x31 : 0x80000031;
    const uint64_t cr4 = mode == GUEST_LONG ? 0x20 : 0;
    bk->field[VMCS_GUEST_CR0] = cr0;
    bk->field[VMCS_CR0_READ_SHADOW] = cr0;
    bk->field[VMCS_CR0_GUEST_HOST_MASK] = UINT64_MAX;
    bk->field[VMCS_GUEST_CR4] = cr4 | 0x2000;
    bk->field[VMCS_CR4_READ_SHADOW] = cr4;
    bk->field[VMCS_CR4_GUEST_HOST_MASK] = UINT64_MAX;
    bk->field[VMCS_GUEST_RFLAGS] = 2;
    bk->field[VMCS_GUEST_RIP] = 0x1000;
    bk->field[VMCS_CPU_BASED_VM_EXEC_CONTROL] = VMX_PRI_ACTIVATE_SECONDARY;
    bk->field[VMCS_SECONDARY_VM_EXEC_CONTROL] = VMX_SEC_ENABLE_EPT | VMX_SEC_UNRESTRICTED_GUEST;
    bk->field[VMCS_PIN_BASED_VM_EXEC_CONTROL] = VMX_PIN_EXT_INTR_EXITING | VMX_PIN_NMI_EXITING | VMX_PIN_VIRTUAL_NMIS;
    bk->field[VMCS_VM_ENTRY_CONTROLS] = VMX_ENTRYCTL_LOAD_EFER | (mode == GUEST_LONG ? VMX_ENTRYCTL_IA32E_MODE_GUEST : 0u);
    bk->field[VMCS_GUEST_IA32_EFER] = mode == GUEST_LONG ? 0x500 : 0;
    guest_segments(mode);
}

/* An exit with reason and qualification; other exit-information fields are as the test wrote them. */
static inline enum hv_action guest_exit(uint32_t reason, uint64_t qualification, uint32_t length)
{
    struct hv_exit exit;
    bk->field[VMCS_VM_EXIT_REASON] = reason;
    bk->field[VMCS_EXIT_QUALIFICATION] = qualification;
    bk->field[VMCS_VM_EXIT_INSTRUCTION_LEN] = length;
    bk->field[VMCS_VM_ENTRY_INTR_INFO_FIELD] &= ~UINT64_C(0x80000000);
    hv_decode_exit(vcpu, &exit);
    return hv_handle(vcpu, &exit);
}

static inline uint32_t guest_injected(void)
{
    return (uint32_t)bk->field[VMCS_VM_ENTRY_INTR_INFO_FIELD];
}

/* The event that the next entry injects; 0: none. */
static inline uint32_t guest_enter(void)
{
    hv_prepare_entry(vcpu);
    return (guest_injected() & 0x80000000u) != 0 ? guest_injected() : 0;
}

static inline void guest_put(gpa_t address, const void *bytes, uint32_t size)
{
    CU_ASSERT_FATAL(hv_guest_write(&vm, address, bytes, size));
}

static inline uint64_t guest_get(gpa_t address, uint32_t size)
{
    uint64_t value = 0;
    CU_ASSERT_FATAL(hv_guest_read(&vm, address, &value, size));
    return value;
}

enum { INJECT_UD = 0x80000306u, INJECT_GP = 0x80000b0du, INJECT_DF = 0x80000b08u };

#endif
