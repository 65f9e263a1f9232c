/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads a VMCS from the words of KVM's dump_vmcs. */
#include "vmcs_dump.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum section { GUEST, HOST, CONTROL, SECTIONS, NOWHERE = SECTIONS };
enum { LINE_BYTES = 512, FOUND_MAX = 32 };

struct item {
    enum section section;
    enum vmcs_field field;
    const char *before, *after;
};
#define DUMP(section, before, digits, symbol, after) {section, VMCS_##symbol, before, after},
static const struct item items[] = {
#include "../vmx-model/vmcs_dump.def"
#include "vmcs_dump_xen.def"
};
#undef DUMP
enum { ITEMS = sizeof items / sizeof items[0] };

/* A number that stands in a line. */
struct found {
    const struct item *item;
    const char *at, *end;
    size_t key_length;
    uint64_t value;
};

struct reader {
    struct vmcs_dump *dumps;
    size_t count, capacity;
    enum section section;
    bool in_loads, failed, has_error;
    uint64_t error;
    unsigned line;
};

/* The words before a number, without "0x" and what separates them from the number before. */
static size_t key_of(const struct item *item, const char **key)
{
    const char *at = item->before + strspn(item->before, ", ");
    size_t length = strlen(at);
    if (length >= 2 && memcmp(at + length - 2, "0x", 2) == 0)
        length -= 2;
    *key = at;
    return length;
}

/* Blanks do not count. NULL: the key does not stand here; otherwise the place after it. */
static const char *match_key(const char *key, size_t length, const char *text)
{
    for (size_t i = 0; i < length; i++) {
        if (key[i] == ' ')
            continue;
        text += strspn(text, " \t");
        if (*text++ != key[i])
            return NULL;
    }
    return text;
}

static bool parse_number(const char *text, struct found *found)
{
    unsigned digits = 0;
    text += strspn(text, " \t");
    found->at = text;
    if (text[0] == '0' && text[1] == 'x')
        text += 2;
    for (found->value = 0; isxdigit((unsigned char)*text) != 0; text++, digits++)
        found->value = found->value << 4 | (uint64_t)(isdigit((unsigned char)*text) != 0 ? *text - '0' : tolower((unsigned char)*text) - 'a' + 10);
    found->end = text;
    return digits != 0 && digits <= 16 && isalnum((unsigned char)*text) == 0;
}

static bool match_item(const struct item *item, const char *text, struct found *found)
{
    const char *key;
    const size_t length = key_of(item, &key);
    const char *after = match_key(key, length, text);
    found->item = item;
    found->key_length = length;
    return after != NULL && parse_number(after, found);
}

static bool ends_line(const struct item *item)
{
    return item->after[0] == '\n';
}

/* Whether the words mean this field wherever they stand in their section: "ilen=" does not. */
static bool stands_alone(const struct item *item)
{
    const char *key, *other;
    const size_t length = key_of(item, &key);
    for (const struct item *i = items; i < items + ITEMS; i++)
        if (i != item && i->section == item->section && key_of(i, &other) == length && memcmp(key, other, length) == 0)
            return false;
    return length > 1;
}

/* Of two readings of a number the one with more words before it is right: "Sysenter RSP" is not RSP. */
static void add_found(struct found *list, unsigned *count, const struct found *found)
{
    for (unsigned i = 0; i < *count; i++)
        if (list[i].at == found->at) {
            if (list[i].key_length < found->key_length)
                list[i] = *found;
            return;
        }
    if (*count < FOUND_MAX)
        list[(*count)++] = *found;
}

/* An item at a place, and those that follow it there. */
static void find_from(const struct item *item, const char *text, struct found *list, unsigned *count)
{
    struct found found;
    while (match_item(item, text, &found)) {
        add_found(list, count, &found);
        if (ends_line(item) || ++item == items + ITEMS)
            return;
        text = found.end + strspn(found.end, ", \t");
    }
}

static bool word_begins(const char *line, const char *at)
{
    return at == line || at[-1] == ' ' || at[-1] == '\t' || at[-1] == ',';
}

/* KVM prints what EFER would be where it is not the field that says so. */
static bool is_no_field(const struct found *found)
{
    return (found->item->field == VMCS_GUEST_IA32_EFER || found->item->field == VMCS_HOST_IA32_EFER) && found->end[strspn(found->end, " \t")] == '(';
}

static void take_fields(struct vmcs_dump *dump, enum section section, const char *line)
{
    struct found list[FOUND_MAX];
    unsigned count = 0;
    for (const char *at = line; *at != '\0'; at++)
        for (const struct item *item = items; word_begins(line, at) && item < items + ITEMS; item++)
            if (item->section == section && (item == items || ends_line(item - 1) || stands_alone(item)))
                find_from(item, at, list, &count);
    for (unsigned i = 0; i < count; i++) {
        const enum vmcs_field field = list[i].item->field;
        if (is_no_field(&list[i]))
            continue;
        dump->known_count += !dump->known[field];
        dump->known[field] = true;
        dump->value[field] = list[i].value;
    }
}

static void take_load(struct vmcs_dump *dump, const char *line)
{
    const char *msr = strstr(line, "msr="), *value = strstr(line, "value=");
    struct found number, content;
    if (msr == NULL || value == NULL || dump->loads == DUMP_MSRS || !parse_number(msr + 4, &number) || !parse_number(value + 6, &content))
        return;
    dump->load[dump->loads].msr = (uint32_t)number.value;
    dump->load[dump->loads++].value = content.value;
}

static struct vmcs_dump *new_dump(struct reader *r)
{
    if (r->count == r->capacity) {
        const size_t capacity = r->capacity * 2 + 4;
        struct vmcs_dump *grown = realloc(r->dumps, capacity * sizeof *grown);
        if (grown == NULL) {
            r->failed = true;
            return NULL;
        }
        r->dumps = grown;
        r->capacity = capacity;
    }
    struct vmcs_dump *dump = &r->dumps[r->count++];
    memset(dump, 0, sizeof *dump);
    dump->line = r->line;
    r->section = NOWHERE;
    return dump;
}

static struct vmcs_dump *last(struct reader *r)
{
    return r->count != 0 ? &r->dumps[r->count - 1] : NULL;
}

static void take_title(struct reader *r, const char *line)
{
    struct vmcs_dump *dump = new_dump(r);
    const char *title = strstr(line, "VMCS ");
    if (dump == NULL)
        return;
    const size_t length = strlen(title) < sizeof dump->title ? strlen(title) : sizeof dump->title - 1;
    memcpy(dump->title, title, length);
    dump->title[length] = '\0';
}

static void take_section(struct reader *r, enum section section)
{
    const bool titled = r->count != 0 && r->section == NOWHERE;
    if (section == GUEST && !titled && new_dump(r) == NULL)
        return;
    if (r->count != 0)
        r->section = section;
}

/* QEMU says it on another channel, before or after. */
static void take_error(struct reader *r, const char *text)
{
    struct found number;
    if (!parse_number(text, &number))
        return;
    r->has_error = true;
    r->error = number.value;
}

static void take_line(struct reader *r, const char *line)
{
    static const char *const titles[SECTIONS] = {[GUEST] = "*** Guest State ***", [HOST] = "*** Host State ***", [CONTROL] = "*** Control State ***"};
    static const char failed[] = "entry failed, hardware error";
    const char *error = strstr(line, failed);
    if (strstr(line, "VMCS ") != NULL && strstr(line, "last attempted VM-entry") != NULL) {
        take_title(r, line);
        return;
    }
    if (error != NULL) {
        take_error(r, error + sizeof failed - 1);
        return;
    }
    for (unsigned s = GUEST; s < SECTIONS; s++)
        if (strstr(line, titles[s]) != NULL) {
            take_section(r, (enum section)s);
            r->in_loads = false;
            return;
        }
    if (last(r) == NULL || r->section == NOWHERE)
        return;
    if (strstr(line, "autoload:") != NULL)
        r->in_loads = r->section == GUEST;
    else if (strstr(line, "msr=") != NULL && strstr(line, "value=") != NULL) {
        if (r->in_loads)
            take_load(last(r), line);
    } else
        take_fields(last(r), r->section, line);
}

struct vmcs_dump *vmcs_dump_read(const char *text, size_t size, size_t *count)
{
    struct reader r = {.section = NOWHERE};
    for (const char *end = text + size; text < end && !r.failed;) {
        char line[LINE_BYTES];
        const char *newline = memchr(text, '\n', (size_t)(end - text));
        const size_t length = (size_t)((newline != NULL ? newline : end) - text);
        const size_t kept = length < sizeof line ? length : sizeof line - 1;
        r.line++;
        for (size_t i = 0; i < kept; i++)
            line[i] = text[i] == '\0' || text[i] == '\r' ? ' ' : text[i];
        line[kept] = '\0';
        take_line(&r, line);
        text += length + 1;
    }
    size_t good = 0;
    for (size_t i = 0; i < r.count; i++)
        if (r.dumps[i].known_count != 0)
            r.dumps[good++] = r.dumps[i];
    if (good != 0) {
        r.dumps[good - 1].has_error = r.has_error;
        r.dumps[good - 1].error = r.error;
    }
    *count = good;
    if (!r.failed && good != 0)
        return r.dumps;
    *count = r.failed;
    free(r.dumps);
    return NULL;
}
