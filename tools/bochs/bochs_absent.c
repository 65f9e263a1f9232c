/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stands in for the Bochs runner in a build without the hardware image. */
#include "bochs_run.h"

#include <stdio.h>

bool bochs_run(const struct sim_scenario *scenarios, size_t count, struct sim_trace *trace, struct bochs_outcome *outcomes, struct sim_error *error)
{
    (void)scenarios;
    (void)count;
    (void)trace;
    (void)outcomes;
    *error = (struct sim_error){.file = "bochs"};
    snprintf(error->message, sizeof error->message,
             "this vmxbench was built without the hardware image (it wants a compiler for x86-64, objcopy and NASM, and VMXBENCH_HW=ON)");
    return false;
}

const char *bochs_model(const char *profile)
{
    (void)profile;
    return "";
}
