/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Life of a bare machine, and its processors side by side: each runs up to the end of a window of time, then the window moves on. */
#include "bare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../vmx-model/cpuid_bits.h"
#include "../vmx-model/decide.h"
#include "../vmx-model/registers.h"
#include "../vmx-model/reset.h"

/* Several processors look at each other's doings this often; one alone has no window. Windows differ in length, by a fixed sequence, so that two loops
   that wait for each other do not keep step for ever. */
enum { WINDOW_TICKS = 700, WINDOW_MORE = 512, TICKS_PER_SECOND = 1000000000 };
enum { LEGACY_END = 0x100000, LEGACY_ROM_BYTES = 0x40000, FIRMWARE_LOCKED_VMX_ON = 5, MTRRS_ON_WRITE_BACK = 0x806 };

static const char *unusable(const struct sim_bare_options *options)
{
    enum { ROM_UNIT = 0x10000, RAM_UNIT = 0x100000 };
    if (options->cpus < 1 || options->cpus > SIM_BARE_CPUS_MAX)
        return "a machine has 1 to 8 processors";
    if (options->ram_bytes < SIM_BARE_RAM_MIN || options->ram_bytes > SIM_BARE_RAM_MAX || options->ram_bytes % RAM_UNIT != 0)
        return "a machine has 1 MiB to 3 GiB of RAM, in whole MiB";
    if (options->rom_bytes > SIM_BARE_ROM_MAX || options->rom_bytes % ROM_UNIT != 0)
        return "firmware is a multiple of 64 KiB, at most 4 MiB";
    return NULL;
}

/* The ROM stands behind the RAM; its end also where a PC shadows it below 1 MiB. */
static void put_rom(struct bk_machine *machine, const struct sim_bare_options *options)
{
    if (options->rom_bytes == 0)
        return;
    const uint64_t legacy = options->rom_bytes < LEGACY_ROM_BYTES ? options->rom_bytes : LEGACY_ROM_BYTES;
    memcpy(machine->ram + options->ram_bytes, options->rom, options->rom_bytes);
    memcpy(machine->ram + LEGACY_END - legacy, (const uint8_t *)options->rom + options->rom_bytes - legacy, legacy);
    sim_ram_log_range(&machine->log, options->ram_bytes, options->rom_bytes);
    sim_ram_log_range(&machine->log, LEGACY_END - legacy, legacy);
}

static void power_up(struct bk_vcpu *vcpu, bool firmware)
{
    struct vmx_cpu *cpu = &vcpu->cpu;
    cpu->vmcs_cache = &vcpu->vmcs_cache;
    cpu->memory.byte_count = vcpu->machine->board->ram_bytes; /* a ROM stands behind it, and elsewhere for the processor */
    cpu->apic_id = vcpu->index;
    cpu->processors = vcpu->machine->vcpu_count;
    vmx_reset(cpu, vcpu->index == 0);
    /* Firmware finds what reset leaves; whoever boots without it finds what firmware leaves. */
    cpu->feature_control = firmware ? 0 : FIRMWARE_LOCKED_VMX_ON;
    cpu->mtrr_def_type = firmware ? 0 : MTRRS_ON_WRITE_BACK;
    sim_engine_set(vcpu->engine, VMX_GROUP_ALL, &cpu->state);
}

struct bk_machine *sim_bare_new(const struct sim_bare_options *options, const char **message)
{
    *message = unusable(options);
    struct sim_board *board = *message == NULL ? calloc(1, sizeof *board) : NULL;
    if (board == NULL) {
        *message = *message != NULL ? *message : "out of memory";
        return NULL;
    }
    struct bk_machine *machine = sim_machine_with_ram(options->caps, options->ram_bytes + options->rom_bytes, options->cpus, message);
    if (machine == NULL) {
        free(board);
        return NULL;
    }
    machine->board = board;
    machine->limit = options->limit != 0 ? options->limit : UINT64_MAX;
    *board = (struct sim_board){.machine = machine, .ram_bytes = options->ram_bytes, .rom_bytes = options->rom_bytes, .turn = options->cpus};
    uint32_t leaf[4];
    vmx_cpuid(&machine->caps, 1, 0, leaf);
    const struct devices_config config = {.ram_bytes = options->ram_bytes,
                                          .ticks_per_second = TICKS_PER_SECOND,
                                          .cpus = options->cpus,
                                          .fw_cfg = options->fw_cfg,
                                          .address_bits = machine->caps.physical_bits,
                                          .x2apic = (leaf[2] & VMX_CPUID_X2APIC) != 0,
                                          .tsc_deadline = (leaf[2] & VMX_CPUID_TSC_DEADLINE) != 0,
                                          .cold = options->rom_bytes != 0,
                                          .context = options->context,
                                          .output = options->output,
                                          .report = options->report};
    devices_init(&board->devices, &config);
    board->devices.bus.signal = sim_board_signal;
    board->devices.bus.signals = machine;
    machine->free_of_charge = true;
    put_rom(machine, options);
    for (unsigned i = 0; i < options->cpus; i++)
        power_up(&machine->vcpu[i], options->rom_bytes != 0);
    return machine;
}

void sim_bare_start_at(struct bk_machine *machine, uint32_t entry, uint32_t eax, uint32_t ebx)
{
    enum { CODE = 0xc09b, DATA = 0xc093, CODE_SELECTOR = 0x08, DATA_SELECTOR = 0x10 };
    struct bk_vcpu *vcpu = &machine->vcpu[0];
    struct vmx_state *s = &vcpu->cpu.state;
    s->cr0 = VMX_CR0_PE | VMX_CR0_ET;
    for (unsigned i = 0; i < VMX_LDTR; i++)
        s->seg[i] = (struct vmx_segment){.selector = DATA_SELECTOR, .limit = UINT32_MAX, .access_rights = DATA};
    s->seg[VMX_CS] = (struct vmx_segment){.selector = CODE_SELECTOR, .limit = UINT32_MAX, .access_rights = CODE};
    s->gpr[VMX_RAX] = eax;
    s->gpr[VMX_RBX] = ebx;
    s->gpr[VMX_RDX] = 0;
    s->rip = entry;
    sim_engine_set(vcpu->engine, VMX_GROUP_ALL, s);
}

/* ---- running ---- */
static enum sim_board_end end_of(const struct bk_machine *machine, enum bk_entered entered)
{
    const struct sim_board *board = machine->board;
    if (entered == BK_HOST_ERROR)
        return board->triple_fault ? SIM_BOARD_TRIPLE_FAULT : SIM_BOARD_FAILED;
    if (entered == BK_LIMIT)
        return SIM_BOARD_LIMIT;
    if (entered == BK_PAUSED)
        return SIM_BOARD_PAUSED;
    if (board->devices.bus.has_status)
        return SIM_BOARD_STATUS;
    switch (board->devices.bus.power) {
    case BUS_OFF:
        return SIM_BOARD_OFF;
    case BUS_RESET:
        return SIM_BOARD_RESET;
    case BUS_RUNNING:
        break;
    }
    return SIM_BOARD_RUNS;
}

static bool sleeps(const struct bk_vcpu *vcpu)
{
    return vcpu->cpu.state.activity != VMX_ACTIVE;
}

static uint64_t window_length(struct sim_board *board)
{
    board->sequence = board->sequence * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return WINDOW_TICKS + (board->sequence >> 33) % WINDOW_MORE;
}

/* Moves the window on; while all processors sleep, to where something is due. False: nothing ever is. */
static bool next_window(struct bk_machine *machine)
{
    struct sim_board *board = machine->board;
    uint64_t due = board->deadline;
    bool all_sleep = true;
    for (unsigned i = 0; i < machine->vcpu_count; i++) {
        struct bk_vcpu *vcpu = &machine->vcpu[i];
        all_sleep &= sleeps(vcpu) && !sim_board_would_wake(vcpu);
        const uint64_t timer = sim_vcpu_timer_wakes_after(vcpu);
        if (timer != UINT64_MAX && sim_now(vcpu) + timer < due)
            due = sim_now(vcpu) + timer;
    }
    board->window += machine->vcpu_count == 1 && !all_sleep ? UINT64_MAX / 4 : window_length(board);
    if (!all_sleep)
        return true;
    machine->steps++;
    if (due != UINT64_MAX && due > board->window)
        board->window = due;
    return due != UINT64_MAX;
}

enum sim_board_end sim_bare_run(struct bk_machine *machine, unsigned *status)
{
    struct sim_board *board = machine->board;
    enum sim_board_end end = SIM_BOARD_RUNS;
    while (end == SIM_BOARD_RUNS) {
        if (board->turn == machine->vcpu_count) {
            if (!next_window(machine))
                return SIM_BOARD_DEAD;
            board->turn = 0;
        }
        struct bk_vcpu *vcpu = &machine->vcpu[board->turn];
        vcpu->cpu.tsc = sim_now(vcpu);
        board->culprit = board->turn;
        end = end_of(machine, sim_vcpu_run(vcpu, NULL));
        board->turn += end != SIM_BOARD_PAUSED;
    }
    *status = board->devices.bus.status;
    return end;
}
