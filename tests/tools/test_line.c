/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A serial line that cuts, damages, loses or repeats what the hardware image says, over a pseudo-terminal and out of a recording: nothing wrong is kept, and
   the command says what happened by one line for each scenario and exit status 2. */
#define _GNU_SOURCE
#include "../../tools/bochs/internal.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "../../handlers/bench/frame.h"
#include "../../handlers/bench/trace.h"
#include "../support/suite.h"

enum { SCENARIOS = 2, MEMORY_MBYTES = 32, FRAMES_MAX = 64 };
static char folder[] = "/tmp/vmxbench-line-XXXXXX", script[64], recording[64], trace_file[64];

/* The second one fills several frames. */
static const char scenarios_text[] =
    "local function cpuid(name, count)\n"
    "  local steps = {}\n"
    "  for i = 1, count do steps[i] = expect \"CPUID\" {} end\n"
    "  steps[count + 1] = expect \"VMCALL\" {}\n"
    "  return scenario { name = name, profile = \"bochs-skylake-x\", mode = \"long\", steps = steps,\n"
    "    guest = asm(\"mov esi, \" .. count .. \"\\nagain: xor eax, eax\\ncpuid\\ndec esi\\njnz again\\nvmcall\\n\") }\n"
    "end\n"
    "return { cpuid(\"first\", 1), cpuid(\"second\", 80) }\n";

static struct bytes recorded; /* what the image said of both */
static size_t begins;         /* where it says "begin 0" */
static struct sim_scenario *scenarios;
static size_t scenario_count;
static struct sim_trace whole;
static size_t part_at[SCENARIOS + 1]; /* the scenarios in the whole trace */

static void write_bytes(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CU_ASSERT_EQUAL(fwrite(bytes, 1, size, file), size);
    CU_ASSERT_EQUAL(fclose(file), 0);
}

/* From where it begins to where the next one does. */
static void find_parts(void)
{
    struct trace_reader reader;
    struct trace_record record;
    unsigned parts = 0;
    CU_ASSERT_PTR_NULL_FATAL(trace_open(&reader, whole.bytes, whole.size));
    part_at[0] = reader.at;
    while (parts < SCENARIOS && trace_next(&reader, &record) == 1)
        if (record.kind == TRACE_END)
            part_at[++parts] = reader.at;
    CU_ASSERT_EQUAL_FATAL(parts, SCENARIOS);
    CU_ASSERT_EQUAL_FATAL(part_at[SCENARIOS], whole.size);
}

static bool run_recording(const void *bytes, size_t size, struct sim_trace *trace, struct bochs_outcome outcomes[SCENARIOS])
{
    struct sim_error error = {.line = 0};
    write_bytes(recording, bytes, size);
    return line_run(&(struct line){.path = recording}, scenarios, SCENARIOS, trace, outcomes, &error);
}

static void a_whole_recording_runs_all(void)
{
    struct bytes packed = {NULL, 0, 0}, rom = {NULL, 0, 0};
    struct bochs_outcome outcomes[SCENARIOS];
    struct sim_error error = {.line = 0};
    bool stuck = false;
    write_bytes(script, scenarios_text, sizeof scenarios_text - 1);
    CU_ASSERT_FATAL(sim_scenario_load(script, NULL, 0, &scenarios, &scenario_count, &error) && scenario_count == SCENARIOS);
    for (unsigned i = 0; i < SCENARIOS; i++)
        CU_ASSERT_FATAL(bytes_add(&packed, scenarios[i].packed, scenarios[i].packed_size));
    CU_ASSERT_FATAL(bochs_make_rom(&rom, packed.data, packed.size, MEMORY_MBYTES));
    CU_ASSERT_FATAL(bochs_boot(&rom, bochs_model(scenarios[0].profile), MEMORY_MBYTES, 1, &recorded, &stuck, &error));
    free(packed.data);
    free(rom.data);
    const uint8_t *begin = memmem(recorded.data, recorded.size, "begin 0", 7);
    CU_ASSERT_PTR_NOT_NULL_FATAL(begin);
    begins = (size_t)(begin - recorded.data);
    CU_ASSERT_FATAL(run_recording(recorded.data, recorded.size, &whole, outcomes));
    CU_ASSERT(outcomes[0].ran && outcomes[1].ran);
    find_parts();
}

/* Runs a recording: what has run has the trace that it has, and nothing is known of the rest. Which have run. */
static unsigned ran_of(const void *bytes, size_t size)
{
    struct bochs_outcome outcomes[SCENARIOS];
    struct sim_trace trace = {NULL, 0, 0};
    unsigned ran = 0;
    if (!run_recording(bytes, size, &trace, outcomes))
        return 0;
    for (unsigned i = 0; i < SCENARIOS; i++) {
        const uint8_t *part = memmem(trace.bytes, trace.size, whole.bytes + part_at[i], part_at[i + 1] - part_at[i]);
        CU_ASSERT_EQUAL(outcomes[i].ran, !outcomes[i].lost && !outcomes[i].refused);
        CU_ASSERT(!outcomes[i].ran || part != NULL);
        CU_ASSERT(outcomes[i].ran || outcomes[i].text[0] != '\0');
        ran |= outcomes[i].ran ? 1u << i : 0;
    }
    sim_trace_free(&trace);
    return ran;
}

/* A flipped bit of a frame costs the scenario whose frame it is; one of a line costs that at most. */
static void a_flipped_bit_keeps_nothing_wrong(void)
{
    unsigned all = 0, some = 0;
    for (size_t at = begins; at < recorded.size; at += 3) {
        recorded.data[at] ^= (uint8_t)(1u << at % 8);
        const unsigned ran = ran_of(recorded.data, recorded.size);
        recorded.data[at] ^= (uint8_t)(1u << at % 8);
        all += ran == 3;
        some += ran != 3;
    }
    CU_ASSERT(some > 8 * all);
}

/* What is cut off is lost; what was said before stands. */
static void a_cut_keeps_what_is_whole(void)
{
    const uint8_t *first_ran = memmem(recorded.data, recorded.size, "ran 0\n", 6), *second_ran = memmem(recorded.data, recorded.size, "ran 1\n", 6);
    CU_ASSERT_FATAL(first_ran != NULL && second_ran != NULL);
    for (size_t size = begins; size < recorded.size; size += 5) {
        const unsigned wanted = (size >= (size_t)(first_ran - recorded.data) + 6) | (unsigned)(size >= (size_t)(second_ran - recorded.data) + 6) << 1;
        CU_ASSERT_EQUAL(ran_of(recorded.data, size), wanted);
    }
}

/* Every frame once missing, once there twice. */
static void a_frame_that_is_lost_or_repeated_is_noticed(void)
{
    unsigned frames = 0;
    uint8_t *changed = malloc(recorded.size + FRAME_MAX);
    CU_ASSERT_PTR_NOT_NULL_FATAL(changed);
    for (size_t at = begins; at < recorded.size; at++) {
        uint32_t size;
        uint16_t number;
        if (frame_read(recorded.data + at, recorded.size - at, &size, &number) != FRAME_WHOLE)
            continue;
        const size_t behind = recorded.size - at - size;
        memcpy(changed, recorded.data, at);
        memcpy(changed + at, recorded.data + at + size, behind);
        CU_ASSERT_EQUAL(ran_of(changed, at + behind), frames == 0 ? 2 : 1);
        memcpy(changed, recorded.data, at + size);
        memcpy(changed + at + size, recorded.data + at, size + behind);
        CU_ASSERT_EQUAL(ran_of(changed, recorded.size + size), frames == 0 ? 2 : 1);
        frames++;
        at += size - 1;
    }
    free(changed);
    CU_ASSERT(frames >= 4); /* one of the first scenario, several of the second */
}

/* ---- the command, over a pseudo-terminal ---- */
static int open_pair(char *line, size_t line_size, int *held)
{
    struct termios raw;
    const int master = posix_openpt(O_RDWR | O_NOCTTY);
    CU_ASSERT_FATAL(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0 && ptsname_r(master, line, line_size) == 0);
    *held = open(line, O_RDWR | O_NOCTTY);
    CU_ASSERT_FATAL(*held >= 0 && tcgetattr(*held, &raw) == 0);
    cfmakeraw(&raw);
    CU_ASSERT_EQUAL(tcsetattr(*held, TCSANOW, &raw), 0);
    return master;
}

/* The far end, which stays open as a computer's does. */
static pid_t feed(int master, const uint8_t *bytes, size_t size)
{
    const pid_t child = fork();
    if (child != 0)
        return child;
    for (size_t at = 0; at < size;) {
        const ssize_t sent = write(master, bytes + at, size - at < 100 ? size - at : 100);
        if (sent <= 0)
            _exit(1);
        at += (size_t)sent;
    }
    (void)pause();
    _exit(0);
}

/* Exit status of the command on a line; `said` is both of its outputs. */
static int command(const char *line, char *said, size_t said_size)
{
    char text[400];
    snprintf(text, sizeof text, VMXBENCH " run --wait 1 --on image:%s --trace %s %s 2>&1", line, trace_file, script);
    FILE *pipe = popen(text, "r");
    CU_ASSERT_PTR_NOT_NULL_FATAL(pipe);
    said[fread(said, 1, said_size - 1, pipe)] = '\0';
    const int status = pclose(pipe);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void expect_on_pty(const uint8_t *bytes, size_t size, int wanted_status, const char *wanted_text)
{
    char line[64], said[4096];
    int held;
    const int master = open_pair(line, sizeof line, &held);
    const pid_t child = feed(master, bytes, size);
    const int status = command(line, said, sizeof said);
    (void)kill(child, SIGKILL);
    (void)waitpid(child, NULL, 0);
    close(held);
    close(master);
    CU_ASSERT_EQUAL(status, wanted_status);
    CU_ASSERT_PTR_NOT_NULL(strstr(said, wanted_text));
    if (status != wanted_status || strstr(said, wanted_text) == NULL)
        fprintf(stderr, "status %d, wanted %d and '%s':\n%s", status, wanted_status, wanted_text, said);
}

static void the_command_says_what_a_line_did(void)
{
    static const char other[] =
        "return scenario { name = \"other\", profile = \"bochs-skylake-x\", mode = \"long\", guest = asm [[ vmcall ]], steps = {} }";
    static const uint8_t noise[(1 << 20) + 4096] = "~";
    const uint8_t *second = memmem(recorded.data, recorded.size, "begin 1", 7);
    CU_ASSERT_PTR_NOT_NULL_FATAL(second);
    const size_t to_second = (size_t)(second - recorded.data);
    expect_on_pty(recorded.data, recorded.size, 0, "2 passed, 0 failed");
    expect_on_pty(recorded.data, to_second + 1200, 2, "how it ended is not known: the machine went silent");
    expect_on_pty(recorded.data, to_second - 20, 2, "the image did not run it: the image did not come to it");
    recorded.data[to_second + 600] ^= 1;
    expect_on_pty(recorded.data, recorded.size, 2, "how it ended is not known: the line damaged a part of its trace");
    recorded.data[to_second + 600] ^= 1;
    write_bytes(script, other, sizeof other - 1);
    expect_on_pty(recorded.data, recorded.size, 2, "how it ended is not known: the image ran another scenario in its place: pack these anew");
    write_bytes(script, scenarios_text, sizeof scenarios_text - 1);
    expect_on_pty(recorded.data, 0, 2, "nothing came; --wait SECONDS waits longer");
    expect_on_pty(noise, sizeof noise, 2, "what comes is nothing that the image says");
    expect_on_pty((const uint8_t *)"vmxbench-hw: stopped: the processor has no VT-x\n", 48, 2, "stopped: the processor has no VT-x");
}

static void what_is_no_line_is_named(void)
{
    static const struct {
        const char *path, *what;
    } rows[] = {{"/nonexistent/ttyS0", "/nonexistent/ttyS0: cannot be opened: No such file or directory"},
                {"/dev/null", "/dev/null: is no serial line"},
                {"/dev/zero", "/dev/zero: is no serial line"},
                {"/tmp", "/tmp: is no serial line, no pipe and no recording of one"}};
    char said[4096];
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        CU_ASSERT_EQUAL(command(rows[i].path, said, sizeof said), 2);
        CU_ASSERT_PTR_NOT_NULL(strstr(said, rows[i].what));
    }
    write_bytes(recording, "", 0);
    CU_ASSERT_EQUAL(command(recording, said, sizeof said), 2);
    CU_ASSERT_PTR_NOT_NULL(strstr(said, ": nothing came"));
    sim_scenario_free(scenarios, scenario_count);
    sim_trace_free(&whole);
    free(recorded.data);
}

int main(void)
{
    static char name[] = "tools/line";
    CU_TestInfo tests[] = {{"a_whole_recording_runs_all", a_whole_recording_runs_all},
                           {"a_flipped_bit_keeps_nothing_wrong", a_flipped_bit_keeps_nothing_wrong},
                           {"a_cut_keeps_what_is_whole", a_cut_keeps_what_is_whole},
                           {"a_frame_that_is_lost_or_repeated_is_noticed", a_frame_that_is_lost_or_repeated_is_noticed},
                           {"the_command_says_what_a_line_did", the_command_says_what_a_line_did},
                           {"what_is_no_line_is_named", what_is_no_line_is_named},
                           CU_TEST_INFO_NULL};
    if (mkdtemp(folder) == NULL)
        return 2;
    snprintf(script, sizeof script, "%s/script.lua", folder);
    snprintf(recording, sizeof recording, "%s/recording", folder);
    snprintf(trace_file, sizeof trace_file, "%s/trace", folder);
    const int status = suite_main(name, tests);
    (void)unlink(script);
    (void)unlink(recording);
    (void)unlink(trace_file);
    (void)rmdir(folder);
    return status;
}
