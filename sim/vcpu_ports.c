/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ports that no VM exit guards: the machine has no devices of its own, reads give all ones, writes vanish. SDM 2, "IN", "INS", "OUT", "OUTS". */
#include "vcpu_internal.h"

#include <string.h>

#include "../vmx-model/execute_ops.h"

static struct vmx_outcome float_register(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    if (i->op == VMX_OP_IN)
        vmx_set_register(&cpu->state, VMX_RAX, i->operand_size, UINT64_MAX);
    return vmx_retire(cpu, i, VMX_GROUP_GPR);
}

/* Moves one item; false: *outcome is the fault or the exit of the access. True: it is what APIC-write emulation led to. */
static bool move_item(struct vmx_cpu *cpu, const struct vmx_instruction *i, uint64_t offset, struct vmx_outcome *outcome)
{
    const bool input = i->op == VMX_OP_INS, user = vmx_user(cpu);
    struct vmx_translation translation;
    uint8_t item[4];
    gva_t linear;
    memset(item, 0xff, sizeof item);
    if (!vmx_segment_linear(cpu, i->segment, offset, i->operand_size, input, &linear, outcome))
        return false;
    if (input ? !vmx_write_linear(cpu, linear, item, i->operand_size, user, &translation)
              : !vmx_read_linear(cpu, linear, item, i->operand_size, VMX_ACCESS_READ, user, &translation)) {
        *outcome = vmx_outcome_of_translation(&translation);
        return false;
    }
    *outcome = input && translation.apic_page ? vmx_apic_write_emulation(cpu, linear % SIM_PAGE) : vmx_outcome_done(0);
    return true;
}

/* An iteration that is not the last: RIP stays, traps come all the same. */
static struct vmx_outcome iterate(struct vmx_cpu *cpu, struct vmx_outcome after)
{
    struct vmx_state *const s = &cpu->state;
    after.changed = VMX_GROUP_GPR;
    if ((s->rflags & VMX_RFLAGS_TF) != 0 && (s->debugctl & VMX_DEBUGCTL_BTF) == 0) {
        s->pending_debug |= VMX_PENDING_BS;
        after.changed |= VMX_GROUP_EVENT;
    }
    if (after.kind == VMX_OUTCOME_EXIT) {
        cpu->stale |= after.changed;
        cpu->unsaved |= after.changed;
    }
    return after;
}

static struct vmx_outcome float_string(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    struct vmx_state *const s = &cpu->state;
    const bool repeats = i->rep || i->repne;
    const enum vmx_gpr index = i->op == VMX_OP_INS ? VMX_RDI : VMX_RSI;
    const uint64_t count = vmx_register(s, VMX_RCX, i->address_size), offset = vmx_register(s, index, i->address_size);
    const uint64_t step = (s->rflags & VMX_RFLAGS_DF) != 0 ? 0 - (uint64_t)i->operand_size : i->operand_size;
    struct vmx_outcome after;
    if (repeats && count == 0)
        return vmx_retire(cpu, i, 0);
    if (!move_item(cpu, i, offset, &after))
        return after;
    vmx_set_register(s, index, i->address_size, offset + step);
    if (!repeats)
        return vmx_retire_into(cpu, i, VMX_GROUP_GPR, &after);
    vmx_set_register(s, VMX_RCX, i->address_size, count - 1);
    return count == 1 ? vmx_retire_into(cpu, i, VMX_GROUP_GPR, &after) : iterate(cpu, after);
}

struct vmx_outcome sim_float_port(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    if (i->op == VMX_OP_IN || i->op == VMX_OP_OUT)
        return float_register(cpu, i);
    return i->op == VMX_OP_INS || i->op == VMX_OP_OUTS ? float_string(cpu, i) : vmx_outcome_run();
}
