/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vmxbench limits: what is not modelled, and what happens instead. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../vmx-model/checks.h"
#include "commands.h"
#include "options.h"
#include "usage.h"
#include "wrap.h"

static const char usage[] = "usage: vmxbench limits [--json]\n"
                            "What is not modelled, by area, and what happens instead.\n";

static const struct limit {
    const char *area, *what, *instead;
} limits[] = {
#define LIMIT(area, what, instead) {area, what, instead},
#include "limits.def"
#undef LIMIT
};
enum { LIMITS = sizeof limits / sizeof limits[0] };

static void print_text(void)
{
    enum { COLUMN = 10 };
    const char *area = "";
    for (unsigned i = 0; i < LIMITS; i++) {
        if (strcmp(area, limits[i].area) != 0)
            printf("%s%s\n", i == 0 ? "" : "\n", limits[i].area);
        area = limits[i].area;
        fputs("  lacks   ", stdout);
        wrap_text(stdout, COLUMN, limits[i].what);
        fputs("  instead ", stdout);
        wrap_text(stdout, COLUMN, limits[i].instead);
    }
    puts("\nVM-entry checks");
    for (unsigned i = VMX_CHECK_NONE + 1; i < VMX_CHECK_COUNT; i++) {
        if (vmx_check_rows[i].not_modelled == NULL)
            continue;
        printf("  lacks   %s\n  because ", vmx_check_rows[i].id);
        wrap_text(stdout, COLUMN, vmx_check_rows[i].not_modelled);
    }
}

static void print_json(void)
{
    cJSON *root = cJSON_CreateArray();
    for (unsigned i = 0; i < LIMITS; i++) {
        cJSON *row = cJSON_CreateObject();
        cJSON_AddStringToObject(row, "area", limits[i].area);
        cJSON_AddStringToObject(row, "lacks", limits[i].what);
        cJSON_AddStringToObject(row, "instead", limits[i].instead);
        cJSON_AddItemToArray(root, row);
    }
    char *text = cJSON_Print(root);
    puts(text);
    free(text);
    cJSON_Delete(root);
}

int cmd_limits(int argc, char **argv)
{
    enum { JSON = 256 };
    static const struct option options[] = {{"json", 0, NULL, JSON}, {"help", 0, NULL, OPTION_HELP}, {NULL, 0, NULL, 0}};
    bool json = false;
    int option;
    optind = 1;
    while ((option = option_next("limits", argc, argv, "h", options)) != OPTION_END) {
        if (option == OPTION_BAD)
            return 2;
        if (option == OPTION_HELP) {
            usage_print(usage);
            return 0;
        }
        json = true;
    }
    if (optind != argc)
        return option_complain("limits", "argument", argv[optind], "it takes none");
    if (json)
        print_json();
    else
        print_text();
    return 0;
}
