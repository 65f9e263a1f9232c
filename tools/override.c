/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Changed control bits of a command line. */
#include "override.h"

#include <stdio.h>
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
