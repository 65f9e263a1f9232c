/* SPDX-License-Identifier: MIT */
/* What a processor offers: the VMX capability MSRs and the sizes that checks need, derived from a named CPU profile.
   SDM 3D, "VMX Capability Reporting Facility". */
#ifndef VMX_CAPS_H
#define VMX_CAPS_H

#include <stdbool.h>
#include <stdint.h>

struct vmx_allowed {
    uint32_t must_be_1; /* low half of the capability MSR: allowed 0-settings */
    uint32_t may_be_1;  /* high half: allowed 1-settings */
};

struct vmx_cpuid_entry {
    uint32_t leaf, subleaf, eax, ebx, ecx, edx;
};

struct vmx_caps {
    const char *name;        /* profile, "skylake-sp" */
    const char *description; /* "Intel Xeon Scalable (Skylake-SP)" */
    uint64_t basic, misc, cr0_fixed0, cr0_fixed1, cr4_fixed0, cr4_fixed1, vmcs_enum, ept_vpid, vmfunc;
    struct vmx_allowed pin, primary, secondary, exit, entry;                      /* the TRUE MSRs where basic[55] = 1 */
    struct vmx_allowed pin_default, primary_default, exit_default, entry_default; /* MSRs 481H to 484H */
    uint64_t tertiary, exit2;                                                     /* allowed 1-settings, 64 bits */
    unsigned physical_bits, linear_bits;                                          /* MAXPHYADDR; 48 or 57 */
    uint64_t efer_valid, debugctl_valid, perf_global_valid, spec_ctrl_valid;      /* bits that may be 1 */
    bool sgx, rtm, bus_lock_db, nmi_sti_blocks;                                   /* nmi_sti_blocks: NMI injection is refused under blocking by STI */
    const struct vmx_cpuid_entry *cpuid;
    unsigned cpuid_count;
};

/* The profiles in order of age, for listings. */
extern const struct vmx_caps vmx_profiles[];
extern const unsigned vmx_profile_count;

/* The profile of that name (case-insensitive), also without what follows the dash ("skylake") where one profile alone begins so; NULL when there is none. */
const struct vmx_caps *vmx_profile(const char *name);
/* The profile that scenarios use when they name none. */
const struct vmx_caps *vmx_default_profile(void);
/* The profile that offers most. */
const struct vmx_caps *vmx_richest_profile(void);

/* Value of a VMX capability MSR, 480H to 493H; false when this processor has no such MSR (RDMSR gives #GP). */
bool vmx_capability_msr(const struct vmx_caps *caps, uint32_t index, uint64_t *value);

/* The other way round, for a processor that was measured: takes a value of 480H to 493H. False: there is no such MSR. */
bool vmx_set_capability_msr(struct vmx_caps *caps, uint32_t index, uint64_t value);
/* Fills in what follows from capability MSRs and CPUID, which are there already. */
void vmx_complete_caps(struct vmx_caps *caps);

/* CPUID of the processor; a leaf beyond the highest gives the data of the highest basic leaf, as the SDM says. Bits that follow the state of the
   processor (OSXSAVE, OSPKE, the XSAVE size for XCR0) are those after reset: see vmx_cpu_cpuid(). APIC identifiers are 0. */
void vmx_cpuid(const struct vmx_caps *caps, uint32_t leaf, uint32_t subleaf, uint32_t out[4]);

#endif
