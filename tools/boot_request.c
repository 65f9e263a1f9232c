/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a command line of `vmxbench boot` asks for. */
#include "boot_request.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "usage.h"

static const char usage[] =
    "usage: vmxbench boot [options] IMAGE\n"
    "       vmxbench boot [options] --bios FILE\n"
    "       vmxbench boot [options] SNAPSHOT\n"
    "Runs a multiboot image (ELF32, ELF64, or with addresses in its header; gzip is unpacked) on the bare machine, without a hypervisor under it. "
    "The\n"
    "image may be a hypervisor: its VM exits can be traced. COM1 goes to standard output, the debug consoles at\n"
    "ports E9H and 402H to standard error. A machine that --snapshot has saved goes on from there, with the bytes of the run that was never "
    "interrupted.\n"
    "\n"
    "  --append TEXT       command line of the image, behind its name\n"
    "  --module FILE       a boot module; FILE=TEXT gives it a text of its own (else the file's name); may be given several times\n"
    "  --memory SIZE       RAM in MiB, or with a suffix K, M or G: 1M to 3G, 128M when it is left out\n"
    "  --smp N             1 to 8 processors\n"
    "  --cpu PROFILE       CPU profile, as `vmxbench controls` lists them; the richest when it is left out\n"
    "  --bios FILE         start firmware at the reset vector instead of an image\n"
    "  --fw-cfg            offer the firmware configuration ports\n"
    "  --limit N           end after N instructions, exits and event deliveries; 0 for never, 10 billion when it is left out\n"
    "  --trace FILE        write the VM exits of guests as a trace: `stat`, `graph` and `diff` read it\n"
    "  --explain           say on standard error at once why a VM entry failed: the violated rule, its fields, their values\n"
    "  --snapshot FILE     run up to --at, save the machine with memory, devices and the trace so far, and end\n"
    "  --at N              after N instructions, exits and event deliveries\n"
    "  --verbose           report on standard error what devices meet that is not modelled\n"
    "\n"
    "Exit status: value * 2 + 1 for a byte written to port F4H; 0 after power-off, `Shutdown` to port 8900H or a reset, and where the\n"
    "machine was saved; 1 after a triple fault, at the limit, or where every processor sleeps for good; 2 bad usage or input.\n";

static int bad(const char *what, const char *value, const char *right)
{
    return option_complain("boot", what, value, right);
}

/* A number of bytes; a plain number counts MiB. */
static bool parse_size(const char *text, uint64_t *bytes)
{
    static const char suffixes[] = "KMG";
    char *end;
    if (text[0] < '0' || text[0] > '9')
        return false;
    const unsigned long long value = strtoull(text, &end, 10);
    const char *suffix = *end != '\0' ? strchr(suffixes, *end) : suffixes + 1;
    if (suffix == NULL || (*end != '\0' && end[1] != '\0') || value > 1u << 30)
        return false;
    *bytes = (uint64_t)value << (10 * (suffix - suffixes + 1));
    return *bytes >= SIM_BARE_RAM_MIN && *bytes <= SIM_BARE_RAM_MAX && *bytes % (1u << 20) == 0;
}

static bool parse_number(const char *text, uint64_t *value)
{
    char *end;
    errno = 0;
    *value = strtoull(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0;
}

enum { APPEND = 256, AT, BIOS, CPU, EXPLAIN, FW_CFG, LIMIT, MEMORY, MODULE, SMP, SNAPSHOT, TRACE, VERBOSE };

/* An option that a snapshot has its own answer to. */
static void note_shape(struct boot_request *request, int option)
{
    static const struct {
        int option;
        const char *name;
    } shapes[] = {{APPEND, "--append"}, {BIOS, "--bios"},     {CPU, "--cpu"}, {FW_CFG, "--fw-cfg"},
                  {MEMORY, "--memory"}, {MODULE, "--module"}, {SMP, "--smp"}};
    for (unsigned i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        if (shapes[i].option == option)
            request->shapes = shapes[i].name;
}

/* -1: go on. */
static int take(struct boot_request *request, int option)
{
    uint64_t number;
    note_shape(request, option);
    switch (option) {
    case APPEND:
        request->append = optarg;
        return -1;
    case BIOS:
        request->bios = optarg;
        return -1;
    case CPU:
        request->profile = option_profile("boot", optarg);
        return request->profile != NULL ? -1 : 2;
    case EXPLAIN:
        request->explain = true;
        return -1;
    case FW_CFG:
        request->fw_cfg = true;
        return -1;
    case LIMIT:
        return parse_number(optarg, &request->limit) ? -1 : bad("--limit", optarg, "a number of instructions is wanted, 0 for none");
    case MEMORY:
        return parse_size(optarg, &request->memory_bytes) ? -1 : bad("--memory", optarg, "whole MiB from 1M to 3G are wanted, as in 64M");
    case MODULE:
        if (request->modules == MULTIBOOT_MODULES_MAX)
            return bad("--module", optarg, "there are 64 already");
        if (optarg[0] == '\0' || optarg[0] == '=')
            return bad("--module", optarg, "the name of a file is wanted, as in FILE or FILE=TEXT");
        request->module[request->modules++] = optarg;
        return -1;
    case SMP:
        if (!parse_number(optarg, &number) || number < 1 || number > SIM_BARE_CPUS_MAX)
            return bad("--smp", optarg, "a number from 1 to 8 is wanted");
        request->cpus = (unsigned)number;
        return -1;
    case SNAPSHOT:
        request->snapshot = optarg;
        return -1;
    case AT:
        return parse_number(optarg, &request->at) && request->at != 0 ? -1 : bad("--at", optarg, "a number of instructions is wanted, 1 or more");
    case TRACE:
        request->trace = optarg;
        return -1;
    case VERBOSE:
        request->verbose = true;
        return -1;
    case OPTION_HELP:
        usage_print(usage);
        return 0;
    default:
        return 2;
    }
}

int boot_parse(struct boot_request *request, int argc, char **argv)
{
    static const struct option options[] = {
        {"append", required_argument, NULL, APPEND}, {"at", required_argument, NULL, AT},       {"bios", required_argument, NULL, BIOS},
        {"cpu", required_argument, NULL, CPU},       {"explain", no_argument, NULL, EXPLAIN},   {"fw-cfg", no_argument, NULL, FW_CFG},
        {"help", no_argument, NULL, OPTION_HELP},    {"limit", required_argument, NULL, LIMIT}, {"memory", required_argument, NULL, MEMORY},
        {"module", required_argument, NULL, MODULE}, {"smp", required_argument, NULL, SMP},     {"snapshot", required_argument, NULL, SNAPSHOT},
        {"trace", required_argument, NULL, TRACE},   {"verbose", no_argument, NULL, VERBOSE},   {NULL, 0, NULL, 0}};
    int option;
    *request = (struct boot_request){.append = "", .memory_bytes = UINT64_C(128) << 20, .limit = UINT64_C(10000000000), .cpus = 1};
    optind = 1;
    while ((option = option_next("boot", argc, argv, "h", options)) != OPTION_END) {
        const int status = take(request, option);
        if (status >= 0)
            return status;
    }
    const int images = argc - optind;
    if (images != (request->bios == NULL ? 1 : 0) || (request->bios != NULL && request->modules != 0)) {
        fprintf(stderr, "vmxbench boot: name one image, or firmware with --bios and neither image nor modules; `vmxbench boot --help` tells more\n");
        return 2;
    }
    if ((request->snapshot != NULL) != (request->at != 0)) {
        fprintf(stderr, "vmxbench boot: --snapshot FILE and --at N go together: where the machine is saved, and when\n");
        return 2;
    }
    if (!option_can_write("boot", request->trace) || !option_can_write("boot", request->snapshot))
        return 2;
    request->image = images == 1 ? argv[optind] : NULL;
    const char *path = images == 1 ? argv[optind] : request->bios, *slash = strrchr(path, '/');
    request->name = slash != NULL ? slash + 1 : path;
    return -1;
}
