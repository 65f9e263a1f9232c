/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looking into what a script returned. */
#include "script.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static void free_value(struct script_value *value)
{
    free(value->string);
    if (value->table == NULL)
        return;
    for (size_t i = 0; i < value->table->count; i++) {
        free_value(&value->table->entries[i].key);
        free_value(&value->table->entries[i].value);
    }
    free(value->table->entries);
    free(value->table->kind);
    free(value->table);
}

void script_free(struct script *script)
{
    free_value(&script->result);
    free(script->source);
    *script = (struct script){0};
}

const struct script_value *script_get(const struct script_table *table, const char *key)
{
    for (size_t i = 0; i < table->count; i++)
        if (table->entries[i].key.type == SCRIPT_STRING && strcmp(table->entries[i].key.string, key) == 0)
            return &table->entries[i].value;
    return NULL;
}

const struct script_value *script_at(const struct script_table *table, int64_t key)
{
    for (size_t i = 0; i < table->count; i++)
        if (table->entries[i].key.type == SCRIPT_INTEGER && table->entries[i].key.integer == key)
            return &table->entries[i].value;
    return NULL;
}

bool script_is_kind(const struct script_value *value, const char *kind)
{
    return value->type == SCRIPT_TABLE && value->table->kind != NULL && strcmp(value->table->kind, kind) == 0;
}

/* The text from `line` on. */
static const char *at_line(const struct script *script, unsigned line)
{
    const char *at = script->source;
    for (unsigned i = 1; i < line && at != NULL; i++) {
        at = strchr(at, '\n');
        if (at != NULL)
            at++;
    }
    return at;
}

static unsigned count_lines(const char *from, const char *to)
{
    unsigned lines = 0;
    for (; from < to; from++)
        lines += *from == '\n';
    return lines;
}

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

unsigned script_line_of(const struct script *script, unsigned line, const char *word)
{
    const char *start = at_line(script, line);
    const size_t size = strlen(word);
    if (start == NULL || size == 0)
        return line;
    for (const char *at = strstr(start, word); at != NULL; at = strstr(at + 1, word))
        if ((at == start || !is_word(at[-1])) && !is_word(at[size]))
            return line + count_lines(start, at);
    return line;
}

unsigned script_line_of_text(const struct script *script, unsigned line, const char *text)
{
    const char *start = at_line(script, line);
    const char *at = start != NULL && *text != '\0' ? strstr(start, text) : NULL;
    return at != NULL ? line + count_lines(start, at) : line;
}
