/* SPDX-License-Identifier: MIT */
/* Model-specific registers: a table of those that are a word of the state, and the few that are more. SDM 4, "Model-Specific Registers". */
#include "msr.h"

#include <stddef.h>

#include "cpuid_bits.h"
#include "decide.h"
#include "features.h"
#include "walk.h"

static bool has_shadow_stacks(const struct vmx_caps *caps)
{
    return vmx_has(caps, VMX_FEATURE_SHADOW_STACKS);
}
static bool has_cet(const struct vmx_caps *caps)
{
    return has_shadow_stacks(caps) || vmx_has(caps, VMX_FEATURE_INDIRECT_BRANCH_TRACKING);
}
static bool has_pks(const struct vmx_caps *caps)
{
    return vmx_has(caps, VMX_FEATURE_PKS);
}
static bool has_mpx(const struct vmx_caps *caps)
{
    return vmx_has(caps, VMX_FEATURE_MPX);
}
static bool has_processor_trace(const struct vmx_caps *caps)
{
    return vmx_has(caps, VMX_FEATURE_PROCESSOR_TRACE);
}
static bool has_lbr(const struct vmx_caps *caps)
{
    return vmx_has(caps, VMX_FEATURE_ARCH_LBR);
}
static bool has_xsaves(const struct vmx_caps *caps)
{
    return vmx_has(caps, VMX_FEATURE_XSAVES);
}
static bool has_tsc_aux(const struct vmx_caps *caps)
{
    return vmx_has(caps, VMX_FEATURE_RDTSCP) || vmx_has(caps, VMX_FEATURE_RDPID);
}
static bool has_spec_ctrl(const struct vmx_caps *caps)
{
    return caps->spec_ctrl_valid != 0;
}
static bool has_perf_global(const struct vmx_caps *caps)
{
    return caps->perf_global_valid != 0;
}

static bool over_32_bits(const struct vmx_cpu *cpu, uint64_t value)
{
    (void)cpu;
    return value > UINT32_MAX;
}

static bool not_canonical(const struct vmx_cpu *cpu, uint64_t value)
{
    return !vmx_is_canonical(value, cpu->caps->linear_bits);
}

static bool efer_faults(const struct vmx_cpu *cpu, uint64_t value)
{
    const bool switches_lme = ((value ^ cpu->state.efer) & VMX_EFER_LME) != 0;
    return (value & ~(cpu->caps->efer_valid | VMX_EFER_LMA)) != 0 || (switches_lme && (cpu->state.cr0 & VMX_CR0_PG) != 0);
}

static bool debugctl_faults(const struct vmx_cpu *cpu, uint64_t value)
{
    return (value & ~cpu->caps->debugctl_valid) != 0;
}

static bool perf_global_faults(const struct vmx_cpu *cpu, uint64_t value)
{
    return (value & ~cpu->caps->perf_global_valid) != 0;
}

static bool spec_ctrl_faults(const struct vmx_cpu *cpu, uint64_t value)
{
    return (value & ~cpu->caps->spec_ctrl_valid) != 0;
}

static bool pat_faults(const struct vmx_cpu *cpu, uint64_t value)
{
    (void)cpu;
    for (unsigned entry = 0; entry < 8; entry++) {
        const unsigned type = (unsigned)(value >> (8 * entry)) & 0xffu;
        if (type > 7 || type == 2 || type == 3)
            return true;
    }
    return false;
}

/* IA32_APIC_BASE: BSP 8, x2APIC 10, enable 11, base from 12. SDM 3A, "x2APIC State Transitions". */
static bool apic_base_faults(const struct vmx_cpu *cpu, uint64_t value)
{
    const uint64_t x2apic = VMX_BIT(10), enable = VMX_BIT(11);
    const bool has_x2apic = vmx_has(cpu->caps, VMX_FEATURE_X2APIC);
    const uint64_t defined = VMX_BIT(8) | enable | (has_x2apic ? x2apic : 0) | ((VMX_BIT(cpu->caps->physical_bits) - 1) & ~UINT64_C(0xfff));
    const uint64_t mode = value & (x2apic | enable), old = cpu->state.apic_base & (x2apic | enable);
    if ((value & ~defined) != 0 || mode == x2apic)
        return true;
    return (old == (x2apic | enable) && mode == enable) || (old == 0 && mode == (x2apic | enable));
}

/* Not modelled: MSRs that IA32_MISC_ENABLE switches features with; only fast strings (bit 0) and the XD disable (34) may change. */
static bool misc_enable_faults(const struct vmx_cpu *cpu, uint64_t value)
{
    return ((value ^ cpu->state.misc_enable) & ~(VMX_BIT(0) | VMX_BIT(34))) != 0;
}

static bool bndcfgs_faults(const struct vmx_cpu *cpu, uint64_t value)
{
    return (value & UINT64_C(0xffc)) != 0 || not_canonical(cpu, value);
}

static bool s_cet_faults(const struct vmx_cpu *cpu, uint64_t value)
{
    const bool tracker_suppressed_and_waiting = (value & (VMX_BIT(10) | VMX_BIT(11))) == (VMX_BIT(10) | VMX_BIT(11));
    return (value & UINT64_C(0x3c0)) != 0 || tracker_suppressed_and_waiting || not_canonical(cpu, value);
}

/* IA32_XSS holds the supervisor state components that CPUID leaf 0DH, sub-leaf 1, lists. */
static bool xss_faults(const struct vmx_cpu *cpu, uint64_t value)
{
    uint32_t out[4];
    vmx_cpuid(cpu->caps, 0xd, 1, out);
    return (value & ~((uint64_t)out[3] << 32 | out[2])) != 0;
}

/* Not modelled: tracing; IA32_RTIT_CTL and IA32_LBR_CTL hold only what leaves tracing disabled. */
static bool enables_tracing(const struct vmx_cpu *cpu, uint64_t value)
{
    (void)cpu;
    return (value & 1) != 0;
}

struct msr_row {
    uint32_t index;
    uint16_t offset; /* in struct vmx_state */
    uint16_t group;
    bool (*exists)(const struct vmx_caps *caps); /* NULL: on every processor */
    bool (*faults)(const struct vmx_cpu *cpu, uint64_t value);
};
#define WORD(member) (uint16_t) offsetof(struct vmx_state, member)

static const struct msr_row rows[] = {
    {VMX_MSR_APIC_BASE, WORD(apic_base), VMX_GROUP_MSR, NULL, apic_base_faults},
    {VMX_MSR_SPEC_CTRL, WORD(spec_ctrl), VMX_GROUP_MSR, has_spec_ctrl, spec_ctrl_faults},
    {VMX_MSR_SYSENTER_CS, WORD(sysenter_cs), VMX_GROUP_MSR, NULL, NULL},
    {VMX_MSR_SYSENTER_ESP, WORD(sysenter_esp), VMX_GROUP_MSR, NULL, not_canonical},
    {VMX_MSR_SYSENTER_EIP, WORD(sysenter_eip), VMX_GROUP_MSR, NULL, not_canonical},
    {VMX_MSR_MISC_ENABLE, WORD(misc_enable), VMX_GROUP_MSR, NULL, misc_enable_faults},
    {VMX_MSR_DEBUGCTL, WORD(debugctl), VMX_GROUP_DEBUG, NULL, debugctl_faults},
    {VMX_MSR_PAT, WORD(pat), VMX_GROUP_MSR, NULL, pat_faults},
    {VMX_MSR_PERF_GLOBAL_CTRL, WORD(perf_global_ctrl), VMX_GROUP_MSR, has_perf_global, perf_global_faults},
    {VMX_MSR_RTIT_CTL, WORD(rtit_ctl), VMX_GROUP_MSR, has_processor_trace, enables_tracing},
    {VMX_MSR_S_CET, WORD(s_cet), VMX_GROUP_MSR, has_cet, s_cet_faults},
    {VMX_MSR_INTERRUPT_SSP_TABLE, WORD(interrupt_ssp_table), VMX_GROUP_MSR, has_shadow_stacks, not_canonical},
    {VMX_MSR_PKRS, WORD(pkrs), VMX_GROUP_MSR, has_pks, over_32_bits},
    {VMX_MSR_BNDCFGS, WORD(bndcfgs), VMX_GROUP_MSR, has_mpx, bndcfgs_faults},
    {VMX_MSR_XSS, WORD(xss), VMX_GROUP_MSR, has_xsaves, xss_faults},
    {VMX_MSR_LBR_CTL, WORD(lbr_ctl), VMX_GROUP_MSR, has_lbr, enables_tracing},
    {VMX_MSR_EFER, WORD(efer), VMX_GROUP_CONTROL, NULL, efer_faults},
    {VMX_MSR_STAR, WORD(star), VMX_GROUP_MSR, NULL, NULL},
    {VMX_MSR_LSTAR, WORD(lstar), VMX_GROUP_MSR, NULL, not_canonical},
    {VMX_MSR_CSTAR, WORD(cstar), VMX_GROUP_MSR, NULL, not_canonical},
    {VMX_MSR_FMASK, WORD(fmask), VMX_GROUP_MSR, NULL, over_32_bits},
    {VMX_MSR_FS_BASE, WORD(seg[VMX_FS].base), VMX_GROUP_SEGMENTS, NULL, not_canonical},
    {VMX_MSR_GS_BASE, WORD(seg[VMX_GS].base), VMX_GROUP_SEGMENTS, NULL, not_canonical},
    {VMX_MSR_KERNEL_GS_BASE, WORD(kernel_gs_base), VMX_GROUP_MSR, NULL, not_canonical},
    {VMX_MSR_TSC_AUX, WORD(tsc_aux), VMX_GROUP_MSR, has_tsc_aux, over_32_bits},
};

static const struct msr_row *row_of(const struct vmx_cpu *cpu, uint32_t index)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].index == index)
            return rows[i].exists == NULL || rows[i].exists(cpu->caps) ? &rows[i] : NULL;
    return NULL;
}

static const uint64_t *word_of(const struct vmx_state *state, const struct msr_row *row)
{
    return (const uint64_t *)(const void *)((const unsigned char *)state + row->offset);
}

/* MSRs that read as a constant. MTRRs: none variable, none fixed, IA32_MTRR_DEF_TYPE alone. */
static const struct {
    uint32_t index;
    uint64_t value;
    bool writable; /* with this same value */
} constants[] = {
    {VMX_MSR_PLATFORM_ID, 0, false}, {VMX_MSR_BIOS_SIGN_ID, 0, true}, {VMX_MSR_MTRRCAP, 0, false},
    {VMX_MSR_MCG_CAP, 0, false},     {VMX_MSR_MCG_STATUS, 0, true},
};
enum { CONSTANTS = sizeof constants / sizeof constants[0] };

bool vmx_msr_read(const struct vmx_cpu *cpu, uint32_t index, uint64_t *value)
{
    const struct msr_row *row = row_of(cpu, index);
    if (row != NULL) {
        *value = *word_of(&cpu->state, row);
        return true;
    }
    if (index >= VMX_MSR_CAPABILITY_FIRST && index <= VMX_MSR_CAPABILITY_LAST)
        return vmx_capability_msr(cpu->caps, index, value);
    switch (index) {
    case VMX_MSR_TSC:
        *value = vmx_guest_tsc(cpu);
        return true;
    case VMX_MSR_TSC_ADJUST:
        *value = cpu->tsc_adjust;
        return true;
    case VMX_MSR_FEATURE_CONTROL:
        *value = cpu->feature_control;
        return true;
    case VMX_MSR_MTRR_DEF_TYPE:
        *value = cpu->mtrr_def_type;
        return true;
    }
    for (unsigned i = 0; i < CONSTANTS; i++)
        if (constants[i].index == index) {
            *value = constants[i].value;
            return true;
        }
    return false;
}

/* IA32_FEATURE_CONTROL: lock 0, VMX in SMX 1, VMX outside SMX 2; with SMX SENTER enables 15:8. */
static bool feature_control_faults(const struct vmx_cpu *cpu, uint64_t value)
{
    uint32_t leaf[4];
    vmx_cpuid(cpu->caps, 1, 0, leaf);
    const uint64_t valid = 7 | ((leaf[2] & VMX_CPUID_SMX) != 0 ? UINT64_C(0xff00) : 0);
    return (cpu->feature_control & 1) != 0 || (value & ~valid) != 0;
}

/* IA32_MTRR_DEF_TYPE: type 7:0, MTRRs enabled 11; fixed ranges (10) are not offered. */
static bool mtrr_def_type_faults(uint64_t value)
{
    const uint64_t type = value & 0xff;
    return (value & ~UINT64_C(0x8ff)) != 0 || type > 6 || type == 2 || type == 3;
}

bool vmx_msr_write_faults(const struct vmx_cpu *cpu, uint32_t index, uint64_t value)
{
    const struct msr_row *row = row_of(cpu, index);
    if (row != NULL)
        return row->faults != NULL && row->faults(cpu, value);
    switch (index) {
    case VMX_MSR_TSC:
    case VMX_MSR_TSC_ADJUST:
    case VMX_MSR_BIOS_UPDT_TRIG: /* Not modelled: microcode updates; in non-root operation the write is ignored anyway */
        return false;
    case VMX_MSR_FEATURE_CONTROL:
        return feature_control_faults(cpu, value);
    case VMX_MSR_MTRR_DEF_TYPE:
        return mtrr_def_type_faults(value);
    case VMX_MSR_PRED_CMD:
        return !has_spec_ctrl(cpu->caps) || (value & ~UINT64_C(1)) != 0;
    }
    for (unsigned i = 0; i < CONSTANTS; i++)
        if (constants[i].index == index)
            return !constants[i].writable || value != constants[i].value;
    return true;
}

uint32_t vmx_msr_store(struct vmx_cpu *cpu, uint32_t index, uint64_t value)
{
    struct vmx_state *s = &cpu->state;
    const struct msr_row *row = row_of(cpu, index);
    if (row != NULL) {
        if (index == VMX_MSR_EFER)
            value = (value & ~VMX_EFER_LMA) | (s->efer & VMX_EFER_LMA);
        if (index == VMX_MSR_SYSENTER_CS)
            value = (uint32_t)value;
        *(uint64_t *)(void *)((unsigned char *)s + row->offset) = value;
        return row->group;
    }
    switch (index) {
    case VMX_MSR_TSC:
        cpu->tsc_adjust = value - cpu->tsc;
        break;
    case VMX_MSR_TSC_ADJUST:
        cpu->tsc_adjust = value;
        break;
    case VMX_MSR_FEATURE_CONTROL:
        cpu->feature_control = value;
        break;
    case VMX_MSR_MTRR_DEF_TYPE:
        cpu->mtrr_def_type = value;
        break;
    }
    return 0;
}
