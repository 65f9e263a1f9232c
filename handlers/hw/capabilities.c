/* SPDX-License-Identifier: MIT */
/* What the processor offers, as lines that `vmxbench run --profile` reads: every VMX capability MSR and CPUID leaf. SDM 3D, "VMX Capability Reporting
   Facility"; SDM 2A, "CPUID". */
#include "console.h"
#include "machine.h"
#include "x86.h"

enum { SUBLEAVES = 64, LEAVES_MAX = 64, EXTENDED = 0x80000000u };

static void print_leaf(uint32_t leaf, uint32_t subleaf, const uint32_t r[4])
{
    console_print("profile cpuid %08x %08x %08x %08x %08x %08x\n", leaf, subleaf, r[0], r[1], r[2], r[3]);
}

/* A leaf that has no sub-leaves answers the same for all; one that is absent says nothing, but for its own number. */
static bool is_new(const uint32_t first[4], const uint32_t r[4], uint32_t subleaf)
{
    const bool same = r[0] == first[0] && r[1] == first[1] && r[2] == first[2] && r[3] == first[3];
    return !same && (r[0] != 0 || r[1] != 0 || (r[2] != 0 && (r[2] & 0xff) != subleaf));
}

static void print_leaves(uint32_t from)
{
    uint32_t first[4], r[4];
    cpuid(from, 0, first);
    const uint32_t last = first[0] >= from && first[0] - from < LEAVES_MAX ? first[0] : from;
    for (uint32_t leaf = from; leaf <= last; leaf++) {
        cpuid(leaf, 0, first);
        print_leaf(leaf, 0, first);
        for (uint32_t subleaf = 1; subleaf < SUBLEAVES; subleaf++) {
            cpuid(leaf, subleaf, r);
            if (is_new(first, r, subleaf))
                print_leaf(leaf, subleaf, r);
        }
    }
}

void hw_print_capabilities(void)
{
    for (uint32_t msr = VMX_MSR_VMX_BASIC; msr <= VMX_MSR_VMX_EXIT2; msr++) {
        uint64_t value;
        if (rdmsr(msr, &value))
            console_print("profile msr %08x %016lx\n", msr, value);
    }
    print_leaves(0);
    print_leaves(EXTENDED);
}
