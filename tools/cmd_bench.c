/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vmxbench bench: how fast guests run and exits are served, against stock Unicorn and Bochs in the same run. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench_figures.h"
#include "commands.h"
#include "usage.h"

static const char usage[] =
    "usage: vmxbench bench [--json] [PART...]\n"
    "Measures guest MIPS on a tight loop and on a memory mix beside stock Unicorn, VM exits a second by kind and beside Bochs,\n"
    "replays from a snapshot, worker processes, firmware and memory, and says what the project asks for. Takes a minute or two.\n"
    "PART: memory, guests, exits, inside, processes; without one, all of them.\n"
    "Figures are of this machine and this run; compare ratios.\n";

static void print_json(const struct bench_figures *figures)
{
    cJSON *root = cJSON_CreateObject();
    for (size_t i = 0; i < figures->count; i++)
        cJSON_AddNumberToObject(root, figures->figure[i].key, figures->figure[i].value);
    char *text = cJSON_Print(root);
    puts(text);
    free(text);
    cJSON_Delete(root);
}

static int decimals(double value)
{
    return value < 100 ? 2 : 0;
}

static void print_wanted(const struct bench_figure *figure)
{
    const double bound = figure->wanted < 0 ? -figure->wanted : figure->wanted;
    const bool met = figure->wanted < 0 ? figure->value <= bound : figure->value >= bound;
    printf("  %s %.*f%s", figure->wanted < 0 ? "at most" : "at least", bound < 100 && bound != (double)(int)bound ? 1 : 0, bound,
           met ? "" : ": MISSED");
}

static void print_table(const struct bench_figures *figures)
{
    for (size_t i = 0; i < figures->count; i++) {
        const struct bench_figure *figure = &figures->figure[i];
        if (figure->value == 0) {
            printf("%-66s %12s\n", figure->text, "not measured");
            continue;
        }
        printf("%-66s %12.*f %-9s", figure->text, decimals(figure->value), figure->value, figure->unit);
        if (figure->wanted != 0)
            print_wanted(figure);
        putchar('\n');
    }
}

/* Memory first: what the others leave behind would count. */
static const struct bench_part {
    const char *name;
    bool (*measure)(struct bench_figures *figures);
} parts[] = {{"memory", bench_memory}, {"guests", bench_guests}, {"exits", bench_exits}, {"inside", bench_inside}, {"processes", bench_processes}};
enum { PARTS = sizeof parts / sizeof *parts };

/* Marks the part of that name; false: there is none. */
static bool choose(const char *name, bool chosen[PARTS])
{
    for (size_t i = 0; i < PARTS; i++)
        if (strcmp(parts[i].name, name) == 0)
            return chosen[i] = true;
    return false;
}

int cmd_bench(int argc, char **argv)
{
    static struct bench_figures figures;
    bool json = false, any = false, chosen[PARTS] = {false};
    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        usage_print(usage);
        return 0;
    }
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            json = true;
        } else if (choose(argv[i], chosen)) {
            any = true;
        } else {
            fprintf(stderr, "vmxbench bench: '%s' is neither --json nor a part: memory, guests, exits, inside, processes\n", argv[i]);
            return 2;
        }
    }
    for (size_t i = 0; i < PARTS; i++)
        if ((!any || chosen[i]) && !parts[i].measure(&figures))
            return 2;
    if (json)
        print_json(&figures);
    else
        print_table(&figures);
    return 0;
}
