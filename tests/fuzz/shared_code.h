/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random instructions that are about other processors: locked operations on words that all change, stores into code that they may run, messages. */
#ifndef TESTS_SHARED_CODE_H
#define TESTS_SHARED_CODE_H

#include "guest_code.h"

/* Appends one instruction, or a few that belong together: at most 24 bytes. Messages go to code->cpus processors. */
void shared_code_append(struct guest_code *code);
/* Puts the local APIC into x2APIC mode and enables it: 50 bytes at most. Faults outside of ring 0. */
void shared_code_start_apic(struct guest_code *code);
/* A jump whose own first byte stands at code->offset: 5 bytes at most. */
void shared_code_jump(struct guest_code *code, uint32_t target);

#endif
