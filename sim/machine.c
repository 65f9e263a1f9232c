/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Life of the simulated machine: RAM, host pages, virtual CPUs. */
#define _DEFAULT_SOURCE
#include "board.h"
#include "machine_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static bool memory_read(void *context, hpa_t address, void *buffer, uint32_t size)
{
    return bk_read(context, address, buffer, size);
}

static bool memory_write(void *context, hpa_t address, const void *buffer, uint32_t size)
{
    return bk_write(context, address, buffer, size);
}

static bool vcpu_init(struct bk_machine *machine, unsigned index, const char **message)
{
    struct bk_vcpu *vcpu = &machine->vcpu[index];
    vcpu->machine = machine;
    vcpu->index = index;
    const struct sim_engine_callbacks callbacks = {.context = vcpu,
                                                   .translate = sim_vcpu_translate,
                                                   .undefined = sim_board_undefined,
                                                   .field = sim_board_field,
                                                   .judge = sim_vcpu_judge,
                                                   .iret_unblocks_nmis = sim_vcpu_iret_unblocks_nmis,
                                                   .mmio_read = sim_board_mmio_read,
                                                   .mmio_write = sim_board_mmio_write,
                                                   .linear_bits = machine->caps.linear_bits};
    vcpu->engine = sim_engine_new(machine->ram, machine->ram_size, &callbacks, message);
    if (vcpu->engine == NULL)
        return false;
    sim_engine_promise(vcpu->engine, &machine->caps);
    struct vmx_cpu *cpu = &vcpu->cpu;
    cpu->caps = &machine->caps;
    cpu->memory =
        (struct vmx_memory){.context = machine, .read = memory_read, .write = memory_write, .bytes = machine->ram, .byte_count = machine->ram_size};
    cpu->current_vmcs = VMX_NO_VMCS;
    cpu->cache = sim_vcpu_cache(vcpu);
    cpu->memo = vcpu->memo;
    sim_engine_log_stores(vcpu->engine, &machine->log);
    vcpu->turn_end = vcpu->slept_at = vcpu->allowed_at = UINT64_MAX;
    return true;
}

struct bk_machine *sim_machine_with_ram(const struct vmx_caps *caps, uint64_t ram_size, unsigned vcpus, const char **message)
{
    struct bk_machine *machine = calloc(1, sizeof *machine);
    if (machine == NULL) {
        *message = "out of memory";
        return NULL;
    }
    machine->caps = caps != NULL ? *caps : *vmx_default_profile();
    machine->ram_size = ram_size;
    machine->limit = machine->pause = machine->longest_run = UINT64_MAX;
    for (unsigned f = 0; f < VMCS_FIELD_COUNT; f++)
        machine->field_exists[f] = vmcs_field_exists(&machine->caps, (enum vmcs_field)f);
    if (!sim_ram_log_init(&machine->log, machine->ram_size / SIM_PAGE)) {
        *message = "out of memory";
        sim_ram_log_free(&machine->log);
        free(machine);
        return NULL;
    }
    void *ram = mmap(NULL, machine->ram_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (ram == MAP_FAILED) {
        *message = "no memory for the guest's RAM";
        sim_ram_log_free(&machine->log);
        free(machine);
        return NULL;
    }
    machine->ram = ram;
    sim_pcpus_reset(machine, vcpus);
    for (unsigned i = 0; i < vcpus; i++) {
        if (!vcpu_init(machine, i, message)) {
            sim_machine_free(machine);
            return NULL;
        }
        for (unsigned j = 0; j < i; j++)
            sim_engine_join(machine->vcpu[i].engine, machine->vcpu[j].engine);
        machine->vcpu_count = i + 1;
    }
    return machine;
}

struct bk_machine *sim_machine_new(const struct sim_machine_options *options, const char **message)
{
    *message = NULL;
    if (options->vcpus < 1 || options->vcpus > SIM_VCPUS_MAX || options->guest_bytes == 0 || options->guest_bytes % SIM_PAGE != 0) {
        *message = "a machine has 1 to 8 vCPUs and guest RAM in whole pages";
        return NULL;
    }
    struct bk_machine *machine = sim_machine_with_ram(options->caps, SIM_GUEST_BASE + options->guest_bytes, options->vcpus, message);
    if (machine == NULL)
        return NULL;
    machine->longest_run = options->longest_run != 0 ? options->longest_run : UINT64_MAX;
    machine->guest_size = options->guest_bytes;
    machine->next_page = SIM_HOST_PAGES_FIRST;
    return machine;
}

void sim_machine_free(struct bk_machine *machine)
{
    if (machine == NULL)
        return;
    for (unsigned i = 0; i < machine->vcpu_count; i++)
        sim_engine_free(machine->vcpu[i].engine);
    munmap(machine->ram, machine->ram_size);
    free(machine->board);
    sim_ram_log_free(&machine->log);
    free(machine);
}

void sim_machine_watch_entries(struct bk_machine *machine, sim_entry_watcher *watcher, void *context)
{
    machine->entry_watcher = watcher;
    machine->entry_watcher_context = context;
}

enum vmx_check sim_machine_violated(const struct bk_vcpu *vcpu)
{
    return vcpu->violated;
}

struct vmx_cpu *sim_machine_cpu(struct bk_vcpu *vcpu)
{
    return &vcpu->cpu;
}

uint8_t *sim_machine_ram(struct bk_machine *machine, uint64_t *size)
{
    *size = machine->ram_size;
    return machine->ram;
}

uint64_t sim_retired(const struct bk_machine *machine)
{
    uint64_t retired = 0;
    for (unsigned i = 0; i < machine->vcpu_count; i++)
        retired += sim_engine_retired(machine->vcpu[i].engine);
    return retired;
}

static uint64_t engine_ticks(const struct bk_machine *machine)
{
    uint64_t ticks = 0;
    for (unsigned i = 0; i < machine->vcpu_count; i++)
        ticks += sim_engine_ticks(machine->vcpu[i].engine);
    return ticks;
}

/* A REP that goes on for ever retires nothing: 16 ticks use up the limit as an instruction does. */
uint64_t sim_used(const struct bk_machine *machine)
{
    enum { TICKS_OF_AN_INSTRUCTION = 16 };
    const uint64_t retired = sim_retired(machine), since = retired - machine->retired_at_limit;
    const uint64_t slow = (engine_ticks(machine) - machine->ticks_at_limit) / TICKS_OF_AN_INSTRUCTION;
    return retired + machine->steps + (slow > since ? slow - since : 0);
}

void sim_machine_pause(struct bk_machine *machine, uint64_t after)
{
    const uint64_t used = sim_used(machine);
    machine->pause = after < UINT64_MAX - used ? used + after : UINT64_MAX;
}

hpa_t bk_guest_base(const struct bk_machine *machine)
{
    (void)machine;
    return SIM_GUEST_BASE;
}

uint64_t bk_guest_size(const struct bk_machine *machine)
{
    return machine->guest_size;
}

bool bk_set_guest_size(struct bk_machine *machine, uint64_t size)
{
    if (size > machine->ram_size - SIM_GUEST_BASE)
        return false;
    machine->guest_size = size;
    return true;
}

void bk_charge(struct bk_machine *machine, bool on)
{
    machine->free_of_charge = !on;
}

hpa_t bk_page(struct bk_machine *machine)
{
    if (machine->next_page >= SIM_GUEST_BASE)
        return 0;
    const hpa_t page = machine->next_page;
    machine->next_page += SIM_PAGE;
    return page;
}

void bk_free_pages(struct bk_machine *machine)
{
    if (machine->next_page != SIM_HOST_PAGES_FIRST)
        sim_ram_log_range(&machine->log, SIM_HOST_PAGES_FIRST, machine->next_page - SIM_HOST_PAGES_FIRST);
    memset(machine->ram + SIM_HOST_PAGES_FIRST, 0, machine->next_page - SIM_HOST_PAGES_FIRST);
    machine->next_page = SIM_HOST_PAGES_FIRST;
    for (unsigned i = 0; i < machine->vcpu_count; i++) {
        struct vmx_cpu *cpu = &machine->vcpu[i].cpu;
        machine->vcpu[i].entered = false;
        machine->vcpu[i].turn_end = UINT64_MAX;
        cpu->vmcs = NULL;
        cpu->current_vmcs = VMX_NO_VMCS;
        sim_vcpu_flush(&machine->vcpu[i]);
    }
}

bool sim_machine_memory(const struct bk_machine *machine, hpa_t address, uint64_t size, uint64_t *offset)
{
    if (machine->board != NULL)
        return sim_board_memory(machine, address, size, offset);
    *offset = address;
    return address < machine->ram_size && size <= machine->ram_size - address;
}

bool bk_read(struct bk_machine *machine, hpa_t address, void *buffer, uint64_t size)
{
    uint64_t offset;
    if (!sim_machine_memory(machine, address, size, &offset))
        return false;
    if (size == sizeof(uint64_t)) /* an entry of a paging structure: most reads are */
        memcpy(buffer, machine->ram + offset, sizeof(uint64_t));
    else
        memcpy(buffer, machine->ram + offset, size);
    return true;
}

bool bk_write(struct bk_machine *machine, hpa_t address, const void *buffer, uint64_t size)
{
    uint64_t offset;
    if (!sim_machine_memory(machine, address, size, &offset) || offset != address)
        return false; /* no memory, or a ROM */
    memcpy(machine->ram + address, buffer, size);
    if (size != 0)
        sim_ram_log_range(&machine->log, address, size);
    for (unsigned i = 0; i < machine->vcpu_count; i++)
        sim_engine_ram_written(machine->vcpu[i].engine, address, size);
    return true;
}

static bool page_is_zero(const uint8_t *page)
{
    uint64_t any = 0, word[SIM_PAGE / 64];
    for (unsigned at = 0; at < SIM_PAGE && any == 0; at += sizeof word) {
        memcpy(word, page + at, sizeof word);
        for (unsigned i = 0; i < sizeof word / sizeof *word; i++)
            any |= word[i];
    }
    return any == 0;
}

bool bk_zero_pages(struct bk_machine *machine, hpa_t address, uint64_t size)
{
    static const uint8_t zeros[SIM_PAGE];
    if (address >= machine->ram_size || size > machine->ram_size - address)
        return false;
    for (uint64_t at = 0; at < size; at += SIM_PAGE)
        if (!page_is_zero(machine->ram + address + at))
            (void)bk_write(machine, address + at, zeros, sizeof zeros);
    return true;
}

uint64_t bk_capability(const struct bk_machine *machine, uint32_t msr)
{
    uint64_t value = 0;
    return vmx_capability_msr(&machine->caps, msr, &value) ? value : 0;
}

void bk_cpuid(const struct bk_machine *machine, uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
    vmx_cpuid(&machine->caps, leaf, subleaf, out);
}

const char *bk_error(const struct bk_machine *machine)
{
    return machine->error;
}

void bk_set_limit(struct bk_machine *machine, uint64_t instructions)
{
    machine->retired_at_limit = sim_retired(machine);
    machine->ticks_at_limit = engine_ticks(machine);
    machine->limit = instructions == 0 ? UINT64_MAX : sim_used(machine) + instructions;
}

struct bk_vcpu *bk_vcpu(struct bk_machine *machine, unsigned vcpu)
{
    return vcpu < machine->vcpu_count ? &machine->vcpu[vcpu] : NULL;
}
