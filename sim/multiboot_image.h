/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a multiboot image asks for, read from its bytes. */
#ifndef SIM_MULTIBOOT_IMAGE_H
#define SIM_MULTIBOOT_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

enum { MULTIBOOT_SEGMENTS_MAX = 32 };

struct multiboot_segment {
    uint64_t from;         /* in the file */
    uint64_t file_bytes;   /* to copy, */
    uint64_t memory_bytes; /* and with zeros behind them */
    uint64_t address;      /* physical */
};

struct multiboot_image {
    struct multiboot_segment segment[MULTIBOOT_SEGMENTS_MAX];
    unsigned segments;
    uint32_t entry;
    uint64_t end; /* of the highest segment in memory */
};

/* NULL, or why the file is no image that can be started. */
const char *multiboot_read_image(const uint8_t *bytes, uint64_t size, struct multiboot_image *image);

#endif
