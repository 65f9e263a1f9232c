/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random VM entries and guest programs on the simulator and on Bochs' VT-x: both say the same, or the SDM or the list of deviations tells why not. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "both.h"
#include "generate.h"
#include "known.h"
#include "minimise.h"
#include "tools/bochs/bochs_run.h"

enum { CHUNK = 2048, MINIMISED_MAX = 20 };

struct request {
    uint64_t count, seed, first;
    const char *folder; /* for scripts of disagreements; NULL: none are written */
    bool list;          /* disagreements are told in a line each */
};

struct tally {
    uint64_t entries, programs, failing; /* failing: entries that the simulator refuses */
    uint64_t verdict[VERDICT_DISAGREE + 1];
    uint64_t known[KNOWN_MAX];
    uint64_t rule[VMX_CHECK_COUNT]; /* how often a rule decided, and Bochs agreed */
    unsigned minimised;
};

static const char usage[] =
    "usage: differential [COUNT] [--seed S] [--first N] [--keep FOLDER | --list]\n"
    "Runs the cases N to N + COUNT - 1 (1000 from 0) of a seed (1) on the simulator and on Bochs. Exit status 1: some disagree.\n"
    "--keep FOLDER  writes each disagreement, made as small as possible, as a scenario script\n"
    "--list         names disagreements in a line each\n";

static bool number(const char *text, uint64_t *value)
{
    char *end;
    errno = 0;
    *value = strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && *end == '\0' && errno == 0;
}

static bool parse(int argc, char **argv, struct request *request)
{
    *request = (struct request){.count = 1000, .seed = 1};
    for (int i = 1; i < argc; i++) {
        const bool has_value = i + 1 < argc;
        if (strcmp(argv[i], "--seed") == 0 && has_value && number(argv[i + 1], &request->seed))
            i++;
        else if (strcmp(argv[i], "--first") == 0 && has_value && number(argv[i + 1], &request->first))
            i++;
        else if (strcmp(argv[i], "--keep") == 0 && has_value)
            request->folder = argv[++i];
        else if (strcmp(argv[i], "--list") == 0)
            request->list = true;
        else if (i != 1 || !number(argv[i], &request->count))
            return false;
    }
    return true;
}

static void write_script(const struct request *request, const struct dif_case *c, const struct result *result)
{
    char name[64], path[512];
    case_name(c, name);
    snprintf(path, sizeof path, "%s/%s.lua", request->folder, name);
    FILE *to = fopen(path, "w");
    if (to == NULL) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return;
    }
    case_write_script(c, result->text, result->reasons, result->reason_count, to);
    fclose(to);
    printf("%s\n", path);
}

/* False: Bochs cannot run. */
static bool disagreement(const struct request *request, struct tally *tally, struct dif_case *c, struct result *result, struct sim_error *error)
{
    char name[64];
    case_name(c, name);
    printf("%s disagrees: %s\n", name, result->signature);
    if (!request->list)
        case_write_script(c, result->text, result->reasons, result->reason_count, stdout);
    fflush(stdout);
    if (request->folder == NULL || tally->minimised == MINIMISED_MAX)
        return true;
    tally->minimised++;
    if (!minimise(c, result, error))
        return false;
    write_script(request, c, result);
    return true;
}

static void count(struct tally *tally, const struct dif_case *c, const struct result *result)
{
    tally->entries += c->kind == CASE_ENTRY;
    tally->programs += c->kind == CASE_PROGRAM;
    tally->failing += c->kind == CASE_ENTRY && result->sim.rule != VMX_CHECK_NONE;
    tally->verdict[result->verdict]++;
    if (result->verdict == VERDICT_KNOWN)
        tally->known[result->deviation]++;
    if (result->verdict == VERDICT_AGREE)
        tally->rule[result->sim.rule]++;
}

static bool run_chunk(const struct request *request, struct tally *tally, uint64_t first, size_t part)
{
    static struct result results[CHUNK];
    static struct dif_case cases[CHUNK];
    struct sim_error error;
    for (size_t i = 0; i < part; i++)
        generate_case(&cases[i], request->seed, first + i);
    bool good = both_run(cases, part, results, &error);
    for (size_t i = 0; i < part; i++) {
        count(tally, &cases[i], &results[i]);
        if (good && results[i].verdict == VERDICT_DISAGREE)
            good = disagreement(request, tally, &cases[i], &results[i], &error);
        result_free(&results[i]);
    }
    if (!good)
        fprintf(stderr, "%s: %s\n", error.file, error.message);
    return good;
}

static void report(const struct tally *t)
{
    unsigned rules = 0;
    for (unsigned i = 1; i < VMX_CHECK_COUNT; i++)
        rules += t->rule[i] != 0;
    printf("%llu entries (%llu fail), %llu programs: %llu agree, %llu fail by another violated rule, %llu deviate as listed, %llu not for Bochs, "
           "%llu disagree\n",
           (unsigned long long)t->entries, (unsigned long long)t->failing, (unsigned long long)t->programs,
           (unsigned long long)t->verdict[VERDICT_AGREE], (unsigned long long)t->verdict[VERDICT_ORDER],
           (unsigned long long)t->verdict[VERDICT_KNOWN], (unsigned long long)t->verdict[VERDICT_ONLY_SIM],
           (unsigned long long)t->verdict[VERDICT_DISAGREE]);
    printf("%u rules of entry decided on both sides alike\n", rules);
    for (unsigned i = 0; i < known_count; i++)
        if (t->known[i] != 0)
            printf("%8llu %s: %s\n", (unsigned long long)t->known[i], known_list[i].script, known_list[i].scenario);
}

/* Every rule that excuses Bochs stands on a shipped scenario that shows it, which the test tools.both_paths runs. */
static bool rules_are_listed(void)
{
    bool good = known_count <= KNOWN_MAX;
    for (unsigned i = 0; i < known_count; i++) {
        bool found = false;
        for (size_t k = 0; k < bochs_deviation_count && !found; k++)
            found =
                strcmp(known_list[i].script, bochs_deviations[k].script) == 0 && strcmp(known_list[i].scenario, bochs_deviations[k].scenario) == 0;
        if (!found)
            fprintf(stderr, "%s, %s: no row of tools/bochs/deviations.c\n", known_list[i].script, known_list[i].scenario);
        good &= found;
    }
    return good;
}

int main(int argc, char **argv)
{
    static struct tally tally;
    struct request request;
    if (!parse(argc, argv, &request)) {
        fputs(usage, stderr);
        return 2;
    }
    if (!rules_are_listed())
        return 2;
    for (uint64_t done = 0; done < request.count;) {
        const size_t part = request.count - done < CHUNK ? (size_t)(request.count - done) : CHUNK;
        if (!run_chunk(&request, &tally, request.first + done, part))
            return 2;
        done += part;
    }
    report(&tally);
    return tally.verdict[VERDICT_DISAGREE] != 0;
}
