/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Registers of the local APIC in both modes, and the ways between the modes. */
#include "tests/support/lapic.h"

static void reset_values_stand(void)
{
    board_start_with(&(const struct devices_config){.cpus = CPUS, .cold = true});
    CU_ASSERT_EQUAL(apic(3, ID), 0x03000000);
    CU_ASSERT_EQUAL(apic(0, VERSION), 0x00050014);
    CU_ASSERT_EQUAL(apic(0, DFR), 0xffffffff);
    CU_ASSERT_EQUAL(apic(0, SVR), 0xff);
    CU_ASSERT_EQUAL(apic(0, LVT_TIMER), MASKED);
    CU_ASSERT_EQUAL(apic(0, LINT0), MASKED);
    CU_ASSERT_EQUAL(msr(0, LAPIC_MSR_BASE), LAPIC_BASE | 0x900);
    CU_ASSERT_EQUAL(msr(1, LAPIC_MSR_BASE), LAPIC_BASE | 0x800);
}

static void reserved_bits_of_the_page_stay_zero(void)
{
    static const struct {
        unsigned reg;
        uint32_t reads;
    } rows[] = {{ID, 0x01000000},
                {VERSION, 0x00050014},
                {TPR, 0xff},
                {PPR, 0xff},
                {EOI, 0},
                {LDR, 0xff000000},
                {DFR, 0xffffffff},
                {SVR, 0x3ff},
                {ICR_HIGH, 0xff000000},
                {0x330, 0x107ff},
                {0x340, 0x107ff},
                {LINT0, 0x1a7ff},
                {LINT1, 0x1a7ff},
                {LVT_ERROR, 0x100ff},
                {DIVIDE, 0xb},
                {CURRENT, 0},
                {0x90, 0},
                {0xc0, 0},
                {LVT_TIMER, 0x700ff}};
    start_apics();
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        set_apic(1, rows[i].reg, UINT32_MAX);
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        CU_ASSERT_EQUAL(apic(1, rows[i].reg), rows[i].reads);
    set_apic(1, ESR, 0);
    CU_ASSERT_EQUAL(apic(1, ESR), 0);
}

static void only_aligned_doublewords_are_written(void)
{
    start_apics();
    board.bus.cpu = 0;
    devices_memory_write(&board, LAPIC_BASE + TPR, 1, 0x40);
    devices_memory_write(&board, LAPIC_BASE + TPR + 4, 4, 0x40);
    CU_ASSERT_EQUAL(apic(0, TPR), 0);
    devices_memory_write(&board, LAPIC_BASE + TPR, 8, 0x40);
    CU_ASSERT_EQUAL(apic(0, TPR), 0x40);
    CU_ASSERT_EQUAL(devices_memory_read(&board, LAPIC_BASE + VERSION + 2, 1), 5);
    CU_ASSERT_EQUAL(devices_memory_read(&board, LAPIC_BASE + VERSION + 4, 4), 0);
}

/* From each state each value of EN and EXTD. SDM 3A, "x2APIC State Transitions". */
static void modes_change_by_the_allowed_ways_only(void)
{
    enum { OFF, X2_ONLY = 0x400, XAPIC = 0x800, X2APIC = 0xc00 };
    static const struct {
        unsigned from, to;
        bool ok;
    } rows[] = {{OFF, OFF, true},    {OFF, X2_ONLY, false},    {OFF, XAPIC, true},     {OFF, X2APIC, false},
                {XAPIC, OFF, true},  {XAPIC, X2_ONLY, false},  {XAPIC, XAPIC, true},   {XAPIC, X2APIC, true},
                {X2APIC, OFF, true}, {X2APIC, X2_ONLY, false}, {X2APIC, XAPIC, false}, {X2APIC, X2APIC, true}};
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        start_apics();
        CU_ASSERT_TRUE(write_msr(1, LAPIC_MSR_BASE, LAPIC_BASE | rows[i].from));
        CU_ASSERT_EQUAL(write_msr(1, LAPIC_MSR_BASE, LAPIC_BASE | rows[i].to), rows[i].ok);
        CU_ASSERT_EQUAL(msr(1, LAPIC_MSR_BASE), LAPIC_BASE | (rows[i].ok ? rows[i].to : rows[i].from));
        CU_ASSERT_EQUAL(lapic_enabled(&board.lapics, 1), (msr(1, LAPIC_MSR_BASE) & 0x800) != 0);
    }
}

static void reserved_bits_of_the_base_fault(void)
{
    start_apics();
    CU_ASSERT_FALSE(write_msr(0, LAPIC_MSR_BASE, LAPIC_BASE | 0x801));
    CU_ASSERT_FALSE(write_msr(0, LAPIC_MSR_BASE, LAPIC_BASE | 0xa00));
    CU_ASSERT_FALSE(write_msr(0, LAPIC_MSR_BASE, UINT64_C(1) << 36 | 0x800));
    CU_ASSERT_TRUE(write_msr(0, LAPIC_MSR_BASE, UINT64_C(0xffffff000) | 0x800));
    board_start(); /* a processor without x2APIC */
    CU_ASSERT_FALSE(write_msr(0, LAPIC_MSR_BASE, LAPIC_BASE | 0xd00));
}

static void disabling_forgets(void)
{
    start_apics();
    set_apic(0, TPR, 0x33);
    CU_ASSERT_TRUE(write_msr(0, LAPIC_MSR_BASE, LAPIC_BASE | 0x100));
    CU_ASSERT_EQUAL(apic(0, TPR), 0xffffffff); /* no page any more */
    CU_ASSERT_TRUE(write_msr(0, LAPIC_MSR_BASE, LAPIC_BASE | 0x900));
    CU_ASSERT_EQUAL(apic(0, TPR), 0);
    CU_ASSERT_EQUAL(apic(0, SVR), 0xff);
}

static void x2apic_mode_keeps_registers_and_leaves_the_page(void)
{
    start_apics();
    set_apic(1, TPR, 0x33);
    set_apic(1, ICR_HIGH, 0x02000000);
    CU_ASSERT_TRUE(write_msr(1, LAPIC_MSR_BASE, LAPIC_BASE | 0xc00));
    CU_ASSERT_EQUAL(apic(1, ID), 0xffffffff);
    CU_ASSERT_EQUAL(msr(1, 0x802), 1);
    CU_ASSERT_EQUAL(msr(1, 0x808), 0x33);
    CU_ASSERT_EQUAL(msr(1, 0x80d), 2);
    CU_ASSERT_EQUAL(msr(1, 0x830), 0);
    CU_ASSERT_TRUE(write_msr(1, 0x830, UINT64_C(0x12345678) << 32 | 0x40));
    CU_ASSERT_EQUAL(msr(1, 0x830), UINT64_C(0x12345678) << 32 | 0x40);
}

static void x2apic_registers_fault_outside_of_their_mode(void)
{
    start_apics();
    uint64_t value;
    CU_ASSERT_FALSE(read_msr(0, 0x802, &value));
    CU_ASSERT_FALSE(write_msr(0, 0x808, 0));
}

/* Read and written with 0 and with all ones: which of them fault. */
static void x2apic_registers_fault_by_their_rules(void)
{
    enum { R = 1, W = 2 };
    static const struct {
        uint32_t msr;
        unsigned access;
    } there[] = {{0x802, R},     {0x803, R},     {0x808, R | W}, {0x80a, R},     {0x80b, W},     {0x80d, R},     {0x80f, R | W},
                 {0x810, R},     {0x817, R},     {0x818, R},     {0x81f, R},     {0x820, R},     {0x827, R},     {0x828, R | W},
                 {0x830, R | W}, {0x832, R | W}, {0x833, R | W}, {0x834, R | W}, {0x835, R | W}, {0x836, R | W}, {0x837, R | W},
                 {0x838, R | W}, {0x839, R},     {0x83e, R | W}, {0x83f, W}};
    start_apics();
    CU_ASSERT_TRUE(write_msr(0, LAPIC_MSR_BASE, LAPIC_BASE | 0xd00));
    for (uint32_t index = 0x800; index <= 0x8ff; index++) {
        unsigned access = 0;
        uint64_t value;
        for (unsigned i = 0; i < sizeof(there) / sizeof(there[0]); i++)
            if (there[i].msr == index || (index > 0x810 && index < 0x827 && there[i].msr == 0x810))
                access |= there[i].access;
        CU_ASSERT_EQUAL(read_msr(0, index, &value), (access & R) != 0);
        CU_ASSERT_EQUAL(write_msr(0, index, 0), (access & W) != 0);
        CU_ASSERT_FALSE(write_msr(0, index, UINT64_MAX));
    }
}

static void reserved_bits_fault_in_x2apic_mode(void)
{
    static const struct {
        uint32_t msr;
        uint64_t good, bad;
    } rows[] = {{0x808, 0xff, 0x100},
                {0x80b, 0, 1},
                {0x80f, 0x3ff, 0x400},
                {0x828, 0, 1},
                {0x830, UINT64_C(0xffffffff000cdeff), 0x2000},
                {0x830, 0x1040, 0x10040},
                {0x832, 0x710ff, 0x100},
                {0x832, 0x10000, 0x4000},
                {0x833, 0x117ff, 0x800},
                {0x835, 0x1f7ff, 0x800},
                {0x837, 0x110ff, 0x100},
                {0x838, 0xffffffff, UINT64_C(1) << 32},
                {0x83e, 0xb, 4},
                {0x83f, 0xff, 0x100}};
    start_apics();
    CU_ASSERT_TRUE(write_msr(0, LAPIC_MSR_BASE, LAPIC_BASE | 0xd00));
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        CU_ASSERT_TRUE(write_msr(0, rows[i].msr, rows[i].good));
        CU_ASSERT_FALSE(write_msr(0, rows[i].msr, rows[i].bad));
    }
    CU_ASSERT_EQUAL(msr(0, 0x835), 0x1a7ff); /* status bits are not written */
}

SUITE("handlers/devices/lapic_registers", {"reset_values_stand", reset_values_stand},
      {"reserved_bits_of_the_page_stay_zero", reserved_bits_of_the_page_stay_zero},
      {"only_aligned_doublewords_are_written", only_aligned_doublewords_are_written},
      {"modes_change_by_the_allowed_ways_only", modes_change_by_the_allowed_ways_only},
      {"reserved_bits_of_the_base_fault", reserved_bits_of_the_base_fault}, {"disabling_forgets", disabling_forgets},
      {"x2apic_mode_keeps_registers_and_leaves_the_page", x2apic_mode_keeps_registers_and_leaves_the_page},
      {"x2apic_registers_fault_outside_of_their_mode", x2apic_registers_fault_outside_of_their_mode},
      {"x2apic_registers_fault_by_their_rules", x2apic_registers_fault_by_their_rules},
      {"reserved_bits_fault_in_x2apic_mode", reserved_bits_fault_in_x2apic_mode})
