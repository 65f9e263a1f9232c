/* SPDX-License-Identifier: MIT */
/* Outcomes in one word each: how the model's functions say fault, exit, done. */
#ifndef VMX_OUTCOME_H
#define VMX_OUTCOME_H

#include "cpu.h"
#include "decode.h"
#include "reasons.h"
#include "walk.h"

static inline struct vmx_outcome vmx_outcome_run(void)
{
    return (struct vmx_outcome){.kind = VMX_OUTCOME_RUN};
}

static inline struct vmx_outcome vmx_outcome_done(uint32_t changed)
{
    return (struct vmx_outcome){.kind = VMX_OUTCOME_DONE, .changed = changed};
}

/* A hardware exception without error code. */
static inline struct vmx_outcome vmx_outcome_exception(uint8_t vector)
{
    return (struct vmx_outcome){.kind = VMX_OUTCOME_FAULT, .event = {.vector = vector, .type = VMX_EVENT_HARDWARE_EXCEPTION}};
}

static inline struct vmx_outcome vmx_outcome_ud(void)
{
    return vmx_outcome_exception(VMX_UD);
}

static inline struct vmx_outcome vmx_outcome_fault(uint8_t vector, uint32_t error_code)
{
    struct vmx_outcome outcome = vmx_outcome_exception(vector);
    outcome.event.has_error_code = true;
    outcome.event.error_code = error_code;
    return outcome;
}

static inline struct vmx_outcome vmx_outcome_gp(void)
{
    return vmx_outcome_fault(VMX_GP, 0);
}

/* An exit with no more than a reason and a qualification. */
static inline struct vmx_outcome vmx_outcome_exit(enum vmx_reason reason, uint64_t qualification)
{
    return (struct vmx_outcome){.kind = VMX_OUTCOME_EXIT,
                                .exit = {.reason = (uint32_t)reason, .valid = VMX_VALID_QUALIFICATION, .qualification = qualification}};
}

/* The fault-like exit of an instruction. */
static inline struct vmx_outcome vmx_outcome_instruction_exit(enum vmx_reason reason, const struct vmx_instruction *i, uint64_t qualification)
{
    struct vmx_outcome outcome = vmx_outcome_exit(reason, qualification);
    outcome.exit.valid |= VMX_VALID_INSTRUCTION_LENGTH;
    outcome.exit.instruction_length = i->length;
    return outcome;
}

/* What a translation that did not succeed leads to. */
static inline struct vmx_outcome vmx_outcome_of_translation(const struct vmx_translation *t)
{
    if (t->kind == VMX_TRANSLATION_EXIT)
        return (struct vmx_outcome){.kind = VMX_OUTCOME_EXIT, .exit = t->exit};
    return (struct vmx_outcome){.kind = VMX_OUTCOME_FAULT, .event = t->event};
}

static inline bool vmx_non_root(const struct vmx_cpu *cpu)
{
    return cpu->operation == VMX_OPERATION_NON_ROOT;
}

#endif
