/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz_guest exact|shared|hostile|wild COUNT [FIRST]: random guests FIRST to FIRST + COUNT - 1 on the whole machine. exact: each runs as usual, instruction
   by instruction, and in runs of random length, and all three must agree. shared: the same with several virtual CPUs, twice as usual, and through snapshots.
   hostile: guests without sense, which must end at their limit. wild: the same with devices, several virtual CPUs and VMX structures in wrong places; every
   eighth is compared as well. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guest_stream.h"
#include "handlers/bench/bench.h"
#include "sim/snapshot.h"
#include "tests/support/growth.h"
#include "tests/support/random.h"
#include "tests/support/watch.h"

enum { LIMIT = 2000, SNAPSHOTS = 3, COMPARED_ONE_IN = 8 };

static uint64_t current;
static enum stream_kind kind;
static unsigned long long instructions[STREAM_MODES], exits[STREAM_MODES], guests[STREAM_MODES], refused[STREAM_MODES];

static void count(const struct stream *stream, const struct exact_run *run)
{
    guests[stream->mode]++;
    refused[stream->mode] += run->stop == TRACE_STOP_ENTRY_FAIL;
    instructions[stream->mode] += run->instructions;
    exits[stream->mode] += run->exits;
}

static struct exact_input input_of(const struct stream *stream)
{
    return (struct exact_input){
        .packed = stream->packed, .packed_size = stream->size, .caps = stream->caps, .guest_bytes = STREAM_GUEST_BYTES, .vcpus = stream->vcpus};
}

/* Whether a guest that ends after `limit` instructions, exits and deliveries ends the same in both ways. */
static bool agree_up_to(uint64_t number, uint64_t limit, uint64_t longest_run, struct exact_run *usual, char *text, unsigned size)
{
    static struct stream stream;
    struct exact_run other;
    stream_make(&stream, number, kind, limit);
    const struct exact_input input = input_of(&stream);
    exact_run(&input, 0, usual);
    exact_run(&input, longest_run, &other);
    const bool equal = exact_equal(usual, &other, text, size);
    exact_free(&other);
    return equal;
}

/* Finds the first instruction after which they differ. */
static void explain(uint64_t number, uint64_t longest_run)
{
    char text[256] = "";
    struct exact_run usual;
    uint64_t good = 0, bad = LIMIT;
    while (bad - good > 1) {
        const uint64_t middle = (good + bad) / 2;
        if (agree_up_to(number, middle, longest_run, &usual, text, sizeof text))
            good = middle;
        else
            bad = middle;
        exact_free(&usual);
    }
    (void)agree_up_to(number, bad, longest_run, &usual, text, sizeof text);
    exact_free(&usual);
    printf("  first after step %llu: %s\n", (unsigned long long)bad, text);
    if (good != 0) {
        (void)agree_up_to(number, good, longest_run, &usual, text, sizeof text);
        const uint64_t rip = usual.state[0].seg[VMX_CS].base + usual.state[0].rip;
        printf("  RIP %#llx, flags %#llx, shadow %u:", (unsigned long long)usual.state[0].rip, (unsigned long long)usual.state[0].rflags,
               usual.state[0].interruptibility);
        for (unsigned i = 0; i < 16 && rip + i < usual.ram_size; i++)
            printf(" %02x", usual.ram[rip + i]);
        printf("\n");
        exact_free(&usual);
    }
}

static bool agree(const struct stream *stream, const struct exact_input *input, const struct exact_run *usual, uint64_t longest_run)
{
    struct exact_run other;
    char text[256];
    exact_run(input, longest_run, &other);
    const bool equal = exact_equal(usual, &other, text, sizeof text);
    if (!equal)
        printf("guest %llu (%s): runs of at most %llu ticks differ from the usual one: %s\n", (unsigned long long)current,
               stream_mode_names[stream->mode], (unsigned long long)longest_run, text);
    exact_free(&other);
    if (!equal)
        explain(current, longest_run);
    return equal;
}

static bool fail(const struct stream *stream, const char *what)
{
    printf("guest %llu (%s, %u virtual CPUs, %s): %s\n", (unsigned long long)current, stream_mode_names[stream->mode], stream->vcpus,
           stream->caps->name, what);
    return false;
}

/* A step that this processor cannot take; an abort of what an MSR list or a VMCS of nonsense leads to; shutdown of a machine check. */
static bool may_end_a_wild_one(const char *text)
{
    static const char *const ends[] = {"a step", "cannot give the stimulus", "VMX abort", "the processor shuts down"};
    for (unsigned i = 0; i < sizeof ends / sizeof ends[0]; i++)
        if (strstr(text, ends[i]) != NULL)
            return true;
    return false;
}

/* It ended where it must. What is left out ends a run in words; all else that the machine says is a mistake of the machine. */
static bool ended_well(const struct stream *stream, const struct exact_run *run)
{
    if (!run->good) /* a processor may lack what a wild guest wants */
        return (kind == STREAM_WILD && strstr(run->text, "this processor") != NULL) || fail(stream, run->text);
    if (run->instructions > LIMIT || run->exits > LIMIT + 1)
        return fail(stream, "runs beyond its limit");
    if (run->stop != TRACE_STOP_HOST_ERROR || strstr(run->text, "ot modelled") != NULL)
        return true;
    return (kind == STREAM_WILD && may_end_a_wild_one(run->text)) || fail(stream, run->text);
}

/* ---- through snapshots ---- */
/* Runs to the end in pieces of random length, each in a session of its own that goes on from the last one's snapshot. NULL: *error says why. */
static struct sim_session *run_in_pieces(const struct sim_scenario *scenario, struct random *random, struct sim_error *error)
{
    struct sim_session *session = sim_session_new(scenario, error);
    for (unsigned i = 0; session != NULL; i++) {
        if (sim_session_run(session, UINT64_MAX, i == SNAPSHOTS ? UINT64_MAX : 1 + random_below(random, LIMIT / 2)))
            break;
        struct sim_snapshot *snapshot = sim_snapshot_take(session);
        sim_session_free(session);
        session = sim_session_new(scenario, error);
        if (snapshot == NULL || session == NULL || !sim_snapshot_restore(snapshot, session, error)) {
            sim_session_free(session);
            session = NULL;
        }
        sim_snapshot_free(snapshot);
    }
    return session;
}

static bool goes_on_from_snapshots(struct stream *stream, const struct exact_run *usual)
{
    struct random random = {.state = current};
    struct sim_error error = {.line = 0};
    const struct sim_scenario scenario = {.name = (char *)"stream",
                                          .file = (char *)"stream",
                                          .packed = stream->packed,
                                          .packed_size = stream->size,
                                          .guest_bytes = STREAM_GUEST_BYTES,
                                          .caps = *stream->caps,
                                          .vcpus = stream->vcpus};
    struct sim_session *session = run_in_pieces(&scenario, &random, &error);
    const struct sim_trace *trace = session != NULL ? sim_session_trace(session) : NULL;
    const bool same = trace != NULL && trace->size == usual->trace_size && memcmp(trace->bytes, usual->trace, trace->size) == 0;
    if (!same)
        printf("guest %llu (%s): a run through snapshots gives another trace %s\n", (unsigned long long)current, stream_mode_names[stream->mode],
               error.message);
    sim_session_free(session);
    return same;
}

static bool is_repeated(const struct stream *stream, const struct exact_input *input, const struct exact_run *usual)
{
    struct exact_run again;
    char text[256];
    exact_run(input, 0, &again);
    const bool same = exact_equal(usual, &again, text, sizeof text);
    exact_free(&again);
    return same || fail(stream, text);
}

static bool one_guest(uint64_t number)
{
    static struct stream stream;
    struct exact_run usual;
    current = number;
    stream_make(&stream, number, kind, LIMIT);
    const struct exact_input input = input_of(&stream);
    exact_run(&input, 0, &usual);
    bool good = ended_well(&stream, &usual);
    count(&stream, &usual);
    if (good && (kind == STREAM_SOUND || kind == STREAM_SHARED || (kind == STREAM_WILD && number % COMPARED_ONE_IN == 0))) {
        struct random random = {.state = number};
        good = agree(&stream, &input, &usual, 1);
        good = agree(&stream, &input, &usual, 2 + random_below(&random, 60)) && good;
    }
    if (kind == STREAM_SHARED && usual.good) {
        good = is_repeated(&stream, &input, &usual) && good;
        good = goes_on_from_snapshots(&stream, &usual) && good;
    }
    exact_free(&usual);
    return good;
}

static bool number_of(const char *text, uint64_t *value)
{
    char *end;
    *value = strtoull(text, &end, 10);
    return *text != '\0' && *text != '-' && *end == '\0';
}

static bool kind_of(const char *text)
{
    static const char *const names[] = {[STREAM_SOUND] = "exact", [STREAM_SHARED] = "shared", [STREAM_HOSTILE] = "hostile", [STREAM_WILD] = "wild"};
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(text, names[i]) == 0) {
            kind = (enum stream_kind)i;
            return true;
        }
    return false;
}

int main(int argc, char **argv)
{
    uint64_t total = 0, first = 1;
    if (argc < 3 || argc > 4 || !kind_of(argv[1]) || !number_of(argv[2], &total) || (argc > 3 && !number_of(argv[3], &first))) {
        fprintf(stderr, "usage: fuzz_guest exact|shared|hostile|wild COUNT [FIRST]    guests FIRST to FIRST + COUNT - 1 (from 1); each depends on "
                        "its number only\n");
        return 2;
    }
    watch_begin("guest");
    unsigned long long bad = 0;
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    struct growth growth = {.marked = false};
    for (uint64_t i = 0; i < total; i++) {
        watch_case(first + i);
        bad += !one_guest(first + i);
        if (i == GROWTH_WARM_UP)
            growth_mark(&growth);
    }
    for (unsigned mode = 0; mode < STREAM_MODES; mode++)
        printf("%-17s %6llu guests, %llu refused, %9llu instructions, %7llu exits\n", stream_mode_names[mode], guests[mode], refused[mode],
               instructions[mode], exits[mode]);
    printf("%llu guests of %u blocks, %llu wrong\n", (unsigned long long)total, STREAM_BLOCKS, bad);
    return growth_found(&growth) || bad != 0;
}
