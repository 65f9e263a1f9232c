/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading and writing whole files. */
#ifndef TOOLS_FILES_H
#define TOOLS_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The whole file in memory of the caller's; a terminating zero follows the last byte. False: errno says why. */
bool file_read(const char *path, uint8_t **bytes, size_t *size);
/* Writes a file whole or not at all: beside it first, then renamed. "-" is standard output; into a device or a pipe it goes as it is. False: errno says
   why and nothing is left behind. */
bool file_write(const char *path, const void *bytes, size_t size);

/* Would file_write() find the folder that it needs? For those who have long work before they write. False: errno says why not. */
bool file_can_be_written(const char *path);

#endif
