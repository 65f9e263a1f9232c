/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Delivery outside IA-32e mode: 16- and 32-bit gates, privilege changes, task gates, virtual-8086 and real-address mode. */
#include <stdio.h>

#include "delivery.h"
#include "tests/support/suite.h"

static uint32_t slot32(gva_t sp, unsigned slot)
{
    return (uint32_t)(ram64(sp + 4 * slot) & UINT32_MAX);
}

static uint16_t slot16(gva_t sp, unsigned slot)
{
    return (uint16_t)ram64(sp + 2 * slot);
}

static void gates_of_32_bits_push_doublewords(void)
{
    struct vmx_event e = exception(VMX_GP);
    reset_delivery_32bit();
    e.error_code = 0x50;
    g.cpu.state.rflags |= VMX_RFLAGS_TF | VMX_RFLAGS_NT | VMX_RFLAGS_AC;
    const uint32_t flags = (uint32_t)(g.cpu.state.rflags | VMX_RFLAGS_RF);
    const struct vmx_outcome o = raise_event(e);
    const gva_t sp = STACK - 16;
    CU_ASSERT(o.kind == VMX_OUTCOME_DONE && g.cpu.state.rip == HANDLERS + VMX_GP && g.cpu.state.gpr[VMX_RSP] == sp);
    CU_ASSERT(slot32(sp, 0) == 0x50 && slot32(sp, 1) == CODE && slot32(sp, 2) == CODE0 && slot32(sp, 3) == flags);
    CU_ASSERT_EQUAL(g.cpu.state.rflags, 2 | VMX_RFLAGS_AC);
    CU_ASSERT_EQUAL(o.changed, VMX_GROUP_IP);
}

static void gates_of_16_bits_push_words(void)
{
    reset_delivery_32bit();
    gate32(0x41, GATE_TRAP16, CODE0, 0xabcd1234, 3);
    (void)raise_event(interrupt(0x41));
    const gva_t sp = STACK - 6;
    CU_ASSERT(g.cpu.state.rip == 0x1234 && g.cpu.state.gpr[VMX_RSP] == sp);
    CU_ASSERT(slot16(sp, 0) == CODE && slot16(sp, 1) == CODE0 && slot16(sp, 2) == (2 | VMX_RFLAGS_IF));
    CU_ASSERT_EQUAL(g.cpu.state.rflags, 2 | VMX_RFLAGS_IF);
}

static void inner_privilege_takes_its_stack_from_the_tss(void)
{
    reset_delivery_32bit();
    go_to_user();
    struct vmx_outcome o = raise_event(interrupt(0x41));
    const gva_t sp = STACK0 - 20;
    CU_ASSERT(g.cpu.state.gpr[VMX_RSP] == sp && slot32(sp, 4) == DATA3 && slot32(sp, 3) == STACK && slot32(sp, 1) == CODE3);
    CU_ASSERT(g.cpu.state.seg[VMX_SS].selector == DATA0 && vmx_cpl(&g.cpu.state) == 0 && g.cpu.state.seg[VMX_CS].access_rights == 0xc09b);
    CU_ASSERT((o.changed & VMX_GROUP_SEGMENTS) != 0);
    CU_ASSERT(g.ram[GDT + DATA0 + 5] == 0x93 && g.ram[GDT + CODE0 + 5] == 0x9b); /* both descriptors are accessed */
    reset_delivery_32bit();                                                      /* a 16-bit TSS */
    go_to_user();
    set_segment(VMX_TR, TR_SELECTOR, TSS, 0x2b, 0x83);
    set_ram32(TSS + 2, 0x8000 | DATA0 << 16);
    o = raise_event(interrupt(0x41));
    CU_ASSERT(o.kind == VMX_OUTCOME_DONE && g.cpu.state.gpr[VMX_RSP] == 0x8000 - 20 && g.cpu.state.seg[VMX_SS].selector == DATA0);
    reset_delivery_32bit(); /* level 1 has its own slot; a 16-bit gate pushes five words */
    go_to_user();
    gate32(0x41, GATE_INTERRUPT16, CODE1, HANDLERS, 3);
    set_ram32(TSS + 12, 0x27000);
    set_ram32(TSS + 16, 0x11);
    set_ram64(GDT + DATA0, ram64(GDT + DATA0) | UINT64_C(1) << 45);
    o = raise_event(interrupt(0x41));
    CU_ASSERT(o.kind == VMX_OUTCOME_DONE && g.cpu.state.gpr[VMX_RSP] == 0x27000 - 10 && vmx_cpl(&g.cpu.state) == 1);
    CU_ASSERT(slot16(0x27000 - 10, 4) == DATA3 && slot16(0x27000 - 10, 3) == (uint16_t)STACK);
}

static void conforming_code_keeps_level_and_stack(void)
{
    reset_delivery_32bit();
    go_to_user();
    gate32(0x41, GATE_INTERRUPT, CONFORMING, HANDLERS, 3);
    (void)raise_event(interrupt(0x41));
    CU_ASSERT(g.cpu.state.gpr[VMX_RSP] == STACK - 12 && vmx_cpl(&g.cpu.state) == 3 && g.cpu.state.seg[VMX_CS].selector == (CONFORMING | 3));
}

static void a_handler_may_begin_at_the_very_limit_of_its_segment(void)
{
    enum { LIMIT = 0xfff };
    reset_delivery_32bit();
    gate32(0x41, GATE_INTERRUPT, SHORT_CODE, LIMIT, 3);
    struct vmx_outcome o = raise_event(interrupt(0x41));
    CU_ASSERT(o.kind == VMX_OUTCOME_DONE && g.cpu.state.rip == LIMIT);
    reset_delivery_32bit();
    gate32(0x41, GATE_INTERRUPT, SHORT_CODE, LIMIT + 1, 3);
    intercept(1u << VMX_GP);
    o = raise_event(interrupt(0x41));
    CU_ASSERT(o.kind == VMX_OUTCOME_EXIT && o.exit.interruption_info == 0x80000b0d);
}

static void small_stacks_use_sp_only(void)
{
    reset_delivery_32bit();
    set_segment(VMX_SS, DATA0, 0x20000, 0xffff, 0x93);
    g.cpu.state.gpr[VMX_RSP] = 0x12340004;
    const struct vmx_outcome o = raise_event(interrupt(0x41)); /* the frame wraps at 64 KBytes */
    CU_ASSERT(o.kind == VMX_OUTCOME_DONE && g.cpu.state.gpr[VMX_RSP] == 0x1234fff8);
    CU_ASSERT(slot32(0x20000, 0) == (2 | VMX_RFLAGS_IF) && slot32(0x2fff8, 0) == CODE && slot32(0x2fffc, 0) == CODE0);
}

static void set_stack0(uint16_t selector)
{
    go_to_user();
    set_ram32(TSS + 8, selector);
}

/* Each row breaks one thing for external interrupt 41H. */
static void break_protected_mode(unsigned what)
{
    struct vmx_state *s = &g.cpu.state;
    switch (what) {
    case 0:
        s->idtr.limit = 0x41 * 8 + 6;
        break;
    case 1:
        gate32(0x41, 0x0c, CODE0, HANDLERS, 3); /* a call gate */
        break;
    case 2:
        g.ram[IDT + 0x41 * 8 + 5] &= 0x7f;
        break;
    case 3:
        gate32(0x41, GATE_INTERRUPT, 0, HANDLERS, 3);
        break;
    case 4:
        gate32(0x41, GATE_INTERRUPT, GDT_BYTES, HANDLERS, 3);
        break;
    case 5:
        gate32(0x41, GATE_INTERRUPT, DATA0, HANDLERS, 3);
        break;
    case 6:
        gate32(0x41, GATE_INTERRUPT, CODE3, HANDLERS, 3);
        break;
    case 7:
        gate32(0x41, GATE_INTERRUPT, ABSENT_CODE, HANDLERS, 3);
        break;
    case 8:
        gate32(0x41, GATE_INTERRUPT, SHORT_CODE, HANDLERS, 3);
        break;
    case 9:
        go_to_user();
        s->seg[VMX_TR].limit = 8;
        break;
    case 10:
        set_stack0(0);
        break;
    case 11:
        set_stack0(GDT_BYTES);
        break;
    case 12:
        set_stack0(DATA0 | 1);
        break;
    case 13:
        set_stack0(DATA3 & ~3);
        break;
    case 14:
        set_stack0(READ_ONLY);
        break;
    case 15:
        set_stack0(CODE0);
        break;
    case 16:
        set_stack0(ABSENT_STACK);
        break;
    case 17:
        set_stack0(SMALL_STACK);
        break;
    case 18:
        set_segment(VMX_SS, SMALL_STACK, 0, 0xff, 0x4093);
        break;
    case 19:
        set_segment(VMX_SS, DATA0, 0, 0x2ffff, 0xc097); /* expand-down: valid above its limit */
        break;
    }
}

static void faults_of_protected_mode_delivery_have_their_error_codes(void)
{
    static const struct {
        uint8_t vector;
        uint32_t error_code;
    } rows[] = {
        {VMX_GP, 0x41 * 8 + 3},
        {VMX_GP, 0x41 * 8 + 3},
        {VMX_NP, 0x41 * 8 + 3},
        {VMX_GP, 1},
        {VMX_GP, GDT_BYTES + 1},
        {VMX_GP, DATA0 + 1},
        {VMX_GP, 0x19},
        {VMX_NP, ABSENT_CODE + 1},
        {VMX_GP, 1},
        {VMX_TS, TR_SELECTOR + 1},
        {VMX_TS, 1},
        {VMX_TS, GDT_BYTES + 1},
        {VMX_TS, DATA0 + 1},
        {VMX_TS, 0x21},
        {VMX_TS, READ_ONLY + 1},
        {VMX_TS, CODE0 + 1},
        {VMX_SS_FAULT, ABSENT_STACK + 1},
        {VMX_SS_FAULT, SMALL_STACK + 1},
        {VMX_SS_FAULT, 1},
        {VMX_SS_FAULT, 1},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (unsigned software = 0; software < 2; software++) {
            reset_delivery_32bit();
            break_protected_mode(i);
            intercept(UINT32_MAX);
            const struct vmx_state before = g.cpu.state;
            const struct vmx_outcome o = raise_event(software ? event_of(0x41, VMX_EVENT_SOFTWARE_INTERRUPT, 2) : interrupt(0x41));
            const uint32_t code = software ? rows[i].error_code & ~1u : rows[i].error_code;
            CU_ASSERT_EQUAL(o.exit.interruption_info, 0x80000b00 | rows[i].vector);
            CU_ASSERT_EQUAL(o.exit.interruption_error_code, code);
            if (o.exit.interruption_info != (0x80000b00 | rows[i].vector) || o.exit.interruption_error_code != code)
                printf("\nrow %u: %x %x", i, o.exit.interruption_info, o.exit.interruption_error_code);
            CU_ASSERT_EQUAL(o.exit.idt_vectoring_info, software ? 0x80000441 : 0x80000041);
            CU_ASSERT(g.cpu.state.rip == before.rip && g.cpu.state.gpr[VMX_RSP] == before.gpr[VMX_RSP]);
        }
}

static void gate_to_task(uint16_t selector)
{
    reset_delivery_32bit();
    gate32(8, GATE_TASK, selector, 0, 0);
    gate32(0x41, GATE_TASK, selector, 0, 3);
    intercept(UINT32_MAX);
}

static void task_gates_exit(void)
{
    gate_to_task(TASK);
    struct vmx_outcome o = raise_event(interrupt(0x41));
    CU_ASSERT(o.kind == VMX_OUTCOME_EXIT && o.exit.reason == VMX_EXIT_TASK_SWITCH && o.exit.qualification == (TASK | UINT64_C(3) << 30));
    CU_ASSERT(o.exit.idt_vectoring_info == 0x80000041 && o.exit.valid == (VMX_VALID_QUALIFICATION | VMX_VALID_IDT_VECTORING));
    o = raise_event(event_of(0x41, VMX_EVENT_SOFTWARE_INTERRUPT, 2));
    CU_ASSERT((o.exit.valid & VMX_VALID_INSTRUCTION_LENGTH) != 0 && o.exit.instruction_length == 2 && g.cpu.state.rip == CODE);
    CU_ASSERT_EQUAL(g.cpu.state.rflags & VMX_RFLAGS_RF, 0);
    intercept(0);
    o = inject_event(exception(VMX_DF));
    CU_ASSERT(o.exit.reason == VMX_EXIT_TASK_SWITCH && o.exit.idt_vectoring_info == 0x80000b08);
}

static void task_gates_are_checked_first(void)
{
    static const struct {
        uint16_t selector;
        uint8_t vector;
        uint32_t error_code;
    } rows[] = {
        {0, VMX_GP, 1},
        {TASK | 4, VMX_GP, TASK + 5},
        {GDT_BYTES, VMX_GP, GDT_BYTES + 1},
        {CODE0, VMX_GP, CODE0 + 1},
        {BUSY_TASK, VMX_GP, BUSY_TASK + 1},
        {ABSENT_TASK, VMX_NP, ABSENT_TASK + 1},
        {SHORT_TASK, VMX_TS, SHORT_TASK + 1},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        gate_to_task(rows[i].selector);
        const struct vmx_outcome o = raise_event(interrupt(0x41));
        CU_ASSERT(o.exit.interruption_info == (0x80000b00 | rows[i].vector) && o.exit.interruption_error_code == rows[i].error_code);
    }
    gate_to_task(TASK);
    g.cpu.operation = VMX_OPERATION_OFF;
    CU_ASSERT_EQUAL(raise_event(interrupt(0x41)).kind, VMX_OUTCOME_SHUTDOWN);
}

static void virtual_8086_mode_is_left_with_all_segments_on_the_stack(void)
{
    reset_virtual_8086(0);
    const struct vmx_outcome o = raise_event(interrupt(0x41));
    const gva_t sp = STACK0 - 36;
    static const uint32_t frame[9] = {0x10, 0x100, 2 | 1 << 9 | 1 << 17, 0xff0, 0x200, 0x300, 0x303, 0x304, 0x305};
    CU_ASSERT(o.kind == VMX_OUTCOME_DONE && g.cpu.state.gpr[VMX_RSP] == sp && (o.changed & VMX_GROUP_SEGMENTS) != 0);
    for (unsigned i = 0; i < 9; i++)
        CU_ASSERT_EQUAL(slot32(sp, i), frame[i]);
    for (unsigned i = VMX_ES; i <= VMX_GS; i++)
        if (i != VMX_CS && i != VMX_SS)
            CU_ASSERT(g.cpu.state.seg[i].selector == 0 && (g.cpu.state.seg[i].access_rights & VMX_AR_UNUSABLE) != 0);
    CU_ASSERT((g.cpu.state.rflags & VMX_RFLAGS_VM) == 0 && vmx_cpl(&g.cpu.state) == 0 && g.cpu.state.seg[VMX_SS].selector == DATA0);
}

static void virtual_8086_mode_needs_a_handler_at_level_0(void)
{
    static const uint16_t selectors[] = {CODE3, CONFORMING, CODE1};
    for (unsigned i = 0; i < 3; i++) {
        reset_virtual_8086(3);
        gate32(0x41, GATE_INTERRUPT, selectors[i], HANDLERS, 3);
        intercept(UINT32_MAX);
        const struct vmx_outcome o = raise_event(interrupt(0x41));
        CU_ASSERT(o.exit.interruption_info == 0x80000b0d && o.exit.interruption_error_code == ((selectors[i] & ~3u) | 1));
    }
}

static void int_n_in_virtual_8086_mode_needs_iopl_3(void)
{
    const struct vmx_event int_n = event_of(0x41, VMX_EVENT_SOFTWARE_INTERRUPT, 2);
    for (unsigned iopl = 0; iopl < 4; iopl++) {
        reset_virtual_8086(iopl);
        intercept(1u << VMX_GP);
        struct vmx_outcome o = raise_event(int_n);
        CU_ASSERT_EQUAL(o.kind, iopl == 3 ? VMX_OUTCOME_DONE : VMX_OUTCOME_EXIT);
        if (iopl != 3)
            CU_ASSERT_EQUAL(o.exit.interruption_error_code, 0);
        reset_virtual_8086(iopl); /* injected: IOPL is not checked */
        o = inject_event(int_n);
        CU_ASSERT_EQUAL(o.kind, VMX_OUTCOME_DONE);
        reset_virtual_8086(iopl); /* INT3 does not depend on IOPL */
        o = raise_event(event_of(3, VMX_EVENT_SOFTWARE_EXCEPTION, 1));
        CU_ASSERT_EQUAL(o.kind, VMX_OUTCOME_DONE);
    }
}

static void redirection_bitmap_sends_int_n_to_the_program(void)
{
    const struct vmx_event int_n = event_of(0x41, VMX_EVENT_SOFTWARE_INTERRUPT, 2);
    for (unsigned iopl = 0; iopl < 4; iopl += 3)
        for (unsigned bit = 0; bit < 2; bit++) {
            reset_virtual_8086(iopl);
            g.cpu.state.cr4 = VMX_CR4_VME;
            g.cpu.state.rflags |= VMX_BIT(19); /* VIF */
            g.cpu.state.seg[VMX_TR].limit = 0xff;
            set_ram32(TSS + 100, 0x88u << 16);
            g.ram[TSS + 0x68 + 0x41 / 8] = (uint8_t)(bit << (0x41 & 7));
            set_ram32(4 * 0x41, 0x04000123);
            intercept(1u << VMX_GP);
            const struct vmx_outcome o = raise_event(int_n);
            if (bit == 1) { /* to the protected-mode handler, if IOPL allows */
                CU_ASSERT_EQUAL(o.kind, iopl == 3 ? VMX_OUTCOME_DONE : VMX_OUTCOME_EXIT);
                CU_ASSERT(iopl != 3 || g.cpu.state.rip == HANDLERS + 0x41);
                continue;
            }
            CU_ASSERT(o.kind == VMX_OUTCOME_DONE && g.cpu.state.rip == 0x123 && g.cpu.state.seg[VMX_CS].selector == 0x400);
            CU_ASSERT((g.cpu.state.rflags & VMX_RFLAGS_VM) != 0 && g.cpu.state.gpr[VMX_RSP] == 0xff0 - 6);
            CU_ASSERT(slot16(0x2000 + 0xfea, 0) == 0x12 && slot16(0x2000 + 0xfea, 1) == 0x100);
            CU_ASSERT_EQUAL(slot16(0x2000 + 0xfea, 2), 0x3202); /* IF as the program sees it, IOPL 3 */
            CU_ASSERT_EQUAL((g.cpu.state.rflags & VMX_RFLAGS_IF) != 0, iopl != 3);
            CU_ASSERT_EQUAL((g.cpu.state.rflags & VMX_BIT(19)) != 0, iopl == 3);
        }
}

static void real_mode_uses_the_vector_table(void)
{
    struct vmx_event e = exception(VMX_GP);
    reset_real();
    g.cpu.state.rflags |= VMX_RFLAGS_TF | VMX_RFLAGS_AC;
    struct vmx_outcome o = raise_event(e);
    CU_ASSERT(o.kind == VMX_OUTCOME_DONE && g.cpu.state.rip == 0x10d && g.cpu.state.seg[VMX_CS].selector == 0x400);
    CU_ASSERT(g.cpu.state.seg[VMX_CS].base == 0x4000 && g.cpu.state.gpr[VMX_RSP] == 0xff0 - 6 && g.cpu.state.rflags == 2);
    CU_ASSERT(slot16(0x2fea, 0) == 0x10 && slot16(0x2fea, 1) == 0x100 && slot16(0x2fea, 2) == 0x302);
    CU_ASSERT_EQUAL(o.changed, VMX_GROUP_IP | VMX_GROUP_SEGMENTS);
    reset_real(); /* the table may lie elsewhere */
    g.cpu.state.idtr.base = 0x8000;
    set_ram32(0x8000 + 4 * 0x20, 0x05000042);
    o = inject_event(event_of(0x20, VMX_EVENT_SOFTWARE_INTERRUPT, 2));
    CU_ASSERT(o.kind == VMX_OUTCOME_DONE && g.cpu.state.rip == 0x42 && g.cpu.state.seg[VMX_CS].base == 0x5000 && slot16(0x2fea, 0) == 0x12);
}

static void real_mode_faults_have_no_error_code(void)
{
    reset_real();
    g.cpu.state.idtr.limit = 0x41 * 4 + 2;
    intercept(1u << VMX_GP);
    struct vmx_outcome o = raise_event(interrupt(0x41));
    CU_ASSERT(o.exit.interruption_info == 0x8000030d && o.exit.idt_vectoring_info == 0x80000041);
    intercept(0); /* #GP is in the table; then it is not */
    o = raise_event(interrupt(0x41));
    CU_ASSERT(o.kind == VMX_OUTCOME_DONE && g.cpu.state.rip == 0x10d);
    reset_real();
    g.cpu.state.idtr.limit = 0;
    o = raise_event(interrupt(0x41));
    CU_ASSERT(o.kind == VMX_OUTCOME_EXIT && o.exit.reason == VMX_EXIT_TRIPLE_FAULT);
    reset_real(); /* a value across the end of the stack segment */
    g.cpu.state.gpr[VMX_RSP] = 1;
    intercept(1u << VMX_SS_FAULT);
    o = raise_event(interrupt(0x41));
    CU_ASSERT_EQUAL(o.exit.interruption_info, 0x8000030c);
    g.cpu.state.gpr[VMX_RSP] = 2; /* wrapping between values is fine */
    o = raise_event(interrupt(0x41));
    CU_ASSERT(o.kind == VMX_OUTCOME_DONE && g.cpu.state.gpr[VMX_RSP] == 0xfffc);
}

SUITE("vmx-model/deliver_protected", {"gates_of_32_bits_push_doublewords", gates_of_32_bits_push_doublewords},
      {"gates_of_16_bits_push_words", gates_of_16_bits_push_words},
      {"inner_privilege_takes_its_stack_from_the_tss", inner_privilege_takes_its_stack_from_the_tss},
      {"conforming_code_keeps_level_and_stack", conforming_code_keeps_level_and_stack}, {"small_stacks_use_sp_only", small_stacks_use_sp_only},
      {"a_handler_may_begin_at_the_very_limit_of_its_segment", a_handler_may_begin_at_the_very_limit_of_its_segment},
      {"faults_of_protected_mode_delivery_have_their_error_codes", faults_of_protected_mode_delivery_have_their_error_codes},
      {"task_gates_exit", task_gates_exit}, {"task_gates_are_checked_first", task_gates_are_checked_first},
      {"virtual_8086_mode_is_left_with_all_segments_on_the_stack", virtual_8086_mode_is_left_with_all_segments_on_the_stack},
      {"virtual_8086_mode_needs_a_handler_at_level_0", virtual_8086_mode_needs_a_handler_at_level_0},
      {"int_n_in_virtual_8086_mode_needs_iopl_3", int_n_in_virtual_8086_mode_needs_iopl_3},
      {"redirection_bitmap_sends_int_n_to_the_program", redirection_bitmap_sends_int_n_to_the_program},
      {"real_mode_uses_the_vector_table", real_mode_uses_the_vector_table},
      {"real_mode_faults_have_no_error_code", real_mode_faults_have_no_error_code})
