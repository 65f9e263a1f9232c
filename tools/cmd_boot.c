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
#include "../vmx-model/checks.h"
#include "boot_files.h"
#include "boot_request.h"
#include "commands.h"
#include "explain_entry.h"
#include "files.h"

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
            snprintf(text, 200, "triple fault of processor %u, RIP %" PRIX64 "H, after %" PRIu64 " instructions", vcpu->index, vcpu->cpu.state.rip,
                     sim_retired(machine));
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
    case SIM_BOARD_TRIPLE_FAULT:
    case SIM_BOARD_DEAD:
    case SIM_BOARD_LIMIT:
        return 1;
    case SIM_BOARD_FAILED:
        break;
    }
    return 2;
}

static int run(struct bk_machine *machine, const struct boot_request *request)
{
    struct buffer buffer = {NULL, 0, 0};
    struct sim_board_trace trace = {.writer = {.sink = request->trace != NULL ? append : discard, .context = &buffer}};
    char text[200];
    unsigned status = 0;
    if (request->explain)
        trace.explain = explain;
    if (request->trace != NULL || request->explain) {
        trace_begin(&trace.writer);
        sim_board_trace_start(&trace, machine, request->name);
    }
    const enum sim_board_end end = sim_bare_run(machine, &status);
    describe(machine, end, text);
    if (fflush(stdout) != 0)
        return 2;
    if (text[0] != '\0')
        fprintf(stderr, "vmxbench boot: %s\n", text);
    if (request->trace != NULL) {
        sim_board_trace_end(&trace, end, text);
        if (trace.writer.failed || !file_write(request->trace, buffer.bytes, buffer.size)) {
            fprintf(stderr, "vmxbench boot: %s cannot be written: %s\n", request->trace, strerror(errno));
            free(buffer.bytes);
            return 2;
        }
    }
    free(buffer.bytes);
    return status_of(end, status);
}

static int boot(const struct boot_request *request, const struct boot_files *files)
{
    const char *message = NULL;
    const struct sim_bare_options options = {.caps = request->profile != NULL ? sim_profile(request->profile) : vmx_richest_profile(),
                                             .ram_bytes = request->memory_bytes,
                                             .cpus = request->cpus,
                                             .limit = request->limit,
                                             .fw_cfg = request->fw_cfg,
                                             .rom = files->bios.bytes,
                                             .rom_bytes = files->bios.size,
                                             .output = on_output,
                                             .report = request->verbose ? on_report : NULL};
    struct bk_machine *machine = sim_bare_new(&options, &message);
    if (machine == NULL) {
        fprintf(stderr, "vmxbench boot: %s: %s\n", files->bios.bytes != NULL ? request->bios : "no machine", message);
        return 2;
    }
    char error[MULTIBOOT_ERROR_BYTES];
    int status = 2;
    if (request->bios == NULL && !sim_multiboot_load(machine, &files->multiboot, error))
        fprintf(stderr, "vmxbench boot: %s: %s\n", request->image, error);
    else
        status = run(machine, request);
    sim_machine_free(machine);
    return status;
}

int cmd_boot(int argc, char **argv)
{
    struct boot_request request;
    struct boot_files files;
    int status = boot_parse(&request, argc, argv);
    if (status >= 0)
        return status;
    status = boot_read(&request, &files) ? boot(&request, &files) : 2;
    boot_free(&files);
    return status;
}
