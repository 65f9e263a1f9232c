/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A logical processor out of random numbers: near enough to valid that most of the model is reached, far enough that its edges are. */
#ifndef TESTS_FUZZ_MACHINE_H
#define TESTS_FUZZ_MACHINE_H

#include "tests/support/random.h"
#include "tests/support/valid_vmcs.h"

enum { FUZZ_CACHED = 8 };

/* Every part is an allocation of its own, so that AddressSanitizer sees each step outside of one. */
struct fuzz_machine {
    struct random random;
    struct vmx_cpu *cpu;
    struct vmx_caps *caps;
    struct vmcs *vmcs;
    uint8_t *memory; /* VALID_MEMORY_BYTES */
    enum valid_guest guest;
    struct vmx_mapping cached[FUZZ_CACHED]; /* translations, the oldest first */
    unsigned cached_count;
};

void fuzz_machine_create(struct fuzz_machine *m);
void fuzz_machine_free(struct fuzz_machine *m);
/* Sets everything anew, as a function of the seed alone. */
void fuzz_machine_reset(struct fuzz_machine *m, uint64_t seed);

/* True once in `of` times. */
bool fuzz_chance(struct fuzz_machine *m, unsigned of);
/* A number that tends to matter: 0, ones, a power of two, a small one, an address in memory with flags, or any. */
uint64_t fuzz_number(struct fuzz_machine *m);
/* Changes one field of the VMCS; control fields mostly within what the processor allows. */
void fuzz_change_field(struct fuzz_machine *m);
/* Changes registers, segments and modes as the engine could have left them. */
void fuzz_change_state(struct fuzz_machine *m);
/* Stimuli that wait, time that passes. */
void fuzz_change_events(struct fuzz_machine *m);

#endif
