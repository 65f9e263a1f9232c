/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two runs of the same scenarios side by side: exits and time by reason, before and after a change. */
#ifndef TOOLS_WHATIF_H
#define TOOLS_WHATIF_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Prints the table of two traces. */
void whatif_table(FILE *to, const uint8_t *before, size_t before_size, const uint8_t *after, size_t after_size);

#endif
