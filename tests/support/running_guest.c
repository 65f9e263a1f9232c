/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Puts a guest into VMX non-root operation. */
#include "tests/support/running_guest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmx-model/controls.h"
#include "vmx-model/transition.h"

static void add(struct vmcs *v, enum vmcs_field field, uint32_t bits)
{
    vmcs_set(v, field, vmcs_get(v, field) | bits);
}

void running_guest(struct valid_machine *m, enum valid_guest guest, uint32_t pin, uint32_t primary, uint32_t secondary)
{
    const struct vmx_caps caps = valid_full_caps();
    const uint64_t pml4e = RUNNING_PDPT | 7, pdpte = 0x87;
    valid_machine(m, &caps, guest);
    m->cpu.native_root = true;
    if (guest == VALID_LONG) {
        memcpy(m->memory + VALID_GUEST_CR3, &pml4e, sizeof pml4e);
        memcpy(m->memory + RUNNING_PDPT, &pdpte, sizeof pdpte);
    }
    add(&m->vmcs, VMCS_PIN_BASED_VM_EXEC_CONTROL, pin);
    add(&m->vmcs, VMCS_CPU_BASED_VM_EXEC_CONTROL, primary | (secondary != 0 ? VMX_PRI_ACTIVATE_SECONDARY : 0));
    add(&m->vmcs, VMCS_SECONDARY_VM_EXEC_CONTROL, secondary);
    const struct vmx_entry_result entered = vmx_enter(&m->cpu, VMX_ENTRY_LAUNCH);
    if (entered.kind != VMX_ENTERED) {
        fprintf(stderr, "entry fails: %s\n", vmx_check_rows[entered.check].id);
        abort();
    }
}

void set_cpl(struct valid_machine *m, unsigned cpl)
{
    for (unsigned s = VMX_CS; s <= VMX_SS; s++)
        m->cpu.state.seg[s].access_rights = (m->cpu.state.seg[s].access_rights & ~0x60u) | cpl << 5;
}

struct vmx_instruction decode_bytes(const struct valid_machine *m, const char *bytes, unsigned size)
{
    uint8_t padded[15] = {0};
    struct vmx_instruction instruction;
    memcpy(padded, bytes, size);
    if (vmx_decode(padded, sizeof padded, vmx_code_bits(&m->cpu.state), &instruction) != VMX_DECODED) {
        fprintf(stderr, "not an instruction: %02x %02x %02x\n", padded[0], padded[1], padded[2]);
        abort();
    }
    return instruction;
}

struct vmx_outcome decide_bytes(struct valid_machine *m, const char *bytes, unsigned size)
{
    const struct vmx_instruction instruction = decode_bytes(m, bytes, size);
    return vmx_decide(&m->cpu, &instruction);
}

struct vmx_outcome step_bytes(struct valid_machine *m, const char *bytes, unsigned size)
{
    const struct vmx_instruction instruction = decode_bytes(m, bytes, size);
    const struct vmx_outcome outcome = vmx_decide(&m->cpu, &instruction);
    return outcome.kind == VMX_OUTCOME_RUN ? vmx_execute(&m->cpu, &instruction) : outcome;
}

bool is_fault(const struct vmx_outcome *outcome, unsigned vector)
{
    return outcome->kind == VMX_OUTCOME_FAULT && outcome->event.vector == vector && outcome->event.type == VMX_EVENT_HARDWARE_EXCEPTION;
}

bool is_exit(const struct vmx_outcome *outcome, unsigned reason)
{
    return outcome->kind == VMX_OUTCOME_EXIT && outcome->exit.reason == reason;
}

bool is_run(const struct vmx_outcome *outcome)
{
    return outcome->kind == VMX_OUTCOME_RUN;
}

bool is_done(const struct vmx_outcome *outcome)
{
    return outcome->kind == VMX_OUTCOME_DONE;
}
