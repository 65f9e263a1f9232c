/* SPDX-License-Identifier: MIT */
/* Guest state that no VMCS field holds. The host uses none of it, so it stays in the processor from exit to entry, and is exchanged only when
   another vCPU becomes current. */
#include "machine.h"
#include "x86.h"

#include "../../vmx-model/controls.h"

#include <string.h>

enum { EFER_LME = 1 << 8, EFER_LMA = 1 << 10, EFER_NXE = 1 << 11, EFER_SCE = 1 << 0 };
static const uint64_t pat_at_reset = UINT64_C(0x0007040600070406);
static const uint64_t dr6_at_reset = UINT64_C(0xffff0ff0);

static const uint32_t switched_msrs[HW_GUEST_MSRS] = {VMX_MSR_STAR,           VMX_MSR_LSTAR,   VMX_MSR_CSTAR, VMX_MSR_FMASK,
                                                      VMX_MSR_KERNEL_GS_BASE, VMX_MSR_TSC_AUX, VMX_MSR_XSS};

/* DR0 to DR3, and DR6 behind them. */
enum { DR6 = 4 };
static uint64_t (*const read_dr[])(void) = {read_dr0, read_dr1, read_dr2, read_dr3, read_dr6};
static void (*const write_dr[])(uint64_t) = {write_dr0, write_dr1, write_dr2, write_dr3, write_dr6};

/* x87, SSE, AVX and PKRU, whatever the guest's XCR0 is: a guest uses SSE without naming it there. Without XSAVE the area has FXSAVE's layout. */
static void save_extended(struct bk_vcpu *vcpu)
{
    const uint64_t all = vcpu->machine->xcr0_all;
    if (all == 0) {
        __asm__ volatile("fxsave64 (%0)" : : "r"(vcpu->extended) : "memory");
        return;
    }
    vcpu->xcr0 = xgetbv();
    (void)xsetbv(all);
    __asm__ volatile("xsave64 (%0)" : : "r"(vcpu->extended), "a"(-1), "d"(-1) : "memory");
}

static void load_extended(struct bk_vcpu *vcpu)
{
    const uint64_t all = vcpu->machine->xcr0_all;
    if (all == 0) {
        __asm__ volatile("fxrstor64 (%0)" : : "r"(vcpu->extended) : "memory");
        return;
    }
    (void)xsetbv(all);
    __asm__ volatile("xrstor64 (%0)" : : "r"(vcpu->extended), "a"(-1), "d"(-1) : "memory");
    (void)xsetbv(vcpu->xcr0);
}

static void load_efer(const struct bk_machine *machine, uint64_t guest)
{
    const uint64_t shared = EFER_SCE | EFER_NXE;
    (void)wrmsr(VMX_MSR_EFER, (machine->host_efer & ~shared) | (guest & shared));
}

static void save_state(struct bk_vcpu *vcpu)
{
    for (unsigned i = 0; i < 4; i++)
        vcpu->dr[i] = read_dr[i]();
    vcpu->dr6 = read_dr6();
    vcpu->cr2 = read_cr2();
    vcpu->pat = msr_or_0(VMX_MSR_PAT);
    vcpu->efer = msr_or_0(VMX_MSR_EFER);
    for (unsigned i = 0; i < HW_GUEST_MSRS; i++)
        vcpu->msr[i] = msr_or_0(switched_msrs[i]);
    save_extended(vcpu);
}

static void load_state(struct bk_vcpu *vcpu)
{
    for (unsigned i = 0; i < 4; i++)
        write_dr[i](vcpu->dr[i]);
    write_dr6(vcpu->dr6);
    write_cr2(vcpu->cr2);
    (void)wrmsr(VMX_MSR_PAT, vcpu->pat);
    load_efer(vcpu->machine, vcpu->efer);
    for (unsigned i = 0; i < HW_GUEST_MSRS; i++)
        (void)wrmsr(switched_msrs[i], vcpu->msr[i]);
    load_extended(vcpu);
}

void hw_make_current(struct bk_vcpu *vcpu)
{
    struct bk_machine *machine = vcpu->machine;
    hw_go_to(machine, vcpu->cpu);
    struct hw_cpu *here = machine->here;
    if (here->current == vcpu)
        return;
    if (here->current != NULL)
        save_state(here->current);
    here->current = vcpu;
    if (vcpu->vmcs != 0)
        (void)vmptrld(vcpu->vmcs);
    load_state(vcpu);
}

void hw_reset_guest_state(struct bk_vcpu *vcpu)
{
    enum {
        FXSAVE_FCW = 0,
        FXSAVE_FTW = 4,
        FXSAVE_MXCSR = 24,
        FCW_AT_RESET = 0x40,
        MXCSR_AT_RESET = 0x1f80,
        XSAVE_XSTATE_BV = 512,
        XSTATE_X87_SSE = 3
    };
    hw_go_to(vcpu->machine, vcpu->cpu);
    struct hw_cpu *here = vcpu->machine->here;
    if (here->current != NULL && here->current != vcpu)
        save_state(here->current);
    here->current = vcpu;
    memset(vcpu->gpr, 0, sizeof vcpu->gpr);
    memset(vcpu->dr, 0, sizeof vcpu->dr);
    memset(vcpu->msr, 0, sizeof vcpu->msr);
    vcpu->dr6 = dr6_at_reset;
    vcpu->cr2 = 0;
    vcpu->xcr0 = 1;
    vcpu->pat = pat_at_reset;
    vcpu->efer = 0;
    memset(vcpu->extended, 0, HW_PAGE);
    vcpu->extended[FXSAVE_FCW] = FCW_AT_RESET;
    vcpu->extended[FXSAVE_FTW] = 0xff; /* no register is empty: all hold +0.0 */
    vcpu->extended[FXSAVE_MXCSR] = MXCSR_AT_RESET & 0xff;
    vcpu->extended[FXSAVE_MXCSR + 1] = MXCSR_AT_RESET >> 8;
    vcpu->extended[XSAVE_XSTATE_BV] = XSTATE_X87_SSE;
    load_state(vcpu);
}

uint64_t bk_debug_register(struct bk_vcpu *vcpu, unsigned number)
{
    hw_make_current(vcpu);
    return read_dr[number < 4 ? number : DR6]();
}

void bk_set_debug_register(struct bk_vcpu *vcpu, unsigned number, uint64_t value)
{
    hw_make_current(vcpu);
    write_dr[number < 4 ? number : DR6](number < 4 ? value : value & UINT32_MAX);
}

uint64_t bk_cr2(struct bk_vcpu *vcpu)
{
    hw_make_current(vcpu);
    return read_cr2();
}

void bk_set_cr2(struct bk_vcpu *vcpu, uint64_t value)
{
    hw_make_current(vcpu);
    write_cr2(value);
}

uint64_t bk_xcr0(struct bk_vcpu *vcpu)
{
    hw_make_current(vcpu);
    return vcpu->machine->xcr0_all != 0 ? xgetbv() : vcpu->xcr0;
}

void bk_set_xcr0(struct bk_vcpu *vcpu, uint64_t value)
{
    hw_make_current(vcpu);
    if (vcpu->machine->xcr0_all == 0)
        vcpu->xcr0 = value;
    else if (!xsetbv(value))
        vcpu->machine->error = "the processor refuses the XCR0 of the guest";
}

static bool vmcs_switches(struct bk_vcpu *vcpu, uint32_t index)
{
    const uint64_t entry = bk_vmread(vcpu, VMCS_VM_ENTRY_CONTROLS);
    return (index == VMX_MSR_PAT && (entry & VMX_ENTRYCTL_LOAD_PAT) != 0) || (index == VMX_MSR_EFER && (entry & VMX_ENTRYCTL_LOAD_EFER) != 0);
}

static bool is_switched(uint32_t index)
{
    for (unsigned i = 0; i < HW_GUEST_MSRS; i++)
        if (switched_msrs[i] == index)
            return true;
    return index == VMX_MSR_PAT || index == VMX_MSR_EFER;
}

bool bk_guest_msr(struct bk_vcpu *vcpu, uint32_t index, uint64_t *value)
{
    hw_make_current(vcpu);
    if (!is_switched(index) || vmcs_switches(vcpu, index) || !rdmsr(index, value))
        return false;
    if (index == VMX_MSR_EFER) {
        const bool ia32e = (bk_vmread(vcpu, VMCS_VM_ENTRY_CONTROLS) & VMX_ENTRYCTL_IA32E_MODE_GUEST) != 0;
        *value = (*value & ~(uint64_t)(EFER_LME | EFER_LMA)) | (ia32e ? EFER_LME | EFER_LMA : 0);
    }
    return true;
}

bool bk_set_guest_msr(struct bk_vcpu *vcpu, uint32_t index, uint64_t value)
{
    hw_make_current(vcpu);
    if (!is_switched(index) || vmcs_switches(vcpu, index))
        return false;
    if (index != VMX_MSR_EFER)
        return wrmsr(index, value);
    load_efer(vcpu->machine, value);
    return true;
}
