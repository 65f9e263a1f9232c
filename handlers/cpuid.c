/* SPDX-License-Identifier: MIT */
/* CPUID: the processor's answer, less what this hypervisor does not offer. SDM 2A, "CPUID". */
#include "../vmx-model/registers.h"
#include "device_access.h"
#include "handlers.h"

enum { EAX, EBX, ECX, EDX };
enum { XSAVEC_OR_XSAVES = 1u << 1 | 1u << 3 };
enum {
    LEAF_HYPERVISOR = 0x40000000u,
    LEAF_HYPERVISOR_LAST = 0x400000ffu,
    ECX_HYPERVISOR = 1u << 31,
    ECX_OSXSAVE = 1u << 27,
    EDX_APIC = 1u << 9,
    ECX_APIC_MSRS = 1u << 21 | 1u << 24 /* x2APIC, TSC deadline: of the device set's local APIC */,
    ANY_SUBLEAF = -1
};

/* Bits that are never offered: features whose MSRs or instructions no handler answers. */
static const struct {
    uint32_t leaf;
    int subleaf;
    uint8_t reg;
    uint32_t bits;
} hidden[] = {
    {0x07, 0, EBX, 1u << 1 | 1u << 2 | 1u << 14 | 1u << 25},             /* TSC_ADJUST, SGX, MPX, Intel PT */
    {0x07, 0, ECX, 1u << 7 | 1u << 23 | 1u << 29 | 1u << 30 | 1u << 31}, /* CET_SS, KL, ENQCMD, SGX_LC, PKS */
    {0x07, 0, EDX, 1u << 5 | 1u << 18 | 1u << 19 | 1u << 20},            /* UINTR, PCONFIG, architectural LBRs, CET_IBT */
    {0x07, 0, EDX, 0xfc000000u},                                         /* SPEC_CTRL and its kin, ARCH_CAPABILITIES */
    {0x07, 1, EAX, 1u << 17 | 1u << 19 | 1u << 27},                      /* FRED, WRMSRNS, MSRLIST */
    {0x0a, ANY_SUBLEAF, EAX, UINT32_MAX},                                /* performance monitoring */
    {0x0a, ANY_SUBLEAF, EBX, UINT32_MAX},
    {0x0a, ANY_SUBLEAF, ECX, UINT32_MAX},
    {0x0a, ANY_SUBLEAF, EDX, UINT32_MAX},
    {0x0d, 1, EAX, 1u << 4},              /* XFD */
    {0x12, ANY_SUBLEAF, EAX, UINT32_MAX}, /* SGX */
    {0x12, ANY_SUBLEAF, EBX, UINT32_MAX},
    {0x12, ANY_SUBLEAF, ECX, UINT32_MAX},
    {0x12, ANY_SUBLEAF, EDX, UINT32_MAX},
    {0x14, ANY_SUBLEAF, EAX, UINT32_MAX}, /* Intel PT */
    {0x14, ANY_SUBLEAF, EBX, UINT32_MAX},
    {0x14, ANY_SUBLEAF, ECX, UINT32_MAX},
};

/* Bits of instructions that give #UD while a secondary control is 0. */
static const struct {
    uint32_t leaf, subleaf;
    uint8_t reg;
    uint32_t bits, control;
} needs_control[] = {
    {0x07, 0, EBX, 1u << 10, 1u << 12},       /* INVPCID: enable INVPCID */
    {0x07, 0, ECX, 1u << 5, 1u << 26},        /* WAITPKG: enable user wait and pause */
    {0x07, 0, ECX, 1u << 22, 1u << 3},        /* RDPID: enable RDTSCP */
    {0x0d, 1, EAX, 1u << 3, 1u << 20},        /* XSAVES: enable XSAVES/XRSTORS */
    {0x0d, 1, ECX, UINT32_MAX, 1u << 20},     /* and the components of IA32_XSS */
    {0x80000001u, 0, EDX, 1u << 27, 1u << 3}, /* RDTSCP: enable RDTSCP */
};

static void hide(struct hv_vcpu *vcpu, uint32_t leaf, uint32_t subleaf, uint32_t r[4])
{
    if (leaf < hidden[0].leaf)
        return; /* the tables are sorted */
    for (unsigned i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
        if (hidden[i].leaf == leaf && (hidden[i].subleaf == ANY_SUBLEAF || (uint32_t)hidden[i].subleaf == subleaf))
            r[hidden[i].reg] &= ~hidden[i].bits;
    for (unsigned i = 0; i < sizeof(needs_control) / sizeof(needs_control[0]); i++)
        if (needs_control[i].leaf == leaf && (leaf == 0x80000001u || needs_control[i].subleaf == subleaf) &&
            !hv_secondary_control(vcpu, needs_control[i].control))
            r[needs_control[i].reg] &= ~needs_control[i].bits;
}

/* Size of the XSAVE area for the guest's XCR0: the end of the last enabled component. */
static uint32_t xsave_size(struct hv_vcpu *vcpu)
{
    const uint64_t xcr0 = bk_xcr0(vcpu->bk);
    uint32_t size = 512 + 64;
    for (unsigned i = 2; i < 63; i++) {
        if ((xcr0 >> i & 1u) == 0)
            continue;
        uint32_t r[4];
        bk_cpuid(vcpu->vm->machine, 0x0d, i, r);
        if (r[EBX] + r[EAX] > size)
            size = r[EBX] + r[EAX];
    }
    return size;
}

/* The same in the compacted format, with the components of IA32_XSS. */
static uint32_t compacted_size(struct hv_vcpu *vcpu)
{
    enum { ALIGNED = 1u << 1 };
    uint64_t xss = 0;
    uint32_t size = 512 + 64;
    (void)bk_guest_msr(vcpu->bk, VMX_MSR_XSS, &xss);
    for (unsigned i = 2; i < 63; i++) {
        if (((bk_xcr0(vcpu->bk) | xss) >> i & 1u) == 0)
            continue;
        uint32_t r[4];
        bk_cpuid(vcpu->vm->machine, 0x0d, i, r);
        size = ((r[ECX] & ALIGNED) != 0 ? (size + 63) & ~63u : size) + r[EAX];
    }
    return size;
}

/* Leaves 0BH and 1FH: one thread a core, all virtual CPUs are cores of one package. */
static void topology(const struct hv_vcpu *vcpu, uint32_t level, uint32_t r[4])
{
    enum { THREADS = 1u << 8, CORES = 2u << 8 };
    unsigned bits = 0;
    while (1u << bits < vcpu->vm->vcpus)
        bits++;
    r[EAX] = level == 1 ? bits : 0;
    r[EBX] = level == 0 ? 1 : level == 1 ? vcpu->vm->vcpus : 0;
    r[ECX] = (level & 0xffu) | (level == 0 ? (uint32_t)THREADS : level == 1 ? (uint32_t)CORES : 0u);
    r[EDX] = vcpu->index;
}

/* What depends on the vCPU and on its control registers. */
static void adjust(struct hv_vcpu *vcpu, uint32_t leaf, uint32_t subleaf, uint32_t r[4])
{
    const struct hv_policy *policy = &vcpu->vm->policy;
    if (leaf == 0x01) {
        r[EBX] = (r[EBX] & 0xffffu) | vcpu->vm->vcpus << 16 | vcpu->index << 24;
        r[ECX] = (r[ECX] & ~(uint32_t)ECX_OSXSAVE) | ECX_HYPERVISOR;
        if ((hv_visible_cr4(vcpu) & VMX_CR4_OSXSAVE) != 0)
            r[ECX] |= ECX_OSXSAVE;
        r[ECX] &= ~policy->hide_cpuid_1_ecx & ~(vcpu->vm->devices == NULL ? (uint32_t)ECX_APIC_MSRS : 0u);
        r[EDX] &= ~policy->hide_cpuid_1_edx & ~(hv_apic_enabled(vcpu) ? 0u : (uint32_t)EDX_APIC);
    } else if (leaf == 0x07 && subleaf == 0) {
        r[ECX] &= ~(1u << 4);
        if ((r[ECX] & 1u << 3) != 0 && (hv_visible_cr4(vcpu) & VMX_CR4_PKE) != 0)
            r[ECX] |= 1u << 4;
    } else if (leaf == 0x0b || leaf == 0x1f) {
        topology(vcpu, subleaf, r);
    } else if (leaf == 0x0d && subleaf == 0 && r[EAX] != 0) {
        r[EBX] = xsave_size(vcpu);
    } else if (leaf == 0x0d && subleaf == 1 && (r[EAX] & XSAVEC_OR_XSAVES) != 0) {
        r[EBX] = compacted_size(vcpu);
    }
}

static void answer(struct hv_vcpu *vcpu, uint32_t leaf, uint32_t subleaf, uint32_t r[4])
{
    if (leaf >= LEAF_HYPERVISOR && leaf <= LEAF_HYPERVISOR_LAST) {
        r[EAX] = r[EBX] = r[ECX] = r[EDX] = 0;
        if (leaf == LEAF_HYPERVISOR) {
            r[EAX] = LEAF_HYPERVISOR;
            r[EBX] = 0x62786d76u; /* "vmxb" */
            r[ECX] = 0x68636e65u; /* "ench" */
        }
        return;
    }
    bk_cpuid(vcpu->vm->machine, leaf, subleaf, r);
    hide(vcpu, leaf, subleaf, r);
    adjust(vcpu, leaf, subleaf, r);
}

enum hv_action hv_handle_cpuid(struct hv_vcpu *vcpu, const struct hv_exit *exit)
{
    uint32_t r[4];
    answer(vcpu, (uint32_t)bk_register(vcpu->bk, VMX_RAX), (uint32_t)bk_register(vcpu->bk, VMX_RCX), r);
    bk_set_register(vcpu->bk, VMX_RAX, r[EAX]);
    bk_set_register(vcpu->bk, VMX_RBX, r[EBX]);
    bk_set_register(vcpu->bk, VMX_RCX, r[ECX]);
    bk_set_register(vcpu->bk, VMX_RDX, r[EDX]);
    hv_advance(vcpu, exit);
    return HV_RESUME;
}
