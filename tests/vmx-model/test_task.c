/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hardware task switches: what is saved, loaded and marked, by CALL, JMP, IRET and task gates, and faults of the new task. */
#include "delivery.h"
#include "tests/support/suite.h"
#include "vmx-model/decide.h"

enum {
    OLD_TASK = TR_SELECTOR,
    LDT_SELECTOR = 0x90,
    TASK_16 = 0x98,
    GDT_ALL = 0xa8,
    NEW_TSS = OTHER_TSS,
    TSS_16BIT = 0x14000,
    NEW_STACK = 0x30000,
    CODE_NEW = 0x5000
};

static void descriptor(uint16_t selector, uint64_t value)
{
    set_ram64(GDT + (selector & 0xfff8u), value);
}

static uint8_t type_of(uint16_t selector)
{
    return g.ram[GDT + (selector & 0xfff8u) + 5] & 15;
}

/* A TSS of 32 bits for code at privilege level 0. */
static void fill_task(hpa_t tss)
{
    memset(g.ram + tss, 0, 104);
    set_ram32(tss + 32, CODE_NEW);
    set_ram32(tss + 36, 2 | (uint32_t)VMX_RFLAGS_IF);
    for (unsigned i = 0; i < 8; i++)
        set_ram32(tss + 40 + 4 * i, 0x10101010 * (i + 1));
    set_ram32(tss + 40 + 4 * VMX_RSP, NEW_STACK);
    static const uint16_t selectors[] = {DATA0, CODE0, DATA0, DATA0, 0, DATA0};
    for (unsigned i = 0; i < 6; i++)
        set_ram32(tss + 72 + 4 * i, selectors[i]);
}

static void fill_task_16(void)
{
    uint8_t *tss = g.ram + TSS_16BIT;
    memset(tss, 0, 44);
    const uint16_t words[] = {CODE_NEW, 2, 0xa1, 0xc2, 0xd3, 0xb4, NEW_STACK & 0xffff, 0xb5, 0x51, 0xd1, DATA0, CODE0, DATA0, DATA0, 0};
    memcpy(tss + 14, words, sizeof words);
}

/* Root operation, 32-bit code at privilege level 0 in the task OLD_TASK. */
static void begin(void)
{
    reset_delivery_32bit();
    g.cpu.operation = VMX_OPERATION_OFF;
    g.cpu.state.gdtr.limit = GDT_ALL - 1;
    descriptor(OLD_TASK, UINT64_C(0x00008b0120000067));
    descriptor(LDT_SELECTOR, UINT64_C(0x000082018000000f));
    descriptor(TASK_16, UINT64_C(0x000081014000002b));
    fill_task(NEW_TSS);
    fill_task_16();
    g.cpu.state.gpr[VMX_RAX] = 0xaaaaaaaa;
    g.cpu.state.dr[7] = 0x7ff;
}

static struct vmx_outcome step(const char *bytes, unsigned size)
{
    struct vmx_instruction i;
    if (vmx_decode((const uint8_t *)bytes, size, 32, &i) != VMX_DECODED)
        return (struct vmx_outcome){.kind = VMX_OUTCOME_SHUTDOWN};
    const struct vmx_outcome o = vmx_decide(&g.cpu, &i);
    return o.kind == VMX_OUTCOME_RUN ? vmx_execute(&g.cpu, &i) : o;
}

static struct vmx_outcome far(uint8_t opcode, uint16_t selector)
{
    const char bytes[] = {(char)opcode, 0, 0, 0, 0, (char)selector, (char)(selector >> 8)};
    return step(bytes, sizeof bytes);
}
#define JMP(selector) far(0xea, (selector))
#define CALL(selector) far(0x9a, (selector))
#define IRET_() step("\xcf", 1)

static bool is_done(const struct vmx_outcome *o)
{
    return o->kind == VMX_OUTCOME_DONE && o->changed == VMX_GROUP_ALL;
}

static bool faults(const struct vmx_outcome *o, uint8_t vector, uint32_t error_code, bool in_new_task)
{
    return o->kind == VMX_OUTCOME_FAULT && o->event.vector == vector && o->event.has_error_code && o->event.error_code == error_code &&
           (o->changed == VMX_GROUP_ALL) == in_new_task;
}

static void jmp_leaves_the_old_task(void)
{
    begin();
    const struct vmx_outcome o = JMP(TASK);
    const struct vmx_state *s = &g.cpu.state;
    CU_ASSERT(is_done(&o));
    CU_ASSERT(type_of(OLD_TASK) == 9 && type_of(TASK) == 11);
    CU_ASSERT(ram64(TSS + 32) == ((2 | VMX_RFLAGS_IF) << 32 | (CODE + 7)));
    CU_ASSERT_EQUAL((uint32_t)ram64(TSS + 40), 0xaaaaaaaa);
    CU_ASSERT(g.ram[TSS + 76] == CODE0 && g.ram[TSS + 80] == DATA0);
    CU_ASSERT(s->rip == CODE_NEW && s->gpr[VMX_RAX] == 0x10101010 && s->gpr[VMX_RDI] == 0x80808080 && s->gpr[VMX_RSP] == NEW_STACK);
    CU_ASSERT(s->seg[VMX_TR].selector == TASK && s->seg[VMX_TR].base == NEW_TSS && s->seg[VMX_TR].access_rights == 0x8b);
    CU_ASSERT(s->seg[VMX_CS].access_rights == 0xc09b && s->seg[VMX_DS].access_rights == 0xc093 && s->seg[VMX_SS].selector == DATA0);
    CU_ASSERT((s->seg[VMX_FS].access_rights & VMX_AR_UNUSABLE) != 0 && (s->seg[VMX_LDTR].access_rights & VMX_AR_UNUSABLE) != 0);
    CU_ASSERT((s->cr0 & VMX_CR0_TS) != 0 && s->dr[7] == (0x7ff & ~0x155) && (s->rflags & VMX_RFLAGS_NT) == 0);
    CU_ASSERT_EQUAL((uint16_t)ram64(NEW_TSS), 0); /* no link */
}

static void call_nests_and_iret_returns(void)
{
    begin();
    struct vmx_outcome o = CALL(TASK);
    CU_ASSERT(is_done(&o));
    CU_ASSERT(type_of(OLD_TASK) == 11 && type_of(TASK) == 11);
    CU_ASSERT_EQUAL((uint16_t)ram64(NEW_TSS), OLD_TASK);
    CU_ASSERT((g.cpu.state.rflags & VMX_RFLAGS_NT) != 0);
    g.cpu.state.gpr[VMX_RBX] = 0x77;
    o = IRET_();
    CU_ASSERT(is_done(&o));
    CU_ASSERT(type_of(OLD_TASK) == 11 && type_of(TASK) == 9);
    CU_ASSERT(g.cpu.state.rip == CODE + 7 && g.cpu.state.gpr[VMX_RAX] == 0xaaaaaaaa && g.cpu.state.seg[VMX_TR].base == TSS);
    CU_ASSERT((g.cpu.state.rflags & VMX_RFLAGS_NT) == 0);
    CU_ASSERT_EQUAL((uint32_t)ram64(NEW_TSS + 40 + 4 * VMX_RBX), 0x77);
    CU_ASSERT_EQUAL((uint32_t)ram64(NEW_TSS + 36) & VMX_RFLAGS_NT, 0); /* IRET clears NT in what it saves */
    CU_ASSERT_EQUAL((uint32_t)ram64(NEW_TSS + 32), CODE_NEW + 1);
}

static void a_task_gate_takes_an_exception_and_its_error_code(void)
{
    begin();
    gate32(VMX_GP, GATE_TASK, TASK, 0, 0);
    struct vmx_event e = exception(VMX_GP);
    e.error_code = 0x1234;
    const struct vmx_outcome o = raise_event(e);
    CU_ASSERT(is_done(&o));
    CU_ASSERT(g.cpu.state.rip == CODE_NEW && g.cpu.state.gpr[VMX_RSP] == NEW_STACK - 4);
    CU_ASSERT_EQUAL((uint32_t)ram64(NEW_STACK - 4), 0x1234);
    CU_ASSERT_EQUAL((uint32_t)ram64(TSS + 32), CODE); /* a fault: the instruction comes again, */
    CU_ASSERT((ram64(TSS + 36) & VMX_RFLAGS_RF) != 0);
    CU_ASSERT((g.cpu.state.rflags & VMX_RFLAGS_NT) != 0);
    CU_ASSERT_EQUAL((uint16_t)ram64(NEW_TSS), OLD_TASK);
    CU_ASSERT_EQUAL(g.cpu.vectoring_info, 0);
}

static void a_16_bit_tss_has_no_upper_halves(void)
{
    begin();
    const struct vmx_outcome o = CALL(TASK_16);
    const struct vmx_state *s = &g.cpu.state;
    CU_ASSERT(is_done(&o));
    CU_ASSERT(s->rip == CODE_NEW && s->gpr[VMX_RAX] == 0xffff00a1 && s->gpr[VMX_RDI] == 0xffff00d1);
    CU_ASSERT(s->seg[VMX_TR].access_rights == 0x83 && type_of(TASK_16) == 3);
    CU_ASSERT((s->seg[VMX_GS].access_rights & VMX_AR_UNUSABLE) != 0);
    CU_ASSERT_EQUAL((uint16_t)ram64(TSS_16BIT), OLD_TASK);
    const struct vmx_outcome back = IRET_();
    CU_ASSERT(is_done(&back));
    CU_ASSERT_EQUAL((uint16_t)ram64(TSS_16BIT + 14), CODE_NEW + 1);
    CU_ASSERT_EQUAL(g.cpu.state.gpr[VMX_RAX], 0xaaaaaaaa);
}

static void a_task_may_run_in_virtual_8086_mode(void)
{
    begin();
    set_ram32(NEW_TSS + 36, 2 | (uint32_t)VMX_RFLAGS_VM);
    set_ram32(NEW_TSS + 32, 0x10);
    set_ram32(NEW_TSS + 76, 0x1234);
    const struct vmx_outcome o = JMP(TASK);
    const struct vmx_segment *cs = &g.cpu.state.seg[VMX_CS];
    CU_ASSERT(is_done(&o));
    CU_ASSERT(cs->selector == 0x1234 && cs->base == 0x12340 && cs->limit == 0xffff && cs->access_rights == 0xf3);
    CU_ASSERT_EQUAL(vmx_cpl(&g.cpu.state), 3);
}

static unsigned flushes;
static void note_flush(void *context, const struct vmx_flush *flush)
{
    (void)context;
    flushes += flush->conditions == (VMX_FLUSH_ANY | VMX_FLUSH_VPID | VMX_FLUSH_PCID | VMX_FLUSH_NOT_GLOBAL);
}

/* 32-bit paging, the first 4 MBytes to themselves by two directories. */
static void the_page_directory_changes_with_the_task(void)
{
    begin();
    for (hpa_t directory = GUEST_CR3; directory <= GUEST_CR3 + 0x1000; directory += 0x1000)
        set_ram32(directory, PTE_P | PTE_W | PTE_U | PTE_PS);
    g.cpu.state.cr4 = VMX_CR4_PSE;
    g.cpu.state.cr0 |= VMX_CR0_PG;
    g.cpu.cache.invalidate = note_flush;
    flushes = 0;
    set_ram32(NEW_TSS + 28, GUEST_CR3 + 0x1000);
    set_ram32(TSS + 28, 0x777);
    const struct vmx_outcome o = JMP(TASK);
    CU_ASSERT(is_done(&o) && flushes == 1);
    CU_ASSERT_EQUAL(g.cpu.state.cr3, GUEST_CR3 + 0x1000);
    CU_ASSERT_EQUAL((uint32_t)ram64(TSS + 28), 0x777); /* CR3 is not saved */
}

static void the_ldt_comes_from_the_tss(void)
{
    begin();
    set_ram32(NEW_TSS + 96, LDT_SELECTOR);
    set_ram64(0x18008, UINT64_C(0x00cf92000000ffff)); /* selector 0CH of that LDT: data */
    set_ram32(NEW_TSS + 84, 0x0c);
    struct vmx_outcome o = JMP(TASK);
    CU_ASSERT(is_done(&o));
    CU_ASSERT(g.cpu.state.seg[VMX_LDTR].base == 0x18000 && g.cpu.state.seg[VMX_LDTR].access_rights == 0x82);
    CU_ASSERT(g.cpu.state.seg[VMX_DS].selector == 0x0c && g.cpu.state.seg[VMX_DS].access_rights == 0xc093);
    CU_ASSERT_EQUAL(g.ram[0x1800d] & 1, 1); /* accessed */
    begin();
    set_ram32(NEW_TSS + 96, DATA0);
    o = JMP(TASK);
    CU_ASSERT(faults(&o, VMX_TS, DATA0, true));
    begin();
    set_ram32(NEW_TSS + 96, LDT_SELECTOR | 4);
    o = JMP(TASK);
    CU_ASSERT(faults(&o, VMX_TS, LDT_SELECTOR | 4, true));
}

static void segments_that_do_not_fit_fault_in_the_new_task(void)
{
    enum { ES = 72, CS = 76, SS = 80, DS = 84 };
    static const struct {
        unsigned at;
        uint16_t selector;
        uint8_t vector;
        uint16_t error;
    } rows[] = {
        {CS, 0, VMX_TS, 0},
        {CS, DATA0, VMX_TS, DATA0},
        {CS, ABSENT_CODE, VMX_NP, ABSENT_CODE},
        {CS, CODE0 | 3, VMX_TS, CODE0},
        {SS, 0, VMX_TS, 0},
        {SS, CODE0, VMX_TS, CODE0},
        {SS, READ_ONLY, VMX_TS, READ_ONLY},
        {SS, DATA3, VMX_TS, DATA3 & 0xfffc},
        {SS, ABSENT_STACK, VMX_SS_FAULT, ABSENT_STACK},
        {DS, DATA0 | 3, VMX_TS, DATA0},
        {DS, TASK, VMX_TS, TASK},
        {ES, ABSENT_STACK, VMX_NP, ABSENT_STACK},
        {ES, GDT_ALL, VMX_TS, GDT_ALL},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        begin();
        set_ram32(NEW_TSS + rows[i].at, rows[i].selector);
        const struct vmx_outcome o = JMP(TASK);
        CU_ASSERT(faults(&o, rows[i].vector, rows[i].error, true));
        CU_ASSERT(g.cpu.state.seg[VMX_TR].selector == TASK && g.cpu.state.rip == CODE_NEW);
    }
    begin();
    set_ram32(NEW_TSS + CS, SHORT_CODE);
    const struct vmx_outcome o = JMP(TASK);
    CU_ASSERT(faults(&o, VMX_GP, 0, true)); /* EIP is beyond the code segment */
}

static void the_old_task_faults_before_anything_is_written(void)
{
    begin();
    g.cpu.state.seg[VMX_TR].limit = 0x66;
    struct vmx_outcome o = JMP(TASK);
    CU_ASSERT(faults(&o, VMX_TS, OLD_TASK, false));
    CU_ASSERT(type_of(TASK) == 9 && g.cpu.state.rip == CODE && (uint32_t)ram64(TSS + 32) == 0);
    begin();
    o = JMP(BUSY_TASK);
    CU_ASSERT(faults(&o, VMX_GP, BUSY_TASK, false));
    o = JMP(ABSENT_TASK);
    CU_ASSERT(faults(&o, VMX_NP, ABSENT_TASK, false));
    o = JMP(SHORT_TASK);
    CU_ASSERT(faults(&o, VMX_TS, SHORT_TASK, false));
    g.cpu.state.rflags |= VMX_RFLAGS_NT;
    set_ram32(TSS, TASK); /* IRET wants a busy one */
    o = IRET_();
    CU_ASSERT(faults(&o, VMX_TS, TASK, false));
}

static void transfers_without_a_task_are_the_engines(void)
{
    begin();
    struct vmx_outcome o = JMP(CODE0);
    CU_ASSERT_EQUAL(o.kind, VMX_OUTCOME_RUN);
    o = IRET_();
    CU_ASSERT_EQUAL(o.kind, VMX_OUTCOME_RUN);
}

/* The fault of the new task meets the exception that led to it: #GP and #TS are a double fault, and #SS on top a triple fault. */
static void a_gate_whose_task_faults_is_promoted(void)
{
    begin();
    gate32(VMX_GP, GATE_TASK, TASK, 0, 0);
    set_ram32(NEW_TSS + 80, 0);
    const struct vmx_outcome o = raise_event(exception(VMX_GP));
    CU_ASSERT_EQUAL(o.kind, VMX_OUTCOME_SHUTDOWN); /* the new task has no stack for #DF either */
    CU_ASSERT_EQUAL(g.cpu.state.seg[VMX_TR].selector, TASK);
}

SUITE("vmx-model/task", {"jmp_leaves_the_old_task", jmp_leaves_the_old_task}, {"call_nests_and_iret_returns", call_nests_and_iret_returns},
      {"a_task_gate_takes_an_exception_and_its_error_code", a_task_gate_takes_an_exception_and_its_error_code},
      {"a_16_bit_tss_has_no_upper_halves", a_16_bit_tss_has_no_upper_halves},
      {"a_task_may_run_in_virtual_8086_mode", a_task_may_run_in_virtual_8086_mode},
      {"the_page_directory_changes_with_the_task", the_page_directory_changes_with_the_task},
      {"the_ldt_comes_from_the_tss", the_ldt_comes_from_the_tss},
      {"segments_that_do_not_fit_fault_in_the_new_task", segments_that_do_not_fit_fault_in_the_new_task},
      {"the_old_task_faults_before_anything_is_written", the_old_task_faults_before_anything_is_written},
      {"transfers_without_a_task_are_the_engines", transfers_without_a_task_are_the_engines},
      {"a_gate_whose_task_faults_is_promoted", a_gate_whose_task_faults_is_promoted})
