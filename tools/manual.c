/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The architecture's tables as a manual: a list of all entries, or one entry in full, as text or JSON. */
#define _GNU_SOURCE
#include "manual.h"

#include <cjson/cJSON.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../vmx-model/controls.h"
#include "nearest.h"
#include "options.h"
#include "usage.h"
#include "wrap.h"

enum { LABEL_COLUMNS = 28 };

void page_add(struct page *page, const char *key, const char *label, const char *format, ...)
{
    va_list arguments;
    char *text;
    va_start(arguments, format);
    const int length = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (length < 0 || page->count == PAGE_LINES)
        abort();
    if (length == 0) {
        free(text);
        return;
    }
    page->line[page->count].key = key;
    page->line[page->count].label = label;
    page->line[page->count].text = text;
    page->count++;
}

static bool appended_before(const char *list, const char *item)
{
    const char *const at = strstr(list, item);
    return at != NULL;
}

void page_add_controls(struct page *page, const char *const *texts, unsigned count)
{
    char list[2048] = "";
    size_t used = 0;
    for (unsigned i = 0; i < count; i++) {
        struct vmx_control_reference reference;
        for (const char *text = texts[i]; (text = vmx_next_control_reference(text, &reference)) != NULL;) {
            const struct vmx_control_row *row = vmx_control_of_bit(reference.word, reference.low);
            char item[160];
            if (row == NULL)
                continue;
            snprintf(item, sizeof item, "%s.%s (%s)", vmx_control_word_name(row->word), row->name, row->sdm_name);
            if (appended_before(list, item) || used + strlen(item) + 3 > sizeof list)
                continue;
            used += (size_t)sprintf(list + used, "%s%s", used == 0 ? "" : ", ", item);
        }
    }
    page_add(page, "controls", "Controls", "%s", list);
}

static void page_free(struct page *page)
{
    for (unsigned i = 0; i < page->count; i++)
        free(page->line[i].text);
}

static void print_page(const struct page *page)
{
    printf("%s\n", page->title);
    for (unsigned i = 0; i < page->count; i++) {
        const char *const label = page->line[i].label;
        const unsigned columns = text_columns(label);
        printf("  %s%*s", label, (int)(columns < LABEL_COLUMNS - 2 ? LABEL_COLUMNS - 2 - columns : 1), "");
        wrap_text(stdout, LABEL_COLUMNS, page->line[i].text);
    }
}

static cJSON *json_of_page(const struct page *page)
{
    cJSON *object = cJSON_CreateObject();
    for (unsigned i = 0; i < page->count; i++)
        cJSON_AddStringToObject(object, page->line[i].key, page->line[i].text);
    return object;
}

static void print_json(cJSON *json)
{
    char *text = cJSON_Print(json);
    puts(text);
    free(text);
    cJSON_Delete(json);
}

static cJSON *json_of_entry(const struct manual *manual, unsigned index)
{
    struct page page = {0};
    manual->describe(index, &page);
    cJSON *object = json_of_page(&page);
    page_free(&page);
    return object;
}

static int print_list(const struct manual *manual, bool json)
{
    if (!json) {
        manual->list();
        return 0;
    }
    cJSON *array = cJSON_CreateArray();
    for (unsigned i = 0; i < manual->count; i++)
        cJSON_AddItemToArray(array, json_of_entry(manual, i));
    print_json(array);
    return 0;
}

static int complain(const struct manual *manual, const char *name)
{
    struct nearest nearest = {.wanted = name};
    char text[256];
    const char *known;
    for (unsigned i = 0; i < manual->count; i++)
        for (unsigned alias = 0; (known = manual->name(i, alias)) != NULL; alias++)
            nearest_offer(&nearest, known);
    nearest_text(&nearest, text, sizeof text);
    if (text[0] != '\0')
        fprintf(stderr, "vmxbench %s: no %s is called '%s'; did you mean %s?\n", manual->command, manual->entry, name, text);
    else
        fprintf(stderr, "vmxbench %s: no %s is called '%s'; `vmxbench %s` lists them all\n", manual->command, manual->entry, name, manual->command);
    return 2;
}

static int print_entries(const struct manual *manual, const char *name, bool json)
{
    unsigned matches[MANUAL_MATCHES];
    const unsigned count = manual->find(name, matches);
    if (count == 0)
        return complain(manual, name);
    if (json) {
        cJSON *all = count == 1 ? json_of_entry(manual, matches[0]) : cJSON_CreateArray();
        for (unsigned i = 0; count > 1 && i < count; i++)
            cJSON_AddItemToArray(all, json_of_entry(manual, matches[i]));
        print_json(all);
        return 0;
    }
    for (unsigned i = 0; i < count; i++) {
        struct page page = {0};
        manual->describe(matches[i], &page);
        if (i != 0)
            putchar('\n');
        print_page(&page);
        page_free(&page);
    }
    return 0;
}

int manual_run(const struct manual *manual, int argc, char **argv)
{
    static const struct option options[] = {{"help", no_argument, NULL, OPTION_HELP}, {"json", no_argument, NULL, 'j'}, {NULL, 0, NULL, 0}};
    bool json = false;
    int option;
    optind = 1;
    while ((option = option_next(manual->command, argc, argv, "h", options)) != OPTION_END) {
        if (option == OPTION_BAD)
            return 2;
        if (option == OPTION_HELP) {
            usage_print(manual->usage);
            return 0;
        }
        json = true;
    }
    if (argc - optind > 1)
        return option_complain(manual->command, "more than one name", argv[optind + 1], "ask for one at a time");
    return optind == argc ? print_list(manual, json) : print_entries(manual, argv[optind], json);
}
