/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the command line of `vmxbench run` asks for. */
#include "run_request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "override.h"
#include "usage.h"

enum { JOBS_MAX = 64, REPEAT_MAX = 1000000000, WAIT_MAX = 86400 };

static const char usage[] =
    "usage: vmxbench run [options] SCENARIO|SNAPSHOT|FOLDER...\n"
    "Replays scenario scripts, or goes on from snapshots of `vmxbench snapshot`, and judges them. Exit status: 0 all as expected, 1 an expectation "
    "failed, 2 bad usage or input.\n"
    "\n"
    "  --on sim|bochs|inside|image[:LINE]\n"
    "                            the machine: the simulator (the default), or the hardware image, which boots on Bochs' VT-x, inside the simulated\n"
    "                            machine as a hypervisor of its own, or on this computer's VT-x (QEMU with KVM and nested VMX); with LINE on a\n"
    "                            computer that was booted with it: its serial device, a pipe, or a recording\n"
    "  --wait SECONDS            so long LINE may be silent (default 600 until the image begins, then 60)\n"
    "  --pack FILE               write the portable scenarios as a boot module for the hardware image, and run nothing\n"
    "  --write-profile FILE      write what the image's processor offers; --profile FILE simulates that processor\n"
    "  --profile NAME|FILE       the CPU profile of scenarios that name none; for the image it is " BOCHS_PROFILE "\n"
    "  -j N                      N worker processes (default 1)\n"
    "  --repeat N                replay each scenario N times from a snapshot of its beginning; all have to give the same bytes\n"
    "  --set CONTROL=0|1         run with a control bit changed (primary.hlt_exiting; the word may go where one alone has the name), and show the\n"
    "                            exits by reason before and after\n"
    "  --affinity VECTOR=CPU[,...]\n"
    "                            the interrupts of the source with this vector arrive at this physical CPU; before and after are shown too\n"
    "  --pin VCPU=PCPU[,...]     the virtual CPU is bound to this physical CPU; before and after are shown too\n"
    "  --trace FILE              write the binary trace of all scenarios; - is standard output\n"
    "  --format text|json|ftrace|chrome\n"
    "                            print the trace in this form on standard output; verdicts go to standard error\n"
    "  --tap                     verdicts as TAP version 13\n"
    "  --junit FILE              verdicts as JUnit XML too; - is standard output\n"
    "  -q                        only failures and the summary\n";

static int bad(const char *what, const char *value, const char *right)
{
    return option_complain("run", what, value, right);
}

static int add_change(struct run_request *request, const char *option, const char *text,
                      bool (*add)(struct override_list *list, const char *text, char *why, size_t why_size))
{
    char why[256];
    return add(&request->changes, text, why, sizeof why) ? 0 : bad(option, text, why);
}

static int choose_jobs(struct run_request *request, const char *text)
{
    char *end;
    const unsigned long jobs = strtoul(text, &end, 10);
    request->jobs = (unsigned)jobs;
    return *text >= '0' && *text <= '9' && *end == '\0' && jobs >= 1 && jobs <= JOBS_MAX
               ? 0
               : bad("-j", text, "a number of worker processes from 1 to 64 is wanted");
}

static int choose_repeat(struct run_request *request, const char *text)
{
    char *end;
    const unsigned long repeat = strtoul(text, &end, 10);
    request->repeat = (unsigned)repeat;
    return *text >= '0' && *text <= '9' && *end == '\0' && repeat >= 1 && repeat <= REPEAT_MAX
               ? 0
               : bad("--repeat", text, "a number of replays from 1 to 1000000000 is wanted");
}

static int choose_wait(struct run_request *request, const char *text)
{
    char *end;
    const unsigned long seconds = strtoul(text, &end, 10);
    request->line.wait_seconds = (unsigned)seconds;
    return *text >= '0' && *text <= '9' && *end == '\0' && seconds >= 1 && seconds <= WAIT_MAX
               ? 0
               : bad("--wait", text, "a number of seconds from 1 to 86400 is wanted");
}

const char *run_machine_name(enum run_machine machine)
{
    static const char *const names[] = {
        [RUN_ON_SIM] = "sim", [RUN_ON_BOCHS] = "bochs", [RUN_ON_INSIDE] = "inside", [RUN_ON_QEMU] = "image", [RUN_ON_LINE] = "image"};
    return names[machine];
}

static int choose_machine(struct run_request *request, const char *name)
{
    static const char line[] = "image:";
    if (strncmp(name, line, sizeof line - 1) == 0 && name[sizeof line - 1] != '\0') {
        request->on = RUN_ON_LINE;
        request->line.path = name + sizeof line - 1;
        return 0;
    }
    for (enum run_machine machine = RUN_ON_SIM; machine < RUN_ON_LINE; machine++)
        if (strcmp(name, run_machine_name(machine)) == 0) {
            request->on = machine;
            return 0;
        }
    return bad("--on", name, "there are sim, bochs, inside, image and image:LINE");
}

static int choose_profile(struct run_request *request, const char *name)
{
    request->profile = option_profile("run", name);
    return request->profile != NULL ? 0 : 2;
}

static int choose_format(struct run_request *request, const char *name)
{
    request->format_given = true;
    return trace_format_of_name(name, &request->format) ? 0 : bad("--format", name, "there are text, json, ftrace and chrome");
}

static bool is_standard_output(const char *path)
{
    return path != NULL && strcmp(path, "-") == 0;
}

/* Standard output takes one thing; verdicts give way to it. */
static int choose_output(struct run_request *request)
{
    const int wanted = request->format_given + is_standard_output(request->trace_path) + is_standard_output(request->junit_path);
    request->verdicts_aside = wanted != 0;
    if (wanted < 2)
        return 0;
    fputs("vmxbench run: --format, --trace - and --junit - all write to standard output: give one of them a file\n", stderr);
    return 2;
}

enum { SET = 256, AFFINITY, PIN, WRITE_PROFILE, TRACE, FORMAT, TAP, JUNIT, ON, PACK, PROFILE, REPEAT, WAIT };

static int take_option(struct run_request *request, int option)
{
    switch (option) {
    case 'j':
        return choose_jobs(request, optarg);
    case 'q':
        request->quiet = true;
        return 0;
    case SET:
        return add_change(request, "--set", optarg, override_add);
    case AFFINITY:
        return add_change(request, "--affinity", optarg, override_add_affinity);
    case PIN:
        return add_change(request, "--pin", optarg, override_add_pin);
    case TRACE:
        request->trace_path = optarg;
        return 0;
    case FORMAT:
        return choose_format(request, optarg);
    case TAP:
        request->tap = true;
        return 0;
    case JUNIT:
        request->junit_path = optarg;
        return 0;
    case ON:
        return choose_machine(request, optarg);
    case WRITE_PROFILE:
        request->profile_path = optarg;
        return 0;
    case PACK:
        request->pack_path = optarg;
        return 0;
    case REPEAT:
        return choose_repeat(request, optarg);
    case WAIT:
        return choose_wait(request, optarg);
    case PROFILE:
        return choose_profile(request, optarg);
    default:
        return 2;
    }
}

int run_request_parse(struct run_request *request, int argc, char **argv)
{
    static const struct option options[] = {{"affinity", required_argument, NULL, AFFINITY},
                                            {"format", required_argument, NULL, FORMAT},
                                            {"help", no_argument, NULL, OPTION_HELP},
                                            {"junit", required_argument, NULL, JUNIT},
                                            {"on", required_argument, NULL, ON},
                                            {"pack", required_argument, NULL, PACK},
                                            {"pin", required_argument, NULL, PIN},
                                            {"profile", required_argument, NULL, PROFILE},
                                            {"repeat", required_argument, NULL, REPEAT},
                                            {"set", required_argument, NULL, SET},
                                            {"tap", no_argument, NULL, TAP},
                                            {"trace", required_argument, NULL, TRACE},
                                            {"wait", required_argument, NULL, WAIT},
                                            {"write-profile", required_argument, NULL, WRITE_PROFILE},
                                            {NULL, 0, NULL, 0}};
    int option;
    request->jobs = request->repeat = 1;
    optind = 1;
    while ((option = option_next("run", argc, argv, "hj:q", options)) != OPTION_END) {
        if (option == OPTION_HELP) {
            usage_print(usage);
            return 0;
        }
        if (take_option(request, option) != 0)
            return 2;
    }
    if (optind == argc) {
        fputs("vmxbench run: name scenario files or folders; `vmxbench run --help` tells more\n", stderr);
        return 2;
    }
    if (request->profile_path != NULL && (request->on == RUN_ON_SIM || request->pack_path != NULL)) {
        fputs("vmxbench run: --write-profile is of the image: give --on bochs, inside or image\n", stderr);
        return 2;
    }
    if (request->repeat != 1 && request->on != RUN_ON_SIM) {
        fputs("vmxbench run: --repeat is of the simulator, which has snapshots; the image has none\n", stderr);
        return 2;
    }
    if (request->line.wait_seconds != 0 && request->on != RUN_ON_LINE) {
        fputs("vmxbench run: --wait is for a line: give --on image:LINE\n", stderr);
        return 2;
    }
    if (!option_can_write("run", request->trace_path) || !option_can_write("run", request->junit_path))
        return 2;
    return choose_output(request) != 0 ? 2 : -1;
}
