/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Scenarios on Bochs: the hardware image boots on the emulated processor's VT-x and runs them there. */
#ifndef TOOLS_BOCHS_RUN_H
#define TOOLS_BOCHS_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../sim/compare.h"
#include "../../sim/run.h"

struct bochs_outcome {
    bool ran;        /* to its end: its trace is whole */
    bool refused;    /* it did not even begin and left no trace */
    bool lost;       /* what a line said of it did not arrive whole: it is not known how it ended */
    char text[160];  /* why it ended as it did, for people; "" when all went as planned */
    char dump[4096]; /* its VMCSs in the words of KVM's dump_vmcs, where it failed; "" otherwise */
};

/* Runs the scenarios, as many in one boot as go together, and appends their traces in order to `trace` (zeroed for a new one). A scenario that does not
   come to its end costs no other: the rest runs in another boot; its own trace ends where the machine did, with TRACE_STOP_HOST_ERROR. One that was
   refused leaves no trace. `outcomes` has `count` elements. False: Bochs cannot run at all, *error says why. */
bool bochs_run(const struct sim_scenario *scenarios, size_t count, struct sim_trace *trace, struct bochs_outcome *outcomes, struct sim_error *error);

/* The same on the simulated machine: the image boots there, in VMX root operation of its own. */
bool inside_run(const struct sim_scenario *scenarios, size_t count, struct sim_trace *trace, struct bochs_outcome *outcomes, struct sim_error *error);

/* The same on this host's VT-x: QEMU with KVM and nested VMX boots the image. */
bool qemu_run(const struct sim_scenario *scenarios, size_t count, struct sim_trace *trace, struct bochs_outcome *outcomes, struct sim_error *error);
/* The same on a computer that somebody else boots with these very scenarios as a boot module: its serial line, a pipe, or a file that recorded it. A
   scenario that the image did not come to counts as refused. */
struct line {
    const char *path;
    unsigned wait_seconds; /* it may be silent for so long; 0: ten minutes until the image begins, then one */
};
bool line_run(const struct line *line, const struct sim_scenario *scenarios, size_t count, struct sim_trace *trace, struct bochs_outcome *outcomes,
              struct sim_error *error);

/* What the processor of the last boot offers, as the image told it: the text of a CPU profile (sim/profile.h). No bytes when there was no boot. */
const char *hw_measured_profile(size_t *size);

/* Boots a multiboot image of one segment on Bochs with the processor nearest to the profile; what it sends over COM1 is the caller's to free. It ends by the word
   of port 8900H. False: Bochs cannot run, *error says why. */
bool bochs_run_image(const void *image, size_t size, const char *profile, unsigned memory_mbytes, uint8_t **serial, size_t *serial_size,
                     struct sim_error *error);

/* The CPU profile for scenarios that name none, when both paths are to show the same. */
#define BOCHS_PROFILE "bochs-skylake-x"
/* The Bochs processor model for a CPU profile: its namesake, or the nearest. */
const char *bochs_model(const char *profile);

/* Where Bochs 2.7 is known to deviate from the SDM in what an exit record shows. */
extern const struct sim_known_difference bochs_known_differences[];
extern const size_t bochs_known_difference_count;

/* Scenarios that end otherwise on Bochs 2.7. */
struct bochs_deviation {
    const char *script;   /* its file's name without .lua */
    const char *scenario; /* its name; a trailing '*' stands for any rest */
    const char *what;     /* what Bochs does, and what the SDM says */
};
extern const struct bochs_deviation bochs_deviations[];
extern const size_t bochs_deviation_count;
/* The entry of a scenario; NULL: Bochs is not known to go wrong with it. */
const struct bochs_deviation *bochs_deviation(const struct sim_scenario *scenario);

#endif
