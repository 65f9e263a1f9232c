/* SPDX-License-Identifier: MIT */
/* What the model answers: events, VM-exit information and the outcome of one step. */
#ifndef VMX_EXIT_INFO_H
#define VMX_EXIT_INFO_H

#include "caching.h"
#include "state.h"

/* Types of the interruption-information fields (SDM 3C, "Information for VM Exits Due to Vectored Events"). */
enum vmx_event_type {
    VMX_EVENT_EXTERNAL_INTERRUPT = 0,
    VMX_EVENT_NMI = 2,
    VMX_EVENT_HARDWARE_EXCEPTION = 3,
    VMX_EVENT_SOFTWARE_INTERRUPT = 4,
    VMX_EVENT_PRIVILEGED_SOFTWARE_EXCEPTION = 5, /* INT1 */
    VMX_EVENT_SOFTWARE_EXCEPTION = 6,            /* INT3, INTO */
    VMX_EVENT_OTHER = 7
};

enum vmx_vector {
    VMX_DE = 0,
    VMX_DB = 1,
    VMX_NMI = 2,
    VMX_BP = 3,
    VMX_OF = 4,
    VMX_BR = 5,
    VMX_UD = 6,
    VMX_NM = 7,
    VMX_DF = 8,
    VMX_TS = 10,
    VMX_NP = 11,
    VMX_SS_FAULT = 12,
    VMX_GP = 13,
    VMX_PF = 14,
    VMX_MF = 16,
    VMX_AC = 17,
    VMX_MC = 18,
    VMX_XM = 19,
    VMX_VE = 20,
    VMX_CP = 21
};

/* An event that is to be delivered or to exit. */
struct vmx_event {
    uint8_t vector;
    uint8_t type;               /* enum vmx_event_type */
    uint8_t instruction_length; /* of INT n, INT3, INTO, INT1: types 4, 5, 6; else 0 */
    bool has_error_code;
    bool is_virtual; /* an interrupt of virtual-interrupt delivery: "external-interrupt exiting" does not apply */
    uint32_t error_code;
    uint64_t payload; /* #PF: faulting linear address. #DB: bits as in the exit qualification. Else 0 */
};

/* VM-exit information as the VMCS fields hold it. A field that is not valid for the exit is 0; `valid` says which are. */
enum vmx_info_valid {
    VMX_VALID_QUALIFICATION = 1u << 0,
    VMX_VALID_INSTRUCTION_LENGTH = 1u << 1,
    VMX_VALID_INSTRUCTION_INFO = 1u << 2,
    VMX_VALID_GUEST_LINEAR = 1u << 3,
    VMX_VALID_GUEST_PHYSICAL = 1u << 4,
    VMX_VALID_INTERRUPTION = 1u << 5,
    VMX_VALID_IDT_VECTORING = 1u << 6
};

struct vmx_exit_info {
    uint32_t reason; /* basic reason in 15:0, flags above; bit 31: failed VM entry */
    uint32_t valid;  /* enum vmx_info_valid */
    uint64_t qualification;
    uint64_t guest_linear;
    gpa_t guest_physical;
    uint32_t instruction_length;
    uint32_t instruction_info;
    uint32_t interruption_info, interruption_error_code;
    uint32_t idt_vectoring_info, idt_vectoring_error_code;
    uint64_t pending_debug; /* what the exit saves in "pending debug exceptions" */
};

enum vmx_outcome_kind {
    VMX_OUTCOME_RUN,     /* nothing happens in its place: the instruction runs as it would outside VMX */
    VMX_OUTCOME_DONE,    /* the model has done it: state is updated, RIP advanced or the event delivered */
    VMX_OUTCOME_FAULT,   /* `event` is to be raised; nothing is changed, unless `changed` says so: a task switch has gone too far to return */
    VMX_OUTCOME_EXIT,    /* `exit` is to be committed by vmx_exit(); nothing else is changed */
    VMX_OUTCOME_SHUTDOWN /* triple fault outside VMX operation */
};

struct vmx_outcome {
    enum vmx_outcome_kind kind;
    struct vmx_flush flush; /* VMX_OUTCOME_DONE: translations that are invalidated */
    uint32_t changed;       /* enum vmx_group mask: groups of cpu->state that VMX_OUTCOME_DONE wrote */
    uint32_t abort;         /* VMX_OUTCOME_SHUTDOWN: the VMX-abort indicator; 0: no VMX abort shuts the processor down */
    bool dismissed;         /* of vmx_boundary(): the interrupt was acknowledged and is over for the local APIC too, as by an EOI */
    struct vmx_event event;
    struct vmx_exit_info exit;
};

#endif
