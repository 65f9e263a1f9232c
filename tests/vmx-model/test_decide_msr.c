/* SPDX-License-Identifier: GPL-2.0-or-later */
/* RDMSR and WRMSR: the MSR bitmaps to their edges. */
#include "tests/support/running_guest.h"
#include "tests/support/suite.h"

#include <string.h>

#include "vmx-model/controls.h"
#include "vmx-model/reasons.h"

#define RDMSR "\x0f\x32"
#define WRMSR "\x0f\x30"

static struct valid_machine m;

enum { BITMAP = 0xb000 };

static void each_bit_of_the_bitmap_selects_one_access(void)
{
    static const uint32_t edges[] = {0, 1, 7, 8, 0x174, 0x1ff8, 0x1fff, 0xc0000000, 0xc0000080, 0xc0001ff7, 0xc0001fff};
    running_guest(&m, VALID_LONG, 0, VMX_PRI_USE_MSR_BITMAPS, 0);
    m.vmcs.field[VMCS_MSR_BITMAP] = BITMAP;
    for (unsigned k = 0; k < sizeof edges / sizeof edges[0]; k++)
        for (unsigned write = 0; write < 2; write++) {
            const uint32_t quarter = write * 0x800 + (edges[k] >= 0xc0000000 ? 0x400 : 0), bit = edges[k] & 0x1fff;
            memset(m.memory + BITMAP, 0, 0x1000);
            CU_ASSERT_FALSE(vmx_msr_exits(&m.cpu, edges[k], write != 0));
            m.memory[BITMAP + quarter + bit / 8] = (uint8_t)(1u << bit % 8);
            CU_ASSERT_TRUE(vmx_msr_exits(&m.cpu, edges[k], write != 0));
            CU_ASSERT_FALSE(vmx_msr_exits(&m.cpu, edges[k], write == 0));
            CU_ASSERT_FALSE(vmx_msr_exits(&m.cpu, edges[k] ^ 0xc0000000, write != 0));
            CU_ASSERT_FALSE(vmx_msr_exits(&m.cpu, edges[k] ^ 1, write != 0));
        }
}

static void indices_outside_both_ranges_exit(void)
{
    static const uint32_t outside[] = {0x2000, 0x3fff, 0x40000000, 0xbfffffff, 0xc0002000, 0xffffffff};
    running_guest(&m, VALID_LONG, 0, VMX_PRI_USE_MSR_BITMAPS, 0);
    m.vmcs.field[VMCS_MSR_BITMAP] = BITMAP;
    for (unsigned k = 0; k < sizeof outside / sizeof outside[0]; k++) {
        CU_ASSERT_TRUE(vmx_msr_exits(&m.cpu, outside[k], false));
        CU_ASSERT_TRUE(vmx_msr_exits(&m.cpu, outside[k], true));
    }
}

static void without_bitmaps_every_access_exits(void)
{
    running_guest(&m, VALID_LONG, 0, 0, 0);
    CU_ASSERT_TRUE(vmx_msr_exits(&m.cpu, 0x10, false));
    m.cpu.operation = VMX_OPERATION_ROOT;
    CU_ASSERT_FALSE(vmx_msr_exits(&m.cpu, 0x10, false));
}

static void privilege_comes_first(void)
{
    running_guest(&m, VALID_LONG, 0, 0, 0);
    m.cpu.state.gpr[VMX_RCX] = 0xfffff00000000010; /* bits 63:32 do not count */
    struct vmx_outcome o = DECIDE(&m, RDMSR);
    CU_ASSERT(is_exit(&o, VMX_EXIT_MSR_READ));
    CU_ASSERT_EQUAL(o.exit.qualification, 0);
    CU_ASSERT_EQUAL(o.exit.instruction_length, 2);
    o = DECIDE(&m, WRMSR);
    CU_ASSERT(is_exit(&o, VMX_EXIT_MSR_WRITE));
    set_cpl(&m, 3);
    o = DECIDE(&m, RDMSR);
    CU_ASSERT(is_fault(&o, VMX_GP));
    o = DECIDE(&m, WRMSR);
    CU_ASSERT(is_fault(&o, VMX_GP));
    running_guest(&m, VALID_REAL, 0, 0, 0);
    o = DECIDE(&m, WRMSR);
    CU_ASSERT(is_exit(&o, VMX_EXIT_MSR_WRITE));
}

SUITE("vmx-model/decide_msr", {"each_bit_of_the_bitmap_selects_one_access", each_bit_of_the_bitmap_selects_one_access},
      {"indices_outside_both_ranges_exit", indices_outside_both_ranges_exit},
      {"without_bitmaps_every_access_exits", without_bitmaps_every_access_exits}, {"privilege_comes_first", privilege_comes_first})
