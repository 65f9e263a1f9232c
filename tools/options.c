/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Command-line options, with complaints that say what would be right. */
#include "options.h"

#include <stdio.h>
#include <string.h>

#include "../sim/profile.h"
#include "nearest.h"

static void complain_unknown(const char *command, const char *given, const struct option *options)
{
    struct nearest nearest = {.wanted = given + strspn(given, "-")};
    char text[256];
    for (const struct option *o = options; o->name != NULL; o++)
        nearest_offer(&nearest, o->name);
    nearest_text(&nearest, text, sizeof text);
    if (text[0] != '\0')
        fprintf(stderr, "vmxbench %s: unknown option '%s'; did you mean --%s?\n", command, given, text);
    else
        fprintf(stderr, "vmxbench %s: unknown option '%s'; `vmxbench %s --help` lists the options\n", command, given, command);
}

int option_next(const char *command, int argc, char **argv, const char *letters, const struct option *options)
{
    const int at = optind;
    char letter[3] = "-";
    opterr = 0;
    const int option = getopt_long(argc, argv, letters, options, NULL);
    if (option != '?' && option != ':')
        return option;
    const char *const given = argv[at < argc ? at : argc - 1];
    if (strncmp(given, "--", 2) != 0) {
        letter[1] = (char)optopt;
        const char *const known = strchr(letters, optopt);
        if (known != NULL && known[1] == ':')
            fprintf(stderr, "vmxbench %s: option -%c needs a value\n", command, optopt);
        else
            complain_unknown(command, letter, options);
        return OPTION_BAD;
    }
    for (const struct option *o = options; o->name != NULL; o++) {
        if (strcmp(given + 2, o->name) == 0) {
            fprintf(stderr, "vmxbench %s: option %s needs a value\n", command, given);
            return OPTION_BAD;
        }
        if (o->has_arg == no_argument && strncmp(given + 2, o->name, strlen(o->name)) == 0 && given[2 + strlen(o->name)] == '=') {
            fprintf(stderr, "vmxbench %s: option --%s takes no value\n", command, o->name);
            return OPTION_BAD;
        }
    }
    complain_unknown(command, given, options);
    return OPTION_BAD;
}

int option_complain(const char *command, const char *what, const char *value, const char *right)
{
    fprintf(stderr, "vmxbench %s: %s '%s': %s\n", command, what, value, right);
    return 2;
}

const char *option_profile(const char *command, const char *given)
{
    char text[512];
    struct sim_error error;
    const struct vmx_caps *caps = sim_profile(given);
    const bool is_file = strchr(given, '/') != NULL || strchr(given, '.') != NULL;
    int at = snprintf(text, sizeof text, "the profiles are");
    if (caps != NULL || (is_file && sim_profile_read(given, &error)))
        return sim_profile(given)->name;
    for (unsigned i = 0; i < vmx_profile_count && at > 0 && (size_t)at < sizeof text; i++)
        at += snprintf(text + at, sizeof text - (size_t)at, " %s", vmx_profiles[i].name);
    if (is_file)
        fprintf(stderr, error.line != 0 ? "%s:%u: %s\n" : "%s%.0u: %s\n", error.file, error.line, error.message);
    else
        (void)option_complain(command, "--profile", given, text);
    return NULL;
}
