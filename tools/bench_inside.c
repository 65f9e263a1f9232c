/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The benchmark's hypervisor inside: round trips of a VMCALL exit on the bare machine and on Bochs. */
#define _DEFAULT_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../sim/assemble.h"
#include "../sim/multiboot.h"
#include "bench_figures.h"
#include "bochs/bochs_run.h"
#include "files.h"

enum { REPEATS = 3, FEW = 1, ON_BOCHS = 300000, HERE = 1000000, MANY = 10000000, MEMORY_MIB = 32 };

/* The image for so many exits. */
static bool make_image(unsigned rounds, struct assembled *image)
{
    static const char path[] = VMXBENCH_BENCH_FOLDER "/round_trip.asm";
    struct sim_error error = {0};
    uint8_t *source;
    size_t size;
    if (!file_read(path, &source, &size)) {
        fprintf(stderr, "%s cannot be read\n", path);
        return false;
    }
    char *text = malloc(size + 64);
    bool made = text != NULL;
    if (made) {
        snprintf(text, size + 64, "ROUNDS equ %u\n%s", rounds, (const char *)source);
        made = assemble(path, 0, text, 32, 0x100000, image, &error);
        if (!made)
            fprintf(stderr, "%s:%u: %s\n", error.file, error.line, error.message);
    }
    free(text);
    free(source);
    return made;
}

static void on_output(void *context, unsigned port, uint8_t byte)
{
    (void)port;
    *(uint8_t *)context = byte;
}

/* Seconds; 0 when the image did not come to its end. *megabytes: resident memory then. */
static double run_here(const struct assembled *image, double *megabytes)
{
    const char *message;
    char why[MULTIBOOT_ERROR_BYTES];
    uint8_t said = 0;
    unsigned status;
    const struct sim_bare_options options = {.ram_bytes = (uint64_t)MEMORY_MIB << 20, .cpus = 1, .context = &said, .output = on_output};
    const struct multiboot_request request = {.kernel = {image->bytes, image->size, ""}};
    struct bk_machine *machine = sim_bare_new(&options, &message);
    if (machine == NULL)
        return 0;
    double seconds = 0;
    if (sim_multiboot_load(machine, &request, why)) {
        const double start = bench_now();
        (void)sim_bare_run(machine, &status);
        seconds = said == 'D' ? bench_now() - start : 0;
        *megabytes = bench_resident();
    }
    sim_machine_free(machine);
    return seconds;
}

static double run_on_bochs(unsigned rounds)
{
    struct assembled image;
    struct sim_error error;
    uint8_t *serial = NULL;
    size_t size = 0;
    if (!make_image(rounds, &image))
        return 0;
    const double start = bench_now();
    const bool ran = bochs_run_image(image.bytes, image.size, BOCHS_PROFILE, MEMORY_MIB, &serial, &size, &error);
    const double seconds = ran && size == 1 && serial[0] == 'D' ? bench_now() - start : 0;
    free(serial);
    assembled_free(&image);
    return seconds;
}

/* Resident memory in MBytes after so many exits, in a process of its own; 0: it did not come so far. */
static double resident_after(unsigned rounds)
{
    int ends[2];
    double megabytes = 0;
    if (pipe(ends) != 0)
        return 0;
    const pid_t child = fork();
    if (child == 0) {
        struct assembled image;
        double measured = 0;
        const bool good = make_image(rounds, &image) && run_here(&image, &measured) > 0;
        _exit(good && write(ends[1], &measured, sizeof measured) == (ssize_t)sizeof measured ? 0 : 1);
    }
    close(ends[1]);
    int status = 0;
    const bool told = child > 0 && read(ends[0], &megabytes, sizeof megabytes) == (ssize_t)sizeof megabytes;
    close(ends[0]);
    return child > 0 && waitpid(child, &status, 0) == child && told ? megabytes : 0;
}

bool bench_inside(struct bench_figures *figures)
{
    struct assembled image;
    double best = 0, megabytes;
    if (!make_image(HERE, &image))
        return false;
    for (int i = 0; i < REPEATS; i++) {
        const double seconds = run_here(&image, &megabytes);
        if (i == 0 || seconds < best)
            best = seconds;
    }
    assembled_free(&image);
    const double here = bench_ratio(HERE, best);
    const double few = run_on_bochs(FEW), many = run_on_bochs(ON_BOCHS);
    const double there = few > 0 && many > few ? (ON_BOCHS - FEW) / (many - few) : 0;
    bench_add(figures, "inside_exits_per_second", "VMCALL exits of a hypervisor that runs inside, round trips", "exits/s", here, 400000);
    bench_add(figures, "inside_times_bochs", "the same against the same image on Bochs", "x", bench_ratio(here, there), 5);
    bench_add(figures, "inside_memory_mb", "resident memory of a machine with a hypervisor, 1,000,000 exits", "MB", resident_after(HERE), -64);
    bench_add(figures, "inside_memory_later_mb", "the same after 10,000,000 exits", "MB", resident_after(MANY), -64);
    return true;
}
