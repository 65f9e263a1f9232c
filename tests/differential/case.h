/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One random case as a list of parts: what is packed from it, what is written as a script, and what the minimiser takes away. */
#ifndef DIFFERENTIAL_CASE_H
#define DIFFERENTIAL_CASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "handlers/bench/packed.h"
#include "sim/scenario.h"
#include "vmx-model/caps.h"

enum part_kind {
    PART_CONTROL,   /* a = enum vmx_control_word, c = bits to set, d = bits to clear */
    PART_FIELD,     /* a = enum vmcs_field, c = value */
    PART_REGISTER,  /* a = enum vmx_gpr, c = value */
    PART_MEMORY,    /* c = guest-physical address; bytes */
    PART_CODE,      /* bytes: one piece of the program; pieces stand one behind the other */
    PART_GATE,      /* a = vector, b = DPL, c = handler */
    PART_IO_EXITS,  /* a = first port, b = last port */
    PART_MSR_EXITS, /* a = first MSR, b = last MSR, c = 1 read | 2 write */
    PART_MSR_LOAD,  /* a = MSR, b = reserved field, c = value */
    PART_EPT,       /* a = rights, c = guest-physical address, d = bytes */
    PART_STEP       /* a = enum packed_step_kind, b = its a, c = its b: a stimulus before the first VM entry */
};

/* Parts of one group go together. */
enum { GROUP_BASE = 0, PART_BYTES = 64, PARTS_MAX = 160 };

struct part {
    uint8_t kind, group, size;
    uint32_t a, b;
    uint64_t c, d;
    uint8_t bytes[PART_BYTES];
};

/* What a case is about decides how its outcome is judged. */
enum case_kind { CASE_ENTRY, CASE_PROGRAM };

struct dif_case {
    enum case_kind kind;
    uint64_t seed, number;
    const struct vmx_caps *caps; /* a profile that Bochs has */
    enum packed_mode mode;
    unsigned code_bits; /* of the program: 16, 32, 64 */
    unsigned exits;     /* the run ends after so many */
    unsigned groups;    /* in use: 1 to groups - 1, besides GROUP_BASE */
    unsigned mutations; /* of an entry: changes of its valid state */
    bool real_handlers; /* interrupt handlers of real mode: 16-bit code */
    struct part part[PARTS_MAX];
    unsigned parts;
};

/* Places in guest RAM. */
enum {
    DIF_RAM = 0x80000,
    DIF_CODE = 0x8000,          /* the program */
    DIF_DATA = 0xc000,          /* a page of it to read and write */
    DIF_NEXT = 0xdff0,          /* holds where the program goes on behind a fault */
    DIF_HANDLER = 0xe000,       /* of events without an error code, */
    DIF_HANDLER_ERROR = 0xe040, /* and with one */
    DIF_FREE = 0x20000,         /* pages that VMCS fields may point to, as tests of the model lay them out */
    DIF_PAE_DIRECTORY = 0x2f000,
    DIF_HOLE = 0x30000, /* a page that programs take from EPT */
    DIF_LIMIT = 20000   /* guest instructions */
};

/* Adds a part; false when the case is full. */
bool case_add(struct dif_case *c, const struct part *part);
bool case_control(struct dif_case *c, unsigned group, unsigned word, uint64_t set, uint64_t clear);
bool case_field(struct dif_case *c, unsigned group, unsigned field, uint64_t value);
bool case_register(struct dif_case *c, unsigned group, unsigned gpr, uint64_t value);
bool case_memory(struct dif_case *c, unsigned group, uint64_t address, const void *bytes, unsigned size);
bool case_code(struct dif_case *c, unsigned group, const void *bytes, unsigned size);

/* "entry-7" or "program-11". */
void case_name(const struct dif_case *c, char name[64]);
/* Packs the case; its `packed` is the caller's. */
void case_pack(const struct dif_case *c, struct sim_scenario *scenario);
void case_free(struct sim_scenario *scenario);
/* Writes it as a script that gives the same packed records. `said` is what both sides said, a text of lines; `reasons` are the VM exits of the
   simulator, so that the script's expectations hold there: basic reasons, UINT32_MAX for an entry that fails. */
void case_write_script(const struct dif_case *c, const char *said, const uint32_t *reasons, unsigned reason_count, FILE *to);

#endif
