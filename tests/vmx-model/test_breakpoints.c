/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Breakpoints of DR0 to DR3 on what the model itself reaches. tests/boot/system.asm has the instructions that do. */
#include "tests/support/running_guest.h"
#include "tests/support/suite.h"

#include "vmx-model/breakpoints.h"
#include "vmx-model/registers.h"

/* DR7 of breakpoint n: enabled, kind, and bytes 0: 1, 1: 2, 2: 8, 3: 4. */
static uint64_t dr7(unsigned n, unsigned kind, unsigned length)
{
    return UINT64_C(1) << (2 * n) | (uint64_t)kind << (16 + 4 * n) | (uint64_t)length << (18 + 4 * n);
}

static struct valid_machine m;

static unsigned note(bool write, gva_t linear, unsigned size)
{
    m.cpu.breakpoints_hit = 0;
    vmx_note_data(&m.cpu, linear, size, write);
    return m.cpu.breakpoints_hit;
}

static void data_are_hit_where_ranges_meet(void)
{
    running_guest(&m, VALID_LONG, 0, 0, 0);
    m.cpu.state.dr[0] = 0x1003; /* aligned down by its length */
    m.cpu.state.dr[7] = dr7(0, VMX_BREAK_ON_ACCESS, 3);
    CU_ASSERT_EQUAL(note(false, 0xfff, 1), 0);
    CU_ASSERT_EQUAL(note(false, 0xfff, 2), 1);
    CU_ASSERT_EQUAL(note(true, 0x1003, 1), 1);
    CU_ASSERT_EQUAL(note(true, 0x1004, 8), 0);
    m.cpu.state.dr[3] = 0x2000;
    m.cpu.state.dr[7] |= dr7(3, VMX_BREAK_ON_WRITE, 2);
    CU_ASSERT_EQUAL(note(true, 0x2007, 1), 8);
    CU_ASSERT_EQUAL(note(false, 0x2007, 1), 0);
    CU_ASSERT_EQUAL(note(true, 0x1000, 0x1001), 9);
    CU_ASSERT_EQUAL(vmx_breakpoints_of(m.cpu.state.dr, VMX_BREAKS_ON_READ), 1);
}

static void none_is_enabled_none_is_hit(void)
{
    running_guest(&m, VALID_LONG, 0, 0, 0);
    m.cpu.state.dr[7] = dr7(0, VMX_BREAK_ON_ACCESS, 0) & ~UINT64_C(0xff);
    CU_ASSERT_EQUAL(note(true, 0, 1), 0);
    CU_ASSERT_FALSE(vmx_pend_breakpoints(&m.cpu));
    CU_ASSERT_EQUAL(m.cpu.state.pending_debug, 0);
}

static void ports_are_hit_with_cr4_de_alone(void)
{
    running_guest(&m, VALID_LONG, 0, 0, 0);
    m.cpu.state.dr[1] = 0x81;
    m.cpu.state.dr[7] = dr7(1, VMX_BREAK_ON_PORT, 0);
    m.cpu.state.cr4 &= ~VMX_CR4_DE;
    vmx_note_port(&m.cpu, 0x80, 2);
    CU_ASSERT_EQUAL(m.cpu.breakpoints_hit, 0);
    m.cpu.state.cr4 |= VMX_CR4_DE;
    vmx_note_port(&m.cpu, 0x80, 1);
    CU_ASSERT_EQUAL(m.cpu.breakpoints_hit, 0);
    vmx_note_port(&m.cpu, 0x80, 2);
    CU_ASSERT_EQUAL(m.cpu.breakpoints_hit, 2);
    CU_ASSERT_EQUAL(note(true, 0x81, 1), 0);
}

static void an_instruction_leaves_its_hits_pending(void)
{
    running_guest(&m, VALID_LONG, 0, 0, 0);
    m.cpu.state.gpr[VMX_RAX] = 0x4000;
    m.cpu.state.dr[2] = 0x4008;
    m.cpu.state.dr[7] = dr7(2, VMX_BREAK_ON_ACCESS, 1);
    m.cpu.breakpoints_hit = 1;                             /* of an instruction that faulted */
    const struct vmx_outcome o = STEP(&m, "\x0f\x01\x10"); /* LGDT [RAX] */
    CU_ASSERT(is_done(&o) && (o.changed & VMX_GROUP_EVENT) != 0);
    CU_ASSERT_EQUAL(m.cpu.state.pending_debug, VMX_PENDING_ENABLED | 4);
}

SUITE("vmx-model/breakpoints", {"data_are_hit_where_ranges_meet", data_are_hit_where_ranges_meet},
      {"none_is_enabled_none_is_hit", none_is_enabled_none_is_hit}, {"ports_are_hit_with_cr4_de_alone", ports_are_hit_with_cr4_de_alone},
      {"an_instruction_leaves_its_hits_pending", an_instruction_leaves_its_hits_pending})
