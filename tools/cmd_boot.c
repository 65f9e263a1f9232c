/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vmxbench boot: an image runs on the bare machine. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../sim/board_trace.h"
#include "../sim/multiboot.h"
#include "../sim/profile.h"
#include "../sim/scenario.h"
#include "../sim/snapshot.h"
#include "../sim/snapshot_bare.h"
#include "../vmx-model/checks.h"
#include "boot_files.h"
#include "boot_request.h"
#include "commands.h"
#include "explain_entry.h"
#include "traces.h"

/* ---- what the guest says ---- */
static void on_output(void *context, unsigned port, uint8_t byte)
{
    (void)context;
    FILE *to = port == UART_COM1 ? stdout : stderr;
    if (port == DEBUG_POST)
        return;
    (void)fputc(byte, to);
    if (byte == '\n')
        (void)fflush(to);
}

static void on_report(void *context, const char *text)
{
    (void)context;
    fprintf(stderr, "vmxbench boot: %s\n", text);
}

static void explain(void *context, const struct bk_vcpu *vcpu)
{
    (void)context;
    explain_entry(stderr, vcpu);
}

/* ---- the trace ---- */
struct buffer {
    uint8_t *bytes;
    size_t size, capacity;
};

static bool append(void *context, const void *bytes, uint32_t size)
{
    struct buffer *buffer = context;
    if (size > buffer->capacity - buffer->size) {
        const size_t capacity = (buffer->size + size) * 2;
        uint8_t *grown = realloc(buffer->bytes, capacity);
        if (grown == NULL)
            return false;
        buffer->bytes = grown;
        buffer->capacity = capacity;
    }
    memcpy(buffer->bytes + buffer->size, bytes, size);
    buffer->size += size;
    return true;
}

static bool discard(void *context, const void *bytes, uint32_t size)
{
    (void)context, (void)bytes, (void)size;
    return true;
}

/* ---- the run ---- */
/* Why the run ended, for people; "" for an end that the guest asked for. */
static void describe(const struct bk_machine *machine, enum sim_board_end end, char text[200])
{
    const struct bk_vcpu *vcpu = &machine->vcpu[machine->board->culprit];
    text[0] = '\0';
    switch (end) {
    case SIM_BOARD_RUNS:
    case SIM_BOARD_PAUSED:
    case SIM_BOARD_OFF:
    case SIM_BOARD_STATUS:
        return;
    case SIM_BOARD_RESET:
        snprintf(text, 200, "the guest asked for a reset");
        return;
    case SIM_BOARD_TRIPLE_FAULT:
        if (machine->error[0] != '\0')
            snprintf(text, 200, "%s", machine->error);
        else
            snprintf(text, 200, "triple fault of processor %u, RIP %" PRIX64 "H, after %" PRIu64 " instruction%s", vcpu->index, vcpu->cpu.state.rip,
                     sim_retired(machine), sim_retired(machine) == 1 ? "" : "s");
        return;
    case SIM_BOARD_DEAD:
        snprintf(text, 200, "every processor sleeps and nothing will wake one: processor 0 at RIP %" PRIX64 "H with interrupts %s",
                 machine->vcpu[0].cpu.state.rip, (machine->vcpu[0].cpu.state.rflags & 0x200) != 0 ? "on" : "off");
        return;
    case SIM_BOARD_LIMIT:
        snprintf(text, 200, "the limit of instructions was reached; processor %u is at RIP %" PRIX64 "H with interrupts %s", vcpu->index,
                 vcpu->cpu.state.rip, (vcpu->cpu.state.rflags & 0x200) != 0 ? "on" : "off");
        return;
    case SIM_BOARD_FAILED:
        snprintf(text, 200, "%s", machine->error);
        return;
    }
}

static int status_of(enum sim_board_end end, unsigned status)
{
    switch (end) {
    case SIM_BOARD_OFF:
    case SIM_BOARD_RESET:
        return 0;
    case SIM_BOARD_STATUS:
        return (int)(status & 0xff);
    case SIM_BOARD_RUNS:
    case SIM_BOARD_PAUSED:
    case SIM_BOARD_TRIPLE_FAULT:
    case SIM_BOARD_DEAD:
    case SIM_BOARD_LIMIT:
        return 1;
    case SIM_BOARD_FAILED:
        break;
    }
    return 2;
}

struct run {
    const struct boot_request *request;
    const struct sim_bare_options *options;
    struct bk_machine *machine;
    struct buffer buffer;
    struct sim_board_trace trace;
    bool goes_on; /* from a snapshot */
};

static int complain(const struct sim_error *error)
{
    fprintf(stderr, "vmxbench boot: %s: %s\n", error->file, error->message);
    return 2;
}

static void start_trace(struct run *run)
{
    const struct boot_request *request = run->request;
    if (request->explain)
        run->trace.explain = explain;
    if (request->trace == NULL && !request->explain)
        return;
    if (run->goes_on) {
        sim_board_trace_resume(&run->trace, run->machine);
    } else {
        trace_begin(&run->trace.writer);
        sim_board_trace_start(&run->trace, run->machine, request->name);
    }
}

static int save(struct run *run)
{
    struct sim_error error;
    const struct sim_bare_trace trace = {run->request->trace != NULL, &run->trace, run->buffer.bytes, run->buffer.size};
    return sim_bare_snapshot_write(run->machine, &trace, run->request->snapshot, &error) ? 0 : complain(&error);
}

static int end_trace(struct run *run, enum sim_board_end end, const char *text)
{
    const char *path = run->request->trace;
    if (path == NULL)
        return 0;
    sim_board_trace_end(&run->trace, end, text);
    if (!run->trace.writer.failed && trace_save(path, run->buffer.bytes, run->buffer.size))
        return 0;
    fprintf(stderr, "vmxbench boot: %s cannot be written: %s\n", path, strerror(errno));
    return 2;
}

static int go(struct run *run)
{
    char text[200];
    unsigned status = 0;
    run->trace.writer.sink = run->request->trace != NULL ? append : discard;
    run->trace.writer.context = &run->buffer;
    start_trace(run);
    if (run->request->snapshot != NULL)
        run->machine->pause = run->request->at;
    const enum sim_board_end end = sim_bare_run(run->machine, &status);
    describe(run->machine, end, text);
    if (fflush(stdout) != 0)
        return 2;
    if (end == SIM_BOARD_PAUSED)
        return save(run);
    if (text[0] != '\0')
        fprintf(stderr, "vmxbench boot: %s\n", text);
    if (end_trace(run, end, text) != 0)
        return 2;
    if (run->request->snapshot == NULL)
        return status_of(end, status);
    fprintf(stderr, "vmxbench boot: the run was over before --at %" PRIu64 ": nothing is saved\n", run->request->at);
    return 2;
}

/* NULL after a complaint. */
static struct bk_machine *start(const struct boot_request *request, const struct sim_bare_options *options, const struct boot_files *files)
{
    const char *message = NULL;
    char error[MULTIBOOT_ERROR_BYTES];
    struct bk_machine *machine = sim_bare_new(options, &message);
    if (machine == NULL) {
        fprintf(stderr, "vmxbench boot: %s: %s\n", files->bios.bytes != NULL ? request->bios : "no machine", message);
        return NULL;
    }
    if (request->bios != NULL || sim_multiboot_load(machine, &files->multiboot, error))
        return machine;
    fprintf(stderr, "vmxbench boot: %s: %s\n", request->image, error);
    sim_machine_free(machine);
    return NULL;
}

static struct bk_machine *reopen(struct run *run)
{
    const struct boot_request *request = run->request;
    struct sim_error error;
    struct sim_bare_trace trace = {.trace = &run->trace};
    struct bk_machine *machine = sim_bare_snapshot_read(request->image, run->options, &trace, &error);
    run->buffer = (struct buffer){trace.bytes, trace.size, trace.size};
    run->goes_on = true;
    if (machine == NULL)
        (void)complain(&error);
    if (machine == NULL || request->trace == NULL || trace.recorded)
        return machine;
    fprintf(stderr, "vmxbench boot: %s was saved without --trace, so that the trace's beginning is missing\n", request->image);
    sim_machine_free(machine);
    return NULL;
}

static int boot(const struct boot_request *request, bool snapshot)
{
    struct boot_files files = {.command_line = NULL};
    if (!snapshot && !boot_read(request, &files)) {
        boot_free(&files);
        return 2;
    }
    const struct sim_bare_options options = {.caps = request->profile != NULL ? sim_profile(request->profile) : vmx_richest_profile(),
                                             .ram_bytes = request->memory_bytes,
                                             .cpus = request->cpus,
                                             .limit = request->limit,
                                             .fw_cfg = request->fw_cfg,
                                             .rom = files.bios.bytes,
                                             .rom_bytes = files.bios.size,
                                             .output = on_output,
                                             .report = request->verbose ? on_report : NULL};
    struct run run = {.request = request, .options = &options};
    run.machine = snapshot ? reopen(&run) : start(request, &options, &files);
    const int status = run.machine != NULL ? go(&run) : 2;
    free(run.buffer.bytes);
    if (run.machine != NULL)
        sim_machine_free(run.machine);
    boot_free(&files);
    return status;
}

int cmd_boot(int argc, char **argv)
{
    struct boot_request request;
    const int status = boot_parse(&request, argc, argv);
    if (status >= 0)
        return status;
    if (request.image != NULL && sim_snapshot_is_file(request.image)) {
        fprintf(stderr, "vmxbench boot: %s is a snapshot of a scenario's run: vmxbench run FILE goes on from it\n", request.image);
        return 2;
    }
    const bool snapshot = request.image != NULL && sim_bare_snapshot_is_file(request.image);
    if (snapshot && request.shapes != NULL) {
        fprintf(stderr, "vmxbench boot: %s is a snapshot, which says itself what %s would say\n", request.image, request.shapes);
        return 2;
    }
    return boot(&request, snapshot);
}
