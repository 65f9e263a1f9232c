/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs a packed scenario and keeps all that a run leaves behind: its trace, the processors' states, the guest's memory. */
#ifndef TESTS_EXACT_H
#define TESTS_EXACT_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/machine.h"
#include "vmx-model/state.h"

struct exact_run {
    bool good; /* the scenario ran; if not, text says why */
    char text[160];
    uint8_t *trace;
    uint64_t trace_size, trace_room;
    struct vmx_state state[8];
    unsigned vcpus;
    uint8_t *ram; /* guest RAM at the end */
    uint64_t ram_size;
    uint64_t instructions, exits;
    unsigned stop; /* enum trace_stop */
};

/* What a scenario needs to run. */
struct exact_input {
    const void *packed;
    uint64_t packed_size;
    const struct vmx_caps *caps; /* NULL: the default profile */
    uint64_t guest_bytes;
    unsigned vcpus;
};

/* `longest_run` as in struct sim_machine_options. Free with exact_free(). */
void exact_run(const struct exact_input *input, uint64_t longest_run, struct exact_run *out);
void exact_free(struct exact_run *run);

/* True when nothing differs. If something does, `text` (of `size` bytes) says what came first: a record of the trace, a register, a byte
   of memory. */
bool exact_equal(const struct exact_run *a, const struct exact_run *b, char *text, unsigned size);

#endif
