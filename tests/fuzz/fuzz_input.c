/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz_input COUNT [FIRST]: damaged inputs FIRST to FIRST + COUNT - 1: traces, packed scenarios, snapshots, dumps, scripts, images, profiles. Each is a
   function of its number, and whoever reads it refuses it in words or does something with it that ends. */
#define _DEFAULT_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "guest_stream.h"
#include "handlers/bench/packed.h"
#include "input.h"
#include "sim/compare.h"
#include "sim/multiboot.h"
#include "sim/profile.h"
#include "sim/scenario.h"
#include "sim/snapshot.h"
#include "sim/snapshot_bare.h"
#include "tests/support/exact.h"
#include "tests/support/growth.h"
#include "tests/support/watch.h"
#include "tools/explain_dump.h"
#include "tools/graph.h"
#include "tools/stats.h"
#include "tools/trace_format.h"

enum { VCPUS = 2, STEPS = 3000, PATH_BYTES = 64, SEQUENCE = 50, EDGES = 20, RAM = 4 << 20 };

static char folder[] = "/tmp/vmxbench-input.XXXXXX";
static unsigned long long inputs[INPUT_KINDS], taken[INPUT_KINDS];
static FILE *nowhere;

/* ---- readers: true, the input was taken ---- */
static bool read_trace(const struct input *input)
{
    static struct graph graph;
    static struct stats stats;
    const struct trace_file file = {input->bytes, input->size};
    struct trace_reader reader;
    struct sim_compared compared;
    bool good = true;
    for (unsigned format = TRACE_FORMAT_TEXT; format <= TRACE_FORMAT_CHROME; format++)
        good = trace_format_write(nowhere, (enum trace_format)format, input->bytes, input->size) && good;
    good = stats_collect(&stats, &file, STATS_ALL_VCPUS, &reader) && good;
    good = graph_collect(&graph, &file, STATS_ALL_VCPUS, SEQUENCE, &reader) && good;
    graph_write_dot(nowhere, &graph, EDGES);
    graph_free(&graph);
    (void)sim_compare(input->bytes, input->size, input->bytes, input->size, NULL, &compared);
    free(compared.text);
    return good;
}

/* Its limit is ours. */
static void limit_packed(struct input *input)
{
    struct packed_reader reader;
    struct packed_record record;
    const uint64_t limit = STEPS;
    bool limited = false;
    if (packed_open(&reader, input->bytes, input->size) != NULL)
        return;
    while (packed_next(&reader, &record))
        if (record.kind == PACKED_LIMIT && record.size >= sizeof limit) {
            memcpy(input->bytes + (record.payload - input->bytes), &limit, sizeof limit);
            limited = true;
        }
    const uint32_t crc = bench_crc32(0, input->bytes + PACKED_HEADER_BYTES, input->size - PACKED_HEADER_BYTES);
    memcpy(input->bytes + PACKED_HEADER_BYTES - sizeof crc, &crc, sizeof crc);
    if (!limited)
        input->size = 0;
}

static bool read_packed(struct input *input)
{
    struct exact_run run;
    limit_packed(input);
    const struct exact_input how = {.packed = input->bytes, .packed_size = input->size, .guest_bytes = STREAM_GUEST_BYTES, .vcpus = VCPUS};
    exact_run(&how, 0, &run);
    const bool good = run.good;
    exact_free(&run);
    return good;
}

static bool read_snapshot(const char *path)
{
    struct sim_scenario *scenario;
    struct sim_error error;
    struct sim_session *session = sim_snapshot_read(path, &scenario, &error);
    if (session == NULL)
        return false;
    (void)sim_session_run(session, STEPS, STEPS);
    sim_session_free(session);
    sim_scenario_free(scenario, 1);
    return true;
}

static bool read_bare_snapshot(const char *path)
{
    struct sim_error error;
    unsigned status;
    struct sim_board_trace trace = {.machine = NULL};
    struct sim_bare_trace none = {.trace = &trace};
    const struct sim_bare_options calls = {.limit = STEPS};
    struct bk_machine *machine = sim_bare_snapshot_read(path, &calls, &none, &error);
    if (machine == NULL)
        return false;
    machine->pause = machine->steps + STEPS;
    (void)sim_bare_run(machine, &status);
    sim_machine_free(machine);
    free(none.bytes);
    return true;
}

static bool read_dump(const struct input *input)
{
    size_t count;
    struct vmcs_dump *dumps = vmcs_dump_read((const char *)input->bytes, input->size, &count);
    for (size_t i = 0; dumps != NULL && i < count; i++)
        (void)explain_dump(nowhere, &dumps[i], vmx_default_profile());
    const bool good = dumps != NULL;
    free(dumps);
    return good;
}

static bool read_script(const char *path)
{
    struct sim_scenario *scenarios;
    struct sim_error error;
    size_t count;
    if (!sim_scenario_load(path, NULL, 0, &scenarios, &count, &error))
        return false;
    sim_scenario_free(scenarios, count);
    return true;
}

static bool read_image(const struct input *input)
{
    char why[MULTIBOOT_ERROR_BYTES];
    const char *message;
    unsigned status;
    const struct sim_bare_options options = {.ram_bytes = RAM, .cpus = 1, .limit = STEPS};
    struct bk_machine *machine = sim_bare_new(&options, &message);
    if (machine == NULL)
        abort();
    const struct multiboot_request request = {.kernel = {input->bytes, input->size, "image"}};
    const bool good = sim_multiboot_load(machine, &request, why);
    if (good)
        (void)sim_bare_run(machine, &status);
    sim_machine_free(machine);
    return good;
}

static bool write_damaged(const struct input *input, char path[PATH_BYTES])
{
    snprintf(path, PATH_BYTES, "%s/damaged", folder);
    FILE *file = fopen(path, "wb");
    const bool good = file != NULL && fwrite(input->bytes, 1, input->size, file) == input->size;
    return (file == NULL || fclose(file) == 0) && good;
}

static bool read_input(enum input_kind kind, struct input *input)
{
    char path[PATH_BYTES];
    struct sim_error error;
    if (!write_damaged(input, path))
        abort();
    switch (kind) {
    case INPUT_TRACE:
        return read_trace(input);
    case INPUT_PACKED:
        return read_packed(input);
    case INPUT_SNAPSHOT:
        return read_snapshot(path);
    case INPUT_BARE_SNAPSHOT:
        return read_bare_snapshot(path);
    case INPUT_DUMP:
        return read_dump(input);
    case INPUT_SCRIPT:
        return read_script(path);
    case INPUT_IMAGE:
        return read_image(input);
    case INPUT_PROFILE:
        return sim_profile_read(path, &error);
    case INPUT_KINDS:
        break;
    }
    return false;
}

/* Profiles and scripts are the dearest: a profile that is read stays, a script calls the assembler. */
static enum input_kind kind_of(uint64_t number)
{
    static const enum input_kind kinds[] = {INPUT_TRACE,  INPUT_PACKED,   INPUT_SNAPSHOT,      INPUT_IMAGE, INPUT_DUMP, INPUT_TRACE,
                                            INPUT_PACKED, INPUT_SNAPSHOT, INPUT_BARE_SNAPSHOT, INPUT_IMAGE, INPUT_DUMP, INPUT_SCRIPT};
    return number % 120 == 0 ? INPUT_PROFILE : kinds[number % (sizeof kinds / sizeof kinds[0])];
}

static bool one_input(uint64_t number)
{
    struct random random = {.state = number};
    struct input input;
    const enum input_kind kind = kind_of(number);
    if (!input_make(kind, &random, folder, &input)) {
        printf("input %llu (%s): cannot be made\n", (unsigned long long)number, input_kind_names[kind]);
        free(input.bytes);
        return false;
    }
    input_damage(kind, &random, &input);
    /* of just its size, so that AddressSanitizer sees what reads beyond it; texts have a zero behind them */
    input.bytes = realloc(input.bytes, input.size + 1);
    if (input.bytes == NULL)
        abort();
    inputs[kind]++;
    taken[kind] += read_input(kind, &input);
    free(input.bytes);
    return true;
}

static bool number_of(const char *text, uint64_t *value)
{
    char *end;
    *value = strtoull(text, &end, 10);
    return *text != '\0' && *text != '-' && *end == '\0';
}

static bool clean_up(void)
{
    char path[PATH_BYTES];
    static const char *const names[] = {"sound", "damaged"};
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        (void)unlink(path);
    }
    return rmdir(folder) == 0;
}

int main(int argc, char **argv)
{
    uint64_t total = 0, first = 1;
    if (argc < 2 || argc > 3 || !number_of(argv[1], &total) || (argc > 2 && !number_of(argv[2], &first))) {
        fprintf(stderr, "usage: fuzz_input COUNT [FIRST]    damaged inputs FIRST to FIRST + COUNT - 1 (from 1); each depends on its number only\n");
        return 2;
    }
    nowhere = fopen("/dev/null", "w");
    if (nowhere == NULL || mkdtemp(folder) == NULL)
        return 2;
    watch_begin("input");
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    unsigned long long bad = 0;
    struct growth growth = {.marked = false};
    for (uint64_t i = 0; i < total; i++) {
        watch_case(first + i);
        bad += !one_input(first + i);
        if (i == GROWTH_WARM_UP)
            growth_mark(&growth);
    }
    for (unsigned kind = 0; kind < INPUT_KINDS; kind++)
        printf("%-14s %6llu inputs, %llu of them taken\n", input_kind_names[kind], inputs[kind], taken[kind]);
    fclose(nowhere);
    const bool clean = clean_up();
    printf("%llu inputs, %llu wrong\n", (unsigned long long)total, bad);
    return growth_found(&growth) || bad != 0 || !clean;
}
