/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stands in for the Bochs runner in a build without the hardware image. */
#include "bochs_run.h"

#include <stdio.h>

static bool absent(const char *machine, struct sim_error *error)
{
    *error = (struct sim_error){.line = 0};
    snprintf(error->file, sizeof error->file, "%s", machine);
    snprintf(error->message, sizeof error->message,
             "this vmxbench was built without the hardware image (it wants a compiler for x86-64, objcopy and NASM, and VMXBENCH_HW=ON)");
    return false;
}

bool bochs_run(const struct sim_scenario *scenarios, size_t count, struct sim_trace *trace, struct bochs_outcome *outcomes, struct sim_error *error)
{
    (void)scenarios, (void)count, (void)trace, (void)outcomes;
    return absent("bochs", error);
}

bool inside_run(const struct sim_scenario *scenarios, size_t count, struct sim_trace *trace, struct bochs_outcome *outcomes, struct sim_error *error)
{
    (void)scenarios, (void)count, (void)trace, (void)outcomes;
    return absent("inside", error);
}

bool qemu_run(const struct sim_scenario *scenarios, size_t count, struct sim_trace *trace, struct bochs_outcome *outcomes, struct sim_error *error)
{
    (void)scenarios, (void)count, (void)trace, (void)outcomes;
    return absent("image", error);
}

const char *bochs_model(const char *profile)
{
    (void)profile;
    return "";
}

bool bochs_run_image(const void *image, size_t size, const char *profile, unsigned memory_mbytes, uint8_t **serial, size_t *serial_size,
                     struct sim_error *error)
{
    (void)image, (void)size, (void)profile, (void)memory_mbytes, (void)serial, (void)serial_size;
    return absent("bochs", error);
}
