/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A binary trace in the forms that other tools read: text, JSON, ftrace's KVM events, Chrome's trace events. */
#ifndef TOOLS_TRACE_FORMAT_H
#define TOOLS_TRACE_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum trace_format { TRACE_FORMAT_TEXT, TRACE_FORMAT_JSON, TRACE_FORMAT_FTRACE, TRACE_FORMAT_CHROME };

/* False: there is no form of that name. */
bool trace_format_of_name(const char *name, enum trace_format *format);
/* Writes a whole trace file (one or several traces). False: `to` cannot be written, or the trace is malformed. */
bool trace_format_write(FILE *to, enum trace_format format, const uint8_t *trace, size_t size);

#endif
