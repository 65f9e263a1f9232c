/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GDTR_IDTR and LDTR_TR: loads and stores from instruction information. */
#include "tests/support/guest.h"

enum { SGDT, SIDT, LGDT, LIDT };
enum { SLDT, STR, LLDT, LTR };
enum { NO_INDEX = 1u << 22, NO_BASE = 1u << 27, OPERAND_32 = 1u << 11, REGISTER = 1u << 10, GDT = 0x6000 };

static void table_exit(unsigned identity, uint32_t operand_size, gpa_t displacement)
{
    bk->field[VMCS_VMX_INSTRUCTION_INFO] = 1u << 7 | operand_size | (uint32_t)VMX_DS << 15 | NO_INDEX | NO_BASE | identity << 28;
    CU_ASSERT_EQUAL(guest_exit(VMX_EXIT_GDTR_IDTR, displacement, 3), HV_RESUME);
}

static void tables_are_stored_and_loaded(void)
{
    static const uint8_t descriptor[6] = {0xff, 0x03, 0x78, 0x56, 0x34, 0x12};
    guest_start(GUEST_PROTECTED, NULL);
    guest_put(0x3000, descriptor, sizeof(descriptor));
    table_exit(LIDT, OPERAND_32, 0x3000);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_IDTR_BASE], 0x12345678);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_IDTR_LIMIT], 0x3ff);
    table_exit(LGDT, 0, 0x3000);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_GDTR_BASE], 0x345678);
    table_exit(SIDT, OPERAND_32, 0x4000);
    CU_ASSERT_EQUAL(guest_get(0x4000, 6), UINT64_C(0x1234567803ff));
    table_exit(SGDT, 0, 0x4010);
    CU_ASSERT_EQUAL(guest_get(0x4010, 6), UINT64_C(0x0034567803ff));
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_RIP], 0x100c);
}

static void the_operand_address_has_base_index_and_scale(void)
{
    guest_start(GUEST_PROTECTED, NULL);
    bk->field[VMCS_GUEST_DS_BASE] = 0x1000;
    bk->field[VMCS_GUEST_IDTR_LIMIT] = 0x123;
    bk->gpr[VMX_RBX] = 0x100;
    bk->gpr[VMX_RCX] = 0x20;
    bk->field[VMCS_VMX_INSTRUCTION_INFO] =
        2u | 1u << 7 | OPERAND_32 | (uint32_t)VMX_DS << 15 | (uint32_t)VMX_RCX << 18 | (uint32_t)VMX_RBX << 23 | (uint32_t)SIDT << 28;
    CU_ASSERT_EQUAL(guest_exit(VMX_EXIT_GDTR_IDTR, 0x2000, 5), HV_RESUME);
    CU_ASSERT_EQUAL(guest_get(0x1000 + 0x2000 + 0x100 + 4 * 0x20, 2), 0x123);
}

static void selector_exit(unsigned identity, uint16_t selector)
{
    bk->gpr[VMX_RDX] = 0x12340000u | selector;
    bk->field[VMCS_VMX_INSTRUCTION_INFO] = REGISTER | (uint32_t)VMX_RDX << 3 | identity << 28;
    CU_ASSERT_EQUAL(guest_exit(VMX_EXIT_LDTR_TR, 0, 3), HV_RESUME);
}

static void start_with_gdt(void)
{
    static const uint64_t gdt[] = {0, 0x0040890034500067 /* TSS */, 0x12008b3456780067 /* busy TSS */, 0x0080820012340001 /* LDT, 4-KByte units */,
                                   0x0000090000000067 /* TSS, not present */};
    guest_start(GUEST_PROTECTED, NULL);
    guest_put(GDT, gdt, sizeof(gdt));
    bk->field[VMCS_GUEST_GDTR_BASE] = GDT;
    bk->field[VMCS_GUEST_GDTR_LIMIT] = sizeof(gdt) - 1;
}

static void ltr_loads_and_marks_busy(void)
{
    start_with_gdt();
    selector_exit(LTR, 8);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_TR_SELECTOR], 8);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_TR_BASE], 0x3450);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_TR_LIMIT], 0x67);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_TR_AR_BYTES], 0x408b);
    CU_ASSERT_EQUAL(guest_get(GDT + 8 + 5, 1), 0x8b);
    bk->gpr[VMX_RDX] = 0;
    selector_exit(STR, 0);
    CU_ASSERT_EQUAL(bk->gpr[VMX_RDX] & 0xffff, 8);
}

static void lldt_loads_and_accepts_null(void)
{
    start_with_gdt();
    selector_exit(LLDT, 0x18);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_LDTR_BASE], 0x1234);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_LDTR_LIMIT], 0x1fff);
    selector_exit(LLDT, 0);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_LDTR_AR_BYTES], 0x10000);
}

static void bad_selectors_fault(void)
{
    static const struct {
        unsigned identity;
        uint16_t selector;
        uint32_t event, error;
    } rows[] = {{LTR, 0, INJECT_GP, 0},        {LTR, 0x10, INJECT_GP, 0x10}, {LTR, 0x0c, INJECT_GP, 0x0c},
                {LTR, 0x20, 0x80000b0b, 0x20}, {LTR, 0x28, INJECT_GP, 0x28}, {LLDT, 8, INJECT_GP, 8}};
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        start_with_gdt();
        selector_exit(rows[i].identity, rows[i].selector);
        CU_ASSERT_EQUAL(guest_enter(), rows[i].event);
        CU_ASSERT_EQUAL(bk->field[VMCS_VM_ENTRY_EXCEPTION_ERROR_CODE], rows[i].error);
        CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_RIP], 0x1000);
    }
}

SUITE("handlers/descriptor_tables", {"tables_are_stored_and_loaded", tables_are_stored_and_loaded},
      {"the_operand_address_has_base_index_and_scale", the_operand_address_has_base_index_and_scale},
      {"ltr_loads_and_marks_busy", ltr_loads_and_marks_busy}, {"lldt_loads_and_accepts_null", lldt_loads_and_accepts_null},
      {"bad_selectors_fault", bad_selectors_fault})
