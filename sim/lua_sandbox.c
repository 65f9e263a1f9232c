/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs scenario scripts in a sandboxed Lua 5.4 and turns what they return into plain data. */
#define _DEFAULT_SOURCE
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../vmx-model/names.h"
#include "machine.h"
#include "prelude.h"
#include "script.h"

enum {
    MEMORY_MAX = 64 << 20,
    STEPS_BETWEEN_HOOKS = 100000,
    HOOKS_MAX = 300, /* 30 million steps */
    DEPTH_MAX = 24,
    VALUES_MAX = 4 << 20,
    SOURCE_MAX = 8 << 20
};

struct sandbox {
    const char *path;
    size_t memory, hooks, values;
    int line;
    unsigned table_line;   /* while the result is read: of the constructor's call */
    const char *table_key; /* and the name that is being read, or NULL */
    struct script *script;
    struct sim_error *error;
};

static struct sandbox *sandbox_of(lua_State *lua)
{
    return *(struct sandbox **)lua_getextraspace(lua);
}

static void *allocate(void *context, void *block, size_t old_size, size_t new_size)
{
    struct sandbox *sandbox = context;
    const size_t before = block != NULL ? old_size : 0;
    if (new_size == 0) {
        free(block);
        sandbox->memory -= before;
        return NULL;
    }
    if (new_size > before && new_size - before > MEMORY_MAX - sandbox->memory)
        return NULL;
    void *grown = realloc(block, new_size);
    if (grown != NULL)
        sandbox->memory += new_size - before;
    return grown;
}

/* Keeps the line of the script that was reached last (the frame itself is gone where a script returns by a tail call), and counts steps. */
static void watch(lua_State *lua, lua_Debug *debug)
{
    struct sandbox *sandbox = sandbox_of(lua);
    if (debug->event == LUA_HOOKLINE) {
        if (lua_getinfo(lua, "S", debug) != 0 && strcmp(debug->source, "@script") == 0)
            sandbox->line = debug->currentline;
        return;
    }
    if (++sandbox->hooks > HOOKS_MAX) {
        lua_pushfstring(lua, "script:%d: the script runs too long (over %d million steps)", sandbox->line,
                        HOOKS_MAX * (STEPS_BETWEEN_HOOKS / 1000) / 1000);
        lua_error(lua);
    }
}

static int lua_here(lua_State *lua)
{
    lua_pushinteger(lua, sandbox_of(lua)->line);
    return 1;
}

/* nearest(name, table): the string key of the table that is nearest to a name, or nil. */
static int lua_nearest(lua_State *lua)
{
    const char *name = luaL_checkstring(lua, 1), *best = NULL;
    unsigned least = UINT_MAX;
    luaL_checktype(lua, 2, LUA_TTABLE);
    for (lua_pushnil(lua); lua_next(lua, 2) != 0; lua_pop(lua, 1)) {
        if (lua_type(lua, -2) != LUA_TSTRING)
            continue;
        const char *key = lua_tostring(lua, -2);
        const unsigned distance = vmx_name_distance(name, key);
        /* The table's order differs from run to run. */
        if (vmx_name_is_near(distance, name, key) && (distance < least || (distance == least && strcmp(key, best) < 0))) {
            least = distance;
            best = key;
        }
    }
    lua_pushstring(lua, best);
    return 1;
}

static int lua_fail(lua_State *lua)
{
    lua_pushfstring(lua, "script:%d: %s", sandbox_of(lua)->line, luaL_checkstring(lua, 1));
    return lua_error(lua);
}

/* For people who debug a script; it reaches no trace and no verdict. */
static int lua_print(lua_State *lua)
{
    const int count = lua_gettop(lua);
    for (int i = 1; i <= count; i++) {
        fprintf(stderr, "%s%s", i > 1 ? "\t" : "", luaL_tolstring(lua, i, NULL));
        lua_pop(lua, 1);
    }
    fputc('\n', stderr);
    return 0;
}

static void remove_names(lua_State *lua, const char *table, const char *const *names)
{
    if (table == NULL)
        lua_pushglobaltable(lua);
    else
        lua_getglobal(lua, table);
    for (; *names != NULL; names++) {
        lua_pushnil(lua);
        lua_setfield(lua, -2, *names);
    }
    lua_pop(lua, 1);
}

/* What reads files, runs other code, tells the host's state, outlives the bound on steps or differs from run to run is taken away. */
static void open_libraries(lua_State *lua)
{
    static const luaL_Reg libraries[] = {{"_G", luaopen_base},
                                         {LUA_STRLIBNAME, luaopen_string},
                                         {LUA_TABLIBNAME, luaopen_table},
                                         {LUA_MATHLIBNAME, luaopen_math},
                                         {LUA_UTF8LIBNAME, luaopen_utf8}};
    static const char *const base[] = {"collectgarbage", "dofile", "load", "loadfile", "pcall", "xpcall", "warn", NULL};
    static const char *const string[] = {"dump", NULL};
    static const char *const math[] = {"random", "randomseed", NULL};
    static const char *const next[] = {"next", "rawlen", NULL};
    for (size_t i = 0; i < sizeof libraries / sizeof libraries[0]; i++) {
        luaL_requiref(lua, libraries[i].name, libraries[i].func, 1);
        lua_pop(lua, 1);
    }
    remove_names(lua, NULL, base);
    remove_names(lua, "string", string);
    remove_names(lua, "math", math);
    lua_pushcfunction(lua, lua_print);
    lua_setglobal(lua, "print");
    if (luaL_loadbufferx(lua, script_prelude, strlen(script_prelude), "=prelude", "t") != LUA_OK)
        lua_error(lua);
    lua_pushcfunction(lua, lua_here);
    lua_pushcfunction(lua, lua_fail);
    lua_pushinteger(lua, SIM_GUEST_BASE);
    lua_pushcfunction(lua, lua_nearest);
    lua_call(lua, 4, 0);
    remove_names(lua, NULL, next);
}

/* ---- from Lua to plain data ---- */
/* What the script returned cannot be taken: the line and the name that were being read, and why. */
static int misfit(lua_State *lua, const char *why)
{
    const struct sandbox *sandbox = sandbox_of(lua);
    const char *key = sandbox->table_key;
    unsigned line = sandbox->table_line != 0 ? sandbox->table_line : (unsigned)sandbox->line;
    if (key != NULL && sandbox->table_line != 0)
        line = script_line_of(sandbox->script, line, key);
    lua_pushfstring(lua, "script:%d: %s%s%s", (int)line, key != NULL ? key : "", key != NULL ? ": " : "", why);
    return lua_error(lua);
}

static void *must_have(lua_State *lua, void *block)
{
    if (block == NULL)
        luaL_error(lua, "out of memory");
    return block;
}

static void convert(lua_State *lua, int index, unsigned depth, struct script_value *out);

static void convert_string(lua_State *lua, int index, struct script_value *out)
{
    const char *text = lua_tolstring(lua, index, &out->size);
    out->type = SCRIPT_STRING;
    out->string = must_have(lua, malloc(out->size + 1));
    memcpy(out->string, text, out->size + 1);
}

static void convert_number(lua_State *lua, int index, struct script_value *out)
{
    int whole;
    out->type = SCRIPT_INTEGER;
    out->integer = lua_tointegerx(lua, index, &whole);
    if (!whole)
        misfit(lua, lua_pushfstring(lua, "%f is not a whole number", lua_tonumber(lua, index)));
}

static int by_key(const void *left, const void *right)
{
    const struct script_value *a = &((const struct script_entry *)left)->key, *b = &((const struct script_entry *)right)->key;
    if (a->type != b->type)
        return a->type == SCRIPT_INTEGER ? -1 : 1;
    if (a->type == SCRIPT_INTEGER)
        return a->integer < b->integer ? -1 : a->integer > b->integer;
    return strcmp(a->string, b->string);
}

static bool is_tag(lua_State *lua, int index, const char *name)
{
    return lua_type(lua, index) == LUA_TSTRING && strcmp(lua_tostring(lua, index), name) == 0;
}

static void convert_tags(lua_State *lua, int index, struct script_table *table)
{
    lua_pushliteral(lua, "__kind");
    if (lua_rawget(lua, index) == LUA_TSTRING)
        table->kind = must_have(lua, strdup(lua_tostring(lua, -1)));
    lua_pushliteral(lua, "__line");
    if (lua_rawget(lua, index) == LUA_TNUMBER)
        table->line = (unsigned)lua_tointeger(lua, -1);
    lua_pop(lua, 2);
}

static void convert_table(lua_State *lua, int index, unsigned depth, struct script_value *out)
{
    struct sandbox *sandbox = sandbox_of(lua);
    size_t capacity = 0;
    if (depth >= DEPTH_MAX)
        misfit(lua, "tables are nested too deeply (or a table holds itself)");
    luaL_checkstack(lua, 6, "tables are nested too deeply");
    struct script_table *table = must_have(lua, calloc(1, sizeof *table));
    out->type = SCRIPT_TABLE;
    out->table = table;
    convert_tags(lua, index, table);
    const unsigned outer_line = sandbox->table_line;
    const char *outer_key = sandbox->table_key;
    if (table->line != 0)
        sandbox->table_line = table->line;
    for (lua_pushnil(lua); lua_next(lua, index) != 0; lua_pop(lua, 1)) {
        if (is_tag(lua, -2, "__kind") || is_tag(lua, -2, "__line"))
            continue;
        if (lua_type(lua, -2) != LUA_TSTRING && !lua_isinteger(lua, -2))
            misfit(lua, lua_pushfstring(lua, "a table key is a %s: keys are names or whole numbers", luaL_typename(lua, -2)));
        if (table->count == capacity) {
            capacity = capacity * 2 + 8;
            table->entries = must_have(lua, realloc(table->entries, capacity * sizeof *table->entries));
        }
        struct script_entry *entry = &table->entries[table->count++];
        *entry = (struct script_entry){0};
        convert(lua, lua_absindex(lua, -2), depth, &entry->key);
        sandbox->table_key = entry->key.type == SCRIPT_STRING ? entry->key.string : outer_key;
        convert(lua, lua_absindex(lua, -1), depth, &entry->value);
    }
    sandbox->table_line = outer_line;
    sandbox->table_key = outer_key;
    if (table->count != 0)
        qsort(table->entries, table->count, sizeof *table->entries, by_key);
}

static void convert(lua_State *lua, int index, unsigned depth, struct script_value *out)
{
    if (++sandbox_of(lua)->values > VALUES_MAX)
        misfit(lua, "the script returns too much");
    switch (lua_type(lua, index)) {
    case LUA_TNIL:
        break;
    case LUA_TBOOLEAN:
        out->type = SCRIPT_BOOLEAN;
        out->boolean = lua_toboolean(lua, index) != 0;
        break;
    case LUA_TNUMBER:
        convert_number(lua, index, out);
        break;
    case LUA_TSTRING:
        convert_string(lua, index, out);
        break;
    case LUA_TTABLE:
        convert_table(lua, index, depth + 1, out);
        break;
    default:
        misfit(lua, lua_pushfstring(lua, "a %s stands where a value is wanted", luaL_typename(lua, index)));
    }
}

/* ---- running ---- */
static int protected_run(lua_State *lua)
{
    struct sandbox *sandbox = sandbox_of(lua);
    struct script *script = sandbox->script;
    open_libraries(lua);
    lua_sethook(lua, watch, LUA_MASKCOUNT | LUA_MASKLINE, STEPS_BETWEEN_HOOKS);
    const size_t mark = script->size >= 3 && memcmp(script->source, "\xef\xbb\xbf", 3) == 0 ? 3 : 0; /* a byte-order mark */
    if (luaL_loadbufferx(lua, script->source + mark, script->size - mark, "@script", "t") != LUA_OK)
        return lua_error(lua);
    lua_call(lua, 0, 1);
    convert(lua, lua_absindex(lua, -1), 0, &script->result);
    return 0;
}

/* Lua's messages begin with "script:LINE: "; those of what the prelude calls for the script with the prelude's line, which tells nobody anything. */
static void report(const struct sandbox *sandbox, const char *message)
{
    struct sim_error *error = sandbox->error;
    unsigned line = sandbox->line > 0 ? (unsigned)sandbox->line : 0;
    int skip = 0;
    if (message == NULL)
        message = "the script failed";
    unsigned in_prelude;
    if (sscanf(message, "script:%u: %n", &line, &skip) == 1 && skip > 0)
        message += skip;
    else if (sscanf(message, "prelude:%u: %n", &in_prelude, &skip) == 1 && skip > 0)
        message += skip;
    error->line = line;
    snprintf(error->file, sizeof error->file, "%s", sandbox->path);
    snprintf(error->message, sizeof error->message, "%s", message);
}

static bool read_source(const char *path, struct script *script, struct sim_error *error)
{
    FILE *file = fopen(path, "rb");
    snprintf(error->file, sizeof error->file, "%s", path);
    if (file == NULL) {
        snprintf(error->message, sizeof error->message, "%s", strerror(errno));
        return false;
    }
    script->source = malloc(SOURCE_MAX + 1);
    script->size = script->source != NULL ? fread(script->source, 1, SOURCE_MAX, file) : 0;
    const bool whole = script->source != NULL && ferror(file) == 0 && fgetc(file) == EOF;
    fclose(file);
    if (!whole) {
        snprintf(error->message, sizeof error->message, "cannot be read as a script (a folder, or over %d MiB)", SOURCE_MAX >> 20);
        return false;
    }
    if (memchr(script->source, 0, script->size) != NULL) {
        const bool trace = script->size >= 4 && memcmp(script->source, "VMXT", 4) == 0;
        snprintf(error->message, sizeof error->message, "not a scenario script but %s",
                 trace ? "a trace: `vmxbench stat` and `vmxbench graph` read those" : "binary data");
        return false;
    }
    script->source[script->size] = '\0';
    char *fitted = realloc(script->source, script->size + 1);
    if (fitted != NULL)
        script->source = fitted;
    return true;
}

bool script_run(const char *path, struct script *script, struct sim_error *error)
{
    struct sandbox sandbox = {.path = path, .script = script, .error = error};
    *script = (struct script){0};
    *error = (struct sim_error){0};
    if (!read_source(path, script, error)) {
        script_free(script);
        return false;
    }
    lua_State *lua = lua_newstate(allocate, &sandbox);
    if (lua == NULL) {
        report(&sandbox, "no memory for the script");
        script_free(script);
        return false;
    }
    *(struct sandbox **)lua_getextraspace(lua) = &sandbox;
    lua_pushcfunction(lua, protected_run);
    const int status = lua_pcall(lua, 0, 0, 0);
    if (status != LUA_OK)
        report(&sandbox, status == LUA_ERRMEM ? "the script wants too much memory (over 64 MiB)" : lua_tostring(lua, -1));
    lua_close(lua);
    if (status != LUA_OK)
        script_free(script);
    return status == LUA_OK;
}
