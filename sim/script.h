/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a scenario script returned, as plain data: no Lua beyond lua_sandbox.c. */
#ifndef SIM_SCRIPT_H
#define SIM_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scenario.h"

enum script_type { SCRIPT_NIL, SCRIPT_BOOLEAN, SCRIPT_INTEGER, SCRIPT_STRING, SCRIPT_TABLE };

struct script_value {
    enum script_type type;
    bool boolean;
    int64_t integer;
    char *string; /* may hold zeros; terminated besides */
    size_t size;
    struct script_table *table;
};

struct script_entry {
    struct script_value key, value;
};

/* Entries by key: integers ascending, then strings in byte order. A table that one of the constructors made (scenario, expect, ...) has
   its name as kind, and the line of the call. */
struct script_table {
    char *kind; /* NULL: a plain table */
    unsigned line;
    struct script_entry *entries;
    size_t count;
};

struct script {
    char *source; /* text of the script, for finding lines */
    size_t size;
    struct script_value result;
};

/* Runs a script in the sandbox: memory, steps and depth of its result are bounded. False: *error says where and why. */
bool script_run(const char *path, struct script *script, struct sim_error *error);
void script_free(struct script *script);

/* The value under a string key, or integer key; NULL when there is none. */
const struct script_value *script_get(const struct script_table *table, const char *key);
const struct script_value *script_at(const struct script_table *table, int64_t key);
bool script_is_kind(const struct script_value *value, const char *kind);

/* The line of a word's first appearance at or after `line`, as a word of its own; `line` when it does not appear. */
unsigned script_line_of(const struct script *script, unsigned line, const char *word);
/* The line where a longer text begins, searched from `line` on. */
unsigned script_line_of_text(const struct script *script, unsigned line, const char *text);

#endif
