/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Command-line options, with complaints that say what would be right. */
#include "options.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../sim/profile.h"
#include "files.h"
#include "nearest.h"

static void complain_unknown(const char *command, const char *given, const struct option *options)
{
    enum { OPTIONS_MAX = 32, NAME_BYTES = 32 };
    struct nearest nearest = {.wanted = given};
    char text[256], names[OPTIONS_MAX][NAME_BYTES];
    for (unsigned i = 0; i < OPTIONS_MAX && options[i].name != NULL; i++) {
        snprintf(names[i], NAME_BYTES, "--%s", options[i].name);
        nearest_offer(&nearest, names[i]);
    }
    nearest_text(&nearest, text, sizeof text);
    if (text[0] != '\0')
        fprintf(stderr, "vmxbench %s: unknown option '%s'; did you mean %s?\n", command, given, text);
    else
        fprintf(stderr, "vmxbench %s: unknown option '%s'; `vmxbench %s --help` lists the options\n", command, given, command);
}

static const struct option *option_of_name(const struct option *options, const char *name, size_t length)
{
    for (const struct option *o = options; o->name != NULL; o++)
        if (strlen(o->name) == length && memcmp(o->name, name, length) == 0)
            return o;
    return NULL;
}

/* --cpu and --profile are one. */
static void take_alias(int argc, char **argv, const struct option *options)
{
    static const char *const names[] = {"cpu", "profile"};
    static char written[128];
    if (optind >= argc || strncmp(argv[optind], "--", 2) != 0)
        return;
    const char *name = argv[optind] + 2;
    const size_t length = strcspn(name, "=");
    for (unsigned i = 0; i < 2; i++)
        if (strlen(names[i]) == length && strncmp(name, names[i], length) == 0 && option_of_name(options, name, length) == NULL &&
            option_of_name(options, names[1 - i], strlen(names[1 - i])) != NULL) {
            snprintf(written, sizeof written, "--%s%s", names[1 - i], name + length);
            argv[optind] = written;
        }
}

/* "--bios --limit": the next option was taken for the value. */
static bool is_option(const char *value, const struct option *options)
{
    return strncmp(value, "--", 2) == 0 && option_of_name(options, value + 2, strcspn(value + 2, "=")) != NULL;
}

int option_next(const char *command, int argc, char **argv, const char *letters, const struct option *options)
{
    const int at = optind;
    char letter[3] = "-";
    opterr = 0;
    take_alias(argc, argv, options);
    const int option = getopt_long(argc, argv, letters, options, NULL);
    const char *const given = argv[at < argc ? at : argc - 1];
    if (option != '?' && option != ':') {
        if (option == OPTION_END || optarg == NULL || !is_option(optarg, options))
            return option;
        fprintf(stderr, "vmxbench %s: option %s needs a value, and '%s' is an option\n", command, given, optarg);
        return OPTION_BAD;
    }
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

void complain_of(const struct sim_error *error)
{
    if (error->line != 0)
        fprintf(stderr, "%s:%u: %s\n", error->file, error->line, error->message);
    else
        fprintf(stderr, "%s: %s\n", error->file, error->message);
}

bool option_can_write(const char *command, const char *path)
{
    if (path == NULL || file_can_be_written(path))
        return true;
    fprintf(stderr, "vmxbench %s: %s cannot be written: %s\n", command, path, strerror(errno));
    return false;
}

int option_complain(const char *command, const char *what, const char *value, const char *right)
{
    fprintf(stderr, "vmxbench %s: %s '%s': %s\n", command, what, value, right);
    return 2;
}

const char *option_profile(const char *command, const char *given)
{
    char text[512], names[256];
    struct sim_error error;
    struct nearest nearest = {.wanted = given};
    const struct vmx_caps *caps = sim_profile(given);
    const bool is_file = strchr(given, '/') != NULL || strchr(given, '.') != NULL;
    int at = snprintf(text, sizeof text, "the profiles are");
    if (caps != NULL || (is_file && sim_profile_read(given, &error)))
        return sim_profile(given)->name;
    if (is_file) {
        complain_of(&error);
        return NULL;
    }
    for (unsigned i = 0; i < vmx_profile_count && at > 0 && (size_t)at < sizeof text; i++) {
        at += snprintf(text + at, sizeof text - (size_t)at, " %s", vmx_profiles[i].name);
        nearest_offer(&nearest, vmx_profiles[i].name);
    }
    nearest_text(&nearest, names, sizeof names);
    if (names[0] != '\0')
        snprintf(text, sizeof text, "did you mean %s?", names);
    (void)option_complain(command, "CPU profile", given, text);
    return NULL;
}
