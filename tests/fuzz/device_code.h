/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random instructions that reach devices: ports, strings over page ends, registers in memory by unusual instructions, code among the devices. */
#ifndef TESTS_DEVICE_CODE_H
#define TESTS_DEVICE_CODE_H

#include "guest_code.h"

/* Appends one access with the registers that it needs: at most 24 bytes. Memory operands are among code->places. */
void device_code_append(struct guest_code *code);

#endif
