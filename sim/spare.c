/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Machines that are used again. */
#include "spare.h"

#include <stdlib.h>

#include "snapshot_internal.h"

/* The one that waits, and what every machine of its kind was like when it was new. */
struct spare {
    struct bk_machine *machine;
    uint64_t number;
    struct archive blank;
};
static _Thread_local struct spare spare;

static bool is_like(const struct bk_machine *machine, const struct sim_machine_options *options)
{
    const struct vmx_caps *caps = options->caps != NULL ? options->caps : vmx_default_profile();
    /* Where only padding differs a new machine is made, which is as good. */
    const bool same_caps = memcmp(&machine->caps, caps, sizeof *caps) == 0; /* NOLINT(bugprone-suspicious-memory-comparison) */
    return same_caps && machine->ram_size == SIM_GUEST_BASE + options->guest_bytes && machine->vcpu_count == options->vcpus;
}

void sim_spare_free(void)
{
    sim_machine_free(spare.machine);
    free(spare.blank.bytes);
    spare = (struct spare){0};
}

/* Writes what a new machine is like; false: it cannot be used again. */
static bool describe(struct bk_machine *machine)
{
    struct archive blank = {0};
    snapshot_machine(&blank, machine);
    free(spare.blank.bytes);
    spare.blank = blank;
    spare.number = snapshot_number();
    sim_ram_log_begin(&machine->log, spare.number);
    return blank.wrong == NULL;
}

static bool go_back(struct bk_machine *machine)
{
    struct sim_ram_image zero;
    struct archive blank = {.reading = true, .bytes = spare.blank.bytes, .size = spare.blank.size};
    const bool reserved = snapshot_ram_reserve(&zero, machine->log.pages, 0);
    if (reserved) {
        snapshot_ram_restore(&zero, machine, spare.number);
        snapshot_machine(&blank, machine);
    }
    snapshot_ram_free(&zero);
    return reserved && blank.wrong == NULL;
}

struct bk_machine *sim_spare_take(const struct sim_machine_options *options, const char **message)
{
    struct bk_machine *machine = spare.machine;
    spare.machine = NULL;
    if (machine != NULL && is_like(machine, options) && go_back(machine)) {
        machine->longest_run = options->longest_run != 0 ? options->longest_run : UINT64_MAX;
        machine->pause = UINT64_MAX;
        return machine;
    }
    sim_machine_free(machine);
    machine = sim_machine_new(options, message);
    if (machine != NULL && !describe(machine)) {
        *message = "out of memory";
        sim_machine_free(machine);
        return NULL;
    }
    return machine;
}

void sim_spare_give(struct bk_machine *machine)
{
    if (machine == NULL)
        return;
    sim_machine_free(spare.machine);
    spare.machine = machine;
}
