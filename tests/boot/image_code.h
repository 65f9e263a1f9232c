/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random instructions that root software executes: VMX instructions, control registers, MSRs, device registers. */
#ifndef TESTS_IMAGE_CODE_H
#define TESTS_IMAGE_CODE_H

#include "tests/fuzz/guest_code.h"

enum { IMAGE_CODE_BYTES = 24, IMAGE_POINTERS = 0xa000, IMAGE_POINTER_COUNT = 16 };

/* Appends one instruction with what it needs: at most IMAGE_CODE_BYTES. Its memory operands are the pointers at IMAGE_POINTERS. */
void image_code_append(struct guest_code *code);
/* The pointers: addresses of VMCS regions, of nothing, wild ones. */
void image_pointers(struct random *random, uint64_t pointer[IMAGE_POINTER_COUNT]);

#endif
