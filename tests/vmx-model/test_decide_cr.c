/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Control and debug registers: guest/host masks bit by bit, CR3 targets, CR8, MOV DR. */
#include "tests/support/running_guest.h"
#include "tests/support/suite.h"

#include <string.h>

#include "vmx-model/controls.h"
#include "vmx-model/reasons.h"
#include "vmx-model/registers.h"

#define MOV_CR0_RBX "\x0f\x22\xc3"
#define MOV_CR3_RBX "\x0f\x22\xdb"
#define MOV_CR4_R9 "\x41\x0f\x22\xe1"
#define MOV_CR8_RBX "\x44\x0f\x22\xc3"
#define MOV_RBX_CR0 "\x0f\x20\xc3"
#define MOV_R9_CR3 "\x41\x0f\x20\xd9"
#define MOV_RBX_CR8 "\x44\x0f\x20\xc3"
#define CLTS "\x0f\x06"
#define LMSW_BX "\x0f\x01\xf3"
#define LMSW_RBX_MEMORY "\x0f\x01\x33"
#define SMSW_EBX "\x0f\x01\xe3"
#define MOV_DR7_RBX "\x0f\x23\xfb"
#define MOV_DR4_RBX "\x0f\x23\xe3"
#define MOV_R10_DR0 "\x41\x0f\x21\xc2"

static struct valid_machine m;

static void mov_to_cr0_and_cr4_exit_by_mask_and_shadow_bit_by_bit(void)
{
    running_guest(&m, VALID_LONG, 0, 0, 0);
    for (unsigned bit = 0; bit < 64; bit++)
        for (unsigned setting = 0; setting < 8; setting++) {
            const uint64_t one = UINT64_C(1) << bit, mask = (setting & 1) != 0 ? one : 0, shadow = (setting & 2) != 0 ? one : 0,
                           source = (setting & 4) != 0 ? one : 0;
            const bool exits = mask != 0 && shadow != source;
            m.vmcs.field[VMCS_CR0_GUEST_HOST_MASK] = m.vmcs.field[VMCS_CR4_GUEST_HOST_MASK] = mask;
            m.vmcs.field[VMCS_CR0_READ_SHADOW] = m.vmcs.field[VMCS_CR4_READ_SHADOW] = shadow;
            m.cpu.state.gpr[VMX_RBX] = m.cpu.state.gpr[VMX_R9] = source;
            struct vmx_outcome o = DECIDE(&m, MOV_CR0_RBX);
            CU_ASSERT(exits ? is_exit(&o, VMX_EXIT_CR_ACCESS) && o.exit.qualification == 0x300 : is_run(&o));
            o = DECIDE(&m, MOV_CR4_R9);
            CU_ASSERT(exits ? is_exit(&o, VMX_EXIT_CR_ACCESS) && o.exit.qualification == 0x904 : is_run(&o));
        }
}

static void outside_64_bit_mode_half_of_the_register_counts(void)
{
    running_guest(&m, VALID_PAE, 0, 0, 0);
    m.vmcs.field[VMCS_CR0_GUEST_HOST_MASK] = UINT64_MAX;
    m.vmcs.field[VMCS_CR0_READ_SHADOW] = 0x11;
    m.cpu.state.gpr[VMX_RBX] = 0xdead00000011;
    const struct vmx_outcome o = DECIDE(&m, MOV_CR0_RBX);
    CU_ASSERT(is_run(&o));
}

static void number_and_privilege_come_first(void)
{
    running_guest(&m, VALID_LONG, 0, VMX_PRI_CR3_LOAD_EXITING, 0);
    struct vmx_instruction mov_cr1 = DECODE(&m, MOV_CR3_RBX);
    mov_cr1.reg = 1; /* the decoder refuses it; so does who gets it */
    set_cpl(&m, 3);
    struct vmx_outcome o = vmx_decide(&m.cpu, &mov_cr1);
    CU_ASSERT(is_fault(&o, VMX_UD));
    o = DECIDE(&m, MOV_CR3_RBX);
    CU_ASSERT(is_fault(&o, VMX_GP));
    o = DECIDE(&m, MOV_RBX_CR0);
    CU_ASSERT(is_fault(&o, VMX_GP));
    o = DECIDE(&m, CLTS);
    CU_ASSERT(is_fault(&o, VMX_GP));
    o = DECIDE(&m, LMSW_BX);
    CU_ASSERT(is_fault(&o, VMX_GP));
    o = DECIDE(&m, SMSW_EBX);
    CU_ASSERT(is_run(&o));
    m.cpu.state.cr4 |= VMX_CR4_UMIP;
    o = DECIDE(&m, SMSW_EBX);
    CU_ASSERT(is_fault(&o, VMX_GP));
}

static void cr3_target_values_pass(void)
{
    running_guest(&m, VALID_LONG, 0, VMX_PRI_CR3_LOAD_EXITING, 0);
    for (unsigned n = 0; n < 4; n++)
        m.vmcs.field[VMCS_CR3_TARGET_VALUE0 + n] = 0x8000000000001000 + n;
    for (unsigned count = 0; count <= 4; count++)
        for (unsigned n = 0; n < 5; n++) {
            m.vmcs.field[VMCS_CR3_TARGET_COUNT] = count;
            m.cpu.state.gpr[VMX_RBX] = 0x8000000000001000 + n;
            struct vmx_outcome o = DECIDE(&m, MOV_CR3_RBX);
            CU_ASSERT(n < count ? is_run(&o) : is_exit(&o, VMX_EXIT_CR_ACCESS) && o.exit.qualification == 0x303);
            m.cpu.state.gpr[VMX_RBX] ^= UINT64_C(1) << 63;
            o = DECIDE(&m, MOV_CR3_RBX);
            CU_ASSERT(is_exit(&o, VMX_EXIT_CR_ACCESS));
        }
    m.vmcs.field[VMCS_CPU_BASED_VM_EXEC_CONTROL] &= ~(uint64_t)VMX_PRI_CR3_LOAD_EXITING;
    const struct vmx_outcome o = DECIDE(&m, MOV_CR3_RBX);
    CU_ASSERT(is_run(&o));
}

static void stores_and_cr8_have_controls_of_their_own(void)
{
    running_guest(&m, VALID_LONG, 0, VMX_PRI_CR3_STORE_EXITING | VMX_PRI_CR8_LOAD_EXITING, 0);
    struct vmx_outcome o = DECIDE(&m, MOV_R9_CR3);
    CU_ASSERT(is_exit(&o, VMX_EXIT_CR_ACCESS) && o.exit.qualification == 0x913);
    o = DECIDE(&m, MOV_CR8_RBX);
    CU_ASSERT(is_exit(&o, VMX_EXIT_CR_ACCESS) && o.exit.qualification == 0x308);
    o = DECIDE(&m, MOV_RBX_CR8);
    CU_ASSERT(is_run(&o));
    running_guest(&m, VALID_LONG, 0, VMX_PRI_CR8_STORE_EXITING, 0);
    o = DECIDE(&m, MOV_RBX_CR8);
    CU_ASSERT(is_exit(&o, VMX_EXIT_CR_ACCESS) && o.exit.qualification == 0x318);
    o = DECIDE(&m, MOV_CR8_RBX);
    CU_ASSERT(is_run(&o));
    o = DECIDE(&m, MOV_R9_CR3);
    CU_ASSERT(is_run(&o));
}

static void clts_exits_when_the_host_owns_a_ts_that_the_guest_sees_set(void)
{
    running_guest(&m, VALID_LONG, 0, 0, 0);
    for (unsigned setting = 0; setting < 4; setting++) {
        m.vmcs.field[VMCS_CR0_GUEST_HOST_MASK] = (setting & 1) != 0 ? VMX_CR0_TS : 0;
        m.vmcs.field[VMCS_CR0_READ_SHADOW] = (setting & 2) != 0 ? VMX_CR0_TS : 0;
        const struct vmx_outcome o = DECIDE(&m, CLTS);
        CU_ASSERT(setting == 3 ? is_exit(&o, VMX_EXIT_CR_ACCESS) && o.exit.qualification == 0x20 : is_run(&o));
    }
}

static void lmsw_exits_for_each_owned_bit_but_a_cleared_pe(void)
{
    running_guest(&m, VALID_LONG, 0, 0, 0);
    for (unsigned bit = 0; bit < 16; bit++)
        for (unsigned setting = 0; setting < 8; setting++) {
            const uint64_t one = UINT64_C(1) << bit, mask = (setting & 1) != 0 ? one : 0, shadow = (setting & 2) != 0 ? one : 0,
                           source = (setting & 4) != 0 ? one : 0;
            const bool differs = mask != 0 && shadow != source, exits = bit == 0 ? differs && source != 0 : bit < 4 && differs;
            m.vmcs.field[VMCS_CR0_GUEST_HOST_MASK] = mask;
            m.vmcs.field[VMCS_CR0_READ_SHADOW] = shadow;
            m.cpu.state.gpr[VMX_RBX] = source | 0xabcd0000;
            const struct vmx_outcome o = DECIDE(&m, LMSW_BX);
            CU_ASSERT(exits ? is_exit(&o, VMX_EXIT_CR_ACCESS) && o.exit.qualification == (0x30 | source << 16) : is_run(&o));
        }
}

static void lmsw_from_memory_reads_before_it_exits(void)
{
    running_guest(&m, VALID_LONG, 0, 0, 0);
    m.vmcs.field[VMCS_CR0_GUEST_HOST_MASK] = VMX_CR0_TS;
    m.cpu.state.gpr[VMX_RBX] = RUNNING_FREE;
    m.memory[RUNNING_FREE] = 0x08;
    m.memory[RUNNING_FREE + 1] = 0x70;
    struct vmx_outcome o = DECIDE(&m, LMSW_RBX_MEMORY);
    CU_ASSERT(is_exit(&o, VMX_EXIT_CR_ACCESS));
    CU_ASSERT_EQUAL(o.exit.qualification, 0x70080070);
    CU_ASSERT((o.exit.valid & VMX_VALID_GUEST_LINEAR) != 0);
    CU_ASSERT_EQUAL(o.exit.guest_linear, RUNNING_FREE);
    m.cpu.state.gpr[VMX_RBX] = 0x40000000; /* no page there */
    o = DECIDE(&m, LMSW_RBX_MEMORY);
    CU_ASSERT(is_fault(&o, VMX_PF));
    m.cpu.state.gpr[VMX_RBX] = UINT64_C(1) << 60;
    o = DECIDE(&m, LMSW_RBX_MEMORY);
    CU_ASSERT(is_fault(&o, VMX_GP));
}

static void mov_dr_exits_before_every_other_check(void)
{
    running_guest(&m, VALID_LONG, 0, VMX_PRI_MOV_DR_EXITING, 0);
    set_cpl(&m, 3);
    m.cpu.state.cr4 |= VMX_CR4_DE;
    m.cpu.state.dr[7] |= VMX_DR7_GD;
    struct vmx_outcome o = DECIDE(&m, MOV_DR4_RBX);
    CU_ASSERT(is_exit(&o, VMX_EXIT_DR_ACCESS) && o.exit.qualification == 0x304);
    o = DECIDE(&m, MOV_R10_DR0);
    CU_ASSERT(is_exit(&o, VMX_EXIT_DR_ACCESS) && o.exit.qualification == 0xa10);
    m.vmcs.field[VMCS_CPU_BASED_VM_EXEC_CONTROL] &= ~(uint64_t)VMX_PRI_MOV_DR_EXITING;
    o = DECIDE(&m, MOV_DR4_RBX);
    CU_ASSERT(is_fault(&o, VMX_UD));
    o = DECIDE(&m, MOV_DR7_RBX);
    CU_ASSERT(is_fault(&o, VMX_GP));
    set_cpl(&m, 0);
    o = DECIDE(&m, MOV_DR7_RBX);
    CU_ASSERT(is_fault(&o, VMX_DB));
    CU_ASSERT_EQUAL(o.event.payload, VMX_DB_BD);
    CU_ASSERT_FALSE(o.event.has_error_code);
}

static void the_guest_sees_owned_bits_of_the_shadow(void)
{
    running_guest(&m, VALID_LONG, 0, 0, 0);
    m.vmcs.field[VMCS_CR0_GUEST_HOST_MASK] = m.vmcs.field[VMCS_CR4_GUEST_HOST_MASK] = 0xff00;
    m.vmcs.field[VMCS_CR0_READ_SHADOW] = m.vmcs.field[VMCS_CR4_READ_SHADOW] = 0x5555;
    m.cpu.state.cr0 = m.cpu.state.cr4 = 0x3333;
    CU_ASSERT_EQUAL(vmx_visible_cr0(&m.cpu), 0x5533);
    CU_ASSERT_EQUAL(vmx_visible_cr4(&m.cpu), 0x5533);
    m.cpu.operation = VMX_OPERATION_ROOT;
    CU_ASSERT_EQUAL(vmx_visible_cr0(&m.cpu), 0x3333);
}

SUITE("vmx-model/decide_cr", {"mov_to_cr0_and_cr4_exit_by_mask_and_shadow_bit_by_bit", mov_to_cr0_and_cr4_exit_by_mask_and_shadow_bit_by_bit},
      {"outside_64_bit_mode_half_of_the_register_counts", outside_64_bit_mode_half_of_the_register_counts},
      {"number_and_privilege_come_first", number_and_privilege_come_first}, {"cr3_target_values_pass", cr3_target_values_pass},
      {"stores_and_cr8_have_controls_of_their_own", stores_and_cr8_have_controls_of_their_own},
      {"clts_exits_when_the_host_owns_a_ts_that_the_guest_sees_set", clts_exits_when_the_host_owns_a_ts_that_the_guest_sees_set},
      {"lmsw_exits_for_each_owned_bit_but_a_cleared_pe", lmsw_exits_for_each_owned_bit_but_a_cleared_pe},
      {"lmsw_from_memory_reads_before_it_exits", lmsw_from_memory_reads_before_it_exits},
      {"mov_dr_exits_before_every_other_check", mov_dr_exits_before_every_other_check},
      {"the_guest_sees_owned_bits_of_the_shadow", the_guest_sees_owned_bits_of_the_shadow})
