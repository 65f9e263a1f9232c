/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What `vmxbench bench` measures, and the parts that do it. */
#ifndef TOOLS_BENCH_FIGURES_H
#define TOOLS_BENCH_FIGURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../sim/scenario.h"

struct bench_figure {
    const char *key, *text, *unit;
    double value;  /* 0: could not be measured */
    double wanted; /* what the project asks for; 0: nothing. Negative: at most so much */
};

enum { BENCH_FIGURES_MAX = 40 };
struct bench_figures {
    struct bench_figure figure[BENCH_FIGURES_MAX];
    size_t count;
};

void bench_add(struct bench_figures *figures, const char *key, const char *text, const char *unit, double value, double wanted);
/* a / b; 0 when either was not measured. */
double bench_ratio(double a, double b);

/* Seconds of the monotonic clock; and of processor time that this process has used, which other processes do not disturb as much. */
double bench_now(void);
double bench_used(void);
/* Resident set of this process in MBytes. */
double bench_resident(void);
/* The only scenario of tools/bench/NAME.lua; NULL after a complaint. The caller frees it by sim_scenario_free(scenario, 1). */
struct sim_scenario *bench_load(const char *name);
/* The program beside this one. */
void bench_program(char *path, size_t size, const char *name);
/* Seconds of a process; 0 when it cannot run or fails. Its standard output is dropped. */
double bench_process(const char *program, char *const arguments[]);
/* Seconds until the last of some processes of one program ends, which start together. */
enum { BENCH_PROCESSES_MAX = 64 };
double bench_processes_at_once(const char *program, char *const *const arguments[], size_t count);

/* ---- the parts ---- */
/* Resident memory of this process with one guest. */
bool bench_memory(struct bench_figures *figures);
/* Guest instructions a second beside stock Unicorn. False: a scenario cannot be used. */
bool bench_guests(struct bench_figures *figures);
/* Exits a second by kind, the same on Bochs, replays from a snapshot. */
bool bench_exits(struct bench_figures *figures);
/* Round trips of a hypervisor that runs inside, and on Bochs. */
bool bench_inside(struct bench_figures *figures);
/* Whole processes: start to verdict, worker processes, firmware. */
bool bench_processes(struct bench_figures *figures);

#endif
