/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a command line names as TRACE|SCENARIO: a trace file as it is, a scenario script by running it on the simulator. */
#ifndef TOOLS_TRACES_H
#define TOOLS_TRACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../handlers/bench/trace.h"

struct trace_file {
    uint8_t *bytes;
    size_t size;
};

/* False after a complaint of one line on standard error. The bytes are checked to open as a trace. */
bool trace_load(const char *command, const char *path, struct trace_file *out);
/* The same; scenarios of a script that name no CPU profile run with this one (NULL: the default). */
bool trace_load_as(const char *command, const char *path, const char *profile, struct trace_file *out);
void trace_unload(struct trace_file *trace);

/* Writes a trace with its seal behind it, "VMXC" and the CRC-32 of all before, which trace_load() checks where it stands; as file_write() otherwise. */
bool trace_save(const char *path, const uint8_t *bytes, size_t size);

/* Says where a trace is damaged, as one line on standard error. */
void trace_complain(const char *path, const struct trace_reader *reader);

/* Says that there is nothing to show: no VM exit (of that virtual CPU; negative: of any). */
void trace_complain_empty(const char *path, int vcpu);

/* Name of an exit reason, "UNKNOWN (99)" beyond the table. */
const char *trace_reason_name(uint64_t reason, char text[24]);
/* Ticks from the exit to the next entry. An exit that no entry follows has the cost of the exit alone. */
uint64_t trace_handled_ticks(const struct trace_record *exit);

#endif
