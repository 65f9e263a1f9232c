/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The device set as a whole: widths, holes, firmware configuration, APIC register files. */
#include "tests/support/board.h"

static uint32_t sent_high, sent_low;

static void on_ipi(void *context, uint32_t high, uint32_t low)
{
    (void)context;
    sent_high = high;
    sent_low = low;
}

static void holes_read_all_ones(void)
{
    board_start();
    CU_ASSERT_EQUAL(in(0x1f0, 1), 0xff);
    CU_ASSERT_EQUAL(in(0x1f0, 2), 0xffff);
    CU_ASSERT_EQUAL(in(0x1f0, 4), 0xffffffff);
    out(0x1f0, 4, 0);
    CU_ASSERT_EQUAL(devices_memory_read(&board, 0xfed00000, 4), 0xffffffff);
    CU_ASSERT_EQUAL(devices_memory_read(&board, 0xfed00000, 8), UINT64_MAX);
}

static void wide_accesses_arrive_as_bytes(void)
{
    board_start();
    out(0x70, 2, 0x5a40); /* index 40H, then its data */
    out(0x70, 1, 0x40);
    CU_ASSERT_EQUAL(in(0x71, 1), 0x5a);
    CU_ASSERT_EQUAL(in(0x70, 2), 0x5aff);
}

static void firmware_configuration_is_a_stream(void)
{
    board_start();
    out(0x510, 2, 0);
    CU_ASSERT_EQUAL(in(0x511, 1), 'Q');
    CU_ASSERT_EQUAL(in(0x511, 1), 'E');
    CU_ASSERT_EQUAL(in(0x511, 1), 'M');
    CU_ASSERT_EQUAL(in(0x511, 1), 'U');
    out(0x510, 2, 3);
    uint32_t ram = 0;
    for (unsigned i = 0; i < 4; i++)
        ram |= in(0x511, 1) << 8 * i;
    CU_ASSERT_EQUAL(ram, BOARD_RAM);
    out(0x510, 2, 0x19);
    CU_ASSERT_EQUAL(in(0x511, 1) | in(0x511, 1) | in(0x511, 1) | in(0x511, 1), 0);
    board.fw_cfg.present = false;
    CU_ASSERT_EQUAL(in(0x511, 1), 0xff);
}

static void the_io_apic_is_a_register_file(void)
{
    board_start();
    devices_memory_write(&board, IOAPIC_BASE, 4, 1);
    CU_ASSERT_EQUAL(devices_memory_read(&board, IOAPIC_BASE + 0x10, 4), 0x170011);
    devices_memory_write(&board, IOAPIC_BASE, 4, 0x12);
    CU_ASSERT_EQUAL(devices_memory_read(&board, IOAPIC_BASE + 0x10, 4), 0x10000);
    CU_ASSERT_EQUAL(reports, 0);
    devices_memory_write(&board, IOAPIC_BASE + 0x10, 4, 0x31);
    CU_ASSERT_EQUAL(reports, 1);
}

static void the_local_apic_is_a_register_file_and_sends_ipis(void)
{
    board_start();
    board.bus.ipi = on_ipi;
    board.bus.cpu = 1;
    CU_ASSERT_EQUAL(devices_memory_read(&board, LAPIC_BASE + 0x20, 4), 0x01000000);
    CU_ASSERT_EQUAL(devices_memory_read(&board, LAPIC_BASE + 0x30, 4) & 0xff, 0x14);
    devices_memory_write(&board, LAPIC_BASE + 0x30, 4, 0);
    CU_ASSERT_EQUAL(devices_memory_read(&board, LAPIC_BASE + 0x30, 4) & 0xff, 0x14);
    devices_memory_write(&board, LAPIC_BASE + 0x310, 4, 0x02000000);
    devices_memory_write(&board, LAPIC_BASE + 0x300, 4, 0x40);
    CU_ASSERT_EQUAL(sent_high, 0x02000000);
    CU_ASSERT_EQUAL(sent_low, 0x40);
    devices_memory_write(&board, LAPIC_BASE + 0x380, 4, 100);
    CU_ASSERT_EQUAL(reports, 1);
}

SUITE("handlers/devices/devices", {"holes_read_all_ones", holes_read_all_ones}, {"wide_accesses_arrive_as_bytes", wide_accesses_arrive_as_bytes},
      {"firmware_configuration_is_a_stream", firmware_configuration_is_a_stream}, {"the_io_apic_is_a_register_file", the_io_apic_is_a_register_file},
      {"the_local_apic_is_a_register_file_and_sends_ipis", the_local_apic_is_a_register_file_and_sends_ipis})
