/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vmxbench explain: why a VM entry fails, of a dumped VMCS or of a scenario. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../handlers/bench/bench.h"
#include "../sim/machine.h"
#include "../sim/profile.h"
#include "../sim/scenario.h"
#include "commands.h"
#include "explain.h"
#include "explain_dump.h"
#include "files.h"
#include "options.h"
#include "usage.h"

/* The newest: what it lacks hosts lack. */
#define DUMP_PROFILE "sapphire-rapids"

static const char usage[] =
    "usage: vmxbench explain [--profile NAME] DUMP|SCENARIO...\n"
    "Why VM entries fail: every violated rule with its section of the manual, the fields it reads and their values, and changes of one field that\n"
    "were tried and mend it. A DUMP is what KVM writes into dmesg (with kvm_intel's parameter dump_invalid_vmcs=1), Xen into its log, or the "
    "hardware image\n"
    "over its line, alone or amid other lines; - is standard input. Of a SCENARIO all VM entries are judged as it runs.\n"
    "Exit status: 0 nothing is violated, 1 something is, 2 bad usage or input.\n"
    "\n"
    "  --profile NAME   the capabilities of the processor: that of dumps (else " DUMP_PROFILE "), and of scenarios that name none\n";

struct request {
    const char *profile;
};

/* ---- scenarios ---- */
struct watched {
    const struct sim_scenario *scenario;
    unsigned failures;
};

static void on_entry(void *context, unsigned vcpu, const struct vmx_cpu *cpu, bool resume, enum vmx_check msr_load)
{
    struct watched *w = context;
    const struct judged_entry entry = {cpu, resume, NULL, NULL};
    struct judgement judgement;
    w->failures++;
    printf("%s:%u: %s: VM entry of virtual CPU %u by %s\n", w->scenario->file, w->scenario->line, w->scenario->name, vcpu,
           resume ? "VMRESUME" : "VMLAUNCH");
    if (msr_load != VMX_CHECK_NONE) {
        explain_rule(stdout, "", msr_load, cpu->vmcs, NULL);
        return;
    }
    judge_entry(&entry, &judgement);
    explain_judgement(stdout, &entry, &judgement);
}

static bool no_trace(void *context, const void *bytes, uint32_t size)
{
    (void)context;
    (void)bytes;
    (void)size;
    return true;
}

static int explain_scenario(const struct sim_scenario *scenario)
{
    const char *message = NULL;
    const struct sim_machine_options options = {.caps = &scenario->caps, .guest_bytes = scenario->guest_bytes, .vcpus = scenario->vcpus};
    struct watched watched = {.scenario = scenario};
    struct trace_writer writer = {.sink = no_trace};
    struct bench_result result = {0};
    struct bk_machine *machine = sim_machine_new(&options, &message);
    bool good = machine != NULL;
    if (good) {
        sim_machine_watch_entries(machine, on_entry, &watched);
        trace_begin(&writer);
        good = bench_run(machine, scenario->packed, scenario->packed_size, "sim", &writer, &result);
        message = result.text;
    }
    sim_machine_free(machine);
    if (!good) {
        fprintf(stderr, "%s:%u: %s: %s\n", scenario->file, scenario->line, scenario->name, message);
        return 2;
    }
    if (watched.failures == 0)
        printf("%s:%u: %s: every VM entry succeeds\n", scenario->file, scenario->line, scenario->name);
    return watched.failures != 0;
}

static int explain_script(const char *path, const struct request *request)
{
    struct sim_scenario *scenarios;
    size_t count;
    struct sim_error error = {0};
    struct sim_override profile = {.word = SIM_OVERRIDE_PROFILE};
    int status = 0;
    snprintf(profile.control, sizeof profile.control, "%s", request->profile != NULL ? request->profile : "");
    if (!sim_scenario_load(path, &profile, request->profile != NULL, &scenarios, &count, &error)) {
        complain_of(&error);
        return 2;
    }
    for (size_t i = 0; i < count; i++) {
        const int one = explain_scenario(&scenarios[i]);
        status = one > status ? one : status;
    }
    sim_scenario_free(scenarios, count);
    return status;
}

/* ---- dumps ---- */
static int explain_text(const char *path, const uint8_t *text, size_t size, const struct request *request)
{
    const struct vmx_caps *caps = sim_profile(request->profile != NULL ? request->profile : DUMP_PROFILE);
    size_t count;
    unsigned violated = 0;
    if (size == 0) {
        fprintf(stderr, "%s: it is empty; a VMCS dump is wanted\n", strcmp(path, "-") == 0 ? "standard input" : path);
        return 2;
    }
    struct vmcs_dump *dumps = vmcs_dump_read((const char *)text, size, &count);
    if (dumps == NULL) {
        fprintf(stderr,
                count != 0 ? "%s: out of memory\n"
                           : "%s: neither a scenario (.lua) nor a VMCS dump: it has no line '*** Guest State ***' with fields after it\n",
                path);
        return 2;
    }
    for (size_t i = 0; i < count; i++) {
        printf("%s%s:", i == 0 ? "" : "\n", path);
        violated += explain_dump(stdout, &dumps[i], caps);
    }
    free(dumps);
    return violated != 0;
}

static bool is_script(const char *path)
{
    const size_t length = strlen(path);
    return length > 4 && strcmp(path + length - 4, ".lua") == 0;
}

static int explain(const char *path, const struct request *request)
{
    uint8_t *text;
    size_t size;
    if (is_script(path))
        return explain_script(path, request);
    if (!file_read(strcmp(path, "-") == 0 ? "/dev/stdin" : path, &text, &size)) {
        fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return 2;
    }
    const int status = explain_text(path, text, size, request);
    free(text);
    return status;
}

int cmd_explain(int argc, char **argv)
{
    static const struct option options[] = {{"help", no_argument, NULL, OPTION_HELP}, {"profile", required_argument, NULL, 'p'}, {NULL, 0, NULL, 0}};
    struct request request = {0};
    int option, status = 0;
    optind = 1;
    while ((option = option_next("explain", argc, argv, "h", options)) != OPTION_END) {
        if (option == OPTION_HELP) {
            usage_print(usage);
            return 0;
        }
        if (option != 'p' || (request.profile = option_profile("explain", optarg)) == NULL)
            return 2;
    }
    if (optind == argc) {
        fputs("vmxbench explain: name a VMCS dump or a scenario script; `vmxbench explain --help` tells more\n", stderr);
        return 2;
    }
    for (; optind < argc; optind++) {
        const int one = explain(argv[optind], &request);
        status = one > status ? one : status;
    }
    return status;
}
