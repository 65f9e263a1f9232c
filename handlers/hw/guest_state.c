/* SPDX-License-Identifier: MIT */
/* Guest state that no VMCS field holds. The host uses none of it, so it stays in the processor from exit to entry, and is exchanged only when
   another vCPU becomes current. */
#include "machine.h"
#include "x86.h"

#include "../../vmx-model/controls.h"

#include <string.h>

static const struct {
    uint64_t (*read)(void);
    void (*write)(uint64_t value);
    uint64_t at_reset;
} registers[HW_GUEST_REGISTERS] = {{read_dr0, write_dr0, 0}, {read_dr1, write_dr1, 0},          {read_dr2, write_dr2, 0},
                                   {read_dr3, write_dr3, 0}, {read_dr6, write_dr6, 0xffff0ff0}, {read_cr2, write_cr2, 0}};
enum { DR6 = 4 };

static const struct {
    uint32_t index;
    uint64_t at_reset;
} msrs[HW_GUEST_MSRS] = {{VMX_MSR_PAT, UINT64_C(0x0007040600070406)},
                         {VMX_MSR_EFER, 0},
                         {VMX_MSR_STAR, 0},
                         {VMX_MSR_LSTAR, 0},
                         {VMX_MSR_CSTAR, 0},
                         {VMX_MSR_FMASK, 0},
                         {VMX_MSR_KERNEL_GS_BASE, 0},
                         {VMX_MSR_TSC_AUX, 0},
                         {VMX_MSR_XSS, 0},
                         {VMX_MSR_PASID, 0}};

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

/* Of EFER the host keeps what it needs itself. */
static bool write_msr(const struct bk_machine *machine, uint32_t index, uint64_t value)
{
    const uint64_t guests = index == VMX_MSR_EFER ? VMX_EFER_SCE | VMX_EFER_NXE : UINT64_MAX;
    return wrmsr(index, (machine->host_efer & ~guests) | (value & guests));
}

static void save_state(struct bk_vcpu *vcpu)
{
    for (unsigned i = 0; i < HW_GUEST_REGISTERS; i++)
        vcpu->reg[i] = registers[i].read();
    for (unsigned i = 0; i < HW_GUEST_MSRS; i++)
        vcpu->msr[i] = msr_or_0(msrs[i].index);
    save_extended(vcpu);
}

static void load_state(struct bk_vcpu *vcpu)
{
    for (unsigned i = 0; i < HW_GUEST_REGISTERS; i++)
        registers[i].write(vcpu->reg[i]);
    for (unsigned i = 0; i < HW_GUEST_MSRS; i++)
        (void)write_msr(vcpu->machine, msrs[i].index, vcpu->msr[i]);
    load_extended(vcpu);
}

/* Whose state is in the processor from now on. */
static void take_place(struct bk_vcpu *vcpu)
{
    struct hw_cpu *here = vcpu->machine->here;
    if (here->current != NULL && here->current != vcpu)
        save_state(here->current);
    here->current = vcpu;
}

void hw_make_current(struct bk_vcpu *vcpu)
{
    hw_go_to(vcpu->machine, vcpu->cpu);
    if (vcpu->machine->here->current == vcpu)
        return;
    take_place(vcpu);
    if (vcpu->vmcs != 0)
        (void)vmptrld(vcpu->vmcs);
    load_state(vcpu);
}

void hw_reset_guest_state(struct bk_vcpu *vcpu)
{
    enum { FXSAVE_FCW = 0, FXSAVE_FTW = 4, FXSAVE_MXCSR = 24, XSAVE_XSTATE_BV = 512, XSTATE_X87_SSE = 3 };
    static const uint8_t fcw_at_reset[] = {0x40, 0}, mxcsr_at_reset[] = {0x80, 0x1f};
    hw_go_to(vcpu->machine, vcpu->cpu);
    take_place(vcpu);
    memset(vcpu->gpr, 0, sizeof vcpu->gpr);
    for (unsigned i = 0; i < HW_GUEST_REGISTERS; i++)
        vcpu->reg[i] = registers[i].at_reset;
    for (unsigned i = 0; i < HW_GUEST_MSRS; i++)
        vcpu->msr[i] = msrs[i].at_reset;
    vcpu->xcr0 = 1;
    memset(vcpu->extended, 0, HW_PAGE);
    memcpy(vcpu->extended + FXSAVE_FCW, fcw_at_reset, sizeof fcw_at_reset);
    vcpu->extended[FXSAVE_FTW] = 0xff; /* no register is empty: all hold +0.0 */
    memcpy(vcpu->extended + FXSAVE_MXCSR, mxcsr_at_reset, sizeof mxcsr_at_reset);
    vcpu->extended[XSAVE_XSTATE_BV] = XSTATE_X87_SSE;
    load_state(vcpu);
}

uint64_t bk_debug_register(struct bk_vcpu *vcpu, unsigned number)
{
    hw_make_current(vcpu);
    return registers[number < 4 ? number : DR6].read();
}

void bk_set_debug_register(struct bk_vcpu *vcpu, unsigned number, uint64_t value)
{
    hw_make_current(vcpu);
    registers[number < 4 ? number : DR6].write(number < 4 ? value : value & UINT32_MAX);
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

/* An MSR that stays in the processor and that no VMCS control switches. */
static bool is_switched_here(struct bk_vcpu *vcpu, uint32_t index)
{
    const uint64_t entry = bk_vmread(vcpu, VMCS_VM_ENTRY_CONTROLS);
    if ((index == VMX_MSR_PAT && (entry & VMX_ENTRYCTL_LOAD_PAT) != 0) || (index == VMX_MSR_EFER && (entry & VMX_ENTRYCTL_LOAD_EFER) != 0))
        return false;
    for (unsigned i = 0; i < HW_GUEST_MSRS; i++)
        if (msrs[i].index == index)
            return true;
    return false;
}

bool bk_guest_msr(struct bk_vcpu *vcpu, uint32_t index, uint64_t *value)
{
    if (!is_switched_here(vcpu, index) || !rdmsr(index, value))
        return false;
    if (index == VMX_MSR_EFER) {
        const bool ia32e = (bk_vmread(vcpu, VMCS_VM_ENTRY_CONTROLS) & VMX_ENTRYCTL_IA32E_MODE_GUEST) != 0;
        *value = (*value & ~(VMX_EFER_LME | VMX_EFER_LMA)) | (ia32e ? VMX_EFER_LME | VMX_EFER_LMA : 0);
    }
    return true;
}

bool bk_set_guest_msr(struct bk_vcpu *vcpu, uint32_t index, uint64_t value)
{
    return is_switched_here(vcpu, index) && write_msr(vcpu->machine, index, value);
}
