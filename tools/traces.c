/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a command line names as TRACE|SCENARIO: a trace file as it is, a scenario script by running it on the simulator. */
#include "traces.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../handlers/bench/packed.h"
#include "../sim/run.h"
#include "../vmx-model/reasons.h"
#include "files.h"
#include "options.h"

static bool is_script(const char *path)
{
    const size_t length = strlen(path);
    return length > 4 && strcmp(path + length - 4, ".lua") == 0;
}

static bool run_script(const char *path, const char *profile, struct trace_file *out)
{
    struct sim_override override = {.word = SIM_OVERRIDE_PROFILE};
    struct sim_scenario *scenarios;
    struct sim_trace trace = {0};
    struct sim_error error = {0};
    size_t count;
    snprintf(override.control, sizeof override.control, "%s", profile != NULL ? profile : "");
    bool good = sim_scenario_load(path, &override, profile != NULL, &scenarios, &count, &error);
    if (good) {
        for (size_t i = 0; i < count && good; i++)
            good = sim_run_scenario(&scenarios[i], &trace, &error);
        sim_scenario_free(scenarios, count);
    }
    if (!good) {
        complain_of(&error);
        sim_trace_free(&trace);
        return false;
    }
    *out = (struct trace_file){trace.bytes, trace.size};
    return true;
}

/* ---- the seal ---- */
enum { SEAL_BYTES = 8 };
static const char seal_word[4] = "VMXC";

static void make_seal(const uint8_t *bytes, size_t size, uint8_t seal[SEAL_BYTES])
{
    const uint32_t crc = bench_crc32(0, bytes, size);
    memcpy(seal, seal_word, sizeof seal_word);
    for (unsigned i = 0; i < 4; i++)
        seal[4 + i] = (uint8_t)(crc >> 8 * i);
}

bool trace_save(const char *path, const uint8_t *bytes, size_t size)
{
    uint8_t *sealed = malloc(size + SEAL_BYTES);
    if (sealed == NULL)
        return false;
    if (size != 0)
        memcpy(sealed, bytes, size);
    make_seal(bytes, size, sealed + size);
    const bool good = file_write(path, sealed, size + SEAL_BYTES);
    const int why = errno;
    free(sealed);
    errno = why;
    return good;
}

/* Takes the seal off. False: it does not fit. */
static bool check_seal(struct trace_file *trace)
{
    uint8_t seal[SEAL_BYTES];
    if (trace->size < SEAL_BYTES || memcmp(trace->bytes + trace->size - SEAL_BYTES, seal_word, sizeof seal_word) != 0)
        return true;
    trace->size -= SEAL_BYTES;
    make_seal(trace->bytes, trace->size, seal);
    return memcmp(trace->bytes + trace->size, seal, SEAL_BYTES) == 0;
}

bool trace_load(const char *command, const char *path, struct trace_file *out)
{
    return trace_load_as(command, path, NULL, out);
}

bool trace_load_as(const char *command, const char *path, const char *profile, struct trace_file *out)
{
    struct trace_reader reader;
    *out = (struct trace_file){0};
    if (is_script(path))
        return run_script(path, profile, out);
    if (!file_read(path, &out->bytes, &out->size)) {
        if (errno == EISDIR)
            fprintf(stderr, "vmxbench %s: %s is a folder: `vmxbench run --trace FILE %s` makes a trace of its scenarios\n", command, path, path);
        else
            fprintf(stderr, "vmxbench %s: %s: %s\n", command, path, strerror(errno));
        return false;
    }
    const bool sealed = check_seal(out);
    const char *const wrong = trace_open(&reader, out->bytes, out->size);
    if (wrong == NULL && sealed)
        return true;
    if (wrong == NULL) {
        fprintf(stderr, "%s: the trace is damaged: its CRC-32 is another\n", path);
        trace_unload(out);
        return false;
    }
    fprintf(stderr, "vmxbench %s: %s: %s; a trace of `vmxbench run --trace` or a scenario script (.lua) is wanted\n", command, path, wrong);
    trace_unload(out);
    return false;
}

void trace_unload(struct trace_file *trace)
{
    free(trace->bytes);
    *trace = (struct trace_file){0};
}

void trace_complain(const char *path, const struct trace_reader *reader)
{
    fprintf(stderr, "%s: the trace is cut off or damaged at byte %llu of %llu\n", path, (unsigned long long)reader->at,
            (unsigned long long)reader->size);
}

void trace_complain_empty(const char *path, int vcpu)
{
    if (vcpu < 0)
        fprintf(stderr, "%s: it has no VM exit\n", path);
    else
        fprintf(stderr, "%s: virtual CPU %d has no VM exit in it\n", path, vcpu);
}

const char *trace_reason_name(uint64_t reason, char text[24])
{
    const uint32_t basic = vmx_basic_reason((uint32_t)reason);
    if (basic < VMX_REASON_LIMIT)
        return vmx_reason_name(basic);
    snprintf(text, 24, "UNKNOWN (%u)", basic);
    return text;
}

uint64_t trace_handled_ticks(const struct trace_record *exit)
{
    return exit->item[TRACE_COST_EXIT] + exit->item[TRACE_COST_HANDLER] + exit->item[TRACE_COST_ENTRY];
}
