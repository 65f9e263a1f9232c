/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PCI configuration space, and the power-management ports that it places. */
#include "tests/support/board.h"

static void select(unsigned device, unsigned function, unsigned reg)
{
    out(0xcf8, 4, 0x80000000u | device << 11 | function << 8 | reg);
}

static uint32_t get(unsigned device, unsigned function, unsigned reg)
{
    select(device, function, reg);
    return in(0xcfc, 4);
}

static void the_board_has_three_functions(void)
{
    unsigned found = 0;
    board_start();
    for (unsigned device = 0; device < 32; device++)
        for (unsigned function = 0; function < 8; function++)
            found += get(device, function, 0) != 0xffffffff ? 1 : 0;
    CU_ASSERT_EQUAL(found, 3);
    CU_ASSERT_EQUAL(get(0, 0, 0), 0x12378086);
    CU_ASSERT_EQUAL(get(1, 0, 0), 0x70008086);
    CU_ASSERT_EQUAL(get(1, 3, 0), 0x71138086);
    CU_ASSERT_EQUAL(get(0, 0, 0x2c), 0x11001af4);
    CU_ASSERT_EQUAL(get(1, 0, 0x0c) >> 16 & 0xff, 0x80);
}

static void narrow_accesses_reach_their_bytes(void)
{
    board_start();
    select(0, 0, 0);
    CU_ASSERT_EQUAL(in(0xcfe, 2), 0x1237);
    CU_ASSERT_EQUAL(in(0xcff, 1), 0x12);
    select(0, 0, 0x58);
    out(0xcfd, 1, 0x10);
    CU_ASSERT_EQUAL(in(0xcfc, 4) >> 8 & 0xff, 0x10);
}

static void read_only_registers_stay(void)
{
    board_start();
    select(0, 0, 0);
    out(0xcfc, 4, 0);
    CU_ASSERT_EQUAL(in(0xcfc, 4), 0x12378086);
    select(0, 0, 0x10);
    out(0xcfc, 4, 0xffffffff);
    CU_ASSERT_EQUAL(in(0xcfc, 4), 0); /* no base address registers */
}

static void the_address_port_takes_doublewords_only(void)
{
    board_start();
    select(0, 0, 8);
    out(0xcf8, 1, 0);
    CU_ASSERT_EQUAL(in(0xcf8, 4), 0x80000008);
    out(0xcf8, 4, 0x00000008);
    CU_ASSERT_EQUAL(in(0xcfc, 4), 0xffffffff); /* not enabled */
}

static void write_protection_of_shadow_ram_is_reported_once(void)
{
    board_start();
    select(0, 0, 0x58);
    out(0xcfd, 1, 0x10);
    out(0xcfe, 1, 0x11);
    CU_ASSERT_EQUAL(reports, 1);
}

static void the_pm_timer_stands_where_it_is_put(void)
{
    board_start_with(&(const struct devices_config){.cpus = 1, .cold = true});
    CU_ASSERT_EQUAL(in(0x608, 4), 0xffffffff);
    select(1, 3, 0x40);
    out(0xcfc, 4, 0x601);
    select(1, 3, 0x80);
    out(0xcfc, 1, 1);
    board.bus.now = BOARD_HZ;
    CU_ASSERT_EQUAL(in(0x608, 4), 3579545);
    board.bus.now = (uint64_t)BOARD_HZ * 10;
    CU_ASSERT_EQUAL(in(0x608, 4), 35795450 & 0xffffff);
}

static void firmware_leaves_acpi_mode_on(void)
{
    board_start();
    board.bus.now = BOARD_HZ;
    CU_ASSERT_EQUAL(in(POWER_BASE + POWER_PM_TIMER, 4), 3579545);
    CU_ASSERT_EQUAL(in(POWER_BASE + POWER_PM1_CONTROL, 2) & 1, 1);
}

static void soft_off_powers_off(void)
{
    board_start();
    select(1, 3, 0x40);
    out(0xcfc, 4, 0xb001);
    select(1, 3, 0x80);
    out(0xcfc, 1, 1);
    out(0xb004, 2, 0x0001);
    CU_ASSERT_EQUAL(in(0xb004, 2), 1);
    CU_ASSERT_EQUAL(board.bus.power, BUS_RUNNING);
    out(0xb004, 2, 0x2000);
    CU_ASSERT_EQUAL(board.bus.power, BUS_OFF);
}

static void resets_have_three_doors(void)
{
    board_start();
    out(0xcf9, 1, 6);
    CU_ASSERT_EQUAL(board.bus.power, BUS_RESET);
    board_start();
    out(0x92, 1, 1);
    CU_ASSERT_EQUAL(board.bus.power, BUS_RESET);
    board_start();
    CU_ASSERT_EQUAL(in(0x92, 1), 2);
    out(0x64, 1, 0xfe);
    CU_ASSERT_EQUAL(board.bus.power, BUS_RESET);
}

SUITE("handlers/devices/pci", {"the_board_has_three_functions", the_board_has_three_functions},
      {"narrow_accesses_reach_their_bytes", narrow_accesses_reach_their_bytes}, {"read_only_registers_stay", read_only_registers_stay},
      {"the_address_port_takes_doublewords_only", the_address_port_takes_doublewords_only},
      {"write_protection_of_shadow_ram_is_reported_once", write_protection_of_shadow_ram_is_reported_once},
      {"the_pm_timer_stands_where_it_is_put", the_pm_timer_stands_where_it_is_put}, {"firmware_leaves_acpi_mode_on", firmware_leaves_acpi_mode_on},
      {"soft_off_powers_off", soft_off_powers_off}, {"resets_have_three_doors", resets_have_three_doors})
