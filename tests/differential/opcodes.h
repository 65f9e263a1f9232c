/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One instruction of the sweep over the opcode maps, and what is known of it. */
#ifndef DIFFERENTIAL_OPCODES_H
#define DIFFERENTIAL_OPCODES_H

#include <stdbool.h>
#include <stdint.h>

enum opcode_map { OPCODE_ONE_BYTE, OPCODE_0F, OPCODE_0F38, OPCODE_0F3A, OPCODE_VEX };

struct opcode_case {
    uint8_t mode; /* 0: 64-bit, 1: 32-bit, 2: 16-bit code */
    uint8_t map;  /* enum opcode_map */
    uint8_t vex_map;
    uint8_t prefix; /* 0: none; of VEX: the pp field */
    uint8_t byte, modrm;
    uint8_t bytes[8], size;
};

/* Instructions that lead away, or that say what each machine has of its own: time, random numbers, ports. */
bool opcode_is_left_out(const struct opcode_case *c);
bool opcode_has_modrm(const struct opcode_case *c);
/* Arithmetic flags that the manual leaves undefined. SDM 2, each instruction's "Flags Affected". */
uint32_t opcode_undefined_flags(const struct opcode_case *c);
/* What differs is a listed deviation of Bochs. */
bool opcode_deviates(const struct opcode_case *c, const char *text);
/* Every listed deviation was met; names those that were not. */
bool opcode_deviations_met(void);

#endif
