/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Task switches made by the hypervisor: what is saved, marked and loaded for each source. */
#include <string.h>

#include "tests/support/guest.h"
#include "vmx-model/registers.h"

enum { GDT = 0x10000, OLD_TSS = 0x11000, NEW_TSS = 0x12000, OLD = 0x18, NEW = 0x20, BUSY = 0x8b, AVAILABLE = 0x89 };
enum { CALL = 0, IRET = 1, JMP = 2, GATE = 3 };

static uint8_t byte_at(gpa_t address)
{
    uint8_t byte = 0;
    CU_ASSERT_TRUE(hv_guest_read(&vm, address, &byte, 1));
    return byte;
}

static uint32_t word_at(gpa_t address)
{
    uint32_t word = 0;
    CU_ASSERT_TRUE(hv_guest_read(&vm, address, &word, 4));
    return word;
}

static void put_word(gpa_t address, uint32_t word)
{
    guest_put(address, &word, sizeof(word));
}

static void put_descriptor(unsigned selector, uint32_t base, uint8_t type, uint32_t limit)
{
    put_word(GDT + (selector & ~7u), base << 16 | (limit & 0xffff));
    put_word(GDT + (selector & ~7u) + 4, (base & 0xff000000) | base >> 16 | (uint32_t)type << 8 | (limit == 0x67 ? 0 : 0xcf0000u));
}

/* Two tasks; the new one runs at 5000H with ESP 9000H. */
static void two_tasks(uint8_t old_type, uint8_t new_type)
{
    guest_start(GUEST_PROTECTED, NULL);
    bk->field[VMCS_GUEST_GDTR_BASE] = GDT;
    bk->field[VMCS_GUEST_GDTR_LIMIT] = 0x2f;
    bk->field[VMCS_GUEST_TR_SELECTOR] = OLD;
    bk->field[VMCS_GUEST_TR_BASE] = OLD_TSS;
    bk->field[VMCS_GUEST_TR_AR_BYTES] = BUSY;
    bk->field[VMCS_GUEST_LDTR_AR_BYTES] = 0x10000;
    bk->field[VMCS_GUEST_CS_SELECTOR] = 8;
    bk->field[VMCS_GUEST_DR7] = 0x455;
    bk->gpr[VMX_RSI] = 0x1234;
    put_descriptor(8, 0, 0x9b, 0xfffff);
    put_descriptor(0x10, 0, 0x92, 0xfffff);
    put_descriptor(OLD, OLD_TSS, old_type, 0x67);
    put_descriptor(NEW, NEW_TSS, new_type, 0x67);
    put_word(NEW_TSS + 0x20, 0x5000);
    put_word(NEW_TSS + 0x24, 2);
    put_word(NEW_TSS + 0x28, 0xaaaa);
    put_word(NEW_TSS + 0x38, 0x9000);
    put_word(NEW_TSS + 0x48, 0x10);
    put_word(NEW_TSS + 0x4c, 8);
    put_word(NEW_TSS + 0x50, 0x10);
}

static void switch_by(unsigned source, uint32_t length)
{
    CU_ASSERT_EQUAL(guest_exit(VMX_EXIT_TASK_SWITCH, NEW | (uint64_t)source << 30, length), HV_RESUME);
}

static void a_jump_leaves_the_old_task_available(void)
{
    two_tasks(BUSY, AVAILABLE);
    switch_by(JMP, 7);
    CU_ASSERT_EQUAL(byte_at(GDT + OLD + 5), AVAILABLE);
    CU_ASSERT_EQUAL(byte_at(GDT + NEW + 5), BUSY);
    CU_ASSERT_EQUAL(word_at(OLD_TSS + 0x20), 0x1007);
    CU_ASSERT_EQUAL(word_at(OLD_TSS + 0x40), 0x1234);
    CU_ASSERT_EQUAL(word_at(OLD_TSS + 0x4c), 8);
    CU_ASSERT_EQUAL(word_at(NEW_TSS), 0);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_RIP], 0x5000);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_RSP], 0x9000);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_RFLAGS], 2);
    CU_ASSERT_EQUAL(bk->gpr[VMX_RAX], 0xaaaa);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_TR_SELECTOR], NEW);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_TR_BASE], NEW_TSS);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_TR_AR_BYTES], BUSY);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_CR0] & 8, 8);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_DR7], 0x400);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_ES_AR_BYTES], 0xc093); /* accessed now */
    CU_ASSERT_EQUAL(byte_at(GDT + 0x10 + 5), 0x93);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_DS_AR_BYTES], 0x10000); /* null */
}

static void a_call_nests(void)
{
    two_tasks(BUSY, AVAILABLE);
    switch_by(CALL, 7);
    CU_ASSERT_EQUAL(byte_at(GDT + OLD + 5), BUSY);
    CU_ASSERT_EQUAL(byte_at(GDT + NEW + 5), BUSY);
    CU_ASSERT_EQUAL(word_at(NEW_TSS), OLD);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_RFLAGS], 0x4002);
}

static void iret_ends_the_nested_task(void)
{
    two_tasks(BUSY, BUSY);
    bk->field[VMCS_GUEST_RFLAGS] = 0x4002;
    switch_by(IRET, 1);
    CU_ASSERT_EQUAL(byte_at(GDT + OLD + 5), AVAILABLE);
    CU_ASSERT_EQUAL(byte_at(GDT + NEW + 5), BUSY);
    CU_ASSERT_EQUAL(word_at(OLD_TSS + 0x24), 2); /* without NT */
    CU_ASSERT_EQUAL(word_at(OLD_TSS + 0x20), 0x1001);
}

/* A fault's error code goes to the new stack; the event is consumed, and the faulting instruction comes again. */
static void a_gate_pushes_the_error_code(void)
{
    two_tasks(BUSY, AVAILABLE);
    bk->field[VMCS_IDT_VECTORING_INFO_FIELD] = 0x80000b0d;
    bk->field[VMCS_IDT_VECTORING_ERROR_CODE] = 0x50;
    switch_by(GATE, 3);
    CU_ASSERT_EQUAL(word_at(OLD_TSS + 0x20), 0x1000);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_RSP], 0x8ffc);
    CU_ASSERT_EQUAL(word_at(0x8ffc), 0x50);
    CU_ASSERT_EQUAL(guest_enter(), 0);
}

static void int_n_through_a_gate_is_behind_it(void)
{
    two_tasks(BUSY, AVAILABLE);
    bk->field[VMCS_IDT_VECTORING_INFO_FIELD] = 0x80000430;
    switch_by(GATE, 2);
    CU_ASSERT_EQUAL(word_at(OLD_TSS + 0x20), 0x1002);
    CU_ASSERT_EQUAL(word_at(NEW_TSS), OLD);
}

static void an_nmi_through_a_gate_blocks_nmis(void)
{
    two_tasks(BUSY, AVAILABLE);
    bk->field[VMCS_IDT_VECTORING_INFO_FIELD] = 0x80000202;
    switch_by(GATE, 0);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_INTERRUPTIBILITY_INFO], VMX_BLOCKING_BY_NMI);
    CU_ASSERT_EQUAL(guest_enter(), 0);
}

/* What the new task's segment meets while its gate delivers an exception: together they are a double fault, and other events leave it alone. */
static void a_fault_meets_the_exception_that_the_gate_delivers(void)
{
    static const struct {
        uint32_t vectoring, injected, error_code;
    } rows[] = {{0x80000b0d, 0x80000b08, 0},    {0x80000b0e, 0x80000b08, 0},    {0x80000306, 0x80000b0a, 0x59}, {0x80000041, 0x80000b0a, 0x59},
                {0x80000430, 0x80000b0a, 0x58}, {0x80000603, 0x80000b0a, 0x58}, {0x80000202, 0x80000b0a, 0x59}};
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        two_tasks(BUSY, AVAILABLE);
        put_word(NEW_TSS + 0x54, 0x58);
        bk->field[VMCS_IDT_VECTORING_INFO_FIELD] = rows[i].vectoring;
        switch_by(GATE, 0);
        CU_ASSERT_EQUAL(guest_enter(), rows[i].injected);
        CU_ASSERT_EQUAL(bk->field[VMCS_VM_ENTRY_EXCEPTION_ERROR_CODE], rows[i].error_code);
        CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_RIP], 0x5000);
        bk->field[VMCS_VM_ENTRY_INTR_INFO_FIELD] = 0;
        bk->field[VMCS_GUEST_RFLAGS] |= 0x200;
        bk->field[VMCS_GUEST_INTERRUPTIBILITY_INFO] = 0;
        CU_ASSERT_EQUAL(guest_enter(), 0); /* an interrupt or NMI has been taken */
    }
}

static void an_address_beyond_the_code_segment_is_a_fault_of_the_new_task(void)
{
    two_tasks(BUSY, AVAILABLE);
    put_descriptor(8, 0, 0x9b, 0x67);
    switch_by(JMP, 7);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_RIP], 0x5000);
    CU_ASSERT_EQUAL(guest_enter(), 0x80000b0d);
    CU_ASSERT_EQUAL(bk->field[VMCS_VM_ENTRY_EXCEPTION_ERROR_CODE], 0);
}

static void a_bad_data_segment_is_the_new_tasks_fault(void)
{
    two_tasks(BUSY, AVAILABLE);
    put_word(NEW_TSS + 0x54, 0x58); /* DS beyond the GDT */
    switch_by(JMP, 7);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_RIP], 0x5000);
    CU_ASSERT_EQUAL(guest_enter(), 0x80000b0a);
    CU_ASSERT_EQUAL(bk->field[VMCS_VM_ENTRY_EXCEPTION_ERROR_CODE], 0x58);
}

static void the_t_flag_traps_in_the_new_task(void)
{
    two_tasks(BUSY, AVAILABLE);
    put_word(NEW_TSS + 0x64, 1);
    switch_by(JMP, 7);
    CU_ASSERT_EQUAL(guest_enter(), 0x80000301);
    CU_ASSERT_EQUAL(bk_debug_register(bk, 6) & 0x8000, 0x8000);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_RFLAGS] & VMX_RFLAGS_RF, 0); /* a trap: its handler returns to what breakpoints are seen at */
}

static void what_cannot_be_switched_to_stops_the_guest(void)
{
    two_tasks(BUSY, 0x81); /* a 16-bit TSS */
    CU_ASSERT_EQUAL(guest_exit(VMX_EXIT_TASK_SWITCH, NEW | UINT64_C(2) << 30, 7), HV_STOP);
    CU_ASSERT_PTR_NOT_NULL(strstr(vcpu->stop_reason, "TSS 20 by JMP: no 32-bit TSS"));
    two_tasks(BUSY, AVAILABLE);
    put_word(NEW_TSS + 0x4c, 0x10); /* CS is data */
    CU_ASSERT_EQUAL(guest_exit(VMX_EXIT_TASK_SWITCH, NEW | UINT64_C(2) << 30, 7), HV_STOP);
    CU_ASSERT_PTR_NOT_NULL(strstr(vcpu->stop_reason, "CS selector 10"));
}

SUITE("handlers/task_switch", {"a_jump_leaves_the_old_task_available", a_jump_leaves_the_old_task_available}, {"a_call_nests", a_call_nests},
      {"iret_ends_the_nested_task", iret_ends_the_nested_task}, {"a_gate_pushes_the_error_code", a_gate_pushes_the_error_code},
      {"int_n_through_a_gate_is_behind_it", int_n_through_a_gate_is_behind_it},
      {"an_nmi_through_a_gate_blocks_nmis", an_nmi_through_a_gate_blocks_nmis},
      {"a_fault_meets_the_exception_that_the_gate_delivers", a_fault_meets_the_exception_that_the_gate_delivers},
      {"an_address_beyond_the_code_segment_is_a_fault_of_the_new_task", an_address_beyond_the_code_segment_is_a_fault_of_the_new_task},
      {"a_bad_data_segment_is_the_new_tasks_fault", a_bad_data_segment_is_the_new_tasks_fault},
      {"the_t_flag_traps_in_the_new_task", the_t_flag_traps_in_the_new_task},
      {"what_cannot_be_switched_to_stops_the_guest", what_cannot_be_switched_to_stops_the_guest})
