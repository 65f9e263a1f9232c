/* SPDX-License-Identifier: GPL-2.0-or-later */
/* RAM of snapshots: what is not zero is kept page by page; going back copies what was written since. */
#include "snapshot_internal.h"

#include <stdlib.h>

static const uint8_t zeros[SIM_PAGE];

/* Stores to a current VMCS go past the log. */
static void log_current_vmcs(struct bk_machine *machine)
{
    for (unsigned i = 0; i < machine->vcpu_count; i++) {
        const struct vmx_cpu *cpu = &machine->vcpu[i].cpu;
        if (cpu->vmcs != NULL && cpu->vmcs != cpu->vmcs_cache)
            sim_ram_log_page(&machine->log, cpu->current_vmcs / SIM_PAGE);
    }
}

bool snapshot_ram_reserve(struct sim_ram_image *image, uint64_t pages, uint32_t count)
{
    *image = (struct sim_ram_image){.pages = pages,
                                    .slot = calloc(pages + 1, sizeof *image->slot),
                                    .number = malloc((size_t)count * sizeof *image->number + 1),
                                    .content = malloc((size_t)count * SIM_PAGE + 1)};
    return image->slot != NULL && image->number != NULL && image->content != NULL;
}

void snapshot_ram_free(struct sim_ram_image *image)
{
    free(image->slot);
    free(image->number);
    free(image->content);
    *image = (struct sim_ram_image){0};
}

bool snapshot_ram_take(struct sim_ram_image *image, struct bk_machine *machine)
{
    uint32_t count = 0;
    log_current_vmcs(machine);
    for (uint64_t page = 0; page < machine->log.pages; page++)
        count += machine->log.page[page] != 0;
    if (!snapshot_ram_reserve(image, machine->log.pages, count))
        return false;
    for (uint64_t page = 0; page < machine->log.pages; page++) {
        const uint8_t *from = machine->ram + page * SIM_PAGE;
        if (machine->log.page[page] == 0 || memcmp(from, zeros, SIM_PAGE) == 0)
            continue;
        memcpy(image->content + (size_t)image->count * SIM_PAGE, from, SIM_PAGE);
        image->number[image->count] = (uint32_t)page;
        image->slot[page] = ++image->count;
    }
    return true;
}

/* A page that is equal already may keep its translated code. */
static void restore_page(const struct sim_ram_image *image, struct bk_machine *machine, uint32_t page)
{
    const uint8_t *from = image->slot[page] != 0 ? image->content + (size_t)(image->slot[page] - 1) * SIM_PAGE : zeros;
    uint8_t *to = machine->ram + (uint64_t)page * SIM_PAGE;
    if (memcmp(to, from, SIM_PAGE) == 0)
        return;
    memcpy(to, from, SIM_PAGE);
    for (unsigned i = 0; i < machine->vcpu_count; i++)
        sim_engine_ram_written(machine->vcpu[i].engine, (hpa_t)page * SIM_PAGE, SIM_PAGE);
}

void snapshot_ram_restore(const struct sim_ram_image *image, struct bk_machine *machine, uint64_t number)
{
    struct sim_ram_log *log = &machine->log;
    log_current_vmcs(machine);
    if (log->baseline != number) {
        for (uint32_t i = 0; i < image->count; i++)
            sim_ram_log_page(log, image->number[i]);
        for (uint64_t page = 0; page < log->pages; page++)
            if (log->page[page] != 0)
                sim_ram_log_page(log, page);
    }
    for (uint32_t i = 0; i < log->count; i++)
        restore_page(image, machine, log->changed[i]);
    sim_ram_log_begin(log, number);
}
