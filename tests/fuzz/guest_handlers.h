/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interrupt handlers of random guests, in machine code. */
#ifndef TESTS_GUEST_HANDLERS_H
#define TESTS_GUEST_HANDLERS_H

#include <stdint.h>

/* Entry n stands n * 16 bytes from the start; number 32 is that of interrupts. */
enum { HANDLER_BYTES = 16, HANDLER_OF_INTERRUPTS = 32 };

const uint8_t *handlers_16(void), *handlers_32(void), *handlers_64(void);
uint32_t handlers_16_size(void), handlers_32_size(void), handlers_64_size(void);

#endif
