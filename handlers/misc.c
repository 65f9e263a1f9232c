/* SPDX-License-Identifier: MIT */
/* Instructions whose exits need a line or two each. */
#include "../vmx-model/registers.h"
#include "handlers.h"

/* INVD, WBINVD, MONITOR: caches are coherent, and nobody tells what was stored where. */
enum hv_action hv_handle_skip(struct hv_vcpu *vcpu, const struct hv_exit *exit)
{
    hv_advance(vcpu, exit);
    return HV_RESUME;
}

/* PAUSE, MWAIT: the guest waits, often for another virtual CPU, which may be waiting for this one's physical CPU. */
enum hv_action hv_handle_pause(struct hv_vcpu *vcpu, const struct hv_exit *exit)
{
    hv_advance(vcpu, exit);
    bk_yield(vcpu->bk);
    return HV_RESUME;
}

enum hv_action hv_handle_resume(struct hv_vcpu *vcpu, const struct hv_exit *exit)
{
    (void)vcpu;
    (void)exit;
    return HV_RESUME;
}

/* VMCALL marks a place: no services are offered and registers stay as they are. EAX = 0 ends the run where the owner wants that. */
enum hv_action hv_handle_vmcall(struct hv_vcpu *vcpu, const struct hv_exit *exit)
{
    hv_advance(vcpu, exit);
    return vcpu->vm->policy.vmcall_stops && (uint32_t)bk_register(vcpu->bk, VMX_RAX) == 0 ? HV_POWER_OFF : HV_RESUME;
}

enum hv_action hv_handle_invlpg(struct hv_vcpu *vcpu, const struct hv_exit *exit)
{
    hv_flush_address(vcpu, exit->qualification);
    hv_advance(vcpu, exit);
    return HV_RESUME;
}

/* SDM 2A, "INVPCID". Flushes at least what the instruction asks for. */
enum hv_action hv_handle_invpcid(struct hv_vcpu *vcpu, const struct hv_exit *exit)
{
    enum { ONE_ADDRESS, ONE_CONTEXT, ALL, ALL_RETAINING_GLOBALS };
    struct {
        uint64_t pcid, linear;
    } descriptor;
    const uint64_t type_register = hv_gpr(vcpu, exit->instruction_info >> 28);
    const uint64_t type = hv_in_64bit_mode(vcpu) ? type_register : (uint32_t)type_register;
    unsigned segment;
    gva_t linear;
    struct hv_fault fault;
    const uint64_t offset = hv_operand_offset(vcpu, exit, &segment);
    if (!hv_segment_linear(vcpu, segment, offset, sizeof(descriptor), HV_ACCESS_READ, &linear, &fault) ||
        !hv_linear_read(vcpu, linear, &descriptor, sizeof(descriptor), HV_ACCESS_READ, false, &fault)) {
        hv_inject_fault(vcpu, &fault);
        return HV_RESUME;
    }
    const bool needs_pcid = type == ONE_ADDRESS || type == ONE_CONTEXT;
    if (type > ALL_RETAINING_GLOBALS || descriptor.pcid >> 12 != 0 ||
        (needs_pcid && descriptor.pcid != 0 && (hv_visible_cr4(vcpu) & VMX_CR4_PCIDE) == 0) ||
        (type == ONE_ADDRESS && !hv_is_canonical(vcpu, descriptor.linear))) {
        hv_inject_gp(vcpu, 0);
        return HV_RESUME;
    }
    hv_flush_linear(vcpu, type != ALL);
    hv_advance(vcpu, exit);
    return HV_RESUME;
}

/* Single-stepping that nobody asked for (an injected pending MTF VM exit) ends here too. */
enum hv_action hv_handle_monitor_trap_flag(struct hv_vcpu *vcpu, const struct hv_exit *exit)
{
    (void)exit;
    if (vcpu->mtf_steps > 0)
        vcpu->mtf_steps--;
    if (vcpu->mtf_steps == 0)
        hv_change_control(vcpu, VMCS_CPU_BASED_VM_EXEC_CONTROL, VMX_PRI_MONITOR_TRAP_FLAG, false);
    return HV_RESUME;
}

/* SDM 2D, "XSETBV"; SDM 1, "Enabling the XSAVE Feature Set and XSAVE-Enabled Features". */
static bool xcr0_ok(struct hv_vcpu *vcpu, uint64_t value)
{
    enum { X87 = 1u << 0, SSE = 1u << 1, AVX = 1u << 2, MPX = 3u << 3, AVX512 = 7u << 5, AMX = 3u << 17 };
    uint32_t r[4];
    bk_cpuid(vcpu->vm->machine, 0x0d, 0, r);
    if ((value & ~((uint64_t)r[3] << 32 | r[0])) != 0 || (value & X87) == 0)
        return false;
    if ((value & AVX) != 0 && (value & SSE) == 0)
        return false;
    if ((value & MPX) != 0 && (value & MPX) != MPX)
        return false;
    if ((value & AVX512) != 0 && ((value & AVX512) != AVX512 || (value & AVX) == 0))
        return false;
    return (value & AMX) == 0 || (value & AMX) == AMX;
}

enum hv_action hv_handle_xsetbv(struct hv_vcpu *vcpu, const struct hv_exit *exit)
{
    const uint64_t value = hv_edx_eax(vcpu);
    if ((uint32_t)bk_register(vcpu->bk, VMX_RCX) != 0 || !xcr0_ok(vcpu, value)) {
        hv_inject_gp(vcpu, 0);
        return HV_RESUME;
    }
    bk_set_xcr0(vcpu->bk, value);
    hv_advance(vcpu, exit);
    return HV_RESUME;
}

static void set_status_flags(struct hv_vcpu *vcpu, uint64_t flags)
{
    hv_write(vcpu, VMCS_GUEST_RFLAGS, (hv_read(vcpu, VMCS_GUEST_RFLAGS) & ~(uint64_t)VMX_RFLAGS_ARITHMETIC) | flags);
}

/* RDRAND and RDSEED: a fixed sequence (xorshift), so that runs repeat. */
enum hv_action hv_handle_random(struct hv_vcpu *vcpu, const struct hv_exit *exit)
{
    uint64_t x = vcpu->random;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    vcpu->random = x;
    hv_set_gpr_part(vcpu, exit->instruction_info >> 3 & 15u, 2u << (exit->instruction_info >> 11 & 3u), false, x);
    set_status_flags(vcpu, VMX_RFLAGS_CF);
    hv_advance(vcpu, exit);
    return HV_RESUME;
}

/* UMWAIT, TPAUSE: the wait is over at once, before the operating system's time limit (CF = 0). */
enum hv_action hv_handle_user_wait(struct hv_vcpu *vcpu, const struct hv_exit *exit)
{
    set_status_flags(vcpu, 0);
    return hv_handle_pause(vcpu, exit);
}

enum hv_action hv_handle_notify(struct hv_vcpu *vcpu, const struct hv_exit *exit)
{
    enum { CONTEXT_INVALID = 1u << 0, NMI_UNBLOCKING = 1u << 12 };
    if ((exit->qualification & CONTEXT_INVALID) != 0)
        return hv_stop(vcpu, "instruction timeout: the VM context is not valid any more, RIP %lx", exit->rip);
    if ((exit->qualification & NMI_UNBLOCKING) != 0)
        hv_restore_nmi_blocking(vcpu, exit);
    return HV_RESUME;
}
