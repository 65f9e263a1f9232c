/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Changes of a command line: control bits, affinities of interrupts, pins of virtual CPUs. */
#include "override.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../vmx-model/controls.h"
#include "nearest.h"

static const char shape[] = "it is CONTROL=0 or CONTROL=1, for example primary.hlt_exiting=1";

static const struct vmx_control_row *control_in(enum vmx_control_word word, const char *name)
{
    const struct vmx_control_row *const row = vmx_control_of_name(word, name);
    return row != NULL && row->high == row->low ? row : NULL;
}

static bool unknown(const struct nearest *nearest, const char *what, char *why, size_t why_size)
{
    char names[160];
    nearest_text(nearest, names, sizeof names);
    if (names[0] != '\0')
        snprintf(why, why_size, "no %s '%s'; did you mean %s?", what, nearest->wanted, names);
    else
        snprintf(why, why_size, "no %s '%s'; `vmxbench controls` lists the controls", what, nearest->wanted);
    return false;
}

static bool unknown_word(const char *word, char *why, size_t why_size)
{
    struct nearest nearest = {.wanted = word};
    for (unsigned w = 0; w < VMX_WORD_CONTROLS; w++)
        nearest_offer(&nearest, vmx_control_word_name((enum vmx_control_word)w));
    return unknown(&nearest, "word of controls", why, why_size);
}

/* VMX_WORD_CONTROLS: in any word. */
static bool unknown_control(enum vmx_control_word word, const char *name, char *why, size_t why_size)
{
    struct nearest nearest = {.wanted = name};
    char what[40];
    for (unsigned i = 0; i < vmx_control_count; i++)
        if (vmx_controls[i].high == vmx_controls[i].low && (word == VMX_WORD_CONTROLS ? vmx_controls[i].word < word : vmx_controls[i].word == word))
            nearest_offer(&nearest, vmx_controls[i].name);
    snprintf(what, sizeof what, "%s%scontrol", word < VMX_WORD_CONTROLS ? vmx_control_word_name(word) : "", word < VMX_WORD_CONTROLS ? " " : "");
    return unknown(&nearest, what, why, why_size);
}

/* The only word that has the control. */
static bool find_word(const char *name, enum vmx_control_word *word, char *why, size_t why_size)
{
    unsigned found = 0;
    for (unsigned w = 0; w < VMX_WORD_CONTROLS; w++) {
        if (control_in((enum vmx_control_word)w, name) == NULL)
            continue;
        if (found++ != 0) {
            snprintf(why, why_size, "%s and %s controls both have it: write %s.%s or %s.%s", vmx_control_word_name(*word),
                     vmx_control_word_name((enum vmx_control_word)w), vmx_control_word_name(*word), name,
                     vmx_control_word_name((enum vmx_control_word)w), name);
            return false;
        }
        *word = (enum vmx_control_word)w;
    }
    return found != 0 || unknown_control(VMX_WORD_CONTROLS, name, why, why_size);
}

bool override_parse(const char *text, struct sim_override *out, char *why, size_t why_size)
{
    char name[sizeof out->control + sizeof out->word], *control = name;
    enum vmx_control_word word = VMX_WORD_CONTROLS;
    const char *const equals = strrchr(text, '=');
    snprintf(why, why_size, "%s", shape);
    if (equals == NULL || equals == text || (size_t)(equals - text) >= sizeof name || (strcmp(equals, "=0") != 0 && strcmp(equals, "=1") != 0))
        return false;
    memcpy(name, text, (size_t)(equals - text));
    name[equals - text] = '\0';
    char *const dot = strchr(name, '.');
    if (dot != NULL) {
        *dot = '\0';
        control = dot + 1;
        word = vmx_control_word_of_name(name);
        if (word >= VMX_WORD_CONTROLS)
            return unknown_word(name, why, why_size);
        if (control_in(word, control) == NULL)
            return unknown_control(word, control, why, why_size);
    } else if (!find_word(control, &word, why, why_size)) {
        return false;
    }
    *out = (struct sim_override){.value = equals[1] == '1'};
    snprintf(out->word, sizeof out->word, "%s", vmx_control_word_name(word));
    snprintf(out->control, sizeof out->control, "%s", control_in(word, control)->name);
    return true;
}

static bool room(const struct override_list *list, char *why, size_t why_size)
{
    snprintf(why, why_size, "there are more than %d changes", OVERRIDES_MAX);
    return list->count < OVERRIDES_MAX;
}

bool override_add(struct override_list *list, const char *text, char *why, size_t why_size)
{
    if (!room(list, why, why_size) || !override_parse(text, &list->change[list->count], why, why_size))
        return false;
    list->count++;
    return true;
}

/* A number as C writes it, and the character behind it. */
static bool number(const char **at, unsigned long least, unsigned long most, char end, unsigned *out)
{
    char *rest;
    if (**at < '0' || **at > '9')
        return false;
    const unsigned long value = strtoul(*at, &rest, 0);
    if (value < least || value > most || (*rest != end && (end != ',' || *rest != '\0')))
        return false;
    *out = (unsigned)value;
    *at = *rest != '\0' ? rest + 1 : rest;
    return true;
}

/* KEY=NUMBER[,...] */
static bool add_pairs(struct override_list *list, const char *word, const char *text, unsigned long least_key, unsigned long most_key,
                      unsigned long most_number, const char *right, char *why, size_t why_size)
{
    bool good = true, more = true;
    while (good && more) {
        struct sim_override change = {0};
        if (!room(list, why, why_size))
            return false;
        snprintf(change.word, sizeof change.word, "%s", word);
        good = number(&text, least_key, most_key, '=', &change.key) && number(&text, 0, most_number, ',', &change.number);
        more = good && text[-1] == ',';
        list->change[list->count] = change;
        list->count += good;
    }
    if (!good)
        snprintf(why, why_size, "%s", right);
    return good;
}

bool override_add_affinity(struct override_list *list, const char *text, char *why, size_t why_size)
{
    return add_pairs(list, SIM_OVERRIDE_AFFINITY, text, 16, 255, 7,
                     "it is VECTOR=CPU[,...] with vectors from 16 to 255 and physical CPUs from 0 to 7, for example 0x40=1", why, why_size);
}

bool override_add_pin(struct override_list *list, const char *text, char *why, size_t why_size)
{
    return add_pairs(list, SIM_OVERRIDE_PIN, text, 0, 7, 7, "it is VCPU=PCPU[,...] with virtual and physical CPUs from 0 to 7, for example 1=0", why,
                     why_size);
}

static bool is_affinity(const struct sim_override *change)
{
    return strcmp(change->word, SIM_OVERRIDE_AFFINITY) == 0;
}

static bool is_pin(const struct sim_override *change)
{
    return strcmp(change->word, SIM_OVERRIDE_PIN) == 0;
}

bool override_same(const struct sim_override *a, const struct sim_override *b)
{
    return strcmp(a->word, b->word) == 0 && strcmp(a->control, b->control) == 0 && a->key == b->key;
}

void override_name(const struct sim_override *change, char text[OVERRIDE_NAME])
{
    if (is_affinity(change))
        snprintf(text, OVERRIDE_NAME, "affinity 0x%x=%u", change->key, change->number);
    else if (is_pin(change))
        snprintf(text, OVERRIDE_NAME, "pin %u=%u", change->key, change->number);
    else
        snprintf(text, OVERRIDE_NAME, "%s.%s=%d", change->word, change->control, change->value);
}

void override_line(const struct sim_override *change, char text[OVERRIDE_NAME])
{
    if (is_affinity(change))
        snprintf(text, OVERRIDE_NAME, "affinity = { [0x%x] = %u }", change->key, change->number);
    else if (is_pin(change))
        snprintf(text, OVERRIDE_NAME, "pin = { [%u] = %u }", change->key, change->number);
    else
        snprintf(text, OVERRIDE_NAME, "controls = { %s = { %s = %s } }", change->word, change->control, change->value ? "true" : "false");
}

/* As a script calls it. */
static const char *key_of(const char *word)
{
    return strcmp(word, SIM_OVERRIDE_PIN) == 0 ? "pin" : word;
}

static void print_word(FILE *to, const struct override_list *list, const char *word, const char *before)
{
    const char *separator = "";
    for (size_t i = 0; i < list->count; i++) {
        const struct sim_override *change = &list->change[i];
        if (strcmp(change->word, word) != 0)
            continue;
        if (*separator == '\0')
            fprintf(to, "%s%s = { ", before, key_of(word));
        if (is_affinity(change))
            fprintf(to, "%s[0x%x] = %u", separator, change->key, change->number);
        else if (is_pin(change))
            fprintf(to, "%s[%u] = %u", separator, change->key, change->number);
        else
            fprintf(to, "%s%s = %s", separator, change->control, change->value ? "true" : "false");
        separator = ", ";
    }
    if (*separator != '\0')
        fputs(" }", to);
}

static bool has(const struct override_list *list, const char *word)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->change[i].word, word) == 0)
            return true;
    return false;
}

void override_print(FILE *to, const struct override_list *list, const char *indent)
{
    bool any = false;
    for (unsigned w = 0; w < VMX_WORD_CONTROLS; w++) {
        const char *word = vmx_control_word_name((enum vmx_control_word)w);
        if (!has(list, word))
            continue;
        if (!any)
            fprintf(to, "%scontrols = { ", indent);
        print_word(to, list, word, any ? ", " : "");
        any = true;
    }
    if (any)
        fputs(" }\n", to);
    static const char *const maps[] = {SIM_OVERRIDE_PIN, SIM_OVERRIDE_AFFINITY};
    for (size_t i = 0; i < sizeof maps / sizeof maps[0]; i++) {
        print_word(to, list, maps[i], indent);
        if (has(list, maps[i]))
            fputc('\n', to);
    }
}
