/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The forms of a trace: each writes a beginning, every record, and an end. */
#ifndef TOOLS_TRACE_WRITERS_H
#define TOOLS_TRACE_WRITERS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "../handlers/bench/trace.h"

enum { CONSOLE_PORTS = 4, CONSOLE_LINE = 80 };

/* What a form may know while it walks over the records. */
struct trace_progress {
    FILE *to;
    unsigned scenarios;  /* begun so far */
    uint64_t exits;      /* of this scenario, this one included */
    uint64_t base_ticks; /* of the scenarios before, so that one clock runs through the file */
    bool open, comma;    /* kept by forms with brackets */
    struct {
        bool seen, entered;     /* has exited before; an entry followed the last exit */
        uint64_t entered_ticks; /* when, */
        uint64_t physical_cpu;  /* and where: of its last exit */
    } vcpu[TRACE_VCPUS];        /* of this scenario */
    struct {
        uint64_t port;
        uint8_t bytes[CONSOLE_LINE];
        unsigned size, vcpu;
    } console[CONSOLE_PORTS]; /* what was written to ports and has not been shown yet */
};

struct trace_form {
    void (*begin)(struct trace_progress *progress);
    void (*record)(struct trace_progress *progress, const struct trace_record *record);
    void (*end)(struct trace_progress *progress);
};

extern const struct trace_form trace_form_text, trace_form_json, trace_form_ftrace, trace_form_chrome;

/* "steps done", "guest halted" ... */
const char *trace_stop_text(uint64_t stop);
/* "interrupt", "NMI" ...: enum packed_step_kind of a stimulus. */
const char *trace_stimulus_text(uint64_t kind);
/* Length of the UTF-8 character at `byte` with `left` bytes to the end of the text; 0 when it is none. */
size_t utf8_length(const unsigned char *byte, size_t left);
/* A string of JSON, quotes included. Bytes that are no UTF-8 text become U+FFFD. */
void json_string(FILE *to, const void *text, size_t length);

#endif
