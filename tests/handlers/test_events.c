/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Events: reflection, double faults, re-injection, interrupts and windows. */
#include "tests/support/guest.h"

enum { RFLAGS_IF = 0x200 };

static void exception_exit(uint32_t info, uint32_t error_code, uint64_t qualification)
{
    bk->field[VMCS_VM_EXIT_INTR_INFO] = info;
    bk->field[VMCS_VM_EXIT_INTR_ERROR_CODE] = error_code;
    CU_ASSERT_EQUAL(guest_exit(VMX_EXIT_EXCEPTION_NMI, qualification, 1), HV_RESUME);
}

static void page_fault_is_reflected_with_cr2(void)
{
    guest_start(GUEST_LONG, NULL);
    exception_exit(0x80000b0e, 7, 0x1234000);
    CU_ASSERT_EQUAL(guest_enter(), 0x80000b0e);
    CU_ASSERT_EQUAL(bk->field[VMCS_VM_ENTRY_EXCEPTION_ERROR_CODE], 7);
    CU_ASSERT_EQUAL(bk->cr2, 0x1234000);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_RIP], 0x1000);
}

static void breakpoint_is_reflected_with_its_length(void)
{
    guest_start(GUEST_LONG, NULL);
    exception_exit(0x80000603, 0, 0);
    CU_ASSERT_EQUAL(guest_enter(), 0x80000603);
    CU_ASSERT_EQUAL(bk->field[VMCS_VM_ENTRY_INSTRUCTION_LEN], 1);
}

static void debug_exception_sets_dr6_and_clears_general_detect(void)
{
    guest_start(GUEST_LONG, NULL);
    bk->dr[6] = 0xffff0ff2;
    bk->field[VMCS_GUEST_DR7] = 0x2400;
    exception_exit(0x80000301, 0, 0x4001);
    CU_ASSERT_EQUAL(bk->dr[6], 0xffff4ff1);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_DR7], 0x400);
    CU_ASSERT_EQUAL(guest_enter(), 0x80000301);
    exception_exit(0x80000301, 0, 0x10800); /* bits 11 and 16 are 0 for what the others say by 1 */
    CU_ASSERT_EQUAL(bk->dr[6] & 0x10800, 0);
    exception_exit(0x80000301, 0, 0x4000);
    CU_ASSERT_EQUAL(bk->dr[6] & 0x10800, 0x10800);
}

static void exceptions_stop_the_guest_when_the_owner_says_so(void)
{
    struct hv_policy policy;
    hv_default_policy(&policy);
    policy.exceptions = HV_EXCEPTION_STOP;
    guest_start(GUEST_LONG, &policy);
    bk->field[VMCS_VM_EXIT_INTR_INFO] = 0x80000306;
    CU_ASSERT_EQUAL(guest_exit(VMX_EXIT_EXCEPTION_NMI, 0, 0), HV_STOP);
}

/* SDM 3A, table "Conditions for Generating a Double Fault". */
static void nested_exceptions_combine(void)
{
    static const struct {
        uint32_t first, second, injected;
    } rows[] = {
        {0x80000b0d, 0x80000b0d, INJECT_DF},  /* #GP, #GP */
        {0x80000b0d, 0x80000b0e, 0x80000b0e}, /* #GP, #PF: serial */
        {0x80000b0e, 0x80000b0e, INJECT_DF},  /* #PF, #PF */
        {0x80000b0e, 0x80000b0b, INJECT_DF},  /* #PF, #NP */
        {0x80000301, 0x80000b0e, 0x80000b0e}, /* #DB, #PF: serial */
        {0x80000680, 0x80000b0d, 0x80000b0d}, /* software event */
        {0x80000b0d, 0x80000306, 0x80000306}, /* #GP, #UD: serial */
    };
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        guest_start(GUEST_LONG, NULL);
        bk->field[VMCS_IDT_VECTORING_INFO_FIELD] = rows[i].first;
        exception_exit(rows[i].second, 0, 0);
        CU_ASSERT_EQUAL(guest_enter(), rows[i].injected);
    }
}

static void an_exception_in_double_fault_delivery_is_a_triple_fault(void)
{
    guest_start(GUEST_LONG, NULL);
    bk->field[VMCS_IDT_VECTORING_INFO_FIELD] = INJECT_DF;
    bk->field[VMCS_VM_EXIT_INTR_INFO] = 0x80000b0e;
    CU_ASSERT_EQUAL(guest_exit(VMX_EXIT_EXCEPTION_NMI, 0, 0), HV_STOP);
}

static void an_interrupt_that_met_an_exception_waits_again(void)
{
    guest_start(GUEST_LONG, NULL);
    bk->field[VMCS_IDT_VECTORING_INFO_FIELD] = 0x80000040;
    exception_exit(0x80000b0e, 2, 0);
    CU_ASSERT_EQUAL(guest_enter(), 0x80000b0e);
    bk->field[VMCS_IDT_VECTORING_INFO_FIELD] = 0;
    bk->field[VMCS_GUEST_RFLAGS] |= RFLAGS_IF;
    (void)guest_exit(VMX_EXIT_INTERRUPT_WINDOW, 0, 0);
    CU_ASSERT_EQUAL(guest_enter(), 0x80000040);
}

static void an_nmi_that_met_an_exception_waits_again(void)
{
    guest_start(GUEST_LONG, NULL);
    bk->field[VMCS_IDT_VECTORING_INFO_FIELD] = 0x80000202;
    exception_exit(0x80000b0e, 2, 0);
    CU_ASSERT_EQUAL(guest_enter(), 0x80000b0e);
    bk->field[VMCS_IDT_VECTORING_INFO_FIELD] = 0;
    bk->field[VMCS_GUEST_INTERRUPTIBILITY_INFO] = 0;
    (void)guest_exit(VMX_EXIT_CPUID, 0, 2);
    CU_ASSERT_EQUAL(guest_enter(), 0x80000202);
}

static void a_vectored_event_is_injected_again(void)
{
    guest_start(GUEST_LONG, NULL);
    bk->field[VMCS_IDT_VECTORING_INFO_FIELD] = 0x80000430; /* INT 30h */
    bk->field[VMCS_GUEST_PHYSICAL_ADDRESS] = 0x5000;
    CU_ASSERT_EQUAL(guest_exit(VMX_EXIT_EPT_VIOLATION, 0x183, 2), HV_RESUME);
    CU_ASSERT_EQUAL(guest_enter(), 0x80000430);
    CU_ASSERT_EQUAL(bk->field[VMCS_VM_ENTRY_INSTRUCTION_LEN], 2);
}

static void a_vectored_nmi_is_injected_again_without_blocking(void)
{
    guest_start(GUEST_LONG, NULL);
    bk->field[VMCS_IDT_VECTORING_INFO_FIELD] = 0x80000202;
    bk->field[VMCS_GUEST_INTERRUPTIBILITY_INFO] = VMX_BLOCKING_BY_NMI;
    bk->field[VMCS_GUEST_PHYSICAL_ADDRESS] = 0x5000;
    CU_ASSERT_EQUAL(guest_exit(VMX_EXIT_EPT_VIOLATION, 0x183, 0), HV_RESUME);
    CU_ASSERT_EQUAL(guest_enter(), 0x80000202);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_INTERRUPTIBILITY_INFO], 0);
}

static void nmi_blocking_that_iret_removed_is_restored(void)
{
    guest_start(GUEST_LONG, NULL);
    bk->field[VMCS_GUEST_PHYSICAL_ADDRESS] = 0x5000;
    (void)guest_exit(VMX_EXIT_EPT_VIOLATION, 0x1181, 0);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_INTERRUPTIBILITY_INFO], VMX_BLOCKING_BY_NMI);
}

static void an_external_interrupt_reaches_the_guest_under_its_vector(void)
{
    guest_start(GUEST_LONG, NULL);
    bk->field[VMCS_GUEST_RFLAGS] |= RFLAGS_IF;
    bk->interrupt = 0x51;
    CU_ASSERT_EQUAL(guest_exit(VMX_EXIT_EXTERNAL_INTERRUPT, 0, 0), HV_RESUME);
    CU_ASSERT_EQUAL(guest_enter(), 0x80000051);
}

static void an_acknowledged_interrupt_is_taken_from_the_exit_information(void)
{
    guest_start(GUEST_LONG, NULL);
    bk->field[VMCS_GUEST_RFLAGS] |= RFLAGS_IF;
    bk->field[VMCS_VM_EXIT_INTR_INFO] = 0x80000061;
    (void)guest_exit(VMX_EXIT_EXTERNAL_INTERRUPT, 0, 0);
    CU_ASSERT_EQUAL(guest_enter(), 0x80000061);
}

static void a_guest_that_is_not_ready_gets_a_window(void)
{
    static const struct {
        uint64_t rflags, interruptibility;
    } not_ready[] = {{2, 0}, {0x202, VMX_BLOCKING_BY_STI}, {0x202, VMX_BLOCKING_BY_MOV_SS}};
    for (unsigned i = 0; i < 3; i++) {
        guest_start(GUEST_LONG, NULL);
        bk->field[VMCS_GUEST_RFLAGS] = not_ready[i].rflags;
        bk->field[VMCS_GUEST_INTERRUPTIBILITY_INFO] = not_ready[i].interruptibility;
        hv_queue_interrupt(vcpu, 0x40);
        CU_ASSERT_EQUAL(guest_enter(), 0);
        CU_ASSERT_TRUE(hv_primary_control(vcpu, VMX_PRI_INTR_WINDOW_EXITING));
        bk->field[VMCS_GUEST_RFLAGS] = 0x202;
        bk->field[VMCS_GUEST_INTERRUPTIBILITY_INFO] = 0;
        (void)guest_exit(VMX_EXIT_INTERRUPT_WINDOW, 0, 0);
        CU_ASSERT_EQUAL(guest_enter(), 0x80000040);
        CU_ASSERT_FALSE(hv_primary_control(vcpu, VMX_PRI_INTR_WINDOW_EXITING));
    }
}

static void the_highest_vector_goes_first_and_the_next_gets_a_window(void)
{
    guest_start(GUEST_LONG, NULL);
    bk->field[VMCS_GUEST_RFLAGS] |= RFLAGS_IF;
    hv_queue_interrupt(vcpu, 0x30);
    hv_queue_interrupt(vcpu, 0xe0);
    CU_ASSERT_EQUAL(guest_enter(), 0x800000e0);
    CU_ASSERT_TRUE(hv_primary_control(vcpu, VMX_PRI_INTR_WINDOW_EXITING));
    (void)guest_exit(VMX_EXIT_INTERRUPT_WINDOW, 0, 0);
    CU_ASSERT_EQUAL(guest_enter(), 0x80000030);
}

static void the_task_priority_holds_interrupts_back(void)
{
    guest_start(GUEST_LONG, NULL);
    bk->field[VMCS_GUEST_RFLAGS] |= RFLAGS_IF;
    vcpu->tpr = 0x40;
    hv_queue_interrupt(vcpu, 0x4f);
    CU_ASSERT_EQUAL(guest_enter(), 0);
    vcpu->tpr = 0x30;
    CU_ASSERT_EQUAL(guest_enter(), 0x8000004f);
}

static void a_masked_interrupt_sets_the_tpr_threshold(void)
{
    guest_start(GUEST_LONG, NULL);
    const hpa_t page = bk_page(&machine);
    bk->field[VMCS_CPU_BASED_VM_EXEC_CONTROL] |= VMX_PRI_USE_TPR_SHADOW;
    bk->field[VMCS_VIRTUAL_APIC_PAGE_ADDR] = page;
    bk->field[VMCS_GUEST_RFLAGS] |= RFLAGS_IF;
    machine.memory[page + 0x80] = 0x50;
    hv_queue_interrupt(vcpu, 0x42);
    CU_ASSERT_EQUAL(guest_enter(), 0);
    CU_ASSERT_EQUAL(bk->field[VMCS_TPR_THRESHOLD], 4);
    machine.memory[page + 0x80] = 0x30;
    CU_ASSERT_EQUAL(guest_exit(VMX_EXIT_TPR_BELOW_THRESHOLD, 0, 0), HV_RESUME);
    CU_ASSERT_EQUAL(guest_enter(), 0x80000042);
    CU_ASSERT_EQUAL(bk->field[VMCS_TPR_THRESHOLD], 0);
}

static void virtual_interrupt_delivery_needs_no_injection(void)
{
    guest_start(GUEST_LONG, NULL);
    const hpa_t page = bk_page(&machine);
    bk->field[VMCS_CPU_BASED_VM_EXEC_CONTROL] |= VMX_PRI_USE_TPR_SHADOW;
    bk->field[VMCS_SECONDARY_VM_EXEC_CONTROL] |= VMX_SEC_VIRTUAL_INTR_DELIVERY;
    bk->field[VMCS_VIRTUAL_APIC_PAGE_ADDR] = page;
    hv_queue_interrupt(vcpu, 0x31);
    CU_ASSERT_EQUAL(guest_enter(), 0);
    CU_ASSERT_EQUAL(bk->field[VMCS_GUEST_INTR_STATUS], 0x31);
    CU_ASSERT_EQUAL(machine.memory[page + 0x210 + 2], 1u << 1); /* bit 31h of VIRR */
    CU_ASSERT_FALSE(hv_primary_control(vcpu, VMX_PRI_INTR_WINDOW_EXITING));
}

static void an_nmi_is_handled_and_passed_on(void)
{
    guest_start(GUEST_LONG, NULL);
    bk->field[VMCS_VM_EXIT_INTR_INFO] = 0x80000202;
    (void)guest_exit(VMX_EXIT_EXCEPTION_NMI, 0, 0);
    CU_ASSERT_EQUAL(bk->nmis_taken, 1);
    CU_ASSERT_EQUAL(guest_enter(), 0x80000202);
}

static void a_blocked_nmi_gets_a_window(void)
{
    guest_start(GUEST_LONG, NULL);
    bk->field[VMCS_GUEST_INTERRUPTIBILITY_INFO] = VMX_BLOCKING_BY_NMI;
    hv_queue_nmi(vcpu);
    CU_ASSERT_EQUAL(guest_enter(), 0);
    CU_ASSERT_TRUE(hv_primary_control(vcpu, VMX_PRI_NMI_WINDOW_EXITING));
    bk->field[VMCS_GUEST_INTERRUPTIBILITY_INFO] = 0;
    (void)guest_exit(VMX_EXIT_NMI_WINDOW, 0, 0);
    CU_ASSERT_FALSE(hv_primary_control(vcpu, VMX_PRI_NMI_WINDOW_EXITING));
    CU_ASSERT_EQUAL(guest_enter(), 0x80000202);
}

static void an_event_that_a_script_put_into_the_vmcs_stays(void)
{
    guest_start(GUEST_LONG, NULL);
    bk->field[VMCS_GUEST_RFLAGS] |= RFLAGS_IF;
    bk->field[VMCS_VM_ENTRY_INTR_INFO_FIELD] = 0x80000306;
    hv_queue_interrupt(vcpu, 0x40);
    CU_ASSERT_EQUAL(guest_enter(), 0x80000306);
    CU_ASSERT_TRUE(hv_primary_control(vcpu, VMX_PRI_INTR_WINDOW_EXITING));
}

static void real_mode_exceptions_have_no_error_code(void)
{
    guest_start(GUEST_REAL, NULL);
    hv_inject_gp(vcpu, 0);
    CU_ASSERT_EQUAL(guest_enter(), 0x8000030d);
    CU_ASSERT_NOT_EQUAL(bk->field[VMCS_GUEST_RFLAGS] & 0x10000, 0);
}

SUITE("handlers/events", {"page_fault_is_reflected_with_cr2", page_fault_is_reflected_with_cr2},
      {"breakpoint_is_reflected_with_its_length", breakpoint_is_reflected_with_its_length},
      {"debug_exception_sets_dr6_and_clears_general_detect", debug_exception_sets_dr6_and_clears_general_detect},
      {"exceptions_stop_the_guest_when_the_owner_says_so", exceptions_stop_the_guest_when_the_owner_says_so},
      {"nested_exceptions_combine", nested_exceptions_combine},
      {"an_exception_in_double_fault_delivery_is_a_triple_fault", an_exception_in_double_fault_delivery_is_a_triple_fault},
      {"an_interrupt_that_met_an_exception_waits_again", an_interrupt_that_met_an_exception_waits_again},
      {"an_nmi_that_met_an_exception_waits_again", an_nmi_that_met_an_exception_waits_again},
      {"a_vectored_event_is_injected_again", a_vectored_event_is_injected_again},
      {"a_vectored_nmi_is_injected_again_without_blocking", a_vectored_nmi_is_injected_again_without_blocking},
      {"nmi_blocking_that_iret_removed_is_restored", nmi_blocking_that_iret_removed_is_restored},
      {"an_external_interrupt_reaches_the_guest_under_its_vector", an_external_interrupt_reaches_the_guest_under_its_vector},
      {"an_acknowledged_interrupt_is_taken_from_the_exit_information", an_acknowledged_interrupt_is_taken_from_the_exit_information},
      {"a_guest_that_is_not_ready_gets_a_window", a_guest_that_is_not_ready_gets_a_window},
      {"the_highest_vector_goes_first_and_the_next_gets_a_window", the_highest_vector_goes_first_and_the_next_gets_a_window},
      {"the_task_priority_holds_interrupts_back", the_task_priority_holds_interrupts_back},
      {"a_masked_interrupt_sets_the_tpr_threshold", a_masked_interrupt_sets_the_tpr_threshold},
      {"virtual_interrupt_delivery_needs_no_injection", virtual_interrupt_delivery_needs_no_injection},
      {"an_nmi_is_handled_and_passed_on", an_nmi_is_handled_and_passed_on}, {"a_blocked_nmi_gets_a_window", a_blocked_nmi_gets_a_window},
      {"an_event_that_a_script_put_into_the_vmcs_stays", an_event_that_a_script_put_into_the_vmcs_stays},
      {"real_mode_exceptions_have_no_error_code", real_mode_exceptions_have_no_error_code})
