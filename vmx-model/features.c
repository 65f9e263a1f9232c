/* SPDX-License-Identifier: MIT */
/* Which CPUID bit names which feature. SDM 2, "CPUID - CPU Identification". */
#include "features.h"

enum { EAX, EBX, ECX, EDX };

static const struct {
    uint32_t leaf, subleaf;
    uint8_t output, bit;
} bits[VMX_FEATURE_COUNT] = {
    [VMX_FEATURE_MONITOR] = {1, 0, ECX, 3},
    [VMX_FEATURE_PCID] = {1, 0, ECX, 17},
    [VMX_FEATURE_X2APIC] = {1, 0, ECX, 21},
    [VMX_FEATURE_XSAVE] = {1, 0, ECX, 26},
    [VMX_FEATURE_RDRAND] = {1, 0, ECX, 30},
    [VMX_FEATURE_INVPCID] = {7, 0, EBX, 10},
    [VMX_FEATURE_MPX] = {7, 0, EBX, 14},
    [VMX_FEATURE_RDSEED] = {7, 0, EBX, 18},
    [VMX_FEATURE_PROCESSOR_TRACE] = {7, 0, EBX, 25},
    [VMX_FEATURE_WAITPKG] = {7, 0, ECX, 5},
    [VMX_FEATURE_SHADOW_STACKS] = {7, 0, ECX, 7},
    [VMX_FEATURE_RDPID] = {7, 0, ECX, 22},
    [VMX_FEATURE_PKS] = {7, 0, ECX, 31},
    [VMX_FEATURE_PCONFIG] = {7, 0, EDX, 18},
    [VMX_FEATURE_ARCH_LBR] = {7, 0, EDX, 19},
    [VMX_FEATURE_INDIRECT_BRANCH_TRACKING] = {7, 0, EDX, 20},
    [VMX_FEATURE_XSAVEOPT] = {0xd, 1, EAX, 0},
    [VMX_FEATURE_XSAVEC] = {0xd, 1, EAX, 1},
    [VMX_FEATURE_XGETBV_ECX1] = {0xd, 1, EAX, 2},
    [VMX_FEATURE_XSAVES] = {0xd, 1, EAX, 3},
    [VMX_FEATURE_ENCLV] = {0x12, 0, EAX, 5},
    [VMX_FEATURE_RDTSCP] = {0x80000001, 0, EDX, 27},
    [VMX_FEATURE_WBNOINVD] = {0x80000008, 0, EBX, 9},
};

bool vmx_has(const struct vmx_caps *caps, enum vmx_feature feature)
{
    uint32_t out[4];
    const uint32_t leaf = bits[feature].leaf;
    vmx_cpuid(caps, leaf & 0x80000000u, 0, out); /* a leaf beyond the highest would answer with another's data */
    if (leaf > out[EAX])
        return false;
    vmx_cpuid(caps, leaf, bits[feature].subleaf, out);
    return (out[bits[feature].output] >> bits[feature].bit & 1u) != 0;
}
