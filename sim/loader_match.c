/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Expected values of a step: { port = 0x80, direction = "out", rip = "label" }. */
#include <stdlib.h>
#include <string.h>

#include "../vmx-model/names.h"
#include "../vmx-model/reasons.h"
#include "loader.h"
#include "match_names.h"

static const char *value_name_at(size_t index, const void *context)
{
    return ((const struct match_value *)context)[index].name;
}

/* "out", "mov_to", "#PF": a name of the row's own. */
static bool named_value(const struct loader *loader, unsigned line, const struct match_row *row, const struct script_value *value, uint64_t *out)
{
    size_t count = 0;
    for (; row->values[count].name != NULL; count++) {
        const char *name = row->values[count].name;
        if (vmx_name_equal(name, value->string) || (name[0] == '#' && vmx_name_equal(name + 1, value->string))) {
            *out = row->values[count].value;
            return true;
        }
    }
    const char *near = load_nearest(value->string, value_name_at, count, row->values);
    return load_fail(loader, line, value->string, "%s: no such value '%s'%s%s%s", row->name, value->string, near != NULL ? ", did you mean '" : "",
                     near != NULL ? near : "", near != NULL ? "'?" : "");
}

static bool one_value(const struct loader *loader, unsigned line, const struct match_row *row, const struct script_value *value, uint64_t *out)
{
    if (value->type == SCRIPT_BOOLEAN) {
        *out = value->boolean;
        return true;
    }
    if (value->type == SCRIPT_STRING && row->values != NULL)
        return named_value(loader, line, row, value, out);
    return load_number(loader, line, value, row->name, out);
}

/* A value, or { value = ..., mask = ... }. */
static bool load_match(const struct loader *loader, unsigned line, const struct match_row *row, const struct script_value *value,
                       struct packed_match *out)
{
    static const char *const keys[] = {"value", "mask", NULL};
    *out = (struct packed_match){.item = row->item, .line = line, .mask = UINT64_MAX};
    if (value->type != SCRIPT_TABLE)
        return one_value(loader, line, row, value, &out->value);
    const struct script_value *given = script_get(value->table, "value"), *mask = script_get(value->table, "mask");
    if (!load_only_keys(loader, line, value->table, row->name, keys))
        return false;
    if (given == NULL || mask == NULL)
        return load_fail(loader, line, row->name, "%s: a masked value is { value = ..., mask = ... }", row->name);
    if (!one_value(loader, line, row, given, &out->value) || !load_number(loader, line, mask, row->name, &out->mask))
        return false;
    out->value &= out->mask;
    return true;
}

static const char *row_name_at(size_t index, const void *context)
{
    (void)context;
    return match_rows[index].name;
}

static bool is_one_of(const char *name, const char *const *names)
{
    for (; names != NULL && *names != NULL; names++)
        if (strcmp(*names, name) == 0)
            return true;
    return false;
}

bool load_matches(const struct loader *loader, unsigned line, const struct script_table *match, uint32_t reason, const char *const *other_keys,
                  struct packed_match **out, size_t *count)
{
    *out = pack_allocate(NULL, (match->count + 1) * sizeof **out);
    *count = 0;
    for (size_t i = 0; i < match->count; i++) {
        const struct script_entry *entry = &match->entries[i];
        if (entry->key.type != SCRIPT_STRING) {
            free(*out);
            return load_fail(loader, line, NULL, "expected values have names: { port = 0x80 }");
        }
        if (is_one_of(entry->key.string, other_keys))
            continue;
        const struct match_row *row = match_row_of_name(entry->key.string, reason);
        const char *near = row == NULL ? load_nearest(entry->key.string, row_name_at, match_row_count, NULL) : NULL;
        if (row == NULL)
            (void)load_fail(loader, line, entry->key.string, "an exit has no '%s'%s%s%s", entry->key.string, near != NULL ? ", did you mean '" : "",
                            near != NULL ? near : "", near != NULL ? "'?" : "");
        const bool exists = row != NULL && match_item_exists(row->item, reason);
        if (row != NULL && !exists)
            (void)load_fail(loader, line, entry->key.string, "an exit %s has no '%s'", vmx_reason_name(reason), row->name);
        if (!exists || !load_match(loader, line, row, &entry->value, &(*out)[*count])) {
            free(*out);
            return false;
        }
        (*count)++;
    }
    return true;
}
