/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A random guest while it is made: its numbers and the records of its packed scenario. */
#ifndef TESTS_GUEST_MAKER_H
#define TESTS_GUEST_MAKER_H

#include "guest_stream.h"
#include "tests/support/random.h"
#include "vmx-model/controls.h"
#include "vmx-model/vmcs.h"

struct maker {
    struct random random;
    struct stream *stream;
    bool hostile; /* STREAM_HOSTILE and STREAM_WILD */
    bool wild;
    bool shared; /* STREAM_SHARED */
};

/* Where a random guest has what: guest-physical and linear. */
enum {
    MAKER_CODE = 0x8000,
    MAKER_STARTS = 0x9e00, /* where the virtual CPUs of a shared guest begin */
    MAKER_DATA = 0xb000,
    MAKER_PAGES = 0x10000,
    MAKER_DEVICES = 0x40000, /* linear pages that lead to devices, of wild guests */
    MAKER_DEVICE_PAGES = 16
};

bool maker_long_mode(const struct maker *m);
unsigned maker_below(struct maker *m, unsigned limit);
/* True once in `of` times. */
bool maker_chance(struct maker *m, unsigned of);

void maker_record(struct maker *m, uint16_t kind, const void *payload, uint32_t size);
void maker_memory(struct maker *m, uint64_t address, const void *bytes, uint32_t size);
void maker_field(struct maker *m, enum vmcs_field field, uint64_t value);
void maker_control(struct maker *m, enum vmx_control_word word, uint64_t bits);

#endif
