/* SPDX-License-Identifier: MIT */
/* Gates, descriptors and stack frames of event delivery. SDM 3A, "Interrupt and Exception Handling"; SDM 2A, "INT n". */
#include "deliver_ops.h"

enum vmx_delivered vmx_delivery_fault(struct vmx_delivery *d, uint8_t vector, uint32_t error_code)
{
    d->fault = (struct vmx_event){.vector = vector, .type = VMX_EVENT_HARDWARE_EXCEPTION, .has_error_code = true, .error_code = error_code};
    return VMX_DELIVERY_FAULT;
}

enum vmx_delivered vmx_delivery_stopped(struct vmx_delivery *d, const struct vmx_translation *t, uint8_t canonical_vector)
{
    if (t->kind == VMX_TRANSLATION_EXIT) {
        d->exit = t->exit;
        return VMX_DELIVERY_EXIT;
    }
    if (t->event.vector == VMX_GP)
        return vmx_delivery_fault(d, canonical_vector, d->ext);
    d->fault = t->event;
    return VMX_DELIVERY_FAULT;
}

static uint32_t selector_error(const struct vmx_delivery *d, uint16_t selector)
{
    return (selector & 0xfffcu) | d->ext;
}

struct vmx_segment vmx_descriptor_segment(const struct vmx_descriptor *x, uint16_t selector)
{
    struct vmx_segment segment = {.selector = selector};
    const uint32_t limit = (x->low & 0xffff) | (x->high & 0xf0000);
    segment.base = x->low >> 16 | (x->high & 0xff) << 16 | (x->high & 0xff000000);
    segment.limit = (x->high & 0x800000) != 0 ? limit << 12 | 0xfff : limit;
    segment.access_rights = (x->high >> 8 & 0xf0ff) | 1;
    return segment;
}

enum vmx_delivered vmx_delivery_descriptor(struct vmx_delivery *d, uint16_t selector, uint8_t vector, struct vmx_descriptor *x)
{
    const struct vmx_state *s = &d->cpu->state;
    const struct vmx_segment *ldtr = &s->seg[VMX_LDTR];
    const bool local = (selector & 4) != 0;
    const uint32_t offset = selector & 0xfff8u;
    struct vmx_translation t;
    uint8_t bytes[8];
    if ((selector & 0xfffc) == 0)
        return vmx_delivery_fault(d, vector, d->ext);
    if ((local && (ldtr->access_rights & VMX_AR_UNUSABLE) != 0) || offset + 7 > (local ? ldtr->limit : s->gdtr.limit))
        return vmx_delivery_fault(d, vector, selector_error(d, selector));
    x->address = (local ? ldtr->base : s->gdtr.base) + offset;
    if (!vmx_read_system(d->cpu, x->address, bytes, sizeof bytes, &t))
        return vmx_delivery_stopped(d, &t, VMX_GP);
    x->low = vmx_load32(bytes);
    x->high = vmx_load32(bytes + 4);
    return VMX_DELIVERED;
}

enum vmx_delivered vmx_delivery_mark_accessed(struct vmx_delivery *d, const struct vmx_descriptor *x)
{
    const uint8_t marked = (uint8_t)(x->high >> 8 | 1);
    struct vmx_translation t;
    if ((x->high & 0x100) != 0 || vmx_write_system(d->cpu, x->address + 5, &marked, 1, &t))
        return VMX_DELIVERED;
    return vmx_delivery_stopped(d, &t, VMX_GP);
}

/* INT n, INT3 and INTO must be allowed to use the gate; INT1, exceptions and interrupts need not. */
static bool checks_gate_privilege(const struct vmx_event *event)
{
    return event->type == VMX_EVENT_SOFTWARE_INTERRUPT || event->type == VMX_EVENT_SOFTWARE_EXCEPTION;
}

enum vmx_delivered vmx_delivery_gate(struct vmx_delivery *d, struct vmx_gate *gate)
{
    const struct vmx_state *s = &d->cpu->state;
    const bool ia32e = (s->efer & VMX_EFER_LMA) != 0;
    const uint32_t size = ia32e ? 16 : 8, offset = d->event->vector * size;
    const uint32_t error = d->event->vector * 8u + 2 + d->ext; /* IDT bit */
    struct vmx_descriptor x;
    struct vmx_translation t;
    uint8_t bytes[16];
    if (offset + size - 1 > s->idtr.limit)
        return vmx_delivery_fault(d, VMX_GP, error);
    if (!vmx_read_system(d->cpu, s->idtr.base + offset, bytes, size, &t))
        return vmx_delivery_stopped(d, &t, VMX_GP);
    x.low = vmx_load32(bytes);
    x.high = vmx_load32(bytes + 4);
    gate->type = vmx_descriptor_type(&x);
    gate->ist = ia32e ? x.high & 7 : 0;
    gate->selector = (uint16_t)(x.low >> 16);
    gate->offset = (x.low & 0xffff) | (x.high & 0xffff0000);
    const unsigned kind = gate->type & ~(unsigned)VMX_GATE_TRAP;
    const bool known = kind == VMX_GATE_32 || (!ia32e && (kind == VMX_GATE_16 || gate->type == VMX_TASK_GATE));
    if (!known || (checks_gate_privilege(d->event) && vmx_descriptor_dpl(&x) < vmx_cpl(s)))
        return vmx_delivery_fault(d, VMX_GP, error);
    if (!vmx_descriptor_present(&x))
        return vmx_delivery_fault(d, VMX_NP, error);
    if (ia32e)
        gate->offset |= (uint64_t)vmx_load32(bytes + 8) << 32;
    else if (kind == VMX_GATE_16)
        gate->offset &= 0xffff;
    return VMX_DELIVERED;
}

enum vmx_delivered vmx_delivery_handler(struct vmx_delivery *d, uint16_t selector, struct vmx_segment *segment, unsigned *cpl,
                                        struct vmx_descriptor *x)
{
    const struct vmx_state *s = &d->cpu->state;
    const bool ia32e = (s->efer & VMX_EFER_LMA) != 0;
    const uint32_t code = VMX_DESCRIPTOR_S | VMX_DESCRIPTOR_CODE, width = VMX_DESCRIPTOR_L | VMX_DESCRIPTOR_DB;
    const enum vmx_delivered found = vmx_delivery_descriptor(d, selector, VMX_GP, x);
    if (found != VMX_DELIVERED)
        return found;
    const unsigned dpl = vmx_descriptor_dpl(x);
    if ((x->high & code) != code || dpl > vmx_cpl(s) || (ia32e && (x->high & width) != VMX_DESCRIPTOR_L))
        return vmx_delivery_fault(d, VMX_GP, selector_error(d, selector));
    if (!vmx_descriptor_present(x))
        return vmx_delivery_fault(d, VMX_NP, selector_error(d, selector));
    *cpl = (x->high & VMX_DESCRIPTOR_CONFORMING) != 0 ? vmx_cpl(s) : dpl;
    *segment = vmx_descriptor_segment(x, (uint16_t)((selector & 0xfffcu) | *cpl));
    return VMX_DELIVERED;
}

/* Whether size bytes below offset sp lie in the segment, which is usable; sp wraps at the width of the stack. */
static bool has_room(const struct vmx_segment *ss, uint32_t sp, uint32_t size)
{
    const bool big = (ss->access_rights & VMX_AR_DB) != 0;
    const uint32_t top = big ? UINT32_MAX : 0xffff, last = (sp - 1) & top, first = (sp - size) & top;
    const bool expands_down = (ss->access_rights & (VMX_AR_S | VMX_AR_CODE | VMX_AR_EXPAND_DOWN)) == (VMX_AR_S | VMX_AR_EXPAND_DOWN);
    if ((ss->access_rights & VMX_AR_UNUSABLE) != 0)
        return false;
    if (expands_down)
        return first > ss->limit && last > ss->limit && last <= top;
    return first <= ss->limit && last <= ss->limit;
}

static void encode(const struct vmx_frame *f, uint8_t bytes[88])
{
    for (unsigned i = 0; i < f->count; i++) {
        uint8_t *const to = bytes + (f->count - 1 - i) * f->width;
        if (f->width == 8)
            vmx_store64(to, f->value[i]);
        else
            for (unsigned b = 0; b < f->width; b++)
                to[b] = (uint8_t)(f->value[i] >> (8 * b));
    }
}

/* Values are pushed one by one, so the first that cannot be written is the one that is reported. Within a page they share a translation and go together. */
static bool write_frame(struct vmx_delivery *d, uint64_t base, uint64_t sp, uint64_t mask, const struct vmx_frame *f, bool user,
                        struct vmx_translation *t)
{
    enum { PAGE = 4096 };
    const uint32_t size = f->count * f->width;
    const uint64_t below = (sp - size) & mask, lowest = base + below;
    uint8_t bytes[88];
    encode(f, bytes);
    const bool is_in_one_page = lowest % PAGE + size <= PAGE && below + size - 1 <= mask;
    if (is_in_one_page && vmx_write_as(d->cpu, lowest, bytes, size, user, false, t))
        return true;
    for (uint32_t at = size; at != 0; at -= f->width)
        if (!vmx_write_as(d->cpu, base + ((below + at - f->width) & mask), bytes + at - f->width, f->width, user, false, t))
            return false;
    return true;
}

enum vmx_delivered vmx_delivery_push(struct vmx_delivery *d, const struct vmx_segment *ss, uint64_t *sp, const struct vmx_frame *f, unsigned cpl,
                                     uint16_t fault_selector)
{
    const uint32_t size = f->count * f->width;
    const uint64_t mask = ss == NULL ? UINT64_MAX : (ss->access_rights & VMX_AR_DB) != 0 ? UINT32_MAX : 0xffff;
    const uint64_t below = (*sp - size) & mask;
    struct vmx_translation t;
    const bool wraps = ((*sp - 1) & mask) < below;
    const bool splits_value = wraps && (*sp & mask) % f->width != 0;
    if (ss != NULL && (splits_value || !has_room(ss, (uint32_t)*sp, size)))
        return vmx_delivery_fault(d, VMX_SS_FAULT, selector_error(d, fault_selector));
    if (!write_frame(d, ss == NULL ? 0 : ss->base, *sp, mask, f, cpl == 3, &t))
        return vmx_delivery_stopped(d, &t, VMX_SS_FAULT);
    *sp = (*sp & ~mask) | below;
    return VMX_DELIVERED;
}
