/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers, names, labels and bytes of a scenario, with errors that say where and what would be right. */
#define _DEFAULT_SOURCE
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../vmx-model/names.h"
#include "loader.h"

enum { FILE_MAX = 256 << 20 };

static const char *const gpr_names[VMX_GPR_COUNT] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                                     "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};

bool load_fail(const struct loader *loader, unsigned line, const char *word, const char *format, ...)
{
    struct sim_error *error = loader->error;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
    snprintf(error->file, sizeof error->file, "%s", loader->path);
    error->line = word != NULL ? script_line_of(loader->script, line, word) : line;
    return false;
}

/* label, label+8, label-0x10 */
static bool load_label(const struct loader *loader, unsigned line, const char *text, const char *what, uint64_t *out)
{
    char label[256];
    const size_t length = strcspn(text, "+-");
    const char *rest = text + length;
    if (length >= sizeof label)
        return load_fail(loader, line, NULL, "%s: the label is too long", what);
    memcpy(label, text, length);
    label[length] = '\0';
    if (!load_address_of(loader, label, out))
        return load_fail(loader, line, text, "%s: the guest's code has no label '%s'", what, label);
    if (*rest == '\0')
        return true;
    char *end;
    const uint64_t offset = strtoull(rest + 1, &end, 0);
    if (end == rest + 1 || *end != '\0')
        return load_fail(loader, line, text, "%s: '%s' is not a number after the label", what, rest + 1);
    *out += *rest == '+' ? offset : 0 - offset;
    return true;
}

bool load_number(const struct loader *loader, unsigned line, const struct script_value *value, const char *what, uint64_t *out)
{
    if (value->type == SCRIPT_STRING)
        return load_label(loader, line, value->string, what, out);
    if (value->type != SCRIPT_INTEGER)
        return load_fail(loader, line, NULL, "%s wants a number or a label", what);
    *out = (uint64_t)value->integer;
    return true;
}

bool load_number_to(const struct loader *loader, unsigned line, const struct script_value *value, const char *what, uint64_t most, uint64_t *out)
{
    if (!load_number(loader, line, value, what, out))
        return false;
    if (*out > most)
        return load_fail(loader, line, NULL, "%s: 0x%" PRIx64 " is too large, the largest is 0x%" PRIx64, what, *out, most);
    return true;
}

bool load_boolean(const struct loader *loader, unsigned line, const struct script_value *value, const char *what, bool *out)
{
    if (value->type != SCRIPT_BOOLEAN)
        return load_fail(loader, line, NULL, "%s wants true or false", what);
    *out = value->boolean;
    return true;
}

bool load_is_plain(const struct loader *loader, unsigned line, const struct script_value *value, const char *what)
{
    if (value->type != SCRIPT_TABLE)
        return load_fail(loader, line, what, "%s wants a table", what);
    if (value->table->kind != NULL)
        return load_fail(loader, value->table->line, NULL, "%s wants a plain table, not %s", what, value->table->kind);
    return true;
}

/* A path that is not absolute begins where the script stands. */
static void resolve(const struct loader *loader, const char *path, char out[1024])
{
    const char *slash = strrchr(loader->path, '/');
    if (path[0] == '/' || slash == NULL)
        snprintf(out, 1024, "%s", path);
    else
        snprintf(out, 1024, "%.*s/%s", (int)(slash - loader->path), loader->path, path);
}

static bool read_part(const struct loader *loader, unsigned line, const char *path, uint64_t offset, uint64_t most, uint8_t **bytes, size_t *size)
{
    struct stat kind;
    if (stat(path, &kind) != 0)
        return load_fail(loader, line, NULL, "file \"%s\": %s", path, strerror(errno));
    if (!S_ISREG(kind.st_mode)) /* a pipe or a terminal may never end */
        return load_fail(loader, line, NULL, "file \"%s\" is no file but a folder, a device or a pipe", path);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return load_fail(loader, line, NULL, "file \"%s\": %s", path, strerror(errno));
    long end = -1;
    if (fseek(file, 0, SEEK_END) == 0)
        end = ftell(file);
    bool good = end >= 0 && end <= FILE_MAX && offset <= (uint64_t)end && fseek(file, (long)offset, SEEK_SET) == 0;
    if (good) {
        *size = (size_t)((uint64_t)end - offset < most ? (uint64_t)end - offset : most);
        *bytes = pack_allocate(NULL, *size);
        good = fread(*bytes, 1, *size, file) == *size;
        if (!good)
            free(*bytes);
    }
    fclose(file);
    return good || load_fail(loader, line, NULL, "file \"%s\" cannot be read: over %d MiB, or shorter than the offset", path, FILE_MAX >> 20);
}

static bool load_file(struct loader *loader, const struct script_table *table, uint8_t **bytes, size_t *size)
{
    char path[1024];
    uint64_t offset = 0, most = UINT64_MAX;
    const struct script_value *name = script_get(table, "path"), *from = script_get(table, "offset"), *length = script_get(table, "size");
    if (from != NULL && !load_number_to(loader, table->line, from, "file: offset", FILE_MAX, &offset))
        return false;
    if (length != NULL && !load_number_to(loader, table->line, length, "file: size", FILE_MAX, &most))
        return false;
    resolve(loader, name->string, path);
    return read_part(loader, table->line, path, offset, most, bytes, size);
}

bool load_bytes(struct loader *loader, unsigned line, const struct script_value *value, const char *what, uint8_t **bytes, size_t *size)
{
    if (script_is_kind(value, "file"))
        return load_file(loader, value->table, bytes, size);
    if (value->type == SCRIPT_STRING) {
        *size = value->size;
        *bytes = pack_allocate(NULL, value->size);
        memcpy(*bytes, value->string, value->size);
        return true;
    }
    if (value->type != SCRIPT_TABLE || value->table->kind != NULL)
        return load_fail(loader, line, NULL, "%s wants bytes: a string, a table of byte values, or file \"path\"", what);
    const struct script_table *table = value->table;
    *size = table->count;
    *bytes = pack_allocate(NULL, table->count);
    for (size_t i = 0; i < table->count; i++) {
        const struct script_entry *entry = &table->entries[i];
        if (entry->key.type != SCRIPT_INTEGER || entry->key.integer != (int64_t)i + 1 || entry->value.type != SCRIPT_INTEGER ||
            entry->value.integer < 0 || entry->value.integer > 255) {
            free(*bytes);
            return load_fail(loader, line, NULL, "%s: byte values are numbers from 0 to 255", what);
        }
        (*bytes)[i] = (uint8_t)entry->value.integer;
    }
    return true;
}

const char *load_nearest(const char *name, const char *(*name_at)(size_t index, const void *context), size_t count, const void *context)
{
    const char *best = NULL;
    unsigned least = UINT_MAX;
    for (size_t i = 0; i < count; i++) {
        const char *candidate = name_at(i, context);
        const unsigned distance = candidate != NULL ? vmx_name_distance(name, candidate) : UINT_MAX;
        if (distance < least && vmx_name_is_near(distance, name, candidate)) {
            least = distance;
            best = candidate;
        }
    }
    return best;
}

static const char *load_name_at(size_t index, const void *context)
{
    return ((const struct load_name *)context)[index].name;
}

bool load_name(const struct loader *loader, unsigned line, const struct script_value *value, const char *what, const struct load_name *names,
               uint64_t *out)
{
    size_t count = 0;
    if (value->type == SCRIPT_INTEGER) {
        *out = (uint64_t)value->integer;
        return true;
    }
    if (value->type != SCRIPT_STRING)
        return load_fail(loader, line, NULL, "%s wants a name or a number", what);
    for (; names[count].name != NULL; count++)
        if (vmx_name_equal(names[count].name, value->string)) {
            *out = names[count].value;
            return true;
        }
    const char *near = load_nearest(value->string, load_name_at, count, names);
    return load_fail(loader, line, value->string, "%s: no such name '%s'%s%s%s", what, value->string, near != NULL ? ", did you mean '" : "",
                     near != NULL ? near : "", near != NULL ? "'?" : "");
}

bool load_register(const struct loader *loader, unsigned line, const char *name, unsigned *gpr)
{
    for (*gpr = 0; *gpr < VMX_GPR_COUNT; (*gpr)++)
        if (vmx_name_equal(name, gpr_names[*gpr]))
            return true;
    return load_fail(loader, line, name, "no such register '%s': rax to r15 (rip, rflags and the rest are VMCS fields: GUEST_RIP, ...)", name);
}

static const char *field_name_at(size_t index, const void *context)
{
    (void)context;
    return vmcs_fields[index].name;
}

bool load_field(const struct loader *loader, unsigned line, const char *name, enum vmcs_field *field)
{
    *field = vmcs_field_of_name(name);
    if (*field == VMCS_NO_FIELD) {
        const char *near = load_nearest(name, field_name_at, VMCS_FIELD_COUNT, NULL);
        return load_fail(loader, line, name, "no such VMCS field '%s'%s%s%s", name, near != NULL ? ", did you mean '" : "", near != NULL ? near : "",
                         near != NULL ? "'?" : "");
    }
    if (vmcs_type(*field) == VMCS_EXIT_INFORMATION)
        return load_fail(loader, line, name, "%s is written by the processor alone", vmcs_fields[*field].name);
    if (!vmcs_field_exists(loader->caps, *field))
        return load_fail(loader, line, name, "the processor %s has no field %s (it needs: %s)", loader->caps->name, vmcs_fields[*field].name,
                         vmcs_fields[*field].exists);
    return true;
}

static const char *key_at(size_t index, const void *context)
{
    return ((const char *const *)context)[index];
}

bool load_only_keys(const struct loader *loader, unsigned line, const struct script_table *table, const char *where, const char *const *keys)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct script_value *key = &table->entries[i].key;
        size_t count = 0;
        if (key->type != SCRIPT_STRING)
            return load_fail(loader, line, NULL, "%s: a value stands without a name", where);
        while (keys[count] != NULL && strcmp(keys[count], key->string) != 0)
            count++;
        if (keys[count] != NULL)
            continue;
        const char *near = load_nearest(key->string, key_at, count, keys);
        return load_fail(loader, line, key->string, "%s: unknown key '%s'%s%s%s", where, key->string, near != NULL ? ", did you mean '" : "",
                         near != NULL ? near : "", near != NULL ? "'?" : "");
    }
    return true;
}
