/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Why a VM entry failed, for people: the violated rule, the fields it reads, their values. */
#ifndef TOOLS_EXPLAIN_ENTRY_H
#define TOOLS_EXPLAIN_ENTRY_H

#include <stdio.h>

#include "../sim/machine_internal.h"

/* Of the entry that has just failed on this processor; its VMCS is current yet. */
void explain_entry(FILE *to, const struct bk_vcpu *vcpu);

#endif
