/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sound inputs of every kind that the command reads, and what random damage makes of them. */
#ifndef TESTS_INPUT_H
#define TESTS_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/support/random.h"

enum input_kind { INPUT_TRACE, INPUT_PACKED, INPUT_SNAPSHOT, INPUT_BARE_SNAPSHOT, INPUT_DUMP, INPUT_SCRIPT, INPUT_IMAGE, INPUT_PROFILE, INPUT_KINDS };
extern const char *const input_kind_names[INPUT_KINDS];

struct input {
    uint8_t *bytes; /* the caller's to free; a zero follows */
    size_t size;
};

/* A sound one, which depends on the numbers alone; it writes files to this folder. False: it cannot be made. */
bool input_make(enum input_kind kind, struct random *random, const char *folder, struct input *input);
/* Changes, cuts and repeats of a few of its bytes; what a checksum covers gets the right checksum, mostly. */
void input_damage(enum input_kind kind, struct random *random, struct input *input);

#endif
