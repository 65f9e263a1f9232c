/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A guest with IDT, GDT, TSS and stacks in each mode, for the tests of event delivery. */
#ifndef TESTS_DELIVERY_H
#define TESTS_DELIVERY_H

#include "guest_memory.h"
#include "vmx-model/deliver.h"

enum {
    IDT = 0x10000,
    GDT = 0x11000,
    TSS = 0x12000,
    OTHER_TSS = 0x13000,
    STACK = 0x20ff8,  /* the interrupted code's */
    STACK0 = 0x28000, /* of privilege level 0 in the TSS */
    IST_STACK = 0x29000,
    UNMAPPED = 0x800000,
    CODE = 0x1000,
    HANDLERS = 0x2000 /* the handler of vector v is at HANDLERS + v */
};

/* Selectors. */
enum {
    CODE0 = 0x08,
    DATA0 = 0x10,
    CODE3 = 0x1b,
    DATA3 = 0x23,
    CONFORMING = 0x28,
    CODE32 = 0x30, /* in 64-bit mode a segment of the wrong kind */
    ABSENT_CODE = 0x38,
    TASK = 0x40,
    SMALL_STACK = 0x48,
    ABSENT_STACK = 0x50,
    READ_ONLY = 0x58,
    BUSY_TASK = 0x60,
    ABSENT_TASK = 0x68,
    SHORT_TASK = 0x70,
    CODE1 = 0x79,
    SHORT_CODE = 0x80,
    GDT_BYTES = 0x88,
    TR_SELECTOR = 0xa0
};

enum { GATE_INTERRUPT = 14, GATE_TRAP = 15, GATE_INTERRUPT16 = 6, GATE_TRAP16 = 7, GATE_TASK = 5 };

static inline void fill_gdt(bool long_mode)
{
    static const uint64_t rows[GDT_BYTES / 8] = {
        [CODE0 >> 3] = UINT64_C(0x00cf9a000000ffff),       [DATA0 >> 3] = UINT64_C(0x00cf92000000ffff),
        [CODE3 >> 3] = UINT64_C(0x00cffb000000ffff),       [DATA3 >> 3] = UINT64_C(0x00cff3000000ffff),
        [CONFORMING >> 3] = UINT64_C(0x00cf9f000000ffff),  [CODE32 >> 3] = UINT64_C(0x00cf9b000000ffff),
        [ABSENT_CODE >> 3] = UINT64_C(0x00cf1b000000ffff), [TASK >> 3] = UINT64_C(0x0000890130000067),
        [SMALL_STACK >> 3] = UINT64_C(0x00409300000000ff), [ABSENT_STACK >> 3] = UINT64_C(0x00cf13000000ffff),
        [READ_ONLY >> 3] = UINT64_C(0x00cf91000000ffff),   [BUSY_TASK >> 3] = UINT64_C(0x00008b0130000067),
        [ABSENT_TASK >> 3] = UINT64_C(0x0000090130000067), [SHORT_TASK >> 3] = UINT64_C(0x0000890130000066),
        [CODE1 >> 3] = UINT64_C(0x00cfbb000000ffff),       [SHORT_CODE >> 3] = UINT64_C(0x00409b0000000fff),
    };
    for (unsigned i = 0; i < GDT_BYTES / 8; i++) {
        const bool code = (rows[i] >> 43 & 3) == 3 && i != CODE32 >> 3;
        const uint64_t wide = (rows[i] & ~(UINT64_C(1) << 54)) | UINT64_C(1) << 53;
        set_ram64(GDT + 8 * i, long_mode && code ? wide : rows[i]);
    }
    g.cpu.state.gdtr = (struct vmx_descriptor_table){.base = GDT, .limit = GDT_BYTES - 1};
}

static inline void gate64(unsigned vector, unsigned type, uint16_t selector, uint64_t offset, unsigned dpl, unsigned ist)
{
    set_ram64(IDT + 16 * vector,
              (offset & 0xffff) | (uint64_t)selector << 16 | (uint64_t)(ist | (0x80 | dpl << 5 | type) << 8) << 32 | (offset & 0xffff0000) << 32);
    set_ram64(IDT + 16 * vector + 8, offset >> 32);
}

static inline void gate32(unsigned vector, unsigned type, uint16_t selector, uint32_t offset, unsigned dpl)
{
    set_ram64(IDT + 8 * vector,
              (offset & 0xffff) | (uint64_t)selector << 16 | (uint64_t)((0x80 | dpl << 5 | type) << 8) << 32 | (uint64_t)(offset & 0xffff0000) << 32);
}

static inline void common_state(void)
{
    struct vmx_state *s = &g.cpu.state;
    s->rip = CODE;
    s->gpr[VMX_RSP] = STACK;
    s->rflags = 2 | VMX_RFLAGS_IF;
    s->dr[6] = 0xffff0ff0;
    s->dr[7] = 0x400;
    set_segment(VMX_LDTR, 0, 0, 0, VMX_AR_UNUSABLE);
}

static inline void reset_delivery_64bit(void)
{
    reset_64bit();
    common_state();
    for (gva_t page = 0; page < 0x40000; page += 4096)
        guest_map(page, page, PTE_P | PTE_W | PTE_A | PTE_D | PTE_U);
    fill_gdt(true);
    for (unsigned v = 0; v < 256; v++)
        gate64(v, GATE_INTERRUPT, CODE0, HANDLERS + v, 3, 0);
    g.cpu.state.idtr = (struct vmx_descriptor_table){.base = IDT, .limit = 0xfff};
    set_segment(VMX_TR, TR_SELECTOR, TSS, 0x67, 0x8b);
    set_segment(VMX_CS, CODE0, 0, UINT32_MAX, 0xa09b);
    set_segment(VMX_SS, DATA0, 0, UINT32_MAX, 0xc093);
    set_ram64(TSS + 4, STACK0);
    set_ram64(TSS + 36, IST_STACK);
    set_ram64(TSS + 44, UNMAPPED);
    set_ram64(TSS + 52, UINT64_C(0x800000000000)); /* not canonical */
}

static inline void reset_delivery_32bit(void)
{
    reset_64bit();
    common_state();
    g.cpu.state.cr0 = VMX_CR0_PE;
    g.cpu.state.cr4 = 0;
    g.cpu.state.efer = 0;
    fill_gdt(false);
    for (unsigned v = 0; v < 256; v++)
        gate32(v, GATE_INTERRUPT, CODE0, HANDLERS + v, 3);
    g.cpu.state.idtr = (struct vmx_descriptor_table){.base = IDT, .limit = 0x7ff};
    set_segment(VMX_TR, TR_SELECTOR, TSS, 0x67, 0x8b);
    set_segment(VMX_CS, CODE0, 0, UINT32_MAX, 0xc09b);
    set_segment(VMX_SS, DATA0, 0, UINT32_MAX, 0xc093);
    set_ram32(TSS + 4, STACK0);
    set_ram32(TSS + 8, DATA0);
}

static inline void go_to_user(void)
{
    const uint32_t long_bit = g.cpu.state.seg[VMX_CS].access_rights & (VMX_AR_L | VMX_AR_DB);
    set_segment(VMX_CS, CODE3, 0, UINT32_MAX, 0x80fb | long_bit);
    set_segment(VMX_SS, DATA3, 0, UINT32_MAX, 0xc0f3);
}

/* Virtual-8086 mode at 0100:0010 with stack 0200:0ff0. */
static inline void reset_virtual_8086(unsigned iopl)
{
    struct vmx_state *s = &g.cpu.state;
    reset_delivery_32bit();
    s->rflags = 2 | VMX_RFLAGS_IF | VMX_RFLAGS_VM | (uint64_t)iopl << 12;
    s->rip = 0x10;
    s->gpr[VMX_RSP] = 0xff0;
    for (unsigned i = VMX_ES; i <= VMX_GS; i++)
        set_segment((enum vmx_segment_name)i, (uint16_t)(0x300 + i), (0x300 + i) << 4, 0xffff, 0xf3);
    set_segment(VMX_CS, 0x100, 0x1000, 0xffff, 0xf3);
    set_segment(VMX_SS, 0x200, 0x2000, 0xffff, 0xf3);
}

static inline void reset_real(void)
{
    struct vmx_state *s = &g.cpu.state;
    reset_64bit();
    s->cr0 = 0;
    s->cr4 = 0;
    s->efer = 0;
    s->rflags = 2 | VMX_RFLAGS_IF;
    s->rip = 0x10;
    s->gpr[VMX_RSP] = 0xff0;
    s->idtr = (struct vmx_descriptor_table){.base = 0, .limit = 0x3ff};
    set_segment(VMX_CS, 0x100, 0x1000, 0xffff, 0x9b);
    set_segment(VMX_SS, 0x200, 0x2000, 0xffff, 0x93);
    for (unsigned v = 0; v < 256; v++)
        set_ram32(4 * v, 0x04000000 | (0x100 + v));
}

static inline struct vmx_event event_of(uint8_t vector, enum vmx_event_type type, uint8_t length)
{
    return (struct vmx_event){.vector = vector, .type = (uint8_t)type, .instruction_length = length};
}

static inline struct vmx_event exception(uint8_t vector)
{
    struct vmx_event e = event_of(vector, VMX_EVENT_HARDWARE_EXCEPTION, 0);
    e.has_error_code = vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21;
    return e;
}

static inline struct vmx_event interrupt(uint8_t vector)
{
    return event_of(vector, VMX_EVENT_EXTERNAL_INTERRUPT, 0);
}

static inline struct vmx_outcome raise_event(struct vmx_event e)
{
    return vmx_raise(&g.cpu, &e, false);
}

static inline struct vmx_outcome inject_event(struct vmx_event e)
{
    return vmx_raise(&g.cpu, &e, true);
}

static inline void intercept(uint32_t bitmap)
{
    g.vmcs.field[VMCS_EXCEPTION_BITMAP] = bitmap;
}

#endif
