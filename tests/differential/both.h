/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs cases on both sides and judges what came out. */
#ifndef DIFFERENTIAL_BOTH_H
#define DIFFERENTIAL_BOTH_H

#include "case.h"
#include "sim/run.h"
#include "vmx-model/checks.h"

enum verdict {
    VERDICT_AGREE,    /* the same trace */
    VERDICT_ORDER,    /* several rules of entry are violated: Bochs found another one first, as it may */
    VERDICT_KNOWN,    /* as a listed deviation of Bochs says */
    VERDICT_ONLY_SIM, /* not for Bochs: it would take the machine along, or the simulator cannot go on */
    VERDICT_DISAGREE
};

/* What a side did first. */
struct outcome {
    enum { OUTCOME_NOTHING, OUTCOME_FAIL_INVALID, OUTCOME_FAIL_VALID, OUTCOME_FAULT, OUTCOME_FAILED_ENTRY, OUTCOME_EXIT } kind;
    uint32_t number; /* VM-instruction error, basic exit reason */
    uint64_t qualification;
    enum vmx_check rule; /* of the simulator */
    unsigned stop;       /* enum trace_stop */
    char text[96];       /* why it stopped */
};

struct result {
    enum verdict verdict;
    unsigned deviation; /* of VERDICT_KNOWN: index into the table of known deviations */
    struct outcome sim, bochs;
    char signature[128];  /* of VERDICT_DISAGREE: what is the same in cases that disagree for the same reason */
    char *text;           /* of VERDICT_DISAGREE: what differs, lines; of VERDICT_ONLY_SIM: why */
    uint32_t reasons[64]; /* VM exits of the simulator, UINT32_MAX: an entry that fails */
    unsigned reason_count;
};

/* Runs `count` cases on the simulator, those that may go there on Bochs, and fills in as many results. False: Bochs cannot run, *error says why. */
bool both_run(const struct dif_case *cases, size_t count, struct result *results, struct sim_error *error);
void result_free(struct result *result);

/* The entry succeeded; the guest may sleep since. */
bool outcome_enters(const struct outcome *outcome);

/* What an outcome is, in words. */
void outcome_text(const struct outcome *outcome, char *text, size_t size);

#endif
