/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Snapshots of bare machines in files: the header of every snapshot, what the machine is made of, its state, the trace so far, RAM and ROM. */
#include "snapshot_bare.h"

#include <stdio.h>
#include <stdlib.h>

#include "profile.h"
#include "snapshot_file.h"

static const char magic[8] = {'V', 'M', 'X', 'B', 'B', 'A', 'R', 'E'};
enum { PROFILE_BYTES = 128 };

SNAPSHOT_COVERS(struct sim_board, 104 + sizeof(struct hv_device_set));
SNAPSHOT_COVERS(struct sim_board_trace, sizeof(struct trace_writer) + 32 + 24 * SIM_BARE_CPUS_MAX);

/* ---- both ways ---- */
/* What sim_bare_new() needs; the contents of the ROM come with RAM. */
static void makings(struct archive *a, struct sim_bare_options *o, char profile[PROFILE_BYTES])
{
    archive_mark(a, "bare");
    archive_bytes(a, profile, PROFILE_BYTES);
    profile[PROFILE_BYTES - 1] = '\0';
    ARCHIVE(a, o->ram_bytes);
    ARCHIVE(a, o->rom_bytes);
    ARCHIVE(a, o->cpus);
    ARCHIVE(a, o->fw_cfg);
}

static void board(struct archive *a, struct bk_machine *machine)
{
    struct sim_board *board = machine->board;
    snapshot_machine(a, machine);
    archive_mark(a, "brd ");
    ARCHIVE(a, board->window);
    ARCHIVE(a, board->sequence);
    ARCHIVE(a, board->deadline);
    ARCHIVE_BELOW(a, board->turn, machine->vcpu_count + 1);
    ARCHIVE_BELOW(a, board->culprit, machine->vcpu_count);
    ARCHIVE(a, board->triple_fault);
    snapshot_devices(a, &board->devices);
}

static void traced(struct archive *a, struct sim_bare_trace *t)
{
    struct sim_board_trace *trace = t->trace;
    archive_mark(a, "trac");
    ARCHIVE(a, t->recorded);
    t->bytes = snapshot_block(a, t->bytes, &t->size);
    for (unsigned i = 0; i < TRACE_VCPUS; i++)
        ARCHIVE_ARRAY(a, trace->writer.gpr[i]);
    ARCHIVE(a, trace->writer.exits);
    for (unsigned i = 0; i < SIM_BARE_CPUS_MAX; i++) {
        ARCHIVE(a, trace->cpu[i].retired);
        ARCHIVE(a, trace->cpu[i].exited);
        ARCHIVE(a, trace->cpu[i].entry_cost);
    }
}

/* ---- writing ---- */
static bool fail(struct sim_error *error, const char *path, const char *what, const char *why)
{
    *error = (struct sim_error){.line = 0};
    snprintf(error->file, sizeof error->file, "%s", path);
    snprintf(error->message, sizeof error->message, "%s: %s", what, why);
    return false;
}

bool sim_bare_snapshot_write(struct bk_machine *machine, const struct sim_bare_trace *trace, const char *path, struct sim_error *error)
{
    struct archive a = {0};
    struct sim_ram_image ram = {0};
    /* Writing changes none of them; the fields are named for both ways. */
    struct sim_bare_options of = {.ram_bytes = machine->board->ram_bytes,
                                  .rom_bytes = machine->board->rom_bytes,
                                  .cpus = machine->vcpu_count,
                                  .fw_cfg = machine->board->devices.fw_cfg.present};
    struct sim_bare_trace so_far = *trace;
    char profile[PROFILE_BYTES] = {0};
    snprintf(profile, sizeof profile, "%s", machine->caps.name);
    if (!snapshot_ram_take(&ram, machine)) {
        snapshot_ram_free(&ram);
        return fail(error, path, "the snapshot cannot be written", "out of memory");
    }
    snapshot_header(&a, magic);
    makings(&a, &of, profile);
    board(&a, machine);
    traced(&a, &so_far);
    snapshot_pages(&a, &ram);
    const bool good = snapshot_file_write(&a, path, error);
    free(a.bytes);
    snapshot_ram_free(&ram);
    return good;
}

bool sim_bare_snapshot_is_file(const char *path)
{
    return snapshot_file_claims(path, magic);
}

/* ---- reading ---- */
static struct bk_machine *make(struct archive *a, const struct sim_bare_options *calls, struct sim_bare_options *of, const char **message)
{
    char profile[PROFILE_BYTES];
    *of = *calls;
    makings(a, of, profile);
    of->caps = sim_profile(profile);
    if (a->wrong == NULL && of->caps == NULL)
        archive_fail(a, "its CPU profile is not known here");
    if (a->wrong != NULL || of->rom_bytes > SIM_BARE_ROM_MAX) {
        *message = a->wrong != NULL ? a->wrong : "the ROM is too large";
        return NULL;
    }
    void *rom = calloc(1, of->rom_bytes + 1); /* its bytes come with RAM */
    of->rom = rom;
    *message = "out of memory";
    struct bk_machine *machine = rom != NULL ? sim_bare_new(of, message) : NULL;
    free(rom);
    return machine;
}

/* A window is about a microsecond. What a processor does in one go may take it beyond the end, but not by minutes, which windows would take for ever to
   catch up with. */
static bool is_beyond_window(const struct bk_machine *machine)
{
    const uint64_t far = UINT64_C(1) << 40, window = machine->board->window;
    bool beyond = false;
    for (unsigned i = 0; i < machine->vcpu_count; i++) {
        const uint64_t now = sim_now(&machine->vcpu[i]);
        beyond |= now > window && now - window > far;
    }
    return beyond;
}

static void load(struct archive *a, struct bk_machine *machine, struct sim_bare_trace *trace)
{
    struct sim_ram_image ram = {0};
    const uint64_t limit = machine->limit;
    board(a, machine);
    traced(a, trace);
    snapshot_pages(a, &ram);
    if (a->wrong == NULL && is_beyond_window(machine))
        archive_fail(a, "a processor's time is far beyond that of the machine");
    if (a->wrong == NULL && a->at != a->size)
        archive_fail(a, "there is more in it than belongs there");
    if (a->wrong == NULL && ram.pages != machine->log.pages)
        archive_fail(a, "the machines differ in RAM");
    if (a->wrong == NULL)
        snapshot_ram_restore(&ram, machine, snapshot_number());
    machine->limit = limit;
    machine->pause = UINT64_MAX;
    snapshot_ram_free(&ram);
}

struct bk_machine *sim_bare_snapshot_read(const char *path, const struct sim_bare_options *calls, struct sim_bare_trace *trace,
                                          struct sim_error *error)
{
    struct archive a = {0};
    struct sim_bare_options of;
    const char *message = NULL;
    struct bk_machine *machine = NULL;
    if (snapshot_file_read(&a, path, magic, error)) {
        machine = make(&a, calls, &of, &message);
        if (machine != NULL)
            load(&a, machine, trace);
        if (machine == NULL || a.wrong != NULL)
            (void)fail(error, path, "the snapshot cannot be used", a.wrong != NULL ? a.wrong : message);
    }
    if (machine != NULL && a.wrong != NULL) {
        sim_machine_free(machine);
        machine = NULL;
        free(trace->bytes);
        trace->bytes = NULL;
    }
    free(a.bytes);
    return machine;
}
