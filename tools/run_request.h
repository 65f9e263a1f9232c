/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the command line of `vmxbench run` asks for. */
#ifndef TOOLS_RUN_REQUEST_H
#define TOOLS_RUN_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include "bochs/bochs_run.h"
#include "override.h"
#include "trace_format.h"

struct run_request {
    struct override_list changes;
    const char *profile; /* of scenarios that name none; NULL: the default */
    enum run_machine { RUN_ON_SIM, RUN_ON_BOCHS, RUN_ON_INSIDE, RUN_ON_QEMU, RUN_ON_LINE } on;
    struct line line;         /* RUN_ON_LINE: where the image's serial stream comes from */
    const char *pack_path;    /* the portable scenarios go there as a boot module, and nothing runs */
    const char *profile_path; /* what the image's processor offers goes there */
    const char *trace_path, *junit_path;
    bool tap, quiet, format_given;
    bool verdicts_aside; /* standard output is taken: verdicts go to standard error */
    enum trace_format format;
    unsigned jobs, repeat;
};

/* As --on names it, for complaints. */
const char *run_machine_name(enum run_machine machine);

/* Reads the options; optind is left at the first name of a file. -1: go on; otherwise the exit status. */
int run_request_parse(struct run_request *request, int argc, char **argv);

#endif
