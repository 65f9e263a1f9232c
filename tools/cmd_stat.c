/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vmxbench stat: exits by reason in the columns of `perf kvm stat report`. */
#include <cjson/cJSON.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "options.h"
#include "stats.h"
#include "stats_cpus_text.h"
#include "traces.h"
#include "usage.h"

static const char usage[] =
    "usage: vmxbench stat [--key sample|time | --pcpu] [--vcpu N] [--csv | --json] TRACE|SCENARIO\n"
    "Exits by reason in the columns of `perf kvm stat report`. The time of an exit runs from the exit to the next entry: what the exit, the handler "
    "and\n"
    "the entry cost; one tick of the virtual clock is 1 ns. An exit that no entry follows counts with the cost of the exit alone.\n"
    "\n"
    "  --key sample|time   sort by number of exits (the default) or by time\n"
    "  --pcpu              by physical CPU: exits, their time, interrupts that the host took there and those of them that belong to a virtual CPU\n"
    "                      other than the one that ran there; then which interrupt arrived where for whom (vector 0xf3: a virtual CPU was kicked)\n"
    "  --vcpu N            only this virtual CPU\n"
    "  --csv, --json       for programs; times in ns\n";

enum form { FORM_TABLE, FORM_CSV, FORM_JSON };

struct request {
    enum stats_key key;
    enum form form;
    int vcpu;
    bool by_pcpu;
};

static double percent(uint64_t part, uint64_t whole)
{
    return whole != 0 ? 100.0 * (double)part / (double)whole : 0;
}

static double microseconds(uint64_t ticks)
{
    return (double)ticks / 1000.0;
}

static double mean_ticks(const struct stats_row *row)
{
    return (double)row->ticks / (double)row->samples;
}

static void print_table(const struct stats *stats, const struct stats_row *const *rows, unsigned count, int vcpu)
{
    char name[24];
    if (vcpu == STATS_ALL_VCPUS)
        printf("\n\nAnalyze events for all VMs, all VCPUs:\n\n");
    else
        printf("\n\nAnalyze events for all VMs, VCPU %d:\n\n", vcpu);
    printf("%20s %10s %9s %9s %11s %11s %16s \n\n", "VM-EXIT", "Samples", "Samples%", "Time%", "Min Time", "Max Time", "Avg time");
    for (unsigned i = 0; i < count; i++) {
        const struct stats_row *const row = rows[i];
        printf("%20s %10" PRIu64 " %8.2f%% %8.2f%% %9.2fus %9.2fus %9.2fus ( +-%7.2f%% )\n", trace_reason_name(row->reason, name), row->samples,
               percent(row->samples, stats->samples), percent(row->ticks, stats->ticks), microseconds(row->min_ticks), microseconds(row->max_ticks),
               mean_ticks(row) / 1000.0, stats_deviation_percent(row));
    }
    printf("\nTotal Samples:%" PRIu64 ", Total events handled time:%.2fus.\n\n", stats->samples, microseconds(stats->ticks));
}

static void print_csv(const struct stats *stats, const struct stats_row *const *rows, unsigned count)
{
    char name[24];
    puts("event,samples,samples_percent,time_ns,time_percent,min_ns,max_ns,mean_ns,deviation_percent");
    for (unsigned i = 0; i < count; i++)
        printf("%s,%" PRIu64 ",%.2f,%" PRIu64 ",%.2f,%" PRIu64 ",%" PRIu64 ",%.2f,%.2f\n", trace_reason_name(rows[i]->reason, name), rows[i]->samples,
               percent(rows[i]->samples, stats->samples), rows[i]->ticks, percent(rows[i]->ticks, stats->ticks), rows[i]->min_ticks,
               rows[i]->max_ticks, mean_ticks(rows[i]), stats_deviation_percent(rows[i]));
}

static void print_json(const struct stats *stats, const struct stats_row *const *rows, unsigned count)
{
    char name[24];
    cJSON *const root = cJSON_CreateObject(), *const events = cJSON_CreateArray();
    cJSON_AddNumberToObject(root, "total_samples", (double)stats->samples);
    cJSON_AddNumberToObject(root, "total_time_ns", (double)stats->ticks);
    cJSON_AddItemToObject(root, "events", events);
    for (unsigned i = 0; i < count; i++) {
        cJSON *const event = cJSON_CreateObject();
        cJSON_AddStringToObject(event, "event", trace_reason_name(rows[i]->reason, name));
        cJSON_AddNumberToObject(event, "number", rows[i]->reason);
        cJSON_AddNumberToObject(event, "samples", (double)rows[i]->samples);
        cJSON_AddNumberToObject(event, "samples_percent", percent(rows[i]->samples, stats->samples));
        cJSON_AddNumberToObject(event, "time_ns", (double)rows[i]->ticks);
        cJSON_AddNumberToObject(event, "time_percent", percent(rows[i]->ticks, stats->ticks));
        cJSON_AddNumberToObject(event, "min_ns", (double)rows[i]->min_ticks);
        cJSON_AddNumberToObject(event, "max_ns", (double)rows[i]->max_ticks);
        cJSON_AddNumberToObject(event, "mean_ns", mean_ticks(rows[i]));
        cJSON_AddNumberToObject(event, "deviation_percent", stats_deviation_percent(rows[i]));
        cJSON_AddItemToArray(events, event);
    }
    char *const text = cJSON_Print(root);
    puts(text);
    free(text);
    cJSON_Delete(root);
}

/* -1: go on; otherwise the exit status. */
static int parse(struct request *request, int argc, char **argv)
{
    static const struct option options[] = {{"csv", no_argument, NULL, 'c'},
                                            {"help", no_argument, NULL, OPTION_HELP},
                                            {"json", no_argument, NULL, 'j'},
                                            {"key", required_argument, NULL, 'k'},
                                            {"pcpu", no_argument, NULL, 'p'},
                                            {"vcpu", required_argument, NULL, 'v'},
                                            {NULL, 0, NULL, 0}};
    int option;
    *request = (struct request){.vcpu = STATS_ALL_VCPUS};
    optind = 1;
    while ((option = option_next("stat", argc, argv, "hk:", options)) != OPTION_END) {
        switch (option) {
        case 'c':
            request->form = FORM_CSV;
            break;
        case 'j':
            request->form = FORM_JSON;
            break;
        case 'k':
            if (strcmp(optarg, "sample") != 0 && strcmp(optarg, "time") != 0)
                return option_complain("stat", "--key", optarg, "the keys are sample and time");
            request->key = optarg[0] == 't' ? STATS_BY_TIME : STATS_BY_SAMPLES;
            break;
        case 'p':
            request->by_pcpu = true;
            break;
        case 'v':
            if (strlen(optarg) != 1 || optarg[0] < '0' || optarg[0] > '7')
                return option_complain("stat", "--vcpu", optarg, "a number from 0 to 7 is wanted");
            request->vcpu = optarg[0] - '0';
            break;
        case OPTION_HELP:
            usage_print(usage);
            return 0;
        default:
            return 2;
        }
    }
    if (argc - optind != 1) {
        fprintf(stderr, "vmxbench stat: name one trace or scenario; `vmxbench stat --help` tells more\n");
        return 2;
    }
    return -1;
}

static bool show_reasons(const struct request *request, const char *path, const struct trace_file *trace, struct trace_reader *reader)
{
    struct stats stats = {0};
    const struct stats_row *rows[STATS_ROWS];
    if (!stats_collect(&stats, trace, request->vcpu, reader))
        return false;
    const unsigned count = stats_sorted(&stats, request->key, rows);
    if (count == 0)
        trace_complain_empty(path, request->vcpu);
    if (request->form == FORM_TABLE)
        print_table(&stats, rows, count, request->vcpu);
    else if (request->form == FORM_CSV)
        print_csv(&stats, rows, count);
    else
        print_json(&stats, rows, count);
    return true;
}

static bool show_cpus(const struct request *request, const struct trace_file *trace, struct trace_reader *reader)
{
    static struct stats_cpus stats;
    if (!stats_cpus_collect(&stats, trace, request->vcpu, reader))
        return false;
    if (request->form == FORM_TABLE)
        stats_cpus_table(&stats);
    else if (request->form == FORM_CSV)
        stats_cpus_csv(&stats);
    else
        stats_cpus_json(&stats);
    return true;
}

int cmd_stat(int argc, char **argv)
{
    struct request request;
    struct trace_file trace;
    struct trace_reader reader;
    const int status = parse(&request, argc, argv);
    if (status >= 0)
        return status;
    if (!trace_load("stat", argv[optind], &trace))
        return 2;
    const bool whole = request.by_pcpu ? show_cpus(&request, &trace, &reader) : show_reasons(&request, argv[optind], &trace, &reader);
    if (!whole)
        trace_complain(argv[optind], &reader);
    trace_unload(&trace);
    return whole ? 0 : 2;
}
