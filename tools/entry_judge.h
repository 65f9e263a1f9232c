/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every rule that a VM entry violates, and changes that mend one. */
#ifndef TOOLS_ENTRY_JUDGE_H
#define TOOLS_ENTRY_JUDGE_H

#include <stdbool.h>

#include "../vmx-model/checks.h"

enum { JUDGE_FIXES = 3 };

/* The entry: a processor in VMX root operation with its current VMCS. `cpu->memory` may note that a rule read from it. */
struct judged_entry {
    const struct vmx_cpu *cpu;
    bool resume;
    const bool *known;  /* by enum vmcs_field; NULL: all are */
    bool *read_unknown; /* what the memory callbacks set when they were asked for what nobody knows; NULL: they know all */
};

struct judgement {
    enum vmx_check violated[VMX_CHECK_COUNT], open[VMX_CHECK_COUNT]; /* in the order of checks; open: what it reads is not known */
    unsigned count, open_count;
};

/* A field and the value that it may get. */
struct entry_fix {
    enum vmcs_field field;
    uint64_t value;
};

void judge_entry(const struct judged_entry *entry, struct judgement *out);
/* At most JUDGE_FIXES changes, each of one field and of as few bits as possible, with which the rule holds and no other is violated that was not before: tried,
   not guessed. Returns how many there are. */
unsigned judge_fixes(const struct judged_entry *entry, const struct judgement *judgement, enum vmx_check check, struct entry_fix fixes[JUDGE_FIXES]);

/* The fields that a rule reads: calls `each` for those in its row, in that order. */
void judge_fields(enum vmx_check check, void (*each)(void *context, enum vmcs_field field), void *context);

#endif
