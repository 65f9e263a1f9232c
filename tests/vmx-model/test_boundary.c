/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Instruction boundaries: priority, blocking, inactive states. */
#include "tests/support/running_guest.h"
#include "tests/support/suite.h"

#include <stdio.h>
#include <string.h>

#include "vmx-model/controls.h"
#include "vmx-model/reasons.h"
#include "vmx-model/registers.h"

static struct valid_machine m;

/* Events from the highest priority on. */
enum event { TPR, INIT, MTF, DEBUG, TIMER, NMI_WINDOW, NMI, INTERRUPT_WINDOW, INTERRUPT, EVENT_COUNT };
static const unsigned reasons[] = {[TPR] = VMX_EXIT_TPR_BELOW_THRESHOLD,
                                   [INIT] = VMX_EXIT_INIT_SIGNAL,
                                   [MTF] = VMX_EXIT_MONITOR_TRAP_FLAG,
                                   [TIMER] = VMX_EXIT_PREEMPTION_TIMER,
                                   [NMI_WINDOW] = VMX_EXIT_NMI_WINDOW,
                                   [NMI] = VMX_EXIT_EXCEPTION_NMI,
                                   [INTERRUPT_WINDOW] = VMX_EXIT_INTERRUPT_WINDOW,
                                   [INTERRUPT] = VMX_EXIT_EXTERNAL_INTERRUPT};

static void start(void)
{
    running_guest(&m, VALID_LONG, VMX_PIN_EXT_INTR_EXITING | VMX_PIN_NMI_EXITING | VMX_PIN_VIRTUAL_NMIS | VMX_PIN_VMX_PREEMPTION_TIMER, 0, 0);
    m.vmcs.field[VMCS_VMX_PREEMPTION_TIMER_VALUE] = 1;
    m.cpu.timer_start_value = 1;
    m.caps.nmi_sti_blocks = false;
    m.cpu.state.rflags |= VMX_RFLAGS_IF;
}

static void arrive(enum event event)
{
    switch (event) {
    case TPR:
        m.cpu.pending.tpr_below_threshold = true;
        break;
    case INIT:
        m.cpu.pending.init = true;
        break;
    case MTF:
        m.cpu.pending.mtf = true;
        break;
    case DEBUG:
        m.cpu.state.pending_debug = VMX_PENDING_ENABLED | 2;
        break;
    case TIMER:
        m.cpu.pending.preemption_timer = true;
        break;
    case NMI_WINDOW:
        m.vmcs.field[VMCS_CPU_BASED_VM_EXEC_CONTROL] |= VMX_PRI_NMI_WINDOW_EXITING;
        break;
    case NMI:
        m.cpu.pending.nmi = true;
        break;
    case INTERRUPT_WINDOW:
        m.vmcs.field[VMCS_CPU_BASED_VM_EXEC_CONTROL] |= VMX_PRI_INTR_WINDOW_EXITING;
        break;
    case INTERRUPT:
        m.cpu.pending.interrupt = true;
        m.cpu.pending.interrupt_vector = 0x55;
        break;
    case EVENT_COUNT:
        break;
    }
}

static bool acted(const struct vmx_outcome *o, enum event event)
{
    return event == DEBUG ? is_fault(o, VMX_DB) : is_exit(o, reasons[event]);
}

static void of_two_events_the_higher_acts(void)
{
    for (int high = 0; high < EVENT_COUNT; high++)
        for (int low = high; low < EVENT_COUNT; low++) {
            start();
            arrive((enum event)low);
            arrive((enum event)high);
            const struct vmx_outcome o = vmx_boundary(&m.cpu);
            CU_ASSERT(acted(&o, (enum event)high));
        }
}

static void nothing_pending_lets_the_next_instruction_run(void)
{
    start();
    const struct vmx_outcome o = vmx_boundary(&m.cpu);
    CU_ASSERT(is_run(&o));
}

static void blocking_holds_what_the_manual_says(void)
{
    enum { IF_CLEAR = 1u << 16 };
    static const struct {
        uint32_t blocking;
        bool acts[EVENT_COUNT];
    } rows[] = {
        /*                                                   TPR  INIT  MTF   DEBUG  TIMER NMI_W NMI   INT_W  INT */
        {0, {true, true, true, true, true, true, true, true, true}},
        {VMX_BLOCKING_BY_STI, {true, true, true, true, true, true, true, false, false}},
        {VMX_BLOCKING_BY_MOV_SS, {true, true, true, false, true, false, false, false, false}},
        {VMX_BLOCKING_BY_NMI, {true, true, true, true, true, false, true, true, true}},
        {IF_CLEAR, {true, true, true, true, true, true, true, false, true}},
    };
    for (unsigned k = 0; k < sizeof rows / sizeof rows[0]; k++)
        for (int event = 0; event < EVENT_COUNT; event++) {
            start();
            arrive((enum event)event);
            if (rows[k].blocking == IF_CLEAR)
                m.cpu.state.rflags &= ~VMX_RFLAGS_IF;
            else
                m.cpu.state.interruptibility = rows[k].blocking;
            const struct vmx_outcome o = vmx_boundary(&m.cpu);
            if ((rows[k].acts[event] ? acted(&o, (enum event)event) : is_run(&o)) == false)
                printf("\nblocking %x, event %d\n", rows[k].blocking, event);
            CU_ASSERT(rows[k].acts[event] ? acted(&o, (enum event)event) : is_run(&o));
        }
}

static void inactive_states_hear_what_the_manual_says(void)
{
    static const struct {
        enum vmx_activity activity;
        bool acts[EVENT_COUNT];
    } rows[] = {
        {VMX_HLT, {true, true, true, true, true, true, true, true, true}},
        {VMX_SHUTDOWN, {false, true, false, false, true, true, true, false, false}},
        {VMX_WAIT_FOR_SIPI, {false, false, false, false, false, false, false, false, false}},
    };
    for (unsigned k = 0; k < sizeof rows / sizeof rows[0]; k++)
        for (int event = 0; event < EVENT_COUNT; event++) {
            start();
            arrive((enum event)event);
            m.cpu.state.activity = rows[k].activity;
            const struct vmx_outcome o = vmx_boundary(&m.cpu);
            CU_ASSERT(rows[k].acts[event] ? acted(&o, (enum event)event) : is_run(&o));
        }
}

static void sipi_acts_in_its_state_and_is_dropped_elsewhere(void)
{
    start();
    m.cpu.pending.sipi = true;
    m.cpu.pending.sipi_vector = 0x9a;
    struct vmx_outcome o = vmx_boundary(&m.cpu);
    CU_ASSERT(is_run(&o));
    CU_ASSERT_FALSE(m.cpu.pending.sipi);
    m.cpu.pending.sipi = true;
    m.cpu.state.activity = VMX_WAIT_FOR_SIPI;
    o = vmx_boundary(&m.cpu);
    CU_ASSERT(is_exit(&o, VMX_EXIT_SIPI_SIGNAL));
    CU_ASSERT_EQUAL(o.exit.qualification, 0x9a);
    m.cpu.operation = VMX_OPERATION_OFF;
    m.cpu.pending.sipi = true;
    o = vmx_boundary(&m.cpu);
    CU_ASSERT(is_done(&o));
    CU_ASSERT_EQUAL(m.cpu.state.seg[VMX_CS].base, 0x9a000);
    CU_ASSERT_EQUAL(m.cpu.state.rip, 0);
}

static void external_interrupts_exit_with_or_without_acknowledgement(void)
{
    start();
    arrive(INTERRUPT);
    struct vmx_outcome o = vmx_boundary(&m.cpu);
    CU_ASSERT(is_exit(&o, VMX_EXIT_EXTERNAL_INTERRUPT));
    CU_ASSERT_EQUAL(o.exit.interruption_info, 0);
    CU_ASSERT_TRUE(m.cpu.pending.interrupt);
    m.vmcs.field[VMCS_VM_EXIT_CONTROLS] |= VMX_EXITCTL_ACK_INTR_ON_EXIT;
    o = vmx_boundary(&m.cpu);
    CU_ASSERT(is_exit(&o, VMX_EXIT_EXTERNAL_INTERRUPT));
    CU_ASSERT_EQUAL(o.exit.interruption_info, 0x80000055);
    CU_ASSERT((o.exit.valid & VMX_VALID_INTERRUPTION) != 0);
    CU_ASSERT_FALSE(m.cpu.pending.interrupt);
}

static void without_exiting_events_are_delivered_to_the_guest(void)
{
    for (unsigned mode = 0; mode < 2; mode++) {
        start();
        m.vmcs.field[VMCS_PIN_BASED_VM_EXEC_CONTROL] &=
            ~(uint64_t)(VMX_PIN_EXT_INTR_EXITING | VMX_PIN_NMI_EXITING | VMX_PIN_VIRTUAL_NMIS | VMX_PIN_VMX_PREEMPTION_TIMER);
        m.cpu.operation = mode == 0 ? VMX_OPERATION_NON_ROOT : VMX_OPERATION_ROOT;
        arrive(INTERRUPT);
        arrive(NMI);
        m.cpu.state.interruptibility = VMX_BLOCKING_BY_NMI;
        m.cpu.state.rflags &= ~VMX_RFLAGS_IF;
        struct vmx_outcome o = vmx_boundary(&m.cpu);
        CU_ASSERT(is_run(&o));
        m.cpu.state.interruptibility = 0;
        o = vmx_boundary(&m.cpu);
        CU_ASSERT(o.kind == VMX_OUTCOME_FAULT && o.event.type == VMX_EVENT_NMI && o.event.vector == VMX_NMI);
        CU_ASSERT_FALSE(m.cpu.pending.nmi);
        o = vmx_boundary(&m.cpu);
        CU_ASSERT(is_run(&o));
        m.cpu.state.rflags |= VMX_RFLAGS_IF;
        o = vmx_boundary(&m.cpu);
        CU_ASSERT(o.kind == VMX_OUTCOME_FAULT && o.event.type == VMX_EVENT_EXTERNAL_INTERRUPT && o.event.vector == 0x55);
        CU_ASSERT_FALSE(m.cpu.pending.interrupt);
    }
}

static void blocking_by_sti_holds_nmis_on_some_processors(void)
{
    start();
    m.caps.nmi_sti_blocks = true;
    m.cpu.state.interruptibility = VMX_BLOCKING_BY_STI;
    arrive(NMI);
    arrive(NMI_WINDOW);
    const struct vmx_outcome o = vmx_boundary(&m.cpu);
    CU_ASSERT(is_run(&o));
}

static void machine_checks_are_first(void)
{
    start();
    m.cpu.pending.machine_check = true;
    m.cpu.pending.init = true;
    m.cpu.state.activity = VMX_WAIT_FOR_SIPI;
    struct vmx_outcome o = vmx_boundary(&m.cpu);
    CU_ASSERT_EQUAL(o.kind, VMX_OUTCOME_SHUTDOWN);
    m.cpu.state.cr4 |= VMX_CR4_MCE;
    m.cpu.pending.machine_check = true;
    o = vmx_boundary(&m.cpu);
    CU_ASSERT(is_fault(&o, VMX_MC));
    CU_ASSERT_TRUE(m.cpu.pending.init);
}

static void pending_debug_exceptions_become_one_debug_exception(void)
{
    start();
    m.cpu.state.pending_debug = 3; /* neither enabled nor a single step */
    struct vmx_outcome o = vmx_boundary(&m.cpu);
    CU_ASSERT(is_run(&o));
    m.cpu.state.pending_debug |= VMX_PENDING_BS | VMX_PENDING_ENABLED;
    o = vmx_boundary(&m.cpu);
    CU_ASSERT(is_fault(&o, VMX_DB));
    CU_ASSERT_EQUAL(o.event.payload, 3 | VMX_PENDING_BS);
    CU_ASSERT_EQUAL(o.changed, VMX_GROUP_EVENT);
    CU_ASSERT_EQUAL(m.cpu.state.pending_debug, 0);
    m.cpu.state.pending_debug = VMX_PENDING_BLD | VMX_PENDING_RTM | VMX_PENDING_ENABLED;
    o = vmx_boundary(&m.cpu);
    CU_ASSERT_EQUAL(o.event.payload, VMX_PENDING_BLD | VMX_PENDING_RTM);
}

static void delivery_makes_an_mtf_exit_pending(void)
{
    start();
    m.vmcs.field[VMCS_CPU_BASED_VM_EXEC_CONTROL] |= VMX_PRI_MONITOR_TRAP_FLAG;
    arrive(DEBUG);
    (void)vmx_boundary(&m.cpu);
    const struct vmx_outcome o = vmx_boundary(&m.cpu);
    CU_ASSERT(is_exit(&o, VMX_EXIT_MONITOR_TRAP_FLAG));
}

static void the_timer_expires_by_the_tsc(void)
{
    start();
    const unsigned rate = (unsigned)m.caps.misc & 31;
    m.cpu.timer_start_tsc = 0;
    m.cpu.timer_start_value = 3;
    m.cpu.tsc = (UINT64_C(3) << rate) - 1;
    CU_ASSERT_EQUAL(vmx_timer_remaining(&m.cpu), 1);
    struct vmx_outcome o = vmx_boundary(&m.cpu);
    CU_ASSERT(is_run(&o));
    m.cpu.tsc++;
    CU_ASSERT_EQUAL(vmx_timer_remaining(&m.cpu), 0);
    o = vmx_boundary(&m.cpu);
    CU_ASSERT(is_exit(&o, VMX_EXIT_PREEMPTION_TIMER));
}

static void init_is_blocked_in_root_operation(void)
{
    start();
    m.cpu.operation = VMX_OPERATION_ROOT;
    arrive(INIT);
    const struct vmx_outcome o = vmx_boundary(&m.cpu);
    CU_ASSERT(is_run(&o));
    CU_ASSERT_TRUE(m.cpu.pending.init);
}

static void iret_unblocks_nmis_unless_they_belong_to_the_host(void)
{
    static const struct {
        uint32_t pin;
        bool unblocks;
    } rows[] = {{0, true}, {VMX_PIN_NMI_EXITING, false}, {VMX_PIN_NMI_EXITING | VMX_PIN_VIRTUAL_NMIS, true}};
    for (unsigned k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        running_guest(&m, VALID_LONG, rows[k].pin, 0, 0);
        CU_ASSERT_EQUAL(vmx_iret_unblocks_nmis(&m.cpu), rows[k].unblocks);
        m.cpu.operation = VMX_OPERATION_ROOT; /* the controls are the guest's */
        CU_ASSERT_TRUE(vmx_iret_unblocks_nmis(&m.cpu));
    }
}

SUITE("vmx-model/boundary", {"of_two_events_the_higher_acts", of_two_events_the_higher_acts},
      {"nothing_pending_lets_the_next_instruction_run", nothing_pending_lets_the_next_instruction_run},
      {"blocking_holds_what_the_manual_says", blocking_holds_what_the_manual_says},
      {"inactive_states_hear_what_the_manual_says", inactive_states_hear_what_the_manual_says},
      {"sipi_acts_in_its_state_and_is_dropped_elsewhere", sipi_acts_in_its_state_and_is_dropped_elsewhere},
      {"external_interrupts_exit_with_or_without_acknowledgement", external_interrupts_exit_with_or_without_acknowledgement},
      {"without_exiting_events_are_delivered_to_the_guest", without_exiting_events_are_delivered_to_the_guest},
      {"blocking_by_sti_holds_nmis_on_some_processors", blocking_by_sti_holds_nmis_on_some_processors},
      {"machine_checks_are_first", machine_checks_are_first},
      {"pending_debug_exceptions_become_one_debug_exception", pending_debug_exceptions_become_one_debug_exception},
      {"delivery_makes_an_mtf_exit_pending", delivery_makes_an_mtf_exit_pending}, {"the_timer_expires_by_the_tsc", the_timer_expires_by_the_tsc},
      {"init_is_blocked_in_root_operation", init_is_blocked_in_root_operation},
      {"iret_unblocks_nmis_unless_they_belong_to_the_host", iret_unblocks_nmis_unless_they_belong_to_the_host})
