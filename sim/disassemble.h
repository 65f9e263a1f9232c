/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Instructions as text. */
#ifndef SIM_DISASSEMBLE_H
#define SIM_DISASSEMBLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One instruction in NASM's manner, "out dx, al"; false: the bytes are none. bits: 16, 32 or 64. */
bool sim_disassemble(const uint8_t *bytes, size_t size, unsigned bits, uint64_t address, char *out, size_t out_size);

#endif
