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
} registers[HW_GUEST_REGISTERS] = {{read_dr0, write_dr0}, {read_dr1, write_dr1}, {read_dr2, write_dr2},
                                   {read_dr3, write_dr3}, {read_dr6, write_dr6}, {read_cr2, write_cr2}};
enum { DR6 = 4 };
static const uint32_t msrs[BK_GUEST_MSR_COUNT] = BK_GUEST_MSRS;

/* x87, SSE, AVX and PKRU, whatever the guest's XCR0 is: a guest uses SSE without naming it there. Without XSAVE the area has FXSAVE's layout. */
static void save_extended(struct bk_vcpu *vcpu)
{
    const uint64_t all = vcpu->machine->xcr0_all;
    if (all != 0) {
        vcpu->xcr0 = xgetbv();
        (void)xsetbv(0, all);
        __asm__ volatile("xsave64 (%0)" : : "r"(vcpu->extended), "a"(-1), "d"(-1) : "memory");
    } else {
        __asm__ volatile("fxsave64 (%0)" : : "r"(vcpu->extended) : "memory");
    }
}

static void load_extended(struct bk_vcpu *vcpu)
{
    const uint64_t all = vcpu->machine->xcr0_all;
    if (all != 0) {
        (void)xsetbv(0, all);
        __asm__ volatile("xrstor64 (%0)" : : "r"(vcpu->extended), "a"(-1), "d"(-1) : "memory");
        (void)xsetbv(0, vcpu->xcr0);
    } else {
        __asm__ volatile("fxrstor64 (%0)" : : "r"(vcpu->extended) : "memory");
    }
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
    for (unsigned i = 0; i < BK_GUEST_MSR_COUNT; i++)
        vcpu->msr[i] = msr_or_0(msrs[i]);
    save_extended(vcpu);
}

static void load_state(struct bk_vcpu *vcpu)
{
    for (unsigned i = 0; i < HW_GUEST_REGISTERS; i++)
        registers[i].write(vcpu->reg[i]);
    for (unsigned i = 0; i < BK_GUEST_MSR_COUNT; i++)
        (void)write_msr(vcpu->machine, msrs[i], vcpu->msr[i]);
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
    /* FCW; FTW: no register is empty, all hold +0.0; MXCSR; XSTATE_BV: x87 and SSE state */
    static const uint8_t at_reset[] = {[0] = 0x40, [4] = 0xff, [24] = 0x80, [25] = 0x1f, [512] = 3};
    hw_go_to(vcpu->machine, vcpu->cpu);
    take_place(vcpu);
    for (unsigned i = 0; i < BK_GUEST_MSR_COUNT; i++)
        (void)write_msr(vcpu->machine, msrs[i], msrs[i] == VMX_MSR_PAT ? vcpu->machine->host_pat : 0);
    vcpu->xcr0 = 1;
    memset(vcpu->extended, 0, HW_PAGE);
    memcpy(vcpu->extended, at_reset, sizeof at_reset);
    load_extended(vcpu);
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
    else if (!xsetbv(0, value))
        vcpu->machine->error = "the processor refuses the XCR0 of the guest";
}

/* An MSR that stays in the processor and that no VMCS control switches. */
static bool is_switched_here(struct bk_vcpu *vcpu, uint32_t index)
{
    const uint64_t entry = bk_vmread(vcpu, VMCS_VM_ENTRY_CONTROLS);
    if ((index == VMX_MSR_PAT && (entry & VMX_ENTRYCTL_LOAD_PAT) != 0) || (index == VMX_MSR_EFER && (entry & VMX_ENTRYCTL_LOAD_EFER) != 0))
        return false;
    for (unsigned i = 0; i < BK_GUEST_MSR_COUNT; i++)
        if (msrs[i] == index)
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
