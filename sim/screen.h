/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text screen of a PC, 80 columns by 25 lines, as lines of text. */
#ifndef SIM_SCREEN_H
#define SIM_SCREEN_H

#include <stddef.h>
#include <stdint.h>

enum { SIM_SCREEN_ADDRESS = 0xb8000, SIM_SCREEN_COLUMNS = 80, SIM_SCREEN_LINES = 25, SIM_SCREEN_BYTES = SIM_SCREEN_COLUMNS * SIM_SCREEN_LINES * 2 };
enum { SIM_SCREEN_TEXT_BYTES = SIM_SCREEN_LINES * (SIM_SCREEN_COLUMNS + 1) };

/* Cells of character and attribute become lines without the blanks at their ends, '\n' behind each; empty lines at the end are left out. What is not
   ASCII becomes '.'. The size of the text, which nothing terminates. */
size_t sim_screen_text(const uint8_t cells[SIM_SCREEN_BYTES], char text[SIM_SCREEN_TEXT_BYTES]);

#endif
