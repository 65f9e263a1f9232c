/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Scenario scripts: sandboxed Lua in, packed scenarios out. */
#ifndef SIM_SCENARIO_H
#define SIM_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../vmx-model/caps.h"

/* One value of the error kind "a caller's failure": where and what. */
struct sim_error {
    char file[256];
    unsigned line; /* 0: no line */
    char message[768];
};

struct sim_symbol {
    char *name;
    uint64_t address;
};

/* What the judge checks at the end, besides the steps that stand in the packed form. */
struct sim_final {
    unsigned line;
    enum { SIM_FINAL_REGISTER, SIM_FINAL_MEMORY, SIM_FINAL_EXITS, SIM_FINAL_INSTRUCTIONS, SIM_FINAL_STOP, SIM_FINAL_OUTPUT, SIM_FINAL_SCREEN } kind;
    unsigned index; /* register: 0-15 gpr, 16 rip, 17 rflags, 18 cr0, 19 cr3, 20 cr4, 21 efer */
    uint64_t value; /* register, exits, instructions, enum trace_stop; memory: guest-physical address */
    uint8_t *bytes; /* memory, output and screen */
    size_t size;
};
enum { SIM_FINAL_KINDS = SIM_FINAL_SCREEN + 1 };

struct sim_scenario {
    char *name, *file;
    unsigned line; /* where scenario { } stands */
    uint8_t *packed;
    size_t packed_size;
    struct sim_symbol *symbols; /* labels of the guest code, by address */
    size_t symbol_count;
    struct sim_final *finals;
    size_t final_count;
    uint64_t guest_bytes;
    char profile[32];
    struct vmx_caps caps;      /* the profile, without what the scenario takes away */
    unsigned vcpus, code_bits; /* code_bits: 16, 32, 64, of the preset, for disassembly */
    uint64_t code_address;     /* linear = guest-physical address of the first code byte */
    bool portable;             /* nothing in it needs the simulator: processors with VT-x show the same */
    bool timed;                /* not portable for one reason: what its virtual CPUs do to each other depends on time. Its steps hold elsewhere too */
    char not_portable_because[96];
};

/* A change of one control bit over what the script says: --set primary.use_msr_bitmaps=1. With the word SIM_OVERRIDE_PROFILE the control is the name of
   the CPU profile of scenarios that name none; one that wants a control which this profile lacks keeps the default profile and is not portable. */
#define SIM_OVERRIDE_PROFILE "profile"
/* With this word the interrupts of the source with vector `key` arrive at physical CPU `number`. A script without such a source is refused. */
#define SIM_OVERRIDE_AFFINITY "affinity"
/* With this one virtual CPU `key` is bound to physical CPU `number`, as `pin` of a script says ("pin" is a word of controls). A script without such a virtual
   CPU is refused. */
#define SIM_OVERRIDE_PIN "binding"
struct sim_override {
    char word[16];
    char control[64];
    bool value;
    unsigned key, number;
};

/* Loads a script and all scenarios that it returns, in order. False: *error is filled and nothing is returned. */
bool sim_scenario_load(const char *path, const struct sim_override *overrides, size_t override_count, struct sim_scenario **scenarios, size_t *count,
                       struct sim_error *error);
void sim_scenario_free(struct sim_scenario *scenarios, size_t count);

#endif
