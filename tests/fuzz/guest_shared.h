/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What guests have whose virtual CPUs share everything: processors, turns, starts, interrupt sources. */
#ifndef TESTS_GUEST_SHARED_H
#define TESTS_GUEST_SHARED_H

#include "guest_maker.h"

/* Virtual and physical CPUs, who runs where and from which block on, sources whose interrupts belong to any, a move. */
void shared_machine(struct maker *m);

#endif
