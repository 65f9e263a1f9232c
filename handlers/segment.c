/* SPDX-License-Identifier: MIT */
/* Segments: from an offset to a linear address, with the checks that the processor makes. SDM 3A, "Protection". */
#include "../vmx-model/registers.h"
#include "handlers.h"

enum { AR_READ_WRITE = 1u << 1 };

static const struct {
    enum vmcs_field base, limit, rights;
} fields[6] = {
    [VMX_ES] = {VMCS_GUEST_ES_BASE, VMCS_GUEST_ES_LIMIT, VMCS_GUEST_ES_AR_BYTES},
    [VMX_CS] = {VMCS_GUEST_CS_BASE, VMCS_GUEST_CS_LIMIT, VMCS_GUEST_CS_AR_BYTES},
    [VMX_SS] = {VMCS_GUEST_SS_BASE, VMCS_GUEST_SS_LIMIT, VMCS_GUEST_SS_AR_BYTES},
    [VMX_DS] = {VMCS_GUEST_DS_BASE, VMCS_GUEST_DS_LIMIT, VMCS_GUEST_DS_AR_BYTES},
    [VMX_FS] = {VMCS_GUEST_FS_BASE, VMCS_GUEST_FS_LIMIT, VMCS_GUEST_FS_AR_BYTES},
    [VMX_GS] = {VMCS_GUEST_GS_BASE, VMCS_GUEST_GS_LIMIT, VMCS_GUEST_GS_AR_BYTES},
};

static bool segment_fault(unsigned segment, struct hv_fault *fault)
{
    *fault = (struct hv_fault){segment == VMX_SS ? VMX_SS_FAULT : VMX_GP, true, 0, 0};
    return false;
}

static bool within_limit(uint64_t rights, uint32_t limit, uint64_t first, uint32_t size)
{
    const uint64_t last = first + size - 1;
    const bool expand_down = (rights & (VMX_AR_CODE | VMX_AR_EXPAND_DOWN)) == VMX_AR_EXPAND_DOWN;
    if (!expand_down)
        return last <= limit;
    return first > limit && last <= ((rights & VMX_AR_DB) != 0 ? UINT32_MAX : 0xffffu);
}

static bool type_allows(struct hv_vcpu *vcpu, uint64_t rights, enum hv_access access)
{
    if ((hv_read(vcpu, VMCS_GUEST_CR0) & VMX_CR0_PE) == 0 || (hv_read(vcpu, VMCS_GUEST_RFLAGS) & VMX_RFLAGS_VM) != 0)
        return true;
    if ((rights & VMX_AR_UNUSABLE) != 0)
        return false;
    if ((rights & VMX_AR_CODE) != 0)
        return access == HV_ACCESS_FETCH || (access == HV_ACCESS_READ && (rights & AR_READ_WRITE) != 0);
    return access == HV_ACCESS_READ || (access == HV_ACCESS_WRITE && (rights & AR_READ_WRITE) != 0);
}

bool hv_segment_linear(struct hv_vcpu *vcpu, unsigned segment, uint64_t offset, uint32_t size, enum hv_access access, gva_t *linear,
                       struct hv_fault *fault)
{
    const uint64_t base = hv_read(vcpu, fields[segment].base);
    if (hv_in_64bit_mode(vcpu)) {
        *linear = offset + (segment == VMX_FS || segment == VMX_GS ? base : 0);
        return hv_is_canonical(vcpu, *linear) && hv_is_canonical(vcpu, *linear + size - 1) ? true : segment_fault(segment, fault);
    }
    const uint64_t rights = hv_read(vcpu, fields[segment].rights);
    if (!type_allows(vcpu, rights, access) || !within_limit(rights, (uint32_t)hv_read(vcpu, fields[segment].limit), offset, size))
        return segment_fault(segment, fault);
    *linear = (uint32_t)(base + offset);
    return true;
}
