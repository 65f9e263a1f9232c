/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bitmaps that the bench writes as a packed scenario says: every bit of them. */
#include "../../../handlers/bench/bench.h"
#include "../../../sim/machine.h"
#include "../../../vmx-model/controls.h"
#include "../../support/packed.h"
#include "../../support/suite.h"

enum { PORTS = 0x10000, MSRS = 0x2000, READ_LOW = 0, READ_HIGH = MSRS, WRITE_LOW = 2 * MSRS, WRITE_HIGH = 3 * MSRS };
struct range {
    uint32_t first, last, rights;
};

static const char profile[] = "skylake-sp";

static struct bk_machine *machine;
static struct hv_vm vm;
static struct bench_result result;
static const uint8_t code[] = {0x0f, 0x01, 0xc1};

static bool prepare(enum packed_kind kind, const struct range *ranges, unsigned count)
{
    struct packed p;
    packed_begin(&p, "bitmaps", profile, code, sizeof code);
    packed_control(&p, VMX_WORD_PRIMARY, VMX_PRI_USE_IO_BITMAPS | VMX_PRI_USE_MSR_BITMAPS);
    for (unsigned i = 0; i < count; i++) {
        const uint32_t ports[] = {ranges[i].first | ranges[i].last << 16}, msrs[] = {ranges[i].first, ranges[i].last, ranges[i].rights};
        packed_add(&p, kind, kind == PACKED_IO_EXITS ? ports : msrs, kind == PACKED_IO_EXITS ? sizeof ports : sizeof msrs);
    }
    struct sim_scenario scenario = packed_end(&p, profile);
    const char *message;
    const struct sim_machine_options options = {.caps = &scenario.caps, .guest_bytes = scenario.guest_bytes, .vcpus = 1};
    if (machine != NULL)
        sim_machine_free(machine);
    machine = sim_machine_new(&options, &message);
    CU_ASSERT_PTR_NOT_NULL_FATAL(machine);
    const bool prepared = bench_prepare(machine, scenario.packed, scenario.packed_size, &vm, &result);
    free(scenario.packed);
    return prepared;
}

static void read_bitmap(enum vmcs_field field, uint8_t page[4096])
{
    CU_ASSERT_FATAL(bk_read(machine, bk_vmread(bk_vcpu(machine, 0), field), page, 4096));
}

static bool bit(const uint8_t *bitmap, uint32_t number)
{
    return (bitmap[number / 8] >> number % 8 & 1) != 0;
}

static void read_ports(uint8_t bitmap[2 * 4096])
{
    read_bitmap(VMCS_IO_BITMAP_A, bitmap);
    read_bitmap(VMCS_IO_BITMAP_B, bitmap + 4096);
}

/* Ranges that begin and end at every place in a byte, cross from bitmap A to B, and are longer than a piece that is written at once. */
static void io_bitmaps_hold_the_ports_that_exit_and_no_other(void)
{
    static const struct range ranges[] = {{0, 0, 0},           {9, 14, 0},          {0x20, 0x27, 0},     {0x31, 0x48, 0},
                                          {0x100, 0x5ff, 0},   {0x1003, 0x3abd, 0}, {0x7ffd, 0x800a, 0}, {0x8100, 0x81ff, 0},
                                          {0x9001, 0xa7f8, 0}, {0xffff, 0xffff, 0}, {0x50, 0x4f, 0},     {0xb000, 0x7000, 0}};
    enum { COUNT = sizeof ranges / sizeof *ranges };
    unsigned wrong = 0, set = 0;
    static uint8_t bitmap[2 * 4096];
    CU_ASSERT_FATAL(prepare(PACKED_IO_EXITS, ranges, COUNT));
    read_ports(bitmap);
    for (uint32_t port = 0; port < PORTS; port++) {
        bool wanted = false;
        for (unsigned i = 0; i < COUNT; i++)
            wanted |= port >= ranges[i].first && port <= ranges[i].last;
        wrong += wanted != bit(bitmap, port);
        set += wanted;
    }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT(set > 0x4000);
    CU_ASSERT(prepare(PACKED_IO_EXITS, &(struct range){0, 0xffff, 0}, 1));
    read_ports(bitmap);
    for (uint32_t port = 0; port < PORTS; port++)
        wrong += !bit(bitmap, port);
    CU_ASSERT_EQUAL(wrong, 0);
}

static void msr_bitmap_holds_the_msrs_that_exit_and_no_other(void)
{
    static const struct range ranges[] = {{0x10, 0x10, 1},
                                          {0x174, 0x176, 2},
                                          {0x800, 0x8ff, 3},
                                          {0x1ffe, 0x1fff, 3},
                                          {0xc0000000, 0xc0000000, 2},
                                          {0xc0000080, 0xc0000084, 1},
                                          {0xc0001003, 0xc0001fff, 3}};
    enum { COUNT = sizeof ranges / sizeof *ranges };
    unsigned wrong = 0;
    uint8_t bitmap[4096];
    CU_ASSERT_FATAL(prepare(PACKED_MSR_EXITS, ranges, COUNT));
    read_bitmap(VMCS_MSR_BITMAP, bitmap);
    for (uint32_t n = 0; n < 2 * MSRS; n++) {
        const uint32_t msr = n < MSRS ? n : 0xc0000000 + n - MSRS;
        uint32_t wanted = 0;
        for (unsigned i = 0; i < COUNT; i++)
            wanted |= msr >= ranges[i].first && msr <= ranges[i].last ? ranges[i].rights : 0;
        wrong += (wanted & 1) != bit(bitmap, n < MSRS ? READ_LOW + n : READ_HIGH + n - MSRS);
        wrong += (wanted >> 1) != bit(bitmap, n < MSRS ? WRITE_LOW + n : WRITE_HIGH + n - MSRS);
    }
    CU_ASSERT_EQUAL(wrong, 0);
}

static void msrs_outside_of_the_bitmaps_are_refused(void)
{
    static const struct range outside[] = {{0x1fff, 0x2000, 3}, {0x2000, 0x2000, 3}, {0xc0001fff, 0xc0002000, 3}, {0x20, 0x10, 3}};
    for (unsigned i = 0; i < sizeof outside / sizeof *outside; i++) {
        CU_ASSERT(!prepare(PACKED_MSR_EXITS, &outside[i], 1));
        CU_ASSERT_STRING_EQUAL(result.text, "an MSR is outside of the MSR bitmaps");
    }
}

SUITE("handlers/bench/structures", {"io_bitmaps_hold_the_ports_that_exit_and_no_other", io_bitmaps_hold_the_ports_that_exit_and_no_other},
      {"msr_bitmap_holds_the_msrs_that_exit_and_no_other", msr_bitmap_holds_the_msrs_that_exit_and_no_other},
      {"msrs_outside_of_the_bitmaps_are_refused", msrs_outside_of_the_bitmaps_are_refused})
