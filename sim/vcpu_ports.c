/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ports that no VM exit guards: the machine's own. Without a board there are no devices: reads give all ones, writes vanish.
   SDM 2, "IN", "INS", "OUT", "OUTS". */
#include "vcpu_internal.h"

#include "../vmx-model/breakpoints.h"
#include "../vmx-model/execute_ops.h"
#include "board.h"

static uint32_t read_port(struct bk_vcpu *vcpu, uint16_t port, unsigned size)
{
    vmx_note_port(&vcpu->cpu, port, size);
    return vcpu->machine->board != NULL ? sim_board_port_read(vcpu, port, size) : UINT32_MAX;
}

static void write_port(struct bk_vcpu *vcpu, uint16_t port, unsigned size, uint32_t value)
{
    vmx_note_port(&vcpu->cpu, port, size);
    if (vcpu->machine->board != NULL)
        sim_board_port_write(vcpu, port, size, value);
}

static uint16_t port_of(const struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    return i->immediate_port ? (uint16_t)i->immediate : (uint16_t)cpu->state.gpr[VMX_RDX];
}

static struct vmx_outcome move_register(struct bk_vcpu *vcpu, const struct vmx_instruction *i)
{
    struct vmx_cpu *cpu = &vcpu->cpu;
    const uint16_t port = port_of(cpu, i);
    if (i->op == VMX_OP_IN)
        vmx_set_register(&cpu->state, VMX_RAX, i->operand_size, read_port(vcpu, port, i->operand_size));
    else
        write_port(vcpu, port, i->operand_size, (uint32_t)vmx_register(&cpu->state, VMX_RAX, i->operand_size));
    return vmx_retire(cpu, i, VMX_GROUP_GPR);
}

/* The destination of INS is looked at before the device is: a read that got lost in a fault could not be had again. */
static bool is_writable(struct vmx_cpu *cpu, gva_t linear, unsigned size, bool user, struct vmx_translation *translation)
{
    vmx_translate(cpu, linear, VMX_ACCESS_WRITE, user, translation);
    if (translation->kind == VMX_TRANSLATED && linear / SIM_PAGE != (linear + size - 1) / SIM_PAGE)
        vmx_translate(cpu, linear + size - 1, VMX_ACCESS_WRITE, user, translation);
    return translation->kind == VMX_TRANSLATED;
}

/* Moves one item; false: *outcome is the fault or the exit of the access. True: it is what APIC-write emulation led to. */
static bool move_item(struct bk_vcpu *vcpu, const struct vmx_instruction *i, uint64_t offset, struct vmx_outcome *outcome)
{
    struct vmx_cpu *cpu = &vcpu->cpu;
    const bool input = i->op == VMX_OP_INS, user = vmx_user(cpu);
    const uint16_t port = (uint16_t)cpu->state.gpr[VMX_RDX];
    struct vmx_translation translation;
    uint32_t item = 0;
    gva_t linear;
    if (!vmx_segment_linear(cpu, i->segment, offset, i->operand_size, input, &linear, outcome))
        return false;
    if (input && !is_writable(cpu, linear, i->operand_size, user, &translation)) {
        *outcome = vmx_outcome_of_translation(&translation);
        return false;
    }
    if (input)
        item = read_port(vcpu, port, i->operand_size);
    if (input ? !vmx_write_linear(cpu, linear, &item, i->operand_size, user, &translation)
              : !vmx_read_linear(cpu, linear, &item, i->operand_size, VMX_ACCESS_READ, user, &translation)) {
        *outcome = vmx_outcome_of_translation(&translation);
        return false;
    }
    if (!input)
        write_port(vcpu, port, i->operand_size, item);
    *outcome = input && translation.apic_page ? vmx_apic_write_emulation(cpu, linear % SIM_PAGE) : vmx_outcome_done(0);
    return true;
}

/* An iteration that is not the last: RIP stays, traps come all the same. What comes between two iterations finds RF set. */
static struct vmx_outcome iterate(struct vmx_cpu *cpu, struct vmx_outcome after)
{
    struct vmx_state *const s = &cpu->state;
    after.changed = VMX_GROUP_GPR;
    cpu->repeats = after.kind != VMX_OUTCOME_EXIT;
    if ((s->rflags & VMX_RFLAGS_TF) != 0 && (s->debugctl & VMX_DEBUGCTL_BTF) == 0) {
        s->pending_debug |= VMX_PENDING_BS;
        after.changed |= VMX_GROUP_EVENT;
    }
    if (vmx_pend_breakpoints(cpu))
        after.changed |= VMX_GROUP_EVENT;
    if (after.kind == VMX_OUTCOME_EXIT) {
        cpu->stale |= after.changed;
        cpu->unsaved |= after.changed;
    }
    return after;
}

static struct vmx_outcome move_string(struct bk_vcpu *vcpu, const struct vmx_instruction *i)
{
    struct vmx_cpu *cpu = &vcpu->cpu;
    struct vmx_state *const s = &cpu->state;
    const bool repeats = i->rep || i->repne;
    const enum vmx_gpr index = i->op == VMX_OP_INS ? VMX_RDI : VMX_RSI;
    const uint64_t count = vmx_register(s, VMX_RCX, i->address_size), offset = vmx_register(s, index, i->address_size);
    const uint64_t step = (s->rflags & VMX_RFLAGS_DF) != 0 ? 0 - (uint64_t)i->operand_size : i->operand_size;
    struct vmx_outcome after;
    if (repeats && count == 0)
        return vmx_retire(cpu, i, 0);
    if (!move_item(vcpu, i, offset, &after))
        return after;
    vmx_set_register(s, index, i->address_size, offset + step);
    if (!repeats)
        return vmx_retire_into(cpu, i, VMX_GROUP_GPR, &after);
    vmx_set_register(s, VMX_RCX, i->address_size, count - 1);
    return count == 1 ? vmx_retire_into(cpu, i, VMX_GROUP_GPR, &after) : iterate(cpu, after);
}

struct vmx_outcome sim_port_access(struct bk_vcpu *vcpu, const struct vmx_instruction *i)
{
    if (i->op == VMX_OP_IN || i->op == VMX_OP_OUT)
        return move_register(vcpu, i);
    return i->op == VMX_OP_INS || i->op == VMX_OP_OUTS ? move_string(vcpu, i) : vmx_outcome_run();
}
