/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Guest code from NASM source. */
#ifndef SIM_ASSEMBLE_H
#define SIM_ASSEMBLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scenario.h"

struct assembled {
    uint8_t *bytes;
    size_t size;
    struct sim_symbol *symbols; /* labels, in the order of NASM's map */
    size_t symbol_count;
};

/* Runs nasm on `source`, whose first line is line `line` of the script `path`. False: *error holds NASM's first message with the script's line. */
bool assemble(const char *path, unsigned line, const char *source, unsigned bits, uint64_t address, struct assembled *out, struct sim_error *error);
void assembled_free(struct assembled *assembled);

#endif
