/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For suites that run the command as people type it, in a folder of their own that goes with them: one such suite a program. */
#ifndef TESTS_COMMAND_H
#define TESTS_COMMAND_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "suite.h"

static char output[1 << 20]; /* what the last command printed */
static char folder[] = "/tmp/vmxbench-test.XXXXXX";

static inline int shell_list(const char *start, const char *format, va_list arguments)
{
    char line[1536], command[2048];
    vsnprintf(line, sizeof line, format, arguments);
    snprintf(command, sizeof command, "cd '%s' && V='%s' && %s%s", folder, VMXBENCH, start, line);
    FILE *from = popen(command, "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(from);
    output[fread(output, 1, sizeof output - 1, from)] = '\0';
    const int status = pclose(from);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* A line of shell, with `folder` as working directory and the command in $V; its exit status, -1 when a signal ended it. */
__attribute__((format(printf, 1, 2))) static inline int shell(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const int status = shell_list("", format, arguments);
    va_end(arguments);
    return status;
}

/* `vmxbench ARGUMENTS` there. */
__attribute__((format(printf, 1, 2))) static inline int vmxbench(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const int status = shell_list("\"$V\" ", format, arguments);
    va_end(arguments);
    return status;
}

/* `input` is what led to the output, for whoever reads of the failure. */
static inline void expect_words(const char *input, const char *words)
{
    if (strstr(output, words) == NULL)
        fprintf(stderr, "%s\n  wanted: %s\n  printed: %s\n", input, words, output);
    CU_ASSERT_PTR_NOT_NULL(strstr(output, words));
}

static inline void write_file(const char *name, const void *bytes, size_t size)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *to = fopen(path, "wb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(to);
    CU_ASSERT_EQUAL(fwrite(bytes, 1, size, to), size);
    CU_ASSERT_EQUAL(fclose(to), 0);
}

static inline void write_script(const char *name, const char *text)
{
    write_file(name, text, strlen(text));
}

static inline int command_suite_main(char *name, CU_TestInfo *tests)
{
    char line[64];
    if (mkdtemp(folder) == NULL)
        return 2;
    const int status = suite_main(name, tests);
    snprintf(line, sizeof line, "rm -rf '%s'", folder);
    return system(line) == 0 ? status : 1;
}

/* SUITE() with the folder. */
#define COMMAND_SUITE(name, ...)                                                                                                                     \
    int main(void)                                                                                                                                   \
    {                                                                                                                                                \
        CU_TestInfo tests[] = {__VA_ARGS__, CU_TEST_INFO_NULL};                                                                                      \
        static char suite_name[] = name;                                                                                                             \
        return command_suite_main(suite_name, tests);                                                                                                \
    }

#endif
