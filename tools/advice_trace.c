/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Advice for a trace. */
#include "advice_trace.h"

#include <stdio.h>

#include "advice_json.h"
#include "stats.h"
#include "stats_cpus.h"
#include "traces.h"
#include "wrap.h"

/* What has been told so far. */
struct telling {
    const struct stats *stats;
    cJSON *array; /* NULL: as text */
    unsigned number;
};

void advice_print_move(const struct move *move)
{
    char line[OVERRIDE_NAME];
    override_line(&move->change, line);
    printf("    why    ");
    wrap_text(stdout, 11, move->why);
    printf("    price  ");
    wrap_text(stdout, 11, move->price);
    printf("    line   %s\n", line);
}

static void tell(struct telling *telling, const struct move *move, uint64_t exits, uint64_t ticks, const char *which)
{
    char text[OVERRIDE_NAME];
    if (telling->array != NULL) {
        cJSON *const object = cJSON_CreateObject();
        json_move(object, move);
        cJSON_AddNumberToObject(object, "exits_at_most", (double)exits);
        cJSON_AddNumberToObject(object, "time_at_most_ns", (double)ticks);
        cJSON_AddItemToArray(telling->array, object);
        return;
    }
    override_name(&move->change, text);
    printf("%u. %s saves at most %llu of %llu exits, %.2fus of %.2fus: %s\n", ++telling->number, text, (unsigned long long)exits,
           (unsigned long long)telling->stats->samples, (double)ticks / 1000, (double)telling->stats->ticks / 1000, which);
    advice_print_move(move);
    putchar('\n');
}

static void tell_controls(struct telling *telling)
{
    const struct stats_row *rows[STATS_ROWS];
    const unsigned count = stats_sorted(telling->stats, STATS_BY_TIME, rows);
    char which[64];
    for (unsigned i = 0; i < count; i++)
        for (unsigned r = 0; r < advice_row_count(); r++) {
            const struct move move = move_of_row(&advice_rows[r]);
            snprintf(which, sizeof which, "all of %s", vmx_reason_name(move.reason));
            if (move.reason == rows[i]->reason)
                tell(telling, &move, rows[i]->samples, rows[i]->ticks, which);
        }
}

/* Interrupts that were taken elsewhere than their virtual CPU exits: each was a VM exit there at most. */
static void tell_bindings(struct telling *telling, const struct stats_cpus *cpus)
{
    const uint64_t mean = cpus->external != 0 ? cpus->external_ticks / cpus->external : 0;
    for (unsigned i = 0; i < cpus->vectors; i++) {
        const struct stats_vector *v = &cpus->vector[i];
        const unsigned home = stats_cpus_home(cpus, v->vcpu);
        uint64_t elsewhere = 0;
        unsigned from = 0;
        for (unsigned cpu = 0; cpu < cpus->cpus; cpu++) {
            elsewhere += cpu != home ? v->taken[cpu] : 0;
            from = v->taken[cpu] > v->taken[from] ? cpu : from;
        }
        if (home == STATS_CPUS || elsewhere == 0)
            continue;
        const struct move move = move_of_source(v->vector, v->vcpu, from, home, home, elsewhere);
        tell(telling, &move, elsewhere, elsewhere * mean, "each was taken out of a guest, at most");
    }
}

static void tell_all(struct telling *telling, const char *path, const struct stats_cpus *cpus)
{
    tell_controls(telling);
    tell_bindings(telling, cpus);
    if (telling->array == NULL) {
        if (telling->number == 0)
            puts("No control bit and no binding of an interrupt saves exits of these reasons.");
        return;
    }
    cJSON *const root = cJSON_CreateObject();
    cJSON_AddStringToObject(root, "trace", path);
    cJSON_AddItemToObject(root, "advice", telling->array);
    json_print(root);
}

bool advice_of_trace(const char *path, bool json)
{
    static struct stats_cpus cpus;
    struct trace_file trace;
    struct trace_reader reader;
    struct stats stats = {0};
    if (!trace_load("advise", path, &trace))
        return false;
    const bool whole = stats_collect(&stats, &trace, STATS_ALL_VCPUS, &reader) && stats_cpus_collect(&cpus, &trace, STATS_ALL_VCPUS, &reader);
    struct telling telling = {.stats = &stats, .array = json && whole ? cJSON_CreateArray() : NULL};
    if (whole)
        tell_all(&telling, path, &cpus);
    else
        trace_complain(path, &reader);
    trace_unload(&trace);
    return whole;
}
