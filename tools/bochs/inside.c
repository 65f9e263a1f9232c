/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The simulated machine as a machine for the hardware image: its VMX root operation is code that runs in the engine. */
#include <stdio.h>
#include <stdlib.h>

#include "../../sim/multiboot.h"
#include "../../sim/profile.h"
#include "internal.h"

extern const uint8_t bochs_kernel[], bochs_kernel_end[];

/* A guest that loops is ended by the image itself; this bounds an image that does. */
#define LIMIT UINT64_C(20000000000)
enum { MODULE_BYTES_MAX = 256 << 20 };

static const char *same_profile(const char *profile)
{
    return sim_profile(profile)->name;
}

static size_t module_room(void)
{
    return MODULE_BYTES_MAX;
}

static void on_output(void *context, unsigned port, uint8_t byte)
{
    enum { COM1 = 0x3f8 };
    if (port == COM1)
        (void)bytes_add(context, &byte, 1);
}

static bool boot(const struct hw_machine *hw, const struct hw_boot *what, struct bytes *serial, bool *stuck, struct sim_error *error)
{
    (void)hw;
    const char *message;
    char why[MULTIBOOT_ERROR_BYTES];
    unsigned status;
    const struct sim_bare_options options = {.caps = sim_profile(what->model),
                                             .ram_bytes = (uint64_t)what->memory_mbytes << 20,
                                             .cpus = what->cpus,
                                             .limit = LIMIT,
                                             .context = serial,
                                             .output = on_output};
    const struct multiboot_file file = {what->module->data, what->module->size, "scenarios"};
    const struct multiboot_request request = {
        .kernel = {bochs_kernel, (uint64_t)(bochs_kernel_end - bochs_kernel), ""}, .modules = &file, .module_count = 1};
    struct bk_machine *machine = sim_bare_new(&options, &message);
    *error = (struct sim_error){.file = "inside"};
    if (machine == NULL) {
        snprintf(error->message, sizeof error->message, "%s", message);
        return false;
    }
    const bool loaded = sim_multiboot_load(machine, &request, why);
    if (!loaded)
        snprintf(error->message, sizeof error->message, "%s", why);
    else
        *stuck = sim_bare_run(machine, &status) == SIM_BOARD_LIMIT;
    sim_machine_free(machine);
    return loaded;
}

bool inside_run(const struct sim_scenario *scenarios, size_t count, struct sim_trace *trace, struct bochs_outcome *outcomes, struct sim_error *error)
{
    static const struct hw_machine machine = {.name = "inside", .model = same_profile, .module_room = module_room, .boot = boot};
    return hw_run(&machine, scenarios, count, trace, outcomes, error);
}
