/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vmxbench calibrate: a cost table for the simulator from a trace of real hardware. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "../vmx-model/reasons.h"
#include "commands.h"
#include "options.h"
#include "traces.h"
#include "usage.h"

static const char usage[] =
    "usage: vmxbench calibrate TRACE REFERENCE\n"
    "Prints a cost table in the format of sim/costs.def that makes exits on the simulator as dear as in a trace of the hardware image. The reference "
    "is the\n"
    "simulator's trace of the same scenarios, or a scenario that is run for it. VM exit and entry are taken as measured; the costs of what handlers "
    "do are\n"
    "those of the table in use times one factor, the best fit (least squares) over the mean handling time of every reason that both traces have.\n";

/* Sums over the exits of a reason. */
struct costs {
    uint64_t exits, exit, handler, entry;
};
struct table {
    struct costs all, reason[VMX_REASON_LIMIT];
    uint64_t entries; /* exits that an entry followed */
};

static const struct row {
    const char *symbol, *what;
    uint64_t ticks;
} rows[] = {
#define COST(symbol, ticks, what) {#symbol, what, ticks},
#include "../sim/costs.def"
#undef COST
};

static void add(struct costs *to, const struct trace_record *exit)
{
    to->exits++;
    to->exit += exit->item[TRACE_COST_EXIT];
    to->handler += exit->item[TRACE_COST_HANDLER];
    to->entry += exit->item[TRACE_COST_ENTRY];
}

/* False after a complaint. Failed VM entries are no exits whose handling costs. */
static bool read_table(const char *path, struct table *table)
{
    struct trace_file file;
    struct trace_reader reader;
    struct trace_record record;
    int next = -1;
    if (!trace_load("calibrate", path, &file))
        return false;
    if (trace_open(&reader, file.bytes, file.size) == NULL)
        while ((next = trace_next(&reader, &record)) == 1) {
            const uint32_t reason = (uint32_t)record.item[TRACE_REASON];
            if (record.kind != TRACE_EXIT || (reason & VMX_REASON_FAILED_VMENTRY) != 0 || vmx_basic_reason(reason) >= VMX_REASON_LIMIT)
                continue;
            add(&table->all, &record);
            add(&table->reason[vmx_basic_reason(reason)], &record);
            table->entries += record.item[TRACE_COST_ENTRY] != 0;
        }
    if (next != 0)
        trace_complain(path, &reader);
    trace_unload(&file);
    return next == 0;
}

static double mean_handler(const struct costs *costs)
{
    return costs->exits != 0 ? (double)costs->handler / (double)costs->exits : 0;
}

static bool in_both(const struct table *measured, const struct table *reference, unsigned reason)
{
    return measured->reason[reason].exits != 0 && reference->reason[reason].exits != 0;
}

/* Least squares through the origin over the reasons' means, each as often as it was measured. 0: no reason is in both. */
static double fit(const struct table *measured, const struct table *reference)
{
    double products = 0, squares = 0;
    for (unsigned i = 0; i < VMX_REASON_LIMIT; i++) {
        if (!in_both(measured, reference, i))
            continue;
        const double weight = (double)measured->reason[i].exits, x = mean_handler(&reference->reason[i]), y = mean_handler(&measured->reason[i]);
        products += weight * x * y;
        squares += weight * x * x;
    }
    return squares > 0 ? products / squares : 0;
}

static uint64_t rounded(double ticks)
{
    return ticks < 1 ? 1 : (uint64_t)(ticks + 0.5);
}

/* What happens within the guest is not handling. */
static bool is_of_the_guest(const char *symbol)
{
    return strcmp(symbol, "EVENT_INJECTION") == 0 || strcmp(symbol, "EVENT_DELIVERY") == 0;
}

static void print_table(const struct table *measured, const struct table *reference, double factor)
{
    char name[24];
    puts("/* SPDX-License-Identifier: GPL-2.0-or-later */");
    printf("/* What things cost, in ticks of the time-stamp counter, fitted by `vmxbench calibrate` to %" PRIu64 " VM exits on hardware.\n",
           measured->all.exits);
    printf("   COST(symbol, ticks, what it stands for). Handlers: the former costs times %.3f. Mean ticks of a handler, measured and fitted:\n",
           factor);
    for (unsigned i = 0; i < VMX_REASON_LIMIT; i++)
        if (in_both(measured, reference, i))
            printf("   %-22s %10.0f %10.0f in %" PRIu64 " exits\n", trace_reason_name(i, name), mean_handler(&measured->reason[i]),
                   factor * mean_handler(&reference->reason[i]), measured->reason[i].exits);
    puts("   */");
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *row = &rows[i];
        uint64_t ticks = is_of_the_guest(row->symbol) ? row->ticks : rounded(factor * (double)row->ticks);
        if (strcmp(row->symbol, "VM_EXIT") == 0)
            ticks = rounded((double)measured->all.exit / (double)measured->all.exits);
        if (strcmp(row->symbol, "VM_ENTRY") == 0)
            ticks = rounded((double)measured->all.entry / (double)measured->entries);
        printf("COST(%s, %" PRIu64 ", \"%s\")\n", row->symbol, ticks, row->what);
    }
}

static int complain(const char *path, const char *what)
{
    fprintf(stderr, "%s: %s\n", path, what);
    return 2;
}

int cmd_calibrate(int argc, char **argv)
{
    static const struct option options[] = {{"help", no_argument, NULL, OPTION_HELP}, {NULL, 0, NULL, 0}};
    static struct table measured, reference;
    int option;
    optind = 1;
    while ((option = option_next("calibrate", argc, argv, "h", options)) != OPTION_END) {
        if (option != OPTION_HELP)
            return 2;
        usage_print(usage);
        return 0;
    }
    if (argc - optind != 2) {
        fputs("vmxbench calibrate: name a trace of the hardware image and a reference; `vmxbench calibrate --help` tells more\n", stderr);
        return 2;
    }
    if (!read_table(argv[optind], &measured) || !read_table(argv[optind + 1], &reference))
        return 2;
    if (measured.all.exits == 0 || measured.all.exit == 0 || measured.entries == 0)
        return complain(argv[optind], "no VM exit in it has costs");
    const double factor = fit(&measured, &reference);
    if (factor <= 0)
        return complain(argv[optind + 1], "it has no exit reason of the hardware's trace: the same scenarios are wanted");
    print_table(&measured, &reference, factor);
    return 0;
}
