/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The 8254: counts, modes, latches, channel 0's interrupts, port 61H. */
#include "tests/support/board.h"

static void load(unsigned channel, uint8_t control, uint16_t count)
{
    out(0x43, 1, (uint32_t)channel << 6 | control);
    out((uint16_t)(0x40 + channel), 1, count & 0xffu);
    out((uint16_t)(0x40 + channel), 1, count >> 8);
}

static uint16_t latched(unsigned channel)
{
    out(0x43, 1, (uint32_t)channel << 6);
    const uint32_t low = in((uint16_t)(0x40 + channel), 1);
    return (uint16_t)(low | in((uint16_t)(0x40 + channel), 1) << 8);
}

/* That many clocks of the timer, rounded up to ticks. */
static uint64_t clocks(uint64_t count)
{
    return bus_rescale_up(count, PIT_HZ, BOARD_HZ);
}

static void a_rate_generator_counts_down_and_reloads(void)
{
    board_start();
    load(0, 0x34, 1000);
    board_wait(clocks(300));
    CU_ASSERT_EQUAL(latched(0), 700);
    board_wait(clocks(800));
    CU_ASSERT_EQUAL(latched(0), 900);
}

/* An odd count: the output is high for the longer half. */
static void a_square_wave_is_high_for_half_its_period(void)
{
    board_start();
    out(0x61, 1, 1);
    load(2, 0x36, 7);
    for (unsigned clock = 0; clock < 14; clock++) {
        CU_ASSERT_EQUAL(in(0x61, 1) >> 5 & 1, clock % 7 < 4);
        board_wait(clocks(clock + 1) - clocks(clock));
    }
}

static void a_latched_count_stands_still(void)
{
    board_start();
    load(0, 0x34, 0x1234);
    board_wait(clocks(0x34));
    out(0x43, 1, 0);
    board_wait(clocks(500));
    CU_ASSERT_EQUAL(in(0x40, 1), 0x00);
    CU_ASSERT_EQUAL(in(0x40, 1), 0x12);
}

static void the_read_back_command_latches_status(void)
{
    board_start();
    load(2, 0x30, 50);
    out(0x43, 1, 0xe8); /* status of channel 2 */
    CU_ASSERT_EQUAL(in(0x42, 1), 0x30);
    board_wait(clocks(60));
    out(0x43, 1, 0xe8);
    CU_ASSERT_EQUAL(in(0x42, 1), 0xb0); /* output high */
}

static void channel_0_interrupts_every_period(void)
{
    board_start();
    board_start_pics();
    load(0, 0x34, 1193);
    CU_ASSERT_FALSE(board_interrupt());
    for (unsigned i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(devices_deadline(&board), clocks(1193 * (i + 1)));
        board_wait(devices_deadline(&board) - board.bus.now - 1);
        CU_ASSERT_FALSE(board_interrupt());
        board_wait(1);
        CU_ASSERT_EQUAL(board_acknowledge(), 0x20);
        out(0x20, 1, 0x20);
    }
}

static void terminal_count_interrupts_once(void)
{
    board_start();
    board_start_pics();
    load(0, 0x30, 100);
    board_wait(clocks(100));
    CU_ASSERT_EQUAL(board_acknowledge(), 0x20);
    out(0x20, 1, 0x20);
    CU_ASSERT_EQUAL(devices_deadline(&board), UINT64_MAX);
    board_wait(clocks(100000));
    CU_ASSERT_FALSE(board_interrupt());
}

static void nobody_waits_for_a_masked_timer(void)
{
    board_start();
    board_start_pics();
    load(0, 0x34, 100);
    out(0x21, 1, 0x01);
    CU_ASSERT_EQUAL(devices_deadline(&board), UINT64_MAX);
}

static void port_61h_shows_channel_2(void)
{
    board_start();
    out(0x61, 1, 1);
    load(2, 0x30, 1000);
    CU_ASSERT_EQUAL(in(0x61, 1) & 0x23, 1);
    board_wait(clocks(1000));
    CU_ASSERT_EQUAL(in(0x61, 1) & 0x23, 0x21);
}

static void bcd_counts(void)
{
    board_start();
    load(1, 0x35, 0x1000);
    board_wait(clocks(1));
    CU_ASSERT_EQUAL(latched(1), 0x0999);
}

/* The read-back command: status, then the count that was latched with it. */
static struct {
    unsigned status;
    uint16_t count;
} shown;

static void show(unsigned channel)
{
    out(0x43, 1, 0xc0 | 2u << channel);
    shown.status = in((uint16_t)(0x40 + channel), 1);
    shown.count = (uint16_t)in((uint16_t)(0x40 + channel), 1);
    shown.count |= (uint16_t)(in((uint16_t)(0x40 + channel), 1) << 8);
}

static void wait_until(uint64_t started, uint64_t clock)
{
    board_wait(started + clocks(clock) - board.bus.now);
}

/* Intel 8254, "Mode Definitions": the count and the output (status bit 7) so many clocks after the count was loaded. Channel 1 counts freely. */
static void each_mode_counts_and_puts_out_as_defined(void)
{
    enum { HIGH = 0x80, LOW = 0 };
    static const struct {
        uint8_t control, clock;
        uint16_t load, count;
        uint8_t status;
    } rows[] = {
        {0x70, 0, 5, 5, LOW | 0x30},      {0x70, 4, 5, 1, LOW | 0x30},  {0x70, 5, 5, 0, HIGH | 0x30},    {0x70, 7, 5, 0xfffe, HIGH | 0x30},
        {0x74, 0, 5, 5, HIGH | 0x34},     {0x74, 3, 5, 2, HIGH | 0x34}, {0x74, 4, 5, 1, LOW | 0x34},     {0x74, 5, 5, 5, HIGH | 0x34},
        {0x74, 9, 5, 1, LOW | 0x34},      {0x76, 0, 6, 6, HIGH | 0x36}, {0x76, 2, 6, 2, HIGH | 0x36},    {0x76, 3, 6, 6, LOW | 0x36},
        {0x76, 5, 6, 2, LOW | 0x36},      {0x76, 7, 6, 4, HIGH | 0x36}, {0x76, 3, 7, 0, HIGH | 0x36},    {0x76, 4, 7, 6, LOW | 0x36},
        {0x78, 4, 5, 1, HIGH | 0x38},     {0x78, 5, 5, 0, LOW | 0x38},  {0x78, 6, 5, 0xffff, 0xb8},      {0x7c, 4, 5, 1, LOW | 0x34},
        {0x7e, 3, 6, 6, LOW | 0x36},      {0x74, 0, 0, 0, HIGH | 0x34}, {0x74, 1, 0, 0xffff, 0xb4},      {0x71, 0, 0, 0, LOW | 0x31},
        {0x71, 1, 0, 0x9999, LOW | 0x31}, {0x71, 7, 5, 0x9998, 0xb1},   {0x75, 1, 0x4321, 0x4320, 0xb5}, {0x75, 22, 0x4321, 0x4299, 0xb5},
        {0x50, 3, 5, 2, LOW | 0x10},      {0x60, 3, 5, 2, LOW | 0x20},
    };
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        board_start();
        board_wait(12345);
        out(0x43, 1, rows[i].control);
        if ((rows[i].control & 0x10) != 0)
            out(0x41, 1, rows[i].load & 0xffu);
        if ((rows[i].control & 0x30) == 0x20)
            out(0x41, 1, rows[i].load); /* the high byte: 5 * 256 */
        if ((rows[i].control & 0x30) == 0x30)
            out(0x41, 1, rows[i].load >> 8);
        wait_until(12345, rows[i].clock);
        show(1);
        CU_ASSERT_EQUAL(shown.status, rows[i].status);
        if ((rows[i].control & 0x30) == 0x10)
            CU_ASSERT_EQUAL(shown.count, 0x0202); /* the low byte alone, then the live one again */
        if ((rows[i].control & 0x30) == 0x20)
            CU_ASSERT_EQUAL(shown.count, 0x0404);
        if ((rows[i].control & 0x30) == 0x30)
            CU_ASSERT_EQUAL(shown.count, rows[i].count);
    }
}

static void at_power_on_no_channel_has_a_count(void)
{
    board_start();
    for (unsigned channel = 0; channel < 3; channel++) {
        show(channel);
        CU_ASSERT_EQUAL(shown.status, 0xf6); /* output high, null count, both bytes, mode 3 */
        CU_ASSERT_EQUAL(shown.count, 0);
    }
    CU_ASSERT_EQUAL(in(0x61, 1) & 3, 0);
    CU_ASSERT_EQUAL(in(0x43, 1), 0xff);
}

static void what_is_latched_stays_until_it_is_read(void)
{
    board_start();
    load(1, 0x74, 1000);
    load(2, 0xb0, 100);
    board_wait(clocks(60));
    out(0x43, 1, 0xc0 | 2 | 4 | 8); /* status and count of all three */
    board_wait(clocks(100));
    out(0x43, 1, 0xc0 | 2 | 4 | 8);
    out(0x43, 1, 0x40);
    CU_ASSERT_EQUAL(in(0x41, 1), 0xb4);
    CU_ASSERT_EQUAL(in(0x41, 1), 940 & 0xff);
    CU_ASSERT_EQUAL(in(0x41, 1), 940 >> 8);
    CU_ASSERT_EQUAL(in(0x41, 1), 840 & 0xff); /* the live count */
    CU_ASSERT_EQUAL(in(0x42, 1), 0x30);
    CU_ASSERT_EQUAL(in(0x42, 1), 40);
    CU_ASSERT_EQUAL(in(0x42, 1), 0);
    out(0x43, 1, 0xd0 | 8);             /* the count alone */
    CU_ASSERT_EQUAL(in(0x42, 1), 0xc4); /* 100 - 160 */
    CU_ASSERT_EQUAL(in(0x42, 1), 0xff);
    out(0x43, 1, 0xe0 | 8);
    out(0x43, 1, 0xb0); /* a new command forgets both, and which byte is next */
    load(2, 0xb0, 0x1234);
    out(0x42, 1, 0x78);
    out(0x43, 1, 0xb0);
    out(0x42, 1, 0x56);
    out(0x42, 1, 0x34);
    CU_ASSERT_EQUAL(in(0x42, 1), 0x56);
    CU_ASSERT_EQUAL(in(0x42, 1), 0x34);
}

/* "Programmable one-shot", "Hardware triggered strobe": the count starts with the rise of the gate, and again with each rise. */
static void the_gate_triggers_modes_1_and_5(void)
{
    board_start();
    load(2, 0xb2, 10);
    board_wait(clocks(50));
    show(2);
    CU_ASSERT_EQUAL(shown.status, 0xf2);
    CU_ASSERT_EQUAL(shown.count, 10);
    out(0x61, 1, 3);
    CU_ASSERT_EQUAL(in(0x61, 1) & 0x23, 3);
    const uint64_t started = board.bus.now;
    wait_until(started, 9);
    out(0x61, 1, 1); /* high already: no trigger */
    CU_ASSERT_EQUAL(in(0x61, 1) & 0x23, 1);
    wait_until(started, 10);
    CU_ASSERT_EQUAL(in(0x61, 1) & 0x20, 0x20);
    out(0x61, 1, 0);
    CU_ASSERT_EQUAL(in(0x61, 1) & 0x21, 0x20);
    out(0x61, 1, 1);
    CU_ASSERT_EQUAL(in(0x61, 1) & 0x21, 1);
    out(0x61, 1, 0);
    load(2, 0xba, 10);
    CU_ASSERT_EQUAL(in(0x61, 1) & 0x20, 0x20);
    out(0x61, 1, 1);
    const uint64_t strobed = board.bus.now;
    wait_until(strobed, 10);
    CU_ASSERT_EQUAL(in(0x61, 1) & 0x20, 0);
    wait_until(strobed, 11);
    CU_ASSERT_EQUAL(in(0x61, 1) & 0x20, 0x20);
}

static void a_rising_gate_restarts_the_periodic_modes_alone(void)
{
    static const struct {
        uint8_t control;
        uint16_t count;
    } rows[] = {{0xb0, 70}, {0xb4, 80}, {0xb6, 60}, {0xb8, 70}};
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        board_start();
        load(2, rows[i].control, 100);
        board_wait(clocks(10));
        out(0x61, 1, 1);
        const uint64_t risen = board.bus.now;
        wait_until(risen, 20);
        CU_ASSERT_EQUAL(latched(2), rows[i].count);
    }
}

static void port_61h_toggles_with_the_refresh(void)
{
    board_start();
    static const unsigned ns[] = {15000, 15200, 30000, 30300};
    for (unsigned i = 0; i < 4; i++) {
        board_wait(ns[i] - board.bus.now);
        CU_ASSERT_EQUAL(in(0x61, 1) >> 4 & 1, i == 1 || i == 2);
    }
}

static void a_strobe_interrupts_when_it_ends(void)
{
    board_start();
    board_start_pics();
    load(0, 0x38, 100);
    CU_ASSERT_EQUAL(devices_deadline(&board), clocks(101));
    board_wait(clocks(101) - 1);
    CU_ASSERT_FALSE(board_interrupt());
    board_wait(1);
    CU_ASSERT_EQUAL(board_acknowledge(), 0x20);
    CU_ASSERT_EQUAL(devices_deadline(&board), UINT64_MAX);
}

/* What channel 0 did before it was given a new mode or count is no interrupt of the new one. */
static void a_new_count_interrupts_for_itself_alone(void)
{
    static const uint8_t controls[][2] = {{0x34, 0x34}, {0x34, 0x30}, {0x30, 0x30}, {0x30, 0x38}, {0x30, 0}, {0x36, 0x32}};
    for (unsigned i = 0; i < sizeof(controls) / sizeof(controls[0]); i++) {
        board_start();
        board_start_pics();
        load(0, controls[i][0], 100);
        board_wait(clocks(100));
        CU_ASSERT_EQUAL(board_acknowledge(), 0x20);
        out(0x20, 1, 0x20);
        if (controls[i][1] != 0)
            out(0x43, 1, controls[i][1]);
        board_wait(clocks(1));
        out(0x40, 1, 200);
        board_wait(clocks(250));
        CU_ASSERT_FALSE(board_interrupt());
        const uint64_t loaded = board.bus.now;
        out(0x40, 1, 0);
        CU_ASSERT_FALSE(board_interrupt());
        const bool one_shot = controls[i][1] == 0x32; /* its gate never rises */
        const uint64_t rise = loaded + clocks(controls[i][1] == 0x38 ? 201 : 200);
        CU_ASSERT_EQUAL(devices_deadline(&board), one_shot ? UINT64_MAX : rise);
        board_wait(rise - board.bus.now);
        CU_ASSERT_EQUAL(board_interrupt(), !one_shot);
    }
}

/* The output of mode 0 falls with the command and with the first byte, so that a request which nobody took goes away. */
static void terminal_count_falls_with_a_new_command_or_count(void)
{
    for (unsigned i = 0; i < 4; i++) {
        board_start();
        board_start_pics();
        load(0, i == 3 ? 0x34 : 0x30, 100);
        board_wait(clocks(100));
        CU_ASSERT_TRUE(board_interrupt());
        if (i == 0)
            load(1, 0x70, 5); /* of another channel */
        else if (i == 1)
            out(0x40, 1, 5);
        else
            out(0x43, 1, i == 2 ? 0x30 : 0x34); /* mode 2 puts out high as before */
        CU_ASSERT_EQUAL(board_interrupt(), i == 0 || i == 3);
    }
}

/* Several periods that nobody looked at are one edge; the write that looks does not lose it. */
static void a_late_look_is_one_interrupt(void)
{
    board_start();
    board_start_pics();
    load(0, 0x34, 100);
    board.bus.now += clocks(350);
    out(0x43, 1, 0x40); /* latches channel 1 */
    CU_ASSERT_EQUAL(board_acknowledge(), 0x20);
    out(0x20, 1, 0x20);
    CU_ASSERT_FALSE(board_interrupt());
    CU_ASSERT_EQUAL(devices_deadline(&board), clocks(400));
}

SUITE("handlers/devices/pit", {"a_rate_generator_counts_down_and_reloads", a_rate_generator_counts_down_and_reloads},
      {"a_square_wave_is_high_for_half_its_period", a_square_wave_is_high_for_half_its_period},
      {"a_latched_count_stands_still", a_latched_count_stands_still}, {"the_read_back_command_latches_status", the_read_back_command_latches_status},
      {"channel_0_interrupts_every_period", channel_0_interrupts_every_period}, {"terminal_count_interrupts_once", terminal_count_interrupts_once},
      {"nobody_waits_for_a_masked_timer", nobody_waits_for_a_masked_timer}, {"port_61h_shows_channel_2", port_61h_shows_channel_2},
      {"bcd_counts", bcd_counts}, {"each_mode_counts_and_puts_out_as_defined", each_mode_counts_and_puts_out_as_defined},
      {"at_power_on_no_channel_has_a_count", at_power_on_no_channel_has_a_count},
      {"what_is_latched_stays_until_it_is_read", what_is_latched_stays_until_it_is_read},
      {"the_gate_triggers_modes_1_and_5", the_gate_triggers_modes_1_and_5},
      {"a_rising_gate_restarts_the_periodic_modes_alone", a_rising_gate_restarts_the_periodic_modes_alone},
      {"port_61h_toggles_with_the_refresh", port_61h_toggles_with_the_refresh},
      {"a_strobe_interrupts_when_it_ends", a_strobe_interrupts_when_it_ends},
      {"a_new_count_interrupts_for_itself_alone", a_new_count_interrupts_for_itself_alone},
      {"terminal_count_falls_with_a_new_command_or_count", terminal_count_falls_with_a_new_command_or_count},
      {"a_late_look_is_one_interrupt", a_late_look_is_one_interrupt})
