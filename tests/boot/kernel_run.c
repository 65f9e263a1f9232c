/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One run of a kernel of this folder on the bare machine, or on Bochs. */
#define _POSIX_C_SOURCE 200809L
#include "kernel_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../sim/multiboot.h"
#include "../../sim/scenario.h"
#include "../../sim/snapshot_bare.h"
#include "../../vmx-model/reasons.h"
#include <CUnit/CUnit.h>

enum { HEADER_BYTES = 32 };
#define LIMIT UINT64_C(50000000)

static void on_output(void *context, unsigned port, uint8_t byte)
{
    if (port == UART_COM1)
        (void)bytes_add(context, &byte, 1);
}

/* ---- exits ---- */
enum { KERNELS_MAX = 32 };
static struct {
    const char *name;
    unsigned count[VMX_REASON_LIMIT];
} exits[KERNELS_MAX];

static unsigned *counts_of(const char *name)
{
    for (unsigned i = 0; i < KERNELS_MAX; i++) {
        if (exits[i].name == NULL)
            exits[i].name = name;
        if (strcmp(exits[i].name, name) == 0)
            return exits[i].count;
    }
    CU_FAIL_FATAL("there are more kernels than KERNELS_MAX");
    return NULL;
}

static void on_exited(void *context, struct bk_vcpu *vcpu)
{
    unsigned *count = context;
    const uint32_t reason = vmx_basic_reason((uint32_t)vmcs_get(vcpu->cpu.vmcs, VMCS_VM_EXIT_REASON));
    if (reason < VMX_REASON_LIMIT)
        count[reason]++;
}

const char *kernel_that_raised(unsigned reason, unsigned nth)
{
    for (unsigned i = 0; i < KERNELS_MAX && exits[i].name != NULL; i++)
        if (exits[i].count[reason] != 0 && nth-- == 0)
            return exits[i].name;
    return NULL;
}

static unsigned cpus_of(const struct kernel_run *run)
{
    return run->cpus != 0 ? run->cpus : 1;
}

/* NAME-HOST.bin, told how many processors there are. */
static struct bytes image_of(const struct kernel_run *run)
{
    char path[512];
    uint8_t part[4096];
    size_t size;
    struct bytes image = {NULL, 0, 0};
    snprintf(path, sizeof path, "%s/%s-%u.bin", KERNELS, run->name, run->host);
    FILE *file = fopen(path, "rb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    while ((size = fread(part, 1, sizeof part, file)) != 0)
        CU_ASSERT_FATAL(bytes_add(&image, part, size));
    fclose(file);
    CU_ASSERT_FATAL(image.size > HEADER_BYTES);
    image.data[HEADER_BYTES] = (uint8_t)cpus_of(run);
    return image;
}

/* The ROM that starts the kernel where its header wants it. */
static struct bytes rom_of(const struct bytes *image)
{
    uint32_t header[HEADER_BYTES / 4];
    struct bytes rom = {NULL, 0, 0};
    memcpy(header, image->data, sizeof header);
    const struct bochs_flat_kernel flat = {.bytes = image->data, .size = image->size, .address = header[4], .entry = header[7]};
    CU_ASSERT_FATAL(bochs_make_rom_of(&rom, &flat, KERNEL_RAM_MBYTES));
    return rom;
}

static struct bk_machine *start(const struct kernel_run *run, struct bytes *serial)
{
    struct bytes image = image_of(run), rom = {NULL, 0, 0};
    const char *message;
    char why[MULTIBOOT_ERROR_BYTES];
    if (run->from_rom)
        rom = rom_of(&image);
    const struct sim_bare_options options = {.caps = vmx_profile(run->profile),
                                             .ram_bytes = (uint64_t)KERNEL_RAM_MBYTES << 20,
                                             .cpus = cpus_of(run),
                                             .limit = LIMIT,
                                             .rom = rom.data,
                                             .rom_bytes = rom.size,
                                             .context = serial,
                                             .output = on_output};
    CU_ASSERT_PTR_NOT_NULL_FATAL(options.caps);
    struct bk_machine *machine = sim_bare_new(&options, &message);
    CU_ASSERT_PTR_NOT_NULL_FATAL(machine);
    const struct multiboot_request request = {.kernel = {image.data, image.size, run->text != NULL ? run->text : ""}};
    CU_ASSERT_FATAL(run->from_rom || sim_multiboot_load(machine, &request, why));
    for (unsigned i = 0; i < machine->vcpu_count && run->feature_control_set; i++)
        machine->vcpu[i].cpu.feature_control = run->feature_control;
    machine->board->context = counts_of(run->name);
    machine->board->exited = on_exited;
    free(image.data);
    free(rom.data);
    return machine;
}

/* Runs it to its end and takes what is wanted of it. */
static struct kernel_outcome finish(struct bk_machine *machine, const struct kernel_run *run, struct bytes *serial)
{
    struct kernel_outcome outcome = {.status = 0};
    outcome.end = sim_bare_run(machine, &outcome.status);
    memcpy(outcome.error, machine->error, sizeof outcome.error);
    outcome.rip = machine->vcpu[machine->board->culprit].cpu.state.rip;
    CU_ASSERT_FATAL(bk_read(machine, run->watched, outcome.word, sizeof outcome.word));
    sim_machine_free(machine);
    CU_ASSERT_FATAL(bytes_add(serial, "", 1));
    outcome.serial = (char *)serial->data;
    return outcome;
}

struct kernel_outcome kernel_run(const struct kernel_run *run)
{
    struct bytes serial = {NULL, 0, 0};
    return finish(start(run, &serial), run, &serial);
}

struct kernel_outcome kernel_run_interrupted(const struct kernel_run *run, uint64_t at)
{
    char path[] = "/tmp/vmxbench-kernel-XXXXXX";
    const int file = mkstemp(path);
    CU_ASSERT_FATAL(file >= 0 && close(file) == 0);
    struct bytes serial = {NULL, 0, 0};
    struct sim_board_trace trace = {.machine = NULL};
    struct sim_bare_trace none = {.trace = &trace};
    struct sim_error error = {.line = 0};
    unsigned status;
    struct bk_machine *machine = start(run, &serial);
    const struct sim_bare_options options = {.ram_bytes = machine->board->ram_bytes,
                                             .rom_bytes = machine->board->rom_bytes,
                                             .cpus = machine->vcpu_count,
                                             .limit = LIMIT,
                                             .context = &serial,
                                             .output = on_output};
    machine->pause = at;
    CU_ASSERT_EQUAL_FATAL(sim_bare_run(machine, &status), SIM_BOARD_PAUSED);
    CU_ASSERT_FATAL(sim_bare_snapshot_write(machine, &none, path, &error));
    sim_machine_free(machine);
    machine = sim_bare_snapshot_read(path, &options, &none, &error);
    CU_ASSERT_EQUAL(unlink(path), 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(machine);
    free(none.bytes);
    return finish(machine, run, &serial);
}

char *kernel_all_right(const struct kernel_run *run)
{
    struct kernel_outcome first = kernel_run(run), again = kernel_run(run);
    CU_ASSERT_EQUAL(first.end, SIM_BOARD_STATUS);
    CU_ASSERT_EQUAL(first.status, KERNEL_ALL_RIGHT);
    CU_ASSERT_STRING_EQUAL(first.serial, again.serial);
    if (first.end != SIM_BOARD_STATUS || first.status != KERNEL_ALL_RIGHT)
        printf("%s-%u, %s, %u processors: end %d, status %u, RIP %llx: %s\n%s", run->name, run->host, run->profile, run->cpus, (int)first.end,
               first.status, (unsigned long long)first.rip, first.error, first.serial);
    free(again.serial);
    return first.serial;
}

char *kernel_on_bochs(const struct kernel_run *run)
{
    struct bytes image = image_of(run), rom = rom_of(&image), serial = {NULL, 0, 0};
    struct sim_error error = {.line = 0};
    bool stuck = false;
    CU_ASSERT_FATAL(bochs_boot(&rom, bochs_model(run->profile), KERNEL_RAM_MBYTES, cpus_of(run), &serial, &stuck, &error));
    CU_ASSERT_FATAL(bytes_add(&serial, "", 1));
    CU_ASSERT(!stuck);
    free(image.data);
    free(rom.data);
    return (char *)serial.data;
}
