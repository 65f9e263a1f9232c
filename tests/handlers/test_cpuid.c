/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CPUID: what the processor says, less what is not offered. */
#include "tests/support/guest.h"

static void cpuid(uint32_t leaf, uint32_t subleaf)
{
    bk->gpr[VMX_RAX] = leaf;
    bk->gpr[VMX_RCX] = subleaf;
    CU_ASSERT_EQUAL(guest_exit(VMX_EXIT_CPUID, 0, 2), HV_RESUME);
}

static void feature_bits_are_filtered(void)
{
    guest_start(GUEST_LONG, NULL);
    fake_cpuid(&machine, 1, 0, 0x50654, 0x12345678, 0xffffffff, 0xffffffff);
    cpuid(1, 0);
    CU_ASSERT_EQUAL(bk->gpr[VMX_RAX], 0x50654);
    CU_ASSERT_EQUAL(bk->gpr[VMX_RCX] & (1u << 5 | 1u << 6 | 1u << 21 | 1u << 24 | 1u << 27), 0);
    CU_ASSERT_NOT_EQUAL(bk->gpr[VMX_RCX] & 1u << 31, 0);
    CU_ASSERT_EQUAL(bk->gpr[VMX_RBX], 0x00015678);
    CU_ASSERT_EQUAL(bk->gpr[VMX_RDX], 0xffffffff);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_RIP], 0x1002);
}

static void virtual_cpus_are_the_cores_of_one_package(void)
{
    guest_start(GUEST_LONG, NULL);
    CU_ASSERT_FATAL(hv_vm_init(&vm, &machine, &vm.policy, 2));
    fake_cpuid(&machine, 0x0b, 0, 0, 0, 0, 0);
    cpuid(0x0b, 0);
    CU_ASSERT_EQUAL(bk->gpr[VMX_RBX], 1);
    CU_ASSERT_EQUAL(bk->gpr[VMX_RCX], 0x100);
    cpuid(0x0b, 1);
    CU_ASSERT_EQUAL(bk->gpr[VMX_RAX], 1);
    CU_ASSERT_EQUAL(bk->gpr[VMX_RBX], 2);
    CU_ASSERT_EQUAL(bk->gpr[VMX_RCX], 0x201);
    cpuid(0x0b, 2);
    CU_ASSERT_EQUAL(bk->gpr[VMX_RAX] | bk->gpr[VMX_RBX], 0);
    CU_ASSERT_EQUAL(bk->gpr[VMX_RCX], 2);
}

static void the_owner_chooses_what_is_hidden(void)
{
    struct hv_policy policy;
    hv_default_policy(&policy);
    policy.hide_cpuid_1_ecx = 1u << 0;
    policy.hide_cpuid_1_edx = 1u << 4;
    guest_start(GUEST_LONG, &policy);
    fake_cpuid(&machine, 1, 0, 0, 0, 1u << 0 | 1u << 5, 1u << 4 | 1u << 5);
    cpuid(1, 0);
    CU_ASSERT_EQUAL(bk->gpr[VMX_RCX], 1u << 5 | 1u << 31);
    CU_ASSERT_EQUAL(bk->gpr[VMX_RDX], 1u << 5);
}

static void osxsave_follows_cr4(void)
{
    guest_start(GUEST_LONG, NULL);
    fake_cpuid(&machine, 1, 0, 0, 0, 0, 0);
    bk->field[VMCS_CR4_READ_SHADOW] |= 1u << 18;
    cpuid(1, 0);
    CU_ASSERT_EQUAL(bk->gpr[VMX_RCX], 1u << 27 | 1u << 31);
}

static void instructions_without_their_control_are_hidden(void)
{
    static const struct {
        uint32_t leaf, subleaf;
        enum vmx_gpr reg;
        uint32_t bit, control;
    } rows[] = {{7, 0, VMX_RBX, 1u << 10, 1u << 12},
                {7, 0, VMX_RCX, 1u << 5, 1u << 26},
                {7, 0, VMX_RCX, 1u << 22, 1u << 3},
                {13, 1, VMX_RAX, 1u << 3, 1u << 20}};
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        guest_start(GUEST_LONG, NULL);
        fake_cpuid(&machine, rows[i].leaf, rows[i].subleaf, 0xffffffff, 0xffffffff, 0xffffffff, 0);
        cpuid(rows[i].leaf, rows[i].subleaf);
        CU_ASSERT_EQUAL(bk->gpr[rows[i].reg] & rows[i].bit, 0);
        bk->field[VMCS_SECONDARY_VM_EXEC_CONTROL] |= rows[i].control;
        cpuid(rows[i].leaf, rows[i].subleaf);
        CU_ASSERT_EQUAL(bk->gpr[rows[i].reg] & rows[i].bit, rows[i].bit);
    }
}

static void the_compacted_area_follows_xcr0_and_xss(void)
{
    enum { COMPACTED = 1u << 1 };
    guest_start(GUEST_LONG, NULL);
    fake_cpuid(&machine, 13, 1, COMPACTED, 0xaaaa, 0x100, 0);
    fake_cpuid(&machine, 13, 2, 250, 576, 0, 0);
    fake_cpuid(&machine, 13, 8, 128, 0, 3, 0); /* of IA32_XSS, aligned to 64 bytes */
    bk_set_xcr0(bk, 3);
    cpuid(13, 1);
    CU_ASSERT_EQUAL(bk->gpr[VMX_RBX], 576);
    bk_set_xcr0(bk, 7);
    cpuid(13, 1);
    CU_ASSERT_EQUAL(bk->gpr[VMX_RBX], 576 + 250);
    bk->msr_index[bk->msrs] = 0xda0;
    bk->msr_value[bk->msrs++] = 0x100;
    cpuid(13, 1);
    CU_ASSERT_EQUAL(bk->gpr[VMX_RBX], 832 + 128);
}

static void the_xsave_area_follows_xcr0(void)
{
    guest_start(GUEST_LONG, NULL);
    fake_cpuid(&machine, 13, 0, 7, 0xaaaa, 832, 0);
    fake_cpuid(&machine, 13, 2, 256, 576, 0, 0);
    cpuid(13, 0);
    CU_ASSERT_EQUAL(bk->gpr[VMX_RBX], 576);
    bk->xcr0 = 7;
    cpuid(13, 0);
    CU_ASSERT_EQUAL(bk->gpr[VMX_RBX], 832);
}

static void the_hypervisor_names_itself(void)
{
    guest_start(GUEST_LONG, NULL);
    cpuid(0x40000000u, 0);
    CU_ASSERT_EQUAL(bk->gpr[VMX_RAX], 0x40000000u);
    CU_ASSERT_EQUAL(bk->gpr[VMX_RBX], 0x62786d76u);
    cpuid(0x40000010u, 0);
    CU_ASSERT_EQUAL(bk->gpr[VMX_RAX] | bk->gpr[VMX_RBX] | bk->gpr[VMX_RCX] | bk->gpr[VMX_RDX], 0);
}

SUITE("handlers/cpuid", {"feature_bits_are_filtered", feature_bits_are_filtered},
      {"virtual_cpus_are_the_cores_of_one_package", virtual_cpus_are_the_cores_of_one_package},
      {"the_owner_chooses_what_is_hidden", the_owner_chooses_what_is_hidden}, {"osxsave_follows_cr4", osxsave_follows_cr4},
      {"instructions_without_their_control_are_hidden", instructions_without_their_control_are_hidden},
      {"the_compacted_area_follows_xcr0_and_xss", the_compacted_area_follows_xcr0_and_xss},
      {"the_xsave_area_follows_xcr0", the_xsave_area_follows_xcr0}, {"the_hypervisor_names_itself", the_hypervisor_names_itself})
