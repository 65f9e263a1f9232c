/* SPDX-License-Identifier: GPL-2.0-or-later */
/* IN, OUT, INS, OUTS: privilege by IOPL and TSS, the I/O bitmaps to their edges, exit information. */
#include "tests/support/running_guest.h"
#include "tests/support/suite.h"

#include <string.h>

#include "vmx-model/controls.h"
#include "vmx-model/reasons.h"
#include "vmx-model/registers.h"

#define OUT_DX_AL "\xee"
#define OUT_DX_AX "\x66\xef"
#define OUT_DX_EAX "\xef"
#define IN_AL_DX "\xec"
#define IN_EAX_DX "\xed"
#define IN_AL_71H "\xe4\x71"
#define OUT_80H_EAX "\xe7\x80"
#define REP_INSD "\xf3\x6d"
#define OUTSB "\x6e"
#define FS_OUTSB "\x64\x6e"

static struct valid_machine m;

enum { BITMAP_A = 0xb000, BITMAP_B = 0xc000, TSS = 0xd000 };

static void set_bit(uint32_t port)
{
    m.memory[BITMAP_A + port / 8] |= (uint8_t)(1u << port % 8); /* B stands behind A */
}

static void with_bitmaps(enum valid_guest guest)
{
    running_guest(&m, guest, 0, VMX_PRI_USE_IO_BITMAPS | VMX_PRI_UNCOND_IO_EXITING, 0);
    m.vmcs.field[VMCS_IO_BITMAP_A] = BITMAP_A;
    m.vmcs.field[VMCS_IO_BITMAP_B] = BITMAP_B;
}

static void io_bitmaps_select_every_port_of_an_access(void)
{
    static const uint32_t bits[] = {0, 1, 7, 8, 0x3f8, 0x7fff, 0x8000, 0x8001, 0xfffc, 0xfffe, 0xffff};
    with_bitmaps(VALID_LONG);
    for (unsigned k = 0; k < sizeof bits / sizeof bits[0]; k++) {
        memset(m.memory + BITMAP_A, 0, 0x2000);
        set_bit(bits[k]);
        for (unsigned size = 1; size <= 4; size *= 2)
            for (int32_t distance = -5; distance <= 5; distance++) {
                const int32_t port = (int32_t)bits[k] + distance;
                if (port < 0 || port + (int32_t)size > 0x10000)
                    continue;
                const bool covers = distance <= 0 && distance + (int32_t)size > 0;
                CU_ASSERT_EQUAL(vmx_io_exits(&m.cpu, (uint32_t)port, size), covers);
            }
    }
}

static void an_access_that_wraps_past_the_last_port_exits(void)
{
    with_bitmaps(VALID_LONG);
    memset(m.memory + BITMAP_A, 0, 0x2000);
    CU_ASSERT_FALSE(vmx_io_exits(&m.cpu, 0xffff, 1));
    CU_ASSERT_TRUE(vmx_io_exits(&m.cpu, 0xffff, 2));
    CU_ASSERT_FALSE(vmx_io_exits(&m.cpu, 0xfffe, 2));
    CU_ASSERT_FALSE(vmx_io_exits(&m.cpu, 0xfffc, 4));
    CU_ASSERT_TRUE(vmx_io_exits(&m.cpu, 0xfffd, 4));
    CU_ASSERT_TRUE(vmx_io_exits(&m.cpu, 0xffff, 4));
}

static void without_bitmaps_the_unconditional_control_decides(void)
{
    running_guest(&m, VALID_LONG, 0, VMX_PRI_UNCOND_IO_EXITING, 0);
    CU_ASSERT_TRUE(vmx_io_exits(&m.cpu, 0x80, 1));
    running_guest(&m, VALID_LONG, 0, 0, 0);
    CU_ASSERT_FALSE(vmx_io_exits(&m.cpu, 0x80, 1));
    CU_ASSERT_FALSE(vmx_io_exits(&m.cpu, 0xffff, 4));
    m.cpu.operation = VMX_OPERATION_ROOT;
    m.vmcs.field[VMCS_CPU_BASED_VM_EXEC_CONTROL] |= VMX_PRI_UNCOND_IO_EXITING;
    CU_ASSERT_FALSE(vmx_io_exits(&m.cpu, 0x80, 1));
}

static void qualification_describes_the_access(void)
{
    running_guest(&m, VALID_LONG, 0, VMX_PRI_UNCOND_IO_EXITING, 0);
    m.cpu.state.gpr[VMX_RDX] = 0xabcd03f8;
    struct vmx_outcome o = DECIDE(&m, OUT_DX_AL);
    CU_ASSERT(is_exit(&o, VMX_EXIT_IO_INSTRUCTION));
    CU_ASSERT_EQUAL(o.exit.qualification, 0x03f80000);
    CU_ASSERT_EQUAL(o.exit.valid, VMX_VALID_QUALIFICATION | VMX_VALID_INSTRUCTION_LENGTH);
    o = DECIDE(&m, OUT_DX_AX);
    CU_ASSERT_EQUAL(o.exit.qualification, 0x03f80001);
    o = DECIDE(&m, IN_EAX_DX);
    CU_ASSERT_EQUAL(o.exit.qualification, 0x03f8000b);
    o = DECIDE(&m, IN_AL_71H);
    CU_ASSERT_EQUAL(o.exit.qualification, 0x00710048);
    CU_ASSERT_EQUAL(o.exit.instruction_length, 2);
    o = DECIDE(&m, OUT_80H_EAX);
    CU_ASSERT_EQUAL(o.exit.qualification, 0x00800043);
    o = DECIDE(&m, "\x48\xef"); /* REX.W changes nothing */
    CU_ASSERT_EQUAL(o.exit.qualification, 0x03f80003);
}

static void string_accesses_tell_linear_address_and_instruction_information(void)
{
    running_guest(&m, VALID_LONG, 0, VMX_PRI_UNCOND_IO_EXITING, 0);
    m.caps.basic |= VMX_BASIC_INS_OUTS_INFO;
    m.cpu.state.gpr[VMX_RDX] = 0x1f0;
    m.cpu.state.gpr[VMX_RCX] = 3;
    m.cpu.state.gpr[VMX_RDI] = 0x123456789000;
    m.cpu.state.gpr[VMX_RSI] = 0x100000010;
    m.cpu.state.seg[VMX_FS].base = 0x5000;
    struct vmx_outcome o = DECIDE(&m, REP_INSD);
    CU_ASSERT(is_exit(&o, VMX_EXIT_IO_INSTRUCTION));
    CU_ASSERT_EQUAL(o.exit.qualification, 0x01f0003b);
    CU_ASSERT_EQUAL(o.exit.guest_linear, 0x123456789000);
    CU_ASSERT_EQUAL(o.exit.instruction_info, 2u << 7);
    CU_ASSERT((o.exit.valid & VMX_VALID_INSTRUCTION_INFO) != 0 && (o.exit.valid & VMX_VALID_GUEST_LINEAR) != 0);
    o = DECIDE(&m, FS_OUTSB);
    CU_ASSERT_EQUAL(o.exit.qualification, 0x01f00010);
    CU_ASSERT_EQUAL(o.exit.guest_linear, 0x100005010);
    CU_ASSERT_EQUAL(o.exit.instruction_info, 2u << 7 | VMX_FS << 15);
    o = DECIDE(&m, "\x67\x6e"); /* 32-bit address size */
    CU_ASSERT_EQUAL(o.exit.guest_linear, 0x10);
    m.caps.basic &= ~VMX_BASIC_INS_OUTS_INFO;
    o = DECIDE(&m, OUTSB);
    CU_ASSERT((o.exit.valid & VMX_VALID_INSTRUCTION_INFO) == 0 && o.exit.instruction_info == 0);
    m.cpu.state.gpr[VMX_RCX] = 0;
    o = DECIDE(&m, REP_INSD);
    CU_ASSERT(is_run(&o));
}

static void an_unusable_segment_has_no_linear_address(void)
{
    running_guest(&m, VALID_PAE, 0, VMX_PRI_UNCOND_IO_EXITING, 0);
    m.cpu.state.gpr[VMX_RSI] = 0xffffffff;
    m.cpu.state.seg[VMX_DS].base = 2;
    struct vmx_outcome o = DECIDE(&m, OUTSB);
    CU_ASSERT_EQUAL(o.exit.guest_linear, 1);
    m.cpu.state.seg[VMX_DS].access_rights |= VMX_AR_UNUSABLE;
    o = DECIDE(&m, OUTSB);
    CU_ASSERT(is_exit(&o, VMX_EXIT_IO_INSTRUCTION));
    CU_ASSERT((o.exit.valid & VMX_VALID_GUEST_LINEAR) == 0);
}

/* A TSS whose I/O map begins at 68H. */
static void with_tss(uint32_t limit)
{
    running_guest(&m, VALID_LONG, 0, VMX_PRI_UNCOND_IO_EXITING, 0);
    set_cpl(&m, 3);
    m.cpu.state.seg[VMX_TR].base = TSS;
    m.cpu.state.seg[VMX_TR].limit = limit;
    memset(m.memory + TSS, 0, 0x1000);
    m.memory[TSS + 102] = 0x68;
}

static void the_tss_decides_before_the_exit(void)
{
    with_tss(0x68 + 0x2000);
    m.memory[TSS + 0x68 + 0x10] = 0x08; /* port 83H */
    static const struct {
        uint32_t port;
        bool allowed_1, allowed_4;
    } rows[] = {{0x7f, true, true}, {0x80, true, false}, {0x82, true, false}, {0x83, false, false}, {0x84, true, true}};
    for (unsigned k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        m.cpu.state.gpr[VMX_RDX] = rows[k].port;
        struct vmx_outcome o = DECIDE(&m, IN_AL_DX);
        CU_ASSERT(rows[k].allowed_1 ? is_exit(&o, VMX_EXIT_IO_INSTRUCTION) : is_fault(&o, VMX_GP));
        o = DECIDE(&m, IN_EAX_DX);
        CU_ASSERT(rows[k].allowed_4 ? is_exit(&o, VMX_EXIT_IO_INSTRUCTION) : is_fault(&o, VMX_GP));
    }
    m.cpu.state.rflags |= VMX_RFLAGS_IOPL;
    m.cpu.state.gpr[VMX_RDX] = 0x83;
    const struct vmx_outcome o = DECIDE(&m, IN_AL_DX);
    CU_ASSERT(is_exit(&o, VMX_EXIT_IO_INSTRUCTION));
}

static void the_tss_must_hold_two_bytes_of_bitmap(void)
{
    with_tss(0x68 + 0x10 + 1); /* ports 80H to 87H have their byte and its follower */
    m.cpu.state.gpr[VMX_RDX] = 0x87;
    struct vmx_outcome o = DECIDE(&m, IN_AL_DX);
    CU_ASSERT(is_exit(&o, VMX_EXIT_IO_INSTRUCTION));
    m.cpu.state.gpr[VMX_RDX] = 0x88;
    o = DECIDE(&m, IN_AL_DX);
    CU_ASSERT(is_fault(&o, VMX_GP));
    with_tss(0x67);
    m.cpu.state.gpr[VMX_RDX] = 0;
    o = DECIDE(&m, IN_AL_DX);
    CU_ASSERT(is_fault(&o, VMX_GP));
}

static void virtual_8086_mode_asks_the_tss_whatever_iopl_says(void)
{
    running_guest(&m, VALID_V86, 0, VMX_PRI_UNCOND_IO_EXITING, 0);
    m.cpu.state.rflags |= VMX_RFLAGS_IOPL;
    m.cpu.state.seg[VMX_TR].limit = 0x50;
    const struct vmx_outcome o = DECIDE(&m, OUT_DX_AL);
    CU_ASSERT(is_fault(&o, VMX_GP));
}

SUITE("vmx-model/decide_io", {"io_bitmaps_select_every_port_of_an_access", io_bitmaps_select_every_port_of_an_access},
      {"an_access_that_wraps_past_the_last_port_exits", an_access_that_wraps_past_the_last_port_exits},
      {"without_bitmaps_the_unconditional_control_decides", without_bitmaps_the_unconditional_control_decides},
      {"qualification_describes_the_access", qualification_describes_the_access},
      {"string_accesses_tell_linear_address_and_instruction_information", string_accesses_tell_linear_address_and_instruction_information},
      {"an_unusable_segment_has_no_linear_address", an_unusable_segment_has_no_linear_address},
      {"the_tss_decides_before_the_exit", the_tss_decides_before_the_exit},
      {"the_tss_must_hold_two_bytes_of_bitmap", the_tss_must_hold_two_bytes_of_bitmap},
      {"virtual_8086_mode_asks_the_tss_whatever_iopl_says", virtual_8086_mode_asks_the_tss_whatever_iopl_says})
