/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bochs' listed deviations as rules on a case. */
#include "known.h"

#include <string.h>

#include "tools/bochs/bochs_run.h"
#include "vmx-model/controls.h"
#include "vmx-model/exit_info.h"
#include "vmx-model/reasons.h"
#include "vmx-model/registers.h"

enum { RF_IN_THIRD_BYTE = 1, PENDING_CONDITIONS = 1 << 14 | 0xf, NONCONFORMING_CODE = 0xb, CET_STATES = 3 << 11 };
#define HIGH_HALF UINT64_C(0xffffffff00000000)

/* ---- what differs ---- */
static bool both_exit(const struct disagreement *d)
{
    return d->sim.kind == TRACE_EXIT && d->bochs.kind == TRACE_EXIT && memcmp(d->sim.gpr, d->bochs.gpr, sizeof d->sim.gpr) == 0;
}

static uint32_t basic_reason(const struct trace_record *exit)
{
    return exit->kind == TRACE_EXIT ? vmx_basic_reason((uint32_t)exit->item[TRACE_REASON]) : UINT32_MAX;
}

static uint64_t known_difference(uint32_t reason, unsigned item)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < bochs_known_difference_count; i++)
        if (bochs_known_differences[i].reason == reason && bochs_known_differences[i].item == item)
            bits |= bochs_known_differences[i].mask;
    return bits;
}

/* The items are the same but for this one, whose bits differ as the mask says, and another one, which does not count; TRACE_TICKS: for none. What else differs
   is left to the table of known differences. */
static bool items_differ(const struct disagreement *d, unsigned item, uint64_t bits, unsigned other)
{
    for (unsigned i = 0; i < TRACE_TICKS; i++) {
        const uint64_t differ = d->sim.item[i] ^ d->bochs.item[i];
        if (i == item ? differ != bits : i != other && (differ & ~known_difference(basic_reason(&d->sim), i)) != 0)
            return false;
    }
    return true;
}

/* Two VM exits are the same but for this item. */
static bool only_differs(const struct disagreement *d, enum trace_item item, uint64_t bits)
{
    return both_exit(d) && items_differ(d, item, bits, TRACE_TICKS);
}

static bool is_control_set(const struct disagreement *d, enum vmcs_field field, uint64_t bit)
{
    return (d->field[field] & bit) != 0;
}

static bool unrestricted(const struct disagreement *d)
{
    return is_control_set(d, VMCS_CPU_BASED_VM_EXEC_CONTROL, VMX_PRI_ACTIVATE_SECONDARY) &&
           is_control_set(d, VMCS_SECONDARY_VM_EXEC_CONTROL, VMX_SEC_UNRESTRICTED_GUEST);
}

/* ---- VM exits ---- */
/* What Bochs saves of a pending single step when an instruction exits under RFLAGS.TF, and the simulator does not. */
static uint64_t step_under_tf(const struct disagreement *d)
{
    return (d->sim.item[TRACE_RFLAGS] & VMX_RFLAGS_TF) != 0 ? d->bochs.item[TRACE_PENDING_DEBUG] & ~d->sim.item[TRACE_PENDING_DEBUG] & VMX_PENDING_BS
                                                            : 0;
}

static bool single_step_is_pending(const struct disagreement *d)
{
    return step_under_tf(d) != 0 && only_differs(d, TRACE_PENDING_DEBUG, VMX_PENDING_BS);
}

/* A VM entry does not end blocking by NMI, so that a guest before it, of another case, may have left it. */
static bool nmi_blocking_is_left_over(const struct disagreement *d)
{
    return only_differs(d, TRACE_INTERRUPTIBILITY, VMX_BLOCKING_BY_NMI) && (d->sim.item[TRACE_INTERRUPTIBILITY] & VMX_BLOCKING_BY_NMI) == 0 &&
           is_control_set(d, VMCS_PIN_BASED_VM_EXEC_CONTROL, VMX_PIN_NMI_EXITING);
}

/* The injected monitor trap flag is taken for an event that is delivered: it ends inactivity, blocking by STI and MOV SS, and pending debug exceptions.
   Blocking by NMI may be left over. */
static bool injected_trap_is_delivered(const struct disagreement *d)
{
    enum { PENDING_TRAP = 7 << 8, VALID = 1u << 31 };
    const uint64_t ended = VMX_BLOCKING_BY_STI | VMX_BLOCKING_BY_MOV_SS | VMX_BLOCKING_BY_NMI;
    if (!both_exit(d) || d->before.kind != TRACE_END || basic_reason(&d->sim) != VMX_EXIT_MONITOR_TRAP_FLAG ||
        d->field[VMCS_VM_ENTRY_INTR_INFO_FIELD] != (VALID | PENDING_TRAP) || d->bochs.item[TRACE_ACTIVITY] != VMX_ACTIVE)
        return false;
    for (unsigned i = 0; i < TRACE_TICKS; i++) {
        const uint64_t differ = d->sim.item[i] ^ d->bochs.item[i];
        if (i != TRACE_ACTIVITY && i != TRACE_PENDING_DEBUG && (differ & ~(i == TRACE_INTERRUPTIBILITY ? ended : 0)) != 0)
            return false;
    }
    return true;
}

/* The control causes no VM exit. */
static bool trap_is_missing(const struct disagreement *d)
{
    return is_control_set(d, VMCS_CPU_BASED_VM_EXEC_CONTROL, VMX_PRI_MONITOR_TRAP_FLAG) && basic_reason(&d->sim) == VMX_EXIT_MONITOR_TRAP_FLAG &&
           basic_reason(&d->bochs) != VMX_EXIT_MONITOR_TRAP_FLAG;
}

/* Conditions that matched beside the one that is enabled. */
static bool tells_of_disabled_breakpoints(const struct disagreement *d)
{
    enum { EVENT = 0x7ff, DEBUG_EXCEPTION = 3 << 8 | 1, CONDITIONS = 0xf };
    const uint64_t differ = d->sim.item[TRACE_QUALIFICATION] ^ d->bochs.item[TRACE_QUALIFICATION];
    return (d->sim.item[TRACE_INTERRUPTION_INFO] & EVENT) == DEBUG_EXCEPTION && (d->sim.item[TRACE_QUALIFICATION] & CONDITIONS) != 0 && differ != 0 &&
           (differ & d->bochs.item[TRACE_QUALIFICATION] & CONDITIONS) == differ && only_differs(d, TRACE_QUALIFICATION, differ);
}

/* Blocking by STI or MOV SS delays the VMX-preemption timer. */
static bool timer_waits(const struct disagreement *d)
{
    return d->sim.kind == TRACE_EXIT && basic_reason(&d->sim) == VMX_EXIT_PREEMPTION_TIMER &&
           (d->sim.item[TRACE_INTERRUPTIBILITY] & (VMX_BLOCKING_BY_STI | VMX_BLOCKING_BY_MOV_SS)) != 0;
}

/* Breakpoint conditions that bit 12 of the pending debug exceptions does not go with are dropped by the VM entry. */
static bool conditions_are_dropped(const struct disagreement *d)
{
    const uint64_t loaded = d->field[VMCS_GUEST_PENDING_DBG_EXCEPTIONS];
    return d->before.kind == TRACE_END && (loaded & VMX_PENDING_ENABLED) == 0 && (loaded & VMX_PENDING_B) != 0 &&
           only_differs(d, TRACE_PENDING_DEBUG, (loaded & VMX_PENDING_B) | step_under_tf(d));
}

/* The instruction that faults has not completed, so that blocking by STI or MOV SS is still there. */
static bool exception_ends_blocking(const struct disagreement *d)
{
    const uint64_t blocking = d->sim.item[TRACE_INTERRUPTIBILITY] & (VMX_BLOCKING_BY_STI | VMX_BLOCKING_BY_MOV_SS);
    return blocking != 0 && only_differs(d, TRACE_INTERRUPTIBILITY, blocking) && basic_reason(&d->sim) == VMX_EXIT_EXCEPTION_NMI;
}

/* In real-address mode no exception has an error code. */
static bool error_code_in_real_mode(const struct disagreement *d)
{
    return both_exit(d) && items_differ(d, TRACE_INTERRUPTION_INFO, 1 << 11, TRACE_INTERRUPTION_ERROR) &&
           (d->sim.item[TRACE_CR0] & VMX_CR0_PE) == 0 && (d->sim.item[TRACE_INTERRUPTION_INFO] >> 11 & 1) == 0;
}

/* A displacement of 16 bits. */
static bool displacement_is_not_extended(const struct disagreement *d)
{
    enum { ADDRESS_SIZE = 7 << 7 };
    return only_differs(d, TRACE_QUALIFICATION, ~UINT64_C(0xffff)) && (d->sim.item[TRACE_INSTRUCTION_INFO] & ADDRESS_SIZE) == 0 &&
           (d->sim.item[TRACE_QUALIFICATION] >> 15 & 1) != 0;
}

/* An operand in a register has no displacement; Bochs shows that of what it decoded before. */
static bool displacement_is_left_over(const struct disagreement *d)
{
    enum { IN_REGISTER = 1 << 10 };
    const uint64_t shown = d->bochs.item[TRACE_QUALIFICATION];
    const uint32_t reason = basic_reason(&d->sim);
    return only_differs(d, TRACE_QUALIFICATION, shown) && d->sim.item[TRACE_QUALIFICATION] == 0 &&
           (reason == VMX_EXIT_LDTR_TR || reason == VMX_EXIT_VMREAD || reason == VMX_EXIT_VMWRITE) &&
           (d->sim.item[TRACE_INSTRUCTION_INFO] & IN_REGISTER) != 0;
}

/* INVPCID of a program at CPL 3. */
static bool user_exits(const struct disagreement *d)
{
    return basic_reason(&d->bochs) == VMX_EXIT_INVPCID && basic_reason(&d->sim) != VMX_EXIT_INVPCID &&
           (d->field[VMCS_GUEST_SS_AR_BYTES] & VMX_AR_DPL) == VMX_AR_DPL;
}

/* Memory differs in what may be RF alone. */
static bool only_rf_differs(const struct disagreement *d)
{
    if (d->sim.kind != TRACE_MEMORY || d->bochs.kind != TRACE_MEMORY || d->sim.text_length != d->bochs.text_length)
        return false;
    for (uint32_t i = 0; i < d->sim.text_length; i++)
        if (d->sim.text[i] != d->bochs.text[i] && (d->sim.text[i] ^ d->bochs.text[i]) != RF_IN_THIRD_BYTE)
            return false;
    return true;
}

/* Flags on the guest's stack: RF as Bochs saved it in an exit before, which is a known difference. */
static bool saved_rf_reached_the_stack(const struct disagreement *d)
{
    return d->known_items != 0 && only_rf_differs(d);
}

/* The program writes DR7, by either of its names. */
static bool writes_dr7(const struct disagreement *d)
{
    enum { MOV_TO_DR = 0x23, DR5 = 5, DR7 = 7 };
    bool writes = false;
    for (unsigned i = 0; i < d->c->parts; i++)
        for (unsigned k = 0; d->c->part[i].kind == PART_CODE && k + 2 < d->c->part[i].size; k++) {
            const uint8_t *code = d->c->part[i].bytes + k;
            const unsigned number = code[2] >> 3 & 7;
            writes |= code[0] == 0x0f && code[1] == MOV_TO_DR && (number == DR5 || number == DR7);
        }
    return writes;
}

static bool general_detect_saves_no_rf(const struct disagreement *d)
{
    return writes_dr7(d) && only_rf_differs(d);
}

/* INT1 with general detect: the next access to a debug register faults once more. */
static bool int1_keeps_general_detect(const struct disagreement *d)
{
    enum { INT1 = 0xf1 };
    bool has_int1 = false;
    for (unsigned i = 0; i < d->c->parts; i++) {
        const struct part *part = &d->c->part[i];
        has_int1 |= part->kind == PART_CODE && part->size != 0 && part->bytes[part->size - 1] == INT1;
    }
    return has_int1 && writes_dr7(d) && d->before.kind == TRACE_EXIT;
}

/* DR7 has bit 11 only where there is RTM; it is seen in the register that DR7 was read into. */
static bool dr7_keeps_rtm(const struct disagreement *d)
{
    const uint64_t rtm = 1 << 11;
    unsigned differ = 0;
    if (d->sim.kind != TRACE_EXIT || d->bochs.kind != TRACE_EXIT || d->c->caps->rtm || !writes_dr7(d))
        return false;
    for (unsigned i = 0; i < sizeof d->sim.gpr / sizeof *d->sim.gpr; i++) {
        if ((d->sim.gpr[i] | rtm) != (d->bochs.gpr[i] | rtm))
            return false;
        differ += d->sim.gpr[i] != d->bochs.gpr[i];
    }
    return differ != 0 && items_differ(d, TRACE_TICKS, 0, TRACE_TICKS);
}

/* ---- pending debug exceptions ---- */
static bool has_debug_exceptions(const struct disagreement *d)
{
    return (d->field[VMCS_GUEST_PENDING_DBG_EXCEPTIONS] & (VMX_PENDING_ENABLED | VMX_PENDING_BS)) != 0;
}

/* They are delivered, and the processor sleeps on. */
static bool debug_exceptions_wake_nobody(const struct disagreement *d)
{
    return d->before.kind == TRACE_END && d->field[VMCS_GUEST_ACTIVITY_STATE] == VMX_HLT && has_debug_exceptions(d) &&
           d->result->sim.kind == OUTCOME_EXIT && d->result->bochs.kind == OUTCOME_NOTHING;
}

/* A software interrupt or exception that is injected under blocking by MOV SS. */
static bool injection_drops_debug_exceptions(const struct disagreement *d)
{
    enum { VALID = 1u << 31, TYPE_SHIFT = 8, TYPE = 7, SOFTWARE_INTERRUPT = 4, SOFTWARE_EXCEPTION = 6 };
    const uint64_t event = d->field[VMCS_VM_ENTRY_INTR_INFO_FIELD], type = event >> TYPE_SHIFT & TYPE;
    return d->before.kind == TRACE_END && (event & VALID) != 0 && (type == SOFTWARE_INTERRUPT || type == SOFTWARE_EXCEPTION) &&
           (d->field[VMCS_GUEST_INTERRUPTIBILITY_INFO] & VMX_BLOCKING_BY_MOV_SS) != 0 && has_debug_exceptions(d) && outcome_enters(&d->result->sim) &&
           outcome_enters(&d->result->bochs);
}

/* ---- VM entries that succeed in one of the two ---- */
/* Bit 12 of the pending debug exceptions, without a breakpoint condition. */
static bool enabled_breakpoint_alone(const struct disagreement *d)
{
    const uint64_t pending = d->field[VMCS_GUEST_PENDING_DBG_EXCEPTIONS];
    return d->before.kind == TRACE_END && (pending & VMX_PENDING_ENABLED) != 0 && (pending & PENDING_CONDITIONS) == 0 &&
           d->result->sim.kind == OUTCOME_EXIT && outcome_enters(&d->result->bochs);
}

/* An NMI that arrives with the VM entry: it exits, or the guest is in its handler. */
static bool nmi_does_not_arrive(const struct disagreement *d)
{
    enum { NMI_EVENT = 2 << 8 | 2, EVENT = 0x7ff };
    bool given = false;
    for (unsigned i = 0; i < d->c->parts; i++)
        given |= d->c->part[i].kind == PART_STEP && d->c->part[i].a == STEP_NMI;
    if (!given || d->sim.kind != TRACE_EXIT || d->result->sim.kind != OUTCOME_EXIT || !outcome_enters(&d->result->bochs))
        return false;
    if (d->result->sim.number == VMX_EXIT_EXCEPTION_NMI)
        return (d->sim.item[TRACE_INTERRUPTION_INFO] & EVENT) == NMI_EVENT;
    return d->before.kind == TRACE_END && (d->sim.item[TRACE_INTERRUPTIBILITY] & VMX_BLOCKING_BY_NMI) != 0 &&
           !is_control_set(d, VMCS_PIN_BASED_VM_EXEC_CONTROL, VMX_PIN_NMI_EXITING);
}

static bool code_privilege_is_its_rpl(const struct disagreement *d)
{
    const uint64_t rights = d->field[VMCS_GUEST_CS_AR_BYTES], rpl = d->field[VMCS_GUEST_CS_SELECTOR] & 3;
    return unrestricted(d) && (rights & VMX_AR_TYPE & ~2u) == 9 && (rights & VMX_AR_DPL) >> 5 == rpl;
}

/* As most rules on guest state say. */
static bool guest_state_is_invalid(const struct disagreement *d)
{
    return d->result->bochs.kind == OUTCOME_FAILED_ENTRY && d->result->bochs.number == VMX_EXIT_INVALID_STATE && d->result->bochs.qualification == 0;
}

/* With "unrestricted guest" the RPL of CS is free. */
static bool code_rpl_is_judged(const struct disagreement *d)
{
    const uint64_t rights = d->field[VMCS_GUEST_CS_AR_BYTES], rpl = d->field[VMCS_GUEST_CS_SELECTOR] & 3;
    return unrestricted(d) && guest_state_is_invalid(d) && (rights & VMX_AR_CODE) != 0 && (rights & VMX_AR_DPL) >> 5 != rpl;
}

/* A nonconforming code segment as data segment. */
static bool is_code(uint64_t rights)
{
    return (rights & VMX_AR_TYPE) == NONCONFORMING_CODE;
}
static bool ds_is_code(const struct disagreement *d)
{
    return is_code(d->field[VMCS_GUEST_DS_AR_BYTES]);
}
static bool es_is_code(const struct disagreement *d)
{
    return is_code(d->field[VMCS_GUEST_ES_AR_BYTES]);
}
static bool fs_is_code(const struct disagreement *d)
{
    return is_code(d->field[VMCS_GUEST_FS_AR_BYTES]);
}
static bool gs_is_code(const struct disagreement *d)
{
    return is_code(d->field[VMCS_GUEST_GS_AR_BYTES]);
}

/* 64-bit mode takes a null selector in SS, and uses no more of it than its DPL. */
static bool stack_is_null(const struct disagreement *d)
{
    const bool is_64_bit =
        (d->field[VMCS_VM_ENTRY_CONTROLS] & VMX_ENTRYCTL_IA32E_MODE_GUEST) != 0 && (d->field[VMCS_GUEST_CS_AR_BYTES] & VMX_AR_L) != 0;
    return is_64_bit && (d->field[VMCS_GUEST_SS_SELECTOR] & ~UINT64_C(3)) == 0;
}

/* ---- MSR lists ---- */
/* The entry of the list at which the simulator fails; NULL: it does not. */
static const struct part *refused_entry(const struct disagreement *d)
{
    uint64_t left = d->result->sim.qualification;
    if (d->result->sim.rule != VMX_CHECK_MSRLOAD_WRMSR_GP)
        return NULL;
    for (unsigned i = 0; i < d->c->parts; i++)
        if (d->c->part[i].kind == PART_MSR_LOAD && --left == 0)
            return &d->c->part[i];
    return NULL;
}

static bool goes_on(const struct disagreement *d)
{
    const struct outcome *bochs = &d->result->bochs;
    return outcome_enters(bochs) ||
           (bochs->kind == OUTCOME_FAILED_ENTRY && bochs->number == VMX_EXIT_MSR_LOAD_FAIL && bochs->qualification > d->result->sim.qualification);
}

static bool high_half_of(const struct disagreement *d, uint32_t msr)
{
    const struct part *entry = refused_entry(d);
    return entry != NULL && entry->a == msr && (entry->c & HIGH_HALF) != 0 && goes_on(d);
}

static bool fmask_takes_high_half(const struct disagreement *d)
{
    return high_half_of(d, VMX_MSR_FMASK);
}

static bool tsc_aux_takes_high_half(const struct disagreement *d)
{
    return high_half_of(d, VMX_MSR_TSC_AUX);
}

/* The states of CET, which CPUID of the profile does not list. */
static bool xss_takes_absent_states(const struct disagreement *d)
{
    const struct part *entry = refused_entry(d);
    return entry != NULL && entry->a == VMX_MSR_XSS && (entry->c & ~(uint64_t)CET_STATES) == 0 && goes_on(d);
}

/* Bochs wants bit 47 of SSP to be as those above, which are identical. */
static bool ssp_is_judged(const struct disagreement *d)
{
    const uint64_t from_width = d->field[VMCS_GUEST_SSP] >> d->c->caps->linear_bits, last = d->field[VMCS_GUEST_SSP] >> (d->c->caps->linear_bits - 1);
    return (d->field[VMCS_VM_ENTRY_CONTROLS] & VMX_ENTRYCTL_LOAD_CET) != 0 && (last & 1) != (from_width & 1) && guest_state_is_invalid(d);
}

/* Where the processor lacks the monitor trap flag, so that no event of type 7 is there. */
static bool other_event_is_unknown(const struct disagreement *d)
{
    return (d->c->caps->primary.may_be_1 & VMX_PRI_MONITOR_TRAP_FLAG) == 0;
}

static bool any_vector_may_have_an_error_code(const struct disagreement *d)
{
    return (d->c->caps->basic & VMX_BASIC_ANY_ERRCODE) != 0;
}

static bool only_high_half_is_reserved(const struct disagreement *d)
{
    const uint64_t pending = d->field[VMCS_GUEST_PENDING_DBG_EXCEPTIONS];
    return (pending & HIGH_HALF) != 0 && (pending & UINT32_MAX & ~(uint64_t)(VMX_PENDING_B | VMX_PENDING_ENABLED | VMX_PENDING_BS)) == 0;
}

/* The first rule that Bochs judges, too. */
static bool nmi_under_sti(const struct disagreement *d)
{
    bool violated = false;
    for (unsigned i = 0; i < d->judged.count; i++) {
        violated |= d->judged.check[i] == VMX_CHECK_GUEST_INTR_NMI_STI;
        if (vmx_check_rows[d->judged.check[i]].stage < VMX_STAGE_GUEST)
            return false;
    }
    return violated && guest_state_is_invalid(d);
}

/* Bochs counts the bytes of an MSR list in 32 bits: a list of 4 GBytes at address 0 ends in front of it. */
static bool list_is_beyond_4_gbytes(const struct disagreement *d)
{
    static const enum vmcs_field lists[][2] = {{VMCS_VM_ENTRY_MSR_LOAD_COUNT, VMCS_VM_ENTRY_MSR_LOAD_ADDR},
                                               {VMCS_VM_EXIT_MSR_LOAD_COUNT, VMCS_VM_EXIT_MSR_LOAD_ADDR},
                                               {VMCS_VM_EXIT_MSR_STORE_COUNT, VMCS_VM_EXIT_MSR_STORE_ADDR}};
    bool any = false;
    for (unsigned i = 0; i < sizeof lists / sizeof *lists; i++)
        any |= d->field[lists[i][0]] != 0 && (d->field[lists[i][0]] << 4 & UINT32_MAX) == 0 && d->field[lists[i][1]] == 0;
    return any && d->result->bochs.kind == OUTCOME_FAIL_VALID && d->result->bochs.number == 7;
}

#define LEFT_OUT(check, name)                                                                                                                        \
    {                                                                                                                                                \
        "lenient", name, VMX_CHECK_##check, NULL                                                                                                     \
    }
#define NULL_STACK(check)                                                                                                                            \
    {                                                                                                                                                \
        "lenient", "GUEST.SS.*", VMX_CHECK_GUEST_SS_##check, stack_is_null                                                                           \
    }
const struct known known_list[] = {
    {"lenient", "CTL.INJ.TYPE_OTHER", VMX_CHECK_CTL_INJ_TYPE_OTHER, other_event_is_unknown},
    {"lenient", "CTL.INJ.TYPE_OTHER", VMX_CHECK_CTL_INJ_OTHER_VECTOR, other_event_is_unknown},
    {"lenient", "CTL.INJ.ERRCODE_REALMODE", VMX_CHECK_CTL_INJ_ERRCODE_REALMODE, any_vector_may_have_an_error_code},
    {"lenient", "CTL.INJ.ERRCODE_TYPE", VMX_CHECK_CTL_INJ_ERRCODE_TYPE, any_vector_may_have_an_error_code},
    LEFT_OUT(HOST_PERF_GLOBAL_CTRL, "HOST.PERF_GLOBAL_CTRL"),
    LEFT_OUT(GUEST_PERF_GLOBAL_CTRL, "GUEST.PERF_GLOBAL_CTRL"),
    LEFT_OUT(GUEST_DEBUGCTL, "GUEST.DEBUGCTL"),
    {"lenient", "GUEST.DS.AR.DPL", VMX_CHECK_GUEST_DS_AR_DPL, ds_is_code},
    {"lenient", "GUEST.ES.AR.DPL", VMX_CHECK_GUEST_ES_AR_DPL, es_is_code},
    {"lenient", "GUEST.FS.AR.DPL", VMX_CHECK_GUEST_FS_AR_DPL, fs_is_code},
    {"lenient", "GUEST.GS.AR.DPL", VMX_CHECK_GUEST_GS_AR_DPL, gs_is_code},
    {"lenient", "GUEST.CS.AR.DPL_NONCONF", VMX_CHECK_GUEST_CS_AR_DPL_NONCONF, code_privilege_is_its_rpl},
    NULL_STACK(AR_TYPE),
    NULL_STACK(AR_S),
    NULL_STACK(AR_P),
    NULL_STACK(AR_RSVD_11_8),
    NULL_STACK(AR_RSVD_31_17),
    NULL_STACK(AR_G_LOW),
    NULL_STACK(AR_G_HIGH),
    NULL_STACK(BASE_HIGH),
    LEFT_OUT(GUEST_PDBG_BS_SET, "GUEST.PDBG.BS_SET"),
    LEFT_OUT(GUEST_PDBG_BS_CLEAR, "GUEST.PDBG.BS_CLEAR"),
    {"lenient", "GUEST.PDBG.RESERVED", VMX_CHECK_GUEST_PDBG_RESERVED, only_high_half_is_reserved},
    LEFT_OUT(HOST_CR4_CET_WP, "HOST.CR4.CET_WP"),
    LEFT_OUT(GUEST_IA32E_PG, "GUEST.IA32E.PG"),
    LEFT_OUT(GUEST_RFLAGS_VM_REAL, "GUEST.RFLAGS.VM_REAL"),
    LEFT_OUT(GUEST_INTR_NMI_VIRTUAL, "GUEST.INTR.NMI_VIRTUAL"),
    {"lenient", "msr-list-of-4-gbytes", VMX_CHECK_NONE, list_is_beyond_4_gbytes},
    {"lenient", "GUEST.INTR.NMI_STI", VMX_CHECK_NONE, nmi_under_sti},
    LEFT_OUT(GUEST_RIP_WIDTH, "GUEST.RIP.WIDTH"),
    LEFT_OUT(GUEST_ACTIVITY_INJ_HLT, "GUEST.ACTIVITY.INJ_HLT"),
    {"lenient", "code-rpl-is-free", VMX_CHECK_NONE, code_rpl_is_judged},
    {"lenient", "fmask-high-half", VMX_CHECK_NONE, fmask_takes_high_half},
    {"lenient", "tsc-aux-high-half", VMX_CHECK_NONE, tsc_aux_takes_high_half},
    {"lenient", "xss-of-absent-states", VMX_CHECK_NONE, xss_takes_absent_states},
    {"lenient", "ssp-that-is-not-canonical", VMX_CHECK_NONE, ssp_is_judged},
    {"lenient", "enabled-breakpoint-alone", VMX_CHECK_NONE, enabled_breakpoint_alone},
    {"lenient", "conditions-in-the-halt-state", VMX_CHECK_NONE, debug_exceptions_wake_nobody},
    {"lenient", "conditions-behind-an-injected-interrupt", VMX_CHECK_NONE, injection_drops_debug_exceptions},
    {"lenient", "conditions-under-blocking", VMX_CHECK_NONE, conditions_are_dropped},
    {"preemption_timer", "preemption-timer-under-*", VMX_CHECK_NONE, timer_waits},
    {"monitor_trap_flag", "monitor-trap-flag-after-out", VMX_CHECK_NONE, trap_is_missing},
    {"monitor_trap_flag", "monitor-trap-flag-injected-*", VMX_CHECK_NONE, injected_trap_is_delivered},
    {"exception_nmi", "nmi", VMX_CHECK_NONE, nmi_does_not_arrive},
    {"exception_nmi", "nmi", VMX_CHECK_NONE, nmi_blocking_is_left_over},
    {"exception_nmi", "exception-under-*", VMX_CHECK_NONE, exception_ends_blocking},
    {"single_step", "exit-under-tf", VMX_CHECK_NONE, single_step_is_pending},
    {"single_step", "reflected-fault-saves-rf", VMX_CHECK_NONE, saved_rf_reached_the_stack},
    {"breakpoints", "a-disabled-breakpoint-matches-*", VMX_CHECK_NONE, tells_of_disabled_breakpoints},
    {"breakpoints", "general-detect-saves-rf", VMX_CHECK_NONE, general_detect_saves_no_rf},
    {"breakpoints", "general-detect-ends-with-int1", VMX_CHECK_NONE, int1_keeps_general_detect},
    {"breakpoints", "dr7-without-rtm", VMX_CHECK_NONE, dr7_keeps_rtm},
    {"real_mode_errors", "error-code", VMX_CHECK_NONE, error_code_in_real_mode},
    {"descriptor_displacement", "sixteen-bits", VMX_CHECK_NONE, displacement_is_not_extended},
    {"descriptor_displacement", "register-operand", VMX_CHECK_NONE, displacement_is_left_over},
    {"invpcid", "invpcid-of-a-user", VMX_CHECK_NONE, user_exits},
};
const unsigned known_count = sizeof known_list / sizeof *known_list;
