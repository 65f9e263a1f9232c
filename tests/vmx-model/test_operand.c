/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Segment checks of the operands that the model reads and writes itself. */
#include "tests/support/running_guest.h"
#include "tests/support/suite.h"
#include "vmx-model/operand.h"
#include "vmx-model/registers.h"

static struct valid_machine m;

enum { DATA = 0xc093, READ_ONLY = 0xc091, DOWN = 0xc097, DOWN_16 = 0x8097, CODE = 0xc09b, EXECUTE_ONLY = 0xc099, UNUSABLE = 0x10000 };

static void type_and_limit_are_checked_outside_64_bit_mode(void)
{
    static const struct {
        uint32_t rights, limit, size;
        uint64_t offset;
        bool write, faults;
    } rows[] = {
        {DATA, 0xfff, 4, 0xffc, true, false},     {DATA, 0xfff, 4, 0xffd, false, true},        {READ_ONLY, 0xfff, 4, 0, false, false},
        {READ_ONLY, 0xfff, 4, 0, true, true},     {DOWN, 0xfff, 4, 0x1000, true, false},       {DOWN, 0xfff, 4, 0xfff, true, true},
        {DOWN, 0xfff, 4, 0xfffffffd, true, true}, {DOWN_16, 0xfff, 4, 0xfffc, true, false},    {DOWN_16, 0xfff, 4, 0xfffd, true, true},
        {CODE, 0xfff, 4, 0xffc, false, false},    {CODE, 0xfff, 4, 0xffd, false, true},        {CODE, 0xfff, 4, 0, true, true},
        {EXECUTE_ONLY, 0xfff, 4, 0, false, true}, {UNUSABLE | DATA, 0xfff, 4, 0, false, true}, {DATA, 0xffffffff, 4, 0xfffffffc, true, false},
    };
    running_guest(&m, VALID_PAE, 0, 0, 0);
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (unsigned segment = VMX_SS; segment <= VMX_DS; segment++) {
            struct vmx_outcome failure;
            gva_t linear = 0;
            m.cpu.state.seg[segment] = (struct vmx_segment){.base = 0x100, .limit = rows[i].limit, .access_rights = rows[i].rights};
            const bool ok = vmx_segment_linear(&m.cpu, segment, rows[i].offset, rows[i].size, rows[i].write, &linear, &failure);
            CU_ASSERT_EQUAL(ok, !rows[i].faults);
            CU_ASSERT(ok ? linear == (uint32_t)(0x100 + rows[i].offset) : is_fault(&failure, segment == VMX_SS ? VMX_SS_FAULT : VMX_GP));
        }
}

static void the_whole_operand_is_canonical_in_64_bit_mode(void)
{
    struct vmx_outcome failure;
    gva_t linear;
    running_guest(&m, VALID_LONG, 0, 0, 0);
    CU_ASSERT_TRUE(vmx_segment_linear(&m.cpu, VMX_DS, 0x7ffffffffff8, 8, true, &linear, &failure));
    CU_ASSERT_FALSE(vmx_segment_linear(&m.cpu, VMX_DS, 0x7ffffffffff9, 8, true, &linear, &failure));
    CU_ASSERT(is_fault(&failure, VMX_GP));
    m.cpu.state.seg[VMX_FS].base = 0x1000;
    CU_ASSERT_TRUE(vmx_segment_linear(&m.cpu, VMX_FS, 0x10, 8, true, &linear, &failure));
    CU_ASSERT_EQUAL(linear, 0x1010);
}

static void alignment_is_checked_at_cpl_3_when_am_and_ac_are_set(void)
{
    struct vmx_outcome failure;
    gva_t linear;
    for (unsigned without = 0; without < 4; without++) {
        running_guest(&m, VALID_LONG, 0, 0, 0);
        set_cpl(&m, without == 1 ? 0 : 3);
        m.cpu.state.cr0 = without == 2 ? m.cpu.state.cr0 & ~VMX_CR0_AM : m.cpu.state.cr0 | VMX_CR0_AM;
        m.cpu.state.rflags = without == 3 ? m.cpu.state.rflags & ~VMX_RFLAGS_AC : m.cpu.state.rflags | VMX_RFLAGS_AC;
        CU_ASSERT_TRUE(vmx_segment_linear(&m.cpu, VMX_DS, 0x1008, 8, false, &linear, &failure));
        CU_ASSERT_EQUAL(vmx_segment_linear(&m.cpu, VMX_DS, 0x1004, 8, false, &linear, &failure), without != 0);
        if (without == 0)
            CU_ASSERT(is_fault(&failure, VMX_AC));
    }
}

static void registers_are_written_by_size(void)
{
    static const struct {
        unsigned size;
        uint64_t after;
    } rows[] = {{2, 0x1111222233338888}, {4, 0x77778888}, {8, 0x5555666677778888}};
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        m.cpu.state.gpr[VMX_R9] = 0x1111222233334444;
        vmx_set_register(&m.cpu.state, VMX_R9, rows[i].size, 0x5555666677778888);
        CU_ASSERT_EQUAL(m.cpu.state.gpr[VMX_R9], rows[i].after);
    }
    CU_ASSERT_EQUAL(vmx_register(&m.cpu.state, VMX_R9, 2), 0x8888);
}

SUITE("vmx-model/operand", {"type_and_limit_are_checked_outside_64_bit_mode", type_and_limit_are_checked_outside_64_bit_mode},
      {"the_whole_operand_is_canonical_in_64_bit_mode", the_whole_operand_is_canonical_in_64_bit_mode},
      {"alignment_is_checked_at_cpl_3_when_am_and_ac_are_set", alignment_is_checked_at_cpl_3_when_am_and_ac_are_set},
      {"registers_are_written_by_size", registers_are_written_by_size})
