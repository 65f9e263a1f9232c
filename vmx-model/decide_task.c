/* SPDX-License-Identifier: MIT */
/* Task switches by CALL, JMP and IRET: judged alike everywhere, an exit in VMX non-root operation, executed elsewhere.
   SDM 3A, "Task Switching"; SDM 3C, "Instructions That Cause VM Exits Unconditionally". */
#include "access.h"
#include "decide_ops.h"
#include "deliver_ops.h"
#include "execute_ops.h"
#include "operand.h"

/* System descriptor types; bit 3: 32-bit TSS. */
enum { TYPE_TASK_GATE = 5, TSS_BUSY = 2, TSS_32 = 8 };

struct descriptor {
    uint32_t low, high;
};

enum found { FOUND, NOT_IN_TABLE, ACCESS_FAILED };

/* Reads a descriptor of the GDT or the LDT as an implicit supervisor access. */
static enum found find(struct vmx_cpu *cpu, uint16_t selector, struct descriptor *d, struct vmx_outcome *failure)
{
    const struct vmx_state *s = &cpu->state;
    const struct vmx_segment *ldtr = &s->seg[VMX_LDTR];
    const bool local = (selector & 4) != 0;
    const uint32_t offset = selector & 0xfff8u;
    struct vmx_translation translation;
    if ((local && (ldtr->access_rights & VMX_AR_UNUSABLE) != 0) || offset + 7 > (local ? ldtr->limit : s->gdtr.limit))
        return NOT_IN_TABLE;
    if (vmx_read_system(cpu, (local ? ldtr->base : s->gdtr.base) + offset, d, sizeof *d, &translation))
        return FOUND;
    *failure = vmx_outcome_of_translation(&translation);
    return ACCESS_FAILED;
}

static unsigned type_of(const struct descriptor *d)
{
    return d->high >> 8 & 0x1f; /* with the S bit */
}
static bool is_tss(const struct descriptor *d)
{
    return (type_of(d) & ~(unsigned)(TSS_BUSY | TSS_32)) == 1;
}
static bool present(const struct descriptor *d)
{
    return (d->high & 0x8000) != 0;
}
static unsigned dpl(const struct descriptor *d)
{
    return d->high >> 13 & 3;
}

static uint32_t limit_of(const struct descriptor *d)
{
    const uint32_t limit = (d->low & 0xffff) | (d->high & 0xf0000);
    return (d->high & 0x800000) != 0 ? limit << 12 | 0xfff : limit;
}

static struct vmx_outcome selector_fault(uint8_t vector, uint16_t selector)
{
    return vmx_outcome_fault(vector, selector & 0xfffcu);
}

/* The checks on the new TSS, then the exit, or what the switch goes to in its form. IRET wants a busy TSS and answers with #TS where CALL and JMP answer with
   #GP. */
static struct vmx_outcome switch_to(const struct vmx_instruction *i, uint16_t selector, const struct descriptor *tss, enum vmx_task_source source)
{
    const bool busy = (type_of(tss) & TSS_BUSY) != 0;
    if (!is_tss(tss) || busy != (source == VMX_SWITCH_BY_IRET))
        return selector_fault(source == VMX_SWITCH_BY_IRET ? VMX_TS : VMX_GP, selector);
    if (!present(tss))
        return selector_fault(VMX_NP, selector);
    if (limit_of(tss) < ((type_of(tss) & TSS_32) != 0 ? 0x67u : 0x2bu))
        return selector_fault(VMX_TS, selector);
    return vmx_outcome_instruction_exit(VMX_EXIT_TASK_SWITCH, i, selector | (uint64_t)source << 30);
}

static bool far_selector(struct vmx_cpu *cpu, const struct vmx_instruction *i, uint16_t *selector, struct vmx_outcome *failure)
{
    uint8_t pointer[10];
    if (i->rm != VMX_OPERAND_MEMORY) {
        *selector = (uint16_t)(i->immediate >> 32);
        return true;
    }
    if (!vmx_read_operand(cpu, i, pointer, i->operand_size + 2u, failure))
        return false;
    *selector = (uint16_t)(pointer[i->operand_size] | pointer[i->operand_size + 1] << 8);
    return true;
}

static struct vmx_outcome through_gate(struct vmx_cpu *cpu, const struct vmx_instruction *i, uint16_t gate_selector, const struct descriptor *gate,
                                       enum vmx_task_source source)
{
    const uint16_t selector = (uint16_t)(gate->low >> 16);
    struct descriptor tss;
    struct vmx_outcome failure;
    if (!present(gate))
        return selector_fault(VMX_NP, gate_selector);
    if ((selector & 4) != 0)
        return selector_fault(VMX_GP, selector);
    switch (find(cpu, selector, &tss, &failure)) {
    case FOUND:
        return switch_to(i, selector, &tss, source);
    case NOT_IN_TABLE:
        return selector_fault(VMX_GP, selector);
    case ACCESS_FAILED:
        break;
    }
    return failure;
}

/* Only a far transfer that names a TSS or a task gate is judged; every other one is the engine's. */
static struct vmx_outcome judge_far_transfer(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    const struct vmx_state *s = &cpu->state;
    const enum vmx_task_source source = i->op == VMX_OP_CALL_FAR ? VMX_SWITCH_BY_CALL : VMX_SWITCH_BY_JMP;
    uint16_t selector;
    struct descriptor d;
    struct vmx_outcome failure;
    if (vmx_real_or_virtual_8086(s) || (s->efer & VMX_EFER_LMA) != 0)
        return vmx_outcome_run();
    if (!far_selector(cpu, i, &selector, &failure))
        return failure;
    if ((selector & 0xfffc) == 0)
        return vmx_outcome_run();
    const enum found found = find(cpu, selector, &d, &failure);
    if (found == ACCESS_FAILED)
        return failure;
    if (found == NOT_IN_TABLE || (!is_tss(&d) && type_of(&d) != TYPE_TASK_GATE))
        return vmx_outcome_run();
    if (dpl(&d) < vmx_cpl(s) || dpl(&d) < (selector & 3u))
        return selector_fault(VMX_GP, selector);
    if (type_of(&d) == TYPE_TASK_GATE)
        return through_gate(cpu, i, selector, &d, source);
    return (selector & 4) != 0 ? selector_fault(VMX_GP, selector) : switch_to(i, selector, &d, source);
}

/* IRET with NT = 1 returns to the task that the back link of the TSS names. */
static struct vmx_outcome judge_iret(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    const struct vmx_state *s = &cpu->state;
    struct vmx_translation translation;
    struct vmx_outcome failure;
    struct descriptor tss;
    uint16_t selector;
    if (vmx_real_or_virtual_8086(s) || (s->rflags & VMX_RFLAGS_NT) == 0)
        return vmx_outcome_run();
    if ((s->efer & VMX_EFER_LMA) != 0)
        return vmx_outcome_gp();
    if (!vmx_read_system(cpu, s->seg[VMX_TR].base, &selector, sizeof selector, &translation))
        return vmx_outcome_of_translation(&translation);
    if ((selector & 4) != 0)
        return selector_fault(VMX_TS, selector);
    switch (find(cpu, selector, &tss, &failure)) {
    case FOUND:
        return switch_to(i, selector, &tss, VMX_SWITCH_BY_IRET);
    case NOT_IN_TABLE:
        return selector_fault(VMX_TS, selector);
    case ACCESS_FAILED:
        break;
    }
    return failure;
}

struct vmx_outcome vmx_decide_far_transfer(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    return vmx_non_root(cpu) ? judge_far_transfer(cpu, i) : vmx_outcome_run();
}

struct vmx_outcome vmx_decide_iret(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    return vmx_non_root(cpu) ? judge_iret(cpu, i) : vmx_outcome_run();
}

/* Qualification of a task switch: selector 15:0, source 31:30. */
static struct vmx_outcome execute(struct vmx_cpu *cpu, const struct vmx_instruction *i, const struct vmx_outcome *judged)
{
    if (judged->kind != VMX_OUTCOME_EXIT)
        return *judged;
    return vmx_execute_task_switch(cpu, i, (uint16_t)judged->exit.qualification, (enum vmx_task_source)(judged->exit.qualification >> 30 & 3));
}

struct vmx_outcome vmx_execute_far_transfer(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    const struct vmx_outcome judged = vmx_non_root(cpu) ? vmx_outcome_run() : judge_far_transfer(cpu, i);
    return execute(cpu, i, &judged);
}

struct vmx_outcome vmx_execute_iret(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    const struct vmx_outcome judged = vmx_non_root(cpu) ? vmx_outcome_run() : judge_iret(cpu, i);
    return execute(cpu, i, &judged);
}
