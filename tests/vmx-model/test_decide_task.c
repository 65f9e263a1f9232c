/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Task switches by far CALL, far JMP and IRET. */
#include "tests/support/running_guest.h"
#include "tests/support/suite.h"

#include <string.h>

#include "vmx-model/reasons.h"
#include "vmx-model/registers.h"

#define IRET "\xcf"
#define CALL_FAR(selector) "\x9a\x00\x00\x00\x00" selector
#define JMP_FAR(selector) "\xea\x00\x00\x00\x00" selector
#define JMP_FAR_RBX "\xff\x2b"

static struct valid_machine m;

enum { GDT = 0xb000, OLD_TSS = 0xc000 };

/* A 32-bit guest whose first 2 MBytes map to themselves. */
static void start(void)
{
    const uint64_t pdpte = 0xe001, pde = 0x83;
    running_guest(&m, VALID_PAE, 0, 0, 0);
    memcpy(m.memory + 0xe000, &pde, 8);
    m.cpu.state.pdpte[0] = pdpte;
    m.cpu.state.gdtr.base = GDT;
    m.cpu.state.gdtr.limit = 0x7f;
    m.cpu.state.seg[VMX_TR].base = OLD_TSS;
}

static void put_descriptor(unsigned selector, uint32_t low, uint32_t high)
{
    memcpy(m.memory + GDT + (selector & ~7u), &low, 4);
    memcpy(m.memory + GDT + (selector & ~7u) + 4, &high, 4);
}
/* A TSS of this type with DPL 0. */
static void put_tss(unsigned selector, uint32_t type, uint32_t limit, bool present)
{
    put_descriptor(selector, limit, (present ? 0x8000u : 0) | type << 8);
}

static void call_and_jmp_to_a_tss_exit(void)
{
    start();
    put_tss(0x40, 9, 0x67, true);
    struct vmx_outcome o = DECIDE(&m, CALL_FAR("\x40\x00"));
    CU_ASSERT(is_exit(&o, VMX_EXIT_TASK_SWITCH));
    CU_ASSERT_EQUAL(o.exit.qualification, 0x40);
    CU_ASSERT_EQUAL(o.exit.instruction_length, 7);
    o = DECIDE(&m, JMP_FAR("\x40\x00"));
    CU_ASSERT(is_exit(&o, VMX_EXIT_TASK_SWITCH) && o.exit.qualification == (UINT64_C(2) << 30 | 0x40));
    memcpy(m.memory + RUNNING_FREE, "\x00\x00\x00\x00\x40\x00", 6);
    m.cpu.state.gpr[VMX_RBX] = RUNNING_FREE;
    o = DECIDE(&m, JMP_FAR_RBX);
    CU_ASSERT(is_exit(&o, VMX_EXIT_TASK_SWITCH));
    m.cpu.operation = VMX_OPERATION_ROOT;
    o = DECIDE(&m, JMP_FAR("\x40\x00"));
    CU_ASSERT(is_run(&o));
}

static void the_new_tss_is_checked_before_the_exit(void)
{
    static const struct {
        uint32_t type, limit;
        bool present;
        unsigned vector; /* 0: exits */
    } rows[] = {{9, 0x67, true, 0},       {1, 0x2b, true, 0},      {11, 0x67, true, VMX_GP}, {3, 0x67, true, VMX_GP},
                {9, 0x67, false, VMX_NP}, {9, 0x66, true, VMX_TS}, {1, 0x2a, true, VMX_TS}};
    start();
    for (unsigned k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        put_tss(0x40, rows[k].type, rows[k].limit, rows[k].present);
        const struct vmx_outcome o = DECIDE(&m, CALL_FAR("\x40\x00"));
        CU_ASSERT(rows[k].vector == 0 ? is_exit(&o, VMX_EXIT_TASK_SWITCH) : is_fault(&o, rows[k].vector) && o.event.error_code == 0x40);
    }
    put_tss(0x40, 9, 0x67, true);
    struct vmx_outcome o = DECIDE(&m, CALL_FAR("\x43\x00")); /* RPL 3 */
    CU_ASSERT(is_fault(&o, VMX_GP));
    set_cpl(&m, 3);
    o = DECIDE(&m, CALL_FAR("\x40\x00"));
    CU_ASSERT(is_fault(&o, VMX_GP));
}

static void task_gates_lead_to_their_tss(void)
{
    start();
    put_tss(0x40, 9, 0x67, true);
    put_descriptor(0x48, 0x00400000, 0x8500);
    struct vmx_outcome o = DECIDE(&m, CALL_FAR("\x48\x00"));
    CU_ASSERT(is_exit(&o, VMX_EXIT_TASK_SWITCH) && o.exit.qualification == 0x40);
    put_descriptor(0x48, 0x00400000, 0x0500);
    o = DECIDE(&m, CALL_FAR("\x48\x00"));
    CU_ASSERT(is_fault(&o, VMX_NP) && o.event.error_code == 0x48);
    put_descriptor(0x48, 0x00440000, 0x8500); /* an LDT selector */
    o = DECIDE(&m, CALL_FAR("\x48\x00"));
    CU_ASSERT(is_fault(&o, VMX_GP) && o.event.error_code == 0x44);
    put_descriptor(0x48, 0x00800000, 0x8500); /* beyond the GDT */
    o = DECIDE(&m, CALL_FAR("\x48\x00"));
    CU_ASSERT(is_fault(&o, VMX_GP) && o.event.error_code == 0x80);
}

static void other_far_transfers_are_the_engines(void)
{
    start();
    put_descriptor(0x40, 0xffff, 0xcf9b00);
    struct vmx_outcome o = DECIDE(&m, JMP_FAR("\x40\x00"));
    CU_ASSERT(is_run(&o));
    o = DECIDE(&m, JMP_FAR("\x00\x00"));
    CU_ASSERT(is_run(&o));
    o = DECIDE(&m, JMP_FAR("\x80\x00"));
    CU_ASSERT(is_run(&o));
}

static void iret_follows_the_back_link(void)
{
    start();
    struct vmx_outcome o = DECIDE(&m, IRET);
    CU_ASSERT(is_run(&o));
    m.cpu.state.rflags |= VMX_RFLAGS_NT;
    m.memory[OLD_TSS] = 0x40;
    put_tss(0x40, 11, 0x67, true);
    o = DECIDE(&m, IRET);
    CU_ASSERT(is_exit(&o, VMX_EXIT_TASK_SWITCH) && o.exit.qualification == (UINT64_C(1) << 30 | 0x40));
    put_tss(0x40, 9, 0x67, true); /* not busy */
    o = DECIDE(&m, IRET);
    CU_ASSERT(is_fault(&o, VMX_TS) && o.event.error_code == 0x40);
    m.memory[OLD_TSS] = 0x44;
    o = DECIDE(&m, IRET);
    CU_ASSERT(is_fault(&o, VMX_TS));
    running_guest(&m, VALID_LONG, 0, 0, 0);
    m.cpu.state.rflags |= VMX_RFLAGS_NT;
    o = DECIDE(&m, IRET);
    CU_ASSERT(is_fault(&o, VMX_GP));
}

SUITE("vmx-model/decide_task", {"call_and_jmp_to_a_tss_exit", call_and_jmp_to_a_tss_exit},
      {"the_new_tss_is_checked_before_the_exit", the_new_tss_is_checked_before_the_exit},
      {"task_gates_lead_to_their_tss", task_gates_lead_to_their_tss}, {"other_far_transfers_are_the_engines", other_far_transfers_are_the_engines},
      {"iret_follows_the_back_link", iret_follows_the_back_link})
