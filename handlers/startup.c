/* SPDX-License-Identifier: MIT */
/* INIT and SIPI, and the stops that belong to whole processors. SDM 3A, "Processor State After Reset" and "Multiple-Processor Management". */
#include "../vmx-model/registers.h"
#include "apic.h"
#include "device_access.h"
#include "handlers.h"

enum { DATA = 0x93, CODE = 0x9b, LDT = 0x82, TSS_BUSY = 0x8b, REAL_LIMIT = 0xffff };
#define CR0_CACHE UINT64_C(0x60000000)

struct field_value {
    enum vmcs_field field;
    uint64_t value;
};

/* What INIT writes; CR0 and CR4 apart. */
static const struct field_value after_init[] = {
    {VMCS_GUEST_RIP, 0xfff0},
    {VMCS_GUEST_RSP, 0},
    {VMCS_GUEST_RFLAGS, VMX_RFLAGS_FIXED_1},
    {VMCS_GUEST_CR3, 0},
    {VMCS_GUEST_DR7, VMX_DR7_FIXED_1},
    {VMCS_GUEST_CS_SELECTOR, 0xf000},
    {VMCS_GUEST_CS_BASE, 0xffff0000u},
    {VMCS_GUEST_GDTR_BASE, 0},
    {VMCS_GUEST_GDTR_LIMIT, REAL_LIMIT},
    {VMCS_GUEST_IDTR_BASE, 0},
    {VMCS_GUEST_IDTR_LIMIT, REAL_LIMIT},
    {VMCS_GUEST_INTERRUPTIBILITY_INFO, 0},
    {VMCS_GUEST_PENDING_DBG_EXCEPTIONS, 0},
};

static const struct {
    enum vmcs_field selector, base, limit, rights;
    uint32_t reset_rights;
} segments[] = {
    {VMCS_GUEST_ES_SELECTOR, VMCS_GUEST_ES_BASE, VMCS_GUEST_ES_LIMIT, VMCS_GUEST_ES_AR_BYTES, DATA},
    {VMCS_GUEST_CS_SELECTOR, VMCS_GUEST_CS_BASE, VMCS_GUEST_CS_LIMIT, VMCS_GUEST_CS_AR_BYTES, CODE},
    {VMCS_GUEST_SS_SELECTOR, VMCS_GUEST_SS_BASE, VMCS_GUEST_SS_LIMIT, VMCS_GUEST_SS_AR_BYTES, DATA},
    {VMCS_GUEST_DS_SELECTOR, VMCS_GUEST_DS_BASE, VMCS_GUEST_DS_LIMIT, VMCS_GUEST_DS_AR_BYTES, DATA},
    {VMCS_GUEST_FS_SELECTOR, VMCS_GUEST_FS_BASE, VMCS_GUEST_FS_LIMIT, VMCS_GUEST_FS_AR_BYTES, DATA},
    {VMCS_GUEST_GS_SELECTOR, VMCS_GUEST_GS_BASE, VMCS_GUEST_GS_LIMIT, VMCS_GUEST_GS_AR_BYTES, DATA},
    {VMCS_GUEST_LDTR_SELECTOR, VMCS_GUEST_LDTR_BASE, VMCS_GUEST_LDTR_LIMIT, VMCS_GUEST_LDTR_AR_BYTES, LDT},
    {VMCS_GUEST_TR_SELECTOR, VMCS_GUEST_TR_BASE, VMCS_GUEST_TR_LIMIT, VMCS_GUEST_TR_AR_BYTES, TSS_BUSY},
};

static void reset_control_registers(struct hv_vcpu *vcpu)
{
    const uint64_t cache_bits = hv_read(vcpu, VMCS_GUEST_CR0) & CR0_CACHE; /* INIT leaves CD and NW alone */
    const uint64_t fixed = bk_capability(vcpu->vm->machine, VMX_MSR_VMX_CR0_FIXED0) & ~(VMX_CR0_PG | VMX_CR0_PE);
    hv_write(vcpu, VMCS_GUEST_CR0, VMX_CR0_ET | cache_bits | fixed);
    hv_write(vcpu, VMCS_CR0_READ_SHADOW, VMX_CR0_ET | cache_bits);
    hv_write(vcpu, VMCS_GUEST_CR4, bk_capability(vcpu->vm->machine, VMX_MSR_VMX_CR4_FIXED0));
    hv_write(vcpu, VMCS_CR4_READ_SHADOW, 0);
    hv_set_efer(vcpu, 0);
    bk_set_cr2(vcpu->bk, 0);
}

static void reset_registers(struct hv_vcpu *vcpu)
{
    uint32_t r[4];
    bk_cpuid(vcpu->vm->machine, 1, 0, r);
    for (unsigned i = 0; i < VMX_GPR_COUNT; i++)
        hv_set_gpr(vcpu, i, i == VMX_RDX ? r[0] : 0);
    for (unsigned i = 0; i < sizeof(segments) / sizeof(segments[0]); i++) {
        hv_write(vcpu, segments[i].selector, 0);
        hv_write(vcpu, segments[i].base, 0);
        hv_write(vcpu, segments[i].limit, REAL_LIMIT);
        hv_write(vcpu, segments[i].rights, segments[i].reset_rights);
    }
    for (unsigned i = 0; i < sizeof(after_init) / sizeof(after_init[0]); i++)
        hv_write(vcpu, after_init[i].field, after_init[i].value);
    for (unsigned i = 0; i < 4; i++)
        bk_set_debug_register(vcpu->bk, i, 0);
    bk_set_debug_register(vcpu->bk, 6, 0xffff0ff0u);
    reset_control_registers(vcpu);
}

enum hv_action hv_handle_init_signal(struct hv_vcpu *vcpu, const struct hv_exit *exit)
{
    if (!hv_secondary_control(vcpu, VMX_SEC_UNRESTRICTED_GUEST))
        return hv_stop(vcpu, "INIT needs \"unrestricted guest\", RIP %lx", exit->rip);
    if ((bk_capability(vcpu->vm->machine, VMX_MSR_VMX_MISC) & VMX_MISC_ACTIVITY_WAIT_SIPI) == 0)
        return hv_stop(vcpu, "INIT: the processor has no wait-for-SIPI activity state, RIP %lx", exit->rip);
    reset_registers(vcpu);
    hv_flush_linear(vcpu, false);
    hv_devices_init_signal(vcpu);
    hv_set_tpr(vcpu, 0);
    vcpu->halted = false;
    vcpu->inject_valid = false;
    hv_write(vcpu, VMCS_GUEST_ACTIVITY_STATE, VMX_WAIT_FOR_SIPI);
    return HV_RESUME;
}

enum hv_action hv_handle_sipi(struct hv_vcpu *vcpu, const struct hv_exit *exit)
{
    const uint64_t vector = exit->qualification & 0xffu;
    hv_write(vcpu, VMCS_GUEST_CS_SELECTOR, vector << 8);
    hv_write(vcpu, VMCS_GUEST_CS_BASE, vector << 12);
    hv_write(vcpu, VMCS_GUEST_RIP, 0);
    hv_write(vcpu, VMCS_GUEST_ACTIVITY_STATE, VMX_ACTIVE);
    return HV_RESUME;
}
