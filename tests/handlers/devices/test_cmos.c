/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CMOS memory and clock: RAM sizes, the fixed date, interrupts. */
#include "tests/support/board.h"

static uint32_t get(uint8_t index)
{
    out(0x70, 1, index);
    return in(0x71, 1);
}

static void put(uint8_t index, uint8_t value)
{
    out(0x70, 1, index);
    out(0x71, 1, value);
}

static void ram_sizes_stand_where_firmware_looks(void)
{
    board_start();
    CU_ASSERT_EQUAL(get(0x15) | get(0x16) << 8, 640);
    CU_ASSERT_EQUAL(get(0x30) | get(0x31) << 8, 63 * 1024);
    CU_ASSERT_EQUAL(get(0x34) | get(0x35) << 8, 48 * 16);
}

static void small_ram_has_only_extended_memory(void)
{
    const struct devices_config config = {.ram_bytes = 2 << 20, .ticks_per_second = BOARD_HZ, .cpus = 1};
    devices_init(&board, &config);
    CU_ASSERT_EQUAL(get(0x30) | get(0x31) << 8, 1024);
    CU_ASSERT_EQUAL(get(0x34) | get(0x35) << 8, 0);
}

static void the_clock_starts_at_a_fixed_date_and_runs(void)
{
    board_start();
    CU_ASSERT_EQUAL(get(9), 0x00);
    CU_ASSERT_EQUAL(get(0x32), 0x20);
    CU_ASSERT_EQUAL(get(8), 0x01);
    CU_ASSERT_EQUAL(get(7), 0x01);
    CU_ASSERT_EQUAL(get(6), 7);                                                 /* a Saturday */
    board.bus.now = (uint64_t)BOARD_HZ * (86400 * 59 + 3600 * 13 + 60 * 5 + 9); /* 2000 is a leap year */
    CU_ASSERT_EQUAL(get(8), 0x02);
    CU_ASSERT_EQUAL(get(7), 0x29);
    CU_ASSERT_EQUAL(get(4), 0x13);
    CU_ASSERT_EQUAL(get(2), 0x05);
    CU_ASSERT_EQUAL(get(0), 0x09);
}

static void hours_may_be_twelve_and_values_binary(void)
{
    board_start();
    board.bus.now = (uint64_t)BOARD_HZ * 3600 * 15;
    put(0x0b, 0x00);
    CU_ASSERT_EQUAL(get(4), 0x83);
    put(0x0b, 0x06);
    CU_ASSERT_EQUAL(get(4), 15);
}

static void the_clock_can_be_set(void)
{
    board_start();
    put(0x0b, 0x82); /* stand still */
    put(9, 0x24);
    put(8, 0x12);
    put(7, 0x31);
    put(4, 0x23);
    put(2, 0x59);
    put(0, 0x59);
    put(0x0b, 0x02);
    board_wait(BOARD_HZ);
    CU_ASSERT_EQUAL(get(9), 0x25);
    CU_ASSERT_EQUAL(get(8), 0x01);
    CU_ASSERT_EQUAL(get(7), 0x01);
    CU_ASSERT_EQUAL(get(0), 0x00);
}

static void periodic_interrupts_follow_the_rate(void)
{
    board_start();
    board_start_pics();
    put(0x0a, 0x26); /* 1024 Hz */
    put(0x0b, 0x42);
    CU_ASSERT_EQUAL(devices_deadline(&board), 976563); /* 32 cycles of 32768 Hz, rounded up */
    board_wait(976562);
    CU_ASSERT_FALSE(board_interrupt());
    board_wait(1);
    CU_ASSERT_EQUAL(board_acknowledge(), 0x28);
    CU_ASSERT_EQUAL(get(0x0c), 0xc0);
    CU_ASSERT_EQUAL(get(0x0c), 0);
    board_wait(976563);
    out(0xa0, 1, 0x20);
    out(0x20, 1, 0x20);
    CU_ASSERT_TRUE(board_interrupt());
}

static void update_interrupts_come_every_second(void)
{
    board_start();
    board_start_pics();
    put(0x0b, 0x12);
    CU_ASSERT_EQUAL(devices_deadline(&board), BOARD_HZ);
    board_wait(BOARD_HZ);
    CU_ASSERT_TRUE(board_interrupt());
    CU_ASSERT_EQUAL(get(0x0c) & 0x90, 0x90);
}

static void other_bytes_are_memory(void)
{
    board_start();
    put(0x40, 0x5a);
    CU_ASSERT_EQUAL(get(0x40), 0x5a);
    put(0x0d, 0);
    CU_ASSERT_EQUAL(get(0x0d), 0x80);
}

static void start_with(uint64_t ram_bytes, unsigned cpus)
{
    const struct devices_config config = {.ram_bytes = ram_bytes, .ticks_per_second = BOARD_HZ, .cpus = cpus};
    devices_init(&board, &config);
}

static uint32_t pair(uint8_t index)
{
    return get(index) | get((uint8_t)(index + 1)) << 8;
}

/* Extended memory in KBytes up to 64 MBytes, and what is above 16 MBytes in 64 KBytes. */
static void ram_sizes_end_at_what_their_bytes_hold(void)
{
    static const struct {
        uint64_t mb;
        uint32_t extended, above_16;
    } rows[] = {
        {1, 0, 0}, {2, 1024, 0}, {16, 15 * 1024, 0}, {17, 16 * 1024, 16}, {64, 63 * 1024, 48 * 16}, {65, 0xffff, 49 * 16}, {5000, 0xffff, 0xffff}};
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        start_with(rows[i].mb << 20, 1);
        CU_ASSERT_EQUAL(pair(0x15), 640);
        CU_ASSERT_EQUAL(pair(0x17), rows[i].extended);
        CU_ASSERT_EQUAL(pair(0x30), rows[i].extended);
        CU_ASSERT_EQUAL(get(0x32), 0x20);
        CU_ASSERT_EQUAL(pair(0x34), rows[i].above_16);
        CU_ASSERT_EQUAL(get(0x36), 0);
    }
}

static void firmware_finds_what_it_asks_for(void)
{
    start_with(32 << 20, 4);
    CU_ASSERT_EQUAL(get(0x5f), 3); /* processors beside the first */
    CU_ASSERT_EQUAL(get(0x60), 0);
    CU_ASSERT_EQUAL(get(0x14), 0x06);
    CU_ASSERT_EQUAL(get(0x3d), 0x21);
    CU_ASSERT_EQUAL(get(0x0a), 0x26);
    CU_ASSERT_EQUAL(get(0x0b), 0x02);
    CU_ASSERT_EQUAL(get(0x0d), 0x80);
    start_with(32 << 20, 1);
    CU_ASSERT_EQUAL(get(0x5f), 0);
}

static void set_date(unsigned century, unsigned year, unsigned month, unsigned day)
{
    put(0x0b, 0x82);
    put(0x32, (uint8_t)century);
    put(9, (uint8_t)year);
    put(8, (uint8_t)month);
    put(7, (uint8_t)day);
    put(4, 0x23);
    put(2, 0x59);
    put(0, 0x59);
    put(0x0b, 0x02);
}

/* The day after, and what day of the week it is (1 is Sunday). */
static void the_calendar_is_gregorian(void)
{
    static const struct {
        uint8_t from[4], to[4], weekday;
    } rows[] = {
        {{0x20, 0x23, 0x02, 0x28}, {0x20, 0x23, 0x03, 0x01}, 4}, {{0x20, 0x24, 0x02, 0x28}, {0x20, 0x24, 0x02, 0x29}, 5},
        {{0x20, 0x99, 0x12, 0x31}, {0x21, 0x00, 0x01, 0x01}, 6}, {{0x21, 0x00, 0x02, 0x28}, {0x21, 0x00, 0x03, 0x01}, 2},
        {{0x20, 0x00, 0x02, 0x28}, {0x20, 0x00, 0x02, 0x29}, 3}, {{0x20, 0x24, 0x12, 0x30}, {0x20, 0x24, 0x12, 0x31}, 3},
        {{0x20, 0x24, 0x04, 0x30}, {0x20, 0x24, 0x05, 0x01}, 4}, {{0x19, 0x70, 0x01, 0x01}, {0x19, 0x70, 0x01, 0x02}, 6},
        {{0x20, 0x24, 0x10, 0x31}, {0x20, 0x24, 0x11, 0x01}, 6}, {{0x20, 0x24, 0x12, 0x31}, {0x20, 0x25, 0x01, 0x01}, 4},
    };
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        board_start();
        board_wait(BOARD_HZ * UINT64_C(1000) + 5);
        set_date(rows[i].from[0], rows[i].from[1], rows[i].from[2], rows[i].from[3]);
        CU_ASSERT_EQUAL(get(7), rows[i].from[3]);
        CU_ASSERT_EQUAL(get(0), 0x59);
        board_wait(BOARD_HZ);
        CU_ASSERT_EQUAL(get(0x32), rows[i].to[0]);
        CU_ASSERT_EQUAL(get(9), rows[i].to[1]);
        CU_ASSERT_EQUAL(get(8), rows[i].to[2]);
        CU_ASSERT_EQUAL(get(7), rows[i].to[3]);
        CU_ASSERT_EQUAL(get(6), rows[i].weekday);
        CU_ASSERT_EQUAL(get(4) | get(2) | get(0), 0);
    }
}

static void a_date_that_is_none_leaves_the_clock_alone(void)
{
    board_start();
    put(0x0b, 0x82);
    put(0x32, 0x19);
    put(9, 0x69);
    put(0x0b, 0x02);
    CU_ASSERT_EQUAL(get(0x32), 0x20);
    CU_ASSERT_EQUAL(get(9), 0x00);
    put(0x0b, 0x82);
    put(7, 0x00);
    put(0x0b, 0x02);
    CU_ASSERT_EQUAL(get(7), 0x01);
}

/* With twelve hours bit 7 is the afternoon, and midnight and noon are twelve. */
static void twelve_hours_go_round_at_twelve(void)
{
    static const struct {
        uint8_t hour, shown, binary;
    } rows[] = {{0, 0x12, 12}, {1, 0x01, 1}, {11, 0x11, 11}, {12, 0x92, 0x8c}, {13, 0x81, 0x81}, {23, 0x91, 0x8b}};
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        board_start();
        put(0x0b, 0x00);
        put(4, rows[i].shown);
        CU_ASSERT_EQUAL(get(4), rows[i].shown);
        put(0x0b, 0x06);
        CU_ASSERT_EQUAL(get(4), rows[i].hour);
        put(0x0b, 0x04);
        CU_ASSERT_EQUAL(get(4), rows[i].binary);
        put(4, rows[i].binary);
        put(0x0b, 0x02);
        CU_ASSERT_EQUAL(get(4), rows[i].hour / 10 << 4 | rows[i].hour % 10);
    }
}

static void a_clock_that_is_being_set_stands_still(void)
{
    board_start();
    put(0x0b, 0x82);
    put(2, 0x30);
    board_wait(UINT64_C(100) * BOARD_HZ);
    CU_ASSERT_EQUAL(get(2), 0x30);
    CU_ASSERT_EQUAL(get(0), 0x00);
}

/* DS12887, "Periodic Interrupt Rate": in cycles of 32,768 Hz. */
static void each_rate_has_its_period(void)
{
    static const uint32_t cycles[16] = {0, 128, 256, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384};
    for (unsigned rate = 0; rate < 16; rate++) {
        board_start();
        board_start_pics();
        board_wait(777);
        put(0x0a, (uint8_t)(0xa0 | rate));
        CU_ASSERT_EQUAL(get(0x0a), 0x20 | rate); /* bit 7 is the clock's */
        put(0x0b, 0x42);
        const uint64_t due = 777 + bus_rescale_up(cycles[rate], 32768, BOARD_HZ);
        CU_ASSERT_EQUAL(devices_deadline(&board), rate == 0 ? UINT64_MAX : due);
        board_wait(due - 1 - board.bus.now);
        CU_ASSERT_FALSE(board_interrupt());
        board_wait(1);
        CU_ASSERT_EQUAL(board_interrupt(), rate != 0);
        CU_ASSERT_EQUAL(devices_deadline(&board), UINT64_MAX); /* until register C is read */
        (void)get(0x0c);
        CU_ASSERT_EQUAL(devices_deadline(&board), rate == 0 ? UINT64_MAX : 777 + bus_rescale_up(2 * (uint64_t)cycles[rate], 32768, BOARD_HZ));
    }
}

/* Flags come with or without their enable bits; the request only with one, and one read takes all. */
static void register_c_tells_what_came(void)
{
    board_start();
    board_start_pics();
    board_wait(BOARD_HZ);
    CU_ASSERT_FALSE(board_interrupt());
    CU_ASSERT_EQUAL(get(0x0c), 0x50);
    CU_ASSERT_EQUAL(get(0x0c), 0);
    CU_ASSERT_EQUAL(get(0x0d), 0x80);
    put(0x0b, 0x52);
    CU_ASSERT_EQUAL(devices_deadline(&board), BOARD_HZ + 976563);
    put(0x0c, 0xff);
    board_wait(BOARD_HZ);
    CU_ASSERT_EQUAL(board_acknowledge(), 0x28);
    CU_ASSERT_EQUAL(get(0x0b), 0x52); /* takes nothing */
    out(0xa0, 1, 0x20);
    out(0x20, 1, 0x20);
    board_wait(BOARD_HZ);
    CU_ASSERT_FALSE(board_interrupt()); /* the line is still high */
    CU_ASSERT_EQUAL(get(0x0c), 0xd0);
    put(0x0b, 0x12);
    CU_ASSERT_EQUAL(devices_deadline(&board), UINT64_C(4) * BOARD_HZ);
}

/* An access sees what came due before it, and a rate begins with its write. */
static void an_access_sees_what_was_due(void)
{
    board_start();
    board_start_pics();
    put(0x0b, 0x42);
    board.bus.now += 1000000;
    CU_ASSERT_EQUAL(get(0x0c), 0xc0);
    board.bus.now += 1000000;
    put(0x0b, 0x02);
    CU_ASSERT_TRUE(board_interrupt());
    CU_ASSERT_EQUAL(get(0x0c), 0xc0);
    put(0x0a, 0x26);
    CU_ASSERT_EQUAL(get(0x0c), 0);
}

static void the_index_register_cannot_be_read(void)
{
    board_start();
    out(0x70, 1, 0x8d); /* bit 7 masks NMIs */
    CU_ASSERT_EQUAL(in(0x70, 1), 0xff);
    CU_ASSERT_EQUAL(in(0x71, 1), 0x80);
}

SUITE("handlers/devices/cmos", {"ram_sizes_stand_where_firmware_looks", ram_sizes_stand_where_firmware_looks},
      {"small_ram_has_only_extended_memory", small_ram_has_only_extended_memory},
      {"the_clock_starts_at_a_fixed_date_and_runs", the_clock_starts_at_a_fixed_date_and_runs},
      {"hours_may_be_twelve_and_values_binary", hours_may_be_twelve_and_values_binary}, {"the_clock_can_be_set", the_clock_can_be_set},
      {"periodic_interrupts_follow_the_rate", periodic_interrupts_follow_the_rate},
      {"update_interrupts_come_every_second", update_interrupts_come_every_second}, {"other_bytes_are_memory", other_bytes_are_memory},
      {"ram_sizes_end_at_what_their_bytes_hold", ram_sizes_end_at_what_their_bytes_hold},
      {"firmware_finds_what_it_asks_for", firmware_finds_what_it_asks_for}, {"the_calendar_is_gregorian", the_calendar_is_gregorian},
      {"a_date_that_is_none_leaves_the_clock_alone", a_date_that_is_none_leaves_the_clock_alone},
      {"twelve_hours_go_round_at_twelve", twelve_hours_go_round_at_twelve},
      {"a_clock_that_is_being_set_stands_still", a_clock_that_is_being_set_stands_still}, {"each_rate_has_its_period", each_rate_has_its_period},
      {"register_c_tells_what_came", register_c_tells_what_came}, {"an_access_sees_what_was_due", an_access_sees_what_was_due},
      {"the_index_register_cannot_be_read", the_index_register_cannot_be_read})
