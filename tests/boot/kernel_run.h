/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One run of a kernel of this folder on the bare machine, or on Bochs. */
#ifndef TESTS_KERNEL_RUN_H
#define TESTS_KERNEL_RUN_H

#include "../../sim/bare.h"
#include "../../tools/bochs/internal.h"

enum { KERNEL_ALL_RIGHT = 1, KERNEL_RAM_MBYTES = 32, KERNEL_WORDS = 4 };

/* What is left out: processor 0 alone, a command line of nothing, what a loader leaves in IA32_FEATURE_CONTROL. */
struct kernel_run {
    const char *name, *profile;
    unsigned host; /* 32: protected mode, 36: with PAE, 64: 64-bit mode */
    unsigned cpus;
    const char *text;         /* command line */
    bool from_rom;            /* as firmware, cold, and not by the multiboot loader */
    bool feature_control_set; /* IA32_FEATURE_CONTROL of every processor, */
    uint64_t feature_control; /* this */
    hpa_t watched;            /* words of physical memory that are wanted when all is over */
};

struct kernel_outcome {
    char *serial; /* freed by the caller; ends in 0 */
    enum sim_board_end end;
    unsigned status;
    char error[160]; /* machine->error */
    uint32_t word[KERNEL_WORDS];
    gva_t rip; /* of the processor that ended the run */
};

struct kernel_outcome kernel_run(const struct kernel_run *run);
/* The same, but saved at that instant, in the measure of limits, and gone on with from the file on another machine. */
struct kernel_outcome kernel_run_interrupted(const struct kernel_run *run, uint64_t at);
/* Runs it twice, and asserts that all of its lines are right and the same both times. Returns the lines, freed by the caller. */
char *kernel_all_right(const struct kernel_run *run);
/* The name of the nth kernel, from 0 on, whose guests have exited for this basic reason in a run of this process; NULL: there is none. */
const char *kernel_that_raised(unsigned reason, unsigned nth);
/* Its lines on Bochs; freed by the caller. */
char *kernel_on_bochs(const struct kernel_run *run);

#endif
