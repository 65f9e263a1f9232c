/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CR_ACCESS: masks and shadows, mode switches, PDPTEs, refused values. */
#include "tests/support/guest.h"

enum { TO = 0, FROM = 1, CLTS = 2, LMSW = 3 };

static enum hv_action access_cr(unsigned cr, unsigned type, enum vmx_gpr gpr, uint16_t lmsw)
{
    return guest_exit(VMX_EXIT_CR_ACCESS, cr | type << 4 | (unsigned)gpr << 8 | (uint64_t)lmsw << 16, 3);
}

static bool mov_to(unsigned cr, uint64_t value)
{
    bk->gpr[VMX_RBX] = value;
    bk->field[VMCS_GUEST_RIP] = 0x1000;
    CU_ASSERT_EQUAL(access_cr(cr, TO, VMX_RBX, 0), HV_RESUME);
    if (bk->field[VMCS_GUEST_RIP] == 0x1003)
        return true;
    CU_ASSERT_EQUAL(guest_enter() & 0xffu, VMX_GP);
    return false;
}

static void the_shadow_holds_what_the_guest_wrote(void)
{
    guest_start(GUEST_REAL, NULL);
    CU_ASSERT_TRUE(mov_to(0, 0x11));
    CU_ASSERT_EQUAL(bk->field[VMCS_CR0_READ_SHADOW], 0x11);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_CR0], 0x31); /* NE is fixed */
    bk->gpr[VMX_RCX] = UINT64_MAX;
    (void)access_cr(0, FROM, VMX_RCX, 0);
    CU_ASSERT_EQUAL(bk->gpr[VMX_RCX], 0x11);
}

static void illegal_cr0_values_fault(void)
{
    static const uint64_t values[] = {0x80000010 /* PG without PE */, 0x20000011 /* NW without CD */, UINT64_C(1) << 32};
    for (unsigned i = 0; i < 3; i++) {
        guest_start(GUEST_LONG, NULL);
        CU_ASSERT_FALSE(mov_to(0, values[i]));
    }
}

static void paging_enters_and_leaves_ia32e_mode(void)
{
    guest_start(GUEST_PROTECTED, NULL);
    bk->field[VMCS_GUEST_IA32_EFER] = 0x100;
    bk->field[VMCS_CR4_READ_SHADOW] = 0x20;
    bk->field[VMCS_GUEST_CR4] = 0x2020;
    bk->field[VMCS_GUEST_TR_AR_BYTES] = 0x8b;
    CU_ASSERT_TRUE(mov_to(0, 0x80000011));
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_IA32_EFER], 0x500);
    CU_ASSERT_TRUE((bk->field[VMCS_VM_ENTRY_CONTROLS] & VMX_ENTRYCTL_IA32E_MODE_GUEST) != 0);
    CU_ASSERT_TRUE(mov_to(0, 0x11));
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_IA32_EFER], 0x100);
    CU_ASSERT_TRUE((bk->field[VMCS_VM_ENTRY_CONTROLS] & VMX_ENTRYCTL_IA32E_MODE_GUEST) == 0);
}

static void long_mode_needs_pae(void)
{
    guest_start(GUEST_PROTECTED, NULL);
    bk->field[VMCS_GUEST_IA32_EFER] = 0x100;
    CU_ASSERT_FALSE(mov_to(0, 0x80000011));
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_IA32_EFER], 0x100);
}

static void sixty_four_bit_code_cannot_switch_paging_off(void)
{
    guest_start(GUEST_LONG, NULL);
    CU_ASSERT_FALSE(mov_to(0, 0x11));
}

static void pae_paging_loads_the_pdptes(void)
{
    static const uint64_t pdpte[4] = {0x3001, 0x4001, 0, 0x5001};
    static const uint64_t bad[4] = {0x3003, 0, 0, 0};
    guest_start(GUEST_PROTECTED, NULL);
    bk->field[VMCS_CR4_READ_SHADOW] = 0x20;
    bk->field[VMCS_GUEST_CR4] = 0x2020;
    guest_put(0x2020, pdpte, sizeof(pdpte));
    guest_put(0x6000, bad, sizeof(bad));
    bk->field[VMCS_GUEST_CR3] = 0x2020;
    CU_ASSERT_TRUE(mov_to(0, 0x80000011));
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_PDPTR0], 0x3001);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_PDPTR3], 0x5001);
    CU_ASSERT_FALSE(mov_to(3, 0x6000));
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_CR3], 0x2020);
}

static void without_unrestricted_guest_real_mode_stops(void)
{
    guest_start(GUEST_LONG, NULL);
    bk->field[VMCS_SECONDARY_VM_EXEC_CONTROL] = VMX_SEC_ENABLE_EPT;
    bk->field[VMCS_GUEST_CS_AR_BYTES] = 0xc09b;
    bk->gpr[VMX_RAX] = 0x11;
    CU_ASSERT_EQUAL(access_cr(0, TO, VMX_RAX, 0), HV_STOP);
}

static void cr4_hides_vmxe(void)
{
    guest_start(GUEST_LONG, NULL);
    CU_ASSERT_FALSE(mov_to(4, 0x2020));
    CU_ASSERT_TRUE(mov_to(4, 0x6b0));
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_CR4], 0x26b0);
    CU_ASSERT_EQUAL(bk->field[VMCS_CR4_READ_SHADOW], 0x6b0);
    CU_ASSERT_FALSE(mov_to(4, 0)); /* PAE cannot go in IA-32e mode */
}

static void pcide_needs_long_mode_and_pcid_0(void)
{
    guest_start(GUEST_LONG, NULL);
    bk->field[VMCS_GUEST_CR3] = 0x1001;
    CU_ASSERT_FALSE(mov_to(4, 0x20020));
    bk->field[VMCS_GUEST_CR3] = 0x1000;
    CU_ASSERT_TRUE(mov_to(4, 0x20020));
    guest_start(GUEST_PROTECTED, NULL);
    CU_ASSERT_FALSE(mov_to(4, 0x20000));
}

static void cr3_bit_63_keeps_translations(void)
{
    guest_start(GUEST_LONG, NULL);
    bk->field[VMCS_CPU_BASED_VM_EXEC_CONTROL] |= VMX_PRI_ACTIVATE_SECONDARY;
    bk->field[VMCS_SECONDARY_VM_EXEC_CONTROL] |= VMX_SEC_ENABLE_VPID;
    CU_ASSERT_TRUE(mov_to(3, 0x5000));
    CU_ASSERT_EQUAL(bk->flushes, 1);
    CU_ASSERT_EQUAL(bk->flush_type, 3);
    bk->field[VMCS_CR4_READ_SHADOW] |= 0x20000;
    CU_ASSERT_TRUE(mov_to(3, UINT64_C(0x8000000000007005)));
    CU_ASSERT_EQUAL(bk->flushes, 1);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_CR3], 0x7005);
    CU_ASSERT_FALSE(mov_to(3, UINT64_C(1) << 45));
}

static void cr8_is_the_task_priority(void)
{
    guest_start(GUEST_LONG, NULL);
    CU_ASSERT_TRUE(mov_to(8, 9));
    CU_ASSERT_EQUAL(vcpu->tpr, 0x90);
    (void)access_cr(8, FROM, VMX_R9, 0);
    CU_ASSERT_EQUAL(bk->gpr[VMX_R9], 9);
    CU_ASSERT_FALSE(mov_to(8, 16));
}

static void clts_and_lmsw_change_the_low_bits(void)
{
    guest_start(GUEST_LONG, NULL);
    bk->field[VMCS_CR0_READ_SHADOW] |= 8;
    (void)access_cr(0, CLTS, VMX_RAX, 0);
    CU_ASSERT_EQUAL(bk->field[VMCS_CR0_READ_SHADOW] & 8, 0);
    (void)access_cr(0, LMSW, VMX_RAX, 0xfffe); /* PE stays */
    CU_ASSERT_EQUAL(bk->field[VMCS_CR0_READ_SHADOW] & 0xf, 0xf);
}

static void outside_64bit_mode_operands_are_32_bits(void)
{
    guest_start(GUEST_PROTECTED, NULL);
    CU_ASSERT_TRUE(mov_to(3, 0xffffffff00003000));
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_CR3], 0x3000);
}

SUITE("handlers/cr", {"the_shadow_holds_what_the_guest_wrote", the_shadow_holds_what_the_guest_wrote},
      {"illegal_cr0_values_fault", illegal_cr0_values_fault}, {"paging_enters_and_leaves_ia32e_mode", paging_enters_and_leaves_ia32e_mode},
      {"long_mode_needs_pae", long_mode_needs_pae}, {"sixty_four_bit_code_cannot_switch_paging_off", sixty_four_bit_code_cannot_switch_paging_off},
      {"pae_paging_loads_the_pdptes", pae_paging_loads_the_pdptes},
      {"without_unrestricted_guest_real_mode_stops", without_unrestricted_guest_real_mode_stops}, {"cr4_hides_vmxe", cr4_hides_vmxe},
      {"pcide_needs_long_mode_and_pcid_0", pcide_needs_long_mode_and_pcid_0}, {"cr3_bit_63_keeps_translations", cr3_bit_63_keeps_translations},
      {"cr8_is_the_task_priority", cr8_is_the_task_priority}, {"clts_and_lmsw_change_the_low_bits", clts_and_lmsw_change_the_low_bits},
      {"outside_64bit_mode_operands_are_32_bits", outside_64bit_mode_operands_are_32_bits})
