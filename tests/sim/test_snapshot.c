/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs that go on from a snapshot give the bytes of the uninterrupted run, in memory and through files. */
#define _DEFAULT_SOURCE
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "handlers/bench/packed.h"
#include "sim/snapshot.h"
#include "tests/support/random.h"
#include "tests/support/suite.h"

enum { EXITS_BETWEEN = 12, PROGRESS_BETWEEN = 400, SNAPSHOTS_MAX = 4 };

static bool same(const struct sim_trace *a, const struct sim_trace *b)
{
    return a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0;
}

/* Runs to the end in pieces of random length; each piece in a session of its own, by way of a snapshot. */
static struct sim_session *run_in_pieces(const struct sim_scenario *scenario, struct random *random)
{
    struct sim_error error = {0};
    struct sim_session *session = sim_session_new(scenario, &error);
    for (unsigned i = 0; session != NULL; i++) {
        const bool last = i == SNAPSHOTS_MAX, by_exits = random_next(random) % 2 == 0;
        const uint64_t exits = by_exits ? 1 + random_next(random) % EXITS_BETWEEN : UINT64_MAX;
        const uint64_t progress = by_exits ? UINT64_MAX : 1 + random_next(random) % PROGRESS_BETWEEN;
        if (sim_session_run(session, last ? UINT64_MAX : exits, last ? UINT64_MAX : progress))
            break;
        struct sim_snapshot *snapshot = sim_snapshot_take(session);
        struct sim_session *next = sim_session_new(scenario, &error);
        CU_ASSERT_FATAL(snapshot != NULL && next != NULL);
        const bool restored = sim_snapshot_restore(snapshot, next, &error);
        CU_ASSERT(restored);
        if (!restored)
            printf("%s: %s: %s\n", scenario->file, scenario->name, error.message);
        sim_snapshot_free(snapshot);
        sim_session_free(session);
        session = next;
    }
    return session;
}

static void compare_pieces(const struct sim_scenario *scenario, struct random *random)
{
    struct sim_error error = {0};
    struct sim_trace whole = {0};
    CU_ASSERT_FATAL(sim_run_scenario(scenario, &whole, &error));
    struct sim_session *session = run_in_pieces(scenario, random);
    CU_ASSERT_FATAL(session != NULL);
    const bool equal = same(&whole, sim_session_trace(session));
    CU_ASSERT(equal);
    if (!equal)
        printf("%s: %s: a run in pieces gives other bytes\n", scenario->file, scenario->name);
    sim_session_free(session);
    sim_trace_free(&whole);
}

static void compare_file(const char *path, struct random *random)
{
    struct sim_scenario *scenarios;
    struct sim_error error = {0};
    size_t count;
    CU_ASSERT_FATAL(sim_scenario_load(path, NULL, 0, &scenarios, &count, &error));
    for (size_t i = 0; i < count; i++)
        compare_pieces(&scenarios[i], random);
    sim_scenario_free(scenarios, count);
}

static void compare_folder(const char *name)
{
    char path[4096];
    struct dirent **entries;
    struct random random = {.state = 1};
    snprintf(path, sizeof path, "%s/%s", SCENARIOS_FOLDER, name);
    const int count = scandir(path, &entries, NULL, alphasort);
    CU_ASSERT_FATAL(count > 0);
    for (int i = 0; i < count; i++) {
        const char *file = entries[i]->d_name;
        snprintf(path, sizeof path, "%s/%s/%s", SCENARIOS_FOLDER, name, file);
        if (strlen(file) > 4 && strcmp(file + strlen(file) - 4, ".lua") == 0)
            compare_file(path, &random);
        free(entries[i]);
    }
    free(entries);
}

static void exits_in_pieces_give_the_same_trace(void)
{
    compare_folder("exits");
}

static void rules_in_pieces_give_the_same_trace(void)
{
    compare_folder("rules");
}

static void failing_entries_in_pieces_give_the_same_trace(void)
{
    compare_folder("entry");
}

static void scenarios_load(const char *text, struct sim_scenario **scenario)
{
    char path[] = "/tmp/vmxbench-snapshot.XXXXXX";
    struct sim_error error = {0};
    size_t count = 0;
    const int file = mkstemp(path);
    CU_ASSERT_FATAL(file >= 0 && write(file, text, strlen(text)) == (ssize_t)strlen(text));
    close(file);
    const bool loaded = sim_scenario_load(path, NULL, 0, scenario, &count, &error);
    unlink(path);
    if (!loaded)
        printf("%s\n", error.message);
    CU_ASSERT_FATAL(loaded && count == 1);
}

/* x87 and SSE cross every exit; the sum is told at the end. */
static const char floating[] = "return scenario { name = 'floating', mode = 'long', rest = 'any', registers = { r14 = 40 },\n"
                               "vmcs = { GUEST_CR4 = 0x2620 }, guest = asm [[\n"
                               "  fninit\n fld1\n fldpi\n mov eax, 3\n cvtsi2sd xmm9, eax\n movsd xmm0, xmm9\n"
                               "again: xor eax, eax\n cpuid\n fadd st1, st0\n mulsd xmm0, xmm9\n pxor xmm15, xmm0\n paddq xmm15, xmm9\n"
                               "  fnstsw ax\n mov r8, rax\n movq r9, xmm15\n fst qword [0x9000]\n mov r10, [0x9000]\n"
                               "  dec r14\n jnz again\n fstp st0\n fst qword [0x9000]\n mov r10, [0x9000]\n movq r11, xmm0\n vmcall\n hlt\n"
                               "]] }\n";

static void floating_point_state_is_kept(void)
{
    struct sim_scenario *scenario;
    struct random random = {.state = 7};
    scenarios_load(floating, &scenario);
    for (unsigned i = 0; i < 8; i++)
        compare_pieces(scenario, &random);
    sim_scenario_free(scenario, 1);
}

/* The guest counts in memory, changes its own code, and tells both. */
static const char writing[] =
    "return scenario { name = 'writing', mode = 'long', rest = 'any', registers = { r14 = 20 }, guest_ram = 0x1000000, guest = asm [[\n"
    "again: inc qword [0x90000]\n mov rdi, 0x200000\n mov rcx, 40\n"
    "page: add [rdi], rcx\n add rdi, 0x3000\n loop page\n"
    "  inc byte [rel patch + 1]\n"
    "patch: mov bl, 0\n xor eax, eax\n mov r13b, bl\n mov r12, [0x90000]\n cpuid\n dec r14\n jnz again\n vmcall\n hlt\n"
    "]] }\n";

static void a_session_goes_back_again_and_again(void)
{
    struct sim_scenario *scenario;
    struct sim_error error = {0};
    struct sim_trace whole = {0};
    scenarios_load(writing, &scenario);
    CU_ASSERT_FATAL(sim_run_scenario(scenario, &whole, &error));
    struct sim_session *session = sim_session_new(scenario, &error);
    CU_ASSERT_FATAL(session != NULL);
    struct sim_snapshot *first = sim_snapshot_take(session);
    CU_ASSERT_FALSE(sim_session_run(session, 7, UINT64_MAX));
    struct sim_snapshot *second = sim_snapshot_take(session);
    CU_ASSERT_FATAL(first != NULL && second != NULL);
    for (unsigned i = 0; i < 12; i++) {
        /* Each to itself twice, and from one to the other. */
        CU_ASSERT(sim_snapshot_restore(i / 2 % 2 == 0 ? second : first, session, &error));
        CU_ASSERT_EQUAL(sim_session_exits(session), i / 2 % 2 == 0 ? 7 : 0);
        CU_ASSERT_EQUAL(sim_session_run(session, i % 3 == 0 ? 5 : UINT64_MAX, UINT64_MAX), i % 3 != 0);
        if (i % 3 != 0)
            CU_ASSERT(same(&whole, sim_session_trace(session)));
    }
    sim_snapshot_free(first);
    sim_snapshot_free(second);
    sim_session_free(session);
    sim_trace_free(&whole);
    sim_scenario_free(scenario, 1);
}

static void taking_a_snapshot_does_not_disturb_the_run(void)
{
    struct sim_scenario *scenario;
    struct sim_error error = {0};
    struct sim_trace whole = {0};
    scenarios_load(writing, &scenario);
    CU_ASSERT_FATAL(sim_run_scenario(scenario, &whole, &error));
    struct sim_session *session = sim_session_new(scenario, &error);
    CU_ASSERT_FATAL(session != NULL);
    while (!sim_session_run(session, UINT64_MAX, 37))
        sim_snapshot_free(sim_snapshot_take(session));
    CU_ASSERT(same(&whole, sim_session_trace(session)));
    CU_ASSERT_PTR_NULL(sim_snapshot_take(session));
    sim_session_free(session);
    sim_trace_free(&whole);
    sim_scenario_free(scenario, 1);
}

/* A file with a snapshot of `writing` in mid-run, and the trace of the whole run. */
static void make_file(char *path, struct sim_trace *whole)
{
    struct sim_scenario *scenario;
    struct sim_error error = {0};
    const int file = mkstemp(path);
    CU_ASSERT_FATAL(file >= 0);
    close(file);
    scenarios_load(writing, &scenario);
    CU_ASSERT_FATAL(sim_run_scenario(scenario, whole, &error));
    struct sim_session *session = sim_session_new(scenario, &error);
    CU_ASSERT_FATAL(session != NULL);
    CU_ASSERT_FALSE(sim_session_run(session, UINT64_MAX, 1234));
    struct sim_snapshot *snapshot = sim_snapshot_take(session);
    CU_ASSERT_FATAL(snapshot != NULL);
    const bool written = sim_snapshot_write(snapshot, scenario, path, &error);
    if (!written)
        printf("%s: %s\n", error.file, error.message);
    CU_ASSERT_FATAL(written);
    sim_snapshot_free(snapshot);
    sim_session_free(session);
    sim_scenario_free(scenario, 1);
}

static void a_file_stands_alone(void)
{
    char path[] = "/tmp/vmxbench-snapshot.XXXXXX";
    struct sim_trace whole = {0};
    struct sim_error error = {0};
    struct sim_scenario *scenario;
    make_file(path, &whole);
    struct sim_session *session = sim_snapshot_read(path, &scenario, &error);
    if (session == NULL)
        printf("%s: %s\n", error.file, error.message);
    CU_ASSERT_FATAL(session != NULL);
    CU_ASSERT_STRING_EQUAL(scenario->name, "writing");
    CU_ASSERT(sim_session_run(session, UINT64_MAX, UINT64_MAX));
    CU_ASSERT(same(&whole, sim_session_trace(session)));
    sim_session_free(session);
    sim_scenario_free(scenario, 1);
    sim_trace_free(&whole);
    unlink(path);
}

static size_t read_bytes(const char *path, uint8_t **bytes)
{
    struct stat status;
    FILE *from = fopen(path, "rb");
    CU_ASSERT_FATAL(from != NULL && fstat(fileno(from), &status) == 0);
    *bytes = malloc((size_t)status.st_size);
    CU_ASSERT_FATAL(*bytes != NULL && fread(*bytes, 1, (size_t)status.st_size, from) == (size_t)status.st_size);
    fclose(from);
    return (size_t)status.st_size;
}

static bool refused(const char *path, const uint8_t *bytes, size_t size, const char *why)
{
    struct sim_scenario *scenario = NULL;
    struct sim_error error = {0};
    FILE *to = fopen(path, "wb");
    CU_ASSERT_FATAL(to != NULL && fwrite(bytes, 1, size, to) == size && fclose(to) == 0);
    struct sim_session *session = sim_snapshot_read(path, &scenario, &error);
    const bool as_wanted = session == NULL && scenario == NULL && strstr(error.message, why) != NULL && strcmp(error.file, path) == 0;
    if (!as_wanted)
        printf("wanted '%s', got '%s: %s'\n", why, error.file, session == NULL ? error.message : "a session");
    if (session != NULL)
        sim_session_free(session);
    return as_wanted;
}

static void damaged_files_are_refused(void)
{
    char path[] = "/tmp/vmxbench-snapshot.XXXXXX";
    struct sim_trace whole = {0};
    struct random random = {.state = 3};
    uint8_t *bytes;
    make_file(path, &whole);
    const size_t size = read_bytes(path, &bytes);
    CU_ASSERT(refused(path, bytes, 0, "no snapshot"));
    CU_ASSERT(refused(path, (const uint8_t *)"VMXT, but no snapshot at all, which is plain to see", 51, "no snapshot"));
    CU_ASSERT(refused(path, bytes, 20, "cut off"));
    CU_ASSERT(refused(path, bytes, size - 1, "cut off"));
    bytes[8]++;
    CU_ASSERT(refused(path, bytes, size, "another version"));
    bytes[8]--;
    for (unsigned i = 0; i < 40; i++) {
        const size_t at = 32 + random_next(&random) % (size - 32);
        bytes[at] ^= 1;
        CU_ASSERT(refused(path, bytes, size, "damaged"));
        bytes[at] ^= 1;
    }
    free(bytes);
    sim_trace_free(&whole);
    unlink(path);
}

/* The checksum is right, what it covers is not: whatever comes of it, it is an error or a run, and no access outside. */
static void malformed_files_do_no_harm(void)
{
    enum { HEADER = 32, CRC = 24, PART = 3000 };
    char path[] = "/tmp/vmxbench-snapshot.XXXXXX";
    struct sim_trace whole = {0};
    struct random random = {.state = 5};
    uint8_t *bytes;
    make_file(path, &whole);
    const size_t size = read_bytes(path, &bytes);
    for (unsigned i = 0; i < 60; i++) {
        const size_t at = HEADER + random_next(&random) % (size < PART + HEADER ? size - HEADER : PART);
        const uint8_t before = bytes[at];
        struct sim_scenario *scenario;
        struct sim_error error = {0};
        bytes[at] = (uint8_t)random_next(&random);
        const uint32_t crc = bench_crc32(0, bytes + HEADER, size - HEADER);
        memcpy(bytes + CRC, &crc, sizeof crc);
        FILE *to = fopen(path, "wb");
        CU_ASSERT_FATAL(to != NULL && fwrite(bytes, 1, size, to) == size && fclose(to) == 0);
        struct sim_session *session = sim_snapshot_read(path, &scenario, &error);
        CU_ASSERT(session != NULL || error.message[0] != '\0');
        if (session != NULL) {
            (void)sim_session_run(session, 1000, 100000);
            sim_session_free(session);
            sim_scenario_free(scenario, 1);
        }
        bytes[at] = before;
    }
    free(bytes);
    sim_trace_free(&whole);
    unlink(path);
}

SUITE("sim/snapshot", {"exits_in_pieces_give_the_same_trace", exits_in_pieces_give_the_same_trace},
      {"rules_in_pieces_give_the_same_trace", rules_in_pieces_give_the_same_trace},
      {"failing_entries_in_pieces_give_the_same_trace", failing_entries_in_pieces_give_the_same_trace},
      {"floating_point_state_is_kept", floating_point_state_is_kept}, {"a_session_goes_back_again_and_again", a_session_goes_back_again_and_again},
      {"taking_a_snapshot_does_not_disturb_the_run", taking_a_snapshot_does_not_disturb_the_run}, {"a_file_stands_alone", a_file_stands_alone},
      {"damaged_files_are_refused", damaged_files_are_refused}, {"malformed_files_do_no_harm", malformed_files_do_no_harm})
