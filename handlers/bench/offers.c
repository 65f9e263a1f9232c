/* SPDX-License-Identifier: MIT */
/* What the processor offers, MSR by MSR and CPUID leaf by leaf. SDM 3D, "VMX Capability Reporting Facility"; SDM 2A, "CPUID". */
#include "../../vmx-model/registers.h"
#include "modules.h"
#include "packed.h"

enum { SUBLEAVES = 64, LEAVES_MAX = 64, EXTENDED = 0x80000000u };

/* Where lines go to, and the CRC of what they have told. */
struct offers {
    struct console *console;
    uint32_t sum;
};

static void print_msr(struct offers *offers, uint32_t msr, uint64_t value)
{
    const uint32_t words[] = {msr, (uint32_t)value, (uint32_t)(value >> 32)};
    console_print(offers->console, "profile msr %08x %016lx\n", msr, value);
    offers->sum = bench_crc32(offers->sum, words, sizeof(words));
}

static void print_leaf(struct offers *offers, uint32_t leaf, uint32_t subleaf, const uint32_t r[4])
{
    const uint32_t words[] = {leaf, subleaf, r[0], r[1], r[2], r[3]};
    console_print(offers->console, "profile cpuid %08x %08x %08x %08x %08x %08x\n", leaf, subleaf, r[0], r[1], r[2], r[3]);
    offers->sum = bench_crc32(offers->sum, words, sizeof(words));
}

/* A leaf that has no sub-leaves answers the same for all; one that is absent says nothing, but for its own number. */
static bool is_new(const uint32_t first[4], const uint32_t r[4], uint32_t subleaf)
{
    const bool same = r[0] == first[0] && r[1] == first[1] && r[2] == first[2] && r[3] == first[3];
    return !same && (r[0] != 0 || r[1] != 0 || (r[2] != 0 && (r[2] & 0xff) != subleaf));
}

static void print_leaves(const struct bk_machine *machine, uint32_t from, struct offers *offers)
{
    uint32_t first[4], r[4];
    bk_cpuid(machine, from, 0, first);
    const uint32_t last = first[0] >= from && first[0] - from < LEAVES_MAX ? first[0] : from;
    for (uint32_t leaf = from; leaf <= last; leaf++) {
        bk_cpuid(machine, leaf, 0, first);
        print_leaf(offers, leaf, 0, first);
        for (uint32_t subleaf = 1; subleaf < SUBLEAVES; subleaf++) {
            bk_cpuid(machine, leaf, subleaf, r);
            if (is_new(first, r, subleaf))
                print_leaf(offers, leaf, subleaf, r);
        }
    }
}

void bench_print_offers(const struct bk_machine *machine, struct console *console)
{
    struct offers offers = {.console = console};
    for (uint32_t msr = VMX_MSR_CAPABILITY_FIRST; msr <= VMX_MSR_CAPABILITY_LAST; msr++)
        if (bk_capability(machine, msr) != 0)
            print_msr(&offers, msr, bk_capability(machine, msr));
    print_leaves(machine, 0, &offers);
    print_leaves(machine, EXTENDED, &offers);
    console_print(console, "profile sum %08x\n", offers.sum);
}
