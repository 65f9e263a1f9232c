/* SPDX-License-Identifier: MIT */
/* Delivery through the IDT in IA-32e mode: 64-bit gates, the interrupt stack table. SDM 3A, "Exception and Interrupt Handling in 64-bit Mode". */
#include "deliver_ops.h"

/* A null SS as delivery loads it when the privilege level changes. */
static struct vmx_segment null_stack(unsigned cpl)
{
    return (struct vmx_segment){.selector = (uint16_t)cpl, .limit = UINT32_MAX, .access_rights = VMX_AR_UNUSABLE | VMX_AR_G | VMX_AR_DB | cpl << 5};
}

static bool canonical(const struct vmx_state *s, uint64_t address)
{
    return vmx_is_canonical(address, (s->cr4 & VMX_CR4_LA57) != 0 ? 57 : 48);
}

/* A stack pointer of the 64-bit TSS: one of the interrupt stack table, or of a privilege level. */
static enum vmx_delivered tss_pointer(struct vmx_delivery *d, unsigned ist, unsigned cpl, uint64_t *sp)
{
    const struct vmx_segment *tr = &d->cpu->state.seg[VMX_TR];
    const uint32_t offset = ist != 0 ? ist * 8 + 28 : cpl * 8 + 4;
    struct vmx_translation t;
    uint8_t bytes[8];
    if ((tr->access_rights & VMX_AR_UNUSABLE) != 0 || offset + 7 > tr->limit)
        return vmx_delivery_fault(d, VMX_TS, (tr->selector & 0xfffcu) | d->ext);
    if (!vmx_read_system(d->cpu, tr->base + offset, bytes, sizeof bytes, &t))
        return vmx_delivery_stopped(d, &t, VMX_GP);
    *sp = vmx_load64(bytes);
    return canonical(&d->cpu->state, *sp) ? VMX_DELIVERED : vmx_delivery_fault(d, VMX_SS_FAULT, d->ext);
}

static void build_frame(const struct vmx_delivery *d, struct vmx_frame *f)
{
    const struct vmx_state *s = &d->cpu->state;
    vmx_frame_add(f, s->seg[VMX_SS].selector);
    vmx_frame_add(f, s->gpr[VMX_RSP]);
    vmx_frame_add(f, d->return_rflags);
    vmx_frame_add(f, s->seg[VMX_CS].selector);
    vmx_frame_add(f, d->return_rip);
    if (d->event->has_error_code)
        vmx_frame_add(f, d->event->error_code);
}

enum vmx_delivered vmx_deliver_long(struct vmx_delivery *d)
{
    struct vmx_state *s = &d->cpu->state;
    struct vmx_frame f = {.width = 8};
    struct vmx_descriptor code;
    struct vmx_segment cs;
    struct vmx_gate gate;
    uint64_t sp = s->gpr[VMX_RSP];
    unsigned cpl = 0;
    enum vmx_delivered step = vmx_delivery_gate(d, &gate);
    if (step == VMX_DELIVERED)
        step = vmx_delivery_handler(d, gate.selector, &cs, &cpl, &code);
    if (step != VMX_DELIVERED)
        return step;
    const bool changes_privilege = cpl != vmx_cpl(s);
    if (changes_privilege || gate.ist != 0) {
        step = tss_pointer(d, gate.ist, cpl, &sp);
        if (step != VMX_DELIVERED)
            return step;
    }
    if (!canonical(s, gate.offset))
        return vmx_delivery_fault(d, VMX_GP, d->ext);
    sp &= ~UINT64_C(15);
    build_frame(d, &f);
    step = vmx_delivery_push(d, NULL, &sp, &f, cpl, 0);
    if (step == VMX_DELIVERED)
        step = vmx_delivery_mark_accessed(d, &code);
    if (step != VMX_DELIVERED)
        return step;
    s->seg[VMX_CS] = cs;
    if (changes_privilege)
        s->seg[VMX_SS] = null_stack(cpl);
    s->gpr[VMX_RSP] = sp;
    s->rip = gate.offset;
    s->rflags &= ~(VMX_RFLAGS_TF | VMX_RFLAGS_NT | VMX_RFLAGS_RF | VMX_RFLAGS_VM);
    if ((gate.type & VMX_GATE_TRAP) == 0)
        s->rflags &= ~VMX_RFLAGS_IF;
    return VMX_DELIVERED;
}
