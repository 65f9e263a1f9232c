/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vmxbench: a deterministic VMX simulator and test bench. Finds the subcommand and runs it. */
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "nearest.h"

struct command {
    const char *name, *purpose;
    int (*run)(int argc, char **argv);
};

static const struct command commands[] = {
    {"run", "replay scenarios and judge them", cmd_run},
    {"snapshot", "run a scenario up to an instant and save all of it", cmd_snapshot},
    {"boot", "run a multiboot image on the bare machine, a hypervisor for example", cmd_boot},
    {"stat", "exits by reason: how many, and how long they took", cmd_stat},
    {"graph", "exit transitions and the sequence of exits as a picture", cmd_graph},
    {"diff", "the first divergence of two traces, explained field by field", cmd_diff},
    {"whatif", "exits and time before and after a change of control bits or bindings", cmd_whatif},
    {"advise", "which control bit or binding saves how many exits and how much time, and why", cmd_advise},
    {"tune", "searches the control bits and bindings that save the most together", cmd_tune},
    {"explain", "why VM entries fail: of KVM's dump of a VMCS, or of a scenario", cmd_explain},
    {"reasons", "the VM-exit reasons as a manual", cmd_reasons},
    {"fields", "the VMCS fields as a manual", cmd_fields},
    {"controls", "the VMX controls and capability bits as a manual", cmd_controls},
    {"checks", "the VM-entry checks as a manual", cmd_checks},
    {"calibrate", "a cost table for the simulator from a trace of real hardware", cmd_calibrate},
    {"limits", "what is not modelled, and what happens instead", cmd_limits},
    {"bench", "how fast guests run and exits are served on this machine", cmd_bench},
};
enum { COMMANDS = sizeof commands / sizeof commands[0] };

static int help(FILE *to)
{
    fputs("usage: vmxbench COMMAND [options] ...\n"
          "A deterministic VMX simulator and test bench.\n"
          "\n",
          to);
    for (unsigned i = 0; i < COMMANDS; i++)
        fprintf(to, "  %-10s %s\n", commands[i].name, commands[i].purpose);
    fputs("\n"
          "  --help     this text; `vmxbench COMMAND --help` tells the options of a command\n"
          "  --version  the version\n"
          "\n"
          "Exit status: 0 all as expected, 1 an expectation failed, 2 bad usage or input.\n",
          to);
    return to == stdout ? 0 : 2;
}

static int unknown(const char *name)
{
    struct nearest nearest = {.wanted = name + strspn(name, "-")};
    char text[128];
    for (unsigned i = 0; i < COMMANDS; i++)
        nearest_offer(&nearest, commands[i].name);
    nearest_text(&nearest, text, sizeof text);
    if (text[0] != '\0')
        fprintf(stderr, "vmxbench: unknown command '%s'; did you mean %s?\n", name, text);
    else
        fprintf(stderr, "vmxbench: unknown command '%s'; `vmxbench --help` lists the commands\n", name);
    return 2;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return help(stderr);
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0)
        return help(stdout);
    if (strcmp(argv[1], "--version") == 0) {
        printf("vmxbench %s\n", VMXBENCH_VERSION);
        return 0;
    }
    for (unsigned i = 0; i < COMMANDS; i++) {
        if (strcmp(argv[1], commands[i].name) != 0)
            continue;
        const int status = commands[i].run(argc - 1, argv + 1);
        if (fflush(stdout) == 0 && ferror(stdout) == 0)
            return status;
        fprintf(stderr, "vmxbench %s: standard output cannot be written\n", argv[1]);
        return 2;
    }
    return unknown(argv[1]);
}
