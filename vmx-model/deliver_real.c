/* SPDX-License-Identifier: MIT */
/* Delivery through the interrupt vector table: real-address mode, and INT n redirected in virtual-8086 mode.
   SDM 3B, "8086 Emulation". */
#include "deliver_ops.h"

#define FLAGS_IOPL (UINT64_C(3) << 12)
#define FLAGS_VIF VMX_BIT(19)

/* Pushes FLAGS, CS and IP, and goes to segment:offset of the vector at `linear`: the stack comes first. Real-address mode has no error codes. */
static enum vmx_delivered enter_vector(struct vmx_delivery *d, gva_t linear, bool user, uint64_t flags)
{
    struct vmx_state *s = &d->cpu->state;
    struct vmx_frame f = {.width = 2};
    struct vmx_translation t;
    uint64_t sp = s->gpr[VMX_RSP];
    uint8_t vector[4];
    vmx_frame_add(&f, flags);
    vmx_frame_add(&f, s->seg[VMX_CS].selector);
    vmx_frame_add(&f, d->return_rip);
    const enum vmx_delivered pushed = vmx_delivery_push(d, &s->seg[VMX_SS], &sp, &f, vmx_cpl(s), 0);
    if (pushed != VMX_DELIVERED)
        return pushed;
    if (!vmx_read_linear(d->cpu, linear, vector, sizeof vector, VMX_ACCESS_READ, user, &t))
        return vmx_delivery_stopped(d, &t, VMX_GP);
    const uint16_t offset = (uint16_t)(vector[0] | vector[1] << 8), selector = (uint16_t)(vector[2] | vector[3] << 8);
    if (offset > s->seg[VMX_CS].limit)
        return vmx_delivery_fault(d, VMX_GP, 0);
    s->gpr[VMX_RSP] = sp;
    s->seg[VMX_CS].selector = selector;
    s->seg[VMX_CS].base = (uint32_t)selector << 4;
    s->rip = offset;
    return VMX_DELIVERED;
}

enum vmx_delivered vmx_deliver_real(struct vmx_delivery *d)
{
    struct vmx_state *s = &d->cpu->state;
    const uint32_t offset = d->event->vector * 4u;
    if (offset + 3 > s->idtr.limit)
        return vmx_delivery_fault(d, VMX_GP, 0);
    const enum vmx_delivered delivered = enter_vector(d, s->idtr.base + offset, false, d->return_rflags);
    if (delivered == VMX_DELIVERED)
        s->rflags &= ~(VMX_RFLAGS_IF | VMX_RFLAGS_TF | VMX_RFLAGS_RF | VMX_RFLAGS_AC);
    return delivered;
}

/* With IOPL below 3 the program sees its virtual interrupt flag, and IOPL as 3. */
enum vmx_delivered vmx_deliver_redirected(struct vmx_delivery *d)
{
    struct vmx_state *s = &d->cpu->state;
    const bool virtual_flag = (s->rflags & FLAGS_IOPL) != FLAGS_IOPL;
    uint64_t flags = d->return_rflags;
    if (virtual_flag)
        flags = (flags & ~VMX_RFLAGS_IF) | FLAGS_IOPL | ((flags & FLAGS_VIF) != 0 ? VMX_RFLAGS_IF : 0);
    const enum vmx_delivered delivered = enter_vector(d, d->event->vector * 4u, true, flags);
    if (delivered == VMX_DELIVERED)
        s->rflags &= ~(VMX_RFLAGS_TF | VMX_RFLAGS_RF | (virtual_flag ? FLAGS_VIF : VMX_RFLAGS_IF));
    return delivered;
}
