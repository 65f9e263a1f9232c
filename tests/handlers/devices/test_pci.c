/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PCI configuration space, and the power-management ports that it places. */
#include "tests/support/board.h"

static void select_register(unsigned device, unsigned function, unsigned reg)
{
    out(0xcf8, 4, 0x80000000u | device << 11 | function << 8 | reg);
}

static uint32_t get(unsigned device, unsigned function, unsigned reg)
{
    select_register(device, function, reg);
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
    select_register(0, 0, 0);
    CU_ASSERT_EQUAL(in(0xcfe, 2), 0x1237);
    CU_ASSERT_EQUAL(in(0xcff, 1), 0x12);
    select_register(0, 0, 0x58);
    out(0xcfd, 1, 0x10);
    CU_ASSERT_EQUAL(in(0xcfc, 4) >> 8 & 0xff, 0x10);
}

static void read_only_registers_stay(void)
{
    board_start();
    select_register(0, 0, 0);
    out(0xcfc, 4, 0);
    CU_ASSERT_EQUAL(in(0xcfc, 4), 0x12378086);
    select_register(0, 0, 0x10);
    out(0xcfc, 4, 0xffffffff);
    CU_ASSERT_EQUAL(in(0xcfc, 4), 0); /* no base address registers */
}

static void the_address_port_takes_doublewords_only(void)
{
    board_start();
    select_register(0, 0, 8);
    out(0xcf8, 1, 0);
    CU_ASSERT_EQUAL(in(0xcf8, 4), 0x80000008);
    out(0xcf8, 4, 0x00000008);
    CU_ASSERT_EQUAL(in(0xcfc, 4), 0xffffffff); /* not enabled */
}

static void write_protection_of_shadow_ram_is_reported_once(void)
{
    board_start();
    select_register(0, 0, 0x58);
    out(0xcfd, 1, 0x10);
    out(0xcfe, 1, 0x11);
    CU_ASSERT_EQUAL(reports, 1);
}

static void the_pm_timer_stands_where_it_is_put(void)
{
    board_start_with(&(const struct devices_config){.cpus = 1, .cold = true});
    CU_ASSERT_EQUAL(in(0x608, 4), 0xffffffff);
    select_register(1, 3, 0x40);
    out(0xcfc, 4, 0x601);
    select_register(1, 3, 0x80);
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
    select_register(1, 3, 0x40);
    out(0xcfc, 4, 0xb001);
    select_register(1, 3, 0x80);
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

/* Every register at power-on: the listed bytes, and zeros. */
static void registers_start_as_the_chips_do(void)
{
    static const struct {
        uint8_t device, function, reg, bytes;
        uint32_t value;
    } rows[] = {
        {0, 0, 0x00, 4, 0x12378086}, {0, 0, 0x04, 4, 0x02800007}, {0, 0, 0x08, 4, 0x06000002}, {0, 0, 0x2c, 4, 0x11001af4},
        {0, 0, 0x58, 4, 0x33333000}, {0, 0, 0x5c, 4, 0x33333333}, {0, 0, 0x70, 4, 0x00020000}, {1, 0, 0x00, 4, 0x70008086},
        {1, 0, 0x04, 4, 0x02800007}, {1, 0, 0x08, 4, 0x06010000}, {1, 0, 0x0c, 4, 0x00800000}, {1, 0, 0x2c, 4, 0x11001af4},
        {1, 0, 0x60, 4, 0x80808080}, {1, 3, 0x00, 4, 0x71138086}, {1, 3, 0x04, 4, 0x02800007}, {1, 3, 0x08, 4, 0x06800003},
        {1, 3, 0x2c, 4, 0x11001af4}, {1, 3, 0x3c, 4, 0x00000100}, {1, 3, 0x40, 4, 0x00000001}, {1, 3, 0x58, 4, 0x02000000},
    };
    board_start_with(&(const struct devices_config){.cpus = 1, .cold = true});
    for (unsigned i = 0; i < 3; i++) {
        const unsigned device = i != 0, function = i == 2 ? 3 : 0;
        for (unsigned reg = 0; reg < 256; reg += 4) {
            uint32_t expected = 0;
            for (unsigned row = 0; row < sizeof(rows) / sizeof(rows[0]); row++)
                if (rows[row].device == device && rows[row].function == function && rows[row].reg == reg)
                    expected = rows[row].value;
            CU_ASSERT_EQUAL(get(device, function, reg), expected);
        }
    }
}

/* Which registers take what is written, to the first and the last of each range. */
static void writable_registers_take_what_is_written(void)
{
    static const struct {
        uint8_t device, function, first, last;
    } ranges[] = {{0, 0, 0x50, 0x9f}, {1, 0, 0x3c, 0x3c}, {1, 0, 0x4c, 0x4f}, {1, 0, 0x60, 0x63}, {1, 0, 0x69, 0x72}, {1, 0, 0x76, 0xae},
                  {1, 3, 0x04, 0x05}, {1, 3, 0x3c, 0x3c}, {1, 3, 0x40, 0x82}, {1, 3, 0x90, 0x93}, {1, 3, 0xd2, 0xd6}};
    board_start();
    for (unsigned i = 0; i < 3; i++) {
        const unsigned device = i != 0, function = i == 2 ? 3 : 0;
        for (unsigned reg = 0; reg < 256; reg++) {
            bool writable = false;
            for (unsigned row = 0; row < sizeof(ranges) / sizeof(ranges[0]); row++)
                writable |= ranges[row].device == device && ranges[row].function == function && reg >= ranges[row].first && reg <= ranges[row].last;
            select_register(device, function, reg);
            const uint16_t port = (uint16_t)(0xcfc + (reg & 3u));
            const uint32_t before = in(port, 1), written = ~before & 0xffu;
            out(port, 1, written);
            const bool base = i == 2 && reg == 0x40; /* its low bits say that it is one of 64 ports */
            CU_ASSERT_EQUAL(in(port, 1), !writable ? before : base ? (written & 0xc0u) | 1u : written);
        }
    }
}

static void only_bus_0_is_there(void)
{
    board_start();
    for (unsigned bit = 16; bit < 24; bit++) {
        out(0xcf8, 4, 0x80000000u | 1u << bit);
        CU_ASSERT_EQUAL(in(0xcfc, 4), 0xffffffff);
        out(0xcfc, 4, 0);
    }
    out(0xcf8, 4, 0x80000003u); /* bits 1:0 select nothing */
    CU_ASSERT_EQUAL(in(0xcfc, 4), 0x12378086);
    CU_ASSERT_EQUAL(in(0xcf9, 1), 0);
    CU_ASSERT_EQUAL(in(0xcf8, 1), 0xff);
    CU_ASSERT_EQUAL(in(0xcfa, 2), 0xffff);
}

/* Bits of the PAM registers that write-enable memory, and no others, are not modelled. */
static void what_pam_bits_are_reported(void)
{
    static const struct {
        uint8_t device, function, reg, value;
        unsigned reports;
    } rows[] = {{0, 0, 0x58, 0xff, 0}, {0, 0, 0x60, 0xff, 0}, {0, 0, 0x59, 0x10, 1}, {0, 0, 0x59, 0xfd, 0},
                {0, 0, 0x5f, 0x31, 1}, {0, 0, 0x5f, 0x13, 1}, {0, 0, 0x5f, 0xff, 0}, {1, 3, 0x5a, 0xff, 0}};
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        board_start();
        select_register(rows[i].device, rows[i].function, rows[i].reg);
        out((uint16_t)(0xcfc + (rows[i].reg & 3u)), 1, rows[i].value);
        CU_ASSERT_EQUAL(reports, rows[i].reports);
    }
}

/* The reset control takes a byte at its port with bit 2 set, and nothing else resets. */
static void nothing_else_at_the_reset_control_resets(void)
{
    board_start();
    out(0xcf9, 1, 0xfb);
    out(0xcfa, 1, 6);
    out(0xcfb, 1, 6);
    out(0xcf8, 1, 6);
    out(0xcf8, 2, 0x0606);
    out(0xcfa, 2, 0x0606);
    out(0xcf8, 4, 0x06060606);
    CU_ASSERT_EQUAL(board.bus.power, BUS_RUNNING);
}

/* A base that is not enabled, or is 0, places no ports; firmware's is where the ACPI tables say. */
static void the_power_ports_follow_base_and_enable(void)
{
    board_start();
    CU_ASSERT_EQUAL(pci_power_base(&board.pci), POWER_BASE);
    select_register(1, 3, 0x40);
    out(0xcfc, 4, 0x12ff);
    CU_ASSERT_EQUAL(pci_power_base(&board.pci), 0x12c0);
    select_register(1, 3, 0x80);
    out(0xcfc, 1, 0xfe);
    CU_ASSERT_EQUAL(pci_power_base(&board.pci), 0);
    CU_ASSERT_EQUAL(in(0x12c4, 2), 0xffff);
    out(0xcfc, 1, 0x01);
    CU_ASSERT_EQUAL(in(0x12c4, 2), 1);
    CU_ASSERT_EQUAL(in(0x12bf, 1), 0xff);
    CU_ASSERT_EQUAL(in(0x1300, 1), 0xff);
    board_start_with(&(const struct devices_config){.cpus = 1, .cold = true});
    CU_ASSERT_EQUAL(pci_power_base(&board.pci), 0);
}

SUITE("handlers/devices/pci", {"the_board_has_three_functions", the_board_has_three_functions},
      {"narrow_accesses_reach_their_bytes", narrow_accesses_reach_their_bytes}, {"read_only_registers_stay", read_only_registers_stay},
      {"the_address_port_takes_doublewords_only", the_address_port_takes_doublewords_only},
      {"write_protection_of_shadow_ram_is_reported_once", write_protection_of_shadow_ram_is_reported_once},
      {"the_pm_timer_stands_where_it_is_put", the_pm_timer_stands_where_it_is_put}, {"firmware_leaves_acpi_mode_on", firmware_leaves_acpi_mode_on},
      {"soft_off_powers_off", soft_off_powers_off}, {"resets_have_three_doors", resets_have_three_doors},
      {"registers_start_as_the_chips_do", registers_start_as_the_chips_do},
      {"writable_registers_take_what_is_written", writable_registers_take_what_is_written}, {"only_bus_0_is_there", only_bus_0_is_there},
      {"what_pam_bits_are_reported", what_pam_bits_are_reported},
      {"nothing_else_at_the_reset_control_resets", nothing_else_at_the_reset_control_resets},
      {"the_power_ports_follow_base_and_enable", the_power_ports_follow_base_and_enable})
