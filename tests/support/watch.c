/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names the case of a long run that ends the program, or takes a minute of processor time. */
#define _DEFAULT_SOURCE
#include "watch.h"

#include <signal.h>
#include <stdio.h>
#include <sys/time.h>
#include <unistd.h>

enum { SECONDS_PER_CASE = 60, LINE_BYTES = 96 };

static const char *kind;
static uint64_t current;

static void on_signal(int number)
{
    char line[LINE_BYTES];
    const int size = snprintf(line, sizeof line, "%s %llu %s\n", kind, /* NOLINT(bugprone-signal-handler): the program ends */
                              (unsigned long long)current, number == SIGPROF ? "takes a minute" : "ends the program");
    if (size > 0 && write(STDERR_FILENO, line, (size_t)size) < 0)
        _exit(2);
    _exit(1);
}

void watch_begin(const char *what)
{
    kind = what;
#ifndef __SANITIZE_ADDRESS__
    (void)signal(SIGSEGV, on_signal);
#endif
    (void)signal(SIGABRT, on_signal);
    (void)signal(SIGPROF, on_signal);
}

void watch_case(uint64_t number)
{
    const struct itimerval a_minute = {.it_value = {.tv_sec = SECONDS_PER_CASE}};
    current = number;
    (void)setitimer(ITIMER_PROF, &a_minute, NULL);
}
