/* SPDX-License-Identifier: MIT */
/* Checks on one entry of the VM-entry MSR-load list. SDM 3C, "Loading MSRs". */
#include "checks.h"

#include "msr.h"

enum vmx_check vmx_check_msr_load(const struct vmx_cpu *cpu, uint32_t index, uint32_t reserved, uint64_t value)
{
    if (index == VMX_MSR_FS_BASE)
        return VMX_CHECK_MSRLOAD_FS_BASE;
    if (index == VMX_MSR_GS_BASE)
        return VMX_CHECK_MSRLOAD_GS_BASE;
    if (index >= VMX_MSR_X2APIC_FIRST && index <= VMX_MSR_X2APIC_LAST)
        return VMX_CHECK_MSRLOAD_X2APIC;
    if (index == VMX_MSR_SMM_MONITOR_CTL && !cpu->smm)
        return VMX_CHECK_MSRLOAD_SMM;
    if (index == VMX_MSR_BIOS_UPDT_TRIG || index == VMX_MSR_BIOS_SIGN_ID)
        return VMX_CHECK_MSRLOAD_MODEL;
    if (reserved != 0)
        return VMX_CHECK_MSRLOAD_RESERVED;
    return vmx_msr_write_faults(cpu, index, value) ? VMX_CHECK_MSRLOAD_WRMSR_GP : VMX_CHECK_NONE;
}
