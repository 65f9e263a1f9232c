/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz_guest exact|hostile COUNT [FIRST]: random guests FIRST to FIRST + COUNT - 1 on the whole machine. exact: each runs as usual, instruction by
   instruction, and in runs of random length, and all three must agree. hostile: guests without sense, which must end at their limit. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include "guest_stream.h"
#include "handlers/bench/bench.h"
#include "tests/support/random.h"

enum { LIMIT = 2000, SECONDS_PER_GUEST = 60, MEMORY_GROWTH_KIB = 65536 };

static uint64_t current;
static unsigned long long instructions[STREAM_MODES], exits[STREAM_MODES], guests[STREAM_MODES], refused[STREAM_MODES];

static void on_signal(int number)
{
    static const char *text;
    char line[96];
    text = number == SIGPROF ? "takes a minute" : "ends the program";
    const int size =
        snprintf(line, sizeof line, "guest %llu %s\n", (unsigned long long)current, text); /* NOLINT(bugprone-signal-handler): the program ends */
    if (size > 0 && write(STDERR_FILENO, line, (size_t)size) < 0)
        _exit(2);
    _exit(1);
}

static void count(const struct stream *stream, const struct exact_run *run)
{
    guests[stream->mode]++;
    refused[stream->mode] += run->stop == TRACE_STOP_ENTRY_FAIL;
    instructions[stream->mode] += run->instructions;
    exits[stream->mode] += run->exits;
}

/* Whether a guest that ends after `limit` instructions, exits and deliveries ends the same in both ways. */
static bool agree_up_to(uint64_t number, uint64_t limit, uint64_t longest_run, struct exact_run *usual, char *text, unsigned size)
{
    static struct stream stream;
    struct exact_run other;
    stream_make(&stream, number, false, limit);
    const struct exact_input input = {.packed = stream.packed, .packed_size = stream.size, .guest_bytes = STREAM_GUEST_BYTES, .vcpus = 1};
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

static bool one_guest(uint64_t number, bool hostile)
{
    static struct stream stream;
    struct exact_run usual;
    current = number;
    stream_make(&stream, number, hostile, LIMIT);
    const struct exact_input input = {.packed = stream.packed, .packed_size = stream.size, .guest_bytes = STREAM_GUEST_BYTES, .vcpus = 1};
    exact_run(&input, 0, &usual);
    bool good = usual.good;
    if (!good)
        printf("guest %llu (%s): %s\n", (unsigned long long)number, stream_mode_names[stream.mode], usual.text);
    count(&stream, &usual);
    if (good && !hostile) {
        struct random random = {.state = number};
        good = agree(&stream, &input, &usual, 1);
        good = agree(&stream, &input, &usual, 2 + random_below(&random, 60)) && good;
    }
    exact_free(&usual);
    return good;
}

static long resident_kib(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? usage.ru_maxrss : 0;
}

static bool number_of(const char *text, uint64_t *value)
{
    char *end;
    *value = strtoull(text, &end, 10);
    return *text != '\0' && *text != '-' && *end == '\0';
}

int main(int argc, char **argv)
{
    uint64_t total = 0, first = 1;
    const bool hostile = argc > 1 && strcmp(argv[1], "hostile") == 0;
    if (argc < 3 || argc > 4 || (!hostile && strcmp(argv[1], "exact") != 0) || !number_of(argv[2], &total) ||
        (argc > 3 && !number_of(argv[3], &first))) {
        fprintf(stderr,
                "usage: fuzz_guest exact|hostile COUNT [FIRST]    guests FIRST to FIRST + COUNT - 1 (from 1); each depends on its number only\n");
        return 2;
    }
#ifndef __SANITIZE_ADDRESS__
    (void)signal(SIGSEGV, on_signal);
#endif
    (void)signal(SIGABRT, on_signal);
    (void)signal(SIGPROF, on_signal);
    unsigned long long bad = 0;
    long warm = 0;
    for (uint64_t i = 0; i < total; i++) {
        /* of processor time: what else runs on this computer does not count */
        (void)setitimer(ITIMER_PROF, &(struct itimerval){.it_value = {.tv_sec = SECONDS_PER_GUEST}}, NULL);
        bad += !one_guest(first + i, hostile);
        if (i == 100)
            warm = resident_kib();
    }
    const long grown = warm != 0 ? resident_kib() - warm : 0;
    for (unsigned mode = 0; mode < STREAM_MODES; mode++)
        printf("%-17s %6llu guests, %llu refused, %9llu instructions, %7llu exits\n", stream_mode_names[mode], guests[mode], refused[mode],
               instructions[mode], exits[mode]);
    printf("%llu guests of %u blocks, %llu wrong\n", (unsigned long long)total, STREAM_BLOCKS, bad);
    if (grown > MEMORY_GROWTH_KIB)
        printf("memory has grown by %ld KiB\n", grown);
    return bad != 0 || grown > MEMORY_GROWTH_KIB;
}
