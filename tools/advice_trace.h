/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Advice for a trace, which cannot run again: which changes concern its exits, and what these cost at most. */
#ifndef TOOLS_ADVICE_TRACE_H
#define TOOLS_ADVICE_TRACE_H

#include <stdbool.h>

#include "moves.h"

/* Prints it on standard output. False after a complaint: the trace cannot be read. */
bool advice_of_trace(const char *path, bool json);
/* The lines "why", "price" and "line" of a change. */
void advice_print_move(const struct move *move);

#endif
