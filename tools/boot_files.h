/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files that `vmxbench boot` starts from, in memory. */
#ifndef TOOLS_BOOT_FILES_H
#define TOOLS_BOOT_FILES_H

#include "boot_request.h"

struct boot_file {
    uint8_t *bytes;
    size_t size;
};

struct boot_files {
    struct boot_file bios, kernel, module[MULTIBOOT_MODULES_MAX];
    struct multiboot_file modules[MULTIBOOT_MODULES_MAX];
    char *command_line;                 /* the image's name, then --append, as loaders give it */
    struct multiboot_request multiboot; /* points into the above and into the request */
};

/* False after a complaint of one line. Images that gzip has packed are unpacked. boot_free() in any case. */
bool boot_read(const struct boot_request *request, struct boot_files *files);
void boot_free(struct boot_files *files);

#endif
