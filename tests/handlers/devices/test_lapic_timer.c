/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The timer of the local APIC in its three modes. */
#include "tests/support/lapic.h"

enum { PERIODIC = 1u << 17, TSC_DEADLINE = 2u << 17, DIVIDE_BY_1 = 0xb };

static void start_timer(unsigned cpu, uint32_t lvt, uint32_t divide, uint32_t initial)
{
    set_apic(cpu, LVT_TIMER, lvt);
    set_apic(cpu, DIVIDE, divide);
    set_apic(cpu, INITIAL, initial);
}

static void one_shot_expires_once(void)
{
    start_apics();
    start_timer(1, 0x40, DIVIDE_BY_1, 1000);
    CU_ASSERT_EQUAL(devices_deadline(&board), 1000);
    board_wait(999);
    CU_ASSERT_EQUAL(offered(1), 0);
    CU_ASSERT_EQUAL(apic(1, CURRENT), 1);
    board_wait(1);
    CU_ASSERT_EQUAL(take(1), 0x40);
    CU_ASSERT_EQUAL(apic(1, CURRENT), 0);
    set_apic(1, EOI, 0);
    board_wait(5000);
    CU_ASSERT_EQUAL(offered(1), 0);
    CU_ASSERT_EQUAL(devices_deadline(&board), UINT64_MAX);
}

static void every_divide_configuration_divides(void)
{
    static const struct {
        uint32_t code, by;
    } rows[] = {{0, 2}, {1, 4}, {2, 8}, {3, 16}, {8, 32}, {9, 64}, {10, 128}, {11, 1}};
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        start_apics();
        start_timer(0, 0x40, rows[i].code, 100);
        CU_ASSERT_EQUAL(devices_deadline(&board), 100 * rows[i].by);
        board_wait(30 * rows[i].by);
        CU_ASSERT_EQUAL(apic(0, CURRENT), 70);
    }
}

static void periodic_goes_on_and_merges_what_nobody_took(void)
{
    start_apics();
    start_timer(0, PERIODIC | 0x40, 0, 50);
    board_wait(100);
    CU_ASSERT_EQUAL(take(0), 0x40);
    set_apic(0, EOI, 0);
    CU_ASSERT_EQUAL(devices_deadline(&board), 200);
    board_wait(350); /* past 200, 300 and 400 */
    CU_ASSERT_EQUAL(take(0), 0x40);
    set_apic(0, EOI, 0);
    CU_ASSERT_EQUAL(offered(0), 0);
    CU_ASSERT_EQUAL(apic(0, CURRENT), 25);
    CU_ASSERT_EQUAL(devices_deadline(&board), 500);
}

static void a_masked_timer_counts_in_silence(void)
{
    start_apics();
    start_timer(0, MASKED | PERIODIC | 0x40, DIVIDE_BY_1, 100);
    CU_ASSERT_EQUAL(devices_deadline(&board), UINT64_MAX);
    board_wait(150);
    CU_ASSERT_EQUAL(apic(0, CURRENT), 50);
    set_apic(0, LVT_TIMER, PERIODIC | 0x40);
    CU_ASSERT_EQUAL(offered(0), 0); /* what passed while it was masked is gone */
    CU_ASSERT_EQUAL(devices_deadline(&board), 200);
}

static void zero_stops_the_timer(void)
{
    start_apics();
    start_timer(0, PERIODIC | 0x40, DIVIDE_BY_1, 100);
    set_apic(0, INITIAL, 0);
    board_wait(1000);
    CU_ASSERT_EQUAL(offered(0), 0);
}

static void a_new_mode_disarms(void)
{
    start_apics();
    start_timer(0, PERIODIC | 0x40, DIVIDE_BY_1, 100);
    set_apic(0, LVT_TIMER, 0x40);
    CU_ASSERT_EQUAL(apic(0, CURRENT), 0);
    CU_ASSERT_EQUAL(devices_deadline(&board), UINT64_MAX);
}

static void a_new_divisor_keeps_the_count_that_is_left(void)
{
    start_apics();
    start_timer(0, 0x40, DIVIDE_BY_1, 100);
    board_wait(40);
    set_apic(0, DIVIDE, 0);
    CU_ASSERT_EQUAL(apic(0, CURRENT), 60);
    CU_ASSERT_EQUAL(devices_deadline(&board), 160);
}

static void the_deadline_is_a_time_stamp(void)
{
    start_apics();
    board_wait(1000);
    devices_set_tsc_offset(&board, 0, 0 - UINT64_C(600)); /* the counter reads 400 */
    CU_ASSERT_TRUE(write_msr(0, LAPIC_MSR_TSC_DEADLINE, 500));
    CU_ASSERT_EQUAL(msr(0, LAPIC_MSR_TSC_DEADLINE), 0); /* not in this mode */
    set_apic(0, LVT_TIMER, TSC_DEADLINE | 0x41);
    set_apic(0, INITIAL, 7);
    CU_ASSERT_EQUAL(apic(0, CURRENT), 0);
    CU_ASSERT_TRUE(write_msr(0, LAPIC_MSR_TSC_DEADLINE, 500));
    CU_ASSERT_EQUAL(devices_deadline(&board), 1100);
    CU_ASSERT_EQUAL(msr(0, LAPIC_MSR_TSC_DEADLINE), 500);
    board_wait(100);
    CU_ASSERT_EQUAL(take(0), 0x41);
    CU_ASSERT_EQUAL(msr(0, LAPIC_MSR_TSC_DEADLINE), 0);
    set_apic(0, EOI, 0);
    CU_ASSERT_TRUE(write_msr(0, LAPIC_MSR_TSC_DEADLINE, 1)); /* past already */
    CU_ASSERT_EQUAL(take(0), 0x41);
    set_apic(0, EOI, 0);
    CU_ASSERT_TRUE(write_msr(0, LAPIC_MSR_TSC_DEADLINE, 10000));
    CU_ASSERT_TRUE(write_msr(0, LAPIC_MSR_TSC_DEADLINE, 0));
    CU_ASSERT_EQUAL(devices_deadline(&board), UINT64_MAX);
    CU_ASSERT_TRUE(write_msr(0, LAPIC_MSR_TSC_DEADLINE, UINT64_MAX));
    CU_ASSERT_EQUAL(offered(0), 0);
}

static void a_moved_time_stamp_counter_moves_the_deadline(void)
{
    start_apics();
    set_apic(0, LVT_TIMER, TSC_DEADLINE | 0x41);
    CU_ASSERT_TRUE(write_msr(0, LAPIC_MSR_TSC_DEADLINE, 5000));
    devices_set_tsc_offset(&board, 0, 1000);
    CU_ASSERT_EQUAL(devices_deadline(&board), 4000);
    devices_set_tsc_offset(&board, 0, 5000);
    CU_ASSERT_EQUAL(offered(0), 0x41);
}

static void without_the_feature_the_mode_and_the_msr_are_not_there(void)
{
    board_start();
    uint64_t value;
    set_apic(0, LVT_TIMER, TSC_DEADLINE | 0x41);
    CU_ASSERT_EQUAL(apic(0, LVT_TIMER), 0x41);
    CU_ASSERT_FALSE(read_msr(0, LAPIC_MSR_TSC_DEADLINE, &value));
    CU_ASSERT_FALSE(write_msr(0, LAPIC_MSR_TSC_DEADLINE, 0));
}

SUITE("handlers/devices/lapic_timer", {"one_shot_expires_once", one_shot_expires_once},
      {"every_divide_configuration_divides", every_divide_configuration_divides},
      {"periodic_goes_on_and_merges_what_nobody_took", periodic_goes_on_and_merges_what_nobody_took},
      {"a_masked_timer_counts_in_silence", a_masked_timer_counts_in_silence}, {"zero_stops_the_timer", zero_stops_the_timer},
      {"a_new_mode_disarms", a_new_mode_disarms}, {"a_new_divisor_keeps_the_count_that_is_left", a_new_divisor_keeps_the_count_that_is_left},
      {"the_deadline_is_a_time_stamp", the_deadline_is_a_time_stamp},
      {"a_moved_time_stamp_counter_moves_the_deadline", a_moved_time_stamp_counter_moves_the_deadline},
      {"without_the_feature_the_mode_and_the_msr_are_not_there", without_the_feature_the_mode_and_the_msr_are_not_there})
