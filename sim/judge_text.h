/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The judge's work in progress, and the words for what it finds. */
#ifndef SIM_JUDGE_TEXT_H
#define SIM_JUDGE_TEXT_H

#include "judge.h"
#include "match_names.h"
#include "pack.h"
#include "screen.h"

enum { JUDGE_LAST = 6 };

/* Where a vCPU stands among its expectations. */
struct judge_place {
    struct packed_reader steps;
    struct packed_step step; /* the expectation that is due, when there is one */
    const uint8_t *matches;
    bool have_step;
};

struct judge {
    const struct sim_scenario *scenario;
    struct sim_verdict *verdict;
    struct judge_place place[TRACE_VCPUS];
    struct judge_place *due; /* of the vCPU whose record is looked at */
    bool rest_any;
    uint64_t events;                      /* exits and failed entries so far */
    struct trace_record last[JUDGE_LAST]; /* event n at n % JUDGE_LAST */
    struct trace_record final;
    uint8_t **seen; /* bytes of dumped memory, by final */
    size_t *shown;  /* how many of them from the first on the trace shows */
    uint8_t screen[SIM_SCREEN_BYTES];
    uint8_t *output; /* bytes for the console, of all ports */
    uint16_t *output_ports;
    size_t output_size, output_capacity;
};

struct packed_match judge_match(const struct judge *judge, unsigned i);
unsigned judge_match_count(const struct judge *judge);
bool judge_match_holds(const struct packed_match *match, const struct trace_record *exit);

/* Each fills in the verdict's text. */
void judge_say(struct judge *judge, unsigned line, const char *what);
void judge_mismatch(struct judge *judge, const struct trace_record *record);
void judge_unexpected(struct judge *judge, const struct trace_record *record);
void judge_ended_early(struct judge *judge, const struct trace_record *end);
void judge_final_differs(struct judge *judge, size_t final, uint64_t got);

#endif
