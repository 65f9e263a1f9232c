/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sound inputs of every kind that the command reads, and what random damage makes of them. */
#define _DEFAULT_SOURCE
#include "input.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guest_stream.h"
#include "handlers/bench/bench.h"
#include "handlers/bench/packed.h"
#include "sim/multiboot.h"
#include "sim/scenario.h"
#include "sim/snapshot.h"
#include "sim/snapshot_bare.h"
#include "tests/support/exact.h"

enum { INSTRUCTIONS = 300, PATH_BYTES = 512, DUMP_BYTES = 1 << 14, RAM = 8 << 20, SNAPSHOT_CRC_AT = 24, SNAPSHOT_HEADER = 32, RESIZED_MAX = 64 };

const char *const input_kind_names[INPUT_KINDS] = {"trace", "packed", "snapshot", "bare snapshot", "dump", "script", "image", "profile"};

static bool take(struct input *input, const void *bytes, size_t size)
{
    input->bytes = malloc(size + 1);
    if (input->bytes == NULL)
        abort();
    memcpy(input->bytes, bytes, size);
    input->bytes[size] = 0;
    input->size = size;
    return true;
}

static bool take_file(struct input *input, const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return false;
    bool good = fseek(file, 0, SEEK_END) == 0;
    const long size = ftell(file);
    good = good && size > 0 && fseek(file, 0, SEEK_SET) == 0;
    input->bytes = calloc(1, good ? (size_t)size + 1 : 1);
    if (input->bytes == NULL)
        abort();
    input->size = good ? fread(input->bytes, 1, (size_t)size, file) : 0;
    fclose(file);
    return good && input->size == (size_t)size;
}

/* ---- what a run leaves ---- */
static struct stream stream;

static bool make_packed(struct random *random, struct input *input)
{
    stream_make(&stream, random_below(random, 4096), random_below(random, 2) == 0 ? STREAM_SOUND : STREAM_WILD, INSTRUCTIONS);
    return take(input, stream.packed, stream.size);
}

static bool make_trace(struct random *random, struct input *input)
{
    struct exact_run run;
    stream_make(&stream, random_below(random, 4096), STREAM_SOUND, INSTRUCTIONS);
    const struct exact_input how = {.packed = stream.packed, .packed_size = stream.size, .guest_bytes = STREAM_GUEST_BYTES, .vcpus = 1};
    exact_run(&how, 0, &run);
    const bool good = run.good && take(input, run.trace, run.trace_size);
    exact_free(&run);
    return good;
}

static bool make_snapshot(struct random *random, const char *path, struct input *input)
{
    static struct sim_scenario *scenarios; /* kept: assembling it takes long */
    static size_t count;
    struct sim_error error;
    if (scenarios == NULL && !sim_scenario_load(SCENARIOS "/rules/interrupt_sources.lua", NULL, 0, &scenarios, &count, &error))
        return false;
    struct sim_scenario *scenario = &scenarios[random_below(random, (unsigned)count)];
    struct sim_session *session = sim_session_new(scenario, &error);
    if (session == NULL)
        return false;
    struct sim_snapshot *snapshot = sim_session_run(session, UINT64_MAX, random_below(random, 20)) ? NULL : sim_snapshot_take(session);
    const bool good = snapshot == NULL || sim_snapshot_write(snapshot, scenario, path, &error);
    sim_snapshot_free(snapshot);
    sim_session_free(session);
    return good && (snapshot != NULL ? take_file(input, path) : take(input, "VMXBSNAP", 8));
}

static bool kernel(struct random *random, struct input *input)
{
    static const char *const names[] = {"smp-64", "apic-32", "transitions-64", "delivery-36"};
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/%s.bin", KERNELS, names[random_below(random, sizeof names / sizeof names[0])]);
    return take_file(input, path);
}

static bool make_bare_snapshot(struct random *random, const char *path, struct input *input)
{
    char why[MULTIBOOT_ERROR_BYTES];
    const char *message;
    struct sim_error error;
    unsigned status;
    bool over = false;
    struct input image;
    struct sim_board_trace trace = {.machine = NULL};
    const struct sim_bare_trace none = {.trace = &trace};
    const struct sim_bare_options options = {.ram_bytes = RAM, .cpus = 1 + random_below(random, 2), .limit = 1000000};
    if (!kernel(random, &image))
        return false;
    struct bk_machine *machine = sim_bare_new(&options, &message);
    const struct multiboot_request request = {.kernel = {image.bytes, image.size, ""}};
    bool good = machine != NULL && sim_multiboot_load(machine, &request, why);
    if (good) {
        machine->pause = 1000 + random_below(random, 20000);
        over = sim_bare_run(machine, &status) != SIM_BOARD_PAUSED;
        good = over || sim_bare_snapshot_write(machine, &none, path, &error);
    }
    if (machine != NULL)
        sim_machine_free(machine);
    free(image.bytes);
    return good && (over ? take(input, "VMXBBARE", 8) : take_file(input, path));
}

/* ---- texts ---- */
static bool make_dump(struct random *random, struct input *input)
{
    enum { GUEST, HOST, CONTROL };
    static const struct {
        unsigned section;
        const char *format;
    } items[] = {
#define DUMP(section, before, digits, symbol, after) {section, before "%0" digits PRIx64 after},
#include "vmx-model/vmcs_dump.def"
#undef DUMP
    };
    static const char *const titles[] = {"*** Guest State ***\n", "*** Host State ***\n", "*** Control State ***\n"};
    char text[DUMP_BYTES];
    size_t size = (size_t)snprintf(text, sizeof text, "VMCS 0000000011223344, last attempted VM-entry on CPU 1\n");
    for (unsigned i = 0; i < sizeof items / sizeof items[0]; i++) {
        if (i == 0 || items[i].section != items[i - 1].section)
            size += (size_t)snprintf(text + size, sizeof text - size, "%s", titles[items[i].section]);
        size += (size_t)snprintf(text + size, sizeof text - size, items[i].format, random_next(random));
    }
    return take(input, text, size);
}

static bool make_script(struct random *random, struct input *input)
{
    static const char *const names[] = {"rules/io_bitmaps",  "rules/ipis",       "exits/ept_violation", "rules/interrupt_sources",
                                        "entry/guest_state", "rules/msr_store",  "exits/cr_access",     "workloads/tunable",
                                        "rules/vcpus",       "exits/task_switch"};
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/%s.lua", SCENARIOS, names[random_below(random, sizeof names / sizeof names[0])]);
    return take_file(input, path);
}

static bool make_profile(struct random *random, struct input *input)
{
    char text[DUMP_BYTES];
    size_t size = 0;
    const struct vmx_caps *caps = &vmx_profiles[random_below(random, vmx_profile_count)];
    uint64_t value;
    uint32_t sum = 0;
    for (uint32_t msr = 0x480; msr <= 0x491; msr++) {
        if (!vmx_capability_msr(caps, msr, &value))
            continue;
        const uint32_t words[] = {msr, (uint32_t)value, (uint32_t)(value >> 32)};
        size += (size_t)snprintf(text + size, sizeof text - size, "profile msr %08" PRIx32 " %016" PRIx64 "\n", msr, value);
        sum = bench_crc32(sum, words, sizeof words);
    }
    for (unsigned i = 0; i < caps->cpuid_count && size < sizeof text - PATH_BYTES; i++) {
        const struct vmx_cpuid_entry *e = &caps->cpuid[i];
        size += (size_t)snprintf(text + size, sizeof text - size,
                                 "profile cpuid %08" PRIx32 " %08" PRIx32 " %08" PRIx32 " %08" PRIx32 " %08" PRIx32 " %08" PRIx32 "\n", e->leaf,
                                 e->subleaf, e->eax, e->ebx, e->ecx, e->edx);
        sum = bench_crc32(sum, (uint32_t[]){e->leaf, e->subleaf, e->eax, e->ebx, e->ecx, e->edx}, 6 * sizeof sum);
    }
    size += (size_t)snprintf(text + size, sizeof text - size, "profile sum %08" PRIx32 "\n", sum);
    return take(input, text, size);
}

bool input_make(enum input_kind kind, struct random *random, const char *folder, struct input *input)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%s/sound", folder);
    *input = (struct input){NULL, 0};
    switch (kind) {
    case INPUT_TRACE:
        return make_trace(random, input);
    case INPUT_PACKED:
        return make_packed(random, input);
    case INPUT_SNAPSHOT:
        return make_snapshot(random, path, input);
    case INPUT_BARE_SNAPSHOT:
        return make_bare_snapshot(random, path, input);
    case INPUT_DUMP:
        return make_dump(random, input);
    case INPUT_SCRIPT:
        return make_script(random, input);
    case INPUT_IMAGE:
        return random_below(random, 2) == 0 ? take_file(input, ELF_IMAGE) : kernel(random, input);
    case INPUT_PROFILE:
        return make_profile(random, input);
    case INPUT_KINDS:
        break;
    }
    return false;
}

/* ---- damage ---- */
static void change(struct random *random, struct input *input, size_t at)
{
    static const uint8_t edges[] = {0, 1, 0x7f, 0x80, 0xff, ' ', '{', '}', '0', '9', '-', '\n'};
    switch (random_below(random, 4)) {
    case 0:
        input->bytes[at] ^= (uint8_t)(1u << random_below(random, 8));
        break;
    case 1:
        input->bytes[at] = edges[random_below(random, sizeof edges)];
        break;
    case 2: {
        const uint64_t number = random_next(random) >> random_below(random, 64);
        memcpy(input->bytes + at, &number, input->size - at < sizeof number ? input->size - at : sizeof number);
        break;
    }
    default:
        memset(input->bytes + at, random_below(random, 2) == 0 ? 0xff : 0, input->size - at < 4 ? input->size - at : 4);
    }
}

/* Leaves some bytes out, or has some twice. */
static void resize(struct random *random, struct input *input, size_t at)
{
    const size_t rest = input->size - at, size = 1 + random_below(random, rest < RESIZED_MAX ? (unsigned)rest : RESIZED_MAX);
    if (random_below(random, 2) == 0) {
        memmove(input->bytes + at, input->bytes + at + size, rest - size);
        input->size -= size;
        return;
    }
    input->bytes = realloc(input->bytes, input->size + size + 1);
    if (input->bytes == NULL)
        abort();
    memmove(input->bytes + at + size, input->bytes + at, rest);
    input->size += size;
}

static void put(struct input *input, size_t at, const void *value, size_t size)
{
    if (at + size <= input->size)
        memcpy(input->bytes + at, value, size);
}

static void mend_checksum(enum input_kind kind, struct input *input)
{
    const bool packed = kind == INPUT_PACKED;
    const size_t header = packed ? PACKED_HEADER_BYTES : SNAPSHOT_HEADER;
    if (input->size < header || (!packed && kind != INPUT_SNAPSHOT && kind != INPUT_BARE_SNAPSHOT))
        return;
    const uint32_t crc = bench_crc32(0, input->bytes + header, input->size - header), size = (uint32_t)input->size;
    const uint64_t size_64 = size;
    put(input, packed ? 8 : SNAPSHOT_CRC_AT - sizeof size_64, packed ? (const void *)&size : &size_64, packed ? sizeof size : sizeof size_64);
    put(input, packed ? 12 : SNAPSHOT_CRC_AT, &crc, sizeof crc);
}

/* Most damage near the start, where headers and counts are. */
static size_t place(struct random *random, const struct input *input)
{
    const unsigned within = random_below(random, 3) == 0 ? 0x200 : UINT32_MAX;
    const size_t limit = input->size < within ? input->size : within;
    return (size_t)(random_next(random) % limit);
}

void input_damage(enum input_kind kind, struct random *random, struct input *input)
{
    /* most of what changes in a text makes it no text of its language */
    for (unsigned i = 1 + random_below(random, kind == INPUT_SCRIPT ? 1 : 6); i > 0 && input->size != 0; i--) {
        if (random_below(random, 4) != 0)
            change(random, input, place(random, input));
        else
            resize(random, input, place(random, input));
    }
    if (random_below(random, 16) == 0)
        input->size = input->size != 0 ? place(random, input) : 0;
    if (random_below(random, 16) != 0)
        mend_checksum(kind, input);
    input->bytes[input->size] = 0;
}
