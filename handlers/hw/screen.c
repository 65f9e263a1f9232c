/* SPDX-License-Identifier: MIT */
/* The VGA's text memory, 80 columns and 25 rows, for whoever sits before the machine without a serial line. */
#include "console.h"

#include <string.h>

enum { TEXT_MEMORY = 0xb8000, COLUMNS = 80, ROWS = 25, LIGHT_GREY = 0x0700 };

static struct {
    unsigned row, column;
} cursor;

static uint16_t *cell(unsigned row, unsigned column)
{
    return (uint16_t *)(uintptr_t)TEXT_MEMORY + row * COLUMNS + column;
}

static void clear_row(unsigned row)
{
    for (unsigned column = 0; column < COLUMNS; column++)
        *cell(row, column) = LIGHT_GREY | ' ';
}

static void next_row(void)
{
    cursor.column = 0;
    if (cursor.row + 1 < ROWS) {
        cursor.row++;
        return;
    }
    memmove(cell(0, 0), cell(1, 0), (ROWS - 1) * COLUMNS * sizeof(uint16_t));
    clear_row(ROWS - 1);
}

void screen_init(void)
{
    for (unsigned row = 0; row < ROWS; row++)
        clear_row(row);
}

void screen_byte(char byte)
{
    if (byte == '\n' || cursor.column == COLUMNS)
        next_row();
    if (byte != '\n')
        *cell(cursor.row, cursor.column++) = (uint16_t)(LIGHT_GREY | (uint8_t)byte);
}
