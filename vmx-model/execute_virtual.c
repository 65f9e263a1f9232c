/* SPDX-License-Identifier: MIT */
/* The virtual interrupt flag: what becomes of #GP where CLI, STI, PUSHF, POPF and IRET lack IOPL and CR4.VME or CR4.PVI is 1.
   SDM 3B, "Interrupt and Exception Handling in Virtual-8086 Mode", "Protected-Mode Virtual Interrupts". */
#include "execute_ops.h"

enum { WORD = 2 };
/* FLAGS that POPF and IRET load here. */
#define LOADED (UINT64_C(0xffff) & VMX_RFLAGS_DEFINED & ~(VMX_RFLAGS_IF | VMX_RFLAGS_IOPL))

static bool in_virtual_8086(const struct vmx_state *s)
{
    return (s->rflags & VMX_RFLAGS_VM) != 0;
}

/* The mode has a virtual interrupt flag, and the program no right to the real one. */
static bool is_virtual(const struct vmx_state *s)
{
    if ((s->cr0 & VMX_CR0_PE) == 0 || (s->rflags & VMX_RFLAGS_IOPL) == VMX_RFLAGS_IOPL || vmx_cpl(s) != 3)
        return false;
    return (s->cr4 & (in_virtual_8086(s) ? VMX_CR4_VME : VMX_CR4_PVI)) != 0;
}

static bool set_interrupt_flag(struct vmx_state *s, bool value)
{
    if (value && (s->rflags & VMX_RFLAGS_VIP) != 0)
        return false;
    s->rflags = value ? s->rflags | VMX_RFLAGS_VIF : s->rflags & ~VMX_RFLAGS_VIF;
    return true;
}

static bool load_flags(struct vmx_state *s, uint16_t image)
{
    if ((image & VMX_RFLAGS_TF) != 0 || !set_interrupt_flag(s, (image & VMX_RFLAGS_IF) != 0))
        return false;
    s->rflags = (s->rflags & ~LOADED) | (image & LOADED);
    return true;
}

static void move_stack(struct vmx_state *s, int bytes)
{
    const uint64_t sp = s->gpr[VMX_RSP];
    s->gpr[VMX_RSP] = (sp & ~UINT64_C(0xffff)) | ((sp + (uint64_t)(int64_t)bytes) & 0xffff);
}

/* The words from SP on, count of them, each with its own checks. */
static bool pop(struct vmx_cpu *cpu, uint16_t *words, unsigned count, struct vmx_outcome *failure)
{
    for (unsigned i = 0; i < count; i++) {
        const uint64_t offset = (cpu->state.gpr[VMX_RSP] + i * (unsigned)WORD) & 0xffff;
        struct vmx_translation t;
        gva_t linear;
        if (!vmx_segment_linear(cpu, VMX_SS, offset, WORD, false, &linear, failure))
            return false;
        if (!vmx_read_linear(cpu, linear, &words[i], WORD, VMX_ACCESS_READ, true, &t)) {
            *failure = vmx_outcome_of_translation(&t);
            return false;
        }
    }
    return true;
}

static struct vmx_outcome push_flags(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    struct vmx_state *const s = &cpu->state;
    const uint64_t kept = s->rflags & ~(VMX_RFLAGS_IF | VMX_RFLAGS_IOPL);
    const uint16_t image = (uint16_t)(kept | VMX_RFLAGS_IOPL | ((s->rflags & VMX_RFLAGS_VIF) != 0 ? VMX_RFLAGS_IF : 0));
    struct vmx_outcome failure;
    struct vmx_translation t;
    gva_t linear;
    if (!vmx_segment_linear(cpu, VMX_SS, (s->gpr[VMX_RSP] - WORD) & 0xffff, WORD, true, &linear, &failure))
        return failure;
    if (!vmx_write_linear(cpu, linear, &image, WORD, true, &t))
        return vmx_outcome_of_translation(&t);
    move_stack(s, -WORD);
    return vmx_retire(cpu, i, 0);
}

static struct vmx_outcome pop_flags(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    struct vmx_outcome failure;
    uint16_t image;
    if (!pop(cpu, &image, 1, &failure))
        return failure;
    if (!load_flags(&cpu->state, image))
        return vmx_outcome_gp();
    move_stack(&cpu->state, WORD);
    return vmx_retire(cpu, i, 0);
}

static struct vmx_outcome return_from_interrupt(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    enum { IP, CS, FLAGS, WORDS };
    struct vmx_state *const s = &cpu->state;
    struct vmx_outcome outcome;
    uint16_t words[WORDS];
    if (!pop(cpu, words, WORDS, &outcome))
        return outcome;
    if (words[IP] > s->seg[VMX_CS].limit || !load_flags(s, words[FLAGS]))
        return vmx_outcome_gp();
    move_stack(s, WORDS * WORD);
    if (vmx_iret_unblocks_nmis(cpu))
        s->interruptibility &= ~(uint32_t)VMX_BLOCKING_BY_NMI;
    outcome = vmx_retire(cpu, i, VMX_GROUP_SEGMENTS | VMX_GROUP_EVENT);
    s->seg[VMX_CS].selector = words[CS];
    s->seg[VMX_CS].base = (uint64_t)words[CS] << 4;
    s->rip = words[IP];
    return outcome;
}

struct vmx_outcome vmx_execute_virtual(struct vmx_cpu *cpu, const struct vmx_instruction *i)
{
    struct vmx_state *const s = &cpu->state;
    if (!is_virtual(s))
        return vmx_outcome_run();
    if (i->op == VMX_OP_CLI || i->op == VMX_OP_STI)
        return set_interrupt_flag(s, i->op == VMX_OP_STI) ? vmx_retire(cpu, i, 0) : vmx_outcome_gp();
    if (!in_virtual_8086(s) || i->operand_size != WORD)
        return vmx_outcome_run();
    switch ((int)i->op) {
    case VMX_OP_PUSHF:
        return push_flags(cpu, i);
    case VMX_OP_POPF:
        return pop_flags(cpu, i);
    case VMX_OP_IRET:
        return return_from_interrupt(cpu, i);
    }
    return vmx_outcome_run();
}
