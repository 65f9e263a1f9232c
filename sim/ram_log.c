/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The life of the record of written pages. */
#include "ram_log.h"

#include <stdlib.h>

bool sim_ram_log_init(struct sim_ram_log *log, uint64_t pages)
{
    *log = (struct sim_ram_log){.pages = pages, .page = calloc(pages, 1), .changed = calloc(pages, sizeof *log->changed)};
    return log->page != NULL && log->changed != NULL;
}

void sim_ram_log_free(struct sim_ram_log *log)
{
    free(log->page);
    free(log->changed);
    *log = (struct sim_ram_log){0};
}

void sim_ram_log_begin(struct sim_ram_log *log, uint64_t baseline)
{
    for (uint32_t i = 0; i < log->count; i++)
        log->page[log->changed[i]] = RAM_LOG_EVER;
    log->count = 0;
    log->baseline = baseline;
}
