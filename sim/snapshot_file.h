/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files that write and read snapshot files share. */
#ifndef SIM_SNAPSHOT_FILE_H
#define SIM_SNAPSHOT_FILE_H

#include "snapshot_internal.h"

/* A number of bytes, then the bytes. Reading: new memory, which has a zero behind them; NULL after trouble. */
void *snapshot_block(struct archive *a, void *bytes, size_t *size);
/* The header of a file that begins with this magic; what it says of the file's size and checksum is filled in at the end. */
void snapshot_header(struct archive *a, const char magic[8]);
/* Completes the header and writes the file, if nothing went wrong so far. */
bool snapshot_file_write(struct archive *a, const char *path, struct sim_error *error);
/* Reads the file and checks its header; the archive stands behind it. Its bytes are the caller's to free in any case. */
bool snapshot_file_read(struct archive *a, const char *path, const char magic[8], struct sim_error *error);
bool snapshot_file_claims(const char *path, const char magic[8]);
void snapshot_pages(struct archive *a, struct sim_ram_image *ram);
/* Reading fills a zeroed one. */
void snapshot_scenario(struct archive *a, struct sim_scenario *scenario);

#endif
