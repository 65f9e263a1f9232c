/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Temporary files and folders, where TMPDIR says, else in /tmp. */
#ifndef SIM_TEMPORARY_H
#define SIM_TEMPORARY_H

#include <stdbool.h>
#include <stddef.h>

/* Room for the path of one, and of a file in such a folder under a name of up to 32 bytes. */
enum { TEMPORARY_BYTES = 4096, TEMPORARY_INSIDE_BYTES = TEMPORARY_BYTES + 34 };

/* Makes an empty folder, which the caller removes. False: `why` names the place and says what is wrong with it. */
bool temporary_folder(char path[TEMPORARY_BYTES], char *why, size_t why_size);
/* Makes an empty file, which the caller removes: a descriptor that is open for reading and writing; -1 as above. */
int temporary_file(char path[TEMPORARY_BYTES], char *why, size_t why_size);

#endif
