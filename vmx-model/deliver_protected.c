/* SPDX-License-Identifier: MIT */
/* Delivery through the IDT outside IA-32e mode: 16- and 32-bit gates, stacks of the TSS, virtual-8086 mode, task gates.
   SDM 3A, "Interrupt and Exception Handling"; SDM 3B, "Interrupt and Exception Handling in Virtual-8086 Mode". */
#include "controls.h"
#include "deliver_ops.h"
#include "reasons.h"

enum { TSS_BUSY = 2, TSS_32 = 8, IDT_TASK_GATE = 3 };

static bool from_virtual_8086(const struct vmx_delivery *d)
{
    return (d->cpu->state.rflags & VMX_RFLAGS_VM) != 0;
}

static uint32_t selector_error(const struct vmx_delivery *d, uint16_t selector)
{
    return (selector & 0xfffcu) | d->ext;
}

static void task_switch_exit(struct vmx_delivery *d, uint16_t selector)
{
    const struct vmx_cpu *cpu = d->cpu;
    d->exit = (struct vmx_exit_info){.reason = VMX_EXIT_TASK_SWITCH,
                                     .valid = VMX_VALID_QUALIFICATION | VMX_VALID_IDT_VECTORING,
                                     .qualification = selector | (uint64_t)IDT_TASK_GATE << 30,
                                     .idt_vectoring_info = cpu->vectoring_info,
                                     .idt_vectoring_error_code = cpu->vectoring_error_code};
    if (d->event->type >= VMX_EVENT_SOFTWARE_INTERRUPT) {
        d->exit.valid |= VMX_VALID_INSTRUCTION_LENGTH;
        d->exit.instruction_length = cpu->vectoring_length;
    }
}

static enum vmx_delivered task_gate(struct vmx_delivery *d, uint16_t selector)
{
    struct vmx_descriptor tss;
    if ((selector & 4) != 0)
        return vmx_delivery_fault(d, VMX_GP, selector_error(d, selector));
    const enum vmx_delivered found = vmx_delivery_descriptor(d, selector, VMX_GP, &tss);
    if (found != VMX_DELIVERED)
        return found;
    const unsigned type = vmx_descriptor_type(&tss);
    if ((type & ~(unsigned)TSS_32) != 1) /* an available TSS of either size */
        return vmx_delivery_fault(d, VMX_GP, selector_error(d, selector));
    if (!vmx_descriptor_present(&tss))
        return vmx_delivery_fault(d, VMX_NP, selector_error(d, selector));
    if (vmx_descriptor_segment(&tss, 0).limit < ((type & TSS_32) != 0 ? 0x67u : 0x2bu))
        return vmx_delivery_fault(d, VMX_TS, selector_error(d, selector));
    if (d->cpu->operation != VMX_OPERATION_NON_ROOT) {
        const struct vmx_segment next = vmx_descriptor_segment(&tss, selector);
        return vmx_task_switch(d, &next, VMX_SWITCH_BY_GATE);
    }
    task_switch_exit(d, selector);
    return VMX_DELIVERY_EXIT;
}

/* SS is read before ESP, so it is what a page that is not there shows; within a page they share a translation and are read together. */
static bool read_stack(const struct vmx_delivery *d, gva_t at, uint32_t size, uint8_t bytes[6], struct vmx_translation *t)
{
    const uint32_t pointer = size - 2;
    return vmx_read_system(d->cpu, at, bytes, size, t) ||
           (vmx_read_system(d->cpu, at + pointer, bytes + pointer, 2, t) && vmx_read_system(d->cpu, at, bytes, pointer, t));
}

/* SS:ESP of a privilege level from the current TSS. */
static enum vmx_delivered tss_stack(struct vmx_delivery *d, unsigned cpl, uint16_t *ss, uint64_t *sp)
{
    const struct vmx_segment *tr = &d->cpu->state.seg[VMX_TR];
    const bool big = (tr->access_rights & TSS_32) != 0;
    const uint32_t offset = big ? cpl * 8 + 4 : cpl * 4 + 2, size = big ? 6 : 4;
    struct vmx_translation t;
    uint8_t bytes[6];
    if ((tr->access_rights & VMX_AR_UNUSABLE) != 0 || offset + size - 1 > tr->limit)
        return vmx_delivery_fault(d, VMX_TS, selector_error(d, tr->selector));
    if (!read_stack(d, tr->base + offset, size, bytes, &t))
        return vmx_delivery_stopped(d, &t, VMX_GP);
    *sp = bytes[0] | (uint64_t)bytes[1] << 8;
    if (big)
        *sp |= (uint64_t)bytes[2] << 16 | (uint64_t)bytes[3] << 24;
    *ss = (uint16_t)(bytes[size - 2] | bytes[size - 1] << 8);
    return VMX_DELIVERED;
}

static enum vmx_delivered inner_stack(struct vmx_delivery *d, unsigned cpl, struct vmx_segment *ss, uint64_t *sp, struct vmx_descriptor *x)
{
    const uint32_t kind = VMX_DESCRIPTOR_S | VMX_DESCRIPTOR_CODE | VMX_DESCRIPTOR_WRITABLE;
    uint16_t selector = 0;
    enum vmx_delivered found = tss_stack(d, cpl, &selector, sp);
    if (found == VMX_DELIVERED)
        found = vmx_delivery_descriptor(d, selector, VMX_TS, x);
    if (found != VMX_DELIVERED)
        return found;
    const bool writable_data = (x->high & kind) == (VMX_DESCRIPTOR_S | VMX_DESCRIPTOR_WRITABLE);
    if ((selector & 3u) != cpl || vmx_descriptor_dpl(x) != cpl || !writable_data)
        return vmx_delivery_fault(d, VMX_TS, selector_error(d, selector));
    if (!vmx_descriptor_present(x))
        return vmx_delivery_fault(d, VMX_SS_FAULT, selector_error(d, selector));
    *ss = vmx_descriptor_segment(x, selector);
    return VMX_DELIVERED;
}

static void build_frame(const struct vmx_delivery *d, bool changes_stack, struct vmx_frame *f)
{
    const struct vmx_state *s = &d->cpu->state;
    static const uint8_t data_segments[] = {VMX_GS, VMX_FS, VMX_DS, VMX_ES};
    for (unsigned i = 0; from_virtual_8086(d) && i < 4; i++)
        vmx_frame_add(f, s->seg[data_segments[i]].selector);
    if (changes_stack) {
        vmx_frame_add(f, s->seg[VMX_SS].selector);
        vmx_frame_add(f, s->gpr[VMX_RSP]);
    }
    vmx_frame_add(f, d->return_rflags);
    vmx_frame_add(f, s->seg[VMX_CS].selector);
    vmx_frame_add(f, d->return_rip);
    if (d->event->has_error_code)
        vmx_frame_add(f, d->event->error_code);
}

static void commit(struct vmx_delivery *d, const struct vmx_gate *gate, const struct vmx_segment *cs, const struct vmx_segment *ss, uint64_t sp)
{
    static const uint8_t data_segments[] = {VMX_GS, VMX_FS, VMX_DS, VMX_ES};
    struct vmx_state *s = &d->cpu->state;
    for (unsigned i = 0; from_virtual_8086(d) && i < 4; i++)
        s->seg[data_segments[i]] = (struct vmx_segment){.access_rights = VMX_AR_UNUSABLE};
    s->seg[VMX_CS] = *cs;
    s->seg[VMX_SS] = *ss;
    s->gpr[VMX_RSP] = sp;
    s->rip = gate->offset;
    s->rflags &= ~(VMX_RFLAGS_TF | VMX_RFLAGS_NT | VMX_RFLAGS_RF | VMX_RFLAGS_VM);
    if ((gate->type & VMX_GATE_TRAP) == 0)
        s->rflags &= ~VMX_RFLAGS_IF;
}

static enum vmx_delivered through_gate(struct vmx_delivery *d, const struct vmx_gate *gate)
{
    const struct vmx_state *s = &d->cpu->state;
    struct vmx_frame f = {.width = (gate->type & ~(unsigned)VMX_GATE_TRAP) == VMX_GATE_16 ? 2 : 4};
    struct vmx_segment cs, ss = s->seg[VMX_SS];
    struct vmx_descriptor code, stack = {.high = 0x100};
    uint64_t sp = s->gpr[VMX_RSP];
    unsigned cpl;
    enum vmx_delivered step = vmx_delivery_handler(d, gate->selector, &cs, &cpl, &code);
    if (step != VMX_DELIVERED)
        return step;
    if (from_virtual_8086(d) && cpl != 0) /* only a nonconforming segment of privilege level 0 may handle it */
        return vmx_delivery_fault(d, VMX_GP, selector_error(d, gate->selector));
    const bool changes_stack = cpl != vmx_cpl(s);
    if (changes_stack) {
        step = inner_stack(d, cpl, &ss, &sp, &stack);
        if (step != VMX_DELIVERED)
            return step;
    }
    build_frame(d, changes_stack, &f);
    if (gate->offset > cs.limit)
        return vmx_delivery_fault(d, VMX_GP, d->ext);
    step = vmx_delivery_push(d, &ss, &sp, &f, cpl, changes_stack ? ss.selector : 0);
    if (step == VMX_DELIVERED && changes_stack)
        step = vmx_delivery_mark_accessed(d, &stack);
    if (step == VMX_DELIVERED)
        step = vmx_delivery_mark_accessed(d, &code);
    if (step == VMX_DELIVERED)
        commit(d, gate, &cs, &ss, sp);
    return step;
}

/* The software interrupt redirection bitmap: 32 bytes below the I/O permission bitmap of the TSS. A clear bit redirects. */
static enum vmx_delivered redirected(struct vmx_delivery *d, bool *redirects)
{
    enum { IO_MAP_BASE = 102 };
    const struct vmx_segment *tr = &d->cpu->state.seg[VMX_TR];
    struct vmx_translation t;
    uint8_t base[2], bits;
    if (tr->limit < IO_MAP_BASE + 1)
        return vmx_delivery_fault(d, VMX_GP, 0);
    if (!vmx_read_system(d->cpu, tr->base + IO_MAP_BASE, base, sizeof base, &t))
        return vmx_delivery_stopped(d, &t, VMX_GP);
    const uint32_t map = (uint32_t)(base[0] | base[1] << 8);
    const uint32_t at = map - 32 + d->event->vector / 8u;
    if (map < 32 || at > tr->limit)
        return vmx_delivery_fault(d, VMX_GP, 0);
    if (!vmx_read_system(d->cpu, tr->base + at, &bits, 1, &t))
        return vmx_delivery_stopped(d, &t, VMX_GP);
    *redirects = (bits >> (d->event->vector & 7u) & 1) == 0;
    return VMX_DELIVERED;
}

enum vmx_delivered vmx_deliver_protected(struct vmx_delivery *d)
{
    const struct vmx_state *s = &d->cpu->state;
    const bool interrupt_n = d->event->type == VMX_EVENT_SOFTWARE_INTERRUPT && from_virtual_8086(d);
    struct vmx_gate gate;
    bool redirects = false;
    enum vmx_delivered step;
    if (interrupt_n && (s->cr4 & VMX_CR4_VME) != 0) {
        step = redirected(d, &redirects);
        if (step != VMX_DELIVERED)
            return step;
        if (redirects)
            return vmx_deliver_redirected(d);
    }
    if (interrupt_n && !d->injected && (s->rflags >> 12 & 3) != 3)
        return vmx_delivery_fault(d, VMX_GP, 0);
    step = vmx_delivery_gate(d, &gate);
    if (step != VMX_DELIVERED)
        return step;
    return gate.type == VMX_TASK_GATE ? task_gate(d, gate.selector) : through_gate(d, &gate);
}
