/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The device set as a whole: widths, holes, firmware configuration, the ways of an interrupt. */
#include "tests/support/board.h"

static void holes_read_all_ones(void)
{
    board_start();
    CU_ASSERT_EQUAL(in(0x1f0, 1), 0xff);
    CU_ASSERT_EQUAL(in(0x1f0, 2), 0xffff);
    CU_ASSERT_EQUAL(in(0x1f0, 4), 0xffffffff);
    out(0x1f0, 4, 0);
    CU_ASSERT_EQUAL(devices_memory_read(&board, 0xfed80000, 4), 0xffffffff);
    CU_ASSERT_EQUAL(devices_memory_read(&board, 0xfed80000, 8), UINT64_MAX);
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

static void the_local_apic_stands_where_its_cpu_put_it(void)
{
    const struct devices_config two = {.cpus = 2};
    board_start_with(&two);
    CU_ASSERT_TRUE(devices_write_msr(&board, 1, LAPIC_MSR_BASE, 0xfed40800));
    board.bus.cpu = 0;
    CU_ASSERT_TRUE(devices_answer(&board, LAPIC_BASE));
    CU_ASSERT_FALSE(devices_answer(&board, 0xfed40000));
    CU_ASSERT_EQUAL(devices_memory_read(&board, LAPIC_BASE + 0x20, 4), 0);
    board.bus.cpu = 1;
    CU_ASSERT_EQUAL(devices_memory_read(&board, 0xfed40020, 4), 0x01000000);
    CU_ASSERT_FALSE(devices_answer(&board, LAPIC_BASE));
    CU_ASSERT_EQUAL(devices_memory_read(&board, LAPIC_BASE + 0x20, 4), 0xffffffff);
}

static void interrupts_of_the_8259_reach_cpu_0_as_firmware_leaves_it(void)
{
    const struct devices_config cold = {.cpus = 2, .cold = true};
    uint8_t vector = 0;
    board_start();
    board_start_pics();
    bus_set_line(&board.bus, 4, true);
    CU_ASSERT_TRUE(devices_interrupt_of(&board, 0, &vector));
    CU_ASSERT_EQUAL(vector, 0x24);
    CU_ASSERT_FALSE(devices_interrupt_of(&board, 1, &vector));
    CU_ASSERT_EQUAL(devices_acknowledge_of(&board, 0), 0x24);
    CU_ASSERT_FALSE(board_interrupt());
    board_start_with(&cold);
    board_start_pics();
    bus_set_line(&board.bus, 4, true);
    CU_ASSERT_FALSE(board_interrupt());
    devices_memory_write(&board, LAPIC_BASE + 0xf0, 4, 0x1ff);
    devices_memory_write(&board, LAPIC_BASE + 0x350, 4, 0x700);
    CU_ASSERT_EQUAL(board_acknowledge(), 0x24);
}

static void a_disabled_apic_leaves_the_8259_wired_to_the_processor(void)
{
    const struct devices_config cold = {.cpus = 1, .cold = true};
    board_start_with(&cold);
    board_start_pics();
    CU_ASSERT_TRUE(devices_write_msr(&board, 0, LAPIC_MSR_BASE, LAPIC_BASE | 0x100));
    bus_set_line(&board.bus, 3, true);
    CU_ASSERT_EQUAL(board_acknowledge(), 0x23);
}

static void isa_lines_stand_at_both_controllers(void)
{
    board_start();
    board_start_pics();
    devices_memory_write(&board, IOAPIC_BASE, 4, 0x14); /* input 2 */
    devices_memory_write(&board, IOAPIC_BASE + 0x10, 4, 0x50);
    bus_set_line(&board.bus, PIT_LINE, true);
    CU_ASSERT_EQUAL(board_acknowledge(), 0x20);
    CU_ASSERT_EQUAL(board_acknowledge(), 0x50);
    CU_ASSERT_FALSE(board_interrupt());
}

static void a_deadline_is_where_some_cpu_hears_of_it(void)
{
    board_start();
    board_start_pics();
    out(0x43, 1, 0x34);
    out(0x40, 1, 100);
    out(0x40, 1, 0);
    CU_ASSERT_EQUAL(devices_deadline(&board), bus_rescale_up(100, PIT_HZ, BOARD_HZ));
    out(0x21, 1, 0xff);
    CU_ASSERT_EQUAL(devices_deadline(&board), UINT64_MAX);
    devices_memory_write(&board, IOAPIC_BASE, 4, 0x14);
    devices_memory_write(&board, IOAPIC_BASE + 0x10, 4, 0x50);
    CU_ASSERT_EQUAL(devices_deadline(&board), bus_rescale_up(100, PIT_HZ, BOARD_HZ));
    board_wait(bus_rescale_up(100, PIT_HZ, BOARD_HZ));
    CU_ASSERT_EQUAL(devices_deadline(&board), UINT64_MAX); /* vector 50H is requested already */
    CU_ASSERT_EQUAL(board_acknowledge(), 0x50);
    CU_ASSERT_EQUAL(devices_deadline(&board), bus_rescale_up(200, PIT_HZ, BOARD_HZ));
}

SUITE("handlers/devices/devices", {"holes_read_all_ones", holes_read_all_ones}, {"wide_accesses_arrive_as_bytes", wide_accesses_arrive_as_bytes},
      {"firmware_configuration_is_a_stream", firmware_configuration_is_a_stream},
      {"the_local_apic_stands_where_its_cpu_put_it", the_local_apic_stands_where_its_cpu_put_it},
      {"interrupts_of_the_8259_reach_cpu_0_as_firmware_leaves_it", interrupts_of_the_8259_reach_cpu_0_as_firmware_leaves_it},
      {"a_disabled_apic_leaves_the_8259_wired_to_the_processor", a_disabled_apic_leaves_the_8259_wired_to_the_processor},
      {"isa_lines_stand_at_both_controllers", isa_lines_stand_at_both_controllers},
      {"a_deadline_is_where_some_cpu_hears_of_it", a_deadline_is_where_some_cpu_hears_of_it})
