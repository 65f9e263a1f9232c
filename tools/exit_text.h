/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One VM exit in words. */
#ifndef TOOLS_EXIT_TEXT_H
#define TOOLS_EXIT_TEXT_H

#include <stddef.h>

#include "../handlers/bench/trace.h"

/* What the exit-information fields of an exit record mean: "out port 0x80, size 1", "#PF error 0x2 at 0x1000"; "" when the reason says it all. */
void exit_text(const struct trace_record *exit, char *text, size_t size);

/* An event as the interruption-information fields hold it: "#GP error 0x0", "interrupt 0x20", "NMI". */
void event_text(uint64_t info, uint64_t error_code, char *text, size_t size);

#endif
