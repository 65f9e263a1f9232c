/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Snapshots in files: a header { "VMXBSNAP", u32 version, u32 fields of a VMCS, u64 bytes in all, u32 CRC-32 of what follows, u32 0 }, then the scenario, the
   trace so far, the state, and the pages of RAM that are not zero. Numbers are little-endian. */
#include "snapshot_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static const char scenario_magic[8] = {'V', 'M', 'X', 'B', 'S', 'N', 'A', 'P'};
enum { HEADER_BYTES = 32, CRC_AT = 24, MAGIC_BYTES = 8 };
#define FILE_BYTES_MAX (UINT64_C(1) << 36)

/* ---- both ways ---- */
static void header(struct archive *a, const char magic[8], uint64_t *total, uint32_t *crc)
{
    char found[MAGIC_BYTES];
    uint32_t version = SNAPSHOT_VERSION, fields = VMCS_FIELD_COUNT, zero = 0;
    memcpy(found, magic, MAGIC_BYTES);
    archive_bytes(a, found, MAGIC_BYTES);
    archive_u32(a, &version);
    archive_u32(a, &fields);
    archive_u64(a, total);
    archive_u32(a, crc);
    archive_u32(a, &zero);
    if (memcmp(found, magic, MAGIC_BYTES) != 0)
        archive_fail(a, "it is no snapshot of vmxbench");
    else if (version != SNAPSHOT_VERSION || fields != VMCS_FIELD_COUNT)
        archive_fail(a, "another version of vmxbench wrote it; take the snapshot again with this one");
}

void snapshot_pages(struct archive *a, struct sim_ram_image *ram)
{
    uint64_t all = ram->pages;
    uint32_t count = ram->count;
    archive_mark(a, "ram ");
    archive_u64(a, &all);
    archive_u32(a, &count);
    if (a->reading) {
        const bool possible = a->wrong == NULL && all <= UINT32_MAX && count <= (a->size - a->at) / (SIM_PAGE + sizeof(uint32_t));
        if (!possible || !snapshot_ram_reserve(ram, all, count)) {
            archive_fail(a, possible ? "out of memory" : "the data end too early");
            return;
        }
        ram->count = count;
    }
    for (uint32_t i = 0; i < ram->count; i++) {
        ARCHIVE_BELOW(a, ram->number[i], all);
        archive_bytes(a, ram->content + (size_t)i * SIM_PAGE, SIM_PAGE);
        ram->slot[ram->number[i]] = i + 1;
    }
}

static void body(struct archive *a, struct sim_snapshot *s, struct sim_scenario *scenario)
{
    snapshot_scenario(a, scenario);
    s->trace.bytes = snapshot_block(a, s->trace.bytes, &s->trace.size);
    s->state.bytes = snapshot_block(a, s->state.bytes, &s->state.size);
    snapshot_pages(a, &s->ram);
}

/* ---- files ---- */
static bool fail(struct sim_error *error, const char *path, const char *what, const char *why)
{
    *error = (struct sim_error){0};
    snprintf(error->file, sizeof error->file, "%s", path);
    snprintf(error->message, sizeof error->message, "%s: %s", what, why);
    return false;
}

static bool write_file(const char *path, const struct archive *a, struct sim_error *error)
{
    FILE *to = fopen(path, "wb");
    bool written = to != NULL && fwrite(a->bytes, 1, a->size, to) == a->size;
    const int number = errno;
    if (to != NULL)
        written = fclose(to) == 0 && written;
    return written || fail(error, path, "the snapshot cannot be written", strerror(number));
}

void snapshot_header(struct archive *a, const char magic[8])
{
    uint64_t total = 0;
    uint32_t crc = 0;
    header(a, magic, &total, &crc);
}

bool snapshot_file_write(struct archive *a, const char *path, struct sim_error *error)
{
    if (a->wrong != NULL)
        return fail(error, path, "the snapshot cannot be written", a->wrong);
    const uint64_t total = a->size;
    const uint32_t crc = bench_crc32(0, a->bytes + HEADER_BYTES, a->size - HEADER_BYTES);
    memcpy(a->bytes + CRC_AT - sizeof total, &total, sizeof total);
    memcpy(a->bytes + CRC_AT, &crc, sizeof crc);
    return write_file(path, a, error);
}

bool sim_snapshot_write(const struct sim_snapshot *snapshot, const struct sim_scenario *scenario, const char *path, struct sim_error *error)
{
    struct archive a = {0};
    /* Writing changes neither; the fields are named for both ways. */
    struct sim_snapshot from = *snapshot;
    struct sim_scenario of = *scenario;
    snapshot_header(&a, scenario_magic);
    body(&a, &from, &of);
    const bool good = snapshot_file_write(&a, path, error);
    free(a.bytes);
    return good;
}

bool snapshot_file_claims(const char *path, const char magic[8])
{
    char found[MAGIC_BYTES];
    FILE *from = fopen(path, "rb");
    const bool claims = from != NULL && fread(found, 1, sizeof found, from) == sizeof found && memcmp(found, magic, sizeof found) == 0;
    if (from != NULL)
        fclose(from);
    return claims;
}

bool sim_snapshot_is_file(const char *path)
{
    return snapshot_file_claims(path, scenario_magic);
}

static bool read_file(const char *path, struct archive *a, struct sim_error *error)
{
    FILE *from = fopen(path, "rb");
    *a = (struct archive){0};
    size_t got = 1;
    while (from != NULL && got != 0 && a->size < FILE_BYTES_MAX) {
        enum { PIECE = 1 << 20 };
        if (a->capacity - a->size < PIECE && !archive_grow(a, PIECE))
            break;
        got = fread(a->bytes + a->size, 1, PIECE, from);
        a->size += got;
    }
    const bool good = from != NULL && a->wrong == NULL && !ferror(from);
    const int number = errno;
    if (from != NULL)
        fclose(from);
    a->reading = true;
    return good || fail(error, path, "the snapshot cannot be read", a->wrong != NULL ? a->wrong : strerror(number));
}

/* Header and checksum. */
static bool check_file(const char *path, const char magic[8], struct archive *a, struct sim_error *error)
{
    static const char what[] = "the snapshot cannot be used";
    uint64_t total = 0;
    uint32_t crc = 0;
    if (a->size < HEADER_BYTES)
        return fail(error, path, what,
                    a->size < MAGIC_BYTES || memcmp(a->bytes, magic, MAGIC_BYTES) != 0 ? "it is no snapshot of vmxbench" : "it is cut off");
    header(a, magic, &total, &crc);
    if (a->wrong != NULL)
        return fail(error, path, what, a->wrong);
    if (total != a->size)
        return fail(error, path, what, total > a->size ? "it is cut off" : "there is more in it than belongs there");
    return bench_crc32(0, a->bytes + HEADER_BYTES, a->size - HEADER_BYTES) == crc || fail(error, path, what, "it is damaged (CRC-32)");
}

bool snapshot_file_read(struct archive *a, const char *path, const char magic[8], struct sim_error *error)
{
    return read_file(path, a, error) && check_file(path, magic, a, error);
}

static struct sim_session *open_session(struct archive *a, struct sim_snapshot *snapshot, struct sim_scenario *scenario, const char *path,
                                        struct sim_error *error)
{
    snapshot->number = snapshot_number();
    body(a, snapshot, scenario);
    if (a->wrong == NULL && a->at != a->size)
        archive_fail(a, "there is more in it than belongs there");
    if (a->wrong != NULL) {
        (void)fail(error, path, "the snapshot cannot be used", a->wrong);
        return NULL;
    }
    struct sim_session *session = sim_session_new(scenario, error);
    if (session == NULL || sim_snapshot_restore(snapshot, session, error))
        return session;
    snprintf(error->file, sizeof error->file, "%s", path); /* not that of the scenario */
    error->line = 0;
    sim_session_free(session);
    return NULL;
}

struct sim_session *sim_snapshot_read(const char *path, struct sim_scenario **scenario, struct sim_error *error)
{
    struct archive a = {0};
    struct sim_session *session = NULL;
    struct sim_snapshot *snapshot = calloc(1, sizeof *snapshot);
    *scenario = calloc(1, sizeof **scenario);
    if (snapshot == NULL || *scenario == NULL)
        (void)fail(error, path, "the snapshot cannot be read", "out of memory");
    else if (snapshot_file_read(&a, path, scenario_magic, error))
        session = open_session(&a, snapshot, *scenario, path, error);
    free(a.bytes);
    sim_snapshot_free(snapshot);
    if (session == NULL && *scenario != NULL) {
        sim_scenario_free(*scenario, 1);
        *scenario = NULL;
    }
    return session;
}
