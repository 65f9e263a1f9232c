/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What wild guests have besides nonsense in code and tables: devices, several virtual CPUs, every control, VMX structures in places where none belong. */
#ifndef TESTS_GUEST_WILD_H
#define TESTS_GUEST_WILD_H

#include "guest_code.h"
#include "guest_maker.h"

/* The processor and how many virtual CPUs. */
void wild_machine(struct maker *m);
/* Code that reaches devices. */
void wild_code(struct maker *m, struct guest_code *code);
/* Page-table entries of 8 bytes: one of each upper level, then 512 for the first 2 MiB. Some lead to devices. */
void wild_tables(struct maker *m, uint64_t *table, unsigned levels);
/* Controls, structures, policies, stimuli of all kinds. */
void wild_rest(struct maker *m);

#endif
