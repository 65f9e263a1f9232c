/* SPDX-License-Identifier: MIT */
/* MOV DR. The exit comes before every fault of the instruction, so the faults are raised here. SDM 3B, "Debug Registers". */
#include "../vmx-model/registers.h"
#include "handlers.h"

enum { DR6_BD = 1u << 13, DR6_WRITABLE = 0xe00f, DR7_WRITABLE_LOW = 0x2fff };
static const uint64_t dr6_fixed_1 = 0xffff0ff0u, dr7_writable = 0xffff0000u | DR7_WRITABLE_LOW;

static uint64_t read_dr(struct hv_vcpu *vcpu, unsigned dr)
{
    return dr == 7 ? hv_read(vcpu, VMCS_GUEST_DR7) : bk_debug_register(vcpu->bk, dr);
}

static void write_dr(struct hv_vcpu *vcpu, unsigned dr, uint64_t value)
{
    if (dr == 7)
        hv_write(vcpu, VMCS_GUEST_DR7, (value & dr7_writable & ~(uint64_t)(1u << 11)) | VMX_DR7_FIXED_1);
    else
        bk_set_debug_register(vcpu->bk, dr, dr == 6 ? (value & DR6_WRITABLE) | dr6_fixed_1 : value);
}

/* General detect: DR6.BD is set and the handler finds DR7.GD = 0. */
static void general_detect(struct hv_vcpu *vcpu)
{
    bk_set_debug_register(vcpu->bk, 6, bk_debug_register(vcpu->bk, 6) | DR6_BD);
    hv_change_control(vcpu, VMCS_GUEST_DR7, VMX_DR7_GD, false);
    hv_inject_exception(vcpu, VMX_DB, false, 0);
}

enum hv_action hv_handle_dr_access(struct hv_vcpu *vcpu, const struct hv_exit *exit)
{
    unsigned dr = exit->dr.dr;
    if ((dr == 4 || dr == 5) && (hv_visible_cr4(vcpu) & VMX_CR4_DE) != 0) {
        hv_inject_ud(vcpu);
        return HV_RESUME;
    }
    if (hv_cpl(vcpu) != 0) {
        hv_inject_gp(vcpu, 0);
        return HV_RESUME;
    }
    if ((hv_read(vcpu, VMCS_GUEST_DR7) & VMX_DR7_GD) != 0) {
        general_detect(vcpu);
        return HV_RESUME;
    }
    if (dr == 4 || dr == 5)
        dr += 2;
    const bool wide = hv_in_64bit_mode(vcpu);
    if (exit->dr.from) {
        const uint64_t value = read_dr(vcpu, dr);
        hv_set_gpr(vcpu, exit->dr.gpr, wide ? value : (uint32_t)value);
    } else {
        const uint64_t value = hv_gpr(vcpu, exit->dr.gpr);
        if (wide && dr >= 6 && value >> 32 != 0) {
            hv_inject_gp(vcpu, 0);
            return HV_RESUME;
        }
        write_dr(vcpu, dr, wide ? value : (uint32_t)value);
    }
    hv_advance(vcpu, exit);
    return HV_RESUME;
}
