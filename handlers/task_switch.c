/* SPDX-License-Identifier: MIT */
/* TASK_SWITCH: the switch that the processor leaves to the hypervisor, between tasks with 32-bit TSSs. SDM 3A, "Task Switching"; SDM 3C, "Exit Qualification
   for Task Switches". Not modelled: 16-bit TSSs; a new task whose code, stack, LDT or PDPTEs cannot be loaded stops the guest. */
#include "../vmx-model/registers.h"
#include "handlers.h"

enum { SOURCE_CALL, SOURCE_IRET, SOURCE_JMP, SOURCE_GATE };
enum {
    CR0_PG_BIT = 31,
    DR6_BT = 1u << 15,
    DR7_LOCAL = 0x155, /* L0 to L3 and LE */
    DEBUG_TRAP = 1u << 0
};
enum {
    TYPE_LDT = 2,
    TYPE_TSS_32 = 9,
    TYPE_BUSY = 1u << 1,
    TYPE_CONFORMING = 1u << 2,
    TYPE_ACCESSED = 1u << 0,
    V86_RIGHTS = 0xf3,
    TSS_BUSY_RIGHTS = 0x8b,
    SELECTOR_TI = 1u << 2,
    SELECTOR_RPL = 3
};

/* SDM 3A, "32-Bit Task-State Segment (TSS)". */
struct tss {
    uint32_t link, stacks[6], cr3, eip, eflags, gpr[8], segment[6], ldt;
    uint16_t debug_trap, io_map;
};
enum { TSS_SAVED_FIRST = 0x20, TSS_SAVED_END = 0x60, TSS_BYTES = 0x68 };
_Static_assert(sizeof(struct tss) == TSS_BYTES && offsetof(struct tss, eip) == TSS_SAVED_FIRST && offsetof(struct tss, ldt) == TSS_SAVED_END,
               "a TSS as the manual draws it");

struct descriptor {
    gva_t at;
    uint64_t base;
    uint32_t limit, rights; /* as in the access-rights fields */
};

/* In the order of the TSS. */
static const struct {
    enum vmcs_field selector, base, limit, rights;
} fields[] = {
    {VMCS_GUEST_ES_SELECTOR, VMCS_GUEST_ES_BASE, VMCS_GUEST_ES_LIMIT, VMCS_GUEST_ES_AR_BYTES},
    {VMCS_GUEST_CS_SELECTOR, VMCS_GUEST_CS_BASE, VMCS_GUEST_CS_LIMIT, VMCS_GUEST_CS_AR_BYTES},
    {VMCS_GUEST_SS_SELECTOR, VMCS_GUEST_SS_BASE, VMCS_GUEST_SS_LIMIT, VMCS_GUEST_SS_AR_BYTES},
    {VMCS_GUEST_DS_SELECTOR, VMCS_GUEST_DS_BASE, VMCS_GUEST_DS_LIMIT, VMCS_GUEST_DS_AR_BYTES},
    {VMCS_GUEST_FS_SELECTOR, VMCS_GUEST_FS_BASE, VMCS_GUEST_FS_LIMIT, VMCS_GUEST_FS_AR_BYTES},
    {VMCS_GUEST_GS_SELECTOR, VMCS_GUEST_GS_BASE, VMCS_GUEST_GS_LIMIT, VMCS_GUEST_GS_AR_BYTES},
    {VMCS_GUEST_LDTR_SELECTOR, VMCS_GUEST_LDTR_BASE, VMCS_GUEST_LDTR_LIMIT, VMCS_GUEST_LDTR_AR_BYTES},
    {VMCS_GUEST_TR_SELECTOR, VMCS_GUEST_TR_BASE, VMCS_GUEST_TR_LIMIT, VMCS_GUEST_TR_AR_BYTES},
};
enum { ES, CS, SS, DS, FS, GS, LDTR, TR, DATA_AND_CODE = 6 };

static void set_segment(struct hv_vcpu *vcpu, unsigned index, uint16_t selector, const struct descriptor *d)
{
    hv_write(vcpu, fields[index].selector, selector);
    hv_write(vcpu, fields[index].base, d->base);
    hv_write(vcpu, fields[index].limit, d->limit);
    hv_write(vcpu, fields[index].rights, d->rights);
}

static bool is_null(uint16_t selector)
{
    return (selector & ~SELECTOR_RPL) == 0;
}

/* The descriptor that a selector names; false: outside its table, which is #TS, or not to be read, which is *fault. */
static bool find_descriptor(struct hv_vcpu *vcpu, uint16_t selector, struct descriptor *d, struct hv_fault *fault)
{
    const bool local = (selector & SELECTOR_TI) != 0;
    const uint32_t offset = selector & ~7u;
    uint32_t word[2];
    *fault = (struct hv_fault){.vector = VMX_TS, .has_error_code = true, .error_code = selector & ~(unsigned)SELECTOR_RPL};
    if (local && (hv_read(vcpu, VMCS_GUEST_LDTR_AR_BYTES) & VMX_AR_UNUSABLE) != 0)
        return false;
    if (offset + 7u > hv_read(vcpu, local ? VMCS_GUEST_LDTR_LIMIT : VMCS_GUEST_GDTR_LIMIT))
        return false;
    d->at = hv_read(vcpu, local ? VMCS_GUEST_LDTR_BASE : VMCS_GUEST_GDTR_BASE) + offset;
    if (!hv_linear_read(vcpu, d->at, word, sizeof(word), HV_ACCESS_READ, false, fault))
        return false;
    d->base = word[0] >> 16 | (word[1] & 0xffu) << 16 | (word[1] & 0xff000000u);
    d->limit = (word[0] & 0xffffu) | (word[1] & 0xf0000u);
    d->rights = word[1] >> 8 & 0xf0ffu;
    if ((d->rights & VMX_AR_G) != 0)
        d->limit = d->limit << 12 | 0xfffu;
    return true;
}

static bool write_rights_byte(struct hv_vcpu *vcpu, const struct descriptor *d, uint32_t rights, struct hv_fault *fault)
{
    const uint8_t byte = (uint8_t)rights;
    return hv_linear_write(vcpu, d->at + 5, &byte, sizeof(byte), false, fault);
}

/* ---- the old task ---- */
static uint64_t resume_at(const struct hv_exit *exit, unsigned source)
{
    const struct hv_event_info *event = &exit->vectoring;
    const bool by_instruction = source != SOURCE_GATE || (event->type >= VMX_EVENT_SOFTWARE_INTERRUPT && event->type <= VMX_EVENT_SOFTWARE_EXCEPTION);
    return exit->rip + (by_instruction ? exit->length : 0);
}

static bool save_task(struct hv_vcpu *vcpu, const struct hv_exit *exit, unsigned source, struct hv_fault *fault)
{
    struct tss old = {.eip = (uint32_t)resume_at(exit, source), .eflags = (uint32_t)hv_read(vcpu, VMCS_GUEST_RFLAGS)};
    if (source == SOURCE_IRET)
        old.eflags &= ~(uint32_t)VMX_RFLAGS_NT;
    for (unsigned i = 0; i < 8; i++)
        old.gpr[i] = (uint32_t)hv_gpr(vcpu, i);
    for (unsigned i = 0; i < DATA_AND_CODE; i++)
        old.segment[i] = (uint32_t)hv_read(vcpu, fields[i].selector);
    return hv_linear_write(vcpu, hv_read(vcpu, VMCS_GUEST_TR_BASE) + TSS_SAVED_FIRST, (const uint8_t *)&old + TSS_SAVED_FIRST,
                           TSS_SAVED_END - TSS_SAVED_FIRST, false, fault);
}

/* Busy bits and back link: a task that is nested keeps the outer one busy. */
static bool mark_tasks(struct hv_vcpu *vcpu, const struct descriptor *new, unsigned source, struct hv_fault *fault)
{
    const uint16_t old_selector = (uint16_t)hv_read(vcpu, VMCS_GUEST_TR_SELECTOR);
    struct descriptor old;
    if ((source == SOURCE_JMP || source == SOURCE_IRET) &&
        (!find_descriptor(vcpu, old_selector, &old, fault) || !write_rights_byte(vcpu, &old, old.rights & ~(uint32_t)TYPE_BUSY, fault)))
        return false;
    if ((source == SOURCE_CALL || source == SOURCE_GATE) && !hv_linear_write(vcpu, new->base, &old_selector, sizeof(old_selector), false, fault))
        return false;
    return source == SOURCE_IRET || write_rights_byte(vcpu, new, new->rights | TYPE_BUSY, fault);
}

/* ---- faults of the switch ---- */
/* The EXT bit of error codes: the event that a task gate delivers is not one of the program's own. */
static unsigned ext(const struct hv_exit *exit)
{
    const struct hv_event_info *event = &exit->vectoring;
    return event->valid && event->type != VMX_EVENT_SOFTWARE_INTERRUPT && event->type != VMX_EVENT_SOFTWARE_EXCEPTION;
}

/* A fault meets the event that a task gate delivers as in any delivery. Once the new task has been entered, an interrupt or NMI has been taken, and only an
   exception is still on its way to its handler. */
static void inject_fault(struct hv_vcpu *vcpu, const struct hv_exit *exit, bool in_new_task, const struct hv_fault *fault)
{
    if (exit->vectoring.valid && (!in_new_task || exit->vectoring.type == VMX_EVENT_HARDWARE_EXCEPTION))
        hv_reinject(vcpu, exit);
    hv_inject_fault(vcpu, fault);
}

/* One of the new task; EXT goes into what names a selector. */
static void inject_task_fault(struct hv_vcpu *vcpu, const struct hv_exit *exit, struct hv_fault *fault)
{
    fault->error_code |= fault->vector != VMX_PF ? ext(exit) : 0;
    inject_fault(vcpu, exit, true, fault);
}

/* ---- the new task ---- */
static bool load_paging(struct hv_vcpu *vcpu, uint32_t cr3)
{
    const uint64_t cr0 = hv_read(vcpu, VMCS_GUEST_CR0);
    if ((cr0 >> CR0_PG_BIT & 1u) == 0 || cr3 == hv_read(vcpu, VMCS_GUEST_CR3))
        return true;
    if ((hv_visible_cr4(vcpu) & VMX_CR4_PAE) != 0 && !hv_load_pdptes(vcpu, cr3))
        return false;
    hv_write(vcpu, VMCS_GUEST_CR3, cr3);
    hv_flush_linear(vcpu, true);
    return true;
}

static void load_registers(struct hv_vcpu *vcpu, const struct tss *new, unsigned source)
{
    const bool nested = source == SOURCE_CALL || source == SOURCE_GATE;
    hv_write(vcpu, VMCS_GUEST_RIP, new->eip);
    hv_write(vcpu, VMCS_GUEST_RFLAGS, ((new->eflags &VMX_RFLAGS_DEFINED) | VMX_RFLAGS_FIXED_1) | (nested ? VMX_RFLAGS_NT : 0u));
    for (unsigned i = 0; i < 8; i++)
        hv_set_gpr(vcpu, i, new->gpr[i]);
    hv_write(vcpu, VMCS_GUEST_CR0, hv_read(vcpu, VMCS_GUEST_CR0) | VMX_CR0_TS);
    hv_write(vcpu, VMCS_CR0_READ_SHADOW, hv_read(vcpu, VMCS_CR0_READ_SHADOW) | VMX_CR0_TS);
    hv_write(vcpu, VMCS_GUEST_DR7, hv_read(vcpu, VMCS_GUEST_DR7) & ~(uint64_t)DR7_LOCAL);
}

static bool load_ldt(struct hv_vcpu *vcpu, uint16_t selector)
{
    struct descriptor d = {.rights = VMX_AR_UNUSABLE};
    struct hv_fault fault;
    if (!is_null(selector) && ((selector & SELECTOR_TI) != 0 || !find_descriptor(vcpu, selector, &d, &fault) ||
                               (d.rights & (VMX_AR_TYPE | VMX_AR_S | VMX_AR_P)) != (TYPE_LDT | VMX_AR_P)))
        return false;
    set_segment(vcpu, LDTR, selector, &d);
    return true;
}

/* May this segment register hold that descriptor? SDM 3A, "Exception Conditions Checked During a Task Switch". */
static bool suits(unsigned index, uint16_t selector, const struct descriptor *d, unsigned cpl)
{
    const unsigned rpl = selector & SELECTOR_RPL, dpl = d->rights >> 5 & 3u;
    const bool code = (d->rights & VMX_AR_CODE) != 0, read_write = (d->rights & VMX_AR_WRITABLE) != 0;
    const bool conforming = code && (d->rights & TYPE_CONFORMING) != 0;
    if ((d->rights & VMX_AR_S) == 0)
        return false;
    if (index == CS)
        return code && (conforming ? dpl <= rpl : dpl == rpl);
    if (index == SS)
        return !code && read_write && dpl == cpl && rpl == cpl;
    return (!code || read_write) && (conforming || (dpl >= cpl && dpl >= rpl));
}

static bool load_segment(struct hv_vcpu *vcpu, unsigned index, uint16_t selector, unsigned cpl, struct hv_fault *fault)
{
    struct descriptor d = {.rights = VMX_AR_UNUSABLE};
    const bool must_be = index == CS || index == SS;
    *fault = (struct hv_fault){.vector = VMX_TS, .has_error_code = true, .error_code = selector & ~(unsigned)SELECTOR_RPL};
    if (is_null(selector))
        return !must_be;
    if (!find_descriptor(vcpu, selector, &d, fault) || !suits(index, selector, &d, cpl))
        return false;
    if ((d.rights & VMX_AR_P) == 0) {
        fault->vector = index == SS ? VMX_SS_FAULT : VMX_NP;
        return false;
    }
    d.rights |= TYPE_ACCESSED;
    if (!write_rights_byte(vcpu, &d, d.rights, fault))
        return false;
    set_segment(vcpu, index, selector, &d);
    return true;
}

static void load_v86_segments(struct hv_vcpu *vcpu, const struct tss *new)
{
    for (unsigned i = 0; i < DATA_AND_CODE; i++)
        set_segment(vcpu, i, (uint16_t) new->segment[i],
                    &(struct descriptor){.base = (new->segment[i] & 0xffffu) << 4, .limit = 0xffff, .rights = V86_RIGHTS});
}

/* Code and stack first; a data segment that does not suit is an exception of the new task. */
static enum hv_action load_segments(struct hv_vcpu *vcpu, const struct hv_exit *exit, const struct tss *new)
{
    static const uint8_t order[] = {CS, SS, DS, ES, FS, GS};
    struct hv_fault fault;
    if (!load_ldt(vcpu, (uint16_t) new->ldt))
        return hv_stop(vcpu, "task switch: the new task's LDT selector %x is not valid", new->ldt & 0xffffu);
    if ((new->eflags &VMX_RFLAGS_VM) != 0) {
        load_v86_segments(vcpu, new);
        return HV_RESUME;
    }
    for (unsigned i = 0; i < DATA_AND_CODE; i++)
        set_segment(vcpu, i, (uint16_t) new->segment[i], &(struct descriptor){.rights = VMX_AR_UNUSABLE});
    for (unsigned i = 0; i < sizeof(order); i++) {
        const uint16_t selector = (uint16_t) new->segment[order[i]];
        if (load_segment(vcpu, order[i], selector, new->segment[CS] & SELECTOR_RPL, &fault))
            continue;
        if (order[i] == CS || order[i] == SS)
            return hv_stop(vcpu, "task switch: the new task's %s selector %x is not valid", order[i] == CS ? "CS" : "SS", (unsigned)selector);
        inject_task_fault(vcpu, exit, &fault);
        return HV_RESUME;
    }
    return HV_RESUME;
}

/* False: the stack is not to be written, and a fault is on its way. */
static bool push_error_code(struct hv_vcpu *vcpu, const struct hv_exit *exit)
{
    const uint32_t error_code = exit->vectoring.error_code;
    struct hv_fault fault;
    gva_t linear;
    const uint32_t rsp = (uint32_t)hv_gpr(vcpu, VMX_RSP) - 4;
    if (!hv_segment_linear(vcpu, VMX_SS, rsp, sizeof(error_code), HV_ACCESS_WRITE, &linear, &fault) ||
        !hv_linear_write(vcpu, linear, &error_code, sizeof(error_code), false, &fault)) {
        inject_task_fault(vcpu, exit, &fault);
        return false;
    }
    hv_set_gpr(vcpu, VMX_RSP, rsp);
    return true;
}

static void end_blocking(struct hv_vcpu *vcpu, const struct hv_exit *exit)
{
    uint64_t blocking = hv_read(vcpu, VMCS_GUEST_INTERRUPTIBILITY_INFO) & ~(uint64_t)(VMX_BLOCKING_BY_STI | VMX_BLOCKING_BY_MOV_SS);
    if (exit->vectoring.valid && exit->vectoring.type == VMX_EVENT_NMI)
        blocking |= VMX_BLOCKING_BY_NMI;
    hv_write(vcpu, VMCS_GUEST_INTERRUPTIBILITY_INFO, blocking);
}

enum hv_action hv_handle_task_switch(struct hv_vcpu *vcpu, const struct hv_exit *exit)
{
    static const char *const sources[4] = {"CALL", "IRET", "JMP", "a task gate of the IDT"};
    const uint16_t selector = (uint16_t)exit->qualification;
    const unsigned source = exit->qualification >> 30 & 3u;
    struct descriptor d;
    struct hv_fault fault;
    struct tss new;
    if (!find_descriptor(vcpu, selector, &d, &fault) || (d.rights & (VMX_AR_TYPE & ~(unsigned)TYPE_BUSY)) != TYPE_TSS_32 ||
        (hv_read(vcpu, VMCS_GUEST_TR_AR_BYTES) & VMX_AR_TYPE) != (TYPE_TSS_32 | TYPE_BUSY))
        return hv_stop(vcpu, "task switch to TSS %x by %s: no 32-bit TSS, RIP %lx", (unsigned)selector, sources[source], exit->rip);
    if (!hv_linear_read(vcpu, d.base, &new, sizeof(new), HV_ACCESS_READ, false, &fault) || !save_task(vcpu, exit, source, &fault) ||
        !mark_tasks(vcpu, &d, source, &fault)) {
        inject_fault(vcpu, exit, false, &fault);
        return HV_RESUME;
    }
    d.rights = TSS_BUSY_RIGHTS | (d.rights & VMX_AR_G);
    set_segment(vcpu, TR, selector, &d);
    if (!load_paging(vcpu, new.cr3))
        return hv_stop(vcpu, "task switch: PDPTEs at the new task's CR3 %x have reserved bits set", new.cr3);
    load_registers(vcpu, &new, source);
    end_blocking(vcpu, exit);
    const enum hv_action action = load_segments(vcpu, exit, &new);
    if (action != HV_RESUME || vcpu->inject_valid)
        return action;
    if (exit->vectoring.valid && exit->vectoring.has_error_code && !push_error_code(vcpu, exit))
        return HV_RESUME;
    if (new.eip > hv_read(vcpu, VMCS_GUEST_CS_LIMIT)) {
        inject_task_fault(vcpu, exit, &(struct hv_fault){.vector = VMX_GP, .has_error_code = true});
        return HV_RESUME;
    }
    if ((new.debug_trap &DEBUG_TRAP) != 0) {
        bk_set_debug_register(vcpu->bk, 6, bk_debug_register(vcpu->bk, 6) | DR6_BT);
        hv_inject_debug_trap(vcpu);
    }
    return HV_RESUME;
}
