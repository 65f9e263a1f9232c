/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is looked at before a far transfer does anything. RIP is that of the instruction. */
#ifndef SIM_ENGINE_FAR_H
#define SIM_ENGINE_FAR_H

#include "engine_internal.h"

/* Items of 2 << shift bytes below the stack pointer, or from it on, that are about to be pushed or popped, of which `first` come before: #SS(0) beyond the
   limit of SS, #AC where they are not aligned. Nothing in 64-bit mode. */
void engine_check_frame(struct sim_engine *engine, int shift, unsigned first, unsigned items, bool pushes);

#endif
