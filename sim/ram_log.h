/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which pages of RAM were written: ever, and since RAM was last equal to a snapshot. Guest code pays nothing for it: a page counts as written once a
   translation lets stores through, and that is asked for again after every snapshot. */
#ifndef SIM_RAM_LOG_H
#define SIM_RAM_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum { RAM_LOG_EVER = 1, RAM_LOG_CHANGED = 2 };

struct sim_ram_log {
    uint64_t pages;
    uint8_t *page;     /* RAM_LOG_* of each */
    uint32_t *changed; /* the pages with RAM_LOG_CHANGED, in the order in which they got it */
    uint32_t count;
    uint64_t baseline; /* number of the snapshot that RAM is equal to but for changed pages; 0: none */
};

/* False: no memory. */
bool sim_ram_log_init(struct sim_ram_log *log, uint64_t pages);
void sim_ram_log_free(struct sim_ram_log *log);
/* From here on RAM is that of this snapshot. */
void sim_ram_log_begin(struct sim_ram_log *log, uint64_t baseline);

static inline void sim_ram_log_page(struct sim_ram_log *log, uint64_t page)
{
    if ((log->page[page] & RAM_LOG_CHANGED) == 0) {
        log->page[page] = RAM_LOG_EVER | RAM_LOG_CHANGED;
        log->changed[log->count++] = (uint32_t)page;
    }
}

/* Bytes of RAM, at least one. */
static inline void sim_ram_log_range(struct sim_ram_log *log, uint64_t address, uint64_t size)
{
    for (uint64_t page = address >> 12; page <= (address + size - 1) >> 12; page++)
        sim_ram_log_page(log, page);
}

#endif
