/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random instructions. */
#ifndef TESTS_GUEST_CODE_H
#define TESTS_GUEST_CODE_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/support/random.h"

struct guest_code {
    struct random *random;
    unsigned bits;   /* 16, 32 or 64: of the code segment */
    uint8_t *at;     /* where the next byte goes */
    uint32_t offset; /* of the block in its segment */
    const uint16_t *selectors;
    unsigned selector_count;
    const uint32_t *places; /* addresses of devices; NULL: the code leaves devices alone */
    unsigned place_count;
    unsigned cpus; /* of the guest, where they have to do with each other; 0: the code leaves the others alone */
};

/* Appends one instruction, or a few that belong together: at most 24 bytes. */
void guest_code_append(struct guest_code *code);
/* Appends a jump to a block nearby, or nothing: at most 8 bytes. */
void guest_code_leave(struct guest_code *code, const uint8_t *block);

#endif
