/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CR4.VME and CR4.PVI: a program without IOPL has a virtual interrupt flag. tests/boot/delivery.asm has the same from code. */
#include "tests/support/running_guest.h"
#include "tests/support/suite.h"

#include <string.h>

#include "vmx-model/registers.h"

#define CLI "\xfa"
#define STI "\xfb"
#define PUSHF "\x9c"
#define POPF "\x9d"
#define IRET "\xcf"
enum { STACK = 0x4000, SP = 0x100 };

static struct valid_machine m;

#define VIRTUAL(text) execute((text), sizeof(text) - 1)
static struct vmx_outcome execute(const char *bytes, unsigned size)
{
    const struct vmx_instruction i = decode_bytes(&m, bytes, size);
    return vmx_execute_virtual(&m.cpu, &i);
}

/* A virtual-8086 program with IOPL 0, its words from SP on. */
static void virtual_8086(uint64_t flags, uint16_t ip, uint16_t cs, uint16_t image)
{
    const uint16_t words[3] = {ip, cs, image};
    running_guest(&m, VALID_PAE, 0, 0, 0);
    struct vmx_state *s = &m.cpu.state;
    s->cr4 |= VMX_CR4_VME;
    s->cr0 &= ~VMX_CR0_PG;
    s->rflags = VMX_RFLAGS_VM | VMX_RFLAGS_FIXED_1 | flags;
    for (unsigned i = 0; i < 6; i++)
        s->seg[i] = (struct vmx_segment){.selector = STACK >> 4, .base = STACK, .limit = 0xffff, .access_rights = 0xf3};
    s->rip = 0x10;
    s->gpr[VMX_RSP] = 0x70000 | SP;
    memcpy(m.memory + STACK + SP, words, sizeof words);
}

static uint16_t word(uint16_t sp)
{
    uint16_t value;
    memcpy(&value, m.memory + STACK + sp, sizeof value);
    return value;
}

static void cli_and_sti_change_vif(void)
{
    virtual_8086(VMX_RFLAGS_IF, 0, 0, 0);
    struct vmx_outcome o = VIRTUAL(STI);
    CU_ASSERT(is_done(&o));
    CU_ASSERT_EQUAL(m.cpu.state.rflags & (VMX_RFLAGS_IF | VMX_RFLAGS_VIF), VMX_RFLAGS_IF | VMX_RFLAGS_VIF);
    CU_ASSERT_EQUAL(m.cpu.state.rip, 0x11);
    o = VIRTUAL(CLI);
    CU_ASSERT(is_done(&o));
    CU_ASSERT_EQUAL(m.cpu.state.rflags & (VMX_RFLAGS_IF | VMX_RFLAGS_VIF), VMX_RFLAGS_IF);
    m.cpu.state.rflags |= VMX_RFLAGS_VIP;
    o = VIRTUAL(STI);
    CU_ASSERT(is_fault(&o, VMX_GP));
}

static void what_has_iopl_or_no_extension_is_left_alone(void)
{
    virtual_8086(VMX_RFLAGS_IOPL, 0, 0, 0);
    struct vmx_outcome o = VIRTUAL(CLI);
    CU_ASSERT(is_run(&o));
    virtual_8086(0, 0, 0, 0);
    o = VIRTUAL("\x66" PUSHF);
    CU_ASSERT(is_run(&o));
    o = VIRTUAL("\xf4");
    CU_ASSERT(is_run(&o));
    m.cpu.state.cr4 &= ~VMX_CR4_VME;
    o = VIRTUAL(CLI);
    CU_ASSERT(is_run(&o));
    m.cpu.state.cr0 &= ~VMX_CR0_PE;
    o = VIRTUAL(CLI);
    CU_ASSERT(is_run(&o));
}

static void pushf_shows_vif_as_if_and_iopl_3(void)
{
    virtual_8086(VMX_RFLAGS_VIF | VMX_RFLAGS_CF, 0, 0, 0);
    struct vmx_outcome o = VIRTUAL(PUSHF);
    CU_ASSERT(is_done(&o));
    CU_ASSERT_EQUAL(m.cpu.state.gpr[VMX_RSP], 0x70000 | (SP - 2));
    CU_ASSERT_EQUAL(word(SP - 2), 0x3203);
    m.cpu.state.seg[VMX_SS].limit = 0x10;
    o = VIRTUAL(PUSHF);
    CU_ASSERT(is_fault(&o, VMX_SS_FAULT));
}

static void popf_loads_vif_and_keeps_if_and_iopl(void)
{
    virtual_8086(VMX_RFLAGS_IF, 0x3ed7 & ~0x300, 0, 0);
    struct vmx_outcome o = VIRTUAL(POPF);
    CU_ASSERT(is_done(&o));
    CU_ASSERT_EQUAL(m.cpu.state.rflags, VMX_RFLAGS_VM | (0x0ed7 & ~0x100));
    virtual_8086(VMX_RFLAGS_VIP, 0x202, 0, 0);
    o = VIRTUAL(POPF);
    CU_ASSERT(is_fault(&o, VMX_GP));
    virtual_8086(0, 0x102, 0, 0);
    o = VIRTUAL(POPF);
    CU_ASSERT(is_fault(&o, VMX_GP));
    m.cpu.state.seg[VMX_SS].limit = 0x10;
    o = VIRTUAL(POPF);
    CU_ASSERT(is_fault(&o, VMX_SS_FAULT));
}

static void iret_returns_within_the_program(void)
{
    virtual_8086(0, 0x1234, 0x5678, 0x202);
    m.cpu.state.interruptibility = VMX_BLOCKING_BY_NMI;
    struct vmx_outcome o = VIRTUAL(IRET);
    CU_ASSERT(is_done(&o) && (o.changed & VMX_GROUP_SEGMENTS) != 0);
    CU_ASSERT_EQUAL(m.cpu.state.rip, 0x1234);
    CU_ASSERT_EQUAL(m.cpu.state.seg[VMX_CS].selector, 0x5678);
    CU_ASSERT_EQUAL(m.cpu.state.seg[VMX_CS].base, 0x56780);
    CU_ASSERT_EQUAL(m.cpu.state.rflags, VMX_RFLAGS_VM | VMX_RFLAGS_VIF | 2);
    CU_ASSERT_EQUAL(m.cpu.state.gpr[VMX_RSP], 0x70000 | (SP + 6));
    CU_ASSERT_EQUAL(m.cpu.state.interruptibility, 0);
    virtual_8086(VMX_RFLAGS_VIP, 0x1234, 0x5678, 0x202);
    o = VIRTUAL(IRET);
    CU_ASSERT(is_fault(&o, VMX_GP));
    m.cpu.state.seg[VMX_SS].limit = SP + 2;
    o = VIRTUAL(IRET);
    CU_ASSERT(is_fault(&o, VMX_SS_FAULT));
}

static void protected_mode_has_cli_and_sti_alone(void)
{
    running_guest(&m, VALID_LONG, 0, 0, 0);
    set_cpl(&m, 3);
    m.cpu.state.cr4 |= VMX_CR4_PVI;
    struct vmx_outcome o = VIRTUAL(STI);
    CU_ASSERT(is_done(&o));
    CU_ASSERT((m.cpu.state.rflags & VMX_RFLAGS_VIF) != 0);
    o = VIRTUAL(PUSHF);
    CU_ASSERT(is_run(&o));
    set_cpl(&m, 0);
    o = VIRTUAL(CLI);
    CU_ASSERT(is_run(&o));
}

SUITE("vmx-model/execute_virtual", {"cli_and_sti_change_vif", cli_and_sti_change_vif},
      {"what_has_iopl_or_no_extension_is_left_alone", what_has_iopl_or_no_extension_is_left_alone},
      {"pushf_shows_vif_as_if_and_iopl_3", pushf_shows_vif_as_if_and_iopl_3},
      {"popf_loads_vif_and_keeps_if_and_iopl", popf_loads_vif_and_keeps_if_and_iopl},
      {"iret_returns_within_the_program", iret_returns_within_the_program},
      {"protected_mode_has_cli_and_sti_alone", protected_mode_has_cli_and_sti_alone})
