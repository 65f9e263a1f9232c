/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random guests: a packed scenario that is a function of kind and number. Code of 64 blocks in one of eight modes, interrupt handlers that go on with
   the next block after a fault, data, descriptor and page tables, stimuli at random instants. */
#ifndef TESTS_GUEST_STREAM_H
#define TESTS_GUEST_STREAM_H

#include <stdint.h>

#include "tests/support/exact.h"

enum stream_mode {
    STREAM_REAL,
    STREAM_PROTECTED_16,
    STREAM_PROTECTED_32,
    STREAM_USER_32,
    STREAM_VIRTUAL_8086,
    STREAM_COMPATIBILITY,
    STREAM_LONG,
    STREAM_USER_64,
    STREAM_MODES
};

enum { STREAM_BLOCKS = 64, STREAM_BLOCK_BYTES = 64, STREAM_GUEST_BYTES = 0x200000, STREAM_PACKED_BYTES = 1 << 16 };

enum stream_kind {
    STREAM_SOUND,   /* code and tables make sense, mostly */
    STREAM_HOSTILE, /* bytes, tables and registers without sense */
    STREAM_SHARED,  /* sound, with two or three virtual CPUs on one or two physical CPUs: the same code, data and tables, messages between them */
    STREAM_WILD     /* the same with devices, several virtual CPUs, any controls, VMX structures in wrong places */
};

struct stream {
    enum stream_mode mode;
    const struct vmx_caps *caps;
    unsigned vcpus;
    uint8_t packed[STREAM_PACKED_BYTES];
    uint32_t size;
};

void stream_make(struct stream *stream, uint64_t number, enum stream_kind kind, uint64_t limit);
extern const char *const stream_mode_names[STREAM_MODES];
extern const unsigned stream_mode_bits[STREAM_MODES]; /* of the code segment */

#endif
