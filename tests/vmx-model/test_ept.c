/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The walk through EPT: every bit of the qualification, every rule of misconfiguration, flags, log, #VE, sub-pages, APIC-access page. */
#include <stdio.h>

#include "guest_memory.h"
#include "tests/support/suite.h"

enum { LINEAR = 0x400000, PAGE = 0x5000 }; /* LINEAR is mapped to guest-physical PAGE */

static hpa_t pte(void)
{
    return ept_entry(PAGE, 1);
}

static void begin(void)
{
    reset_ept();
    guest_map(LINEAR, PAGE, PTE_P | PTE_W | PTE_U | PTE_A | PTE_D);
    for (unsigned level = 2; level <= 4; level++)
        set_ram64(guest_entry(LINEAR, level), ram64(guest_entry(LINEAR, level)) | PTE_A);
}

static void expect_exit(const struct vmx_translation *t, uint32_t reason, uint64_t qualification)
{
    CU_ASSERT_EQUAL(t->kind, VMX_TRANSLATION_EXIT);
    CU_ASSERT_EQUAL(t->exit.reason, reason);
    CU_ASSERT_EQUAL(t->exit.qualification, qualification);
    if (t->exit.reason != reason || t->exit.qualification != qualification)
        printf("\nreason %u, not %u; qualification %llx, not %llx", t->exit.reason, reason, (unsigned long long)t->exit.qualification,
               (unsigned long long)qualification);
}

static void maps_small_and_large_pages(void)
{
    begin();
    struct vmx_translation t = translate(LINEAR + 0x123, VMX_ACCESS_READ, false);
    CU_ASSERT(t.kind == VMX_TRANSLATED && t.host == PAGE + 0x123 && t.guest == PAGE + 0x123 && t.page_size == 4096);
    CU_ASSERT(t.read && t.write && t.fetch);
    set_ram64(ept_entry(UINT64_C(0x40200000), 2), 0x200000 | EPT_RWX | EPT_WB | 1u << 7);
    set_ram64(ept_entry(UINT64_C(0x80000000), 3), UINT64_C(0x40000000) | EPT_RWX | EPT_WB | 1u << 7);
    vmx_translate_physical(&g.cpu, UINT64_C(0x40212345), VMX_ACCESS_READ, &t);
    CU_ASSERT(t.kind == VMX_TRANSLATED && t.host == 0x212345 && t.page_size == 2 << 20);
    vmx_translate_physical(&g.cpu, UINT64_C(0xb2345678), VMX_ACCESS_READ, &t);
    CU_ASSERT(t.kind == VMX_TRANSLATED && t.host == UINT64_C(0x72345678) && t.page_size == 1 << 30);
}

static void five_levels_translate_57_bits(void)
{
    struct vmx_translation t;
    reset_64bit();
    secondary(VMX_SEC_ENABLE_EPT, true);
    g.vmcs.field[VMCS_EPT_POINTER] = EPT_ROOT | 6 | 4 << 3;
    const gpa_t high = UINT64_C(1) << 50;
    set_ram64(ept_entry(high, 1), 0x3000 | EPT_RWX | EPT_WB);
    vmx_translate_physical(&g.cpu, high | 0x18, VMX_ACCESS_READ, &t);
    CU_ASSERT(t.kind == VMX_TRANSLATED && t.host == 0x3018);
}

static void four_levels_refuse_more_than_48_bits(void)
{
    struct vmx_translation t;
    begin();
    vmx_translate_physical(&g.cpu, UINT64_C(1) << 48 | PAGE, VMX_ACCESS_READ, &t);
    expect_exit(&t, VMX_EXIT_EPT_VIOLATION, 1);
    CU_ASSERT_EQUAL(t.exit.guest_physical, UINT64_C(1) << 48 | PAGE);
}

/* Bits 2:0 say the access, bits 5:3 what the entries allow; 7 and 8: the linear address is valid and was being translated. */
static void violation_reports_access_and_permissions(void)
{
    static const struct {
        enum vmx_access_kind kind;
        unsigned permissions;
        uint64_t qualification; /* 0: allowed */
    } rows[] = {
        {VMX_ACCESS_READ, 0, 0x181},   {VMX_ACCESS_WRITE, 0, 0x182}, {VMX_ACCESS_FETCH, 0, 0x184},      {VMX_ACCESS_READ, 4, 0x1a1},
        {VMX_ACCESS_WRITE, 1, 0x18a},  {VMX_ACCESS_FETCH, 1, 0x18c}, {VMX_ACCESS_FETCH, 3, 0x19c},      {VMX_ACCESS_WRITE, 4, 0x1a2},
        {VMX_ACCESS_WRITE, 5, 0x1aa},  {VMX_ACCESS_READ, 1, 0},      {VMX_ACCESS_READ, 3, 0},           {VMX_ACCESS_READ, 5, 0},
        {VMX_ACCESS_READ, 7, 0},       {VMX_ACCESS_WRITE, 3, 0},     {VMX_ACCESS_WRITE, 7, 0},          {VMX_ACCESS_FETCH, 4, 0},
        {VMX_ACCESS_FETCH, 5, 0},      {VMX_ACCESS_FETCH, 7, 0},     {VMX_ACCESS_READ_WRITE, 0, 0x183}, {VMX_ACCESS_READ_WRITE, 1, 0x18b},
        {VMX_ACCESS_READ_WRITE, 3, 0},
    };
    begin();
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        set_ram64(pte(), PAGE | rows[i].permissions | (rows[i].permissions != 0 ? EPT_WB : 0));
        const struct vmx_translation t = translate(LINEAR + 8, rows[i].kind, false);
        if (rows[i].qualification == 0) {
            CU_ASSERT_EQUAL(t.kind, VMX_TRANSLATED);
            continue;
        }
        expect_exit(&t, VMX_EXIT_EPT_VIOLATION, rows[i].qualification);
        CU_ASSERT_EQUAL(t.exit.guest_physical, PAGE + 8);
        CU_ASSERT_EQUAL(t.exit.guest_linear, LINEAR + 8);
        CU_ASSERT_EQUAL(t.exit.valid, VMX_VALID_QUALIFICATION | VMX_VALID_GUEST_LINEAR | VMX_VALID_GUEST_PHYSICAL);
    }
}

static void permissions_are_the_and_of_all_levels(void)
{
    begin();
    for (unsigned level = 2; level <= 4; level++) {
        const uint64_t all = ram64(ept_entry(PAGE, level));
        /* The guest's own tables lose their write permission too, and do not need it: their flags are set. */
        set_ram64(ept_entry(PAGE, level), (all & ~UINT64_C(7)) | 5);
        const struct vmx_translation t = translate(LINEAR, VMX_ACCESS_WRITE, false);
        expect_exit(&t, VMX_EXIT_EPT_VIOLATION, 0x1aa);
        set_ram64(ept_entry(PAGE, level), all);
    }
}

static void not_present_entry_above_clears_permission_bits(void)
{
    begin();
    set_ram64(ept_entry(UINT64_C(0x40000000), 1), 0);
    guest_map(LINEAR, 0x40000000, PTE_P | PTE_W | PTE_U);
    struct vmx_translation t = translate(LINEAR, VMX_ACCESS_READ, false);
    expect_exit(&t, VMX_EXIT_EPT_VIOLATION, 0x181);
    set_ram64(ept_entry(UINT64_C(0x40000000), 2), 0);
    t = translate(LINEAR, VMX_ACCESS_READ, false);
    expect_exit(&t, VMX_EXIT_EPT_VIOLATION, 0x181);
}

static void advanced_information_describes_the_guest_page(void)
{
    static const struct {
        uint64_t flags, qualification;
    } rows[] = {{PTE_U | PTE_W, 0x781}, {PTE_W, 0x581}, {PTE_U, 0x381}, {UINT64_C(1) << 63, 0x981}, {PTE_U | PTE_W | UINT64_C(1) << 63, 0xf81}};
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        begin();
        g.caps.ept_vpid |= VMX_EPTCAP_ADV_EPT_INFO;
        set_ram64(pte(), 0);
        guest_map(LINEAR, PAGE, PTE_P | rows[i].flags);
        const struct vmx_translation t = translate(LINEAR, VMX_ACCESS_READ, false);
        expect_exit(&t, VMX_EXIT_EPT_VIOLATION, rows[i].qualification);
    }
    begin();
    g.caps.ept_vpid |= VMX_EPTCAP_ADV_EPT_INFO;
    g.cpu.state.cr0 &= ~VMX_CR0_PG;
    g.cpu.state.efer = 0;
    set_ram64(pte(), 0);
    const struct vmx_translation t = translate(PAGE, VMX_ACCESS_READ, false); /* paging off: user, writable, not execute-disabled */
    expect_exit(&t, VMX_EXIT_EPT_VIOLATION, 0x781);
}

static void mode_based_execute_separates_user_and_supervisor_pages(void)
{
    static const struct {
        bool user_page;
        uint64_t entry, qualification;
    } rows[] = {
        {true, 1, 0x18c}, {true, 1 | 4, 0x1ac}, {true, 1 | 1 << 10, 0}, {false, 1 | 1 << 10, 0x1cc}, {false, 1 | 4, 0}, {false, 1 << 10, 0x1c4},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        begin();
        secondary(VMX_SEC_MODE_BASED_EPT_EXEC, true);
        guest_map(LINEAR, PAGE, PTE_P | PTE_W | (rows[i].user_page ? PTE_U : 0));
        set_ram64(pte(), PAGE | EPT_WB | rows[i].entry);
        const struct vmx_translation t = translate(LINEAR, VMX_ACCESS_FETCH, rows[i].user_page);
        if (rows[i].qualification == 0)
            CU_ASSERT(t.kind == VMX_TRANSLATED && t.fetch)
        else
            expect_exit(&t, VMX_EXIT_EPT_VIOLATION, rows[i].qualification);
    }
    begin(); /* without the control, bit 10 neither makes an entry present nor is reported */
    set_ram64(pte(), PAGE | 1 << 10);
    const struct vmx_translation t = translate(LINEAR, VMX_ACCESS_READ, false);
    expect_exit(&t, VMX_EXIT_EPT_VIOLATION, 0x181);
}

static void structure_accesses_clear_bit_8(void)
{
    begin();
    const gpa_t table = guest_entry(LINEAR, 1) & ~UINT64_C(0xfff);
    set_ram64(ept_entry(table, 1), table | 4 | EPT_WB); /* execute only: a read of the table faults */
    struct vmx_translation t = translate(LINEAR, VMX_ACCESS_WRITE, false);
    expect_exit(&t, VMX_EXIT_EPT_VIOLATION, 0xa1);
    CU_ASSERT_EQUAL(t.exit.guest_physical, guest_entry(LINEAR, 1));
    CU_ASSERT_EQUAL(t.exit.guest_linear, LINEAR);
    set_ram64(ept_entry(table, 1), table | 1 | EPT_WB); /* read only: setting the accessed flag faults */
    guest_map(LINEAR, PAGE, PTE_P | PTE_W | PTE_U);
    t = translate(LINEAR, VMX_ACCESS_READ, false);
    expect_exit(&t, VMX_EXIT_EPT_VIOLATION, 0x8b);
    guest_map(LINEAR, PAGE, PTE_P | PTE_W | PTE_U | PTE_A);
    t = translate(LINEAR, VMX_ACCESS_READ, false); /* nothing to set */
    CU_ASSERT(t.kind == VMX_TRANSLATED && !t.write);
    t = translate(LINEAR, VMX_ACCESS_WRITE, false); /* the dirty flag */
    expect_exit(&t, VMX_EXIT_EPT_VIOLATION, 0x8b);
    g.vmcs.field[VMCS_EPT_POINTER] |= 1 << 6; /* with EPT flags the read counts as a write */
    t = translate(LINEAR, VMX_ACCESS_READ, false);
    expect_exit(&t, VMX_EXIT_EPT_VIOLATION, 0x8b);
    set_ram64(ept_entry(table, 1), 0);
    t = translate(LINEAR, VMX_ACCESS_READ, false);
    expect_exit(&t, VMX_EXIT_EPT_VIOLATION, 0x83);
}

static void physical_accesses_have_no_linear_address(void)
{
    struct vmx_translation t;
    uint64_t pdpte[4];
    begin();
    set_ram64(ept_entry(0x6000, 1), 0);
    CU_ASSERT_FALSE(vmx_load_pdptes(&g.cpu, 0x6020, pdpte, &t));
    expect_exit(&t, VMX_EXIT_EPT_VIOLATION, 1);
    CU_ASSERT_EQUAL(t.exit.valid, VMX_VALID_QUALIFICATION | VMX_VALID_GUEST_PHYSICAL);
    CU_ASSERT_EQUAL(t.exit.guest_physical, 0x6020);
    g.vmcs.field[VMCS_EPT_POINTER] |= 1 << 6; /* a read even with EPT flags */
    set_ram64(ept_entry(0x6000, 1), 0x6000 | 1 | EPT_WB);
    CU_ASSERT(vmx_load_pdptes(&g.cpu, 0x6020, pdpte, &t));
}

static void nmi_unblocking_is_bit_12(void)
{
    begin();
    set_ram64(pte(), 0);
    g.cpu.nmi_unblocked_by_iret = true;
    struct vmx_translation t = translate(LINEAR, VMX_ACCESS_READ, false);
    expect_exit(&t, VMX_EXIT_EPT_VIOLATION, 0x1181);
    g.vmcs.field[VMCS_PIN_BASED_VM_EXEC_CONTROL] = VMX_PIN_NMI_EXITING; /* undefined, so 0 */
    t = translate(LINEAR, VMX_ACCESS_READ, false);
    expect_exit(&t, VMX_EXIT_EPT_VIOLATION, 0x181);
    g.vmcs.field[VMCS_PIN_BASED_VM_EXEC_CONTROL] |= VMX_PIN_VIRTUAL_NMIS;
    t = translate(LINEAR, VMX_ACCESS_READ, false);
    expect_exit(&t, VMX_EXIT_EPT_VIOLATION, 0x1181);
    g.cpu.vectoring_info = 0x80000020;
    t = translate(LINEAR, VMX_ACCESS_READ, false);
    expect_exit(&t, VMX_EXIT_EPT_VIOLATION, 0x181);
    g.cpu.vectoring_info = 0;
    set_ram64(pte(), PAGE | 2);
    t = translate(LINEAR, VMX_ACCESS_READ, false); /* a misconfiguration has no field for it */
    expect_exit(&t, VMX_EXIT_EPT_MISCONFIG, 0);
}

static void vectoring_information_is_recorded(void)
{
    begin();
    set_ram64(pte(), 0);
    g.cpu.vectoring_info = 0x80000b0e;
    g.cpu.vectoring_error_code = 6;
    g.cpu.vectoring_length = 2;
    struct vmx_translation t = translate(LINEAR, VMX_ACCESS_READ, false);
    CU_ASSERT_EQUAL(t.exit.idt_vectoring_info, 0x80000b0e);
    CU_ASSERT_EQUAL(t.exit.idt_vectoring_error_code, 6);
    CU_ASSERT((t.exit.valid & VMX_VALID_IDT_VECTORING) != 0 && (t.exit.valid & VMX_VALID_INSTRUCTION_LENGTH) == 0);
    for (unsigned type = 4; type <= 6; type++) {
        g.cpu.vectoring_info = 0x80000003 | type << 8;
        t = translate(LINEAR, VMX_ACCESS_READ, false);
        CU_ASSERT((t.exit.valid & VMX_VALID_INSTRUCTION_LENGTH) != 0 && t.exit.instruction_length == 2);
    }
}

static void held_debug_exceptions_stay_pending(void)
{
    begin();
    set_ram64(pte(), 0);
    g.cpu.state.pending_debug = 0x4000;
    struct vmx_translation t = translate(LINEAR, VMX_ACCESS_READ, false);
    CU_ASSERT_EQUAL(t.exit.pending_debug, 0);
    g.cpu.state.interruptibility = VMX_BLOCKING_BY_MOV_SS;
    t = translate(LINEAR, VMX_ACCESS_READ, false);
    CU_ASSERT_EQUAL(t.exit.pending_debug, 0x4000);
}

enum { ANY_TYPE = EPT_WB };

static void every_misconfiguration_rule_exits(void)
{
    const uint64_t bit46 = UINT64_C(1) << 46, bit51 = UINT64_C(1) << 51;
    const struct {
        const char *rule;
        unsigned level;
        uint64_t entry, capabilities_off;
        bool mode_based, bad;
    } rows[] = {
        {"write without read", 1, ANY_TYPE | 2, 0, false, true},
        {"write and execute without read", 1, ANY_TYPE | 6, 0, false, true},
        {"write without read, above", 3, 2, 0, false, true},
        {"execute only", 1, ANY_TYPE | 4, 0, false, false},
        {"execute only, not supported", 1, ANY_TYPE | 4, VMX_EPTCAP_EXECUTE_ONLY, false, true},
        {"user execute only", 1, ANY_TYPE | 1 << 10, 0, true, false},
        {"user execute only, not supported", 1, ANY_TYPE | 1 << 10, VMX_EPTCAP_EXECUTE_ONLY, true, true},
        {"user execute without the control", 1, ANY_TYPE | 1 | 1 << 10, VMX_EPTCAP_EXECUTE_ONLY, false, false},
        {"address beyond MAXPHYADDR, PTE", 1, ANY_TYPE | 7 | bit46, 0, false, true},
        {"address beyond MAXPHYADDR, PDE", 2, 7 | bit51, 0, false, true},
        {"address beyond MAXPHYADDR, PDPTE", 3, 7 | bit46, 0, false, true},
        {"address beyond MAXPHYADDR, PML4E", 4, 7 | bit51, 0, false, true},
        {"bits 62:52 ignored", 1, ANY_TYPE | 7 | UINT64_C(0x7ff) << 52, 0, false, false},
        {"bit 3 of a PML4E", 4, 7 | 1 << 3, 0, false, true},
        {"bit 6 of a PML4E", 4, 7 | 1 << 6, 0, false, true},
        {"bit 7 of a PML4E", 4, 7 | 1 << 7, 0, false, true},
        {"bit 3 of a PDPTE", 3, 7 | 1 << 3, 0, false, true},
        {"bit 6 of a PDPTE", 3, 7 | 1 << 6, 0, false, true},
        {"bit 4 of a PDE", 2, 7 | 1 << 4, 0, false, true},
        {"bit 6 of a PDE", 2, 7 | 1 << 6, 0, false, true},
        {"1-GByte page", 3, ANY_TYPE | 7 | 1 << 7, 0, false, false},
        {"1-GByte page, not supported", 3, ANY_TYPE | 7 | 1 << 7, VMX_EPTCAP_1GB, false, true},
        {"1-GByte page, bit 12", 3, ANY_TYPE | 7 | 1 << 7 | 1 << 12, 0, false, true},
        {"1-GByte page, bit 29", 3, ANY_TYPE | 7 | 1 << 7 | 1 << 29, 0, false, true},
        {"2-MByte page", 2, ANY_TYPE | 7 | 1 << 7, 0, false, false},
        {"2-MByte page, not supported", 2, ANY_TYPE | 7 | 1 << 7, VMX_EPTCAP_2MB, false, true},
        {"2-MByte page, bit 12", 2, ANY_TYPE | 7 | 1 << 7 | 1 << 12, 0, false, true},
        {"2-MByte page, bit 20", 2, ANY_TYPE | 7 | 1 << 7 | 1 << 20, 0, false, true},
        {"bit 7 of a PTE ignored", 1, ANY_TYPE | 7 | 1 << 7, 0, false, false},
        {"ignore PAT", 1, ANY_TYPE | 7 | 1 << 6, 0, false, false},
        {"memory type 0", 1, 7, 0, false, false},
        {"memory type 1", 1, 7 | 1 << 3, 0, false, false},
        {"memory type 2", 1, 7 | 2 << 3, 0, false, true},
        {"memory type 3", 1, 7 | 3 << 3, 0, false, true},
        {"memory type 4", 1, 7 | 4 << 3, 0, false, false},
        {"memory type 5", 1, 7 | 5 << 3, 0, false, false},
        {"memory type 7", 1, 7 | 7 << 3, 0, false, true},
        {"memory type 2 of a 2-MByte page", 2, 7 | 2 << 3 | 1 << 7, 0, false, true},
        {"memory type 3 of a 1-GByte page", 3, 7 | 3 << 3 | 1 << 7, 0, false, true},
    };
    const gpa_t far = UINT64_C(0x8000000000); /* shares no entry with the guest's tables */
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        begin();
        secondary(VMX_SEC_MODE_BASED_EPT_EXEC, rows[i].mode_based);
        g.caps.ept_vpid &= ~rows[i].capabilities_off;
        (void)ept_entry(far, 1);
        const bool refers = rows[i].level > 1 && (rows[i].entry & 1 << 7) == 0;
        const uint64_t table = refers ? ram64(ept_entry(far, rows[i].level)) & ~UINT64_C(0xfff) : 0;
        set_ram64(ept_entry(far, rows[i].level), rows[i].entry | table);
        struct vmx_translation t;
        vmx_translate_physical(&g.cpu, far | 0x10, VMX_ACCESS_READ, &t);
        const bool bad = t.kind == VMX_TRANSLATION_EXIT && t.exit.reason == VMX_EXIT_EPT_MISCONFIG;
        if (bad != rows[i].bad)
            printf("\n%s", rows[i].rule);
        CU_ASSERT_EQUAL(bad, rows[i].bad);
        if (bad) {
            CU_ASSERT_EQUAL(t.exit.guest_physical, far | 0x10);
            CU_ASSERT_EQUAL(t.exit.qualification, 0);
            CU_ASSERT_EQUAL(t.exit.valid, VMX_VALID_QUALIFICATION | VMX_VALID_GUEST_PHYSICAL);
        }
    }
}

static void reserved_bits_of_not_present_entries_are_ignored(void)
{
    begin();
    set_ram64(pte(), UINT64_MAX & ~UINT64_C(7));
    const struct vmx_translation t = translate(LINEAR, VMX_ACCESS_READ, false);
    expect_exit(&t, VMX_EXIT_EPT_VIOLATION, 0x181);
}

static void flags_are_set_where_eptp_asks(void)
{
    begin();
    (void)translate(LINEAR, VMX_ACCESS_WRITE, false);
    CU_ASSERT_EQUAL(ram64(pte()) & 0x300, 0);
    g.vmcs.field[VMCS_EPT_POINTER] |= 1 << 6;
    struct vmx_translation t = translate(LINEAR, VMX_ACCESS_READ, false);
    CU_ASSERT_EQUAL(ram64(pte()) & 0x300, 0x100);
    CU_ASSERT(t.read && !t.write && t.fetch); /* no write without a walk that sets the dirty flag */
    for (unsigned level = 2; level <= 4; level++)
        CU_ASSERT_EQUAL(ram64(ept_entry(PAGE, level)) & 0x300, 0x100);
    CU_ASSERT_EQUAL(ram64(ept_entry(guest_entry(LINEAR, 1), 1)) & 0x300, 0x300); /* guest tables count as written */
    t = translate(LINEAR, VMX_ACCESS_WRITE, false);
    CU_ASSERT(t.write);
    CU_ASSERT_EQUAL(ram64(pte()) & 0x300, 0x300);
}

static void dirty_pages_are_logged(void)
{
    begin();
    g.vmcs.field[VMCS_EPT_POINTER] |= 1 << 6;
    (void)translate(LINEAR, VMX_ACCESS_READ, false); /* dirties the guest's tables, before the log is on */
    secondary(VMX_SEC_ENABLE_PML, true);
    (void)translate(LINEAR + 0x234, VMX_ACCESS_WRITE, false);
    CU_ASSERT_EQUAL(ram64(PML_PAGE + 8 * 511), PAGE);
    CU_ASSERT_EQUAL(g.vmcs.field[VMCS_GUEST_PML_INDEX], 510);
    (void)translate(LINEAR, VMX_ACCESS_WRITE, false); /* already dirty */
    CU_ASSERT_EQUAL(g.vmcs.field[VMCS_GUEST_PML_INDEX], 510);
    set_ram64(pte(), ram64(pte()) & ~UINT64_C(0x200));
    g.vmcs.field[VMCS_GUEST_PML_INDEX] = 0;
    (void)translate(LINEAR, VMX_ACCESS_WRITE, false);
    CU_ASSERT_EQUAL(ram64(PML_PAGE), PAGE);
    CU_ASSERT_EQUAL(g.vmcs.field[VMCS_GUEST_PML_INDEX], 0xffff);
}

static void full_log_exits_before_any_flag(void)
{
    begin();
    g.vmcs.field[VMCS_EPT_POINTER] |= 1 << 6;
    (void)translate(LINEAR, VMX_ACCESS_READ, false);
    secondary(VMX_SEC_ENABLE_PML, true);
    g.vmcs.field[VMCS_GUEST_PML_INDEX] = 0xffff;
    g.cpu.nmi_unblocked_by_iret = true;
    struct vmx_translation t = translate(LINEAR, VMX_ACCESS_WRITE, false);
    expect_exit(&t, VMX_EXIT_PML_FULL, 0x1000);
    CU_ASSERT_EQUAL(t.exit.valid, VMX_VALID_QUALIFICATION);
    CU_ASSERT_EQUAL(ram64(pte()) & 0x200, 0);
    t = translate(LINEAR, VMX_ACCESS_READ, false); /* no flag to set */
    CU_ASSERT_EQUAL(t.kind, VMX_TRANSLATED);
    set_ram64(pte(), ram64(pte()) & ~UINT64_C(0x100)); /* an accessed flag tests the index too, and logs nothing */
    t = translate(LINEAR, VMX_ACCESS_READ, false);
    expect_exit(&t, VMX_EXIT_PML_FULL, 0x1000);
    g.vmcs.field[VMCS_GUEST_PML_INDEX] = 5;
    t = translate(LINEAR, VMX_ACCESS_READ, false);
    CU_ASSERT(t.kind == VMX_TRANSLATED && g.vmcs.field[VMCS_GUEST_PML_INDEX] == 5);
    g.vmcs.field[VMCS_GUEST_PML_INDEX] = 512; /* the first that is beyond the log */
    t = translate(LINEAR, VMX_ACCESS_WRITE, false);
    expect_exit(&t, VMX_EXIT_PML_FULL, 0x1000);
    set_ram64(pte(), PAGE | 1 | EPT_WB); /* a violation comes first */
    g.vmcs.field[VMCS_GUEST_PML_INDEX] = 0xffff;
    t = translate(LINEAR, VMX_ACCESS_WRITE, false);
    expect_exit(&t, VMX_EXIT_EPT_VIOLATION, 0x118a);
}

static void begin_ve(void)
{
    begin();
    secondary(VMX_SEC_EPT_VIOLATION_VE, true);
    g.vmcs.field[VMCS_EPTP_INDEX] = 0x1234;
    set_ram64(pte(), PAGE | 1 | EPT_WB);
}

static void convertible_violations_become_ve(void)
{
    begin_ve();
    const struct vmx_translation t = translate(LINEAR + 4, VMX_ACCESS_WRITE, false);
    CU_ASSERT(t.kind == VMX_TRANSLATION_VE && t.event.vector == VMX_VE && t.event.type == VMX_EVENT_HARDWARE_EXCEPTION && !t.event.has_error_code);
    CU_ASSERT_EQUAL(ram64(VE_PAGE), UINT64_C(0xffffffff00000030));
    CU_ASSERT_EQUAL(ram64(VE_PAGE + 8), 0x18a);
    CU_ASSERT_EQUAL(ram64(VE_PAGE + 16), LINEAR + 4);
    CU_ASSERT_EQUAL(ram64(VE_PAGE + 24), PAGE + 4);
    CU_ASSERT_EQUAL(ram64(VE_PAGE + 32), 0x1234);
}

static void violations_that_must_not_convert_exit(void)
{
    begin_ve(); /* the area is busy */
    set_ram32(VE_PAGE + 4, 1);
    struct vmx_translation t = translate(LINEAR, VMX_ACCESS_WRITE, false);
    expect_exit(&t, VMX_EXIT_EPT_VIOLATION, 0x18a);
    begin_ve(); /* suppressed in the leaf */
    set_ram64(pte(), ram64(pte()) | UINT64_C(1) << 63);
    t = translate(LINEAR, VMX_ACCESS_WRITE, false);
    expect_exit(&t, VMX_EXIT_EPT_VIOLATION, 0x18a);
    begin_ve(); /* suppressed in the entry that is not present */
    set_ram64(pte(), UINT64_C(1) << 63);
    t = translate(LINEAR, VMX_ACCESS_WRITE, false);
    expect_exit(&t, VMX_EXIT_EPT_VIOLATION, 0x182);
    begin_ve(); /* during delivery */
    g.cpu.vectoring_info = 0x80000020;
    t = translate(LINEAR, VMX_ACCESS_WRITE, false);
    expect_exit(&t, VMX_EXIT_EPT_VIOLATION, 0x18a);
    begin_ve(); /* real mode */
    g.cpu.state.cr0 = 0;
    g.cpu.state.efer = 0;
    t = translate(PAGE, VMX_ACCESS_WRITE, false);
    expect_exit(&t, VMX_EXIT_EPT_VIOLATION, 0x18a);
    begin_ve(); /* a misconfiguration */
    set_ram64(pte(), PAGE | 2);
    t = translate(LINEAR, VMX_ACCESS_WRITE, false);
    expect_exit(&t, VMX_EXIT_EPT_MISCONFIG, 0);
}

/* An SPPT of four tables whose last entry answers for PAGE. */
static hpa_t build_sub_page_table(void)
{
    for (unsigned level = 0; level < 3; level++)
        set_ram64(SPP_ROOT + 4096 * level, (SPP_ROOT + 4096 * (level + 1)) | 1);
    return SPP_ROOT + 4096 * 3 + (PAGE >> 12) * 8;
}

static void sub_page_permissions_decide_refused_writes(void)
{
    begin();
    secondary(VMX_SEC_SPP, true);
    set_ram64(pte(), PAGE | 1 | EPT_WB | UINT64_C(1) << 61);
    struct vmx_translation t = translate(LINEAR, VMX_ACCESS_WRITE, false);
    expect_exit(&t, VMX_EXIT_SPP_RELATED_EVENT, 0x800); /* miss */
    CU_ASSERT(t.exit.guest_physical == PAGE && t.exit.guest_linear == LINEAR);
    const hpa_t last = build_sub_page_table();
    set_ram64(last, UINT64_C(1) << (2 * 3)); /* sub-page 3 */
    t = translate(LINEAR + 3 * 128 + 5, VMX_ACCESS_WRITE, false);
    CU_ASSERT(t.kind == VMX_TRANSLATED && !t.write);
    t = translate(LINEAR + 4 * 128, VMX_ACCESS_WRITE, false);
    expect_exit(&t, VMX_EXIT_EPT_VIOLATION, 0x18a);
    set_ram64(last, 2);
    t = translate(LINEAR, VMX_ACCESS_WRITE, false);
    expect_exit(&t, VMX_EXIT_SPP_RELATED_EVENT, 0); /* misconfiguration */
    set_ram64(SPP_ROOT, ram64(SPP_ROOT) | 2);
    t = translate(LINEAR, VMX_ACCESS_WRITE, false);
    expect_exit(&t, VMX_EXIT_SPP_RELATED_EVENT, 0);
    t = translate(LINEAR, VMX_ACCESS_READ, false);
    CU_ASSERT_EQUAL(t.kind, VMX_TRANSLATED);
}

static void begin_apic(void)
{
    begin();
    secondary(VMX_SEC_VIRTUALIZE_APIC_ACCESSES, true);
    set_ram64(pte(), APIC_PAGE | EPT_RWX | EPT_WB);
}

static void apic_page_exits_with_access_type_and_offset(void)
{
    begin_apic();
    struct vmx_translation t = translate(LINEAR + 0x20, VMX_ACCESS_READ, false);
    expect_exit(&t, VMX_EXIT_APIC_ACCESS, 0x20);
    CU_ASSERT_EQUAL(t.exit.valid, VMX_VALID_QUALIFICATION);
    t = translate(LINEAR + 0xb0, VMX_ACCESS_WRITE, false);
    expect_exit(&t, VMX_EXIT_APIC_ACCESS, 0x10b0);
    t = translate(LINEAR + 0x300, VMX_ACCESS_FETCH, false);
    expect_exit(&t, VMX_EXIT_APIC_ACCESS, 0x2300);
    g.cpu.vectoring_info = 0x80000020;
    t = translate(LINEAR + 0x80, VMX_ACCESS_WRITE, false);
    expect_exit(&t, VMX_EXIT_APIC_ACCESS, 0x3080);
    CU_ASSERT((t.exit.valid & VMX_VALID_IDT_VECTORING) != 0);
}

static void apic_page_exits_for_physical_accesses(void)
{
    begin_apic();
    const gpa_t table = guest_entry(LINEAR, 1) & ~UINT64_C(0xfff);
    set_ram64(ept_entry(table, 1), APIC_PAGE | EPT_RWX | EPT_WB);
    struct vmx_translation t = translate(LINEAR, VMX_ACCESS_READ, false);
    expect_exit(&t, VMX_EXIT_APIC_ACCESS, 0xf000);
    g.cpu.vectoring_info = 0x80000020;
    t = translate(LINEAR, VMX_ACCESS_READ, false);
    expect_exit(&t, VMX_EXIT_APIC_ACCESS, 0xa000);
}

static void shadowed_apic_accesses_go_to_the_virtual_page(void)
{
    struct vmx_translation t;
    uint32_t value = 0;
    begin_apic();
    set_control(VMCS_CPU_BASED_VM_EXEC_CONTROL, VMX_PRI_USE_TPR_SHADOW, true);
    set_ram32(VIRTUAL_APIC_PAGE + 0x80, 0x50);
    CU_ASSERT(vmx_read_linear(&g.cpu, LINEAR + 0x80, &value, 4, VMX_ACCESS_READ, false, &t));
    CU_ASSERT(value == 0x50 && t.apic_page && !t.read && !t.write && !t.fetch);
    value = 0x70;
    CU_ASSERT(vmx_write_linear(&g.cpu, LINEAR + 0x80, &value, 4, false, &t));
    CU_ASSERT_EQUAL(ram64(VIRTUAL_APIC_PAGE + 0x80), 0x70);
    CU_ASSERT_FALSE(vmx_read_linear(&g.cpu, LINEAR + 0x20, &value, 4, VMX_ACCESS_READ, false, &t));
    expect_exit(&t, VMX_EXIT_APIC_ACCESS, 0x20);
    CU_ASSERT_FALSE(vmx_write_linear(&g.cpu, LINEAR + 0xb0, &value, 4, false, &t));
    expect_exit(&t, VMX_EXIT_APIC_ACCESS, 0x10b0);
}

static void virtualized_offsets_follow_the_controls(void)
{
    static const struct {
        bool registers, delivery;
        unsigned offset, size;
        bool write, virtualized;
    } rows[] = {
        {false, false, 0x80, 4, false, true}, {false, false, 0x80, 4, true, true},   {false, false, 0x81, 1, false, false},
        {false, false, 0xb0, 4, true, false}, {false, true, 0xb0, 4, true, true},    {false, true, 0xb0, 4, false, false},
        {false, true, 0x300, 4, true, true},  {false, true, 0x310, 4, true, false},  {true, false, 0x20, 4, false, true},
        {true, false, 0x30, 4, true, false},  {true, false, 0x170, 4, false, true},  {true, false, 0x270, 4, false, true},
        {true, false, 0x280, 4, true, true},  {true, false, 0x290, 4, false, false}, {true, false, 0x370, 4, true, true},
        {true, false, 0x380, 4, true, true},  {true, false, 0x390, 4, false, false}, {true, false, 0x3e0, 4, true, true},
        {true, false, 0x82, 2, false, true},  {true, false, 0x82, 4, false, false},  {true, false, 0x84, 4, false, false},
        {true, false, 0x80, 8, false, false}, {true, false, 0x400, 4, false, false}, {true, false, 0x180, 4, true, false},
        {true, false, 0x320, 4, true, true},  {true, false, 0x310, 4, true, true},
    };
    begin_apic();
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        secondary(VMX_SEC_APIC_REGISTER_VIRT, rows[i].registers);
        secondary(VMX_SEC_VIRTUAL_INTR_DELIVERY, rows[i].delivery);
        CU_ASSERT_EQUAL(vmx_apic_access_virtualized(&g.cpu, rows[i].offset, rows[i].size, rows[i].write), rows[i].virtualized);
    }
}

static void large_page_around_the_apic_page_is_cut(void)
{
    begin_apic();
    set_ram64(ept_entry(UINT64_C(0x40200000), 2), 0x200000 | EPT_RWX | EPT_WB | 1u << 7);
    g.cpu.state.cr0 = VMX_CR0_PE;
    g.cpu.state.efer = 0;
    const struct vmx_translation t = translate(0x40200000, VMX_ACCESS_READ, false);
    CU_ASSERT(t.kind == VMX_TRANSLATED && t.page_size == 4096);
    const struct vmx_translation exits = translate(0x40303010, VMX_ACCESS_READ, false);
    expect_exit(&exits, VMX_EXIT_APIC_ACCESS, 0x10);
}

static void ept_is_off_outside_nonroot_operation(void)
{
    begin();
    set_ram64(pte(), 0);
    g.cpu.operation = VMX_OPERATION_ROOT;
    const struct vmx_translation t = translate(LINEAR, VMX_ACCESS_READ, false);
    CU_ASSERT(t.kind == VMX_TRANSLATED && t.host == PAGE);
}

SUITE("vmx-model/ept", {"maps_small_and_large_pages", maps_small_and_large_pages}, {"five_levels_translate_57_bits", five_levels_translate_57_bits},
      {"four_levels_refuse_more_than_48_bits", four_levels_refuse_more_than_48_bits},
      {"violation_reports_access_and_permissions", violation_reports_access_and_permissions},
      {"permissions_are_the_and_of_all_levels", permissions_are_the_and_of_all_levels},
      {"not_present_entry_above_clears_permission_bits", not_present_entry_above_clears_permission_bits},
      {"advanced_information_describes_the_guest_page", advanced_information_describes_the_guest_page},
      {"mode_based_execute_separates_user_and_supervisor_pages", mode_based_execute_separates_user_and_supervisor_pages},
      {"structure_accesses_clear_bit_8", structure_accesses_clear_bit_8},
      {"physical_accesses_have_no_linear_address", physical_accesses_have_no_linear_address}, {"nmi_unblocking_is_bit_12", nmi_unblocking_is_bit_12},
      {"vectoring_information_is_recorded", vectoring_information_is_recorded},
      {"held_debug_exceptions_stay_pending", held_debug_exceptions_stay_pending},
      {"every_misconfiguration_rule_exits", every_misconfiguration_rule_exits},
      {"reserved_bits_of_not_present_entries_are_ignored", reserved_bits_of_not_present_entries_are_ignored},
      {"flags_are_set_where_eptp_asks", flags_are_set_where_eptp_asks}, {"dirty_pages_are_logged", dirty_pages_are_logged},
      {"full_log_exits_before_any_flag", full_log_exits_before_any_flag}, {"convertible_violations_become_ve", convertible_violations_become_ve},
      {"violations_that_must_not_convert_exit", violations_that_must_not_convert_exit},
      {"sub_page_permissions_decide_refused_writes", sub_page_permissions_decide_refused_writes},
      {"apic_page_exits_with_access_type_and_offset", apic_page_exits_with_access_type_and_offset},
      {"apic_page_exits_for_physical_accesses", apic_page_exits_for_physical_accesses},
      {"shadowed_apic_accesses_go_to_the_virtual_page", shadowed_apic_accesses_go_to_the_virtual_page},
      {"virtualized_offsets_follow_the_controls", virtualized_offsets_follow_the_controls},
      {"large_page_around_the_apic_page_is_cut", large_page_around_the_apic_page_is_cut},
      {"ept_is_off_outside_nonroot_operation", ept_is_off_outside_nonroot_operation})
