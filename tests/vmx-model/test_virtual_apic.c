/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The virtual-APIC page: TPR, PPR, EOI and self-IPI virtualization, delivery, posted interrupts, x2APIC MSRs. */
#include "vmx-model/virtual_apic.h"

#include <string.h>

#include "tests/support/running_guest.h"
#include "tests/support/suite.h"
#include "vmx-model/controls.h"
#include "vmx-model/deliver.h"
#include "vmx-model/reasons.h"
#include "vmx-model/registers.h"

#define RDMSR "\x0f\x32"
#define WRMSR "\x0f\x30"

static struct valid_machine m;

enum { PAGE = VALID_VIRTUAL_APIC, MSR_BITMAP = 0xb000, POSTED = 0xc000 };

static void start(uint32_t pin, uint32_t secondary)
{
    running_guest(&m, VALID_LONG, pin | VMX_PIN_EXT_INTR_EXITING, VMX_PRI_USE_TPR_SHADOW | VMX_PRI_USE_MSR_BITMAPS, secondary);
    m.vmcs.field[VMCS_MSR_BITMAP] = MSR_BITMAP;
    m.cpu.state.rflags |= VMX_RFLAGS_IF;
}
static void start_delivery(void)
{
    start(0, VMX_SEC_VIRTUAL_INTR_DELIVERY | VMX_SEC_VIRTUALIZE_X2APIC);
}

static uint32_t at(unsigned offset)
{
    uint32_t value;
    memcpy(&value, m.memory + PAGE + offset, 4);
    return value;
}
static void put(unsigned offset, uint32_t value)
{
    memcpy(m.memory + PAGE + offset, &value, 4);
}
static bool bit(unsigned base, unsigned vector)
{
    return (at(base + vector / 32 * 16) >> vector % 32 & 1) != 0;
}
static void status(uint8_t rvi, uint8_t svi)
{
    m.vmcs.field[VMCS_GUEST_INTR_STATUS] = rvi | (uint64_t)svi << 8;
}
static uint64_t got_status(void)
{
    return vmcs_get(&m.vmcs, VMCS_GUEST_INTR_STATUS);
}

static struct vmx_outcome wrmsr(uint32_t index, uint64_t value)
{
    m.cpu.state.gpr[VMX_RCX] = index;
    m.cpu.state.gpr[VMX_RDX] = value >> 32;
    m.cpu.state.gpr[VMX_RAX] = (uint32_t)value;
    return STEP(&m, WRMSR);
}

static void a_self_ipi_is_delivered_when_its_priority_is_higher(void)
{
    start_delivery();
    put(0x80, 0x40);
    struct vmx_outcome o = vmx_apic_write_emulation(&m.cpu, 0x80);
    CU_ASSERT(is_done(&o));
    CU_ASSERT_EQUAL(at(0xa0), 0x40);
    o = wrmsr(VMX_MSR_X2APIC_SELF_IPI, 0x4f); /* class 4 is not higher than class 4 */
    CU_ASSERT(is_done(&o));
    CU_ASSERT_TRUE(bit(0x200, 0x4f));
    CU_ASSERT_FALSE(m.cpu.pending.virtual_interrupt);
    o = wrmsr(VMX_MSR_X2APIC_SELF_IPI, 0x51);
    CU_ASSERT_TRUE(m.cpu.pending.virtual_interrupt);
    CU_ASSERT_EQUAL(got_status(), 0x51);
    o = vmx_boundary(&m.cpu);
    CU_ASSERT(o.kind == VMX_OUTCOME_FAULT && o.event.vector == 0x51 && o.event.type == VMX_EVENT_EXTERNAL_INTERRUPT && o.event.is_virtual);
    CU_ASSERT_EQUAL(got_status(), 0x514f);
    CU_ASSERT_TRUE(bit(0x100, 0x51));
    CU_ASSERT_FALSE(bit(0x200, 0x51));
    CU_ASSERT_EQUAL(at(0xa0), 0x50);
    struct vmx_exit_info exit;
    CU_ASSERT_FALSE(vmx_event_exits(&m.cpu, &o.event, &exit));
    o = vmx_boundary(&m.cpu);
    CU_ASSERT(is_run(&o));
}

static void virtual_interrupts_wait_for_an_open_window(void)
{
    start_delivery();
    (void)wrmsr(VMX_MSR_X2APIC_SELF_IPI, 0x80);
    m.cpu.state.rflags &= ~VMX_RFLAGS_IF;
    struct vmx_outcome o = vmx_boundary(&m.cpu);
    CU_ASSERT(is_run(&o));
    m.cpu.state.rflags |= VMX_RFLAGS_IF;
    m.cpu.state.interruptibility = VMX_BLOCKING_BY_STI;
    o = vmx_boundary(&m.cpu);
    CU_ASSERT(is_run(&o));
    m.cpu.state.interruptibility = 0;
    m.cpu.state.activity = VMX_SHUTDOWN;
    o = vmx_boundary(&m.cpu);
    CU_ASSERT(is_run(&o));
    m.cpu.state.activity = VMX_HLT;
    o = vmx_boundary(&m.cpu);
    CU_ASSERT_EQUAL(o.kind, VMX_OUTCOME_FAULT);
}

static void eoi_ends_the_highest_service_and_may_exit(void)
{
    start_delivery();
    put(0x100 + 0x20, 1u << 3); /* vector 43H in service */
    put(0x100 + 0x40, 1u << 1); /* vector 81H in service */
    status(0x70, 0x81);
    struct vmx_outcome o = wrmsr(VMX_MSR_X2APIC_EOI, 0);
    CU_ASSERT(is_done(&o));
    CU_ASSERT_EQUAL(got_status(), 0x4370);
    CU_ASSERT_FALSE(bit(0x100, 0x81));
    CU_ASSERT_EQUAL(at(0xa0), 0x40);
    CU_ASSERT_TRUE(m.cpu.pending.virtual_interrupt);
    m.cpu.pending.virtual_interrupt = false;
    m.vmcs.field[VMCS_EOI_EXIT_BITMAP1] = UINT64_C(1) << 3;
    const uint64_t rip = m.cpu.state.rip;
    o = wrmsr(VMX_MSR_X2APIC_EOI, 0);
    CU_ASSERT(is_exit(&o, VMX_EXIT_EOI_INDUCED));
    CU_ASSERT_EQUAL(o.exit.qualification, 0x43);
    CU_ASSERT_EQUAL(m.cpu.state.rip, rip + 2);
    CU_ASSERT_EQUAL(got_status(), 0x70);
    o = wrmsr(VMX_MSR_X2APIC_EOI, 1);
    CU_ASSERT(is_fault(&o, VMX_GP));
}

static void x2apic_msrs_go_to_the_page_by_the_controls(void)
{
    start(0, VMX_SEC_VIRTUALIZE_X2APIC);
    m.vmcs.field[VMCS_TPR_THRESHOLD] = 0;
    struct vmx_outcome o = wrmsr(VMX_MSR_X2APIC_TPR, 0x123);
    CU_ASSERT(is_fault(&o, VMX_GP));
    o = wrmsr(VMX_MSR_X2APIC_TPR, 0x33);
    CU_ASSERT(is_done(&o));
    CU_ASSERT_EQUAL(at(0x80), 0x33);
    o = STEP(&m, RDMSR);
    CU_ASSERT_EQUAL(m.cpu.state.gpr[VMX_RAX], 0x33);
    o = wrmsr(VMX_MSR_X2APIC_EOI, 0); /* without virtual-interrupt delivery an ordinary MSR */
    CU_ASSERT(is_fault(&o, VMX_GP));
    m.cpu.state.gpr[VMX_RCX] = 0x802;
    o = STEP(&m, RDMSR);
    CU_ASSERT(is_fault(&o, VMX_GP));
    start(0, VMX_SEC_VIRTUALIZE_X2APIC | VMX_SEC_APIC_REGISTER_VIRT);
    put(0x20, 0x12345678);
    m.cpu.state.gpr[VMX_RCX] = 0x802;
    o = STEP(&m, RDMSR);
    CU_ASSERT(is_done(&o) && m.cpu.state.gpr[VMX_RAX] == 0x12345678);
    m.vmcs.field[VMCS_TPR_THRESHOLD] = 8;
    o = wrmsr(VMX_MSR_X2APIC_TPR, 0x7f);
    CU_ASSERT(is_exit(&o, VMX_EXIT_TPR_BELOW_THRESHOLD));
    start_delivery();
    o = wrmsr(VMX_MSR_X2APIC_SELF_IPI, 0x0f);
    CU_ASSERT(is_exit(&o, VMX_EXIT_APIC_WRITE) && o.exit.qualification == 0x3f0);
}

static void writes_to_the_page_are_emulated_or_exit(void)
{
    static const struct {
        unsigned offset;
        uint32_t value;
        bool delivery;
        unsigned reason; /* 0: none */
    } rows[] = {
        {0x80, 0x20, true, 0},
        {0xb0, 0, true, 0},
        {0xb0, 0, false, VMX_EXIT_APIC_WRITE},
        {0x300, 0x40050, true, 0},                    /* self */
        {0x300, 0x40050, false, VMX_EXIT_APIC_WRITE}, /* no delivery */
        {0x300, 0x4000f, true, VMX_EXIT_APIC_WRITE},  /* vector below 16 */
        {0x300, 0x80050, true, VMX_EXIT_APIC_WRITE},  /* all including self */
        {0x300, 0x40450, true, VMX_EXIT_APIC_WRITE},  /* NMI */
        {0x300, 0x48050, true, VMX_EXIT_APIC_WRITE},  /* level-triggered */
        {0x310, 0x12345678, true, 0},
        {0x312, 0x12345678, true, 0},
        {0x314, 0, true, VMX_EXIT_APIC_WRITE},
        {0x81, 0x2000, true, VMX_EXIT_APIC_WRITE}, /* registers are known by their first byte, VICR_HI by any */
        {0xb1, 0, true, VMX_EXIT_APIC_WRITE},
        {0x302, 0x40050, true, VMX_EXIT_APIC_WRITE},
        {0x320, 0, true, VMX_EXIT_APIC_WRITE},
    };
    for (unsigned k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        start(0, VMX_SEC_APIC_REGISTER_VIRT | (rows[k].delivery ? VMX_SEC_VIRTUAL_INTR_DELIVERY : 0));
        put(rows[k].offset & ~3u, rows[k].value);
        const struct vmx_outcome o = vmx_apic_write_emulation(&m.cpu, rows[k].offset);
        CU_ASSERT(rows[k].reason == 0 ? is_done(&o) : is_exit(&o, rows[k].reason) && o.exit.qualification == rows[k].offset);
    }
    start_delivery();
    put(0x310, 0x12345678);
    (void)vmx_apic_write_emulation(&m.cpu, 0x310);
    CU_ASSERT_EQUAL(at(0x310), 0x12000000);
}

static void every_bit_of_the_interrupt_command_counts(void)
{
    /* destination 31:20 reserved, shorthand 19:18 = 01, 17:16 reserved, trigger 15, level 14, 13 reserved, delivery status 12,
       destination mode 11, delivery mode 10:8, vector */
    const uint32_t self = 0x40050, may_differ = 1u << 14 | 1u << 11 | 0xff;
    for (unsigned b = 0; b < 32; b++) {
        start_delivery();
        put(0x300, self ^ 1u << b);
        const struct vmx_outcome o = vmx_apic_write_emulation(&m.cpu, 0x300);
        if ((may_differ >> b & 1) != 0)
            CU_ASSERT(is_done(&o) && bit(0x200, (uint8_t)(self ^ 1u << b)))
        else
            CU_ASSERT(is_exit(&o, VMX_EXIT_APIC_WRITE) && o.exit.qualification == 0x300)
    }
}

static void tpr_writes_clear_the_upper_bytes(void)
{
    start(0, VMX_SEC_VIRTUALIZE_APIC_ACCESSES);
    put(0x80, 0x12345678);
    struct vmx_outcome o = vmx_apic_write_emulation(&m.cpu, 0x80);
    CU_ASSERT(is_done(&o) && at(0x80) == 0x78);
    m.vmcs.field[VMCS_TPR_THRESHOLD] = 7;
    o = vmx_apic_write_emulation(&m.cpu, 0x80);
    CU_ASSERT(is_done(&o));
    m.vmcs.field[VMCS_TPR_THRESHOLD] = 8;
    o = vmx_apic_write_emulation(&m.cpu, 0x80);
    CU_ASSERT(is_exit(&o, VMX_EXIT_TPR_BELOW_THRESHOLD));
    CU_ASSERT_EQUAL(vmx_virtual_cr8(&m.cpu), 7);
    start_delivery(); /* the threshold has no say */
    m.vmcs.field[VMCS_TPR_THRESHOLD] = 8;
    o = vmx_write_virtual_cr8(&m.cpu, 5);
    CU_ASSERT(is_done(&o) && at(0x80) == 0x50 && at(0xa0) == 0x50);
}

static void every_x2apic_msr_reads_its_offset(void)
{
    start(0, VMX_SEC_VIRTUALIZE_X2APIC | VMX_SEC_APIC_REGISTER_VIRT);
    for (uint32_t index = 0x800; index <= 0x8ff; index++) {
        const uint64_t written = UINT64_C(0x1122334400000000) | index;
        uint64_t value = 0;
        memcpy(m.memory + PAGE + ((index & 0xff) << 4), &written, sizeof written);
        CU_ASSERT(vmx_x2apic_read(&m.cpu, index, &value) && value == written);
    }
    uint64_t value;
    CU_ASSERT_FALSE(vmx_x2apic_read(&m.cpu, 0x7ff, &value));
    CU_ASSERT_FALSE(vmx_x2apic_read(&m.cpu, 0x900, &value));
    m.cpu.operation = VMX_OPERATION_ROOT;
    CU_ASSERT_FALSE(vmx_x2apic_read(&m.cpu, VMX_MSR_X2APIC_TPR, &value));
}

static void only_three_x2apic_msrs_take_writes(void)
{
    for (uint32_t index = 0x800; index <= 0x8ff; index++)
        for (unsigned delivery = 0; delivery < 2; delivery++) {
            start(0, VMX_SEC_VIRTUALIZE_X2APIC | VMX_SEC_APIC_REGISTER_VIRT | (delivery != 0 ? VMX_SEC_VIRTUAL_INTR_DELIVERY : 0));
            const bool special = index == 0x808 || (delivery != 0 && (index == 0x80b || index == 0x83f));
            struct vmx_outcome trap;
            CU_ASSERT_EQUAL(vmx_x2apic_write(&m.cpu, index, 0, &trap), special ? VMX_X2APIC_DONE : VMX_X2APIC_ORDINARY);
            CU_ASSERT(!special || vmx_x2apic_write(&m.cpu, index, UINT64_C(1) << 32, &trap) == VMX_X2APIC_FAULT);
            CU_ASSERT(!special || vmx_x2apic_write(&m.cpu, index, 0x100, &trap) == VMX_X2APIC_FAULT);
        }
}

static void one_operation_reads_then_writes_once(void)
{
    struct vmx_apic_operation operation = {0};
    start(0, VMX_SEC_VIRTUALIZE_APIC_ACCESSES | VMX_SEC_APIC_REGISTER_VIRT);
    struct vmx_outcome o = vmx_apic_operation_end(&m.cpu, &operation);
    CU_ASSERT(is_done(&o));
    CU_ASSERT_TRUE(vmx_apic_operation_access(&m.cpu, &operation, 0x100, 4, false));
    CU_ASSERT_FALSE(vmx_apic_operation_access(&m.cpu, &operation, 0x100, 4, true));
    CU_ASSERT_FALSE(operation.written);
    CU_ASSERT_TRUE(vmx_apic_operation_access(&m.cpu, &operation, 0xf0, 4, false));
    CU_ASSERT_TRUE(vmx_apic_operation_access(&m.cpu, &operation, 0xf0, 4, true));
    CU_ASSERT_TRUE(vmx_apic_operation_access(&m.cpu, &operation, 0xf0, 4, true));
    CU_ASSERT_FALSE(vmx_apic_operation_access(&m.cpu, &operation, 0xf0, 2, true));
    CU_ASSERT_FALSE(vmx_apic_operation_access(&m.cpu, &operation, 0xf1, 2, true));
    CU_ASSERT_FALSE(vmx_apic_operation_access(&m.cpu, &operation, 0x80, 4, true));
    CU_ASSERT_FALSE(vmx_apic_operation_access(&m.cpu, &operation, 0xf0, 4, false));
    o = vmx_apic_operation_end(&m.cpu, &operation);
    CU_ASSERT(is_exit(&o, VMX_EXIT_APIC_WRITE) && o.exit.qualification == 0xf0);
}

static void posted_interrupts_are_merged_without_an_exit(void)
{
    start_delivery();
    m.vmcs.field[VMCS_PIN_BASED_VM_EXEC_CONTROL] |= VMX_PIN_PROCESS_POSTED_INTR;
    m.vmcs.field[VMCS_VM_EXIT_CONTROLS] |= VMX_EXITCTL_ACK_INTR_ON_EXIT;
    m.vmcs.field[VMCS_POSTED_INTR_NV] = 0xf2;
    m.vmcs.field[VMCS_POSTED_INTR_DESC_ADDR] = POSTED;
    m.memory[POSTED + 0x61 / 8] = 1u << (0x61 % 8);
    m.memory[POSTED + 0x90 / 8] = 1;
    m.memory[POSTED + 32] = 3; /* ON, SN */
    m.cpu.pending.interrupt = true;
    m.cpu.pending.interrupt_vector = 0xf2;
    struct vmx_outcome o = vmx_boundary(&m.cpu);
    CU_ASSERT(o.kind == VMX_OUTCOME_FAULT && o.event.vector == 0x90 && o.event.is_virtual);
    CU_ASSERT_FALSE(m.cpu.pending.interrupt);
    CU_ASSERT_EQUAL(m.memory[POSTED + 32], 2);
    CU_ASSERT_EQUAL(m.memory[POSTED + 0x61 / 8], 0);
    CU_ASSERT_TRUE(bit(0x200, 0x61));
    CU_ASSERT_EQUAL(got_status(), 0x9061);
    m.cpu.pending.interrupt = true;
    m.cpu.pending.interrupt_vector = 0xf3;
    o = vmx_boundary(&m.cpu);
    CU_ASSERT(is_exit(&o, VMX_EXIT_EXTERNAL_INTERRUPT) && o.exit.interruption_info == 0x800000f3);
}

static void entry_evaluates_what_is_requested(void)
{
    start_delivery();
    put(0x80, 0x20);
    status(0x31, 0);
    vmx_virtual_interrupts_at_entry(&m.cpu);
    CU_ASSERT_EQUAL(at(0xa0), 0x20);
    CU_ASSERT_TRUE(m.cpu.pending.virtual_interrupt);
    status(0x31, 0x35);
    vmx_virtual_interrupts_at_entry(&m.cpu);
    CU_ASSERT_EQUAL(at(0xa0), 0x30);
    CU_ASSERT_FALSE(m.cpu.pending.virtual_interrupt);
}

SUITE("vmx-model/virtual_apic", {"every_bit_of_the_interrupt_command_counts", every_bit_of_the_interrupt_command_counts},
      {"tpr_writes_clear_the_upper_bytes", tpr_writes_clear_the_upper_bytes},
      {"every_x2apic_msr_reads_its_offset", every_x2apic_msr_reads_its_offset},
      {"only_three_x2apic_msrs_take_writes", only_three_x2apic_msrs_take_writes},
      {"one_operation_reads_then_writes_once", one_operation_reads_then_writes_once},
      {"a_self_ipi_is_delivered_when_its_priority_is_higher", a_self_ipi_is_delivered_when_its_priority_is_higher},
      {"virtual_interrupts_wait_for_an_open_window", virtual_interrupts_wait_for_an_open_window},
      {"eoi_ends_the_highest_service_and_may_exit", eoi_ends_the_highest_service_and_may_exit},
      {"x2apic_msrs_go_to_the_page_by_the_controls", x2apic_msrs_go_to_the_page_by_the_controls},
      {"writes_to_the_page_are_emulated_or_exit", writes_to_the_page_are_emulated_or_exit},
      {"posted_interrupts_are_merged_without_an_exit", posted_interrupts_are_merged_without_an_exit},
      {"entry_evaluates_what_is_requested", entry_evaluates_what_is_requested})
