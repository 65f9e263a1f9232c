/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bochs' listed deviations as rules on a case: as narrow as possible, each with the shipped scenario that shows it. */
#ifndef DIFFERENTIAL_KNOWN_H
#define DIFFERENTIAL_KNOWN_H

#include "both.h"
#include "handlers/bench/trace.h"
#include "vmx-model/vmcs.h"

enum { KNOWN_MAX = 64, VIOLATED_MAX = 96 };

struct violated {
    enum vmx_check check[VIOLATED_MAX];
    unsigned count;
};

/* What a rule may look at. */
struct disagreement {
    const struct dif_case *c;
    const struct result *result;
    struct violated violated;         /* by the first entry */
    struct violated judged;           /* of them, what the list does not say that Bochs omits */
    unsigned omission;                /* the last row of the list that says so of another one */
    uint64_t field[VMCS_FIELD_COUNT]; /* at the first entry */
    struct trace_record sim, bochs;   /* the first records that differ */
    struct trace_record before;       /* the VM exit before them, which agrees; kind TRACE_END: none */
    uint64_t known_items;             /* items that differed before as bochs_known_differences says */
    const char *bochs_text;           /* how Bochs ended */
};

struct known {
    const char *script, *scenario; /* of the shipped scenario: a row of bochs_deviations */
    enum vmx_check omitted;        /* a rule of entry that Bochs does not judge; VMX_CHECK_NONE: the function says */
    bool (*applies)(const struct disagreement *d);
};
extern const struct known known_list[];
extern const unsigned known_count;

#endif
