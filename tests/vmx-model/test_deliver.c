/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Events that exit directly, delivery in IA-32e mode, nested faults and their promotion, what exits of a delivery report. */
#include <stdio.h>

#include "delivery.h"
#include "tests/support/suite.h"

static uint64_t pushed(gva_t sp, unsigned slot)
{
    return ram64(sp + 8 * slot);
}

static void selected_events_exit_directly(void)
{
    struct vmx_event e = exception(VMX_GP);
    reset_delivery_64bit();
    e.error_code = 0x58;
    intercept(1u << VMX_GP);
    struct vmx_outcome o = raise_event(e);
    CU_ASSERT_EQUAL(o.kind, VMX_OUTCOME_EXIT);
    CU_ASSERT(o.exit.reason == VMX_EXIT_EXCEPTION_NMI && o.exit.interruption_info == 0x80000b0d && o.exit.interruption_error_code == 0x58);
    CU_ASSERT_EQUAL(o.exit.valid, VMX_VALID_QUALIFICATION | VMX_VALID_INTERRUPTION);
    CU_ASSERT(g.cpu.state.rip == CODE && g.cpu.vectoring_info == 0);
    g.cpu.nmi_unblocked_by_iret = true; /* bit 12: the faulting IRET removed blocking */
    o = raise_event(e);
    CU_ASSERT_EQUAL(o.exit.interruption_info, 0x80001b0d);
    g.cpu.nmi_unblocked_by_iret = false;
    g.cpu.operation = VMX_OPERATION_ROOT; /* there are no exits in root operation */
    o = raise_event(e);
    CU_ASSERT_EQUAL(o.kind, VMX_OUTCOME_DONE);
    reset_real(); /* no error code in real-address mode */
    intercept(1u << VMX_GP);
    o = raise_event(e);
    CU_ASSERT(o.exit.interruption_info == 0x8000030d && o.exit.interruption_error_code == 0);
}

static void every_type_of_event_has_its_control(void)
{
    static const struct {
        struct vmx_event event;
        uint32_t pin, bitmap;
        uint32_t info; /* 0: delivered */
    } rows[] = {
        {{.vector = 0x30, .type = 0}, 0, UINT32_MAX, 0},
        {{.vector = 0x30, .type = 0}, 1, 0, 0x80000030},
        {{.vector = 2, .type = 2}, 0, UINT32_MAX, 0},
        {{.vector = 2, .type = 2}, 1 << 3, 0, 0x80000202},
        {{.vector = 6, .type = 3}, UINT32_MAX, ~(1u << 6), 0},
        {{.vector = 6, .type = 3}, 0, 1u << 6, 0x80000306},
        {{.vector = 3, .type = 4, .instruction_length = 2}, 0, UINT32_MAX, 0},
        {{.vector = 1, .type = 5, .instruction_length = 1}, 0, 1u << 1, 0x80000501},
        {{.vector = 3, .type = 6, .instruction_length = 1}, 0, 1u << 3, 0x80000603},
        {{.vector = 4, .type = 6, .instruction_length = 1}, 0, 1u << 4, 0x80000604},
        {{.vector = 18, .type = 3}, 0, 1u << 18, 0x80000312},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        reset_delivery_64bit();
        g.vmcs.field[VMCS_PIN_BASED_VM_EXEC_CONTROL] = rows[i].pin;
        g.vmcs.field[VMCS_VM_EXIT_CONTROLS] = VMX_EXITCTL_ACK_INTR_ON_EXIT;
        intercept(rows[i].bitmap);
        struct vmx_outcome o = raise_event(rows[i].event);
        CU_ASSERT_EQUAL(o.kind, rows[i].info != 0 ? VMX_OUTCOME_EXIT : VMX_OUTCOME_DONE);
        CU_ASSERT_EQUAL(o.exit.interruption_info, rows[i].info);
        const bool length = rows[i].info != 0 && rows[i].event.type >= 4;
        CU_ASSERT_EQUAL(o.exit.instruction_length, length ? rows[i].event.instruction_length : 0);
        CU_ASSERT_EQUAL((o.exit.valid & VMX_VALID_INSTRUCTION_LENGTH) != 0, length);
        reset_delivery_64bit(); /* an injected event never exits directly */
        g.vmcs.field[VMCS_PIN_BASED_VM_EXEC_CONTROL] = rows[i].pin;
        intercept(rows[i].bitmap);
        o = inject_event(rows[i].event);
        CU_ASSERT_EQUAL(o.kind, VMX_OUTCOME_DONE);
    }
    reset_delivery_64bit(); /* without "acknowledge interrupt on exit" there is no interruption information */
    g.vmcs.field[VMCS_PIN_BASED_VM_EXEC_CONTROL] = 1;
    const struct vmx_outcome o = raise_event(interrupt(0x30));
    CU_ASSERT(o.exit.reason == VMX_EXIT_EXTERNAL_INTERRUPT && o.exit.interruption_info == 0 && (o.exit.valid & VMX_VALID_INTERRUPTION) == 0);
}

static void page_faults_are_filtered_by_mask_and_match(void)
{
    static const struct {
        uint32_t bitmap, mask, match, code;
        bool exits;
    } rows[] = {
        {1u << 14, 0, 0, 7, true},          {1u << 14, 0, UINT32_MAX, 7, false}, {0, 0, 0, 7, false},          {0, 0, UINT32_MAX, 7, true},
        {1u << 14, 0x10, 0x10, 0x15, true}, {1u << 14, 0x10, 0x10, 5, false},    {0, 0x10, 0x10, 0x15, false}, {0, 0x10, 0x10, 5, true},
        {1u << 14, 3, 2, 6, true},          {1u << 14, 3, 2, 7, false},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct vmx_event e = exception(VMX_PF);
        reset_delivery_64bit();
        intercept(rows[i].bitmap);
        g.vmcs.field[VMCS_PAGE_FAULT_ERROR_CODE_MASK] = rows[i].mask;
        g.vmcs.field[VMCS_PAGE_FAULT_ERROR_CODE_MATCH] = rows[i].match;
        e.error_code = rows[i].code;
        e.payload = 0x123456;
        const struct vmx_outcome o = raise_event(e);
        CU_ASSERT_EQUAL(o.kind, rows[i].exits ? VMX_OUTCOME_EXIT : VMX_OUTCOME_DONE);
        CU_ASSERT_EQUAL(g.cpu.state.cr2, rows[i].exits ? 0 : 0x123456); /* CR2 only by delivery */
        if (rows[i].exits)
            CU_ASSERT(o.exit.qualification == 0x123456 && o.exit.interruption_error_code == rows[i].code);
    }
}

static void debug_exceptions_report_or_record_their_causes(void)
{
    struct vmx_event e = exception(VMX_DB);
    e.payload = 0x4002;
    reset_delivery_64bit();
    intercept(1u << VMX_DB);
    g.cpu.state.dr[7] = 0x2400;
    struct vmx_outcome o = raise_event(e);
    CU_ASSERT(o.exit.qualification == 0x4002 && g.cpu.state.dr[6] == 0xffff0ff0 && g.cpu.state.dr[7] == 0x2400);
    intercept(0);
    g.cpu.state.dr[6] = 0xffff0ff1; /* an old B0 */
    g.cpu.state.debugctl = 3;
    o = raise_event(e);
    CU_ASSERT(o.kind == VMX_OUTCOME_DONE && (o.changed & VMX_GROUP_DEBUG) != 0);
    CU_ASSERT_EQUAL(g.cpu.state.dr[6], 0xffff4ff2);
    CU_ASSERT_EQUAL(g.cpu.state.dr[7], 0x400); /* GD ends */
    CU_ASSERT_EQUAL(g.cpu.state.debugctl, 0);  /* LBR and BTF end */
    reset_delivery_64bit();
    e.payload = 0x10800; /* bus lock and RTM: inverted in DR6 */
    (void)raise_event(e);
    CU_ASSERT_EQUAL(g.cpu.state.dr[6], 0xfffe07f0);
    reset_delivery_64bit();
    g.cpu.state.dr[7] = 0x2400;
    (void)inject_event(e);
    CU_ASSERT(g.cpu.state.dr[6] == 0xffff0ff0 && g.cpu.state.dr[7] == 0x2400);
}

static void long_mode_pushes_an_aligned_frame(void)
{
    reset_delivery_64bit();
    g.cpu.state.rflags |= VMX_RFLAGS_TF | VMX_RFLAGS_NT | VMX_RFLAGS_RF;
    const uint64_t flags = g.cpu.state.rflags;
    const struct vmx_outcome o = raise_event(interrupt(0x41));
    const gva_t sp = (STACK & ~15) - 40;
    CU_ASSERT(o.kind == VMX_OUTCOME_DONE && g.cpu.state.rip == HANDLERS + 0x41 && g.cpu.state.gpr[VMX_RSP] == sp);
    CU_ASSERT(pushed(sp, 0) == CODE && pushed(sp, 1) == CODE0 && pushed(sp, 2) == flags && pushed(sp, 3) == STACK && pushed(sp, 4) == DATA0);
    CU_ASSERT_EQUAL(g.cpu.state.rflags, 2);
    CU_ASSERT_EQUAL(o.changed, VMX_GROUP_IP); /* the same segments */
    CU_ASSERT_EQUAL(g.cpu.vectoring_info, 0);
    CU_ASSERT_EQUAL(ram64(GDT + CODE0) >> 40 & 1, 1); /* the descriptor is accessed */
}

static void trap_gates_keep_the_interrupt_flag(void)
{
    reset_delivery_64bit();
    gate64(0x41, GATE_TRAP, CODE0, HANDLERS, 0, 0);
    (void)raise_event(interrupt(0x41));
    CU_ASSERT_EQUAL(g.cpu.state.rflags, 2 | VMX_RFLAGS_IF);
}

static void faults_push_rf_and_error_code(void)
{
    struct vmx_event e = exception(VMX_GP);
    reset_delivery_64bit();
    e.error_code = 0x1234;
    (void)raise_event(e);
    const gva_t sp = (STACK & ~15) - 48;
    CU_ASSERT(pushed(sp, 0) == 0x1234 && pushed(sp, 1) == CODE && pushed(sp, 3) == (2 | VMX_RFLAGS_IF | VMX_RFLAGS_RF));
    reset_delivery_64bit(); /* injected: the flags as they were loaded */
    (void)inject_event(e);
    CU_ASSERT_EQUAL(pushed(sp, 3), 2 | VMX_RFLAGS_IF);
    reset_delivery_64bit(); /* #DB is a trap, unless debug registers were accessed */
    e = exception(VMX_DB);
    (void)raise_event(e);
    CU_ASSERT_EQUAL(pushed((STACK & ~15) - 40, 2), 2 | VMX_RFLAGS_IF);
    reset_delivery_64bit();
    e.payload = VMX_DB_BD;
    (void)raise_event(e);
    CU_ASSERT_EQUAL(pushed((STACK & ~15) - 40, 2), 2 | VMX_RFLAGS_IF | VMX_RFLAGS_RF);
}

static void software_events_push_the_next_instruction(void)
{
    static const struct {
        enum vmx_event_type type;
        uint64_t rip;
    } rows[] = {
        {VMX_EVENT_EXTERNAL_INTERRUPT, CODE},
        {VMX_EVENT_NMI, CODE},
        {VMX_EVENT_HARDWARE_EXCEPTION, CODE},
        {VMX_EVENT_SOFTWARE_INTERRUPT, CODE + 2},
        {VMX_EVENT_PRIVILEGED_SOFTWARE_EXCEPTION, CODE + 2},
        {VMX_EVENT_SOFTWARE_EXCEPTION, CODE + 2},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (unsigned injected = 0; injected < 2; injected++) {
            struct vmx_event e = event_of(3, rows[i].type, 2);
            reset_delivery_64bit();
            (void)vmx_raise(&g.cpu, &e, injected != 0);
            CU_ASSERT_EQUAL(pushed((STACK & ~15) - 40, 0), rows[i].rip);
        }
}

static void stacks_come_from_the_tss(void)
{
    reset_delivery_64bit();
    go_to_user();
    struct vmx_outcome o = raise_event(interrupt(0x41));
    CU_ASSERT(g.cpu.state.gpr[VMX_RSP] == STACK0 - 40 && pushed(STACK0 - 40, 4) == DATA3 && pushed(STACK0 - 40, 1) == CODE3);
    CU_ASSERT(g.cpu.state.seg[VMX_SS].selector == 0 && (g.cpu.state.seg[VMX_SS].access_rights & VMX_AR_UNUSABLE) != 0);
    CU_ASSERT(vmx_cpl(&g.cpu.state) == 0 && g.cpu.state.seg[VMX_CS].selector == CODE0 && (o.changed & VMX_GROUP_SEGMENTS) != 0);
    reset_delivery_64bit(); /* conforming code stays at the level of the program, on its stack */
    go_to_user();
    gate64(0x41, GATE_INTERRUPT, CONFORMING, HANDLERS, 3, 0);
    (void)raise_event(interrupt(0x41));
    CU_ASSERT(g.cpu.state.gpr[VMX_RSP] == (STACK & ~15) - 40 && vmx_cpl(&g.cpu.state) == 3 && g.cpu.state.seg[VMX_CS].selector == (CONFORMING | 3));
    reset_delivery_64bit(); /* the interrupt stack table, at the same level too */
    gate64(0x41, GATE_INTERRUPT, CODE0, HANDLERS, 3, 1);
    (void)raise_event(interrupt(0x41));
    CU_ASSERT(g.cpu.state.gpr[VMX_RSP] == IST_STACK - 40 && g.cpu.state.seg[VMX_SS].selector == DATA0);
}

/* Each row breaks one thing; the fault of the delivery of external interrupt 41H is intercepted. */
enum broken {
    IDT_LIMIT,
    GATE_TYPE,
    GATE_ABSENT,
    CS_NULL,
    CS_BEYOND,
    CS_DATA,
    CS_OUTER,
    CS_32BIT,
    CS_ABSENT,
    TSS_LIMIT,
    TSS_UNUSABLE,
    RSP0_NOT_CANONICAL,
    RSP_NOT_CANONICAL,
    OFFSET_NOT_CANONICAL,
    IDT_UNMAPPED,
    LDT_UNUSABLE
};

static void break_long_mode(enum broken what)
{
    struct vmx_state *s = &g.cpu.state;
    switch (what) {
    case IDT_LIMIT:
        s->idtr.limit = 0x41 * 16 + 14;
        break;
    case GATE_TYPE:
        gate64(0x41, GATE_INTERRUPT16, CODE0, HANDLERS, 3, 0);
        break;
    case GATE_ABSENT:
        g.ram[IDT + 0x41 * 16 + 5] &= 0x7f;
        break;
    case CS_NULL:
        gate64(0x41, GATE_INTERRUPT, 3, HANDLERS, 3, 0);
        break;
    case CS_BEYOND:
        gate64(0x41, GATE_INTERRUPT, GDT_BYTES, HANDLERS, 3, 0);
        break;
    case CS_DATA:
        gate64(0x41, GATE_INTERRUPT, DATA0, HANDLERS, 3, 0);
        break;
    case CS_OUTER:
        gate64(0x41, GATE_INTERRUPT, CODE3, HANDLERS, 3, 0);
        break;
    case CS_32BIT:
        gate64(0x41, GATE_INTERRUPT, CODE32, HANDLERS, 3, 0);
        break;
    case CS_ABSENT:
        gate64(0x41, GATE_INTERRUPT, ABSENT_CODE, HANDLERS, 3, 0);
        break;
    case TSS_LIMIT:
        go_to_user();
        s->seg[VMX_TR].limit = 10;
        break;
    case TSS_UNUSABLE:
        go_to_user();
        s->seg[VMX_TR].access_rights |= VMX_AR_UNUSABLE;
        break;
    case RSP0_NOT_CANONICAL:
        go_to_user();
        set_ram64(TSS + 4, UINT64_C(0x800000000000));
        break;
    case RSP_NOT_CANONICAL:
        s->gpr[VMX_RSP] = UINT64_C(0x800000001000);
        break;
    case OFFSET_NOT_CANONICAL:
        gate64(0x41, GATE_INTERRUPT, CODE0, UINT64_C(0x800000000000), 3, 0);
        break;
    case IDT_UNMAPPED:
        s->idtr.base = UNMAPPED;
        break;
    case LDT_UNUSABLE:
        gate64(0x41, GATE_INTERRUPT, 0xc, HANDLERS, 3, 0);
        break;
    }
}

static void faults_of_long_mode_delivery_have_their_error_codes(void)
{
    static const struct {
        enum broken what;
        uint8_t vector;
        uint32_t error_code; /* for an external interrupt: EXT set */
    } rows[] = {
        {IDT_LIMIT, VMX_GP, 0x41 * 8 + 3},
        {GATE_TYPE, VMX_GP, 0x41 * 8 + 3},
        {GATE_ABSENT, VMX_NP, 0x41 * 8 + 3},
        {CS_NULL, VMX_GP, 1},
        {CS_BEYOND, VMX_GP, GDT_BYTES + 1},
        {CS_DATA, VMX_GP, DATA0 + 1},
        {CS_OUTER, VMX_GP, 0x19},
        {CS_32BIT, VMX_GP, CODE32 + 1},
        {CS_ABSENT, VMX_NP, ABSENT_CODE + 1},
        {TSS_LIMIT, VMX_TS, TR_SELECTOR + 1},
        {TSS_UNUSABLE, VMX_TS, TR_SELECTOR + 1},
        {RSP0_NOT_CANONICAL, VMX_SS_FAULT, 1},
        {RSP_NOT_CANONICAL, VMX_SS_FAULT, 1},
        {OFFSET_NOT_CANONICAL, VMX_GP, 1},
        {IDT_UNMAPPED, VMX_PF, 0},
        {LDT_UNUSABLE, VMX_GP, 0xd},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (unsigned software = 0; software < 2; software++) {
            reset_delivery_64bit();
            break_long_mode(rows[i].what);
            intercept(UINT32_MAX);
            const struct vmx_state before = g.cpu.state;
            const struct vmx_outcome o = raise_event(software ? event_of(0x41, VMX_EVENT_SOFTWARE_INTERRUPT, 2) : interrupt(0x41));
            const uint32_t code = software ? rows[i].error_code & ~1u : rows[i].error_code;
            CU_ASSERT_EQUAL(o.kind, VMX_OUTCOME_EXIT);
            CU_ASSERT_EQUAL(o.exit.interruption_info, 0x80000b00 | rows[i].vector);
            CU_ASSERT_EQUAL(o.exit.interruption_error_code, code);
            if (o.exit.interruption_info != (0x80000b00 | rows[i].vector) || o.exit.interruption_error_code != code)
                printf("\nrow %u: %x %x", i, o.exit.interruption_info, o.exit.interruption_error_code);
            CU_ASSERT_EQUAL(o.exit.idt_vectoring_info, software ? 0x80000441 : 0x80000041);
            CU_ASSERT_EQUAL((o.exit.valid & VMX_VALID_INSTRUCTION_LENGTH) != 0, software != 0);
            CU_ASSERT_EQUAL(o.exit.instruction_length, software ? 2 : 0);
            CU_ASSERT(g.cpu.state.rip == before.rip && g.cpu.state.gpr[VMX_RSP] == before.gpr[VMX_RSP] && g.cpu.state.cr2 == 0);
        }
}

static void software_events_need_the_gates_privilege(void)
{
    static const struct {
        enum vmx_event_type type;
        bool checked;
    } rows[] = {{VMX_EVENT_EXTERNAL_INTERRUPT, false},
                {VMX_EVENT_NMI, false},
                {VMX_EVENT_HARDWARE_EXCEPTION, false},
                {VMX_EVENT_SOFTWARE_INTERRUPT, true},
                {VMX_EVENT_PRIVILEGED_SOFTWARE_EXCEPTION, false},
                {VMX_EVENT_SOFTWARE_EXCEPTION, true}};
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        reset_delivery_64bit();
        go_to_user();
        gate64(4, GATE_INTERRUPT, CODE0, HANDLERS, 2, 0);
        intercept(1u << VMX_GP);
        const struct vmx_outcome o = inject_event(event_of(4, rows[i].type, 1));
        CU_ASSERT_EQUAL(o.kind, rows[i].checked ? VMX_OUTCOME_EXIT : VMX_OUTCOME_DONE);
        if (rows[i].checked)
            CU_ASSERT(o.exit.interruption_error_code == 4 * 8 + 2 && o.exit.interruption_info == 0x80000b0d);
    }
}

/* Second faults that a delivery can meet, made by the gate of the first event. */
static void spoil_gate(unsigned vector, uint8_t second)
{
    switch (second) {
    case VMX_TS:
        g.cpu.state.seg[VMX_TR].limit = 0x57;
        gate64(vector, GATE_INTERRUPT, CODE0, HANDLERS + vector, 3, 7);
        break;
    case VMX_NP:
        g.ram[IDT + vector * 16 + 5] &= 0x7f;
        break;
    case VMX_SS_FAULT:
        gate64(vector, GATE_INTERRUPT, CODE0, HANDLERS + vector, 3, 3);
        break;
    case VMX_GP:
        gate64(vector, GATE_INTERRUPT16, CODE0, HANDLERS + vector, 3, 0);
        break;
    default:
        gate64(vector, GATE_INTERRUPT, CODE0, HANDLERS + vector, 3, 2); /* #PF: its stack is not mapped */
    }
}

enum after { THE_SECOND, A_DOUBLE_FAULT, A_TRIPLE_FAULT };

static enum after promoted(const struct vmx_event *first, uint8_t second)
{
    const bool page_fault = second == VMX_PF;
    const bool contributory =
        first->type == VMX_EVENT_HARDWARE_EXCEPTION && (first->vector == 0 || (first->vector >= 10 && first->vector <= 13) || first->vector == 21);
    const bool paging = first->type == VMX_EVENT_HARDWARE_EXCEPTION && (first->vector == 14 || first->vector == 20);
    if (first->type == VMX_EVENT_HARDWARE_EXCEPTION && first->vector == 8)
        return A_TRIPLE_FAULT;
    if (paging || (contributory && !page_fault))
        return A_DOUBLE_FAULT;
    return THE_SECOND;
}

static void check_promotion(struct vmx_event first, uint8_t second)
{
    const enum after expected = promoted(&first, second);
    reset_delivery_64bit();
    spoil_gate(first.vector, second);
    intercept(1u << VMX_DF);
    if (expected == THE_SECOND && first.vector != second)
        gate64(second, GATE_INTERRUPT, CODE0, HANDLERS + second, 3, 0);
    if (expected == A_TRIPLE_FAULT)
        intercept(0);
    const struct vmx_outcome o = inject_event(first);
    switch (expected) {
    case THE_SECOND:
        if (first.vector == second) { /* the same gate again, as a fault of its own: now it promotes */
            CU_ASSERT(o.kind == VMX_OUTCOME_EXIT && o.exit.interruption_info == 0x80000b08);
            break;
        }
        CU_ASSERT_EQUAL(o.kind, VMX_OUTCOME_DONE);
        CU_ASSERT_EQUAL(g.cpu.state.rip, (uint64_t)HANDLERS + second);
        break;
    case A_DOUBLE_FAULT:
        CU_ASSERT(o.kind == VMX_OUTCOME_EXIT && o.exit.reason == VMX_EXIT_EXCEPTION_NMI && o.exit.interruption_info == 0x80000b08);
        CU_ASSERT(o.exit.interruption_error_code == 0 && (o.exit.valid & VMX_VALID_IDT_VECTORING) == 0);
        break;
    case A_TRIPLE_FAULT:
        CU_ASSERT(o.kind == VMX_OUTCOME_EXIT && o.exit.reason == VMX_EXIT_TRIPLE_FAULT && (o.exit.valid & VMX_VALID_IDT_VECTORING) == 0);
        break;
    }
}

static void every_pair_of_the_double_fault_table(void)
{
    static const uint8_t seconds[] = {VMX_TS, VMX_NP, VMX_SS_FAULT, VMX_GP, VMX_PF};
    for (unsigned i = 0; i < sizeof seconds; i++) {
        for (uint8_t vector = 0; vector < 32; vector++)
            if (vector != 2)
                check_promotion(exception(vector), seconds[i]);
        check_promotion(interrupt(0x20), seconds[i]);
        check_promotion(event_of(2, VMX_EVENT_NMI, 0), seconds[i]);
        check_promotion(event_of(VMX_GP, VMX_EVENT_SOFTWARE_INTERRUPT, 2), seconds[i]); /* INT 13 is no contributory exception */
        check_promotion(event_of(1, VMX_EVENT_PRIVILEGED_SOFTWARE_EXCEPTION, 1), seconds[i]);
        check_promotion(event_of(3, VMX_EVENT_SOFTWARE_EXCEPTION, 1), seconds[i]);
    }
}

static void bitmap_is_asked_before_promotion(void)
{
    struct vmx_event e = exception(VMX_PF);
    e.error_code = 2;
    e.payload = 0x7000;
    reset_delivery_64bit();
    spoil_gate(VMX_PF, VMX_NP);
    intercept(1u << VMX_NP | 1u << VMX_DF);
    g.vmcs.field[VMCS_PAGE_FAULT_ERROR_CODE_MATCH] = 0;
    const struct vmx_outcome o = raise_event(e);
    CU_ASSERT(o.exit.interruption_info == 0x80000b0b && o.exit.interruption_error_code == VMX_PF * 8 + 3);
    CU_ASSERT(o.exit.idt_vectoring_info == 0x80000b0e && o.exit.idt_vectoring_error_code == 2);
    CU_ASSERT_EQUAL(g.cpu.state.cr2, 0x7000); /* the first #PF was under way */
    CU_ASSERT((g.cpu.unsaved & VMX_GROUP_MSR) != 0 && (g.cpu.stale & VMX_GROUP_MSR) != 0);
}

static void fault_during_double_fault_delivery(void)
{
    reset_delivery_64bit();
    spoil_gate(VMX_GP, VMX_NP); /* #GP, #NP: #DF, whose own gate is bad */
    spoil_gate(VMX_DF, VMX_GP);
    struct vmx_outcome o = raise_event(exception(VMX_GP));
    CU_ASSERT_EQUAL(o.exit.reason, VMX_EXIT_TRIPLE_FAULT);
    CU_ASSERT_EQUAL(o.exit.valid, VMX_VALID_QUALIFICATION);
    intercept(1u << VMX_GP); /* now the exit of the last #GP: its EXT bit is 1, #DF was being delivered */
    const struct vmx_event first = exception(VMX_GP);
    o = vmx_raise(&g.cpu, &first, true);
    CU_ASSERT(o.exit.interruption_info == 0x80000b0d && o.exit.interruption_error_code == VMX_DF * 8 + 3);
    CU_ASSERT(o.exit.idt_vectoring_info == 0x80000b08 && o.exit.idt_vectoring_error_code == 0);
    g.cpu.operation = VMX_OPERATION_OFF;
    o = raise_event(exception(VMX_GP));
    CU_ASSERT_EQUAL(o.kind, VMX_OUTCOME_SHUTDOWN);
}

static void serial_faults_describe_the_last_delivery(void)
{
    reset_delivery_64bit();
    spoil_gate(0x41, VMX_NP); /* the interrupt meets #NP, whose stack is not mapped */
    spoil_gate(VMX_NP, VMX_PF);
    intercept(1u << VMX_PF);
    const struct vmx_outcome o = raise_event(interrupt(0x41));
    CU_ASSERT(o.exit.interruption_info == 0x80000b0e && o.exit.qualification == UNMAPPED - 8);
    CU_ASSERT(o.exit.idt_vectoring_info == 0x80000b0b && o.exit.idt_vectoring_error_code == 0x41 * 8 + 3);
    CU_ASSERT_EQUAL(g.cpu.state.cr2, 0);
}

static void second_page_fault_writes_cr2_when_promoted(void)
{
    struct vmx_event e = exception(VMX_PF);
    e.payload = 0x7000;
    reset_delivery_64bit();
    spoil_gate(VMX_PF, VMX_PF);
    const struct vmx_outcome o = raise_event(e);
    CU_ASSERT(o.kind == VMX_OUTCOME_DONE && g.cpu.state.rip == HANDLERS + VMX_DF && g.cpu.state.cr2 == UNMAPPED - 8);
}

static void nested_fault_pushes_the_instruction_itself(void)
{
    reset_delivery_64bit();
    spoil_gate(0x41, VMX_NP);
    (void)raise_event(event_of(0x41, VMX_EVENT_SOFTWARE_INTERRUPT, 2));
    const gva_t sp = (STACK & ~15) - 48;
    CU_ASSERT(g.cpu.state.rip == HANDLERS + VMX_NP && pushed(sp, 0) == 0x41 * 8 + 2 && pushed(sp, 1) == CODE);
    CU_ASSERT_EQUAL(pushed(sp, 3), 2 | VMX_RFLAGS_IF | VMX_RFLAGS_RF);
}

static void ept_exits_of_a_delivery_name_its_event(void)
{
    struct vmx_event e = exception(VMX_PF);
    e.payload = 0x7000;
    e.error_code = 4;
    reset_delivery_64bit();
    secondary(VMX_SEC_ENABLE_EPT | VMX_SEC_EPT_VIOLATION_VE, true);
    ept_map_guest();
    intercept(1u << VMX_PF);
    g.vmcs.field[VMCS_PAGE_FAULT_ERROR_CODE_MATCH] = UINT32_MAX;
    set_ram64(ept_entry(IDT, 1), 0);
    const struct vmx_outcome o = raise_event(e);
    CU_ASSERT(o.kind == VMX_OUTCOME_EXIT && o.exit.reason == VMX_EXIT_EPT_VIOLATION && o.exit.qualification == 0x181);
    CU_ASSERT(o.exit.idt_vectoring_info == 0x80000b0e && o.exit.idt_vectoring_error_code == 4);
    CU_ASSERT(o.exit.guest_physical == IDT + 14 * 16 && o.exit.guest_linear == IDT + 14 * 16);
    CU_ASSERT(g.cpu.state.cr2 == 0x7000 && g.cpu.state.rip == CODE && g.cpu.vectoring_info == 0);
    CU_ASSERT((g.cpu.state.rflags & VMX_RFLAGS_RF) != 0); /* as the #PF would have pushed it */
}

static void the_first_value_that_cannot_be_pushed_is_reported(void)
{
    const gva_t page = STACK & ~(gva_t)0xfff;
    reset_delivery_64bit();
    secondary(VMX_SEC_ENABLE_EPT, true);
    ept_map_guest();
    g.cpu.state.gpr[VMX_RSP] = page + 16;
    set_ram64(ept_entry(page, 1), 0);
    struct vmx_outcome o = raise_event(interrupt(0x41));
    CU_ASSERT(o.kind == VMX_OUTCOME_EXIT && o.exit.reason == VMX_EXIT_EPT_VIOLATION);
    CU_ASSERT_EQUAL(o.exit.guest_linear, page + 8); /* SS */
    reset_delivery_64bit();
    secondary(VMX_SEC_ENABLE_EPT, true);
    ept_map_guest();
    g.cpu.state.gpr[VMX_RSP] = page + 16;
    set_ram64(ept_entry(page - 1, 1), 0);
    o = raise_event(interrupt(0x41));
    CU_ASSERT(o.kind == VMX_OUTCOME_EXIT && o.exit.reason == VMX_EXIT_EPT_VIOLATION);
    CU_ASSERT_EQUAL(o.exit.guest_linear, page - 8); /* RFLAGS, behind SS and RSP */
}

static void apic_accesses_of_a_delivery_have_type_3(void)
{
    reset_delivery_64bit();
    secondary(VMX_SEC_VIRTUALIZE_APIC_ACCESSES, true);
    g.vmcs.field[VMCS_APIC_ACCESS_ADDR] = STACK & ~0xfff;
    const struct vmx_outcome o = raise_event(interrupt(0x41));
    CU_ASSERT(o.exit.reason == VMX_EXIT_APIC_ACCESS && o.exit.qualification == (0x3000 | (((STACK & ~15) - 8) & 0xfff)));
    CU_ASSERT_EQUAL(o.exit.idt_vectoring_info, 0x80000041);
}

static void nmi_delivery_blocks_nmis(void)
{
    for (unsigned injected = 0; injected < 2; injected++) {
        const struct vmx_event nmi = event_of(2, VMX_EVENT_NMI, 0);
        reset_delivery_64bit();
        const struct vmx_outcome o = vmx_raise(&g.cpu, &nmi, injected != 0);
        CU_ASSERT(o.kind == VMX_OUTCOME_DONE && (o.changed & VMX_GROUP_EVENT) != 0);
        CU_ASSERT_EQUAL(g.cpu.state.interruptibility, VMX_BLOCKING_BY_NMI);
    }
    reset_delivery_64bit(); /* even if its delivery exits */
    spoil_gate(2, VMX_NP);
    intercept(1u << VMX_NP);
    const struct vmx_outcome o = inject_event(event_of(2, VMX_EVENT_NMI, 0));
    CU_ASSERT(o.exit.idt_vectoring_info == 0x80000202 && g.cpu.state.interruptibility == VMX_BLOCKING_BY_NMI);
    CU_ASSERT((g.cpu.unsaved & VMX_GROUP_EVENT) != 0);
}

static void delivery_ends_blocking_and_inactivity(void)
{
    reset_delivery_64bit();
    g.cpu.state.interruptibility = VMX_BLOCKING_BY_STI | VMX_BLOCKING_BY_MOV_SS;
    g.cpu.state.activity = VMX_HLT;
    const struct vmx_outcome o = raise_event(interrupt(0x41));
    CU_ASSERT(g.cpu.state.interruptibility == 0 && g.cpu.state.activity == VMX_ACTIVE && (o.changed & VMX_GROUP_EVENT) != 0);
}

static void smap_lets_delivery_use_user_stacks_only_with_ac(void)
{
    reset_delivery_64bit();
    g.cpu.state.cr4 |= VMX_CR4_SMAP;
    intercept(1u << VMX_PF);
    struct vmx_outcome o = raise_event(interrupt(0x41)); /* the tables themselves lie in user pages: an implicit access */
    CU_ASSERT(o.exit.interruption_info == 0x80000b0e && o.exit.qualification == IDT + 0x41 * 16);
    g.cpu.state.rflags |= VMX_RFLAGS_AC;
    o = raise_event(interrupt(0x41)); /* AC does not help an implicit access */
    CU_ASSERT(o.exit.qualification == IDT + 0x41 * 16);
    for (gva_t page = IDT; page < 0x14000; page += 4096)
        guest_map(page, page, PTE_P | PTE_W | PTE_A | PTE_D);
    o = raise_event(interrupt(0x41)); /* but it does for the stack */
    CU_ASSERT_EQUAL(o.kind, VMX_OUTCOME_DONE);
}

SUITE("vmx-model/deliver", {"selected_events_exit_directly", selected_events_exit_directly},
      {"every_type_of_event_has_its_control", every_type_of_event_has_its_control},
      {"page_faults_are_filtered_by_mask_and_match", page_faults_are_filtered_by_mask_and_match},
      {"debug_exceptions_report_or_record_their_causes", debug_exceptions_report_or_record_their_causes},
      {"long_mode_pushes_an_aligned_frame", long_mode_pushes_an_aligned_frame},
      {"trap_gates_keep_the_interrupt_flag", trap_gates_keep_the_interrupt_flag}, {"faults_push_rf_and_error_code", faults_push_rf_and_error_code},
      {"software_events_push_the_next_instruction", software_events_push_the_next_instruction},
      {"stacks_come_from_the_tss", stacks_come_from_the_tss},
      {"faults_of_long_mode_delivery_have_their_error_codes", faults_of_long_mode_delivery_have_their_error_codes},
      {"software_events_need_the_gates_privilege", software_events_need_the_gates_privilege},
      {"every_pair_of_the_double_fault_table", every_pair_of_the_double_fault_table},
      {"bitmap_is_asked_before_promotion", bitmap_is_asked_before_promotion},
      {"fault_during_double_fault_delivery", fault_during_double_fault_delivery},
      {"serial_faults_describe_the_last_delivery", serial_faults_describe_the_last_delivery},
      {"the_first_value_that_cannot_be_pushed_is_reported", the_first_value_that_cannot_be_pushed_is_reported},
      {"second_page_fault_writes_cr2_when_promoted", second_page_fault_writes_cr2_when_promoted},
      {"nested_fault_pushes_the_instruction_itself", nested_fault_pushes_the_instruction_itself},
      {"ept_exits_of_a_delivery_name_its_event", ept_exits_of_a_delivery_name_its_event},
      {"apic_accesses_of_a_delivery_have_type_3", apic_accesses_of_a_delivery_have_type_3}, {"nmi_delivery_blocks_nmis", nmi_delivery_blocks_nmis},
      {"delivery_ends_blocking_and_inactivity", delivery_ends_blocking_and_inactivity},
      {"smap_lets_delivery_use_user_stacks_only_with_ac", smap_lets_delivery_use_user_stacks_only_with_ac})
