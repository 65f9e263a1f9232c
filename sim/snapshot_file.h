/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files that write and read snapshot files share. */
#ifndef SIM_SNAPSHOT_FILE_H
#define SIM_SNAPSHOT_FILE_H

#include "snapshot_internal.h"

/* A number of bytes, then the bytes. Reading: new memory, which has a zero behind them; NULL after trouble. */
void *snapshot_block(struct archive *a, void *bytes, size_t *size);
/* Reading fills a zeroed one. */
void snapshot_scenario(struct archive *a, struct sim_scenario *scenario);

#endif
