/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The hardware image at the other end of a serial line: what Bochs' serial port said comes over a pseudo-terminal, a pipe and from a file, whole, cut
   short and damaged. */
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

#include "../../handlers/bench/trace.h"
#include "../../vmx-model/reasons.h"
#include "../support/packed.h"
#include "../support/suite.h"

static const char profile[] = "bochs-skylake-x";
static char folder[] = "/tmp/vmxbench-image-XXXXXX", path[64];

enum { SCENARIOS = 2, MEMORY_MBYTES = 32 };
static struct sim_scenario scenarios[SCENARIOS];
static struct bytes recorded;
static struct sim_trace on_bochs;

/* xor eax, eax; cpuid; vmcall */
static const uint8_t cpuid_code[] = {0x31, 0xc0, 0x0f, 0xa2, 0x0f, 0x01, 0xc1};

static void record(void)
{
    static const char *const names[SCENARIOS] = {"first", "second"};
    struct bytes module = {NULL, 0, 0}, rom = {NULL, 0, 0};
    struct bochs_outcome outcomes[SCENARIOS];
    struct sim_error error = {.line = 0};
    bool stuck = false;
    for (unsigned i = 0; i < SCENARIOS; i++) {
        struct packed p;
        packed_begin(&p, names[i], profile, cpuid_code, sizeof cpuid_code);
        packed_step(&p, STEP_EXPECT, VMX_EXIT_CPUID, 0);
        packed_step(&p, STEP_EXPECT, VMX_EXIT_VMCALL, 0);
        scenarios[i] = packed_end(&p, profile);
        CU_ASSERT(bytes_add(&module, scenarios[i].packed, scenarios[i].packed_size));
    }
    CU_ASSERT_FATAL(bochs_make_rom(&rom, module.data, module.size, MEMORY_MBYTES));
    CU_ASSERT_FATAL(bochs_boot(&rom, bochs_model(profile), MEMORY_MBYTES, 1, &recorded, &stuck, &error));
    CU_ASSERT_FATAL(bochs_run(scenarios, SCENARIOS, &on_bochs, outcomes, &error));
    free(module.data);
    free(rom.data);
}

static void write_recording(const struct bytes *bytes)
{
    FILE *file = fopen(path, "wb");
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    CU_ASSERT_EQUAL(fwrite(bytes->data, 1, bytes->size, file), bytes->size);
    CU_ASSERT_EQUAL(fclose(file), 0);
}

/* The line gives what Bochs gave. */
static void expect_the_trace_of_bochs(const char *line)
{
    struct bochs_outcome outcomes[SCENARIOS];
    struct sim_trace trace = {NULL, 0, 0};
    struct sim_error error = {.line = 0};
    CU_ASSERT(line_run(&(struct line){.path = line}, scenarios, SCENARIOS, &trace, outcomes, &error));
    for (unsigned i = 0; i < SCENARIOS; i++)
        CU_ASSERT(outcomes[i].ran);
    CU_ASSERT_EQUAL_FATAL(trace.size, on_bochs.size);
    CU_ASSERT_EQUAL(memcmp(trace.bytes, on_bochs.bytes, trace.size), 0);
    sim_trace_free(&trace);
}

static void a_recording_gives_the_trace(void)
{
    record();
    write_recording(&recorded);
    expect_the_trace_of_bochs(path);
}

static void send_all(int to)
{
    for (size_t at = 0; at < recorded.size;) {
        const size_t part = recorded.size - at < 100 ? recorded.size - at : 100;
        const ssize_t sent = write(to, recorded.data + at, part);
        if (sent <= 0)
            _exit(1);
        at += (size_t)sent;
    }
}

/* The far end stays open, as a computer's does. */
static void a_serial_device_gives_the_trace(void)
{
    const int master = posix_openpt(O_RDWR | O_NOCTTY);
    struct termios raw;
    char line[64];
    CU_ASSERT_FATAL(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0 && ptsname_r(master, line, sizeof line) == 0);
    const int held = open(line, O_RDWR | O_NOCTTY);
    CU_ASSERT_FATAL(held >= 0 && tcgetattr(held, &raw) == 0);
    cfmakeraw(&raw);
    CU_ASSERT_EQUAL(tcsetattr(held, TCSANOW, &raw), 0);
    const pid_t child = fork();
    if (child == 0) {
        send_all(master);
        (void)pause();
        _exit(0);
    }
    expect_the_trace_of_bochs(line);
    (void)kill(child, SIGKILL);
    (void)waitpid(child, NULL, 0);
    close(held);
    close(master);
}

static void a_pipe_gives_the_trace(void)
{
    (void)unlink(path);
    CU_ASSERT_FATAL(mkfifo(path, 0600) == 0);
    const pid_t child = fork();
    if (child == 0) {
        const int to = open(path, O_WRONLY);
        send_all(to);
        _exit(0);
    }
    expect_the_trace_of_bochs(path);
    (void)waitpid(child, NULL, 0);
    (void)unlink(path);
}

/* Cut in the second scenario: the first has run, the second says where it ended. Cut in the first, the second was not come to. */
static void a_cut_recording_keeps_what_is_whole(void)
{
    const uint8_t *second = memmem(recorded.data, recorded.size, "begin 1", 7);
    CU_ASSERT_PTR_NOT_NULL_FATAL(second);
    const size_t cuts[2] = {(size_t)(second - recorded.data) + 10, (size_t)(second - recorded.data) - 10};
    for (unsigned i = 0; i < 2; i++) {
        struct bytes cut = {recorded.data, cuts[i], 0};
        struct bochs_outcome outcomes[SCENARIOS];
        struct sim_trace trace = {NULL, 0, 0};
        struct sim_error error = {.line = 0};
        write_recording(&cut);
        CU_ASSERT(line_run(&(struct line){.path = path}, scenarios, SCENARIOS, &trace, outcomes, &error));
        CU_ASSERT_EQUAL(outcomes[0].ran, i == 0);
        CU_ASSERT(!outcomes[1].ran);
        CU_ASSERT_PTR_NOT_NULL(strstr(outcomes[1].text, i == 0 ? "the machine ended" : "the image did not come to it"));
        sim_trace_free(&trace);
    }
}

/* A frame whose checksum is wrong is no frame. */
static void a_damaged_frame_is_not_taken(void)
{
    struct bochs_outcome outcomes[SCENARIOS];
    struct sim_trace trace = {NULL, 0, 0};
    struct sim_error error = {.line = 0};
    uint8_t *first = memmem(recorded.data, recorded.size, "begin 0", 7);
    uint8_t *frame = first != NULL ? memmem(first, recorded.size - (size_t)(first - recorded.data), "VMXF", 4) : NULL;
    CU_ASSERT_PTR_NOT_NULL_FATAL(frame);
    if (frame == NULL)
        return;
    frame[20] ^= 1;
    write_recording(&recorded);
    frame[20] ^= 1;
    CU_ASSERT(line_run(&(struct line){.path = path}, scenarios, SCENARIOS, &trace, outcomes, &error));
    CU_ASSERT(trace.size < on_bochs.size);
    CU_ASSERT(!outcomes[0].ran);
    CU_ASSERT_PTR_NOT_NULL(strstr(outcomes[0].text, "damaged"));
    CU_ASSERT(outcomes[1].ran);
    sim_trace_free(&trace);
}

static void a_line_that_says_nothing_is_named(void)
{
    struct bochs_outcome outcomes[SCENARIOS];
    struct sim_trace trace = {NULL, 0, 0};
    struct sim_error error = {.line = 0};
    CU_ASSERT(!line_run(&(struct line){.path = "/nonexistent/ttyS0"}, scenarios, SCENARIOS, &trace, outcomes, &error));
    CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "/nonexistent/ttyS0: cannot be opened"));
    CU_ASSERT(!line_run(&(struct line){.path = "/dev/null"}, scenarios, SCENARIOS, &trace, outcomes, &error));
    CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "/dev/null: is no serial line"));
    struct bytes text = {(uint8_t *)"vmxbench-hw: stopped: the processor has no VT-x\n", 48, 0};
    write_recording(&text);
    CU_ASSERT(!line_run(&(struct line){.path = path}, scenarios, SCENARIOS, &trace, outcomes, &error));
    CU_ASSERT_PTR_NOT_NULL(strstr(error.message, "the processor has no VT-x"));
    sim_trace_free(&trace);
    sim_trace_free(&on_bochs);
    free(recorded.data);
    for (unsigned i = 0; i < SCENARIOS; i++)
        free(scenarios[i].packed);
}

int main(void)
{
    static char name[] = "tools/image";
    CU_TestInfo tests[] = {{"a_recording_gives_the_trace", a_recording_gives_the_trace},
                           {"a_serial_device_gives_the_trace", a_serial_device_gives_the_trace},
                           {"a_pipe_gives_the_trace", a_pipe_gives_the_trace},
                           {"a_cut_recording_keeps_what_is_whole", a_cut_recording_keeps_what_is_whole},
                           {"a_damaged_frame_is_not_taken", a_damaged_frame_is_not_taken},
                           {"a_line_that_says_nothing_is_named", a_line_that_says_nothing_is_named},
                           CU_TEST_INFO_NULL};
    if (mkdtemp(folder) == NULL)
        return 2;
    snprintf(path, sizeof path, "%s/line", folder);
    const int status = suite_main(name, tests);
    (void)unlink(path);
    (void)rmdir(folder);
    return status;
}
