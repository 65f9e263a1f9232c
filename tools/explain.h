/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Why a VM entry failed, for people: the violated rule, the fields it reads and their values, changes that mend it. */
#ifndef TOOLS_EXPLAIN_H
#define TOOLS_EXPLAIN_H

#include <stdio.h>

#include "entry_judge.h"

/* A rule: its identifier after `title`, what must hold, the section of the manual, the fields it reads. known: NULL when all fields are. */
void explain_rule(FILE *to, const char *title, enum vmx_check check, const struct vmcs *v, const bool *known);
/* All that is wrong with an entry: rules with changes that mend them, those that cannot be judged. */
void explain_judgement(FILE *to, const struct judged_entry *entry, const struct judgement *judgement);

#endif
