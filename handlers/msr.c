/* SPDX-License-Identifier: MIT */
/* RDMSR and WRMSR: the owner's rules first, then the MSRs that the VMCS or the backend holds, then constants; all else gives #GP(0).
   SDM 4, "Model-Specific Registers". */
#include "../vmx-model/registers.h"
#include "apic.h"
#include "device_access.h"
#include "handlers.h"

#define MSR_EFER 0xc0000080u
#define MSR_LSTAR 0xc0000082u
#define MSR_CSTAR 0xc0000083u
#define MSR_FMASK 0xc0000084u
#define MSR_FS_BASE 0xc0000100u
#define MSR_GS_BASE 0xc0000101u
#define MSR_KERNEL_GS_BASE 0xc0000102u
#define MSR_TSC_AUX 0xc0000103u

/* ---- MSRs that are VMCS fields ---- */
enum rule { ANY, CANONICAL, LOW_32, DEBUGCTL_BITS };
static const struct {
    uint32_t index;
    enum vmcs_field field;
    enum rule rule;
} in_vmcs[] = {
    {0x174, VMCS_GUEST_SYSENTER_CS, LOW_32},      {0x175, VMCS_GUEST_SYSENTER_ESP, CANONICAL},
    {0x176, VMCS_GUEST_SYSENTER_EIP, CANONICAL},  {VMX_MSR_DEBUGCTL, VMCS_GUEST_IA32_DEBUGCTL, DEBUGCTL_BITS},
    {MSR_FS_BASE, VMCS_GUEST_FS_BASE, CANONICAL}, {MSR_GS_BASE, VMCS_GUEST_GS_BASE, CANONICAL},
};

static bool value_ok(struct hv_vcpu *vcpu, enum rule rule, uint64_t value)
{
    switch (rule) {
    case ANY:
        return true;
    case CANONICAL:
        return hv_is_canonical(vcpu, value);
    case LOW_32:
        return value >> 32 == 0;
    case DEBUGCTL_BITS:
        return (value & ~UINT64_C(3)) == 0; /* LBR and BTF */
    }
    return false;
}

/* ---- constants: what the MSR of a plain processor reads, and whether writing is taken and forgotten ---- */
static const struct {
    uint32_t first, last;
    uint64_t value;
    bool readable, write_forgotten;
} constants[] = {
    {0x017, 0x017, 0, true, false},     /* IA32_PLATFORM_ID */
    {0x03a, 0x03a, 1, true, false},     /* IA32_FEATURE_CONTROL: locked, nothing enabled */
    {0x079, 0x079, 0, false, true},     /* IA32_BIOS_UPDT_TRIG: no operation in VMX non-root operation */
    {0x08b, 0x08b, 0, true, true},      /* IA32_BIOS_SIGN_ID */
    {0x0fe, 0x0fe, 0, true, false},     /* IA32_MTRRCAP: no variable and no fixed ranges */
    {0x179, 0x17a, 0, true, true},      /* IA32_MCG_CAP: no banks; IA32_MCG_STATUS */
    {0x1a0, 0x1a0, 0x1801, true, true}, /* IA32_MISC_ENABLE: fast strings; BTS and PEBS unavailable */
    {0x200, 0x21f, 0, true, true},      /* IA32_MTRR_PHYSBASE0 to PHYSMASK15: memory types are the EPT's */
    {0x250, 0x250, 0, true, true},      /* IA32_MTRR_FIX64K_00000 */
    {0x258, 0x259, 0, true, true},      /* IA32_MTRR_FIX16K_80000, A0000 */
    {0x268, 0x26f, 0, true, true},      /* IA32_MTRR_FIX4K_C0000 to F8000 */
};

static struct hv_msr_rule *owner_rule(struct hv_vcpu *vcpu, uint32_t index)
{
    struct hv_policy *policy = &vcpu->vm->policy;
    for (unsigned i = 0; i < policy->msr_rules && i < HV_MSR_RULES; i++)
        if (policy->msr[i].index == index)
            return &policy->msr[i];
    return NULL;
}

/* PAT stands in the VMCS where the entry loads it. */
static bool pat_in_vmcs(struct hv_vcpu *vcpu)
{
    return (hv_read(vcpu, VMCS_VM_ENTRY_CONTROLS) & VMX_ENTRYCTL_LOAD_PAT) != 0;
}

static uint64_t apic_base(const struct hv_vcpu *vcpu)
{
    enum { ADDRESS = 0xfee00000u, ENABLED = 1u << 11, BOOTSTRAP = 1u << 8 };
    return (uint64_t)ADDRESS | ENABLED | (vcpu->index == 0 ? BOOTSTRAP : 0u);
}

static bool read_kept(struct hv_vcpu *vcpu, uint32_t index, uint64_t *value)
{
    for (unsigned i = 0; i < sizeof(in_vmcs) / sizeof(in_vmcs[0]); i++)
        if (in_vmcs[i].index == index) {
            *value = hv_read(vcpu, in_vmcs[i].field);
            return true;
        }
    if (index == MSR_EFER)
        *value = hv_efer(vcpu);
    else if (index == VMX_MSR_PAT && pat_in_vmcs(vcpu))
        *value = hv_read(vcpu, VMCS_GUEST_IA32_PAT);
    else if (index == VMX_MSR_TSC)
        *value = hv_guest_tsc(vcpu);
    else if (index == VMX_MSR_APIC_BASE)
        *value = apic_base(vcpu);
    else if (index == VMX_MSR_MTRR_DEF_TYPE)
        *value = vcpu->vm->mtrr_def_type;
    else
        return bk_guest_msr(vcpu->bk, index, value);
    return true;
}

bool hv_read_msr(struct hv_vcpu *vcpu, uint32_t index, uint64_t *value)
{
    const struct hv_msr_rule *rule = owner_rule(vcpu, index);
    if (rule != NULL) {
        *value = rule->value;
        return true;
    }
    if (hv_has_apic_msr(vcpu, index))
        return hv_read_apic_msr(vcpu, index, value);
    if (hv_virtual_x2apic_read(vcpu, index, value) || read_kept(vcpu, index, value))
        return true;
    for (unsigned i = 0; i < sizeof(constants) / sizeof(constants[0]); i++)
        if (index >= constants[i].first && index <= constants[i].last && constants[i].readable) {
            *value = constants[i].value;
            return true;
        }
    hv_report(vcpu, "RDMSR of unknown MSR %x: #GP", index);
    return false;
}

/* ---- writing ---- */
static bool write_efer(struct hv_vcpu *vcpu, uint64_t value)
{
    uint32_t r[4];
    bk_cpuid(vcpu->vm->machine, 0x80000001u, 0, r);
    const uint64_t valid = ((r[3] & 1u << 11) != 0 ? VMX_EFER_SCE : 0u) | ((r[3] & 1u << 20) != 0 ? VMX_EFER_NXE : 0u) |
                           ((r[3] & 1u << 29) != 0 ? VMX_EFER_LME | VMX_EFER_LMA : 0u);
    const uint64_t old = hv_efer(vcpu);
    if ((value & ~valid) != 0)
        return false;
    if (((value ^ old) & VMX_EFER_LME) != 0 && (hv_visible_cr0(vcpu) & VMX_CR0_PG) != 0)
        return false;
    hv_set_efer(vcpu, (value & ~(uint64_t)VMX_EFER_LMA) | (old & VMX_EFER_LMA));
    if (((value ^ old) & VMX_EFER_NXE) != 0)
        hv_flush_linear(vcpu, false);
    return true;
}

static bool pat_ok(uint64_t value)
{
    for (unsigned i = 0; i < 8; i++) {
        const unsigned type = (unsigned)(value >> 8 * i) & 0xffu;
        if (type == 2 || type == 3 || type > 7)
            return false;
    }
    return true;
}

/* The guest's time-stamp counter is moved by the TSC offset, which is switched on for it. */
static bool write_tsc(struct hv_vcpu *vcpu, uint64_t value)
{
    if ((bk_capability(vcpu->vm->machine, VMX_MSR_VMX_PROCBASED) >> 32 & VMX_PRI_USE_TSC_OFFSETTING) == 0)
        return false;
    hv_change_control(vcpu, VMCS_CPU_BASED_VM_EXEC_CONTROL, VMX_PRI_USE_TSC_OFFSETTING, true);
    hv_write(vcpu, VMCS_TSC_OFFSET, hv_read(vcpu, VMCS_TSC_OFFSET) + value - hv_guest_tsc(vcpu));
    return true;
}

static bool xss_ok(struct hv_vcpu *vcpu, uint64_t value)
{
    uint32_t r[4];
    bk_cpuid(vcpu->vm->machine, 0x0d, 1, r);
    return (value & ~((uint64_t)r[3] << 32 | r[2])) == 0;
}

/* MSRs that the backend keeps, with the checks that WRMSR makes. */
static bool write_backend(struct hv_vcpu *vcpu, uint32_t index, uint64_t value, bool *ok)
{
    uint64_t old;
    if (!bk_guest_msr(vcpu->bk, index, &old))
        return false;
    if (index == MSR_LSTAR || index == MSR_CSTAR || index == MSR_KERNEL_GS_BASE)
        *ok = hv_is_canonical(vcpu, value);
    else if (index == MSR_FMASK || index == MSR_TSC_AUX)
        *ok = value >> 32 == 0;
    else if (index == VMX_MSR_PAT)
        *ok = pat_ok(value);
    else if (index == VMX_MSR_XSS)
        *ok = xss_ok(vcpu, value);
    else
        *ok = true;
    if (*ok)
        (void)bk_set_guest_msr(vcpu->bk, index, value);
    return true;
}

/* True: the MSR is one of those that are kept; *ok says whether the value was taken. */
static bool write_kept(struct hv_vcpu *vcpu, uint32_t index, uint64_t value, bool *ok)
{
    for (unsigned i = 0; i < sizeof(in_vmcs) / sizeof(in_vmcs[0]); i++)
        if (in_vmcs[i].index == index) {
            *ok = value_ok(vcpu, in_vmcs[i].rule, value);
            if (*ok)
                hv_write(vcpu, in_vmcs[i].field, value);
            return true;
        }
    *ok = true;
    if (index == MSR_EFER) {
        *ok = write_efer(vcpu, value);
    } else if (index == VMX_MSR_PAT && pat_in_vmcs(vcpu)) {
        *ok = pat_ok(value);
        if (*ok)
            hv_write(vcpu, VMCS_GUEST_IA32_PAT, value);
    } else if (index == VMX_MSR_TSC) {
        *ok = write_tsc(vcpu, value);
    } else if (index == VMX_MSR_APIC_BASE) { /* Not modelled: moving or disabling the local APIC, x2APIC mode */
        *ok = value == apic_base(vcpu);
        if (!*ok)
            hv_report(vcpu, "WRMSR of IA32_APIC_BASE = %lx: not modelled, #GP", value);
    } else if (index == VMX_MSR_MTRR_DEF_TYPE) {
        *ok = (value & ~UINT64_C(0xcff)) == 0;
        if (*ok)
            vcpu->vm->mtrr_def_type = value;
    } else {
        return write_backend(vcpu, index, value, ok);
    }
    return true;
}

bool hv_write_msr(struct hv_vcpu *vcpu, uint32_t index, uint64_t value)
{
    struct hv_msr_rule *rule = owner_rule(vcpu, index);
    if (rule != NULL) {
        if (rule->writable)
            rule->value = value;
        return rule->writable;
    }
    if (hv_has_apic_msr(vcpu, index))
        return hv_write_apic_msr(vcpu, index, value);
    if (hv_virtual_x2apic_write(vcpu, index, value))
        return true;
    bool ok;
    if (write_kept(vcpu, index, value, &ok))
        return ok;
    for (unsigned i = 0; i < sizeof(constants) / sizeof(constants[0]); i++)
        if (index >= constants[i].first && index <= constants[i].last)
            return constants[i].write_forgotten;
    hv_report(vcpu, "WRMSR of unknown MSR %x = %lx: #GP", index, value);
    return false;
}

/* ---- handlers ---- */
enum hv_action hv_handle_rdmsr(struct hv_vcpu *vcpu, const struct hv_exit *exit)
{
    uint64_t value;
    if (!hv_read_msr(vcpu, (uint32_t)bk_register(vcpu->bk, VMX_RCX), &value)) {
        hv_inject_gp(vcpu, 0);
        return HV_RESUME;
    }
    hv_set_edx_eax(vcpu, value);
    hv_advance(vcpu, exit);
    return HV_RESUME;
}

enum hv_action hv_handle_wrmsr(struct hv_vcpu *vcpu, const struct hv_exit *exit)
{
    if (hv_write_msr(vcpu, (uint32_t)bk_register(vcpu->bk, VMX_RCX), hv_edx_eax(vcpu)))
        hv_advance(vcpu, exit);
    else
        hv_inject_gp(vcpu, 0);
    return HV_RESUME;
}

/* The forms with an immediate MSR index name their register in bits 6:3 of the instruction information. */
enum hv_action hv_handle_rdmsr_immediate(struct hv_vcpu *vcpu, const struct hv_exit *exit)
{
    uint64_t value;
    if (!hv_read_msr(vcpu, (uint32_t)exit->qualification, &value)) {
        hv_inject_gp(vcpu, 0);
        return HV_RESUME;
    }
    hv_set_gpr(vcpu, exit->instruction_info >> 3 & 15u, value);
    hv_advance(vcpu, exit);
    return HV_RESUME;
}

enum hv_action hv_handle_wrmsr_immediate(struct hv_vcpu *vcpu, const struct hv_exit *exit)
{
    if (hv_write_msr(vcpu, (uint32_t)exit->qualification, hv_gpr(vcpu, exit->instruction_info >> 3 & 15u)))
        hv_advance(vcpu, exit);
    else
        hv_inject_gp(vcpu, 0);
    return HV_RESUME;
}
