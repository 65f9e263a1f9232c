/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text screen of a PC as lines of text. */
#include "screen.h"

static char shown(uint8_t character)
{
    if (character == 0)
        return ' ';
    return character >= 0x20 && character < 0x7f ? (char)character : '.';
}

size_t sim_screen_text(const uint8_t cells[SIM_SCREEN_BYTES], char text[SIM_SCREEN_TEXT_BYTES])
{
    size_t size = 0, end = 0;
    for (unsigned line = 0; line < SIM_SCREEN_LINES; line++) {
        size_t line_end = size;
        for (unsigned column = 0; column < SIM_SCREEN_COLUMNS; column++) {
            text[size] = shown(cells[(line * SIM_SCREEN_COLUMNS + column) * 2]);
            if (text[size++] != ' ')
                line_end = size;
        }
        if (line_end > size - SIM_SCREEN_COLUMNS)
            end = line_end + 1;
        size = line_end;
        text[size++] = '\n';
    }
    return end;
}
