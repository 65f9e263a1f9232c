/* SPDX-License-Identifier: MIT */
/* Instructions and state that a processor has or lacks by CPUID. SDM 2, "CPUID - CPU Identification". */
#ifndef VMX_FEATURES_H
#define VMX_FEATURES_H

#include <stdbool.h>

#include "caps.h"

enum vmx_feature {
    VMX_FEATURE_MONITOR,
    VMX_FEATURE_PCID,
    VMX_FEATURE_X2APIC,
    VMX_FEATURE_XSAVE,
    VMX_FEATURE_RDRAND,
    VMX_FEATURE_INVPCID,
    VMX_FEATURE_MPX,
    VMX_FEATURE_RDSEED,
    VMX_FEATURE_PROCESSOR_TRACE,
    VMX_FEATURE_WAITPKG,
    VMX_FEATURE_SHADOW_STACKS,
    VMX_FEATURE_RDPID,
    VMX_FEATURE_PKS,
    VMX_FEATURE_PCONFIG,
    VMX_FEATURE_ARCH_LBR,
    VMX_FEATURE_INDIRECT_BRANCH_TRACKING,
    VMX_FEATURE_XSAVEOPT,
    VMX_FEATURE_XSAVEC,
    VMX_FEATURE_XGETBV_ECX1,
    VMX_FEATURE_XSAVES,
    VMX_FEATURE_ENCLV,
    VMX_FEATURE_RDTSCP,
    VMX_FEATURE_WBNOINVD,
    VMX_FEATURE_COUNT
};

bool vmx_has(const struct vmx_caps *caps, enum vmx_feature feature);

#endif
