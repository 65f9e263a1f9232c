/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VGA registers: indexes and data, the attribute flip-flop, palette, beam. */
#include "tests/support/board.h"

static uint32_t get(uint16_t index_port, unsigned index)
{
    out(index_port, 1, index);
    return in((uint16_t)(index_port + 1), 1);
}

static void set(uint16_t index_port, unsigned index, uint32_t value)
{
    out(index_port, 2, index | value << 8); /* both bytes at once, as programs do */
}

static void indexed_registers_read_back(void)
{
    static const uint16_t ports[] = {0x3c4, 0x3ce, 0x3d4};
    board_start();
    for (unsigned i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
        set(ports[i], 2, 0x5a + i);
        CU_ASSERT_EQUAL(get(ports[i], 2), i == 2 ? 0x50u : 0x5a + i); /* timing of the display is protected */
        CU_ASSERT_EQUAL(in(ports[i], 1), 2);
        set(ports[i], 0xff, 1); /* nothing there */
        CU_ASSERT_EQUAL(get(ports[i], 0xff), 0);
    }
}

static void the_cursor_is_kept(void)
{
    board_start();
    set(0x3d4, 0x0e, 0x07);
    set(0x3d4, 0x0f, 0xd0);
    CU_ASSERT_EQUAL(get(0x3d4, 0x0e) << 8 | get(0x3d4, 0x0f), 2000);
}

static void timing_is_protected_until_it_is_unlocked(void)
{
    board_start();
    set(0x3d4, 7, 0);
    CU_ASSERT_EQUAL(get(0x3d4, 7), 0x0f); /* bit 4 alone is written */
    set(0x3d4, 0x11, get(0x3d4, 0x11) & 0x7f);
    set(0x3d4, 7, 0x55);
    CU_ASSERT_EQUAL(get(0x3d4, 7), 0x55);
}

static void attributes_alternate_between_index_and_data(void)
{
    board_start();
    (void)in(0x3da, 1);
    out(0x3c0, 1, 0x11);
    out(0x3c0, 1, 0x2a);
    out(0x3c0, 1, 0x31); /* the next index, with the screen on */
    CU_ASSERT_EQUAL(in(0x3c1, 1), 0x2a);
    CU_ASSERT_EQUAL(in(0x3c0, 1), 0x31);
    (void)in(0x3da, 1); /* an index comes next again */
    out(0x3c0, 1, 0x06);
    CU_ASSERT_EQUAL(in(0x3c1, 1), 0x14);
}

static void the_palette_goes_on_by_itself(void)
{
    board_start();
    out(0x3c8, 1, 255);
    for (unsigned i = 0; i < 4; i++)
        out(0x3c9, 1, 0xc1 + i); /* six bits each; the fourth is red of colour 0 */
    CU_ASSERT_EQUAL(in(0x3c8, 1), 0);
    CU_ASSERT_EQUAL(in(0x3c7, 1), 0);
    out(0x3c7, 1, 255);
    CU_ASSERT_EQUAL(in(0x3c7, 1), 3);
    for (unsigned i = 0; i < 4; i++)
        CU_ASSERT_EQUAL(in(0x3c9, 1), 1 + i);
}

static void the_beam_comes_round(void)
{
    unsigned retraces = 0, shown = 0;
    uint32_t last = 0;
    board_start();
    for (unsigned i = 0; i < 100000; i++) {
        board.bus.now += BOARD_HZ / 100000; /* a second in all */
        const uint32_t status = in(0x3da, 1);
        retraces += (status & 8) != 0 && (last & 8) == 0;
        shown += (status & 1) == 0;
        CU_ASSERT_TRUE((status & 8) == 0 || (status & 1) != 0);
        last = status;
    }
    CU_ASSERT_TRUE(retraces >= 69 && retraces <= 71);
    CU_ASSERT_TRUE(shown > 65000 && shown < 75000);
}

static void misc_output_reads_back(void)
{
    board_start();
    CU_ASSERT_EQUAL(in(0x3cc, 1), 0x67);
    out(0x3c2, 1, 0xe3);
    CU_ASSERT_EQUAL(in(0x3cc, 1), 0xe3);
    out(0x3c6, 1, 0x0f);
    CU_ASSERT_EQUAL(in(0x3c6, 1), 0x0f);
}

SUITE("handlers/devices/vga", {"indexed_registers_read_back", indexed_registers_read_back}, {"the_cursor_is_kept", the_cursor_is_kept},
      {"timing_is_protected_until_it_is_unlocked", timing_is_protected_until_it_is_unlocked},
      {"attributes_alternate_between_index_and_data", attributes_alternate_between_index_and_data},
      {"the_palette_goes_on_by_itself", the_palette_goes_on_by_itself}, {"the_beam_comes_round", the_beam_comes_round},
      {"misc_output_reads_back", misc_output_reads_back})
