/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random cases: each is a function of seed and number alone. */
#ifndef DIFFERENTIAL_GENERATE_H
#define DIFFERENTIAL_GENERATE_H

#include "case.h"
#include "tests/support/random.h"
#include "vmx-model/vmcs.h"

/* Valid guest states that cases start from. */
enum base {
    BASE_LONG,
    BASE_LONG_USER,
    BASE_COMPATIBILITY, /* 32-bit code in IA-32e mode */
    BASE_PROTECTED,     /* without paging: unrestricted guest */
    BASE_PROTECTED_USER,
    BASE_PAGED, /* 32-bit paging */
    BASE_PAE,
    BASE_V86,
    BASE_REAL,
    BASE_COUNT
};

/* Case `number` of `seed`: an entry, but every fourth a program; the profile goes by blocks of 64 cases. */
void generate_case(struct dif_case *c, uint64_t seed, uint64_t number);

void base_build(struct dif_case *c, enum base base);
/* The VMCS fields as a case with nothing but its base meets the first VM entry; VMCS_FIELD_COUNT values. */
const uint64_t *base_fields(const struct vmx_caps *caps, enum base base);

void generate_entry(struct dif_case *c, struct random *r);
void generate_program(struct dif_case *c, struct random *r);

/* Control bits of a word that leave a valid state valid and that Bochs offers, picked at random, as parts of `group`. */
void add_random_controls(struct dif_case *c, struct random *r, unsigned group, unsigned tries);
/* Tools of the generators. */
bool chance(struct random *r, unsigned one_in);
uint64_t interesting(struct random *r);
/* Interruption information of an event: often valid, sometimes not. */
uint32_t random_event(struct random *r, bool valid);

#endif
