/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The memory map of a bare machine and the way to its devices. */
#include "board.h"

#define FOUR_GIB (UINT64_C(1) << 32)

static bool in_rom(const struct sim_board *board, hpa_t address, uint64_t size)
{
    const hpa_t first = FOUR_GIB - board->rom_bytes;
    return address >= first && address < FOUR_GIB && size <= FOUR_GIB - address;
}

bool sim_board_memory(const struct bk_machine *machine, hpa_t address, uint64_t size, uint64_t *offset)
{
    const struct sim_board *board = machine->board;
    *offset = address;
    if (address < board->ram_bytes && size <= board->ram_bytes - address)
        return true;
    if (!in_rom(board, address, size))
        return false;
    *offset = board->ram_bytes + (address - (FOUR_GIB - board->rom_bytes));
    return true;
}

/* Fetches where there is no memory read all ones; no device holds code. */
void sim_board_translated(struct bk_vcpu *vcpu, enum vmx_access_kind kind, struct vmx_translation *out)
{
    uint64_t offset;
    if (sim_board_memory(vcpu->machine, out->host, 1, &offset)) {
        if (offset == out->host)
            return;
        out->no_memory = kind == VMX_ACCESS_WRITE; /* a ROM ignores writes */
        out->write = false;
        out->page_size = SIM_PAGE;
        out->host = out->no_memory ? out->host : offset;
        return;
    }
    out->no_memory = true;
    if (kind == VMX_ACCESS_FETCH || vcpu->device_alone) {
        out->read = out->write = false; /* each access asks again */
        return;
    }
    out->kind = VMX_TRANSLATION_EXIT; /* not an exit: judge_translation() tells by device_wanted */
    vcpu->device_wanted = true;
}

struct hv_device_set *sim_board_devices_now(struct bk_vcpu *vcpu)
{
    struct sim_board *board = vcpu->machine->board;
    const uint64_t now = sim_now(vcpu);
    if (now > board->devices.bus.now)
        board->devices.bus.now = now;
    board->devices.bus.cpu = vcpu->index;
    return &board->devices;
}

void sim_board_touched(struct bk_vcpu *vcpu)
{
    struct sim_board *board = vcpu->machine->board;
    board->deadline = 0;
    if (board->devices.bus.power != BUS_RUNNING || board->devices.bus.has_status)
        board->window = 0;
}

uint64_t sim_board_mmio_read(void *context, hpa_t address, unsigned size)
{
    struct bk_vcpu *vcpu = context;
    if (vcpu->machine->board == NULL || !vcpu->device_alone)
        return UINT64_MAX;
    sim_board_touched(vcpu);
    sim_spend(vcpu, SIM_COST_DEVICE_REGISTER);
    return devices_memory_read(sim_board_devices_now(vcpu), address, size);
}

void sim_board_mmio_write(void *context, hpa_t address, unsigned size, uint64_t value)
{
    struct bk_vcpu *vcpu = context;
    if (vcpu->machine->board == NULL || !vcpu->device_alone)
        return;
    sim_spend(vcpu, SIM_COST_DEVICE_REGISTER);
    devices_memory_write(sim_board_devices_now(vcpu), address, size, value);
    sim_board_touched(vcpu);
}

uint32_t sim_board_port_read(struct bk_vcpu *vcpu, uint16_t port, unsigned size)
{
    sim_board_touched(vcpu);
    sim_spend(vcpu, SIM_COST_PORT);
    return devices_port_read(sim_board_devices_now(vcpu), port, size);
}

/* A20M# goes to all processors. What their engines hold is of the other mode from their next look on. */
static void drive_a20m(struct bk_machine *machine)
{
    const bool masked = !devices_a20_is_open(&machine->board->devices);
    for (unsigned i = 0; i < machine->vcpu_count; i++)
        machine->vcpu[i].cpu.a20_masked = masked;
}

void sim_board_port_write(struct bk_vcpu *vcpu, uint16_t port, unsigned size, uint32_t value)
{
    sim_spend(vcpu, SIM_COST_PORT);
    devices_port_write(sim_board_devices_now(vcpu), port, size, value);
    drive_a20m(vcpu->machine);
    sim_board_touched(vcpu);
}
