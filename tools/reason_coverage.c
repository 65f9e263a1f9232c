/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which scenario triggers each exit reason: read from the packed expectations of scripts that pass. */
#define _DEFAULT_SOURCE
#include "reason_coverage.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../handlers/bench/packed.h"
#include "../handlers/hypervisor.h"
#include "../sim/scenario.h"
#include "../vmx-model/reasons.h"
#include "../vmx-model/reasons_zh.h"
#include "replay.h"

enum { FAILED_ENTRY = VMX_REASON_LIMIT, REASONS }; /* the flag of a failed entry counts as one reason more */

struct coverage {
    const char *folder;
    int status;
    struct {
        char *text; /* scripts, joined by ", " */
        size_t size;
    } scripts[REASONS];
};

static void expects(bool reasons[REASONS], const struct packed_step *step)
{
    if (step->kind == STEP_EXPECT && step->a < VMX_REASON_LIMIT)
        reasons[step->a] = true;
    if (step->kind == STEP_EXPECT_ENTRY_FAILURE && step->a == ENTRY_FAIL_EXIT && step->b < VMX_REASON_LIMIT)
        reasons[step->b] = reasons[FAILED_ENTRY] = true;
}

static bool read_expectations(const struct sim_scenario *scenario, bool reasons[REASONS])
{
    struct packed_reader reader;
    struct packed_record record;
    if (packed_open(&reader, scenario->packed, scenario->packed_size) != NULL)
        return false;
    while (packed_next(&reader, &record)) {
        struct packed_step step;
        const uint8_t *extra;
        if (record.kind == PACKED_STEP && packed_step_of(&record, &step, &extra))
            expects(reasons, &step);
    }
    return reader.at != UINT32_MAX;
}

static void name_script(struct coverage *coverage, unsigned reason, const char *script)
{
    const size_t used = coverage->scripts[reason].size, length = strlen(script);
    char *const text = realloc(coverage->scripts[reason].text, used + length + 3);
    if (text == NULL)
        abort();
    coverage->scripts[reason].text = text;
    coverage->scripts[reason].size = used + (size_t)sprintf(text + used, "%s%s", used != 0 ? ", " : "", script);
}

static void add_script(struct coverage *coverage, const char *path)
{
    struct sim_scenario *scenarios = NULL;
    struct sim_error error = {0};
    size_t count = 0;
    bool reasons[REASONS] = {false};
    const size_t skip = strlen(coverage->folder);
    const char *name = strncmp(path, coverage->folder, skip) == 0 ? path + skip : path;
    name += strspn(name, "/");
    if (!sim_scenario_load(path, NULL, 0, &scenarios, &count, &error)) {
        fprintf(stderr, "%s: cannot be loaded a second time: %s\n", path, error.message);
        coverage->status = 2;
        return;
    }
    for (size_t i = 0; i < count; i++)
        if (!read_expectations(&scenarios[i], reasons)) {
            fprintf(stderr, "%s: the packed form of %s is damaged\n", path, scenarios[i].name);
            coverage->status = 2;
        }
    sim_scenario_free(scenarios, count);
    for (unsigned reason = 0; reason < REASONS; reason++)
        if (reasons[reason])
            name_script(coverage, reason, name[0] != '\0' ? name : path);
}

/* A script counts when all its scenarios pass. */
static void replayed(void *context, const char *path, const struct replay *replay)
{
    struct coverage *const coverage = context;
    if (replay->status > coverage->status)
        coverage->status = replay->status;
    for (size_t i = 0; i < replay->count; i++)
        if (!replay->verdicts[i].passed)
            fprintf(stderr, "%s: does not count, since %s does not pass:\n%s\n", path, replay->verdicts[i].name,
                    replay->verdicts[i].text != NULL ? replay->verdicts[i].text : "");
    if (replay->status == 0)
        add_script(coverage, path);
}

static bool empty(const char *text)
{
    return text == NULL || text[0] == '\0';
}

static void print_line(FILE *to, struct coverage *coverage, const struct vmx_reason_row *row, bool chinese)
{
    const bool flag = row < vmx_reasons || row >= vmx_reasons + VMX_REASON_LIMIT;
    const struct vmx_reason_zh_row *const zh = vmx_reason_zh(row->seed_name);
    const struct {
        const char *column, *text;
    } cells[] = {{"scenario", coverage->scripts[flag ? FAILED_ENTRY : row->number].text},
                 {"handler", hv_handler_name(flag ? VMX_REASON_FAILED_VMENTRY : row->number)},
                 {"resolution", !chinese     ? row->resolution
                                : zh != NULL ? zh->resolution
                                             : NULL}};
    fputs(row->seed_name, to);
    for (unsigned i = 0; i < sizeof cells / sizeof cells[0]; i++) {
        fprintf(to, " | %s", empty(cells[i].text) ? "-" : cells[i].text);
        if (!empty(cells[i].text))
            continue;
        fprintf(stderr, "%s: no %s\n", row->seed_name, cells[i].column);
        if (coverage->status == 0)
            coverage->status = 1;
    }
    fputc('\n', to);
}

int reason_coverage(FILE *to, const char *folder, bool chinese)
{
    struct coverage coverage = {.folder = folder};
    struct path_list files = {0};
    const char *why;
    if (!paths_add(&files, folder, &why)) {
        fprintf(stderr, "%s: %s\n", folder, why);
        paths_free(&files);
        return 2;
    }
    replay_all(&files, NULL, 0, 1, 1, replayed, &coverage);
    for (unsigned i = 0; i < vmx_reason_zh_count; i++)
        print_line(to, &coverage, vmx_reason_of_name(vmx_reasons_zh[i].seed_name), chinese);
    for (unsigned i = 0; i < REASONS; i++)
        free(coverage.scripts[i].text);
    paths_free(&files);
    return coverage.status;
}
