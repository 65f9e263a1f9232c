/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text in columns of a terminal. */
#ifndef TOOLS_WRAP_H
#define TOOLS_WRAP_H

#include <stdio.h>

enum { WRAP_COLUMNS = 100 };

/* Columns that UTF-8 text takes: wide characters take two. */
unsigned text_columns(const char *text);
/* Writes text from column `at` on, broken at blanks (and between wide characters) to WRAP_COLUMNS; later lines are indented to `at`. Ends the line. */
void wrap_text(FILE *to, unsigned at, const char *text);

#endif
