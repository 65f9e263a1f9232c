/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names compare as people type them. */
#include "tests/support/suite.h"
#include "vmx-model/names.h"

static void case_and_separators_do_not_matter(void)
{
    CU_ASSERT(vmx_name_equal("use I/O bitmaps", "use_io_bitmaps"));
    CU_ASSERT(vmx_name_equal("IA-32e mode guest", "ia32e_mode_guest"));
    CU_ASSERT(vmx_name_equal("CTL.PIN.ALLOWED0", "ctl-pin-allowed0"));
    CU_ASSERT(vmx_name_equal("", "_"));
}

static void different_names_stay_different(void)
{
    CU_ASSERT(!vmx_name_equal("CPUID", "CPUIDX"));
    CU_ASSERT(!vmx_name_equal("CPUIDX", "CPUID"));
    CU_ASSERT(!vmx_name_equal("RDMSR", "WRMSR"));
    CU_ASSERT(!vmx_name_equal("", "A"));
}

static void a_prefix_is_taken_off_once_and_whole(void)
{
    CU_ASSERT_STRING_EQUAL(vmx_name_after_prefix("exit_reason_CPUID", "EXIT_REASON_"), "CPUID");
    CU_ASSERT_STRING_EQUAL(vmx_name_after_prefix("EXIT_CPUID", "EXIT_REASON_"), "EXIT_CPUID");
    CU_ASSERT_STRING_EQUAL(vmx_name_after_prefix("", "X"), "");
}

static void distance_counts_edits(void)
{
    static const struct {
        const char *a, *b;
        unsigned distance;
    } cases[] = {
        {"", "", 0},
        {"CPUID", "cpuid", 0},
        {"a-b", "a_b", 0},
        {"CPUID", "CPUD", 1},
        {"CPUD", "CPUID", 1},
        {"CPUID", "CPUOD", 1},
        {"RDMSR", "RDSMR", 1},
        {"RDMSR", "WRMSR", 2},
        {"", "abc", 3},
        {"abc", "", 3},
        {"kitten", "sitting", 3},
        {"hlt", "halt", 1},
        {"resaons", "reasons", 1},
        {"HLT", "INVLPG", 5},
        {"ab", "ba", 1},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        CU_ASSERT_EQUAL(vmx_name_distance(cases[i].a, cases[i].b), cases[i].distance);
        CU_ASSERT_EQUAL(vmx_name_distance(cases[i].b, cases[i].a), cases[i].distance);
    }
}

static void long_names_are_far(void)
{
    static const char fits[] = "0123456789012345678901234567890123456789012345678901234567890ab";
    static const char too_long[] = "0123456789012345678901234567890123456789012345678901234567890abc";
    CU_ASSERT_EQUAL(sizeof fits - 1, 63);
    CU_ASSERT_EQUAL(vmx_name_distance(fits, fits), 0);
    CU_ASSERT_EQUAL(vmx_name_distance(fits, ""), 63);
    CU_ASSERT_EQUAL(vmx_name_distance(too_long, too_long), 64);
    CU_ASSERT_EQUAL(vmx_name_distance("x", too_long), 64);
}

static void near_is_alike_in_more_than_half(void)
{
    static const struct {
        const char *typed, *name;
        bool is_near;
    } rows[] = {{"foo", "boot", false}, {"graf", "graph", true}, {"stta", "stat", true},     {"runs", "tune", false}, {"", "", false},
                {"a", "b", false},      {"cr0", "cr4", true},    {"lentgh", "length", true}, {"pin", "exit", false}};
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++)
        CU_ASSERT_EQUAL(vmx_name_is_near(vmx_name_distance(rows[i].typed, rows[i].name), rows[i].typed, rows[i].name), rows[i].is_near);
    CU_ASSERT(vmx_name_is_near(3, "abcdefgh", "12345678"));
    CU_ASSERT(!vmx_name_is_near(4, "abcdefgh", "12345678abcdefgh"));
}

SUITE("vmx-model/names", {"case_and_separators_do_not_matter", case_and_separators_do_not_matter},
      {"different_names_stay_different", different_names_stay_different},
      {"a_prefix_is_taken_off_once_and_whole", a_prefix_is_taken_off_once_and_whole}, {"distance_counts_edits", distance_counts_edits},
      {"near_is_alike_in_more_than_half", near_is_alike_in_more_than_half}, {"long_names_are_far", long_names_are_far})
