/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of snapshots share. Each snapshot_*() names the fields of its structure for both ways; whoever adds a field there meets an assertion
   about the structure's size here, adds the field to the list and, as the format changes, one to SNAPSHOT_VERSION. */
#ifndef SIM_SNAPSHOT_INTERNAL_H
#define SIM_SNAPSHOT_INTERNAL_H

#include "archive.h"
#include "session_internal.h"
#include "snapshot.h"

enum { SNAPSHOT_VERSION = 14 };

/* A size that differs means that a field came or went. */
#define SNAPSHOT_COVERS(type, bytes) _Static_assert(sizeof(type) == (bytes), "the snapshot has to name every field of " #type)

/* Pages of RAM that are not all zeros. */
struct sim_ram_image {
    uint64_t pages;   /* of RAM */
    uint32_t *slot;   /* of each page: 1 + where it stands in `content`, in pages; 0: it is all zeros */
    uint32_t *number; /* of each page in `content` */
    uint32_t count;
    uint8_t *content;
};

struct sim_snapshot {
    uint64_t number; /* as in struct sim_ram_log; every snapshot of the process has its own */
    struct archive state;
    struct sim_ram_image ram;
    struct sim_trace trace;
};

/* One that no snapshot of this process has had. */
uint64_t snapshot_number(void);

/* snapshot_model.c */
void snapshot_state(struct archive *a, struct vmx_state *s);
void snapshot_cpu(struct archive *a, struct vmx_cpu *cpu, uint8_t *ram, uint64_t ram_size);
/* snapshot_machine.c: all of it but RAM */
void snapshot_machine(struct archive *a, struct bk_machine *machine);
/* snapshot_devices.c */
void snapshot_devices(struct archive *a, struct hv_device_set *set);
/* snapshot_bench.c */
void snapshot_bench(struct archive *a, struct sim_session *session);

/* snapshot_ram.c */
bool snapshot_ram_take(struct sim_ram_image *image, struct bk_machine *machine);
void snapshot_ram_restore(const struct sim_ram_image *image, struct bk_machine *machine, uint64_t number);
bool snapshot_ram_reserve(struct sim_ram_image *image, uint64_t pages, uint32_t count);
void snapshot_ram_free(struct sim_ram_image *image);

#endif
