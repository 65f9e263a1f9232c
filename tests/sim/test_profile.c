/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CPU profiles from files: every profile of the model comes back as it was, and what is no profile is named. */
#include "../../sim/profile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../handlers/bench/packed.h"
#include "../support/suite.h"

enum { CAPABILITIES_FIRST = 0x480, CAPABILITIES_LAST = 0x493 };

static char path[] = "/tmp/vmxbench-profile-XXXXXX";

/* As the image writes it, amid other lines. */
static void write_profile(const struct vmx_caps *caps)
{
    FILE *to = fopen(path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(to);
    uint32_t sum = 0;
    fputs("vmxbench-hw 1\n", to);
    for (uint32_t msr = CAPABILITIES_FIRST; msr <= CAPABILITIES_LAST; msr++) {
        uint64_t value;
        if (!vmx_capability_msr(caps, msr, &value))
            continue;
        const uint32_t words[] = {msr, (uint32_t)value, (uint32_t)(value >> 32)};
        fprintf(to, "profile msr %08x %016llx\n", msr, (unsigned long long)value);
        sum = bench_crc32(sum, words, sizeof words);
    }
    for (unsigned i = 0; i < caps->cpuid_count; i++) {
        const struct vmx_cpuid_entry *e = &caps->cpuid[i];
        const uint32_t set_by_image = e->leaf == 1 ? 1u << 27 : 0;
        const uint32_t words[] = {e->leaf, e->subleaf, e->eax, e->ebx, e->ecx | set_by_image, e->edx};
        fprintf(to, "profile cpuid %08x %08x %08x %08x %08x %08x\n", words[0], words[1], words[2], words[3], words[4], words[5]);
        sum = bench_crc32(sum, words, sizeof words);
    }
    fprintf(to, "profile sum %08x\nbegin 0\n", sum);
    fclose(to);
}

static void write_text(const char *text)
{
    FILE *to = fopen(path, "w");
    CU_ASSERT_PTR_NOT_NULL_FATAL(to);
    fputs(text, to);
    fclose(to);
}

static bool same_capabilities(const struct vmx_caps *a, const struct vmx_caps *b)
{
    for (uint32_t msr = CAPABILITIES_FIRST; msr <= CAPABILITIES_LAST; msr++) {
        uint64_t left = 0, right = 0;
        if (vmx_capability_msr(a, msr, &left) != vmx_capability_msr(b, msr, &right) || left != right)
            return false;
    }
    return a->physical_bits == b->physical_bits && a->linear_bits == b->linear_bits && a->efer_valid == b->efer_valid &&
           a->debugctl_valid == b->debugctl_valid && a->perf_global_valid == b->perf_global_valid;
}

static bool same_cpuid(const struct vmx_caps *a, const struct vmx_caps *b)
{
    for (unsigned i = 0; i < a->cpuid_count; i++) {
        uint32_t left[4], right[4];
        const struct vmx_cpuid_entry *e = &a->cpuid[i];
        vmx_cpuid(a, e->leaf, e->subleaf, left);
        vmx_cpuid(b, e->leaf, e->subleaf, right);
        if (e->leaf == 0xb)
            left[3] = 0;
        if (memcmp(left, right, sizeof left) != 0)
            return false;
    }
    return true;
}

static void measured_profiles_are_what_they_were(void)
{
    const int file = mkstemp(path);
    CU_ASSERT_FATAL(file >= 0);
    close(file);
    for (unsigned i = 0; i < vmx_profile_count; i++) {
        struct sim_error error;
        write_profile(&vmx_profiles[i]);
        CU_ASSERT_FATAL(sim_profile_read(path, &error));
        const struct vmx_caps *caps = sim_profile(path);
        CU_ASSERT_PTR_NOT_NULL_FATAL(caps);
        CU_ASSERT_STRING_EQUAL(caps->name, strrchr(path, '/') + 1);
        CU_ASSERT(same_capabilities(&vmx_profiles[i], caps));
        CU_ASSERT(same_cpuid(&vmx_profiles[i], caps));
        CU_ASSERT_PTR_EQUAL(sim_profile(vmx_profiles[i].name), &vmx_profiles[i]);
    }
    CU_ASSERT_PTR_NULL(sim_profile("none"));
}

static void what_is_no_profile_is_named(void)
{
    static const struct {
        const char *text, *message;
        unsigned line;
    } rows[] = {
        {"", "no profile: it has no lines", 0},
        {"hello\n", "no profile: it has no lines", 0},
        {"profile msr 00000480 00d8100000000004\nprofile sum 7a463890\n", "capability MSRs 480H to 48AH are wanted", 0},
        {"profile msr 00000480 00d8100000000004\n", "it ends with the line \"profile sum\"", 0},
        {"profile msr 00000480 00d8100000000005\nprofile sum 7a463890\n", "do not add up to it", 2},
        {"profile sum x\n", "a line of a profile is", 1},
        {"\nprofile msr 00000300 0\n", "a line of a profile is", 2},
        {"profile cpuid 1 2 3\n", "a line of a profile is", 1},
        {"profile msr x\n", "a line of a profile is", 1},
    };
    struct sim_error error;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        write_text(rows[i].text);
        CU_ASSERT_FALSE(sim_profile_read(path, &error));
        CU_ASSERT_PTR_NOT_NULL(strstr(error.message, rows[i].message));
        CU_ASSERT_EQUAL(error.line, rows[i].line);
        CU_ASSERT_STRING_EQUAL(error.file, path);
    }
    (void)unlink(path);
    CU_ASSERT_FALSE(sim_profile_read(path, &error));
    CU_ASSERT_STRING_EQUAL(error.message, "No such file or directory");
}

SUITE("sim/profile", {"measured_profiles_are_what_they_were", measured_profiles_are_what_they_were},
      {"what_is_no_profile_is_named", what_is_no_profile_is_named})
