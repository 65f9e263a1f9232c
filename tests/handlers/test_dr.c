/* SPDX-License-Identifier: GPL-2.0-or-later */
/* DR_ACCESS: the faults that the exit came before, then the move. */
#include "tests/support/guest.h"

static void access_dr(unsigned dr, bool from, enum vmx_gpr gpr)
{
    CU_ASSERT_EQUAL(guest_exit(VMX_EXIT_DR_ACCESS, dr | (from ? 1u << 4 : 0u) | (unsigned)gpr << 8, 3), HV_RESUME);
}

static void moves_reach_every_register(void)
{
    guest_start(GUEST_LONG, NULL);
    for (unsigned dr = 0; dr < 4; dr++) {
        bk->gpr[VMX_RDX] = 0x1122334455667700 + dr;
        access_dr(dr, false, VMX_RDX);
        access_dr(dr, true, VMX_R10);
        CU_ASSERT_EQUAL(bk->gpr[VMX_R10], 0x1122334455667700 + dr);
    }
    bk->gpr[VMX_RDX] = 0xffffffff;
    access_dr(6, false, VMX_RDX);
    CU_ASSERT_EQUAL(bk->dr[6], 0xffffefff);
    access_dr(7, false, VMX_RDX);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_DR7], 0xffff27ff);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_RIP], 0x1000 + 10 * 3);
}

static void dr4_and_dr5_are_aliases_or_undefined(void)
{
    guest_start(GUEST_LONG, NULL);
    bk->dr[6] = 0xffff0ff0;
    access_dr(4, true, VMX_RAX);
    CU_ASSERT_EQUAL(bk->gpr[VMX_RAX], 0xffff0ff0);
    bk->field[VMCS_CR4_READ_SHADOW] |= 8;
    access_dr(5, true, VMX_RAX);
    CU_ASSERT_EQUAL(guest_enter(), INJECT_UD);
}

static void user_mode_gets_general_protection(void)
{
    guest_start(GUEST_LONG, NULL);
    bk->field[VMCS_GUEST_SS_AR_BYTES] = 0xc0f3;
    access_dr(0, true, VMX_RAX);
    CU_ASSERT_EQUAL(guest_enter(), INJECT_GP);
}

static void general_detect_raises_db(void)
{
    guest_start(GUEST_LONG, NULL);
    bk->dr[6] = 0xffff0ff0;
    bk->field[VMCS_GUEST_DR7] = 0x2400;
    access_dr(0, true, VMX_RAX);
    CU_ASSERT_EQUAL(guest_enter(), 0x80000301);
    CU_ASSERT_EQUAL(bk->dr[6], 0xffff2ff0);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_DR7], 0x400);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_RIP], 0x1000);
}

static void upper_halves_of_dr6_and_dr7_must_be_0(void)
{
    guest_start(GUEST_LONG, NULL);
    bk->gpr[VMX_RAX] = UINT64_C(1) << 32;
    access_dr(7, false, VMX_RAX);
    CU_ASSERT_EQUAL(guest_enter(), INJECT_GP);
}

SUITE("handlers/dr", {"moves_reach_every_register", moves_reach_every_register},
      {"dr4_and_dr5_are_aliases_or_undefined", dr4_and_dr5_are_aliases_or_undefined},
      {"user_mode_gets_general_protection", user_mode_gets_general_protection}, {"general_detect_raises_db", general_detect_raises_db},
      {"upper_halves_of_dr6_and_dr7_must_be_0", upper_halves_of_dr6_and_dr7_must_be_0})
