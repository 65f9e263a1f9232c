/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bochs as a machine for the hardware image. */
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "../../sim/multiboot_image.h"
#include "internal.h"

const char *bochs_model(const char *profile)
{
    static const struct {
        const char *profile, *model;
    } rows[] = {{"nehalem", "corei7_haswell_4770"}, {"haswell", "corei7_haswell_4770"}, {"skylake-sp", "corei7_skylake_x"},
                {"icelake-sp", "corei7_icelake_u"}, {"sapphire-rapids", "tigerlake"},   {"bochs-skylake-x", "corei7_skylake_x"},
                {"bochs-tigerlake", "tigerlake"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcasecmp(rows[i].profile, profile) == 0)
            return rows[i].model;
    return "corei7_skylake_x";
}

bool bochs_run_image(const void *image, size_t size, const char *profile, unsigned memory_mbytes, uint8_t **serial, size_t *serial_size,
                     struct sim_error *error)
{
    struct bytes rom = {NULL, 0, 0}, out = {NULL, 0, 0};
    bool stuck = false;
    struct multiboot_image read;
    bool done = multiboot_read_image(image, size, &read) == NULL && read.segments == 1;
    if (done) {
        const struct multiboot_segment *s = &read.segment[0];
        const struct bochs_flat_kernel kernel = {(const uint8_t *)image + s->from, s->file_bytes, (uint32_t)s->address, read.entry};
        done = bochs_make_rom_of(&rom, &kernel, memory_mbytes);
    }
    if (!done) {
        *error = (struct sim_error){.file = "bochs"};
        snprintf(error->message, sizeof error->message, "no ROM could be made of the image");
    }
    done = done && bochs_boot(&rom, bochs_model(profile), memory_mbytes, 1, &out, &stuck, error);
    free(rom.data);
    *serial = out.data;
    *serial_size = out.size;
    return done && !stuck;
}

static bool boot(const struct hw_machine *machine, const struct hw_boot *what, struct bytes *serial, bool *stuck, struct sim_error *error)
{
    (void)machine;
    struct bytes rom = {NULL, 0, 0};
    bool done = bochs_make_rom(&rom, what->module->data, what->module->size, what->memory_mbytes);
    if (!done) {
        *error = (struct sim_error){.file = "bochs"};
        snprintf(error->message, sizeof error->message, "no ROM could be made of the image and the scenarios");
    }
    done = done && bochs_boot(&rom, what->model, what->memory_mbytes, what->cpus, serial, stuck, error);
    free(rom.data);
    return done;
}

bool bochs_run(const struct sim_scenario *scenarios, size_t count, struct sim_trace *trace, struct bochs_outcome *outcomes, struct sim_error *error)
{
    static const struct hw_machine machine = {.name = "bochs", .model = bochs_model, .module_room = bochs_module_room, .boot = boot};
    return hw_run(&machine, scenarios, count, trace, outcomes, error);
}
