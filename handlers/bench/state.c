/* SPDX-License-Identifier: MIT */
/* Guest state of the presets. SDM 3C, "Guest-State Area"; SDM 3A, "Processor State After Reset" for mode reset. */
#include "../../vmx-model/registers.h"
#include "internal.h"

#define CR0_CD_NW UINT64_C(0x60000000)
#define RESET_PAT UINT64_C(0x0007040600070406)
#define RESET_DR6 UINT64_C(0xffff0ff0)

enum { AR_CODE16 = 0x9b, AR_DATA16 = 0x93, AR_CODE32 = 0xc09b, AR_CODE64 = 0xa09b, AR_DATA32 = 0xc093, AR_BUSY_TSS = 0x8b };

struct segment {
    uint16_t selector;
    uint64_t base;
    uint32_t limit, access_rights;
};

/* Segment fields stand in the order of enum vmx_segment_name, one field a segment. */
static void write_segment(struct bk_vcpu *vcpu, enum vmx_segment_name name, const struct segment *s)
{
    (void)bk_vmwrite(vcpu, (enum vmcs_field)(VMCS_GUEST_ES_SELECTOR + name), s->selector);
    (void)bk_vmwrite(vcpu, (enum vmcs_field)(VMCS_GUEST_ES_BASE + name), s->base);
    (void)bk_vmwrite(vcpu, (enum vmcs_field)(VMCS_GUEST_ES_LIMIT + name), s->limit);
    (void)bk_vmwrite(vcpu, (enum vmcs_field)(VMCS_GUEST_ES_AR_BYTES + name), s->access_rights);
}
_Static_assert(VMCS_GUEST_TR_SELECTOR - VMCS_GUEST_ES_SELECTOR == (int)VMX_TR && VMCS_GUEST_TR_BASE - VMCS_GUEST_ES_BASE == (int)VMX_TR &&
                   VMCS_GUEST_TR_LIMIT - VMCS_GUEST_ES_LIMIT == (int)VMX_TR && VMCS_GUEST_TR_AR_BYTES - VMCS_GUEST_ES_AR_BYTES == (int)VMX_TR,
               "segment fields follow the order of segment names");

static void write_segments(struct bk_vcpu *vcpu, const struct segment *code, const struct segment *data, const struct segment *stack,
                           const struct segment *task)
{
    static const struct segment no_ldt = {.access_rights = VMX_AR_UNUSABLE};
    static const enum vmx_segment_name data_names[] = {VMX_ES, VMX_DS, VMX_FS, VMX_GS};
    for (unsigned i = 0; i < sizeof data_names / sizeof data_names[0]; i++)
        write_segment(vcpu, data_names[i], data);
    write_segment(vcpu, VMX_CS, code);
    write_segment(vcpu, VMX_SS, stack);
    write_segment(vcpu, VMX_TR, task);
    write_segment(vcpu, VMX_LDTR, &no_ldt);
}

static void write_flat_segments(struct bk_vcpu *vcpu, unsigned index, bool long_mode)
{
    const struct segment code = {BENCH_CODE_SELECTOR, 0, UINT32_MAX, long_mode ? AR_CODE64 : AR_CODE32};
    const struct segment data = {BENCH_DATA_SELECTOR, 0, UINT32_MAX, AR_DATA32};
    const struct segment task = {BENCH_TSS_SELECTOR, BENCH_TSS + index * BENCH_TSS_STRIDE, 0x67, AR_BUSY_TSS};
    write_segments(vcpu, &code, &data, &data, &task);
}

static void write_real_segments(struct bk_vcpu *vcpu, bool reset)
{
    const struct segment code = reset ? (struct segment){0xf000, 0xffff0000, 0xffff, AR_CODE16} : (struct segment){0, 0, 0xffff, AR_CODE16};
    const struct segment data = {0, 0, 0xffff, AR_DATA16};
    const uint16_t stack_selector = reset ? 0 : (BENCH_STACK_TOP - 0x10000) >> 4;
    const struct segment stack = {stack_selector, (uint64_t)stack_selector << 4, 0xffff, AR_DATA16};
    const struct segment task = {0, 0, 0xffff, AR_BUSY_TSS};
    write_segments(vcpu, &code, &data, &stack, &task);
}

static void write_tables(struct bk_vcpu *vcpu, unsigned index, enum packed_mode mode)
{
    static const uint32_t idt_limit[] = {
        [PACKED_MODE_REAL] = 0x3ff, [PACKED_MODE_PROTECTED] = 0x7ff, [PACKED_MODE_LONG] = 0xfff, [PACKED_MODE_RESET] = 0xffff};
    const bool protected_tables = mode == PACKED_MODE_PROTECTED || mode == PACKED_MODE_LONG;
    (void)bk_vmwrite(vcpu, VMCS_GUEST_GDTR_BASE, mode == PACKED_MODE_RESET ? 0 : BENCH_GDT + index * BENCH_GDT_STRIDE);
    (void)bk_vmwrite(vcpu, VMCS_GUEST_GDTR_LIMIT, mode == PACKED_MODE_RESET ? 0xffff : BENCH_USER_DATA_SELECTOR + 7);
    (void)bk_vmwrite(vcpu, VMCS_GUEST_IDTR_BASE, protected_tables ? BENCH_IDT : 0);
    (void)bk_vmwrite(vcpu, VMCS_GUEST_IDTR_LIMIT, idt_limit[mode]);
}

/* Control registers of the mode. The bits that VMX operation fixes belong to the host: they are masked, and the guest sees them as outside VMX. */
static void write_control_registers(struct bench_setup *setup)
{
    struct bk_vcpu *vcpu = setup->vcpu;
    const struct bench_plan *plan = &setup->plan;
    const uint64_t fixed0 = bk_capability(setup->machine, VMX_MSR_VMX_CR0_FIXED0) & ~(VMX_CR0_PE | VMX_CR0_PG);
    const uint64_t fixed4 = bk_capability(setup->machine, VMX_MSR_VMX_CR4_FIXED0);
    uint64_t cr0 = VMX_CR0_ET, cr3 = 0, cr4 = 0, efer = 0;
    if (plan->mode == PACKED_MODE_RESET)
        cr0 |= CR0_CD_NW;
    if (plan->mode == PACKED_MODE_PROTECTED || plan->mode == PACKED_MODE_LONG)
        cr0 |= VMX_CR0_PE | VMX_CR0_NE;
    const bool paging = plan->mode == PACKED_MODE_LONG || (plan->mode == PACKED_MODE_PROTECTED && !bench_unrestricted(plan));
    if (paging) {
        cr0 |= VMX_CR0_PG | VMX_CR0_WP;
        cr3 = BENCH_PAGE_TABLES + (bench_ept_on(plan) ? 0 : bk_guest_base(setup->machine));
        cr4 |= plan->mode == PACKED_MODE_LONG ? VMX_CR4_PAE : VMX_CR4_PSE;
    }
    if (plan->mode == PACKED_MODE_LONG)
        efer = VMX_EFER_SCE | VMX_EFER_LME | VMX_EFER_LMA | VMX_EFER_NXE;
    (void)bk_vmwrite(vcpu, VMCS_GUEST_CR0, cr0 | fixed0);
    (void)bk_vmwrite(vcpu, VMCS_CR0_READ_SHADOW, cr0);
    (void)bk_vmwrite(vcpu, VMCS_CR0_GUEST_HOST_MASK, fixed0);
    (void)bk_vmwrite(vcpu, VMCS_GUEST_CR3, cr3);
    (void)bk_vmwrite(vcpu, VMCS_GUEST_CR4, cr4 | fixed4);
    (void)bk_vmwrite(vcpu, VMCS_CR4_READ_SHADOW, cr4);
    (void)bk_vmwrite(vcpu, VMCS_CR4_GUEST_HOST_MASK, fixed4);
    (void)bk_vmwrite(vcpu, VMCS_GUEST_IA32_EFER, efer);
}

/* State that no VMCS field holds, as after reset, whatever ran before. */
static void reset_other_state(struct bk_vcpu *vcpu)
{
    static const uint32_t msrs[BK_GUEST_MSR_COUNT] = BK_GUEST_MSRS;
    for (unsigned gpr = 0; gpr < VMX_GPR_COUNT; gpr++)
        if (gpr != VMX_RSP)
            bk_set_register(vcpu, (enum vmx_gpr)gpr, 0);
    for (unsigned number = 0; number < 4; number++)
        bk_set_debug_register(vcpu, number, 0);
    bk_set_debug_register(vcpu, 6, RESET_DR6);
    bk_set_cr2(vcpu, 0);
    bk_set_xcr0(vcpu, 1);
    for (unsigned i = 0; i < BK_GUEST_MSR_COUNT; i++)
        if (msrs[i] != VMX_MSR_EFER) /* the processor's own, until VM entry makes it the guest's */
            (void)bk_set_guest_msr(vcpu, msrs[i], msrs[i] == VMX_MSR_PAT ? RESET_PAT : 0);
}

void bench_write_state(struct bench_setup *setup)
{
    struct bk_vcpu *vcpu = setup->vcpu;
    const enum packed_mode mode = setup->plan.mode;
    static const uint64_t rip[] = {BENCH_CODE, BENCH_CODE, BENCH_CODE, 0xfff0};
    static const uint64_t rsp[] = {0xfff0, BENCH_STACK_TOP, BENCH_STACK_TOP, 0};
    reset_other_state(vcpu);
    write_control_registers(setup);
    if (mode == PACKED_MODE_PROTECTED || mode == PACKED_MODE_LONG)
        write_flat_segments(vcpu, setup->index, mode == PACKED_MODE_LONG);
    else
        write_real_segments(vcpu, mode == PACKED_MODE_RESET);
    write_tables(vcpu, setup->index, mode);
    (void)bk_vmwrite(vcpu, VMCS_GUEST_RIP, (setup->plan.starts >> setup->index & 1) != 0 ? setup->plan.start[setup->index] : rip[mode]);
    (void)bk_vmwrite(vcpu, VMCS_GUEST_RSP, mode == PACKED_MODE_RESET ? 0 : rsp[mode] - setup->index * BENCH_STACK_STRIDE);
    if (!bench_waits_for_sipi(&setup->plan, setup->index))
        bk_set_register(vcpu, VMX_RDI, setup->index);
    else
        (void)bk_vmwrite(vcpu, VMCS_GUEST_ACTIVITY_STATE, VMX_WAIT_FOR_SIPI);
    (void)bk_vmwrite(vcpu, VMCS_GUEST_RFLAGS, VMX_RFLAGS_FIXED_1);
    (void)bk_vmwrite(vcpu, VMCS_GUEST_DR7, 0x400);
    (void)bk_vmwrite(vcpu, VMCS_GUEST_IA32_PAT, RESET_PAT);
    if ((setup->plan.word[VMX_WORD_SECONDARY] & VMX_SEC_VMCS_SHADOWING) == 0)
        (void)bk_vmwrite(vcpu, VMCS_VMCS_LINK_POINTER, UINT64_MAX);
}
