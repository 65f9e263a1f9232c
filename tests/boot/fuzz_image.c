/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz_image COUNT [FIRST]: random images FIRST to FIRST + COUNT - 1 on the bare machine. Each is a function of its number, must end within its limit, in
   one of the ways that are known, and the same when it runs again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image.h"
#include "sim/multiboot.h"
#include "tests/support/growth.h"
#include "tests/support/watch.h"

enum { ENDS = SIM_BOARD_FAILED + 1, AGAIN_ONE_IN = 4 };

static uint64_t current;
static unsigned long long images[IMAGE_KINDS][ENDS], instructions, exits, entries_refused;

/* What a run came to; two runs of one image are the same in all of it. */
struct result {
    enum sim_board_end end;
    unsigned status;
    uint64_t retired, time, exits, refused, output; /* output: a checksum */
    char error[160];
};

static void on_output(void *context, unsigned port, uint8_t byte)
{
    struct result *result = context;
    result->output = result->output * 31 + byte + port;
}

static void on_exit_of_guest(void *context, struct bk_vcpu *vcpu)
{
    (void)vcpu;
    ((struct result *)context)->exits++;
}

static void on_refusal(void *context, struct bk_vcpu *vcpu)
{
    (void)vcpu;
    ((struct result *)context)->refused++;
}

static bool fail(const struct image *image, const char *what)
{
    printf("image %llu (%s): %s\n", (unsigned long long)current, image_kind_names[image->kind], what);
    return false;
}

/* What is left out ends a run in words; all else that does is a mistake of the machine. */
static bool is_known(const struct result *result)
{
    return result->end != SIM_BOARD_RUNS && (result->end != SIM_BOARD_FAILED || strstr(result->error, "ot modelled") != NULL ||
                                             strncmp(result->error, "an SMI", strlen("an SMI")) == 0);
}

static bool run(const struct image *image, struct result *result)
{
    const char *message;
    char why[MULTIBOOT_ERROR_BYTES];
    *result = (struct result){.status = 0};
    const struct sim_bare_options options = {
        .caps = image->caps, .ram_bytes = image->ram_bytes, .cpus = image->cpus, .limit = IMAGE_LIMIT, .context = result, .output = on_output};
    struct bk_machine *machine = sim_bare_new(&options, &message);
    if (machine == NULL)
        return fail(image, message);
    const struct multiboot_request request = {.kernel = {image->bytes, image->size, "hostile"}};
    if (!sim_multiboot_load(machine, &request, why)) {
        sim_machine_free(machine);
        return fail(image, why);
    }
    for (unsigned i = 0; i < image->patches; i++)
        (void)bk_write(machine, image->patch[i].address, image->patch[i].bytes, image->patch[i].size);
    machine->board->context = result;
    machine->board->exited = on_exit_of_guest;
    machine->board->entry_failed = on_refusal;
    result->end = sim_bare_run(machine, &result->status);
    result->retired = sim_retired(machine);
    result->time = sim_now(&machine->vcpu[0]);
    memcpy(result->error, machine->error, sizeof result->error);
    sim_machine_free(machine);
    return is_known(result) || fail(image, result->error);
}

static bool one_image(uint64_t number)
{
    static struct image image;
    struct result first, again;
    current = number;
    if (!image_make(&image, number))
        return fail(&image, "its kernel is not there");
    if (!run(&image, &first))
        return false;
    images[image.kind][first.end]++;
    instructions += first.retired;
    exits += first.exits;
    entries_refused += first.refused;
    if (number % AGAIN_ONE_IN != 0)
        return true;
    return run(&image, &again) && (memcmp(&first, &again, sizeof first) == 0 || fail(&image, "another run of it differs"));
}

static bool number_of(const char *text, uint64_t *value)
{
    char *end;
    *value = strtoull(text, &end, 10);
    return *text != '\0' && *text != '-' && *end == '\0';
}

static void tell(void)
{
    static const char *const ends[ENDS] = {"", "off", "status", "reset", "triple fault", "dead", "limit", "paused", "not modelled"};
    for (unsigned kind = 0; kind < IMAGE_KINDS; kind++) {
        printf("%-16s", image_kind_names[kind]);
        for (unsigned end = SIM_BOARD_OFF; end < ENDS; end++)
            printf(" %6llu %s", images[kind][end], ends[end]);
        printf("\n");
    }
    printf("%llu instructions, %llu VM exits, %llu VM entries refused\n", instructions, exits, entries_refused);
}

int main(int argc, char **argv)
{
    uint64_t total = 0, first = 1;
    if (argc < 2 || argc > 3 || !number_of(argv[1], &total) || (argc > 2 && !number_of(argv[2], &first))) {
        fprintf(stderr, "usage: fuzz_image COUNT [FIRST]    images FIRST to FIRST + COUNT - 1 (from 1); each depends on its number only\n");
        return 2;
    }
    watch_begin("image");
    unsigned long long bad = 0;
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    struct growth growth = {.marked = false};
    for (uint64_t i = 0; i < total; i++) {
        watch_case(first + i);
        bad += !one_image(first + i);
        if (i == GROWTH_WARM_UP)
            growth_mark(&growth);
    }
    tell();
    printf("%llu images, %llu wrong\n", (unsigned long long)total, bad);
    return growth_found(&growth) || bad != 0;
}
