/* SPDX-License-Identifier: MIT */
/* Hardware task switches, where no VM exit takes their place. SDM 3A, "Task Switching", "Task-State Segment (TSS)".
   Not modelled: shadow stacks. */
#include "deliver_ops.h"

enum { TSS_BUSY = 2, TSS_32 = 8, LDT = 2, MINIMUM_LIMIT_32 = 0x67, MINIMUM_LIMIT_16 = 0x2b, LINK = 0, DR7_LOCAL = 0x155 };

/* Where the parts of a TSS stand. What a task switch saves begins with EIP; in the order of the TSS, registers are those of instruction encodings. */
struct layout {
    unsigned bytes, width, cr3, eip, flags, gpr, segments, segment_count, ldt, trap;
};
static const struct layout layouts[2] = {
    {.bytes = 44, .width = 2, .cr3 = 0, .eip = 14, .flags = 16, .gpr = 18, .segments = 34, .segment_count = 4, .ldt = 42},
    {.bytes = 104, .width = 4, .cr3 = 28, .eip = 32, .flags = 36, .gpr = 40, .segments = 72, .segment_count = 6, .ldt = 96, .trap = 100},
};
static const uint8_t segment_order[6] = {VMX_ES, VMX_CS, VMX_SS, VMX_DS, VMX_FS, VMX_GS};

static const struct layout *layout_of(uint32_t access_rights)
{
    return &layouts[(access_rights & TSS_32) != 0];
}

static uint32_t get(const uint8_t *tss, unsigned offset, unsigned width)
{
    uint32_t value = 0;
    for (unsigned i = width; i-- > 0;)
        value = value << 8 | tss[offset + i];
    return value;
}

static void put(uint8_t *tss, unsigned offset, unsigned width, uint64_t value)
{
    for (unsigned i = 0; i < width; i++)
        tss[offset + i] = (uint8_t)(value >> (8 * i));
}

static enum vmx_delivered read_tss(struct vmx_delivery *d, gva_t base, const struct layout *l, uint8_t *tss)
{
    struct vmx_translation t;
    return vmx_read_system(d->cpu, base, tss, l->bytes, &t) ? VMX_DELIVERED : vmx_delivery_stopped(d, &t, VMX_GP);
}

static enum vmx_delivered write(struct vmx_delivery *d, gva_t address, const void *bytes, unsigned size)
{
    struct vmx_translation t;
    return vmx_write_system(d->cpu, address, bytes, size, &t) ? VMX_DELIVERED : vmx_delivery_stopped(d, &t, VMX_GP);
}

static enum vmx_delivered fault(struct vmx_delivery *d, uint8_t vector, uint16_t selector)
{
    return vmx_delivery_fault(d, vector, (selector & 0xfffcu) | d->ext);
}

/* ---- the old task ---- */
static enum vmx_delivered save(struct vmx_delivery *d, enum vmx_task_source source)
{
    const struct vmx_state *s = &d->cpu->state;
    const struct vmx_segment *tr = &s->seg[VMX_TR];
    const struct layout *l = layout_of(tr->access_rights);
    const uint64_t flags = source == VMX_SWITCH_BY_IRET ? d->return_rflags & ~VMX_RFLAGS_NT : d->return_rflags;
    uint8_t tss[104];
    if ((tr->access_rights & VMX_AR_UNUSABLE) != 0 || tr->limit < l->bytes - 1)
        return fault(d, VMX_TS, tr->selector);
    enum vmx_delivered step = read_tss(d, tr->base, l, tss);
    if (step != VMX_DELIVERED)
        return step;
    put(tss, l->eip, l->width, d->return_rip);
    put(tss, l->flags, l->width, flags);
    for (unsigned i = 0; i < 8; i++)
        put(tss, l->gpr + i * l->width, l->width, s->gpr[i]);
    for (unsigned i = 0; i < l->segment_count; i++)
        put(tss, l->segments + i * l->width, 2, s->seg[segment_order[i]].selector);
    return write(d, tr->base + l->eip, tss + l->eip, l->ldt - l->eip);
}

static enum vmx_delivered set_busy(struct vmx_delivery *d, uint16_t selector, bool busy)
{
    const gva_t address = d->cpu->state.gdtr.base + (selector & 0xfff8u) + 5;
    struct vmx_translation t;
    uint8_t type;
    if (!vmx_read_system(d->cpu, address, &type, 1, &t))
        return vmx_delivery_stopped(d, &t, VMX_GP);
    type = (uint8_t)(busy ? type | TSS_BUSY : type & ~TSS_BUSY);
    return write(d, address, &type, 1);
}

/* CALL and gates nest the new task in the old one, which stays busy; JMP and IRET leave the old one. */
static enum vmx_delivered leave_old(struct vmx_delivery *d, const struct vmx_segment *next, enum vmx_task_source source)
{
    const uint16_t old = d->cpu->state.seg[VMX_TR].selector;
    const bool nests = source == VMX_SWITCH_BY_CALL || source == VMX_SWITCH_BY_GATE;
    const uint8_t link[2] = {(uint8_t)old, (uint8_t)(old >> 8)};
    enum vmx_delivered step = save(d, source);
    if (step == VMX_DELIVERED)
        step = nests ? write(d, next->base + LINK, link, sizeof link) : set_busy(d, old, false);
    if (step == VMX_DELIVERED && source != VMX_SWITCH_BY_IRET)
        step = set_busy(d, next->selector, true);
    return step;
}

/* ---- the new task: from here on faults are its own ---- */

/* Registers and selectors; what the selectors name is looked up afterwards. The upper halves that a 16-bit TSS lacks read as ones. */
static void load_registers(struct vmx_delivery *d, const uint8_t *tss, const struct layout *l, const struct vmx_segment *next, bool nests)
{
    struct vmx_state *s = &d->cpu->state;
    const uint32_t upper = l->width == 2 ? 0xffff0000u : 0;
    s->seg[VMX_TR] = *next;
    s->seg[VMX_TR].access_rights |= TSS_BUSY;
    s->cr0 |= VMX_CR0_TS;
    s->dr[7] &= ~(uint64_t)DR7_LOCAL;
    s->rip = get(tss, l->eip, l->width);
    s->rflags = (get(tss, l->flags, l->width) & VMX_RFLAGS_DEFINED) | VMX_RFLAGS_FIXED_1 | (nests ? VMX_RFLAGS_NT : 0);
    for (unsigned i = 0; i < 8; i++)
        s->gpr[i] = get(tss, l->gpr + i * l->width, l->width) | upper;
    const uint16_t cs = (uint16_t)get(tss, l->segments + l->width, 2);
    for (unsigned i = 0; i < 6; i++) {
        const uint16_t selector = i < l->segment_count ? (uint16_t)get(tss, l->segments + i * l->width, 2) : 0;
        s->seg[segment_order[i]] = (struct vmx_segment){.selector = selector, .access_rights = VMX_AR_UNUSABLE | (cs & 3u) << 5};
    }
    s->seg[VMX_LDTR] = (struct vmx_segment){.selector = (uint16_t)get(tss, l->ldt, 2), .access_rights = VMX_AR_UNUSABLE};
    s->interruptibility &= ~(uint32_t)(VMX_BLOCKING_BY_STI | VMX_BLOCKING_BY_MOV_SS);
    d->changed = VMX_GROUP_ALL;
}

static enum vmx_delivered load_address_space(struct vmx_delivery *d, const uint8_t *tss, const struct layout *l)
{
    struct vmx_state *s = &d->cpu->state;
    struct vmx_translation t = {.kind = VMX_TRANSLATED};
    if (l->cr3 == 0 || (s->cr0 & VMX_CR0_PG) == 0)
        return VMX_DELIVERED;
    const uint64_t cr3 = get(tss, l->cr3, 4);
    if ((s->cr4 & VMX_CR4_PAE) != 0 && !vmx_load_pdptes(d->cpu, cr3, s->pdpte, &t))
        return vmx_delivery_fault(d, VMX_GP, d->ext);
    s->cr3 = cr3;
    vmx_invalidate(d->cpu, vmx_flush_mov_cr3(d->cpu, cr3));
    return VMX_DELIVERED;
}

static enum vmx_delivered load_ldt(struct vmx_delivery *d)
{
    struct vmx_segment *ldtr = &d->cpu->state.seg[VMX_LDTR];
    struct vmx_descriptor x;
    if ((ldtr->selector & 0xfffc) == 0)
        return VMX_DELIVERED;
    if ((ldtr->selector & 4) != 0)
        return fault(d, VMX_TS, ldtr->selector);
    const enum vmx_delivered step = vmx_delivery_descriptor(d, ldtr->selector, VMX_TS, &x);
    if (step != VMX_DELIVERED)
        return step;
    if (vmx_descriptor_type(&x) != LDT || !vmx_descriptor_present(&x))
        return fault(d, VMX_TS, ldtr->selector);
    *ldtr = vmx_descriptor_segment(&x, ldtr->selector);
    ldtr->access_rights &= ~1u; /* no accessed flag: the type is LDT */
    return VMX_DELIVERED;
}

static bool code_ok(const struct vmx_descriptor *x, unsigned rpl)
{
    const uint32_t code = VMX_DESCRIPTOR_S | VMX_DESCRIPTOR_CODE;
    const unsigned dpl = vmx_descriptor_dpl(x);
    return (x->high & code) == code && ((x->high & VMX_DESCRIPTOR_CONFORMING) != 0 ? dpl <= rpl : dpl == rpl);
}

static bool stack_ok(const struct vmx_descriptor *x, unsigned rpl, unsigned cpl)
{
    const uint32_t kind = VMX_DESCRIPTOR_S | VMX_DESCRIPTOR_CODE | VMX_DESCRIPTOR_WRITABLE;
    return (x->high & kind) == (VMX_DESCRIPTOR_S | VMX_DESCRIPTOR_WRITABLE) && rpl == cpl && vmx_descriptor_dpl(x) == cpl;
}

/* Data, or code that may be read; the bit that makes data writable makes code readable. */
static bool data_ok(const struct vmx_descriptor *x, unsigned rpl, unsigned cpl)
{
    const bool code = (x->high & VMX_DESCRIPTOR_CODE) != 0;
    const bool conforming = code && (x->high & VMX_DESCRIPTOR_CONFORMING) != 0;
    const unsigned dpl = vmx_descriptor_dpl(x);
    return (x->high & VMX_DESCRIPTOR_S) != 0 && (!code || (x->high & VMX_DESCRIPTOR_WRITABLE) != 0) && (conforming || (dpl >= rpl && dpl >= cpl));
}

static enum vmx_delivered load_segment(struct vmx_delivery *d, enum vmx_segment_name name, unsigned cpl)
{
    struct vmx_segment *segment = &d->cpu->state.seg[name];
    const uint16_t selector = segment->selector;
    const unsigned rpl = selector & 3u;
    struct vmx_descriptor x;
    if ((selector & 0xfffc) == 0 && name != VMX_CS && name != VMX_SS)
        return VMX_DELIVERED;
    enum vmx_delivered step = vmx_delivery_descriptor(d, selector, VMX_TS, &x);
    if (step != VMX_DELIVERED)
        return step;
    if (!(name == VMX_CS ? code_ok(&x, rpl) : name == VMX_SS ? stack_ok(&x, rpl, cpl) : data_ok(&x, rpl, cpl)))
        return fault(d, VMX_TS, selector);
    if (!vmx_descriptor_present(&x))
        return fault(d, name == VMX_SS ? VMX_SS_FAULT : VMX_NP, selector);
    step = vmx_delivery_mark_accessed(d, &x);
    if (step == VMX_DELIVERED)
        *segment = vmx_descriptor_segment(&x, selector);
    return step;
}

static void load_virtual_8086(struct vmx_state *s)
{
    for (unsigned i = 0; i < 6; i++) {
        struct vmx_segment *segment = &s->seg[segment_order[i]];
        *segment =
            (struct vmx_segment){.selector = segment->selector, .base = (uint64_t)segment->selector << 4, .limit = 0xffff, .access_rights = 0xf3};
    }
}

static enum vmx_delivered load_segments(struct vmx_delivery *d)
{
    static const uint8_t in_turn[6] = {VMX_CS, VMX_SS, VMX_DS, VMX_ES, VMX_FS, VMX_GS};
    struct vmx_state *s = &d->cpu->state;
    const unsigned cpl = s->seg[VMX_CS].selector & 3u;
    enum vmx_delivered step = load_ldt(d);
    if (step == VMX_DELIVERED && (s->rflags & VMX_RFLAGS_VM) != 0) {
        load_virtual_8086(s);
        return step;
    }
    for (unsigned i = 0; step == VMX_DELIVERED && i < 6; i++)
        step = load_segment(d, (enum vmx_segment_name)in_turn[i], cpl);
    return step;
}

static enum vmx_delivered push_error_code(struct vmx_delivery *d, unsigned width)
{
    struct vmx_state *s = &d->cpu->state;
    struct vmx_frame f = {.width = width};
    if (d->event == NULL || !d->event->has_error_code)
        return VMX_DELIVERED;
    vmx_frame_add(&f, d->event->error_code);
    return vmx_delivery_push(d, &s->seg[VMX_SS], &s->gpr[VMX_RSP], &f, vmx_cpl(s), 0);
}

enum vmx_delivered vmx_task_switch(struct vmx_delivery *d, const struct vmx_segment *next, enum vmx_task_source source)
{
    struct vmx_state *s = &d->cpu->state;
    const struct layout *l = layout_of(next->access_rights);
    uint8_t tss[104];
    enum vmx_delivered step = read_tss(d, next->base, l, tss);
    if (step == VMX_DELIVERED)
        step = leave_old(d, next, source);
    if (step != VMX_DELIVERED)
        return step;
    load_registers(d, tss, l, next, source == VMX_SWITCH_BY_CALL || source == VMX_SWITCH_BY_GATE);
    step = load_address_space(d, tss, l);
    if (step == VMX_DELIVERED)
        step = load_segments(d);
    if (step == VMX_DELIVERED)
        step = push_error_code(d, l->width);
    if (step == VMX_DELIVERED && s->rip > s->seg[VMX_CS].limit)
        return vmx_delivery_fault(d, VMX_GP, d->ext);
    if (step == VMX_DELIVERED && l->trap != 0 && (tss[l->trap] & 1) != 0)
        s->pending_debug |= VMX_PENDING_BT;
    return step;
}

struct vmx_outcome vmx_execute_task_switch(struct vmx_cpu *cpu, const struct vmx_instruction *i, uint16_t selector, enum vmx_task_source source)
{
    struct vmx_delivery d = {.cpu = cpu, .return_rip = (uint32_t)(cpu->state.rip + i->length), .return_rflags = cpu->state.rflags & ~VMX_RFLAGS_RF};
    struct vmx_descriptor x;
    enum vmx_delivered step = vmx_delivery_descriptor(&d, selector, VMX_TS, &x);
    if (step == VMX_DELIVERED) {
        const struct vmx_segment next = vmx_descriptor_segment(&x, selector);
        step = vmx_task_switch(&d, &next, source);
    }
    if (step == VMX_DELIVERED)
        return vmx_outcome_done(VMX_GROUP_ALL);
    return (struct vmx_outcome){.kind = VMX_OUTCOME_FAULT, .event = d.fault, .changed = d.changed};
}
